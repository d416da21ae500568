#!/bin/sh
# Are two builds of one commit equal to the byte?
#
#     reproduce.sh [DIRECTORY]
#
# Clones the commit twice, makes the source archive from each clone, and builds and packs each archive as the preset "packages"
# does. The two sides differ in their directories, cargo homes, umask, locale, time zone, time, and in the dates of the source
# files. Compared are the source archives, what is installed, the archive and the Debian packages of cpack.
#
# DIRECTORY, which is created, is kept with what was built; without one a temporary directory is removed at the end. Takes what
# source-archive.sh takes, and dpkg-dev. About twice the time of a release build.
set -eu
cd "$(dirname "$0")/.."
if [ $# -ge 1 ]; then
    mkdir -p "$1"
    work=$(cd "$1" && pwd)
else
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
fi
source=$(pwd)
commit=$(git rev-parse HEAD)
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH
git diff --quiet HEAD || echo "note: changes that are not committed take no part"

# side NAME UMASK LOCALE ZONE TAR_OPTION
side() (
    umask "$2"
    export LC_ALL="$3" TZ="$4"
    here="$work/$1"
    mkdir -p "$here"
    cd "$here"
    rm -rf clone source archive packages installed
    git clone --quiet --shared --no-checkout "$source" clone
    git -C clone checkout --quiet "$commit"
    sh clone/scripts/source-archive.sh archive >/dev/null
    mkdir -p source home
    tar "x${5}f" archive/ironwal-*-vendored.tar.xz --strip-components=1 -C source
    export CARGO_HOME="$here/home" TMPDIR="$here/home"
    cmake -S source -B build -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX=/usr -DIRONWAL_BUILD_TESTS=OFF \
        -DIRONWAL_BUILD_EXAMPLES=OFF "-DIRONWAL_CARGO_FLAGS=--offline" >/dev/null
    cmake --build build
    DESTDIR="$here/installed" cmake --install build >/dev/null
    for generator in TGZ DEB; do
        cpack --config build/CPackConfig.cmake -G $generator -B packages >/dev/null
    done
    rm -rf packages/_CPack_Packages
)
side first 022 C UTC ""
side "second/in a longer path" 077 C.UTF-8 Pacific/Kiritimati m

first="$work/first" second="$work/second/in a longer path"
differ=0
compared=0
for kind in archive packages installed; do
    (cd "$first/$kind" && find . ! -type d | LC_ALL=C sort) >"$work/files"
    (cd "$second/$kind" && find . ! -type d | LC_ALL=C sort) >"$work/files.second"
    cmp "$work/files" "$work/files.second"
    [ -s "$work/files" ] || { echo "nothing in $kind" >&2; exit 1; }
    while read -r file; do
        compared=$((compared + 1))
        if cmp -s "$first/$kind/$file" "$second/$kind/$file"; then
            [ -h "$first/$kind/$file" ] || (cd "$first/$kind" && sha256sum "$file") | sed "s|\./|$kind/|"
        else
            echo "differs: $kind/${file#./}" >&2
            differ=1
        fi
    done <"$work/files"
done
# Nor is a directory of this machine in what is shipped.
if grep -rlF -e "$work" -e "$HOME/" "$first/installed"; then
    echo "these files name directories of this machine" >&2
    differ=1
fi
[ $differ = 0 ] || exit 1
echo "equal: $compared files of commit $commit"
