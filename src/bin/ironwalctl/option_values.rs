//! How is the value of an option read?

use std::ffi::OsString;
use std::time::Duration;

use lexopt::Error;
use lexopt::Parser;

use super::arguments::ExportFormat;
use super::color::ColorWhen;

/// From one look to the next.
pub fn parse_interval(parser: &mut Parser) -> Result<Duration, Error> {
    let value = parser.value()?;
    let seconds = value.to_str().and_then(|text| text.parse::<f64>().ok());
    // A millisecond to a day: more often the tool would only look, more rarely it is a timer's work.
    let seconds = seconds.filter(|seconds| (0.001..=86_400.0).contains(seconds));
    let seconds = seconds.ok_or_else(|| {
        let value = value.to_string_lossy();
        format!("--interval takes seconds from 0.001 to 86400, not {value}")
    })?;
    Ok(Duration::from_secs_f64(seconds))
}

/// How many looks.
pub fn parse_count(parser: &mut Parser) -> Result<u64, Error> {
    let value = parser.value()?;
    let count = value.to_str().and_then(|text| text.parse().ok());
    let count = count.filter(|count| *count > 0);
    count.ok_or_else(|| format!("--count takes a number, not {}", value.to_string_lossy()).into())
}

/// The name of a directory, and the key of its stream.
pub fn parse_key(parser: &mut Parser) -> Result<(String, String), Error> {
    let value = parser.value()?.into_string();
    let value = value.map_err(|_| "the key of a stream is UTF-8")?;
    let pair = value.split_once('=');
    let (name, key) = pair.ok_or("--key takes DIRECTORY=KEY")?;
    Ok((name.to_owned(), key.to_owned()))
}

/// How many shards.
pub fn parse_shards(parser: &mut Parser) -> Result<u16, Error> {
    let value = parser.value()?;
    let count = value.to_str().and_then(|text| text.parse().ok());
    let count = count.filter(|count| *count > 0);
    count.ok_or_else(|| "--shards takes a number from 1 to 65535".into())
}

/// An id.
pub fn parse_id(option: &str, parser: &mut Parser) -> Result<u64, Error> {
    let value = parser.value()?;
    let id = value.to_str().and_then(|text| text.parse().ok());
    id.ok_or_else(|| format!("{option} takes an id, not {}", value.to_string_lossy()).into())
}

/// How many entries of each stream.
pub fn parse_lines(parser: &mut Parser) -> Result<u64, Error> {
    let value = parser.value()?;
    let count = value.to_str().and_then(|text| text.parse().ok());
    count.ok_or_else(|| format!("--lines takes a number, not {}", value.to_string_lossy()).into())
}

/// The form of exported entries.
pub fn parse_export_format(parser: &mut Parser) -> Result<ExportFormat, Error> {
    let value = parser.value()?;
    match value.to_str() {
        Some("json") => Ok(ExportFormat::Json),
        Some("raw") => Ok(ExportFormat::Raw),
        Some("lines") => Ok(ExportFormat::Lines),
        _ => {
            let value = value.to_string_lossy();
            Err(format!("--format takes json, raw or lines, not {value}").into())
        }
    }
}

/// When to write in colours.
pub fn parse_color(parser: &mut Parser) -> Result<ColorWhen, Error> {
    let value = parser.value()?;
    match value.to_str() {
        Some("auto") => Ok(ColorWhen::Auto),
        Some("always") => Ok(ColorWhen::Always),
        Some("never") => Ok(ColorWhen::Never),
        _ => {
            let value = value.to_string_lossy();
            Err(format!("--color takes auto, always or never, not {value}").into())
        }
    }
}

/// Bytes from pairs of hexadecimal digits.
pub fn parse_hex(text: &OsString) -> Result<Vec<u8>, Error> {
    let digits = text.as_encoded_bytes();
    let value = |digit: &u8| char::from(*digit).to_digit(16);
    let pairs = digits.chunks(2).map(|pair| match pair {
        [high, low] => Some((value(high)? * 16 + value(low)?) as u8),
        _ => None,
    });
    let bytes: Option<Vec<u8>> = pairs.collect();
    bytes.ok_or_else(|| {
        let text = text.to_string_lossy();
        format!("--hex takes pairs of hexadecimal digits, not {text}").into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_read_from_hexadecimal_digits_and_nothing_else() {
        let read = |text: &str| parse_hex(&text.into()).ok();
        assert_eq!(read("00fF7a"), Some(vec![0, 255, 0x7a]));
        assert_eq!(read(""), Some(vec![]));
        assert_eq!((read("0"), read("0x"), read("é")), (None, None, None));
    }
}
