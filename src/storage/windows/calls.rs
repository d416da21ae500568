//! Which calls of Windows does the disk need that `std` does not make?
//!
//! Renaming and removing by POSIX semantics (Windows 10, version 1607 and later), and the older calls for file systems
//! that refuse those; the lock of a range; free space; the identity of a file. Failure: the system's error, unchanged.
//! Names, numbers and layouts are those of the Windows headers fileapi.h, minwinbase.h, winbase.h and winerror.h.

#![allow(unsafe_code)]

use std::ffi::c_void;
use std::fs;
use std::io;
use std::mem;
use std::os::windows::ffi::OsStrExt;
use std::os::windows::fs::OpenOptionsExt;
use std::os::windows::io::AsRawHandle;
use std::path::Path;
use std::ptr;

/// `FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE`: renaming and removing open files
/// works as it does on Unix.
pub(super) const SHARE_ALL: u32 = 1 | 2 | 4;
/// Without `FILE_SHARE_DELETE`: the name can be neither renamed nor removed while the file is open.
pub(super) const SHARE_READ_WRITE: u32 = 1 | 2;
pub(super) const GENERIC_WRITE: u32 = 0x4000_0000;
/// Opens directories too.
pub(super) const FILE_FLAG_BACKUP_SEMANTICS: u32 = 0x0200_0000;
/// Opens a link itself.
pub(super) const FILE_FLAG_OPEN_REPARSE_POINT: u32 = 0x0020_0000;
const FILE_FLAG_WRITE_THROUGH: u32 = 0x8000_0000;
const DELETE: u32 = 0x0001_0000;
const SYNCHRONIZE: u32 = 0x0010_0000;

const FILE_DISPOSITION_INFO_EX: i32 = 21;
const FILE_RENAME_INFO_EX: i32 = 22;
/// `REPLACE_IF_EXISTS | POSIX_SEMANTICS`.
const REPLACE_LIKE_POSIX: u32 = 1 | 2;
/// `DELETE | POSIX_SEMANTICS | IGNORE_READONLY_ATTRIBUTE`.
const DELETE_LIKE_POSIX: u32 = 1 | 2 | 0x10;
const MOVEFILE_REPLACE_EXISTING: u32 = 1;
const MOVEFILE_WRITE_THROUGH: u32 = 8;
const LOCKFILE_FAIL_IMMEDIATELY: u32 = 1;
const LOCKFILE_EXCLUSIVE_LOCK: u32 = 2;

const ERROR_INVALID_FUNCTION: i32 = 1;
const ERROR_LOCK_VIOLATION: i32 = 33;
const ERROR_NOT_SUPPORTED: i32 = 50;
const ERROR_INVALID_PARAMETER: i32 = 87;
const ERROR_CALL_NOT_IMPLEMENTED: i32 = 120;
const ERROR_IO_PENDING: i32 = 997;
pub(super) const ERROR_SHARING_VIOLATION: i32 = 32;

/// The one byte that is locked: far behind what a lock file holds, for a locked range cannot be read.
const LOCKED_BYTE: u64 = 1 << 62;

/// `FILE_RENAME_INFO`; the new name, which follows, begins at `file_name`.
#[repr(C)]
struct FileRenameInfo {
    flags: u32,
    root_directory: *mut c_void,
    file_name_bytes: u32,
    file_name: [u16; 1],
}

/// `OVERLAPPED`.
#[repr(C)]
struct Overlapped {
    internal: [usize; 2],
    offset: u32,
    offset_high: u32,
    event: *mut c_void,
}

/// `BY_HANDLE_FILE_INFORMATION`.
#[repr(C)]
#[derive(Default)]
struct ByHandleFileInformation {
    attributes: u32,
    times: [u32; 6],
    volume_serial_number: u32,
    size: [u32; 2],
    links: u32,
    index_high: u32,
    index_low: u32,
}

// In kernel32, which `std` links.
unsafe extern "system" {
    fn SetFileInformationByHandle(
        file: *mut c_void,
        class: i32,
        information: *const c_void,
        len: u32,
    ) -> i32;
    fn MoveFileExW(from: *const u16, to: *const u16, flags: u32) -> i32;
    fn GetDiskFreeSpaceExW(
        dir: *const u16,
        available: *mut u64,
        total: *mut u64,
        free: *mut u64,
    ) -> i32;
    fn GetFileInformationByHandle(
        file: *mut c_void,
        information: *mut ByHandleFileInformation,
    ) -> i32;
    fn LockFileEx(
        file: *mut c_void,
        flags: u32,
        reserved: u32,
        len_low: u32,
        len_high: u32,
        overlapped: *mut Overlapped,
    ) -> i32;
}

/// Whether a file system says that it has no such operation.
pub(super) fn is_unsupported(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(
            ERROR_INVALID_FUNCTION
                | ERROR_NOT_SUPPORTED
                | ERROR_INVALID_PARAMETER
                | ERROR_CALL_NOT_IMPLEMENTED
        )
    )
}

/// Renames a file or a directory, written through; an existing file at `to` is replaced in one step, also while it is
/// open.
pub(super) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    match rename_like_posix(from, to) {
        Err(error) if is_unsupported(&error) => match move_written_through(from, to) {
            #[cfg(debug_assertions)]
            Err(_) if wine::is_here() && to.exists() => wine::replace_in_two_steps(from, to),
            moved => moved,
        },
        renamed => renamed,
    }
}

/// What Wine (10.0) cannot do: replace a file that is open. Debug builds do it there in two steps, so that the tests get past
/// it; a crash between them would leave no file of that name.
#[cfg(debug_assertions)]
mod wine {
    use std::ffi::c_char;
    use std::ffi::c_void;
    use std::io;
    use std::path::Path;

    unsafe extern "system" {
        fn GetModuleHandleA(name: *const c_char) -> *mut c_void;
        fn GetProcAddress(module: *mut c_void, name: *const c_char) -> *mut c_void;
    }

    pub(super) fn is_here() -> bool {
        // SAFETY: strings that end with NUL; ntdll is in every process, and stays.
        unsafe {
            let ntdll = GetModuleHandleA(c"ntdll.dll".as_ptr());
            !ntdll.is_null() && !GetProcAddress(ntdll, c"wine_get_version".as_ptr()).is_null()
        }
    }

    pub(super) fn replace_in_two_steps(from: &Path, to: &Path) -> io::Result<()> {
        let mut aside = to.as_os_str().to_owned();
        aside.push("#replaced#new");
        let aside = Path::new(&aside);
        super::move_written_through(to, aside)?;
        super::move_written_through(from, to)?;
        super::remove_file(aside)
    }
}

fn rename_like_posix(from: &Path, to: &Path) -> io::Result<()> {
    // CreateFile: with FILE_FLAG_WRITE_THROUGH, NTFS flushes the changes of metadata that a request makes, a
    // renaming among them.
    let file = fs::OpenOptions::new()
        .access_mode(DELETE | SYNCHRONIZE)
        .share_mode(SHARE_ALL)
        .custom_flags(
            FILE_FLAG_BACKUP_SEMANTICS | FILE_FLAG_OPEN_REPARSE_POINT | FILE_FLAG_WRITE_THROUGH,
        )
        .open(from)?;
    let name = wide(to)?;
    let name_bytes = mem::size_of_val(&name[..name.len() - 1]);
    let header = mem::offset_of!(FileRenameInfo, file_name);
    let len = mem::size_of::<FileRenameInfo>().max(header + mem::size_of_val(&name[..]));
    let too_long = |_| io::Error::from(io::ErrorKind::InvalidInput);
    // In words, so that it is aligned for the pointer in it.
    let mut information = vec![0u64; len.div_ceil(mem::size_of::<u64>())];
    let at: *mut FileRenameInfo = information.as_mut_ptr().cast();
    // SAFETY: the buffer is zeroed, aligned to 8 bytes, and at least `len` bytes long, which covers the structure, and the
    // name with its NUL from `header` on.
    unsafe {
        (*at).flags = REPLACE_LIKE_POSIX;
        (*at).root_directory = ptr::null_mut();
        (*at).file_name_bytes = u32::try_from(name_bytes).map_err(too_long)?;
        let file_name = information.as_mut_ptr().cast::<u8>().add(header);
        ptr::copy_nonoverlapping(name.as_ptr(), file_name.cast::<u16>(), name.len());
    }
    let len = u32::try_from(len).map_err(too_long)?;
    // SAFETY: the handle is open, and the buffer is readable for `len` bytes.
    let done = unsafe {
        let information = information.as_ptr().cast();
        SetFileInformationByHandle(file.as_raw_handle(), FILE_RENAME_INFO_EX, information, len)
    };
    checked(done)
}

fn move_written_through(from: &Path, to: &Path) -> io::Result<()> {
    let (from, to) = (wide(from)?, wide(to)?);
    let flags = MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH;
    // SAFETY: both are strings that end with NUL and live through the call.
    checked(unsafe { MoveFileExW(from.as_ptr(), to.as_ptr(), flags) })
}

/// Removes a file, or a link to one. Its name is free at once, though the file is open; where the file system
/// cannot do that, once it is closed.
pub(super) fn remove_file(path: &Path) -> io::Result<()> {
    match remove_like_posix(path) {
        Err(error) if is_unsupported(&error) => fs::remove_file(path),
        removed => removed,
    }
}

fn remove_like_posix(path: &Path) -> io::Result<()> {
    let file = fs::OpenOptions::new()
        .access_mode(DELETE)
        .share_mode(SHARE_ALL)
        .custom_flags(FILE_FLAG_OPEN_REPARSE_POINT)
        .open(path)?;
    let flags: u32 = DELETE_LIKE_POSIX;
    // SAFETY: the handle is open; FILE_DISPOSITION_INFO_EX is one number of 32 bits.
    let done = unsafe {
        SetFileInformationByHandle(
            file.as_raw_handle(),
            FILE_DISPOSITION_INFO_EX,
            (&raw const flags).cast(),
            mem::size_of::<u32>() as u32,
        )
    };
    checked(done)
}

/// Bytes that this user can still allocate on the file system holding `dir`.
pub(super) fn available_bytes(dir: &Path) -> io::Result<u64> {
    let dir = wide(dir)?;
    let mut available = 0;
    // SAFETY: a string that ends with NUL, and one number to write; the other two are not asked for.
    checked(unsafe {
        GetDiskFreeSpaceExW(
            dir.as_ptr(),
            &mut available,
            ptr::null_mut(),
            ptr::null_mut(),
        )
    })?;
    Ok(available)
}

/// Which volume, and which file or directory on it; on NTFS the second number counts its reuse.
pub(super) fn identity(file: &fs::File) -> io::Result<(u64, u64)> {
    let mut found = ByHandleFileInformation::default();
    // SAFETY: the handle is open, and the structure is writable.
    checked(unsafe { GetFileInformationByHandle(file.as_raw_handle(), &mut found) })?;
    let number = u64::from(found.index_high) << 32 | u64::from(found.index_low);
    Ok((u64::from(found.volume_serial_number), number))
}

/// Locks one byte of the file for this handle alone. `WouldBlock`: another handle has it locked.
pub(super) fn lock(file: &fs::File) -> io::Result<()> {
    let mut at = Overlapped {
        internal: [0; 2],
        offset: LOCKED_BYTE as u32,
        offset_high: (LOCKED_BYTE >> 32) as u32,
        event: ptr::null_mut(),
    };
    let flags = LOCKFILE_EXCLUSIVE_LOCK | LOCKFILE_FAIL_IMMEDIATELY;
    // SAFETY: the handle is open and was not opened for overlapped calls, so that the call is over when it returns,
    // and `at` lives through it.
    let locked = unsafe { LockFileEx(file.as_raw_handle(), flags, 0, 1, 0, &mut at) };
    checked(locked).map_err(|error| match error.raw_os_error() {
        Some(ERROR_LOCK_VIOLATION | ERROR_IO_PENDING) => io::ErrorKind::WouldBlock.into(),
        _ => error,
    })
}

fn checked(done: i32) -> io::Result<()> {
    match done {
        0 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// A path with a NUL behind it.
fn wide(path: &Path) -> io::Result<Vec<u16>> {
    let mut units: Vec<u16> = path.as_os_str().encode_wide().collect();
    if units.contains(&0) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    units.push(0);
    Ok(units)
}
