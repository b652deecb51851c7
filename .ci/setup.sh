#!/usr/bin/env bash
# Installs what ./dev needs and is missing: packages, Python drivers, promtool, newer servers. Quick when all
# of it is there. With --peers LIST... the peers named are unpacked too (default: those of the tests).
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

# Two clones that are set up at once would trip over each other's half-made things.
exec 9>"$cache/setup.lock"
flock 9

install_packages() {
  local wanted missing=() package policy=/usr/sbin/policy-rc.d made_policy=
  wanted=$(sed 's/#.*//' "$root/.ci/packages.txt" | xargs)
  for package in $wanted; do
    [[ $(dpkg-query -W -f='${db:Status-Abbrev}' "$package" 2>/dev/null) == ii* ]] || missing+=("$package")
  done
  ((${#missing[@]})) || return 0

  say "installing ${missing[*]}"
  # A server package must not leave a service running: the tests start their own.
  if [[ ! -e $policy ]]; then
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
    as_root chmod 755 "$policy"
    made_policy=yes
  fi
  local install=(env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends)
  local status=0
  as_root "${install[@]}" "${missing[@]}" </dev/null >"$cache/apt.log" 2>&1 ||
    { as_root apt-get update -q </dev/null >"$cache/apt.log" 2>&1 &&
      as_root "${install[@]}" "${missing[@]}" </dev/null >>"$cache/apt.log" 2>&1; } || status=$?
  [[ -z $made_policy ]] || as_root rm -f "$policy"
  ((status == 0)) || { tail -20 "$cache/apt.log" >&2; die "apt-get failed: $cache/apt.log"; }
}

install_venv() {
  [[ -e $venv/.complete ]] && return 0
  say "Python drivers into $venv"
  rm -rf "$venv"
  python3 -m venv "$venv"
  "$venv/bin/pip" install -q --disable-pip-version-check -r "$requirements" </dev/null
  touch "$venv/.complete"
}

install_packages
install_venv
if ! "$root/.ci/promtool.sh" "$tools" 2>"$cache/promtool.log"; then
  as_root apt-get update -q </dev/null >>"$cache/promtool.log" 2>&1
  "$root/.ci/promtool.sh" "$tools" || die "promtool could not be had: $cache/promtool.log"
fi
"$root/.ci/chart.sh" --setup
shift_peers=()
[[ ${1:-} == --peers ]] && { shift; shift_peers=("$@"); }
if ! "$root/.ci/peers.sh" "$peers" "${shift_peers[@]}"; then
  echo "warning: newer servers could not be had; tests that need them will be skipped" >&2
fi
