// SPDX-License-Identifier: Apache-2.0
#include "managers/torch_errors.hpp"

#include <c10/util/Exception.h>

#include <new>
#include <optional>
#include <string_view>

#include "modelpool/error.hpp"

namespace modelpool::detail {

void rethrow_as_ours(const std::string& device) {
  try {
    throw;
  } catch (const Error&) {
    throw;
  } catch (const std::bad_alloc&) {
    throw OutOfMemory(device, std::nullopt, std::nullopt);
  } catch (const c10::OutOfMemoryError&) {
    throw OutOfMemory(device, std::nullopt, std::nullopt);
  } catch (const c10::Error& error) {
    const std::string_view text = error.what_without_backtrace();
    if (text.find("allocate memory") != std::string_view::npos) throw OutOfMemory(device, std::nullopt, std::nullopt);
    throw DeviceError(device, std::string(text.substr(0, text.find('\n'))));
  }
}

}  // namespace modelpool::detail
