#!/bin/sh
# Does the Zig package build and work? Needs the C library in build/release, or in IRONWAL_LIB_DIR.
#
#     test-zig.sh             the format and the tests, of a debug build and of a safe release
#     test-zig.sh NAME        the tests whose name holds this
#
# ZIG names the compiler. Without it the one in PATH is taken if it is of the series that the package is written for,
# otherwise that of the Python package index, in build/zig-venv. Says what is missing where there is none, and succeeds
# then.
set -eu
cd "$(dirname "$0")/.."

# Zig changes its library with each series; CI tests this one.
version=0.15.2

left_out() {
    echo "not tested: the Zig package; $*" >&2
    exit 0
}

zig="${ZIG:-}"
if [ -z "$zig" ]; then
    case "$(zig version 2>/dev/null || true)" in 0.15.*) zig=zig ;; esac
fi
if [ -z "$zig" ]; then
    venv="$PWD/build/zig-venv"
    python="${PYTHON:-python3}"
    command -v "$python" >/dev/null 2>&1 || left_out "neither Zig $version nor $python is installed"
    "$python" -c 'import ensurepip, venv' 2>/dev/null ||
        left_out "Zig $version is not installed, and pip or venv is missing (Debian: apt-get install python3-venv)"
    if ! "$venv/bin/python" -m ziglang version 2>/dev/null | grep -qx "$version"; then
        "$python" -m venv --clear "$venv"
        "$venv/bin/pip" install --quiet "ziglang==$version" >/dev/null 2>&1 ||
            left_out "Zig $version is not installed, and pip could not install ziglang"
    fi
    zig="$venv/bin/python -m ziglang"
fi

lib="${IRONWAL_LIB_DIR:-$PWD/build/release/lib}"
include="$PWD/include"
cache="$PWD/build/zig-cache"
cd bindings/zig
build() {
    # shellcheck disable=SC2086
    $zig build test "-Dinclude=$include" "-Dlib=$lib" --cache-dir "$cache" "$@"
}

if [ $# -gt 0 ]; then
    build "-Dfilter=$1"
    exit
fi
# shellcheck disable=SC2086
$zig fmt --check build.zig build.zig.zon src tests examples
build
build -Doptimize=ReleaseSafe
cd ../..
ZIG="$zig" sh scripts/start-pages.sh ZIG
