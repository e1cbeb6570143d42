// SPDX-License-Identifier: Apache-2.0
#include "cli/progress.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <string_view>

namespace modelpool::cli {
namespace {

using namespace std::chrono_literals;

void to_terminal(std::string_view text) {
  [[maybe_unused]] const auto n = ::write(STDERR_FILENO, text.data(), text.size());  // only a decoration
}

std::string bar(double fraction) {
  constexpr std::size_t kWidth = 24;
  const auto full = static_cast<std::size_t>(std::clamp(fraction, 0.0, 1.0) * kWidth);
  return "[" + std::string(full, '#') + std::string(kWidth - full, '.') + "] ";
}

}  // namespace

Progress::Progress(ProgressMode mode, std::string unit, std::optional<std::size_t> total)
    : enabled_(mode == ProgressMode::always || (mode == ProgressMode::automatic && ::isatty(STDERR_FILENO) != 0)),
      unit_(std::move(unit)),
      total_(total),
      next_show_(mode == ProgressMode::always ? start_ : start_ + 1s) {}

Progress::~Progress() {
  if (shown_) to_terminal("\r\x1b[K");
}

void Progress::advance(std::size_t count, std::optional<double> fraction) {
  if (!enabled_) return;
  const std::lock_guard lock(mutex_);
  done_ += count;
  if (fraction) fraction_ = fraction;
  const auto now = std::chrono::steady_clock::now();
  if (now < next_show_) return;
  next_show_ = now + 100ms;
  show_locked(now);
}

void Progress::show_locked(std::chrono::steady_clock::time_point now) {
  const auto seconds = std::chrono::duration<double>(now - start_).count();
  const auto fraction =
      total_ ? static_cast<double>(done_) / static_cast<double>(std::max<std::size_t>(*total_, 1)) : fraction_;
  std::string line = "\r";
  if (fraction) line += bar(*fraction) + fmt::format("{:3.0f} % ", *fraction * 100);
  line += fmt::format("{} {}, {:.0f}/s", done_, unit_, static_cast<double>(done_) / seconds);
  if (fraction && *fraction > 0) line += fmt::format(", {:.0f} s left", seconds / *fraction - seconds);
  to_terminal(line + "\x1b[K");
  shown_ = true;
}

}  // namespace modelpool::cli
