//! A clock of the program's own, which can be set forward and back.
//!
//! A few lines of C stand before the C library's clock and add what a file says. Only the time of day is wrong then: how
//! long something takes is measured by another clock, which stays right.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use chrono::TimeDelta;

use crate::process::tool;

const SOURCE: &str = include_str!("clock.c");

/// The clock of one installation.
#[derive(Debug)]
pub struct Clock {
    library: PathBuf,
    offset: PathBuf,
    file: File,
}

impl Clock {
    /// Builds one in `folder`, with the C compiler that links our programs, too; it is right at first.
    pub async fn make(folder: &Path) -> Result<Self> {
        let (source, library, offset) = (folder.join("clock.c"), folder.join("clock.so"), folder.join("offset"));
        std::fs::write(&source, SOURCE)?;
        let text = |path: &Path| path.to_str().map(str::to_owned).context("a path that is text");
        tool("cc", &["-shared", "-fPIC", "-O1", "-o", &text(&library)?, &text(&source)?]).await?;
        let file = File::create_new(&offset)?;
        let clock = Self { library, offset, file };
        clock.set(TimeDelta::zero())?;
        Ok(clock)
    }

    /// From now on it is wrong by so much.
    pub fn set(&self, offset: TimeDelta) -> Result<()> {
        Ok(self.file.write_all_at(&offset.num_seconds().to_ne_bytes(), 0)?)
    }

    /// The program that `command` starts has this clock.
    pub fn give_to(&self, command: &mut Command) {
        command.env("LD_PRELOAD", &self.library).env("CHAOS_CLOCK", &self.offset);
    }
}
