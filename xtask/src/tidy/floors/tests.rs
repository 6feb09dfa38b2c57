//! Arrows that go up, sideways and to where they must not, each seen and reported.

use super::*;

const ROOT: &str = "[workspace]\nmembers = [\"crates/*\", \"xtask\"]\n\
    [workspace.dependencies]\nshop = { path = \"crates/order\", package = \"order\" }\n\
    [workspace.metadata.floors]\nkernel = 1\nstore = 2\nsheet = 2\norder = 8\n";

fn file(path: &str, text: &str) -> TextFile {
    TextFile { path: path.into(), text: text.into() }
}

fn crate_file(name: &str, rest: &str) -> TextFile {
    file(&format!("crates/{name}/Cargo.toml"), &format!("[package]\nname = \"{name}\"\n{rest}"))
}

/// Checks a house of five crates in which `store` says `rest`.
fn store_with(rest: &str) -> Vec<String> {
    let others = ["kernel", "sheet", "order", "testkit"].map(|name| crate_file(name, ""));
    let files: Vec<_> = [file("Cargo.toml", ROOT), crate_file("store", rest)].into_iter().chain(others).collect();
    check(&files).expect("the manifests are well formed").iter().map(ToString::to_string).collect()
}

#[test]
fn arrow_down_is_free_and_so_are_outside_crates() {
    assert_eq!(store_with("[dependencies]\nkernel.workspace = true\nserde = \"1\"\n"), Vec::<String>::new());
}

#[test]
fn arrow_up_is_reported() {
    let seen = store_with("[dependencies]\nkernel.workspace = true\norder.workspace = true\n");
    assert_eq!(seen, ["crates/store/Cargo.toml:5: store (floor 2) -> order (floor 8) does not go down"]);
}

#[test]
fn arrow_sideways_is_reported() {
    let seen = store_with("[dependencies]\nsheet = { path = \"../sheet\" }\n");
    assert_eq!(seen, ["crates/store/Cargo.toml:4: store (floor 2) -> sheet (floor 2) does not go down"]);
}

#[test]
fn arrow_of_a_build_script_of_a_target_or_under_another_name_is_reported() {
    assert_eq!(store_with("[build-dependencies]\norder.workspace = true\n").len(), 1);
    assert_eq!(store_with("[target.'cfg(unix)'.dependencies]\norder.workspace = true\n").len(), 1);
    assert_eq!(store_with("[dependencies.order]\nworkspace = true\n").len(), 1);
    assert_eq!(store_with("[dependencies]\nlater = { path = \"../order\", package = \"order\" }\n").len(), 1);
    assert_eq!(store_with("[dependencies]\nshop.workspace = true\n").len(), 1);
}

#[test]
fn dev_dependency_goes_anywhere() {
    assert_eq!(
        store_with("[dev-dependencies]\norder.workspace = true\ntestkit.workspace = true\n"),
        Vec::<String>::new()
    );
}

#[test]
fn normal_dependency_on_testkit_is_reported() {
    let seen = store_with("[dependencies]\ntestkit.workspace = true\n");
    assert_eq!(seen, ["crates/store/Cargo.toml:4: testkit may only be a dev-dependency"]);
}

#[test]
fn crate_without_a_floor_is_reported() {
    let files = [file("Cargo.toml", ROOT), crate_file("attic", "")];
    let seen = check(&files).expect("the manifests are well formed");
    assert_eq!(seen.len(), 1);
    assert_eq!(
        seen[0].to_string(),
        "crates/attic/Cargo.toml:2: crate attic has no floor: add it to [workspace.metadata.floors]"
    );
}

#[test]
fn manifest_outside_the_members_is_not_looked_at() {
    let files = [file("Cargo.toml", ROOT), file("crates/store/fuzz/Cargo.toml", "[package]\nname = \"fuzz\"\n")];
    assert_eq!(check(&files).expect("the manifests are well formed"), []);
}
