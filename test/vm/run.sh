#!/bin/sh
# SPDX-License-Identifier: ISC
# Runs a command on another kernel, in an emulated machine: as root, with control groups of
# version 2 only, on the files of this machine or of a folder. Files that it writes are
# lost, except those in /mnt, which is the folder OUT.
#
#   run.sh kernel command...
#
# The kernel is a folder with an unpacked package of Debian, of this machine's architecture
# or of another one. A cloud kernel cannot use the files of the host:
#
#   apt-get download linux-image-6.1.0-56-amd64
#   dpkg -x linux-image-*.deb kernel
#   test/vm/run.sh kernel sh -c 'rebar3 ct --suite test/alcove_cgroup2_SUITE'
#
#   ROOT    the files, / by default; they have a static busybox in bin
#   OUT     a folder that the machine may write to
#   MEMORY  of the machine, 2G by default
#   APPEND  more parameters of the kernel
#   SWAP    swap space, such as 256M; none by default
#
# Needs qemu-system-x86 or qemu-system-arm, kmod, xz-utils and busybox, and root.
set -eu

kernel=$1
shift
root=${ROOT:-/}
name=$(cd "$kernel/lib/modules" && echo *)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
out=${OUT:-$work/out}
mkdir -p "$out"

case $name in
*-amd64) qemu='qemu-system-x86_64 -cpu max' console=ttyS0 ;;
*-arm64) qemu='qemu-system-aarch64 -machine virt -cpu max,pauth-impdef=on' console=ttyAMA0 ;;
*) echo "$name: neither amd64 nor arm64" >&2 && exit 1 ;;
esac

# The modules in the order in which they are to be loaded.
tree=$work/tree
mkdir -p "$tree/bin" "$tree/modules" "$tree/root" "$tree/host" "$tree/own"
cp "$root/bin/busybox" "$tree/bin/"
[ -e "$kernel/lib/modules/$name/modules.dep.bin" ] || depmod -b "$kernel" "$name"
modprobe -d "$kernel" -S "$name" --show-depends -a virtio_pci 9p 9pnet_virtio overlay zram |
	sed -n 's/^insmod //p' | awk '!seen[$1]++ { print $1 }' | nl -w 3 -n rz |
	while read -r number module; do
		case $module in
		*.xz) xz -dc "$module" ;;
		*) cat "$module" ;;
		esac > "$tree/modules/$number.ko"
	done

cat > "$tree/init" <<'INIT'
#!/bin/busybox sh
/bin/busybox --install /bin
export PATH=/bin
mount -t proc none /proc
for module in /modules/*; do insmod "$module"; done
host() { mount -t 9p -o "trans=virtio,version=9p2000.L,msize=512000,$3" "$1" "$2"; }
host files /host ro,cache=loose
mount -t tmpfs none /own
mkdir /own/upper /own/work
mount -t overlay -o lowerdir=/host,upperdir=/own/upper,workdir=/own/work none /root
host out /root/mnt rw
mkdir -p /root/proc /root/sys /root/dev /root/run
mount -t devtmpfs none /root/dev
mount -t tmpfs none /root/run
cp /command /root/run/command
umount /proc
exec switch_root /root /bin/sh /run/command
INIT
mkdir "$tree/proc"
chmod 755 "$tree/init"

{
	echo "SWAP=${SWAP:-}"
	cat <<'COMMAND'
mount -t proc none /proc
mount -t sysfs none /sys
mount -t cgroup2 none /sys/fs/cgroup
mkdir -p /dev/pts /dev/shm
mount -t devpts none /dev/pts
mount -t tmpfs none /dev/shm
ln -sf /proc/self/fd /dev/fd
busybox ip link set lo up
if [ -n "$SWAP" ]; then
	echo "$SWAP" > /sys/block/zram0/disksize && busybox mkswap /dev/zram0 > /run/null && busybox swapon /dev/zram0
fi
export HOME=/root TERM=dumb LANG=C.UTF-8
COMMAND
	printf "export PATH=%s\ncd %s 2>/run/null || cd /\n" "$PATH" "$PWD"
	for word; do printf "'%s' " "$(printf %s "$word" | sed "s/'/'\\\\''/g")"; done
	printf '< /dev/null\necho $? > /mnt/status\nbusybox reboot -f\n'
} > "$tree/command"

(cd "$tree" && find . | busybox cpio -o -H newc 2> "$work/cpio" | gzip -1) > "$work/initrd"
echo 1 > "$out/status"
$qemu -m "${MEMORY:-2G}" -nographic -no-reboot -kernel "$kernel/boot/vmlinuz-$name" -initrd "$work/initrd" \
	-append "console=$console quiet panic=-1 cgroup_no_v1=all ${APPEND:-}" -nic none \
	-virtfs "local,path=$root,mount_tag=files,security_model=passthrough,readonly=on,multidevs=remap" \
	-virtfs "local,path=$out,mount_tag=out,security_model=none" < /dev/null
exit "$(cat "$out/status")"
