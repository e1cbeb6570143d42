// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <modelpool/managers/embedding.hpp>

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  modelpool::EmbeddingManager embedder{argv[1]};
  const auto vector = embedder.embed("a package that works");
  std::printf("%zu numbers\n", vector.size());
  return vector.empty() ? 1 : 0;
}
