#!/bin/sh
# Do the programs of the ten-minute pages (docs/start) work, and print what the pages say?
#
#     start-pages.sh              all pages
#     start-pages.sh C GO         some of them
#
# A page names what each of its blocks is, in a comment before it: `file: NAME` is a file, `run` commands, `prints` what
# they print. `prepared` is what this script does another way: the library comes from a build that is there already (the
# directory IRONWAL_BUILD_DIR, or build/release), the Python package from the environment of test-python.sh. Says what is
# missing where a language or the library is not there, and succeeds then.
set -eu
cd "$(dirname "$0")/.."
IRONWAL=$PWD
export IRONWAL
build=${IRONWAL_BUILD_DIR:-$PWD/build/release}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
PREFIX=$work/prefix
export PREFIX

left_out() { echo "not tested: docs/start/$page.md; $*" >&2; }

has() { command -v "$1" >/dev/null 2>&1; }

# Installs the library into PREFIX, once.
library() {
    [ -d "$PREFIX" ] && return
    [ -f "$build/CMakeCache.txt" ] && has pkg-config && cmake --install "$build" --prefix "$PREFIX" >"$work/install" 2>&1
}

# Prints the blocks of one kind, each line that belongs to a block.
blocks() {
    awk -v kind="<!-- $1 -->" '
        /^```/ { inside = !inside; if (!inside) wanted = 0; next }
        inside { if (wanted) print; next }
        /^<!-- / { wanted = ($0 == kind) }' "$page_file"
}

check() {
    here=$work/$page
    mkdir -p "$here/src"
    sed -n 's/^<!-- file: \(.*\) -->$/\1/p' "$page_file" | while read -r name; do
        # In files of a package the path of the tree stands where the page has its variable.
        blocks "file: $name" | sed "s|\$IRONWAL|$IRONWAL|g" >"$here/$name"
    done
    blocks run >"$here/run.sh"
    blocks prints >"$here/expected"
    [ -s "$here/run.sh" ] && [ -s "$here/expected" ] || { echo "$page_file has nothing to run" >&2; exit 1; }
    (cd "$here" && sh -eu run.sh >printed) || { echo "$page_file: its commands fail" >&2; exit 1; }
    diff -u "$here/expected" "$here/printed" >&2 || { echo "$page_file: another output" >&2; exit 1; }
    echo "works: $page_file"
}

[ $# -gt 0 ] || set -- C CPP RUST GO PYTHON ZIG
for page in "$@"; do
    page_file=$PWD/docs/start/$page.md
    case $page in
    C | CPP | GO | ZIG)
        library || { left_out "no library in $build, or no pkg-config"; continue; }
        PKG_CONFIG_PATH=$(dirname "$(find "$PREFIX" -name ironwal.pc)")
        export PKG_CONFIG_PATH
        ;;
    esac
    case $page in
    C) has cc || { left_out "no C compiler"; continue; } ;;
    CPP) has c++ || { left_out "no C++ compiler"; continue; } ;;
    RUST)
        has cargo || { left_out "no cargo"; continue; }
        # Built once, and with the versions of crates that the library is tested with.
        CARGO_TARGET_DIR=$PWD/build/start-rust
        export CARGO_TARGET_DIR
        mkdir -p "$work/RUST"
        cp Cargo.lock "$work/RUST/Cargo.lock"
        ;;
    GO)
        has go || { left_out "no go"; continue; }
        GO111MODULE=on
        GOFLAGS=-mod=mod
        export GO111MODULE GOFLAGS
        ;;
    PYTHON)
        if [ -x build/python-venv/bin/python ] && build/python-venv/bin/python -c 'import ironwal' 2>/dev/null; then
            PATH=$PWD/build/python-venv/bin:$PATH
        elif ! python3 -c 'import ironwal' 2>/dev/null; then
            left_out "the package is not installed: make test-python installs it in build/python-venv"
            continue
        fi
        ;;
    ZIG)
        if [ -n "${ZIG:-}" ]; then
            mkdir -p "$work/bin"
            printf '#!/bin/sh\nexec %s "$@"\n' "$ZIG" >"$work/bin/zig"
            chmod +x "$work/bin/zig"
            PATH=$work/bin:$PATH
        fi
        case "$(zig version 2>/dev/null || true)" in 0.15.*) ;; *) left_out "no zig 0.15"; continue ;; esac
        ;;
    *) echo "there is no page $page" >&2; exit 2 ;;
    esac
    check
done
