#!/usr/bin/env bash
# clang-tidy over every source of the program; a source whose text, headers and rules have not changed since it
# was clean is skipped. Needs a configured build/dev for its compile_commands.json.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
cd "$root"
[[ -e build/dev/compile_commands.json ]] || cmake --preset dev >/dev/null
# gcc's own switches are errors to clang, and its precompiled headers are none of clang's.
mkdir -p build/tidy
sed -E 's/ -fcoroutines| -fpch-preprocess| -Winvalid-pch| -include [^ ]*cmake_pch.hxx//g' build/dev/compile_commands.json >build/tidy/compile_commands.json
stamps=$cache/tidy
mkdir -p "$stamps"
export stamps

check_one() {
  local source=$1 key
  key=$({ g++ -std=c++20 -fcoroutines -I. -MM "$source" | tr -d '\\' | tr ' ' '\n' | grep -E '\.[ch]pp$' | sort |
    xargs sha256sum; sha256sum .clang-tidy; } | sha256sum | cut -c1-24)
  [[ -e $stamps/$key ]] && return 0
  if clang-tidy -p build/tidy --quiet "$source" >"$stamps/$key.log" 2>&1; then
    touch "$stamps/$key"
    rm -f "$stamps/$key.log"
  else
    grep -E 'warning:|error:' "$stamps/$key.log" || cat "$stamps/$key.log"
    return 1
  fi
}
export -f check_one

sources=$(git ls-files -co --exclude-standard -- 'protocol/*.cpp' 'config/*.cpp' 'metrics/*.cpp' 'pool/*.cpp' 'proxy/*.cpp' 'cli/*.cpp')
[[ -n $sources ]] || exit 0
xargs -P "$(nproc)" -I{} bash -c 'check_one "$1"' _ {} <<<"$sources"
echo "$(wc -w <<<"$sources") sources are clean"
