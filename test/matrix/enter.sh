#!/bin/bash
# SPDX-License-Identifier: ISC
# Runs a command as root or as user on another release of Debian: in a fresh clone of HEAD in
# that user's home, with namespaces and a loopback device of its own. Go and the modules are
# those of this machine. All is as inconvenient as it may be for a user: others cannot pass the
# home, the path has a blank, Go is not in PATH, the name of the machine has no address. The root
# must be there (root.sh). What the command leaves is in _build/matrix/RELEASE.USER until the next.
#
#   enter.sh trixie user make demo
#   enter.sh sid root bash            a terminal to look around
#
# FROM      another repository to clone
# REVISION  another commit
# CELL      the name of the folder in _build/matrix, RELEASE.USER by default
set -eu

release=$1 user=$2
shift 2
top=$(cd "$(dirname "$0")/../.." && pwd)
root=$top/_build/matrix/$release
cell=$top/_build/matrix/${CELL:-$release.$user}
[ "$(id -u)" = 0 ] || { echo "$0: needs root" >&2; exit 1; }
[ -e "$root/complete" ] || { echo "$0: no $root; test/matrix/root.sh $release makes it" >&2; exit 1; }

export PATH="$PATH:/usr/local/go/bin"
goroot=$(cd "$top" && go env GOROOT)
(cd "$top" && go mod download)
modules=$(go env GOMODCACHE)/cache/download

# What was compiled once is not compiled again; what a test said once does not count.
[ "$user" = root ] && cache=$(go env GOCACHE) || cache=$top/_build/matrix/cache

home=$cell/home
[ "$user" = root ] && inner=/root || inner=/home/$user
rm -rf "$cell"
mkdir -p "$home/.config/go" "$home/.cache/go-build" "$cache" "$cell/tmp" "$cell/upper" "$cell/work" "$cell/mnt"
chmod 1777 "$cell/tmp"
chmod 700 "$home"
git -c safe.directory='*' clone -q --no-hardlinks "${FROM:-$top}" "$home/a clone"
git -C "$home/a clone" -c advice.detachedHead=false checkout -q "${REVISION:-HEAD}"
printf '%s\n' GOPROXY=file:///usr/local/modules GOTOOLCHAIN=local GOFLAGS=-count=1 > "$home/.config/go/env"
chown -R --reference="$root$inner" "$home"
chown --reference="$root$inner" "$cache"

# The words of the command, for a shell that reads them again.
printf -v command ' %q' "$@"

export root cell home cache goroot modules inner user command
exec unshare -m -p -i -u -n -f --kill-child bash -eu -c '
	mount -t overlay -o "lowerdir=$root,upperdir=$cell/upper,workdir=$cell/work" none "$cell/mnt"
	cd "$cell/mnt"
	mount -t proc proc proc
	mount --rbind /sys sys
	mount --rbind /dev dev
	mount --bind "$home" ".$inner"
	mount --bind "$cache" ".$inner/.cache/go-build"
	mount --bind "$cell/tmp" tmp
	mount --bind "$goroot" usr/local/go
	mount --bind "$modules" usr/local/modules
	# As in many a container, nothing resolves it.
	hostname cell
	# A user namespace cannot be made after chroot(2) alone.
	pivot_root . mnt
	cd /
	umount -l mnt
	busybox ip link set lo up
	# Not exec: process 1 of the namespace is this shell, which waits for orphans as well.
	su - "$user" -c "export LC_ALL=C.UTF-8; cd \"a clone\" &&$command"
	exit 0'
