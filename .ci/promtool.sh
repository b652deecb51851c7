#!/usr/bin/env bash
# Unpacks promtool, which checks metrics, rules and their tests. Debian has it in the package of the
# server alone, with its pages, its user and its service: nothing of them is wanted here.
#   .ci/promtool.sh DIR
set -euo pipefail

dir=${1:?usage: promtool.sh DIR}
[[ -x $dir/promtool ]] && exit 0
echo "== unpacking promtool into $dir"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
apt-get download -qq -o APT::Sandbox::User="$(id -un)" prometheus </dev/null
dpkg-deb --fsys-tarfile prometheus_*.deb | tar -x --no-same-owner ./usr/bin/promtool
mkdir -p "$dir"
install -m 755 usr/bin/promtool "$dir/promtool"
