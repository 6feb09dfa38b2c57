//! What a person must know to fulfil goods: a typed form, and the pure check of what a buyer filled in.

use std::collections::{BTreeMap, HashSet};
use std::fmt;

use kernel::Wording;
use serde::{Deserialize, Serialize};

use crate::error::CatalogError;

/// The most fields of a form.
pub const FIELDS_MAX: usize = 12;
/// The longest text that a field may ask for, in characters.
pub const FIELD_CHARS_MAX: u32 = 1_000;
/// The most words of a choice.
const CHOICES_MAX: usize = 50;
/// The longest label, hint or choice, in characters.
const LABEL_CHARS_MAX: usize = 200;
/// The longest key and the longest value of a choice, in bytes.
const KEY_LEN_MAX: usize = 40;

/// What a buyer filled in: the fields' keys, and what he typed.
pub type Filled = BTreeMap<String, String>;

/// The name of a field inside its form: 1 to 40 of a-z, 0-9 and `_`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FieldKey(String);

/// What a field takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum FieldKind {
    /// Any text.
    Text {
        /// The longest, in characters.
        chars_max: u32,
    },
    /// A whole number.
    Number {
        /// The smallest.
        min: i64,
        /// The largest.
        max: i64,
    },
    /// A phone number: 5 to 15 digits, maybe with a plus sign in front.
    Phone,
    /// A mail address.
    Email,
    /// One of these.
    Choice {
        /// What there is to choose from.
        choices: Vec<Choice>,
    },
}

/// One thing to choose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// Its name in the form.
    pub value: String,
    /// What buyers read.
    pub label: Wording,
}

/// One question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormField {
    /// Its name.
    pub key: FieldKey,
    /// What buyers read.
    pub label: Wording,
    /// What stands below it in small letters; may be empty.
    #[serde(default)]
    pub hint: Wording,
    /// Whether it must be filled in.
    pub is_required: bool,
    /// What it takes.
    #[serde(flatten)]
    pub kind: FieldKind,
}

/// The questions of goods that a person fulfils; none is a form too.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "Vec<FormField>", into = "Vec<FormField>")]
pub struct Form(Vec<FormField>);

/// How goods of the kind `manual` are fulfilled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fulfilment {
    /// What the buyer is asked.
    pub form: Form,
    /// How many hours after the payment the goods are to be with him.
    pub within_hours: u32,
}

/// What a buyer answered, with the label as he read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The field's name.
    pub key: String,
    /// The field's label at that time.
    pub label: Wording,
    /// What he answered; of a choice its value.
    pub value: String,
}

kernel::words! {
    /// What is wrong with what was filled in.
    FieldFaultKind {
        /// It is empty and must not be.
        Required = "required",
        /// It has too many characters.
        TooLong = "too_long",
        /// It has line breaks of another kind or control characters.
        Unreadable = "unreadable",
        /// It is no whole number.
        NotANumber = "not_a_number",
        /// The number is too small or too large.
        OutOfRange = "out_of_range",
        /// It is no phone number.
        NotAPhone = "not_a_phone",
        /// It is no mail address.
        NotAnEmail = "not_an_email",
        /// It is none of the choices.
        NotAChoice = "not_a_choice",
        /// The form does not ask this.
        Unknown = "unknown",
    }
}

/// A field that was not filled in as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldFault {
    /// The field's name.
    pub key: String,
    /// What is wrong.
    pub fault: FieldFaultKind,
}

impl FieldKey {
    /// Reads a name.
    pub fn parse(text: &str) -> Result<Self, CatalogError> {
        let is_known = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        if text.is_empty() || text.len() > KEY_LEN_MAX || !text.bytes().all(is_known) {
            return Err(CatalogError::Form { what: "a key is 1 to 40 of a-z, 0-9 and _" });
        }
        Ok(Self(text.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Fulfilment {
    /// The time that a person has if nobody says otherwise.
    pub const WITHIN_HOURS_DEFAULT: u32 = 24;
    /// The longest time that may be promised: 90 days.
    pub const WITHIN_HOURS_MAX: u32 = 90 * 24;
}

impl Default for Fulfilment {
    fn default() -> Self {
        Self { form: Form::default(), within_hours: Self::WITHIN_HOURS_DEFAULT }
    }
}

impl Form {
    /// A form of these fields, if there are not too many, their keys differ, and each can be answered.
    pub fn try_new(fields: Vec<FormField>) -> Result<Self, CatalogError> {
        let refuse = |what| Err(CatalogError::Form { what });
        if fields.len() > FIELDS_MAX {
            return refuse("a form has 12 fields at most");
        }
        let mut keys = HashSet::new();
        if !fields.iter().all(|field| keys.insert(&field.key)) {
            return refuse("two fields have the same key");
        }
        for field in &fields {
            if field.label.is_empty() || !is_short(&field.label) || !is_short(&field.hint) {
                return refuse("a label has 1 to 200 characters, a hint at most 200");
            }
            field.kind.check()?;
        }
        Ok(Self(fields))
    }

    /// The fields, in the order in which they are asked.
    pub fn fields(&self) -> &[FormField] {
        &self.0
    }

    /// Whether nothing is asked.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Reads what a buyer filled in: the answers in the order of the fields, without those that were left empty, or
    /// everything that is wrong.
    pub fn check(&self, filled: &Filled) -> Result<Vec<Answer>, Vec<FieldFault>> {
        let (mut answers, mut faults) = (Vec::new(), Vec::new());
        for field in &self.0 {
            let key = field.key.as_str();
            match field.read(filled.get(key).map_or("", String::as_str)) {
                Ok(None) => {}
                Ok(Some(value)) => answers.push(Answer { key: key.to_owned(), label: field.label.clone(), value }),
                Err(fault) => faults.push(FieldFault { key: key.to_owned(), fault }),
            }
        }
        let is_asked = |key: &str| self.0.iter().any(|field| field.key.as_str() == key);
        let strangers = filled.keys().filter(|key| !is_asked(key)).take(FIELDS_MAX);
        faults.extend(
            strangers
                .map(|key| FieldFault { key: key.chars().take(KEY_LEN_MAX).collect(), fault: FieldFaultKind::Unknown }),
        );
        if faults.is_empty() { Ok(answers) } else { Err(faults) }
    }
}

impl FormField {
    /// The answer as it is kept; none if the field was left empty and may be.
    fn read(&self, typed: &str) -> Result<Option<String>, FieldFaultKind> {
        let text = typed.replace("\r\n", "\n");
        let text = text.trim();
        if text.is_empty() {
            return if self.is_required { Err(FieldFaultKind::Required) } else { Ok(None) };
        }
        if text.chars().any(|letter| letter.is_control() && letter != '\n') {
            return Err(FieldFaultKind::Unreadable);
        }
        self.kind.read(text).map(Some)
    }
}

impl FieldKind {
    /// The word in packs and answers.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Text { .. } => "text",
            Self::Number { .. } => "number",
            Self::Phone => "phone",
            Self::Email => "email",
            Self::Choice { .. } => "choice",
        }
    }

    fn check(&self) -> Result<(), CatalogError> {
        let refuse = |what| Err(CatalogError::Form { what });
        match self {
            Self::Text { chars_max } if !(1..=FIELD_CHARS_MAX).contains(chars_max) => refuse("chars_max is 1 to 1,000"),
            Self::Number { min, max } if min > max => refuse("min is above max"),
            Self::Choice { choices } => {
                let mut values = HashSet::new();
                let is_good = |choice: &Choice| {
                    FieldKey::parse(&choice.value).is_ok() && !choice.label.is_empty() && is_short(&choice.label)
                };
                let is_sound = choices.iter().all(|choice| is_good(choice) && values.insert(&choice.value));
                let is_counted = (1..=CHOICES_MAX).contains(&choices.len());
                if is_sound && is_counted { Ok(()) } else { refuse("a choice has 1 to 50 values with a label each") }
            }
            _ => Ok(()),
        }
    }

    fn read(&self, text: &str) -> Result<String, FieldFaultKind> {
        match self {
            Self::Text { chars_max } => {
                let is_short = text.chars().count() <= *chars_max as usize;
                if is_short { Ok(text.to_owned()) } else { Err(FieldFaultKind::TooLong) }
            }
            Self::Number { min, max } => {
                let number: i64 = text.parse().map_err(|_| FieldFaultKind::NotANumber)?;
                if (*min..=*max).contains(&number) { Ok(number.to_string()) } else { Err(FieldFaultKind::OutOfRange) }
            }
            Self::Phone => phone(text).ok_or(FieldFaultKind::NotAPhone),
            Self::Email => email(text).ok_or(FieldFaultKind::NotAnEmail),
            Self::Choice { choices } => {
                let is_there = choices.iter().any(|choice| choice.value == text);
                if is_there { Ok(text.to_owned()) } else { Err(FieldFaultKind::NotAChoice) }
            }
        }
    }
}

/// Digits, with what people put between them taken out.
fn phone(text: &str) -> Option<String> {
    let text: String = text.chars().filter(|letter| !matches!(letter, ' ' | '-' | '(' | ')')).collect();
    let digits = text.strip_prefix('+').unwrap_or(&text);
    let is_number = (5..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then_some(text)
}

/// Something, an `@`, and something with a dot in it. Whether mail arrives there only a mail can tell.
fn email(text: &str) -> Option<String> {
    let (name, host) = text.rsplit_once('@')?;
    let is_plain = text.len() <= 254 && !text.chars().any(char::is_whitespace) && !name.contains('@');
    let has_host = host.split('.').count() >= 2 && host.split('.').all(|part| !part.is_empty());
    (is_plain && !name.is_empty() && has_host).then(|| text.to_owned())
}

fn is_short(wording: &Wording) -> bool {
    [&wording.zh, &wording.en]
        .iter()
        .all(|text| text.chars().count() <= LABEL_CHARS_MAX && !text.chars().any(char::is_control))
}

impl fmt::Display for FieldKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for FieldKey {
    type Error = CatalogError;
    fn try_from(text: String) -> Result<Self, CatalogError> {
        Self::parse(&text)
    }
}

impl From<FieldKey> for String {
    fn from(key: FieldKey) -> Self {
        key.0
    }
}

impl TryFrom<Vec<FormField>> for Form {
    type Error = CatalogError;
    fn try_from(fields: Vec<FormField>) -> Result<Self, CatalogError> {
        Self::try_new(fields)
    }
}

impl From<Form> for Vec<FormField> {
    fn from(form: Form) -> Self {
        form.0
    }
}

#[cfg(test)]
mod tests;
