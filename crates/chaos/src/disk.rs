//! A disk whose writes and syncs fail, or at whose syncs the process dies: a library before the C library.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::Result;
use testkit::disk;

/// What the disk does to whoever asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mischief {
    /// No sync ends well: an input/output error.
    Sync,
    /// No write ends well: an input/output error.
    Write,
    /// After so many syncs the process is killed when it asks for the next one.
    DieBefore(u64),
    /// The same, once the next one has ended well and nobody knows.
    DieAfter(u64),
}

/// The number of an input/output error.
const EIO: i32 = 5;

impl Mischief {
    fn words(self) -> String {
        match self {
            Self::Sync => format!("sync {EIO}"),
            Self::Write => format!("write {EIO}"),
            Self::DieBefore(passed) => format!("die-before {passed}"),
            Self::DieAfter(passed) => format!("die-after {passed}"),
        }
    }
}

/// The disk below one folder, for processes that are started with its variables.
#[derive(Debug, Clone)]
pub struct BadDisk {
    library: PathBuf,
    said: PathBuf,
    hits: PathBuf,
    below: PathBuf,
}

impl BadDisk {
    /// Makes one in `folder` for the files below `below`; it is good at first.
    pub fn make(folder: &Path, below: &Path) -> Result<Self> {
        let (said, hits) = (folder.join("disk-fault"), folder.join("disk-fault.hits"));
        fs::write(&hits, "")?;
        // PostgreSQL is another user.
        fs::set_permissions(&hits, Permissions::from_mode(0o666))?;
        Ok(Self { library: disk::library(folder)?, said, hits, below: below.to_owned() })
    }

    /// What a process is told that stands on this disk.
    pub fn variables(&self) -> [(&'static str, &Path); 3] {
        [("LD_PRELOAD", &self.library), (disk::FAULT, &self.said), (disk::FOLDER, &self.below)]
    }

    /// From now on it does this.
    pub fn set(&self, mischief: Mischief) -> Result<()> {
        // In one step, so that nobody reads half of it.
        let new = self.said.with_extension("new");
        fs::write(&new, mischief.words())?;
        fs::set_permissions(&new, Permissions::from_mode(0o644))?;
        Ok(fs::rename(new, &self.said)?)
    }

    /// It is good again.
    pub fn mend(&self) -> Result<()> {
        Ok(fs::remove_file(&self.said)?)
    }

    /// How often it did harm.
    pub fn hits(&self) -> u64 {
        fs::metadata(&self.hits).map_or(0, |hits| hits.len())
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// `dd` writes and syncs a file below the folder.
    fn write(disk: &BadDisk, file: &Path) -> std::process::ExitStatus {
        let mut command = Command::new("dd");
        command.args(["if=/dev/zero", "bs=4096", "count=1", "conv=fsync"]).arg(format!("of={}", file.display()));
        let command = command.envs(disk.variables()).stderr(std::process::Stdio::null());
        command.status().expect("dd is there")
    }

    #[test]
    fn a_bad_disk_fails_or_kills_whoever_writes_below_its_folder_and_counts_it() {
        use std::os::unix::process::ExitStatusExt;
        let folder = tempfile::tempdir().expect("a folder");
        let below = folder.path().join("data");
        fs::create_dir(&below).expect("a folder");
        let (inside, outside) = (below.join("file"), folder.path().join("file"));
        let disk = BadDisk::make(folder.path(), &below).expect("a compiler is there");
        assert!(write(&disk, &inside).success());
        for mischief in [Mischief::Sync, Mischief::Write] {
            disk.set(mischief).expect("said");
            assert!(!write(&disk, &inside).success() && write(&disk, &outside).success(), "{mischief:?}");
        }
        for mischief in [Mischief::DieBefore(0), Mischief::DieAfter(0)] {
            disk.set(mischief).expect("said");
            assert_eq!(write(&disk, &inside).signal(), Some(9), "{mischief:?}");
        }
        disk.set(Mischief::DieAfter(1)).expect("said");
        assert!(write(&disk, &inside).success(), "one sync goes well");
        assert_eq!(disk.hits(), 4);
        disk.mend().expect("mended");
        assert!(write(&disk, &inside).success());
    }
}
