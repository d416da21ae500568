//! What are the last entries, and which are appended from now on?
//!
//! The log is opened read-only, so its writer is not disturbed. A follow looks again and again: for new streams, and
//! for new entries of those that it knows. It ends between two looks, on SIGINT or SIGTERM, or when nothing reads
//! standard output any more; what was printed is complete then.

use std::collections::BTreeMap;
use std::time::Duration;
use std::time::Instant;

use ironwal::CorruptionPolicy;
use ironwal::Error;
use ironwal::SyncMode;
use ironwal::View;
use ironwal::Wal;
use ironwal::WalIdIterator;
use ironwal::WalOptions;
use ironwal::tools::Interrupt;
use ironwal::tools::is_output_closed;

use super::arguments::Args;
use super::arguments::Format;
use super::failure::Failure;
use super::json_entries;
use super::output::Output;
use super::tail_event::TailEvent;
use super::watch::LONGEST_SLEEP;

const DEFAULT_INTERVAL: Duration = Duration::from_millis(100);

/// Prints the last entries and, if asked, those that follow. Returns whether a range could not be read.
pub fn tail(args: &Args, output: &mut Output) -> Result<bool, Failure> {
    let interrupt = args.follows.then(Interrupt::catch);
    let mut options = WalOptions::new(&args.directory);
    // Damage is reported where it is met; and written entries are shown, as by `dump`.
    options.on_corruption = CorruptionPolicy::Truncate;
    options.sync_mode = SyncMode::Async;
    let wal = Wal::open_read_only(options)?;
    let mut tail = Tail {
        args,
        output,
        wal,
        interrupt,
        streams: BTreeMap::new(),
        found_damage: false,
        failure: None,
    };
    if let Some(key) = &args.stream {
        if !tail.wal.streams()?.contains(key) {
            return Err(Error::StreamNotFound(key.clone()).into());
        }
    }
    let mut is_first = true;
    loop {
        tail.look(is_first)?;
        is_first = false;
        let goes_on = tail.output.flush() && tail.interrupt.is_some() && !tail.is_interrupted();
        if !goes_on || is_output_closed() {
            break;
        }
        let begun = Instant::now();
        let interval = args.interval.unwrap_or(DEFAULT_INTERVAL);
        let rest = || interval.saturating_sub(begun.elapsed());
        // In pieces: a signal does not end a sleep.
        while !tail.is_interrupted() && !rest().is_zero() {
            std::thread::sleep(rest().min(LONGEST_SLEEP));
        }
        if tail.is_interrupted() {
            break;
        }
    }
    let found_damage = tail.found_damage;
    match tail.failure {
        Some(error) => Err(error.into()),
        None => Ok(found_damage),
    }
}

struct Tail<'a> {
    args: &'a Args,
    output: &'a mut Output,
    wal: Wal,
    /// Of a follow.
    interrupt: Option<Interrupt>,
    /// The streams that are followed; `None`: it cannot be opened, which was noted.
    streams: BTreeMap<String, Option<WalIdIterator>>,
    found_damage: bool,
    /// The first stream that could not be opened.
    failure: Option<Error>,
}

impl Tail<'_> {
    fn is_interrupted(&self) -> bool {
        self.interrupt.is_some_and(Interrupt::is_raised)
    }

    /// Prints what is there now.
    fn look(&mut self, is_first: bool) -> Result<(), Error> {
        for key in self.wal.streams()? {
            let is_wanted = self
                .args
                .stream
                .as_ref()
                .is_none_or(|wanted| *wanted == key);
            if is_wanted && !self.streams.contains_key(&key) {
                let begun = match is_first {
                    true => self.last_entries(&key),
                    false => self.follow(&key, 0),
                };
                let begun = match begun {
                    Ok(entries) => Some(entries),
                    Err(error @ Error::Io(_)) => return Err(error),
                    Err(error) => {
                        self.failure.get_or_insert(error);
                        None
                    }
                };
                self.streams.insert(key, begun);
            }
        }
        let keys: Vec<String> = self.streams.keys().cloned().collect();
        for key in keys {
            if let Some(Some(entries)) = self.streams.remove(&key) {
                if let Some(entries) = self.print(&key, entries)? {
                    self.streams.insert(key, Some(entries));
                }
            } else {
                self.streams.insert(key, None);
            }
        }
        Ok(())
    }

    fn follow(&self, key: &str, start: u64) -> Result<WalIdIterator, Error> {
        let view = match self.args.durable {
            true => View::Durable,
            false => View::Written,
        };
        self.wal.stream(key)?.follow(start, view)
    }

    /// An iterator that begins so many entries before the end. Damage between them does not count.
    fn last_entries(&self, key: &str) -> Result<WalIdIterator, Error> {
        let stream = self.wal.stream(key)?;
        let end = match self.args.durable {
            true => stream.durable_end()?,
            false => stream.next_id()?,
        };
        let mut start = end;
        let mut left = self.args.lines;
        if left > 0 && end > 0 {
            let mut backwards = self.wal.iter_rev(key, Some(end - 1))?;
            while left > 0 {
                match backwards.next_entry() {
                    Some(Ok((id, _))) => {
                        start = id;
                        left -= 1;
                    }
                    Some(Err(error @ Error::Io(_))) => return Err(error),
                    Some(Err(_)) => {}
                    // All there are, damage before the first included.
                    None => {
                        start = 0;
                        left = 0;
                    }
                }
            }
        }
        self.follow(key, start)
    }

    /// Prints what the iterator shows now, and returns what goes on; `None`: the stream is gone.
    fn print(
        &mut self,
        key: &str,
        mut entries: WalIdIterator,
    ) -> Result<Option<WalIdIterator>, Error> {
        while self.output.is_open() && !self.is_interrupted() {
            match entries.next_entry() {
                None => break,
                Some(Ok((id, bytes))) => self.output_event(key, &TailEvent::Entry(id, bytes)),
                Some(Err(Error::SuffixCut { from_id })) => {
                    self.output_event(key, &TailEvent::Cut(from_id));
                    entries = self.follow(key, from_id)?;
                }
                Some(Err(Error::StreamNotFound(_))) => {
                    self.output_event(key, &TailEvent::Deleted);
                    return Ok(None);
                }
                Some(Err(error @ Error::Io(_))) => return Err(error),
                Some(Err(error)) => {
                    self.found_damage = true;
                    let ids = error.context().ids;
                    self.output_event(key, &TailEvent::Unreadable(ids, &error));
                }
            }
        }
        Ok(Some(entries))
    }

    fn output_event(&mut self, key: &str, event: &TailEvent<'_>) {
        match self.args.format {
            Format::Json => self.output.json(json_entries::tailed(key, event)),
            _ => self.output.tailed(key, event),
        }
    }
}
