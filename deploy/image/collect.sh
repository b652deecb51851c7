#!/bin/sh
# Collects into FOLDER what PROGRAM needs to run in an image of its own: itself, stripped, the libraries that it is linked
# with, certificates, time zones, a user. For scanners and for their licences, the packages that these come from are named
# in FOLDER/var/lib/dpkg/status.d with their copyright files.
#   collect.sh PROGRAM FOLDER
set -eu
program=$1
folder=$2
taken=$(mktemp)
packages=$(mktemp)

# A file of a package, by the name that the program or the loader looks it up by.
take() {
  real=$(realpath "$1")
  mkdir -p "$folder$(dirname "$1")"
  cp "$real" "$folder$1"
  printf '%s\n%s\n' "$real" "${real#/usr}" >>"$taken"
}

mkdir -p "$folder/usr/bin" "$folder/usr/lib" "$folder/usr/lib64" "$folder/etc/sluice" "$folder/run/sluice" "$folder/tmp"
ln -s usr/lib "$folder/lib"
ln -s usr/lib64 "$folder/lib64"
strip -o "$folder/usr/bin/sluice" "$program"
chmod 755 "$folder/usr/bin/sluice"

libraries=$(ldd "$program")
case $libraries in
  *"not found"*) printf 'the program needs what is not installed here:\n%s\n' "$libraries" >&2 && exit 1 ;;
esac
for library in $(printf '%s\n' "$libraries" | grep -o '/[^ ]*'); do
  case $library in
    /lib/* | /lib64/*) take "/usr$library" ;;
    *) take "$library" ;;
  esac
done
take /etc/ssl/certs/ca-certificates.crt
take /etc/ssl/openssl.cnf
ln -s ../../etc/ssl/openssl.cnf "$folder/usr/lib/openssl.cnf"
mkdir -p "$folder/usr/share"
cp -a /usr/share/zoneinfo "$folder/usr/share/zoneinfo"
rm -rf "$folder/usr/share/zoneinfo/right" "$folder/usr/share/zoneinfo/posix"
# At once, since each question reads the names of all files; those under /usr are known by one of their two names.
xargs dpkg -S <"$taken" 2>/dev/null | cut -d: -f1 >"$packages" || true
printf 'ca-certificates\ntzdata\nopenssl\n' >>"$packages"

mkdir -p "$folder/etc/ssl/certs"
printf 'root:x:0:0:root:/:/sbin/nologin\nsluice:x:65532:65532:sluice:/:/sbin/nologin\n' >"$folder/etc/passwd"
printf 'root:x:0:\nsluice:x:65532:\n' >"$folder/etc/group"
printf 'hosts: files dns\n' >"$folder/etc/nsswitch.conf"
chown 65532:65532 "$folder/run/sluice"
chmod 1777 "$folder/tmp"

mkdir -p "$folder/var/lib/dpkg/status.d"
for package in $(sort -u "$packages"); do
  dpkg -s "$package" >"$folder/var/lib/dpkg/status.d/$package" || continue
  mkdir -p "$folder/usr/share/doc/$package"
  cp -L "/usr/share/doc/$package/copyright" "$folder/usr/share/doc/$package/copyright"
done
# One time for all files: the same files make the same layer.
find "$folder" -exec touch -h -d "@${SOURCE_DATE_EPOCH:-0}" {} +
