//! TOML, field by field: each is asked for once, every fault has its line, and what nobody asked for is a fault too.

use std::cell::RefCell;
use std::fmt::Display;

use kernel::Wording;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::fault::{Faults, shown};

/// A file that is being read.
pub(super) struct Source<'a> {
    pub file: &'a str,
    pub faults: &'a Faults,
    /// Where each line begins.
    lines: Vec<usize>,
}

/// A table of that file.
pub(super) struct Fields<'a> {
    source: &'a Source<'a>,
    table: &'a DeTable<'a>,
    /// The line the table begins in.
    pub line: u64,
    asked: RefCell<Vec<&'static str>>,
}

impl<'a> Source<'a> {
    pub(super) fn new(file: &'a str, text: &str, faults: &'a Faults) -> Self {
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let lines = std::iter::once(0).chain(breaks.map(|(at, _)| at + 1)).collect();
        Self { file, faults, lines }
    }

    pub(super) fn report(&self, line: u64, what: impl Into<String>) {
        self.faults.report(self.file, line, what);
    }

    fn line_at(&self, offset: usize) -> u64 {
        self.lines.partition_point(|start| *start <= offset) as u64
    }

    /// Reads the text as a document; syntax faults are reported and there is nothing then.
    pub(super) fn parse<'t>(&self, text: &'t str) -> Option<Spanned<DeTable<'t>>> {
        let (document, errors) = DeTable::parse_recoverable(text);
        for error in &errors {
            let line = error.span().map_or(1, |span| self.line_at(span.start));
            self.report(line, format!("not TOML: {}", error.message().replace('\n', " ")));
        }
        errors.is_empty().then_some(document)
    }

    /// The whole document.
    pub(super) fn fields(&'a self, document: &'a Spanned<DeTable<'a>>) -> Fields<'a> {
        Fields { source: self, table: document.get_ref(), line: 1, asked: RefCell::default() }
    }
}

impl<'a> Fields<'a> {
    pub(super) fn report(&self, line: u64, what: impl Into<String>) {
        self.source.report(line, what);
    }

    /// The line a field stands in, or that of its table.
    pub(super) fn line_of(&self, key: &str) -> u64 {
        self.table.get(key).map_or(self.line, |value| self.source.line_at(value.span().start))
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// A field that must be there and be a text that `parse` reads.
    pub(super) fn parsed<T, E: Display>(
        &self,
        key: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        self.required(key, |value| {
            let text = value.as_str().ok_or_else(|| "is not a text in quotes".to_owned())?;
            parse(text).map_err(|error| format!("is wrong: {error}"))
        })
    }

    /// As [`Fields::parsed`], for a field that may be missing; the outer `None` is a fault.
    pub(super) fn parsed_if_there<T, E: Display>(
        &self,
        key: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<Option<T>> {
        if self.has(key) { self.parsed(key, parse).map(Some) } else { Some(None) }
    }

    /// A line of plain text that must be there.
    pub(super) fn text(&self, key: &'static str, chars_max: usize) -> Option<String> {
        self.parsed(key, |text| plain_line(text, chars_max))
    }

    /// A line of plain text that may be missing; the outer `None` is a fault.
    pub(super) fn text_if_there(&self, key: &'static str, chars_max: usize) -> Option<Option<String>> {
        self.parsed_if_there(key, |text| plain_line(text, chars_max))
    }

    /// `{ zh = "…", en = "…" }`, at least one of them not empty.
    pub(super) fn wording(&self, key: &'static str, chars_max: usize) -> Option<Wording> {
        self.wording_of(key, |text| plain_line(text, chars_max))
    }

    /// As [`Fields::wording`], for texts of several lines, none of which is empty.
    pub(super) fn paragraphs(&self, key: &'static str, chars_max: usize) -> Option<Wording> {
        self.wording_of(key, |text| {
            if text.chars().count() > chars_max {
                return Err(format!("it has more than {chars_max} characters"));
            }
            text.lines().try_for_each(|line| plain_line(line, chars_max).map(|_| ())).map(|()| text.to_owned())
        })
    }

    fn wording_of(&self, key: &'static str, parse: impl Fn(&str) -> Result<String, String>) -> Option<Wording> {
        let inside = self.table_of(key)?;
        let zh = inside.parsed_if_there("zh", &parse);
        let en = inside.parsed_if_there("en", &parse);
        if !inside.has("zh") && !inside.has("en") {
            inside.report(inside.line, format!("{key} has neither zh nor en"));
            return None;
        }
        inside.finish();
        Some(Wording::new(zh?.unwrap_or_default(), en?.unwrap_or_default()))
    }

    /// A whole number that must be there.
    pub(super) fn integer(&self, key: &'static str) -> Option<i32> {
        self.required(key, |value| i32::try_from(whole(value)?).map_err(|_| "is too large a number".to_owned()))
    }

    /// A whole number that must be there and may be a long one.
    pub(super) fn long(&self, key: &'static str) -> Option<i64> {
        self.required(key, whole)
    }

    /// `true` or `false`, which may be missing; the outer `None` is a fault.
    pub(super) fn flag_if_there(&self, key: &'static str) -> Option<Option<bool>> {
        if !self.has(key) {
            return Some(None);
        }
        self.required(key, |value| value.as_bool().ok_or_else(|| "is not true or false".to_owned())).map(Some)
    }

    /// A whole number from 1 to `max` that may be missing; the outer `None` is a fault.
    pub(super) fn number_if_there(&self, key: &'static str, max: u32) -> Option<Option<u32>> {
        if !self.has(key) {
            return Some(None);
        }
        let number = self.integer(key)?;
        let number = u32::try_from(number).ok().filter(|number| (1..=max).contains(number));
        if number.is_none() {
            self.report(self.line_of(key), format!("{key} is not a number from 1 to {max}"));
        }
        number.map(Some)
    }

    /// A list of texts with their lines, which must be there.
    pub(super) fn texts(&self, key: &'static str) -> Option<Vec<(&'a str, u64)>> {
        self.required(key, |value| {
            let list = value.as_array().ok_or_else(|| "is not a list".to_owned())?;
            let text = |value: &'a Spanned<DeValue<'a>>| {
                let text = value.get_ref().as_str().ok_or_else(|| "holds something that is not a text".to_owned())?;
                Ok((text, self.source.line_at(value.span().start)))
            };
            list.iter().map(text).collect()
        })
    }

    /// A table that must be there.
    pub(super) fn table_of(&self, key: &'static str) -> Option<Self> {
        let line = self.line_of(key);
        let table = self.required(key, |value| value.as_table().ok_or_else(|| "is not a table".to_owned()))?;
        Some(Self { source: self.source, table, line, asked: RefCell::default() })
    }

    /// The blocks `[[key]]`; there may be none.
    pub(super) fn blocks(&self, key: &'static str) -> Vec<Self> {
        if !self.has(key) {
            self.asked.borrow_mut().push(key);
            return Vec::new();
        }
        self.list_of_tables(key, &format!("is not written as [[{key}]]")).unwrap_or_default()
    }

    /// A list of tables `[{ .. }, { .. }]` that must be there.
    pub(super) fn tables(&self, key: &'static str) -> Option<Vec<Self>> {
        self.list_of_tables(key, "is not a list of tables")
    }

    fn list_of_tables(&self, key: &'static str, fault: &str) -> Option<Vec<Self>> {
        self.required(key, |value| {
            let list = value.as_array().ok_or_else(|| fault.to_owned())?;
            let inside = |value: &'a Spanned<DeValue<'a>>| {
                let table = value.get_ref().as_table().ok_or_else(|| fault.to_owned())?;
                let line = self.source.line_at(value.span().start);
                Ok(Self { source: self.source, table, line, asked: RefCell::default() })
            };
            list.iter().map(inside).collect()
        })
    }

    /// Reports the fields that nobody asked for.
    pub(super) fn finish(self) {
        let asked = self.asked.borrow();
        for key in self.table.keys().filter(|key| !asked.contains(&key.get_ref().as_ref())) {
            let line = self.source.line_at(key.span().start);
            self.report(line, format!("{:?} is not a field of this table", shown(key.get_ref())));
        }
    }

    fn required<T>(&self, key: &'static str, read: impl FnOnce(&'a DeValue<'a>) -> Result<T, String>) -> Option<T> {
        self.asked.borrow_mut().push(key);
        let Some(value) = self.table.get(key) else {
            self.report(self.line, format!("{key} is missing"));
            return None;
        };
        let line = self.source.line_at(value.span().start);
        read(value.get_ref()).map_err(|what| self.report(line, format!("{key} {what}"))).ok()
    }
}

fn whole(value: &DeValue<'_>) -> Result<i64, String> {
    let number = value.as_integer().ok_or_else(|| "is not a whole number".to_owned())?;
    i64::from_str_radix(number.as_str(), number.radix()).map_err(|_| "is too large a number".to_owned())
}

/// One line of text without control characters, not empty, not too long.
pub(super) fn plain_line(text: &str, chars_max: usize) -> Result<String, String> {
    if text.trim().is_empty() {
        return Err("it is empty".to_owned());
    }
    if text.chars().any(char::is_control) {
        return Err("it has control characters or line breaks".to_owned());
    }
    if text.chars().count() > chars_max {
        return Err(format!("it has more than {chars_max} characters"));
    }
    Ok(text.to_owned())
}
