#!/bin/sh
# Does the Swift package build and work? Needs the C library in build/release, or in IRONWAL_LIB_DIR.
#
#     test-swift.sh                     the tests
#     test-swift.sh NAME                the tests whose name holds this
#     test-swift.sh --root DIRECTORY    makes a root of Debian 13 there, if there is none, and runs the tests in it
#
# A root takes root, debootstrap and a network; MIRROR names another Debian mirror. The root stays, for the next run. The library
# is that of this machine, so the C library here must not be newer than that of Debian 13. Says what is missing where Swift is not
# installed, and succeeds then.
set -eu
cd "$(dirname "$0")/.."
tree="$PWD"

if [ "${1:-}" = --root ]; then
    [ $# -eq 2 ] || { echo "test-swift.sh --root DIRECTORY" >&2; exit 2; }
    mkdir -p "$2"
    root=$(cd "$2" && pwd)
    if [ ! -x "$root/usr/libexec/swift/bin/swift" ]; then
        debootstrap --variant=minbase --include=swiftlang,libc6-dev trixie "$root" ${MIRROR:+"$MIRROR"}
    fi
    mkdir -p "$root/ironwal"
    unmount() { umount "$root/proc" "$root/ironwal" 2>/dev/null || true; }
    trap unmount EXIT
    # Swift finds its own libraries by /proc.
    mount -t proc proc "$root/proc"
    mount --bind "$tree" "$root/ironwal"
    chroot "$root" /usr/bin/env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin \
        sh /ironwal/scripts/test-swift.sh
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
