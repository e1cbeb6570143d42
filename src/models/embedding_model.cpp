// SPDX-License-Identifier: Apache-2.0
#include "models/embedding_model.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "modelpool/error.hpp"
#include "models/json_file.hpp"

namespace modelpool::models {
namespace {

// Both files describe the same vectors.
void check_agreement(const EmbeddingConfig& config) {
  const auto& st = config.sentence_transformer;
  if (st.embedding_dimension && *st.embedding_dimension != config.encoder.hidden_size) {
    throw LoadError(st.pooling_file, "word_embedding_dimension", {},
                    fmt::format("{} is not the hidden_size of {}, {}", *st.embedding_dimension, config.config_file,
                                config.encoder.hidden_size));
  }
  const auto positions = static_cast<std::size_t>(config.encoder.max_position_embeddings);
  if (st.max_seq_length && *st.max_seq_length > positions) {
    throw LoadError(st.max_seq_length_file, "max_seq_length", {},
                    fmt::format("{} is more than max_position_embeddings of {}, {}", *st.max_seq_length,
                                config.config_file, positions));
  }
  (void)config.dimension();
}

}  // namespace

EmbeddingConfig EmbeddingConfig::from_folder(const std::filesystem::path& folder) {
  check_folder(folder);
  EmbeddingConfig config;
  config.folder = folder;
  config.sentence_transformer = SentenceTransformerConfig::from_folder(folder);
  const auto file = JsonFile::read(config.sentence_transformer.transformer / "config.json");
  file.require_object();
  config.config_file = file.path();
  config.architecture = &architecture_of(file);
  config.encoder = config.architecture->read_config(file);
  config.model_class = first_architecture(file);
  if (config.model_class.empty()) config.model_class = config.encoder.model_type;
  check_agreement(config);
  return config;
}

std::vector<FileIdentity> EmbeddingCheckpoint::identity() const {
  std::vector<FileIdentity> files(transformer.identity().begin(), transformer.identity().end());
  for (const auto& module : modules) files.insert(files.end(), module.identity().begin(), module.identity().end());
  return files;
}

EmbeddingCheckpoint EmbeddingConfig::open_checkpoint() const {
  EmbeddingCheckpoint checkpoint{Checkpoint::open(sentence_transformer.transformer, architecture->names), {}};
  for (const auto& module : sentence_transformer.after_pooling) {
    if (module.has_weights()) checkpoint.modules.push_back(Checkpoint::open(module.folder, {}));
  }
  return checkpoint;
}

std::string EmbeddingConfig::weight_key() const {
  auto key = encoder.key();
  for (const auto& module : sentence_transformer.after_pooling) key += "; " + module.describe();
  return key;
}

std::size_t EmbeddingConfig::dimension_after(std::size_t pooled) const {
  auto size = static_cast<std::int64_t>(pooled);
  for (const auto& module : sentence_transformer.after_pooling) size = module.size_after(size);
  return static_cast<std::size_t>(size);
}

std::size_t EmbeddingConfig::dimension() const {
  return dimension_after(sentence_transformer.pooling.size() * static_cast<std::size_t>(encoder.hidden_size));
}

EmbeddingModel::EmbeddingModel(const EmbeddingConfig& config, EmbeddingCheckpoint checkpoint, EncoderPlace place)
    : encoder_(make_encoder(config.encoder, *config.architecture, checkpoint.transformer, place)),
      parameters_(checkpoint.transformer.parameters()),
      ignored_tensors_(checkpoint.transformer.ignored()) {
  checkpoint.transformer.finish();
  load_modules(config, checkpoint.modules);
}

void EmbeddingModel::load_modules(const EmbeddingConfig& config, std::vector<Checkpoint>& checkpoints) {
  auto next = checkpoints.begin();
  for (const auto& module : config.sentence_transformer.after_pooling) {
    after_pooling_.emplace_back(module, module.has_weights() ? &*next : nullptr);
    if (module.has_weights()) parameters_ += (next++)->parameters();
  }
}

std::uint64_t EmbeddingModel::bytes() const noexcept {
  auto sum = encoder_->bytes();
  for (const auto& module : after_pooling_) sum += module.bytes();
  return sum;
}

void EmbeddingModel::forward(const nn::RaggedBatch& batch, std::span<const PoolingPlan* const> plans,
                             nn::Workspace& workspace, std::span<const std::span<float>> out) const {
  const auto hidden_states = encoder_->forward(batch, workspace);  // (T, C)
  const auto features = static_cast<std::size_t>(hidden_states.size(1));
  const float* from = hidden_states.const_data_ptr<float>();
  std::vector<float> values;
  for (std::size_t i = 0; i < out.size(); ++i) {
    const auto begin = static_cast<std::size_t>(batch.cu_seqlens[i]);
    const auto end = static_cast<std::size_t>(batch.cu_seqlens[i + 1]);
    const auto& plan = *plans[i];
    values.resize(plan.modes.size() * features);
    for (std::size_t m = 0; m < plan.modes.size(); ++m) {
      pool(plan.modes[m], {from + begin * features, (end - begin) * features}, plan.first_token,
           std::span{values}.subspan(m * features, features));
    }
    for (const auto& module : after_pooling_) module.apply(values, plan.normalize_modules, workspace);
    std::copy_n(values.begin(), out[i].size(), out[i].begin());  // or cut to a length that was asked for
    if (plan.normalize_after) normalize(out[i]);
  }
}

}  // namespace modelpool::models
