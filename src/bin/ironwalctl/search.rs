//! Which entries contain given bytes?

use std::ops::ControlFlow;

use ironwal::tools;
use ironwal::tools::DumpedEntry;
use ironwal::tools::EntryVisitor;
use ironwal::tools::LogDir;
use ironwal::tools::Progress;
use ironwal::tools::Selection;
use ironwal::tools::StreamStat;

use super::arguments::Args;
use super::arguments::Format;
use super::failure::Failure;
use super::json_entries;
use super::output::Output;
use super::progress::ProgressReporter;
use super::words;

/// What a search came to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Searched {
    /// Entries that matched.
    pub matches: u64,
    /// A range could not be searched.
    pub found_damage: bool,
}

/// Prints the matching entries of the selection.
pub fn search(
    log_dir: &LogDir,
    selection: &Selection,
    args: &Args,
    output: &mut Output,
) -> Result<Searched, Failure> {
    let mut search = Search {
        args,
        output,
        progress: ProgressReporter::beside_output(args.progress),
        searched: Searched::default(),
        counted: None,
    };
    let result = tools::visit_entries(log_dir, selection, &mut search);
    search.end_stream();
    search.progress.finish();
    let searched = search.searched;
    result?;
    Ok(searched)
}

struct Search<'a> {
    args: &'a Args,
    output: &'a mut Output,
    progress: ProgressReporter,
    searched: Searched,
    /// The stream whose entries are being searched.
    counted: Option<Counted>,
}

/// What was found in a stream.
struct Counted {
    key: String,
    matches: u64,
    unreadable_ids: u64,
}

impl Search<'_> {
    fn end_stream(&mut self) {
        let counted = self.counted.take();
        if let Some(counted) = counted.filter(|_| self.args.counts_matches) {
            match self.args.format {
                Format::Json => {
                    let Counted {
                        key,
                        matches,
                        unreadable_ids,
                    } = &counted;
                    let line = json_entries::matched(key, *matches, *unreadable_ids);
                    self.output.json(line);
                }
                _ => {
                    let Counted { key, matches, .. } = &counted;
                    let mut line = format!("{key:?} {matches}");
                    if counted.unreadable_ids > 0 {
                        let ids = words::counted(counted.unreadable_ids, "id", "ids");
                        line += &format!(", {ids} unreadable");
                    }
                    self.output.line(&line);
                }
            }
        }
    }
}

impl EntryVisitor for Search<'_> {
    fn stream(&mut self, stream: &StreamStat) -> ControlFlow<()> {
        self.end_stream();
        if stream.error.is_none() {
            self.counted = Some(Counted {
                key: stream.key.clone(),
                matches: 0,
                unreadable_ids: 0,
            });
        }
        self.output.go_on()
    }

    fn entry(&mut self, entry: DumpedEntry<'_>) -> ControlFlow<()> {
        let args = self.args;
        match entry.data {
            Ok(bytes) => {
                if contains(bytes, &args.wanted, args.ignores_case) == args.inverts_match {
                    return ControlFlow::Continue(());
                }
                self.searched.matches += 1;
                if let Some(counted) = &mut self.counted {
                    counted.matches += 1;
                }
            }
            Err(_) => {
                self.searched.found_damage = true;
                if let Some(counted) = &mut self.counted {
                    counted.unreadable_ids += entry.ids.end - entry.ids.start;
                }
            }
        }
        if args.counts_matches {
            return ControlFlow::Continue(());
        }
        match args.format {
            Format::Json => self.output.json(json_entries::dumped(&entry)),
            _ => self.output.dumped(&entry),
        }
        self.output.go_on()
    }

    fn progress(&mut self, progress: Progress) -> ControlFlow<()> {
        self.progress.report(progress);
        ControlFlow::Continue(())
    }
}

/// Whether the bytes contain others; `ignores_case`: ASCII letters in either case.
fn contains(bytes: &[u8], wanted: &[u8], ignores_case: bool) -> bool {
    let Some((first, rest)) = wanted.split_first() else {
        return true;
    };
    let is_same = |at: &[u8]| match ignores_case {
        true => at.eq_ignore_ascii_case(rest),
        false => at == rest,
    };
    let (lower, upper) = match ignores_case {
        true => (first.to_ascii_lowercase(), first.to_ascii_uppercase()),
        false => (*first, *first),
    };
    let mut left = bytes;
    while let Some(at) = left
        .iter()
        .position(|byte| *byte == lower || *byte == upper)
    {
        left = &left[at + 1..];
        match left.get(..rest.len()) {
            Some(behind) if is_same(behind) => return true,
            Some(_) => {}
            None => return false,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_found_wherever_they_stand() {
        let rows: [(&[u8], &[u8], bool, bool); 12] = [
            (b"", b"", true, true),
            (b"a", b"", true, true),
            (b"", b"a", false, false),
            (b"aab", b"ab", true, true),
            (b"ababac", b"abac", true, true),
            (b"abaxabA", b"aba", true, true),
            (b"xxABA", b"aba", false, true),
            (b"xxAB", b"aba", false, false),
            (b"\x00\xff\x00", b"\xff\x00", true, true),
            (b"abc", b"abcd", false, false),
            (b"\xc4", b"\xe4", false, false),
            (b"@[", b"`{", false, false),
        ];
        for (bytes, wanted, found, found_in_either_case) in rows {
            assert_eq!(
                contains(bytes, wanted, false),
                found,
                "{bytes:?} {wanted:?}"
            );
            let either = contains(bytes, wanted, true);
            assert_eq!(either, found_in_either_case, "{bytes:?} {wanted:?}");
        }
    }
}
