"""How is the extension module built, and with which C library?

By default cargo builds the static library of this tree, and the extension holds it: the wheel needs no
other file. With IRONWAL_LIB_DIR nothing is built. The extension then holds libironwal.a of that directory,
or, with IRONWAL_LINK=shared, is linked to the shared library there, which must be found at run time.
IRONWAL_INCLUDE_DIR names the directory of another ironwal.h.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from cffi import FFI

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import header_cdef  # noqa: E402

TREE = HERE.parents[1]
# What the Rust standard library needs at a static link, where the C compiler does not link it anyway.
NATIVE = {"linux": ["gcc_s", "util", "rt", "pthread", "m", "dl"]}


def built_by_cargo() -> Path:
    target = TREE / "build" / "python"
    command = ["cargo", "rustc", "--locked", "--release", "--lib", "--features", "capi", "--crate-type", "staticlib"]
    try:
        subprocess.run([*command, "--target-dir", str(target)], cwd=TREE, check=True)
    except FileNotFoundError:
        raise SystemExit("cargo is missing: install Rust, or set IRONWAL_LIB_DIR to a directory with libironwal.a")
    return target / "release" / "libironwal.a"


def linked() -> dict[str, Any]:
    lib_dir = os.environ.get("IRONWAL_LIB_DIR")
    if os.environ.get("IRONWAL_LINK") == "shared":
        return {"libraries": ["ironwal"], "library_dirs": [lib_dir] if lib_dir else []}
    archive = Path(lib_dir) / "libironwal.a" if lib_dir else built_by_cargo()
    if not archive.is_file():
        raise SystemExit(f"no such file: {archive} (IRONWAL_LIB_DIR)")
    how: dict[str, Any] = {"extra_objects": [str(archive)], "libraries": NATIVE.get(sys.platform, [])}
    how["depends"] = [str(archive)]
    if sys.platform == "linux":
        # Symbols of this library must not meet those of another ironwal in the process.
        how["extra_link_args"] = ["-Wl,--exclude-libs,ALL", "-Wl,--gc-sections", "-Wl,--strip-debug"]
    return how


how = linked()
include = Path(os.environ.get("IRONWAL_INCLUDE_DIR", TREE / "include"))
ffibuilder = FFI()
ffibuilder.cdef(header_cdef.declarations((include / "ironwal.h").read_text(encoding="utf-8")))
ffibuilder.set_source(
    "ironwal._native",
    "#include <ironwal.h>",
    include_dirs=[str(include)],
    depends=[str(include / "ironwal.h"), *how.pop("depends", [])],
    **how,
)
