#!/bin/sh
# Do the Rust tests pass with a sanitizer in the engine and in the tests?
#
#     sanitize.sh thread     data races, in the tests that have threads
#     sanitize.sh address    memory errors, in the unit tests and those of maps, reads, damage and
#                            hostile input
#
# rustc's switch for it is not stable; RUSTC_BOOTSTRAP lets any toolchain take it. `thread` needs the
# sources of the standard library (the component rust-src), for it is built anew: otherwise its
# own synchronisation is not seen, and what is not a race looks like one.
set -eu
cd "$(dirname "$0")/.."

host=$(rustc -vV | sed -n 's/^host: //p')
sysroot=$(rustc --print sysroot)

# need FILE WHAT: ends here if the toolchain lacks it.
need() {
    for found in $1; do
        [ ! -e "$found" ] || return 0
    done
    echo "missing: $2 ($1)" >&2
    exit 1
}

case "${1:-}" in
thread)
    need "$sysroot/lib/rustlib/$host/lib/librustc*_rt.tsan.a" "ThreadSanitizer's runtime in the toolchain"
    need "$sysroot/lib/rustlib/src/rust/library/Cargo.lock" "rust-src; rustup component add rust-src"
    build_std=-Zbuild-std
    programs="--lib --test concurrency --test read_only"
    # A test that forks while it has threads is not ended for that; one that asks for more memory
    # than there is gets the answer that an allocator gives.
    export TSAN_OPTIONS="die_after_fork=0 allocator_may_return_null=1 ${TSAN_OPTIONS:-}"
    ;;
address)
    need "$sysroot/lib/rustlib/$host/lib/librustc*_rt.asan.a" "AddressSanitizer's runtime in the toolchain"
    build_std=
    programs="--lib --test damage --test fuzz_corpus"
    export ASAN_OPTIONS="allocator_may_return_null=1 ${ASAN_OPTIONS:-}"
    export LSAN_OPTIONS="suppressions=$PWD/cmake/leaks.supp ${LSAN_OPTIONS:-}"
    ;;
*)
    sed -n '2,7s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
sanitizer=$1
shift

# Enough of the random cases to pass every line; more only take longer.
export PROPTEST_CASES="${PROPTEST_CASES:-16}"
export RUSTC_BOOTSTRAP=1
export RUSTFLAGS="-Zsanitizer=$sanitizer ${RUSTFLAGS:-}"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}/$sanitizer"

# run CARGO_TEST_ARGUMENTS...: goes on after a failure.
failed=0
run() {
    # With --target, build scripts and macros are built without the sanitizer.
    # shellcheck disable=SC2086
    cargo test --locked $build_std --target "$host" --features simulation,capi --no-fail-fast "$@" ||
        failed=1
}

# shellcheck disable=SC2086
run $programs "$@"
# Of the promises, those of maps and look-ups; cargo takes one filter a run.
run --test promises mapped_files:: "$@"
run --test promises reads:: "$@"
exit $failed
