//! Does a log that was reopened after a crash show what it must, and nothing else?

use ironwal::Wal;

use crate::checkpoints::World;
use crate::model::Expected;
use crate::model::Map;
use crate::model::MapChange;
use crate::model::Shown;
use crate::open_log::OpenLog;

/// Which of the worlds the checkpoints are in.
pub fn check_checkpoints(log: &OpenLog, worlds: &[World]) -> Result<World, String> {
    #[cfg(feature = "sharded")]
    if let Some(sharded) = &log.sharded {
        return crate::checkpoints::check_checkpoints(sharded, worlds);
    }
    let _ = (log, worlds);
    Ok(World::default())
}

/// Compares one stream with what may be expected of it; returns which of it was there.
pub fn check_stream<'a, 'b>(
    wal: &Wal,
    existing: &[String],
    key: &str,
    expected: &'a [Expected<'b>],
) -> Result<(Shown, &'a Expected<'b>), String> {
    let mut wrong = Vec::new();
    for expected in expected {
        match check_one(wal, existing, key, expected) {
            Ok(shown) => return Ok((shown, expected)),
            Err(what) => wrong.push(what),
        }
    }
    Err(wrong.join("; nor is it the other one: "))
}

fn check_one(
    wal: &Wal,
    existing: &[String],
    key: &str,
    expected: &Expected<'_>,
) -> Result<Shown, String> {
    let fail = |what: String| {
        Err(format!(
            "stream {key:?}: {what}; expected {}",
            brief(expected)
        ))
    };
    if !existing.iter().any(|known| known == key) {
        return match expected.may_be_absent {
            true => Ok(None),
            false => fail("is gone".to_owned()),
        };
    }
    let stream = wal
        .stream(key)
        .map_err(|error| format!("{key:?}: {error}"))?;
    let (first_id, end, durable_end) =
        match (stream.first_id(), stream.next_id(), stream.durable_end()) {
            (Ok(first_id), Ok(end), Ok(durable_end)) => (first_id, end, durable_end),
            reported => return fail(format!("does not say its ends: {reported:?}")),
        };
    if !expected.first_ids.contains(&first_id) {
        return fail(format!("starts at {first_id}"));
    }
    // Without an entry it is there where a truncation or a cut has left nothing.
    let may_hold_none = first_id > 0 || !expected.changes.is_empty() || expected.origin.is_cut;
    let holds_what_it_may = end > first_id || (end == first_id && may_hold_none);
    if !(expected.least_end..=expected.most_end).contains(&end) || !holds_what_it_may {
        return fail(format!("holds {first_id}..{end}"));
    }
    if durable_end != end {
        return fail(format!("shows up to {end}, durable is {durable_end}"));
    }
    if end > 0 && expected.entries[end as usize - 1].frame_end != end {
        return fail(format!("half a frame: ends at {end}"));
    }
    let entries = stream.iter_with_ids(0).map_err(|error| error.to_string())?;
    let mut next = first_id;
    for entry in entries {
        let (id, bytes) = match entry {
            Ok(entry) => entry,
            Err(error) => return fail(format!("entry {next} is not read: {error}")),
        };
        if id != next || id >= end {
            return fail(format!("id {id} where {next} was due"));
        }
        if bytes[..] != expected.entries[id as usize].bytes[..] {
            return fail(format!("entry {id} has other bytes"));
        }
        next += 1;
    }
    if next != end {
        return fail(format!("reading ends at {next} of {end}"));
    }
    for id in [first_id, (first_id + end) / 2, end.saturating_sub(1)] {
        if first_id == end {
            break;
        }
        match stream.get(id) {
            Ok(Some(bytes)) if bytes[..] == expected.entries[id as usize].bytes[..] => {}
            other => return fail(format!("get({id}) gives {other:?}")),
        }
    }
    for id in [first_id.checked_sub(1), Some(end), Some(u64::MAX)] {
        match id {
            Some(id) if !matches!(stream.get(id), Ok(None)) => {
                return fail(format!(
                    "get({id}) gives something outside {first_id}..{end}"
                ));
            }
            _ => {}
        }
    }
    let map = match wal.properties(key) {
        Ok(pairs) => pairs.into_iter().collect::<Map>(),
        Err(error) => return fail(format!("properties are not read: {error}")),
    };
    if !may_have_properties(expected, end, &map) {
        return fail(format!("at {end} it has the properties {:?}", lens(&map)));
    }
    Ok(Some((first_id..end, map)))
}

/// Whether a stream that ends at this id may have these properties: those of a frame in front of
/// that end, with all frames in front of it and none behind it.
fn may_have_properties(expected: &Expected<'_>, end: u64, map: &Map) -> bool {
    let changes = expected.changes;
    let is_in_front =
        |change: &MapChange| change.end_id < end || (change.end_id == end && change.has_entries);
    let least = changes
        .iter()
        .rposition(is_in_front)
        .map_or(0, |last| last + 1);
    let least = least.max(expected.least_changes);
    let most = changes
        .iter()
        .take_while(|change| change.end_id <= end)
        .count();
    (least..=most).any(|count| match count.checked_sub(1) {
        Some(last) => changes[last].map == *map,
        None => map.is_empty(),
    })
}

fn lens(map: &Map) -> Vec<(String, usize)> {
    let pairs = map.iter();
    pairs
        .map(|(key, value)| (key.escape_ascii().to_string(), value.len()))
        .collect()
}

fn brief(expected: &Expected<'_>) -> String {
    format!(
        "end {}..={}, first id one of {:?}, may be absent: {}, changes {}..={}: {:?}",
        expected.least_end,
        expected.most_end,
        expected.first_ids,
        expected.may_be_absent,
        expected.least_changes,
        expected.changes.len(),
        expected
            .changes
            .iter()
            .map(|change| (change.end_id, lens(&change.map)))
            .collect::<Vec<_>>(),
    )
}
