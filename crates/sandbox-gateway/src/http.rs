//! The end-points: `/v1` for merchants (signed), `/cashier` for buyers, `/control` for tests and demos.
//!
//! Invariant: a handler reads, calls the gateway once, and says what came of it.

mod answer;
mod cashier;
mod control;
mod merchants;
mod refunds;
mod signed;
mod trades;

use axum::Router;
use axum::http::{Method, Uri};
use axum::routing::{get, post};
use tower::limit::GlobalConcurrencyLimitLayer;

use crate::{Gateway, GatewayError};

/// Calls that may run at once, held ones included; more wait.
const CALLS_MAX: usize = 1_024;
/// What one request body may weigh.
const BODY_BYTES_MAX: usize = 64 * 1_024;

impl Gateway {
    /// The whole service.
    ///
    /// `/v1` is the signed protocol of merchants, `/cashier` the pages of buyers. `/control` is unsigned and only for
    /// tests and demos: it pays trades, tells lies in callbacks and plans how calls go wrong.
    pub fn router(&self) -> Router {
        Router::new()
            .route("/healthz", get(async || "ok"))
            .route("/v1/merchants", post(merchants::open))
            .route("/v1/trades", post(trades::create))
            .route("/v1/trades/{out_no}", get(trades::read))
            .route("/v1/trades/{out_no}/close", post(trades::close))
            .route("/v1/refunds", post(refunds::create))
            .route("/v1/refunds/{refund_no}", get(refunds::read))
            .route("/v1/bills/{day}", get(refunds::bill))
            .route("/cashier/{trade_no}", get(cashier::show))
            .route("/cashier/{trade_no}/pay", post(cashier::pay))
            .route("/cashier/{trade_no}/cancel", post(cashier::cancel))
            .route("/control/trades", get(control::list))
            .route("/control/trades/{out_no}/pay", post(control::pay))
            .route("/control/trades/{out_no}/notify", post(control::notify))
            .route("/control/refunds/{refund_no}/settle", post(control::settle))
            .route("/control/plans", post(control::plan))
            .route("/control/reset", post(control::reset))
            .fallback(missing)
            .method_not_allowed_fallback(missing)
            .layer(GlobalConcurrencyLimitLayer::new(CALLS_MAX))
            .with_state(self.clone())
    }
}

async fn missing(method: Method, uri: Uri) -> GatewayError {
    tracing::debug!("no end-point {method} {}", uri.path());
    GatewayError::NoSuchEndpoint
}
