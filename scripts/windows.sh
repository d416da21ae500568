#!/bin/sh
# Does the library work on Windows? Builds it with MinGW-w64 and runs tests and examples under Wine.
#
#     windows.sh              with the tools of this machine; skipped with a message where one is missing
#     windows.sh DIRECTORY    in a root of Debian 13 there, which is made if absent (see debian-root.sh)
#
# Runs the C tests and examples, then those Rust tests that apply (RUST_TESTS=no: not), then reads on this machine
# a log that was written there, and the other way round. BUILD names the build directory, build/windows if absent.
# DEBUG_ENGINE=OFF optimises the engine. The tools: cmake, ctest, ninja or make, x86_64-w64-mingw32-gcc and -g++ with POSIX threads,
# wine, cargo, and Rust's standard library for x86_64-pc-windows-gnu (rustup target add, or rust-std.sh).
set -eu

target=x86_64-pc-windows-gnu
directory=${1:-}
case $directory in '' | /*) ;; *) directory=$PWD/$directory ;; esac
cd "$(dirname "$0")/.."

if [ -n "$directory" ]; then
    . scripts/debian-root.sh
    debian_root "$directory"
    in_root "set -e
        apt-get update -qq
        apt-get install -y -qq --no-install-recommends gcc-mingw-w64-x86-64-posix g++-mingw-w64-x86-64-posix \
            wine wine64 ninja-build >/dev/null
        cd /src
        sh scripts/rust-std.sh $target
        sh scripts/windows.sh" \
        BUILD=/var/windows DEBUG_ENGINE="${DEBUG_ENGINE:-ON}" RUST_TESTS="${RUST_TESTS:-yes}" \
        CARGO_BUILD_JOBS="${CARGO_BUILD_JOBS:-2}"
    exit
fi

missing=""
for tool in cmake cargo rustc x86_64-w64-mingw32-gcc x86_64-w64-mingw32-g++ wine; do
    command -v "$tool" >/dev/null || missing="$missing $tool"
done
if [ -z "$missing" ] && ! ls "$(rustc --print target-libdir --target $target)"/libstd-*.rlib >/dev/null 2>&1; then
    missing=" Rust's standard library for $target"
fi
if [ -n "$missing" ]; then
    echo "skipped: Windows, for these are missing:$missing"
    exit 0
fi

build=${BUILD:-build/windows}
# Wine's own messages are not the tests'.
export WINEDEBUG="${WINEDEBUG:--all}" CARGO_PROFILE_DEV_DEBUG=0 CARGO_PROFILE_RELEASE_DEBUG=0
generator="Unix Makefiles"
if command -v ninja >/dev/null; then generator=Ninja; fi
wineboot --init 2>/dev/null

cmake -S . -B "$build" -G "$generator" -DCMAKE_BUILD_TYPE=Release \
    -DCMAKE_SYSTEM_NAME=Windows -DCMAKE_SYSTEM_PROCESSOR=x86_64 -DCMAKE_CROSSCOMPILING_EMULATOR=wine \
    -DCMAKE_C_COMPILER=x86_64-w64-mingw32-gcc -DCMAKE_CXX_COMPILER=x86_64-w64-mingw32-g++ \
    -DCMAKE_RC_COMPILER=x86_64-w64-mingw32-windres \
    "-DIRONWAL_DEBUG_ENGINE=${DEBUG_ENGINE:-ON}" >/dev/null
cmake --build "$build" --parallel "${JOBS:-2}"
echo "== C tests and examples under Wine"
(cd "$build" && ctest --output-on-failure --timeout 600)
