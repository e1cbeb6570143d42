// SPDX-License-Identifier: Apache-2.0
// Folders that cannot be loaded: each gets one line that says what is wrong, where, and what to do.
#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string>

#include "modelpool/error.hpp"
#include "modelpool/tokenizers/tokenizer.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

using namespace modelpool;
using nlohmann::json;
using test::TemporaryFolder;

namespace {

constexpr const char* kVocab = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nhello\n";
constexpr const char* kPointer =
    "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1\nsize 466062\n";

json tokenizer_json() {
  return json::parse(R"({
    "version": "1.0", "truncation": null, "padding": null,
    "added_tokens": [{"id": 1, "content": "[SEP]", "single_word": false, "lstrip": false, "rstrip": false,
                      "normalized": false, "special": true}],
    "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": null,
                   "lowercase": true},
    "pre_tokenizer": {"type": "BertPreTokenizer"},
    "post_processor": {"type": "TemplateProcessing",
                       "single": [{"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "[SEP]", "type_id": 0}}],
                       "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
                       "special_tokens": {"[SEP]": {"id": "[SEP]", "ids": [1], "tokens": ["[SEP]"]}}},
    "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": true},
    "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
              "max_input_chars_per_word": 100, "vocab": {"[UNK]": 0, "[SEP]": 1, "hello": 2}}})");
}

/// The message of a LoadError or UnsupportedModel, with the folder's path left out.
std::string error_of(const TemporaryFolder& folder) {
  std::string message;
  try {
    (void)Tokenizer::from_folder(folder.path());
    return "loads";
  } catch (const LoadError& error) {
    message = error.what();
  } catch (const UnsupportedModel& error) {
    message = error.what();
  }
  const std::string path = folder.path().string();
  for (auto at = message.find(path); at != std::string::npos; at = message.find(path))
    message.replace(at, path.size(), "");
  return message;
}

std::string error_of_json(const json& document) {
  const TemporaryFolder folder;
  folder.write("tokenizer.json", document.dump());
  return error_of(folder);
}

std::string error_of_config(const std::string& config) {
  const TemporaryFolder folder;
  folder.write("vocab.txt", kVocab);
  folder.write("tokenizer_config.json", config);
  return error_of(folder);
}

}  // namespace

TEST_CASE("the tokenizer.json of these tests loads as it is", "[tokenizer][load]") {
  CHECK(error_of_json(tokenizer_json()) == "loads");
}

TEST_CASE("a folder that is not there is named", "[tokenizer][load]") {
  CHECK_THROWS_WITH(Tokenizer::from_folder("/no/such/folder"),
                    "/no/such/folder: is not a folder; give the folder that holds tokenizer.json");
}

TEST_CASE("a folder without a tokenizer says what it needs", "[tokenizer][load]") {
  const TemporaryFolder folder;
  CHECK(error_of(folder) == ": has no tokenizer; it needs tokenizer.json, or the vocab.txt of a BERT model");
}

TEST_CASE("a folder with another kind of tokenizer names the file", "[tokenizer][load]") {
  const std::string name = GENERATE("vocab.json", "spiece.model", "sentencepiece.bpe.model", "source.spm");
  const TemporaryFolder folder;
  folder.write(name, "x");
  CHECK(error_of(folder) ==
        fmt::format(": tokenizer file \"{}\" is not supported; supported: tokenizer.json, vocab.txt of BERT", name));
}

TEST_CASE("a git-LFS pointer is recognised", "[tokenizer][load]") {
  const std::string name = GENERATE("tokenizer.json", "vocab.txt", "tokenizer_config.json");
  const TemporaryFolder folder;
  folder.write("vocab.txt", kVocab);
  folder.write(name, kPointer);
  CHECK(error_of(folder) == fmt::format("/{}: this is a git-LFS pointer; run git lfs pull", name));
}

TEST_CASE("a link that leads nowhere, a loop and a folder in place of a file are errors", "[tokenizer][load]") {
  const TemporaryFolder folder;
  folder.write("vocab.txt", kVocab);
  std::filesystem::create_symlink("nowhere", folder.path() / "tokenizer.json");
  CHECK(error_of(folder) == "/tokenizer.json: cannot be read (No such file or directory); check the path");
  std::filesystem::remove(folder.path() / "tokenizer.json");
  std::filesystem::create_symlink("tokenizer.json", folder.path() / "tokenizer.json");
  CHECK(error_of(folder) == "/tokenizer.json: cannot be read (Too many levels of symbolic links); check the path");
  std::filesystem::remove(folder.path() / "tokenizer.json");
  std::filesystem::create_directory(folder.path() / "tokenizer.json");
  CHECK(error_of(folder) == "/tokenizer.json: is not a file");
}

TEST_CASE("a symbolic link out of the folder is followed", "[tokenizer][load]") {
  const TemporaryFolder blobs;
  const TemporaryFolder folder;
  blobs.write("blob", kVocab);
  std::filesystem::create_symlink(blobs.path() / "blob", folder.path() / "vocab.txt");
  CHECK(error_of(folder) == "loads");
}

TEST_CASE("what is not JSON is named with the byte", "[tokenizer][load]") {
  const TemporaryFolder folder;
  const auto [text, byte] = GENERATE(table<std::string, int>({{"", 1},
                                                              {"{", 2},
                                                              {"{\"model\": {\"vocab\": {\"a\": 1,", 29},
                                                              {"{} x", 4},
                                                              {"{\"a\": \"\xFF\"}", 8},
                                                              {"[1, 2", 6}}));
  folder.write("tokenizer.json", text);
  CHECK(error_of(folder) == fmt::format("/tokenizer.json: byte {}: is not valid JSON from here on", byte));
}

TEST_CASE("deep nesting is read without recursion", "[tokenizer][load]") {
  const TemporaryFolder folder;
  folder.write("tokenizer.json", std::string(1'000'000, '[') + std::string(1'000'000, ']'));
  CHECK(error_of(folder) == "/tokenizer.json: is an array, but must be an object");
}

TEST_CASE("a wrong value in tokenizer.json is named with its key", "[tokenizer][load]") {
  const auto [pointer, value, problem] = GENERATE(table<std::string, std::string, std::string>({
      {"/version", "\"2.0\"", "version: is not 1.0, the only version of this format there is"},
      {"/model", "3", "model: is a number, but must be an object"},
      {"/model/vocab", "[]", "model.vocab: is an array, but must be an object"},
      {"/model/vocab", "null", "model.vocab: is null, but must be an object"},
      {"/model/vocab", R"({"[UNK]": "a"})", "model.vocab: gives \"[UNK]\" a string instead of a whole number"},
      {"/model/vocab", R"({"[UNK]": -1})", "model.vocab: gives \"[UNK]\" a number instead of a whole number"},
      {"/model/vocab", R"({"[UNK]": 1.5})", "model.vocab: gives \"[UNK]\" a number instead of a whole number"},
      {"/model/vocab", R"({"[UNK]": {}})", "model.vocab: gives \"[UNK]\" an object instead of a whole number"},
      {"/model/vocab", R"({"[UNK]": 4000000000})",
       "model.vocab: gives \"[UNK]\" the id 4000000000, far above the number of tokens (1)"},
      {"/model/vocab", "{}", "model.vocab: has no unknown token \"[UNK]\", which WordPiece needs"},
      {"/model/unk_token", "\"a\\nb\"", "model.vocab: has no unknown token \"a\\x0Ab\", which WordPiece needs"},
      {"/model/max_input_chars_per_word", "-1",
       "model.max_input_chars_per_word: is a number, but must be a whole number of at least 0"},
      {"/model/max_input_chars_per_word", "1e99",
       "model.max_input_chars_per_word: is a number, but must be a whole number of at least 0"},
      {"/model/max_input_chars_per_word", "18446744073709551615",
       "model.max_input_chars_per_word: is 18446744073709551615, but must be at most 1073741824"},
      {"/normalizer/lowercase", "1", "normalizer.lowercase: is a number, but must be true or false"},
      {"/normalizer/strip_accents", "\"no\"", "normalizer.strip_accents: is a string, but must be true or false"},
      {"/normalizer/type", "null", "normalizer.type: is null, but must be a string"},
      {"/pre_tokenizer", "[]", "pre_tokenizer: is an array, but must be an object"},
      {"/decoder/cleanup", "\"yes\"", "decoder.cleanup: is a string, but must be true or false"},
      {"/added_tokens", "{}", "added_tokens: is an object, but must be an array"},
      {"/added_tokens/0/content", "7", "added_tokens.[0].content: is a number, but must be a string"},
      {"/added_tokens/0/special", "null", "added_tokens.[0].special: is null, but must be true or false"},
      {"/added_tokens/0/id", "-1", "added_tokens.[0].id: is a number, but must be a whole number of at least 0"},
      {"/post_processor/special_tokens", "{}", "post_processor.special_tokens: has no \"[SEP]\", which is needed"},
      {"/post_processor/special_tokens/[SEP]/ids/0", "99999999999",
       "post_processor.special_tokens.[SEP].ids.[0]: is 99999999999, but must be at most 2147483647"},
      {"/post_processor/single/0/Sequence/id", "\"B\"", "post_processor.single.[0].Sequence.id: must be A"},
      {"/post_processor/pair/0/Sequence/id", "\"C\"", "post_processor.pair.[0].Sequence.id: must be A or B"},
      {"/post_processor", R"({"type": "BertProcessing", "sep": ["[SEP]"], "cls": ["[CLS]", 1]})",
       "post_processor.sep: must be a token and its id, for example [\"[SEP]\", 102]"},
  }));
  CAPTURE(pointer, value);
  json document = tokenizer_json();
  document[json::json_pointer(pointer)] = json::parse(value);
  CHECK(error_of_json(document) == "/tokenizer.json: " + problem);
}

TEST_CASE("a key that is missing is named", "[tokenizer][load]") {
  const auto [parent, key] = GENERATE(table<std::string, std::string>({{"", "model"},
                                                                       {"/model", "vocab"},
                                                                       {"/model", "unk_token"},
                                                                       {"/model", "continuing_subword_prefix"},
                                                                       {"/model", "max_input_chars_per_word"},
                                                                       {"/normalizer", "lowercase"},
                                                                       {"/normalizer", "type"},
                                                                       {"/decoder", "prefix"},
                                                                       {"/post_processor", "pair"},
                                                                       {"/added_tokens/0", "lstrip"}}));
  CAPTURE(parent, key);
  json document = tokenizer_json();
  document[json::json_pointer(parent)].erase(key);
  CHECK(error_of_json(document).ends_with(fmt::format("has no \"{}\", which is needed", key)));
}

TEST_CASE("a part of a type that is not there yet is named with those that are", "[tokenizer][load]") {
  const auto [part, known] = GENERATE(table<std::string, std::string>({{"normalizer", "BertNormalizer"},
                                                                       {"pre_tokenizer", "BertPreTokenizer"},
                                                                       {"model", "WordPiece"},
                                                                       {"post_processor", "TemplateProcessing"},
                                                                       {"decoder", "WordPiece"}}));
  json document = tokenizer_json();
  document[part]["type"] = "Other";
  const std::string error = error_of_json(document);
  CHECK(error.starts_with("/tokenizer.json: " + part + " \"Other\" is not supported; supported: "));
  CHECK(error.find(known) != std::string::npos);
}

TEST_CASE("a wrong value of a Unigram tokenizer is named with its key", "[tokenizer][load]") {
  const auto [pointer, value, problem] = GENERATE(table<std::string, std::string, std::string>({
      {"/model/vocab", "{}", "model.vocab: is an object, but must be an array"},
      {"/model/vocab", R"([["a", -1], 3])",
       "model.vocab.[1]: must be a piece and its score, for example [\"a\", -3.5]"},
      {"/model/vocab", R"([["a"]])", "model.vocab.[0]: must be a piece and its score, for example [\"a\", -3.5]"},
      {"/model/vocab", R"([["a", -1, 2]])",
       "model.vocab.[0]: must be a piece and its score, for example [\"a\", -3.5]"},
      {"/model/vocab", R"([[1, "a"]])", "model.vocab.[0]: must be a piece and its score, for example [\"a\", -3.5]"},
      {"/model/vocab", R"([["a", {}]])", "model.vocab.[0]: must be a piece and its score, for example [\"a\", -3.5]"},
      {"/model/unk_id", "2", "model.unk_id: is not the number of a piece"},
      {"/model/unk_id", "-1", "model.unk_id: is a number, but must be a whole number of at least 0"},
      {"/model/byte_fallback", "1", "model.byte_fallback: is a number, but must be true or false"},
      {"/pre_tokenizer/replacement", "\"ab\"", "pre_tokenizer.replacement: must be one character"},
      {"/pre_tokenizer/prepend_scheme", "\"last\"",
       "pre_tokenizer.prepend_scheme: must be \"always\", \"never\" or \"first\""},
      {"/pre_tokenizer/add_prefix_space", "false",
       "pre_tokenizer.add_prefix_space: is false, but prepend_scheme is not \"never\""},
      {"/normalizer/precompiled_charsmap", "\"A\"", "normalizer.precompiled_charsmap: is not base 64"},
      {"/normalizer/precompiled_charsmap", "\"AAAA\"",
       "normalizer.precompiled_charsmap: is too short for a map of characters"},
      {"/normalizer/precompiled_charsmap", "\"EAAAAAAA\"",
       "normalizer.precompiled_charsmap: says that its trie has 16 bytes, but 2 follow"},
      {"/normalizer/precompiled_charsmap", "\"BAAAAAAAAAD/\"",
       "normalizer.precompiled_charsmap: has replacements that are not valid UTF-8"},
  }));
  CAPTURE(pointer, value);
  json document = json::parse(R"({
    "normalizer": {"type": "Precompiled", "precompiled_charsmap": "BAAAAAAAAAA="},
    "pre_tokenizer": {"type": "Metaspace", "replacement": "_", "prepend_scheme": "always"},
    "model": {"type": "Unigram", "unk_id": 0, "vocab": [["<unk>", 0], ["a", -1.5]]}})");
  CHECK(error_of_json(document) == "loads");
  document[json::json_pointer(pointer)] = json::parse(value);
  CHECK(error_of_json(document) == "/tokenizer.json: " + problem);
}

TEST_CASE("a wrong value of a byte-pair tokenizer is named with its key", "[tokenizer][load]") {
  const auto [pointer, value, problem] = GENERATE(table<std::string, std::string, std::string>({
      {"/model/dropout", "0.1", "model.dropout \"0.1\" is not supported; supported: null, 0"},
      {"/model/merges", "{}", "model.merges: is an object, but must be an array"},
      {"/model/merges", R"(["ab"])", "model.merges.[0]: must be two tokens with one space between them"},
      {"/model/merges", R"(["a b c"])", "model.merges.[0]: must be two tokens with one space between them"},
      {"/model/merges", R"([["a"]])", "model.merges.[0]: must be two tokens"},
      {"/model/merges", R"([["a", 1]])", "model.merges.[0].[1]: is a number, but must be a string"},
      {"/model/merges", R"([["a", "c"]])", "model.merges: needs the token \"c\", which the vocabulary does not have"},
      {"/model/merges", R"([["b", "a"]])", "model.merges: needs the token \"ba\", which the vocabulary does not have"},
      {"/model/unk_token", "\"?\"", "model.vocab: needs the token \"?\", which the vocabulary does not have"},
      {"/model/fuse_unk", "1", "model.fuse_unk: is a number, but must be true or false"},
      {"/pre_tokenizer/behavior", "\"Kept\"",
       "pre_tokenizer.behavior: must be Removed, Isolated, MergedWithPrevious, MergedWithNext or Contiguous"},
      {"/pre_tokenizer/pattern", "{}", "pre_tokenizer.pattern: has no \"Regex\", which is needed"},
      {"/pre_tokenizer/pattern/Regex", R"("(a)\\1")",
       "pre_tokenizer.pattern.Regex \"(a)\\1 (it has \\1)\" is not supported; supported: patterns of groups, sets, "
       "general categories, repetitions and assertions"},
      {"/decoder/content", "\"\"", "decoder.content: must be one character"},
  }));
  CAPTURE(pointer, value);
  json document = json::parse(R"({
    "pre_tokenizer": {"type": "Split", "pattern": {"Regex": "a+"}, "behavior": "Isolated", "invert": false},
    "decoder": {"type": "Strip", "content": " ", "start": 1, "stop": 0},
    "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": [["a", "b"]]}})");
  CHECK(error_of_json(document) == "loads");
  document[json::json_pointer(pointer)] = json::parse(value);
  CHECK(error_of_json(document) == "/tokenizer.json: " + problem);
}

TEST_CASE("syntax of regular expressions that is not there is refused by its name", "[tokenizer][load]") {
  const std::string pattern = GENERATE("(", ")", "[a", "[]", "a**", "*", "a{2}+", "a{3,2}", "a{1001}", "(?<n>a)",
                                       "(?#x)", "\\p{Han}", "\\p{L", "\\k", "[[:alpha:]]", "(?i:é)", "(?i:ss)", "[b-a]",
                                       "[--a]", "(a*)*", "(?<=a+)b", "\\x{110000}", "((a{900}){900}){900}");
  CAPTURE(pattern);
  const json document = {
      {"pre_tokenizer",
       {{"type", "Split"}, {"pattern", {{"Regex", pattern}}}, {"behavior", "Isolated"}, {"invert", false}}},
      {"model", {{"type", "BPE"}, {"vocab", {{"a", 0}}}, {"merges", json::array()}}}};
  CHECK(error_of_json(document).starts_with("/tokenizer.json: pre_tokenizer.pattern.Regex \""));
}

TEST_CASE("a line of merges.txt that is no merge is named by its byte", "[tokenizer][load]") {
  const TemporaryFolder folder;
  folder.write("config.json", R"({"model_type": "gpt2"})");
  folder.write("vocab.json", R"({"a": 0, "b": 1, "ab": 2})");
  folder.write("merges.txt", "#version: 0.2\na b\n");
  CHECK(error_of(folder) == "loads");
  folder.write("merges.txt", "#version: 0.2\na b\nab\n");
  CHECK(error_of(folder) == "/merges.txt: byte 18: has a line here that is not two tokens with one space between them");
  folder.write("merges.txt", "a c\n");
  CHECK(error_of(folder) == "/merges.txt: needs the token \"c\", which the vocabulary does not have");
  folder.write("vocab.json", R"({"a": -1})");
  CHECK(error_of(folder) == "/vocab.json: a: is a number, but must be a whole number of at least 0");
}

TEST_CASE("a folder with vocab.json and merges.txt of a class that is not there names the class", "[tokenizer][load]") {
  const TemporaryFolder folder;
  folder.write("tokenizer_config.json", R"({"tokenizer_class": "CLIPTokenizer"})");
  folder.write("vocab.json", R"({"a": 0})");
  folder.write("merges.txt", "");
  CHECK(error_of(folder) ==
        "/vocab.json: tokenizer_class \"CLIPTokenizer\" is not supported; supported: GPT2Tokenizer, "
        "RobertaTokenizer, BartTokenizer, WhisperTokenizer");
}

TEST_CASE("of a key that occurs twice the last value counts", "[tokenizer][load]") {
  const TemporaryFolder folder;
  std::string text = tokenizer_json().dump();
  text.replace(text.find("\"hello\":2"), 9, "\"hello\":2,\"x\":3,\"hello\":4");
  folder.write("tokenizer.json", text);
  const auto tokenizer = Tokenizer::from_folder(folder.path());
  CHECK(tokenizer->token_to_id("hello") == 4);
  CHECK_FALSE(tokenizer->id_to_token(2).has_value());
  CHECK(tokenizer->vocab_size() == 4);
}

TEST_CASE("an added token of which normalizing leaves nothing is refused", "[tokenizer][load]") {
  json document = tokenizer_json();
  document["added_tokens"].push_back(document["added_tokens"][0]);
  document["added_tokens"][1].update({{"content", "\x01"}, {"normalized", true}});
  CHECK(error_of_json(document) ==
        ": added_tokens: normalizing leaves nothing of the token with id 3, so no text has it; remove it");
}

TEST_CASE("a wrong value in tokenizer_config.json is named with its key", "[tokenizer][load]") {
  const auto [config, problem] = GENERATE(table<std::string, std::string>({
      {"[]", ": is an array, but must be an object"},
      {R"({"do_lower_case": "yes"})", ": do_lower_case: is a string, but must be true or false"},
      {R"({"model_max_length": "512"})", ": model_max_length: is a string, but must be a number"},
      {R"({"model_max_length": 0})", ": model_max_length: must be at least 1, or null where there is no limit"},
      {R"({"model_max_length": -5})", ": model_max_length: must be at least 1, or null where there is no limit"},
      {R"({"truncation_side": "top"})", ": truncation_side: must be \"left\" or \"right\""},
      {R"({"cls_token": 5})", ": cls_token: is a number, but must be an object"},
      {R"({"cls_token": {}})", ": cls_token: has no \"content\", which is needed"},
      {R"({"added_tokens_decoder": {"x": {"content": "a"}}})",
       ": added_tokens_decoder.x: stands under a key that is not an id"},
      {R"({"tokenizer_class": 5})", ": tokenizer_class: is a number, but must be a string"},
  }));
  CAPTURE(config);
  CHECK(error_of_config(config) == "/tokenizer_config.json" + problem);
}

TEST_CASE("a vocab.txt of another class than BERT's is refused", "[tokenizer][load]") {
  CHECK(error_of_config(R"({"tokenizer_class": "FunnelTokenizer"})") ==
        "/vocab.txt: tokenizer_class \"FunnelTokenizer\" is not supported; supported: BertTokenizer and its kin, "
        "MPNetTokenizer");
}

TEST_CASE("a vocab.txt that is not UTF-8, or has no unknown token, is refused", "[tokenizer][load]") {
  const TemporaryFolder folder;
  folder.write("vocab.txt", "[UNK]\n\xFFx\n");
  CHECK(error_of(folder) == "/vocab.txt: byte 6: is not valid UTF-8 from here on");
  folder.write("vocab.txt", "a\nb\n");
  CHECK(error_of(folder) == "/vocab.txt: has no unknown token \"[UNK]\", which WordPiece needs");
  folder.write("vocab.txt", "");
  CHECK(error_of(folder) == "/vocab.txt: has no unknown token \"[UNK]\", which WordPiece needs");
}

TEST_CASE("model_max_length is absent when null, absent or absurd", "[tokenizer][load]") {
  const auto [config, length] = GENERATE(table<std::string, std::optional<std::size_t>>(
      {{"{}", std::nullopt},
       {R"({"model_max_length": null})", std::nullopt},
       {R"({"model_max_length": 1000000000000000019884624838656})", std::nullopt},
       {R"({"model_max_length": 1e30})", std::nullopt},
       {R"({"model_max_length": 512})", 512},
       {R"({"model_max_length": 512.0})", 512}}));
  CAPTURE(config);
  const TemporaryFolder folder;
  folder.write("vocab.txt", kVocab);
  folder.write("tokenizer_config.json", config);
  CHECK(Tokenizer::from_folder(folder.path())->model_max_length() == length);
}
