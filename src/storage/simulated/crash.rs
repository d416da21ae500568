//! Which state does a crash leave? One of all that the disk may be in, chosen by a seed.

use crate::storage::simulated::directories::Directory;
use crate::storage::simulated::directories::InodeNumber;
use crate::storage::simulated::directories::Names;
use crate::storage::simulated::directories::ROOT;
use crate::storage::simulated::directories::apply_edit;
use crate::storage::simulated::files::Inode;
use crate::storage::simulated::files::Version;
use crate::storage::simulated::random::Random;
use crate::storage::simulated::state::State;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

/// Which names may survive a crash, of those changed since their directory was last synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DirectoryModel {
    /// Each name for itself is as it was, or as any change since left it. A rename may leave both
    /// names, or none; a replaced name is always one of the files that it stood for. This is all
    /// that POSIX promises.
    Strict,
    /// A prefix of all changes, over all directories, survives, and syncing a directory makes
    /// everything up to its last change durable; as on ext4, XFS and other journaling systems.
    Ordered,
}

/// How the seed decides. Chosen by `seed % 8`, so that eight seeds in a row see all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// 0: nothing survives that was not synced.
    Nothing,
    /// 1: everything survives, except what a failed sync has dropped.
    Everything,
    /// 2: all up to some moment survives, nothing after it.
    UpToAMoment,
    /// 3: each sector, length and name is any of its versions.
    AnyVersion,
    /// 4: each is the durable or the newest one.
    OldOrNew,
    /// 5: of each file all or nothing survives, names are any.
    WholeFiles,
    /// 6: names survive, contents and lengths do not.
    NamesOnly,
    /// 7: contents and lengths survive, names do not.
    ContentsOnly,
}

const MODES: [Mode; 8] = [
    Mode::Nothing,
    Mode::Everything,
    Mode::UpToAMoment,
    Mode::AnyVersion,
    Mode::OldOrNew,
    Mode::WholeFiles,
    Mode::NamesOnly,
    Mode::ContentsOnly,
];

/// The disk after a power loss.
pub(super) fn survivors(state: &State, seed: u64, model: DirectoryModel) -> State {
    let mut choice = Choice::new(state, seed);
    let all_names = match model {
        DirectoryModel::Strict => choice.strict_names(state),
        DirectoryModel::Ordered => choice.ordered_names(state),
    };
    let mut survived = State {
        next_inode: state.next_inode,
        time: state.time,
        ..State::new()
    };
    survived.directories.clear();
    let mut ways = vec![(ROOT, Arc::<Path>::from(Path::new("/")))];
    let mut placed = BTreeSet::from([ROOT]);
    while let Some((directory, path)) = ways.pop() {
        let mut names: Names = all_names.get(&directory).cloned().unwrap_or_default();
        // A directory has one name, even if it was renamed and both names survived.
        names.retain(|_, inode| !state.directories.contains_key(inode) || placed.insert(*inode));
        for (name, &inode) in &names {
            let path: Arc<Path> = path.join(&**name).into();
            if state.directories.contains_key(&inode) {
                ways.push((inode, path));
                continue;
            }
            let file = survived
                .files
                .entry(inode)
                .or_insert_with(|| Arc::new(choice.surviving_file(state.file(inode), path)));
            Arc::make_mut(file).links += 1;
        }
        let directory_after = Directory::durable_directory(names);
        survived
            .directories
            .insert(directory, Arc::new(directory_after));
    }
    survived
}

struct Choice {
    random: Random,
    mode: Mode,
    /// The last change that survives, for [`Mode::UpToAMoment`].
    moment: u64,
    /// Whether the current file survives, for [`Mode::WholeFiles`].
    file_survives: bool,
}

impl Choice {
    fn new(state: &State, seed: u64) -> Self {
        let mut random = Random::new(seed);
        let mode = MODES[(seed % MODES.len() as u64) as usize];
        let moment = if mode == Mode::UpToAMoment {
            pick_moment(state, &mut random)
        } else {
            0
        };
        Self {
            random,
            mode,
            moment,
            file_survives: false,
        }
    }

    /// Which of the versions survives; `None`: the durable one before them all.
    fn version<T>(&mut self, versions: &[Version<T>], is_dirty: bool) -> Option<usize> {
        let newest = versions.len().checked_sub(1);
        match self.mode {
            Mode::Nothing | Mode::NamesOnly => None,
            Mode::Everything | Mode::ContentsOnly if is_dirty => newest,
            Mode::Everything | Mode::ContentsOnly => None,
            Mode::UpToAMoment => versions
                .partition_point(|version| version.0 <= self.moment)
                .checked_sub(1),
            Mode::AnyVersion => self.any_version(versions.len()),
            Mode::OldOrNew => newest.filter(|_| self.random.coin()),
            Mode::WholeFiles => newest.filter(|_| self.file_survives),
        }
    }

    fn any_version(&mut self, count: usize) -> Option<usize> {
        (self.random.below(count as u64 + 1) as usize).checked_sub(1)
    }

    fn name_version<T>(&mut self, versions: &[Version<T>]) -> Option<usize> {
        match self.mode {
            Mode::NamesOnly => versions.len().checked_sub(1),
            Mode::ContentsOnly => None,
            Mode::WholeFiles => self.any_version(versions.len()),
            _ => self.version(versions, true),
        }
    }

    fn strict_names(&mut self, state: &State) -> BTreeMap<InodeNumber, Names> {
        let mut all = BTreeMap::new();
        for (&number, directory) in &state.directories {
            let mut names = Names::clone(&directory.strict);
            for (name, versions) in &directory.strict_pending {
                let Some(index) = self.name_version(versions) else {
                    continue;
                };
                match versions[index].1 {
                    Some(inode) => names.insert(name.clone(), inode),
                    None => names.remove(name),
                };
            }
            all.insert(number, names);
        }
        all
    }

    fn ordered_names(&mut self, state: &State) -> BTreeMap<InodeNumber, Names> {
        let mut all: BTreeMap<InodeNumber, Names> = state
            .directories
            .iter()
            .map(|(&number, directory)| (number, Names::clone(&directory.ordered)))
            .collect();
        let changes: Vec<Version<()>> = state
            .ordered_pending
            .iter()
            .map(|change| (change.change, ()))
            .collect();
        let survive = self.name_version(&changes).map_or(0, |index| index + 1);
        for edit in state.ordered_pending[..survive]
            .iter()
            .flat_map(|change| &*change.edits)
        {
            apply_edit(all.entry(edit.directory).or_default(), edit);
        }
        all
    }

    fn surviving_file(&mut self, file: &Inode, path: Arc<Path>) -> Inode {
        self.file_survives = self.random.coin();
        let mut content = file.durable.clone();
        for (&sector, history) in &file.sectors {
            if let Some(index) = self.version(&history.versions, history.is_dirty) {
                content.set_sector(sector, &history.versions[index].1);
            }
        }
        let len = self.surviving_len(file);
        content.cut(len);
        let mut blocks = file.blocks.clone();
        blocks.cut(len);
        let mut survived = Inode::durable_file(content, len, blocks, path);
        survived.modified = file.modified;
        survived
    }

    fn surviving_len(&mut self, file: &Inode) -> u64 {
        let Some(index) = self.version(&file.lengths, file.length_is_dirty) else {
            return file.durable_len;
        };
        let len = file.lengths[index].1;
        let before = if index == 0 {
            file.durable_len
        } else {
            file.lengths[index - 1].1
        };
        if self.mode != Mode::AnyVersion || len <= before || self.random.coin() {
            return len;
        }
        // A file grows in steps on its way to the disk.
        let grown = self.random.below(len - before);
        (before + grown)
            .next_multiple_of(super::file_content::SECTOR_BYTES as u64)
            .min(len)
    }
}

/// A change at or after the oldest that is not durable; often one of the last, because most crash
/// states of interest are near the end.
fn pick_moment(state: &State, random: &mut Random) -> u64 {
    let contents = state.files.values().flat_map(|file| file.pending_changes());
    let names = state.ordered_pending.iter().map(|change| change.change);
    let strict_names = state.directories.values().flat_map(|directory| {
        directory
            .strict_pending
            .values()
            .flatten()
            .map(|version| version.0)
    });
    let Some(oldest) = contents.chain(names).chain(strict_names).min() else {
        return state.change;
    };
    // From "just before the oldest" to "now".
    let span = state.change - oldest + 2;
    let back = if random.coin() {
        random.below(span)
    } else {
        random.below(span.min(4))
    };
    state.change - back
}
