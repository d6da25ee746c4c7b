#!/bin/sh
# SPDX-License-Identifier: ISC
# Reports whether a package is what this tree makes: builds it again, with the release of Go that
# the package names, and compares all bytes.
set -eu
[ -f "${1-}" ] || { echo "usage: make verify TARBALL=file" >&2; exit 1; }
package=$(realpath "$1")
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

mkdir "$work/old"
escript .ci/package.escript unpack "$package" "$work/old" "${REBAR:-rebar3}"
(cd "$work/old/priv" && sha256sum -c SHA256SUMS)
release=$(sed -n 's/.* built-with-//p' "$work/old/priv/SHA256SUMS")
echo "building with $release"
GOTOOLCHAIN=$release make package DIST="$work/new" >/dev/null

differ() {
	echo "$package: $1" >&2
	exit 1
}
diff "$work/old/priv/SHA256SUMS" "$work/new/SHA256SUMS" || differ 'this tree makes other programs'
set -- "$work"/new/*.tar
cmp "$package" "$1" || differ 'the same programs, but other files beside them, or another rebar3 or Erlang has packed them'
echo 'the same, byte for byte'
