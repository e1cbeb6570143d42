// SPDX-License-Identifier: Apache-2.0
#include "modelpool/error.hpp"

#include <string>

#include "support/catch.hpp"

using namespace modelpool;

TEST_CASE("a load error names file, item, offset and problem in one line", "[error]") {
  const LoadError error{"m/model.safetensors", "encoder.weight", 128, "the data ends after the file"};
  CHECK(std::string(error.what()) == "m/model.safetensors: encoder.weight: byte 128: the data ends after the file");
  CHECK(error.code() == "load_error");
  CHECK(error.file == "m/model.safetensors");
  CHECK(error.item == "encoder.weight");
  CHECK(error.byte_offset == 128U);
}

TEST_CASE("parts of the place that are unknown are left out of a load error", "[error]") {
  CHECK(std::string(LoadError{"config.json", "", std::nullopt, "is not JSON"}.what()) == "config.json: is not JSON");
}

TEST_CASE("invalid options name the field, the value and the bound", "[error]") {
  const InvalidOptions error{"max_size", "0", "at least 1"};
  CHECK(std::string(error.what()) == "max_size is 0, but must be at least 1");
  CHECK(error.field == "max_size");
}

TEST_CASE("an unsupported model lists what is supported", "[error]") {
  const UnsupportedModel error{"m/config.json", "model_type", "gpt2", {"bert"}};
  CHECK(std::string(error.what()) == "m/config.json: model_type \"gpt2\" is not supported; supported: bert");
}

TEST_CASE("a message is one line of UTF-8, whatever its parts hold", "[error]") {
  CHECK(std::string(LoadError{"a\nb", "c\rd", std::nullopt, "bad\tend"}.what()) == "a\\x0Ab: c\\x0Dd: bad\\x09end");
  CHECK(std::string(LoadError{"a\xFF", "", std::nullopt, "is bad"}.what()) == "a\\xFF: is bad");
  CHECK(std::string(InvalidInput{"naïve"}.what()) == "naïve");
}

TEST_CASE("a value of any length is shown by its start, and kept whole as data", "[error]") {
  const std::string value(1'000'000, 'x');
  const InvalidOptions option{"max_size", value, "at least 1"};
  CHECK(std::string(option.what()).size() < 200);
  CHECK(option.value == value);
  const UnsupportedModel model{"m/config.json", "model_type", value, {"bert"}};
  CHECK(std::string(model.what()).size() < 200);
  CHECK(model.requested == value);
}

TEST_CASE("out of memory says what was asked for, what is free and what to do", "[error]") {
  const OutOfMemory error{"cpu", 100, 10};
  CHECK(std::string(error.what()) ==
        "cpu is out of memory: 100 bytes were asked for, 10 bytes are free; use smaller batches, fewer instances or a "
        "lower "
        "precision");
}
