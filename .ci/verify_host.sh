#!/bin/sh
# SPDX-License-Identifier: ISC
# Builds what make dist builds with the Go of another kind of machine, which qemu emulates, and
# compares the checksums with those in a folder. That Go comes from where modules come from.
set -eu
sums=$(realpath "$1")/SHA256SUMS
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'chmod -R u+w "$work" && rm -rf "$work"' EXIT

case $(go env GOHOSTARCH) in
arm64) other=amd64 machine=x86_64 ;;
*) other=arm64 machine=aarch64 ;;
esac
qemu=$(command -v qemu-$machine-static || command -v qemu-$machine) || {
	echo "qemu-$machine is missing: make setup" >&2
	exit 1
}
release=$(go env GOVERSION)
GOMODCACHE=$work/modules go mod download "golang.org/toolchain@v0.0.1-$release.linux-$other"
root=$work/modules/golang.org/toolchain@v0.0.1-$release.linux-$other
chmod -R u+w "$root"
chmod +x "$root"/bin/* "$root"/pkg/tool/*/*

# The kernel does not execute what Go starts; the emulator does.
cat > "$work/go" <<END
#!/bin/sh
export GOROOT='$root' GOTOOLCHAIN=local GOCACHE='$work/cache' GOFLAGS=-toolexec=$qemu
exec $qemu '$root/bin/go' "\$@"
END
chmod +x "$work/go"
"$work/go" version
make dist GO="$work/go" DIST="$work/dist"
cmp "$sums" "$work/dist/SHA256SUMS"
echo "linux/$other makes the same programs"
