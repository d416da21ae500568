#!/bin/sh
# The part of cross-linux.sh that runs inside the root, on Debian 13: build, test and exchange logs for each of $KINDS.
set -eu

install() { apt-get install -y -qq --no-install-recommends "$@" >/dev/null; }

# build KIND CMAKE_ARGUMENTS...: everything, in /var/cross/KIND. The directory is kept for the next run.
build() {
    kind=$1
    shift
    echo "== build for $kind"
    cmake -S /src -B "/var/cross/$kind" -G Ninja -DCMAKE_BUILD_TYPE=Release -DIRONWAL_BUILD_TOOLS=OFF \
        "-DIRONWAL_DEBUG_ENGINE=$DEBUG_ENGINE" "$@" >/dev/null
    # shellcheck disable=SC2086
    cmake --build "/var/cross/$kind" --parallel "$JOBS" ${TARGET:+--target $TARGET}
}

cross() {
    kind=$1 processor=$2
    install "gcc-$processor-linux-gnu" "g++-$processor-linux-gnu" "libc6-dev-$kind-cross" qemu-user
    sh /src/scripts/rust-std.sh "$processor-unknown-linux-gnu"
    build "$kind" -DCMAKE_SYSTEM_NAME=Linux "-DCMAKE_SYSTEM_PROCESSOR=$processor" \
        "-DCMAKE_C_COMPILER=$processor-linux-gnu-gcc" "-DCMAKE_CXX_COMPILER=$processor-linux-gnu-g++" \
        "-DCMAKE_CROSSCOMPILING_EMULATOR=qemu-$processor;-L;/usr/$processor-linux-gnu"
}

musl() {
    install musl-tools
    sh /src/scripts/rust-std.sh x86_64-unknown-linux-musl
    build musl -DIRONWAL_CARGO_TARGET=x86_64-unknown-linux-musl -DCMAKE_C_COMPILER=musl-gcc -DCMAKE_CXX_COMPILER=
}

apt-get update -qq
install ninja-build
# Its own tests are those of make test.
TARGET=exchange.static build x86-64 -DIRONWAL_BUILD_EXAMPLES=OFF
machines=x86-64
failed=""
for kind in $KINDS; do
    case $kind in
    arm64) cross arm64 aarch64 ;;
    s390x) cross s390x s390x ;;
    musl) musl ;;
    windows) ;;
    *) echo "unknown kind: $kind" >&2; exit 2 ;;
    esac
    machines="$machines $kind"
    [ "$kind" != windows ] || continue
    # Emulated threads are slow, so no test is stopped early. What a test cannot do in an emulated process is listed in
    # docs/PLATFORMS.md.
    left_out=$(sed -n "s/^| \`\([a-z_]*\)\` | \([^|]*, \)*$kind[ ,|].*/\1/p" /src/docs/PLATFORMS.md | paste -sd'|' -)
    echo "== C tests and examples on $kind, without: ${left_out:-none}"
    (cd "/var/cross/$kind" && ctest --output-on-failure --timeout 900 --exclude-regex "^(example[.])?(${left_out:-none})([.]|\$)|^header") ||
        failed="$failed $kind"
done

exchange() {
    machine=$1
    shift
    case $machine in
    arm64) qemu-aarch64 -L /usr/aarch64-linux-gnu "/var/cross/$machine/ffi-tests/exchange.static" "$@" ;;
    s390x) qemu-s390x -L /usr/s390x-linux-gnu "/var/cross/$machine/ffi-tests/exchange.static" "$@" ;;
    windows) WINEDEBUG=-all wine /var/windows/lib/exchange.static.exe "$@" ;;
    *) "/var/cross/$machine/ffi-tests/exchange.static" "$@" ;;
    esac
}

for writer in $machines; do
    echo "== a log of $writer"
    log=$(mktemp -d)
    exchange "$writer" write "$log"
    for reader in $machines; do
        exchange "$reader" continue "$log"
        echo "continued on $reader"
    done
    exchange "$writer" read "$log"
    echo "read on $writer"
    rm -rf "$log"
done

[ -z "$failed" ] || { echo "C tests failed on:$failed" >&2; exit 1; }
echo "all passed: $machines"
