//! What all pages show: the shop, the languages, who is logged in.

use axum::http::HeaderValue;
use kernel::{Language, Money};
use serde::Serialize;
use tenancy::{Shop, Site};

use crate::frame::{Frame, seller};
use crate::{format, theme};

/// A page with what is common to all.
#[derive(Serialize)]
pub(crate) struct Page<'a, T> {
    #[serde(flatten)]
    pub common: &'a Common,
    #[serde(flatten)]
    pub own: T,
}

/// The keys of every page.
#[derive(Serialize)]
pub(crate) struct Common {
    lang: &'static str,
    langs: [LanguageLink; 2],
    me: Option<Me>,
    path: String,
    here: String,
    request_id: Option<String>,
    trace_id: Option<String>,
    site: Option<SiteView>,
    index: Option<Index>,
    #[serde(skip)]
    is_private: bool,
    /// The version of the page that the browser has.
    #[serde(skip)]
    pub known: Option<HeaderValue>,
}

/// What search machines need to know of a page, in whole addresses.
#[derive(Serialize)]
struct Index {
    canonical: String,
    /// The page in whichever language the visitor speaks.
    default: String,
    languages: Vec<(&'static str, String)>,
}

#[derive(Serialize)]
struct LanguageLink {
    code: &'static str,
    label: &'static str,
    href: String,
    current: bool,
}

/// Who is logged in, and what he may spend.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Me {
    pub name: String,
    pub wallet: String,
    pub logout_action: &'static str,
}

#[derive(Serialize)]
struct SiteView {
    name: String,
    theme: &'static str,
    mode: &'static str,
    tagline: String,
    main_site_name: Option<String>,
    /// None where it could not be found out who it is: nobody is named wrongly.
    seller: Option<SellerView>,
    support_contact: Option<String>,
    /// One or two letters that stand for it.
    mark: String,
    /// Its own style sheet.
    style: Option<String>,
}

#[derive(Serialize)]
struct SellerView {
    name: String,
    licence: Option<String>,
}

impl Me {
    pub fn new(name: &str, wallet: Money) -> Self {
        Self { name: name.to_owned(), wallet: format::money(wallet), logout_action: "/logout" }
    }
}

impl Common {
    pub fn new(frame: &Frame, me: Option<Me>) -> Self {
        Self {
            is_private: me.is_some(),
            lang: frame.language.tag(),
            langs: Language::ALL.map(|language| link(frame, language)),
            me,
            path: format::query_value(&frame.path),
            here: format::query_value(&frame.here()),
            request_id: frame.request_id.clone(),
            trace_id: frame.trace_id.clone(),
            site: frame.shop.as_deref().map(|shop| site(shop, frame.language, frame.sells_itself)),
            index: frame.origin.as_deref().map(|origin| index(origin, frame)),
            known: frame.known.clone(),
        }
    }

    /// The same for a page that shows somebody's data though nobody is logged in.
    pub const fn private(mut self) -> Self {
        self.is_private = true;
        self
    }

    /// Whether the page shows somebody's data.
    pub const fn is_private(&self) -> bool {
        self.is_private
    }
}

/// A page has one address in each language, and one that leaves the language open. Which page of a list it is belongs
/// to it, how the list was narrowed does not.
fn index(origin: &str, frame: &Frame) -> Index {
    let kept = |name: &str| {
        let value = frame.query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))?;
        let is_plain = value.len() <= 8 && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        is_plain.then(|| format!("{name}={value}"))
    };
    let address = |language: Option<String>| {
        let query: Vec<String> = [kept("page"), language].into_iter().flatten().collect();
        let mark = if query.is_empty() { "" } else { "?" };
        format!("{origin}{}{mark}{}", frame.path, query.join("&"))
    };
    let languages = Language::ALL.iter().map(|language| {
        let tag = language.tag();
        (tag, address(Some(format!("lang={tag}"))))
    });
    Index { canonical: address(kept("lang")), default: address(None), languages: languages.collect() }
}

/// The same page in another language.
fn link(frame: &Frame, language: Language) -> LanguageLink {
    let kept = frame.query.split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("lang="));
    let choice = format!("lang={}", language.tag());
    let query: Vec<&str> = kept.chain([choice.as_str()]).collect();
    let label = match language {
        Language::Chinese => "中文",
        Language::English => "English",
    };
    let href = format!("{}?{}", frame.path, query.join("&"));
    LanguageLink { code: language.tag(), label, href, current: language == frame.language }
}

fn site(shop: &Shop, language: Language, sells_itself: Option<bool>) -> SiteView {
    let site = &shop.site;
    let seller = |sells_itself| {
        let (name, licence) = seller(shop, language, sells_itself);
        SellerView { name: name.to_owned(), licence: licence.map(str::to_owned) }
    };
    SiteView {
        name: site.name.get(language).to_owned(),
        theme: site.theme.word(),
        mode: site.mode.word(),
        tagline: site.tagline.get(language).to_owned(),
        main_site_name: site.parent.map(|_| shop.main_name.get(language).to_owned()),
        seller: sells_itself.map(seller),
        support_contact: site.support.clone(),
        mark: mark(site, language),
        style: theme::href(site),
    }
}

/// The site's logo in letters: its own, or the first of its name.
fn mark(site: &Site, language: Language) -> String {
    let own = site.front.tokens().logo.clone();
    own.unwrap_or_else(|| site.name.get(language).chars().take(1).flat_map(char::to_uppercase).collect())
}
