//! The floors of the house: an arrow between crates only goes to a lower number.
//!
//! Floors are data in the root Cargo.toml (`[workspace.metadata.floors]`); dev-dependencies are free.

mod manifest;

use std::collections::BTreeMap;

use anyhow::{Context, Result};

use super::Breach;
use super::tree::TextFile;
use manifest::{Manifest, Workspace};

/// Crates that no shipped crate contains: they stand on no floor and only dev-dependencies may name them.
const DEV_ONLY: [&str; 5] = ["testkit", "chaos", "sim", "xtask", "benches"];

/// Reports every crate without a floor and every arrow that does not go down.
pub fn check(files: &[TextFile]) -> Result<Vec<Breach>> {
    let root = files.iter().find(|file| file.path == "Cargo.toml").context("there is no root Cargo.toml")?;
    let workspace = Workspace::parse(&root.text).context("reading Cargo.toml")?;
    let mut manifests = Vec::new();
    for file in files.iter().filter(|file| workspace.has_member(&file.path)) {
        let manifest = Manifest::parse(&file.path, &file.text, &workspace.renames);
        manifests.push(manifest.with_context(|| format!("reading {}", file.path))?);
    }
    Ok(manifests.iter().flat_map(|manifest| check_manifest(manifest, &manifests, &workspace.floors)).collect())
}

fn check_manifest(manifest: &Manifest, all: &[Manifest], floors: &BTreeMap<String, i64>) -> Vec<Breach> {
    let own = floors.get(&manifest.package).copied();
    let breach = |line, what| Breach { path: manifest.path.clone(), line, what };
    let mut breaches = Vec::new();
    if own.is_none() && !is_dev_only(&manifest.package) {
        let what = format!("crate {} has no floor: add it to [workspace.metadata.floors]", manifest.package);
        breaches.push(breach(manifest.package_line, what));
    }
    for arrow in manifest.arrows.iter().filter(|arrow| all.iter().any(|other| other.package == arrow.to)) {
        // What ships nothing may stand on what ships nothing: benches on the test kit.
        if is_dev_only(&arrow.to) && !is_dev_only(&manifest.package) {
            breaches.push(breach(arrow.line, format!("{} may only be a dev-dependency", arrow.to)));
        } else if let (Some(from), Some(to)) = (own, floors.get(&arrow.to).copied())
            && to >= from
        {
            let what = format!("{} (floor {from}) -> {} (floor {to}) does not go down", manifest.package, arrow.to);
            breaches.push(breach(arrow.line, what));
        }
    }
    breaches
}

fn is_dev_only(package: &str) -> bool {
    DEV_ONLY.contains(&package)
}

#[cfg(test)]
mod tests;
