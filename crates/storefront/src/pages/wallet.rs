//! The wallet of whoever is logged in, and money on its way there.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse, Redirect, Response};
use kernel::{Coded, Money};
use ledger::{Account, AccountKind, EntryId};
use payment::{Channel, ChannelId, ChannelState, Intent, IntentId, OpenTopUp, PaymentError, Purpose, TopUpOpened};
use serde::Deserialize;
use store::Tx;
use tenancy::Shop;
use web::{Buyer, Form, Guest, Json, Path, Problem, Query, ShopContext, Visit};

use super::page;
use super::pay::{self, PayForm, PayNote};
use super::recharge::RechargeForm;
use crate::app::App;
use crate::complaint::KEY_REUSED;
use crate::form::{form_key, kept_key};
use crate::format;
use crate::frame::Frame;
use crate::rows;
use crate::view::{
    Common, Due, FormError, Me, PayView, RechargeView, Status, TopUpView, WalletView, Ways, least, most, top_up_state,
};
use crate::words::Words;

/// The form as the browser sends it.
#[derive(Default, Deserialize)]
pub(crate) struct TopUpForm {
    #[serde(default)]
    amount: String,
    #[serde(default)]
    pay: String,
    #[serde(default)]
    key: String,
}

/// Where a page of the statement begins, and whether a card was just redeemed.
#[derive(Default, Deserialize)]
pub(crate) struct Cursor {
    before: Option<EntryId>,
    recharged: Option<String>,
}

/// What the page shows again because it was refused, and why.
#[derive(Default)]
pub(super) enum Refused {
    /// Nothing.
    #[default]
    Nothing,
    /// A top-up.
    TopUp(TopUpForm, &'static str),
    /// A recharge card.
    Recharge(RechargeForm, StatusCode, FormError),
}

/// Lines of the statement on one page.
const STATEMENT_LINES: usize = 20;

/// `GET /wallet`: what is in it, how more gets there, and what happened.
pub(crate) async fn show(
    buyer: Buyer,
    ShopContext(shop): ShopContext,
    frame: Frame,
    State(app): State<App>,
    Query(cursor): Query<Cursor>,
) -> Result<Response, Problem> {
    let is_recharged = cursor.recharged.is_some();
    wallet_page(&app, &frame, (&shop, &buyer), (cursor.before, is_recharged), Refused::Nothing).await
}

/// `GET /wallet/top-up`, `GET /wallet/recharge`: the address of a form that was refused, asked for again, is the wallet.
pub(crate) async fn back(_: Guest) -> Response {
    Redirect::to("/wallet").into_response()
}

/// `POST /wallet/top-up`: on to the cashier, or the page again with the reason.
pub(crate) async fn top_up(
    buyer: Buyer,
    ShopContext(shop): ShopContext,
    (frame, visit): (Frame, Visit),
    State(app): State<App>,
    Form(form): Form<TopUpForm>,
) -> Result<Response, Problem> {
    let again = async |form: TopUpForm, error| {
        wallet_page(&app, &frame, (&shop, &buyer), (None, false), Refused::TopUp(form, error)).await
    };
    let Ok(amount) = Money::parse(form.amount.trim(), shop.tenant.currency) else {
        return again(form, "amount").await;
    };
    let Ok(channel) = ChannelId::parse(&form.pay) else { return again(form, "pay").await };
    let ids = TopUpOpened::new();
    let scheme = if visit.is_https { "https" } else { "http" };
    let top_up = OpenTopUp {
        key: kept_key(&form.key),
        customer: buyer.customer.id,
        site: buyer.scope.site(),
        amount,
        channel,
        return_url: format!("{scheme}://{}/wallet/top-ups/{}", visit.authority, ids.intent),
        ids,
    };
    match app.payments().open_top_up(&buyer.scope, top_up).await {
        Ok(opened) => {
            let page = format!("/wallet/top-ups/{}", opened.intent);
            pay::to_cashier(&app, &buyer.scope, opened.out_no, &page).await
        }
        // What the lane has refused is kept under the key, so the form needs another one.
        Err(PaymentError::Refused(payment::Refusal::NoChannel)) => again(renewed(form), "pay").await,
        Err(PaymentError::Refused(payment::Refusal::TooManyTopUps { .. })) => again(renewed(form), "waiting").await,
        Err(PaymentError::Refused(_)) => again(renewed(form), "amount").await,
        Err(error) if error.code() == KEY_REUSED => again(renewed(form), "already_used").await,
        Err(error) => Err(error.into()),
    }
}

/// `GET /wallet/top-ups/{intent}`: waits for the money, or says what became of it.
pub(crate) async fn top_up_page(
    buyer: Buyer,
    ShopContext(shop): ShopContext,
    frame: Frame,
    State(app): State<App>,
    Path(id): Path<IntentId>,
    Query(note): Query<PayNote>,
) -> Result<Response, Problem> {
    let intent = own(&app, &buyer, id).await?;
    let (me, bonus, now) = {
        let tx = rows::begin(&app, &shop).await?;
        let bonus = app.payments().bonuses_in(&tx, &[id]).await?.first().map(|bonus| bonus.amount);
        (me(&buyer, rows::wallet_in(&tx, &shop, buyer.customer.id).await?), bonus, tx.now())
    };
    let (words, state) = (app.templates.words(frame.language), top_up_state(&intent, now));
    let common = Common::new(&frame, Some(me));
    let money = rows::money_in_trouble(&app, words, &shop, id).await?;
    if state != "unpaid" {
        let view = TopUpView::new(words, (intent.amount, bonus), state, money);
        return page(&app, frame.language, StatusCode::OK, "topup.html", &common, view);
    }
    let attempts = app.payments().attempts_of(&buyer.scope, id).await?;
    let ways = Ways {
        channels: main_channels(&app, &shop).await?,
        chosen: attempts.last().map(|attempt| attempt.channel),
        is_unanswered: note.is_unanswered(),
    };
    let href = format!("/wallet/top-ups/{id}");
    let due = Due { kind: "top_up", amount: intent.amount, bonus, expires_at: intent.expires_at, now, href };
    let view = PayView::new(frame.language, (&due, &shop), &ways, None, money);
    page(&app, frame.language, StatusCode::OK, "pay.html", &common, view)
}

/// `GET /wallet/top-ups/{intent}/status`: for the page that waits.
pub(crate) async fn status(
    buyer: Buyer,
    ShopContext(shop): ShopContext,
    State(app): State<App>,
    Path(id): Path<IntentId>,
) -> Result<Response, Problem> {
    let intent = own(&app, &buyer, id).await?;
    let now = rows::begin(&app, &shop).await?.now();
    let status = Status::of(top_up_state(&intent, now));
    Ok(([(CACHE_CONTROL, "no-store")], Json(status)).into_response())
}

/// `POST /wallet/top-ups/{intent}/pay`: on to the cashier once more.
pub(crate) async fn pay(
    buyer: Buyer,
    ShopContext(shop): ShopContext,
    State(app): State<App>,
    Path(id): Path<IntentId>,
    Form(form): Form<PayForm>,
) -> Result<Response, Problem> {
    let intent = own(&app, &buyer, id).await?;
    let now = rows::begin(&app, &shop).await?.now();
    let href = format!("/wallet/top-ups/{id}");
    if top_up_state(&intent, now) != "unpaid" {
        return Ok(Redirect::to(&href).into_response());
    }
    pay::again(&app, &buyer.scope, id, &form, &href).await
}

fn renewed(form: TopUpForm) -> TopUpForm {
    TopUpForm { key: form_key(), ..form }
}

/// The customer's own top-up; anybody else's is not there.
async fn own(app: &App, buyer: &Buyer, id: IntentId) -> Result<Intent, Problem> {
    let intent = app.payments().intent(&buyer.scope, id).await?;
    let is_own = intent.purpose == Purpose::TopUp && intent.customer == Some(buyer.customer.id);
    if is_own { Ok(intent) } else { Err(Problem::not_found()) }
}

/// A wallet is the main site's, so its channels fill it.
async fn main_channels(app: &App, shop: &Shop) -> Result<Vec<Channel>, Problem> {
    let Some(main) = shop.chain.first() else { return Ok(Vec::new()) };
    let tx = rows::begin(app, shop).await?;
    let mut channels = app.payments().channels_of_in(&tx, &[*main]).await?;
    channels.retain(|channel| channel.state == ChannelState::Active && channel.currency == shop.tenant.currency);
    Ok(channels)
}

fn me(buyer: &Buyer, wallet: Money) -> Me {
    Me::new(&buyer.customer.name, wallet)
}

fn refusal(words: &Words, code: &'static str, currency: kernel::Currency) -> FormError {
    let (least, most) = (format::money(least(currency)), format::money(most(currency)));
    FormError { code, message: words.get(&format!("wallet.error.{code}"), &[("least", &least), ("most", &most)]) }
}

pub(super) async fn wallet_page(
    app: &App,
    frame: &Frame,
    (shop, buyer): (&Shop, &Buyer),
    (before, is_recharged): (Option<EntryId>, bool),
    refused: Refused,
) -> Result<Response, Problem> {
    let (balance, statement, bonuses) = {
        let tx = rows::begin(app, shop).await?;
        let (_, bonuses) = app.payments().bonus_rules_in(&tx).await?;
        let wallet = Account::of(AccountKind::Wallet, buyer.customer.id.uuid(), shop.tenant.currency);
        let statement = ledger::statement_in(&tx, wallet, before, STATEMENT_LINES).await?;
        (rows::wallet_in(&tx, shop, buyer.customer.id).await?, statement, bonuses)
    };
    let channels = main_channels(app, shop).await?;
    let words = app.templates.words(frame.language);
    let unprocessable = StatusCode::UNPROCESSABLE_ENTITY;
    let (form, error, recharge, status) = match refused {
        Refused::Nothing => (TopUpForm::default(), None, RechargeView::new(is_recharged), StatusCode::OK),
        Refused::TopUp(form, code) => {
            let error = refusal(words, code, shop.tenant.currency);
            (form, Some(error), RechargeView::new(false), unprocessable)
        }
        Refused::Recharge(form, status, error) => {
            let view = RechargeView::refused(form.code, kept_key(&form.key), error);
            (TopUpForm::default(), None, view, status)
        }
    };
    let typed = (form.amount.as_str(), form.pay.as_str(), kept_key(&form.key));
    let view = WalletView::new(
        (words, frame.language),
        (balance, &channels, &statement),
        (typed, &bonuses),
        (error, recharge),
    );
    page(app, frame.language, status, "wallet.html", &Common::new(frame, Some(me(buyer, balance))), view)
}
