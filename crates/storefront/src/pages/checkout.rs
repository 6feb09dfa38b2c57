//! The checkout: one page between the goods and the payment.

use axum::extract::State;
use axum::http::header::{RETRY_AFTER, SET_COOKIE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use identity::{Customer, Token};
use order::{Checkout, HOLD_DEFAULT, LinkToken, OrderId, Placed};
use payment::ChannelId;
use risk::Limits;
use tenancy::Shop;
use web::{Followed, Form, MaybeBuyer, Problem, Query, RateLimits, ShopContext, Via, Visit, Visitor};

use super::{goods, page, pay};
use crate::app::App;
use crate::complaint::{Complaint, Key};
use crate::form::{Basket, CheckoutForm, Fault, Order, PayBy, Wish, check, form_key};
use crate::frame::Frame;
use crate::view::{CheckoutView, Common, Counter, Me, Typed};
use crate::{proof, rows};

/// `GET /checkout`: what was chosen, at the price of now.
pub(crate) async fn show(
    buyer: MaybeBuyer,
    ShopContext(shop): ShopContext,
    (frame, visitor): (Frame, Visitor),
    State(app): State<App>,
    Query(basket): Query<Basket>,
) -> Result<Response, Problem> {
    let Some(wish) = basket.wish(shop.tenant.currency) else { return Ok(Redirect::to("/").into_response()) };
    let at = At { app: &app, frame: &frame, shop: &shop, buyer: &buyer, via: None };
    at.page(wish, Typed { visitor: offered(&visitor, None), ..Typed::default() }).await
}

/// `POST /checkout`: places the order and goes on to pay, or shows the page again with everything that was typed.
pub(crate) async fn submit(
    buyer: MaybeBuyer,
    ShopContext(shop): ShopContext,
    (frame, visitor): (Frame, Visitor),
    (visit, limits, followed): (Visit, RateLimits, Followed),
    State(app): State<App>,
    Form(form): Form<CheckoutForm>,
) -> Result<Response, Problem> {
    let Some(wish) = form.wish(shop.tenant.currency) else { return Ok(Redirect::to("/").into_response()) };
    let at = At { app: &app, frame: &frame, shop: &shop, buyer: &buyer, via: followed.0.as_ref() };
    let answer = order(&at, wish, form, (&visitor, &visit)).await;
    let most = Limits::of(shop.site.limits.as_deref());
    limits.tell([app.rooms.orders.velocity().left(&buyer.scope, visit.address, &most)]);
    answer
}

async fn order(
    at: &At<'_>,
    wish: Wish,
    form: CheckoutForm,
    (visitor, visit): (&Visitor, &Visit),
) -> Result<Response, Problem> {
    let token = visitor.token.clone().or_else(|| form.visitor()).unwrap_or_else(Token::new);
    let mut typed = Typed { visitor: offered(visitor, Some(&token)), ..Typed::default() };
    if form.is_fewer() {
        return at.page(wish, Typed { form, ..typed }).await;
    }
    let (channels, asked) = at.asked(&wish).await?;
    let order = match form.read(at.buyer.customer.is_none(), &channels, &asked) {
        Ok(order) => order,
        Err(faults) => return at.page(wish, Typed { form, faults, ..typed }).await,
    };
    match at.place(&wish, order, (&form.key, &token), visit).await? {
        Ok(response) => Ok(response),
        Err(complaint) => {
            typed.form = form;
            at.again(wish, typed, complaint).await
        }
    }
}

/// The token for the form: only a browser that has none of its own needs one.
fn offered(visitor: &Visitor, token: Option<&Token>) -> String {
    match (&visitor.token, token) {
        (Some(_), _) => String::new(),
        (None, Some(token)) => token.text().expose().clone(),
        (None, None) => Token::new().text().expose().clone(),
    }
}

/// Where and by whom something is bought.
struct At<'a> {
    app: &'a App,
    frame: &'a Frame,
    shop: &'a Shop,
    buyer: &'a MaybeBuyer,
    /// The link that the browser has followed.
    via: Option<&'a Via>,
}

impl At<'_> {
    fn customer(&self) -> Option<&Customer> {
        self.buyer.customer.as_ref().map(|(customer, _)| customer)
    }

    /// The ways to pay that are open, and what the goods ask.
    async fn asked(&self, wish: &Wish) -> Result<(Vec<ChannelId>, catalog::Form), Problem> {
        let shop = rows::sold_by(self.app, self.shop, None).await?;
        let channels = self.app.rooms.orders.channels(&self.buyer.scope, &shop.chain).await?;
        let tx = rows::begin(self.app, self.shop).await?;
        let goods = self.app.rooms.catalog.goods_by_code_in(&tx, &wish.code).await?;
        let (goods, _) = goods.ok_or(Problem::not_found())?;
        Ok((channels.iter().map(|channel| channel.id).collect(), goods.fulfilment.form))
    }

    /// The response to an order that was placed, or what the buyer has to know before it can be.
    async fn place(
        &self,
        wish: &Wish,
        order: Order,
        (key, token): (&str, &Token),
        visit: &Visit,
    ) -> Result<Result<Response, Complaint>, Problem> {
        match order.pay {
            PayBy::Wallet => {
                let Some(customer) = self.customer() else { return Err(Problem::login_required()) };
                let shop = rows::sold_by(self.app, self.shop, self.via).await?;
                let account = order::Buyer { address: Some(visit.address), ..order::Buyer::account(customer.id) };
                let (orders, wanted) = (&self.app.rooms.orders, vec![wish.wanted.clone().with_form(order.filled)]);
                let placed = orders.place(&self.buyer.scope, shop, account, wanted, key).await;
                match placed.map_err(Complaint::of) {
                    Ok(answered) => Ok(Ok(to_order(&answered.answer).into_response())),
                    Err(Ok(complaint)) => Ok(Err(complaint)),
                    Err(Err(error)) => Err(error.into()),
                }
            }
            PayBy::Channel(channel) => self.place_by_channel(wish, (channel, order), (key, token), visit).await,
        }
    }

    async fn place_by_channel(
        &self,
        wish: &Wish,
        (channel, order): (ChannelId, Order),
        (key, token): (&str, &Token),
        visit: &Visit,
    ) -> Result<Result<Response, Complaint>, Problem> {
        let (rooms, scope) = (&self.app.rooms, &self.buyer.scope);
        let reached = match order.reached {
            Some((contact, password)) => {
                match rooms.lookups.query_key(scope, &contact, &password).await.map_err(Complaint::of) {
                    Ok(key) => Some((contact, key)),
                    Err(Ok(complaint)) => return Ok(Err(complaint)),
                    Err(Err(error)) => return Err(error.into()),
                }
            }
            None => None,
        };
        let (id, link) = (OrderId::new(), LinkToken::new());
        let scheme = if visit.is_https { "https" } else { "http" };
        let checkout = Checkout {
            order: id,
            return_url: format!("{scheme}://{}/orders/{id}/{}", visit.authority, link.as_str()),
            link,
            buyer: proof::buyer(self.buyer, token, reached, visit.address),
            lines: vec![wish.wanted.clone().with_form(order.filled)],
            channel,
            hold_for: HOLD_DEFAULT,
        };
        let shop = rows::sold_by(self.app, self.shop, self.via).await?;
        let placed = match rooms.orders.checkout(scope, shop, checkout, key).await.map_err(Complaint::of) {
            Ok(answered) => answered.answer,
            Err(Ok(complaint)) => return Ok(Err(complaint)),
            Err(Err(error)) => return Err(error.into()),
        };
        let next = match &placed.due {
            Some(due) => {
                let page = format!("/orders/{}/{}", placed.order, due.link);
                pay::to_cashier(self.app, scope, due.out_no, &page).await?
            }
            None => to_order(&placed).into_response(),
        };
        // Whoever has bought is known again by his browser.
        let cookie = web::visitor_cookie(visit, token).to_string();
        Ok(Ok((AppendHeaders([(SET_COOKIE, cookie)]), next).into_response()))
    }

    /// The page after a refusal. What only the choice of goods can solve is said where it is made.
    async fn again(&self, wish: Wish, mut typed: Typed, complaint: Complaint) -> Result<Response, Problem> {
        let words = self.app.templates.words(self.frame.language);
        let Some(counter) = self.counter(&wish).await? else {
            return self.back_to_goods(&wish, complaint).await;
        };
        if complaint.key() == Key::Renew {
            typed.form.key = form_key();
        }
        typed.fewer = complaint.fewer();
        match &complaint {
            Complaint::Form { faults } if !faults.is_empty() => {
                typed.faults = faults.iter().cloned().map(Fault::Field).collect();
            }
            _ => typed.error = Some(complaint.shown(words, counter.0.offer.sku.quantity_max)),
        }
        let mut page = self.render(complaint.status(), counter, wish, typed)?;
        if let Some(wait) = complaint.retry_after() {
            page.headers_mut().insert(RETRY_AFTER, HeaderValue::from(wait.as_secs().max(1)));
        }
        Ok(page)
    }

    /// The page for a wish that can be bought, at the price of now; a dearer one than was seen is said.
    async fn page(&self, wish: Wish, mut typed: Typed) -> Result<Response, Problem> {
        let Some(counter) = self.counter(&wish).await? else {
            return self.back_to_goods(&wish, Complaint::NotForSale).await;
        };
        let offer = &counter.0.offer;
        if let Err(complaint) = check(std::slice::from_ref(offer), &wish.wanted) {
            return self.back_to_goods(&wish, complaint).await;
        }
        let (seen, now) = (wish.wanted.unit, offer.unit);
        let mut status = if typed.faults.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
        if now.minor() > seen.minor() {
            let (complaint, words) =
                (Complaint::PriceChanged { seen, now }, self.app.templates.words(self.frame.language));
            typed.error = Some(complaint.shown(words, offer.sku.quantity_max));
            status = complaint.status();
        }
        self.render(status, counter, wish, typed)
    }

    async fn back_to_goods(&self, wish: &Wish, complaint: Complaint) -> Result<Response, Problem> {
        let shop = (self.shop, self.customer());
        goods::goods_page(self.app, self.frame, shop, &wish.code, (wish.choice(), complaint)).await
    }

    /// Everything the page shows; none if the SKU has no price here.
    async fn counter(&self, wish: &Wish) -> Result<Option<(Counter, Option<Me>)>, Problem> {
        let tx = rows::begin(self.app, self.shop).await?;
        let (subject, asked) = (rows::subject(self.customer()), (&wish.code, wish.choice()));
        let priced = rows::goods_in(self.app, &tx, self.shop, &subject, asked).await?;
        let chain = priced.chain.clone();
        let (me, wallet) = rows::me_in(&tx, self.shop, self.customer()).await?.unzip();
        drop(tx);
        let (goods, offers) = priced.counted(self.app, self.shop).await?;
        let Some(offer) = offers.into_iter().find(|offer| offer.sku.id == wish.wanted.sku) else { return Ok(None) };
        let channels = self.app.rooms.orders.channels(&self.buyer.scope, &chain).await?;
        Ok(Some((Counter { goods, offer, channels, wallet }, me)))
    }

    fn render(
        &self,
        status: StatusCode,
        (counter, me): (Counter, Option<Me>),
        mut wish: Wish,
        typed: Typed,
    ) -> Result<Response, Problem> {
        wish.wanted.unit = counter.offer.unit;
        // A page that answers a form has the address of the page it belongs to.
        let frame = Frame { query: wish.query(), ..self.frame.clone() };
        let language = (self.app.templates.words(frame.language), frame.language);
        let view = CheckoutView::new(language, self.shop, &counter, &wish, typed);
        let common = Common::new(&frame, me).private();
        page(self.app, frame.language, status, "checkout.html", &common, view)
    }
}

fn to_order(placed: &Placed) -> Redirect {
    Redirect::to(&format!("/orders/{}", placed.order))
}
