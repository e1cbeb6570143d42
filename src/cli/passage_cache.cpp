// SPDX-License-Identifier: Apache-2.0
#include "cli/passage_cache.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <set>
#include <system_error>

namespace modelpool::cli {
namespace fs = std::filesystem;
namespace {

// The file: a header (magic, version, dimension, identity of the model), then records of a key, the numbers and a checksum
// of both. All in the byte order of the machine: another order gives another version.
constexpr std::string_view kMagic{"modelpool passages\n\0", 20};
constexpr std::uint32_t kVersion = 1;

using Checksum = std::uint64_t;

// FNV-1a, 64 bits, by Fowler, Noll and Vo: http://www.isthe.com/chongo/tech/comp/fnv/.
Checksum checksum_of(std::string_view bytes) {
  Checksum hash = 0xcbf29ce484222325U;
  for (const char byte : bytes) hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001b3U;
  return hash;
}

template <class T>
std::string_view bytes_of(std::span<const T> values) {
  return {reinterpret_cast<const char*>(values.data()), values.size_bytes()};
}

template <class T>
std::string_view bytes_of(const T& value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

bool is_intact(std::string_view record) {
  const auto content = record.substr(0, record.size() - sizeof(Checksum));
  return record.substr(content.size()) == bytes_of(checksum_of(content));
}

void append_record(std::string& file, const PassageKey& key, std::span<const float> embedding) {
  const auto begin = file.size();
  file += bytes_of(key);
  file += bytes_of(embedding);
  const auto checksum = checksum_of(std::string_view{file}.substr(begin));
  file += bytes_of(checksum);
}

[[noreturn]] void fail() { throw std::system_error(errno, std::generic_category()); }

/// Closed at its end.
class File {
 public:
  explicit File(int fd) : fd_(fd) {
    if (fd_ < 0) fail();
  }
  ~File() { ::close(fd_); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  [[nodiscard]] std::string read() const {
    struct stat status {};
    if (::fstat(fd_, &status) != 0) fail();
    if (!S_ISREG(status.st_mode)) throw std::system_error(std::make_error_code(std::errc::not_supported));
    std::string bytes(static_cast<std::size_t>(status.st_size), '\0');
    std::size_t at = 0;
    while (at < bytes.size()) {
      const auto n = ::read(fd_, bytes.data() + at, bytes.size() - at);
      if (n < 0 && errno != EINTR) fail();
      if (n == 0) break;
      if (n > 0) at += static_cast<std::size_t>(n);
    }
    bytes.resize(at);
    return bytes;
  }

  void write(std::string_view bytes) const {
    while (!bytes.empty()) {
      const auto n = ::write(fd_, bytes.data(), bytes.size());
      if (n < 0 && errno != EINTR) fail();
      if (n > 0) bytes.remove_prefix(static_cast<std::size_t>(n));
    }
  }

 private:
  int fd_;
};

// Readers see the old file or the new one, never a part.
void replace_file(const fs::path& file, std::string_view bytes) {
  fs::create_directories(file.parent_path());
  auto name = file.string() + ".XXXXXX";
  try {
    const File temporary(::mkostemp(name.data(), O_CLOEXEC));
    temporary.write(bytes);
    if (::rename(name.c_str(), file.c_str()) != 0) fail();
  } catch (const std::system_error&) {
    ::unlink(name.c_str());
    throw;
  }
}

}  // namespace

PassageKey passage_key(std::string_view text) {
  Sha256 hash;
  hash.add(text);
  const auto digest = hash.finish();
  PassageKey key{};
  std::copy_n(digest.begin(), key.size(), key.begin());
  return key;
}

std::optional<fs::path> search_cache_folder(const Environment& environment) {
  const auto absolute = [&](std::string_view name) {
    const auto value = environment(name);
    return value && fs::path(*value).is_absolute() ? std::optional<fs::path>(*value) : std::nullopt;
  };
  if (const auto cache = absolute("XDG_CACHE_HOME")) return *cache / "modelpool" / "search";
  if (const auto home = absolute("HOME")) return *home / ".cache" / "modelpool" / "search";
  return std::nullopt;
}

PassageCache::PassageCache(PassageCachePlace place, Log& log, std::size_t most_bytes)
    : place_(std::move(place)), log_(log), most_bytes_(most_bytes) {
  try {
    load();
    index_records();
  } catch (const std::system_error& e) {
    if (e.code() != std::errc::no_such_file_or_directory) complain("cannot read", e.what());
  }
}

std::string PassageCache::header() const {
  const auto dimension = static_cast<std::uint32_t>(place_.dimension);
  std::string header{kMagic};
  header += bytes_of(kVersion);
  header += bytes_of(dimension);
  header += bytes_of(place_.model);
  return header;
}

std::size_t PassageCache::record_bytes() const noexcept {
  return sizeof(PassageKey) + place_.dimension * sizeof(float) + sizeof(Checksum);
}

void PassageCache::load() {
  // Without O_NONBLOCK a pipe of that name would stop the program.
  bytes_ = File(::open(place_.file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)).read();
  const auto begin = header();
  std::string_view why;
  if (!bytes_.starts_with(kMagic))
    why = "it is damaged";
  else if (!bytes_.starts_with(begin))
    why = "it is of another version of the model or the program";
  else if ((bytes_.size() - begin.size()) % record_bytes() != 0)
    why = "its end is missing";
  if (why.empty()) return;
  complain("ignored the cache", why);
  bytes_.clear();
}

void PassageCache::index_records() {
  std::size_t damaged = 0;
  const auto all = std::string_view{bytes_};
  for (auto at = header().size(); at < all.size(); at += record_bytes()) {
    if (is_intact(all.substr(at, record_bytes()))) {
      PassageKey key{};
      std::memcpy(key.data(), all.data() + at, key.size());
      positions_[key] = at;
    } else {
      ++damaged;
    }
  }
  if (damaged > 0) complain("ignored parts of the cache", fmt::format("{} damaged", damaged));
}

bool PassageCache::find(const PassageKey& key, std::span<float> embedding) const {
  const auto found = positions_.find(key);
  if (found == positions_.end()) return false;
  std::memcpy(embedding.data(), bytes_.data() + found->second + key.size(), embedding.size_bytes());
  return true;
}

void PassageCache::append_others(std::string& file, std::span<const PassageKey> keys) const {
  const std::set<PassageKey> used(keys.begin(), keys.end());
  for (const auto& [key, at] : positions_) {
    if (file.size() + record_bytes() > most_bytes_) return;
    if (!used.contains(key)) file.append(bytes_, at, record_bytes());
  }
}

void PassageCache::save(std::span<const PassageKey> keys, std::span<const float> embeddings) const {
  auto file = header();
  for (std::size_t i = 0; i < keys.size(); ++i)
    append_record(file, keys[i], embeddings.subspan(i * place_.dimension, place_.dimension));
  append_others(file, keys);
  try {
    replace_file(place_.file, file);
  } catch (const std::system_error& e) {
    complain("cannot write", e.code().message());
  }
}

void PassageCache::complain(std::string_view what, std::string_view why) const {
  log_.write(LogLevel::info, fmt::format("{} {}: {}", what, place_.file.string(), why));
}

}  // namespace modelpool::cli
