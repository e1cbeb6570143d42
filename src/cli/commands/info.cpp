// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/info.hpp"

#include <fmt/format.h>

#include "cli/classifier.hpp"
#include "cli/embedder.hpp"
#include "cli/json.hpp"

namespace modelpool::cli {
namespace {

class JsonObject {
 public:
  void add(std::string_view key, std::string_view text) { append_json_string(begin(key), text); }
  void add(std::string_view key, std::uint64_t number) {
    append_json_integer(begin(key), static_cast<std::int64_t>(number));
  }
  void add_bool(std::string_view key, bool value) { begin(key) += value ? "true" : "false"; }
  void add(std::string_view key, const std::vector<std::string>& texts) {
    auto& out = begin(key);
    out += '[';
    for (std::size_t i = 0; i < texts.size(); ++i) {
      if (i > 0) out += ',';
      append_json_string(out, texts[i]);
    }
    out += ']';
  }
  [[nodiscard]] std::string line() const { return out_ + "}\n"; }

 private:
  std::string& begin(std::string_view key) {
    out_ += out_.size() > 1 ? ",\"" : "\"";
    out_ += key;
    return out_ += "\":";
  }
  std::string out_ = "{";
};

std::string info_as_json(const ModelInfo& info) {
  JsonObject object;
  object.add("task", info.task);
  object.add("architecture", info.architecture);
  object.add("model_type", info.model_type);
  object.add("parameters", info.parameters);
  object.add("weight_bytes", info.weight_bytes);
  object.add("dtype", info.dtype);
  object.add("device", info.device);
  object.add("pool_size", info.pool_size);
  object.add("reason", info.pool_size_reason);
  object.add("threads", static_cast<std::uint64_t>(info.threads));
  object.add("max_length", info.max_length);
  if (info.task == "embedding") {
    object.add("dimension", info.dimension);
    object.add("pooling", info.pooling);
    object.add_bool("normalize", info.normalize);
    object.add("modules", info.modules);
    object.add_bool("pooling_is_default", info.pooling_is_default);
  } else {
    object.add("labels", info.labels);
  }
  object.add("ignored_tensors", info.ignored_tensors);
  return object.line();
}

std::string megabytes(std::uint64_t bytes) { return fmt::format("{:.1f} MB", static_cast<double>(bytes) / 1e6); }

std::string joined(const std::vector<std::string>& texts) { return fmt::format("{}", fmt::join(texts, ", ")); }

std::string info_for_people(const ModelInfo& info) {
  std::string text;
  const auto row = [&](std::string_view name, const std::string& value) {
    text += fmt::format("{:<14}{}\n", name, value);
  };
  row("architecture", fmt::format("{} ({})", info.architecture, info.model_type));
  row("parameters", fmt::format("{:.1f} million", static_cast<double>(info.parameters) / 1e6));
  row("weights", megabytes(info.weight_bytes) + ", shared by all instances");
  row("dtype", info.dtype);
  row("device", info.device);
  row("pool size", fmt::format("{} (from: {})", info.pool_size, info.pool_size_reason));
  row("threads", fmt::format("{} for each instance", info.threads));
  if (info.task == "embedding") {
    row("embedding", fmt::format("{} numbers, {} pooling{}{}", info.dimension, info.pooling,
                                 info.pooling_is_default ? " (the folder has no modules.json)" : "",
                                 info.normalize ? ", unit length" : ""));
    if (!info.modules.empty()) row("then", joined(info.modules));
  } else {
    row(info.task == "token-classification" ? "token labels" : "text labels", joined(info.labels));
  }
  row("longest text", fmt::format("{} tokens", info.max_length));
  if (!info.ignored_tensors.empty()) row("not used", joined(info.ignored_tensors));
  return text;
}

}  // namespace

int run_info(CommandContext& context) {
  const auto& common = context.options.common;
  const auto info = is_classifier(common) ? open_classifier(common).info() : open_embedder(common).info();
  context.out.write(context.options.common.json ? info_as_json(info) : info_for_people(info));
  return context.exit_code(0);
}

}  // namespace modelpool::cli
