#!/bin/sh
# Do `make demo` and `make test` pass on a fresh Debian stable, with its own Rust?
#
#     debian-stable.sh DIRECTORY [COMMAND]    COMMAND: "make demo && make test" if absent
#
# Makes a root of Debian 13 in DIRECTORY, unless one is there, copies the tracked files of this tree
# into it and runs the command there. Takes what debian-root.sh takes.
set -eu

[ $# -ge 1 ] || { sed -n '2,7s/^# \{0,1\}//p' "$0"; exit 2; }
directory=$1
command=${2:-make demo && make test}
case $directory in /*) ;; *) directory=$PWD/$directory ;; esac
cd "$(dirname "$0")/.."
. scripts/debian-root.sh

debian_root "$directory"
in_root "rustc --version && apt-get update -qq && cd /src && $command" IRONWAL_INSTALL_TOOLS=1
