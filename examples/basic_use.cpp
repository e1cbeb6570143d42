// SPDX-License-Identifier: Apache-2.0
// A manager and its instances: calls that lease by themselves, a lease held for several calls, options of a request,
// statistics, and giving memory back.
//
//   basic_use MODEL_FOLDER
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <modelpool/managers/embedding.hpp>
#include <string>
#include <vector>

using namespace std::chrono_literals;

namespace {

void describe(modelpool::EmbeddingManager& embedder) {
  // region: info
  const auto info = embedder.info();  // loads the weights, if nobody has yet
  std::printf("%s, %llu parameters, %zu numbers per text, texts of at most %zu tokens\n", info.architecture.c_str(),
              static_cast<unsigned long long>(info.parameters), info.dimension, info.max_length);
  std::printf("%s on %s, pooling %s, %zu instances (%s)\n", info.dtype.c_str(), info.device.c_str(),
              info.pooling.c_str(), info.pool_size, info.pool_size_reason.c_str());
  // endregion: info
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: basic_use MODEL_FOLDER\n");
    return 2;
  }
  try {
    // region: manager
    modelpool::EmbeddingManager embedder{argv[1], {.pool_size = 2, .threads = 1}};
    // endregion: manager
    describe(embedder);

    // region: call
    const std::vector<std::string> texts{"Models are leased to threads.", "", "Et en français?"};
    const auto embeddings = embedder.embed(texts);  // leases by itself; results in the order of the texts
    for (std::size_t i = 0; i < embeddings.num_texts; ++i)
      std::printf("text %zu: %zu tokens, %zu numbers\n", i, embeddings.tokens[i], embeddings[i].size());
    // endregion: call

    // region: lease
    {
      auto instance = embedder.acquire({.timeout = 5s});  // exclusive until the end of the scope
      const auto again = embedder.embed(texts, *instance);
      const auto shorter = embedder.embed(texts, *instance, {.normalize = true, .dimensions = 128});
      std::printf("on a leased instance: %zu and %zu numbers per text\n", again.dimension, shorter.dimension);
    }  // back to the pool
    // endregion: lease

    // region: stats
    const auto stats = embedder.stats();
    std::printf("size %zu of %zu, leased %zu, requests %llu\n", stats.size, stats.max_size, stats.leased,
                static_cast<unsigned long long>(stats.requests));
    const auto report = embedder.shrink(0);  // nobody needs it for a while: give the memory back
    std::printf("%zu instances remain\n", report.remaining);
    // endregion: stats
  } catch (const modelpool::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
