"""Do the declarations, the documents and the example agree with the library?"""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import ironwal
from ironwal._native import ffi, lib

HERE = Path(__file__).resolve().parent
PACKAGE = HERE.parent
TREE = PACKAGE.parents[1]
HEADER = TREE / "include" / "ironwal.h"

sys.path.insert(0, str(PACKAGE))

import header_cdef  # noqa: E402


def test_the_declarations_are_those_of_the_header() -> None:
    header = HEADER.read_text(encoding="utf-8")
    functions, constants = header_cdef.functions(header), header_cdef.constants(header)
    assert len(functions) > 150 and len(constants) > 60
    assert functions | constants | {"ironwal_python_durable"} == set(dir(lib))
    for name, value in re.findall(r"^#define (IRONWAL_\w+) (-?\d+)$", header, re.MULTILINE):
        assert getattr(lib, name) == int(value)
    structs = set(re.findall(r"^typedef struct (\w+) \{$", header, re.MULTILINE))
    assert len(structs) > 15
    for struct in structs:
        assert ffi.typeof(struct).fields


def test_a_line_that_the_script_does_not_know_is_an_error() -> None:
    header = HEADER.read_text(encoding="utf-8")
    assert "IRONWAL_OK ..." in header_cdef.declarations(header)
    for line in ("#define IRONWAL_NEW (1 << 3)", "#pragma once", '#include "other.h"'):
        with pytest.raises(ValueError, match="does not know"):
            header_cdef.declarations(header + line + "\n")


def test_every_constant_of_an_enumeration_is_there() -> None:
    for kind, prefix in (
        (ironwal.SyncMode, "SYNC"),
        (ironwal.Compression, "COMPRESSION"),
        (ironwal.ReadStrategy, "READ"),
        (ironwal.WriteStrategy, "WRITE"),
        (ironwal.CommitPath, "COMMIT"),
        (ironwal.Match, "MATCH"),
        (ironwal.OnCorruption, "CORRUPTION"),
        (ironwal.Durability, "DURABILITY"),
        (ironwal.View, "VIEW"),
        (ironwal.SnapshotMode, "SNAPSHOT"),
        (ironwal.Severity, "SEVERITY"),
    ):
        names = {name for name in dir(lib) if name.startswith(f"IRONWAL_{prefix}_")}
        assert {f"IRONWAL_{prefix}_{member.name}" for member in kind} == names


def test_every_option_of_the_library_is_an_argument() -> None:
    setters = {name for name in dir(lib) if name.startswith("ironwal_options_set_")}
    arguments = set(ironwal.open.__annotations__)
    # The log callback is not bound; no_background_sync is background_sync=False.
    left_out = {"log", "log_level", "log_owned", "no_background_sync"}
    assert {name[len("ironwal_options_set_") :] for name in setters} - left_out <= arguments


def test_the_versions_agree() -> None:
    manifest = (TREE / "Cargo.toml").read_text(encoding="utf-8")
    found = re.search(r'^version = "([^"]+)"$', manifest, re.MULTILINE)
    assert found is not None and ironwal.__version__ == found.group(1)


def test_each_behaviour_has_a_test() -> None:
    page = (TREE / "bindings" / "behaviours.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \| ([^|]+) \| ([^|]*) \| ([^|]*) \| ([^|]*) \|.*\|$", page, re.MULTILINE)
    assert [int(number) for number, *_ in rows] == list(range(1, len(rows) + 1)) and len(rows) > 30
    sources = "".join(file.read_text(encoding="utf-8") for file in HERE.glob("test_*.py"))
    there = set(re.findall(r"^def (test_\w+)", sources, re.MULTILINE))
    named = set()
    for number, _, _, python, _ in rows:
        tests = set(re.findall(r"`(\w+)`", python))
        assert tests, f"behaviour {number} has no test"
        assert {f"test_{test}" for test in tests} <= there, f"behaviour {number}"
        named |= {f"test_{test}" for test in tests}
    go = "".join(file.read_text(encoding="utf-8") for file in (TREE / "bindings" / "go").glob("*_test.go"))
    for number, _, tests, _, _ in rows:
        assert tests.strip(), f"behaviour {number} has no test in Go"
        for test in re.findall(r"`(\w+)`", tests):
            assert f"func Test{test}(" in go, f"behaviour {number}: Test{test}"


def test_the_program_of_the_readme_runs(tmp_path: Path) -> None:
    page = (PACKAGE / "README.md").read_text(encoding="utf-8")
    programs = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert len(programs) >= 2
    for program in programs:
        subprocess.run([sys.executable, "-W", "error", "-c", program], cwd=tmp_path, check=True, timeout=60)


def test_the_audit_log_of_the_examples_keeps_its_records(tmp_path: Path) -> None:
    def run(*arguments: str, succeeds: bool = True) -> str:
        done = subprocess.run(
            [sys.executable, "-W", "error", str(PACKAGE / "examples" / "audit_log.py"), str(tmp_path / "log"), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            timeout=60,
            text=True,
        )
        assert (done.returncode == 0) == succeeds, done.stderr
        return done.stdout if succeeds else done.stderr

    assert "Io: " in run("show", succeeds=False)
    assert run("add", "ann", "created invoice 7") == "0\n"
    assert run("add", "bob", "paid invoice 7") == "1\n"
    both = "0 ann created invoice 7\n1 bob paid invoice 7\n"
    assert run("show") == both
    assert run("watch", "0.5") == both
    assert "DIRECTORY" in run("remove", succeeds=False)
    with ironwal.open(tmp_path / "log") as log:
        log.stream("audit").replace_suffix(0, [log.stream("audit").get(0) + b" ", log.stream("audit").get(1)])
    assert "record 1 does not follow" in run("show", succeeds=False)
