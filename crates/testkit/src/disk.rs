//! A library that stands between a program and its disk: slower syncs, and calls that fail while a file says so.
//!
//! A few lines of C (`disk.c`) that are loaded before the C library by `LD_PRELOAD`; the program knows nothing of them.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::cluster::TestError;

/// A variable: by how many microseconds each sync is longer.
pub const SYNC_US: &str = "TESTKIT_DISK_SYNC_US";
/// A variable: the file that says what fails, such as `sync 5` or `die-after 3`, while it is there.
pub const FAULT: &str = "TESTKIT_DISK_FAULT";
/// A variable: only files below this folder fail.
pub const FOLDER: &str = "TESTKIT_DISK_FOLDER";

/// Builds it in `folder` with the C compiler that links our programs, too; where it is.
pub fn library(folder: &Path) -> Result<PathBuf, TestError> {
    let library = folder.join("disk.so");
    let mut compiler = Command::new("cc");
    compiler.args(["-shared", "-fPIC", "-O2", "-x", "c", "-", "-ldl", "-o"]).arg(&library);
    compiler.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut compiler = compiler.spawn()?;
    if let Some(mut source) = compiler.stdin.take() {
        source.write_all(include_bytes!("disk.c"))?;
    }
    let output = compiler.wait_with_output()?;
    if output.status.success() {
        return Ok(library);
    }
    Err(TestError(String::from_utf8_lossy(&output.stderr).into_owned()))
}
