// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "modelpool/managers/embedding.hpp"

namespace modelpool {

std::string ModelInfo::to_json() const {
  const nlohmann::ordered_json object{
      {"architecture", architecture},
      {"model_type", model_type},
      {"parameters", parameters},
      {"weight_bytes", weight_bytes},
      {"dtype", dtype},
      {"device", device},
      {"pool_size", pool_size},
      {"reason", pool_size_reason},
      {"threads", threads},
      {"dimension", dimension},
      {"max_length", max_length},
      {"pooling", pooling},
      {"pooling_is_default", pooling_is_default},
      {"normalize", normalize},
      {"ignored_tensors", ignored_tensors},
  };
  return object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace modelpool
