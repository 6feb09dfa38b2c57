//! Codes: every byte counts, and nothing shows them by accident.

use proptest::prelude::*;

use super::*;

/// The address of the code that is chosen where `CardCode` has no such trait. If it had, there would be two
/// candidates, and this would not compile.
macro_rules! has_no {
    ($($kind:ty: $bound:path),+ $(,)?) => {$(
        const _: fn() = || {
            trait Chosen<Mark> {
                fn choose() {}
            }
            struct WithTrait;
            impl<T: ?Sized> Chosen<()> for T {}
            impl<T: ?Sized + $bound> Chosen<WithTrait> for T {}
            <$kind as Chosen<_>>::choose();
        };
    )+};
}

has_no!(
    CardCode: std::fmt::Debug,
    CardCode: std::fmt::Display,
    CardCode: serde::Serialize,
    CardCode: Clone,
    NewCard: std::fmt::Debug,
    NewCard: serde::Serialize,
    MasterKey: std::fmt::Debug,
    MasterKeys: std::fmt::Debug,
    KeyRing: std::fmt::Debug,
);

/// Codes that peers have mangled: by URL decoding, by quoting, by trimming too much.
const AWKWARD: [&str; 9] = [
    "%0A",
    "%41%42+C&D=E?F#G",
    "it's \"quoted\" `code` \\n \\",
    "'); DROP TABLE cards; --",
    "卡号：８８８８　密码：九九九九",
    "🎮👩‍👩‍👧 code ✓",
    "two  spaces   inside",
    "<b>&amp;</b>",
    "\u{200b}zero width\u{200b}",
];

testkit::on_both! {
    async fn a_code_comes_back_byte_for_byte(db) {
        let shop = Shop::open(&db).await;
        let longest = "长".repeat(341) + "1";
        assert_eq!(longest.len(), CardCode::LEN_MAX);
        let mut codes = AWKWARD.to_vec();
        codes.push(&longest);
        assert_eq!(shop.import(&codes).await.added, codes.len() as u64);
        let (order, cards) = shop.sell(shop.sku, u32::try_from(codes.len()).expect("a few")).await;
        assert_eq!(shop.reveal(order, &cards).await.expect("opened"), codes);
    }
}

#[test]
fn only_the_white_space_around_a_code_is_dropped() {
    assert_eq!(code(" \t A  B\u{3000}C \r\n").reveal(), "A  B\u{3000}C");
    for text in AWKWARD {
        assert_eq!(code(&format!("  {text}\n")).reveal(), text);
    }
}

#[test]
fn a_code_has_no_control_characters_and_a_bounded_length() {
    let refused = |text: &str| matches!(CardCode::parse(text), Err(InventoryError::UnreadableCode));
    for text in ["", "  \n", "A\nB", "A\tB", "A\u{0}B", "A\u{7f}B", "A\u{85}B"] {
        assert!(refused(text), "{text:?}");
    }
    assert!(refused(&"A".repeat(CardCode::LEN_MAX + 1)));
    assert_eq!(code(&"A".repeat(CardCode::LEN_MAX)).reveal().len(), CardCode::LEN_MAX);
}

proptest! {
    #[test]
    fn a_code_that_is_taken_is_the_trimmed_text(text in any::<String>()) {
        match CardCode::parse(&text) {
            Ok(code) => prop_assert_eq!(code.reveal(), text.trim()),
            Err(_) => prop_assert!(text.trim().is_empty() || text.len() > CardCode::LEN_MAX || text.trim().contains(char::is_control)),
        }
    }
}
