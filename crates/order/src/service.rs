//! Use cases: buying, paying, looking, revealing.

mod claims;
mod office;
mod replacements;

use std::sync::Arc;
use std::time::Duration;

use catalog::SkuId;
use chrono::TimeDelta;
use futures::future::join_all;
use identity::CustomerId;
use inventory::{CardId, Inventory, Shelf};
use kernel::{Coded, Currency, SiteId, SiteScope, TenantScope, hex};
use lane::{Answered, Command, CommandKey, LaneError, Lanes};
use payment::{Channel, ChannelId, IntentId, Message, OutNo, Payments, Seen, TradeState};
use risk::{Limits, Velocity};
use store::{ScopedCache, Store, Tx};
use uuid::Uuid;

use crate::command::{About, Chain, Expire, Expiry, HOLD_MINUTES, Place, Placed, Receipt, Receive};
use crate::error::OrderError;
use crate::gate::Gate;
use crate::model::{
    Brought, Buyer, ChannelPay, Device, LinkToken, OrderId, OrderPage, OrderView, Pay, Proof, Revealed, Sight, Wanted,
    kept_key,
};
use crate::repo;

/// Orders of a page.
const PAGE: u64 = 20;
/// Orders that one round of the sweeper ends at the same time.
const SWEPT_AT_ONCE: u64 = 256;
/// Rounds of one sweep; what is left waits for the next one.
const SWEEPS_MAX: usize = 20;

/// Open channels that are known without asking, and for how long.
const CHANNELS_MAX: u64 = 20_000;
const CHANNEL_LIFE: Duration = Duration::from_secs(1);

/// Buying, and what was bought.
#[derive(Clone)]
pub struct Orders {
    pub(crate) store: Store,
    lanes: Lanes,
    inventory: Inventory,
    payments: Payments,
    gate: Gate,
    open_channels: ScopedCache<(SiteId, ChannelId), ()>,
}

/// A purchase by a channel, as the page asks for it. Id and link are chosen before, so that the page knows its address.
#[derive(Debug, Clone)]
pub struct Checkout {
    /// The id the order gets.
    pub order: OrderId,
    /// The word of its page.
    pub link: LinkToken,
    /// Who buys.
    pub buyer: Buyer,
    /// What.
    pub lines: Vec<Wanted>,
    /// By which channel it is paid.
    pub channel: ChannelId,
    /// Where the buyer comes back to.
    pub return_url: String,
    /// How long the goods are held; kept between 5 and 60 minutes.
    pub hold_for: TimeDelta,
}

/// The shop that sells: what decides its prices, and what it allows.
#[derive(Debug, Clone)]
pub struct SoldBy {
    /// The selling site's chain, the main site first.
    pub chain: Chain,
    /// The tenant's currency.
    pub currency: Currency,
    /// What the selling site allows.
    pub limits: Limits,
    /// Who brought the buyer to it.
    pub brought: Brought,
}

impl Orders {
    /// Orders over this database, carried out by `lanes`.
    pub fn new(store: Store, lanes: Lanes, inventory: Inventory, payments: Payments) -> Self {
        let gate = Gate::new(&store);
        let open_channels = ScopedCache::new(Arc::new(store.clone()), CHANNELS_MAX, CHANNEL_LIFE);
        Self { store, lanes, inventory, payments, gate, open_channels }
    }

    /// The stock as it was a moment ago, for pages, and to be told of goods that came.
    pub const fn shelf(&self) -> &Shelf {
        self.gate.shelf()
    }

    /// Addresses that ordered too fast.
    pub const fn velocity(&self) -> &Velocity {
        self.gate.velocity()
    }

    /// The payments that orders are paid by.
    pub const fn payments(&self) -> &Payments {
        &self.payments
    }

    /// Buys `lines` with the wallet of the buyer's account. The same `key` is the same order, however often it is sent.
    pub async fn place(
        &self,
        scope: &SiteScope,
        shop: SoldBy,
        buyer: Buyer,
        lines: Vec<Wanted>,
        key: &str,
    ) -> Result<Answered<Placed>, OrderError> {
        self.run_place(scope, shop, (buyer, lines, Pay::Wallet), (OrderId::new(), key)).await
    }

    /// Places an order that is paid by a channel: its goods are held, and a first attempt to pay begins.
    pub async fn checkout(
        &self,
        scope: &SiteScope,
        shop: SoldBy,
        checkout: Checkout,
        key: &str,
    ) -> Result<Answered<Placed>, OrderError> {
        let Checkout { order, link, buyer, lines, channel, return_url, hold_for } = checkout;
        if !self.is_open(scope, &shop.chain, channel).await? {
            return Err(crate::Refusal::ChannelClosed.into());
        }
        let minutes = hold_for.num_minutes().clamp(*HOLD_MINUTES.start(), *HOLD_MINUTES.end());
        let hold_for = TimeDelta::minutes(minutes);
        let pay = ChannelPay { channel, out_no: OutNo::new(), return_url, link, hold_for };
        self.run_place(scope, shop, (buyer, lines, Pay::Channel(pay)), (order, key)).await
    }

    /// The channels that take money for this shop: the selling site's own ones if it has any, else the main site's.
    pub async fn channels(&self, scope: &SiteScope, chain: &Chain) -> Result<Vec<Channel>, OrderError> {
        let sites: Vec<_> = chain.iter().map(|place| place.site).collect();
        Ok(self.payments.channels(scope, &sites).await?)
    }

    /// Whether the channel takes money for this shop, as it was a second ago at most if it did: one that was closed since
    /// is refused by the lane. One that did not is looked at anew.
    async fn is_open(&self, scope: &SiteScope, chain: &Chain, channel: ChannelId) -> Result<bool, OrderError> {
        let (engine, key) = (scope.engine(), (scope.site(), channel));
        if self.open_channels.get(&engine, &key).is_some() {
            return Ok(true);
        }
        let is_open = Box::pin(self.channels(scope, chain)).await?.iter().any(|open| open.id == channel);
        if is_open {
            self.open_channels.insert(&engine, key, ());
        }
        Ok(is_open)
    }

    async fn run_place(
        &self,
        scope: &SiteScope,
        shop: SoldBy,
        what: (Buyer, Vec<Wanted>, Pay),
        name: (OrderId, &str),
    ) -> Result<Answered<Placed>, OrderError> {
        let pay = if matches!(what.2, Pay::Wallet) { "wallet" } else { "channel" };
        let answered = self.decide_place(scope, shop, what, name).await;
        let outcome = match &answered {
            Ok(answered) if answered.is_replay => "replay",
            Ok(_) => "placed",
            Err(error) => error.code(),
        };
        metrics::counter!("cardgrove_orders_total", "pay" => pay, "outcome" => outcome).increment(1);
        answered
    }

    async fn decide_place(
        &self,
        scope: &SiteScope,
        SoldBy { chain, currency, limits, brought }: SoldBy,
        (buyer, lines, pay): (Buyer, Vec<Wanted>, Pay),
        (order, key): (OrderId, &str),
    ) -> Result<Answered<Placed>, OrderError> {
        let is_printable = key.bytes().all(|byte| byte.is_ascii_graphic());
        if key.is_empty() || key.len() > CommandKey::LEN_MAX || !is_printable {
            return Err(OrderError::Key);
        }
        assert_eq!(chain.last().map(|place| place.site), Some(scope.site()), "the chain ends at the selling site");
        let skus: Vec<SkuId> = lines.iter().map(|line| line.sku).collect();
        let place = Place { chain, currency, buyer, lines, pay, limits, brought, key: key.to_owned(), order };
        place.check_size()?;
        self.gate.enter(scope, &place, &self.lanes).await?;
        let key = place.key();
        let answered = self.lanes.run(&scope.engine(), place).await.inspect_err(|error| {
            if matches!(error, LaneError::Full | LaneError::Stopping) {
                self.gate.sent_away(scope, &key);
            }
        })?;
        self.gate.learn(scope, (&key, &skus), &answered);
        Ok(Answered { answer: answered.answer?, is_replay: answered.is_replay })
    }

    /// Gives money that was seen its place. Late money is first confirmed by asking its gateway.
    pub async fn receive(&self, scope: &TenantScope, seen: Seen) -> Result<Receipt, OrderError> {
        self.receive_by(scope, seen, None).await
    }

    /// The same for money that a stored message tells of; the message is dealt with once its money has a place.
    pub async fn receive_message(
        &self,
        scope: &TenantScope,
        seen: Seen,
        message: Message,
    ) -> Result<Receipt, OrderError> {
        self.receive_by(scope, seen, Some(message)).await
    }

    async fn receive_by(
        &self,
        scope: &TenantScope,
        seen: Seen,
        message: Option<Message>,
    ) -> Result<Receipt, OrderError> {
        let receipt = self.run_receive(scope, seen.clone(), message).await?;
        if receipt != Receipt::Unconfirmed || seen.is_confirmed {
            return Ok(receipt);
        }
        let Some(out_no) = seen.number() else { return Ok(receipt) };
        match self.payments.query(scope, &out_no).await? {
            TradeState::Paid(confirmed) if confirmed.is_confirmed => {
                let is_it = confirmed.trade_no == seen.trade_no;
                let message = message.filter(|_| is_it).map(|message| Message::of(message.callback));
                let receipt = self.run_receive(scope, confirmed, message).await?;
                // Another trade of the same number has its place; this one still waits for a word.
                Ok(if is_it { receipt } else { Receipt::Unconfirmed })
            }
            _ => Ok(Receipt::Unconfirmed),
        }
    }

    async fn run_receive(
        &self,
        scope: &TenantScope,
        seen: Seen,
        message: Option<Message>,
    ) -> Result<Receipt, OrderError> {
        let about = match message.and_then(|message| message.intent) {
            Some(intent) => Some(About { intent, goods: Vec::new() }),
            None => self.about(scope, &seen).await?,
        };
        let callback = message.map(|message| message.callback);
        let answered = self.lanes.run(scope, Receive { seen, about, callback }).await?;
        let receipt = answered.answer;
        // What is answered from a key was decided for another message, or for none.
        if let Some(callback) = callback.filter(|_| answered.is_replay && receipt != Receipt::Unconfirmed) {
            self.payments.processed(scope, callback).await?;
        }
        metrics::counter!("cardgrove_payment_money_total", "outcome" => receipt.word()).increment(1);
        Ok(receipt)
    }

    /// What money seems to be for: a hint, which the lane checks against rows that it has locked.
    async fn about(&self, scope: &TenantScope, seen: &Seen) -> Result<Option<About>, OrderError> {
        let Some(out_no) = seen.number() else { return Ok(None) };
        let tx = self.store.read(scope).await?;
        let Some(attempt) = self.payments.attempt_in(&tx, &out_no).await? else { return Ok(None) };
        let order = OrderId::from_uuid(attempt.intent.uuid());
        let goods = repo::goods_if_over_in(&tx, order).await?;
        Ok(Some(About { intent: attempt.intent, goods }))
    }

    /// Ends unpaid orders of the tenant whose time is over; answers how many.
    pub async fn sweep(&self, scope: &TenantScope) -> Result<u64, OrderError> {
        let mut swept = 0;
        for _ in 0..SWEEPS_MAX {
            let due = {
                let tx = self.store.read(scope).await?;
                repo::due_in(&tx, SWEPT_AT_ONCE).await?
            };
            let tries = due.iter().map(|order| {
                let expire = Expire { order: *order, key: Uuid::now_v7().to_string() };
                self.lanes.run(scope, expire)
            });
            for answered in join_all(tries).await {
                if let Expiry::Expired { freed } = answered?.answer {
                    swept += 1;
                    self.shelf().restocked(scope, &freed);
                }
            }
            if (due.len() as u64) < SWEPT_AT_ONCE {
                break;
            }
        }
        Ok(swept)
    }

    /// The order on this site, if `proof` allows a look at it, and how much of it.
    pub async fn view(&self, scope: &SiteScope, proof: &Proof, id: OrderId) -> Result<(OrderView, Sight), OrderError> {
        let tx = self.store.read(scope).await?;
        let (view, buyer) = repo::view_in(&tx, id).await?.ok_or(OrderError::NotFound)?;
        let sight = proof.sight(&buyer).ok_or(OrderError::NotFound)?;
        Ok((if sight == Sight::Codes { view } else { view.of_status() }, sight))
    }

    /// The customer's orders on this site, newest first, from `before` on.
    pub async fn page(
        &self,
        scope: &SiteScope,
        customer: CustomerId,
        before: Option<OrderId>,
    ) -> Result<OrderPage, OrderError> {
        let tx = self.store.read(scope).await?;
        let mut orders = repo::page_in(&tx, customer, before, PAGE + 1).await?;
        let is_more = orders.len() as u64 > PAGE;
        orders.truncate(PAGE as usize);
        let next = is_more.then(|| orders.last().map(|(order, _)| order.id)).flatten();
        Ok(OrderPage { orders, next })
    }

    /// The latest orders that the browser with this visitor token placed here.
    pub async fn of_visitor(&self, scope: &SiteScope, visitor: &[u8]) -> Result<OrderPage, OrderError> {
        let tx = self.store.read(scope).await?;
        let orders = repo::orders_by_in(&tx, (repo::By::Visitor, None), visitor, PAGE).await?;
        Ok(OrderPage { orders, next: None })
    }

    /// Shows the codes of an order to whom `proof` allows it. The view is logged before a code is opened; without the
    /// log there is no code.
    pub async fn reveal(
        &self,
        scope: &SiteScope,
        (proof, device): (&Proof, &Device),
        id: OrderId,
    ) -> Result<(OrderView, Vec<Revealed>), OrderError> {
        // Whoever may not look does not get as far as a transaction that writes.
        if self.view(scope, proof, id).await?.1 != Sight::Codes {
            return Err(OrderError::NotFound);
        }
        let tx = self.store.write(scope).await?;
        let (view, buyer) = repo::view_in(&tx, id).await?.ok_or(OrderError::NotFound)?;
        if proof.sight(&buyer) != Some(Sight::Codes) {
            return Err(OrderError::NotFound);
        }
        let actor = proof.actor(&buyer);
        let mut revealed = Vec::new();
        // What is refunded is void. Cards are with the buyer as soon as a part of the order is.
        let lines = if view.order.has_deliveries() { view.lines.as_slice() } else { &[] };
        for line in lines {
            let (places, cards): (Vec<u32>, Vec<CardId>) = line.live().unzip();
            if cards.is_empty() {
                continue;
            }
            repo::log_reveal_in(&tx, &view.order, line.number, (&actor, device)).await?;
            let codes = match line.is_shared {
                true => self.inventory.reveal_shared_in(&tx, &cards).await?,
                false => self.inventory.reveal_in(&tx, id.uuid(), &cards).await?,
            };
            revealed.push(Revealed { line: line.number, codes: places.into_iter().zip(codes).collect() });
        }
        if revealed.is_empty() {
            return Err(OrderError::NothingToShow);
        }
        tx.commit().await?;
        Ok((view, revealed))
    }

    /// How often codes of the order were looked at.
    pub async fn reveals_in(&self, tx: &impl Tx, order: OrderId) -> Result<u64, OrderError> {
        Ok(repo::reveals_in(tx, order).await?)
    }

    /// The intent that an order is paid by.
    pub const fn intent_of(order: OrderId) -> IntentId {
        IntentId::from_uuid(order.uuid())
    }
}

impl Proof {
    /// How much of the order of this buyer may be seen.
    pub(crate) fn sight(&self, (customer, contact): &repo::KnownBuyer) -> Option<Sight> {
        let is_account = self.customer.is_some() && self.customer == *customer;
        let Some(contact) = contact else { return is_account.then_some(Sight::Codes) };
        let is_visitor = is_same(self.visitor.as_deref(), contact.visitor.as_deref());
        let query_key = self.query_key.as_deref().map(kept_key);
        let has_password = is_same(query_key.as_deref(), contact.query_key.as_deref());
        if is_account || is_visitor || has_password {
            return Some(Sight::Codes);
        }
        let link = self.link.as_ref().map(|link| link.as_str().as_bytes());
        is_same(link, Some(contact.link.as_bytes())).then_some(Sight::Status)
    }

    /// Who looks, for the log.
    fn actor(&self, (customer, contact): &repo::KnownBuyer) -> String {
        let visitor = contact.as_ref().and_then(|contact| contact.visitor.as_deref());
        match (self.customer, &self.visitor) {
            (Some(account), _) if Some(account) == *customer => account.to_string(),
            (_, Some(own)) if Some(own.as_slice()) == visitor => format!("visitor:{}", hex(&own[..8.min(own.len())])),
            _ => "query_password".to_owned(),
        }
    }
}

/// Whether both are there and equal, in time that does not tell where they differ.
fn is_same(given: Option<&[u8]>, kept: Option<&[u8]>) -> bool {
    use subtle::ConstantTimeEq;
    given.zip(kept).is_some_and(|(given, kept)| bool::from(given.ct_eq(kept)))
}
