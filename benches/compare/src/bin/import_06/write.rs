//! Which roots does the crate write for the comparison?

use std::path::Path;

use ironwal_06::CompressionType;
use ironwal_06::SyncMode;
use ironwal_06::Wal;
use ironwal_06::WalOptions;
use ironwal_06::sharded::ShardedWal;

use super::Failure;

/// A small generator of numbers (xorshift64*, Vigna 2014), so that a seed repeats its root.
pub struct Numbers(u64);

impl Numbers {
    pub fn new(seed: u64) -> Self {
        Numbers(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) % end
    }

    /// An entry: mostly short, some of it compressible, now and then a long one.
    fn entry(&mut self) -> Vec<u8> {
        let len = match self.below(12) {
            0 => 0,
            1 => self.below(30_000),
            _ => self.below(300),
        };
        let step = self.below(4);
        let first = self.below(256);
        (0..len)
            .map(|at| (first + at / 7 * step * at) as u8)
            .collect()
    }
}

/// Options by chance: every sync mode, LZ4 or not, small and large segments.
fn options(root: &Path, numbers: &mut Numbers) -> WalOptions {
    let mut options = WalOptions::new(root);
    let modes = [SyncMode::Strict, SyncMode::BatchOnly, SyncMode::Async];
    options.sync_mode = modes[numbers.below(3) as usize];
    options.max_segment_size = [200, 1_000, 20_000, 64 << 20][numbers.below(4) as usize];
    options.max_entries_per_segment = [3, 50, u64::MAX, u64::MAX][numbers.below(4) as usize];
    if numbers.below(2) == 0 {
        options.compression = CompressionType::Lz4;
        options.min_compression_size = [1, 100, 1024][numbers.below(3) as usize];
    }
    options.max_open_segments = [1, 2, 128][numbers.below(3) as usize];
    options
}

/// Writes a root, and returns its number of shards if it has any.
pub fn root_of(seed: u64, root: &Path) -> Result<Option<u16>, Failure> {
    let mut numbers = Numbers::new(seed);
    match numbers.below(3) {
        0 => sharded(root, &mut numbers).map(Some),
        _ => plain(root, &mut numbers).map(|()| None),
    }
}

fn plain(root: &Path, numbers: &mut Numbers) -> Result<(), Failure> {
    // Some roots are opened twice, with other options.
    for opened in 0..1 + numbers.below(2) {
        let wal = Wal::new(options(root, numbers))?;
        for _ in 0..numbers.below(400) {
            step(&wal, numbers, opened > 0)?;
        }
    }
    Ok(())
}

fn step(wal: &Wal, numbers: &mut Numbers, is_reopened: bool) -> Result<(), Failure> {
    // After an open the crate does not find the ids of a key that is no directory name: it gives them again.
    let other = if is_reopened { "user_7" } else { "user/7" };
    let stream = ["orders", "events-2", "a.b_c", other][numbers.below(4) as usize];
    match numbers.below(20) {
        0 => {
            let ids = wal.append_batch(stream, &[b"before a truncation"])?;
            wal.truncate(stream, ids.start.saturating_sub(numbers.below(100)))?;
        }
        1..6 => {
            let entries: Vec<Vec<u8>> = (0..1 + numbers.below(30))
                .map(|_| numbers.entry())
                .collect();
            let slices: Vec<&[u8]> = entries.iter().map(Vec::as_slice).collect();
            wal.append_batch(stream, &slices)?;
        }
        6 => {
            let mut transaction = wal.writer(stream);
            transaction.add(numbers.entry());
            transaction.add(numbers.entry());
            transaction.commit()?;
        }
        7 if numbers.below(8) == 0 => wal.delete_stream(stream)?,
        _ => {
            wal.append(stream, &numbers.entry())?;
        }
    }
    Ok(())
}

fn sharded(root: &Path, numbers: &mut Numbers) -> Result<u16, Failure> {
    let shards = 1 + numbers.below(12) as u16;
    let log = ShardedWal::new(options(root, numbers), shards)?;
    // A root without a checkpoint does not say how many shards it has.
    log.create_checkpoint(b"first")?;
    for _ in 0..numbers.below(300) {
        let key = format!("key-{}", numbers.below(40));
        match numbers.below(16) {
            0 => {
                log.flush_all()?;
                log.create_checkpoint(format!("c{}", numbers.below(6)).as_bytes())?;
            }
            1 => {
                let (id, _) = log.load_latest_checkpoint()?;
                log.prune_before_checkpoint(&id)?;
            }
            2 => {
                log.compact_checkpoints(1 + numbers.below(4) as usize)?;
            }
            3 | 4 => {
                let mut pairs = Vec::new();
                for _ in 0..numbers.below(20) {
                    let key = format!("key-{}", numbers.below(40));
                    pairs.push((key.into_bytes(), numbers.entry()));
                }
                log.append_batch(&pairs)?;
            }
            _ => {
                log.append(key.as_bytes(), &numbers.entry())?;
            }
        }
    }
    Ok(shards)
}

/// Appends until the process is killed. A line on standard output says that it has begun.
pub fn append_until_killed(root: &Path, seed: u64) -> Result<(), Failure> {
    let mut numbers = Numbers::new(seed);
    let wal = Wal::new(options(root, &mut numbers))?;
    wal.append("orders", b"first")?;
    println!("begun");
    loop {
        match numbers.below(3) {
            0 => {
                wal.append_batch("orders", &[&numbers.entry(), &numbers.entry()])?
                    .start
            }
            _ => wal.append("orders", &numbers.entry())?,
        };
    }
}
