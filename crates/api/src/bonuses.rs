//! What customers are given beside their top-ups.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use chrono::{DateTime, Utc};
use kernel::{Currency, Money};
use payment::{BonusRules, BonusTier, BonusVersion, Gives};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use web::{FundsApprove, FundsRead, Json, Operator, Problem, Query};

use crate::body::{Fields, refused};
use crate::page::{self, List, MoneyView, Part, answer};
use crate::routes::App;

/// Versions of an answer.
const VERSIONS_MAX: u64 = 20;

/// What is given.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum GivesView {
    /// So much: not more than the amount from which on it is given.
    Fixed {
        /// How much.
        amount: MoneyView,
    },
    /// A part of the top-up, rounded down.
    Share {
        /// The part, in millionths, up to all of it.
        rate_ppm: u32,
    },
}

/// From which amount on what is given.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TierView {
    /// From which amount on.
    from: MoneyView,
    /// What.
    gives: GivesView,
}

/// By which rules top-ups are given a bonus.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BonusRulesView {
    /// Up to ten tiers, the lowest first: the highest that a top-up reaches counts. Without any nothing is given.
    tiers: Vec<TierView>,
    /// The most for one top-up.
    most: Option<MoneyView>,
    /// The most for one customer in any 30 days.
    month: Option<MoneyView>,
}

/// The next version of the rules.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BonusRulesSent {
    /// From when on; as soon as it may be if it is left out.
    effective_from: Option<DateTime<Utc>>,
    /// What it says.
    rules: BonusRulesView,
}

/// A version of the rules.
#[derive(Serialize, ToSchema)]
pub(crate) struct BonusVersionView {
    /// Its number, from 1.
    version: i64,
    /// From when on.
    effective_from: DateTime<Utc>,
    /// Whether it counts now.
    is_in_force: bool,
    /// When it was written.
    created_at: DateTime<Utc>,
    /// What it says.
    rules: BonusRulesView,
}

/// The versions of the rules of bonuses, the latest first; twenty at a time at most.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/top-up-rules", tag = "funds", params(("tenant" = String, Path), Part),
    responses((status = 200, body = List<BonusVersionView>)), operation_id = "funds_top_up_rules"
)]
pub(crate) async fn list(
    operator: Operator<FundsRead>,
    State(App(rooms)): State<App>,
    Query(part): Query<Part>,
) -> Result<Response, Problem> {
    let (limit, before) = (part.limit()?.min(VERSIONS_MAX), part.after(str::parse::<i64>)?);
    let tx = rooms.store.read(&operator.scope).await?;
    let currency = rooms.currency_in(&tx).await?;
    let versions = rooms.payments.bonus_versions_in(&tx, before, limit + 1).await.map_err(refused)?;
    let (versions, next) = page::page(versions, limit, |version| version.version);
    let (in_force, _) = rooms.payments.bonus_rules_in(&tx).await.map_err(refused)?;
    let data = versions.into_iter().map(|version| BonusVersionView::new(version, in_force, currency)).collect();
    Ok(answer(StatusCode::OK, List::part(data, next)))
}

/// Write the next version of the rules of bonuses.
///
/// What a top-up was promised when it was opened it is given, whatever the rules say by then. A bonus is your cost, can be spent
/// like what was paid in, and is never more than that.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/top-up-rules", tag = "funds", params(("tenant" = String, Path)),
    request_body = BonusRulesSent,
    responses((status = 201, body = BonusVersionView),
        (status = 409, description = "`changed_meanwhile`: somebody else wrote a version"),
        (status = 422, description = "`top_up_rules_before_the_last`, refused fields")), operation_id = "funds_save_top_up_rules"
)]
pub(crate) async fn save(
    operator: Operator<FundsApprove>,
    State(App(rooms)): State<App>,
    Json(sent): Json<BonusRulesSent>,
) -> Result<Response, Problem> {
    let tx = rooms.store.write(&operator.scope).await?;
    let currency = rooms.currency_in(&tx).await?;
    let mut fields = Fields::default();
    fields.moment("/effective_from", sent.effective_from);
    let rules = sent.rules.read(&mut fields, currency);
    let rules = fields.whole(rules)?;
    let by = operator.operator.id.uuid();
    let saved = rooms.payments.save_bonus_rules_in(&tx, rules, sent.effective_from, by).await.map_err(refused)?;
    let (in_force, _) = rooms.payments.bonus_rules_in(&tx).await.map_err(refused)?;
    tx.commit().await?;
    Ok(answer(StatusCode::CREATED, BonusVersionView::new(saved, in_force, currency)))
}

impl BonusRulesView {
    fn read(&self, fields: &mut Fields, currency: Currency) -> Option<BonusRules> {
        let mut minor =
            |pointer: String, sent: &MoneyView| fields.money(&pointer, sent, currency).map(|money| money.minor());
        let mut tiers = Vec::new();
        for (place, tier) in self.tiers.iter().enumerate().take(BonusRules::TIERS_MAX + 1) {
            let gives = match &tier.gives {
                GivesView::Fixed { amount } => {
                    minor(format!("/rules/tiers/{place}/gives/amount"), amount).map(|minor| Gives::Fixed { minor })
                }
                GivesView::Share { rate_ppm } => Some(Gives::Share { rate_ppm: *rate_ppm }),
            };
            let from_minor = minor(format!("/rules/tiers/{place}/from"), &tier.from);
            tiers.push(from_minor.zip(gives).map(|(from_minor, gives)| BonusTier { from_minor, gives }));
        }
        let mut bound = |name: &str, sent: &Option<MoneyView>| match sent {
            Some(sent) => minor(format!("/rules/{name}"), sent).map(Some),
            None => Some(None),
        };
        let (most_minor, month_minor) = (bound("most", &self.most), bound("month", &self.month));
        let tiers: Option<Vec<BonusTier>> = tiers.into_iter().collect();
        let rules = BonusRules { tiers: tiers?, most_minor: most_minor?, month_minor: month_minor? };
        fields.read("/rules", rules.check().map(|()| rules))
    }

    fn new(rules: &BonusRules, currency: Currency) -> Self {
        let money = |minor: i64| MoneyView::from(Money::new(minor, currency));
        let tier = |tier: &BonusTier| TierView {
            from: money(tier.from_minor),
            gives: match tier.gives {
                Gives::Fixed { minor } => GivesView::Fixed { amount: money(minor) },
                Gives::Share { rate_ppm } => GivesView::Share { rate_ppm },
            },
        };
        Self {
            tiers: rules.tiers.iter().map(tier).collect(),
            most: rules.most_minor.map(money),
            month: rules.month_minor.map(money),
        }
    }
}

impl BonusVersionView {
    fn new(of: BonusVersion, in_force: i64, currency: Currency) -> Self {
        Self {
            version: of.version,
            effective_from: of.effective_from,
            is_in_force: of.version == in_force,
            created_at: of.created_at,
            rules: BonusRulesView::new(&of.rules, currency),
        }
    }
}
