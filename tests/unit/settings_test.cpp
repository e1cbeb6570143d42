// SPDX-License-Identifier: Apache-2.0
#include "modelpool/settings.hpp"

#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include "base/nearest.hpp"
#include "modelpool/error.hpp"
#include "support/catch.hpp"

using namespace modelpool;
namespace fs = std::filesystem;

namespace {

// A settings file that is gone at the end of the test.
class File {
 public:
  explicit File(const std::string& text)
      : path_(fs::temp_directory_path() / ("modelpool_settings_" + std::to_string(::getpid()) + ".json")) {
    std::ofstream(path_, std::ios::binary) << text;
  }
  ~File() { fs::remove(path_); }
  std::string path() const { return path_.string(); }

 private:
  fs::path path_;
};

Settings with(std::map<std::string, std::string, std::less<>> variables) {
  return Settings::from_environment([&](std::string_view name) -> std::optional<std::string> {
    const auto it = variables.find(name);
    return it == variables.end() ? std::nullopt : std::optional(it->second);
  });
}

template <class E>
std::string message_of(const std::string& text) {
  const File file(text);
  try {
    (void)Settings::from_file(file.path());
  } catch (const E& error) {
    const std::string message = error.what();
    const auto at = message.find(file.path());
    return at == std::string::npos ? message : "FILE" + message.substr(at + file.path().size());
  }
  return "no error";
}

}  // namespace

TEST_CASE("settings have the documented defaults", "[settings]") {
  const Settings settings = with({});
  CHECK(settings.model_pool_enabled);
  CHECK(settings.model_pool_max_instances == 2);
  CHECK(settings.model_vram_estimates.at("summarization") == 2'147'483'648U);
  CHECK(settings.model_vram_estimates.at("embedding") == 1'073'741'824U);
  CHECK_FALSE(settings.force_gpu);
  CHECK_FALSE(settings.force_cpu);
}

TEST_CASE("the environment beats the file and the file beats the defaults", "[settings]") {
  const File file(
      R"({"model_pool_max_instances": 5, "model_pool_enabled": false, "model_vram_estimates": {"embedding": 7}})");
  const Settings settings = with({{"MODELPOOL_SETTINGS", file.path()}, {"MODEL_POOL_MAX_INSTANCES", "4"}});
  CHECK(settings.model_pool_max_instances == 4);
  CHECK_FALSE(settings.model_pool_enabled);
  CHECK(settings.model_vram_estimates.at("embedding") == 7U);
  CHECK(settings.model_vram_estimates.at("summarization") == 2'147'483'648U);
}

TEST_CASE("the old names are honoured and the new ones beat them", "[settings]") {
  CHECK(with({{"MASX_FORCE_CPU", "1"}}).force_cpu);
  CHECK(with({{"MASX_FORCE_GPU", "True"}}).force_gpu);
  CHECK_FALSE(with({{"MODEL_POOL_ENABLED", "FALSE"}}).model_pool_enabled);
  CHECK(with({{"MODELPOOL_MAX_INSTANCES", "3"}, {"MODEL_POOL_MAX_INSTANCES", "9"}}).model_pool_max_instances == 3);
  CHECK(with({{"MODELPOOL_VRAM_ESTIMATES", R"({"embedding": 12})"}}).model_vram_estimates.at("embedding") == 12U);
}

TEST_CASE("an empty environment variable counts as not set", "[settings]") {
  CHECK(with({{"MODEL_POOL_MAX_INSTANCES", ""}}).model_pool_max_instances == 2);
}

TEST_CASE("a bad environment variable is an error that names it and what it takes", "[settings]") {
  CHECK_THROWS_WITH(with({{"MODEL_POOL_ENABLED", "yes"}}),
                    "MODEL_POOL_ENABLED is \"yes\", but must be true, false, 1 or 0");
  for (const std::string bad : {"0", "-1", "2x", " 2", "1.5", "65536", "99999999999999999999"}) {
    CAPTURE(bad);
    CHECK_THROWS_WITH(with({{"MODEL_POOL_MAX_INSTANCES", bad}}),
                      "MODEL_POOL_MAX_INSTANCES is \"" + bad + "\", but must be a whole number from 1 to 65535");
  }
  CHECK_THROWS_AS(with({{"MODELPOOL_VRAM_ESTIMATES", "12"}}), InvalidOptions);
  CHECK_THROWS_AS(with({{"MODELPOOL_VRAM_ESTIMATES", "{"}}), InvalidOptions);
}

TEST_CASE("forcing a GPU and a CPU at once is an error", "[settings]") {
  CHECK_THROWS_AS(with({{"MASX_FORCE_GPU", "1"}, {"MASX_FORCE_CPU", "true"}}), InvalidOptions);
}

TEST_CASE("an unknown key of the file is an error that suggests the nearest one", "[settings]") {
  CHECK(message_of<InvalidOptions>(R"({"model_pool_max_instance": 3})") ==
        "FILE is using the unknown key \"model_pool_max_instance\", but must be made of known keys; did you mean "
        "\"model_pool_max_instances\"?");
}

TEST_CASE("a key of the wrong type names the file, the key and what it takes", "[settings]") {
  CHECK(message_of<InvalidOptions>(R"({"model_pool_max_instances": "4"})") ==
        "FILE: model_pool_max_instances is \"4\", but must be a whole number from 1 to 65535");
  CHECK(message_of<InvalidOptions>(R"({"model_pool_max_instances": 65536})") ==
        "FILE: model_pool_max_instances is 65536, but must be a whole number from 1 to 65535");
  CHECK(message_of<InvalidOptions>(R"({"force_cpu": 1})") == "FILE: force_cpu is 1, but must be true or false");
  CHECK(message_of<InvalidOptions>(R"({"model_vram_estimates": {"embedding": -1}})") ==
        "FILE: model_vram_estimates.embedding is -1, but must be a number of bytes");
}

TEST_CASE("a value of any length, depth or alphabet is an error of one short line", "[settings]") {
  const auto of_array = [](std::size_t depth) {
    return message_of<InvalidOptions>(R"({"force_cpu": )" + std::string(depth, '[') + std::string(depth, ']') + "}");
  };
  CHECK(of_array(1) == "FILE: force_cpu is an array, but must be true or false");
  CHECK(of_array(1'000'000) == of_array(1));
  CHECK(message_of<InvalidOptions>(R"({"force_cpu": ")" + std::string(1'000'000, 'x') + "\"}").size() < 200);
  CHECK(message_of<InvalidOptions>("{\"" + std::string(1'000'000, 'x') + "\": 1}").size() < 300);
  CHECK(message_of<InvalidOptions>(R"({"force\ncpu": 1})").find("\"force\\x0Acpu\"") != std::string::npos);
  CHECK(message_of<InvalidOptions>(R"({"model_vram_estimates": {"a\nb": "x"}})") ==
        "FILE: model_vram_estimates.a\\x0Ab is \"x\", but must be a number of bytes");
  CHECK_THROWS_WITH(with({{"MODEL_POOL_ENABLED", "ye\ns"}}),
                    "MODEL_POOL_ENABLED is \"ye\\x0As\", but must be true, false, 1 or 0");
}

TEST_CASE("a settings file that is no JSON object is a load error", "[settings]") {
  CHECK(message_of<LoadError>("[1]") == "FILE: is not a JSON object; settings are one JSON object");
  CHECK(message_of<LoadError>("{\"a\"").substr(0, 4) == "FILE");
  CHECK(message_of<LoadError>(R"({"model_pool_max_instances": 1e999})") == "FILE: holds a number that is out of range");
  CHECK(message_of<LoadError>(R"({"force_cpu": true, "force_cpu": false})") ==
        "FILE: force_cpu: this key occurs twice; remove one");
  CHECK_THROWS_WITH(Settings::from_file("/nowhere/settings.json"),
                    "/nowhere/settings.json: cannot be opened; check the path and its permissions");
  CHECK_THROWS_WITH(Settings::from_file("/"), "/: is a folder; the settings are a JSON file");
}

TEST_CASE("the nearest word is found by few edits, or none is", "[settings]") {
  const std::array<std::string_view, 3> words{"force_gpu", "force_cpu", "model_pool_enabled"};
  CHECK(nearest("focre_gpu", words) == "force_gpu");
  CHECK(nearest("model_pool_enable", words) == "model_pool_enabled");
  CHECK(nearest("temperature", words).empty());
}
