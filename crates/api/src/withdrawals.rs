//! Withdrawals as the main site sees them: by what rules is paid out, who asks, and who may have it.

mod rules;

use std::collections::HashMap;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use commission::AgentId;
use kernel::{Currency, Money, SiteId};
use serde::{Deserialize, Serialize};
use settlement::{EarnerRef, TEXT_CHARS_MAX};
use store::Tx;
use utoipa::{IntoParams, ToSchema};
use web::{IdempotencyKey, Json, Operator, Path, Problem, Query, WithdrawalPay, WithdrawalRead, WithdrawalReview};
use withdrawal::{
    Asked, Ended, Event, Filter, Means, Outcome, Payee, PayeeId, PayoutId, RulesVersion, State as Stands, Withdrawal,
    WithdrawalId, Withdrawals, Word,
};

use crate::body::{Fields, refused};
use crate::earnings::{EarnerSent, earner};
use crate::page::{self, List, MoneyView, Part, answer, answer_once};
use crate::place::Place;
use crate::routes::App;

pub(crate) use rules::RulesView;

/// Versions of an answer.
const VERSIONS_MAX: u64 = 20;

/// The next version of the rules.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RulesSent {
    /// From when on; as soon as it may be if it is left out.
    effective_from: Option<DateTime<Utc>>,
    /// What it says.
    rules: RulesView,
}

/// A version of the rules.
#[derive(Serialize, ToSchema)]
pub(crate) struct RulesVersionView {
    /// Its number, from 1.
    version: i64,
    /// From when on.
    effective_from: DateTime<Utc>,
    /// Whether it counts now.
    is_in_force: bool,
    /// When it was written.
    created_at: DateTime<Utc>,
    /// What it says.
    rules: RulesView,
}

/// The rules by which an earner is paid.
#[derive(Serialize, ToSchema)]
pub(crate) struct EarnersRulesView {
    /// Those in force.
    now: RulesView,
    /// Those that are to come, the next one first.
    announced: Vec<RulesVersionView>,
}

/// Which withdrawals.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct WithdrawalsQuery {
    /// How many, 1 to 100.
    #[serde(default = "page::limit_default")]
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: u64,
    /// Where the part begins.
    cursor: Option<String>,
    /// In this state: `requested`, `approved`, `sent`, `paid`, `rejected`, `cancelled`, `returned` or `converted`.
    state: Option<String>,
    /// Of this site and its agents only, by id or slug.
    site: Option<String>,
    /// Of this agent only.
    #[param(value_type = Option<String>)]
    agent: Option<AgentId>,
}

/// Where an earner is paid.
#[derive(Clone, Serialize, ToSchema)]
pub(crate) struct PayeeView {
    /// Its id.
    #[schema(value_type = String)]
    id: PayeeId,
    /// `bank`, `alipay` or `wechat`.
    means: &'static str,
    /// The holder's name, masked.
    holder: String,
    /// The number of the account, masked.
    number: String,
    /// From when on it may be used.
    usable_from: DateTime<Utc>,
    /// Since when it is there.
    created_at: DateTime<Utc>,
}

/// What an earner has asked for.
#[derive(Serialize, ToSchema)]
pub(crate) struct WithdrawalView {
    /// Its id.
    #[schema(value_type = String)]
    id: WithdrawalId,
    /// The site, or the agent's.
    #[schema(value_type = String)]
    site: SiteId,
    /// The agent; none if the site itself asks.
    #[schema(value_type = Option<String>)]
    agent: Option<AgentId>,
    /// How much was asked for.
    amount: MoneyView,
    /// What is left of it: a refund takes back what is not sent.
    left: MoneyView,
    /// `requested`, `approved`, `sent`, `paid`, `rejected`, `cancelled`, `returned` or `converted`.
    state: &'static str,
    /// How many have approved it.
    approvals: usize,
    /// Where it goes; none for money to buy with.
    payee: Option<PayeeView>,
    /// The invoice that was named.
    invoice: Option<String>,
    /// What it was sent with.
    #[schema(value_type = Option<String>)]
    payout: Option<PayoutId>,
    /// What the earner gets of what was sent.
    net: Option<MoneyView>,
    /// What it cost.
    fee: Option<MoneyView>,
    /// What is kept for the tax office.
    tax: Option<MoneyView>,
    /// When it was asked for.
    requested_at: DateTime<Utc>,
    /// When it got into its state.
    changed_at: DateTime<Utc>,
    /// Why it was refused or came back, or what the bank calls it.
    note: Option<String>,
}

/// What has happened to a withdrawal.
#[derive(Serialize, ToSchema)]
pub(crate) struct WithdrawalEventView {
    /// `requested`, `seconded`, `approved`, `rejected`, `cancelled`, `sent`, `paid`, `returned`, `converted`, or `opened`:
    /// somebody has read who is paid.
    kind: &'static str,
    /// When.
    at: DateTime<Utc>,
    /// By whom: an operator, or the agent's customer.
    by: String,
    /// In words.
    note: Option<String>,
}

/// A withdrawal with its history, the oldest first.
#[derive(Serialize, ToSchema)]
pub(crate) struct WithdrawalDetail {
    /// The withdrawal.
    withdrawal: WithdrawalView,
    /// What has happened.
    events: Vec<WithdrawalEventView>,
}

/// A withdrawal as a word on it has left it.
#[derive(Serialize, ToSchema)]
pub(crate) struct AskedView {
    /// Its id.
    #[schema(value_type = String)]
    id: WithdrawalId,
    /// How much was asked for.
    amount: MoneyView,
    /// Its state.
    state: &'static str,
}

/// What the bank has said.
#[derive(Serialize, ToSchema)]
pub(crate) struct EndedView {
    /// Its state.
    state: &'static str,
    /// Whether it was so before.
    was_so: bool,
}

/// Who is paid.
#[derive(Serialize, ToSchema)]
pub(crate) struct OpenedView {
    /// `bank`, `alipay` or `wechat`.
    means: &'static str,
    /// The holder's name.
    holder: String,
    /// The number of the account.
    number: String,
    /// The bank; empty for other means.
    bank: String,
}

/// A reviewer approves.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ApproveSent {
    /// He has seen that the payee's name is the earner's: needed once for each earner.
    #[serde(default)]
    name_checked: bool,
}

/// Why a withdrawal is refused, or came back.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReasonSent {
    /// In words that the earner reads.
    reason: String,
}

/// That a withdrawal has arrived.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PaidSent {
    /// What the bank calls it.
    reference: Option<String>,
}

/// The versions of the rules of paying out, the latest first; twenty at a time at most. Without any, a withdrawal is of 10 of
/// the currency at least, costs nothing, and two persons approve it from 5,000 on.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/withdrawal-rules", tag = "withdrawals",
    params(("tenant" = String, Path), Part), responses((status = 200, body = List<RulesVersionView>))
)]
pub(crate) async fn rules(
    operator: Operator<WithdrawalRead>,
    State(App(rooms)): State<App>,
    Query(part): Query<Part>,
) -> Result<Response, Problem> {
    let (limit, before) = (part.limit()?.min(VERSIONS_MAX), part.after(str::parse::<i64>)?);
    let tx = rooms.store.read(&operator.scope).await?;
    let currency = rooms.currency_in(&tx).await?;
    let versions = rooms.withdrawals.rules_page_in(&tx, before, limit + 1).await.map_err(refused)?;
    let (versions, next) = page::page(versions, limit, |version| version.version);
    let (in_force, _) = rooms.withdrawals.rules_in(&tx).await.map_err(refused)?;
    let data = versions.into_iter().map(|version| RulesVersionView::new(version, in_force, currency)).collect();
    Ok(answer(StatusCode::OK, List::part(data, next)))
}

/// Write the next version of the rules.
///
/// Versions begin one after the other. One that takes something away from earners begins after seven days; a withdrawal keeps
/// the rules by which it was asked for.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/withdrawal-rules", tag = "withdrawals", params(("tenant" = String, Path)),
    request_body = RulesSent,
    responses(
        (status = 201, body = RulesVersionView),
        (status = 409, description = "`changed_meanwhile`: somebody else wrote a version"),
        (status = 422, description = "`withdrawal_notice_too_short`, `withdrawal_before_the_last`, refused fields"),
    )
)]
pub(crate) async fn save_rules(
    operator: Operator<WithdrawalReview>,
    State(App(rooms)): State<App>,
    Json(sent): Json<RulesSent>,
) -> Result<Response, Problem> {
    let tx = rooms.store.write(&operator.scope).await?;
    let currency = rooms.currency_in(&tx).await?;
    let mut fields = Fields::default();
    fields.moment("/effective_from", sent.effective_from);
    let rules = sent.rules.read(&mut fields, currency);
    let rules = fields.whole(rules)?;
    let by = operator.operator.id.uuid();
    let saved = rooms.withdrawals.save_rules_in(&tx, rules, sent.effective_from, by).await.map_err(refused)?;
    let (in_force, _) = rooms.withdrawals.rules_in(&tx).await.map_err(refused)?;
    tx.commit().await?;
    Ok(answer(StatusCode::CREATED, RulesVersionView::new(saved, in_force, currency)))
}

/// The rules for those who are paid by them: now, and as they were announced.
pub(crate) async fn rules_of_earner(
    withdrawals: &Withdrawals,
    tx: &impl Tx,
    currency: Currency,
) -> Result<Response, Problem> {
    let (in_force, now) = withdrawals.rules_in(tx).await.map_err(refused)?;
    let mut announced = withdrawals.rules_page_in(tx, None, VERSIONS_MAX).await.map_err(refused)?;
    announced.retain(|version| version.version > in_force);
    announced.reverse();
    let announced = announced.into_iter().map(|version| RulesVersionView::new(version, in_force, currency));
    let view = EarnersRulesView { now: RulesView::new(now, currency), announced: announced.collect() };
    Ok(answer(StatusCode::OK, view))
}

/// Withdrawals, the newest first.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/withdrawals", tag = "withdrawals",
    params(("tenant" = String, Path), WithdrawalsQuery), responses((status = 200, body = List<WithdrawalView>))
)]
pub(crate) async fn list(
    operator: Operator<WithdrawalRead>,
    State(App(rooms)): State<App>,
    Query(query): Query<WithdrawalsQuery>,
) -> Result<Response, Problem> {
    let (limit, before) = (page::limit(query.limit)?, page::after(query.cursor.as_deref(), WithdrawalId::parse)?);
    let state = page::filter("state", query.state.as_deref(), Stands::parse)?;
    let tx = rooms.store.snapshot(&operator.scope).await?;
    let site = match &query.site {
        Some(text) => Some(Place::named(&rooms, &tx, text).await?.site.id),
        None => None,
    };
    let earner = match query.agent {
        Some(agent) => {
            let agent = rooms.agents.agent_in(&tx, agent).await?.ok_or(Problem::not_found())?;
            Some(EarnerRef::Agent(agent.site, agent.id))
        }
        None => None,
    };
    part_in(&rooms.withdrawals, &tx, Filter { earner, site, state }, (before, limit)).await
}

/// A part of a list of withdrawals.
pub(crate) async fn part_in(
    withdrawals: &Withdrawals,
    tx: &impl Tx,
    filter: Filter,
    (before, limit): (Option<WithdrawalId>, u64),
) -> Result<Response, Problem> {
    let found = withdrawals.page_in(tx, filter, before, limit + 1).await.map_err(refused)?;
    let (found, next) = page::page(found, limit, |one| one.id);
    Ok(answer(StatusCode::OK, List::part(views(withdrawals, tx, found).await?, next)))
}

/// One withdrawal with its history.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/withdrawals/{withdrawal}", tag = "withdrawals",
    params(("tenant" = String, Path), ("withdrawal" = String, Path)), responses((status = 200, body = WithdrawalDetail))
)]
pub(crate) async fn show(
    operator: Operator<WithdrawalRead>,
    State(App(rooms)): State<App>,
    Path((_tenant, id)): Path<(String, WithdrawalId)>,
) -> Result<Response, Problem> {
    let tx = rooms.store.snapshot(&operator.scope).await?;
    let found = rooms.withdrawals.find_in(&tx, id).await.map_err(refused)?.ok_or(Problem::not_found())?;
    let events = rooms.withdrawals.events_in(&tx, id).await.map_err(refused)?;
    let withdrawal = views(&rooms.withdrawals, &tx, vec![found]).await?.pop().ok_or(Problem::not_found())?;
    let events = events.into_iter().map(WithdrawalEventView::from).collect();
    Ok(answer(StatusCode::OK, WithdrawalDetail { withdrawal, events }))
}

/// Approve a withdrawal. From an amount on that the rules name two persons have to.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/withdrawals/{withdrawal}/approve", tag = "withdrawals",
    params(("tenant" = String, Path), ("withdrawal" = String, Path), ("Idempotency-Key" = String, Header)),
    request_body = ApproveSent,
    responses((status = 200, body = AskedView),
        (status = 409, description = "`withdrawal_state`, `second_person_needed`, `payee_name_unchecked`"),
        (status = 422, description = "`earner_held`, `payee_not_found`; `idempotency_key_reused`"))
)]
pub(crate) async fn approve(
    operator: Operator<WithdrawalReview>,
    State(App(rooms)): State<App>,
    Path((_tenant, id)): Path<(String, WithdrawalId)>,
    key: IdempotencyKey,
    Json(sent): Json<ApproveSent>,
) -> Result<Response, Problem> {
    let word = Word::Approve { is_name_checked: sent.name_checked };
    let by = (operator.operator.id.uuid(), key.0);
    let reviewed = rooms.withdrawals.review(&operator.scope, (id, None), word, by).await.map_err(refused)?;
    Ok(answer_once(reviewed.is_replay, AskedView::from(reviewed.answer)))
}

/// Refuse a withdrawal that is not sent: what is locked pays what is owed, and the rest is available again.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/withdrawals/{withdrawal}/reject", tag = "withdrawals",
    params(("tenant" = String, Path), ("withdrawal" = String, Path), ("Idempotency-Key" = String, Header)),
    request_body = ReasonSent,
    responses((status = 200, body = AskedView), (status = 409, description = "`withdrawal_state`"),
        (status = 422, description = "refused fields; `idempotency_key_reused`"))
)]
pub(crate) async fn reject(
    operator: Operator<WithdrawalReview>,
    State(App(rooms)): State<App>,
    Path((_tenant, id)): Path<(String, WithdrawalId)>,
    key: IdempotencyKey,
    Json(sent): Json<ReasonSent>,
) -> Result<Response, Problem> {
    let (word, by) = (Word::Reject { reason: sent.read()? }, (operator.operator.id.uuid(), key.0));
    let reviewed = rooms.withdrawals.review(&operator.scope, (id, None), word, by).await.map_err(refused)?;
    Ok(answer_once(reviewed.is_replay, AskedView::from(reviewed.answer)))
}

/// Read who is paid: name and account in the clear. That it was read is written into the withdrawal's history before.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/withdrawals/{withdrawal}/payee", tag = "withdrawals",
    params(("tenant" = String, Path), ("withdrawal" = String, Path)), responses((status = 200, body = OpenedView))
)]
pub(crate) async fn open_payee(
    operator: Operator<WithdrawalReview>,
    State(App(rooms)): State<App>,
    Path((_tenant, id)): Path<(String, WithdrawalId)>,
) -> Result<Response, Problem> {
    let by = operator.operator.id.uuid();
    let line = rooms.withdrawals.open_payee(&operator.scope, id, by).await.map_err(refused)?;
    let (means, details) = (line.means.word(), line.details);
    let view = OpenedView { means, holder: details.holder, number: details.number, bank: details.bank };
    Ok(answer(StatusCode::OK, view))
}

/// Say that a withdrawal which was sent has arrived.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/withdrawals/{withdrawal}/paid", tag = "withdrawals",
    params(("tenant" = String, Path), ("withdrawal" = String, Path), ("Idempotency-Key" = String, Header)),
    request_body = PaidSent,
    responses((status = 200, body = EndedView), (status = 409, description = "`withdrawal_state`"),
        (status = 422, description = "refused fields; `idempotency_key_reused`"))
)]
pub(crate) async fn paid(
    operator: Operator<WithdrawalPay>,
    State(App(rooms)): State<App>,
    Path((_tenant, id)): Path<(String, WithdrawalId)>,
    key: IdempotencyKey,
    Json(sent): Json<PaidSent>,
) -> Result<Response, Problem> {
    let mut fields = Fields::default();
    let reference = sent.reference.as_deref().map(|text| fields.line("/reference", text, TEXT_CHARS_MAX));
    let reference = match reference {
        Some(read) => Some(fields.whole(read)?),
        None => None,
    };
    let (outcome, by) = (Outcome::Arrived { reference }, (operator.operator.id.uuid(), key.0));
    let ended = rooms.withdrawals.end(&operator.scope, id, outcome, by).await.map_err(refused)?;
    Ok(answer_once(ended.is_replay, EndedView::from(ended.answer)))
}

/// Say that a withdrawal which was sent has come back, even after it had arrived: all of it pays what is owed, and the rest is
/// available again, also what was kept as fee and tax.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/withdrawals/{withdrawal}/returned", tag = "withdrawals",
    params(("tenant" = String, Path), ("withdrawal" = String, Path), ("Idempotency-Key" = String, Header)),
    request_body = ReasonSent,
    responses((status = 200, body = EndedView), (status = 409, description = "`withdrawal_state`"),
        (status = 422, description = "refused fields; `idempotency_key_reused`"))
)]
pub(crate) async fn returned(
    operator: Operator<WithdrawalPay>,
    State(App(rooms)): State<App>,
    Path((_tenant, id)): Path<(String, WithdrawalId)>,
    key: IdempotencyKey,
    Json(sent): Json<ReasonSent>,
) -> Result<Response, Problem> {
    let (outcome, by) = (Outcome::Returned { reason: sent.read()? }, (operator.operator.id.uuid(), key.0));
    let ended = rooms.withdrawals.end(&operator.scope, id, outcome, by).await.map_err(refused)?;
    Ok(answer_once(ended.is_replay, EndedView::from(ended.answer)))
}

/// Forget the name of a site or an agent, with all of its payees, so that it can begin anew: a name that was checked is not
/// changed otherwise.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/payee-names/forget", tag = "withdrawals", params(("tenant" = String, Path)),
    request_body = EarnerSent,
    responses((status = 204), (status = 404, description = "no name is recorded"),
        (status = 409, description = "`payee_in_use`"), (status = 422, description = "refused fields"))
)]
pub(crate) async fn forget_name(
    operator: Operator<WithdrawalReview>,
    State(App(rooms)): State<App>,
    Json(sent): Json<EarnerSent>,
) -> Result<Response, Problem> {
    let tx = rooms.store.write(&operator.scope).await?;
    let mut fields = Fields::default();
    let earner = earner(&rooms, &tx, (sent.site.as_deref(), sent.agent), &mut fields).await?;
    let earner = fields.whole(earner)?;
    rooms.withdrawals.forget_name_in(&tx, earner).await.map_err(refused)?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Withdrawals as they are shown, in their order.
pub(crate) async fn views(
    withdrawals: &Withdrawals,
    tx: &impl Tx,
    of: Vec<Withdrawal>,
) -> Result<Vec<WithdrawalView>, Problem> {
    let left = withdrawals.left_in(tx, &of).await.map_err(refused)?;
    let payees = withdrawals.payees_of_in(tx, &of).await.map_err(refused)?;
    Ok(of.into_iter().zip(left).map(|(one, left)| WithdrawalView::new(one, left, &payees)).collect())
}

impl ReasonSent {
    fn read(&self) -> Result<String, Problem> {
        let mut fields = Fields::default();
        let reason = fields.line("/reason", &self.reason, TEXT_CHARS_MAX);
        fields.whole(reason)
    }
}

impl RulesVersionView {
    fn new(of: RulesVersion, in_force: i64, currency: Currency) -> Self {
        Self {
            version: of.version,
            effective_from: of.effective_from,
            is_in_force: of.version == in_force,
            created_at: of.created_at,
            rules: RulesView::new(of.rules, currency),
        }
    }
}

impl WithdrawalView {
    fn new(of: Withdrawal, left: Money, payees: &HashMap<PayeeId, Payee>) -> Self {
        let split = of.sent.map(|(_, split)| split);
        let payee = of.payee.and_then(|payee| payees.get(&payee)).cloned();
        Self {
            id: of.id,
            site: of.earner.site(),
            agent: match of.earner {
                EarnerRef::Site(_) => None,
                EarnerRef::Agent(_, agent) => Some(agent),
            },
            amount: of.amount.into(),
            left: left.into(),
            state: of.state.word(),
            approvals: of.approved_by.len(),
            payee: payee.map(PayeeView::from),
            invoice: of.invoice,
            payout: of.sent.map(|(payout, _)| payout),
            net: split.map(|split| split.net.into()),
            fee: split.map(|split| split.fee.into()),
            tax: split.map(|split| split.tax.into()),
            requested_at: of.requested.0,
            changed_at: of.changed_at,
            note: of.note,
        }
    }
}

impl From<Payee> for PayeeView {
    fn from(payee: Payee) -> Self {
        let Payee { id, means, holder, number, usable_from, created_at, .. } = payee;
        Self { id, means: Means::word(means), holder, number, usable_from, created_at }
    }
}

impl From<Event> for WithdrawalEventView {
    fn from(event: Event) -> Self {
        Self { kind: event.kind.word(), at: event.at, by: event.by.to_string(), note: event.note }
    }
}

impl From<Asked> for AskedView {
    fn from(asked: Asked) -> Self {
        Self { id: asked.id, amount: asked.amount.into(), state: asked.state.word() }
    }
}

impl From<Ended> for EndedView {
    fn from(ended: Ended) -> Self {
        Self { state: ended.state.word(), was_so: ended.was_so }
    }
}
