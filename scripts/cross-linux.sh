#!/bin/sh
# Does the library work on other processors and C libraries, and does one machine read the log of another?
#
#     cross-linux.sh DIRECTORY [KIND...]    KIND: arm64, s390x, musl, windows; the first three if absent
#
# Makes a root of Debian 13 in DIRECTORY, unless one is there (see debian-root.sh), builds this tree in it for each KIND and
# for x86-64, and runs the C tests and examples, on qemu's emulation of the processor (musl: on this one; windows: of
# what windows.sh has built there, only the exchange). Then each kind of machine writes a log, and all others read it,
# append to it, and read what was appended.
#
# DEBUG_ENGINE=OFF optimises the engine, which takes longer to build and less to run.
set -eu

[ $# -ge 1 ] || { sed -n '2,11s/^# \{0,1\}//p' "$0"; exit 2; }
directory=$1
shift
kinds=${*:-arm64 s390x musl}
case $directory in /*) ;; *) directory=$PWD/$directory ;; esac
cd "$(dirname "$0")/.."
. scripts/debian-root.sh

debian_root "$directory"
in_root "sh /src/scripts/cross-linux-inside.sh" KINDS="$kinds" JOBS="${JOBS:-2}" DEBUG_ENGINE="${DEBUG_ENGINE:-ON}" \
    CARGO_BUILD_JOBS="${CARGO_BUILD_JOBS:-2}" CARGO_PROFILE_RELEASE_DEBUG=0 CARGO_PROFILE_DEV_DEBUG=0
