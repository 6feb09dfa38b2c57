//! The rules of paying out as they are sent and shown.

use kernel::{Currency, Money};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use withdrawal::{Rules, Tax};

use crate::body::Fields;
use crate::page::MoneyView;

/// What an earner owes the tax office, or has to bring.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum TaxView {
    /// Nothing.
    None,
    /// A part of what is above a free amount is kept back.
    Withhold {
        /// The part, in millionths.
        rate_ppm: u32,
        /// What of each withdrawal is free.
        free: MoneyView,
    },
    /// He names an invoice.
    Invoice,
}

/// By which rules is paid out.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RulesView {
    /// The least of a withdrawal.
    minimum: MoneyView,
    /// The most of one.
    maximum: Option<MoneyView>,
    /// What it costs, in millionths; rounded up.
    fee_rate_ppm: u32,
    /// The least that it costs.
    fee_minimum: MoneyView,
    /// The most that it costs.
    fee_maximum: Option<MoneyView>,
    /// How many may be asked for in a day, 1 to 20.
    daily_count: u32,
    /// How much in a day.
    daily_amount: Option<MoneyView>,
    /// From which amount on two persons approve.
    two_persons_from: Option<MoneyView>,
    /// For how many hours a new payee cannot be used, 240 at most.
    cool_down_hours: u32,
    /// What an earner owes the tax office.
    tax: TaxView,
    /// Whether what is available may be turned into money to buy with.
    may_convert: bool,
}

impl RulesView {
    pub(super) fn new(rules: Rules, currency: Currency) -> Self {
        let money = |minor| MoneyView::from(Money::new(minor, currency));
        Self {
            minimum: money(rules.minimum_minor),
            maximum: rules.maximum_minor.map(money),
            fee_rate_ppm: rules.fee_rate_ppm,
            fee_minimum: money(rules.fee_minimum_minor),
            fee_maximum: rules.fee_maximum_minor.map(money),
            daily_count: rules.daily_count,
            daily_amount: rules.daily_minor.map(money),
            two_persons_from: rules.two_persons_from_minor.map(money),
            cool_down_hours: rules.cool_down_hours,
            tax: match rules.tax {
                Tax::None => TaxView::None,
                Tax::Withhold { rate_ppm, free_minor } => TaxView::Withhold { rate_ppm, free: money(free_minor) },
                Tax::Invoice => TaxView::Invoice,
            },
            may_convert: rules.may_convert,
        }
    }

    pub(super) fn read(&self, fields: &mut Fields, currency: Currency) -> Option<Rules> {
        let mut money = |pointer: &str, sent: &MoneyView| {
            fields.money(&format!("/rules/{pointer}"), sent, currency).map(|money| money.minor())
        };
        let mut some = |pointer: &str, sent: &Option<MoneyView>| match sent {
            Some(sent) => money(pointer, sent).map(Some),
            None => Some(None),
        };
        let maximum_minor = some("maximum", &self.maximum);
        let fee_maximum_minor = some("fee_maximum", &self.fee_maximum);
        let daily_minor = some("daily_amount", &self.daily_amount);
        let two_persons_from_minor = some("two_persons_from", &self.two_persons_from);
        let (minimum_minor, fee_minimum_minor) =
            (money("minimum", &self.minimum), money("fee_minimum", &self.fee_minimum));
        let tax = match &self.tax {
            TaxView::None => Some(Tax::None),
            TaxView::Withhold { rate_ppm, free } => {
                money("tax/free", free).map(|free_minor| Tax::Withhold { rate_ppm: *rate_ppm, free_minor })
            }
            TaxView::Invoice => Some(Tax::Invoice),
        };
        Some(Rules {
            minimum_minor: minimum_minor?,
            maximum_minor: maximum_minor?,
            fee_rate_ppm: self.fee_rate_ppm,
            fee_minimum_minor: fee_minimum_minor?,
            fee_maximum_minor: fee_maximum_minor?,
            daily_count: self.daily_count,
            daily_minor: daily_minor?,
            two_persons_from_minor: two_persons_from_minor?,
            cool_down_hours: self.cool_down_hours,
            tax: tax?,
            may_convert: self.may_convert,
        })
    }
}
