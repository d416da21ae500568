//! How does a value become a line of JSON that cannot steer a terminal?

use std::io;

use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::CharEscape;
use serde_json::ser::Formatter;

use super::escape;

/// A value as one line of JSON.
pub fn to_line(value: &impl Serialize) -> io::Result<String> {
    let mut line = Vec::new();
    value.serialize(&mut Serializer::with_formatter(&mut line, HarmlessText))?;
    String::from_utf8(line).map_err(io::Error::other)
}

/// Compact JSON; in texts everything that could steer a terminal is escaped as `\uNNNN`.
struct HarmlessText;

impl Formatter for HarmlessText {
    fn write_string_fragment<W>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()>
    where
        W: ?Sized + io::Write,
    {
        // Base64 and most texts: looked at byte by byte, which is several times faster.
        if fragment.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
            return writer.write_all(fragment.as_bytes());
        }
        let mut written = 0;
        for (at, letter) in fragment.char_indices() {
            if escape::steers(letter) {
                writer.write_all(&fragment.as_bytes()[written..at])?;
                for unit in letter.encode_utf16(&mut [0; 2]) {
                    write!(writer, "\\u{unit:04x}")?;
                }
                written = at + letter.len_utf8();
            }
        }
        writer.write_all(&fragment.as_bytes()[written..])
    }

    fn write_char_escape<W>(&mut self, writer: &mut W, escape: CharEscape) -> io::Result<()>
    where
        W: ?Sized + io::Write,
    {
        let control = match escape {
            CharEscape::Quote => return writer.write_all(b"\\\""),
            CharEscape::ReverseSolidus => return writer.write_all(b"\\\\"),
            CharEscape::Solidus => return writer.write_all(b"/"),
            CharEscape::LineFeed => return writer.write_all(b"\\n"),
            CharEscape::Backspace => 0x08,
            CharEscape::FormFeed => 0x0c,
            CharEscape::CarriageReturn => b'\r',
            CharEscape::Tab => b'\t',
            CharEscape::AsciiControl(byte) => byte,
        };
        write!(writer, "\\u{control:04x}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_in_json_is_escaped_as_documented_and_nothing_else_is() {
        let rows = [
            ("a/b c-ü日", "a/b c-ü日"),
            ("\"\\", "\\\"\\\\"),
            ("a\nb\r\t\x08\x0c", "a\\nb\\u000d\\u0009\\u0008\\u000c"),
            ("\x1b\x7f\0", "\\u001b\\u007f\\u0000"),
            ("\u{9b}x\u{202e}y\u{2028}", "\\u009bx\\u202ey\\u2028"),
            ("\u{e0041}", "\\udb40\\udc41"),
        ];
        for (text, expected) in rows {
            let line = to_line(&text).expect("serializes");
            assert_eq!(line, format!("\"{expected}\""));
            let read: String = serde_json::from_str(&line).expect("JSON");
            assert_eq!(read, text);
        }
    }
}
