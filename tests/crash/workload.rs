//! What is done to the log before it crashes: calls chosen by a seed, with the model kept beside.

use ironwal::Append;
use ironwal::CorruptionPolicy;
use ironwal::Durability;
use ironwal::SyncMode;
use ironwal::Wal;
use ironwal::simulation::SimulatedDisk;

use crate::checkpoints::Deed;
#[cfg(feature = "sharded")]
use crate::checkpoints::Made;
use crate::model::Cut;
use crate::model::Entry;
use crate::model::LogModel;
use crate::model::Map;
use crate::model::MapChange;
use crate::model::Span;
use crate::model::StreamModel;
use crate::open_log::OpenLog;
use crate::random::Random;
use crate::setups::Setup;

/// A finished workload: the disk with its journal, and the model.
pub struct Workload {
    pub setup: Setup,
    pub disk: SimulatedDisk,
    pub model: LogModel,
}

/// Runs the workload of this seed on a fresh disk. Panics where the log disagrees with the model.
pub fn run(seed: u64, sync_mode: SyncMode) -> Workload {
    let setup = Setup::new(seed, sync_mode);
    let disk = SimulatedDisk::new();
    let mut random = Random::new(seed);
    let keys: Vec<String> = match setup.shards {
        Some(count) => (0..count)
            .map(|shard| format!("shard_{shard:02}"))
            .collect(),
        None => ["a", "B/ü", "third"][..1 + random.below(3) as usize]
            .iter()
            .map(|key| key.to_string())
            .collect(),
    };
    let mut runner = Runner {
        log: None,
        random,
        model: LogModel {
            streams: keys.iter().map(|key| StreamModel::new(key)).collect(),
            ..LogModel::default()
        },
        setup,
        disk,
    };
    runner.open();
    if let Some(size) = runner.setup.first_entry {
        runner.append_entries(0, vec![vec![0x5a; size]], How::Append);
    }
    let steps = 6 + runner.random.below(24);
    for _ in 0..steps {
        runner.step();
        if !runner.setup.is_threaded && runner.random.one_in(3) {
            runner.wal().step_helpers();
        }
    }
    if runner.random.one_in(2) {
        runner.close();
    }
    let Runner {
        log,
        model,
        setup,
        disk,
        ..
    } = runner;
    // Not closed: dropping would sync. Calls on a dead disk are not in its journal.
    disk.kill();
    drop(log);
    Workload { setup, disk, model }
}

struct Runner {
    log: Option<OpenLog>,
    random: Random,
    model: LogModel,
    setup: Setup,
    disk: SimulatedDisk,
}

impl Runner {
    fn open(&mut self) {
        let policy = CorruptionPolicy::Error;
        let opened = OpenLog::open(&self.disk, &self.setup, policy, self.setup.is_threaded);
        self.log = Some(opened.expect("opens"));
    }

    fn step(&mut self) {
        if self.setup.shards.is_some() {
            return self.sharded_step();
        }
        let at = self.any_stream();
        let chosen = match self.random.one_in(2) && self.setup.likes_cuts {
            true => 48 + self.random.below(26),
            false => self.random.below(100),
        };
        match chosen {
            0..30 => self.append(at, 1, How::Append),
            30..36 if self.setup.is_threaded => self.append_together(at),
            30..48 => {
                let entries = 1 + self.random.below(5) as usize;
                let how = self.random.pick(&[How::Batch, How::Batch, How::Txn]);
                self.append(at, entries, how);
            }
            48..54 => self.truncate(at),
            54..58 => self.truncate_prefix(at),
            58..65 => self.replace_suffix(at),
            65..68 => self.reset(at),
            68..71 => self.restore(at),
            71..74 => self.delete(at),
            74..82 => self.sync(at),
            82..84 => self.sync_all(),
            84..91 => self.reopen(),
            91..94 => self.change_properties(at),
            94..98 => self.append_atomic(),
            _ => self.read(at),
        }
    }

    /// A batch over all streams, or some of them.
    fn append_atomic(&mut self) {
        let count = self.streams().len();
        let chosen: Vec<usize> = (0..count).filter(|_| self.random.below(4) > 0).collect();
        let entries: Vec<Vec<Vec<u8>>> = chosen
            .iter()
            .map(|at| {
                (0..1 + self.random.below(3))
                    .map(|_| self.payload(*at))
                    .collect()
            })
            .collect();
        let (appended, span) = self.during(|log| {
            let slices: Vec<Vec<&[u8]>> = entries
                .iter()
                .map(|entries| entries.iter().map(Vec::as_slice).collect())
                .collect();
            let keys = chosen.iter().map(|at| &self.model.streams[*at].key);
            let streams: Vec<_> = keys
                .map(|key| log.wal.stream(key).expect("a handle"))
                .collect();
            let parts = streams.iter().zip(&slices);
            let parts: Vec<_> = parts
                .map(|(stream, entries)| (stream, Append::new(entries)))
                .collect();
            log.wal.append_atomic(&parts)
        });
        let ids = match appended {
            Ok(ids) => ids,
            // The files of the journal are short in some setups.
            Err(ironwal::Error::TooLarge { .. }) => return,
            Err(error) => panic!("appends a batch over streams: {error}"),
        };
        for ((at, entries), ids) in chosen.into_iter().zip(entries).zip(ids) {
            let first = self.streams()[at].latest().next_id();
            let frame_end = first + entries.len() as u64;
            assert_eq!(ids, first..frame_end);
            for bytes in entries {
                let bytes = bytes.into();
                self.now(at).entries.push(Entry {
                    bytes,
                    frame_end,
                    span,
                    durable: true,
                });
            }
        }
    }

    fn sharded_step(&mut self) {
        let at = self.any_stream();
        let chosen = match self.random.one_in(2) && self.setup.likes_cuts {
            true => 50 + self.random.below(32),
            false => self.random.below(100),
        };
        match chosen {
            0..28 => self.append(at, 1, How::Append),
            28..40 => {
                let entries = 1 + self.random.below(5) as usize;
                self.append(at, entries, How::Batch);
            }
            40..50 => self.append_over_shards(),
            50..68 => self.create_checkpoint(),
            68..75 => self.prune(),
            75..82 => self.compact(),
            82..87 => self.sync(at),
            87..89 => self.sync_all(),
            89..95 => self.reopen(),
            95..98 => self.change_properties(at),
            _ => self.read(at),
        }
    }

    fn any_stream(&mut self) -> usize {
        self.random.below(self.model.streams.len() as u64) as usize
    }

    fn reopen(&mut self) {
        self.close();
        self.open();
        self.note_durable();
    }

    fn log(&self) -> &OpenLog {
        self.log.as_ref().expect("open")
    }

    fn wal(&self) -> &Wal {
        &self.log().wal
    }

    fn during<R>(&self, call: impl FnOnce(&OpenLog) -> R) -> (R, Span) {
        let began = self.disk.op_count();
        let result = call(self.log());
        let returned = self.disk.op_count();
        (result, Span { began, returned })
    }

    fn payload(&mut self, at: usize) -> Vec<u8> {
        let length = match self.random.below(10) {
            0 => 0,
            1..7 => self.random.below(60),
            7 => 300 + self.random.below(600),
            8 => self.random.below(3000),
            _ => return self.image_of_a_segment(at),
        };
        let mut bytes = vec![self.random.next() as u8; length as usize];
        if self.random.one_in(2) {
            bytes.fill_with(|| self.random.next() as u8);
        }
        bytes
    }

    /// The beginning of one of our own files, as a payload: frames inside are not frames.
    fn image_of_a_segment(&mut self, at: usize) -> Vec<u8> {
        let key = self.streams()[at].key.clone();
        let first_id = self.wal().current_segment_start_id(&key).unwrap_or(0);
        let path = format!("/log/{key}/{first_id:020}.wal");
        let mut bytes = self.disk.contents(path).unwrap_or_default();
        bytes.truncate(1500 + self.random.below(1500) as usize);
        bytes
    }

    fn append(&mut self, at: usize, count: usize, how: How) {
        let entries = (0..count).map(|_| self.payload(at)).collect();
        self.append_entries(at, entries, how);
    }

    fn append_entries(&mut self, at: usize, entries: Vec<Vec<u8>>, how: How) {
        let key = self.streams()[at].key.clone();
        let first = self.streams()[at].latest().next_id();
        let slices: Vec<&[u8]> = entries.iter().map(|entry| &entry[..]).collect();
        let (ids, span) = self.during(|log| match how {
            How::Append => log.append(&key, slices[0]).map(|id| id..id + 1),
            How::Batch => log.append_batch(&key, &slices),
            How::Txn => {
                let mut txn = log.wal.writer(&key);
                entries.iter().for_each(|entry| txn.add(&entry[..]));
                txn.commit()
            }
        });
        let frame_end = first + entries.len() as u64;
        assert_eq!(ids.expect("appends"), first..frame_end, "{how:?}");
        let durable = self.is_durable(at, how);
        for bytes in entries {
            let bytes = bytes.into();
            self.now(at).entries.push(Entry {
                bytes,
                frame_end,
                span,
                durable,
            });
        }
        if self.random.one_in(3) {
            self.note_durable();
        }
    }

    fn is_durable(&self, at: usize, how: How) -> bool {
        match self.setup.mode_of(&self.streams()[at].key) {
            SyncMode::Strict => true,
            SyncMode::BatchOnly => !matches!(how, How::Append),
            SyncMode::Async => false,
        }
    }

    fn streams(&self) -> &[StreamModel] {
        &self.model.streams
    }

    fn now(&mut self, at: usize) -> &mut crate::model::Incarnation {
        self.model.streams[at].now()
    }

    /// Several threads append to one stream, so that they share rounds of group commit.
    fn append_together(&mut self, at: usize) {
        let key = self.streams()[at].key.clone();
        let payloads: Vec<Vec<u8>> = (0..6).map(|_| self.payload(at)).collect();
        let (wal, disk) = (self.wal(), &self.disk);
        let append = |bytes: &Vec<u8>| {
            let began = disk.op_count();
            let id = wal.append(&key, bytes).expect("appends");
            let returned = disk.op_count();
            (id, bytes.clone(), Span { began, returned })
        };
        let mut appended: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = payloads
                .chunks(2)
                .map(|own| scope.spawn(move || own.iter().map(append).collect::<Vec<_>>()))
                .collect();
            threads
                .into_iter()
                .flat_map(|thread| thread.join().expect("appends"))
                .collect()
        });
        appended.sort_by_key(|(id, ..)| *id);
        let durable = self.is_durable(at, How::Append);
        for (id, bytes, span) in appended {
            assert_eq!(id, self.streams()[at].latest().next_id());
            self.now(at).entries.push(Entry {
                bytes: bytes.into(),
                frame_end: id + 1,
                span,
                durable,
            });
        }
    }

    /// Whatever the log says is durable, is.
    fn note_durable(&mut self) {
        let wal = &self.log.as_ref().expect("open").wal;
        for stream in &mut self.model.streams {
            if stream.latest().entries.is_empty() {
                // Not begun, or reset to 0.
                continue;
            }
            let handle = wal.stream(&stream.key).expect("a handle");
            let end = handle.durable_end().expect("is known");
            let at = self.disk.op_count();
            assert!(end <= stream.latest().next_id());
            stream.now().durable.push((at, end));
        }
    }

    fn truncate(&mut self, at: usize) {
        let key = self.streams()[at].key.clone();
        let (first, next) = (
            self.streams()[at].latest().first_id(),
            self.streams()[at].latest().next_id(),
        );
        if next == 0 {
            return;
        }
        let safe_id = first + self.random.below(next - first + 2);
        let (count, span) = self.during(|log| log.wal.truncate(&key, safe_id));
        let count = count.expect("truncates");
        let first_id = self.first_id(at);
        // A segment whose ids were all hidden goes without a change of the first id.
        assert!(first_id <= safe_id.max(first) && (first_id == first || count > 0));
        self.now(at).cuts.push(Cut { first_id, span });
        self.now(at).all_durable(span.returned);
    }

    fn truncate_prefix(&mut self, at: usize) {
        let key = self.streams()[at].key.clone();
        let model = self.streams()[at].latest();
        let (first, next) = (model.first_id(), model.next_id());
        if next == 0 {
            return;
        }
        let first_id = first + self.random.below(next - first + 1);
        let (count, span) = self.during(|log| log.wal.truncate_prefix(&key, first_id));
        count.expect("truncates");
        assert_eq!(self.first_id(at), first_id);
        self.now(at).cuts.push(Cut { first_id, span });
        self.now(at).origin.hides |= first_id > first;
        self.now(at).durable.push((span.returned, first_id));
    }

    fn entries_of_a_cut(&mut self, at: usize) -> Vec<Vec<u8>> {
        let count = self.random.below(4);
        (0..count).map(|_| self.payload(at)).collect()
    }

    /// A property that a cut changes, perhaps, and all of them then.
    fn property_of_a_cut(&mut self, at: usize) -> (crate::model::Map, Option<Vec<u8>>) {
        let mut map = self.streams()[at].latest().map();
        let value = self
            .random
            .one_in(3)
            .then(|| vec![self.random.next() as u8; 8]);
        if let Some(value) = &value {
            map.insert(b"k\x00".to_vec(), value.clone());
        }
        (map, value)
    }

    fn replace_suffix(&mut self, at: usize) {
        let key = self.streams()[at].key.clone();
        let model = self.streams()[at].latest();
        let (first, next) = (model.first_id(), model.next_id());
        if next == first {
            return;
        }
        let from = first + self.random.below(next - first);
        let bytes = self.entries_of_a_cut(at);
        let slices: Vec<&[u8]> = bytes.iter().map(Vec::as_slice).collect();
        let (map, value) = self.property_of_a_cut(at);
        let changes: [(&[u8], Option<&[u8]>); 1] = [(b"k\x00", value.as_deref())];
        let changes = if value.is_some() { &changes[..] } else { &[] };
        let append = ironwal::Append::new(&slices).with_properties(changes);
        let (appended, span) = self.during(|log| log.wal.replace_suffix(&key, from, &append));
        let end = from + bytes.len() as u64;
        assert_eq!(appended.expect("replaces").ids, from..end);
        self.model.streams[at].replace_with(from, bytes, map, false, span);
    }

    fn reset(&mut self, at: usize) {
        let key = self.streams()[at].key.clone();
        let next = self.streams()[at].latest().next_id();
        let from = self.random.below(next + 12);
        let bytes = self.entries_of_a_cut(at);
        let slices: Vec<&[u8]> = bytes.iter().map(Vec::as_slice).collect();
        let (map, value) = self.property_of_a_cut(at);
        let changes: [(&[u8], Option<&[u8]>); 1] = [(b"k\x00", value.as_deref())];
        let changes = if value.is_some() { &changes[..] } else { &[] };
        let append = ironwal::Append::new(&slices).with_properties(changes);
        let (appended, span) = self.during(|log| log.wal.reset(&key, from, &append));
        let end = from + bytes.len() as u64;
        assert_eq!(appended.expect("resets").ids, from..end);
        self.model.streams[at].replace_with(from, bytes, map, true, span);
    }

    fn restore(&mut self, at: usize) {
        let key = self.streams()[at].key.clone();
        if self.streams()[at].latest().next_id() == 0 {
            return;
        }
        let before = self.streams()[at].latest().first_id();
        let (count, span) = self.during(|log| log.wal.restore_archived(&key));
        let count = count.expect("restores");
        let first_id = self.first_id(at);
        // Everything a truncation of this stream took out is in the archive, if there is one.
        let origin = self.streams()[at].latest().origin;
        let expected = match self.setup.options.archive_path {
            // A segment whose ids were all hidden goes at open, and to no archive.
            Some(_) if origin.hides => origin.base..=before,
            Some(_) => origin.base..=origin.base,
            None => before..=before,
        };
        assert!(expected.contains(&first_id), "{count} restored");
        self.now(at).cuts.push(Cut { first_id, span });
    }

    fn first_id(&self, at: usize) -> u64 {
        let stream = self
            .wal()
            .stream(&self.streams()[at].key)
            .expect("a handle");
        stream.first_id().expect("is known")
    }

    fn delete(&mut self, at: usize) {
        let key = self.streams()[at].key.clone();
        let (deleted, span) = self.during(|log| log.wal.delete_stream(&key));
        deleted.expect("deletes");
        let model = &mut self.model.streams[at];
        model.now().deleted = Some(span);
        model.incarnations.push(Default::default());
    }

    fn sync(&mut self, at: usize) {
        let key = self.streams()[at].key.clone();
        let model = self.streams()[at].latest();
        if model.next_id() == 0 && model.changes.is_empty() {
            return;
        }
        let (synced, span) = self.during(|log| log.wal.sync(&key));
        synced.expect("syncs");
        self.now(at).all_durable(span.returned);
    }

    fn sync_all(&mut self) {
        let (synced, span) = self.during(|log| log.wal.sync_all());
        synced.expect("syncs");
        self.all_durable(span.returned);
    }

    fn close(&mut self) {
        let log = self.log.take().expect("open");
        if self.random.one_in(3) {
            drop(log);
        } else {
            log.close().expect("closes");
        }
        let at = self.disk.op_count();
        self.all_durable(at);
    }

    fn all_durable(&mut self, at: u64) {
        for stream in &mut self.model.streams {
            stream.now().all_durable(at);
        }
    }

    /// One batch over several shards: a frame in each.
    fn append_over_shards(&mut self) {
        #[cfg(feature = "sharded")]
        {
            let count = 1 + self.random.below(6) as usize;
            let places: Vec<usize> = (0..count).map(|_| self.any_stream()).collect();
            let payloads: Vec<Vec<u8>> = places.iter().map(|at| self.payload(*at)).collect();
            let (sharded, streams) = (self.sharded(), self.streams());
            let batch: Vec<(Vec<u8>, Vec<u8>)> = places
                .iter()
                .zip(&payloads)
                .map(|(at, bytes)| {
                    let key = crate::open_log::key_of(sharded, &streams[*at].key);
                    (key.to_vec(), bytes.clone())
                })
                .collect();
            let (reported, span) = self.during(|_| sharded.append_batch(&batch));
            let reported = reported.expect("appends");
            for ((at, bytes), (shard, id)) in places.iter().zip(payloads).zip(reported) {
                assert_eq!((*at, self.now(*at).next_id()), (usize::from(shard), id));
                let of_shard = places.iter().filter(|other| *other == at).count() as u64;
                let before = self.now(*at).entries.last().map(|entry| entry.frame_end);
                let first = before.unwrap_or(0);
                let durable = self.is_durable(*at, How::Batch);
                self.now(*at).entries.push(Entry {
                    bytes: bytes.into(),
                    // The first of the frame says its end, the others repeat it.
                    frame_end: if first > id { first } else { id + of_shard },
                    span,
                    durable,
                });
            }
        }
    }

    #[cfg(feature = "sharded")]
    fn sharded(&self) -> &ironwal::ShardedWal {
        self.log().sharded.as_ref().expect("a sharded log")
    }

    fn create_checkpoint(&mut self) {
        #[cfg(feature = "sharded")]
        {
            let id = self.random.pick(&[&b"c0"[..], b"c1", b"c2", b"c3"]);
            let (created, span) = self.during(|log| {
                let sharded = log.sharded.as_ref().expect("a sharded log");
                sharded.create_checkpoint(id)
            });
            created.expect("creates");
            let data = self.sharded().load_checkpoint(id).expect("loads");
            for (at, end) in data.offsets.iter().enumerate() {
                self.now(at).durable.push((span.returned, *end));
            }
            let made = Made {
                id: id.to_vec(),
                offsets: data.offsets,
                timestamp: data.timestamp,
            };
            self.did(Deed::Create(made), span);
        }
    }

    fn did(&mut self, deed: Deed, span: Span) {
        self.model.checkpoints.deeds.push((deed, span));
    }

    fn prune(&mut self) {
        #[cfg(feature = "sharded")]
        {
            let live = self.model.checkpoints.now().live;
            if live.is_empty() {
                return;
            }
            let id = live[self.random.below(live.len() as u64) as usize]
                .id
                .clone();
            let (pruned, span) = self.during(|log| {
                let sharded = log.sharded.as_ref().expect("a sharded log");
                sharded.prune_before_checkpoint(&id)
            });
            pruned.expect("prunes");
            for at in 0..self.streams().len() {
                if self.streams()[at].latest().next_id() > 0 {
                    let first_id = self.first_id(at);
                    self.now(at).cuts.push(Cut { first_id, span });
                }
            }
            self.did(Deed::Prune(id), span);
        }
    }

    fn compact(&mut self) {
        #[cfg(feature = "sharded")]
        {
            let keep = self.random.below(4) as usize;
            let (compacted, span) = self.during(|log| {
                let sharded = log.sharded.as_ref().expect("a sharded log");
                sharded.compact_checkpoints(keep)
            });
            compacted.expect("compacts");
            self.did(Deed::Compact(keep), span);
        }
    }

    /// Changes properties, alone or in the frame of entries, or replaces all of them.
    fn change_properties(&mut self, at: usize) {
        let key = self.streams()[at].key.clone();
        let entry_count = match self.random.below(3) {
            0 => 1 + self.random.below(3) as usize,
            _ => 0,
        };
        let entries: Vec<Vec<u8>> = (0..entry_count).map(|_| self.payload(at)).collect();
        let slices: Vec<&[u8]> = entries.iter().map(|entry| &entry[..]).collect();
        let durability = match entry_count {
            0 => self
                .random
                .pick(&[Durability::ByMode, Durability::Written, Durability::Durable]),
            // Readers see them once they are durable.
            _ => self.random.pick(&[Durability::ByMode, Durability::Durable]),
        };
        let mut map = self.streams()[at].latest().map();
        let replaces = entry_count == 0 && self.random.one_in(4);
        if replaces {
            map.clear();
        }
        let mut changes = Vec::new();
        for _ in 0..1 + self.random.below(3) {
            let name = vec![b'k', self.random.below(4) as u8];
            let len = self.random.pick(&[0, 1, 8, 8, 60, 500, 1000]);
            let value =
                (replaces || !self.random.one_in(4)).then(|| vec![self.random.next() as u8; len]);
            match &value {
                Some(value) => map.insert(name.clone(), value.clone()),
                None => map.remove(&name),
            };
            changes.push((name, value));
        }
        let first = self.streams()[at].latest().next_id();
        let (done, span) = self.during(|log| {
            if replaces {
                let pairs: Vec<(&[u8], &[u8])> = changes
                    .iter()
                    .filter_map(|(name, value)| Some((&name[..], value.as_deref()?)))
                    .collect();
                let mark = log.wal.replace_properties(&key, &pairs, durability);
                return mark.map(|_| first..first);
            }
            let changes: Vec<(&[u8], Option<&[u8]>)> = changes
                .iter()
                .map(|(name, value)| (&name[..], value.as_deref()))
                .collect();
            let append = Append {
                entries: &slices,
                properties: &changes,
                durability,
                ..Append::default()
            };
            log.wal.append_with(&key, &append).map(|done| done.ids)
        });
        let end_id = first + entry_count as u64;
        assert_eq!(done.expect("changes properties"), first..end_id);
        let durable = match durability {
            Durability::ByMode => self.setup.mode_of(&self.streams()[at].key) != SyncMode::Async,
            Durability::Written => false,
            Durability::Durable => true,
        };
        for bytes in entries {
            self.now(at).entries.push(Entry {
                bytes: bytes.into(),
                frame_end: end_id,
                span,
                durable,
            });
        }
        self.now(at).changes.push(MapChange {
            map,
            end_id,
            has_entries: entry_count > 0,
            span,
            durable,
        });
    }

    fn read(&mut self, at: usize) {
        let map: Map = self
            .wal()
            .properties(&self.streams()[at].key)
            .expect("reads")
            .into_iter()
            .collect();
        assert_eq!(map, self.streams()[at].latest().map());
        let model = self.streams()[at].latest();
        let (first, next) = (model.first_id(), model.next_id());
        let id = self.random.below(next + 2);
        let model = self.streams()[at].latest();
        let expected = (first..next)
            .contains(&id)
            .then(|| model.entries[id as usize].bytes.to_vec());
        let found = self.wal().get(&self.streams()[at].key, id).expect("reads");
        assert!(found == expected, "entry {id} differs");
    }
}

#[derive(Clone, Copy, Debug)]
enum How {
    Append,
    Batch,
    Txn,
}
