//! The few facts of a Cargo.toml that the floors need, with their lines.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// What the root Cargo.toml says about all crates.
pub struct Workspace {
    pub floors: BTreeMap<String, i64>,
    /// Names under which `[workspace.dependencies]` offers a package that is called otherwise.
    pub renames: BTreeMap<String, String>,
    members: Vec<String>,
}

/// One crate and what it stands on.
pub struct Manifest {
    pub path: String,
    pub package: String,
    pub package_line: usize,
    /// Normal and build dependencies, of every target.
    pub arrows: Vec<Arrow>,
}

/// A dependency as written.
pub struct Arrow {
    pub to: String,
    pub line: usize,
}

impl Workspace {
    /// Reads the root Cargo.toml.
    pub fn parse(text: &str) -> Result<Self> {
        let root: toml::Table = text.parse()?;
        let workspace = root.get("workspace").context("no [workspace]")?;
        let floors = workspace.get("metadata").and_then(|metadata| metadata.get("floors"));
        let floors =
            floors.context("no [workspace.metadata.floors]")?.clone().try_into().context("a floor is a number")?;
        let members =
            workspace.get("members").context("no members")?.clone().try_into().context("members are texts")?;
        let dependencies = workspace.get("dependencies").and_then(toml::Value::as_table);
        let renames = dependencies.into_iter().flatten().filter_map(rename).collect();
        Ok(Self { floors, renames, members })
    }

    /// Whether `path` is the Cargo.toml of a member.
    pub fn has_member(&self, path: &str) -> bool {
        path.strip_suffix("/Cargo.toml").is_some_and(|folder| self.members.iter().any(|member| covers(member, folder)))
    }
}

fn rename((name, value): (&String, &toml::Value)) -> Option<(String, String)> {
    Some((name.clone(), value.get("package")?.as_str()?.to_owned()))
}

fn covers(member: &str, folder: &str) -> bool {
    match member.strip_suffix("/*") {
        Some(parent) => folder.rsplit_once('/').is_some_and(|(above, _)| above == parent),
        None => member == folder,
    }
}

impl Manifest {
    /// Reads a crate's Cargo.toml.
    pub fn parse(path: &str, text: &str, renames: &BTreeMap<String, String>) -> Result<Self> {
        let root = DeTable::parse(text)?;
        let root = root.get_ref();
        let name = table(root, "package").and_then(|package| package.get("name")).context("no package.name")?;
        let package = name.get_ref().as_str().context("package.name is a text")?.to_owned();
        let arrows = dependency_tables(root).into_iter().flatten().map(|(key, value)| {
            let key_text: &str = key.get_ref();
            let package = value.get_ref().get("package").and_then(|package| package.get_ref().as_str());
            let to = package.or_else(|| renames.get(key_text).map(String::as_str)).unwrap_or(key_text);
            Arrow { to: to.to_owned(), line: line_of(text, key.span().start) }
        });
        let (arrows, package_line) = (arrows.collect(), line_of(text, name.span().start));
        Ok(Self { path: path.to_owned(), package, package_line, arrows })
    }
}

/// The dependency tables that end up in a build: dev-dependencies are left out.
fn dependency_tables<'a, 'i>(root: &'a DeTable<'i>) -> Vec<&'a DeTable<'i>> {
    let targets = table(root, "target").into_iter().flat_map(|targets| targets.values());
    let targets = targets.filter_map(|target: &Spanned<DeValue<'i>>| target.get_ref().as_table());
    std::iter::once(root)
        .chain(targets)
        .flat_map(|owner| [table(owner, "dependencies"), table(owner, "build-dependencies")])
        .flatten()
        .collect()
}

fn table<'a, 'i>(owner: &'a DeTable<'i>, name: &str) -> Option<&'a DeTable<'i>> {
    owner.get(name)?.get_ref().as_table()
}

fn line_of(text: &str, offset: usize) -> usize {
    text[..offset].matches('\n').count() + 1
}
