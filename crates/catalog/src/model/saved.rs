//! What a save did, in words for the difference that an operator reads before he applies a pack.

use std::fmt::Display;

/// What a save did to a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Saved {
    /// There was none.
    Created,
    /// These fields became something else.
    Changed(Vec<FieldChange>),
    /// It was so already; nothing was written.
    Same,
}

/// One field's change, as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldChange {
    /// The field's name in a pack.
    pub field: &'static str,
    /// What it was; empty for nothing.
    pub old: String,
    /// What it is; empty for nothing.
    pub new: String,
}

/// Collects the fields that differ.
#[derive(Debug, Default)]
pub(crate) struct Differences(Vec<FieldChange>);

impl Differences {
    /// Notes the field if its texts differ.
    pub fn field(mut self, field: &'static str, old: impl Display, new: impl Display) -> Self {
        let (old, new) = (old.to_string(), new.to_string());
        if old != new {
            self.0.push(FieldChange { field, old, new });
        }
        self
    }

    /// As [`Differences::field`], for a value that may be missing.
    pub fn optional<T: Display>(self, field: &'static str, old: Option<T>, new: Option<T>) -> Self {
        let text = |value: Option<T>| value.map(|value| value.to_string()).unwrap_or_default();
        self.field(field, text(old), text(new))
    }

    /// Whether one of `fields` differs.
    pub fn touch(&self, fields: &[&str]) -> bool {
        self.0.iter().any(|change| fields.contains(&change.field))
    }

    /// Whether anything differs.
    pub const fn has_any(&self) -> bool {
        !self.0.is_empty()
    }

    /// The answer to a save of a row that was there.
    pub fn into_saved(self) -> Saved {
        if self.0.is_empty() { Saved::Same } else { Saved::Changed(self.0) }
    }
}
