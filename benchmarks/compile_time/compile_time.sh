#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What each public header adds to an empty file, as its users compile it: processor time of the compiler, the least of five.
#
#   benchmarks/compile_time/compile_time.sh [COMPILER]     # default c++
set -euo pipefail
cd "$(dirname "$0")/../.."
compiler=${1:-c++}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# seconds FILE: of the compiler, in the user's and the system's part
seconds() {
  for _ in 1 2 3 4 5; do
    ( TIMEFORMAT='%U %S'; time CCACHE_DISABLE=1 "$compiler" -std=c++20 -O2 -Iinclude -c "$1" -o /dev/null ) 2>&1
  done | awk '{ s = $1 + $2; if (NR == 1 || s < least) least = s } END { print least }'
}

: >"$folder/empty.cpp"
empty=$(seconds "$folder/empty.cpp")
printf '%s, an empty file %.2f s\n\n| header | s more |\n|---|---|\n' "$("$compiler" --version | head -n 1)" "$empty"
for header in modelpool/pool/model_pool.hpp modelpool/managers/embedding.hpp modelpool/tokenizers/tokenizer.hpp; do
  echo "#include <$header>" >"$folder/one.cpp"
  seconds "$folder/one.cpp" | awk -v header="$header" -v empty="$empty" '{ printf "| `%s` | %.2f |\n", header, $1 - empty }'
done
