//! The front of a site: which sections its home page has, and its own colours. Pure: read, checked and written here,
//! shown by the storefront. Data only, no markup.

use kernel::Wording;
use serde::{Deserialize, Serialize};

use crate::colour::{self, Colour};
use crate::model::Theme;

/// Sections of one home page.
const SECTIONS_MAX: usize = 12;
const TITLE_CHARS_MAX: usize = 60;
const TEXT_CHARS_MAX: usize = 2_000;
const LABEL_CHARS_MAX: usize = 24;
const LINK_LEN_MAX: usize = 200;
const CODE_LEN_MAX: usize = 60;
/// Goods of one section.
const GOODS_MAX: u32 = 24;
/// Goods of a section that does not say how many.
const GOODS_DEFAULT: u32 = 8;
const LOGO_CHARS_MAX: usize = 2;

/// What a site shows on its home page, and how. The default is what every shop begins with.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Front {
    /// In the order they are shown; none for the default ones.
    sections: Vec<Section>,
    tokens: Tokens,
}

/// A part of the home page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Section {
    /// The head of the page. An empty title is the site's tagline, an empty text what every shop says.
    Hero { title: Wording, text: Wording, link: Option<Link> },
    /// The site's notice, if it has one.
    Notice,
    /// A row of links to the categories.
    Categories,
    /// Every category with all its goods.
    Shelves,
    /// These goods, by their codes.
    Goods { title: Wording, codes: Vec<String> },
    /// The first goods of a category; an empty title is its name.
    Category { title: Wording, category: String, count: u32 },
    /// What sold best.
    Best { title: Wording, count: u32 },
    /// Plain text, a line a paragraph.
    Text { title: Wording, text: Wording },
    /// How one buys here.
    Guide,
}

/// A way on, inside the shop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// A path of this shop.
    pub href: String,
    /// What it says.
    pub label: Wording,
}

/// What a site has of its own beside its theme.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tokens {
    /// Its own main colour.
    pub accent: Option<Accent>,
    /// How round its corners are.
    pub radius: Radius,
    /// One or two letters in place of the first of its name.
    pub logo: Option<String>,
}

/// A main colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accent {
    /// On light pages.
    pub light: Colour,
    /// On dark ones; none for a lightened `light`.
    pub dark: Option<Colour>,
}

/// How round the corners are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Radius {
    /// Hardly.
    Sharp,
    /// As designed.
    #[default]
    Soft,
    /// Very.
    Round,
}

/// A section as it is written in a pack or kept as JSON; [`Section::try_new`] says whether it is one.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SectionDraft {
    /// hero, notice, categories, shelves, goods, category, best, text or guide.
    pub kind: String,
    /// hero, goods, category, best, text.
    #[serde(skip_serializing_if = "Wording::is_empty")]
    pub title: Wording,
    /// hero, text.
    #[serde(skip_serializing_if = "Wording::is_empty")]
    pub text: Wording,
    /// hero: a path of the shop.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// hero: what the link says.
    #[serde(skip_serializing_if = "Wording::is_empty")]
    pub label: Wording,
    /// goods: codes of goods.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub codes: Vec<String>,
    /// category: its code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// category, best: how many goods at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
}

/// Tokens as they are written in a pack or kept as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TokensDraft {
    /// `#RRGGBB`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accent: Option<String>,
    /// `#RRGGBB` on dark pages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accent_dark: Option<String>,
    /// sharp, soft or round.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub radius: Option<String>,
    /// One or two letters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logo: Option<String>,
}

/// Why a front is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrontError {
    /// More sections than a page has.
    #[error("a home page has at most {most} sections, not {count}")]
    TooMany { count: usize, most: usize },
    /// A section that stands once stands twice.
    #[error("a home page has one section of the kind {kind}")]
    Twice { kind: &'static str },
    /// There is no such kind.
    #[error("there is no section of the kind {kind:?}: use one of {known}")]
    Kind { kind: String, known: String },
    /// The kind needs this field.
    #[error("a section of the kind {kind} needs {field}")]
    Missing { kind: String, field: &'static str },
    /// The kind has no use for this field.
    #[error("a section of the kind {kind} has no {field}")]
    Unused { kind: String, field: &'static str },
    /// Too long, or not plain text.
    #[error("{field} is plain text of at most {chars_max} characters")]
    Text { field: &'static str, chars_max: usize },
    /// Not a path of this shop.
    #[error("link is a path of this shop, for example /categories/games")]
    Link,
    /// Not codes, or too many.
    #[error("{field} holds codes of a-z, 0-9 and hyphens, {most} at most")]
    Codes { field: &'static str, most: u32 },
    /// Too many goods.
    #[error("count is a number from 1 to {most}")]
    Count { most: u32 },
    /// Not a colour.
    #[error("{text:?} is not a colour like #0B6B4B")]
    Colour { text: String },
    /// Not a radius.
    #[error("{text:?} is not a radius: use sharp, soft or round")]
    Radius { text: String },
    /// Not a logo.
    #[error("a logo is one or two letters or digits")]
    Logo,
    /// Text in this colour could not be read.
    #[error("{accent} cannot be read in {}, {}: {nearest} is the nearest shade that can", theme.word(), if *is_dark { "dark" } else { "light" })]
    Contrast { accent: Colour, theme: Theme, is_dark: bool, nearest: Colour },
}

impl Front {
    /// A front for a site of this theme, if it is a whole one and its colours can be read.
    pub fn try_new(sections: Vec<Section>, tokens: Tokens, theme: Theme) -> Result<Self, FrontError> {
        if let Some(accent) = &tokens.accent {
            colour::check(theme, accent)?;
        }
        Self::whole(sections, tokens)
    }

    fn whole(sections: Vec<Section>, tokens: Tokens) -> Result<Self, FrontError> {
        if sections.len() > SECTIONS_MAX {
            return Err(FrontError::TooMany { count: sections.len(), most: SECTIONS_MAX });
        }
        for (place, section) in sections.iter().enumerate() {
            let kind = section.kind();
            let stands_once =
                !matches!(section, Section::Goods { .. } | Section::Category { .. } | Section::Text { .. });
            if stands_once && sections[..place].iter().any(|other| other.kind() == kind) {
                return Err(FrontError::Twice { kind });
            }
        }
        Ok(Self { sections, tokens })
    }

    /// The sections in their order; those that every shop begins with where the site has none of its own.
    pub fn sections(&self) -> &[Section] {
        const BEGINNING: [Section; 5] = [
            Section::Hero {
                title: Wording { zh: String::new(), en: String::new() },
                text: Wording { zh: String::new(), en: String::new() },
                link: None,
            },
            Section::Notice,
            Section::Categories,
            Section::Shelves,
            Section::Guide,
        ];
        static DEFAULT: [Section; 5] = BEGINNING;
        if self.sections.is_empty() { &DEFAULT } else { &self.sections }
    }

    /// What the site has of its own.
    pub const fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    /// Both parts as JSON; none for what is the default.
    pub(crate) fn texts(&self) -> (Option<String>, Option<String>) {
        let sections: Vec<SectionDraft> = self.sections.iter().map(Section::draft).collect();
        let tokens = self.tokens.draft();
        let text = |json: Result<String, serde_json::Error>| json.expect("texts and numbers are JSON");
        (
            (!sections.is_empty()).then(|| text(serde_json::to_string(&sections))),
            (tokens != TokensDraft::default()).then(|| text(serde_json::to_string(&tokens))),
        )
    }

    /// Reads what [`Front::texts`] wrote. Contrast is not asked again: a theme may have changed since, and what is
    /// shown is made readable in any case.
    pub(crate) fn read(sections: Option<&str>, tokens: Option<&str>) -> Option<Self> {
        let sections: Vec<SectionDraft> = sections.map_or(Some(Vec::new()), |text| serde_json::from_str(text).ok())?;
        let tokens: TokensDraft =
            tokens.map_or(Some(TokensDraft::default()), |text| serde_json::from_str(text).ok())?;
        let sections: Result<Vec<Section>, _> = sections.iter().map(Section::try_new).collect();
        Self::whole(sections.ok()?, Tokens::try_new(&tokens).ok()?).ok()
    }
}

impl Section {
    const KINDS: [&'static str; 9] =
        ["hero", "notice", "categories", "shelves", "goods", "category", "best", "text", "guide"];

    /// The word for what it is.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Hero { .. } => "hero",
            Self::Notice => "notice",
            Self::Categories => "categories",
            Self::Shelves => "shelves",
            Self::Goods { .. } => "goods",
            Self::Category { .. } => "category",
            Self::Best { .. } => "best",
            Self::Text { .. } => "text",
            Self::Guide => "guide",
        }
    }

    /// The section that the draft means; a field that its kind has no use for is refused.
    pub fn try_new(draft: &SectionDraft) -> Result<Self, FrontError> {
        let kind = draft.kind.as_str();
        let Some(used) = fields_of(kind) else {
            return Err(FrontError::Kind { kind: kind.chars().take(20).collect(), known: Self::KINDS.join(", ") });
        };
        for (field, is_given) in draft.given() {
            if is_given && !used.contains(&field) {
                return Err(FrontError::Unused { kind: kind.to_owned(), field });
            }
        }
        let missing = |field| FrontError::Missing { kind: kind.to_owned(), field };
        let title = || wording("title", &draft.title, TITLE_CHARS_MAX, IsLine::Yes);
        let text = || wording("text", &draft.text, TEXT_CHARS_MAX, IsLine::No);
        Ok(match kind {
            "hero" => Self::Hero { title: title()?, text: text()?, link: link(draft)? },
            "notice" => Self::Notice,
            "categories" => Self::Categories,
            "shelves" => Self::Shelves,
            "goods" if draft.title.is_empty() => return Err(missing("title")),
            "goods" if draft.codes.is_empty() => return Err(missing("codes")),
            "goods" => Self::Goods { title: title()?, codes: codes("codes", &draft.codes)? },
            "category" => {
                let category = draft.category.clone().ok_or_else(|| missing("category"))?;
                let category = codes("category", &[category])?.remove(0);
                Self::Category { title: title()?, category, count: count(draft.count)? }
            }
            "best" => Self::Best { title: title()?, count: count(draft.count)? },
            "text" if draft.text.is_empty() => return Err(missing("text")),
            "text" => Self::Text { title: title()?, text: text()? },
            _ => Self::Guide,
        })
    }

    /// As it is written.
    pub fn draft(&self) -> SectionDraft {
        let mut draft = SectionDraft { kind: self.kind().to_owned(), ..SectionDraft::default() };
        match self.clone() {
            Self::Notice | Self::Categories | Self::Shelves | Self::Guide => {}
            Self::Hero { title, text, link } => {
                (draft.title, draft.text) = (title, text);
                if let Some(link) = link {
                    (draft.link, draft.label) = (Some(link.href), link.label);
                }
            }
            Self::Goods { title, codes } => (draft.title, draft.codes) = (title, codes),
            Self::Category { title, category, count } => {
                (draft.title, draft.category, draft.count) = (title, Some(category), Some(count));
            }
            Self::Best { title, count } => (draft.title, draft.count) = (title, Some(count)),
            Self::Text { title, text } => (draft.title, draft.text) = (title, text),
        }
        draft
    }
}

impl SectionDraft {
    fn given(&self) -> [(&'static str, bool); 7] {
        [
            ("title", !self.title.is_empty()),
            ("text", !self.text.is_empty()),
            ("link", self.link.is_some()),
            ("label", !self.label.is_empty()),
            ("codes", !self.codes.is_empty()),
            ("category", self.category.is_some()),
            ("count", self.count.is_some()),
        ]
    }
}

fn fields_of(kind: &str) -> Option<&'static [&'static str]> {
    Some(match kind {
        "hero" => &["title", "text", "link", "label"],
        "goods" => &["title", "codes"],
        "category" => &["title", "category", "count"],
        "best" => &["title", "count"],
        "text" => &["title", "text"],
        "notice" | "categories" | "shelves" | "guide" => &[],
        _ => return None,
    })
}

/// Whether a text may have line breaks.
#[derive(Clone, Copy, PartialEq, Eq)]
enum IsLine {
    Yes,
    No,
}

fn wording(field: &'static str, wording: &Wording, chars_max: usize, is_line: IsLine) -> Result<Wording, FrontError> {
    let is_plain = |letter: char| !letter.is_control() || (is_line == IsLine::No && letter == '\n');
    let fits = |text: &str| text.chars().count() <= chars_max && text.chars().all(is_plain);
    let is_good = fits(&wording.zh) && fits(&wording.en);
    if is_good { Ok(wording.clone()) } else { Err(FrontError::Text { field, chars_max }) }
}

/// A path of the shop and nothing that a browser could take for another host.
fn link(draft: &SectionDraft) -> Result<Option<Link>, FrontError> {
    let Some(href) = &draft.link else {
        let missing = || FrontError::Missing { kind: draft.kind.clone(), field: "link" };
        return if draft.label.is_empty() { Ok(None) } else { Err(missing()) };
    };
    if draft.label.is_empty() {
        return Err(FrontError::Missing { kind: draft.kind.clone(), field: "label" });
    }
    let is_path = href.starts_with('/') && !href.starts_with("//") && href.len() <= LINK_LEN_MAX;
    let is_plain = href.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if !is_path || !is_plain {
        return Err(FrontError::Link);
    }
    let label = wording("label", &draft.label, LABEL_CHARS_MAX, IsLine::Yes)?;
    Ok(Some(Link { href: href.clone(), label }))
}

fn codes(field: &'static str, codes: &[String]) -> Result<Vec<String>, FrontError> {
    let is_known = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let is_code = |code: &String| (1..=CODE_LEN_MAX).contains(&code.len()) && code.bytes().all(is_known);
    let is_good = codes.len() <= GOODS_MAX as usize && codes.iter().all(is_code);
    if is_good { Ok(codes.to_vec()) } else { Err(FrontError::Codes { field, most: GOODS_MAX }) }
}

fn count(count: Option<u32>) -> Result<u32, FrontError> {
    let count = count.unwrap_or(GOODS_DEFAULT);
    if (1..=GOODS_MAX).contains(&count) { Ok(count) } else { Err(FrontError::Count { most: GOODS_MAX }) }
}

impl Radius {
    const ALL: [Self; 3] = [Self::Sharp, Self::Soft, Self::Round];

    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Sharp => "sharp",
            Self::Soft => "soft",
            Self::Round => "round",
        }
    }
}

impl Tokens {
    /// The tokens that the draft means. Whether the accent can be read is asked with the theme, by [`Front::try_new`].
    pub fn try_new(draft: &TokensDraft) -> Result<Self, FrontError> {
        let colour = |text: &String| {
            Colour::parse(text).ok_or_else(|| FrontError::Colour { text: text.chars().take(20).collect() })
        };
        let (light, dark) =
            (draft.accent.as_ref().map(colour).transpose()?, draft.accent_dark.as_ref().map(colour).transpose()?);
        let accent = match (light, dark) {
            (Some(light), dark) => Some(Accent { light, dark }),
            (None, None) => None,
            (None, Some(_)) => return Err(FrontError::Missing { kind: "tokens".to_owned(), field: "accent" }),
        };
        let radius = match &draft.radius {
            None => Radius::default(),
            Some(text) => {
                let unknown = || FrontError::Radius { text: text.chars().take(20).collect() };
                Radius::ALL.into_iter().find(|radius| radius.word() == text).ok_or_else(unknown)?
            }
        };
        let is_logo = |logo: &String| {
            (1..=LOGO_CHARS_MAX).contains(&logo.chars().count()) && logo.chars().all(char::is_alphanumeric)
        };
        match &draft.logo {
            Some(logo) if !is_logo(logo) => Err(FrontError::Logo),
            logo => Ok(Self { accent, radius, logo: logo.clone() }),
        }
    }

    /// As they are written.
    pub fn draft(&self) -> TokensDraft {
        TokensDraft {
            accent: self.accent.map(|accent| accent.light.to_string()),
            accent_dark: self.accent.and_then(|accent| accent.dark).map(|dark| dark.to_string()),
            radius: (self.radius != Radius::default()).then(|| self.radius.word().to_owned()),
            logo: self.logo.clone(),
        }
    }
}

#[cfg(test)]
mod tests;
