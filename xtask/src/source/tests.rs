//! What the scanner must not be fooled by.

use super::*;

fn literals(text: &str) -> Vec<String> {
    Source::new("a.rs", text).literals().map(|(_, inside)| inside.to_owned()).collect()
}

fn names_and_lines(text: &str) -> Vec<(String, usize)> {
    Source::new("a.rs", text).functions().into_iter().map(|found| (found.name, found.lines)).collect()
}

#[test]
fn blanked_code_keeps_length_and_line_breaks() {
    let text = "let a = \"钱\n}\"; // {\n/* { /* nested */ { */ let b = '{';\n";
    let source = Source::new("a.rs", text);
    assert_eq!(source.code().len(), text.len());
    assert_eq!(source.code().lines().count(), 3);
    assert!(!source.code().contains(['{', '}']));
    assert!(source.code().contains("let b ="));
}

#[test]
fn strings_of_every_kind_are_found() {
    assert_eq!(literals(r#"f("a\"b", b"c", c"d")"#), [r#"a\"b"#, "c", "d"]);
    assert_eq!(literals("f(r\"a\\\", r#\"b \" c\"#, br##\"d \"# e\"##)"), ["a\\", "b \" c", "d \"# e"]);
    assert_eq!(literals("let r#fn = bar; // \"no\"\n/* \"no\" */"), Vec::<String>::new());
}

#[test]
fn quotes_in_characters_and_lifetimes_open_no_string() {
    let text = r#"fn f<'a>(x: &'a str) { g('"', '\'', b'\\', '\u{22}', '钱', "yes") }"#;
    assert_eq!(literals(text), ["yes"]);
}

#[test]
fn unclosed_text_ends_with_the_file() {
    assert_eq!(literals("let a = \"never closed"), ["never closed"]);
    assert_eq!(literals("let a = r#\"never closed\""), ["never closed\""]);
    assert_eq!(Source::new("a.rs", "/* never closed").code().trim(), "");
    assert_eq!(Source::new("a.rs", "let a = \"\\").code().trim(), "let a =");
}

#[test]
fn functions_are_measured_from_fn_to_closing_brace() {
    let text = "fn one() {}\n\npub async fn two(\n    a: [u8; 3],\n) -> R\nwhere\n    A: B,\n{\n    let c = '}';\n}\n";
    assert_eq!(names_and_lines(text), [("one".into(), 1), ("two".into(), 8)]);
}

#[test]
fn nested_functions_count_for_themselves_too() {
    let text = "fn outer() {\n    fn inner() {\n    }\n}\n";
    assert_eq!(names_and_lines(text), [("outer".into(), 4), ("inner".into(), 2)]);
}

#[test]
fn function_types_and_signatures_have_no_body() {
    assert_eq!(
        names_and_lines("type F = fn(u8) -> u8;\ntrait T {\n    fn f(&self);\n}\nstruct S {\n    often: u8,\n}\n"),
        []
    );
}

#[test]
fn test_code_is_told_from_the_rest() {
    let text = "fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() {}\n}\nfn c() {}\n";
    let source = Source::new("crates/x/src/lib.rs", text);
    let at = |name: &str| text.find(name).expect("the text holds it");
    assert!(!source.is_test(at("fn a")));
    assert!(source.is_test(at("fn b")));
    assert!(!source.is_test(at("fn c")));
    assert!(Source::new("crates/x/src/tests.rs", text).is_test(0));
    assert!(Source::new("crates/x/tests/it.rs", text).is_test(0));
}

#[test]
fn a_test_module_in_its_own_file_hides_nothing_after_it() {
    let text = "#[cfg(test)]\nmod tests;\nfn c() {}\n";
    assert!(!Source::new("crates/x/src/lib.rs", text).is_test(text.len() - 3));
}

#[test]
fn a_place_is_a_folder_or_a_module_file() {
    let source = |path| Source::new(path, "");
    assert!(source("crates/store/src/dialect/sqlite.rs").is_under("crates/store/src/dialect"));
    assert!(source("crates/store/src/dialect.rs").is_under("crates/store/src/dialect"));
    assert!(!source("crates/storefront/src/lib.rs").is_under("crates/store"));
}

#[test]
fn lines_are_counted_from_one() {
    let source = Source::new("a.rs", "a\nb\n");
    assert_eq!([source.line_of(0), source.line_of(1), source.line_of(2)], [1, 1, 2]);
}
