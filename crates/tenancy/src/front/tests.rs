//! A front reads back, and what is none says why.

use super::*;
use proptest::prelude::*;

fn draft(json: serde_json::Value) -> SectionDraft {
    serde_json::from_value(json).expect("a draft")
}

fn read(json: serde_json::Value) -> Result<Section, FrontError> {
    Section::try_new(&draft(json))
}

#[test]
fn every_kind_reads_back_from_what_it_writes() {
    let words = serde_json::json!({"zh": "一", "en": "one"});
    for json in [
        serde_json::json!({"kind": "hero", "title": words, "text": words, "link": "/categories/games", "label": words}),
        serde_json::json!({"kind": "hero"}),
        serde_json::json!({"kind": "notice"}),
        serde_json::json!({"kind": "categories"}),
        serde_json::json!({"kind": "shelves"}),
        serde_json::json!({"kind": "goods", "title": words, "codes": ["starfall", "mogrid"]}),
        serde_json::json!({"kind": "category", "category": "games"}),
        serde_json::json!({"kind": "best", "count": 4}),
        serde_json::json!({"kind": "text", "text": words}),
        serde_json::json!({"kind": "guide"}),
    ] {
        let section = read(json).expect("a section");
        let front = Front::try_new(vec![section], Tokens::default(), Theme::Grove).expect("a front");
        let (sections, tokens) = front.texts();
        assert_eq!((Front::read(sections.as_deref(), tokens.as_deref()), tokens), (Some(front), None));
    }
}

#[test]
fn what_is_no_section_says_why() {
    let long = "x".repeat(61);
    for (json, code) in [
        (serde_json::json!({"kind": "video"}), "there is no section of the kind \"video\""),
        (serde_json::json!({"kind": "goods", "codes": ["a"]}), "a section of the kind goods needs title"),
        (serde_json::json!({"kind": "goods", "title": {"zh": "a"}}), "a section of the kind goods needs codes"),
        (serde_json::json!({"kind": "category"}), "a section of the kind category needs category"),
        (serde_json::json!({"kind": "text"}), "a section of the kind text needs text"),
        (serde_json::json!({"kind": "guide", "count": 1}), "a section of the kind guide has no count"),
        (serde_json::json!({"kind": "best", "title": {"en": long}}), "title is plain text of at most 60"),
        (serde_json::json!({"kind": "best", "title": {"en": "a\nb"}}), "title is plain text"),
        (serde_json::json!({"kind": "best", "count": 25}), "count is a number from 1 to 24"),
        (serde_json::json!({"kind": "category", "category": "A b"}), "category holds codes"),
        (serde_json::json!({"kind": "hero", "link": "/x"}), "a section of the kind hero needs label"),
        (serde_json::json!({"kind": "hero", "label": {"en": "x"}}), "a section of the kind hero needs link"),
    ] {
        let error = read(json).expect_err("it was taken").to_string();
        assert!(error.starts_with(code), "{error}");
    }
}

#[test]
fn a_link_stays_in_the_shop() {
    for href in ["//evil.example", "https://evil.example", "javascript:x", "/\\evil", "/a b", "x", ""] {
        let json = serde_json::json!({"kind": "hero", "link": href, "label": {"en": "x"}});
        assert_eq!(read(json), Err(FrontError::Link), "{href}");
    }
}

#[test]
fn a_home_has_few_sections_and_one_head() {
    let hero = || Section::Hero { title: Wording::default(), text: Wording::default(), link: None };
    let front = |sections| Front::try_new(sections, Tokens::default(), Theme::Grove);
    assert_eq!(front(vec![hero(), hero()]), Err(FrontError::Twice { kind: "hero" }));
    let text = Section::Text { title: Wording::default(), text: Wording::new("一", "") };
    assert_eq!(front(vec![text; 13]), Err(FrontError::TooMany { count: 13, most: 12 }));
    assert_eq!(Front::default().sections().len(), 5);
}

#[test]
fn tokens_read_back_and_say_what_is_wrong() {
    let draft = |accent: Option<&str>, radius: Option<&str>, logo: Option<&str>| TokensDraft {
        accent: accent.map(str::to_owned),
        accent_dark: None,
        radius: radius.map(str::to_owned),
        logo: logo.map(str::to_owned),
    };
    let tokens = Tokens::try_new(&draft(Some("#0B6B4B"), Some("round"), Some("南"))).expect("tokens");
    assert_eq!(Tokens::try_new(&tokens.draft()), Ok(tokens.clone()));
    let front = Front::try_new(Vec::new(), tokens, Theme::Clay).expect("a front");
    let (sections, tokens) = front.texts();
    assert_eq!((&sections, Front::read(None, tokens.as_deref())), (&None, Some(front)));
    assert!(matches!(Tokens::try_new(&draft(Some("green"), None, None)), Err(FrontError::Colour { .. })));
    assert!(matches!(Tokens::try_new(&draft(None, Some("oval"), None)), Err(FrontError::Radius { .. })));
    for logo in ["", "abc", "<b", "a "] {
        assert_eq!(Tokens::try_new(&draft(None, None, Some(logo))), Err(FrontError::Logo), "{logo}");
    }
    let dark = TokensDraft { accent_dark: Some("#FFFFFF".to_owned()), ..TokensDraft::default() };
    assert!(matches!(Tokens::try_new(&dark), Err(FrontError::Missing { field: "accent", .. })));
}

proptest! {
    #[test]
    fn whatever_is_stored_is_read_or_refused(text in "\\PC{0,200}") {
        let _ = Front::read(Some(&text), Some(&text));
    }
}
