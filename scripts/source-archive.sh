#!/bin/sh
# Makes a source archive that builds without a network: the tracked files, and the crates that are built into the
# library and the tool.
#
#     source-archive.sh OUT [--check]
#
# OUT is a directory; the archive is OUT/ironwal-VERSION-vendored.tar.xz. Of the crates that only tests, other systems or models
# use, their manifests alone are there, for cargo reads them all; so the Rust tests do not build from the archive.
# The archive depends on the commit alone: files are sorted, owned by root, and as old as the commit. --check unpacks it
# and builds, installs and uses it with an empty CARGO_HOME. Takes git, cargo, tar, xz, and python3 for the manifests.
set -eu

[ $# -ge 1 ] || { sed -n '2,11s/^# \{0,1\}//p' "$0"; exit 2; }
mkdir -p "$1"
out=$(cd "$1" && pwd)
check=${2:-}
cd "$(dirname "$0")/.."
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -1)
name="ironwal-$version"
epoch=$(git log -1 --format=%ct)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Tracked files as they are in the work tree, so that what is checked is what is there.
mkdir "$work/$name"
git ls-files -z | tar cf - --null -T - | tar xf - -C "$work/$name"
cd "$work/$name"

cargo vendor --quiet --locked --versioned-dirs vendor >/dev/null
mkdir -p .cargo
cat >.cargo/config.toml <<'CONFIG'
# Crates come from vendor/ alone.
[source.crates-io]
replace-with = "vendored"

[source.vendored]
directory = "vendor"
CONFIG

# What is built, on the systems that CMake builds for.
for target in x86_64-unknown-linux-gnu aarch64-unknown-linux-gnu s390x-unknown-linux-gnu x86_64-unknown-linux-musl \
    x86_64-unknown-freebsd aarch64-apple-darwin; do
    cargo tree --locked --offline --target "$target" --features capi,cli --edges normal,build --prefix none --format '{p}'
done | sed -n 's/^\([^ ]*\) v\([^ ]*\).*/\1-\2/p' | sort -u >"$work/built"
python3 - "$work/built" <<'PYTHON'
import json, os, shutil, sys

built = set(open(sys.argv[1]).read().split())
kept = stubs = 0
for crate in sorted(os.listdir("vendor")):
    directory = os.path.join("vendor", crate)
    if crate in built:
        kept += 1
        continue
    stubs += 1
    checksums = os.path.join(directory, ".cargo-checksum.json")
    package = json.load(open(checksums))["package"]
    manifest = open(os.path.join(directory, "Cargo.toml")).read()
    shutil.rmtree(directory)
    os.makedirs(os.path.join(directory, "src"))
    open(os.path.join(directory, "Cargo.toml"), "w").write(manifest)
    open(os.path.join(directory, "src", "lib.rs"), "w").write("")
    json.dump({"files": {}, "package": package}, open(checksums, "w"))
print(f"{kept} crates, {stubs} more as manifests")
PYTHON

cd ..
archive="$out/$name-vendored.tar.xz"
tar --sort=name --mtime="@$epoch" --owner=0 --group=0 --numeric-owner --mode=go=rX,u+rw -cf - "$name" |
    xz -T1 -6 >"$archive"
echo "$archive: $(wc -c <"$archive") bytes"

[ "$check" = --check ] || exit 0
rm -rf "$name"
mkdir "$work/unpacked" "$work/cargo-home"
tar xf "$archive" -C "$work/unpacked"
cd "$work/unpacked/$name"
export CARGO_HOME="$work/cargo-home" CARGO_NET_OFFLINE=true
cmake -S . -B "$work/build" -DCMAKE_BUILD_TYPE=Release -DIRONWAL_BUILD_TESTS=OFF -DIRONWAL_BUILD_EXAMPLES=OFF \
    "-DIRONWAL_CARGO_FLAGS=--offline --frozen" >/dev/null
cmake --build "$work/build"
cmake --install "$work/build" --prefix "$work/prefix" >/dev/null
cc ffi-tests/packaging/consumer/consumer.c "-I$work/prefix/include" "-L$work/prefix/lib" -lironwal \
    "-Wl,-rpath,$work/prefix/lib" -o "$work/consumer"
"$work/consumer" "$work/log"
"$work/prefix/bin/ironwalctl" verify "$work/log"
