//! ItemKind else lies about in a log's directory, and is it whole?

use std::path::Path;

use crate::error::Error;
use crate::error::ErrorContext;
use crate::error::Result;
use crate::error::memory;
use crate::format::CUT_SUFFIX;
use crate::format::IDENTITY_FILE;
use crate::format::INDEX_FILE;
use crate::format::Identity;
use crate::format::IdentityFault;
use crate::format::IndexFile;
use crate::format::is_deleted_dir_name;
use crate::recovery::StreamFacts;
use crate::recovery::UNFINISHED_COPY;
use crate::recovery::read_identity;
use crate::segment::TEMPORARY_NAME;
use crate::storage::Access;
use crate::storage::EntryKind;
use crate::tools::report::Severity;
use crate::tools::report::VerifyFinding;
use crate::tools::report::VerifyReport;
use crate::tools::survey::LogDir;
use crate::tools::verify::unreadable;

/// A derived or counted file is not larger than this.
const MAX_BYTES: u64 = 64 << 20;

/// Looks at the files of a stream that are not segments.
pub fn check_stream_dir(
    place: &LogDir,
    key: &str,
    dir: &Path,
    facts: &StreamFacts,
    report: &mut VerifyReport,
) {
    let note =
        |name: &str, what: &str| VerifyFinding::new(Severity::Note, dir.join(name), what).of(key);
    let index_path = dir.join(INDEX_FILE);
    if place.storage.is_link(&index_path).unwrap_or(false) {
        let what = "a symbolic link, and not followed; replaced by a file at open";
        report.findings.push(note(INDEX_FILE, what));
    } else if !facts.index_file {
        let what = "missing; it is derived, and made anew at open";
        report.findings.push(note(INDEX_FILE, what));
    } else if let Some(what) = index_fault(place, key, dir) {
        report.findings.push(note(INDEX_FILE, what));
    }
    // The stream may be gone by now: then there is nothing to tell.
    let listing = place.storage.list_dir(dir).unwrap_or_default();
    for entry in listing {
        if facts.temporary && entry.name == TEMPORARY_NAME {
            let what = "a segment being made, or left by a crash: removed at open";
            report.findings.push(note(TEMPORARY_NAME, what));
        }
        if facts.temporary && entry.name == UNFINISHED_COPY {
            let what = "a copy being made, or left by a crash: removed at open";
            report.findings.push(note(UNFINISHED_COPY, what));
        }
        if entry.kind == EntryKind::File && entry.name.contains(&format!("{CUT_SUFFIX}-")) {
            let what = "bytes that a recovery cut off and kept aside";
            report.findings.push(note(&entry.name, what));
        }
    }
}

/// ItemKind is wrong with the index file. It is rewritten in place while a stream is closed, so what
/// is found must be found twice.
fn index_fault(place: &LogDir, key: &str, dir: &Path) -> Option<&'static str> {
    let look = || {
        let file = place
            .storage
            .open_file(&dir.join(INDEX_FILE), Access::Read)
            .ok()?;
        let len = file.len().ok()?.min(MAX_BYTES);
        let mut bytes = memory::zeroed(len as usize).ok()?;
        let read = file.read_at(0, &mut bytes).ok()?;
        match IndexFile::decode(&bytes[..read]) {
            None => Some("damaged; it is derived, and not believed"),
            Some(index) if index.key != key => Some("of another stream; not believed"),
            Some(_) => None,
        }
    };
    look()?;
    look()
}

/// Looks at the files in the root.
pub fn check_root(place: &LogDir, report: &mut VerifyReport) -> Result<()> {
    let listing = place.storage.list_dir(&place.root);
    let listing = listing.map_err(|error| Error::io(error, ErrorContext::at(&place.root)))?;
    for entry in listing {
        let may_be_deleted = matches!(entry.kind, EntryKind::Directory | EntryKind::Link);
        if may_be_deleted && is_deleted_dir_name(&entry.name) {
            let path = place.root.join(&entry.name);
            let what = match entry.is_link {
                true => {
                    "a symbolic link: what it leads to is removed at open only where OWNER there says \
                     that it is this log's"
                }
                false => "a deleted stream that is being removed, or left by a crash",
            };
            report
                .findings
                .push(VerifyFinding::new(Severity::Note, path, what));
        }
    }
    check_identity(place, report);
    #[cfg(feature = "sharded")]
    sharded::check(place, report);
    Ok(())
}

/// Looks at the identity of the log. A deletion writes it over, in one sector.
fn check_identity(place: &LogDir, report: &mut VerifyReport) {
    let path = place.root.join(IDENTITY_FILE);
    let found = read_identity(&*place.storage, &path);
    let (severity, what) = match found {
        Ok(Some(Ok(Identity::Log { .. }))) => return,
        Ok(None) => (
            Severity::Note,
            "missing; made anew when the log is opened for writing".to_owned(),
        ),
        Ok(Some(Err(IdentityFault::Newer(version)))) => (
            Severity::Unreadable,
            format!("format version {version}, newer than this library reads"),
        ),
        Ok(Some(_)) => (
            Severity::Damage,
            "the identity of the log is damaged".to_owned(),
        ),
        Err(error) => {
            let error = Error::io(error, ErrorContext::at(&path));
            return report.findings.push(unreadable("", &path, &error));
        }
    };
    let finding = VerifyFinding::new(severity, path, what);
    report.findings.push(finding);
}

/// The files of a sharded log.
#[cfg(feature = "sharded")]
mod sharded {
    use super::*;
    use crate::format::CHECKPOINTS_FILE;
    use crate::format::SECTOR_LEN;
    use crate::format::SHARDS_FILE;
    use crate::format::ShardCountFault;
    use crate::format::ShardCountSector;
    use crate::recovery::checkpoints::Foreign;
    use crate::recovery::checkpoints::ItemKind;
    use crate::recovery::checkpoints::RecordLogState;
    use crate::recovery::checkpoints::Scanner;
    use crate::segment::SegmentBytes;

    /// How often damage is looked at again before it is believed.
    const LOOKS: u32 = 3;

    /// Checks the record of the shard count, and the checkpoints.
    pub fn check(place: &LogDir, report: &mut VerifyReport) {
        let counts = [ShardCountSector::Shards, ShardCountSector::Checkpoints];
        let [shards, own] = counts.map(|file| shard_count(place, file));
        let findings = &mut report.findings;
        let path = place.root.join(SHARDS_FILE);
        match &shards {
            Ok(None) if matches!(own, Ok(None)) => return,
            Ok(None) => findings.push(VerifyFinding::new(
                Severity::Damage,
                path,
                "the record of the shard count is missing beside a log of checkpoints",
            )),
            Ok(Some(Err(fault))) => findings.push(count_finding(&path, fault)),
            Ok(Some(Ok(_))) => {}
            Err(error) => findings.push(unreadable("", &path, error)),
        }
        let told = |count: &Result<Option<std::result::Result<u16, ShardCountFault>>>| match count {
            Ok(Some(Ok(count))) => Some(*count),
            _ => None,
        };
        let path = place.root.join(CHECKPOINTS_FILE);
        match own {
            Ok(None) => return,
            Ok(Some(Err(fault @ (ShardCountFault::Newer(_) | ShardCountFault::Version06)))) => {
                return findings.push(count_finding(&path, &fault));
            }
            Ok(Some(_)) => {}
            Err(error) => return findings.push(unreadable("", &path, &error)),
        }
        let Some(count) = told(&shards).or_else(|| told(&own)) else {
            let what = "nothing tells how many shards the checkpoints are of";
            return findings.push(VerifyFinding::new(Severity::Damage, path, what));
        };
        let mut before = None;
        for _ in 0..LOOKS {
            let (records, found) = checkpoints(place, &path, count);
            let same = before.as_ref() == Some(&found);
            if found.iter().all(|f| f.severity == Severity::Note) || same {
                report.checkpoints += records;
                return findings.extend(found);
            }
            before = Some(found);
        }
        findings.extend(before.unwrap_or_default());
    }

    fn shard_count(
        place: &LogDir,
        file: ShardCountSector,
    ) -> Result<Option<std::result::Result<u16, ShardCountFault>>> {
        let path = place.root.join(match file {
            ShardCountSector::Shards => SHARDS_FILE,
            ShardCountSector::Checkpoints => CHECKPOINTS_FILE,
        });
        let io = |error| Error::io(error, ErrorContext::at(&path));
        if place.storage.kind(&path).map_err(io)?.is_none() {
            return Ok(None);
        }
        let mut sector = [0; SECTOR_LEN];
        let opened = place.storage.open_file(&path, Access::Read).map_err(io)?;
        let read = opened.read_at(0, &mut sector).map_err(io)?;
        Ok(Some(file.decode(&sector[..read])))
    }

    fn count_finding(path: &Path, fault: &ShardCountFault) -> VerifyFinding {
        let (severity, what) = match fault {
            ShardCountFault::Damaged => (
                Severity::Damage,
                "the record of the shard count is damaged".to_owned(),
            ),
            ShardCountFault::Newer(version) => (
                Severity::Unreadable,
                format!("format version {version}, newer than this library reads"),
            ),
            ShardCountFault::Version06 => {
                (Severity::Unreadable, "written by ironwal 0.6".to_owned())
            }
        };
        VerifyFinding::new(severity, path.to_path_buf(), what)
    }

    /// The good records, and what is wrong.
    fn checkpoints(place: &LogDir, path: &Path, count: u16) -> (u64, Vec<VerifyFinding>) {
        let finding = |severity, what: &str| VerifyFinding::new(severity, path.to_path_buf(), what);
        let scanned = place
            .storage
            .open_file(path, Access::Read)
            .and_then(|file| Ok((file.len()?, file)))
            .and_then(|(len, file)| {
                let source = SegmentBytes::File(file);
                Scanner::new(source, len, count, place.read_ahead).scan()
            });
        let facts = match scanned {
            Ok(RecordLogState::Log(facts)) => facts,
            Ok(RecordLogState::Garbage(why)) => return (0, vec![finding(Severity::Damage, &why)]),
            Ok(RecordLogState::Foreign(Foreign::OtherCount(other))) => {
                let what = format!("of a log with {other} shards, not {count}");
                return (0, vec![finding(Severity::Damage, &what)]);
            }
            Ok(RecordLogState::Foreign(_)) => {
                let what = "of a format this version does not read";
                return (0, vec![finding(Severity::Unreadable, what)]);
            }
            Err(error) => {
                let error = Error::io(error, ErrorContext::at(path));
                return (0, vec![unreadable("", path, &error)]);
            }
        };
        let mut findings = Vec::new();
        if facts.sector_damaged {
            findings.push(finding(Severity::Damage, "the header is damaged").at(0));
        }
        if facts.slot_damaged {
            findings.push(finding(Severity::Damage, "a frontier slot is damaged"));
        }
        let mut records = 0;
        for item in facts.items.iter().chain(&facts.tail) {
            let what = match &item.what {
                ItemKind::Record(..) => {
                    records += 1;
                    continue;
                }
                ItemKind::DamagedBody(..) => "the body of a checkpoint is damaged",
                ItemKind::Damaged(why) => why,
            };
            findings.push(finding(Severity::Damage, what).at(item.offset.0));
        }
        if facts.file_len > facts.tail_end.end.0 {
            let what = "a torn record, or one being written: never acknowledged, cut at open";
            findings.push(finding(Severity::Note, what).at(facts.tail_end.end.0));
        }
        (records, findings)
    }
}
