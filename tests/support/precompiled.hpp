// SPDX-License-Identifier: Apache-2.0
// What most tests include, compiled once for all of them. A test includes what it uses all the same.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <span>
#include <sstream>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "support/catch.hpp"
