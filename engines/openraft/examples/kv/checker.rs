//! Is a history linearizable: is there, for each key, one order of all calls that agrees with the
//! times and in which each read returns the last write?
//!
//! The answer is exact, over all calls, because each write has a value of its own (P. B. Gibbons,
//! E. Korach, "Testing Shared Memories", SIAM J. Comput. 26, 1997, section 4.2). Calls with the same
//! value belong together: in any valid order the write comes first and its reads follow, with no
//! other write in between. So there must be an order of these *groups*. Group A must precede group B
//! if a call of A returned before a call of B began. For registers it suffices that no read returned
//! before its write was called, and that no two groups must precede each other.
//!
//! Let `f` be the first return in a group and `s` its last call. A must precede B if A.f < B.s. A
//! conflict has A.f < B.s and B.f < A.s, so one of the groups has f < s: it is *open* from f to s.
//! Open groups must not overlap, and no other group may lie inside an open one.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use crate::history::Action;
use crate::history::Operation;
use crate::types::WriteId;

/// Why a history is not linearizable.
#[derive(Debug, Clone, PartialEq)]
pub enum Violation {
    /// A read returned a value that nothing wrote.
    NeverWritten { key: u32, value: WriteId },
    /// A read returned a value before its write was called.
    ReadBeforeWrite { key: u32, value: WriteId },
    /// Each of two values was seen, or its write had returned, before the other was last seen or
    /// its write was called. `None` is the value at the start.
    Conflict {
        key: u32,
        values: [Option<WriteId>; 2],
    },
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Violation::NeverWritten { key, value } => {
                write!(f, "key {key}: {value:?} was read, but never written")
            }
            Violation::ReadBeforeWrite { key, value } => {
                write!(f, "key {key}: {value:?} was read before it was written")
            }
            Violation::Conflict { key, values } => {
                write!(f, "key {key}: {values:?} must each come before the other")
            }
        }
    }
}

/// Times in nanoseconds; the write of the value at the start comes before all of them.
type Time = i128;

/// All calls with one value.
struct Group {
    value: Option<WriteId>,
    write_called: Time,
    first_return: Time,
    last_call: Time,
}

/// Checks all keys; one violation for each that has any.
pub fn check(history: &[Operation]) -> Vec<Violation> {
    let mut keys: BTreeMap<u32, Vec<&Operation>> = BTreeMap::new();
    for operation in history {
        keys.entry(operation.key).or_default().push(operation);
    }
    let checked = keys.into_iter().map(|(key, calls)| check_key(key, &calls));
    checked.filter_map(Result::err).collect()
}

fn check_key(key: u32, calls: &[&Operation]) -> Result<(), Violation> {
    let groups = groups(key, calls)?;
    let (mut open, closed): (Vec<_>, Vec<_>) = groups
        .into_iter()
        .partition(|group| group.first_return < group.last_call);
    open.sort_by_key(|group| group.first_return);
    let conflict = |a: &Group, b: &Group| Violation::Conflict {
        key,
        values: [a.value, b.value],
    };
    for pair in open.windows(2) {
        if pair[1].first_return < pair[0].last_call {
            return Err(conflict(&pair[0], &pair[1]));
        }
    }
    for group in closed {
        // Open groups follow each other, so only the last that opens before can close behind.
        let opened = open.partition_point(|open| open.first_return < group.last_call);
        let last = opened.checked_sub(1).map(|last| &open[last]);
        if let Some(last) = last.filter(|open| group.first_return < open.last_call) {
            return Err(conflict(last, &group));
        }
    }
    Ok(())
}

fn groups(key: u32, calls: &[&Operation]) -> Result<Vec<Group>, Violation> {
    let mut groups: HashMap<Option<WriteId>, Group> = HashMap::new();
    groups.insert(None, Group::written(None, Time::MIN, Time::MIN));
    for call in calls {
        if let Action::Write(value) = call.action {
            let returned = call.returned.map_or(Time::MAX, time);
            let group = Group::written(Some(value), time(call.called), returned);
            let earlier = groups.insert(Some(value), group);
            assert!(earlier.is_none(), "{value:?} is written twice");
        }
    }
    for call in calls {
        let Action::Read(value) = call.action else {
            continue;
        };
        let Some(group) = groups.get_mut(&value) else {
            let value = value.expect("the value at the start has a group");
            return Err(Violation::NeverWritten { key, value });
        };
        let returned = call.returned.map_or(Time::MAX, time);
        if let Some(value) = value.filter(|_| returned < group.write_called) {
            return Err(Violation::ReadBeforeWrite { key, value });
        }
        group.first_return = group.first_return.min(returned);
        group.last_call = group.last_call.max(time(call.called));
    }
    Ok(groups.into_values().collect())
}

impl Group {
    fn written(value: Option<WriteId>, called: Time, returned: Time) -> Self {
        Group {
            value,
            write_called: called,
            first_return: returned,
            last_call: called,
        }
    }
}

fn time(since_start: Duration) -> Time {
    since_start.as_nanos() as Time
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u64) -> WriteId {
        WriteId { writer: 0, number }
    }

    fn at(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn write(number: u64, called: u64, returned: u64) -> Operation {
        Operation {
            key: 0,
            action: Action::Write(id(number)),
            called: at(called),
            returned: Some(at(returned)),
        }
    }

    fn unknown(number: u64, called: u64) -> Operation {
        Operation {
            returned: None,
            ..write(number, called, called)
        }
    }

    /// Number 0: the value at the start.
    fn read(number: u64, called: u64, returned: u64) -> Operation {
        Operation {
            action: Action::Read((number > 0).then_some(id(number))),
            ..write(number, called, returned)
        }
    }

    #[test]
    fn histories_that_one_register_can_have_are_accepted() {
        let histories = [
            vec![],
            vec![read(0, 0, 1), write(1, 2, 3), read(1, 4, 5)],
            // Overlapping calls may be ordered either way.
            vec![write(1, 0, 9), read(0, 1, 2), read(1, 3, 4)],
            vec![write(1, 0, 9), write(2, 0, 9), read(2, 10, 11)],
            // A write of which nothing is known never happened,
            vec![write(1, 0, 1), unknown(2, 2), read(1, 5, 6)],
            // or happened late.
            vec![write(1, 0, 1), unknown(2, 2), read(1, 5, 6), read(2, 7, 8)],
        ];
        for history in histories {
            assert_eq!(check(&history), [], "{history:?}");
        }
    }

    #[test]
    fn a_planted_stale_read_is_found() {
        let history = [write(1, 0, 1), write(2, 2, 3), read(1, 4, 5)];
        assert_eq!(check(&history).len(), 1);
        // Also if only another read proves that the new value was there.
        let history = [write(1, 0, 1), unknown(2, 2), read(2, 3, 4), read(1, 5, 6)];
        assert_eq!(check(&history).len(), 1);
        // Also of the value at the start.
        let history = [write(1, 0, 1), read(0, 2, 3)];
        assert_eq!(check(&history).len(), 1);
    }

    #[test]
    fn a_planted_lost_write_is_found() {
        // Acknowledged, then never seen: the old value is read from then on.
        let history = [write(1, 0, 1), write(2, 2, 3), read(1, 4, 5), read(1, 6, 7)];
        assert_eq!(check(&history).len(), 1);
        // Seen once, then gone.
        let history = [write(1, 0, 1), write(2, 2, 9), read(2, 3, 4), read(1, 5, 6)];
        assert_eq!(check(&history).len(), 1);
    }

    #[test]
    fn values_from_nowhere_and_from_the_future_are_found() {
        let value = id(7);
        assert_eq!(
            check(&[read(7, 0, 1)]),
            [Violation::NeverWritten { key: 0, value }]
        );
        let history = [read(7, 0, 1), write(7, 2, 3)];
        assert_eq!(
            check(&history),
            [Violation::ReadBeforeWrite { key: 0, value }]
        );
    }

    /// Tries all orders.
    fn is_linearizable_by_trial(value: u64, left: &[Operation]) -> bool {
        let first_return = left.iter().filter_map(|call| call.returned).min();
        left.iter().all(|call| call.returned.is_none())
            || left.iter().enumerate().any(|(position, call)| {
                if first_return.is_some_and(|first| first < call.called) {
                    return false;
                }
                let after = match call.action {
                    Action::Write(written) => written.number,
                    Action::Read(read) if read.map_or(0, |read| read.number) == value => value,
                    Action::Read(_) => return false,
                };
                let mut left = left.to_vec();
                left.remove(position);
                is_linearizable_by_trial(after, &left)
            })
    }

    #[test]
    fn the_answer_is_that_of_trying_all_orders() {
        // xorshift; every history is small enough to try.
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        let mut random = |below: u64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state % below
        };
        let (mut good, mut bad) = (0, 0);
        for _ in 0..20_000 {
            let writes = 1 + random(3);
            let mut history = Vec::new();
            for number in 1..=writes {
                let called = random(12);
                history.push(match random(5) {
                    0 => unknown(number, called),
                    _ => write(number, called, called + random(6)),
                });
            }
            for _ in 0..random(4) {
                let called = random(12);
                history.push(read(random(writes + 1), called, called + random(6)));
            }
            let expected = is_linearizable_by_trial(0, &history);
            assert_eq!(check(&history).is_empty(), expected, "{history:?}");
            match expected {
                true => good += 1,
                false => bad += 1,
            }
        }
        assert!(good > 1_000 && bad > 1_000, "{good} good, {bad} bad");
    }
}
