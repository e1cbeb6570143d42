// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Stream.h>

#include <array>
#include <cstdint>
#include <optional>

namespace modelpool::nn {

/// The working memory of one instance: what a forward needs beside the weights. It grows to the largest batch seen and
/// is used again by the next one. Thread safety: one forward at a time.
class Workspace {
 public:
  /// One buffer each. A tensor taken from a slot is valid until the slot is taken again.
  enum class Slot { hidden_states, context, update, wide, count };

  /// @param threads  intra-op threads that a forward may use, at least 1
  explicit Workspace(int threads) noexcept : threads_(threads) {}

  /// @return (rows, features) float32, uninitialised
  [[nodiscard]] at::Tensor take(Slot slot, std::int64_t rows, std::int64_t features);
  /// @return `floats` of scratch for thread `thread` of this forward, 64-byte aligned, after reserve_scratch(floats); null
  ///         where nothing was ever reserved
  [[nodiscard]] float* scratch(int thread) const noexcept { return scratch_.of(thread); }
  void reserve_scratch(std::int64_t floats) { scratch_.reserve(floats, threads_); }

  /// @return `floats` for results that thread `thread` passes from step to step, after reserve_block(floats); null where
  ///         nothing was ever reserved
  [[nodiscard]] float* block(int thread) const noexcept { return blocks_.of(thread); }
  void reserve_block(std::int64_t floats) { blocks_.reserve(floats, threads_); }

  /// On devices that have streams: the one that this instance's forwards run on, once it has been set.
  [[nodiscard]] const std::optional<c10::Stream>& stream() const noexcept { return stream_; }
  void set_stream(c10::Stream stream) noexcept { stream_ = stream; }

  [[nodiscard]] int threads() const noexcept { return threads_; }
  [[nodiscard]] std::uint64_t bytes() const noexcept;

 private:
  // Memory of the same size for each thread.
  class PerThread {
   public:
    void reserve(std::int64_t floats, int threads);
    [[nodiscard]] float* of(int thread) const noexcept;
    [[nodiscard]] std::uint64_t bytes() const noexcept { return memory_.defined() ? memory_.nbytes() : 0; }

   private:
    at::Tensor memory_;
    std::int64_t floats_ = 0;  // of one thread
  };

  int threads_;
  std::array<at::Tensor, static_cast<std::size_t>(Slot::count)> buffers_;
  PerThread scratch_;
  PerThread blocks_;
  std::optional<c10::Stream> stream_;
};

}  // namespace modelpool::nn
