// SPDX-License-Identifier: Apache-2.0
// Runs a fuzzer's function over the files of folders, without libFuzzer. A fault ends the program as it does there.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

int main(int argc, char** argv) {
  std::size_t files = 0;
  for (int i = 1; i < argc; ++i)
    for (const auto& entry : std::filesystem::recursive_directory_iterator(argv[i])) {
      if (!entry.is_regular_file()) continue;
      std::puts(entry.path().c_str());
      std::fflush(stdout);  // the last line names the file where the program ended
      std::ifstream stream{entry.path(), std::ios::binary};
      const std::vector<std::uint8_t> bytes{std::istreambuf_iterator<char>{stream}, {}};
      LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
      ++files;
    }
  std::printf("%zu files\n", files);
  return files > 0 ? 0 : 1;
}
