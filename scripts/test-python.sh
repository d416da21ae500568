#!/bin/sh
# Does the Python package build, install and work? Needs the C library in build/release, or in IRONWAL_LIB_DIR.
#
#     test-python.sh          a wheel, its tests, and mypy over package, tests and example
#     test-python.sh ...      anything else is given to pytest
#
# PYTHON names the interpreter (python3). Says what is missing where Python, its headers, pip or the packages from the
# index are not there, and succeeds then.
set -eu
cd "$(dirname "$0")/.."

python="${PYTHON:-python3}"
venv="$PWD/build/python-venv"

left_out() {
    echo "not tested: the Python package; $*" >&2
    exit 0
}

command -v "$python" >/dev/null 2>&1 || left_out "$python is not installed (Debian: apt-get install python3-dev python3-venv)"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 9))' || left_out "it needs Python 3.9 or later"
"$python" -c 'import ensurepip, venv' 2>/dev/null || left_out "pip or venv is missing (Debian: apt-get install python3-venv)"
"$python" -c 'import os, sys, sysconfig; sys.exit(not os.path.isfile(os.path.join(sysconfig.get_path("include"), "Python.h")))' ||
    left_out "Python.h is missing (Debian: apt-get install python3-dev)"

# A new environment for an interpreter that was named, and where the old one does not run (the tree was moved).
if [ -n "${PYTHON:-}" ] || ! "$venv/bin/pip" --version >/dev/null 2>&1; then
    "$python" -m venv --clear "$venv"
fi
"$venv/bin/pip" install --quiet cffi setuptools wheel pytest mypy types-cffi types-setuptools >/dev/null 2>&1 ||
    left_out "pip could not install cffi, setuptools, wheel, pytest and mypy"

wheels="$PWD/build/python-wheel"
rm -rf "$wheels" bindings/python/build
IRONWAL_LIB_DIR="${IRONWAL_LIB_DIR:-$PWD/build/release/lib}" \
    "$venv/bin/pip" wheel --quiet --no-build-isolation --no-deps --wheel-dir "$wheels" bindings/python
"$venv/bin/pip" install --quiet --force-reinstall --no-deps "$wheels"/ironwal-*.whl

cd bindings/python
if [ $# -gt 0 ]; then
    exec "$venv/bin/python" -m pytest "$@"
fi
"$venv/bin/mypy"
"$venv/bin/mypy" --strict tests/*.py examples/*.py setup.py build_extension.py header_cdef.py
"$venv/bin/python" -m pytest -q
cd ../..
sh scripts/start-pages.sh PYTHON
