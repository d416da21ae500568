//! How are bytes written as text, and read back? Base64 with padding (RFC 4648, section 4).

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Bytes as text.
pub fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let group = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..4 {
            let digit = (group >> (18 - 6 * at)) as usize & 63;
            match at <= chunk.len() {
                true => text.push(char::from(DIGITS[digit])),
                false => text.push('='),
            }
        }
    }
    text
}

/// Text as bytes. `None`: it is not what `encode` writes.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    let text = text.as_bytes();
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (groups, rest) = text.split_at(text.len() - text.len() % 4);
    if !rest.is_empty() {
        return None;
    }
    for (number, group) in groups.chunks(4).enumerate() {
        let is_last = (number + 1) * 4 == groups.len();
        let digits = group.iter().take_while(|digit| **digit != b'=').count();
        let padding_is_right = group[digits..].iter().all(|digit| *digit == b'=');
        if digits < 2 || !padding_is_right || (digits < 4 && !is_last) {
            return None;
        }
        let mut bits = 0;
        for digit in &group[..digits] {
            bits = bits << 6 | value(*digit)?;
        }
        bits <<= 6 * (4 - digits);
        let decoded = [(bits >> 16) as u8, (bits >> 8) as u8, bits as u8];
        // The bits behind the last byte are zero, so that each text has one meaning and each meaning one text.
        if decoded[digits - 1..].iter().any(|byte| *byte != 0) {
            return None;
        }
        bytes.extend_from_slice(&decoded[..digits - 1]);
    }
    Some(bytes)
}

fn value(digit: u8) -> Option<u32> {
    Some(u32::from(match digit {
        b'A'..=b'Z' => digit - b'A',
        b'a'..=b'z' => digit - b'a' + 26,
        b'0'..=b'9' => digit - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_written_in_base64_and_read_back() {
        let rows = ["", "f", "fo", "foo", "foob", "fooba", "foobar"];
        let expected = [
            "", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy",
        ];
        assert_eq!(rows.map(|text| encode(text.as_bytes())), expected);
        for (row, text) in rows.iter().zip(expected) {
            assert_eq!(decode(text).as_deref(), Some(row.as_bytes()));
        }
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(decode(&encode(&all)), Some(all));
    }

    #[test]
    fn other_text_is_refused() {
        for text in [
            "Z", "Zg", "Zg=", "Zg=f", "Zh==", "Zm9=", "====", "Zg==Zg==", "Zm 9", "Zm9v\n", "Zm9é",
        ] {
            assert_eq!(decode(text), None, "{text:?}");
        }
    }
}
