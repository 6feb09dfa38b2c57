//! The answer: a price with its chain, or the reason why there is none.

use kernel::{Coded, FaultKind, Money, MoneyError, SiteId};
use serde::Serialize;

use crate::model::{RuleId, SkuFacts, SkuId};

/// A price for one unit, with what each site of the chain pays, asks and earns. Frozen in the order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Quote {
    /// The SKU.
    pub sku: SkuId,
    /// The quantity that was asked for; another one may have another price.
    pub quantity: u32,
    /// What the buyer pays for each.
    pub unit: Money,
    /// What the selling site loses with each, and must cover, if it sells under its own purchase price.
    pub loss: Option<Money>,
    /// The main site first, the selling site last.
    pub hops: Vec<Hop>,
}

/// One site's part of a price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Hop {
    /// The site.
    pub site: SiteId,
    /// What it pays.
    pub cost: Money,
    /// What it asks: from the next site, or from the buyer if it is the last one.
    pub price: Money,
    /// Price less cost; negative only for a covered loss.
    pub margin: Money,
    /// The rule that made the price; none if the site has no rule for it.
    pub rule: Option<RuleRef>,
    /// What kind of rule it was.
    pub source: Source,
}

/// A rule at one of its versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct RuleRef {
    /// The rule.
    pub id: RuleId,
    /// The version that counted.
    pub version: i64,
}

/// Where a price comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// A price for this very buyer or site.
    Secret,
    /// The rule for the SKU.
    Sku,
    /// The rule for the goods.
    Goods,
    /// The rule for the category.
    Category,
    /// The site's default rule.
    Site,
    /// No rule: the main site's list price.
    ListPrice,
    /// No rule: the site's own purchase price.
    PurchasePrice,
}

/// A SKU without a price: it is not shown and not sold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("the sku is hidden by {site}: {reason}")]
pub struct Hidden {
    /// The site whose price is missing; only its owner is told the reason.
    pub site: SiteId,
    /// The reason.
    pub reason: HiddenReason,
}

/// Why a site has no price for a SKU.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case", tag = "reason")]
pub enum HiddenReason {
    /// The SKU or its goods are off sale, or not there at all.
    #[error("it is not on sale")]
    NotOnSale,
    /// The goods are for sites of other levels.
    #[error("it is for sites of other levels")]
    OtherLevels,
    /// A fixed price is under the purchase price.
    #[error("the fixed price {price} is under the purchase price {cost}")]
    BelowCost { price: Money, cost: Money },
    /// A fixed price loses more than the owner allowed.
    #[error("the fixed price {price} loses {loss}, {loss_cap} allowed")]
    LossTooHigh { price: Money, loss: Money, loss_cap: Money },
    /// The limits from above leave no price.
    #[error("the highest price {cap} is under the floor {floor}")]
    CapBelowFloor { cap: Money, floor: Money },
    /// The highest price, rounded down to the rule's step, is under the purchase price.
    #[error("the highest price {cap} is under the purchase price {cost}")]
    CapBelowCost { cap: Money, cost: Money },
    /// A rule names a template that was not read with it.
    #[error("the rule's template is not there")]
    TemplateMissing,
    /// A rule speaks of another currency than the SKU.
    #[error("a rule is in another currency")]
    OtherCurrency,
    /// The amount does not fit.
    #[error("the amount does not fit")]
    TooLarge,
}

impl Quote {
    pub(super) fn of(sku: &SkuFacts, quantity: u32, hops: Vec<Hop>) -> Self {
        let last = hops.last().expect("a chain has at least the main site");
        let loss =
            last.margin.is_negative().then(|| Money::new(last.margin.minor().saturating_neg(), sku.cost.currency()));
        Self { sku: sku.sku, quantity, unit: last.price, loss, hops }
    }

    /// Whether every hop starts where the one above ended and the margins sum to retail less cost.
    pub fn is_balanced(&self) -> bool {
        let minor = |money: Money| i128::from(money.minor());
        let (Some(first), Some(last)) = (self.hops.first(), self.hops.last()) else { return false };
        let margins: i128 = self.hops.iter().map(|hop| minor(hop.margin)).sum();
        let is_linked = self.hops.windows(2).all(|pair| pair[0].price == pair[1].cost);
        is_linked && last.price == self.unit && margins == minor(self.unit) - minor(first.cost)
    }
}

impl Hop {
    /// The rule as an order keeps it: its id and version, or the word for its absence.
    pub fn rule_text(&self) -> String {
        match self.rule {
            Some(rule) => format!("{}@{}", rule.id, rule.version),
            None => self.source.word().to_owned(),
        }
    }
}

impl Source {
    /// A stable word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Secret => "secret",
            Self::Sku => "sku",
            Self::Goods => "goods",
            Self::Category => "category",
            Self::Site => "site",
            Self::ListPrice => "list_price",
            Self::PurchasePrice => "purchase_price",
        }
    }

    /// The key of the sentence that tells a person where the price comes from.
    pub const fn text_key(self) -> &'static str {
        match self {
            Self::Secret => "price.source.secret",
            Self::Sku => "price.source.sku",
            Self::Goods => "price.source.goods",
            Self::Category => "price.source.category",
            Self::Site => "price.source.site",
            Self::ListPrice => "price.source.list_price",
            Self::PurchasePrice => "price.source.purchase_price",
        }
    }
}

impl From<MoneyError> for HiddenReason {
    fn from(error: MoneyError) -> Self {
        match error {
            MoneyError::CurrencyMismatch { .. } => Self::OtherCurrency,
            _ => Self::TooLarge,
        }
    }
}

impl Coded for Hidden {
    fn code(&self) -> &'static str {
        match self.reason {
            HiddenReason::NotOnSale => "not_on_sale",
            HiddenReason::OtherLevels => "goods_of_other_levels",
            HiddenReason::BelowCost { .. } => "price_below_cost",
            HiddenReason::LossTooHigh { .. } => "price_loss_too_high",
            HiddenReason::CapBelowFloor { .. } => "price_cap_below_floor",
            HiddenReason::CapBelowCost { .. } => "price_cap_below_cost",
            HiddenReason::TemplateMissing => "price_template_missing",
            HiddenReason::OtherCurrency => "price_other_currency",
            HiddenReason::TooLarge => "price_too_large",
        }
    }

    fn kind(&self) -> FaultKind {
        FaultKind::Refused
    }
}
