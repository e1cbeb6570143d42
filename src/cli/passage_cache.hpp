// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/model_folder.hpp"
#include "cli/output.hpp"
#include "cli/sha256.hpp"

namespace modelpool::cli {

/// Stands for the exact text of a passage: the first half of its SHA-256.
using PassageKey = std::array<std::uint8_t, 16>;
[[nodiscard]] PassageKey passage_key(std::string_view text);

/// Where embeddings of passages are kept: XDG_CACHE_HOME/modelpool/search, else ~/.cache/modelpool/search.
/// @return nullopt where neither is an absolute path
[[nodiscard]] std::optional<std::filesystem::path> search_cache_folder(const Environment& environment);

/// Which file, and for which model. A file of another model is not read, and is overwritten.
struct PassageCachePlace {
  std::filesystem::path file;
  Sha256Digest model;     ///< identity of whatever the numbers depend on, but for the text
  std::size_t dimension;  ///< numbers of one embedding
};

/// Embeddings of passages from earlier runs, in a file. Nothing that is wrong with the file or its folder is an error: it is
/// told to the log at `info`, and the passages are embedded again.
///
/// Processes may share the file: it is only ever replaced as a whole.
/// Thread safety: const members, any number of threads.
class PassageCache {
 public:
  /// Above it, save() leaves out what this run did not use.
  static constexpr std::size_t kMostBytes = std::size_t{256} << 20;

  /// Reads the file, if it is there. `log` lives as long as the cache.
  PassageCache(PassageCachePlace place, Log& log, std::size_t most_bytes = kMostBytes);

  /// Copies the embedding of a passage to `embedding`. @pre embedding.size() == dimension
  /// @return whether it was there
  [[nodiscard]] bool find(const PassageKey& key, std::span<float> embedding) const;

  /// Writes the passages of this run, and of the others as many as there is room for.
  /// @param embeddings  (keys, dimension)  @pre keys are different from each other
  void save(std::span<const PassageKey> keys, std::span<const float> embeddings) const;
  [[nodiscard]] const std::filesystem::path& file() const noexcept { return place_.file; }

 private:
  [[nodiscard]] std::string header() const;
  [[nodiscard]] std::size_t record_bytes() const noexcept;
  void load();
  void index_records();
  void append_others(std::string& file, std::span<const PassageKey> keys) const;
  void complain(std::string_view what, std::string_view why) const;

  PassageCachePlace place_;
  Log& log_;
  std::size_t most_bytes_;
  std::string bytes_;                            // of the file; empty: there is none, or it is of no use
  std::map<PassageKey, std::size_t> positions_;  // of the records in bytes_
};

}  // namespace modelpool::cli
