//! How do the engine's values become bytes, and how is a value of another layout recognised?
//!
//! A value is one byte that names the layout, then the value in postcard's format. The layout byte
//! differs between the versions of openraft, because their types differ: a log written under one is
//! refused under the other, with an error that says so, and never decoded into something else.
//!
//! Postcard is not self-describing. Application data must not need a self-describing format: no
//! `serde_json::Value`, no `#[serde(untagged)]`, no `#[serde(flatten)]`.

use std::io;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// The layout byte of values written under one version of an engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Layout(pub(crate) u8);

impl Layout {
    /// Appends the encoded value to `bytes`.
    pub(crate) fn encode_onto<T: Serialize>(
        self,
        mut bytes: Vec<u8>,
        value: &T,
    ) -> io::Result<Vec<u8>> {
        bytes.push(self.0);
        postcard::to_extend(value, bytes).map_err(invalid)
    }

    /// The encoded value.
    pub(crate) fn encode<T: Serialize>(self, value: &T) -> io::Result<Vec<u8>> {
        self.encode_onto(Vec::new(), value)
    }

    /// Entries with their indexes, which must follow each other. `None`: there are no entries.
    pub(crate) fn encode_run<T: Serialize>(
        self,
        entries: impl IntoIterator<Item = (u64, T)>,
    ) -> io::Result<Option<Run>> {
        let mut run: Option<Run> = None;
        for (index, entry) in entries {
            let run = run.get_or_insert_with(|| Run::starting_at(index));
            at_its_index(index, run.first + run.ends.len() as u64)?;
            run.bytes = self.encode_onto(std::mem::take(&mut run.bytes), &entry)?;
            run.ends.push(run.bytes.len());
        }
        Ok(run)
    }

    /// The value; all bytes must be used up.
    pub(crate) fn decode<T: DeserializeOwned>(self, bytes: &[u8]) -> io::Result<T> {
        let (&layout, value) = bytes
            .split_first()
            .ok_or_else(|| invalid("no byte that names the layout"))?;
        if layout != self.0 {
            let Layout(expected) = self;
            return Err(invalid(format!(
                "the value has layout {layout:#04x}, this version of the engine reads {expected:#04x}"
            )));
        }
        let (value, rest) = postcard::take_from_bytes(value).map_err(invalid)?;
        match rest.len() {
            0 => Ok(value),
            extra => Err(invalid(format!("{extra} bytes behind the value"))),
        }
    }
}

/// Encoded entries with successive indexes, in one allocation.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) first: u64,
    bytes: Vec<u8>,
    /// Where each entry ends in `bytes`.
    ends: Vec<usize>,
}

impl Run {
    fn starting_at(first: u64) -> Self {
        Run {
            first,
            bytes: Vec::new(),
            ends: Vec::new(),
        }
    }

    /// The entries.
    pub(crate) fn entries(&self) -> Vec<&[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        let ranges = starts.zip(&self.ends);
        ranges
            .map(|(start, &end)| &self.bytes[start..end])
            .collect()
    }
}

/// Refuses an entry that is not where its index belongs.
pub(crate) fn at_its_index(index: u64, expected: u64) -> io::Result<()> {
    match index == expected {
        true => Ok(()),
        false => Err(invalid(format!(
            "an entry with index {index} where {expected} belongs"
        ))),
    }
}

fn invalid(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: Layout = Layout(0x10);

    #[test]
    fn a_value_comes_back_and_its_bytes_stay_as_they_are() {
        let bytes = OURS.encode(&(7u64, "vote")).unwrap();
        assert_eq!(bytes, b"\x10\x07\x04vote");
        assert_eq!(
            OURS.decode::<(u64, String)>(&bytes).unwrap(),
            (7, "vote".to_owned())
        );
    }

    #[test]
    fn a_run_holds_each_entry_and_refuses_a_gap() {
        let run = OURS
            .encode_run([(5, "five"), (6, ""), (7, "seven")])
            .unwrap()
            .unwrap();
        assert_eq!(run.first, 5);
        assert_eq!(
            run.entries(),
            [&b"\x10\x04five"[..], b"\x10\x00", b"\x10\x05seven"]
        );
        assert!(OURS.encode_run([(5, "five"), (7, "seven")]).is_err());
        assert!(OURS.encode_run([(0, ""); 0]).unwrap().is_none());
    }

    #[test]
    fn values_of_another_layout_cut_short_or_too_long_are_refused() {
        let bytes = OURS.encode(&(7u64, "vote")).unwrap();
        let another = Layout(0x09).decode::<(u64, String)>(&bytes).unwrap_err();
        assert!(another.to_string().contains("layout 0x10"), "{another}");
        for len in 0..bytes.len() {
            assert!(OURS.decode::<(u64, String)>(&bytes[..len]).is_err());
        }
        let long = [&bytes[..], b"x"].concat();
        let error = OURS.decode::<(u64, String)>(&long).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }
}
