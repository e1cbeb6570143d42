// SPDX-License-Identifier: Apache-2.0
// What every manager promises, whatever its task. A subject names a manager, a folder for it, and how to use it.
#include <atomic>
#include <chrono>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "modelpool/managers/classification.hpp"
#include "modelpool/managers/embedding.hpp"
#include "modelpool/pool/errors.hpp"
#include "modelpool/weights/weight_store.hpp"
#include "support/catch.hpp"

using namespace modelpool;
using namespace std::chrono_literals;

namespace {

struct EmbeddingSubject {
  using Manager = EmbeddingManager;
  using Instance = EmbeddingInstance;
  using Result = std::vector<float>;

  static std::filesystem::path folder() {
    return std::filesystem::path(MODELPOOL_TEST_DATA) / "embeddings" / "mean_normalize";
  }
  static std::unique_ptr<Manager> make(ManagerOptions options, const Settings& settings = {}) {
    return std::make_unique<Manager>(folder(), options, settings);
  }
  static std::vector<std::string> inputs() { return {"the water", "many people find it", "", "unbelievable"}; }
  static Result use(Manager& manager) { return manager.embed(inputs()).values; }
  static Result use(Manager& manager, Instance& instance) { return manager.embed(inputs(), instance).values; }
  /// A call with work for several instances.
  static Result use_much(Manager& manager) {
    const std::vector<std::string> texts(40, inputs()[1]);
    return manager.embed(texts, {.batch_size = 1, .timeout = 20s}).values;
  }
};

struct ClassificationSubject {
  using Manager = ClassificationManager;
  using Instance = ClassificationInstance;
  using Result = std::vector<float>;

  static std::filesystem::path folder() {
    return std::filesystem::path(MODELPOOL_TEST_DATA) / "classifiers" / "bert_token";
  }
  static std::unique_ptr<Manager> make(ManagerOptions options, const Settings& settings = {}) {
    return std::make_unique<Manager>(folder(), options, settings);
  }
  static std::vector<std::string> inputs() { return {"the water", "many people find it", "", "unbelievable"}; }
  static Result scores(const Classifications& found) {
    Result scores;
    for (const auto& text : found.texts) {
      for (const auto& entity : text.entities) scores.push_back(entity.score);
    }
    return scores;
  }
  static Result use(Manager& manager) { return scores(manager.classify(inputs())); }
  static Result use(Manager& manager, Instance& instance) { return scores(manager.classify(inputs(), instance)); }
  /// A call with work for several instances.
  static Result use_much(Manager& manager) {
    const std::vector<std::string> texts(40, inputs()[1]);
    return scores(manager.classify(texts, {.batch_size = 1, .timeout = 20s}));
  }
};

}  // namespace

#define MODELPOOL_CONTRACT(name) TEMPLATE_TEST_CASE(name, "[contract]", EmbeddingSubject, ClassificationSubject)

MODELPOOL_CONTRACT("a manager loads nothing before it is used") {
  const auto before = WeightStore::global().size();
  const auto manager = TestType::make({.pool_size = 2});
  CHECK(manager->stats().size == 0);
  CHECK(WeightStore::global().size() == before);
  CHECK_FALSE(manager->try_acquire());
}

MODELPOOL_CONTRACT("a call gives the same with a lease, without one, and from many threads") {
  const auto manager = TestType::make({.pool_size = 3, .threads = 1});
  const auto expected = TestType::use(*manager);
  {
    const auto lease = manager->acquire();
    CHECK(TestType::use(*manager, *lease) == expected);
  }
  std::atomic<int> wrong{0};
  {
    std::vector<std::jthread> callers;
    for (int i = 0; i < 12; ++i) {
      callers.emplace_back([&] {
        for (int round = 0; round < 10; ++round) wrong += TestType::use(*manager) != expected;
      });
    }
  }
  CHECK(wrong == 0);
  const auto stats = manager->stats();
  CHECK(stats.leased == 0);
  CHECK(stats.size <= 3);
}

MODELPOOL_CONTRACT("acquire waits its time for an instance and says so in its error") {
  const auto manager = TestType::make({.pool_size = 1});
  const auto lease = manager->acquire();
  CHECK_FALSE(manager->try_acquire());
  std::string message;
  std::jthread([&] {
    try {
      (void)manager->acquire({.timeout = 10ms});
    } catch (const AcquireTimeout& error) {
      message = error.what();
    }
  }).join();
  CHECK_THAT(message, Catch::Contains("timed out") && Catch::Contains("leased=1"));
}

MODELPOOL_CONTRACT("a caller that holds every instance and asks for more is told, not left to wait") {
  const auto manager = TestType::make({.pool_size = 2, .threads = 1});
  const auto first = manager->acquire();
  const auto second = manager->acquire();
  CHECK_THROWS_AS(TestType::use(*manager), DeadlockError);
}

MODELPOOL_CONTRACT("an exclusive lease waits for the others and keeps newcomers out") {
  const auto manager = TestType::make({.pool_size = 2});
  std::optional<Lease<typename TestType::Instance>> lease(manager->acquire());
  std::atomic<bool> exclusive{false};
  std::atomic<bool> done{false};
  std::jthread owner([&] {
    const auto all = manager->acquire_exclusive();
    exclusive = true;
    while (!done) std::this_thread::sleep_for(1ms);
  });
  std::this_thread::sleep_for(20ms);
  CHECK_FALSE(exclusive);
  lease.reset();
  while (!exclusive) std::this_thread::sleep_for(1ms);
  CHECK_FALSE(manager->try_acquire());
  done = true;
  owner.join();
  CHECK(manager->try_acquire());
}

MODELPOOL_CONTRACT("a call under exclusive access does with the instances it gets") {
  const auto manager = TestType::make({.pool_size = 3, .threads = 1});
  const auto expected = TestType::use_much(*manager);
  const auto all = manager->acquire_exclusive();
  CHECK(TestType::use_much(*manager) == expected);
}

MODELPOOL_CONTRACT("wait_available is true once fewer instances are leased") {
  const auto manager = TestType::make({.pool_size = 2});
  const auto lease = manager->acquire();
  CHECK(manager->wait_available(2, 0ms));
  CHECK_FALSE(manager->wait_available(1, 5ms));
}

MODELPOOL_CONTRACT("a lease may end by destroying its instance") {
  const auto manager = TestType::make({.pool_size = 2});
  { const auto lease = manager->acquire({.destroy_after_use = true}); }
  CHECK(manager->stats().size == 0);
  CHECK(manager->stats().destroyed == 1);
}

MODELPOOL_CONTRACT("shrink and cleanup give instances and weights back, and the next call loads again") {
  const auto before = WeightStore::global().size();
  const auto manager = TestType::make({.pool_size = 3, .threads = 1});
  const auto expected = TestType::use(*manager);
  manager->warm_up(3);
  CHECK(manager->stats().idle == 3);
  CHECK(manager->shrink(1).destroyed == 2);
  const auto report = manager->shrink(0);
  CHECK(report.destroyed == 1);
  CHECK(report.bytes > 0);
  CHECK(WeightStore::global().size() == before);
  CHECK(TestType::use(*manager) == expected);
  CHECK(manager->cleanup(1s).destroyed >= 1);
  CHECK(WeightStore::global().size() == before);
  CHECK(TestType::use(*manager) == expected);
}

MODELPOOL_CONTRACT("a lease outlives its manager") {
  auto manager = TestType::make({.pool_size = 1});
  auto lease = manager->acquire();
  manager.reset();
  CHECK(lease->weight_bytes() > 0);
}

MODELPOOL_CONTRACT("stats carry the counts under today's names and the older ones") {
  const auto manager = TestType::make({.pool_size = 2, .threads = 1});
  (void)TestType::use(*manager);
  const auto lease = manager->acquire();
  const auto json = nlohmann::json::parse(manager->stats().to_json());
  CHECK(json["leased"] == 1);
  CHECK(json["max_instances"] == 2);
  CHECK(json["busy_models"] == 1);
  CHECK(json["total_requests"].template get<int>() >= 2);
  CHECK(json.contains("available"));
  CHECK(json.contains("avg_wait_time"));
}

MODELPOOL_CONTRACT("a pool that is disabled is one instance for all, with the same interface") {
  Settings settings;
  settings.model_pool_enabled = false;
  const auto manager = TestType::make({.pool_size = 4}, settings);
  const auto expected = TestType::use(*manager);
  std::atomic<int> wrong{0};
  {
    std::vector<std::jthread> callers;
    for (int i = 0; i < 4; ++i) callers.emplace_back([&] { wrong += TestType::use(*manager) != expected; });
  }
  CHECK(wrong == 0);
  CHECK(manager->stats().created == 1);
  CHECK(manager->size_reason() == "disabled");
}

MODELPOOL_CONTRACT("a manager runs on the device it names") {
  const auto manager = TestType::make({.device = Device::cpu()});
  CHECK(manager->device() == Device::cpu());
  CHECK_THROWS_AS(TestType::make({.device = Device::cuda(99)}), DeviceError);
}

MODELPOOL_CONTRACT("a failure to load reaches every caller and says what is wrong") {
  const auto folder =
      std::filesystem::temp_directory_path() /
      ("modelpool-contract-" + std::to_string(std::chrono::steady_clock::now().time_since_epoch().count()));
  std::filesystem::copy(TestType::folder(), folder, std::filesystem::copy_options::recursive);
  {
    const ManagerOptions options{.pool_size = 2, .threads = 1};
    const Settings settings;
    typename TestType::Manager manager(folder, options, settings);
    std::filesystem::remove(folder / "model.safetensors");
    CHECK_THROWS_WITH(TestType::use(manager), Catch::Contains("model.safetensors"));
    CHECK(manager.stats().leased == 0);
    CHECK(manager.stats().create_failed >= 1);
  }
  std::filesystem::remove_all(folder);
}

MODELPOOL_CONTRACT("calls without a lease may keep one instance to their end instead of sharing") {
  const auto manager = TestType::make({.pool_size = 4, .threads = 1, .share_between_callers = false});
  const auto shared = TestType::make({.pool_size = 4, .threads = 1});
  CHECK(TestType::use(*manager) == TestType::use(*shared));
  CHECK(manager->stats().requests == 1);
}
