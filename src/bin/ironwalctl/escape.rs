//! How is untrusted text shown, so that it cannot steer a terminal? Paths, keys and messages can hold
//! escape sequences.

use std::fmt::Write;
use std::path::Path;

/// A message. Characters that could steer a terminal, or make one line look like another, become
/// `\u{…}`.
pub fn text(message: &str) -> String {
    let mut shown = String::with_capacity(message.len());
    for letter in message.chars() {
        match steers(letter) {
            true => shown.extend(letter.escape_default()),
            false => shown.push(letter),
        }
    }
    shown
}

/// A path. The same, and bytes that are not UTF-8 become `\xNN`, a backslash becomes two: different
/// paths never look alike.
pub fn path(path: &Path) -> String {
    let mut shown = String::new();
    for chunk in path.as_os_str().as_encoded_bytes().utf8_chunks() {
        shown += &text(&chunk.valid().replace('\\', "\\\\"));
        for byte in chunk.invalid() {
            // Writing to a string does not fail.
            let _ = write!(shown, "\\x{byte:02x}");
        }
    }
    shown
}

/// True for control characters (C0, DEL, C1), line and paragraph separators, and characters that
/// change the direction of text or are invisible.
pub fn steers(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(letter, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
        || matches!(letter, '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_is_escaped_and_the_rest_is_not() {
        let rows = [
            ("a/b c-ü日", "a/b c-ü日"),
            ("\x1b[2J", "\\u{1b}[2J"),
            ("a\nb\r\t", "a\\nb\\r\\t"),
            ("\x7f\u{9b}31m\0", "\\u{7f}\\u{9b}31m\\u{0}"),
            ("\u{202e}gnp.exe\u{2028}", "\\u{202e}gnp.exe\\u{2028}"),
            ("C:\\x", "C:\\x"),
        ];
        for (given, shown) in rows {
            assert_eq!(text(given), shown, "{given:?}");
        }
        assert_eq!(path(Path::new("C:\\x/\x1b")), "C:\\\\x/\\u{1b}");
    }

    #[cfg(unix)]
    #[test]
    fn bytes_of_a_path_that_are_no_utf8_are_distinguished() {
        use std::os::unix::ffi::OsStrExt;
        let of = |bytes: &[u8]| path(Path::new(std::ffi::OsStr::from_bytes(bytes)));
        assert_eq!(of(b"a\xff/\xc3\xbc\xfe"), "a\\xff/ü\\xfe");
        assert_ne!(of(b"\xff"), of(b"\\xff"));
    }
}
