//! One order: how it stands, its codes for whom they are, and the way to pay for it.

use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE, USER_AGENT};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use kernel::SiteScope;
use order::{Device, LinkToken, OrderError, OrderId, OrderView, Orders, Proof, Revealed, Sight};
use serde::Deserialize;
use store::Tx;
use tenancy::Shop;
use web::{Form, Guest, Json, MaybeBuyer, Path, Problem, Query, ShopContext, Visitor};

use super::claims::ClaimNote;
use super::page;
use super::pay::{self, PayForm, PayNote};
use crate::app::App;
use crate::frame::Frame;
use crate::proof::proof;
use crate::rows;
use crate::view::{Common, Due, Look, OrderPageView, PayView, Status, Ways, file, order_href, state_key};

/// The address of an order: its number and, if it was paid by a channel, its word.
#[derive(Deserialize)]
pub(crate) struct Address {
    pub id: OrderId,
    #[serde(default)]
    link: Option<String>,
}

impl Address {
    /// The address of this order.
    pub const fn of(id: OrderId, link: Option<String>) -> Self {
        Self { id, link }
    }

    /// The word; a text that cannot be one names nothing.
    pub fn link(&self) -> Result<Option<LinkToken>, Problem> {
        let read = |text: &String| LinkToken::parse(text).ok_or(Problem::not_found());
        self.link.as_ref().map(read).transpose()
    }

    pub fn href(&self) -> String {
        match &self.link {
            Some(link) => format!("/orders/{}/{link}", self.id),
            None => format!("/orders/{}", self.id),
        }
    }
}

/// `GET /orders/{id}` and `GET /orders/{id}/{link}`: codes are masked. An order with a word is shown at its own address.
pub(crate) async fn show(
    buyer: MaybeBuyer,
    ShopContext(shop): ShopContext,
    (frame, visitor): (Frame, Visitor),
    State(app): State<App>,
    Path(address): Path<Address>,
    (Query(note), Query(told)): (Query<PayNote>, Query<ClaimNote>),
) -> Result<Response, Problem> {
    let proof = proof(&buyer, &visitor, address.link()?);
    let (view, sight) = find(&app, &buyer.scope, &proof, address.id).await?;
    match (&view.link, &proof.link) {
        (Some(_), None) => Ok(Redirect::to(&order_href(&view)).into_response()),
        (known, given) if known == given => {
            order_page(&app, &frame, (&shop, &buyer), (&view, sight), Shown::Masked(note, told)).await
        }
        _ => Err(Problem::not_found()),
    }
}

/// The order with a form that was refused: what was typed stands in it.
pub(super) async fn refused_page(
    app: &App,
    frame: &Frame,
    (shop, buyer): (&Shop, &MaybeBuyer),
    (proof, id): (&Proof, OrderId),
    note: ClaimNote,
) -> Result<Response, Problem> {
    let (view, sight) = find(app, &buyer.scope, proof, id).await?;
    if proof.link != view.link {
        return Err(Problem::not_found());
    }
    let shown = Shown::Masked(PayNote::default(), note);
    let mut page = order_page(app, frame, (shop, buyer), (&view, sight), shown).await?;
    *page.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    Ok(page)
}

/// `GET ../status`: for the page that waits.
pub(crate) async fn status(
    buyer: MaybeBuyer,
    visitor: Visitor,
    State(app): State<App>,
    Path(address): Path<Address>,
) -> Result<Response, Problem> {
    let proof = proof(&buyer, &visitor, address.link()?);
    let (view, _) = find(&app, &buyer.scope, &proof, address.id).await?;
    if proof.link.is_some() && proof.link != view.link {
        return Err(Problem::not_found());
    }
    let status = Status::of_order(state_key(view.order.states), &view);
    Ok(([(CACHE_CONTROL, "no-store")], Json(status)).into_response())
}

/// `POST ../codes`: logs the view, then shows the codes.
pub(crate) async fn reveal(
    buyer: MaybeBuyer,
    ShopContext(shop): ShopContext,
    (frame, visitor): (Frame, Visitor),
    State(app): State<App>,
    Path(address): Path<Address>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let proof = proof(&buyer, &visitor, address.link()?);
    let (view, revealed) = open(&app, &buyer.scope, &proof, (address.id, &headers)).await?;
    order_page(&app, &frame, (&shop, &buyer), (&view, Sight::Codes), Shown::Open(revealed)).await
}

/// `POST ../file`: logs the view, then hands the codes over as a file.
pub(crate) async fn download(
    buyer: MaybeBuyer,
    frame: Frame,
    visitor: Visitor,
    State(app): State<App>,
    Path(address): Path<Address>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let proof = proof(&buyer, &visitor, address.link()?);
    let (view, revealed) = open(&app, &buyer.scope, &proof, (address.id, &headers)).await?;
    let headers = [
        (CONTENT_TYPE, "text/plain; charset=utf-8".to_owned()),
        (CONTENT_DISPOSITION, format!("attachment; filename=\"{}.txt\"", view.order.number)),
        (CACHE_CONTROL, "no-store".to_owned()),
    ];
    Ok((headers, file(frame.language, &view, &revealed)).into_response())
}

/// `GET ../codes`, `GET ../claims`: the address of the page with codes, or of a form that was refused, asked for again, is the
/// order.
pub(crate) async fn back(_: Guest, Path(address): Path<Address>) -> Response {
    Redirect::to(&address.href()).into_response()
}

/// `POST /orders/{id}/{link}/pay`: on to the cashier. Whoever has the page may pay for it.
pub(crate) async fn pay(
    buyer: MaybeBuyer,
    visitor: Visitor,
    State(app): State<App>,
    Path(address): Path<Address>,
    Form(form): Form<PayForm>,
) -> Result<Response, Problem> {
    let proof = proof(&buyer, &visitor, address.link()?);
    let (view, _) = find(&app, &buyer.scope, &proof, address.id).await?;
    let href = order_href(&view);
    if state_key(view.order.states) != "unpaid" {
        return Ok(Redirect::to(&href).into_response());
    }
    pay::again(&app, &buyer.scope, Orders::intent_of(address.id), &form, &href).await
}

/// The order; whoever proves nothing at all is asked to log in, whether it is there or not.
async fn find(app: &App, scope: &SiteScope, proof: &Proof, id: OrderId) -> Result<(OrderView, Sight), Problem> {
    app.rooms.orders.view(scope, proof, id).await.map_err(|error| problem(error, proof))
}

async fn open(
    app: &App,
    scope: &SiteScope,
    proof: &Proof,
    (id, headers): (OrderId, &HeaderMap),
) -> Result<(OrderView, Vec<Revealed>), Problem> {
    let program = headers.get(USER_AGENT).and_then(|name| name.to_str().ok());
    let device = Device::named(program.unwrap_or_default());
    let opened = app.rooms.orders.reveal(scope, (proof, &device), id).await;
    opened.map_err(|error| problem(error, proof))
}

pub(super) fn problem(error: OrderError, proof: &Proof) -> Problem {
    match error {
        OrderError::NotFound if proof.link.is_none() && proof.customer.is_none() => Problem::login_required(),
        error => error.into(),
    }
}

/// How much of the codes a page shows.
enum Shown {
    /// None; the last try to pay may have led nowhere, and the last claim, too.
    Masked(PayNote, ClaimNote),
    /// All of them.
    Open(Vec<Revealed>),
}

async fn order_page(
    app: &App,
    frame: &Frame,
    (shop, buyer): (&Shop, &MaybeBuyer),
    (view, sight): (&OrderView, Sight),
    shown: Shown,
) -> Result<Response, Problem> {
    let customer = buyer.customer.as_ref().map(|(customer, _)| customer);
    let (me, chain, goods, now) = {
        let tx = rows::begin(app, shop).await?;
        let skus: Vec<_> = view.lines.iter().map(|line| line.sku).collect();
        let goods = app.rooms.catalog.goods_of_in(&tx, &skus).await?;
        (rows::me_in(&tx, shop, customer).await?, rows::chain_in(app, &tx, shop).await?, goods, tx.now())
    };
    let common = Common::new(frame, me.map(|(me, _)| me)).private();
    let (intent, words) = (Orders::intent_of(view.order.id), app.templates.words(frame.language));
    let money = match view.order.method {
        order::Method::Wallet => Vec::new(),
        order::Method::Channel => rows::money_in_trouble(app, words, shop, intent).await?,
    };
    let (revealed, note, told) = match &shown {
        Shown::Masked(note, told) => (None, Some(note), Some(told)),
        Shown::Open(revealed) => (Some(revealed.as_slice()), None, None),
    };
    let told = told.filter(|_| sight == Sight::Codes);
    let refused = told.and_then(|told| told.refused(words, frame.language));
    let typed = told.and_then(|told| told.typed.as_ref());
    let look = Look { view, sight, revealed, goods: &goods, now, refused, typed };
    if let Some((amount, expires_at)) = look.is_to_be_paid() {
        let channels = app.rooms.orders.channels(&buyer.scope, &chain).await?;
        let attempts = app.payments().attempts_of(&buyer.scope, intent).await?;
        let chosen = attempts.last().map(|attempt| attempt.channel);
        let ways = Ways { channels, chosen, is_unanswered: note.is_some_and(PayNote::is_unanswered) };
        let due = Due { kind: "order", amount, bonus: None, expires_at, now, href: look.href() };
        let view = PayView::new(frame.language, (&due, shop), &ways, Some(look.bought(frame.language)), money);
        return page(app, frame.language, StatusCode::OK, "pay.html", &common, view);
    }
    let view = OrderPageView::new((words, frame.language), &look, money);
    page(app, frame.language, StatusCode::OK, "order.html", &common, view)
}
