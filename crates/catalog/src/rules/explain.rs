//! "Explain this price": the steps of the resolver as data.

use kernel::{Money, SiteId};
use serde::Serialize;

use super::quote::{Hidden, HiddenReason, Quote, RuleRef, Source};
use crate::model::{Band, Formula, Rounding};

/// The steps of all hops, and the answer they led to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The selling site.
    pub seller: SiteId,
    /// The main site first; the last one is the selling site, or the one that hides the SKU.
    pub hops: Vec<HopSteps>,
    /// The answer of [`super::resolve`].
    pub outcome: Result<Quote, Hidden>,
}

/// The steps of one site, in their order. Steps that changed nothing are left out, except the first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HopSteps {
    /// The site.
    pub site: SiteId,
    /// What was done.
    pub steps: Vec<Step>,
}

/// One step: what went in, what came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "step")]
pub enum Step {
    /// The rule was found, or a default taken, and its formula applied to the purchase price. The band is the one of
    /// the rule's template that counted; none if there is no template, or if the price is under its first band.
    Rule {
        source: Source,
        rule: Option<RuleRef>,
        formula: Option<Formula>,
        band: Option<Band>,
        cost: Money,
        result: Money,
    },
    /// Raised to the purchase price.
    Lifted { from: Money, result: Money },
    /// Left under the purchase price: the owner allowed this loss.
    CoveredLoss { cost: Money, loss: Money, loss_cap: Money },
    /// Rounded up.
    Rounded { rounding: Rounding, from: Money, result: Money },
    /// Raised to the floor that a site above set.
    Floored { set_by: SiteId, limit: RuleRef, from: Money, result: Money },
    /// Lowered to the highest price that a site above allows, rounded down.
    Capped { set_by: SiteId, limit: RuleRef, cap: Money, from: Money, result: Money },
}

impl Explanation {
    /// The same for somebody who may see these sites only.
    ///
    /// A hop that is kept shows what its site pays: that is the price of the site above, and the site's own figure too.
    /// A SKU that another site hides is just not on sale.
    pub fn seen_by(mut self, sites: &[SiteId]) -> Self {
        self.hops.retain(|hop| sites.contains(&hop.site));
        match &mut self.outcome {
            Ok(quote) => {
                quote.hops.retain(|hop| sites.contains(&hop.site));
                quote.loss = quote.loss.filter(|_| sites.contains(&self.seller));
            }
            Err(hidden) if sites.contains(&hidden.site) => {}
            Err(hidden) => *hidden = Hidden { site: self.seller, reason: HiddenReason::NotOnSale },
        }
        self
    }
}
