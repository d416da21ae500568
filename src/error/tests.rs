//! Does an error keep its kind, its code and its place?

use super::*;
use std::path::Path;

#[test]
fn an_io_error_keeps_its_kind_and_code_and_names_its_place() {
    // ENOSPC, or ERROR_DISK_FULL.
    let code = if cfg!(windows) { 112 } else { 28 };
    let full = io::Error::from_raw_os_error(code);
    let context = ErrorContext::at(Path::new("/log/a"))
        .offset(7)
        .ids(3..4)
        .stream("a");
    let error = Error::io(full, context);
    assert_eq!(error.os_error(), Some(code));
    assert!(matches!(&error, Error::Io(e) if e.kind() == io::ErrorKind::StorageFull));
    for shown in [error.context(), error.duplicate().context()] {
        assert_eq!(shown.path.as_deref(), Some(Path::new("/log/a")));
        assert_eq!((shown.offset, shown.ids), (Some(7), Some(3..4)));
    }
    assert!(error.to_string().contains("/log/a"));
}

#[test]
fn a_variant_without_room_remembers_its_place_on_the_thread_that_got_it() {
    let mismatch = |offset| Error::CrcMismatch {
        expected: 1,
        actual: 2,
        offset,
    };
    let first = mismatch(0).remembering(ErrorContext::at(Path::new("/log/0")).stream("s"));
    assert_eq!(first.context().stream.as_deref(), Some("s"));
    for offset in 1..=REMEMBERED as u64 {
        let _ = mismatch(offset).remembering(ErrorContext::default());
    }
    assert_eq!(
        first.context().stream,
        None,
        "only the last few are remembered"
    );
    assert_eq!(first.context().offset, Some(0));
}

/// Per error code of Linux: a word the advice must contain. Only failures of the disk may mention
/// the disk.
#[cfg(target_os = "linux")]
#[test]
fn the_advice_on_a_refusal_of_the_system_fits_its_cause() {
    let rows: [(i32, &str, &str); 25] = [
        (1, "EPERM", "permissions"),
        (2, "ENOENT", "path"),
        (4, "EINTR", "call again"),
        (5, "EIO", "disk"),
        (6, "ENXIO", "disk"),
        (11, "EAGAIN", "call again later"),
        (12, "ENOMEM", "memory"),
        (13, "EACCES", "permissions"),
        (16, "EBUSY", "close whatever else uses"),
        (17, "EEXIST", "choose a path where nothing exists"),
        (18, "EXDEV", "same file system"),
        (19, "ENODEV", "disk"),
        (20, "ENOTDIR", "no directory"),
        (21, "EISDIR", "a directory stands where a file belongs"),
        (22, "EINVAL", "another file system"),
        (23, "ENFILE", "file handles"),
        (24, "EMFILE", "ulimit -n"),
        (27, "EFBIG", "ulimit -f"),
        (28, "ENOSPC", "free space"),
        (30, "EROFS", "mount the file system writable"),
        (36, "ENAMETOOLONG", "shorten"),
        (39, "ENOTEMPTY", "what else is in the directory"),
        (40, "ELOOP", "symbolic links"),
        (116, "ESTALE", "mount the file system again"),
        (122, "EDQUOT", "quota"),
    ];
    for (code, name, must_name) in rows {
        let cause = io::Error::from_raw_os_error(code);
        let error = Error::io(cause, ErrorContext::at(Path::new("/log")));
        let advice = error.context().advice;
        assert!(advice.contains(must_name), "{name}: {advice}");
        let is_disk = matches!(name, "EIO" | "ENXIO" | "ENODEV");
        assert_eq!(advice.contains("disk"), is_disk, "{name}: {advice}");
        // Without a location, and for a copy, it is the same.
        let bare = Error::Io(io::Error::from_raw_os_error(code));
        assert_eq!(bare.context().advice, advice, "{name}");
        assert_eq!(error.duplicate().context().advice, advice, "{name}");
    }
    let unknown = Error::Io(io::Error::from_raw_os_error(131));
    assert!(unknown.context().advice.contains("code means"));
    let own = Error::Io(io::Error::from(io::ErrorKind::UnexpectedEof));
    assert!(own.context().advice.contains("verify"));
}

#[test]
fn every_other_error_advises_something_that_its_message_does_not_say() {
    let poisoned = || Error::Poisoned {
        stream: "s".to_owned(),
        cause: Arc::new(Error::Closed),
    };
    let rows = [
        (Error::Corruption("x".to_owned()), "copy"),
        (Error::Config("x".to_owned()), "what the message names"),
        (
            Error::SegmentNotFound(3),
            "continue with the ids after them",
        ),
        (Error::StreamNotFound("s".to_owned()), "check the key"),
        (Error::InvalidFilename("x".to_owned()), "keep it"),
        (
            Error::Serialization("x".to_owned()),
            "what the message names",
        ),
        (
            Error::Locked(PathBuf::from("/log")),
            "close the other writer",
        ),
        (poisoned(), "open it again"),
        (
            Error::TooLarge {
                size_bytes: 2,
                limit_bytes: 1,
            },
            "split",
        ),
        (
            Error::SequenceMismatch {
                expected: 1,
                found: 2,
            },
            "read what was appended",
        ),
        (Error::Closed, "open"),
        (Error::Timeout, "wait longer"),
        (Error::Cancelled, "wait again"),
        (Error::Forked, "child"),
        (Error::ReadOnly, "writing"),
        (Error::UnsupportedVersion("x".to_owned()), "version"),
    ];
    for (error, must_name) in rows {
        let advice = error.context().advice;
        assert!(advice.contains(must_name), "{error}: {advice}");
        assert!(!error.to_string().contains(advice), "{error}: {advice}");
    }
    let message = Error::Locked(PathBuf::from("/log")).to_string();
    assert!(!message.contains("close"), "advised twice: {message}");
}
