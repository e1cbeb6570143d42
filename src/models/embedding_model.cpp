// SPDX-License-Identifier: Apache-2.0
#include "models/embedding_model.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "modelpool/error.hpp"
#include "models/json_file.hpp"

namespace modelpool::models {
namespace {

std::string first_architecture(const JsonFile& file) {
  const auto it = file.root().find("architectures");
  if (it == file.root().end() || !it->is_array() || it->empty() || !it->front().is_string()) return "";
  return it->front().get<std::string>();
}

// Both files describe the same vectors.
void check_agreement(const EmbeddingConfig& config) {
  const auto& st = config.sentence_transformer;
  if (st.embedding_dimension && *st.embedding_dimension != config.encoder.hidden_size) {
    throw LoadError(st.pooling_file, "word_embedding_dimension", {},
                    fmt::format("{} is not the hidden_size of {}, {}", *st.embedding_dimension, config.config_file,
                                config.encoder.hidden_size));
  }
  const auto positions = static_cast<std::size_t>(config.encoder.max_length());
  if (st.max_seq_length && *st.max_seq_length > positions) {
    throw LoadError(st.max_seq_length_file, "max_seq_length", {},
                    fmt::format("{} is more than max_position_embeddings of {}, {}", *st.max_seq_length,
                                config.config_file, positions));
  }
}

void check_folder(const std::filesystem::path& folder) {
  using std::filesystem::file_type;
  std::error_code error;
  const auto type = std::filesystem::status(folder, error).type();
  if (type == file_type::directory) return;
  const auto fail = [&](const std::string& problem) { throw LoadError(folder.string(), "", {}, problem); };
  if (type == file_type::not_found)
    fail("there is no such folder; give a folder with config.json, weights and tokenizer");
  if (error) fail(fmt::format("cannot be read: {}", error.message()));
  fail("is not a folder; give the folder with config.json, weights and tokenizer");
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

Checkpoint EmbeddingConfig::open_checkpoint() const {
  return Checkpoint::open(sentence_transformer.transformer, architecture->names);
}

std::string EmbeddingConfig::weight_key() const { return encoder.key(); }

EmbeddingModel::EmbeddingModel(const EmbeddingConfig& config, Checkpoint checkpoint, nn::Precision precision)
    : encoder_(config.encoder, *config.architecture, checkpoint, precision),
      parameters_(checkpoint.parameters()),
      ignored_tensors_(checkpoint.ignored()) {
  checkpoint.finish();
}

namespace {

// Pools the tokens of one text into `out`, which may be shorter than what the modes join.
void finish_text(std::span<const float> tokens, std::size_t features, const PoolingPlan& plan, std::span<float> out) {
  std::vector<float> buffer;
  std::span<float> joined = out;
  if (const auto size = plan.modes.size() * features; size != out.size()) {
    buffer.resize(size);
    joined = buffer;
  }
  for (std::size_t i = 0; i < plan.modes.size(); ++i) {
    pool(plan.modes[i], tokens, plan.first_token, joined.subspan(i * features, features));
  }
  if (plan.normalize_before) normalize(joined);
  if (!buffer.empty()) std::copy_n(joined.begin(), out.size(), out.begin());
  if (plan.normalize_after) normalize(out);
}

}  // namespace

void EmbeddingModel::forward(const nn::RaggedBatch& batch, std::span<const PoolingPlan* const> plans,
                             nn::Workspace& workspace, std::span<const std::span<float>> out) const {
  const auto hidden_states = encoder_.forward(batch, workspace);  // (T, C)
  const auto features = static_cast<std::size_t>(hidden_states.size(1));
  const float* from = hidden_states.const_data_ptr<float>();
  for (std::size_t i = 0; i < out.size(); ++i) {
    const auto begin = static_cast<std::size_t>(batch.cu_seqlens[i]);
    const auto end = static_cast<std::size_t>(batch.cu_seqlens[i + 1]);
    finish_text({from + begin * features, (end - begin) * features}, features, *plans[i], out[i]);
  }
}

}  // namespace modelpool::models
