// SPDX-License-Identifier: Apache-2.0
// Finds the passages of some text files that answer a question, by meaning and not by words.
//
//   semantic_search MODEL_FOLDER QUESTION FILE...
//
// (The command `modelpool search` does the same with more options.)
#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <fstream>
#include <modelpool/managers/embedding.hpp>
#include <numeric>
#include <span>
#include <string>
#include <vector>

namespace {

struct Passage {
  std::string place;
  std::string text;
};

// Paragraphs: blocks of lines between empty lines.
void add_passages(const std::string& file, std::vector<Passage>& passages) {
  std::ifstream stream(file);
  std::size_t number = 0;
  bool inside = false;
  for (std::string line; std::getline(stream, line);) {
    ++number;
    if (line.empty()) {
      inside = false;
    } else if (inside) {
      passages.back().text += " " + line;
    } else {
      const auto name = file.substr(file.find_last_of('/') + 1);
      passages.push_back({name + ":" + std::to_string(number), line});
      inside = true;
    }
  }
}

// region: search
struct Hit {
  std::size_t passage;
  float score;  // cosine: the vectors have length 1
};

std::vector<Hit> search(modelpool::EmbeddingManager& embedder, const std::vector<Passage>& passages,
                        const std::string& question) {
  std::vector<std::string> texts;
  for (const auto& passage : passages) texts.push_back(passage.text);
  const auto vectors = embedder.embed(texts);  // in batches, on as many instances as it has work for
  const auto wanted = embedder.embed(question);
  std::vector<Hit> hits;
  for (std::size_t i = 0; i < vectors.num_texts; ++i)
    hits.push_back({i, std::inner_product(wanted.begin(), wanted.end(), vectors[i].begin(), 0.0F)});
  std::sort(hits.begin(), hits.end(), [](const Hit& a, const Hit& b) { return a.score > b.score; });
  return hits;
}
// endregion: search

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) {
    std::fprintf(stderr, "usage: semantic_search MODEL_FOLDER QUESTION FILE...\n");
    return 2;
  }
  try {
    modelpool::EmbeddingManager embedder{argv[1]};
    std::vector<Passage> passages;
    for (int i = 3; i < argc; ++i) add_passages(argv[i], passages);
    const auto hits = search(embedder, passages, argv[2]);
    std::printf("%zu passages\n", passages.size());
    for (std::size_t i = 0; i < std::min<std::size_t>(2, hits.size()); ++i) {
      const auto& passage = passages[hits[i].passage];
      std::printf("%.2f  %s  %s\n", static_cast<double>(hits[i].score), passage.place.c_str(), passage.text.c_str());
    }
  } catch (const modelpool::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
