//! `[[section]]` and `[tokens]` of a site: what its home page shows, and its own colours. Tenancy says what they may be.

use kernel::Wording;
use tenancy::{Front, Section, SectionDraft, Theme, Tokens, TokensDraft};

use super::fault::Faults;
use super::fields::Fields;
use super::{Known, PackSite};

/// The longest text of a section; tenancy is stricter with most of them.
const CHARS_MAX: usize = 2_000;

/// What a site's home page shows, each section with its line, and its own colours.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct PackFront {
    pub sections: Vec<(Section, u64)>,
    pub tokens: Tokens,
}

impl PackFront {
    /// The sections without their lines.
    pub fn sections(&self) -> Vec<Section> {
        self.sections.iter().map(|(section, _)| section.clone()).collect()
    }
}

/// Every section is about something that the pack has.
pub(super) fn check_sections(sites: &[PackSite], known: &Known<'_>, faults: &Faults) {
    for site in sites {
        for (section, line) in &site.front.sections {
            let (word, codes, named) = match section {
                Section::Goods { codes, .. } => ("goods", &known.goods, codes.as_slice()),
                Section::Category { category, .. } => ("category", &known.categories, std::slice::from_ref(category)),
                _ => continue,
            };
            let Some(codes) = codes else { continue };
            for code in named.iter().filter(|code| !codes.iter().any(|known| known.as_str() == **code)) {
                faults.report(&site.file, *line, format!("there is no {word} {code} in the pack"));
            }
        }
    }
}

/// The sections and tokens; what could not be read is left out and has a fault.
pub(super) fn front(fields: &Fields<'_>, theme: Option<Theme>) -> PackFront {
    let line = if fields.has("tokens") { fields.line_of("tokens") } else { fields.line_of("section") };
    let sections: Vec<(Section, u64)> = fields.blocks("section").into_iter().filter_map(section).collect();
    let tokens = if fields.has("tokens") { fields.table_of("tokens").and_then(tokens) } else { None };
    let tokens = tokens.unwrap_or_default();
    let front = PackFront { sections, tokens };
    if let Some(Err(error)) = theme.map(|theme| Front::try_new(front.sections(), front.tokens.clone(), theme)) {
        fields.report(line, error.to_string());
    }
    front
}

fn section(fields: Fields<'_>) -> Option<(Section, u64)> {
    let kind = fields.text("kind", CHARS_MAX);
    let words = |key| if fields.has(key) { fields.wording(key, CHARS_MAX) } else { Some(Wording::default()) };
    let (title, label) = (words("title"), words("label"));
    let text = if fields.has("text") { fields.paragraphs("text", CHARS_MAX) } else { Some(Wording::default()) };
    let link = fields.text_if_there("link", CHARS_MAX);
    let category = fields.text_if_there("category", CHARS_MAX);
    let count = fields.number_if_there("count", u32::from(u16::MAX));
    let codes = if fields.has("codes") { fields.texts("codes") } else { Some(Vec::new()) };
    let draft = SectionDraft {
        kind: kind?,
        title: title?,
        text: text?,
        link: link?,
        label: label?,
        codes: codes?.into_iter().map(|(code, _)| code.to_owned()).collect(),
        category: category?,
        count: count?,
    };
    let line = fields.line;
    let section = Section::try_new(&draft).map_err(|error| fields.report(line, error.to_string())).ok();
    fields.finish();
    Some((section?, line))
}

fn tokens(fields: Fields<'_>) -> Option<Tokens> {
    let text = |key| fields.text_if_there(key, CHARS_MAX);
    let (accent, accent_dark) = (text("accent"), text("accent_dark"));
    let (radius, logo) = (text("radius"), text("logo"));
    let draft = TokensDraft { accent: accent?, accent_dark: accent_dark?, radius: radius?, logo: logo? };
    let tokens = Tokens::try_new(&draft).map_err(|error| fields.report(fields.line, error.to_string())).ok();
    fields.finish();
    tokens
}
