//! How a site is paid what it has earned.

use axum::extract::State;
use axum::response::Response;
use kernel::Secret;
use settlement::EarnerRef;
use web::{
    Allow, ClientAddress, IdempotencyKey, Json, Path, Problem, Query, RateLimits, SiteOperator, WithdrawalAsk,
    WithdrawalRead,
};
use withdrawal::{PayeeId, WithdrawalId};

use crate::asking::{AskSent, Asker, ConvertSent, PasswordSent, PayeeSent, not_confirmed};
use crate::page::{List, Part};
use crate::place::Place;
use crate::routes::{ApiState, App};
use crate::withdrawals::{AskedView, EarnersRulesView, PayeeView, WithdrawalView};

/// The main site pays, and is not paid: it never has anything available.
async fn asker<'a, P: Allow>(rooms: &'a ApiState, operator: &SiteOperator<P>) -> Result<Asker<'a>, Problem> {
    let tx = rooms.store.read(&operator.scope).await?;
    let place = Place::at(rooms, &tx, operator.scope.site()).await?;
    Ok(Asker {
        withdrawals: &rooms.withdrawals,
        store: &rooms.store,
        scope: operator.scope.engine(),
        earner: EarnerRef::Site(place.site.id),
        currency: place.currency,
        by: operator.operator.id.uuid(),
    })
}

/// The password once more; what is left of the tries is told.
async fn confirm(
    rooms: &ApiState,
    operator: &SiteOperator<WithdrawalAsk>,
    (ClientAddress(from), limits): (ClientAddress, RateLimits),
    password: &str,
) -> Result<(), Problem> {
    let (operator, password) = (&operator.operator, Secret::new(password.to_owned()));
    let confirmed = rooms.operators.confirm(from, operator, &password).await;
    limits.tell(rooms.operators.left_for_login(&operator.login, from));
    confirmed.map_err(not_confirmed)
}

/// The accounts that the site is paid to, masked.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/sites/{site}/payees", tag = "own_site",
    params(("tenant" = String, Path), ("site" = String, Path)), responses((status = 200, body = List<PayeeView>))
)]
pub(crate) async fn payees(
    operator: SiteOperator<WithdrawalRead>,
    State(App(rooms)): State<App>,
) -> Result<Response, Problem> {
    asker(&rooms, &operator).await?.payees().await
}

/// Add an account to be paid to. It can be used once it has cooled down.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/sites/{site}/payees", tag = "own_site",
    params(("tenant" = String, Path), ("site" = String, Path)), request_body = PayeeSent,
    responses((status = 201, body = PayeeView),
        (status = 422, description = "`payee_name_differs`, `withdrawal_limit_reached`, refused fields: `password_wrong`"),
        (status = 429, description = "`too_many_tries`; `Retry-After` says when to come again"))
)]
pub(crate) async fn add_payee(
    operator: SiteOperator<WithdrawalAsk>,
    from: (ClientAddress, RateLimits),
    State(App(rooms)): State<App>,
    Json(sent): Json<PayeeSent>,
) -> Result<Response, Problem> {
    let asker = asker(&rooms, &operator).await?;
    confirm(&rooms, &operator, from, &sent.password).await?;
    asker.add_payee(&sent).await
}

/// Remove an account, unless something is to go there that is not sent.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/sites/{site}/payees/{payee}/remove", tag = "own_site",
    params(("tenant" = String, Path), ("site" = String, Path), ("payee" = String, Path)), request_body = PasswordSent,
    responses((status = 204), (status = 409, description = "`payee_in_use`"),
        (status = 422, description = "refused fields: `password_wrong`"),
        (status = 429, description = "`too_many_tries`; `Retry-After` says when to come again"))
)]
pub(crate) async fn remove_payee(
    operator: SiteOperator<WithdrawalAsk>,
    from: (ClientAddress, RateLimits),
    State(App(rooms)): State<App>,
    Path((_tenant, _site, payee)): Path<(String, String, PayeeId)>,
    Json(sent): Json<PasswordSent>,
) -> Result<Response, Problem> {
    let asker = asker(&rooms, &operator).await?;
    confirm(&rooms, &operator, from, &sent.password).await?;
    asker.remove_payee(payee).await
}

/// The rules by which the site is paid, and those that are announced.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/sites/{site}/withdrawal-rules", tag = "own_site",
    params(("tenant" = String, Path), ("site" = String, Path)), responses((status = 200, body = EarnersRulesView))
)]
pub(crate) async fn rules(
    operator: SiteOperator<WithdrawalRead>,
    State(App(rooms)): State<App>,
) -> Result<Response, Problem> {
    let asker = asker(&rooms, &operator).await?;
    asker.rules(&rooms.store.read(&operator.scope).await?).await
}

/// What the site has asked for, the newest first.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/sites/{site}/withdrawals", tag = "own_site",
    params(("tenant" = String, Path), ("site" = String, Path), Part),
    responses((status = 200, body = List<WithdrawalView>))
)]
pub(crate) async fn list(
    operator: SiteOperator<WithdrawalRead>,
    State(App(rooms)): State<App>,
    Query(part): Query<Part>,
) -> Result<Response, Problem> {
    asker(&rooms, &operator).await?.list(&part).await
}

/// Ask to be paid: so much of what is available is locked. One withdrawal at a time that is not sent.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/sites/{site}/withdrawals", tag = "own_site",
    params(("tenant" = String, Path), ("site" = String, Path), ("Idempotency-Key" = String, Header)),
    request_body = AskSent,
    responses((status = 200, body = AskedView), (status = 409, description = "`withdrawal_one_at_a_time`"),
        (status = 422, description = "`withdrawal_below_minimum`, `insufficient_funds` and the like; refused fields; `idempotency_key_reused`"))
)]
pub(crate) async fn ask(
    operator: SiteOperator<WithdrawalAsk>,
    State(App(rooms)): State<App>,
    key: IdempotencyKey,
    Json(sent): Json<AskSent>,
) -> Result<Response, Problem> {
    asker(&rooms, &operator).await?.ask(sent, key.0).await
}

/// Call off a withdrawal that is not sent.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/sites/{site}/withdrawals/{withdrawal}/cancel", tag = "own_site",
    params(("tenant" = String, Path), ("site" = String, Path), ("withdrawal" = String, Path),
        ("Idempotency-Key" = String, Header)),
    responses((status = 200, body = AskedView), (status = 409, description = "`withdrawal_state`"),
        (status = 422, description = "`idempotency_key_reused`"))
)]
pub(crate) async fn cancel(
    operator: SiteOperator<WithdrawalAsk>,
    State(App(rooms)): State<App>,
    Path((_tenant, _site, id)): Path<(String, String, WithdrawalId)>,
    key: IdempotencyKey,
) -> Result<Response, Problem> {
    asker(&rooms, &operator).await?.cancel(id, key.0).await
}

/// Turn what is available into prepaid money, at once.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/sites/{site}/conversions", tag = "own_site",
    params(("tenant" = String, Path), ("site" = String, Path), ("Idempotency-Key" = String, Header)),
    request_body = ConvertSent,
    responses((status = 200, body = AskedView),
        (status = 422, description = "`conversion_off`, `insufficient_funds`; refused fields; `idempotency_key_reused`"))
)]
pub(crate) async fn convert(
    operator: SiteOperator<WithdrawalAsk>,
    State(App(rooms)): State<App>,
    key: IdempotencyKey,
    Json(sent): Json<ConvertSent>,
) -> Result<Response, Problem> {
    asker(&rooms, &operator).await?.convert(&sent, None, key.0).await
}
