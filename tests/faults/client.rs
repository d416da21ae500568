//! A caller that uses the log while its storage calls fail, and knows what was acknowledged.

use std::collections::BTreeMap;
use std::sync::Arc;

use ironwal::Durability;
use ironwal::Error;
use ironwal::SyncMode;
use ironwal::Wal;
use ironwal::WalOptions;
use ironwal::simulation::DirectoryModel;
use ironwal::simulation::OpKind;
use ironwal::simulation::SimulatedDisk;

use crate::failure::Failure;
use crate::failure::Lasting;
use crate::failure::Manner;
use crate::known::Known;
use crate::known::Strictness;
use crate::workload::Step;

/// A violation of what is promised.
pub type Outcome = Result<(), String>;

pub struct Client {
    pub disk: SimulatedDisk,
    pub options: WalOptions,
    pub wal: Option<Wal>,
    pub known: BTreeMap<&'static str, Known>,
    /// The values that the property of a stream may have; the first was acknowledged.
    votes: BTreeMap<&'static str, Vec<Option<Vec<u8>>>>,
    /// What the log shows may be compared: nothing failed while it was opened.
    pub is_trusted: bool,
    failure: Option<Failure>,
    /// A stream is poisoned, and nothing fails any more.
    wants_open: bool,
    appended: u8,
}

/// Opens without threads, so that calls have the same numbers every time.
pub fn open(disk: &SimulatedDisk, options: &WalOptions) -> ironwal::Result<Wal> {
    Wal::open_simulated_stepped(disk, options.clone(), Arc::new(|_, _| ()))
}

fn is_poisoned(wal: &Wal, key: &str) -> bool {
    let latched = wal.stream(key).and_then(|stream| stream.append_batch(&[]));
    matches!(latched, Err(Error::Poisoned { .. }))
}

impl Client {
    pub fn new(options: WalOptions) -> Self {
        Client {
            disk: SimulatedDisk::new(),
            options,
            wal: None,
            known: BTreeMap::new(),
            votes: BTreeMap::new(),
            is_trusted: true,
            failure: None,
            wants_open: false,
            appended: 0,
        }
    }

    /// From now on the call fails.
    pub fn fail(&mut self, failure: Failure) {
        self.failure = Some(failure);
        self.disk.inject(failure.plan(self.disk.op_count()));
    }

    fn has_failed(&self) -> bool {
        self.disk.faults_fired() > 0
    }

    /// Nothing fails any more.
    fn is_spent(&self) -> bool {
        self.has_failed() && self.lasting() == Some(Lasting::Once)
    }

    fn lasting(&self) -> Option<Lasting> {
        self.failure.map(|failure| failure.lasting)
    }

    pub fn known(&mut self, key: &'static str) -> &mut Known {
        self.known.entry(key).or_insert_with(Known::nothing)
    }

    pub fn step(&mut self, step: Step) -> Outcome {
        match step {
            Step::Open => return self.open(),
            Step::Die => {
                self.disk = self.disk.kill();
                self.wal = None;
                return Ok(());
            }
            Step::LosePower(seed) => {
                let crashed = self.disk.crash(seed, DirectoryModel::Strict);
                self.disk.kill();
                self.wal = None;
                self.disk = crashed;
                return self.look_at_survivors();
            }
            _ => {}
        }
        // Opening failed, and will fail again.
        let Some(wal) = self.wal.clone() else {
            return Ok(());
        };
        let done = self.step_on(wal, step);
        if std::mem::take(&mut self.wants_open) {
            return done.and_then(|()| self.open());
        }
        done
    }

    fn step_on(&mut self, wal: Wal, step: Step) -> Outcome {
        match step {
            Step::Append(key, len) => self.append(&wal, key, &[len], false),
            Step::Batch(key, lens) => self.append(&wal, key, lens, true),
            Step::Vote(key, len) => self.vote(&wal, key, len),
            Step::Sync(key) => self.sync(&wal, key),
            Step::SyncAll => match wal.sync_all() {
                Ok(()) => {
                    let served = self.served(&wal);
                    self.durable(&served);
                    Ok(())
                }
                Err(error) => self.explained(&error),
            },
            Step::Truncate(key, safe_id) => self.truncate(&wal, key, safe_id),
            Step::Restore(key) => self.restore(&wal, key),
            Step::Hide(key, first_id) => self.hide(&wal, key, first_id),
            Step::Replace(key, from, lens) => self.replace(&wal, key, from, lens, false),
            Step::Reset(key, next, lens) => self.replace(&wal, key, next, lens, true),
            Step::Delete(key) => self.delete(&wal, key),
            Step::Read => self.read(&wal),
            Step::Help => {
                wal.step_helpers();
                Ok(())
            }
            Step::Close => {
                self.wal = None;
                let served = self.served(&wal);
                match wal.close() {
                    Ok(()) => {
                        self.durable(&served);
                        Ok(())
                    }
                    Err(error) => self.explained(&error),
                }
            }
            Step::Open | Step::Die | Step::LosePower(_) => Ok(()),
        }
    }

    /// An error comes of a failure, and says which.
    fn explained(&self, error: &Error) -> Outcome {
        let Some(failure) = self.failure.filter(|_| self.has_failed()) else {
            return Err(format!("nothing failed, but: {error}"));
        };
        match error.os_error() {
            Some(code) if code == failure.code => Ok(()),
            _ => Err(format!("the code is {}, but: {error}", failure.code)),
        }
    }

    fn open(&mut self) -> Outcome {
        self.wal = None;
        let before = self.disk.faults_fired();
        let mut opened = open(&self.disk, &self.options);
        if let Err(error) = &opened {
            self.explained(error)?;
        }
        let mut has_failed = self.disk.faults_fired() > before;
        if has_failed && self.lasting() == Some(Lasting::Once) {
            // A stream may answer with the error, or serve what is below the frontier.
            drop(opened);
            opened = open(&self.disk, &self.options);
            let refused = |error| format!("not opened at the second try: {error}");
            opened = Ok(opened.map_err(refused)?);
            has_failed = false;
        }
        let Ok(wal) = opened else {
            return Ok(());
        };
        self.is_trusted = !has_failed && (self.is_spent() || !self.has_failed());
        if self.is_trusted && self.has_failed() {
            for (key, known) in &mut self.known {
                if is_poisoned(&wal, key) {
                    return Err(format!("stream {key:?} is poisoned from the start"));
                }
                *known = known.compare(&wal, key, Strictness::Acknowledged)?;
            }
            self.compare_votes(&wal)?;
        }
        self.wal = Some(wal);
        Ok(())
    }

    /// After a power cut: what is there is known, the first opening apart.
    fn look_at_survivors(&mut self) -> Outcome {
        let copy = self.disk.crash(1, DirectoryModel::Strict);
        let wal = open(&copy, &self.options).map_err(|error| error.to_string())?;
        for (key, known) in &mut self.known {
            *known = known.compare(&wal, key, Strictness::Durable)?;
            // Not durable before the log is opened; until then, no crash takes it either.
        }
        self.compare_votes(&wal)?;
        Ok(())
    }

    /// Each property has one of the values that it may have; from now on it has this one.
    fn compare_votes(&mut self, wal: &Wal) -> Outcome {
        for (key, votes) in &mut self.votes {
            let found = wal.property(key, b"vote");
            let found = found.map_err(|error| format!("{key:?}: the property: {error}"))?;
            if !votes.contains(&found) {
                return Err(format!(
                    "{key:?}: the property {found:?} is none of {votes:?}"
                ));
            }
            *votes = vec![found];
        }
        Ok(())
    }

    /// Sets a property durably, to a value of so many bytes.
    fn vote(&mut self, wal: &Wal, key: &'static str, len: usize) -> Outcome {
        let value = Some(self.payload(len));
        let changes: [(&[u8], Option<&[u8]>); 1] = [(b"vote", value.as_deref())];
        let set = wal.set_properties(key, &changes, Durability::Durable);
        let votes = self.votes.entry(key).or_insert_with(|| vec![None]);
        match set {
            Ok(_) => {
                *votes = vec![value];
                Ok(())
            }
            Err(error) => {
                let is_known = self.is_trusted && votes.len() == 1;
                let acknowledged = votes[0].clone();
                votes.push(value);
                self.explained(&error)?;
                if is_known && self.is_spent() {
                    // What was refused is not served.
                    let found = wal.property(key, b"vote").map_err(|e| e.to_string())?;
                    if found != acknowledged {
                        return Err(format!("{key:?}: the refused property {found:?} is served"));
                    }
                }
                self.wants_open |= self.is_spent() && is_poisoned(wal, key);
                Ok(())
            }
        }
    }

    fn payload(&mut self, len: usize) -> Vec<u8> {
        self.appended += 1;
        vec![self.appended; len]
    }

    fn append(&mut self, wal: &Wal, key: &'static str, lens: &[usize], is_batch: bool) -> Outcome {
        if !self.is_trusted && self.known(key).doubtful.len() > 1 {
            // Which of them is there is not known, and is not to be found out now.
            return Ok(());
        }
        let entries: Vec<Vec<u8>> = lens.iter().map(|len| self.payload(*len)).collect();
        let slices: Vec<&[u8]> = entries.iter().map(|entry| &entry[..]).collect();
        let was_poisoned = is_poisoned(wal, key);
        let before = self.disk.faults_fired();
        let appended = match is_batch {
            true => wal.append_batch(key, &slices),
            false => wal.append(key, slices[0]).map(|id| id..id + 1),
        };
        let is_fresh = self.disk.faults_fired() > before;
        let durable = match self.options.sync_mode {
            SyncMode::Strict => true,
            SyncMode::BatchOnly => is_batch,
            SyncMode::Async => false,
        };
        match appended {
            Ok(ids) => {
                if was_poisoned {
                    return Err(format!("stream {key:?} took an append though poisoned"));
                }
                let is_trusted = self.is_trusted;
                let known = self.known(key);
                if let (false, [doubtful]) = (is_trusted, &known.doubtful[..]) {
                    let end = known.entries.len() + doubtful.len();
                    if ids.start == end as u64 {
                        known.entries.extend(doubtful.clone());
                    }
                }
                if ids.start != known.entries.len() as u64 {
                    let due = known.entries.len();
                    return Err(format!("id {} where {due} was due", ids.start));
                }
                known.entries.extend(entries);
                known.doubtful.clear();
                if durable {
                    known.now_durable();
                }
                Ok(())
            }
            Err(error) => {
                self.explained(&error)?;
                let is_poison = matches!(error, Error::Poisoned { .. });
                if was_poisoned != is_poison {
                    return Err(format!("poisoned before: {was_poisoned}, but: {error}"));
                }
                if !was_poisoned {
                    let is_trusted = self.is_trusted;
                    let doubtful = &mut self.known(key).doubtful;
                    // The log was opened since, and the other one was there, perhaps.
                    if let (false, Some(other)) = (is_trusted, doubtful.first()) {
                        doubtful.push([&other[..], &entries[..]].concat());
                    }
                    doubtful.push(entries);
                }
                self.after_failed_append(wal, key, is_fresh)
            }
        }
    }

    /// What failed is not served; the stream latches if and only if it must.
    fn after_failed_append(&mut self, wal: &Wal, key: &'static str, is_fresh: bool) -> Outcome {
        let Some(failure) = self.failure.filter(|_| self.is_spent()) else {
            return Ok(());
        };
        self.known(key).check_visible(wal, key)?;
        let end = self.known(key).entries.len() as u64;
        if let found @ (Ok(Some(_)) | Err(_)) = wal.get(key, end) {
            return Err(format!(
                "what was refused is served, or not none: {found:?}"
            ));
        }
        let is_poisoned = is_poisoned(wal, key);
        use OpKind::*;
        let must = matches!(failure.kind, SyncData | SyncAll | SyncRange | SyncDir);
        let must_not = matches!(
            failure.kind,
            Create | Allocate | CreateDir | Rename | Available
        ) && failure.manner == Manner::Plain;
        if is_fresh && ((must && !is_poisoned) || (must_not && is_poisoned)) {
            return Err(format!("poisoned: {is_poisoned}"));
        }
        if is_poisoned {
            let refused = wal.append(key, b"no");
            if !matches!(refused, Err(Error::Poisoned { .. })) {
                return Err(format!("a poisoned stream answers {refused:?}"));
            }
            self.wants_open = true;
        }
        Ok(())
    }

    fn sync(&mut self, wal: &Wal, key: &'static str) -> Outcome {
        match wal.sync(key) {
            Ok(()) => {
                self.known(key).now_durable();
                Ok(())
            }
            Err(Error::StreamNotFound(_)) if self.known(key).entries.is_empty() => Ok(()),
            Err(error) => self.explained(&error),
        }
    }

    fn first_id(&self, wal: &Wal, key: &str) -> Result<u64, String> {
        let first_id = wal.stream(key).and_then(|stream| stream.first_id());
        first_id.map_err(|error| format!("the first id of {key:?} is not known: {error}"))
    }

    fn truncate(&mut self, wal: &Wal, key: &'static str, safe_id: u64) -> Outcome {
        match wal.truncate(key, safe_id) {
            Ok(_) => {
                let first_id = self.first_id(wal, key)?;
                let known = self.known(key);
                if first_id > safe_id.max(known.greatest_first_id()) {
                    return Err(format!("truncated up to {first_id}, not below {safe_id}"));
                }
                known.first_ids = vec![first_id];
                known.now_durable();
                Ok(())
            }
            Err(error) => {
                let known = self.known(key);
                let end = known.entries.len() as u64;
                known.first_ids.extend(1..=safe_id.min(end));
                self.explained(&error)
            }
        }
    }

    /// Hides entries, at most all there are.
    fn hide(&mut self, wal: &Wal, key: &'static str, first_id: u64) -> Outcome {
        if !self.is_trusted {
            return Ok(());
        }
        let end = self.known(key).entries.len() as u64;
        let first_id = first_id.min(end);
        match wal.truncate_prefix(key, first_id) {
            Ok(_) => {
                let known = self.known(key);
                let first_id = first_id.max(known.greatest_first_id());
                known.first_ids = vec![first_id];
                known.may_be_empty = true;
                known.now_durable();
                Ok(())
            }
            Err(Error::StreamNotFound(_)) if end == 0 => Ok(()),
            Err(error) => {
                let known = self.known(key);
                known.first_ids.push(first_id);
                known.may_be_empty = true;
                self.explained(&error)
            }
        }
    }

    /// Cuts a suffix that begins at an id there is, or resets the stream.
    fn replace(
        &mut self,
        wal: &Wal,
        key: &'static str,
        from: u64,
        lens: &[usize],
        is_reset: bool,
    ) -> Outcome {
        if !self.is_trusted {
            return Ok(());
        }
        let entries: Vec<Vec<u8>> = lens.iter().map(|len| self.payload(*len)).collect();
        let known = self.known(key).clone();
        let from = match is_reset {
            true => from as usize,
            false => known.entries.len().min(from as usize),
        };
        if !is_reset && from as u64 <= known.greatest_first_id() {
            return Ok(());
        }
        let slices: Vec<&[u8]> = entries.iter().map(|entry| &entry[..]).collect();
        let append = ironwal::Append::new(&slices);
        let was_poisoned = is_poisoned(wal, key);
        let replaced = match is_reset {
            true => wal.reset(key, from as u64, &append),
            false => wal.replace_suffix(key, from as u64, &append),
        };
        let new = known.replaced(from, entries, is_reset);
        match replaced {
            Ok(appended) => {
                if was_poisoned {
                    return Err(format!("stream {key:?} was cut though poisoned"));
                }
                if appended.ids != (from as u64..new.entries.len() as u64) {
                    return Err(format!("cut at {from}, but: {:?}", appended.ids));
                }
                self.known.insert(key, new);
                Ok(())
            }
            Err(error) => {
                self.explained(&error)?;
                if was_poisoned || !is_poisoned(wal, key) {
                    // Nothing has changed. What a full disk made of it is an append, perhaps.
                    if from == known.entries.len() {
                        self.known(key).doubtful.push(new.entries[from..].to_vec());
                    }
                    return self.check_served(wal, key);
                }
                let known = self.known(key);
                let served_to = if is_reset { 0 } else { from };
                known.served_to = Some(served_to.min(known.entries.len()));
                known.cut = Some(Box::new(new));
                self.wants_open = self.is_spent();
                self.check_served(wal, key)
            }
        }
    }

    /// What must be visible is, where nothing fails any more.
    fn check_served(&mut self, wal: &Wal, key: &'static str) -> Outcome {
        match self.is_spent() {
            true => self.known(key).check_visible(wal, key),
            false => Ok(()),
        }
    }

    fn restore(&mut self, wal: &Wal, key: &'static str) -> Outcome {
        match wal.restore_archived(key) {
            Ok(_) => {
                let first_id = self.first_id(wal, key)?;
                let known = self.known(key);
                known.first_ids = vec![first_id];
                Ok(())
            }
            Err(error) => {
                let known = self.known(key);
                let before = known.greatest_first_id();
                known.first_ids.extend(0..before);
                self.explained(&error)
            }
        }
    }

    fn delete(&mut self, wal: &Wal, key: &'static str) -> Outcome {
        match wal.delete_stream(key) {
            Ok(()) => {
                self.known.insert(key, Known::nothing());
                self.votes.remove(key);
                Ok(())
            }
            Err(error) => {
                if let Some(votes) = self.votes.get_mut(key) {
                    votes.push(None);
                }
                self.explained(&error)?;
                let is_there = wal
                    .streams()
                    .is_ok_and(|keys| keys.iter().any(|k| k == key));
                if is_there {
                    self.known(key).may_be_gone = true;
                    return Ok(());
                }
                let mut before = std::mem::take(self.known(key));
                before.may_be_gone = true;
                let mut now = Known::nothing();
                now.before_deletion = Some(Box::new(before));
                self.known.insert(key, now);
                Ok(())
            }
        }
    }

    fn read(&mut self, wal: &Wal) -> Outcome {
        for (key, known) in &self.known {
            for (id, entry) in known.entries.iter().enumerate() {
                match wal.get(key, id as u64) {
                    Ok(Some(found)) if found == *entry => {}
                    Ok(Some(_)) => return Err(format!("stream {key:?}: entry {id} is another")),
                    Ok(None) if !self.is_trusted => {}
                    Ok(None) if (id as u64) < known.greatest_first_id() => {}
                    Ok(None) => return Err(format!("stream {key:?}: entry {id} is none")),
                    Err(error) => self.explained(&error)?,
                }
            }
        }
        Ok(())
    }

    /// Those that could not be opened are passed over when all are synced or closed.
    fn served(&self, wal: &Wal) -> Vec<&'static str> {
        let keys = self.known.keys().copied();
        keys.filter(|key| wal.stream(key).is_ok()).collect()
    }

    fn durable(&mut self, keys: &[&'static str]) {
        for key in keys {
            self.known(key).now_durable();
        }
    }
}
