//! What the main site owes a site, and what the site has paid in.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use ledger::{Account, AccountBalance, AccountKind, Earner, Side};
use web::{LedgerRead, Problem, SiteOperator};

use crate::balances::BalanceView;
use crate::page::{List, answer};
use crate::place::Place;
use crate::routes::App;

/// The accounts that a site has at the main site, beside those of what is pending.
const KINDS: [AccountKind; 7] = [
    AccountKind::SiteAvailable,
    AccountKind::SiteLocked,
    AccountKind::SiteDebt,
    AccountKind::SitePrepaid,
    AccountKind::SitePrepaidHeld,
    AccountKind::SiteCredit,
    AccountKind::OwnTakings,
];

/// The own accounts, also those that nothing was ever posted to. What is pending has one for each day on which something
/// falls due.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/sites/{site}/balances", tag = "own_site",
    params(("tenant" = String, Path), ("site" = String, Path)), responses((status = 200, body = List<BalanceView>))
)]
pub(crate) async fn balances(
    operator: SiteOperator<LedgerRead>,
    State(App(rooms)): State<App>,
) -> Result<Response, Problem> {
    let tx = rooms.store.snapshot(&operator.scope).await?;
    let place = Place::at(&rooms, &tx, operator.scope.site()).await?;
    let accounts = KINDS.map(|kind| Account::of(kind, place.site.id.uuid(), place.currency));
    let balances = ledger::balances_in(&tx, &accounts).await?;
    let row = |(account, balance): (Account, _)| {
        BalanceView::from(AccountBalance { id: account.id(operator.scope.tenant()), account, balance })
    };
    let earner = Earner { side: Side::Site, owner: place.site.id.uuid(), currency: place.currency };
    let purse = ledger::purses_in(&tx, &[earner]).await?.pop().unwrap_or_default();
    let pending = purse.pending.into_iter().map(|(account, minor)| (account, earner.money(minor)));
    Ok(answer(StatusCode::OK, List::whole(pending.chain(accounts.into_iter().zip(balances)).map(row).collect())))
}
