//! What this room refuses.

use kernel::{Coded, Currency, FaultKind, SiteId};
use store::StoreError;

use crate::front::FrontError;
use crate::model::{Host, Slug, TextError};

/// A refusal of tenants, sites and hosts.
#[derive(Debug, thiserror::Error)]
pub enum TenancyError {
    /// The text is no host or slug.
    #[error(transparent)]
    Text(#[from] TextError),
    /// Another site has the host, maybe another tenant's: whose is not told.
    #[error("the host {host} leads to another shop")]
    HostTaken { host: Host },
    /// Another tenant has the slug.
    #[error("the tenant slug {slug} is taken")]
    SlugTaken { slug: Slug },
    /// Another site of the tenant has the slug.
    #[error("the site slug {slug} is taken")]
    SiteSlugTaken { slug: Slug },
    /// The main site has no level, because nobody is above it; every other site has one.
    #[error("the main site has no level, and every other site has one")]
    LevelMisplaced,
    /// A tenant's slug is its identity.
    #[error("the tenant is {is} and cannot become {wanted}")]
    SlugFixed { is: Slug, wanted: Slug },
    /// Balances and prices are in the tenant's currency.
    #[error("the tenant sells in {is} and cannot change to {wanted}")]
    CurrencyFixed { is: Currency, wanted: Currency },
    /// The scope's tenant does not exist.
    #[error("there is no such tenant")]
    NoTenant,
    /// The tenant has no such site.
    #[error("there is no site {site}")]
    NoSite { site: SiteId },
    /// The tenant has no site that the new one could stand under.
    #[error("there is no parent site {parent}")]
    NoParent { parent: String },
    /// The tree would have a ring in it.
    #[error("site {site} cannot stand under itself")]
    UnderItself { site: SiteId },
    /// The tree would be too deep.
    #[error("a site stands at most {depth_max} levels under the main site")]
    TooDeep { depth_max: u8 },
    /// A tenant has one main site, and it is the root.
    #[error("a tenant has exactly one main site, and it stays")]
    MainSiteFixed,
    /// The front is none that can be shown.
    #[error(transparent)]
    Front(#[from] FrontError),
    /// What the table holds is not a value of ours: a bug, or a hand in the database.
    #[error("{column} holds something unreadable")]
    Unreadable { column: &'static str },
    /// The database's refusal.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Coded for TenancyError {
    fn code(&self) -> &'static str {
        match self {
            Self::Text(TextError::Host(_)) => "host_invalid",
            Self::Text(TextError::Slug(_)) => "slug_invalid",
            Self::HostTaken { .. } => "host_taken",
            Self::SlugTaken { .. } => "slug_taken",
            Self::SiteSlugTaken { .. } => "site_slug_taken",
            Self::LevelMisplaced => "site_level_misplaced",
            Self::SlugFixed { .. } => "slug_fixed",
            Self::CurrencyFixed { .. } => "currency_fixed",
            Self::NoTenant => "tenant_not_found",
            Self::NoSite { .. } => "site_not_found",
            Self::NoParent { .. } => "parent_site_not_found",
            Self::UnderItself { .. } => "site_under_itself",
            Self::TooDeep { .. } => "site_too_deep",
            Self::MainSiteFixed => "main_site_fixed",
            Self::Front(FrontError::Contrast { .. }) => "accent_contrast",
            Self::Front(_) => "front_invalid",
            Self::Unreadable { .. } => "internal",
            Self::Store(error) => error.code(),
        }
    }

    fn kind(&self) -> FaultKind {
        match self {
            Self::Text(_) | Self::Front(_) => FaultKind::Invalid,
            Self::NoTenant | Self::NoSite { .. } => FaultKind::NotFound,
            Self::HostTaken { .. } | Self::SlugTaken { .. } | Self::SiteSlugTaken { .. } => FaultKind::Conflict,
            Self::SlugFixed { .. }
            | Self::CurrencyFixed { .. }
            | Self::NoParent { .. }
            | Self::UnderItself { .. }
            | Self::LevelMisplaced
            | Self::TooDeep { .. }
            | Self::MainSiteFixed => FaultKind::Refused,
            Self::Unreadable { .. } => FaultKind::Internal,
            Self::Store(error) => error.kind(),
        }
    }
}

/// No shop answers at this host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no shop answers at {host:?}")]
pub struct UnknownHost {
    /// The host as it would be looked up, or the start of the text if it is none; free of control characters.
    pub host: String,
}

impl Coded for UnknownHost {
    fn code(&self) -> &'static str {
        "unknown_host"
    }
    fn kind(&self) -> FaultKind {
        FaultKind::NotFound
    }
}
