//! The room's part in the lane: prices to decide with, orders to change, rows to write.

mod simulation;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use catalog::rules::{PriceRequest, hops, resolve};
use catalog::{Answer, Epochs, GoodsKind, Prices, Quote, RuleBook, SiteLevel, SkuId, Subject, Ware};
use chrono::{DateTime, TimeDelta, Utc};
use commission::{PlanVersion, Referral};
use futures::future::BoxFuture;
use identity::CustomerId;
use inventory::{CardId, Picks, Taken};
use kernel::{Money, SiteId};
use lane::{Claimed, LaneSheaf, LaneTx, Look, Others, Part, PartError, Step};
use ledger::{Account, AccountKind, Book, Earner};
use outbox::Outbox;
use risk::OpenOrders;
use settlement::rules::Payday;
use settlement::{Paydays, SettlementError, Term};
use store::Tx;
use uuid::Uuid;

use crate::error::OrderError;
use crate::job::OrdersDelivered;
use crate::known::{KnownClaim, KnownLine, KnownOrder, KnownReplacement, News};
use crate::machine::{DeliveryState, OrderEvent, States};
use crate::model::{Buyer, LinkToken, Method, OrderId};
use crate::repo;
use crate::sale::{FrozenCommission, FrozenHop, SoldLine, frozen};
use crate::tally::Tally;

pub use simulation::{DeskNews, DeskWishes, LineRow, OrderChange, StoredOrder};

/// Expired orders that one batch takes goods back from.
const EXPIRED_MAX: u64 = 256;

/// SKUs that a desk keeps from batch to batch.
const WARES_MAX: usize = 4_096;
/// For so long: whoever writes rows by hand raises no epoch. Pages keep to the same time.
const WARES_LIFE: TimeDelta = TimeDelta::seconds(60);

/// How often a batch is decided again because another node is just ending overdue orders.
const LOOKS_MAX: u32 = 2;

/// What the batch knows of prices and orders, and what it writes of orders.
pub struct Desk {
    /// None in simulations, which never read.
    prices: Option<Prices>,
    sites: BTreeSet<SiteId>,
    skus: BTreeSet<SkuId>,
    rules: RuleBook,
    /// The price epoch and the sites that `rules` was read for.
    rules_of: Option<(i64, BTreeSet<SiteId>)>,
    wares: HashMap<SkuId, Ware>,
    /// The catalogue's epoch that `wares` are of, and since when they are kept.
    wares_of: Option<(i64, DateTime<Utc>)>,
    /// The epochs that this batch has not read, and by which its prices are good.
    to_prove: Option<Epochs>,
    /// When what is earned is settled, with the epoch it was read at and when.
    paydays: Arc<Paydays>,
    paydays_of: Option<(i64, DateTime<Utc>)>,
    /// A command delivers something.
    wants_paydays: bool,
    /// A command asks what agents earn.
    wants_plan: bool,
    /// What they earn.
    plan: Option<Arc<PlanVersion>>,
    new: Vec<NewOrder>,
    wanted: BTreeSet<OrderId>,
    /// Those whose claims are asked for, too.
    wanted_claims: BTreeSet<OrderId>,
    /// Those whose replaced cards are asked for.
    wanted_replacements: BTreeSet<OrderId>,
    known: BTreeMap<OrderId, KnownOrder>,
    tally: Tally,
    /// Which run of the batch this is, from 0.
    attempt: u32,
    /// Another node is just ending overdue orders, whose goods are free in a moment.
    has_missed: bool,
    /// A command would have needed them.
    looks_again: bool,
}

/// A line with its price.
pub(crate) struct PricedLine {
    pub ware: Ware,
    pub quote: Quote,
    pub hops: Vec<FrozenHop>,
    pub quantity: u32,
    pub total: Money,
    pub cards: Taken,
    /// What agents earn from it.
    pub commissions: Vec<FrozenCommission>,
    /// What the buyer filled in.
    pub answers: Vec<Answer>,
}

/// Who brought the buyer of a new order, and what the plan was asked with.
pub(crate) struct NewReferral {
    pub referral: Referral,
    /// The version that was in force; none if the tenant has no plan.
    pub plan: Option<i64>,
    pub site_level: Option<String>,
}

/// An order that was decided and is to be written.
pub(crate) struct NewOrder {
    pub id: OrderId,
    pub site: SiteId,
    pub buyer: Buyer,
    pub method: Method,
    /// The word of its page, if it has one.
    pub link: Option<LinkToken>,
    pub total: Money,
    pub collector: Option<SiteId>,
    pub held: Money,
    /// Until when it is to be paid; none if it was paid at once.
    pub expires_at: Option<DateTime<Utc>>,
    pub states: States,
    pub events: &'static [OrderEvent],
    pub referral: Option<NewReferral>,
    pub lines: Vec<PricedLine>,
}

impl PricedLine {
    pub fn new(
        ware: &Ware,
        quote: Quote,
        (quantity, answers): (u32, Vec<Answer>),
        term: impl Fn(SiteId) -> Term,
    ) -> Option<Self> {
        let total = quote.unit.times(quantity).ok()?;
        let hops = frozen(&quote, term);
        let (cards, commissions) = (Taken::default(), Vec::new());
        Some(Self { ware: ware.clone(), quote, hops, quantity, total, cards, commissions, answers })
    }

    pub const fn sku(&self) -> SkuId {
        self.ware.facts.sku
    }

    pub fn sold(&self, number: i32) -> SoldLine<'_> {
        let cost_of_goods = Money::new(self.cards.cost_minor, self.total.currency());
        let (hops, commissions) = (&self.hops, &self.commissions);
        SoldLine { number, quantity: self.quantity, cost_of_goods, hops, commissions }
    }

    /// What the selling site earns from it before commissions. The main site's goods leave the stock for what they were put
    /// there for, which may be more than they cost today.
    pub fn margin(&self) -> Money {
        let seller = self.hops.last().expect("a chain has at least the main site");
        let pieces = i64::from(self.quantity);
        let margin = seller.price.minor().saturating_sub(seller.cost.minor()).saturating_mul(pieces);
        let after_goods = self.total.minor().saturating_sub(self.cards.cost_minor);
        let minor = if self.hops.len() == 1 { margin.min(after_goods) } else { margin };
        Money::new(minor, self.total.currency())
    }

    /// Whether a person fulfils it.
    pub fn is_manual(&self) -> bool {
        self.ware.kind == GoodsKind::Manual
    }

    /// How long a person has to fulfil it; none for cards.
    pub fn within_hours(&self) -> Option<u32> {
        self.is_manual().then_some(self.ware.fulfilment.within_hours)
    }
}

impl Desk {
    /// A desk that asks `prices`.
    pub fn new(prices: Prices) -> Self {
        Self { prices: Some(prices), ..Self::unasked() }
    }

    fn unasked() -> Self {
        Self {
            prices: None,
            sites: BTreeSet::new(),
            skus: BTreeSet::new(),
            rules: RuleBook::default(),
            rules_of: None,
            wares: HashMap::new(),
            wares_of: None,
            to_prove: None,
            paydays: Arc::default(),
            paydays_of: None,
            wants_paydays: false,
            wants_plan: false,
            plan: None,
            new: Vec::new(),
            wanted: BTreeSet::new(),
            wanted_claims: BTreeSet::new(),
            wanted_replacements: BTreeSet::new(),
            known: BTreeMap::new(),
            tally: Tally::default(),
            attempt: 0,
            has_missed: false,
            looks_again: false,
        }
    }

    pub(crate) fn want_chain(&mut self, chain: &[SiteLevel]) {
        self.sites.extend(chain.iter().map(|place| place.site));
    }

    pub(crate) fn want_sku(&mut self, sku: SkuId) {
        self.skus.insert(sku);
    }

    /// Asks what agents earn.
    pub(crate) const fn want_plan(&mut self) {
        self.wants_plan = true;
    }

    /// Asks when what is delivered now is settled.
    pub(crate) const fn want_paydays(&mut self) {
        self.wants_paydays = true;
    }

    /// When the tenant settles.
    pub(crate) const fn paydays(&self) -> &Arc<Paydays> {
        &self.paydays
    }

    /// When what is delivered at `now` is settled.
    pub(crate) fn payday(&self, now: DateTime<Utc>) -> Payday {
        Payday::new(Arc::clone(&self.paydays), now)
    }

    /// What agents earn by the tenant's plan, if it has one and it was asked for.
    pub(crate) fn plan(&self) -> Option<&Arc<PlanVersion>> {
        self.plan.as_ref()
    }

    /// Asks for an order that exists; its row is locked.
    pub(crate) fn want_order(&mut self, id: OrderId) {
        self.wanted.insert(id);
    }

    /// Asks for an order that exists, with what its buyer asks to have back; its row is locked.
    pub(crate) fn want_claims(&mut self, id: OrderId) {
        self.wanted.insert(id);
        self.wanted_claims.insert(id);
    }

    /// Asks for an order that exists, with the cards of it that were replaced; its row is locked.
    pub(crate) fn want_replacements(&mut self, id: OrderId) {
        self.wanted.insert(id);
        self.wanted_replacements.insert(id);
    }

    /// Asks for the unpaid orders of a buyer.
    pub(crate) fn want_open_orders(&mut self, buyer: &Buyer) {
        self.tally.want_open(buyer);
    }

    /// Asks for the orders that an account has placed today.
    pub(crate) fn want_day(&mut self, customer: CustomerId) {
        self.tally.want_day(customer);
    }

    /// The buyer's unpaid orders on the site, with those of this batch.
    pub(crate) fn open_orders(&self, site: SiteId, buyer: &Buyer) -> OpenOrders {
        self.tally.open_orders(site, buyer)
    }

    /// The orders that the account has placed today, with those of this batch.
    pub(crate) fn placed_today(&self, customer: CustomerId) -> u64 {
        self.tally.placed_today(customer)
    }

    /// The price of a SKU down the chain; none if it is not for sale there.
    pub(crate) fn quote(
        &self,
        chain: &[SiteLevel],
        sku: SkuId,
        subject: &Subject,
        quantity: u32,
        now: DateTime<Utc>,
    ) -> Option<(&Ware, Quote)> {
        let ware = self.wares.get(&sku)?;
        let hops = hops(chain, &self.rules);
        let request = PriceRequest { chain: &hops, sku: &ware.facts, subject, quantity, now };
        Some((ware, resolve(&request).ok()?))
    }

    /// What is known of a SKU on sale.
    pub(crate) fn ware(&self, sku: SkuId) -> Option<&Ware> {
        self.wares.get(&sku)
    }

    /// An order that was asked for, with what this batch has done to it.
    pub(crate) fn order(&self, id: OrderId) -> Option<&KnownOrder> {
        self.known.get(&id)
    }

    /// Puts an order back that was changed.
    pub(crate) fn put(&mut self, order: KnownOrder) {
        self.known.insert(order.id, order);
    }

    /// An order that holds pieces of `sku` and whose time is over; this batch has locked it.
    pub(crate) fn next_overdue(&self, sku: SkuId, now: DateTime<Utc>) -> Option<KnownOrder> {
        let is_over = |order: &&KnownOrder| {
            order.is_waiting() && order.is_overdue(now) && order.lines.iter().any(|line| line.sku == sku)
        };
        self.known.values().find(is_over).cloned()
    }

    /// Goods are short. If another node holds overdue orders, the batch is decided again: a moment later they are free.
    pub(crate) fn miss(&mut self) {
        self.looks_again |= self.has_missed && self.attempt < LOOKS_MAX;
    }

    pub(crate) fn add(&mut self, order: NewOrder) {
        self.tally.add(&order);
        self.new.push(order);
    }

    /// Rules change seldom: they are read again only if the tenant's price epoch moved or another chain is asked for.
    async fn read_prices(&mut self, tx: &LaneTx, look: Look) -> Result<(), PartError> {
        if self.skus.is_empty() {
            return self.read_paydays(tx, None).await;
        }
        self.to_prove = self.known_epochs(tx.now()).filter(|_| look.is_by_heart);
        if self.to_prove.is_some() {
            return Ok(());
        }
        let prices = self.prices.clone().expect("a desk that reads has prices");
        // Before the rows: what is kept is then at least as new as its epoch says.
        let epochs = prices.epochs_in(tx).await.map_err(part_error)?;
        self.read_paydays(tx, Some(epochs.prices)).await?;
        let known = self.rules_of.as_ref();
        if known.is_none_or(|(known, sites)| *known != epochs.prices || !self.sites.is_subset(sites)) {
            let mut sites = self.sites.clone();
            sites.extend(self.rules_of.take().into_iter().flat_map(|(_, sites)| sites));
            let asked: Vec<SiteId> = sites.iter().copied().collect();
            self.rules = prices.rules_in(tx, &asked).await.map_err(part_error)?;
            self.rules_of = Some((epochs.prices, sites));
        }
        let is_good = |(epoch, since)| epoch == epochs.catalogue && tx.now() - since < WARES_LIFE;
        if !self.wares_of.is_some_and(is_good) || self.wares.len() + self.skus.len() > WARES_MAX {
            self.wares.clear();
            self.wares_of = Some((epochs.catalogue, tx.now()));
        }
        let unknown: Vec<SkuId> = self.skus.iter().copied().filter(|sku| !self.wares.contains_key(sku)).collect();
        if !unknown.is_empty() {
            self.wares.extend(prices.wares_in(tx, &unknown).await.map_err(part_error)?);
        }
        Ok(())
    }

    /// When what is earned is settled is read with the prices. Whoever delivers without asking for a price takes what was read
    /// a minute ago.
    async fn read_paydays(&mut self, tx: &LaneTx, epoch: Option<i64>) -> Result<(), PartError> {
        let is_young = |(_, since): (i64, DateTime<Utc>)| tx.now() - since < WARES_LIFE;
        let epoch = match epoch {
            Some(epoch) => epoch,
            None if !self.wants_paydays || self.paydays_of.is_some_and(is_young) => return Ok(()),
            None => {
                let prices = self.prices.as_ref().expect("a desk that reads has prices");
                prices.epochs_in(tx).await.map_err(part_error)?.prices
            }
        };
        if self.paydays_of.is_none_or(|(known, _)| known != epoch) {
            self.paydays = Arc::new(settlement::paydays_in(tx).await.map_err(payday_error)?);
        }
        self.paydays_of = Some((epoch, tx.now()));
        Ok(())
    }

    /// The epochs of what is kept, if it is all that the batch needs.
    fn known_epochs(&self, now: DateTime<Utc>) -> Option<Epochs> {
        let ((prices, sites), (catalogue, since)) = (self.rules_of.as_ref()?, self.wares_of?);
        let has_all = self.sites.is_subset(sites) && self.skus.iter().all(|sku| self.wares.contains_key(sku));
        // A tenant whose catalogue never changed has no row to prove anything by.
        (has_all && catalogue > 0 && now - since < WARES_LIFE).then_some(Epochs { prices: *prices, catalogue })
    }

    /// Expired orders give their goods back to whoever comes next. Only where goods are short anything is read.
    async fn read_overdue(&mut self, tx: &LaneTx, others: &mut Others<'_>) -> Result<(), PartError> {
        let short_of = others.part::<Picks>().short_of();
        if !short_of.is_empty() {
            let overdue = repo::overdue_in(tx, short_of, EXPIRED_MAX).await?;
            let fresh: BTreeSet<OrderId> = overdue.into_iter().filter(|id| !self.known.contains_key(id)).collect();
            let orders = repo::load_in(tx, &fresh, repo::Lock::IfFree).await.map_err(order_error)?;
            self.has_missed = orders.len() < fresh.len();
            self.known.extend(orders.into_iter().map(|order| (order.id, order)));
        }
        let ending = self.known.values().filter(|order| order.may_end(tx.now())).flat_map(|order| &order.lines);
        let held: Vec<CardId> = ending.flat_map(|line| line.cards.cards.iter().copied()).collect();
        others.part::<Picks>().read_held(tx, &held).await?;
        for order in self.known.values() {
            for kind in [AccountKind::SitePrepaid, AccountKind::SitePrepaidHeld] {
                others.part::<Book>().want(Account::of(kind, order.site.uuid(), order.total.currency()));
            }
        }
        let book = others.part::<Book>();
        let earners = self.earners_of(book.wanted_subjects());
        earners.into_iter().for_each(|earner| book.want_earner(earner));
        Ok(())
    }

    /// Who may earn from these orders: also from what an earlier command of the batch delivers.
    pub fn earners_of(&self, orders: &BTreeSet<Uuid>) -> BTreeSet<Earner> {
        let known = orders.iter().filter_map(|id| self.known.get(&OrderId::from_uuid(*id)));
        known.flat_map(|order| &order.lines).flat_map(KnownLine::earners).collect()
    }

    async fn read_claims(&mut self, tx: &LaneTx) -> Result<(), OrderError> {
        let asked: Vec<Uuid> = self.wanted_claims.iter().map(|id| id.uuid()).collect();
        let (mut claims, seen) = (repo::claims_of_in(tx, &asked).await?, repo::seen_in(tx, &asked).await?);
        for id in asked {
            let Some(order) = self.known.get_mut(&OrderId::from_uuid(id)) else { continue };
            let own = claims.remove(&id).unwrap_or_default().into_iter();
            order.claims = own.map(|claim| KnownClaim { claim, news: News::None }).collect();
            order.seen = seen.iter().filter(|(of, _)| *of == id).map(|(_, line)| *line).collect();
        }
        Ok(())
    }

    async fn read_replacements(&mut self, tx: &LaneTx) -> Result<(), OrderError> {
        let asked: Vec<Uuid> = self.wanted_replacements.iter().map(|id| id.uuid()).collect();
        for (id, own) in repo::replacements_of_in(tx, &asked).await? {
            if let Some(order) = self.known.get_mut(&OrderId::from_uuid(id)) {
                order.replacements = own;
            }
        }
        Ok(())
    }

    async fn write_rows(&self, tx: &LaneTx, sheaf: &mut LaneSheaf) -> Result<(), PartError> {
        repo::insert_into(sheaf, tx.now(), &self.new);
        let changed: Vec<&KnownOrder> = self.known.values().filter(|order| !order.happened.is_empty()).collect();
        repo::change_in(tx, &changed).await?;
        let known: Vec<&KnownOrder> = self.known.values().collect();
        repo::change_returns_in(tx, &known).await?;
        repo::change_claims_in(tx, &known).await?;
        repo::add_replacements_in(tx, &known).await?;
        Ok(repo::change_work_in(tx, &known).await?)
    }

    /// The orders that this batch has delivered, or the cards of them, and the SKUs that it took cards from.
    fn delivered(&self) -> Option<OrdersDelivered> {
        // The cards of a mixed order leave the stock with the payment, long before a person has done the rest.
        let has_cards =
            |states: States| matches!(states.delivery, DeliveryState::Delivered | DeliveryState::PartDelivered);
        let new = self.new.iter().filter(|order| has_cards(order.states));
        let is_news = |order: &&KnownOrder| {
            let has = |wanted| order.happened.iter().any(|(event, _)| *event == wanted);
            has(OrderEvent::Delivered) || (has(OrderEvent::Paid) && has(OrderEvent::PartDelivered))
        };
        let changed = self.known.values().filter(is_news);
        let mut orders: Vec<OrderId> = new.clone().map(|order| order.id).collect();
        orders.extend(changed.clone().map(|order| order.id));
        let is_new = |known: &KnownReplacement| known.news == News::New;
        let renewed = self.known.values().filter(|order| order.replacements.iter().any(is_new));
        let skus = new.flat_map(|order| &order.lines).map(PricedLine::sku);
        let skus = skus.chain(changed.chain(renewed).flat_map(|order| &order.lines).map(|line| line.sku));
        let skus: BTreeSet<SkuId> = skus.collect();
        if skus.is_empty() {
            return None;
        }
        Some(OrdersDelivered { orders, skus: skus.into_iter().collect() })
    }

    fn enqueue(&self, tx: &LaneTx, sheaf: &mut LaneSheaf) -> Result<(), PartError> {
        let Some(job) = self.delivered() else { return Ok(()) };
        Outbox::default().enqueue_into(tx, sheaf, &job).map_err(|error| PartError::Broken(error.to_string()))
    }
}

impl Part for Desk {
    fn twin(&self) -> Box<dyn Part> {
        Box::new(Self { prices: self.prices.clone(), tally: self.tally.twin(), ..Self::unasked() })
    }

    fn read<'a>(&'a mut self, tx: &'a LaneTx, look: Look) -> BoxFuture<'a, Result<(), PartError>> {
        self.attempt = look.attempt;
        Box::pin(async move {
            let orders = repo::load_in(tx, &self.wanted, repo::Lock::Wait).await.map_err(order_error)?;
            self.known = orders.into_iter().map(|order| (order.id, order)).collect();
            self.read_claims(tx).await.map_err(order_error)?;
            self.read_replacements(tx).await.map_err(order_error)?;
            self.tally.read(tx).await?;
            if self.wants_plan {
                self.plan = commission::plan_in(tx, self.plan.take()).await.map_err(plan_error)?;
            }
            self.read_prices(tx, look).await
        })
    }

    fn read_more<'a>(
        &'a mut self,
        tx: &'a LaneTx,
        _look: Look,
        mut others: Others<'a>,
    ) -> BoxFuture<'a, Result<(), PartError>> {
        Box::pin(async move { self.read_overdue(tx, &mut others).await })
    }

    fn claim<'a>(
        &'a mut self,
        _tx: &'a LaneTx,
        _sheaf: &'a mut LaneSheaf,
    ) -> BoxFuture<'a, Result<Claimed, PartError>> {
        let claimed = if self.looks_again { Claimed::Short } else { Claimed::All };
        Box::pin(async move { Ok(claimed) })
    }

    fn write<'a>(
        &'a mut self,
        tx: &'a LaneTx,
        sheaf: &'a mut LaneSheaf,
        _batch: Uuid,
        step: Step,
    ) -> BoxFuture<'a, Result<(), PartError>> {
        Box::pin(async move {
            if step == Step::Rows {
                if let Some(epochs) = self.to_prove {
                    Prices::prove_into(sheaf, epochs);
                }
                self.write_rows(tx, sheaf).await?;
                self.enqueue(tx, sheaf)?;
            }
            Ok(())
        })
    }

    fn end(&mut self, is_committed: bool) {
        self.sites.clear();
        self.skus.clear();
        self.new.clear();
        self.wanted.clear();
        self.wanted_claims.clear();
        self.wanted_replacements.clear();
        self.known.clear();
        self.tally.end(is_committed);
        (self.has_missed, self.looks_again, self.to_prove) = (false, false, None);
        (self.wants_plan, self.wants_paydays) = (false, false);
        if !is_committed {
            (self.rules_of, self.wares_of, self.paydays_of) = (None, None, None);
        }
    }
}

fn part_error(error: catalog::CatalogError) -> PartError {
    match error {
        catalog::CatalogError::Store(error) => PartError::Store(error),
        other => broken(&other),
    }
}

fn plan_error(error: commission::CommissionError) -> PartError {
    match error {
        commission::CommissionError::Store(error) => PartError::Store(error),
        other => broken(&other),
    }
}

fn payday_error(error: SettlementError) -> PartError {
    match error {
        SettlementError::Store(error) => PartError::Store(error),
        other => broken(&other),
    }
}

fn order_error(error: OrderError) -> PartError {
    match error {
        OrderError::Store(error) => PartError::Store(error),
        other => broken(&other),
    }
}

fn broken(error: &dyn std::error::Error) -> PartError {
    PartError::Broken(error.to_string())
}
