//! The cashier host: where buyers are handed over to gateways and come back from them, and where gateways report to.
//!
//! Payment methods register few domains, shops have many. A shop sends its buyer here with a token that is good once;
//! here he is sent on to the gateway's page, and after it back to the shop. That he came back proves nothing: it only
//! makes us ask the gateway.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{OriginalUri, State};
use axum::http::header::{CACHE_CONTROL, REFERRER_POLICY};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Redirect, Response};
use order::Orders;
use payment::{Attempt, OutNo, PaymentError, Payments, PublicChannel, TradeState};
use tokio::time::timeout;
use web::{Face, Guest, Kit, Path, Problem, Route, Routes};

/// The cashier's host where the settings name no other.
pub const CASHIER_HOST: &str = "cashier.localhost";

/// The rooms below, as the server wires them.
#[derive(Clone)]
pub struct CashierState {
    /// Payments.
    pub payments: Payments,
    /// What is bought with them.
    pub orders: Orders,
    /// Proxies and bounds, shared with the other applications of the server.
    pub kit: Kit,
}

#[derive(Clone)]
struct App(Arc<CashierState>);

/// The cashier, complete with all layers.
pub fn cashier_router(state: CashierState) -> Router {
    let kit = state.kit.clone();
    let router = routes().into_router().fallback(nothing_here);
    kit.layers(router.with_state(App(Arc::new(state))), Face::json())
}

/// Every route with its policy.
pub fn cashier_route_list() -> Vec<Route> {
    routes().list()
}

fn routes() -> Routes<App> {
    Routes::default()
        .get("/cashier/{token}", hand_over)
        .get("/cashier/back/{channel}/{out_no}", come_back)
        .post("/pay/notify/{provider}/{channel}", notify)
}

async fn nothing_here() -> Problem {
    Problem::not_found()
}

/// `GET /cashier/{token}`: on to the gateway's page. A token that is spent leads back to the shop.
async fn hand_over(_: Guest, Path(token): Path<String>, State(App(rooms)): State<App>) -> Result<Response, Problem> {
    let (scope, attempt) = match rooms.payments.redeem(&token).await {
        Ok(redeemed) => redeemed,
        Err(error) => return back_or_refuse(error),
    };
    if let Some(page) = attempt.pay_url {
        return Ok(onward(&page));
    }
    let create = rooms.payments.create(&scope, &attempt.out_no);
    match timeout(rooms.kit.outside_timeout(), create).await {
        Ok(Ok(Attempt { pay_url: Some(page), .. })) => Ok(onward(&page)),
        Ok(Ok(_)) => Err(Problem::new(StatusCode::CONFLICT, "payment_not_open")),
        // The shop's page of the payment offers to try again, or another way.
        Ok(Err(PaymentError::Gateway(_))) | Err(_) => {
            let intent = rooms.payments.intent(&scope, attempt.intent).await?;
            Ok(Redirect::to(&format!("{}?pay=unanswered", intent.return_url)).into_response())
        }
        Ok(Err(error)) => Err(error.into()),
    }
}

/// A page that leads on by itself. Not a redirect: the shop's form was sent here, and a browser lets a form end only at
/// the hosts that the shop's own policy names, which does not know every gateway.
fn onward(page: &str) -> Response {
    let page = escaped(page);
    let html = format!(
        "<!doctype html><html lang=\"zh-CN\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><meta name=\"robots\" content=\"noindex\">\
         <meta http-equiv=\"refresh\" content=\"0;url={page}\"><title>前往支付 · To the payment page</title></head>\
         <body><main><h1>正在前往支付页面</h1><p><a href=\"{page}\">没有自动跳转？点这里继续 · Continue to the payment page\
         </a></p></main></body></html>"
    );
    ([(CACHE_CONTROL, "no-store"), (REFERRER_POLICY, "no-referrer")], Html(html)).into_response()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn back_or_refuse(error: PaymentError) -> Result<Response, Problem> {
    match error.return_url() {
        Some(shop) => Ok(Redirect::to(shop).into_response()),
        None => Err(error.into()),
    }
}

/// `GET /cashier/back/{channel}/{out_no}`: the buyer comes back from the gateway, which is asked how it went; then he is
/// sent on to the shop, whatever it said.
async fn come_back(
    _: Guest,
    Path((channel, out_no)): Path<(String, String)>,
    State(App(rooms)): State<App>,
) -> Result<Response, Problem> {
    let channel = PublicChannel::parse(&channel).ok_or(Problem::not_found())?;
    let out_no = OutNo::parse(&out_no).map_err(|_| Problem::not_found())?;
    let (scope, return_url) = rooms.payments.way_back(&channel, &out_no).await?;
    // A gateway that hangs does not keep the buyer here: his shop's page waits for the money anyway.
    let asked = timeout(rooms.kit.outside_timeout(), rooms.payments.query(&scope, &out_no)).await;
    if let Ok(Ok(TradeState::Paid(seen))) = asked {
        // If this does not work now, the callback or the next look at the trade does it.
        if let Err(error) = rooms.orders.receive(&scope, seen).await {
            tracing::warn!(%error, "money that was seen on the way back waits for the next look");
        }
    }
    Ok(Redirect::to(&return_url).into_response())
}

/// `POST /pay/notify/{provider}/{channel}`: a gateway reports. It is verified and kept, then acknowledged; what it says
/// is offered to the lane at once, and the job written beside it is the fall-back.
async fn notify(
    _: Guest,
    Path((provider, channel)): Path<(String, String)>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    State(App(rooms)): State<App>,
    body: Bytes,
) -> Result<Response, Problem> {
    let channel = PublicChannel::parse(&channel).ok_or(Problem::not_found())?;
    let text = |value: &axum::http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers = headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
    let received = rooms.payments.receive(&channel, &provider, headers, body.to_vec(), uri.path()).await?;
    if let Some(seen) = received.seen {
        let offered = rooms.orders.receive_message(&received.scope, seen, received.message).await;
        if let Err(error) = offered {
            tracing::warn!(%error, "a callback is kept and waits for its job");
        }
    }
    let status = StatusCode::from_u16(received.reply.status).unwrap_or(StatusCode::OK);
    Ok((status, received.reply.body).into_response())
}
