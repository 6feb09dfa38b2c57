use kernel::Wording;
use proptest::prelude::*;

use super::*;

fn field(key: &str, is_required: bool, kind: FieldKind) -> FormField {
    let label = Wording::new("标签", "Label");
    FormField { key: FieldKey::parse(key).unwrap(), label, hint: Wording::default(), is_required, kind }
}

fn choice(value: &str) -> Choice {
    Choice { value: value.to_owned(), label: Wording::new("选", "Choose") }
}

fn form() -> Form {
    Form::try_new(vec![
        field("note", true, FieldKind::Text { chars_max: 5 }),
        field("level", false, FieldKind::Number { min: 1, max: 60 }),
        field("phone", false, FieldKind::Phone),
        field("mail", false, FieldKind::Email),
        field("region", false, FieldKind::Choice { choices: vec![choice("east"), choice("west")] }),
    ])
    .unwrap()
}

fn filled(pairs: &[(&str, &str)]) -> Filled {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn what_was_filled_in_comes_back_in_the_order_of_the_fields() {
    let typed =
        [("region", "west"), ("note", "  五个字够了 "), ("level", "07"), ("phone", "+86 138-0000-0000"), ("mail", "")];
    let answers = form().check(&filled(&typed)).unwrap();
    let found: Vec<(&str, &str)> = answers.iter().map(|answer| (answer.key.as_str(), answer.value.as_str())).collect();
    assert_eq!(found, [("note", "五个字够了"), ("level", "7"), ("phone", "+8613800000000"), ("region", "west")]);
}

#[test]
fn each_field_has_its_own_fault() {
    use FieldFaultKind as F;
    for (key, value, fault) in [
        ("note", "", F::Required),
        ("note", "sechs!", F::TooLong),
        ("note", "a\u{7}b", F::Unreadable),
        ("level", "ten", F::NotANumber),
        ("level", "61", F::OutOfRange),
        ("phone", "12ab5", F::NotAPhone),
        ("phone", "1234", F::NotAPhone),
        ("mail", "nobody@home", F::NotAnEmail),
        ("mail", "a b@c.d", F::NotAnEmail),
        ("region", "north", F::NotAChoice),
        ("colour", "red", F::Unknown),
    ] {
        let typed = filled(&[("note", "ok"), (key, value)]);
        let faults = form().check(&typed).unwrap_err();
        assert_eq!(faults, [FieldFault { key: key.to_owned(), fault }], "{key}={value}");
    }
}

#[test]
fn a_form_that_nobody_could_fill_in_is_refused() {
    let text = || FieldKind::Text { chars_max: 10 };
    let many = (0..13).map(|number| field(&format!("f{number}"), true, text())).collect();
    assert!(Form::try_new(many).is_err());
    assert!(Form::try_new(vec![field("same", true, text()), field("same", true, text())]).is_err());
    for kind in [
        FieldKind::Text { chars_max: 0 },
        FieldKind::Number { min: 2, max: 1 },
        FieldKind::Choice { choices: Vec::new() },
        FieldKind::Choice { choices: vec![choice("one"), choice("one")] },
    ] {
        assert!(Form::try_new(vec![field("f", true, kind)]).is_err());
    }
    let nameless = FormField { label: Wording::default(), ..field("f", true, text()) };
    assert!(Form::try_new(vec![nameless]).is_err());
}

#[test]
fn a_form_reads_back_from_what_is_stored() {
    let text = serde_json::to_string(&form()).unwrap();
    assert_eq!(serde_json::from_str::<Form>(&text).unwrap(), form());
    assert!(serde_json::from_str::<Form>(&text.replace("\"level\"", "\"note\"")).is_err());
}

proptest! {
    #[test]
    fn whatever_is_typed_is_answered_or_has_a_fault(note in ".{0,20}", level in ".{0,8}", phone in "[0-9+ -]{0,20}", mail in ".{0,12}") {
        let typed = filled(&[("note", &note), ("level", &level), ("phone", &phone), ("mail", &mail)]);
        match form().check(&typed) {
            Ok(answers) => {
                prop_assert!(answers.iter().any(|answer| answer.key == "note"));
                // What was kept is read once more as itself.
                let again: Filled = answers.iter().map(|answer| (answer.key.clone(), answer.value.clone())).collect();
                prop_assert_eq!(form().check(&again).unwrap(), answers);
            }
            Err(faults) => prop_assert!(!faults.is_empty()),
        }
    }
}
