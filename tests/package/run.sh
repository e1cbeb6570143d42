#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Tries the installed package as its users do.
#
#   run.sh BUILD [MODEL_FOLDER]
#
# Installs BUILD into an empty prefix, hides the source and build trees, then builds and runs a consumer of each
# component. `core` is also tried without tokenizers and LibTorch in sight, and through add_subdirectory. Ends with the
# line "N passed, 0 failed".
set -euo pipefail
source=$(cd "$(dirname "$0")/../.." && pwd)
build=$(cd "$1" && pwd)
model=${2:-}
work=$(mktemp -d)
passed=0
restore() {
  for folder in include src cmake; do [ ! -e "$source/$folder.hidden" ] || mv "$source/$folder.hidden" "$source/$folder"; done
  [ ! -e "$build.hidden" ] || mv "$build.hidden" "$build"
  rm -rf "$work"
}
trap restore EXIT

step() { # step NAME COMMAND...: runs it quietly, shows its output when it fails
  local name=$1; shift
  "$@" >"$work/log" 2>&1 || { cat "$work/log"; echo "FAILED: $name"; exit 1; }
  passed=$((passed + 1)); echo "ok: $name"
}
fails() { # fails TEXT COMMAND...: the command must fail and print TEXT
  local text=$1; shift
  if "$@" >"$work/fail.log" 2>&1; then echo "succeeded, but should say: $text"; return 1; fi
  tr '\n' ' ' <"$work/fail.log" | tr -s ' ' | grep -qF "$text" || { cat "$work/fail.log"; return 1; }
}
configure() { # configure CONSUMER [OPTION...]
  local consumer=$1; shift
  cmake -S "$work/consumers/$consumer" -B "$work/build-$consumer" -G Ninja -DCMAKE_BUILD_TYPE=Release "$@"
}

cp -r "$source/tests/package" "$work/consumers"
step "core through add_subdirectory: configure" configure subdirectory -DMODELPOOL_SOURCE="$source"
step "core through add_subdirectory: build" cmake --build "$work/build-subdirectory" --target uses_subdirectory
step "core through add_subdirectory: run" "$work/build-subdirectory/uses_subdirectory"

step "install" cmake --install "$build" --prefix "$work/prefix"
step "the package names no path of the source or build tree" \
  bash -c "! grep -rnF -e '$source/' -e '$build/' '$work/prefix/lib/cmake' '$work/prefix/include'"
for folder in include src cmake; do mv "$source/$folder" "$source/$folder.hidden"; done
mv "$build" "$build.hidden"

prefix=-DCMAKE_PREFIX_PATH="$work/prefix"
step "core: configure, with LibTorch and OpenMP out of sight" configure core "$prefix" \
  -DCMAKE_DISABLE_FIND_PACKAGE_ModelpoolTorch=ON -DCMAKE_DISABLE_FIND_PACKAGE_OpenMP=ON
step "core: build" cmake --build "$work/build-core"
step "core: run" "$work/build-core/uses_core"
step "core: the program needs no LibTorch" bash -c "! ldd '$work/build-core/uses_core' | grep -E 'torch|c10|gomp'"
if [ -e "$work/prefix/include/modelpool/managers/embedding.hpp" ]; then
  step "managers: another LibTorch than the one built against is refused" \
    fails "needs ModelpoolTorch" configure managers "$prefix" -DMODELPOOL_TORCH_ROOT=/nowhere
  rm -rf "$work/build-managers"
  step "managers: configure" configure managers "$prefix"
  step "managers: build" cmake --build "$work/build-managers"
  if [ -n "$model" ]; then step "managers: run" "$work/build-managers/uses_managers" "$model"; fi
  step "the installed command line runs" "$work/prefix/bin/modelpool" --version
fi
echo "$passed passed, 0 failed"
