// SPDX-License-Identifier: Apache-2.0
#include "device/cuda_module.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

#include <cstdlib>
#include <exception>
#include <filesystem>
#include <string>
#include <vector>

namespace modelpool::detail {
namespace {

/// Where this code lives: modelpool's shared library, or the program it is linked into.
std::filesystem::path own_folder() {
  Dl_info info{};
  if (::dladdr(reinterpret_cast<const void*>(&cuda_module), &info) == 0 || !info.dli_fname) return {};
  std::error_code ignored;
  return std::filesystem::weakly_canonical(info.dli_fname, ignored).parent_path();
}

/// An explicit path alone where there is one; else beside this library, then wherever the system looks.
std::vector<std::string> places_of_module() {
  if (const char* path = std::getenv("MODELPOOL_CUDA_MODULE"); path && *path) return {path};
  return {(own_folder() / kCudaModuleFile).string(), kCudaModuleFile};
}

std::string loader_error() {
  const char* text = ::dlerror();
  return text ? text : "unknown error of the dynamic loader";
}

void* open_module(std::string& reason) {
  for (const auto& place : places_of_module()) {
    if (void* const handle = ::dlopen(place.c_str(), RTLD_NOW | RTLD_LOCAL)) return handle;
    const auto error = loader_error();
    // The first place is a guess: a module that is there and does not load is the better story.
    if (reason.empty() || !error.starts_with(kCudaModuleFile)) reason = error;
  }
  return nullptr;
}

CudaModule open() {
  CudaModule module;
  if (!::dlopen("libcuda.so.1", RTLD_LAZY | RTLD_LOCAL)) {
    module.missing_reason = "the NVIDIA driver (libcuda.so.1) is not installed";
    return module;
  }
  std::string error;
  void* const handle = open_module(error);
  if (!handle) {
    module.missing_reason =
        fmt::format("the module modelpool_cuda cannot be loaded ({}); build with MODELPOOL_CUDA=ON", error);
    return module;
  }
  using Entry = const CudaInterface* (*)();
  const auto entry = reinterpret_cast<Entry>(::dlsym(handle, kCudaInterfaceSymbol));
  const CudaInterface* const interface = entry ? entry() : nullptr;
  if (!interface || interface->version != kCudaInterfaceVersion) {
    module.missing_reason = "the module modelpool_cuda is of another version of this library";
    return module;
  }
  int count = 0;
  if (interface->device_count(&count) != 0) {
    module.missing_reason = fmt::format("the CUDA runtime finds no usable device: {}", interface->last_error());
  } else if (count == 0) {
    module.missing_reason = "the CUDA runtime finds no device";
  } else {
    module.interface = interface;
    module.device_count = count;
  }
  return module;
}

CudaModule open_or_say_why() noexcept {
  try {
    return open();
  } catch (const std::exception&) {
    return {};  // out of memory while composing a path or a reason
  }
}

}  // namespace

const CudaModule& cuda_module() noexcept {
  static const CudaModule module = open_or_say_why();
  return module;
}

}  // namespace modelpool::detail
