#!/bin/sh
# Does the Conan recipe build packages that a program works with? The static library with the tool, and the shared one.
#
#     test-conan.sh
#
# CONAN names Conan 2; without it the one in PATH is taken, otherwise that of the Python package index, in
# build/conan-venv. Conan works in a directory of its own, which is removed, and asks no server; cargo takes the crates that
# it has fetched before. The engine is not optimised, for the recipe is what is tested. Says what is missing where there is
# no Conan, and succeeds then.
set -eu
cd "$(dirname "$0")/.."

left_out() {
    echo "skipped: the Conan recipe; $*" >&2
    exit 0
}

conan="${CONAN:-}"
if [ -z "$conan" ]; then
    case "$(conan --version 2>/dev/null || true)" in "Conan version 2."*) conan=conan ;; esac
fi
if [ -z "$conan" ]; then
    venv="$PWD/build/conan-venv"
    python3 -c 'import ensurepip, venv' 2>/dev/null ||
        left_out "neither Conan 2 nor Python's venv is installed (Debian: apt-get install python3-venv)"
    if ! "$venv/bin/conan" --version >/dev/null 2>&1; then
        python3 -m venv --clear "$venv"
        "$venv/bin/pip" install --quiet 'conan>=2,<3' >/dev/null 2>&1 || left_out "pip could not install conan"
    fi
    conan="$venv/bin/conan"
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export CONAN_HOME="$work/home" CARGO_NET_OFFLINE=true CARGO_PROFILE_RELEASE_OPT_LEVEL=0 CARGO_PROFILE_RELEASE_DEBUG=0
"$conan" profile detect >/dev/null 2>&1
"$conan" remote disable '*' >/dev/null

# create OPTIONS...: the packages share what cargo builds.
create() {
    "$conan" create packaging/conan "$@" \
        -c "tools.cmake.cmaketoolchain:extra_variables={'IRONWAL_CARGO_DIR': '$work/cargo'}" \
        -c "tools.cmake.cmake_layout:test_folder=$work/test" -c "tools.cmake.cmaketoolchain:user_presets=" >"$work/log" 2>&1 || {
        cat "$work/log" >&2
        echo "conan create $* failed" >&2
        exit 1
    }
    grep -q '^ironwal [0-9.]*: 0: consumer$' "$work/log" || {
        cat "$work/log" >&2
        echo "the program of the test printed nothing" >&2
        exit 1
    }
    echo "works: $*"
}
create -o '&:tools=True'
create -o '&:shared=True'
