#!/bin/sh
# SPDX-License-Identifier: ISC
# Runs the suites that depend on the kernel (control groups of version 2, those of an ordinary user
# among them, swap, seccomp filters, namespaces) on that of Debian 12. It runs in a machine that qemu
# emulates, with the files of this one (test/vm/run.sh). They take about half an hour. The kernel is
# kept in _build/matrix/kernel.
#
#   kernel.sh                           these suites
#   kernel.sh test/alcove_stop_SUITE    others
#
# Needs root, and the program built.
set -eu
cd "$(dirname "$0")/../.."
kernel=$PWD/_build/matrix/kernel

[ $# -gt 0 ] || set -- test/alcove_cgroup_SUITE test/alcove_cgroup2_SUITE test/alcove_seccomp_SUITE \
	test/alcove_namespace_SUITE test/alcove_sandbox_limits_SUITE

command -v qemu-system-x86_64 >/dev/null && command -v modprobe >/dev/null && command -v xz >/dev/null || {
	apt-get update -q
	apt-get install -q -y --no-install-recommends qemu-system-x86 kmod xz-utils
}

# The folder holds whole files only.
[ -e "$kernel" ] || {
	test/matrix/root.sh bookworm
	package=$(unshare -m -p -f --kill-child chroot _build/matrix/bookworm sh -eu -c '
		cd /tmp
		apt-get update -q >&2
		apt-get download -q "$(apt-cache depends linux-image-amd64 | sed -n "s/.*Depends: //p")" >&2
		ls linux-image-*.deb')
	rm -rf "$kernel.new"
	dpkg -x "_build/matrix/bookworm/tmp/$package" "$kernel.new"
	rm "_build/matrix/bookworm/tmp/$package"
	mv "$kernel.new" "$kernel"
}

# What takes long under emulation is done before.
rebar3 as test compile </dev/null
cp priv/alcove _build/matrix/alcove
SWAP=512M MEMORY=${MEMORY:-3G} test/vm/run.sh "$kernel" env ALCOVE_PREBUILT="$PWD/_build/matrix/alcove" \
	rebar3 ct --suite "$(printf '%s,' "$@" | sed 's/,$//')"
