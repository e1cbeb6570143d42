// SPDX-License-Identifier: Apache-2.0
#include "cli/model_folder.hpp"

#include <map>

#include "cli/arguments.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

using namespace modelpool::cli;
using modelpool::test::TemporaryFolder;

namespace {

Environment variables(std::map<std::string, std::string, std::less<>> values) {
  return [values = std::move(values)](std::string_view name) {
    const auto found = values.find(name);
    return found == values.end() ? std::nullopt : std::optional<std::string>(found->second);
  };
}

bool refused_with(const std::string& model, const Environment& environment, std::string_view part) {
  try {
    (void)resolve_model(model, environment);
  } catch (const UsageError& e) {
    return std::string_view{e.what()}.find(part) != std::string_view::npos;
  }
  return false;
}

}  // namespace

TEST_CASE("the hub's cache is found as its own libraries find it", "[cli][model_folder]") {
  CHECK(hub_cache(variables({{"HOME", "/h"}})) == "/h/.cache/huggingface/hub");
  CHECK(hub_cache(variables({{"HOME", "/h"}, {"XDG_CACHE_HOME", "/x"}})) == "/x/huggingface/hub");
  CHECK(hub_cache(variables({{"HOME", "/h"}, {"HF_HOME", "/hf"}})) == "/hf/hub");
  CHECK(hub_cache(variables({{"HF_HUB_CACHE", "/c"}, {"HF_HOME", "/hf"}})) == "/c");
}

TEST_CASE("a folder is taken as it is, and org/name is the snapshot of main in the cache", "[cli][model_folder]") {
  TemporaryFolder cache;
  const auto snapshot = cache.path() / "models--org--name.x" / "snapshots" / "abc";
  cache.write("models--org--name.x/refs/main", "abc\n");
  cache.write("models--org--name.x/snapshots/abc/config.json", "{}");
  const auto environment = variables({{"HF_HUB_CACHE", cache.path().string()}});
  CHECK(resolve_model(cache.path().string(), environment) == cache.path());
  CHECK(resolve_model("org/name.x", environment) == snapshot);
}

TEST_CASE("a model that is nowhere is refused with the places that were looked at", "[cli][model_folder]") {
  TemporaryFolder cache;
  const auto environment = variables({{"HF_HUB_CACHE", cache.path().string()}});
  CHECK(refused_with("org/name", environment, "models--org--name"));
  CHECK_THROWS_WITH(resolve_model("/no/such/folder", environment), "--model /no/such/folder: there is no such folder");
  CHECK(refused_with(cache.write("file", "x").string(), environment, "this is a file"));
  cache.write("models--org--half/refs/main", "abc");
  CHECK(refused_with("org/half", environment, "download the model again"));
  cache.write("models--org--none/blobs/x", "");
  CHECK(refused_with("org/none", environment, "no refs/main"));
}
