#!/bin/sh
# Where does a distribution's rustc get the standard library of another target from?
#
#     rust-std.sh TARGET    as root, on Debian
#
# For other processors from Debian's package of that architecture, unpacked beside ours. For Windows and musl, of which
# Debian has none, it is built from the package rust-src; its crates come by cargo. Does nothing where it is there.
set -eu

[ $# -eq 1 ] || { sed -n '2,7s/^# \{0,1\}//p' "$0"; exit 2; }
target=$1
libdir=$(rustc --print target-libdir --target "$target")
if ls "$libdir"/libstd-*.rlib >/dev/null 2>&1; then exit 0; fi

# from_package ARCHITECTURE
from_package() {
    dpkg --add-architecture "$1"
    apt-get update -qq
    version=$(rustc --version | sed -n 's/^rustc \([0-9]*\.[0-9]*\)\..*/\1/p')
    mkdir -p /var/cache/rust-std
    cd /var/cache/rust-std
    apt-get download -q "libstd-rust-dev:$1" "libstd-rust-$version:$1"
    for package in *_"$1".deb; do dpkg-deb -x "$package" /; done
}

from_sources() {
    apt-get install -y -qq --no-install-recommends rust-src >/dev/null
    sources=$(rustc --print sysroot)/lib/rustlib/src/rust/library
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    cd "$work"
    mkdir src
    printf '[package]\nname = "std-of"\nversion = "0.0.0"\nedition = "2021"\n[workspace]\n' >Cargo.toml
    : >src/lib.rs
    # Building the standard library is no stable feature of cargo's; the variable admits it on any toolchain.
    export RUSTC_BOOTSTRAP=1
    cargo build --quiet --release -Zbuild-std=std,panic_unwind,panic_abort,test,proc_macro \
        --target "$target" --target-dir "$work/target"
    rm -f "$work/target/$target"/release/deps/libstd_of-*
    mkdir -p "$libdir"
    case $target in
    *-windows-gnu)
        # What rustc links before and behind everything.
        for object in rsbegin rsend; do
            rustc --edition 2021 --target "$target" --emit=obj -o "$libdir/$object.o" "$sources/rtstartup/$object.rs"
        done
        ;;
    esac
    cp "$work/target/$target"/release/deps/*.rlib "$libdir/"
}

case $target in
aarch64-unknown-linux-gnu) from_package arm64 ;;
s390x-unknown-linux-gnu) from_package s390x ;;
*) from_sources ;;
esac
