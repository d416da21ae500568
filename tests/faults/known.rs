//! What does the caller know of a stream, and does a log show it?

use ironwal::Wal;

/// What the caller knows of a stream.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Acknowledged entries, from id 0.
    pub entries: Vec<Vec<u8>>,
    /// So many of them were acknowledged as durable.
    pub durable: usize,
    /// Frames of appends that returned an error: one of them may be there all the same.
    pub doubtful: Vec<Vec<Vec<u8>>>,
    /// What the first id kept may be; a truncation or restoration that failed leaves several.
    pub first_ids: Vec<u64>,
    /// A deletion failed: the stream may be gone.
    pub may_be_gone: bool,
    /// A deletion failed, and the stream was gone: after a crash it may be as it was.
    pub before_deletion: Option<Box<Known>>,
    /// A cut failed and poisoned the stream: it may be like this instead.
    pub cut: Option<Box<Known>>,
    /// Until it is opened again only these are served.
    pub served_to: Option<usize>,
    /// It began with a cut or a reset: it exists without an entry too.
    pub may_be_empty: bool,
}

/// What of it must be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strictness {
    /// Everything acknowledged.
    Acknowledged,
    /// Everything acknowledged as durable.
    Durable,
}

impl Known {
    pub fn nothing() -> Self {
        Known {
            first_ids: vec![0],
            ..Known::default()
        }
    }

    /// What is known once the ids from `from` on are these entries.
    pub fn replaced(&self, from: usize, entries: Vec<Vec<u8>>, is_reset: bool) -> Known {
        let mut all = self.entries.clone();
        all.resize(from, Vec::new());
        all.extend(entries);
        let is_reset = is_reset || from as u64 <= self.greatest_first_id();
        Known {
            durable: all.len(),
            entries: all,
            first_ids: match is_reset {
                true => vec![from as u64],
                false => self.first_ids.clone(),
            },
            may_be_empty: true,
            ..Known::default()
        }
    }

    /// Everything acknowledged is acknowledged as durable now.
    pub fn now_durable(&mut self) {
        self.durable = self.entries.len();
        if self.durable > 0 {
            self.may_be_gone = false;
            self.before_deletion = None;
        }
    }

    /// Below it, entries may have been truncated.
    pub fn greatest_first_id(&self) -> u64 {
        self.first_ids.iter().copied().max().unwrap_or(0)
    }

    /// Compares what the log shows of the stream; returns what is known from then on.
    pub fn compare(&self, wal: &Wal, key: &str, strictness: Strictness) -> Result<Known, String> {
        let reported = self.compare_this(wal, key, strictness);
        if let (Some(cut), Err(reported)) = (&self.cut, &reported) {
            return cut
                .compare(wal, key, strictness)
                .map_err(|or| format!("{reported}; nor as the cut leaves it: {or}"));
        }
        match (&self.before_deletion, reported) {
            (Some(before), Err(reported)) if self.durable == 0 => before
                .compare(wal, key, strictness)
                .map_err(|or| format!("{reported}; nor as before the deletion: {or}")),
            (_, reported) => reported,
        }
    }

    fn compare_this(&self, wal: &Wal, key: &str, strictness: Strictness) -> Result<Known, String> {
        let fail = |what: String| Err(format!("stream {key:?} {what}"));
        let least = match strictness {
            Strictness::Acknowledged => self.entries.len(),
            Strictness::Durable => self.durable,
        };
        let exists = wal
            .streams()
            .is_ok_and(|keys| keys.iter().any(|k| k == key));
        if !exists {
            return match least == 0 || self.may_be_gone {
                true => Ok(Known::nothing()),
                false => fail(format!("is gone, with {least} entries")),
            };
        }
        let entries: ironwal::Result<Vec<(u64, Vec<u8>)>> =
            wal.iter_with_ids(key, 0).and_then(Iterator::collect);
        let shown = match entries {
            Ok(shown) => shown,
            Err(error) => return fail(format!("is not read: {error}")),
        };
        let first = match shown.first() {
            Some((first, _)) => *first,
            None if self.may_be_empty || wal.properties(key).is_ok_and(|all| !all.is_empty()) => {
                let stream = wal.stream(key).map_err(|error| error.to_string())?;
                stream.first_id().map_err(|error| error.to_string())?
            }
            None => return fail("exists without an entry".to_owned()),
        };
        if !self.first_ids.contains(&first) {
            return fail(format!(
                "starts at {first}, not one of {:?}",
                self.first_ids
            ));
        }
        let end = first as usize + shown.len();
        let whole = self.entries.len();
        if end < least {
            return fail(format!("ends at {end} of {least}"));
        }
        let behind = shown.iter().filter(|(id, _)| *id as usize >= whole);
        let behind: Vec<&Vec<u8>> = behind.map(|(_, bytes)| bytes).collect();
        let is_doubtful = |frame: &Vec<Vec<u8>>| frame.iter().eq(behind.iter().copied());
        if !behind.is_empty() && !self.doubtful.iter().any(is_doubtful) {
            return fail(format!(
                "holds {} entries that were never appended",
                behind.len()
            ));
        }
        for (place, (id, bytes)) in shown.iter().enumerate() {
            if *id != first + place as u64 {
                return fail(format!(
                    "has id {id} where {} was due",
                    first + place as u64
                ));
            }
            if self
                .entries
                .get(*id as usize)
                .is_some_and(|known| known != bytes)
            {
                return fail(format!("has another entry {id}"));
            }
        }
        let mut entries = self.entries.clone();
        entries.truncate(end);
        entries.extend(behind.into_iter().cloned());
        Ok(Known {
            durable: entries.len(),
            // What was taken back by an unsynced write may come back.
            doubtful: match end > whole {
                true => Vec::new(),
                false => self.doubtful.clone(),
            },
            entries,
            first_ids: vec![first],
            may_be_empty: self.may_be_empty,
            ..Known::default()
        })
    }

    /// Everything that was visible still is.
    pub fn check_visible(&self, wal: &Wal, key: &str) -> Result<(), String> {
        let first = self.greatest_first_id();
        let served = &self.entries[..self.served_to.unwrap_or(self.entries.len())];
        for (id, entry) in served.iter().enumerate().skip(first as usize) {
            match wal.get(key, id as u64) {
                Ok(Some(found)) if found == *entry => {}
                Ok(Some(_)) => return Err(format!("stream {key:?}: entry {id} is another")),
                other => return Err(format!("stream {key:?}: entry {id} is {other:?}")),
            }
        }
        Ok(())
    }
}
