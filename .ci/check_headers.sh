#!/usr/bin/env bash
# Every header compiles alone. A header is compiled again only when it, or a header of the project
# that it includes, has changed: the key of its stamp is the hash of what the preprocessor read.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
cd "$root"
stamps=$cache/headers
mkdir -p "$stamps"
export stamps

check_one() {
  local header=$1 key
  local compile=(g++ -std=c++20 -fcoroutines -Wall -Wextra -Wpedantic -Wshadow
    -Wno-missing-field-initializers -Werror -I.)
  # The header's own closure within the project decides whether it is looked at again.
  key=$(printf '#include "%s"\n' "$header" | "${compile[@]}" -MM -x c++ - |
    tr -d '\\' | tr ' ' '\n' | grep -E '\.hpp$' | sort | xargs sha256sum | sha256sum | cut -c1-24)
  [[ -e $stamps/$key ]] && return 0
  if printf '#include "%s"\n' "$header" | "${compile[@]}" -fsyntax-only -x c++ -; then
    touch "$stamps/$key"
  else
    echo "$header does not compile alone" >&2
    return 1
  fi
}
export -f check_one

git ls-files -co --exclude-standard -- '*.hpp' | while read -r header; do [[ ! -e $header ]] || echo "$header"; done >"$cache/headers.list"
xargs -P "$(nproc)" -I{} bash -c 'check_one "$1"' _ {} <"$cache/headers.list"
echo "$(wc -l <"$cache/headers.list") headers compile alone"
