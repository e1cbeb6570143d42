// SPDX-License-Identifier: Apache-2.0
// Settings from a file and from the environment, and what errors carry. Links modelpool::core alone.
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <modelpool/error.hpp>
#include <modelpool/pool/model_pool.hpp>
#include <modelpool/settings.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>

using namespace std::chrono_literals;

namespace {

struct Model {};

void write(const std::filesystem::path& file, std::string_view text) { std::ofstream(file) << text; }

void settings_from_a_file(const std::filesystem::path& folder) {
  const auto file = folder / "settings.json";
  write(file, R"({"model_pool_max_instances": 4, "force_cpu": true})");
  // region: file
  auto settings = modelpool::Settings::from_file(file);  // {"model_pool_max_instances": 4, "force_cpu": true}
  settings.model_pool_max_instances = 3;                 // code beats the file
  // endregion: file
  std::printf("instances: %zu, CPU only: %s\n", settings.model_pool_max_instances, settings.force_cpu ? "yes" : "no");
}

void a_mistake_in_the_file(const std::filesystem::path& folder) {
  const auto file = folder / "typo.json";
  write(file, R"({"model_pool_max_instance": 4})");
  // region: mistake
  try {
    [[maybe_unused]] const auto settings = modelpool::Settings::from_file(file);
  } catch (const modelpool::InvalidOptions& error) {
    std::printf("[%.*s] %s\n", static_cast<int>(error.code().size()), error.code().data(), error.what());
  }
  // endregion: mistake
}

void a_mistake_in_the_environment() {
  const modelpool::Settings::Environment environment = [](std::string_view name) -> std::optional<std::string> {
    if (name == "MODEL_POOL_MAX_INSTANCES") return "many";
    return std::nullopt;
  };
  try {
    [[maybe_unused]] const auto settings = modelpool::Settings::from_environment(environment);
  } catch (const modelpool::InvalidOptions& error) {
    std::printf("field %s, value %s, bound: %s\n", error.field.c_str(), error.value.c_str(), error.bound.c_str());
  }
}

void a_pool_that_cannot_load() {
  // region: nested
  modelpool::ModelPool<Model> pool{
      []() -> std::unique_ptr<Model> { throw std::runtime_error("weights.bin: no such file"); },
      {.max_size = 1, .name = "broken"}};
  try {
    auto model = pool.acquire();
  } catch (const modelpool::CreateFailed& error) {
    std::printf("%s\n", error.what());
    try {
      std::rethrow_if_nested(error);
    } catch (const std::exception& cause) {
      std::printf("cause: %s\n", cause.what());
    }
  }
  // endregion: nested
}

void a_caller_that_gives_up() {
  modelpool::ModelPool<Model> pool{[] { return std::make_unique<Model>(); },
                                   {.max_size = 1, .name = "busy", .max_waiting = 0}};
  pool.warm_up(1);
  const auto held = pool.acquire();
  std::thread other{[&pool] {
    // region: data
    try {
      auto another = pool.acquire({.timeout = 10ms});
    } catch (const modelpool::Error& error) {  // the base of all errors of this library
      std::printf("[%s] %s\n", std::string(error.code()).c_str(), error.what());
    }
    // endregion: data
  }};
  other.join();
}

}  // namespace

int main() {
  const auto folder = std::filesystem::temp_directory_path() / "modelpool-example-settings";
  std::filesystem::create_directories(folder);
  settings_from_a_file(folder);
  a_mistake_in_the_file(folder);
  a_mistake_in_the_environment();
  a_pool_that_cannot_load();
  a_caller_that_gives_up();
  std::filesystem::remove_all(folder);
}
