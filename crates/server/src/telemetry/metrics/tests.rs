//! What is recorded, what is described and what is explained are the same metrics.

use std::collections::BTreeSet;
use std::path::Path;

use super::{KNOWN, UP};

const PREFIX: &str = "cardgrove_";
const GUIDE: &str = include_str!("../../../../../docs/guides/operator.md");

/// The names of metrics in a text, each after `before`.
fn names(text: &str, before: &str, found: &mut BTreeSet<String>) {
    for (at, _) in text.match_indices(&format!("{before}{PREFIX}")) {
        let name = text[at + before.len()..].chars();
        found.insert(name.take_while(|letter| letter.is_ascii_lowercase() || *letter == '_').collect());
    }
}

/// The names that the sources under `folder` record, tests aside.
fn recorded(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        if path.is_dir() && name != "tests" {
            recorded(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") && name != "tests.rs" {
            let text = std::fs::read_to_string(&path).expect("a source");
            for call in ["counter!(", "gauge!(", "histogram!("] {
                names(&text, &format!("{call}\""), found);
            }
        }
    }
}

fn described() -> BTreeSet<String> {
    let known = KNOWN.iter().map(|(name, _, _)| *name).chain([UP.0]);
    known.map(str::to_owned).collect()
}

#[test]
fn what_is_recorded_is_described() {
    let mut found = BTreeSet::from([UP.0.to_owned()]);
    for room in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("..")).expect("rooms").flatten() {
        recorded(&room.path().join("src"), &mut found);
    }
    assert_eq!(found, described());
}

#[test]
fn what_is_described_is_explained_to_operators() {
    let mut explained = BTreeSet::new();
    names(GUIDE, "`", &mut explained);
    assert_eq!(explained, described());
}
