//! What the main site owes a site, and what the site has paid in.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use ledger::{Account, AccountBalance, AccountKind};
use web::{LedgerRead, Problem, SiteOperator};

use crate::balances::BalanceView;
use crate::page::{List, answer};
use crate::place::Place;
use crate::routes::App;

/// The accounts that a site has at the main site.
const KINDS: [AccountKind; 4] =
    [AccountKind::SitePending, AccountKind::SitePrepaid, AccountKind::SitePrepaidHeld, AccountKind::OwnTakings];

/// The own accounts, also those that nothing was ever posted to.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/sites/{site}/balances", tag = "own_site",
    params(("tenant" = String, Path), ("site" = String, Path)), responses((status = 200, body = List<BalanceView>))
)]
pub(crate) async fn balances(
    operator: SiteOperator<LedgerRead>,
    State(App(rooms)): State<App>,
) -> Result<Response, Problem> {
    let tx = rooms.store.read(&operator.scope).await?;
    let place = Place::at(&rooms, &tx, operator.scope.site()).await?;
    let accounts = KINDS.map(|kind| Account::of(kind, place.site.id.uuid(), place.currency));
    let balances = ledger::balances_in(&tx, &accounts).await?;
    let row = |(account, balance): (Account, _)| {
        BalanceView::from(AccountBalance { id: account.id(operator.scope.tenant()), account, balance })
    };
    Ok(answer(StatusCode::OK, List::whole(accounts.into_iter().zip(balances).map(row).collect())))
}
