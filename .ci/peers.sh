#!/usr/bin/env bash
# Unpacks servers that are newer than Debian 12's into a folder of their own, from the unstable suite
# of the mirror that this machine's apt already uses. Nothing is installed: every program is bound to
# the loader and the libraries that came with it. A package whose stamp exists is not fetched again.
#   .ci/peers.sh DIR [PACKAGE ...]
set -euo pipefail

dir=${1:?usage: peers.sh DIR [PACKAGE ...]}
shift
wanted=("$@")
if ((${#wanted[@]} == 0)); then
  wanted=(mysql-server-core mysql-client-core postgresql-18 postgresql-client-18 pgbouncer)
fi

declare -A program_of=(
  [mysql-server-core]=usr/sbin/mysqld [mysql-client-core]=usr/bin/mysql
  [postgresql-18]=usr/lib/postgresql/18/bin/postgres
  [postgresql-client-18]=usr/lib/postgresql/18/bin/psql
  [pgbouncer]=usr/sbin/pgbouncer [mysql-router]=usr/bin/mysqlrouter
  [odyssey]=usr/bin/odyssey [haproxy]=usr/sbin/haproxy
)

missing=()
for package in "${wanted[@]}"; do
  program=$dir/${program_of[$package]:?"unknown peer $package"}
  # The stamp of a package is written last, so a broken fetch is repeated.
  [[ -e $dir/.have/$package || ( ! -d $dir/.have && -x $program && -e $dir/versions ) ]] ||
    missing+=("$package")
done
((${#missing[@]})) || exit 0
echo "== unpacking ${missing[*]} into $dir"

# ---- fetch: a private apt state in which nothing counts as installed, so all libraries come along

mirror_of_machine() {
  awk '/^URIs:/ { print $2; exit }' /etc/apt/sources.list.d/*.sources 2>/dev/null | grep . && return
  awk '$1 == "deb" { for (i = 2; i <= NF; i++) if ($i ~ /^http/) { print $i; exit } }' \
    /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null | grep .
}
mirror=$(mirror_of_machine) || { echo "no mirror in apt's configuration" >&2; exit 1; }

state=$dir/.apt
mkdir -p "$state"/{lists/partial,cache/archives/partial,var} "$dir/.have"
: >"$state/var/status"
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror sid main" >"$state/sources.list"
options=(-qq
  -o Dir::Etc::SourceList="$state/sources.list" -o Dir::Etc::SourceParts=/nonexistent
  -o Dir::State="$state/var" -o Dir::State::Lists="$state/lists" -o Dir::State::Status="$state/var/status"
  -o Dir::Cache="$state/cache" -o APT::Install-Recommends=false -o APT::Sandbox::User="$(id -un)"
  -o Acquire::Languages=none -o Acquire::Retries=2 -o Debug::NoLocking=true)
apt-get "${options[@]}" update </dev/null
apt-get "${options[@]}" -y --download-only install "${missing[@]}" </dev/null

# ---- unpack: /bin and /lib are links into /usr, as in every merged system

mkdir -p "$dir"/usr/{bin,sbin,lib,lib64}
for link in bin sbin lib lib64; do
  [[ -e $dir/$link ]] || ln -s "usr/$link" "$dir/$link"
done
unpack() { dpkg-deb --fsys-tarfile "$1" | tar -x --keep-directory-symlink --no-same-owner -C "$2"; }
export -f unpack
find "$state/cache/archives" -name '*.deb' -print0 |
  xargs -0 -P "$(nproc)" -I{} bash -c 'unpack "$1" "$2"' _ {} "$dir"

# ---- bind: interpreter and library path of every program point into this folder

loader=$dir/usr/lib64/ld-linux-x86-64.so.2
libraries=$dir/usr/lib/x86_64-linux-gnu
while IFS= read -r private; do libraries+=:$private; done < <(
  find "$dir/usr/lib" -type d \( -name mysqlrouter -o -name mysql-router -o -path '*/mysql/private' \))

is_elf() { [[ $(head -c4 "$1" | tail -c3) == ELF ]]; }
for program in "$dir"/usr/sbin/{mysqld,pgbouncer,odyssey,haproxy} \
  "$dir"/usr/bin/{mysql,mysqladmin,mysqlrouter,mysqlrouter_passwd,odyssey} \
  "$dir"/usr/lib/postgresql/18/bin/*; do
  [[ -f $program ]] && is_elf "$program" || continue
  patchelf --set-interpreter "$loader" --set-rpath "$libraries" --force-rpath "$program"
done
IFS=: read -ra folders <<<"$libraries"
for folder in "${folders[@]:1}"; do
  find "$folder" -name '*.so*' -type f -print0 |
    xargs -0 -r -n1 patchelf --set-rpath "$libraries" --force-rpath
done

for package in "${missing[@]}"; do
  find "$state/cache/archives" -name "${package}_*.deb" \
    -exec dpkg-deb -W --showformat='${Package} ${Version}\n' {} \;
  touch "$dir/.have/$package"
done | sort -u >>"$dir/versions"
rm -rf "$state/cache/archives"
chmod -R a+rX "$dir"
