//! Which log this is, and which number a new stream gets.
//!
//! The file `IDENTITY` in the root says both: sixteen random bytes that name the log, and how many
//! incarnations were given. It is made when the log is first opened for writing:
//!
//! 1. its sector is written under a temporary name and synced: a crash leaves a temporary file,
//!    which the next attempt replaces;
//! 2. it is renamed, and the root synced: the log has its identity.
//!
//! A deletion makes the number one greater before the stream's directory is renamed. The sector is
//! written over in place and synced: a crash leaves the old number or the new one, and the stream.
//!
//! Both are refused where the root is detached (`attachment`).
//!
//! Failure: where the disk is full the log opens without an identity; what needs it tries again and
//! answers the error.

use std::io;
use std::io::IoSlice;
use std::path::Path;

use crate::error::Error;
use crate::error::ErrorContext;
use crate::error::Result;
use crate::format::IDENTITY_FILE;
use crate::format::Identity;
use crate::format::IdentityFault;
use crate::format::LogId;
use crate::format::NEW_SUFFIX;
use crate::platform::random_bytes;
use crate::primitives::Mutex;
use crate::primitives::atomic::AtomicBool;
use crate::primitives::atomic::AtomicU64;
use crate::primitives::atomic::Ordering;
use crate::recovery::read_identity;
use crate::storage::Access;
use crate::storage::Storage;
use crate::stream::LogContext;

/// Where a log has streams and no identity, its numbers go on at the next multiple of this: above
/// all that were given to streams that are gone, too.
const INCARNATIONS_SKIPPED: u64 = 1 << 32;

/// The identity of a log, and the numbers it gives.
#[derive(Default)]
pub struct LogIdentity {
    stored: Mutex<Stored>,
    /// What a stream that is begun now gets.
    given: AtomicU64,
    /// The greatest number that a segment of the log records.
    greatest_seen: AtomicU64,
    /// The log is not new: something in it was there before.
    is_used: AtomicBool,
    /// Held while an archive becomes this log's.
    pub(super) claiming: Mutex<()>,
}

/// What the file says.
#[derive(Default)]
struct Stored {
    id: Option<LogId>,
    is_durable: bool,
}

impl LogIdentity {
    /// What a stream that begins now gets, to distinguish it from earlier ones of its key.
    pub fn incarnation(&self) -> u64 {
        self.given.load(Ordering::Acquire)
    }

    /// The log's name, as far as it was read or made by now.
    pub fn known_id(&self) -> Option<LogId> {
        self.stored.lock().id
    }

    /// Reads the file in the root. True: it is damaged, and counts as missing.
    pub fn read(&self, storage: &dyn Storage, root: &Path) -> Result<bool> {
        let path = root.join(IDENTITY_FILE);
        let found = read_identity(storage, &path);
        match found.map_err(|error| Error::io(error, ErrorContext::at(&path)))? {
            None => Ok(false),
            Some(Ok(Identity::Log { id, incarnations })) => {
                *self.stored.lock() = Stored {
                    id: Some(id),
                    is_durable: true,
                };
                self.given.store(incarnations, Ordering::Release);
                Ok(false)
            }
            Some(Err(IdentityFault::Newer(version))) => Err(Error::UnsupportedVersion(format!(
                "{} has format version {version}, newer than this library reads",
                path.display()
            ))),
            Some(_) => Ok(true),
        }
    }

    /// Notes that something of the log was there before it was opened, and what a segment records.
    pub fn note(&self, incarnation: Option<u64>) {
        self.is_used.store(true, Ordering::Release);
        let seen = incarnation.unwrap_or(0);
        self.greatest_seen.fetch_max(seen, Ordering::AcqRel);
    }

    /// Whether the log is not new.
    pub fn is_used(&self) -> bool {
        self.is_used.load(Ordering::Acquire)
    }

    /// Makes the file, where there is none, or where streams record greater numbers than it does.
    /// All that is in the log was noted before.
    pub fn settle(&self, context: &LogContext) -> Result<()> {
        self.settle_locked(context, &mut self.stored.lock())
    }

    fn settle_locked(&self, context: &LogContext, stored: &mut Stored) -> Result<()> {
        let seen = self.greatest_seen.load(Ordering::Acquire);
        let given = self.given.load(Ordering::Acquire);
        if stored.is_durable && given >= seen {
            return Ok(());
        }
        context.check_root()?;
        let next = match self.is_used() {
            true => (seen.max(given) / INCARNATIONS_SKIPPED).saturating_add(1),
            false => 0,
        };
        let next = next.saturating_mul(INCARNATIONS_SKIPPED);
        // Named once: an attempt that failed may have stored it all the same.
        let id = *stored.id.get_or_insert_with(|| LogId(random_bytes()));
        make(context, &identity(id, next))?;
        stored.is_durable = true;
        self.given.store(next, Ordering::Release);
        Ok(())
    }

    /// The log's name. Made, where it could not be made before.
    pub fn id(&self, context: &LogContext) -> Result<LogId> {
        let mut stored = self.stored.lock();
        self.settle_locked(context, &mut stored)?;
        stored.id.ok_or(Error::Closed)
    }

    /// Makes the number of streams that are begun from now on greater, durably: a stream is about to
    /// be deleted.
    pub fn begin_next(&self, context: &LogContext) -> Result<()> {
        self.raise(context, |given| Some(given.saturating_add(1)))
    }

    /// Makes that number at least this one, durably: a replica begins whose segments record it.
    pub fn raise_to(&self, context: &LogContext, incarnation: u64) -> Result<()> {
        self.raise(context, |given| {
            (given < incarnation).then_some(incarnation)
        })
    }

    /// Stores another number, if `next` has one.
    fn raise(&self, context: &LogContext, next: impl Fn(u64) -> Option<u64>) -> Result<()> {
        let mut stored = self.stored.lock();
        self.settle_locked(context, &mut stored)?;
        let Some(id) = stored.id else {
            return Err(Error::Closed);
        };
        context.check_root()?;
        let Some(next) = next(self.given.load(Ordering::Acquire)) else {
            return Ok(());
        };
        let path = context.root.join(IDENTITY_FILE);
        let sector = identity(id, next).encode();
        let storage = &context.storage;
        let written = context
            .with_fd_retry(|| storage.open_file(&path, Access::ReadWrite))
            .and_then(|file| {
                file.write_at(0, &[IoSlice::new(&sector)])?;
                // Written again by each attempt, so that a sync that failed leaves nothing behind
                // that the next one passes over.
                file.sync_data()
            });
        match written {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                make(context, &identity(id, next))?;
            }
            written => written.map_err(|error| Error::io(error, ErrorContext::at(&path)))?,
        }
        self.given.store(next, Ordering::Release);
        Ok(())
    }
}

fn identity(id: LogId, incarnations: u64) -> Identity {
    Identity::Log { id, incarnations }
}

/// Makes the file in the root, or replaces it.
fn make(context: &LogContext, identity: &Identity) -> Result<()> {
    let (storage, root) = (&*context.storage, &context.root);
    let unfinished = root.join(format!("{IDENTITY_FILE}{NEW_SUFFIX}"));
    let path = root.join(IDENTITY_FILE);
    let io = |error| Error::io(error, ErrorContext::at(&path));
    let file = match storage.create_file(&unfinished) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            storage.remove_file(&unfinished).map_err(io)?;
            storage.create_file(&unfinished)
        }
        created => created,
    };
    let written = file.and_then(|file| {
        file.write_at(0, &[IoSlice::new(&identity.encode())])?;
        file.sync_all()
    });
    if let Err(error) = written {
        // The first error is the one to return; the next attempt replaces what is left.
        let _ = storage.remove_file(&unfinished);
        return Err(io(error));
    }
    storage.rename(&unfinished, &path).map_err(io)?;
    storage.sync_dir(root).map_err(io)
}
