// SPDX-License-Identifier: Apache-2.0
#include "models/classification_model.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "modelpool/error.hpp"
#include "models/json_file.hpp"

namespace modelpool::models {

using Slot = nn::Workspace::Slot;

// ---- the configuration
// -------------------------------------------------------------------------------------------------

namespace {

using Task = ClassificationConfig::Task;
using Scores = ClassificationConfig::Scores;

Task task_of(const JsonFile& file, const std::string& model_class) {
  if (model_class.ends_with("ForTokenClassification")) return Task::token;
  if (model_class.ends_with("ForSequenceClassification")) return Task::sequence;
  throw UnsupportedModel(file.path(), "architectures", model_class.empty() ? "no class" : model_class,
                         {"...ForTokenClassification", "...ForSequenceClassification"});
}

// "id2label": {"0": "NEGATIVE", "1": "POSITIVE"}
std::vector<std::string> named_labels(const JsonFile& file) {
  const auto& names = file.root()["id2label"];
  if (!names.is_object() || names.empty()) file.fail("id2label", "should be an object that gives each label a name");
  std::vector<std::string> labels(names.size());
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const auto name = names.find(fmt::to_string(i));
    if (name == names.end())
      file.fail("id2label", fmt::format("has {} labels, but none of number {}", names.size(), i));
    if (!name->is_string()) file.fail("id2label", fmt::format("label {} should be a string", i));
    labels[i] = name->get<std::string>();
  }
  return labels;
}

std::vector<std::string> labels_of(const JsonFile& file) {
  if (file.has("id2label")) return named_labels(file);
  const auto count = file.integer("num_labels", 1, std::numeric_limits<std::int32_t>::max()).value_or(2);
  std::vector<std::string> labels;
  for (std::int64_t i = 0; i < count; ++i) labels.push_back(fmt::format("LABEL_{}", i));
  return labels;
}

Scores scores_of(const JsonFile& file, std::size_t num_labels) {
  const auto type = file.string("problem_type");
  if (type == "regression") return Scores::raw;
  if (type == "multi_label_classification") return Scores::sigmoid;
  if (type && type != "single_label_classification") {
    throw UnsupportedModel(file.path(), "problem_type", *type,
                           {"regression", "single_label_classification", "multi_label_classification"});
  }
  return num_labels == 1 ? Scores::sigmoid : Scores::softmax;
}

// A token as tokenizer_config.json writes it: a string, or an object with its "content".
std::optional<std::string> token_in(const std::filesystem::path& path, const char* key) {
  const auto file = JsonFile::read_if_present(path);
  if (!file || !file->root().is_object() || !file->has(key)) return std::nullopt;
  const auto& token = file->root()[key];
  if (token.is_string()) return token.get<std::string>();
  if (token.is_object() && token.contains("content") && token["content"].is_string()) {
    return token["content"].get<std::string>();
  }
  file->fail(key, "should be a string, or an object with a string as \"content\"");
}

std::string unknown_token_of(const std::filesystem::path& folder, const std::string& model_type) {
  for (const auto* name : {"tokenizer_config.json", "special_tokens_map.json"}) {
    if (auto token = token_in(folder / name, "unk_token")) return *std::move(token);
  }
  const bool is_bert = model_type == "bert" || model_type == "distilbert" || model_type == "mpnet";
  return is_bert ? "[UNK]" : "<unk>";
}

}  // namespace

ClassificationConfig ClassificationConfig::from_folder(const std::filesystem::path& folder) {
  check_folder(folder);
  ClassificationConfig config;
  config.folder = folder;
  const auto file = JsonFile::read(folder / "config.json");
  file.require_object();
  config.config_file = file.path();
  config.architecture = &architecture_of(file);
  config.model_class = first_architecture(file);
  config.task = task_of(file, config.model_class);
  config.encoder = config.architecture->read_config(file);
  config.labels = labels_of(file);
  config.scores = scores_of(file, config.labels.size());
  config.unknown_token = unknown_token_of(folder, config.encoder.model_type);
  return config;
}

Checkpoint ClassificationConfig::open_checkpoint() const { return Checkpoint::open(folder, architecture->names); }

std::string ClassificationConfig::weight_key() const {
  return fmt::format("{} labels={} {}", encoder.key(), labels.size(), task == Task::token ? "token" : "sequence");
}

// ---- the model
// ---------------------------------------------------------------------------------------------------------

ClassificationModel::ClassificationModel(const ClassificationConfig& config, Checkpoint checkpoint, EncoderPlace place)
    : encoder_(make_encoder(config.encoder, *config.architecture, checkpoint, place)), task_(config.task) {
  ModuleLoader loader(checkpoint);  // the head is small: always float32
  const auto C = config.encoder.hidden_size;
  const auto& head = config.architecture->sequence_head;
  if (task_ == Task::sequence) dense_ = loader.linear(head.dense, {C, C}, head.activation);
  classifier_ = loader.linear(task_ == Task::sequence ? head.out : "classifier",
                              {static_cast<std::int64_t>(config.labels.size()), C});
  parameters_ = checkpoint.parameters();
  ignored_tensors_ = checkpoint.ignored();
  checkpoint.finish();
}

at::Tensor ClassificationModel::forward(const nn::RaggedBatch& batch, nn::Workspace& workspace) const {
  auto rows = encoder_->forward(batch, workspace);  // (T, C)
  if (task_ == Task::sequence) rows = first_tokens(rows, batch, workspace);
  const auto logits = workspace.take(Slot::wide, rows.size(0), classifier_.out_features());
  classifier_.forward(rows, logits, workspace);
  return logits;
}

// @return (B, C): what the head makes of the first token of each text
at::Tensor ClassificationModel::first_tokens(const at::Tensor& hidden_states, const nn::RaggedBatch& batch,
                                             nn::Workspace& workspace) const {
  const auto C = hidden_states.size(1);
  const auto first = workspace.take(Slot::context, batch.num_sequences(), C);
  const float* const from = hidden_states.const_data_ptr<float>();
  float* to = first.mutable_data_ptr<float>();
  for (std::int64_t b = 0; b < batch.num_sequences(); ++b, to += C) {
    std::copy_n(from + batch.cu_seqlens[static_cast<std::size_t>(b)] * C, C, to);
  }
  const auto pooled = workspace.take(Slot::update, batch.num_sequences(), C);
  dense_.forward(first, pooled, workspace);
  return pooled;
}

std::uint64_t ClassificationModel::bytes() const noexcept {
  return encoder_->bytes() + dense_.bytes() + classifier_.bytes();
}

}  // namespace modelpool::models
