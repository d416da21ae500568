//! Which options may one stream have of its own, and which hold for a stream?

use crate::error::Error;
use crate::error::Result;
use crate::options::BackgroundSync;
use crate::options::CommitPath;
use crate::options::CompressionType;
use crate::options::SyncMode;
use crate::options::WalOptions;
use crate::options::WriteStrategy;

/// Which streams of a log have options of their own. A key may hold any character, so a pattern has no syntax.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamPattern {
    /// The stream with this key.
    Exact(String),
    /// All streams whose keys begin with this text; with the empty one, all.
    Prefix(String),
}

impl StreamPattern {
    fn matches(&self, key: &str) -> bool {
        match self {
            StreamPattern::Exact(exact) => exact == key,
            StreamPattern::Prefix(prefix) => key.starts_with(prefix.as_str()),
        }
    }

    /// An exact key comes before all prefixes, a longer prefix before a shorter one.
    fn precedence(&self) -> (bool, usize) {
        match self {
            StreamPattern::Exact(exact) => (true, exact.len()),
            StreamPattern::Prefix(prefix) => (false, prefix.len()),
        }
    }
}

/// What holds for the streams of a pattern in place of the options of the log: see
/// [`WalOptions::for_streams`]. `None`: as the log has it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StreamOptions {
    /// [`WalOptions::sync_mode`].
    pub sync_mode: Option<SyncMode>,
    /// [`WalOptions::max_segment_size`].
    pub max_segment_size: Option<u64>,
    /// [`WalOptions::max_entries_per_segment`].
    pub max_entries_per_segment: Option<u64>,
    /// [`WalOptions::compression`].
    pub compression: Option<CompressionType>,
    /// [`WalOptions::min_compression_size`].
    pub min_compression_size: Option<usize>,
    /// [`WalOptions::write_strategy`].
    pub write_strategy: Option<WriteStrategy>,
    /// [`WalOptions::commit_path`].
    pub commit_path: Option<CommitPath>,
    /// [`WalOptions::background_sync`]; `Some(None)`: no background syncs.
    pub background_sync: Option<Option<BackgroundSync>>,
}

/// What holds for one stream as long as the log is open.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StreamSettings {
    pub sync_mode: SyncMode,
    pub write_strategy: WriteStrategy,
    pub commit_path: CommitPath,
    pub compression: CompressionType,
    #[cfg_attr(not(feature = "compression"), allow(dead_code))]
    pub min_compression_size: usize,
    pub max_segment_size: u64,
    pub max_entries_per_segment: u64,
    pub background_sync: Option<BackgroundSync>,
}

impl StreamSettings {
    /// Whether a single append is durable when it returns.
    #[inline]
    pub(crate) fn waits_for_single(&self) -> bool {
        self.sync_mode == SyncMode::Strict
    }

    /// Whether a batch is.
    #[inline]
    pub(crate) fn waits_for_batches(&self) -> bool {
        self.sync_mode != SyncMode::Async
    }
}

impl WalOptions {
    /// Gives the streams of a pattern options of their own, such as a chat that is `Async` in a log that is
    /// `Strict`. Of several patterns with a key, one holds, whole: the exact key, else the longest prefix.
    /// A pattern that is given again replaces the earlier one. The shards of a `ShardedWal` are streams
    /// too, and patterns hold for their keys.
    ///
    /// ```
    /// use ironwal::{StreamOptions, StreamPattern, SyncMode, WalOptions};
    ///
    /// let chat = StreamOptions { sync_mode: Some(SyncMode::Async), ..Default::default() };
    /// let options = WalOptions::new("./shop").for_streams(StreamPattern::Prefix("chat/".into()), chat);
    /// assert_eq!(options.sync_mode, SyncMode::Strict);
    /// ```
    pub fn for_streams(mut self, pattern: StreamPattern, options: StreamOptions) -> Self {
        self.set_for_streams(pattern, options);
        self
    }

    pub(crate) fn set_for_streams(&mut self, pattern: StreamPattern, options: StreamOptions) {
        self.stream_options
            .retain(|(earlier, _)| *earlier != pattern);
        self.stream_options.push((pattern, options));
    }

    /// What holds for the stream with this key. The only place that decides it.
    pub(crate) fn settings_of(&self, key: &str) -> StreamSettings {
        let matching = self.stream_options.iter();
        let matching = matching.filter(|(pattern, _)| pattern.matches(key));
        // The last of equals: the field may be set without `for_streams`.
        let own = matching.max_by_key(|(pattern, _)| pattern.precedence());
        let own = own.map_or_else(StreamOptions::default, |(_, own)| *own);
        StreamSettings {
            sync_mode: own.sync_mode.unwrap_or(self.sync_mode),
            write_strategy: own.write_strategy.unwrap_or(self.write_strategy),
            commit_path: own.commit_path.unwrap_or(self.commit_path),
            compression: own.compression.unwrap_or(self.compression),
            min_compression_size: own
                .min_compression_size
                .unwrap_or(self.min_compression_size),
            max_segment_size: own.max_segment_size.unwrap_or(self.max_segment_size),
            max_entries_per_segment: own
                .max_entries_per_segment
                .unwrap_or(self.max_entries_per_segment),
            background_sync: own.background_sync.unwrap_or(self.background_sync),
        }
    }

    /// The shortest interval of background syncs of any stream.
    pub(crate) fn shortest_sync_interval(&self) -> Option<std::time::Duration> {
        let own = self.stream_options.iter();
        let own = own.filter_map(|(_, own)| own.background_sync.flatten());
        let all = self.background_sync.into_iter().chain(own);
        all.map(|background| background.interval).min()
    }

    /// Checks the options of each pattern, and names the pattern that is refused.
    pub(super) fn check_stream_options(&self) -> Result<()> {
        for (pattern, own) in &self.stream_options {
            if let Some(what) = fault_of(pattern, own) {
                let message = format!("options of {pattern:?}: {what}; see StreamOptions");
                return Err(Error::Config(message));
            }
        }
        Ok(())
    }
}

fn fault_of(pattern: &StreamPattern, own: &StreamOptions) -> Option<&'static str> {
    let (StreamPattern::Exact(text) | StreamPattern::Prefix(text)) = pattern;
    let background = own.background_sync.flatten();
    if text.len() > 255 || text.contains('\0') || *pattern == StreamPattern::Exact(String::new()) {
        return Some("no stream can have such a key");
    }
    if own.max_segment_size == Some(0) {
        return Some("max_segment_size is 0, the minimum is 1");
    }
    if own.max_entries_per_segment == Some(0) {
        return Some("max_entries_per_segment is 0, the minimum is 1");
    }
    if background.is_some_and(|background| background.interval.is_zero()) {
        return Some("background_sync.interval is 0");
    }
    if background.is_some_and(|background| background.bytes == 0) {
        return Some("background_sync.bytes is 0, the minimum is 1");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_mode(sync_mode: SyncMode) -> StreamOptions {
        StreamOptions {
            sync_mode: Some(sync_mode),
            ..Default::default()
        }
    }

    #[test]
    fn an_exact_key_beats_a_prefix_and_the_longer_prefix_a_shorter_one() {
        let prefix = |text: &str| StreamPattern::Prefix(text.into());
        let options = WalOptions::new("log")
            .for_streams(
                StreamPattern::Exact("a/b".into()),
                of_mode(SyncMode::Strict),
            )
            .for_streams(prefix("a/"), of_mode(SyncMode::Strict))
            .for_streams(prefix("a/b"), of_mode(SyncMode::BatchOnly))
            .for_streams(prefix("a/"), of_mode(SyncMode::Async));
        for (key, mode) in [
            ("a/b", SyncMode::Strict),
            ("a/bc", SyncMode::BatchOnly),
            ("a/c", SyncMode::Async),
            ("a", SyncMode::Strict),
            ("b", SyncMode::Strict),
        ] {
            assert_eq!(options.settings_of(key).sync_mode, mode, "{key}");
        }
        assert_eq!(options.stream_options.len(), 3);
    }

    #[test]
    fn what_a_pattern_does_not_set_is_as_the_log_has_it() {
        let mut options = WalOptions::new("log");
        options.max_segment_size = 7;
        options.min_compression_size = 8;
        let own = StreamOptions {
            max_entries_per_segment: Some(3),
            background_sync: Some(None),
            ..Default::default()
        };
        let options = options.for_streams(StreamPattern::Exact("a".into()), own);
        let (a, b) = (options.settings_of("a"), options.settings_of("b"));
        assert_eq!((a.max_segment_size, b.max_segment_size), (7, 7));
        assert_eq!((a.min_compression_size, b.min_compression_size), (8, 8));
        assert_eq!(a.max_entries_per_segment, 3);
        assert_eq!(b.max_entries_per_segment, u64::MAX);
        assert_eq!(a.background_sync, None);
        assert_eq!(b.background_sync, Some(BackgroundSync::default()));
    }

    #[test]
    fn what_is_out_of_bounds_is_refused_with_its_pattern() {
        let background = |interval_ns, bytes| StreamOptions {
            background_sync: Some(Some(BackgroundSync {
                interval: std::time::Duration::from_nanos(interval_ns),
                bytes,
            })),
            ..Default::default()
        };
        let size = StreamOptions {
            max_segment_size: Some(0),
            ..Default::default()
        };
        let entries = StreamOptions {
            max_entries_per_segment: Some(0),
            ..Default::default()
        };
        for (text, own, named) in [
            ("chat", size, "max_segment_size"),
            ("chat", entries, "max_entries_per_segment"),
            ("chat", background(0, 1), "interval is 0"),
            ("chat", background(1, 0), "bytes is 0"),
            ("", StreamOptions::default(), "no stream"),
            ("a\0", StreamOptions::default(), "no stream"),
        ] {
            let pattern = StreamPattern::Exact(text.into());
            let options = WalOptions::new("log").for_streams(pattern.clone(), own);
            let error = options.check().unwrap_err().to_string();
            assert!(error.contains(named), "{error}");
            assert!(error.contains(&format!("{pattern:?}")), "{error}");
        }
        let all = StreamPattern::Prefix(String::new());
        let options = WalOptions::new("log").for_streams(all, of_mode(SyncMode::Async));
        assert!(options.check().is_ok());
        assert_eq!(options.settings_of("any").sync_mode, SyncMode::Async);
    }
}
