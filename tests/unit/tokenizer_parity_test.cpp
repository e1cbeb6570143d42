// SPDX-License-Identifier: Apache-2.0
// Every folder of tests/data/tokenizers against what transformers made of the same text (make_fixtures.py there).
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "modelpool/tokenizers/tokenizer.hpp"
#include "support/catch.hpp"

using namespace modelpool;
using nlohmann::json;

namespace {

constexpr const char* kFolders[] = {"uncased",
                                    "cased",
                                    "cased-without-config",
                                    "keep-accents",
                                    "unclean",
                                    "strip-cased",
                                    "odd",
                                    "bare",
                                    "added",
                                    "vocab-txt-cased",
                                    "vocab-txt-uncased",
                                    "llama3",
                                    "o200k",
                                    "roberta",
                                    "roberta-files",
                                    "gpt2-files",
                                    "whisper-files",
                                    "byte-fallback",
                                    "suffix",
                                    "prefix",
                                    "unigram",
                                    "unigram-bytes",
                                    "unigram-charsmap",
                                    "word-level",
                                    "xlm-roberta-model",
                                    "xlm-roberta",
                                    "t5-model",
                                    "t5",
                                    "mbart-model",
                                    "mbart50-model",
                                    "camembert-model",
                                    "mpnet-vocab-txt"};

std::vector<json> expected(const std::string& folder) {
  std::ifstream file(std::string(MODELPOOL_TEST_DATA) + "/tokenizers/" + folder + "/expected.jsonl");
  REQUIRE(file);
  std::vector<json> cases;
  for (std::string line; std::getline(file, line);) cases.push_back(json::parse(line));
  REQUIRE(cases.size() > 100);
  return cases;
}

std::shared_ptr<const Tokenizer> load(const std::string& folder) {
  return Tokenizer::from_folder(std::string(MODELPOOL_TEST_DATA) + "/tokenizers/" + folder);
}

Encoding encode(const Tokenizer& tokenizer, const json& request, bool with_offsets) {
  EncodeOptions options{.add_special_tokens = request.value("add_special_tokens", true), .with_offsets = with_offsets};
  if (request.contains("max_length")) options.max_length = request["max_length"].get<std::size_t>();
  const auto text = request["text"].get<std::string>();
  if (request.contains("pair")) return tokenizer.encode_pair(text, request["pair"].get<std::string>(), options);
  return tokenizer.encode(text, options);
}

std::vector<std::string> tokens(const Tokenizer& tokenizer, const Encoding& encoding) {
  std::vector<std::string> result;
  for (const std::int32_t id : encoding.input_ids) result.emplace_back(tokenizer.id_to_token(id).value());
  return result;
}

}  // namespace

TEST_CASE("ids, type ids, special tokens and offsets are those of transformers", "[tokenizer][parity]") {
  const std::string folder = GENERATE(from_range(std::begin(kFolders), std::end(kFolders)));
  CAPTURE(folder);
  const auto tokenizer = load(folder);
  for (const json& request : expected(folder)) {
    if (request.contains("decode")) continue;
    CAPTURE(request.dump());
    const Encoding found = encode(*tokenizer, request, true);
    CHECK(json(found.input_ids) == request["ids"]);
    CHECK(json(found.token_type_ids) == request["type_ids"]);
    CHECK(json(found.special_tokens_mask) == request["special"]);
    CHECK(json(found.offsets) == request["offsets"]);
    if (request.contains("tokens")) CHECK(json(tokens(*tokenizer, found)) == request["tokens"]);
    const Encoding without_offsets = encode(*tokenizer, request, false);
    CHECK(without_offsets.input_ids == found.input_ids);
    CHECK(without_offsets.offsets.empty());
  }
}

TEST_CASE("decoded text is that of transformers", "[tokenizer][parity]") {
  const std::string folder = GENERATE(from_range(std::begin(kFolders), std::end(kFolders)));
  CAPTURE(folder);
  const auto tokenizer = load(folder);
  for (const json& request : expected(folder)) {
    if (!request.contains("decode")) continue;
    CAPTURE(request.dump());
    const auto ids = request["decode"].get<std::vector<std::int32_t>>();
    CHECK(tokenizer->decode(ids, request["skip_special_tokens"].get<bool>()) == request["text"].get<std::string>());
  }
}
