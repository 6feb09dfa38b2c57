//! The cashier page of a buyer, without script: look, pay, cancel.

use axum::extract::{Path, State};
use axum::http::header::{ACCEPT_LANGUAGE, CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY};
use axum::http::header::{VARY, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Redirect, Response};
use kernel::Language;

use crate::book::Payment;
use crate::gateway::Notice;
use crate::model::Trade;
use crate::{Gateway, GatewayError};

/// No `form-action`: browsers hold it against the redirect to the shop, too.
const CONTENT_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'";

/// `GET /cashier/{trade_no}`
pub(super) async fn show(
    State(gateway): State<Gateway>,
    Path(trade_no): Path<String>,
    headers: HeaderMap,
) -> Result<Response, GatewayError> {
    match gateway.trade_by_no(&trade_no) {
        Ok(trade) => page(&gateway, &headers, Some(&trade), StatusCode::OK),
        Err(_) => page(&gateway, &headers, None, StatusCode::NOT_FOUND),
    }
}

/// `POST /cashier/{trade_no}/pay`
pub(super) async fn pay(
    State(gateway): State<Gateway>,
    Path(trade_no): Path<String>,
    headers: HeaderMap,
) -> Result<Response, GatewayError> {
    let Ok(trade) = gateway.trade_by_no(&trade_no) else {
        return page(&gateway, &headers, None, StatusCode::NOT_FOUND);
    };
    match gateway.pay(&trade.key(), Payment::default(), Notice::Copies(1)) {
        // The second click of a double click finds the trade paid, and goes the same way.
        Ok(_) | Err(GatewayError::AlreadyPaid) => Ok(back_to_shop(&trade)),
        Err(GatewayError::TradeClosed) => page(&gateway, &headers, Some(&trade), StatusCode::CONFLICT),
        Err(error) => Err(error),
    }
}

/// `POST /cashier/{trade_no}/cancel`
pub(super) async fn cancel(
    State(gateway): State<Gateway>,
    Path(trade_no): Path<String>,
    headers: HeaderMap,
) -> Result<Response, GatewayError> {
    let Ok(trade) = gateway.trade_by_no(&trade_no) else {
        return page(&gateway, &headers, None, StatusCode::NOT_FOUND);
    };
    match gateway.close(&trade.key()) {
        Ok(_) => Ok(back_to_shop(&trade)),
        Err(GatewayError::AlreadyPaid) => page(&gateway, &headers, Some(&trade), StatusCode::CONFLICT),
        Err(error) => Err(error),
    }
}

fn back_to_shop(trade: &Trade) -> Response {
    Redirect::to(&trade.request.return_url.with_parameter("out_no", &trade.request.out_no)).into_response()
}

fn page(
    gateway: &Gateway,
    headers: &HeaderMap,
    trade: Option<&Trade>,
    status: StatusCode,
) -> Result<Response, GatewayError> {
    let wanted = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    let language = wanted.and_then(Language::accepted).unwrap_or_default();
    let html = gateway.cashier().render(trade, language, gateway.now())?;
    let guards = [
        (CONTENT_SECURITY_POLICY, CONTENT_POLICY),
        (REFERRER_POLICY, "no-referrer"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (CACHE_CONTROL, "no-store"),
        (VARY, "accept-language"),
    ];
    Ok((status, guards, Html(html)).into_response())
}
