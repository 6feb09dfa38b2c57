//! A recharge card is redeemed into the wallet.

use axum::extract::State;
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use funds::{FundsError, RechargeCode, Redeem, Refusal};
use identity::IdentityError;
use kernel::Coded;
use serde::Deserialize;
use web::{Buyer, Form, Problem, ShopContext, Visit};

use super::wallet::{Refused, wallet_page};
use crate::app::App;
use crate::complaint::KEY_REUSED;
use crate::form::{form_key, kept_key};
use crate::format;
use crate::frame::Frame;
use crate::view::FormError;

/// The form as the browser sends it.
#[derive(Default, Deserialize)]
pub(crate) struct RechargeForm {
    #[serde(default)]
    pub code: String,
    #[serde(default)]
    pub key: String,
}

/// `POST /wallet/recharge`: the wallet with what the card was worth, or the page again with the reason.
pub(crate) async fn redeem(
    buyer: Buyer,
    ShopContext(shop): ShopContext,
    (frame, visit): (Frame, Visit),
    State(app): State<App>,
    Form(form): Form<RechargeForm>,
) -> Result<Response, Problem> {
    let words = app.templates.words(frame.language);
    let again = async |code: &'static str, status: StatusCode, values: &[(&str, &str)]| {
        let message = words.get(&format!("wallet.recharge.error.{code}"), values);
        // What the lane has refused is kept under the key, so the form needs another one.
        let form = RechargeForm { code: shown(&form.code), key: form_key() };
        let refused = Refused::Recharge(form, status, FormError { code, message });
        wallet_page(&app, &frame, (&shop, &buyer), (None, false), refused).await
    };
    let unprocessable = StatusCode::UNPROCESSABLE_ENTITY;
    let Ok(code) = RechargeCode::parse(&form.code) else { return again("mistyped", unprocessable, &[]).await };
    let redeem = Redeem { code, customer: buyer.customer.id, currency: shop.tenant.currency, key: kept_key(&form.key) };
    let guard = (&app.rooms.limits, visit.address);
    let refusal = match app.rooms.funds.redeem(&buyer.scope, guard, redeem).await {
        Ok(_) => return Ok(Redirect::to("/wallet?recharged=1#recharge").into_response()),
        Err(FundsError::Refused(refusal)) => refusal,
        Err(FundsError::Identity(IdentityError::TooManyTries { retry_after })) => {
            let minutes = format::minutes(retry_after).to_string();
            let mut page = again("wait", StatusCode::TOO_MANY_REQUESTS, &[("minutes", &minutes)]).await?;
            page.headers_mut().insert(RETRY_AFTER, HeaderValue::from(retry_after.as_secs().max(1)));
            return Ok(page);
        }
        Err(error) if error.code() == KEY_REUSED => return again("already_used", unprocessable, &[]).await,
        Err(error) => return Err(error.into()),
    };
    match refusal {
        Refusal::RedeemedByYou => again("yours", StatusCode::CONFLICT, &[]).await,
        Refusal::Redeemed => again("redeemed", StatusCode::CONFLICT, &[]).await,
        Refusal::Void => again("void", unprocessable, &[]).await,
        Refusal::Expired { .. } => again("expired", unprocessable, &[]).await,
        Refusal::WalletFull { room } => again("full", unprocessable, &[("room", &format::money(room))]).await,
        _ => again("unknown", unprocessable, &[]).await,
    }
}

/// What was typed, as far as it may stand in the field again.
fn shown(code: &str) -> String {
    code.chars().take(40).collect()
}
