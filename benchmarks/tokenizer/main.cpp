// SPDX-License-Identifier: Apache-2.0
// tokenizer_benchmark FOLDER TEXTS: encodes the lines of TEXTS with the tokenizer of FOLDER, again and again as asked.
// Each line of standard input is a number of threads; each is answered by a line of three numbers: seconds, ids, and
// the sum of the ids. compare.py drives it.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

#include "modelpool/tokenizers/tokenizer.hpp"

namespace {

using modelpool::Tokenizer;

struct Count {
  std::size_t ids = 0;
  std::int64_t sum = 0;
};

std::vector<std::string> lines_of(const char* path) {
  std::ifstream file(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

// Threads take blocks of texts in turn, so that none is left with the long ones. The encodings are kept until all are
// done, as a batch's are.
Count encode(const Tokenizer& tokenizer, const std::vector<std::string>& texts, unsigned threads) {
  constexpr std::size_t kBlock = 16;
  std::vector<modelpool::Encoding> encodings(texts.size());
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    for (std::size_t begin = next.fetch_add(kBlock); begin < texts.size(); begin = next.fetch_add(kBlock))
      for (std::size_t i = begin; i < std::min(begin + kBlock, texts.size()); ++i)
        encodings[i] = tokenizer.encode(texts[i]);
  };
  std::vector<std::jthread> others;
  for (unsigned i = 1; i < threads; ++i) others.emplace_back(work);
  work();
  others.clear();
  Count count;
  for (const auto& encoding : encodings) {
    count.ids += encoding.size();
    for (const std::int32_t id : encoding.input_ids) count.sum += id;
  }
  return count;
}

int run(const char* folder, const char* texts_file) {
  const auto texts = lines_of(texts_file);
  const auto tokenizer = Tokenizer::from_folder(folder);
  std::cout << "ready" << std::endl;
  for (unsigned threads = 0; std::cin >> threads;) {
    const auto begin = std::chrono::steady_clock::now();
    const Count count = encode(*tokenizer, texts, threads);
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
    std::cout << seconds.count() << ' ' << count.ids << ' ' << count.sum << std::endl;
  }
  return EXIT_SUCCESS;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: tokenizer_benchmark FOLDER TEXTS\n";
    return EXIT_FAILURE;
  }
  try {
    return run(argv[1], argv[2]);
  } catch (const std::exception& error) {
    std::cout << error.what() << std::endl;
    return EXIT_FAILURE;
  }
}
