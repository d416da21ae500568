//! One open file of the simulated disk: its [`StorageFile`].

#![allow(unsafe_code)]

use crate::primitives::Mutex;
use crate::storage::Access;
use crate::storage::MappedBytes;
use crate::storage::StorageFile;
use crate::storage::WriteMapping;
use crate::storage::simulated::codes;
use crate::storage::simulated::directories::InodeNumber;
use crate::storage::simulated::dispatch::DiskState;
use crate::storage::simulated::dispatch::Failure;
use crate::storage::simulated::dispatch::OpRequest;
use crate::storage::simulated::dispatch::check_range;
use crate::storage::simulated::fault::FaultPlan;
use crate::storage::simulated::op_log::OpKind;
use crate::storage::simulated::state::StateChange;
use crate::storage::simulated::state::raw;
use crate::storage::simulated::write_map::SimulatedMap;
use std::io;
use std::io::IoSlice;
use std::sync::Arc;

/// A handle; the file lives as long as a handle or a name does.
#[derive(Debug)]
pub(super) struct SimulatedFile {
    live: Arc<Mutex<DiskState>>,
    inode: InodeNumber,
    access: Access,
}

impl SimulatedFile {
    pub(super) fn new(live: Arc<Mutex<DiskState>>, inode: InodeNumber, access: Access) -> Self {
        live.lock().opened(inode, access);
        Self {
            live,
            inode,
            access,
        }
    }

    fn call<T>(
        &self,
        kind: OpKind,
        (offset, len): (u64, u64),
        work: impl FnOnce(&DiskState) -> Result<(StateChange, T), Failure>,
        in_part: impl FnOnce(&FaultPlan) -> StateChange,
    ) -> io::Result<T> {
        let mut live = self.live.lock();
        let path = live.state.file(self.inode).path.clone();
        live.call(
            OpRequest {
                kind,
                path: &path,
                offset,
                len,
            },
            work,
            in_part,
        )
    }

    /// A call that needs the right to write.
    fn change<T>(
        &self,
        kind: OpKind,
        (offset, len): (u64, u64),
        work: impl FnOnce(&DiskState) -> Result<(StateChange, T), Failure>,
        in_part: impl FnOnce(&FaultPlan) -> StateChange,
    ) -> io::Result<T> {
        let checked = |live: &DiskState| {
            if self.access == Access::Read {
                return Err(raw(codes::EBADF).into());
            }
            check_range(offset, len)?;
            work(live)
        };
        self.call(kind, (offset, len), checked, in_part)
    }

    fn sync(&self, kind: OpKind) -> io::Result<()> {
        let inode = self.inode;
        let in_part = |plan: &FaultPlan| match plan.drops_dirty {
            true => StateChange::LoseSync { inode },
            false => StateChange::Nothing,
        };
        self.call(
            kind,
            (0, 0),
            |_| Ok((StateChange::Sync { inode }, ())),
            in_part,
        )
    }
}

impl Drop for SimulatedFile {
    fn drop(&mut self) {
        self.live.lock().closed(self.inode, self.access);
    }
}

impl StorageFile for SimulatedFile {
    fn len(&self) -> io::Result<u64> {
        let work = |live: &DiskState| {
            Ok((
                StateChange::Nothing,
                live.state.file(self.inode).volatile_len,
            ))
        };
        self.call(OpKind::Len, (0, 0), work, |_| StateChange::Nothing)
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let range = (offset, buf.len() as u64);
        let work = |live: &DiskState| {
            Ok((
                StateChange::Nothing,
                live.state.file(self.inode).read(offset, buf),
            ))
        };
        let read = self.call(OpKind::Read, range, work, |_| StateChange::Nothing);
        if read.is_err() {
            // A failed read may have filled a part of the buffer: the caller must not use it.
            buf[..range.1.div_ceil(2) as usize].fill(0xee);
        }
        read
    }

    fn write_at(&self, offset: u64, parts: &[IoSlice<'_>]) -> io::Result<()> {
        let inode = self.inode;
        let bytes: Vec<u8> = parts.iter().flat_map(|part| part.iter().copied()).collect();
        let len = bytes.len() as u64;
        if len == 0 {
            return Ok(());
        }
        let prefix = |count: usize| match count {
            0 => StateChange::Nothing,
            count => StateChange::Write {
                inode,
                offset,
                bytes: bytes[..count].into(),
            },
        };
        let work = |live: &DiskState| {
            let room = live.room(inode, offset, len);
            done_or_full(prefix(room as usize), room == len)
        };
        let in_part =
            |plan: &FaultPlan| prefix(plan.short_write_bytes.unwrap_or(0).min(bytes.len()));
        self.change(OpKind::Write, (offset, len), work, in_part)
    }

    fn allocate(&self, offset: u64, len: u64) -> io::Result<()> {
        if len == 0 {
            return Ok(());
        }
        let inode = self.inode;
        let work = |live: &DiskState| {
            if live.room(inode, offset, len) < len {
                return Err(raw(codes::ENOSPC).into());
            }
            Ok((StateChange::Allocate { inode, offset, len }, ()))
        };
        self.change(OpKind::Allocate, (offset, len), work, |_| {
            StateChange::Nothing
        })
    }

    fn write_zeros(&self, offset: u64, len: u64) -> io::Result<()> {
        if len == 0 {
            return Ok(());
        }
        let inode = self.inode;
        let prefix = |count: u64| match count {
            0 => StateChange::Nothing,
            len => StateChange::WriteZeros { inode, offset, len },
        };
        let work = |live: &DiskState| {
            let room = live.room(inode, offset, len);
            done_or_full(prefix(room), room == len)
        };
        let in_part = |plan: &FaultPlan| {
            prefix(
                plan.short_write_bytes
                    .map_or(0, |count| len.min(count as u64)),
            )
        };
        self.change(OpKind::WriteZeros, (offset, len), work, in_part)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let inode = self.inode;
        let work = |_: &DiskState| Ok((StateChange::SetLen { inode, len }, ()));
        self.change(OpKind::SetLen, (0, len), work, |_| StateChange::Nothing)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.sync(OpKind::SyncData)
    }

    fn sync_all(&self) -> io::Result<()> {
        self.sync(OpKind::SyncAll)
    }

    fn map(&self, len: u64) -> io::Result<Arc<dyn MappedBytes>> {
        let work = |live: &DiskState| {
            let file = live.state.file(self.inode);
            if len > file.volatile_len {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let mut bytes = vec![0; len as usize];
            file.read(0, &mut bytes);
            Ok((StateChange::Nothing, bytes))
        };
        let bytes = self.call(OpKind::Map, (0, len), work, |_| StateChange::Nothing)?;
        Ok(Arc::new(Snapshot { bytes }))
    }

    fn map_writable(&self, from: u64, len: u64) -> io::Result<Arc<dyn WriteMapping>> {
        let nothing = |_: &DiskState| Ok((StateChange::Nothing, ()));
        self.change(OpKind::MapWritable, (from, len), nothing, |_| {
            StateChange::Nothing
        })?;
        let live = Arc::clone(&self.live);
        Ok(Arc::new(SimulatedMap::new(live, self.inode, from, len)))
    }

    fn writeback_and_wait(&self, ranges: &[(u64, u64)]) -> io::Result<()> {
        let inode = self.inode;
        let (offset, len) = ranges.first().copied().unwrap_or_default();
        let effect = StateChange::WriteBack {
            inode,
            ranges: ranges.into(),
        };
        let in_part = |plan: &FaultPlan| match plan.drops_dirty {
            true => StateChange::LoseSync { inode },
            false => StateChange::Nothing,
        };
        let work = |_: &DiskState| Ok((effect, ()));
        self.call(OpKind::WriteBack, (offset, len), work, in_part)
    }
}

/// A write that the disk took whole, or in part because it is full.
fn done_or_full(effect: StateChange, is_whole: bool) -> Result<(StateChange, ()), Failure> {
    match is_whole {
        true => Ok((effect, ())),
        false => Err(Failure {
            effect,
            error: raw(codes::ENOSPC),
        }),
    }
}

/// The bytes at the time of mapping.
#[derive(Debug)]
struct Snapshot {
    bytes: Vec<u8>,
}

// SAFETY: the bytes lie in the heap and nothing changes them.
unsafe impl MappedBytes for Snapshot {
    fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}
