//! A buyer's program redeems a recharge card.

use axum::extract::State;
use axum::response::Response;
use funds::{FundsError, RechargeCode, Redeem};
use identity::IdentityError;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use web::{Buyer, ClientAddress, IdempotencyKey, Json, Problem, ShopContext};

use super::App;
use crate::body::{Fields, refused};
use crate::page::{MoneyView, answer_once};

/// A code.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RechargeBody {
    /// The code, however it is typed.
    code: String,
}

/// A card that was redeemed.
#[derive(Serialize, ToSchema)]
struct RechargedView {
    /// How much is in the wallet by it.
    amount: MoneyView,
}

/// Redeem a recharge card: what it is worth is in the wallet.
///
/// A code that nobody has made counts like a wrong password: after some the buyer has to wait.
#[utoipa::path(
    post, path = "/api/v1/shop/recharges", tag = "wallet", request_body = RechargeBody, operation_id = "wallet_recharge",
    params(("Idempotency-Key" = String, Header, description = "Names the redemption: sent again it is the same one.")),
    responses((status = 200, body = RechargedView),
        (status = 409, description = "`recharge_card_redeemed`, `recharge_card_yours`"),
        (status = 422, description = "`recharge_card_unknown`, `recharge_card_void`, `recharge_card_expired`, `wallet_full`; refused fields: `recharge_code_invalid`; `idempotency_key_reused`"),
        (status = 429, description = "`too_many_tries`; `Retry-After` says when to come again"))
)]
pub(super) async fn redeem(
    buyer: Buyer,
    (shop, from): (ShopContext, ClientAddress),
    State(App(rooms)): State<App>,
    key: IdempotencyKey,
    Json(sent): Json<RechargeBody>,
) -> Result<Response, Problem> {
    let mut fields = Fields::default();
    let code = fields.read("/code", RechargeCode::parse(&sent.code));
    let code = fields.whole(code)?;
    let redeem = Redeem { code, customer: buyer.customer.id, currency: shop.0.tenant.currency, key: key.0 };
    let redeemed = rooms.funds.redeem(&buyer.scope, (&rooms.limits, from.0), redeem).await.map_err(told)?;
    Ok(answer_once(redeemed.is_replay, RechargedView { amount: redeemed.answer.amount.into() }))
}

fn told(error: FundsError) -> Problem {
    match error {
        FundsError::Identity(IdentityError::TooManyTries { retry_after }) => {
            Problem::from(error).retry_after(retry_after)
        }
        other => refused(other),
    }
}
