//! Tenants and sites as the rooms above know them.

mod host;

use kernel::{Currency, SiteId, TenantId, Wording};

use crate::front::Front;

pub use host::{Host, Slug, TextError};
pub(crate) use host::{shown, without_port};

kernel::words! {
    /// Whether a tenant does business.
    TenantState {
        /// Open.
        Active = "active",
        /// Stopped for now, by the platform.
        Suspended = "suspended",
        /// Stopped for good.
        Closed = "closed",
    }
}

kernel::words! {
    /// Whether a site sells.
    SiteState {
        /// Open.
        Active = "active",
        /// Stopped for now.
        Suspended = "suspended",
        /// Stopped for good.
        Closed = "closed",
    }
}

kernel::words! {
    /// The look of a site.
    Theme {
        /// Calm greens.
        Grove = "grove",
        /// Cool blues.
        Harbor = "harbor",
        /// Warm earth.
        Clay = "clay",
    }
}

kernel::words! {
    /// Light or dark.
    Mode {
        /// As the visitor's device says.
        Auto = "auto",
        /// Always light.
        Light = "light",
        /// Always dark.
        Dark = "dark",
    }
}

/// The seller of record: named on checkout, receipt and terms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seller {
    /// The business as registered.
    pub name: String,
    /// The number of its licence.
    pub licence: Option<String>,
}

/// A main site's business with everything under it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant {
    /// Its id.
    pub id: TenantId,
    /// Its name in packs; never changes.
    pub slug: Slug,
    /// Its name for people.
    pub name: String,
    /// The currency it sells in; never changes.
    pub currency: Currency,
    /// Where it does business: an ISO 3166 code.
    pub region: String,
    /// Whether it does business.
    pub state: TenantState,
    /// Who sells.
    pub seller: Seller,
}

/// A shop front: the main site (depth 0) or a sub-site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// Its id.
    pub id: SiteId,
    /// The site right above; none for the main site.
    pub parent: Option<SiteId>,
    /// How many sites are above it.
    pub depth: u8,
    /// Its name in packs; never changes.
    pub slug: Slug,
    /// Whether it sells.
    pub state: SiteState,
    /// Its name for buyers.
    pub name: Wording,
    /// A line under the name.
    pub tagline: Wording,
    /// A notice above the goods; may be empty.
    pub notice: Wording,
    /// Its look.
    pub theme: Theme,
    /// Light or dark.
    pub mode: Mode,
    /// Its level, which chooses its prices; none for the main site.
    pub level: Option<String>,
    /// How to reach its support.
    pub support: Option<String>,
    /// What it allows buyers, in the words of the room that reads them; none for the defaults.
    pub limits: Option<String>,
    /// What its home page shows, and its own colours.
    pub front: Front,
    /// Which of its hosts its pages name as theirs.
    pub home: Option<Host>,
}

/// What a tenant is to be; its state is not part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTenant {
    /// Its name in packs.
    pub slug: Slug,
    /// Its name for people.
    pub name: String,
    /// The currency it sells in.
    pub currency: Currency,
    /// Where it does business.
    pub region: String,
    /// Who sells.
    pub seller: Seller,
}

/// What a site is to be; its state is not part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSite {
    /// Its name in packs.
    pub slug: Slug,
    /// The site right above, which is saved before; none for the main site.
    pub parent: Option<Slug>,
    /// Its name for buyers.
    pub name: Wording,
    /// A line under the name.
    pub tagline: Wording,
    /// A notice above the goods; may be empty.
    pub notice: Wording,
    /// Its look.
    pub theme: Theme,
    /// Light or dark.
    pub mode: Mode,
    /// Its level.
    pub level: Option<String>,
    /// How to reach its support.
    pub support: Option<String>,
    /// What it allows buyers, in the words of the room that reads them; none for the defaults.
    pub limits: Option<String>,
}

/// What saving did to the row that `I` names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Saved<I> {
    /// It was not there before.
    Created(I),
    /// It was there, and these fields were different.
    Changed(I, Vec<&'static str>),
    /// It was there, just so.
    Same(I),
}

impl<I: Copy> Saved<I> {
    /// The row's id.
    pub const fn id(&self) -> I {
        match self {
            Self::Created(id) | Self::Changed(id, _) | Self::Same(id) => *id,
        }
    }

    /// What both savings of one row did together.
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Changed(id, mut fields), Self::Changed(_, more)) => {
                fields.extend(more);
                Self::Changed(id, fields)
            }
            (Self::Same(_), other) => other,
            (own, _) => own,
        }
    }

    /// `Changed`, or `Same` when no field is named.
    pub fn of_fields(id: I, fields: Vec<&'static str>) -> Self {
        if fields.is_empty() { Self::Same(id) } else { Self::Changed(id, fields) }
    }
}
