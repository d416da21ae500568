#!/bin/sh
# Are two builds of one commit, in different directories and with different cargo homes, equal to the byte?
#
#     reproduce.sh [CMAKE_ARGUMENTS...]
#
# Builds the vendored source archive twice and compares all that is installed, stripped or not. Takes what
# source-archive.sh takes.
set -eu
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

for side in first "second/in a longer path"; do
    mkdir -p "$work/$side/source" "$work/$side/home"
    sh scripts/source-archive.sh "$work/$side" >/dev/null
    tar xmf "$work/$side"/ironwal-*-vendored.tar.xz --strip-components=1 -C "$work/$side/source"
    env "CARGO_HOME=$work/$side/home" cmake -S "$work/$side/source" -B "$work/$side/build" -DCMAKE_BUILD_TYPE=Release \
        -DIRONWAL_BUILD_TESTS=OFF -DIRONWAL_BUILD_EXAMPLES=OFF "-DIRONWAL_CARGO_FLAGS=--offline" "$@" >/dev/null
    env "CARGO_HOME=$work/$side/home" cmake --build "$work/$side/build"
    cmake --install "$work/$side/build" --prefix "$work/$side/installed" >/dev/null
done

first="$work/first" second="$work/second/in a longer path"
cmp "$first"/ironwal-*-vendored.tar.xz "$second"/ironwal-*-vendored.tar.xz
diff -r "$first/installed" "$second/installed"
# Nor is a path of this machine in what is shipped.
if grep -rl -e "$work" -e "$HOME/" "$first/installed"; then
    echo "these files name directories of this machine" >&2
    exit 1
fi
find "$first/installed" -type f -exec sha256sum {} + | sed "s|$first/installed/||" | sort -k2
echo "equal: the source archive and $(find "$first/installed" -type f | wc -l) installed files"
