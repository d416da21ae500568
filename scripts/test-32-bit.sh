#!/bin/sh
# Does the library work where a size_t has 32 bits? Builds the engine with its assertions and checks of arithmetic for 32-bit
# x86, and runs C tests that a length or a number could trouble.
#
# Takes minutes, so it is no part of make test. Needs a 64-bit x86 Linux that runs 32-bit programs, with
# `rustup target add i686-unknown-linux-gnu` and a compiler for -m32 (Debian: gcc-multilib). Says what is missing, and
# succeeds then.
set -eu
cd "$(dirname "$0")/.."

target=i686-unknown-linux-gnu
work=$PWD/build/32-bit

left_out() {
    echo "not tested: 32 bits; $*" >&2
    exit 0
}

[ "$(uname -sm)" = "Linux x86_64" ] || left_out "this is no 64-bit x86 Linux"
mkdir -p "$work"
printf '#include <stdio.h>\nint main(void) { return printf("%%d", (int)sizeof(void *)) < 0; }\n' >"$work/bits.c"
"${CC:-cc}" -m32 "$work/bits.c" -o "$work/bits" 2>/dev/null || left_out "no compiler for -m32 (Debian: apt-get install gcc-multilib)"
[ "$("$work/bits")" = 4 ] || left_out "32-bit programs do not run"
[ -d "$(rustc --print sysroot)/lib/rustlib/$target" ] || left_out "no standard library (rustup target add $target)"

cargo rustc --locked --lib --features capi --target "$target" --target-dir "$work" --crate-type staticlib
{
    echo 'static const struct { const char *name; int32_t value; } every_constant[] = {'
    sed -n 's/^#define \(IRONWAL_[A-Z0-9_]*\) -*[0-9][0-9]*$/    {"\1", \1},/p' include/ironwal.h | grep -v IRONWAL_VERSION_
    echo '};'
} >"$work/every_constant.h"

failed=0
for test in calls/lengths calls/extremes calls/roundtrip calls/conditional calls/cuts calls/replica calls/options \
    calls/sharded_roundtrip lifetime/order misuse/sums misuse/orders misuse/sweep; do
    program=$work/$(basename "$test")
    "${CC:-cc}" -m32 -std=c11 -O1 -g -Iinclude -Iffi-tests "-I$work" "ffi-tests/$test.c" \
        "$work/$target/debug/libironwal.a" -lpthread -ldl -lm -lgcc_s -o "$program" 2>"$work/warnings" ||
        { cat "$work/warnings" >&2; exit 1; }
    if "$program"; then
        echo "works: $test"
    else
        echo "fails: $test" >&2
        failed=1
    fi
done
exit $failed
