from typing import Any

# The declarations of include/ironwal.h, which cffi checks at run time.
ffi: Any
lib: Any
