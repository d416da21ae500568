//! Interim: the operations of ironwal that the store needs and that are still being built, kept in
//! memory and in one file of operations. To be removed as soon as the real ones are there.
#![allow(missing_docs, clippy::type_complexity)]

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::collections::VecDeque;
use std::fs::File;
use std::io::Read;
use std::io::Write;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Condvar;
use std::sync::Mutex;
use std::task::Poll;

use serde::Deserialize;
use serde::Serialize;

pub use ironwal::BackgroundSync;
pub use ironwal::CorruptionPolicy;
pub use ironwal::SyncMode;
pub use ironwal::WalOptions;

#[derive(Debug)]
pub enum Error {
    Io(std::io::Error),
    Config(String),
    Corruption(String),
    CrcMismatch {},
    TooLarge {},
    SequenceMismatch { expected: u64, found: u64 },
    SuffixCut { from_id: u64 },
    SegmentNotFound(u64),
}
impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self:?}")
    }
}
impl std::error::Error for Error {}
pub type Result<T> = std::result::Result<T, Error>;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    #[default]
    ByMode,
    Written,
    Durable,
}
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark(u64);
#[derive(Debug, Clone, Copy, Default)]
pub struct Append<'a> {
    pub entries: &'a [&'a [u8]],
    pub expected_id: Option<u64>,
    pub properties: &'a [(&'a [u8], Option<&'a [u8]>)],
    pub durability: Durability,
}
#[derive(Debug)]
pub struct Appended {
    pub ids: Range<u64>,
    pub mark: Mark,
}

#[derive(Clone)]
pub struct Wal {
    root: PathBuf,
    streams: Arc<Mutex<HashMap<String, Stream>>>,
}
impl Wal {
    pub fn new(options: WalOptions) -> Result<Self> {
        std::fs::create_dir_all(&options.root_path).map_err(Error::Io)?;
        Ok(Wal {
            root: options.root_path,
            streams: Arc::default(),
        })
    }
    pub fn stream(&self, name: &str) -> Result<Stream> {
        let mut streams = self.streams.lock().unwrap();
        if let Some(stream) = streams.get(name) {
            return Ok(stream.clone());
        }
        let stream = Stream::open(self.root.join(name))?;
        streams.insert(name.to_owned(), stream.clone());
        Ok(stream)
    }
    pub fn close(self) -> Result<()> {
        self.streams.lock().unwrap().clear();
        Ok(())
    }
}

#[derive(Serialize, Deserialize)]
enum Op {
    Frame(Vec<Vec<u8>>, Vec<(Vec<u8>, Option<Vec<u8>>)>),
    Cut(u64),
    Prefix(u64),
    Reset(u64),
}
type Callback = Box<dyn FnOnce(Result<()>) + Send>;
#[derive(Default)]
struct State {
    first: u64,
    entries: VecDeque<Vec<u8>>,
    properties: BTreeMap<Vec<u8>, Vec<u8>>,
    cuts: Vec<u64>,
    position: u64,
    durable: u64,
    waiting: Vec<(u64, Callback)>,
    closed: bool,
}
impl State {
    fn next(&self) -> u64 {
        self.first + self.entries.len() as u64
    }
    fn apply(&mut self, op: Op) {
        self.position += 1;
        match op {
            Op::Frame(entries, properties) => {
                self.entries.extend(entries);
                for (key, value) in properties {
                    match value {
                        Some(value) => self.properties.insert(key, value),
                        None => self.properties.remove(&key),
                    };
                }
            }
            Op::Cut(from) => {
                self.entries.truncate((from - self.first) as usize);
                self.cuts.push(from);
            }
            Op::Prefix(first) => {
                self.entries.drain(..(first - self.first) as usize);
                self.first = first;
            }
            Op::Reset(next) => {
                self.cuts.push(0);
                self.entries.clear();
                self.first = next;
            }
        }
    }
}
struct Inner {
    state: Mutex<State>,
    work: Condvar,
    file: File,
}
struct Owner(Arc<Inner>);
impl Drop for Owner {
    fn drop(&mut self) {
        self.0.state.lock().unwrap().closed = true;
        self.0.work.notify_all();
    }
}
#[derive(Clone)]
pub struct Stream {
    inner: Arc<Inner>,
    _owner: Arc<Owner>,
}
impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Stream")
    }
}
pub struct Ticket;

impl Stream {
    fn open(path: PathBuf) -> Result<Self> {
        let open = || {
            let mut options = File::options();
            options.create(true).append(true).read(true).open(&path)
        };
        let mut file = open().map_err(Error::Io)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(Error::Io)?;
        let mut state = State::default();
        let mut rest = &bytes[..];
        let mut good = 0;
        while let Some((len, tail)) = rest.split_first_chunk::<8>() {
            let len = u64::from_le_bytes(*len) as usize;
            let Some(op) = tail.get(..len) else { break };
            state.apply(postcard::from_bytes(op).unwrap());
            rest = &tail[len..];
            good += 8 + len as u64;
        }
        file.set_len(good).map_err(Error::Io)?;
        let inner = Arc::new(Inner {
            state: Mutex::new(state),
            work: Condvar::new(),
            file,
        });
        let worker = inner.clone();
        std::thread::spawn(move || worker.run());
        Ok(Stream {
            _owner: Arc::new(Owner(inner.clone())),
            inner,
        })
    }
    fn write(&self, state: &mut State, ops: Vec<Op>) -> Result<Mark> {
        let mut bytes = Vec::new();
        for op in &ops {
            let op = postcard::to_stdvec(op).unwrap();
            bytes.extend((op.len() as u64).to_le_bytes());
            bytes.extend(op);
        }
        (&self.inner.file).write_all(&bytes).map_err(Error::Io)?;
        ops.into_iter().for_each(|op| state.apply(op));
        Ok(Mark(state.position))
    }
    fn frame(append: &Append<'_>) -> Op {
        Op::Frame(
            append.entries.iter().map(|entry| entry.to_vec()).collect(),
            append
                .properties
                .iter()
                .map(|(key, value)| (key.to_vec(), value.map(<[u8]>::to_vec)))
                .collect(),
        )
    }
    pub fn append_with(&self, append: &Append<'_>) -> Result<Appended> {
        let mut state = self.inner.state.lock().unwrap();
        let found = state.next();
        if let Some(expected) = append.expected_id.filter(|&expected| expected != found) {
            return Err(Error::SequenceMismatch { expected, found });
        }
        let mark = self.write(&mut state, vec![Self::frame(append)])?;
        Ok(Appended {
            ids: found..state.next(),
            mark,
        })
    }
    pub fn set_properties(
        &self,
        properties: &[(&[u8], Option<&[u8]>)],
        durability: Durability,
    ) -> Result<Mark> {
        let append = Append {
            properties,
            ..Append::default()
        };
        let mark = self.append_with(&append)?.mark;
        if durability == Durability::Durable {
            self.sync()?;
        }
        Ok(mark)
    }
    pub fn property(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        Ok(self
            .inner
            .state
            .lock()
            .unwrap()
            .properties
            .get(key)
            .cloned())
    }
    fn sync(&self) -> Result<()> {
        let mark = Mark(self.inner.state.lock().unwrap().position);
        let (tx, rx) = std::sync::mpsc::channel();
        self.on_durable(mark, move |result| drop(tx.send(result)))?;
        rx.recv().unwrap()
    }
    pub fn truncate_suffix(&self, from: u64) -> Result<u64> {
        let cut = {
            let mut state = self.inner.state.lock().unwrap();
            let cut = state.next() - from;
            self.write(&mut state, vec![Op::Cut(from)])?;
            cut
        };
        self.sync()?;
        Ok(cut)
    }
    pub fn truncate_prefix(&self, first: u64) -> Result<usize> {
        {
            let mut state = self.inner.state.lock().unwrap();
            self.write(&mut state, vec![Op::Prefix(first)])?;
        }
        self.sync()?;
        Ok(0)
    }
    pub fn reset(&self, next: u64, append: &Append<'_>) -> Result<Appended> {
        let appended = {
            let mut state = self.inner.state.lock().unwrap();
            let mark = self.write(&mut state, vec![Op::Reset(next), Self::frame(append)])?;
            Appended {
                ids: next..state.next(),
                mark,
            }
        };
        self.sync()?;
        Ok(appended)
    }
    pub fn first_id(&self) -> Result<u64> {
        Ok(self.inner.state.lock().unwrap().first)
    }
    pub fn next_id(&self) -> Result<u64> {
        Ok(self.inner.state.lock().unwrap().next())
    }
    pub fn get(&self, id: u64) -> Result<Option<Vec<u8>>> {
        let state = self.inner.state.lock().unwrap();
        let at = id.checked_sub(state.first);
        Ok(at.and_then(|at| state.entries.get(at as usize).cloned()))
    }
    pub fn on_durable(
        &self,
        mark: Mark,
        then: impl FnOnce(Result<()>) + Send + 'static,
    ) -> Result<Ticket> {
        let mut state = self.inner.state.lock().unwrap();
        state.waiting.push((mark.0, Box::new(then)));
        self.inner.work.notify_all();
        Ok(Ticket)
    }
    pub fn durable(&self, mark: Mark) -> impl Future<Output = Result<()>> + Send + 'static {
        let stream = self.clone();
        let cell: Arc<Mutex<(Option<Result<()>>, Option<std::task::Waker>)>> = Arc::default();
        let mut registered = false;
        std::future::poll_fn(move |context| {
            if !registered {
                registered = true;
                let cell = cell.clone();
                stream.on_durable(mark, move |result| {
                    let mut cell = cell.lock().unwrap();
                    cell.0 = Some(result);
                    if let Some(waker) = cell.1.take() {
                        waker.wake();
                    }
                })?;
            }
            let mut cell = cell.lock().unwrap();
            match cell.0.take() {
                Some(result) => Poll::Ready(result),
                None => {
                    cell.1 = Some(context.waker().clone());
                    Poll::Pending
                }
            }
        })
    }
    pub fn iter_with_ids(&self, start: u64) -> Result<Iter> {
        let state = self.inner.state.lock().unwrap();
        Ok(Iter {
            next: start.max(state.first),
            cuts: state.cuts.len(),
            stream: self.clone(),
            bytes: Vec::new(),
        })
    }
}
pub struct Iter {
    stream: Stream,
    next: u64,
    cuts: usize,
    bytes: Vec<u8>,
}
impl Iter {
    pub fn next_entry(&mut self) -> Option<Result<(u64, &[u8])>> {
        {
            let state = self.stream.inner.state.lock().unwrap();
            let lowest = state.cuts[self.cuts..].iter().min();
            if let Some(&from_id) = lowest.filter(|&&from| from < self.next) {
                return Some(Err(Error::SuffixCut { from_id }));
            }
            if self.next < state.first {
                return Some(Err(Error::SegmentNotFound(self.next)));
            }
            self.bytes = state
                .entries
                .get((self.next - state.first) as usize)?
                .clone();
        }
        self.next += 1;
        Some(Ok((self.next - 1, &self.bytes)))
    }
}
impl Inner {
    fn run(&self) {
        let mut state = self.state.lock().unwrap();
        loop {
            if !state.waiting.is_empty() {
                let position = state.position;
                drop(state);
                self.file.sync_data().unwrap();
                state = self.state.lock().unwrap();
                state.durable = position;
                let (due, later): (Vec<_>, Vec<_>) = std::mem::take(&mut state.waiting)
                    .into_iter()
                    .partition(|(mark, _)| *mark <= position);
                state.waiting = later;
                drop(state);
                due.into_iter().for_each(|(_, then)| then(Ok(())));
                state = self.state.lock().unwrap();
            } else if state.closed {
                return;
            } else {
                state = self.work.wait(state).unwrap();
            }
        }
    }
}
