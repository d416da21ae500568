#!/bin/sh
# Does the library work on Windows? Builds it with MinGW-w64 and runs tests and examples under Wine.
#
#     windows.sh              with the tools of this machine; skipped with a message where one is missing
#     windows.sh DIRECTORY    in a root of Debian 13 there, which is made if absent (see debian-root.sh)
#
# Runs the C tests and examples, and with RUST_TESTS=yes the Rust tests beside the sources and those of deletion. BUILD
# names the build directory, build/windows if absent. The engine is not optimised: see docs/PLATFORMS.md. The tools: cmake,
# ninja or make, x86_64-w64-mingw32-gcc and -g++ with POSIX threads, wine, cargo, and Rust's standard library for
# x86_64-pc-windows-gnu (rustup target add, or rust-std.sh).
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
        BUILD=/var/windows RUST_TESTS="${RUST_TESTS:-no}" \
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
    -DIRONWAL_DEBUG_ENGINE=ON >/dev/null
cmake --build "$build" --parallel "${JOBS:-2}"
echo "== C tests and examples under Wine"
(cd "$build" && ctest --output-on-failure -E "^header")
[ "${RUST_TESTS:-no}" = yes ] || exit 0
echo "== Rust tests under Wine"
export CARGO_TARGET_X86_64_PC_WINDOWS_GNU_RUNNER=wine
cargo test --locked --all-features --target $target --target-dir "$build/rust" --lib
cargo test --locked --all-features --target $target --target-dir "$build/rust" --test promises deletion::
