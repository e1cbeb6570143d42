// SPDX-License-Identifier: Apache-2.0
#include "tokenizers/pieces.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <string>

namespace modelpool::tokenizers {
namespace {

constexpr int kMostPower = 308;  // the largest power of ten that is a double

double power_of_ten(int exponent) {
  static const std::vector<double> kPowers = [] {
    std::vector<double> powers;
    for (int i = 0; i <= kMostPower; ++i) powers.push_back(std::strtod(("1e" + std::to_string(i)).c_str(), nullptr));
    return powers;
  }();
  return kPowers[static_cast<std::size_t>(exponent)];
}

double scaled(std::uint64_t digits, int exponent) {
  auto value = static_cast<double>(digits);
  while (value != 0 && exponent < -kMostPower) {
    value /= power_of_ten(kMostPower);
    exponent += kMostPower;
  }
  if (value == 0) return value;
  if (exponent > kMostPower) return std::numeric_limits<double>::infinity();
  return exponent >= 0 ? value * power_of_ten(exponent) : value / power_of_ten(-exponent);
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

int exponent_of(std::string_view text) {
  constexpr int kMost = 100'000;  // far beyond any double; more digits change nothing
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  int exponent = 0;
  for (const char c : text) exponent = std::min(exponent * 10 + (c - '0'), kMost);
  return negative ? -exponent : exponent;
}

}  // namespace

double fast_number(std::string_view number) noexcept {
  constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();
  const bool negative = number.starts_with('-');
  std::uint64_t digits = 0;
  int exponent = 0;
  bool fraction = false;
  bool full = false;  // further digits would not fit, and are dropped
  std::size_t at = negative ? 1 : 0;
  for (; at < number.size() && (is_digit(number[at]) || number[at] == '.'); ++at) {
    if (number[at] == '.') {
      fraction = true;
      continue;
    }
    const auto digit = static_cast<std::uint64_t>(number[at] - '0');
    full = full || digits > (kMost - digit) / 10;
    if (!full) digits = digits * 10 + digit;
    exponent += full ? (fraction ? 0 : 1) : (fraction ? -1 : 0);
  }
  if (at < number.size()) exponent += exponent_of(number.substr(at + 1));
  const double value = scaled(digits, exponent);
  return negative ? -value : value;
}

}  // namespace modelpool::tokenizers
