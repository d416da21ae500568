#!/bin/sh
# Which tools does this machine lack? Names the command that installs them; runs it only if IRONWAL_INSTALL_TOOLS=1, as
# `make demo`, `make test`, `make tools` and CI set.
#
#     install-tools.sh build    what building takes: cmake, a C compiler, cargo
#     install-tools.sh test     also what the tests use where it is there: C++, valgrind, pkg-config,
#                               abidiff
#     install-tools.sh go       also Go, and hashicorp/raft as Debian packages it
set -eu

# Where CMake is put if it cannot be installed for all; make looks there too.
PATH="$PATH:$PWD/build/tools/bin"

have() { command -v "$1" >/dev/null 2>&1; }

# CMake 3.22 or later.
have_cmake() {
    have cmake && cmake --version | awk 'NR == 1 { split($3, v, "."); exit !(v[1] > 3 || v[1] == 3 && v[2] >= 22) }'
}

# How packages are installed here; empty where nothing is known.
installer=""
name_cc=gcc name_cxx=g++ name_headers="" name_abidiff=""
if have apt-get; then
    installer="apt-get install -y --no-install-recommends"
    name_headers=libc6-dev name_abidiff=abigail-tools
elif have dnf; then
    installer="dnf install -y"
    name_cxx=gcc-c++ name_headers=glibc-devel name_abidiff=libabigail
elif have brew; then
    installer="brew install"
    name_cxx=gcc
fi

# Runs a command with the rights that installing takes; fails where there are none.
with_rights() {
    if [ "$(id -u)" = 0 ] || [ "${installer%% *}" = brew ]; then
        DEBIAN_FRONTEND=noninteractive "$@"
    elif have sudo && sudo -n true 2>/dev/null; then
        sudo -n env DEBIAN_FRONTEND=noninteractive "$@"
    else
        return 1
    fi
}

# install PACKAGES...: tries, if that was asked for; the caller looks again whether it helped.
install() {
    [ -n "$installer" ] || return 0
    if [ "${IRONWAL_INSTALL_TOOLS:-}" != 1 ]; then
        echo "not installed: $*; \"make tools\" as root, or: $installer $*" >&2
        return 0
    fi
    echo "installing: $*"
    if have apt-get; then with_rights apt-get update -qq >/dev/null 2>&1 || true; fi
    # shellcheck disable=SC2086
    with_rights $installer "$@" >/dev/null 2>&1 || echo "that did not work: $installer $*" >&2
}

required=""
have_cmake || required="$required cmake"
have cc || required="$required ${name_cc:-gcc} ${name_headers:-}"
if [ -n "$required" ]; then
    # shellcheck disable=SC2086
    install $required
fi

# Without the rights, CMake from the Python package index serves as well; it stays in this tree.
if [ "${IRONWAL_INSTALL_TOOLS:-}" = 1 ] && ! have_cmake && have python3; then
    echo "installing cmake into build/tools with pip"
    python3 -m venv build/tools >/dev/null 2>&1 &&
        build/tools/bin/pip install --quiet cmake >/dev/null 2>&1 ||
        echo "that did not work either: python3 -m venv build/tools && build/tools/bin/pip install cmake" >&2
fi

missing=""
have_cmake || missing="$missing cmake(3.22 or later)"
have cc || missing="$missing cc"
if [ -n "$missing" ]; then
    echo "missing:$missing" >&2
    echo "\"make tools\" installs them where it has the rights${installer:+; as root: $installer$required}" >&2
    exit 1
fi
if ! have cargo && [ ! -x "${CARGO_HOME:-$HOME/.cargo}/bin/cargo" ]; then
    echo "missing: cargo; install Rust from https://rustup.rs" >&2
    exit 1
fi

# scripts/test-go.sh names what is still missing, and leaves it out.
if [ "${1:-build}" = go ]; then
    wanted=""
    have go || wanted=golang-go
    [ -d /usr/share/gocode/src/github.com/hashicorp/raft-boltdb ] ||
        wanted="$wanted golang-github-hashicorp-raft-dev golang-github-hashicorp-raft-boltdb-dev"
    if [ -n "$wanted" ] && have apt-get; then
        # shellcheck disable=SC2086
        install $wanted
    fi
fi

[ "${1:-build}" = test ] || exit 0

wanted=""
have c++ || wanted="$wanted ${name_cxx:-g++}"
have valgrind || wanted="$wanted valgrind"
have pkg-config || wanted="$wanted pkg-config"
[ -z "$name_abidiff" ] || have abidiff || wanted="$wanted $name_abidiff"
if [ -n "$wanted" ]; then
    # shellcheck disable=SC2086
    install $wanted
    for tool in c++ valgrind pkg-config abidiff; do
        have "$tool" || echo "not installed: $tool; the tests that use it are left out" >&2
    done
fi
