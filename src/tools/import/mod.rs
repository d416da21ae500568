//! How is a root of the 0.6 crate made into a log of this version?
//!
//! | file | the question it answers |
//! |---|---|
//! | `window` | how are bytes read whose lengths are unproven? |
//! | `frame_06` | how are a frame and its entries laid out? |
//! | `lz4_frame` | how is an LZ4 frame decompressed? |
//! | `segment_06` | which entries does a segment hold, good and bad? |
//! | `stream_06` | which files does a stream have? |
//! | `checkpoints_06` | which checkpoints does a sharded root hold? |
//! | `root_06` | what lies in a root, and does it stay as it is? |
//! | `imported_stream` | how does a stream get into the new log? |
//! | `imported_shards` | how do shard count and checkpoints get into it? |
//! | `import_report` | what was imported, and what could not be? |
//!
//! The old root is only read. All that can be refused is refused before anything is written. The new log gets
//! its name when it is whole and durable (`tools/new_log`): a failure or a crash leaves no log of that name.

mod checkpoints_06;
mod frame_06;
mod import_report;
mod imported_shards;
mod imported_stream;
mod lz4_frame;
mod root_06;
mod segment_06;
mod stream_06;
#[cfg(all(test, unix, feature = "simulation"))]
mod tests;
mod window;

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use crate::error::Error;
use crate::error::Result;
use crate::format::check_key;
use crate::storage::RealDisk;
use crate::storage::Storage;
use crate::tools::NewPlace;
use crate::tools::Progress;

pub use import_report::ImportOptions;
pub use import_report::ImportReport;
pub use import_report::ImportedStream;

use imported_shards::Shards;
use root_06::Root06;

/// Makes a new log in `to`, which must not exist, of the root `from`, which the ironwal crate 0.6 wrote. Every
/// entry keeps its id; the key of a stream is the name of its directory, or what `options` says.
///
/// `from` is only read, and must not be in use: the 0.6 crate has no lock. A file that changes meanwhile is an
/// error. The new log is durable on return. After an error there is no log in `to`.
///
/// Errors: `Config` where `from` is no root of the 0.6 crate or changes, where `to` exists or lies in it, for
/// a key that is refused or used twice, and where the number of shards is unknown or does not fit; `Io`.
pub fn import_06(
    from: &Path,
    to: &Path,
    options: &ImportOptions,
    report_progress: &mut dyn FnMut(Progress),
) -> Result<ImportReport> {
    let storage: Arc<dyn Storage> = Arc::new(RealDisk);
    import_on(&storage, from, to, options, report_progress)
}

/// The same on any disk.
fn import_on(
    storage: &Arc<dyn Storage>,
    from: &Path,
    to: &Path,
    options: &ImportOptions,
    report_progress: &mut dyn FnMut(Progress),
) -> Result<ImportReport> {
    let mut report = ImportReport::default();
    let old = Root06::list(storage, from, &mut report.findings)?;
    let place = NewPlace::find(&**storage, Some(&old.path), to)?;
    let shards = Shards::read(&**storage, &old, options, &mut report.findings)?;
    let keys = keys(&old, options, shards.as_ref())?;
    let new = place.create(storage, options.compression)?;
    let mut progress = Progress {
        bytes_done: 0,
        bytes_total: old.segment_bytes(),
    };
    for stream in &old.streams {
        let key = keys.get(&stream.directory).map_or("", String::as_str);
        let findings = &mut report.findings;
        let context = new.context();
        let imported =
            imported_stream::import_stream(storage, stream, context, key, findings, |bytes| {
                progress.bytes_done += bytes;
                report_progress(progress);
            })?;
        report.streams.push(imported);
    }
    if let Some(shards) = shards {
        report.shards = Some(shards.count);
        report.checkpoints =
            shards.write(storage, new.root(), &report.streams, &mut report.findings)?;
    }
    old.check_unchanged(&**storage)?;
    new.publish()?;
    Ok(report)
}

/// The key of each stream, by the name of its directory.
fn keys(
    old: &Root06,
    options: &ImportOptions,
    shards: Option<&Shards>,
) -> Result<BTreeMap<String, String>> {
    let names: BTreeSet<&str> = old.streams.iter().map(|s| s.directory.as_str()).collect();
    if let Some(unknown) = options
        .keys
        .keys()
        .find(|name| !names.contains(name.as_str()))
    {
        let what = format!("a key is given for {unknown:?}, and there is no such stream");
        return Err(Error::Config(what));
    }
    let mut keys = BTreeMap::new();
    let mut used: BTreeMap<&str, &str> = BTreeMap::new();
    for name in names {
        let given = options.keys.get(name).map(String::as_str);
        if given.is_some() && shards.is_some_and(|shards| shards.is_shard(name)) {
            let what = format!("{name:?} is a shard, and keeps its name");
            return Err(Error::Config(what));
        }
        let key = given.unwrap_or(name);
        check_key(key).map_err(|why| Error::Config(format!("the key of {name:?}: {why}")))?;
        if let Some(other) = used.insert(key, name) {
            let what = format!("{other:?} and {name:?} would both get the key {key:?}");
            return Err(Error::Config(what));
        }
        keys.insert(name.to_owned(), key.to_owned());
    }
    Ok(keys)
}
