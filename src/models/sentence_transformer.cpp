// SPDX-License-Identifier: Apache-2.0
#include "models/sentence_transformer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>

#include "modelpool/error.hpp"
#include "models/json_file.hpp"

namespace modelpool::models {
namespace {

constexpr std::array kModes{PoolingMode::cls,           PoolingMode::max,          PoolingMode::mean,
                            PoolingMode::mean_sqrt_len, PoolingMode::weightedmean, PoolingMode::lasttoken};

std::vector<std::string> mode_names() {
  std::vector<std::string> names;
  for (const auto mode : kModes) names.emplace_back(to_string(mode));
  return names;
}

PoolingMode mode_of(const JsonFile& file, const std::string& name) {
  const auto mode = std::ranges::find_if(kModes, [&](PoolingMode m) { return name == to_string(m); });
  if (name == "mean_sqrt_len") return PoolingMode::mean_sqrt_len;
  if (mode == kModes.end()) throw UnsupportedModel(file.path(), "pooling_mode", name, mode_names());
  return *mode;
}

// ---- the Pooling module, in two dialects
// -------------------------------------------------------------------------------

// The newer one: "pooling_mode": "mean", or a list of names; several are joined as they are listed.
std::vector<PoolingMode> modes_by_name(const JsonFile& file) {
  const auto& value = file.root()["pooling_mode"];
  std::vector<PoolingMode> modes;
  const auto add = [&](const nlohmann::json& name) {
    if (!name.is_string()) file.fail("pooling_mode", "should be a name or a list of names");
    modes.push_back(mode_of(file, name.get<std::string>()));
  };
  if (value.is_array()) {
    for (const auto& name : value) add(name);
  } else {
    add(value);
  }
  return modes;
}

// The older one: a boolean for each mode; several are joined in the order of kModes, none means the mean.
std::vector<PoolingMode> modes_by_flag(const JsonFile& file) {
  constexpr std::array<const char*, kModes.size()> kFlags{
      "pooling_mode_cls_token",           "pooling_mode_max_tokens",
      "pooling_mode_mean_tokens",         "pooling_mode_mean_sqrt_len_tokens",
      "pooling_mode_weightedmean_tokens", "pooling_mode_lasttoken"};
  for (const auto& [key, value] : file.root().items()) {
    if (key.starts_with("pooling_mode_") && std::ranges::find(kFlags, key) == kFlags.end() && value != false) {
      throw UnsupportedModel(file.path(), "pooling", key, {kFlags.begin(), kFlags.end()});
    }
  }
  std::vector<PoolingMode> modes;
  for (std::size_t i = 0; i < kModes.size(); ++i) {
    if (file.boolean(kFlags[i]).value_or(false)) modes.push_back(kModes[i]);
  }
  if (modes.empty()) modes.push_back(PoolingMode::mean);
  return modes;
}

void read_pooling(const std::filesystem::path& folder, SentenceTransformerConfig& config) {
  const auto file = JsonFile::read(folder / "config.json");
  file.require_object();
  auto modes = file.has("pooling_mode") ? modes_by_name(file) : modes_by_flag(file);
  if (modes.empty()) file.fail("pooling_mode", "names no pooling; for example \"mean\"");
  config.pooling = std::move(modes);
  config.include_prompt = file.boolean("include_prompt").value_or(true);
  constexpr std::int64_t kMost = std::numeric_limits<std::int32_t>::max();
  config.embedding_dimension = file.integer("embedding_dimension", 1, kMost);
  if (!config.embedding_dimension) config.embedding_dimension = file.integer("word_embedding_dimension", 1, kMost);
  config.pooling_file = file.path();
}

// ---- modules.json
// ------------------------------------------------------------------------------------------------------

struct Module {
  std::string type;  // without the Python packages it lies in: they differ by release
  std::filesystem::path folder;
};

std::string string_of(const JsonFile& file, const nlohmann::json& module, const char* key) {
  const auto it = module.find(key);
  if (it == module.end() || !it->is_string()) file.fail(key, "every module needs it, as a string");
  return it->get<std::string>();
}

std::vector<Module> modules_of(const JsonFile& file, const std::filesystem::path& folder) {
  if (!file.root().is_array()) throw LoadError(file.path(), "", {}, "should be a JSON list of modules");
  std::vector<Module> modules;
  for (const auto& module : file.root()) {
    if (!module.is_object()) throw LoadError(file.path(), "", {}, "should be a JSON list of objects");
    const auto type = string_of(file, module, "type");
    const auto path = std::filesystem::path(string_of(file, module, "path"));
    if (path.is_absolute() || std::ranges::find(path, "..") != path.end()) {
      file.fail("path", fmt::format("\"{}\" leaves the model's folder", path.string()));
    }
    modules.push_back({type.substr(type.rfind('.') + 1), path.empty() ? folder : folder / path});
  }
  return modules;
}

const std::vector<std::string> kSupportedModules{"Transformer", "Pooling",   "Dense",
                                                 "LayerNorm",   "Normalize", "Dropout"};

void read_module_after_pooling(const JsonFile& file, const Module& module, SentenceTransformerConfig& config) {
  if (module.type == "Dense") {
    config.after_pooling.push_back(SentenceModuleConfig::dense(module.folder));
  } else if (module.type == "LayerNorm") {
    config.after_pooling.push_back(SentenceModuleConfig::layer_norm(module.folder));
  } else if (module.type == "Normalize") {
    config.after_pooling.push_back(SentenceModuleConfig::normalize(module.folder));
  } else if (module.type != "Dropout") {  // which does nothing outside of training
    throw UnsupportedModel(file.path(), "module after the Pooling", module.type,
                           {"Dense", "LayerNorm", "Normalize", "Dropout"});
  }
}

void read_modules(const JsonFile& file, const std::vector<Module>& modules, SentenceTransformerConfig& config) {
  for (const auto& module : modules) {
    if (std::ranges::find(kSupportedModules, module.type) != kSupportedModules.end()) continue;
    throw UnsupportedModel(file.path(), "module", module.type, kSupportedModules);
  }
  if (modules.size() < 2 || modules[0].type != "Transformer" || modules[1].type != "Pooling") {
    throw LoadError(file.path(), "", {}, "should list a Transformer, then a Pooling, then what follows it");
  }
  config.transformer = modules[0].folder;
  read_pooling(modules[1].folder, config);
  for (std::size_t i = 2; i < modules.size(); ++i) read_module_after_pooling(file, modules[i], config);
}

// ---- the other files
// ---------------------------------------------------------------------------------------------------

// The reference looks for these, in this order.
constexpr std::array<const char*, 7> kTransformerFiles{
    "sentence_bert_config.json",      "sentence_roberta_config.json", "sentence_distilbert_config.json",
    "sentence_camembert_config.json", "sentence_albert_config.json",  "sentence_xlm-roberta_config.json",
    "sentence_xlnet_config.json"};

// A normalizer of tokenizer.json, perhaps a sequence of others.
bool lowers(const nlohmann::json& normalizer) {
  if (!normalizer.is_object()) return false;
  const auto type = normalizer.value("type", nlohmann::json());
  if (type == "Lowercase") return true;
  if (type == "BertNormalizer") return normalizer.value("lowercase", nlohmann::json()) == true;
  const auto parts = normalizer.find("normalizers");
  return parts != normalizer.end() && parts->is_array() && std::ranges::any_of(*parts, lowers);
}

bool tokenizer_lowers(const std::filesystem::path& transformer) {
  if (const auto file = JsonFile::read_if_present(transformer / "tokenizer.json")) {
    return file->require_object().has("normalizer") && lowers(file->root()["normalizer"]);
  }
  const auto file = JsonFile::read_if_present(transformer / "tokenizer_config.json");
  return !file || file->require_object().boolean("do_lower_case").value_or(true);  // of a vocab.txt
}

// do_lower_case lowers the text before the tokenizer sees it; where the tokenizer does so itself nothing is left to do.
void check_lower_case(const JsonFile& file, const std::filesystem::path& transformer) {
  if (!file.boolean("do_lower_case").value_or(false) || tokenizer_lowers(transformer)) return;
  throw UnsupportedModel(file.path(), "do_lower_case", "true with a tokenizer that keeps case", {"false"});
}

void read_transformer(SentenceTransformerConfig& config) {
  for (const auto* name : kTransformerFiles) {
    const auto file = JsonFile::read_if_present(config.transformer / name);
    if (!file) continue;
    const auto length = file->require_object().integer("max_seq_length", 1, std::numeric_limits<std::int32_t>::max());
    if (length) config.max_seq_length = static_cast<std::size_t>(*length);
    config.max_seq_length_file = file->path();
    return check_lower_case(*file, config.transformer);
  }
}

void read_prompts(const std::filesystem::path& folder, SentenceTransformerConfig& config) {
  const auto file = JsonFile::read_if_present(folder / "config_sentence_transformers.json");
  if (!file) return;
  file->require_object();
  if (file->has("prompts")) {
    const auto& prompts = file->root()["prompts"];
    if (!prompts.is_object()) file->fail("prompts", "should be an object of strings");
    for (const auto& [name, text] : prompts.items()) {
      if (!text.is_string()) file->fail("prompts", fmt::format("\"{}\" should be a string", name));
      config.prompts.emplace(name, text.get<std::string>());
    }
  }
  config.default_prompt_name = file->string("default_prompt_name");
  if (config.default_prompt_name && !config.prompts.contains(*config.default_prompt_name)) {
    file->fail("default_prompt_name", fmt::format("\"{}\" is not among the prompts", *config.default_prompt_name));
  }
}

}  // namespace

bool SentenceTransformerConfig::normalizes() const noexcept {
  return std::ranges::any_of(after_pooling,
                             [](const auto& module) { return module.kind == SentenceModuleConfig::Kind::normalize; });
}

SentenceTransformerConfig SentenceTransformerConfig::from_folder(const std::filesystem::path& folder) {
  SentenceTransformerConfig config;
  config.transformer = folder;
  if (const auto file = JsonFile::read_if_present(folder / "modules.json")) {
    config.has_modules = true;
    read_modules(*file, modules_of(*file, folder), config);
    read_transformer(config);  // the reference looks for it beside a list of modules only
  }
  read_prompts(folder, config);
  return config;
}

}  // namespace modelpool::models
