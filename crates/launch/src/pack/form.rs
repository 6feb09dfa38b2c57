//! `forms/GOODS.toml`: what buyers of manual goods are asked, and how long a person has to fulfil them.

use catalog::{Choice, Code, FIELD_CHARS_MAX, FieldKey, FieldKind, Form, FormField, Fulfilment};

use super::fault::Faults;
use super::fields::{Fields, Source};
use super::{NAME_CHARS_MAX, PackGoods};

const KINDS: [&str; 5] = ["text", "number", "phone", "email", "choice"];
/// The longest text that a field takes if it does not say.
const CHARS_MAX_DEFAULT: u32 = 200;

/// Reads the file `file`; what could not be read has a fault.
pub(super) fn read(file: &str, text: &str, faults: &Faults) -> Option<Fulfilment> {
    let source = Source::new(file, text, faults);
    let document = source.parse(text)?;
    let fields = source.fields(&document);
    let within_hours = fields.number_if_there("fulfil_within_hours", Fulfilment::WITHIN_HOURS_MAX);
    let asked: Vec<Option<FormField>> = fields.blocks("field").into_iter().map(field).collect();
    let line = fields.line;
    let form = Form::try_new(asked.into_iter().flatten().collect());
    let form = form.map_err(|error| fields.report(line, error.to_string())).ok();
    fields.finish();
    Some(Fulfilment { form: form?, within_hours: within_hours?.unwrap_or(Fulfilment::WITHIN_HOURS_DEFAULT) })
}

fn field(block: Fields<'_>) -> Option<FormField> {
    let key = block.parsed("key", FieldKey::parse);
    let label = block.wording("label", NAME_CHARS_MAX);
    let hint = if block.has("hint") { block.wording("hint", NAME_CHARS_MAX) } else { Some(Default::default()) };
    let is_required = block.flag_if_there("required");
    let kind = kind(&block);
    block.finish();
    Some(FormField { key: key?, label: label?, hint: hint?, is_required: is_required?.unwrap_or(false), kind: kind? })
}

fn kind(block: &Fields<'_>) -> Option<FieldKind> {
    let word = block.parsed("kind", |text| {
        let known = KINDS.into_iter().find(|word| *word == text);
        known.ok_or("use text, number, phone, email or choice")
    });
    match word? {
        "text" => {
            let chars_max = block.number_if_there("chars_max", FIELD_CHARS_MAX)?;
            Some(FieldKind::Text { chars_max: chars_max.unwrap_or(CHARS_MAX_DEFAULT) })
        }
        "number" => {
            let (min, max) = (block.long("min"), block.long("max"));
            Some(FieldKind::Number { min: min?, max: max? })
        }
        "phone" => Some(FieldKind::Phone),
        "email" => Some(FieldKind::Email),
        _ => {
            let choices: Vec<Option<Choice>> = block.tables("choices")?.into_iter().map(choice).collect();
            Some(FieldKind::Choice { choices: choices.into_iter().collect::<Option<_>>()? })
        }
    }
}

fn choice(table: Fields<'_>) -> Option<Choice> {
    let value = table.parsed("value", FieldKey::parse);
    let label = table.wording("label", NAME_CHARS_MAX);
    table.finish();
    Some(Choice { value: value?.to_string(), label: label? })
}

/// A form belongs to manual goods of the pack; cards do not.
pub(super) fn check(goods: &mut [PackGoods], forms: Vec<(Code, String, Option<Fulfilment>)>, faults: &Faults) {
    for (code, file, fulfilment) in forms {
        match goods.iter_mut().find(|goods| goods.code == code) {
            None => faults.report(&file, 1, format!("there are no goods {code} in the pack")),
            Some(goods) if goods.kind.is_counted() => {
                faults.report(&file, 1, format!("the goods {code} are not of the kind manual"));
            }
            Some(goods) => goods.fulfilment = fulfilment.unwrap_or_default(),
        }
    }
}
