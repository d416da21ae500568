//! What does it cost to read an entry at a known place and to check it?

use std::fs::File;
use std::hint::black_box;
use std::os::unix::fs::FileExt;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use crate::limits::HEADER_LEN;
use crate::limits::mapped::Map;
use crate::limits::row;
use crate::log::Appender;
use crate::log::Contender;
use crate::log::Failure;
use crate::log::Log;
use crate::log::Reader;
use crate::log::Setup;

pub const CONTENDERS: &[Contender] = &[
    row(
        "limit: mapped read + CRC",
        &["W7", "W8"],
        "page cache",
        |setup| open(setup, true),
    ),
    row(
        "limit: read(2) + CRC",
        &["W7", "W8"],
        "page cache",
        |setup| open(setup, false),
    ),
];

/// Frames of one length: a header that holds the checksum, then the entry.
struct Frames {
    file: File,
    mapped: bool,
    end: Mutex<End>,
}

#[derive(Clone, Copy, Default)]
struct End {
    count: u64,
    entry_len: usize,
}

fn open(setup: &Setup, mapped: bool) -> Result<Box<dyn Log>, Failure> {
    let mut options = File::options();
    let options = options.read(true).write(true).create(true).truncate(true);
    Ok(Box::new(Frames {
        file: options.open(setup.dir.join("frames"))?,
        mapped,
        end: Mutex::default(),
    }))
}

impl Frames {
    fn end(&self) -> MutexGuard<'_, End> {
        self.end.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Log for Frames {
    fn appender(&self, _stream: usize) -> Result<Box<dyn Appender + '_>, Failure> {
        Ok(Box::new(Writer {
            log: self,
            gathered: Vec::new(),
        }))
    }

    fn reader(&self, _stream: usize) -> Result<Box<dyn Reader + '_>, Failure> {
        let map = match self.mapped {
            true => Some(Map::of(&self.file, false)?),
            false => None,
        };
        Ok(Box::new(FrameReader {
            file: &self.file,
            map,
            end: *self.end(),
            buffer: vec![0; 128 << 10],
        }))
    }
}

struct Writer<'a> {
    log: &'a Frames,
    gathered: Vec<u8>,
}

impl Appender for Writer<'_> {
    fn append(&mut self, entry: &[u8]) -> Result<(), Failure> {
        self.append_batch(&[entry])
    }

    fn append_batch(&mut self, entries: &[&[u8]]) -> Result<(), Failure> {
        self.gathered.clear();
        let mut end = self.log.end();
        end.entry_len = entries[0].len();
        for entry in entries {
            let mut header = [0; HEADER_LEN];
            header[..4].copy_from_slice(&crc32fast::hash(entry).to_le_bytes());
            self.gathered.extend_from_slice(&header);
            self.gathered.extend_from_slice(entry);
        }
        let at = end.count * (HEADER_LEN + end.entry_len) as u64;
        self.log.file.write_all_at(&self.gathered, at)?;
        end.count += entries.len() as u64;
        Ok(())
    }

    fn sync(&mut self) -> Result<(), Failure> {
        Ok(self.log.file.sync_data()?)
    }
}

struct FrameReader<'a> {
    file: &'a File,
    map: Option<Map>,
    end: End,
    buffer: Vec<u8>,
}

/// The entry of a frame that is not damaged.
fn checked(frame: &[u8]) -> Result<&[u8], Failure> {
    let (header, entry) = frame.split_at(HEADER_LEN);
    if header[..4] != crc32fast::hash(entry).to_le_bytes() {
        return Err("a damaged frame".into());
    }
    Ok(entry)
}

impl Reader for FrameReader<'_> {
    fn get(&mut self, n: u64) -> Result<usize, Failure> {
        let frame_len = HEADER_LEN + self.end.entry_len;
        let at = n as usize * frame_len;
        let frame = match &self.map {
            Some(map) => &map.bytes()[at..][..frame_len],
            None => {
                let frame = &mut self.buffer[..frame_len];
                self.file.read_exact_at(frame, at as u64)?;
                frame
            }
        };
        Ok(black_box(checked(frame)?).len())
    }

    fn scan(&mut self, visit: &mut dyn FnMut(&[u8])) -> Result<u64, Failure> {
        let frame_len = HEADER_LEN + self.end.entry_len;
        if let Some(map) = &self.map {
            let frames = map.bytes().chunks_exact(frame_len);
            for frame in frames.take(self.end.count as usize) {
                visit(checked(frame)?);
            }
            return Ok(self.end.count);
        }
        let whole = self.buffer.len() / frame_len * frame_len;
        let len = self.end.count * frame_len as u64;
        let mut at = 0;
        while at < len {
            let chunk = &mut self.buffer[..(len - at).min(whole as u64) as usize];
            self.file.read_exact_at(chunk, at)?;
            for frame in chunk.chunks_exact(frame_len) {
                visit(checked(frame)?);
            }
            at += chunk.len() as u64;
        }
        Ok(self.end.count)
    }
}
