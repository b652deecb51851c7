#!/usr/bin/env bash
# Builds a Kubernetes API server and its etcd out of their Go modules, for tests/chart/test_api_server.py. They are more than
# 1800 packages to compile, so CI leaves it out.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

[[ -e $api_server/.complete ]] && exit 0
command -v go >/dev/null || die "an API server is built with Go 1.24 or later, which is not installed"
say "kube-apiserver $kubernetes_version and etcd into $api_server"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
export GOFLAGS=-mod=mod

# Kubernetes' module names those of its own tree by their folders; from outside they are modules of the same release.
printf 'module api_server\n' >go.mod
kubernetes_mod=$(go list -m -f '{{.GoMod}}' "k8s.io/kubernetes@v$kubernetes_version")
printf 'module api_server\n' >go.mod  # `go list` has written into it
awk -v version="$kubernetes_version" '
  $1 == "go" { print "go", $2; print "require k8s.io/kubernetes v" version }
  $2 == "=>" && $3 ~ /^\.\/staging/ { print "replace", $1, "=>", $1, "v0" substr(version, 2) }
' "$kubernetes_mod" >>go.mod

mkdir -p "$api_server"
version_flags="-X k8s.io/component-base/version.gitVersion=v$kubernetes_version"
go build -trimpath -ldflags "-s -w $version_flags" -o "$api_server/kube-apiserver" k8s.io/kubernetes/cmd/kube-apiserver
go build -trimpath -ldflags "-s -w" -o "$api_server/etcd" go.etcd.io/etcd/server/v3
touch "$api_server/.complete"
