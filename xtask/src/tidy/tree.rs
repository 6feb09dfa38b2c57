//! The files that tidy looks at: all text that git tracks or would track.

use std::path::Path;
use std::process::Command;
use std::{fs, io};

use anyhow::{Context, Result, ensure};

/// A file that is text.
pub struct TextFile {
    /// Relative to the workspace, with forward slashes.
    pub path: String,
    pub text: String,
}

/// Reads the work tree at `root`. Files that are not UTF-8 are left out.
pub fn read(root: &Path) -> Result<Vec<TextFile>> {
    let mut files = Vec::new();
    for path in without_caches(list(root)?) {
        if let Some(text) = read_text(&root.join(&path))? {
            files.push(TextFile { path, text });
        }
    }
    Ok(files)
}

fn list(root: &Path) -> Result<Vec<String>> {
    let arguments = ["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate"];
    let output = Command::new("git").args(arguments).current_dir(root).output().context("starting git")?;
    ensure!(output.status.success(), "git ls-files: {}", String::from_utf8_lossy(&output.stderr).trim());
    let names = String::from_utf8(output.stdout).context("a file name is not UTF-8")?;
    Ok(names.split_terminator('\0').map(str::to_owned).collect())
}

/// Leaves out build folders, which cargo marks with a tag file, wherever CARGO_TARGET_DIR put them.
fn without_caches(paths: Vec<String>) -> Vec<String> {
    let caches: Vec<String> =
        paths.iter().filter_map(|path| path.strip_suffix("CACHEDIR.TAG")).map(str::to_owned).collect();
    paths.into_iter().filter(|path| !caches.iter().any(|cache| path.starts_with(cache))).collect()
}

/// The text of a file; none if it is not text, or is tracked and deleted.
fn read_text(path: &Path) -> Result<Option<String>> {
    match fs::read(path) {
        Ok(bytes) => Ok(String::from_utf8(bytes).ok()),
        Err(error) if error.kind() == io::ErrorKind::NotFound || path.is_dir() => Ok(None),
        Err(error) => Err(error).with_context(|| format!("reading {}", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn build_folders_are_left_out() {
        let paths = ["a.rs", "target-2/CACHEDIR.TAG", "target-2/debug/x.d", "target-2.md"];
        assert_eq!(without_caches(paths.map(str::to_owned).to_vec()), ["a.rs", "target-2.md"]);
    }
}
