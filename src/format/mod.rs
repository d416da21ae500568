//! The bytes on disk: values to bytes and back, without any I/O.
