//! What goods ask of a buyer, as fields of the checkout; and what was wrong with an answer, in his words.

use catalog::{FieldFaultKind, FieldKind, Filled, Form, FormField};
use kernel::Language;
use serde::Serialize;

use crate::form::field_name;
use crate::words::Words;

/// Longer texts than this are asked in several lines.
const LINE_CHARS_MAX: u32 = 80;

/// One field. What its kind has no use for is null.
#[derive(Serialize)]
pub(super) struct FieldView {
    name: String,
    label: String,
    hint: String,
    /// text, lines, number, tel, email or choice.
    kind: &'static str,
    value: String,
    required: bool,
    chars_max: Option<u32>,
    min: Option<i64>,
    max: Option<i64>,
    choices: Vec<ChoiceView>,
}

#[derive(Serialize)]
struct ChoiceView {
    value: String,
    label: String,
    chosen: bool,
}

/// The fields with what was typed before.
pub(super) fn fields(language: Language, form: &Form, filled: &Filled) -> Vec<FieldView> {
    let value = |field: &FormField| filled.get(field.key.as_str()).cloned().unwrap_or_default();
    form.fields().iter().map(|field| view(language, field, value(field))).collect()
}

fn view(language: Language, field: &FormField, value: String) -> FieldView {
    let (kind, chars_max, range) = match &field.kind {
        FieldKind::Text { chars_max } if *chars_max > LINE_CHARS_MAX => ("lines", Some(*chars_max), None),
        FieldKind::Text { chars_max } => ("text", Some(*chars_max), None),
        FieldKind::Number { min, max } => ("number", None, Some((*min, *max))),
        FieldKind::Phone => ("tel", None, None),
        FieldKind::Email => ("email", None, None),
        FieldKind::Choice { .. } => ("choice", None, None),
    };
    let choices = match &field.kind {
        FieldKind::Choice { choices } => choices.as_slice(),
        _ => &[],
    };
    let choice = |choice: &catalog::Choice| ChoiceView {
        value: choice.value.clone(),
        label: choice.label.get(language).to_owned(),
        chosen: choice.value == value,
    };
    FieldView {
        name: field_name(field.key.as_str()),
        label: field.label.get(language).to_owned(),
        hint: field.hint.get(language).to_owned(),
        kind,
        choices: choices.iter().map(choice).collect(),
        value,
        required: field.is_required,
        chars_max,
        min: range.map(|(min, _)| min),
        max: range.map(|(_, max)| max),
    }
}

/// What is wrong with an answer, and what would be right.
pub(super) fn fault_message(words: &Words, field: Option<&FormField>, fault: FieldFaultKind) -> String {
    let mut values = Vec::new();
    match field.map(|field| &field.kind) {
        Some(FieldKind::Text { chars_max }) => values.push(("max", chars_max.to_string())),
        Some(FieldKind::Number { min, max }) => values.extend([("min", min.to_string()), ("max", max.to_string())]),
        _ => {}
    }
    let values: Vec<(&str, &str)> = values.iter().map(|(name, value)| (*name, value.as_str())).collect();
    words.get(&format!("form.fault.{}", fault.word()), &values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_has_its_sentence() {
        for language in Language::ALL {
            let words = Words::read(language).expect("sentences");
            for &fault in FieldFaultKind::ALL {
                let message = fault_message(&words, None, fault);
                assert!(!message.starts_with("form.fault."), "{fault:?}");
            }
        }
    }
}
