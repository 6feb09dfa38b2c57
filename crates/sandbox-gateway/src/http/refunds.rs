//! Refunds and bills of a merchant.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use serde::Deserialize;

use super::answer::RefundView;
use super::signed::Signed;
use crate::model::{Amount, Key, RefundRequest, parse_day, parse_line, parse_out_no, parse_refund_no};
use crate::plans::Call;
use crate::{Gateway, GatewayError};

#[derive(Deserialize)]
struct CreateRefund {
    out_no: String,
    refund_no: String,
    amount: String,
    #[serde(default)]
    reason: String,
}

impl TryFrom<CreateRefund> for RefundRequest {
    type Error = GatewayError;

    fn try_from(body: CreateRefund) -> Result<Self, GatewayError> {
        Ok(Self {
            out_no: parse_out_no(body.out_no)?,
            refund_no: parse_refund_no(body.refund_no)?,
            amount: Amount::parse_positive(&body.amount)?,
            reason: parse_line("reason", body.reason)?,
        })
    }
}

/// `POST /v1/refunds`
pub(super) async fn create(State(gateway): State<Gateway>, signed: Signed) -> Result<Json<RefundView>, GatewayError> {
    let request: RefundRequest = signed.json::<CreateRefund>()?.try_into()?;
    let refund = gateway.run(&signed.merchant, Call::Refund, || gateway.refund(&signed.merchant, request)).await?;
    Ok(Json(refund.into()))
}

/// `GET /v1/refunds/{refund_no}`
pub(super) async fn read(
    State(gateway): State<Gateway>,
    Path(refund_no): Path<String>,
    signed: Signed,
) -> Result<Json<RefundView>, GatewayError> {
    let refund = gateway.refund_of(&Key::new(&signed.merchant, &refund_no))?;
    Ok(Json(refund.into()))
}

/// `GET /v1/bills/{day}`
pub(super) async fn bill(
    State(gateway): State<Gateway>,
    Path(day): Path<String>,
    signed: Signed,
) -> Result<impl IntoResponse, GatewayError> {
    let csv = gateway.bill(&signed.merchant, parse_day(&day)?);
    Ok(([(CONTENT_TYPE, "text/csv; charset=utf-8")], csv))
}
