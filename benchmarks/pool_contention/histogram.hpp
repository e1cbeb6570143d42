// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace pool_contention {

/// Counts of durations in ticks, in buckets of at most 1/64 of their value; a quantile is interpolated inside its bucket.
/// Not thread-safe: one per thread, merged afterwards.
class LogHistogram {
 public:
  void add(std::uint64_t ticks) noexcept {
    ++counts_[bucket_of(ticks)];
    ++total_;
    max_ = std::max(max_, ticks);
  }

  void merge(const LogHistogram& other) noexcept {
    for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
    total_ += other.total_;
    max_ = std::max(max_, other.max_);
  }

  [[nodiscard]] std::uint64_t total() const noexcept { return total_; }
  [[nodiscard]] std::uint64_t max() const noexcept { return max_; }

  /// @param q  in [0, 1]
  /// @return   ticks; 0 when nothing was counted
  [[nodiscard]] double quantile(double q) const noexcept {
    const double rank = q * static_cast<double>(total_);
    double below = 0;
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      const auto here = static_cast<double>(counts_[i]);
      if (here > 0 && below + here >= rank) {
        const double value =
            static_cast<double>(lower_bound(i)) + (rank - below) / here * static_cast<double>(width(i));
        return std::min(value, static_cast<double>(max_));
      }
      below += here;
    }
    return static_cast<double>(max_);
  }

 private:
  static constexpr unsigned kBits = 6;  // 64 buckets for each power of two
  static constexpr std::size_t kPerOctave = std::size_t{1} << kBits;
  static constexpr std::size_t kBuckets = kPerOctave * 40;  // up to 2^45 ticks, hours

  // Values below 64 have a bucket each; above, the octave and the six bits after the leading one choose it.
  static std::size_t bucket_of(std::uint64_t value) noexcept {
    if (value < kPerOctave) return static_cast<std::size_t>(value);
    const auto octave = static_cast<unsigned>(std::bit_width(value)) - kBits - 1;
    const auto mantissa = static_cast<std::size_t>(value >> octave) - kPerOctave;
    return std::min((octave + 1) * kPerOctave + mantissa, kBuckets - 1);
  }
  static std::uint64_t lower_bound(std::size_t bucket) noexcept {
    if (bucket < kPerOctave) return bucket;
    return (kPerOctave + bucket % kPerOctave) << (bucket / kPerOctave - 1);
  }
  static std::uint64_t width(std::size_t bucket) noexcept {
    return bucket < kPerOctave ? 1 : std::uint64_t{1} << (bucket / kPerOctave - 1);
  }

  std::array<std::uint32_t, kBuckets> counts_{};
  std::uint64_t total_ = 0;
  std::uint64_t max_ = 0;
};

}  // namespace pool_contention
