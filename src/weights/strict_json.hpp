// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "modelpool/error.hpp"

namespace modelpool::detail {

/// Base of readers that take JSON as events, so that duplicate keys are seen and the place of every fault is known.
/// Derived classes override what they accept and call fail() for the rest.
class JsonReader : public nlohmann::json_sax<nlohmann::json> {
 public:
  /// @param base_offset  place of text in its file, in bytes
  JsonReader(std::string file, std::uint64_t base_offset) : file_(std::move(file)), base_offset_(base_offset) {}

  /// @throws LoadError  text is not UTF-8, not JSON, has more behind its value, or is refused by the derived class
  void read(std::string_view text);

  bool null() override { return value_of_wrong_type("null"); }
  bool boolean(bool) override { return value_of_wrong_type("a truth value"); }
  bool number_integer(number_integer_t) override { return value_of_wrong_type("a negative number"); }
  bool number_unsigned(number_unsigned_t) override { return value_of_wrong_type("a number"); }
  bool number_float(number_float_t, const string_t&) override {
    return value_of_wrong_type("a number out of range or not whole");
  }
  bool string(string_t&) override { return value_of_wrong_type("a string"); }
  bool binary(binary_t&) override { return value_of_wrong_type("binary data"); }
  bool start_object(std::size_t) override { return value_of_wrong_type("an object"); }
  bool end_object() override { return true; }
  bool start_array(std::size_t) override { return value_of_wrong_type("an array"); }
  bool end_array() override { return true; }
  bool parse_error(std::size_t position, const std::string& last_token,
                   const nlohmann::json::exception& error) override;

 protected:
  /// Called for every value that the derived class does not take.
  virtual bool value_of_wrong_type(std::string_view found) = 0;

  /// @throws LoadError  always, with the place that has been read to
  [[noreturn]] void fail(const std::string& item, const std::string& problem) const;

 private:
  std::string file_;
  std::uint64_t base_offset_;
  std::string_view text_;
  std::size_t consumed_ = 0;
};

/// Offset of the first byte that cannot be UTF-8 (RFC 3629: no surrogates, nothing over-long, at most U+10FFFF).
[[nodiscard]] std::optional<std::size_t> first_invalid_utf8(std::string_view text) noexcept;

}  // namespace modelpool::detail
