//! Does an error keep its kind, its code and its place?

use super::*;

#[test]
fn an_io_error_keeps_its_kind_and_code_and_tells_its_place() {
    let full = io::Error::from_raw_os_error(28);
    let context = ErrorContext::at(Path::new("/log/a"))
        .offset(7)
        .ids(3..4)
        .stream("a");
    let error = Error::io(full, context);
    assert_eq!(error.os_error(), Some(28));
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
