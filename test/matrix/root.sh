#!/bin/sh
# SPDX-License-Identifier: ISC
# Makes the root of a release of Debian in _build/matrix, or leaves it as it is: with an
# ordinary user, and with what make test uses, installed by .ci/setup as on any new machine. A
# root whose .ci/setup was another one gets what it lacks.
# Packages come from where apt of this machine takes them.
#
#   root.sh trixie
#
# Needs root.
set -eu

release=$1
top=$(cd "$(dirname "$0")/../.." && pwd)
root=$top/_build/matrix/$release
complete=$root/complete
! cmp -s "$top/.ci/setup" "$complete" || exit 0
[ "$(id -u)" = 0 ] || { echo "$0: needs root" >&2; exit 1; }

make_root() {
	# The index of this machine's packages may be missing, or older than what they are signed with.
	command -v debootstrap >/dev/null || {
		apt-get update -q
		DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends debootstrap
	}
	# shellcheck disable=SC2016 # the words of apt
	mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' |
		grep -v security | head -n 1)
	[ -n "$mirror" ] || { echo "$0: apt of this machine names no Debian; apt-get update first" >&2; exit 1; }

	rm -rf "$root"
	mkdir -p "$root"
	debootstrap --variant=minbase --include=git,make,ca-certificates "$release" "$root" "$mirror"
	cp /etc/resolv.conf "$root/etc/"
	apt-config dump Acquire > "$root/etc/apt/apt.conf.d/00acquire"
	chroot "$root" useradd -m -s /bin/bash user
	mkdir -p "$root/usr/local/go" "$root/usr/local/modules" "$root/source"
}

[ -e "$complete" ] || make_root

# shellcheck disable=SC2016 # for the shell in the root
unshare -m -p -f --kill-child sh -eu -c '
	mount -t proc proc "$1/proc"
	mount --bind "$2" "$1/source"
	exec chroot "$1" sh /source/.ci/setup' - "$root" "$top" </dev/null
cp "$top/.ci/setup" "$complete"
