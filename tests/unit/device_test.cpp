// SPDX-License-Identifier: Apache-2.0
#include "modelpool/device/device.hpp"

#include <string>

#include "modelpool/error.hpp"
#include "support/catch.hpp"

using namespace modelpool;

TEST_CASE("a device is read in any case and written back in one form", "[device]") {
  CHECK(Device::parse("auto") == Device::automatic());
  CHECK(Device::parse("CPU") == Device::cpu());
  CHECK(Device::parse("cuda") == Device::cuda(0));
  CHECK(Device::parse("Cuda:3") == Device::cuda(3));
  for (const std::string text : {"auto", "cpu", "cuda:0", "cuda:12"}) CHECK(to_string(Device::parse(text)) == text);
}

TEST_CASE("a text that is no device is an error that lists the forms", "[device]") {
  const std::string text = GENERATE("", "gpu", "cuda:", "cuda:-1", "cuda:x", "cuda:1 ", "cuda:99999999999", "cpu:1");
  CAPTURE(text);
  try {
    (void)Device::parse(text);
    FAIL("accepted");
  } catch (const InvalidOptions& error) {
    CHECK(error.field == "device");
    CHECK(std::string(error.what()) == "device is \"" + text + "\", but must be auto, cpu, cuda or cuda:N (N from 0)");
  }
}

TEST_CASE("forcing the CPU wins over every wish", "[device]") {
  CHECK(resolve_device(Device::automatic(), false, true) == Device::cpu());
  CHECK(resolve_device(Device::cuda(7), false, true) == Device::cpu());
}

TEST_CASE("forcing both the GPU and the CPU is an error", "[device]") {
  CHECK_THROWS_AS(resolve_device(Device::automatic(), true, true), InvalidOptions);
}

TEST_CASE("the CPU is what is meant by cpu, and by automatic where there is no CUDA device", "[device]") {
  CHECK(resolve_device(Device::cpu()) == Device::cpu());
  CHECK(resolve_device(Device::automatic()) == (cuda_device_count() > 0 ? Device::cuda() : Device::cpu()));
}

TEST_CASE("a CUDA device that is not there is an error that says what is missing", "[device]") {
  CHECK((cuda_device_count() == 0) == !cuda_missing_reason().empty());
  const auto absent = Device::cuda(cuda_device_count());
  try {
    (void)resolve_device(absent);
    FAIL("accepted");
  } catch (const DeviceError& error) {
    CHECK(error.device == to_string(absent));
    CHECK(std::string(error.what()).find(cuda_missing_reason()) != std::string::npos);
  }
}

TEST_CASE("forcing the GPU where there is none is an error, whatever the wish", "[device]") {
  if (cuda_device_count() > 0) SKIP("this machine has a CUDA device");
  CHECK_THROWS_AS(resolve_device(Device::automatic(), true, false), DeviceError);
  CHECK_THROWS_AS(resolve_device(Device::cpu(), true, false), DeviceError);
}
