//! Digests the sources of the schema when they are compiled, so that a program knows the template that goes with it,
//! whatever the work tree holds by the time it runs.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// What the schema is made by.
const SOURCES: [&str; 2] = ["migrations/src", "crates/store/src/dialect"];

fn main() -> io::Result<()> {
    let own = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from).unwrap_or_default();
    let (root, mut hash) = (own.join("../.."), DefaultHasher::new());
    for folder in SOURCES {
        println!("cargo::rerun-if-changed={}", root.join(folder).display());
        for file in files(&root.join(folder))? {
            file.strip_prefix(&root).unwrap_or(&file).hash(&mut hash);
            fs::read(&file)?.hash(&mut hash);
        }
    }
    println!("cargo::rustc-env=SCHEMA_DIGEST={:016x}", hash.finish());
    Ok(())
}

/// The Rust sources below a folder, in one order.
fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.append(&mut files(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
