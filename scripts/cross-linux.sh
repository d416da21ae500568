#!/bin/sh
# Does the library work on other processors and C libraries, and does one machine read the log of another?
#
#     cross-linux.sh DIRECTORY [KIND...]    KIND: arm64, s390x, musl; all three if absent
#
# Makes a root of Debian 13 in DIRECTORY, unless one is there, builds this tree in it for each KIND and for x86-64, and
# runs the C tests and examples, on qemu's emulation of the processor (musl: on this one). Then each kind of
# machine writes a log, and all others read it, append to it, and read what was appended.
#
# DEBUG_ENGINE=ON builds the engine unoptimised, with its assertions, and sooner; TOOLS=OFF leaves ironwalctl out.
# Takes root, debootstrap, git and a network; MIRROR names another Debian mirror. The root stays, for the next run. The
# standard library of Rust for arm64 and s390x comes from Debian; for musl it is built from its sources.
set -eu

[ $# -ge 1 ] || { sed -n '2,13s/^# \{0,1\}//p' "$0"; exit 2; }
mkdir -p "$1"
root=$(cd "$1" && pwd)
shift
kinds=${*:-arm64 s390x musl}
cd "$(dirname "$0")/.."

if [ ! -x "$root/usr/bin/rustc" ]; then
    debootstrap --variant=minbase \
        --include=rustc,cargo,make,gcc,g++,cmake,pkg-config,git,ca-certificates \
        trixie "$root" ${MIRROR:+"$MIRROR"}
fi
cp /etc/resolv.conf "$root/etc/resolv.conf"
# With its crates, so that the build in the root takes none from the network.
mkdir -p "$root/var/cross"
sh scripts/source-archive.sh "$root/var/cross"
rm -rf "$root/src"
mkdir "$root/src"
# As new files: cargo goes by their age.
tar xmf "$root"/var/cross/ironwal-*-vendored.tar.xz --strip-components=1 -C "$root/src"

unmount() { umount -R "$root" 2>/dev/null || true; }
trap unmount EXIT
# A mount of its own, so that the file system of "/" is in the mount table there: by it the engine decides whether
# segments are mapped, and tests expect that they are.
mount --bind --make-private "$root" "$root"
mount -t proc proc "$root/proc"
mount --rbind --make-rslave /dev "$root/dev"

chroot "$root" /usr/bin/env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive \
    KINDS="$kinds" JOBS="${JOBS:-2}" TOOLS="${TOOLS:-ON}" CARGO_BUILD_JOBS="${CARGO_BUILD_JOBS:-2}" \
    DEBUG_ENGINE="${DEBUG_ENGINE:-OFF}" CARGO_PROFILE_RELEASE_DEBUG=0 CARGO_PROFILE_DEV_DEBUG=0 sh /src/scripts/cross-linux-inside.sh
