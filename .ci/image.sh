#!/usr/bin/env bash
# Builds the image of the Dockerfile without a container engine: buildah with chroot isolation, on a base that debootstrap makes
# from the mirror that apt already uses. Needs root, or sudo.
#   .ci/image.sh [--prebuilt PROGRAM] [--tag NAME] [--root FOLDER] [--test]
# --prebuilt takes a program that was built on this Debian instead of compiling it in the image's builder
# --root     unpack the image's files there
# --test     run what is in the image: the queries of `./dev run`, and a pod's life
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
cd "$root"

suite=bookworm
base=localhost/sluice-debian:$suite-slim
tag=localhost/sluice:dev
program= unpacked= tested=
while (($#)); do
  case $1 in
    --prebuilt) program=$2; shift 2 ;;
    --tag) tag=$2; shift 2 ;;
    --root) unpacked=$2; shift 2 ;;
    --test) tested=yes; shift ;;
    *) die "unknown option $1" ;;
  esac
done
storage=$cache/containers

# overlay where folders of the cache can be laid over one another, which is quick; else vfs, which copies.
storage_driver() {
  local test driver=vfs
  test=$(mktemp -d "$cache/overlay.XXXXXX")
  mkdir "$test"/{lower,upper,work,merged}
  if as_root mount -t overlay overlay -o "lowerdir=$test/lower,upperdir=$test/upper,workdir=$test/work" "$test/merged" 2>/dev/null; then
    as_root umount "$test/merged"
    driver=overlay
  fi
  as_root rm -rf "$test"
  echo "$driver"
}
driver=${SLUICE_STORAGE_DRIVER:-$(storage_driver)}
bud() { as_root buildah --root "$storage/$driver" --runroot "$storage/run-$driver" --storage-driver "$driver" "$@"; }

mirror_of_machine() {
  awk '/^URIs:/ { print $2; exit }' /etc/apt/sources.list.d/*.sources 2>/dev/null | grep . && return
  awk '$1 == "deb" { for (i = 2; i <= NF; i++) if ($i ~ /^http/) { print $i; exit } }' \
    /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null | grep .
}

# Debian as the official slim image is: the smallest variant, without documents, manual pages and translations.
make_base() {
  bud inspect --type image "$base" >/dev/null 2>&1 && return 0
  say "a base of Debian $suite"
  local folder container mirror
  mirror=$(mirror_of_machine) || die "no mirror in apt's configuration"
  folder=$(mktemp -d)
  as_root debootstrap --variant=minbase "$suite" "$folder" "$mirror" >"$cache/debootstrap.log" 2>&1 </dev/null ||
    die "debootstrap failed: $cache/debootstrap.log"
  printf 'path-exclude=/usr/share/%s/*\n' doc man info locale lintian |
    sed '/doc/a path-include=/usr/share/doc/*/copyright' | as_root tee "$folder/etc/dpkg/dpkg.cfg.d/slim" >/dev/null
  as_root find "$folder/usr/share/doc" -type f ! -name copyright -delete
  as_root rm -rf "$folder"/usr/share/{man,info,locale} "$folder"/var/cache/apt/*.bin "$folder"/var/cache/apt/archives/*.deb \
    "$folder"/var/lib/apt/lists/*
  container=$(bud from scratch)
  bud add -q "$container" "$folder" / >/dev/null
  bud commit -q --timestamp 0 "$container" "$base" >/dev/null
  bud rm "$container" >/dev/null
  as_root rm -rf "$folder"
}

make_base
say "the image $tag"
binary=builder
if [[ -n $program ]]; then
  install -D "$program" build/image/sluice
  binary=prebuilt
fi
arguments=(--build-arg "DEBIAN=$base" --build-arg "BINARY=$binary")
# Of the last commit, so that the same commit makes the same image.
epoch=$(git log -1 --format=%ct)
# Docker's format, since OCI's has no HEALTHCHECK.
bud build -q --format docker --isolation chroot --network host --pull-never --layers --timestamp "$epoch" "${arguments[@]}" -t "$tag" . </dev/null
bud images --format '{{.Name}}:{{.Tag}} {{.Size}} {{.Digest}}' "$tag"

unpack() {  # FOLDER
  local container mounted
  container=$(bud from --pull-never "$tag")
  mounted=$(bud mount "$container")
  as_root rm -rf "$1"
  as_root cp -a "$mounted" "$1"
  bud umount "$container" >/dev/null
  bud rm "$container" >/dev/null
}

# The image's program in the image's files, as user 65532; where configurations of tests are comes along.
program_of() {  # FOLDER
  cat <<TEXT
#!/bin/sh
exec unshare --mount sh -c 'mount --bind /tmp "$1/tmp" && exec chroot --userspec=65532:65532 "$1" /usr/bin/sluice "\$@"' -- "\$@"
TEXT
}

[[ -z $unpacked ]] || unpack "$unpacked"
[[ -n $tested ]] || exit 0

folder=$(mktemp -d)
trap 'as_root rm -rf "$folder"' EXIT
chmod 755 "$folder"
unpack "$folder/root"
program_of "$folder/root" >"$folder/sluice"
chmod 755 "$folder/sluice"
say "the queries of ./dev run through the image's program"
SLUICE_BINARY=$folder/sluice python3 tests/harness/demo.py --once
say "a pod's life in the image's files"
SLUICE_BINARY=$folder/root/usr/bin/sluice SLUICE_IMAGE_ROOT=$folder/root "$venv/bin/pytest" tests/e2e/test_pod_life.py -q -rs \
  2>&1 | tee "$folder/log"
echo
echo "image: $(grep -E '[0-9]+ (passed|failed|skipped|error)' "$folder/log" | tail -1)"
