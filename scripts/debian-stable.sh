#!/bin/sh
# Do `make demo` and `make test` pass on a fresh Debian stable, with its own Rust?
#
#     debian-stable.sh DIRECTORY [COMMAND]    COMMAND: "make demo && make test" if absent
#
# Makes a root of Debian 13 in DIRECTORY, unless one is there, copies the tracked files of this tree
# into it and runs the command there. Takes root, debootstrap, git and a network; MIRROR names
# another Debian mirror. The root stays, for the next run; the copy in it is made anew.
set -eu

[ $# -ge 1 ] || { sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 2; }
mkdir -p "$1"
root=$(cd "$1" && pwd)
command=${2:-make demo && make test}
cd "$(dirname "$0")/.."

if [ ! -x "$root/usr/bin/rustc" ]; then
    debootstrap --variant=minbase \
        --include=rustc,cargo,make,gcc,g++,cmake,pkg-config,git,ca-certificates \
        trixie "$root" ${MIRROR:+"$MIRROR"}
fi
cp /etc/resolv.conf "$root/etc/resolv.conf"
rm -rf "$root/src"
mkdir "$root/src"
git ls-files -z | tar cf - --null -T - | tar xf - -C "$root/src"

unmount() { umount -R "$root" 2>/dev/null || true; }
trap unmount EXIT
# A mount of its own, so that the file system of "/" is in the mount table there, as everywhere: by it
# the engine decides whether segments are mapped, and tests expect that they are.
mount --bind --make-private "$root" "$root"
mount -t proc proc "$root/proc"
mount --rbind --make-rslave /dev "$root/dev"

chroot "$root" /usr/bin/env -i HOME=/root IRONWAL_INSTALL_TOOLS=1 PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    sh -c "rustc --version && apt-get update -qq && cd /src && $command"
