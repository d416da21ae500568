//! Are the files of a log whole that are not segments?

use std::path::Path;

use crate::error::Error;
use crate::error::ErrorContext;
use crate::error::IoAt;
use crate::error::Result;
use crate::error::memory;
use crate::format::CUT_SUFFIX;
use crate::format::IDENTITY_FILE;
use crate::format::INDEX_FILE;
use crate::format::Identity;
use crate::format::IdentityFault;
use crate::format::IndexFile;
use crate::format::JOURNAL_DIR;
use crate::format::NEXT_SEGMENT_FILE;
use crate::format::UNFINISHED_COPY_FILE;
use crate::format::is_deleted_dir_name;
use crate::recovery::JournalSeen;
use crate::recovery::StreamFacts;
use crate::recovery::WriterLock;
use crate::recovery::look_at_journal;
use crate::recovery::read_identity;
use crate::recovery::read_journal_in_use;
use crate::storage::Access;
use crate::storage::EntryKind;
use crate::tools::report::Severity;
use crate::tools::report::VerifyFinding;
use crate::tools::report::VerifyReport;
use crate::tools::survey::LogDir;
use crate::tools::verify::unreadable;

/// A derived or counted file is not larger than this.
const MAX_BYTES: u64 = 64 << 20;

/// Checks the files of a stream that are not segments.
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
    // The stream may have been deleted since: then there is nothing to report.
    let listing = place.storage.list_dir(dir).unwrap_or_default();
    for entry in listing {
        if facts.temporary && entry.name == NEXT_SEGMENT_FILE {
            let what = "a segment being made, or left by a crash: removed at open";
            report.findings.push(note(NEXT_SEGMENT_FILE, what));
        }
        if facts.temporary && entry.name == UNFINISHED_COPY_FILE {
            let what = "a copy being made, or left by a crash: removed at open";
            report.findings.push(note(UNFINISHED_COPY_FILE, what));
        }
        if entry.kind == EntryKind::File && entry.name.contains(&format!("{CUT_SUFFIX}-")) {
            let what = "bytes that a recovery trimmed and quarantined";
            report.findings.push(note(&entry.name, what));
        }
    }
}

/// What is wrong with the index file. A close rewrites it in place, so a fault must be found twice.
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
            None => Some("damaged; it is derived, and not trusted"),
            Some(index) if index.key != key => Some("of another stream; not trusted"),
            Some(_) => None,
        }
    };
    look()?;
    look()
}

/// Checks the files in the root.
pub fn check_root(place: &LogDir, report: &mut VerifyReport) -> Result<()> {
    let listing = place.storage.list_dir(&place.root).at(&place.root)?;
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
    check_journal(place, report);
    #[cfg(feature = "sharded")]
    sharded::check(place, report);
    Ok(())
}

/// Checks the commit journal.
fn check_journal(place: &LogDir, report: &mut VerifyReport) {
    let (storage, root) = (&*place.storage, &place.root);
    let dir = root.join(JOURNAL_DIR);
    let seen = look_at_journal(storage, root, place.read_ahead, WriterLock::NotHeld);
    let found = seen.and_then(|seen| match seen {
        JournalSeen::Nothing => Ok(None),
        JournalSeen::InUse => read_journal_in_use(storage, root).map(|facts| Some((facts, None))),
        JournalSeen::Unrecovered(journal) => Ok(Some((journal.facts, Some(journal.replay)))),
    });
    let (facts, replay) = match found {
        Ok(Some(found)) => found,
        Ok(None) => return,
        Err(error) => return report.findings.push(unreadable("", &dir, &error)),
    };
    report.journal_records = facts.records;
    report.journal_bytes = facts.bytes;
    for found in &facts.findings {
        let (path, at) = found.place();
        let finding = VerifyFinding::new(Severity::Damage, path.to_path_buf(), found.what());
        report.findings.push(finding.at(at.0));
    }
    let Some(replay) = replay else { return };
    for (key, path, at) in replay.conflicts() {
        let what = "another frame stands here than the commit journal holds; it stays";
        let finding = VerifyFinding::new(Severity::Damage, path.to_path_buf(), what);
        report.findings.push(finding.of(key).at(at.0));
    }
    if facts.records > 0 {
        let what = format!(
            "{} records that the next open for writing writes into the streams' files; counted here as if it had",
            facts.records
        );
        let note = VerifyFinding::new(Severity::Note, dir, what);
        report.findings.push(note);
    }
}

/// Checks the identity of the log. A deletion overwrites it, in one sector.
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
    use crate::format::CheckpointFormat;
    use crate::format::ForeignCheckpoints;
    use crate::format::SECTOR_LEN;
    use crate::format::SHARDS_FILE;
    use crate::format::ShardCountFault;
    use crate::format::ShardCountSector;
    use crate::record_log::ItemKind;
    use crate::record_log::RecordLogState;
    use crate::record_log::scan;

    /// How often the file is read until two reads in a row find the same damage.
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
        let known = |count: &Result<Option<std::result::Result<u16, ShardCountFault>>>| match count
        {
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
        let Some(count) = known(&shards).or_else(|| known(&own)) else {
            let what = "the number of shards of the checkpoints is unknown";
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
        if place.storage.kind(&path).at(&path)?.is_none() {
            return Ok(None);
        }
        let mut sector = [0; SECTOR_LEN];
        let opened = place.storage.open_file(&path, Access::Read).at(&path)?;
        let read = opened.read_at(0, &mut sector).at(&path)?;
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

    /// The number of good records, and the findings.
    fn checkpoints(place: &LogDir, path: &Path, count: u16) -> (u64, Vec<VerifyFinding>) {
        let finding = |severity, what: &str| VerifyFinding::new(severity, path.to_path_buf(), what);
        let scanned = place
            .storage
            .open_file(path, Access::Read)
            .and_then(|file| {
                let format = CheckpointFormat { shard_count: count };
                scan(&format, &file, place.read_ahead)
            });
        let facts = match scanned {
            Ok(RecordLogState::Log(facts)) => facts,
            Ok(RecordLogState::Unreadable(why)) => {
                return (0, vec![finding(Severity::Damage, why)]);
            }
            Ok(RecordLogState::Foreign(ForeignCheckpoints::OtherCount(other))) => {
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
                ItemKind::Record(_) => {
                    records += 1;
                    continue;
                }
                ItemKind::Partial(_) => "the body of a checkpoint is damaged",
                ItemKind::Damaged(why) => why,
            };
            findings.push(finding(Severity::Damage, what).at(item.location.offset.0));
        }
        if facts.has_rest() {
            let what = "a torn record, or one being written: never acknowledged, trimmed at open";
            findings.push(finding(Severity::Note, what).at(facts.tail_end.end.0));
        }
        (records, findings)
    }
}
