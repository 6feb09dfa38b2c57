//! The shop's rules: sections of text with the seller's data filled in.

use kernel::Language;
use serde::Serialize;
use tenancy::Shop;

use super::goods::paragraphs;
use crate::words::Words;

/// Sections of one rule, at most.
const SECTIONS_MAX: usize = 12;

/// Which rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    Terms,
    Privacy,
    Refunds,
}

/// The page's own keys.
#[derive(Serialize)]
pub(crate) struct RuleView {
    title: String,
    line: String,
    sections: Vec<Section>,
    current: &'static str,
}

#[derive(Serialize)]
struct Section {
    title: String,
    paragraphs: Vec<String>,
}

/// The keys of the page of the notice.
#[derive(Serialize)]
pub(crate) struct NoticeView {
    paragraphs: Vec<String>,
}

impl Rule {
    #[cfg(test)]
    pub const ALL: [Self; 3] = [Self::Terms, Self::Privacy, Self::Refunds];

    /// The word in the address and in the names of the sentences.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Terms => "terms",
            Self::Privacy => "privacy",
            Self::Refunds => "refunds",
        }
    }
}

impl RuleView {
    /// The sections `rules.{word}.1`, `rules.{word}.2` and so on, as many as there are.
    pub fn new((words, language): (&Words, Language), shop: &Shop, rule: Rule) -> Self {
        let word = rule.word();
        let (site, seller) = (&shop.site, &shop.tenant.seller);
        let none = words.get("rules.no_licence", &[]);
        let contact = words.get("rules.no_contact", &[]);
        let values = [
            ("shop", site.name.get(language)),
            ("seller", seller.name.as_str()),
            ("main", shop.main_name.get(language)),
            ("licence", seller.licence.as_deref().unwrap_or(&none)),
            ("contact", site.support.as_deref().unwrap_or(&contact)),
        ];
        let section = |number: usize| {
            let title = words.find(&format!("rules.{word}.{number}.title"), &values)?;
            let text = words.get(&format!("rules.{word}.{number}.text"), &values);
            Some(Section { title, paragraphs: paragraphs(&text) })
        };
        Self {
            title: words.get(&format!("rules.{word}.title"), &values),
            line: words.get(&format!("rules.{word}.line"), &values),
            sections: (1..=SECTIONS_MAX).map_while(section).collect(),
            current: word,
        }
    }
}

impl NoticeView {
    /// The shop's notice, which may be empty.
    pub fn new(notice: &str) -> Self {
        Self { paragraphs: paragraphs(notice) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_has_sections_that_say_something() {
        for language in Language::ALL {
            let words = Words::read(language).expect("sentences");
            for rule in Rule::ALL {
                let of = |number: usize, what: &str| words.find(&format!("rules.{}.{number}.{what}", rule.word()), &[]);
                let count = (1..=SECTIONS_MAX).take_while(|&number| of(number, "title").is_some()).count();
                assert!(count >= 4, "{rule:?} has {count}");
                let told = (1..=count).all(|number| of(number, "text").is_some_and(|text| text.len() > 20));
                assert!(told && of(count + 1, "text").is_none(), "{rule:?}");
            }
        }
    }
}
