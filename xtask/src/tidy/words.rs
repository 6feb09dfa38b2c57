//! Words that have one home: database dialect, the unscoped door, raw connections, ignored tests.
//!
//! The lists below are the rule. A new home is one line here, and its reason is in the commit that adds it.

use super::Breach;
use crate::source::{Source, is_word};

/// Rooms that act before a tenant is known (start-up, directory, runners) and so may name the whole platform.
const PLATFORM_HOMES: &[&str] = &[
    "crates/kernel",
    "crates/store",
    "crates/tenancy",
    "crates/identity",
    "crates/outbox",
    "crates/lane",
    "crates/launch",
    "crates/server",
    "crates/testkit",
    // A callback and a hand-over name their tenant themselves; what they name is then checked inside it.
    "crates/payment/src/public",
];

/// Where one engine's SQL may be written.
const DIALECT_HOMES: &[&str] =
    &["crates/store/src/dialect", "crates/testkit", "crates/chaos", "benches", "infra", "xtask"];

/// Who may hold a connection.
const CONNECTION_HOMES: &[&str] = &["crates/store", "crates/testkit", "migrations", "benches"];

struct WordRule {
    words: &'static [&'static str],
    place: Place,
    homes: &'static [&'static str],
    tests: Tests,
    advice: &'static str,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// In string literals, upper and lower case alike.
    Strings,
    /// In code, as written.
    Code,
}

#[derive(PartialEq, Eq)]
enum Tests {
    Free,
    Bound,
}

const RULES: [WordRule; 4] = [
    WordRule {
        words: &[
            "FOR UPDATE",
            "SKIP LOCKED",
            "json_each",
            "unnest(",
            "set_config",
            "pg_",
            "PRAGMA",
            "ON CONFLICT",
            "ROW LEVEL SECURITY",
            "::uuid",
            "sqlite_master",
        ],
        place: Place::Strings,
        homes: DIALECT_HOMES,
        tests: Tests::Free,
        advice: "is a word of one database: it belongs in crates/store/src/dialect",
    },
    WordRule {
        words: &["Platform::assume"],
        place: Place::Code,
        homes: PLATFORM_HOMES,
        tests: Tests::Free,
        advice: "takes every tenant at once: ask for a narrower scope",
    },
    WordRule {
        words: &["DatabaseConnection", "Database::connect", "sqlx::"],
        place: Place::Code,
        homes: CONNECTION_HOMES,
        tests: Tests::Bound,
        advice: "goes around the door: only crates/store holds a connection",
    },
    WordRule {
        words: &["#[ignore"],
        place: Place::Code,
        homes: &[],
        tests: Tests::Bound,
        advice: "hides a test: mend it or delete it",
    },
];

/// Reports every word that is not at home in this file.
pub fn check(source: &Source) -> Vec<Breach> {
    RULES.iter().flat_map(|rule| check_rule(rule, source)).collect()
}

fn check_rule(rule: &WordRule, source: &Source) -> Vec<Breach> {
    if rule.homes.iter().any(|home| source.is_under(home)) {
        return Vec::new();
    }
    let is_free = |offset: usize| rule.tests == Tests::Free && source.is_test(offset);
    let mut breaches = Vec::new();
    for word in rule.words {
        for offset in occurrences(source, rule.place, word).into_iter().filter(|offset| !is_free(*offset)) {
            let what = format!("`{word}` {}", rule.advice);
            breaches.push(Breach { path: source.path().to_owned(), line: source.line_of(offset), what });
        }
    }
    breaches
}

fn occurrences(source: &Source, place: Place, word: &str) -> Vec<usize> {
    match place {
        Place::Code => find_words(source.code(), word, place),
        Place::Strings => source
            .literals()
            .flat_map(|(start, inside)| find_words(inside, word, place).into_iter().map(move |at| start + at))
            .collect(),
    }
}

/// Offsets at which `word` stands as a whole word; a blank in it stands for any white space, line ends included.
fn find_words(text: &str, word: &str, place: Place) -> Vec<usize> {
    let (bytes, word) = (text.as_bytes(), word.as_bytes());
    let starts_inside_word = |at: usize| at > 0 && is_word(bytes[at - 1]) && is_word(word[0]);
    (0..bytes.len()).filter(|at| !starts_inside_word(*at) && begins_with(&bytes[*at..], word, place)).collect()
}

fn begins_with(text: &[u8], word: &[u8], place: Place) -> bool {
    let mut rest = text;
    for &wanted in word {
        let taken = match wanted {
            b' ' => rest.iter().take_while(|byte| byte.is_ascii_whitespace() || **byte == b'\\').count(),
            _ => usize::from(rest.first().is_some_and(|byte| is_same(*byte, wanted, place))),
        };
        if taken == 0 {
            return false;
        }
        rest = &rest[taken..];
    }
    // `pg_` is the beginning of many names; a word that ends in a letter or digit must end there.
    let must_end = word.last().is_some_and(u8::is_ascii_alphanumeric);
    !(must_end && rest.first().is_some_and(|byte| is_word(*byte)))
}

fn is_same(byte: u8, wanted: u8, place: Place) -> bool {
    byte == wanted || (place == Place::Strings && byte.eq_ignore_ascii_case(&wanted))
}

#[cfg(test)]
mod tests;
