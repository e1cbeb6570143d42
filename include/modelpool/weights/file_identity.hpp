// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstdint>

namespace modelpool {

/// What makes two opened files the same file, whatever their paths: a replaced or rewritten file is another one.
struct FileIdentity {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t size_bytes = 0;
  std::int64_t modified_ns = 0;  ///< last change of the contents, in nanoseconds since 1970

  [[nodiscard]] friend auto operator<=>(const FileIdentity&, const FileIdentity&) noexcept = default;
};

}  // namespace modelpool
