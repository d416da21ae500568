#!/bin/sh
# Makes the documentation as one static site: the documents in the order of docs/site/navigation.md, with the interface in
# Rust (rustdoc) and, where doxygen is installed, in C. Checks every link of the pages.
#
#     docs-site.sh [OUT]          OUT: build/site
#
# Then open OUT/index.html. Nothing is loaded from elsewhere.
set -eu
cd "$(dirname "$0")/.."

out=${1:-build/site}
# A directory of any other content is not removed.
if [ -e "$out" ] && [ ! -f "$out/headings.html" ] && [ -n "$(ls -A "$out")" ]; then
    echo "$out exists, and is no site that this script made" >&2
    exit 1
fi
rm -rf "$out"
mkdir -p "$out"
out=$(cd "$out" && pwd)
: >"$out/headings.html"

cargo doc --quiet --locked --no-deps --all-features
target=${CARGO_TARGET_DIR:-target}
# The documentation of this crate and of its tool, and not what other packages left there.
mkdir -p "$out/rust"
cp -R "$target/doc/ironwal" "$target/doc/ironwalctl" "$target/doc/src" "$target/doc/static.files" "$out/rust"
for file in search.index crates.js search-index.js src-files.js help.html settings.html trait.impl type.impl; do
    [ ! -e "$target/doc/$file" ] || cp -R "$target/doc/$file" "$out/rust"
done
set -- "Interface in Rust=rust/ironwal/index.html"

if command -v doxygen >/dev/null 2>&1; then
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    cat >"$work/Doxyfile" <<EOF
PROJECT_NAME = ironwal
INPUT = include/ironwal.h include/ironwal.hpp
OUTPUT_DIRECTORY = $work
OPTIMIZE_OUTPUT_FOR_C = YES
EXTRACT_ALL = YES
GENERATE_LATEX = NO
MACRO_EXPANSION = YES
QUIET = YES
WARNINGS = NO
HAVE_DOT = NO
EOF
    doxygen "$work/Doxyfile"
    cp -R "$work/html" "$out/c"
    set -- "$@" "Interface in C and C++=c/files.html"
else
    echo "doxygen is not installed: the site shows the header itself instead" >&2
fi

CARGO_TARGET_DIR=$PWD/build/docs-target cargo run --quiet --locked --manifest-path docs/site/Cargo.toml -- . "$out" "$@"
echo "$out/index.html"
