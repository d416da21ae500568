#!/bin/sh
# Does the Swift package build and work? Needs the C library in build/release, or in IRONWAL_LIB_DIR.
#
#     test-swift.sh                     the tests
#     test-swift.sh NAME                the tests whose name holds this
#     test-swift.sh --root DIRECTORY    makes a root of Debian 13 there, if there is none, and runs the tests in it
#
# A root takes debootstrap, the rights of root and 4 GB. SWIFT_MIRROR names its mirror of Debian. The library is that of this
# machine, so the C library of Debian 13 must not be older than its. Says what is missing where Swift is not installed, and
# succeeds then.
set -eu
cd "$(dirname "$0")/.."
tree="$PWD"

if [ "${1:-}" = --root ]; then
    root="${2:?a directory}"
    if [ ! -e "$root/usr/libexec/swift/bin/swift" ]; then
        command -v debootstrap >/dev/null 2>&1 || { echo "test-swift.sh: debootstrap is not installed" >&2; exit 1; }
        [ -e "$root/etc/debian_version" ] ||
            debootstrap --variant=minbase trixie "$root" "${SWIFT_MIRROR:-http://deb.debian.org/debian}"
        # The certificates that this machine trusts, for a mirror behind a proxy.
        mkdir -p "$root/etc/ssl"
        cp -r /etc/ssl/certs "$root/etc/ssl/"
        cp /etc/resolv.conf "$root/etc/resolv.conf"
        chroot "$root" apt-get update
        DEBIAN_FRONTEND=noninteractive chroot "$root" apt-get install -y --no-install-recommends swiftlang libc6-dev
    fi
    mkdir -p "$root/ironwal"
    # Swift finds its own libraries by /proc.
    trap 'umount "$root/proc" "$root/ironwal"' EXIT
    mountpoint -q "$root/proc" || mount -t proc proc "$root/proc"
    mountpoint -q "$root/ironwal" || mount --bind "$tree" "$root/ironwal"
    chroot "$root" sh /ironwal/scripts/test-swift.sh
    exit
fi

if ! command -v swift >/dev/null 2>&1 || ! swift --version 2>/dev/null | grep -q '^Swift version'; then
    echo "not tested: the Swift package; swift is not installed (Debian 13: apt-get install swiftlang)" >&2
    exit 0
fi

lib="${IRONWAL_LIB_DIR:-$tree/build/release/lib}"
export LD_LIBRARY_PATH="$lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
cd bindings/swift
if [ $# -gt 0 ]; then set -- --filter "$1"; fi
exec swift test --scratch-path "$tree/build/swift" -Xcc "-I$tree/include" -Xlinker "-L$lib" "$@"
