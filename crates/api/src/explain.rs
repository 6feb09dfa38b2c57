//! "Explain this price": the steps of the resolver, for those who may see them.

use axum::http::StatusCode;
use axum::response::Response;
use catalog::rules::HopSteps;
use catalog::{Code, Explanation, Formula, RuleId, RuleRef, SkuId, Step, Subject};
use kernel::{Coded, Money, SiteId};
use serde::{Deserialize, Serialize};
use store::Tx;
use utoipa::{IntoParams, ToSchema};
use web::Problem;

use crate::page::{MoneyView, answer};
use crate::place::Place;
use crate::routes::ApiState;

/// Which price of this site.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct OwnExplainQuery {
    /// The SKU's code.
    pub sku: String,
    /// How many of it.
    #[serde(default = "one")]
    #[param(minimum = 1, default = 1)]
    pub quantity: u32,
    /// The buyer's level on the site; none for a guest.
    pub level: Option<String>,
}

/// Which price of which site.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExplainQuery {
    /// The selling site, by id or slug; the main site if none is named.
    pub site: Option<String>,
    /// The SKU's code.
    pub sku: String,
    /// How many of it.
    #[serde(default = "one")]
    #[param(minimum = 1, default = 1)]
    pub quantity: u32,
    /// The buyer's level on that site; none for a guest.
    pub level: Option<String>,
}

const fn one() -> u32 {
    1
}

/// A price, or why there is none, with what led to it.
#[derive(Serialize, ToSchema)]
pub(crate) struct ExplanationView {
    /// The SKU.
    #[schema(value_type = String)]
    sku: SkuId,
    /// How many of it.
    quantity: u32,
    /// The selling site.
    #[schema(value_type = String)]
    site: SiteId,
    /// What the buyer pays for each; none if it is not sold.
    price: Option<MoneyView>,
    /// Why it is not sold.
    hidden: Option<HiddenView>,
    /// The sites that may be seen, from the main site down.
    hops: Vec<HopView>,
}

/// Why a SKU has no price.
#[derive(Serialize, ToSchema)]
pub(crate) struct HiddenView {
    /// A stable snake_case code.
    pub code: &'static str,
    /// In words.
    pub detail: String,
}

/// One site's part of a price.
#[derive(Serialize, ToSchema)]
pub(crate) struct HopView {
    /// The site.
    #[schema(value_type = String)]
    site: SiteId,
    /// Its slug.
    slug: String,
    /// What it pays; none if there is no price.
    cost: Option<MoneyView>,
    /// What it asks: from the next site, or from the buyer if it is the last one.
    price: Option<MoneyView>,
    /// Price less cost.
    margin: Option<MoneyView>,
    /// What was done, in this order.
    steps: Vec<StepView>,
}

/// One step: what went in, what came out.
#[derive(Default, Serialize, ToSchema)]
pub(crate) struct StepView {
    /// `rule`, `lifted`, `covered_loss`, `rounded`, `floored` or `capped`.
    step: &'static str,
    /// What kind of rule it was, or what stood in for one.
    source: Option<&'static str>,
    /// The rule or limit.
    rule: Option<RuleRefView>,
    /// How the rule makes a price.
    formula: Option<&'static str>,
    /// The site above that set the limit, where it may be seen.
    #[schema(value_type = Option<String>)]
    set_by: Option<SiteId>,
    /// To what it was rounded.
    rounding: Option<&'static str>,
    /// What the site pays.
    cost: Option<MoneyView>,
    /// The highest price allowed, or the loss allowed.
    cap: Option<MoneyView>,
    /// Before.
    from: Option<MoneyView>,
    /// After.
    result: Option<MoneyView>,
}

/// A rule at one of its versions.
#[derive(Serialize, ToSchema)]
pub(crate) struct RuleRefView {
    /// The rule.
    #[schema(value_type = String)]
    id: RuleId,
    /// The version that counted.
    version: i64,
}

/// Which hops of the chain are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seen {
    /// The whole chain: the main site's people.
    Chain,
    /// The selling site's own.
    Own,
}

/// Explains a price of the place's site.
pub(crate) async fn explain(
    rooms: &ApiState,
    tx: &impl Tx,
    (place, seen): (&Place, Seen),
    query: OwnExplainQuery,
) -> Result<Response, Problem> {
    let sku = match Code::parse(&query.sku) {
        Ok(code) => rooms.catalog.find_sku_in(tx, &code).await?,
        Err(_) => None,
    };
    let sku = sku.ok_or(Problem::not_found())?.id;
    let subject = Subject { buyer: None, level: query.level };
    let explained = rooms.prices.explain_in(tx, &place.chain(), &subject, (sku, query.quantity)).await?;
    let sites: Vec<SiteId> = match seen {
        Seen::Chain => place.tree.chain(place.site.id).iter().map(|site| site.id).collect(),
        Seen::Own => vec![place.site.id],
    };
    let explained = explained.seen_by(&sites);
    Ok(answer(StatusCode::OK, ExplanationView::new((sku, query.quantity), place, &explained, &sites)))
}

impl ExplanationView {
    fn new((sku, quantity): (SkuId, u32), place: &Place, explained: &Explanation, sites: &[SiteId]) -> Self {
        let (price, hidden) = match &explained.outcome {
            Ok(quote) => (Some(quote.unit.into()), None),
            Err(hidden) => (None, Some(HiddenView { code: hidden.code(), detail: hidden.reason.to_string() })),
        };
        let hops = explained.hops.iter().map(|hop| HopView::new(hop, place, explained, sites)).collect();
        Self { sku, quantity, site: explained.seller, price, hidden, hops }
    }
}

impl HopView {
    fn new(hop: &HopSteps, place: &Place, explained: &Explanation, sites: &[SiteId]) -> Self {
        let quote = explained.outcome.as_ref().ok();
        let figures = quote.and_then(|quote| quote.hops.iter().find(|known| known.site == hop.site));
        Self {
            site: hop.site,
            slug: place.tree.get(hop.site).map(|site| site.slug.to_string()).unwrap_or_default(),
            cost: figures.map(|hop| hop.cost.into()),
            price: figures.map(|hop| hop.price.into()),
            margin: figures.map(|hop| hop.margin.into()),
            steps: hop.steps.iter().map(|step| StepView::new(step, sites)).collect(),
        }
    }
}

impl StepView {
    fn new(step: &Step, sites: &[SiteId]) -> Self {
        let money = |money: Money| Some(MoneyView::from(money));
        let rule = |rule: RuleRef| RuleRefView { id: rule.id, version: rule.version };
        // Who set a limit, and by which rule, is for those who may see that site.
        let limit = |set_by: SiteId, limit: RuleRef| match sites.contains(&set_by) {
            true => (Some(set_by), Some(rule(limit))),
            false => (None, None),
        };
        let empty = Self::default();
        match *step {
            Step::Rule { source, rule: reference, formula, cost, result, .. } => Self {
                step: "rule",
                source: Some(source.word()),
                rule: reference.map(rule),
                formula: formula.as_ref().map(word),
                cost: money(cost),
                result: money(result),
                ..empty
            },
            Step::Lifted { from, result } => Self { step: "lifted", from: money(from), result: money(result), ..empty },
            Step::CoveredLoss { cost, loss, loss_cap } => {
                Self { step: "covered_loss", cost: money(cost), from: money(loss), cap: money(loss_cap), ..empty }
            }
            Step::Rounded { rounding, from, result } => {
                let rounding = Some(rounding.word());
                Self { step: "rounded", rounding, from: money(from), result: money(result), ..empty }
            }
            Step::Floored { set_by, limit: reference, from, result } => {
                let (set_by, rule) = limit(set_by, reference);
                Self { step: "floored", set_by, rule, from: money(from), result: money(result), ..empty }
            }
            Step::Capped { set_by, limit: reference, cap, from, result } => {
                let (set_by, rule) = limit(set_by, reference);
                let (cap, from, result) = (money(cap), money(from), money(result));
                Self { step: "capped", set_by, rule, cap, from, result, ..empty }
            }
        }
    }
}

const fn word(formula: &Formula) -> &'static str {
    match formula {
        Formula::Fixed { .. } => "fixed",
        Formula::Markup { .. } => "markup",
        Formula::Percent { .. } => "percent",
        Formula::Template { .. } => "template",
    }
}
