//! Price templates: a site's named table of what is added to a purchase price, by how high that price is.

use chrono::{DateTime, Utc};
use kernel::{Money, Rate, SiteId, Wording};
use serde::Serialize;

use super::TemplateId;
use super::code::Code;
use super::price::{RATE_PPM_MAX, Rounding};
use crate::error::CatalogError;

/// The most bands of one template.
pub const BANDS_MAX: usize = 50;

/// What a band adds to a purchase price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Addition {
    /// This amount.
    Amount { amount: Money },
    /// This share of it, rounded up.
    Percent { rate: Rate },
}

/// One line of a template: it counts from its purchase price on, up to the next line's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Band {
    /// The lowest purchase price it is for.
    pub from: Money,
    /// What is added.
    pub addition: Addition,
    /// To which amounts the sum is rounded.
    pub rounding: Rounding,
}

/// What a template is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateDraft {
    /// The site whose template it is.
    pub site: SiteId,
    /// Its code, by which it is found again; unique in the site.
    pub code: Code,
    /// What its owner reads.
    pub name: Wording,
    /// Its bands, the lowest first.
    pub bands: Vec<Band>,
}

/// A template as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// Its id.
    pub id: TemplateId,
    /// The site whose template it is.
    pub site: SiteId,
    /// Its code, unique in the site.
    pub code: Code,
    /// What its owner reads.
    pub name: Wording,
    /// Its bands, the lowest first.
    pub bands: Vec<Band>,
    /// When it was first written.
    pub created_at: DateTime<Utc>,
}

impl TemplateDraft {
    /// Says whether the template can be meant so.
    pub fn check(&self) -> Result<(), CatalogError> {
        if !(1..=BANDS_MAX).contains(&self.bands.len()) {
            return Err(CatalogError::Bands { limit: BANDS_MAX });
        }
        let currency = self.bands[0].from.currency();
        for band in &self.bands {
            band.check()?;
            if band.amounts().any(|amount| amount.currency() != currency) {
                return Err(CatalogError::Currency);
            }
        }
        let is_ascending = self.bands.windows(2).all(|pair| pair[0].from.minor() < pair[1].from.minor());
        if is_ascending { Ok(()) } else { Err(CatalogError::BandOrder) }
    }
}

impl Band {
    fn check(&self) -> Result<(), CatalogError> {
        if self.from.is_negative() {
            return Err(CatalogError::Range { field: "from" });
        }
        match self.addition {
            Addition::Amount { amount } if amount.is_negative() => Err(CatalogError::Range { field: "add" }),
            Addition::Percent { rate } if rate.ppm() > RATE_PPM_MAX => Err(CatalogError::Range { field: "percent" }),
            _ => Ok(()),
        }
    }

    fn amounts(&self) -> impl Iterator<Item = Money> {
        let added = match self.addition {
            Addition::Amount { amount } => Some(amount),
            Addition::Percent { .. } => None,
        };
        std::iter::once(self.from).chain(added)
    }
}
