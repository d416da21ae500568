//! How does a finding or a refusal read in an error and in the log?

use std::path::PathBuf;

use crate::error::Error;
use crate::error::ErrorContext;
use crate::format::segment_file_name;
use crate::recovery::facts::Foreign;
use crate::recovery::facts::StreamFacts;
use crate::recovery::verdict::Finding;
use crate::recovery::verdict::Refusal;

/// The causes of a refusal, one line each.
pub fn describe_refusal(key: &str, facts: &StreamFacts, refusal: &Refusal) -> Vec<String> {
    match refusal {
        Refusal::Damaged(findings) => findings
            .iter()
            .map(|finding| describe(key, facts, finding))
            .collect(),
        _ => vec![refusal_error(key, facts, refusal).to_string()],
    }
}

/// The file that a finding concerns; the stream's directory where that is the whole stream.
pub fn path_of_finding(facts: &StreamFacts, finding: &Finding) -> PathBuf {
    match finding.segment.and_then(|i| facts.segments.get(i)) {
        Some(segment) => facts.dir.join(segment_file_name(segment.name_id)),
        None => facts.dir.to_path_buf(),
    }
}

/// A finding with its place, in words.
pub fn describe(key: &str, facts: &StreamFacts, finding: &Finding) -> String {
    let path = path_of_finding(facts, finding);
    let mut context = ErrorContext::at(&path).stream(key);
    context.offset = finding.offset;
    context.ids = finding.ids.clone();
    format!("{} ({context})", finding.what)
}

/// The error of a stream that is not served.
pub fn refusal_error(key: &str, facts: &StreamFacts, refusal: &Refusal) -> Error {
    let path_of = |i: usize| facts.dir.join(segment_file_name(facts.segments[i].name_id));
    match refusal {
        Refusal::Foreign(i, foreign) => {
            let path = path_of(*i);
            let place = path.display();
            match foreign {
                Foreign::Version06 => {
                    Error::UnsupportedVersion(format!("{place} was written by ironwal 0.6"))
                }
                Foreign::Newer(version) => Error::UnsupportedVersion(format!(
                    "{place} has format version {version}, newer than this library reads"
                )),
                Foreign::OtherStream(other) => Error::InvalidFilename(format!(
                    "{place} is a segment of stream {other:?}, not of {key:?}"
                )),
                Foreign::OtherIncarnation(_) => Error::InvalidFilename(format!(
                    "{place} is a segment of another stream {key:?}, deleted or begun later; move it away"
                )),
                Foreign::OtherName(first_id) => Error::InvalidFilename(format!(
                    "{place} holds the segment that starts at id {first_id}"
                )),
                Foreign::Unrecognized => {
                    Error::InvalidFilename(format!("{place} is not a segment of this log"))
                }
            }
        }
        Refusal::NoKey => {
            let what = format!("no segment in {} names its stream", facts.dir.display());
            Error::InvalidFilename(what)
        }
        Refusal::Damaged(_) => Error::Corruption(describe_refusal(key, facts, refusal).join("; ")),
    }
}
