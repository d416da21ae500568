//! One writer, by any path; the lock dies with its holder and not with its holder's children.

use super::*;
use crate::storage::RealDisk;
use crate::storage::Storage;
use crate::storage::tests::child_dir;
use crate::storage::tests::in_a_process_of_its_own;
use crate::storage::tests::rerun;
use std::io::ErrorKind;
use std::os::fd::AsRawFd;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::Stdio;

fn error_kind<T>(result: io::Result<T>) -> ErrorKind {
    result.err().expect("an error").kind()
}

fn lock_file(path: &Path) -> io::Result<HeldFile> {
    super::lock_file(&Place::anywhere(path))
}

fn open_lock_file(path: &Path) -> io::Result<OwnedFd> {
    Place::anywhere(path).open_lock()
}

/// Takes the flock alone, past the registry, as another process would.
fn is_flocked(path: &Path) -> bool {
    let file = open_lock_file(path).unwrap();
    let is_free = take_flock(file.as_raw_fd()).is_ok();
    release_flock(file);
    !is_free
}

/// Closing would not always do: a process that another test is just spawning has a copy of the
/// descriptor until it executes.
fn release_flock(file: OwnedFd) {
    super::release_flock(Some(file.as_raw_fd()));
}

/// Runs `child` in a forked child and gives back its exit code.
fn fork_and_wait(child: impl FnOnce() -> u8) -> i32 {
    // SAFETY: the child runs `child` and ends; this process has no thread that matters to it.
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0);
    if pid == 0 {
        let code = child();
        // SAFETY: ends the child without running anything of the parent's.
        unsafe { libc::_exit(code.into()) };
    }
    let mut status = 0;
    // SAFETY: waits for our own child, writes to `status`.
    assert_eq!(unsafe { libc::waitpid(pid, &mut status, 0) }, pid);
    assert!(libc::WIFEXITED(status), "the child was killed: {status:#x}");
    libc::WEXITSTATUS(status)
}

#[test]
fn a_second_lock_by_any_path_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("root");
    std::fs::create_dir(&root).unwrap();
    let link: PathBuf = dir.path().join("link");
    std::os::unix::fs::symlink(&root, &link).unwrap();
    std::fs::write(root.join("LOCK"), b"").unwrap();
    std::fs::hard_link(root.join("LOCK"), dir.path().join("LOCK2")).unwrap();
    let lock = RealDisk.lock(&root.join("LOCK")).unwrap();
    for path in [
        root.join("LOCK"),
        link.join("LOCK"),
        dir.path().join("LOCK2"),
    ] {
        assert_eq!(
            error_kind(RealDisk.lock(&path)),
            ErrorKind::WouldBlock,
            "{path:?}"
        );
    }
    assert!(
        is_flocked(&root.join("LOCK")),
        "other processes are kept out too"
    );
    drop(lock);
    assert!(!is_flocked(&root.join("LOCK")));
    RealDisk.lock(&link.join("LOCK")).unwrap();
}

#[test]
fn a_lock_held_elsewhere_is_refused_until_released() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("LOCK");
    let other = open_lock_file(&path).unwrap();
    take_flock(other.as_raw_fd()).unwrap();
    assert_eq!(error_kind(RealDisk.lock(&path)), ErrorKind::WouldBlock);
    release_flock(other);
    RealDisk.lock(&path).unwrap();
}

#[test]
fn the_registry_refuses_without_the_help_of_flock() {
    let identity = (u64::MAX, 1);
    let claim = Claim::take(identity).unwrap();
    assert!(Claim::take(identity).is_none());
    // A refusal took the holder's claim away: the next one was let in.
    assert!(Claim::take(identity).is_none());
    assert!(Claim::take((u64::MAX, 2)).is_some());
    drop(claim);
    assert!(Claim::take(identity).is_some());
}

#[test]
fn a_replaced_lock_file_is_locked_by_itself() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("LOCK");
    let stale = lock_file(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    let fresh = lock_file(&path).unwrap();
    assert!(
        is_flocked(&path),
        "the lock is on the file that the name shows"
    );
    drop(stale);
    assert!(is_flocked(&path), "the stale lock is another one");
    drop(fresh);
}

/// Two writers had one directory as soon as `LOCK` was removed by hand.
#[test]
fn the_directory_is_locked_too_and_refuses_though_the_file_was_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("LOCK");
    let lock = RealDisk.lock(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    assert_eq!(error_kind(RealDisk.lock(&path)), ErrorKind::WouldBlock);
    // Past the registry, as another process would.
    let other = std::fs::File::open(dir.path()).unwrap();
    assert_eq!(
        error_kind(take_flock(other.as_raw_fd())),
        ErrorKind::WouldBlock
    );
    drop(lock);
    take_flock(other.as_raw_fd()).unwrap();
    super::release_flock(Some(other.as_raw_fd()));
    RealDisk.lock(&path).unwrap();
}

#[test]
fn a_lock_knows_whether_its_names_still_stand_for_what_it_locked() {
    let dir = tempfile::tempdir().unwrap();
    let (root, moved) = (dir.path().join("root"), dir.path().join("moved"));
    std::fs::create_dir(&root).unwrap();
    let path = root.join("LOCK");
    let lock = RealDisk.lock(&path).unwrap();
    assert!(lock.is_attached().unwrap());
    std::fs::rename(&root, &moved).unwrap();
    assert!(!lock.is_attached().unwrap(), "nothing stands there");
    std::fs::create_dir(&root).unwrap();
    std::fs::write(&path, b"").unwrap();
    assert!(!lock.is_attached().unwrap(), "another directory");
    std::fs::remove_dir_all(&root).unwrap();
    std::os::unix::fs::symlink(&moved, &root).unwrap();
    assert!(lock.is_attached().unwrap(), "a link to the same directory");
    std::fs::write(moved.join("OTHER"), b"").unwrap();
    std::fs::rename(moved.join("OTHER"), moved.join("LOCK")).unwrap();
    assert!(!lock.is_attached().unwrap(), "another lock file");
    std::fs::remove_file(moved.join("LOCK")).unwrap();
    assert!(!lock.is_attached().unwrap(), "no lock file");
}

#[test]
fn a_lock_file_that_is_a_link_is_refused_and_nothing_is_made_where_it_leads() {
    // A dangling one made a file elsewhere.
    let dir = tempfile::tempdir().unwrap();
    let (path, elsewhere) = (dir.path().join("LOCK"), dir.path().join("elsewhere"));
    std::os::unix::fs::symlink(&elsewhere, &path).unwrap();
    assert_eq!(error_kind(RealDisk.lock(&path)), ErrorKind::InvalidInput);
    assert!(!elsewhere.exists());
    std::fs::write(&elsewhere, b"").unwrap();
    assert_eq!(error_kind(RealDisk.lock(&path)), ErrorKind::InvalidInput);
}

#[test]
fn many_threads_get_one_lock() {
    let dir = tempfile::tempdir().unwrap();
    let path = &dir.path().join("LOCK");
    let holders = &std::sync::atomic::AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(move || {
                for _ in 0..200 {
                    match RealDisk.lock(path) {
                        Ok(lock) => {
                            assert_eq!(holders.fetch_add(1, Ordering::SeqCst), 0);
                            assert_eq!(holders.fetch_sub(1, Ordering::SeqCst), 1);
                            drop(lock);
                        }
                        Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
                    }
                }
            });
        }
    });
}

/// The old danger: `flock` belongs to the open file description, which a forked child shares.
#[test]
fn a_forked_child_does_not_keep_the_lock_of_a_dead_parent() {
    const TEST: &str =
        "storage::posix::lock::tests::a_forked_child_does_not_keep_the_lock_of_a_dead_parent";
    if let Some(dir) = child_dir() {
        die_holding_the_lock(&dir.join("LOCK"));
    }
    let dir = tempfile::tempdir().unwrap();
    let mut holder = rerun(TEST, dir.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    // Keeps the orphan alive until the end of this test: it waits for the end of its input.
    let input = holder.stdin.take().unwrap();
    assert_eq!(holder.wait().unwrap().code(), Some(DIED_HOLDING));
    RealDisk.lock(&dir.path().join("LOCK")).unwrap();
    drop(input);
}

const DIED_HOLDING: i32 = 42;

/// Locks, leaves a child behind that outlives us, and ends without unlocking.
fn die_holding_the_lock(path: &Path) -> ! {
    let _lock = lock_file(path).unwrap();
    assert!(is_flocked(path));
    let mut pipe = [0; 2];
    // SAFETY: writes two descriptors.
    assert_eq!(unsafe { libc::pipe(pipe.as_mut_ptr()) }, 0);
    let mut byte = [0u8];
    let at = byte.as_mut_ptr().cast::<libc::c_void>();
    // SAFETY: the child does async-signal-safe calls on its own descriptors and memory; the
    // parent hears that the child is past its fork handlers before it ends.
    unsafe {
        match libc::fork() {
            0 => {
                libc::write(pipe[1], at, 1);
                while libc::read(0, at, 1) > 0 {}
                libc::_exit(0)
            }
            _ => {
                libc::read(pipe[0], at, 1);
                libc::_exit(DIED_HOLDING)
            }
        }
    }
}

#[test]
fn a_lock_dropped_in_a_child_closes_nothing_there_and_frees_nothing_here() {
    const TEST: &str = "storage::posix::lock::tests::\
        a_lock_dropped_in_a_child_closes_nothing_there_and_frees_nothing_here";
    in_a_process_of_its_own(TEST, |dir| {
        let path = dir.join("LOCK");
        let generation = fork_generation();
        let mut held = Some(lock_file(&path).unwrap());
        let other = lock_file(&dir.join("OTHER")).unwrap();
        let mut inherited = Claim::take((u64::MAX, 3)).unwrap();
        let open_before = open_descriptors();
        let code = fork_and_wait(|| {
            if fork_generation() == generation {
                return 1;
            }
            // The numbers of both locks are free here. Others take them: a file of the host's,
            // and a lock of the child's own.
            let host = [(); 2].map(|()| std::fs::File::open("/dev/null").unwrap());
            if lock_file(&path).err().map(|error| error.kind()) != Some(ErrorKind::WouldBlock) {
                return 2;
            }
            drop(host);
            let own = lock_file(&dir.join("OWN")).unwrap();
            let host = std::fs::File::open("/dev/null").unwrap();
            drop(held.take());
            if !is_flocked(&dir.join("OWN")) || host.metadata().is_err() {
                return 3;
            }
            // The child has a registry of its own, and what it inherited does not touch it.
            let Some(claim) = Claim::take((u64::MAX, 3)) else {
                return 5;
            };
            drop(std::mem::replace(&mut inherited, claim));
            if Claim::take((u64::MAX, 3)).is_some() {
                return 6;
            }
            drop(own);
            if is_flocked(&dir.join("OWN")) {
                return 4;
            }
            0
        });
        assert_eq!(code, 0);
        assert_eq!(
            fork_generation(),
            generation,
            "the parent's generation stays"
        );
        assert_eq!(open_descriptors(), open_before);
        assert!(is_flocked(&path), "the lock is still ours");
        drop(held);
        assert!(!is_flocked(&path));
        drop(other);
    });
}

fn open_descriptors() -> usize {
    std::fs::read_dir("/dev/fd").unwrap().count()
}

#[test]
fn the_slots_of_released_locks_are_used_again() {
    const TEST: &str = "storage::posix::lock::tests::the_slots_of_released_locks_are_used_again";
    in_a_process_of_its_own(TEST, |dir| {
        for _ in 0..100 {
            let _a = lock_file(&dir.join("A")).unwrap();
            let _b = lock_file(&dir.join("B")).unwrap();
        }
        assert_eq!(crate::platform::fork::slot_count(), 2);
    });
}

#[test]
fn a_holder_is_announced_until_its_lock_ends_and_asking_is_in_nobodys_way() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("LOCK");
    let is_announced = || RealDisk.is_announced(&path).unwrap();
    assert!(!is_announced());
    for _ in 0..3 {
        let lock = RealDisk.lock(&path).unwrap();
        #[cfg(target_os = "linux")]
        assert!(!is_announced());
        lock.announce().unwrap();
        assert!(is_announced() && is_announced());
        // Neither a refused lock nor a file that was closed ends it.
        assert_eq!(error_kind(RealDisk.lock(&path)), ErrorKind::WouldBlock);
        drop(open_lock_file(&path).unwrap());
        assert!(is_announced());
        assert_eq!(fork_and_wait(|| u8::from(is_announced())), 1);
        drop(lock);
        assert!(!is_announced());
    }
}
