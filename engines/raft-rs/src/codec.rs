//! How do the values of raft-rs become bytes?
//!
//! A value is one byte that names the layout, then its fields: numbers of 64 bits are little-endian, lists
//! and bytes have their length in front. They do not depend on the codec that raft-rs is built with.
//!
//! | value | fields |
//! |---|---|
//! | entry | term, type (1 byte), length of the context (4 bytes), context, data |
//! | hard state | term, vote, commit |
//! | configuration | voters, learners, outgoing voters, next learners (each: count, ids), auto-leave (1 byte) |
//! | point | index, term |

use raft::eraftpb::ConfState;
use raft::eraftpb::Entry;
use raft::eraftpb::EntryType;
use raft::eraftpb::HardState;

const LAYOUT: u8 = 1;

/// An entry that the log does not hold, by its index and term: the last one compacted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Point {
    pub(crate) index: u64,
    pub(crate) term: u64,
}

/// Appends the bytes of an entry, without its index, which is its id.
pub(crate) fn encode_entry(bytes: &mut Vec<u8>, entry: &Entry) -> raft::Result<()> {
    let context = u32::try_from(entry.context.len())
        .map_err(|_| invalid("the context of an entry has 4 GiB or more"))?;
    bytes.push(LAYOUT);
    bytes.extend(entry.term.to_le_bytes());
    bytes.push(entry.get_entry_type() as u8);
    bytes.extend(context.to_le_bytes());
    bytes.extend_from_slice(&entry.context);
    bytes.extend_from_slice(&entry.data);
    Ok(())
}

/// The entry with this index.
pub(crate) fn decode_entry(index: u64, bytes: &[u8]) -> raft::Result<Entry> {
    let mut fields = Fields::of(bytes)?;
    let term = fields.number()?;
    let kind = match fields.byte()? {
        0 => EntryType::EntryNormal,
        1 => EntryType::EntryConfChange,
        2 => EntryType::EntryConfChangeV2,
        other => return Err(invalid(format!("entry {index} has the type {other}"))),
    };
    let context = fields.length()?;
    let context = fields.bytes(context)?.to_vec();
    let mut entry = Entry {
        index,
        term,
        context: context.into(),
        data: fields.rest.to_vec().into(),
        ..Entry::default()
    };
    entry.set_entry_type(kind);
    Ok(entry)
}

/// The term of an entry.
pub(crate) fn decode_term(bytes: &[u8]) -> raft::Result<u64> {
    Fields::of(bytes)?.number()
}

pub(crate) fn encode_hard_state(state: &HardState) -> Vec<u8> {
    encode_numbers(&[state.term, state.vote, state.commit])
}

pub(crate) fn decode_hard_state(bytes: &[u8]) -> raft::Result<HardState> {
    let [term, vote, commit] = decode_numbers(bytes)?;
    Ok(HardState {
        term,
        vote,
        commit,
        ..HardState::default()
    })
}

pub(crate) fn encode_point(point: Point) -> Vec<u8> {
    encode_numbers(&[point.index, point.term])
}

pub(crate) fn decode_point(bytes: &[u8]) -> raft::Result<Point> {
    let [index, term] = decode_numbers(bytes)?;
    Ok(Point { index, term })
}

pub(crate) fn encode_conf_state(state: &ConfState) -> Vec<u8> {
    let mut bytes = vec![LAYOUT];
    for ids in [
        &state.voters,
        &state.learners,
        &state.voters_outgoing,
        &state.learners_next,
    ] {
        bytes.extend((ids.len() as u32).to_le_bytes());
        bytes.extend(ids.iter().flat_map(|id| id.to_le_bytes()));
    }
    bytes.push(u8::from(state.auto_leave));
    bytes
}

pub(crate) fn decode_conf_state(bytes: &[u8]) -> raft::Result<ConfState> {
    let mut fields = Fields::of(bytes)?;
    let mut state = ConfState {
        voters: fields.ids()?,
        learners: fields.ids()?,
        voters_outgoing: fields.ids()?,
        learners_next: fields.ids()?,
        ..ConfState::default()
    };
    state.auto_leave = fields.byte()? != 0;
    fields.end()?;
    Ok(state)
}

fn encode_numbers(numbers: &[u64]) -> Vec<u8> {
    let mut bytes = vec![LAYOUT];
    bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
    bytes
}

fn decode_numbers<const N: usize>(bytes: &[u8]) -> raft::Result<[u64; N]> {
    let mut fields = Fields::of(bytes)?;
    let mut numbers = [0; N];
    for number in &mut numbers {
        *number = fields.number()?;
    }
    fields.end()?;
    Ok(numbers)
}

/// The fields of a value that are still to be read.
struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    fn of(bytes: &'a [u8]) -> raft::Result<Self> {
        match bytes.split_first() {
            Some((&LAYOUT, rest)) => Ok(Fields { rest }),
            Some((other, _)) => Err(invalid(format!(
                "a value has layout {other}, this version reads {LAYOUT}"
            ))),
            None => Err(invalid("a value has no byte that names its layout")),
        }
    }

    fn bytes(&mut self, count: usize) -> raft::Result<&'a [u8]> {
        let (bytes, rest) = self
            .rest
            .split_at_checked(count)
            .ok_or_else(|| invalid("a value is cut short"))?;
        self.rest = rest;
        Ok(bytes)
    }

    fn byte(&mut self) -> raft::Result<u8> {
        Ok(self.bytes(1)?[0])
    }

    fn number(&mut self) -> raft::Result<u64> {
        let bytes = self.bytes(8)?.try_into().expect("eight");
        Ok(u64::from_le_bytes(bytes))
    }

    fn length(&mut self) -> raft::Result<usize> {
        let bytes = self.bytes(4)?.try_into().expect("four");
        Ok(u32::from_le_bytes(bytes) as usize)
    }

    fn ids(&mut self) -> raft::Result<Vec<u64>> {
        let count = self.length()?;
        // Each id takes eight bytes, so a count that is too large fails before it allocates.
        let bytes = self.bytes(count.saturating_mul(8))?;
        let ids = bytes.chunks_exact(8);
        Ok(ids
            .map(|id| u64::from_le_bytes(id.try_into().expect("eight")))
            .collect())
    }

    fn end(&self) -> raft::Result<()> {
        match self.rest.len() {
            0 => Ok(()),
            extra => Err(invalid(format!("{extra} bytes behind a value"))),
        }
    }
}

/// An error of what is stored or asked for.
pub(crate) fn invalid(what: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> raft::Error {
    raft::StorageError::Other(what.into()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> Entry {
        let mut entry = Entry {
            index: 5,
            term: 0x0102,
            context: vec![7].into(),
            data: b"data".to_vec().into(),
            ..Entry::default()
        };
        entry.set_entry_type(EntryType::EntryConfChangeV2);
        entry
    }

    #[test]
    fn values_come_back_and_their_bytes_stay_as_they_are() {
        let mut bytes = Vec::new();
        encode_entry(&mut bytes, &entry()).unwrap();
        assert_eq!(
            bytes,
            b"\x01\x02\x01\0\0\0\0\0\0\x02\x01\0\0\0\x07data".as_slice()
        );
        assert_eq!(decode_entry(5, &bytes).unwrap(), entry());
        assert_eq!(decode_term(&bytes).unwrap(), 0x0102);

        let hard = HardState {
            term: 1,
            vote: 2,
            commit: u64::MAX,
            ..HardState::default()
        };
        assert_eq!(decode_hard_state(&encode_hard_state(&hard)).unwrap(), hard);
        let conf = ConfState {
            voters: vec![1, 2],
            learners: vec![3],
            voters_outgoing: vec![],
            learners_next: vec![u64::MAX],
            auto_leave: true,
            ..ConfState::default()
        };
        assert_eq!(decode_conf_state(&encode_conf_state(&conf)).unwrap(), conf);
        let point = Point { index: 8, term: 9 };
        assert_eq!(decode_point(&encode_point(point)).unwrap(), point);
    }

    #[test]
    fn values_cut_short_or_too_long_or_of_another_layout_are_refused() {
        let mut bytes = Vec::new();
        encode_entry(&mut bytes, &entry()).unwrap();
        let head = bytes.len() - entry().data.len();
        for len in 0..head {
            assert!(decode_entry(5, &bytes[..len]).is_err());
        }
        let conf = encode_conf_state(&ConfState::from((vec![1, 2], vec![3])));
        for len in 0..conf.len() {
            assert!(decode_conf_state(&conf[..len]).is_err());
        }
        assert!(decode_conf_state(&[&conf[..], b"x"].concat()).is_err());
        assert!(decode_point(&encode_numbers(&[1, 2, 3])).is_err());
        let huge = [&[LAYOUT][..], &[0xff; 4]].concat();
        assert!(decode_conf_state(&huge).is_err());
        bytes[0] = 9;
        let error = decode_entry(5, &bytes).unwrap_err().to_string();
        assert!(error.contains("layout 9"), "{error}");
    }
}
