// SPDX-License-Identifier: Apache-2.0
#include "modelpool/error.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <utility>

#include "base/escape.hpp"

namespace modelpool {
namespace {

constexpr std::size_t kMostOfName = 200;  // names of tensors and keys are a few dozen bytes long

std::string load_error_message(const std::string& file, const std::string& item, std::optional<std::uint64_t> offset,
                               const std::string& problem) {
  std::string message = file;
  if (!item.empty()) message += fmt::format(": {}", escaped(item, kMostOfName));
  if (offset) message += fmt::format(": byte {}", *offset);
  return message + ": " + problem;
}

std::string out_of_memory_message(const std::string& device, std::optional<std::uint64_t> requested,
                                  std::optional<std::uint64_t> free) {
  std::string message = fmt::format("{} is out of memory", device);
  if (requested) message += fmt::format(": {} bytes were asked for", *requested);
  if (free) message += fmt::format("{} {} bytes are free", requested ? "," : ":", *free);
  return message + "; use smaller batches, fewer instances or a lower precision";
}

}  // namespace

// Whatever a path or a value holds, the message stays one line of UTF-8.
Error::Error(std::string_view code, const std::string& message)
    : std::runtime_error(escaped(message, std::string::npos)), code_(code) {}
Error::~Error() = default;

InvalidOptions::InvalidOptions(std::string field_, std::string value_, std::string bound_)
    : Error(kCode, fmt::format("{} is {}, but must be {}", field_, escaped(value_), bound_)),
      field(std::move(field_)),
      value(std::move(value_)),
      bound(std::move(bound_)) {}
InvalidOptions::~InvalidOptions() = default;

InvalidInput::InvalidInput(const std::string& message, std::optional<std::size_t> byte_offset_)
    : Error(kCode, message), byte_offset(byte_offset_) {}
InvalidInput::~InvalidInput() = default;

LoadError::LoadError(std::string file_, std::string item_, std::optional<std::uint64_t> byte_offset_,
                     const std::string& problem)
    : Error(kCode, load_error_message(file_, item_, byte_offset_, problem)),
      file(std::move(file_)),
      item(std::move(item_)),
      byte_offset(byte_offset_) {}
LoadError::~LoadError() = default;

UnsupportedModel::UnsupportedModel(std::string file_, std::string what, std::string requested_,
                                   std::vector<std::string> supported_)
    : Error(kCode, fmt::format("{}: {} \"{}\" is not supported; supported: {}", file_, what, escaped(requested_),
                               fmt::join(supported_, ", "))),
      file(std::move(file_)),
      what_is_unsupported(std::move(what)),
      requested(std::move(requested_)),
      supported(std::move(supported_)) {}
UnsupportedModel::~UnsupportedModel() = default;

DeadlineExceeded::DeadlineExceeded(const std::string& message) : Error(kCode, message) {}
DeadlineExceeded::~DeadlineExceeded() = default;

Cancelled::Cancelled(const std::string& message) : Error(kCode, message) {}
Cancelled::~Cancelled() = default;

OutOfMemory::OutOfMemory(std::string device_, std::optional<std::uint64_t> requested, std::optional<std::uint64_t> free)
    : Error(kCode, out_of_memory_message(device_, requested, free)),
      device(std::move(device_)),
      requested_bytes(requested),
      free_bytes(free) {}
OutOfMemory::~OutOfMemory() = default;

DeviceError::DeviceError(std::string device_, const std::string& message)
    : Error(kCode, message), device(std::move(device_)) {}
DeviceError::~DeviceError() = default;

}  // namespace modelpool
