//! The folder: which files a pack has, and how large they may be.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read, Take};
use std::path::{Path, PathBuf};

use catalog::Code;
use tenancy::Slug;

use super::fault::{Faults, shown};
use super::{goods, tenant};

const TOML_BYTES_MAX: u64 = 1 << 20;
pub(super) const GOODS_BYTES_MAX: u64 = 64 << 20;
pub(super) const CARDS_BYTES_MAX: u64 = 64 << 20;
/// Cards of a whole pack: it is held in memory and written in one transaction.
pub(super) const CARDS_MAX: usize = 1_000_000;
/// Entries of one folder of a pack.
const ENTRIES_MAX: usize = 6_000;

/// The files of a pack, each by its name from the pack's folder on.
pub(super) struct Files {
    folder: PathBuf,
    pub sites: Vec<(Slug, String)>,
    pub cards: Vec<(Code, String)>,
    pub forms: Vec<(Code, String)>,
}

impl Files {
    /// Lists the folder; an entry that is none of a pack's is a fault, because a misspelt one would be left out silently.
    pub(super) fn find(folder: &Path, faults: &Faults) -> Self {
        let is_known = |name: &str| {
            let is_note = name.to_ascii_lowercase().starts_with("readme");
            is_note || [tenant::FILE, goods::FILE, "sites", "cards", "forms"].contains(&name)
        };
        for name in entries(folder, "", faults).into_iter().filter(|name| !is_known(name)) {
            faults.report(&shown(&name), 1, "it is no file of a pack");
        }
        let sites =
            named(folder, "sites", ".toml", faults, |name| Slug::parse(name).map_err(|error| error.to_string()));
        let of_codes = |under: &str, ending: &str| {
            if !folder.join(under).exists() {
                return Vec::new();
            }
            let named =
                named(folder, under, ending, faults, |name| Code::parse(name).map_err(|error| error.to_string()));
            named.into_iter().collect()
        };
        let (cards, forms) = (of_codes("cards", ".csv"), of_codes("forms", ".toml"));
        Self { folder: folder.to_owned(), sites: sites.into_iter().collect(), cards, forms }
    }

    /// Opens a file that is not larger than `bytes_max`.
    pub(super) fn open(&self, name: &str, bytes_max: u64, faults: &Faults) -> Option<Take<File>> {
        let opened = File::open(self.folder.join(name)).and_then(|file| file.metadata().map(|about| (file, about)));
        let (file, about) = match opened {
            Ok(opened) => opened,
            Err(error) => {
                faults.report(name, 1, format!("the file cannot be read: {error}"));
                return None;
            }
        };
        if !about.is_file() || about.len() > bytes_max {
            faults.report(name, 1, format!("it is not a file of at most {bytes_max} bytes"));
            return None;
        }
        Some(file.take(bytes_max))
    }

    /// The text of a TOML file.
    pub(super) fn text(&self, name: &str, faults: &Faults) -> Option<String> {
        let mut text = String::new();
        match self.open(name, TOML_BYTES_MAX, faults)?.read_to_string(&mut text) {
            Ok(_) => Some(text),
            Err(error) => {
                faults.report(name, 1, format!("the file cannot be read: {error}"));
                None
            }
        }
    }
}

/// The files `folder/under/NAME.ending`, by their names.
fn named<N: Ord>(
    folder: &Path,
    under: &str,
    ending: &str,
    faults: &Faults,
    parse: impl Fn(&str) -> Result<N, String>,
) -> BTreeMap<N, String> {
    let mut found = BTreeMap::new();
    for name in entries(&folder.join(under), under, faults) {
        let file = format!("{under}/{name}");
        match name.strip_suffix(ending).map(&parse) {
            None => faults.report(&shown(&file), 1, format!("it is no {ending} file")),
            Some(Err(what)) => faults.report(&shown(&file), 1, format!("the file's name is wrong: {what}")),
            Some(Ok(parsed)) => {
                found.insert(parsed, file);
            }
        }
    }
    found
}

/// The names in a folder, sorted; hidden ones (editors and systems leave them) do not count.
fn entries(folder: &Path, shown_as: &str, faults: &Faults) -> Vec<String> {
    let shown_as = if shown_as.is_empty() { "." } else { shown_as };
    let listed = fs::read_dir(folder).and_then(|entries| entries.take(ENTRIES_MAX + 1).collect::<Result<Vec<_>, _>>());
    let listed = match listed {
        Ok(listed) => listed,
        Err(error) => {
            faults.report(shown_as, 1, format!("the folder cannot be read: {error}"));
            return Vec::new();
        }
    };
    if listed.len() > ENTRIES_MAX {
        faults.report(shown_as, 1, format!("the folder has more than {ENTRIES_MAX} files"));
        return Vec::new();
    }
    let mut names: Vec<String> = listed.iter().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.retain(|name| !name.starts_with('.'));
    names.sort();
    names
}
