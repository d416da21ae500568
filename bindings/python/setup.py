"""Builds the package: the extension module comes from build_extension.py. All else is in pyproject.toml."""

import re
from pathlib import Path

from setuptools import setup

TREE = Path(__file__).resolve().parents[2]

# The version has one home, Cargo.toml of the repository.
manifest = (TREE / "Cargo.toml").read_text(encoding="utf-8")
version = re.search(r'^version = "([^"]+)"$', manifest, re.MULTILINE)
if version is None:
    raise SystemExit(f"{TREE}/Cargo.toml names no version")

setup(version=version.group(1), cffi_modules=["build_extension.py:ffibuilder"])
