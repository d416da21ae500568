#!/bin/sh
# The part of cross-linux.sh that runs inside the root, on Debian 13: build, test and exchange logs for each of $KINDS.
set -eu

install() { apt-get install -y -qq --no-install-recommends "$@" >/dev/null; }

# The standard library of another architecture, without what it would run on.
rust_std() {
    [ ! -d "/usr/lib/rustlib/$2" ] || return 0
    mkdir -p /var/cache/rust-std
    cd /var/cache/rust-std
    dpkg --add-architecture "$1"
    apt-get update -qq
    version=$(rustc --version | sed -n 's/^rustc \([0-9]*\.[0-9]*\)\..*/\1/p')
    apt-get download -q "libstd-rust-dev:$1" "libstd-rust-$version:$1"
    for package in *_"$1".deb; do dpkg-deb -x "$package" /; done
    cd /
}

# build KIND CMAKE_ARGUMENTS...: everything, in /var/cross/KIND. The directory is kept for the next run.
build() {
    kind=$1
    shift
    echo "== build for $kind"
    cmake -S /src -B "/var/cross/$kind" -DCMAKE_BUILD_TYPE=Release "-DIRONWAL_BUILD_TOOLS=${TOOLS:-ON}" "-DIRONWAL_DEBUG_ENGINE=${DEBUG_ENGINE:-OFF}" \
        "-DIRONWAL_CARGO_FLAGS=--offline" "$@"
    # shellcheck disable=SC2086
    cmake --build "/var/cross/$kind" --parallel "$JOBS" ${TARGET:+--target $TARGET}
}

cross() {
    kind=$1 processor=$2
    install "gcc-$processor-linux-gnu" "g++-$processor-linux-gnu" "libc6-dev-$kind-cross" qemu-user
    rust_std "$kind" "$processor-unknown-linux-gnu"
    build "$kind" -DCMAKE_SYSTEM_NAME=Linux "-DCMAKE_SYSTEM_PROCESSOR=$processor" \
        "-DCMAKE_C_COMPILER=$processor-linux-gnu-gcc" "-DCMAKE_CXX_COMPILER=$processor-linux-gnu-g++" \
        "-DCMAKE_CROSSCOMPILING_EMULATOR=qemu-$processor;-L;/usr/$processor-linux-gnu"
}

apt-get update -qq
# Its tests are those of make test.
TOOLS=OFF TARGET=exchange.static build x86-64 -DIRONWAL_BUILD_EXAMPLES=OFF
machines=x86-64
failed=""
for kind in $KINDS; do
    left_out=$(sed -n "s/^$kind  *\([a-z_.]*\) .*/\1/p" /src/scripts/cross-linux-left-out | paste -sd'|' -)
    case $kind in
    arm64) cross arm64 aarch64 ;;
    s390x) cross s390x s390x ;;
    musl)
        install musl-tools rust-src
        RUSTC_BOOTSTRAP=1 build musl -DIRONWAL_CARGO_TARGET=x86_64-unknown-linux-musl -DCMAKE_C_COMPILER=musl-gcc \
            -DCMAKE_CXX_COMPILER= -DIRONWAL_BUILD_TOOLS=OFF "-DIRONWAL_NATIVE_LIBS=-lc" \
            "-DIRONWAL_CARGO_FLAGS=--offline -Zbuild-std=std,panic_unwind"
        ;;
    *) echo "unknown kind: $kind" >&2; exit 2 ;;
    esac
    machines="$machines $kind"
    echo "== C tests and examples on $kind"
    # Emulated threads are slow: one test at a time, and no test is stopped early.
    (cd "/var/cross/$kind" && ctest --output-on-failure --timeout 900 --exclude-regex "^(${left_out:-none})\$") ||
        failed="$failed $kind"
done

exchange() {
    machine=$1
    shift
    case $machine in
    arm64) qemu-aarch64 -L /usr/aarch64-linux-gnu "/var/cross/$machine/ffi-tests/exchange.static" "$@" ;;
    s390x) qemu-s390x -L /usr/s390x-linux-gnu "/var/cross/$machine/ffi-tests/exchange.static" "$@" ;;
    *) "/var/cross/$machine/ffi-tests/exchange.static" "$@" ;;
    esac
}

for writer in $machines; do
    echo "== a log of $writer"
    log=$(mktemp -d)
    exchange "$writer" write "$log"
    for reader in $machines; do
        echo "continued on $reader: $(exchange "$reader" continue "$log")"
    done
    echo "read on $writer: $(exchange "$writer" read "$log")"
    rm -rf "$log"
done

[ -z "$failed" ] || { echo "C tests failed on:$failed" >&2; exit 1; }
echo "all passed: $machines"
