//! Reading a body's values: every refused field is told, each at its place.

use axum::http::StatusCode;
use catalog::{CatalogError, Code};
use chrono::{DateTime, Datelike, Utc};
use kernel::{Coded, Currency, FaultKind, Money, Wording};
use web::{FieldError, Problem};

use crate::page::{MoneyView, WordingView};

/// Letters of a name; the same in packs, as are the two below.
pub(crate) const NAME_CHARS_MAX: usize = 200;
/// Letters of a notice.
pub(crate) const NOTICE_CHARS_MAX: usize = 1_000;
/// Letters of a description.
pub(crate) const DESCRIPTION_CHARS_MAX: usize = 5_000;

/// The years that both databases keep and compare alike.
const YEARS: std::ops::RangeInclusive<i32> = 1970..=9999;

/// The fields that were refused so far.
#[derive(Default)]
pub(crate) struct Fields(Vec<FieldError>);

/// Whether a text may have lines, and may be empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// One line, in one of the languages at least.
    Line,
    /// One line or none.
    LineOrNone,
    /// Paragraphs or none.
    Paragraphs,
}

impl Fields {
    /// Notes a refused field.
    pub(crate) fn refuse(&mut self, pointer: impl Into<String>, code: &'static str, detail: impl Into<String>) {
        self.0.push(FieldError { pointer: pointer.into(), code, detail: detail.into() });
    }

    /// What a room read, or its refusal at this field.
    pub(crate) fn read<T, E: Coded>(&mut self, pointer: impl Into<String>, read: Result<T, E>) -> Option<T> {
        match read {
            Ok(value) => Some(value),
            Err(error) => {
                self.refuse(pointer, error.code(), error.to_string());
                None
            }
        }
    }

    /// A list of codes, each refused at its place.
    pub(crate) fn codes(&mut self, pointer: &str, sent: &[String]) -> Option<Vec<Code>> {
        let read = |(place, text): (usize, &String)| self.read(format!("{pointer}/{place}"), Code::parse(text));
        let codes: Vec<Option<Code>> = sent.iter().enumerate().map(read).collect();
        codes.into_iter().collect()
    }

    /// What the catalogue read, or its refusal at this field; that the database failed is no field's fault.
    pub(crate) fn in_catalogue<T>(
        &mut self,
        pointer: impl Into<String>,
        read: Result<T, CatalogError>,
    ) -> Result<Option<T>, Problem> {
        match read {
            Err(CatalogError::Store(error)) => Err(error.into()),
            read => Ok(self.read(pointer, read)),
        }
    }

    /// Refuses a moment that is none of our time, if one was sent.
    pub(crate) fn moment(&mut self, pointer: &str, sent: Option<DateTime<Utc>>) {
        if sent.is_some_and(|moment| !YEARS.contains(&moment.year())) {
            self.refuse(pointer, "value_out_of_range", "it is no moment of our time");
        }
    }

    /// One of some words.
    pub(crate) fn word<T>(&mut self, pointer: &str, text: &str, parse: impl Fn(&str) -> Option<T>) -> Option<T> {
        let word = parse(text);
        if word.is_none() {
            self.refuse(pointer, "word_unknown", "it is none of the words that stand there");
        }
        word
    }

    /// What the body names and the database must have.
    pub(crate) fn there<T>(&mut self, pointer: impl Into<String>, found: Option<T>) -> Option<T> {
        if found.is_none() {
            self.refuse(pointer, "not_found", "there is no such thing here");
        }
        found
    }

    /// A line of plain text.
    pub(crate) fn line(&mut self, pointer: &str, text: &str, chars_max: usize) -> Option<String> {
        if text.trim().is_empty() {
            self.refuse(pointer, "text_empty", "it is empty");
            return None;
        }
        self.text(pointer, text, chars_max, Shape::Line)
    }

    /// A text in both languages.
    pub(crate) fn wording(&mut self, at: &str, sent: &WordingView, chars_max: usize, shape: Shape) -> Option<Wording> {
        let zh = self.text(&format!("{at}/zh"), &sent.zh, chars_max, shape);
        let en = self.text(&format!("{at}/en"), &sent.en, chars_max, shape);
        let wording = Wording::new(zh?, en?);
        if shape == Shape::Line && wording.is_empty() {
            self.refuse(at, "text_empty", "it is empty in both languages");
            return None;
        }
        Some(wording)
    }

    /// An amount that is not below zero, in the one currency of the tenant.
    pub(crate) fn money(&mut self, pointer: &str, sent: &MoneyView, currency: Currency) -> Option<Money> {
        if sent.currency != currency.code() {
            self.refuse(format!("{pointer}/currency"), "currency_foreign", format!("everything here is in {currency}"));
            return None;
        }
        if sent.amount_minor < 0 {
            self.refuse(format!("{pointer}/amount_minor"), "amount_negative", "it is below zero");
            return None;
        }
        Some(Money::new(sent.amount_minor, currency))
    }

    /// What was made of the fields, if none was refused.
    pub(crate) fn whole<T>(self, value: Option<T>) -> Result<T, Problem> {
        match value {
            Some(value) if self.0.is_empty() => Ok(value),
            _ => Err(Problem::of_fields(self.0)),
        }
    }

    fn text(&mut self, pointer: &str, text: &str, chars_max: usize, shape: Shape) -> Option<String> {
        let is_line = shape != Shape::Paragraphs;
        if text.chars().any(|letter| letter.is_control() && (is_line || letter != '\n')) {
            self.refuse(pointer, "text_control", "it has control characters");
            return None;
        }
        if text.chars().count() > chars_max {
            self.refuse(pointer, "text_too_long", format!("it has more than {chars_max} characters"));
            return None;
        }
        Some(if text.trim().is_empty() { String::new() } else { text.to_owned() })
    }
}

/// A room's refusal of a body that could be read: values it does not take are 422, and what the path names and is not
/// there, or is another's, looks like nothing at all.
pub(crate) fn refused(error: impl Coded) -> Problem {
    match error.kind() {
        FaultKind::NotFound => Problem::not_found(),
        FaultKind::Invalid => Problem { status: StatusCode::UNPROCESSABLE_ENTITY, ..Problem::from(error) },
        _ => Problem::from(error),
    }
}
