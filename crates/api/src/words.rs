//! What a site says to buyers, as it is sent and shown.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tenancy::{Mode, Site, SiteWords, Theme};
use utoipa::ToSchema;

use crate::body::{Fields, NAME_CHARS_MAX, NOTICE_CHARS_MAX, Shape};
use crate::page::WordingView;

/// What a site is to say.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WordsSent {
    /// What it is called.
    pub name: WordingView,
    /// A line under the name.
    #[serde(default)]
    pub tagline: WordingView,
    /// A notice above the goods.
    #[serde(default)]
    pub notice: WordingView,
    /// `grove`, `harbor` or `clay`.
    pub theme: String,
    /// `auto`, `light` or `dark`.
    pub mode: String,
    /// How buyers reach its support.
    pub support: Option<String>,
}

/// The version of what a site says and is: it follows from that, so the same settings have the same one.
pub(crate) fn version_of(site: &Site) -> i64 {
    let settings = (site.id, WordsView::from(site), &site.level, site.state.word());
    let text = serde_json::to_vec(&settings).expect("texts are JSON");
    let hash = u64::from_be_bytes(*Sha256::digest(text).first_chunk().expect("32 bytes"));
    // As many bits as every reader of JSON keeps.
    (hash >> 12).cast_signed()
}

/// What a site says.
#[derive(Serialize, ToSchema)]
pub(crate) struct WordsView {
    /// What it is called.
    name: WordingView,
    /// A line under the name.
    tagline: WordingView,
    /// A notice above the goods.
    notice: WordingView,
    /// `grove`, `harbor` or `clay`.
    theme: &'static str,
    /// `auto`, `light` or `dark`.
    mode: &'static str,
    /// How buyers reach its support.
    support: Option<String>,
}

impl WordsSent {
    pub(crate) fn read(self, fields: &mut Fields) -> Option<SiteWords> {
        let name = fields.wording("/name", &self.name, NAME_CHARS_MAX, Shape::Line);
        let tagline = fields.wording("/tagline", &self.tagline, NAME_CHARS_MAX, Shape::LineOrNone);
        let notice = fields.wording("/notice", &self.notice, NOTICE_CHARS_MAX, Shape::LineOrNone);
        let theme = fields.word("/theme", &self.theme, Theme::parse);
        let mode = fields.word("/mode", &self.mode, Mode::parse);
        let support = self.support.map(|text| fields.line("/support", &text, NAME_CHARS_MAX));
        Some(SiteWords {
            name: name?,
            tagline: tagline?,
            notice: notice?,
            theme: theme?,
            mode: mode?,
            support: support.flatten(),
        })
    }
}

impl From<&Site> for WordsView {
    fn from(site: &Site) -> Self {
        Self {
            name: site.name.clone().into(),
            tagline: site.tagline.clone().into(),
            notice: site.notice.clone().into(),
            theme: site.theme.word(),
            mode: site.mode.word(),
            support: site.support.clone(),
        }
    }
}
