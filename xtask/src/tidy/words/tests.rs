//! A breach of each word rule, and the places where the same word is at home.

use super::*;

const ROOM: &str = "crates/order/src/repo.rs";

fn lines(path: &str, text: &str) -> Vec<usize> {
    check(&Source::new(path, text)).into_iter().map(|breach| breach.line).collect()
}

#[test]
fn every_dialect_word_in_a_string_is_reported() {
    for word in RULES[0].words {
        let text = format!("fn f() {{\n    q(\"x {} y\");\n}}\n", word.to_lowercase());
        assert_eq!(lines(ROOM, &text), [2], "{word}");
    }
}

#[test]
fn dialect_words_are_whole_words_and_cross_line_ends() {
    assert_eq!(lines(ROOM, "q(\"select * from t\n  for\n  update\");"), [2]);
    assert_eq!(lines(ROOM, "q(\"before updates; my_pg_table; set_configuration; pragmatic\");"), []);
    assert_eq!(lines(ROOM, "q(\"select pg_advisory_xact_lock($1)\");"), [1]);
    assert_eq!(lines(ROOM, "q(\"where id = $1::uuid\");"), [1]);
}

#[test]
fn dialect_words_in_comments_and_code_are_not_strings() {
    assert_eq!(lines(ROOM, "// FOR UPDATE\nlet pg_pool = PRAGMA;\n"), []);
}

#[test]
fn dialect_words_are_at_home_in_the_dialect_and_in_tests() {
    let text = "q(\"PRAGMA foreign_keys\");";
    assert_eq!(lines("crates/store/src/dialect/sqlite.rs", text), []);
    assert_eq!(lines("crates/store/src/pool.rs", text), [1]);
    assert_eq!(lines("crates/order/src/tests.rs", text), []);
    assert_eq!(lines("crates/order/tests/schema.rs", text), []);
    assert_eq!(lines("crates/testkit/src/cluster.rs", text), []);
}

#[test]
fn platform_is_assumed_only_by_the_listed_rooms_and_tests() {
    let text = "fn f() {\n    g(&Platform::assume());\n}\n";
    assert_eq!(lines(ROOM, text), [2]);
    assert_eq!(lines("crates/storefront/src/lib.rs", text), [2]);
    assert_eq!(lines("crates/store/src/lib.rs", text), []);
    assert_eq!(lines(ROOM, &format!("#[cfg(test)]\nmod tests {{\n{text}}}\n")), []);
}

#[test]
fn connections_outside_the_store_are_reported_even_in_tests() {
    for word in ["use sea_orm::DatabaseConnection;", "use sea_orm::{DatabaseConnection, Set};", "sqlx::query(q);"] {
        assert_eq!(lines(ROOM, word), [1], "{word}");
        assert_eq!(lines("crates/order/src/tests.rs", word), [1], "{word}");
        assert_eq!(lines("crates/store/src/pool.rs", word), [], "{word}");
        assert_eq!(lines("migrations/src/lib.rs", word), [], "{word}");
    }
    assert_eq!(lines(ROOM, "sea_orm::Database::connect(url);"), [1]);
    assert_eq!(lines(ROOM, "my_sqlx::query(q); MyDatabaseConnection::new();"), []);
}

#[test]
fn ignored_tests_are_reported_anywhere() {
    let text = "#[test]\n#[ignore = \"slow\"]\nfn f() {}\n";
    assert_eq!(lines("crates/store/src/tests.rs", text), [2]);
    assert_eq!(lines("benches/src/lib.rs", &text.replace(" = \"slow\"", "")), [2]);
    assert_eq!(lines(ROOM, "// no #[ignore] here\n#[ignored]\nfn f() {}\n"), []);
}
