//! The master key's file.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::*;

fn text(key: &MasterKey) -> String {
    key.export().expose().clone()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("a file").permissions().mode() & 0o777
}

/// Why the key in `path` is not usable.
fn refusal(path: &Path) -> String {
    match MasterKey::read(path) {
        Err(InventoryError::Master(reason)) => reason,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it was read"),
    }
}

fn write(path: &Path, text: &str, mode: u32) {
    fs::write(path, text).expect("written");
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("set");
}

#[test]
fn the_first_start_makes_a_key_that_only_its_owner_reads_and_the_next_reads_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("master.key");
    let (made, is_new) = MasterKeys::read_or_make(&path).expect("made");
    assert!(is_new);
    assert_eq!(mode(&path), 0o600);
    let (read, is_new) = MasterKeys::read_or_make(&path).expect("read");
    assert!(!is_new);
    assert_eq!(text(read.current()), text(made.current()));
}

#[test]
fn a_key_is_never_written_over_a_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("master.key");
    let first = MasterKey::generate();
    first.write(&path).expect("written");
    assert!(matches!(MasterKey::generate().write(&path), Err(InventoryError::Master(_))));
    assert_eq!(text(&MasterKey::read(&path).expect("read")), text(&first));
}

#[test]
fn a_file_that_others_may_read_is_refused_with_the_remedy() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("master.key");
    MasterKey::generate().write(&path).expect("written");
    for bits in [0o640, 0o604, 0o620, 0o601] {
        fs::set_permissions(&path, Permissions::from_mode(bits)).expect("set");
        let reason = refusal(&path);
        assert!(reason.contains(&format!("mode {bits:o}; make it 600")), "{reason}");
        assert!(MasterKeys::read_or_make(&path).is_err());
    }
    fs::set_permissions(&path, Permissions::from_mode(0o400)).expect("set");
    assert!(MasterKey::read(&path).is_ok());
}

#[test]
fn a_text_that_is_no_key_is_refused_without_being_shown() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("master.key");
    let almost = "ab".repeat(31);
    let wrong = [
        String::new(),
        almost.clone(),
        format!("{almost}abc"),
        format!("{almost}zz"),
        format!("{almost}+f"),
        "é".repeat(32),
    ];
    for text in wrong {
        write(&path, &text, 0o600);
        let reason = refusal(&path);
        assert_eq!(reason, "it has 64 hexadecimal digits");
        assert!(MasterKey::parse(&text).is_err());
    }
    assert!(refusal(&folder.path().join("none.key")).contains("none.key"));
}

#[test]
fn a_key_reads_back_whatever_the_case_and_the_line_end() {
    let key = MasterKey::generate();
    let exported = text(&key);
    assert_eq!(exported.len(), 64);
    for form in [exported.clone(), exported.to_uppercase(), format!("{exported}\r\n")] {
        assert_eq!(text(&MasterKey::parse(&form).expect("a key")), exported);
    }
    assert_ne!(exported, text(&MasterKey::generate()));
}

#[test]
fn keys_that_a_rotation_left_beside_the_file_still_unwrap() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("master.key");
    let (current, _) = MasterKeys::read_or_make(&path).expect("made");
    for beside in [MasterKeys::next_path(&path), MasterKeys::old_path(&path)] {
        let other = MasterKey::generate();
        other.write(&beside).expect("written");
        let key = crate::seal::random_key();
        let wrapped = MasterKeys::only(other).wrap(b"bound", &key).expect("wrapped");
        assert!(matches!(current.unwrap(b"bound", &wrapped), Err(InventoryError::ForeignMaster)));
        let all = MasterKeys::read(&path).expect("read");
        assert_eq!(all.unwrap(b"bound", &wrapped).expect("unwrapped").expose(), key.expose());
        assert!(matches!(all.unwrap(b"moved", &wrapped), Err(InventoryError::Sealed)));
        assert_eq!(text(all.current()), text(current.current()));
    }
    fs::set_permissions(MasterKeys::old_path(&path), Permissions::from_mode(0o644)).expect("set");
    assert!(MasterKeys::read(&path).is_err(), "a leftover that others may read is refused, too");
}
