// SPDX-License-Identifier: Apache-2.0
#include "tokenizers/document.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "base/escape.hpp"
#include "modelpool/error.hpp"

namespace modelpool::tokenizers {

using nlohmann::json;

std::string read_file(const std::filesystem::path& path) {
  constexpr std::string_view kPointer = "version https://git-lfs.github.com/spec/";
  const auto fail = [&](const std::string& problem) -> void {
    throw LoadError{path.string(), "", std::nullopt, problem};
  };
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status)) fail(fmt::format("cannot be read ({}); check the path", error.message()));
  if (!std::filesystem::is_regular_file(status)) fail("is not a file");
  std::ifstream stream(path, std::ios::binary);
  if (!stream) fail(fmt::format("cannot be opened ({}); check its permissions", std::strerror(errno)));
  std::string text;
  text.resize(std::filesystem::file_size(path, error));
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (stream.gcount() != static_cast<std::streamsize>(text.size())) fail("cannot be read to its end");
  if (text.starts_with(kPointer)) fail("this is a git-LFS pointer; run git lfs pull");
  return text;
}

/// Builds the JSON from the parser's events, and the vocabulary beside it. Follows the parser without recursion, so deep
/// nesting costs memory in proportion to the file only.
class Document::Reader : public nlohmann::json_sax<json> {
 public:
  Reader(Document& document, const std::string& file, Numbers numbers)
      : document_(document), file_(file), numbers_(numbers) {}

  bool null() override { return value(nullptr); }
  bool boolean(bool value_read) override { return value(value_read); }
  bool number_float(number_float_t value_read, const string_t& written) override {
    if (!piece_) return value(value_read);
    return score(numbers_ == Numbers::exact ? value_read : fast_number(written));
  }

  bool number_integer(number_integer_t value_read) override {
    return piece_ ? score(static_cast<double>(value_read)) : value(value_read);
  }

  bool string(string_t& value_read) override {
    if (in_pieces_ != 2 || piece_) return value(std::move(value_read));
    piece_ = std::move(value_read);
    return true;
  }

  bool binary(binary_t&) override { return true; }  // JSON text has none

  bool number_unsigned(number_unsigned_t value_read) override {
    if (piece_) return score(static_cast<double>(value_read));
    if (!in_vocab_) return value(value_read);
    document_.vocab_.add(key_, value_read);
    return true;
  }

  bool start_object(std::size_t) override {
    const bool vocab = is_vocab();
    open(json::object());
    if (vocab) document_.vocab_ = VocabularyEntries{};
    in_vocab_ = vocab;
    return true;
  }

  bool key(string_t& name) override {
    key_.swap(name);
    return true;
  }

  bool end_object() override {
    in_vocab_ = false;
    open_.pop_back();
    return true;
  }

  bool start_array(std::size_t) override {
    if (in_pieces_ == 1) {
      in_pieces_ = 2;
      return true;
    }
    const bool pieces = is_vocab();
    open(json::array());
    if (pieces) document_.pieces_ = PieceEntries{};
    in_pieces_ = pieces ? 1 : in_pieces_;
    return true;
  }

  bool end_array() override {
    if (in_pieces_ == 2) {
      if (piece_ || document_.pieces_.scores.size() != pieces_read_ + 1) fail_piece();
      ++pieces_read_;
      in_pieces_ = 1;
      return true;
    }
    in_pieces_ = 0;
    pieces_read_ = 0;
    open_.pop_back();
    return true;
  }

  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) override {
    throw LoadError{file_, "", position, "is not valid JSON from here on"};
  }

 private:
  template <class Value>
  bool value(Value&& value_read) {
    (void)place(json(std::forward<Value>(value_read)));
    return true;
  }

  void open(json container) {
    json* const placed = place(std::move(container));
    if (open_.size() == 1 && open_.front()->is_object() && key_ == "model") model_ = placed;
    open_.push_back(placed);
  }

  json* place(json made) {
    if (in_pieces_ != 0) fail_piece();
    if (in_vocab_)
      throw LoadError{file_, "model.vocab", std::nullopt,
                      fmt::format("gives \"{}\" {} instead of a whole number", escaped(key_), kind_of(made))};
    if (open_.empty()) return &(*document_.json_ = std::move(made));
    json& parent = *open_.back();
    if (parent.is_object()) return &(parent[key_] = std::move(made));
    parent.push_back(std::move(made));
    return &parent.back();
  }

  /// True where the value that begins now is that of `model.vocab`.
  [[nodiscard]] bool is_vocab() const {
    return open_.size() == 2 && key_ == "vocab" && model_ == open_.back() && open_.back()->is_object();
  }

  bool score(double value_read) {
    document_.pieces_.add(*piece_, value_read);
    piece_.reset();
    return true;
  }

  [[noreturn]] void fail_piece() const {
    throw LoadError{file_, fmt::format("model.vocab.[{}]", pieces_read_), std::nullopt,
                    "must be a piece and its score, for example [\"a\", -3.5]"};
  }

  Document& document_;
  const std::string& file_;
  Numbers numbers_;
  std::vector<json*> open_;  // containers that are not closed yet, from the root
  json* model_ = nullptr;    // the value of the root's key "model"
  std::string key_;
  bool in_vocab_ = false;
  int in_pieces_ = 0;  // how many of the arrays of `model.vocab` are open: the list, a piece with its score
  std::size_t pieces_read_ = 0;
  std::optional<std::string> piece_;  // whose score comes next
};

Document::Document(std::string_view text, std::string file, Numbers numbers)
    : file_(std::move(file)), json_(std::make_unique<json>()) {
  Reader reader(*this, file_, numbers);
  json::sax_parse(text.begin(), text.end(), &reader);
}

Document::Document(Document&&) noexcept = default;
Document& Document::operator=(Document&&) noexcept = default;
Document::~Document() = default;

JsonNode Document::root() const { return {*json_, file_}; }

}  // namespace modelpool::tokenizers
