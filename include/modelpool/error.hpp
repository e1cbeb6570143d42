// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

/// The errors that this library throws. docs/errors.md has one entry for each code: cause, and what to do.
///
/// A message is one line that says what is wrong, where, and what to do next; the data members carry the same facts for
/// programs. The errors of the pool, which carry its counts, are in pool/errors.hpp.
namespace modelpool {

/// Base of everything that this library throws on purpose.
class Error : public std::runtime_error {
 public:
  Error(std::string_view code, const std::string& message);
  ~Error() override;

  /// Stable identifier in snake_case, for programs and for the `error.code` field of the command line's JSON.
  [[nodiscard]] std::string_view code() const noexcept { return code_; }

 private:
  std::string_view code_;  // always a literal
};

/// An option or a setting that cannot be used: a wrong name, type or range.
class InvalidOptions : public Error {
 public:
  static constexpr std::string_view kCode = "invalid_options";
  /// @param field  name of the option as its user writes it, for example "max_size"
  /// @param value  what was given, as text
  /// @param bound  what would be accepted, for example "at least 1"
  InvalidOptions(std::string field, std::string value, std::string bound);
  ~InvalidOptions() override;
  std::string field;
  std::string value;
  std::string bound;
};

/// One input of a request cannot be processed (invalid UTF-8, too long, not a number …). The instance that met it is
/// kept, and the other inputs of the call are unaffected.
class InvalidInput : public Error {
 public:
  static constexpr std::string_view kCode = "invalid_input";
  /// @param byte_offset  where in the input, in bytes from its start, when known
  explicit InvalidInput(const std::string& message, std::optional<std::size_t> byte_offset = std::nullopt);
  ~InvalidInput() override;
  std::optional<std::size_t> byte_offset;
  std::optional<std::size_t> index;  ///< which input of the call, when it had several
};

/// A file of a model folder cannot be read as what it should be.
class LoadError : public Error {
 public:
  static constexpr std::string_view kCode = "load_error";
  /// @param file         path as the user gave it, or below it
  /// @param item         tensor name or configuration key; empty when the file as a whole is meant
  /// @param byte_offset  place in the file, when known
  /// @param problem      what is wrong and what to do, without the place
  LoadError(std::string file, std::string item, std::optional<std::uint64_t> byte_offset, const std::string& problem);
  ~LoadError() override;
  std::string file;
  std::string item;
  std::optional<std::uint64_t> byte_offset;
};

/// The folder is sound, but holds a model, tokenizer or module that this version does not run.
class UnsupportedModel : public Error {
 public:
  static constexpr std::string_view kCode = "unsupported_model";
  /// @param what       the kind of thing, for example "model_type"
  /// @param requested  what the folder asks for
  /// @param supported  what there is instead
  UnsupportedModel(std::string file, std::string what, std::string requested, std::vector<std::string> supported);
  ~UnsupportedModel() override;
  std::string file;
  std::string what_is_unsupported;
  std::string requested;
  std::vector<std::string> supported;
};

/// A request's deadline passed after it had left the pool's queue (in the queue it is AcquireTimeout).
class DeadlineExceeded : public Error {
 public:
  static constexpr std::string_view kCode = "deadline_exceeded";
  explicit DeadlineExceeded(const std::string& message);
  ~DeadlineExceeded() override;
};

/// The request's std::stop_token was triggered.
class Cancelled : public Error {
 public:
  static constexpr std::string_view kCode = "cancelled";
  explicit Cancelled(const std::string& message);
  ~Cancelled() override;
};

/// A device or the host had no room for what was asked.
class OutOfMemory : public Error {
 public:
  static constexpr std::string_view kCode = "out_of_memory";
  /// @param requested_bytes, free_bytes  in bytes; nullopt where the allocator does not tell
  OutOfMemory(std::string device, std::optional<std::uint64_t> requested_bytes,
              std::optional<std::uint64_t> free_bytes);
  ~OutOfMemory() override;
  std::string device;
  std::optional<std::uint64_t> requested_bytes;
  std::optional<std::uint64_t> free_bytes;
};

/// The device asked for is not there, or failed.
class DeviceError : public Error {
 public:
  static constexpr std::string_view kCode = "device_error";
  DeviceError(std::string device, const std::string& message);
  ~DeviceError() override;
  std::string device;
};

}  // namespace modelpool
