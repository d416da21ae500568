//! What is done to the log before it crashes: calls chosen by a seed, with the model kept beside.

use std::time::Duration;

use ironwal::BackgroundSync;
use ironwal::CompressionType;
use ironwal::ReadStrategy;
use ironwal::SyncMode;
use ironwal::Wal;
use ironwal::WalOptions;
use ironwal::WriteStrategy;
use ironwal::simulation::SimulatedDisk;

use crate::model::Cut;
use crate::model::Entry;
use crate::model::Span;
use crate::model::StreamModel;
use crate::random::Random;

/// A finished workload: the disk with its journal, and the model.
pub struct Workload {
    pub seed: u64,
    pub options: WalOptions,
    pub disk: SimulatedDisk,
    pub streams: Vec<StreamModel>,
}

/// How the log is opened, by seed.
pub fn options(seed: u64, sync_mode: SyncMode) -> WalOptions {
    let mut random = Random::new(seed ^ 0x0b71_0275);
    let mut options = WalOptions::new("/log");
    options.sync_mode = sync_mode;
    options.max_segment_size = random.pick(&[1, 150, 400, 1500, 6000, 2 << 20, u64::MAX]);
    options.max_entries_per_segment = random.pick(&[1, 3, 8, u64::MAX, u64::MAX]);
    options.max_open_segments = random.pick(&[1, 2, 128]);
    options.max_open_read_segments = random.pick(&[1, 2, 128]);
    options.write_buffer_size = random.pick(&[0, 100, 64 << 10]);
    options.read_buffer_size = random.pick(&[1, 700, 128 << 10]);
    options.block_cache_size = random.pick(&[None, Some(1 << 20)]);
    options.min_compression_size = random.pick(&[0, 200]);
    options.write_strategy = random.pick(&[
        WriteStrategy::Auto,
        WriteStrategy::StandardIo,
        WriteStrategy::Mmap,
        WriteStrategy::Mmap,
    ]);
    options.read_strategy = random.pick(&[ReadStrategy::StandardIo, ReadStrategy::Mmap]);
    #[cfg(feature = "compression")]
    {
        options.compression = random.pick(&[CompressionType::None, CompressionType::Lz4]);
    }
    #[cfg(not(feature = "compression"))]
    {
        options.compression = CompressionType::None;
    }
    options.archive_path = random
        .pick(&[None, Some("/archive")])
        .map(|path| path.into());
    let short = BackgroundSync {
        interval: Duration::from_micros(300),
        bytes: 600,
    };
    options.background_sync = random.pick(&[None, None, Some(short)]);
    options
}

/// Runs the workload of this seed on a fresh disk. Panics where the log disagrees with the model.
pub fn run(seed: u64, sync_mode: SyncMode) -> Workload {
    let disk = SimulatedDisk::new();
    let options = options(seed, sync_mode);
    let keys = ["a", "B/ü", "third"];
    let mut random = Random::new(seed);
    let count = 1 + random.below(3) as usize;
    let mut runner = Runner {
        wal: Some(Wal::open_simulated(&disk, options.clone()).expect("opens")),
        random,
        streams: keys[..count]
            .iter()
            .map(|key| StreamModel::new(key))
            .collect(),
        options,
        disk,
        likes_cuts: seed.is_multiple_of(3),
    };
    let steps = 15 + runner.random.below(30);
    for _ in 0..steps {
        runner.step();
    }
    if runner.random.one_in(2) {
        runner.close();
    }
    let Runner {
        wal,
        streams,
        options,
        disk,
        ..
    } = runner;
    // Not closed: dropping would sync. The journal is read first, so what follows does not count.
    let workload = Workload {
        seed,
        options,
        disk: disk.clone(),
        streams,
    };
    disk.kill();
    drop(wal);
    workload
}

struct Runner {
    wal: Option<Wal>,
    random: Random,
    streams: Vec<StreamModel>,
    options: WalOptions,
    disk: SimulatedDisk,
    /// Truncates, restores and deletes more than it appends.
    likes_cuts: bool,
}

impl Runner {
    fn step(&mut self) {
        let at = self.random.below(self.streams.len() as u64) as usize;
        let chosen = match self.random.one_in(2) && self.likes_cuts {
            true => 54 + self.random.below(15),
            false => self.random.below(100),
        };
        match chosen {
            0..34 => self.append(at, 1, How::Append),
            34..40 => self.append_together(at),
            40..54 => {
                let entries = 1 + self.random.below(5) as usize;
                let how = self.random.pick(&[How::Batch, How::Batch, How::Txn]);
                self.append(at, entries, how);
            }
            54..62 => self.truncate(at),
            62..66 => self.restore(at),
            66..69 => self.delete(at),
            69..79 => self.sync(at),
            79..81 => self.sync_all(),
            81..88 => {
                self.close();
                let wal = Wal::open_simulated(&self.disk, self.options.clone());
                self.wal = Some(wal.expect("reopens after a clean close"));
                self.note_durable();
            }
            _ => self.read(at),
        }
    }

    fn wal(&self) -> &Wal {
        self.wal.as_ref().expect("open")
    }

    fn during<R>(&self, call: impl FnOnce(&Wal) -> R) -> (R, Span) {
        let began = self.disk.op_count();
        let result = call(self.wal());
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
        let key = self.streams[at].key.clone();
        let first_id = self.wal().current_segment_start_id(&key).unwrap_or(0);
        let path = format!("/log/{key}/{first_id:020}.wal");
        let mut bytes = self.disk.contents(path).unwrap_or_default();
        bytes.truncate(1500 + self.random.below(1500) as usize);
        bytes
    }

    fn append(&mut self, at: usize, count: usize, how: How) {
        let entries: Vec<Vec<u8>> = (0..count).map(|_| self.payload(at)).collect();
        let key = self.streams[at].key.clone();
        let first = self.streams[at].latest().next_id();
        let (ids, span) = self.during(|wal| match how {
            How::Append => wal.append(&key, &entries[0]).map(|id| id..id + 1),
            How::Batch => {
                let slices: Vec<&[u8]> = entries.iter().map(|entry| &entry[..]).collect();
                wal.append_batch(&key, &slices)
            }
            How::Txn => {
                let mut txn = wal.writer(&key);
                entries.iter().for_each(|entry| txn.add(&entry[..]));
                txn.commit()
            }
        });
        let frame_end = first + count as u64;
        assert_eq!(ids.expect("appends"), first..frame_end, "{how:?}");
        let durable = match self.options.sync_mode {
            SyncMode::Strict => true,
            SyncMode::BatchOnly => !matches!(how, How::Append),
            SyncMode::Async => false,
        };
        for bytes in entries {
            let bytes = bytes.into();
            self.streams[at].now().entries.push(Entry {
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

    /// Several threads append to one stream, so that they share rounds of group commit.
    fn append_together(&mut self, at: usize) {
        let key = self.streams[at].key.clone();
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
        for (id, bytes, span) in appended {
            assert_eq!(id, self.streams[at].latest().next_id());
            self.streams[at].now().entries.push(Entry {
                bytes: bytes.into(),
                frame_end: id + 1,
                span,
                durable: self.options.sync_mode == SyncMode::Strict,
            });
        }
    }

    /// Whatever the log says is durable, is.
    fn note_durable(&mut self) {
        let wal = self.wal.as_ref().expect("open");
        for stream in &mut self.streams {
            if stream.latest().entries.is_empty() {
                continue;
            }
            let handle = wal.stream(&stream.key).expect("a handle");
            let end = handle.durable_end().expect("tells");
            let at = self.disk.op_count();
            assert!(end <= stream.latest().next_id());
            stream.now().durable.push((at, end));
        }
    }

    fn truncate(&mut self, at: usize) {
        let key = self.streams[at].key.clone();
        let (first, next) = (
            self.streams[at].latest().first_id(),
            self.streams[at].latest().next_id(),
        );
        if next == 0 {
            return;
        }
        let safe_id = first + self.random.below(next - first + 2);
        let (count, span) = self.during(|wal| wal.truncate(&key, safe_id));
        let count = count.expect("truncates");
        let first_id = self.first_id(at);
        assert!(first_id <= safe_id.max(first) && (first_id > first) == (count > 0));
        self.streams[at].now().cuts.push(Cut { first_id, span });
        self.streams[at]
            .now()
            .durable
            .push((span.returned, first_id));
    }

    fn restore(&mut self, at: usize) {
        let key = self.streams[at].key.clone();
        if self.streams[at].latest().next_id() == 0 {
            return;
        }
        let before = self.streams[at].latest().first_id();
        let (count, span) = self.during(|wal| wal.restore_archived(&key));
        let count = count.expect("restores");
        let first_id = self.first_id(at);
        // Everything a truncation of this stream took out is in the archive, if there is one.
        let expected = match self.options.archive_path {
            Some(_) => 0,
            None => before,
        };
        assert_eq!(first_id, expected, "{count} restored");
        self.streams[at].now().cuts.push(Cut { first_id, span });
    }

    fn first_id(&self, at: usize) -> u64 {
        let stream = self.wal().stream(&self.streams[at].key).expect("a handle");
        stream.first_id().expect("tells")
    }

    fn delete(&mut self, at: usize) {
        let key = self.streams[at].key.clone();
        let (deleted, span) = self.during(|wal| wal.delete_stream(&key));
        deleted.expect("deletes");
        let model = &mut self.streams[at];
        model.now().deleted = Some(span);
        model.incarnations.push(Default::default());
    }

    fn sync(&mut self, at: usize) {
        let key = self.streams[at].key.clone();
        let next = self.streams[at].latest().next_id();
        if next == 0 {
            return;
        }
        let (synced, span) = self.during(|wal| wal.sync(&key));
        synced.expect("syncs");
        self.streams[at].now().durable.push((span.returned, next));
    }

    fn sync_all(&mut self) {
        let (synced, span) = self.during(Wal::sync_all);
        synced.expect("syncs");
        self.all_durable(span.returned);
    }

    fn close(&mut self) {
        let wal = self.wal.take().expect("open");
        if self.random.one_in(3) {
            drop(wal);
        } else {
            wal.close().expect("closes");
        }
        let at = self.disk.op_count();
        self.all_durable(at);
    }

    fn all_durable(&mut self, at: u64) {
        for stream in &mut self.streams {
            let next = stream.latest().next_id();
            stream.now().durable.push((at, next));
        }
    }

    fn read(&mut self, at: usize) {
        let model = self.streams[at].latest();
        let (first, next) = (model.first_id(), model.next_id());
        let id = self.random.below(next + 2);
        let model = self.streams[at].latest();
        let expected = (first..next)
            .contains(&id)
            .then(|| model.entries[id as usize].bytes.to_vec());
        let found = self.wal().get(&self.streams[at].key, id).expect("reads");
        assert!(found == expected, "entry {id} differs");
    }
}

#[derive(Clone, Copy, Debug)]
enum How {
    Append,
    Batch,
    Txn,
}
