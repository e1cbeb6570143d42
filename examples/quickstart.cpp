// SPDX-License-Identifier: Apache-2.0
// The program of the README: which of these texts mean the same?
//
//   quickstart MODEL_FOLDER
// region: program
#include <modelpool/managers/embedding.hpp>

#include <cstdio>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

int main(int, char** argv) {
  modelpool::EmbeddingManager embedder{argv[1], {.pool_size = 2}};  // a folder with config.json and model.safetensors
  const std::vector<std::string> texts{"A thread waits for its turn.", "The caller stands in a queue.",
                                       "Bread is baked in an oven."};
  std::vector<float> cosines(texts.size());
  {
    std::vector<std::jthread> callers;
    for (std::size_t i = 0; i < texts.size(); ++i)
      callers.emplace_back([&, i] {                   // any thread may call: each call leases an instance for itself
        const auto first = embedder.embed(texts[0]);  // std::vector<float> of length 1
        const auto other = embedder.embed(texts[i]);
        cosines[i] = std::inner_product(first.begin(), first.end(), other.begin(), 0.0F);
      });
  }
  for (std::size_t i = 0; i < texts.size(); ++i) std::printf("%.2f  %s\n", cosines[i], texts[i].c_str());
}
// endregion: program
