// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>

#include "cli/options.hpp"

namespace modelpool::cli {

/// A line on standard error that says how far the work is: only on a terminal (or when told to), and only once the work
/// has taken a second.
///
/// Thread safety: any number of threads.
class Progress {
 public:
  /// @param unit   what is counted, for example "inputs"
  /// @param total  nullopt when unknown
  Progress(ProgressMode mode, std::string unit, std::optional<std::size_t> total);
  ~Progress();  ///< wipes the line
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// @param fraction  0 to 1, where it is known without a total
  void advance(std::size_t count, std::optional<double> fraction = std::nullopt);

 private:
  void show_locked(std::chrono::steady_clock::time_point now);

  bool enabled_;
  std::string unit_;
  std::optional<std::size_t> total_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();

  std::mutex mutex_;  // protects everything below
  std::size_t done_ = 0;
  std::optional<double> fraction_;
  std::chrono::steady_clock::time_point next_show_;
  bool shown_ = false;
};

}  // namespace modelpool::cli
