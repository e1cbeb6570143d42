// SPDX-License-Identifier: Apache-2.0
#include "modelpool/managers/model_info.hpp"

#include <nlohmann/json.hpp>
#include <system_error>

#include "models/json_file.hpp"

namespace modelpool {

std::string ModelInfo::to_json() const {
  nlohmann::ordered_json object{
      {"task", task},
      {"architecture", architecture},
      {"model_type", model_type},
      {"parameters", parameters},
      {"weight_bytes", weight_bytes},
      {"dtype", dtype},
      {"device", device},
      {"pool_size", pool_size},
      {"reason", pool_size_reason},
      {"threads", threads},
      {"max_length", max_length},
  };
  if (task == "embedding") {
    object["dimension"] = dimension;
    object["pooling"] = pooling;
    object["pooling_is_default"] = pooling_is_default;
    object["normalize"] = normalize;
    object["modules"] = modules;
  } else {
    object["labels"] = labels;
  }
  object["ignored_tensors"] = ignored_tensors;
  return object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string task_of(const std::filesystem::path& folder) {
  std::error_code ignored;
  if (std::filesystem::exists(folder / "modules.json", ignored)) return "embedding";
  const auto file = models::JsonFile::read(folder / "config.json");
  const auto& root = file.require_object().root();
  const auto it = root.find("architectures");
  if (it == root.end() || !it->is_array() || it->empty() || !it->front().is_string()) return "embedding";
  const auto name = it->front().get<std::string>();
  if (name.ends_with("ForTokenClassification")) return "token-classification";
  return name.ends_with("ForSequenceClassification") ? "text-classification" : "embedding";
}

}  // namespace modelpool
