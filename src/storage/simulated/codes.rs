//! By which codes does the simulated disk fail, so that each means here what it means to the system's own disk?
//!
//! On Unix those of `errno`. On Windows the codes of winerror.h that `std` takes for the same kinds of error.

#[cfg(unix)]
pub(super) use libc::{
    EBADF, EEXIST, EFAULT, EFBIG, EINVAL, EIO, EISDIR, ENOENT, ENOSPC, ENOTDIR, ENOTEMPTY, EPERM,
    EWOULDBLOCK,
};

#[cfg(windows)]
pub(super) use of_windows::*;

#[cfg(windows)]
mod of_windows {
    pub const EBADF: i32 = 6; // ERROR_INVALID_HANDLE
    pub const EEXIST: i32 = 80; // ERROR_FILE_EXISTS
    pub const EFAULT: i32 = 998; // ERROR_NOACCESS
    pub const EFBIG: i32 = 223; // ERROR_FILE_TOO_LARGE
    pub const EINVAL: i32 = 87; // ERROR_INVALID_PARAMETER
    pub const EIO: i32 = 1117; // ERROR_IO_DEVICE
    pub const EISDIR: i32 = 336; // ERROR_DIRECTORY_NOT_SUPPORTED
    pub const ENOENT: i32 = 2; // ERROR_FILE_NOT_FOUND
    pub const ENOSPC: i32 = 112; // ERROR_DISK_FULL
    pub const ENOTDIR: i32 = 267; // ERROR_DIRECTORY
    pub const ENOTEMPTY: i32 = 145; // ERROR_DIR_NOT_EMPTY
    pub const EPERM: i32 = 5; // ERROR_ACCESS_DENIED
    pub const EWOULDBLOCK: i32 = 10035; // WSAEWOULDBLOCK
}
