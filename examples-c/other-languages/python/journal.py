"""How does Python use ironwal? With ctypes, which is in the standard library.

    journal.py LIBRARY DIRECTORY
"""

import ctypes
import sys
from ctypes import POINTER, byref, c_char_p, c_int32, c_size_t, c_uint64, c_void_p

OK, END, NOT_FOUND, CONFIG = 0, -4, -3, -11


class Text(ctypes.Structure):
    _fields_ = [("data", c_void_p), ("len", c_size_t)]


class Buffer(ctypes.Structure):
    _fields_ = [("data", c_void_p), ("len", c_size_t)]


class View(ctypes.Structure):
    _fields_ = [("data", c_void_p), ("len", c_size_t)]


class Error(Exception):
    def __init__(self, status, message):
        super().__init__(message)
        self.status = status


def load(path):
    """The functions used here, with their types: ctypes would take every number for an int."""
    library = ctypes.CDLL(path)
    name = [c_char_p, c_size_t]  # text goes in as pointer and length
    error = POINTER(c_void_p)
    calls = {
        "ironwal_options_new": name + [POINTER(c_void_p), error],
        "ironwal_wal_open": [c_void_p, POINTER(c_void_p), error],
        "ironwal_append": [c_void_p] + name + name + [POINTER(c_uint64), error],
        "ironwal_get": [c_void_p] + name + [c_uint64, POINTER(Buffer), error],
        "ironwal_wal_iter": [c_void_p] + name + [c_uint64, POINTER(c_void_p), error],
        "ironwal_iter_next": [c_void_p, POINTER(c_uint64), POINTER(View), error],
        "ironwal_wal_close": [c_void_p, error],
    }
    for call, arguments in calls.items():
        getattr(library, call).argtypes = arguments
        getattr(library, call).restype = c_int32
    for free in ("options_free", "iter_free", "error_free"):
        getattr(library, "ironwal_" + free).argtypes = [c_void_p]
        getattr(library, "ironwal_" + free).restype = None
    library.ironwal_buffer_free.argtypes = [POINTER(Buffer)]
    library.ironwal_buffer_free.restype = None
    library.ironwal_error_message.argtypes = [c_void_p]
    library.ironwal_error_message.restype = Text
    library.ironwal_status_name.argtypes = [c_int32]
    library.ironwal_status_name.restype = c_char_p
    return library


class Wal:
    """A log. Use it in a `with` statement, whose end shows whether all is durable."""

    def __init__(self, library, path):
        self._library, self._handle = library, c_void_p()
        options, encoded = c_void_p(), path.encode()
        self._call("options_new", encoded, len(encoded), byref(options))
        try:
            self._call("wal_open", options, byref(self._handle))
        finally:
            library.ironwal_options_free(options)

    def _call(self, name, *arguments, answers=()):
        """Runs a call; answers are statuses that come without an error object."""
        error = c_void_p()
        status = getattr(self._library, "ironwal_" + name)(*arguments, byref(error))
        if status == OK or status in answers:
            return status
        message = self._library.ironwal_status_name(status).decode()
        if error:
            text = self._library.ironwal_error_message(error)
            message = ctypes.string_at(text.data, text.len).decode()
            self._library.ironwal_error_free(error)
        raise Error(status, message)

    def append(self, stream, entry):
        name, entry_id = stream.encode(), c_uint64()
        self._call("append", self._handle, name, len(name), entry, len(entry), byref(entry_id))
        return entry_id.value

    def get(self, stream, entry_id):
        """The entry, or None."""
        name, buffer = stream.encode(), Buffer()
        arguments = (self._handle, name, len(name), entry_id, byref(buffer))
        if self._call("get", *arguments, answers=(NOT_FOUND,)) == NOT_FOUND:
            return None
        try:
            return ctypes.string_at(buffer.data, buffer.len) if buffer.len else b""
        finally:
            self._library.ironwal_buffer_free(byref(buffer))

    def entries(self, stream, start=0):
        """Yields (id, bytes) up to the end of the log as it is now."""
        name, iterator = stream.encode(), c_void_p()
        self._call("wal_iter", self._handle, name, len(name), start, byref(iterator))
        try:
            entry_id, view = c_uint64(), View()
            step = (iterator, byref(entry_id), byref(view))
            while self._call("iter_next", *step, answers=(END,)) == OK:
                # Copied here: the view ends with the next step.
                yield entry_id.value, ctypes.string_at(view.data, view.len) if view.len else b""
        finally:
            self._library.ironwal_iter_free(iterator)

    def close(self):
        handle, self._handle = self._handle, c_void_p()
        if handle:
            self._call("wal_close", handle)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def main(library_path, directory):
    library = load(library_path)
    wanted = [b"100@42", b"", b"\x00\xff" * 1000]
    with Wal(library, directory) as wal:
        first = wal.append("trades", wanted[0])
        for entry in wanted[1:]:
            wal.append("trades", entry)
    with Wal(library, directory) as wal:
        assert [entry for _, entry in wal.entries("trades", first)] == wanted
        assert wal.get("trades", first) == wanted[0]
        assert wal.get("trades", first + len(wanted)) is None
        try:
            wal.append("", b"x")
            raise AssertionError("a stream without a name was accepted")
        except Error as error:
            assert error.status == CONFIG, error
            print("refused, as it should be:", error)
    print("python:", len(wanted), "entries written, closed, reopened and read back")


if __name__ == "__main__":
    main(*sys.argv[1:])
