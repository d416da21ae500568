"""What does cffi need to know of include/ironwal.h? Derived from the header at each build, never by hand.

cffi reads declarations only, without comments and without a preprocessor. The C compiler then compares
each of them with the header itself, so a wrong derivation does not build.
"""

from __future__ import annotations

import re

# A number of the header. Its value is left to the C compiler.
_NUMBER = re.compile(r"#define (IRONWAL_\w+) (-?\d+|UINT64_MAX)$")
# Lines of the preprocessor that declare nothing.
_NOTHING = re.compile(
    r"#define IRONWAL_H$|#define IRONWAL_VERSION_STRING |#define IRONWAL_STR\(|#include <std\w+\.h>$|#(ifndef|ifdef|endif)\b"
)
_FOR_CXX = re.compile(r"#ifdef __cplusplus\n.*?#endif[^\n]*\n", re.DOTALL)
_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)

# What the library calls back into, beside the header.
CALLBACKS = """
extern "Python" void ironwal_python_durable(uintptr_t ctx, ironwal_mark mark, ironwal_status status);
"""


def declarations(header: str) -> str:
    """The declarations of the header, for ffibuilder.cdef(). Raises ValueError for a line that it does not know."""
    lines = []
    for line in _COMMENT.sub("", _FOR_CXX.sub("", header)).splitlines():
        line = line.rstrip()
        if not line.startswith("#"):
            lines.append(line)
        elif number := _NUMBER.match(line):
            lines.append(f"#define {number.group(1)} ...")
        elif not _NOTHING.match(line):
            raise ValueError(f"include/ironwal.h has a line that header_cdef.py does not know: {line}")
    return "\n".join(line for line in lines if line) + CALLBACKS


def functions(header: str) -> set[str]:
    """The names of the functions that the header declares."""
    plain = _COMMENT.sub("", header)
    return set(re.findall(r"^[a-z][\w *]*?\b(ironwal_\w+)\(", plain, re.MULTILINE))


def constants(header: str) -> set[str]:
    """The names of the numbers that the header defines."""
    found = (_NUMBER.match(line) for line in header.splitlines())
    return {number.group(1) for number in found if number}
