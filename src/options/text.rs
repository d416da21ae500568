//! How are options read from text, such as a variable of the environment or a line of a configuration?

use std::time::Duration;

use crate::error::Error;
use crate::error::Result;
use crate::options::BackgroundSync;
use crate::options::CommitPath;
use crate::options::CompressionType;
use crate::options::CorruptionPolicy;
use crate::options::ReadStrategy;
use crate::options::StreamOptions;
use crate::options::SyncMode;
use crate::options::WalOptions;
use crate::options::WriteStrategy;
use crate::retention::Retention;

impl WalOptions {
    /// Changes the options that the text names, as `name=value` with `;` or line breaks between them. Spaces
    /// around names and values do not count; a name that comes twice gets its last value. Everything is
    /// checked first: an error ([`Error::Config`]) changes nothing.
    ///
    /// The names are those of the fields, and `retention_max_bytes`, `retention_max_age`,
    /// `retention_keep_cursors`. Numbers of bytes take `K`, `M`, `G` or `T` (powers of 1024), times need one of
    /// `ns`, `us`, `ms`, `s`, `min`, `h`, `d`. `background_sync` is `INTERVAL,BYTES` or `none`. Neither the
    /// directory of the log nor a path with `;` in it can be given.
    ///
    /// ```
    /// use ironwal::{SyncMode, WalOptions};
    ///
    /// let mut options = WalOptions::new("./orders");
    /// options.apply("sync_mode=async; max_segment_size=64M; background_sync=5ms,1M")?;
    /// if let Ok(text) = std::env::var("ORDERS_LOG") {
    ///     options.apply(&text)?;
    /// }
    /// assert_eq!(options.sync_mode, SyncMode::Async);
    /// # Ok::<(), ironwal::Error>(())
    /// ```
    pub fn apply(&mut self, text: &str) -> Result<()> {
        let mut changed = self.clone();
        for_each_assignment(text, |name, value| changed.assign(name, value))?;
        changed.check()?;
        *self = changed;
        Ok(())
    }

    fn assign(&mut self, name: &str, value: &str) -> Result<()> {
        let given = Given { name, value };
        match name {
            "max_segment_size" => self.max_segment_size = given.bytes()?,
            "max_entries_per_segment" => self.max_entries_per_segment = given.number()?,
            "max_open_segments" => self.max_open_segments = given.size()?,
            "max_open_read_segments" => self.max_open_read_segments = given.size()?,
            "write_buffer_size" => self.write_buffer_size = given.size()?,
            "read_buffer_size" => self.read_buffer_size = given.size()?,
            "block_cache_size" => {
                self.block_cache_size = given.bytes_or_none()?.filter(|bytes| *bytes > 0);
            }
            "min_compression_size" => self.min_compression_size = given.size()?,
            "sync_mode" => {
                self.sync_mode = given.one_of(&[
                    ("strict", SyncMode::Strict),
                    ("batch_only", SyncMode::BatchOnly),
                    ("async", SyncMode::Async),
                ])?;
            }
            "compression" => {
                self.compression = given.one_of(&[
                    ("none", CompressionType::None),
                    #[cfg(feature = "compression")]
                    ("lz4", CompressionType::Lz4),
                ])?;
            }
            "read_strategy" => {
                self.read_strategy = given.one_of(&[
                    ("standard_io", ReadStrategy::StandardIo),
                    ("mmap", ReadStrategy::Mmap),
                ])?;
            }
            "write_strategy" => {
                self.write_strategy = given.one_of(&[
                    ("auto", WriteStrategy::Auto),
                    ("standard_io", WriteStrategy::StandardIo),
                    ("mmap", WriteStrategy::Mmap),
                ])?;
            }
            "commit_path" => {
                self.commit_path = given.one_of(&[
                    ("auto", CommitPath::Auto),
                    ("in_place", CommitPath::InPlace),
                    ("journal", CommitPath::Journal),
                ])?;
            }
            "journal_size" => self.journal_size = given.bytes()?,
            "on_corruption" => {
                self.on_corruption = given.one_of(&[
                    ("truncate", CorruptionPolicy::Truncate),
                    ("error", CorruptionPolicy::Error),
                ])?;
            }
            "archive_path" => {
                self.archive_path = (!value.is_empty()).then(|| value.into());
            }
            "background_sync" => self.background_sync = given.background_sync()?,
            "sync_threads" => self.sync_threads = given.size()?,
            "latencies" => self.latencies = given.one_of(&FLAGS)?,
            "retention_max_bytes" => {
                let bytes = given.bytes_or_none()?;
                self.retain(|retention| retention.max_bytes = bytes);
            }
            "retention_max_age" => {
                let age = match value {
                    "none" => None,
                    _ => Some(given.time(value)?),
                };
                self.retain(|retention| retention.max_age = age);
            }
            "retention_keep_cursors" => {
                let keep = given.one_of(&FLAGS)?;
                self.retain(|retention| retention.keep_cursors = keep);
            }
            _ => return refuse(name, "is no option"),
        }
        Ok(())
    }

    /// Changes the retention; one without a limit and without cursors to keep is none.
    fn retain(&mut self, change: impl FnOnce(&mut Retention)) {
        let mut retention = self.retention.unwrap_or_default();
        change(&mut retention);
        self.retention = (retention != Retention::default()).then_some(retention);
    }
}

impl StreamOptions {
    /// Changes the options that the text names, in the form of [`WalOptions::apply`]. A name that only a log
    /// has is refused ([`Error::Config`]), and so is what is out of bounds; nothing has changed then.
    ///
    /// ```
    /// use ironwal::{StreamOptions, SyncMode};
    ///
    /// let mut chat = StreamOptions::default();
    /// chat.apply("sync_mode=async; max_segment_size=256M")?;
    /// assert_eq!(chat.sync_mode, Some(SyncMode::Async));
    /// assert!(chat.apply("sync_threads=2").is_err());
    /// # Ok::<(), ironwal::Error>(())
    /// ```
    pub fn apply(&mut self, text: &str) -> Result<()> {
        let mut changed = *self;
        let mut given = WalOptions::default();
        for_each_assignment(text, |name, value| {
            if !NAMES_OF_STREAMS.contains(&name) {
                return refuse(name, "is no option of a stream");
            }
            given.assign(name, value)?;
            match name {
                "sync_mode" => changed.sync_mode = Some(given.sync_mode),
                "max_segment_size" => changed.max_segment_size = Some(given.max_segment_size),
                "max_entries_per_segment" => {
                    changed.max_entries_per_segment = Some(given.max_entries_per_segment);
                }
                "compression" => changed.compression = Some(given.compression),
                "min_compression_size" => {
                    changed.min_compression_size = Some(given.min_compression_size);
                }
                "write_strategy" => changed.write_strategy = Some(given.write_strategy),
                "commit_path" => changed.commit_path = Some(given.commit_path),
                _ => changed.background_sync = Some(given.background_sync),
            }
            Ok(())
        })?;
        given.check()?;
        *self = changed;
        Ok(())
    }
}

const NAMES_OF_STREAMS: [&str; 8] = [
    "sync_mode",
    "max_segment_size",
    "max_entries_per_segment",
    "compression",
    "min_compression_size",
    "write_strategy",
    "commit_path",
    "background_sync",
];

fn for_each_assignment(text: &str, mut assign: impl FnMut(&str, &str) -> Result<()>) -> Result<()> {
    for assignment in text.split([';', '\n']) {
        let assignment = assignment.trim();
        if assignment.is_empty() {
            continue;
        }
        let Some((name, value)) = assignment.split_once('=') else {
            return refuse(assignment, "is not of the form name=value");
        };
        assign(name.trim(), value.trim())?;
    }
    Ok(())
}

const FLAGS: [(&str, bool); 2] = [("true", true), ("false", false)];

/// One assignment.
struct Given<'a> {
    name: &'a str,
    value: &'a str,
}

impl Given<'_> {
    fn wrong<T>(&self, expected: &str) -> Result<T> {
        let Given { name, value } = self;
        refuse(name, &format!("is {expected}, not \"{value}\""))
    }

    fn number(&self) -> Result<u64> {
        match self.value.parse() {
            Ok(number) => Ok(number),
            Err(_) => self.wrong("a whole number"),
        }
    }

    fn bytes(&self) -> Result<u64> {
        self.bytes_in(self.value)
    }

    fn bytes_in(&self, text: &str) -> Result<u64> {
        let shift = match text.bytes().last() {
            Some(b'K') => 10,
            Some(b'M') => 20,
            Some(b'G') => 30,
            Some(b'T') => 40,
            _ => 0,
        };
        let digits = if shift > 0 {
            &text[..text.len() - 1]
        } else {
            text
        };
        let bytes = digits.parse::<u64>().ok();
        match bytes.and_then(|bytes| bytes.checked_mul(1 << shift)) {
            Some(bytes) => Ok(bytes),
            None => self.wrong("a number of bytes, such as 4096 or 64M"),
        }
    }

    fn bytes_or_none(&self) -> Result<Option<u64>> {
        match self.value {
            "none" => Ok(None),
            _ => self.bytes().map(Some),
        }
    }

    fn size(&self) -> Result<usize> {
        match usize::try_from(self.bytes()?) {
            Ok(size) => Ok(size),
            Err(_) => self.wrong("at most as large as an address"),
        }
    }

    fn time(&self, text: &str) -> Result<Duration> {
        let text = text.trim();
        let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
        let nanoseconds = match &text[digits.len()..] {
            "ns" => Some(1),
            "us" => Some(1_000),
            "ms" => Some(1_000_000),
            "s" => Some(1_000_000_000),
            "min" => Some(60_000_000_000),
            "h" => Some(3_600_000_000_000),
            "d" => Some(86_400_000_000_000),
            _ => None,
        };
        let count = digits.trim_end().parse::<u64>().ok();
        match count
            .zip(nanoseconds)
            .and_then(|(count, unit)| count.checked_mul(unit))
        {
            Some(nanoseconds) => Ok(Duration::from_nanos(nanoseconds)),
            None => self.wrong("a time with its unit, such as 500ms or 7d"),
        }
    }

    fn background_sync(&self) -> Result<Option<BackgroundSync>> {
        if self.value == "none" {
            return Ok(None);
        }
        match self.value.split_once(',') {
            Some((interval, bytes)) => Ok(Some(BackgroundSync {
                interval: self.time(interval)?,
                bytes: self.bytes_in(bytes.trim())?,
            })),
            None => self.wrong("none, or a time and a number of bytes, such as 500ms,16M"),
        }
    }

    fn one_of<T: Copy>(&self, values: &[(&str, T)]) -> Result<T> {
        match values.iter().find(|(name, _)| *name == self.value) {
            Some((_, value)) => Ok(*value),
            None => {
                let names: Vec<&str> = values.iter().map(|(name, _)| *name).collect();
                self.wrong(&format!("one of {}", names.join(", ")))
            }
        }
    }
}

fn refuse<T>(what: &str, why: &str) -> Result<T> {
    Err(Error::Config(format!("{what} {why}; see WalOptions")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(text: &str) -> Result<WalOptions> {
        let mut options = WalOptions::new("log");
        options.apply(text).map(|()| options)
    }

    #[test]
    fn every_option_is_read() {
        let options = applied(
            "max_segment_size=64K;max_entries_per_segment = 7\nmax_open_segments=3; max_open_read_segments=4;\
             write_buffer_size=0;read_buffer_size=1M;block_cache_size=2G;min_compression_size=9;;\
             sync_mode=batch_only;read_strategy=mmap;write_strategy=standard_io;on_corruption=error;\
             commit_path=journal;journal_size=2M;\
             archive_path=/tmp/a=b ;background_sync=5 ms , 1M;sync_threads=2;latencies=true;\
             retention_max_bytes=1T;retention_max_age=7d;retention_keep_cursors=true",
        )
        .unwrap();
        assert_eq!(options.max_segment_size, 64 << 10);
        assert_eq!(options.max_entries_per_segment, 7);
        assert_eq!(
            (options.max_open_segments, options.max_open_read_segments),
            (3, 4)
        );
        assert_eq!(
            (options.write_buffer_size, options.read_buffer_size),
            (0, 1 << 20)
        );
        assert_eq!(options.block_cache_size, Some(2 << 30));
        assert_eq!(options.min_compression_size, 9);
        assert_eq!(options.sync_mode, SyncMode::BatchOnly);
        assert_eq!(options.read_strategy, ReadStrategy::Mmap);
        assert_eq!(options.write_strategy, WriteStrategy::StandardIo);
        assert_eq!(options.on_corruption, CorruptionPolicy::Error);
        assert_eq!(
            (options.commit_path, options.journal_size),
            (CommitPath::Journal, 2 << 20)
        );
        assert_eq!(options.archive_path, Some("/tmp/a=b".into()));
        let background = BackgroundSync {
            interval: Duration::from_millis(5),
            bytes: 1 << 20,
        };
        assert_eq!(options.background_sync, Some(background));
        assert_eq!(options.sync_threads, 2);
        assert!(options.latencies);
        let retention = Retention::new()
            .with_max_bytes(1 << 40)
            .with_max_age(Duration::from_secs(7 * 86400))
            .keeping_cursors();
        assert_eq!(options.retention, Some(retention));

        let mut options = options;
        let none = "background_sync=none;block_cache_size=none;archive_path=;latencies=false;\
                    retention_max_bytes=none;retention_max_age=none;retention_keep_cursors=false";
        options.apply(none).unwrap();
        for (text, path) in [
            ("auto", CommitPath::Auto),
            ("in_place", CommitPath::InPlace),
        ] {
            options.apply(&format!("commit_path={text}")).unwrap();
            assert_eq!(options.commit_path, path);
        }
        assert_eq!((options.background_sync, options.retention), (None, None));
        assert_eq!(
            (options.block_cache_size, options.archive_path),
            (None, None)
        );
        assert!(!options.latencies);
    }

    #[test]
    fn what_is_wrong_is_named_and_changes_nothing() {
        for (text, named) in [
            ("sync_mode", "not of the form name=value"),
            ("sync_mod=async", "sync_mod is no option"),
            ("root_path=x", "root_path is no option"),
            (
                "sync_mode=Async",
                "one of strict, batch_only, async, not \"Async\"",
            ),
            (
                "commit_path=mmap",
                "one of auto, in_place, journal, not \"mmap\"",
            ),
            ("journal_size=255K", "outside 256 KiB..=1 GiB"),
            ("journal_size=1025M", "outside 256 KiB..=1 GiB"),
            ("max_segment_size=64MB", "a number of bytes"),
            ("max_segment_size=-1", "a number of bytes"),
            ("max_segment_size=M", "a number of bytes"),
            ("max_segment_size=99999999T", "a number of bytes"),
            ("max_segment_size=0", "the minimum is 1"),
            ("max_entries_per_segment=1K", "a whole number"),
            ("background_sync=1s", "a time and a number of bytes"),
            ("background_sync=1,1M", "a time with its unit"),
            ("background_sync=0s,1M", "interval is 0"),
            ("background_sync=999999999999d,1M", "a time with its unit"),
            ("retention_keep_cursors=true", "no limit"),
            ("latencies=1", "one of true, false"),
            ("sync_mode=async;sync_threads=65", "1..=64"),
            ("max_segment_size=é", "a number of bytes"),
        ] {
            let mut options = WalOptions::new("log");
            let error = options.apply(text).unwrap_err();
            assert!(error.to_string().contains(named), "{text}: {error}");
            assert_eq!(
                format!("{options:?}"),
                format!("{:?}", WalOptions::new("log")),
                "{text}"
            );
        }
        assert_eq!(
            applied("sync_mode=async;sync_mode=strict")
                .unwrap()
                .sync_mode,
            SyncMode::Strict
        );
        assert!(applied(" ;\n; ").is_ok());
    }

    #[test]
    fn options_of_a_stream_are_read_and_those_of_a_log_refused() {
        let mut own = StreamOptions::default();
        own.apply(
            "sync_mode=batch_only;max_segment_size=1M;max_entries_per_segment=7;compression=none;\
             min_compression_size=9;write_strategy=mmap;commit_path=journal;background_sync=none",
        )
        .unwrap();
        let all = StreamOptions {
            sync_mode: Some(SyncMode::BatchOnly),
            max_segment_size: Some(1 << 20),
            max_entries_per_segment: Some(7),
            compression: Some(CompressionType::None),
            min_compression_size: Some(9),
            write_strategy: Some(WriteStrategy::Mmap),
            commit_path: Some(CommitPath::Journal),
            background_sync: Some(None),
        };
        assert_eq!(own, all);
        for (text, named) in [
            ("sync_threads=2", "sync_threads is no option of a stream"),
            ("sync_mode=strict;root_path=x", "root_path is no option"),
            ("max_segment_size=0", "the minimum is 1"),
            ("sync_mode=fast", "one of strict"),
        ] {
            let error = own.apply(text).unwrap_err().to_string();
            assert!(error.contains(named), "{error}");
            assert_eq!(own, all, "{text}");
        }
    }
}
