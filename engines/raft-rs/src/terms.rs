//! Which term has the entry at an index? Kept as runs of equal terms, of which a log has few.

/// The terms of the entries of a log.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Terms {
    /// The index of the first entry of each run, and its term; both grow.
    runs: Vec<(u64, u64)>,
}

impl Terms {
    /// The terms of the entries from `first` to `end`, by looking at few of them: terms never fall.
    pub(crate) fn search(
        first: u64,
        end: u64,
        mut term_of: impl FnMut(u64) -> raft::Result<u64>,
    ) -> raft::Result<Self> {
        let mut runs = Vec::new();
        let mut start = first;
        while start < end {
            let term = term_of(start)?;
            runs.push((start, term));
            // Invariant: the entry in front of `low` has the term, that at `high` has another one.
            let (mut low, mut high) = (start + 1, end);
            while low < high {
                let middle = low + (high - low) / 2;
                match term_of(middle)? == term {
                    true => low = middle + 1,
                    false => high = middle,
                }
            }
            start = low;
        }
        Ok(Terms { runs })
    }

    /// The term of the entry at an index at or behind the first entry.
    pub(crate) fn at(&self, index: u64) -> Option<u64> {
        let behind = self.runs.partition_point(|&(first, _)| first <= index);
        Some(self.runs[behind.checked_sub(1)?].1)
    }

    /// Entries from `first` on have these terms now, and none is behind them.
    pub(crate) fn replace(&mut self, first: u64, terms: impl Iterator<Item = u64>) {
        self.runs.retain(|&(start, _)| start < first);
        for (index, term) in (first..).zip(terms) {
            if self.runs.last().is_none_or(|&(_, last)| last != term) {
                self.runs.push((index, term));
            }
        }
    }

    /// Forgets runs that end in front of `first`.
    pub(crate) fn compact(&mut self, first: u64) {
        let behind = self.runs.partition_point(|&(start, _)| start <= first);
        self.runs.drain(..behind.saturating_sub(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The terms of the entries 10 to 10 + n.
    fn of(terms: &[u64]) -> Terms {
        let mut found = Terms::default();
        found.replace(10, terms.iter().copied());
        found
    }

    #[test]
    fn each_entry_has_its_term_after_replacements_and_compactions() {
        let mut terms = of(&[1, 1, 3, 3, 3, 4]);
        let read = |terms: &Terms| (10..17).map(|index| terms.at(index)).collect::<Vec<_>>();
        assert_eq!(read(&terms)[..6], [1, 1, 3, 3, 3, 4].map(Some));
        terms.replace(13, [5, 5].into_iter());
        assert_eq!(read(&terms)[..5], [1, 1, 3, 5, 5].map(Some));
        terms.replace(12, [1].into_iter());
        assert_eq!(read(&terms)[..3], [1, 1, 1].map(Some));
        assert_eq!(terms.at(9), None);
        let mut terms = of(&[1, 1, 3, 3, 3, 4]);
        terms.compact(13);
        assert_eq!(terms.runs, [(12, 3), (15, 4)]);
        assert_eq!(terms.at(13), Some(3));
    }

    #[test]
    fn a_search_finds_the_same_runs_and_looks_at_few_entries() {
        let all: Vec<u64> = (0..10_000).map(|i| i / 3_000).collect();
        let mut looks = 0;
        let found = Terms::search(10, 10_010, |index| {
            looks += 1;
            Ok(all[(index - 10) as usize])
        });
        assert_eq!(found.unwrap(), of(&all));
        assert!(looks < 100, "{looks}");
        assert_eq!(
            Terms::search(10, 10, |_| unreachable!()).unwrap(),
            Terms::default()
        );
    }
}
