//! How does okaywal 0.3 take part?
//!
//! Every commit is durable, so it does the Strict works only. Its files are filled with zeros
//! when they are made; they are 64 MiB here as ours are (8 MiB where there are many logs), and
//! where a work asks for small segments, its default: 1 MiB, checkpointed at three quarters.

use okaywal::Configuration;
use okaywal::LogVoid;
use okaywal::WriteAheadLog;

use crate::log::Appender;
use crate::log::Contender;
use crate::log::Failure;
use crate::log::Kind;
use crate::log::Log;
use crate::log::Mode;
use crate::log::Setup;

pub const CONTENDERS: &[Contender] = &[
    row("okaywal", &["W3", "W4"], |setup| open(setup, 1)),
    row("okaywal, one shared log", &["W5"], |setup| open(setup, 1)),
    row("okaywal, a log per stream", &["W5"], |setup| {
        open(setup, setup.streams)
    }),
];

const fn row(
    name: &'static str,
    works: &'static [&'static str],
    open: fn(&Setup) -> Result<Box<dyn Log>, Failure>,
) -> Contender {
    Contender {
        name,
        kind: Kind::Peer,
        works,
        async_means: "disk",
        strict_means: "disk",
        open,
    }
}

struct Logs(Vec<WriteAheadLog>);

fn open(setup: &Setup, count: usize) -> Result<Box<dyn Log>, Failure> {
    if setup.mode == Mode::Async {
        return Err("every commit waits for the disk".into());
    }
    if count > 64 {
        return Err("so many logs of 8 MiB each do not fit".into());
    }
    let bytes = match (setup.segment_bytes, count) {
        (Some(bytes), _) => u32::try_from(bytes)?,
        (None, 1) => 64 << 20,
        (None, _) => 8 << 20,
    };
    let logs = (0..count).map(|n| {
        Configuration::default_for(setup.dir.join(format!("log{n}")))
            .preallocate_bytes(bytes)
            .checkpoint_after_bytes(u64::from(bytes) / 4 * 3)
            .open(LogVoid)
    });
    Ok(Box::new(Logs(logs.collect::<Result<_, _>>()?)))
}

impl Log for Logs {
    fn appender(&self, stream: usize) -> Result<Box<dyn Appender + '_>, Failure> {
        Ok(Box::new(Committer(&self.0[stream % self.0.len()])))
    }
}

struct Committer<'a>(&'a WriteAheadLog);

impl Appender for Committer<'_> {
    fn append(&mut self, entry: &[u8]) -> Result<(), Failure> {
        self.append_batch(&[entry])
    }

    fn append_batch(&mut self, entries: &[&[u8]]) -> Result<(), Failure> {
        let mut writer = self.0.begin_entry()?;
        for entry in entries {
            writer.write_chunk(entry)?;
        }
        writer.commit()?;
        Ok(())
    }

    fn sync(&mut self) -> Result<(), Failure> {
        Ok(())
    }
}
