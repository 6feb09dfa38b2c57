//! What is on the accounts of a tenant.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use chrono::{DateTime, Utc};
use commission::AgentId;
use funds::RechargeBatchId;
use identity::CustomerId;
use kernel::{Day, SiteId};
use ledger::{AccountBalance, AccountId, AccountKind, AccountLine, EntryId, LineMark};
use payment::ChannelId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use web::{LedgerRead, Operator, Problem, Query};

use crate::page::{self, List, MoneyView, answer};
use crate::routes::App;

/// An account with what is on it.
#[derive(Serialize, ToSchema)]
pub(crate) struct BalanceView {
    /// The account.
    #[schema(value_type = String)]
    account: AccountId,
    /// What it holds: `wallet`, `site_pending` and others.
    kind: &'static str,
    /// Whose it is: a customer, a site, an agent, a channel or a batch of recharge cards; none for the main site's own.
    owner: Option<String>,
    /// Above zero is what the main site owes, below zero what it owns.
    balance: MoneyView,
    /// The day on which what is pending here is settled; none for all other accounts.
    #[schema(value_type = Option<String>)]
    due_on: Option<Day>,
}

/// One line of an account.
#[derive(Serialize, ToSchema)]
pub(crate) struct LineView {
    /// The entry it stands in.
    #[schema(value_type = String)]
    entry: EntryId,
    /// What the entry records.
    kind: &'static str,
    /// What it is about, as a bare UUID: an order, a customer, a site.
    subject: String,
    /// Why it was made, if somebody decided it.
    reason: Option<String>,
    /// When.
    posted_at: DateTime<Utc>,
    /// Above zero credits the account.
    amount: MoneyView,
}

/// Which accounts.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct BalancesQuery {
    /// How many, 1 to 100.
    #[serde(default = "page::limit_default")]
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: u64,
    /// Where the part begins.
    cursor: Option<String>,
    /// What they hold.
    kind: Option<String>,
}

/// Which lines.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct EntriesQuery {
    /// The account.
    account: String,
    /// How many, 1 to 100.
    #[serde(default = "page::limit_default")]
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: u64,
    /// Where the part begins.
    cursor: Option<String>,
}

impl From<AccountBalance> for BalanceView {
    fn from(AccountBalance { id, account, balance }: AccountBalance) -> Self {
        use AccountKind as Kind;
        let owner = account.owner.map(|owner| match account.kind {
            Kind::Wallet => CustomerId::from_uuid(owner).to_string(),
            Kind::AgentPending | Kind::AgentAvailable | Kind::AgentLocked | Kind::AgentDebt => {
                AgentId::from_uuid(owner).to_string()
            }
            Kind::RechargeClearing => RechargeBatchId::from_uuid(owner).to_string(),
            Kind::ChannelClearing | Kind::OwnClearing => ChannelId::from_uuid(owner).to_string(),
            _ => SiteId::from_uuid(owner).to_string(),
        });
        Self { account: id, kind: account.kind.name(), owner, balance: balance.into(), due_on: account.due }
    }
}

impl From<AccountLine> for LineView {
    fn from(line: AccountLine) -> Self {
        Self {
            entry: line.mark.entry,
            kind: line.kind.name(),
            subject: line.subject.to_string(),
            reason: line.reason,
            posted_at: line.posted_at,
            amount: line.amount.into(),
        }
    }
}

/// All accounts of the tenant, ascending by id.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/balances", tag = "ledger", params(("tenant" = String, Path), BalancesQuery),
    responses((status = 200, body = List<BalanceView>))
)]
pub(crate) async fn balances(
    operator: Operator<LedgerRead>,
    State(App(rooms)): State<App>,
    Query(query): Query<BalancesQuery>,
) -> Result<Response, Problem> {
    let limit = page::limit(query.limit)?;
    let after = page::after(query.cursor.as_deref(), AccountId::parse)?;
    let kind = page::filter("kind", query.kind.as_deref(), AccountKind::parse)?;
    let tx = rooms.store.read(&operator.scope).await?;
    let (accounts, next) =
        page::page(ledger::accounts_in(&tx, kind, after, limit + 1).await?, limit, |account| account.id);
    Ok(answer(StatusCode::OK, List::part(accounts.into_iter().map(BalanceView::from).collect(), next)))
}

/// The lines of an account, those about the newest things first.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/entries", tag = "ledger", params(("tenant" = String, Path), EntriesQuery),
    responses((status = 200, body = List<LineView>))
)]
pub(crate) async fn entries(
    operator: Operator<LedgerRead>,
    State(App(rooms)): State<App>,
    Query(query): Query<EntriesQuery>,
) -> Result<Response, Problem> {
    let limit = page::limit(query.limit)?;
    let after = page::after(query.cursor.as_deref(), |text| LineMark::parse(text).ok_or(()))?;
    let account = AccountId::parse(&query.account).map_err(|_| Problem::not_found())?;
    let tx = rooms.store.read(&operator.scope).await?;
    ledger::account_in(&tx, account).await?.ok_or(Problem::not_found())?;
    let (lines, next) = page::page(ledger::lines_in(&tx, account, after, limit + 1).await?, limit, |line| line.mark);
    Ok(answer(StatusCode::OK, List::part(lines.into_iter().map(LineView::from).collect(), next)))
}
