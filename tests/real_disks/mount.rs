//! A file system of its own for one test, on a loop device.

#![allow(unsafe_code)]

use std::fs::File;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;
use std::time::Instant;

/// How a file system is made and mounted.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    pub name: &'static str,
    pub file_system: &'static str,
    pub size_bytes: u64,
    pub make: &'static [&'static str],
    pub mount: &'static str,
}

const MIB: u64 = 1 << 20;

const EXT4_MAKE: &[&str] = &["-F", "-q", "-b", "4096"];

pub const EXT4: Kind = Kind {
    name: "ext4",
    file_system: "ext4",
    size_bytes: 64 * MIB,
    make: EXT4_MAKE,
    mount: "rw",
};

pub const EXT4_SMALL_BLOCKS: Kind = Kind {
    name: "ext4 with blocks of 1 KiB",
    make: &["-F", "-q", "-b", "1024"],
    ..EXT4
};

pub const EXT4_WITHOUT_DELAYED_ALLOCATION: Kind = Kind {
    name: "ext4 without delayed allocation",
    mount: "rw,nodelalloc",
    ..EXT4
};

pub const EXT4_WITHOUT_JOURNAL: Kind = Kind {
    name: "ext4 without a journal",
    make: &["-F", "-q", "-b", "4096", "-O", "^has_journal"],
    ..EXT4
};

pub const EXT4_WITH_JOURNALED_DATA: Kind = Kind {
    name: "ext4 with journaled data",
    mount: "rw,data=journal",
    ..EXT4
};

pub const XFS: Kind = Kind {
    name: "XFS",
    file_system: "xfs",
    size_bytes: 320 * MIB,
    make: &["-f", "-q"],
    mount: "rw",
};

pub const BTRFS: Kind = Kind {
    name: "btrfs",
    file_system: "btrfs",
    size_bytes: 256 * MIB,
    make: &["-f", "-q"],
    mount: "rw",
};

pub const TMPFS: Kind = Kind {
    name: "tmpfs",
    file_system: "tmpfs",
    size_bytes: 16 * MIB,
    make: &[],
    mount: "rw",
};

/// A mounted file system; unmounted and removed on drop.
pub struct Mounted {
    pub kind: Kind,
    dir: tempfile::TempDir,
    device: Option<String>,
}

/// The file system, mounted; `None`, with a message, where that cannot be had.
pub fn mounted(kind: Kind) -> Option<Mounted> {
    // SAFETY: asks for a number.
    if unsafe { libc::geteuid() } != 0 {
        println!("SKIPPED on {}: only root may mount", kind.name);
        return None;
    }
    let dir = tempfile::tempdir().expect("a directory");
    std::fs::create_dir(dir.path().join("mounted")).expect("a directory");
    let mut made = Mounted {
        kind,
        dir,
        device: None,
    };
    match made.make() {
        Ok(()) => Some(made),
        Err(why) => {
            println!("SKIPPED on {}: {why}", kind.name);
            None
        }
    }
}

fn run(command: &mut Command) -> Result<String, String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|e| format!("{program}: {e}"))?;
    if !output.status.success() {
        let printed = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{program}: {}", printed.trim()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

impl Mounted {
    /// Where it is mounted.
    pub fn path(&self) -> PathBuf {
        self.dir.path().join("mounted")
    }

    fn make(&mut self) -> Result<(), String> {
        if self.kind.file_system != "tmpfs" {
            let image = self.dir.path().join("image");
            let file = File::create(&image).map_err(|e| e.to_string())?;
            file.set_len(self.kind.size_bytes)
                .map_err(|e| e.to_string())?;
            let make = format!("mkfs.{}", self.kind.file_system);
            run(Command::new(make).args(self.kind.make).arg(&image))?;
            let mut losetup = Command::new("losetup");
            self.device = Some(run(losetup.args(["-f", "--show"]).arg(&image))?);
        }
        self.mount()
    }

    fn mount(&self) -> Result<(), String> {
        let mut options = self.kind.mount.to_owned();
        if self.device.is_none() {
            options += &format!(",size={}", self.kind.size_bytes);
        }
        let mut mount = Command::new("mount");
        mount.args(["-t", self.kind.file_system, "-o", &options]);
        mount.arg(self.device.as_deref().unwrap_or("tmpfs"));
        run(mount.arg(self.path())).map(drop)
    }

    /// Takes the file system away from everybody, as a power cut does: what is in memory only is
    /// lost. False, with a message: it knows no such call.
    pub fn cut_off(&self) -> bool {
        let done = cut_off(&self.path());
        if let Err(error) = &done {
            println!("SKIPPED on {}: no shutdown: {error}", self.kind.name);
        }
        done.is_ok()
    }

    /// Unmounts it and mounts it again, as the next boot does.
    pub fn mount_again(&self) {
        // A process that another test starts holds copies of all descriptors for a moment.
        let until = Instant::now() + Duration::from_secs(20);
        while let Err(why) = run(Command::new("umount").arg(self.path())) {
            assert!(Instant::now() < until, "{why}");
            std::thread::sleep(Duration::from_millis(10));
        }
        self.mount().expect("mounts again");
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let path = self.path();
        if run(Command::new("umount").arg(&path)).is_err() {
            let _ = run(Command::new("umount").arg("-l").arg(&path));
        }
        if let Some(device) = &self.device {
            let _ = run(Command::new("losetup").args(["-d", device]));
        }
    }
}

/// `FS_IOC_SHUTDOWN` (linux/fs.h, formerly xfs_fs.h): without flushing the log.
pub fn cut_off(path: &Path) -> std::io::Result<()> {
    const FS_IOC_SHUTDOWN: u64 = 0x8004_587D;
    const WITHOUT_FLUSHING: u32 = 2;
    let dir = File::open(path)?;
    // SAFETY: an open descriptor, and a number that the call reads.
    let done = unsafe { libc::ioctl(dir.as_raw_fd(), FS_IOC_SHUTDOWN as _, &WITHOUT_FLUSHING) };
    match done {
        0 => Ok(()),
        _ => Err(std::io::Error::last_os_error()),
    }
}

/// Writes out everything of the file system: its pages are clean and write-protected then.
pub fn write_out(path: &Path) {
    let dir = File::open(path).expect("opens");
    // SAFETY: an open descriptor.
    assert_eq!(unsafe { libc::syncfs(dir.as_raw_fd()) }, 0);
}

/// Writes a file until there is no room, in smaller and smaller pieces.
pub fn fill(path: &Path) {
    use std::io::Write;
    let mut file = File::create(path).expect("creates");
    for len in [1 << 20, 4096, 512] {
        while file.write_all(&vec![1; len]).is_ok() {}
    }
    let _ = file.sync_all();
}
