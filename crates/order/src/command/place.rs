//! Buying: placed, paid and delivered in one batch with wallet money, or placed and held for a channel's money.

use std::collections::BTreeMap;
use std::sync::Arc;

use catalog::{
    Code, FIELD_CHARS_MAX, FIELDS_MAX, FieldFault, FieldFaultKind, GoodsId, QUANTITY_MAX, Quote, SkuId, Subject,
};
use chrono::{DateTime, TimeDelta, Utc};
use commission::PlanVersion;
use commission::rules::{Share, SoldTo, cascade};
use inventory::{Picks, Taking};
use kernel::{Currency, Money, SiteId};
use lane::{Command, CommandKey, Parts};
use ledger::{Account, AccountKind, Book, Entry, LedgerError, Side};
use payment::{ChannelState, Intent, IntentId, IntentState, OutNo, Purpose, Till};
use risk::Limits;
use serde::{Deserialize, Serialize};
use settlement::rules::Payday;
use settlement::{Term, Terms};
use sha2::{Digest, Sha256};

use super::hold::make_room;
use super::{Chain, LINES_MAX, Refusal};
use crate::desk::{Desk, NewOrder, NewReferral, PricedLine};
use crate::machine::{OrderEvent, States, step};
use crate::model::{Brought, Buyer, ChannelPay, Method, OrderId, Pay, Wanted};
use crate::sale::{self, Collection, DEPTH_MAX, FrozenCommission, SaleError, SoldLine};
use crate::tally;

/// The shortest and the longest time that goods are held for.
pub(crate) const HOLD_MINUTES: std::ops::RangeInclusive<i64> = 5..=60;

/// How long goods are held if the site says nothing else.
pub const HOLD_DEFAULT: TimeDelta = TimeDelta::minutes(15);
/// What happens to a new order that is paid from a wallet and delivered from stock.
const SOLD_AT_ONCE: &[OrderEvent] = &[OrderEvent::Paid, OrderEvent::Delivered];
/// The same if a person has still to do a part of it, or all of it.
const SOLD_IN_PART: &[OrderEvent] = &[OrderEvent::Paid, OrderEvent::PartDelivered];
const PAID_ONLY: &[OrderEvent] = &[OrderEvent::Paid];
/// What is shown of a key that is too long.
const KEY_CHARS_SHOWN: usize = 40;
/// What happens to a new order whose money comes by a channel.
const WAITING: &[OrderEvent] = &[OrderEvent::PaymentStarted];

/// Buys goods from stock, or refuses without having changed anything.
#[derive(Debug, Clone)]
pub struct Place {
    /// The selling site's chain.
    pub chain: Chain,
    /// The tenant's currency.
    pub currency: Currency,
    /// Who buys.
    pub buyer: Buyer,
    /// What.
    pub lines: Vec<Wanted>,
    /// How it is paid.
    pub pay: Pay,
    /// What the selling site allows.
    pub limits: Limits,
    /// Who brought the buyer.
    pub brought: Brought,
    /// The caller's key: the same one is the same order.
    pub key: String,
    /// The id the order gets, chosen before, so that a retry inside the lane makes the same one.
    pub order: OrderId,
}

/// An order that was placed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placed {
    /// Its id.
    pub order: OrderId,
    /// What it costs.
    pub total: Money,
    /// What is still to be paid, and how; none if it is paid.
    #[serde(default)]
    pub due: Option<Due>,
}

/// A payment that an order waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Due {
    /// The first attempt.
    pub out_no: OutNo,
    /// The word of the order's page.
    pub link: String,
    /// Until when.
    pub expires_at: DateTime<Utc>,
}

/// What a [`Place`] is answered.
pub type PlaceAnswer = Result<Placed, Refusal>;

/// What a purchase takes and posts, once nothing refuses it any more.
struct Deal {
    lines: Vec<PricedLine>,
    total: Money,
    collection: Collection,
    /// What the seller's prepaid account holds until delivery.
    held: Money,
}

impl Place {
    fn seller(&self) -> SiteId {
        self.chain.last().expect("a chain has at least the main site").site
    }

    /// How long the goods must stay good: what is held is sold later.
    const fn lasting(&self) -> TimeDelta {
        match &self.pay {
            Pay::Wallet => TimeDelta::zero(),
            Pay::Channel(pay) => pay.hold_for,
        }
    }

    fn main_site(&self) -> SiteId {
        self.chain.first().expect("a chain has at least the main site").site
    }

    fn subject(&self) -> Subject {
        Subject { buyer: self.buyer.customer.map(|customer| customer.uuid()), level: None }
    }

    /// Refuses what can never be a good order, before it reaches a queue.
    pub(crate) fn check_size(&self) -> Result<(), Refusal> {
        let is_sized = (1..=LINES_MAX).contains(&self.lines.len());
        if !is_sized || self.lines.iter().any(|line| line.quantity == 0) {
            return Err(Refusal::Empty);
        }
        match self.lines.iter().find(|line| line.quantity > QUANTITY_MAX) {
            Some(line) => Err(Refusal::TooMany { sku: line.sku, most: QUANTITY_MAX }),
            None => self.check_forms(),
        }
    }

    /// Refuses a form that is larger than any could ask for; what it should say is known in the lane only.
    fn check_forms(&self) -> Result<(), Refusal> {
        for (line, wanted) in (1..).zip(&self.lines) {
            let is_long = |text: &String| text.chars().count() > FIELD_CHARS_MAX as usize;
            let long = wanted.form.iter().find(|(key, value)| is_long(key) || is_long(value));
            let key = long.map(|(key, _)| key.chars().take(KEY_CHARS_SHOWN).collect());
            let fault = match key {
                Some(key) => FieldFault { key, fault: FieldFaultKind::TooLong },
                None if wanted.form.len() > FIELDS_MAX => {
                    FieldFault { key: String::new(), fault: FieldFaultKind::Unknown }
                }
                None => continue,
            };
            return Err(Refusal::Form { line, faults: vec![fault] });
        }
        Ok(())
    }

    /// Prices every line, or says which one cannot be sold. The most that an order may have of a SKU counts over all
    /// of its lines.
    fn price(&self, desk: &Desk, now: DateTime<Utc>) -> Result<Vec<PricedLine>, Refusal> {
        self.check_size()?;
        let plan = desk.plan().map(AsRef::as_ref);
        let terms = desk.paydays().terms_at(now);
        let mut lines = Vec::with_capacity(self.lines.len());
        for (number, wanted) in (1..).zip(&self.lines) {
            let sku = wanted.sku;
            let priced = desk.quote(&self.chain, sku, &self.subject(), wanted.quantity, now);
            let (ware, quote) = priced.ok_or(Refusal::NotForSale { sku })?;
            let pieces: u64 =
                self.lines.iter().filter(|line| line.sku == sku).map(|line| u64::from(line.quantity)).sum();
            if pieces > u64::from(ware.facts.quantity_max) {
                return Err(Refusal::TooMany { sku, most: ware.facts.quantity_max });
            }
            if quote.unit.currency() != self.currency || wanted.unit.currency() != self.currency {
                return Err(Refusal::NotForSale { sku });
            }
            if quote.unit.minor() > wanted.unit.minor() {
                return Err(Refusal::PriceChanged { sku, seen: wanted.unit, now: quote.unit });
            }
            check_depth(&quote)?;
            let answers = ware.fulfilment.form.check(&wanted.form);
            let answers = answers.map_err(|faults| Refusal::Form { line: number, faults })?;
            let term = |site| self.term_of(site, ware.facts.goods, terms);
            let line = PricedLine::new(ware, quote, (wanted.quantity, answers), term);
            let mut line = line.ok_or(Refusal::TooLarge)?;
            // What the main site earns itself is known with its goods only.
            if line.hops.len() > 1 {
                line.commissions = self.commissions(&line, plan, terms);
            }
            lines.push(line);
        }
        Ok(lines)
    }

    /// What agents earn from a line once it is delivered.
    fn commissions(
        &self,
        line: &PricedLine,
        plan: Option<&PlanVersion>,
        terms: Option<&Terms>,
    ) -> Vec<FrozenCommission> {
        let Some((referral, PlanVersion { version, plan, .. })) = self.brought.referral().zip(plan) else {
            return Vec::new();
        };
        let facts = &line.ware.facts;
        let sold = SoldTo {
            sku: facts.sku,
            goods: facts.goods,
            category: facts.category,
            site_level: self.seller_level(),
            sites_between: sale::depth(&line.quote),
            price: line.total,
            margin: line.margin(),
            face_value: facts.face_value,
            quantity: line.quantity,
            buyer: self.buyer.customer,
        };
        let earned = cascade(plan, &sold, &referral.chain).into_iter().filter(|share| share.amount.minor() > 0);
        let level_of = |agent| referral.chain.iter().find(|referrer| referrer.agent == agent)?.level.as_ref();
        let term = |agent| {
            let level: Option<&Code> = level_of(agent);
            terms.map_or(Term::USUAL, |terms| terms.of(facts.goods, Side::Agent, level.map(Code::as_str)))
        };
        let frozen = |share: Share<'_>| FrozenCommission {
            agent: share.agent,
            tier: share.tier,
            amount: share.amount,
            rule: format!("{}@{version}", share.rule.map_or("", |rule| rule.target.word())),
            term: term(share.agent),
        };
        earned.map(frozen).collect()
    }

    /// When what a site of the chain earns from these goods is settled.
    fn term_of(&self, site: SiteId, goods: GoodsId, terms: Option<&Terms>) -> Term {
        let level = self.chain.iter().find(|place| place.site == site).and_then(|place| place.level.as_deref());
        terms.map_or(Term::USUAL, |terms| terms.of(goods, Side::Site, level))
    }

    fn seller_level(&self) -> Option<&str> {
        self.chain.last().and_then(|place| place.level.as_deref())
    }

    /// Who brought the buyer, to be kept with the order.
    fn new_referral(&self, desk: &Desk) -> Option<NewReferral> {
        let referral = self.brought.referral()?.clone();
        let (plan, site_level) = (desk.plan().map(|plan| plan.version), self.seller_level().map(str::to_owned));
        Some(NewReferral { referral, plan, site_level })
    }

    /// Who takes the money. A channel of the selling site makes it the seller of its own right.
    fn collection(&self, till: &Till) -> Result<Collection, Refusal> {
        let Pay::Channel(pay) = &self.pay else { return Ok(Collection::Central) };
        let channel = till.channel(pay.channel).ok_or(Refusal::ChannelClosed)?;
        let is_open = channel.state == ChannelState::Active && channel.currency == self.currency;
        let collection = match channel.site {
            site if site == self.main_site() => Collection::CentralHeld,
            site if site == self.seller() => Collection::Own,
            _ => return Err(Refusal::ChannelClosed),
        };
        if is_open { Ok(collection) } else { Err(Refusal::ChannelClosed) }
    }

    fn deal(&self, parts: &mut Parts, now: DateTime<Utc>) -> Result<Deal, Refusal> {
        if self.pay == Pay::Wallet && self.buyer.customer.is_none() {
            return Err(Refusal::NoWallet);
        }
        let collection = self.collection(parts.part::<Till>())?;
        let lines = self.price(parts.part::<Desk>(), now)?;
        let total = lines.iter().try_fold(Money::zero(self.currency), |sum, line| sum.plus(line.total));
        let total = total.map_err(|_| Refusal::TooLarge)?;
        if total.minor() == 0 && self.pay != Pay::Wallet {
            return Err(Refusal::NothingToPay);
        }
        // What is delivered later is covered from now on; what is delivered at once pays its loss then.
        let is_later = |line: &PricedLine| collection != Collection::Central || line.is_manual();
        let later: Vec<SoldLine<'_>> = (1..)
            .zip(&lines)
            .filter(|(_, line)| is_later(line))
            .map(|(number, line): (i32, &PricedLine)| line.sold(number))
            .collect();
        let held = sale::to_hold(&later, collection, self.currency).map_err(|_| Refusal::TooLarge)?;
        Ok(Deal { lines, total, collection, held })
    }

    /// Whether there is enough of everything; takes goods back from orders whose time is over.
    fn check_stock(&self, parts: &mut Parts, lines: &[PricedLine], now: DateTime<Utc>) -> Result<(), Refusal> {
        let mut stock: BTreeMap<SkuId, u32> = BTreeMap::new();
        for line in lines.iter().filter(|line| !line.is_manual()) {
            let pieces = stock.entry(line.sku()).or_default();
            *pieces = pieces.checked_add(line.quantity).ok_or(Refusal::TooLarge)?;
        }
        for (sku, wanted) in stock {
            let available = make_room(parts, (sku, wanted), (now, now + self.lasting()));
            if available < wanted {
                parts.part::<Desk>().miss();
                return Err(Refusal::OutOfStock { sku, available, wanted });
            }
        }
        Ok(())
    }

    /// Notes what leaves the stock with each line, before it is posted and taken.
    fn value(&self, picks: &Picks, lines: &mut [PricedLine], now: DateTime<Utc>) {
        let mut stocked: Vec<&mut PricedLine> = lines.iter_mut().filter(|line| !line.is_manual()).collect();
        let wanted: Vec<(SkuId, u32)> = stocked.iter().map(|line| (line.sku(), line.quantity)).collect();
        let costs = picks.costs_of_next(&wanted, now + self.lasting());
        stocked.iter_mut().zip(costs).for_each(|(line, cost)| line.cards.cost_minor = cost);
    }

    /// All entries of the purchase, in the order they are posted.
    fn entries(&self, deal: &Deal, payday: &Payday) -> Result<Vec<Entry>, SaleError> {
        let order = self.order.uuid();
        let customer = match (&self.pay, self.buyer.customer) {
            (Pay::Wallet, Some(customer)) => customer,
            (Pay::Channel(_), _) if deal.held.minor() > 0 => {
                return Ok(vec![sale::held(order, 0, self.seller(), deal.held)?]);
            }
            (Pay::Channel(_), _) => return Ok(Vec::new()),
            (Pay::Wallet, None) => unreachable!("a purchase without a wallet was refused"),
        };
        let wallet = Account::of(AccountKind::Wallet, customer.uuid(), self.currency);
        let mut entries = vec![sale::paid(order, wallet, deal.total)?];
        if deal.held.minor() > 0 {
            entries.push(sale::held(order, 0, self.seller(), deal.held)?);
        }
        for (number, line) in (1..).zip(&deal.lines).filter(|(_, line)| !line.is_manual()) {
            entries.push(sale::delivered(order, line.sold(number), deal.collection, payday)?);
        }
        Ok(entries)
    }

    /// Whether the buyer may order once more.
    fn check_limits(&self, desk: &Desk) -> Result<(), Refusal> {
        if let Pay::Channel(_) = &self.pay {
            self.limits.check_open(&desk.open_orders(self.seller(), &self.buyer)).map_err(Refusal::Limit)?;
        }
        match self.buyer.customer {
            Some(customer) => self.limits.check_day(desk.placed_today(customer)).map_err(Refusal::Limit),
            None => Ok(()),
        }
    }

    fn decide_or_refuse(&self, parts: &mut Parts, now: DateTime<Utc>) -> PlaceAnswer {
        if let Brought::Code { referral: None, .. } = self.brought {
            return Err(Refusal::AgentUnknown);
        }
        self.check_limits(parts.part::<Desk>())?;
        let mut deal = self.deal(parts, now)?;
        self.check_stock(parts, &deal.lines, now)?;
        self.value(parts.part::<Picks>(), &mut deal.lines, now);
        let desk = parts.part::<Desk>();
        let (plan, paydays) = (desk.plan().cloned(), Arc::clone(desk.paydays()));
        for line in deal.lines.iter_mut().filter(|line| line.hops.len() == 1) {
            line.commissions = self.commissions(line, plan.as_deref(), paydays.terms_at(now));
        }
        let payday = parts.part::<Desk>().payday(now);
        let entries = self.entries(&deal, &payday).map_err(|_| Refusal::TooLarge)?;
        let refusal = |error| self.money_refusal(error, &deal);
        parts.part::<Book>().post_all(entries).map_err(refusal)?;
        // From here on nothing can refuse: money is posted, the stock was counted, the states are those of a new order.
        let Deal { mut lines, total, collection, held } = deal;
        let (taking, events) = match &self.pay {
            Pay::Wallet => (Taking::Sell, sold_events(&lines)),
            Pay::Channel(_) => (Taking::Hold, WAITING),
        };
        for (number, line) in (1..).zip(&mut lines).filter(|(_, line)| !line.is_manual()) {
            let place = (self.order.uuid(), number);
            let taken = parts.part::<Picks>().take((line.sku(), line.quantity), place, taking, now + self.lasting());
            let taken = taken.expect("the stock was counted before");
            assert_eq!(taken.cost_minor, line.cards.cost_minor, "what was posted is what is taken");
            line.cards = taken;
        }
        let due = self.open_payment(parts, total, now);
        let states = events.iter().try_fold(States::NEW, |states, event| step(states, *event));
        let (method, link) = match &self.pay {
            Pay::Wallet => (Method::Wallet, None),
            Pay::Channel(pay) => (Method::Channel, Some(pay.link.clone())),
        };
        let referral = self.new_referral(parts.part::<Desk>());
        parts.part::<Desk>().add(NewOrder {
            id: self.order,
            site: self.seller(),
            buyer: self.buyer.clone(),
            method,
            link,
            total,
            collector: (collection == Collection::Own).then(|| self.seller()),
            held,
            expires_at: due.as_ref().map(|due| due.expires_at),
            states: states.expect("a new order can be paid and delivered, or wait for its payment"),
            events,
            referral,
            lines,
        });
        Ok(Placed { order: self.order, total, due })
    }

    /// The payment that the order waits for, with its first attempt.
    fn open_payment(&self, parts: &mut Parts, total: Money, now: DateTime<Utc>) -> Option<Due> {
        let Pay::Channel(pay) = &self.pay else { return None };
        let ChannelPay { channel, out_no, return_url, link, hold_for } = pay;
        let till = parts.part::<Till>();
        let channel = till.channel(*channel).expect("the channel was looked at before").clone();
        let expires_at = now + *hold_for;
        let intent = Intent {
            id: IntentId::from_uuid(self.order.uuid()),
            site: self.seller(),
            purpose: Purpose::Order,
            customer: self.buyer.customer,
            amount: total,
            state: IntentState::Open,
            return_url: return_url.clone(),
            expires_at,
            created_at: now,
        };
        till.open_attempt(intent.attempt(*out_no, &channel, now));
        till.open_intent(intent);
        Some(Due { out_no: *out_no, link: link.as_str().to_owned(), expires_at })
    }

    fn money_refusal(&self, error: LedgerError, deal: &Deal) -> Refusal {
        let losing = deal.lines.iter().find(|line| line.quote.loss.is_some());
        match (error, losing) {
            (LedgerError::Insufficient { account, available, wanted }, _) if account.kind == AccountKind::Wallet => {
                Refusal::InsufficientFunds { available, wanted }
            }
            (LedgerError::Insufficient { .. }, _) if deal.collection == Collection::Own => Refusal::ShopNotFunded,
            (LedgerError::Insufficient { .. }, Some(line)) => Refusal::LossNotCovered { sku: line.sku() },
            _ => Refusal::TooLarge,
        }
    }
}

/// What happens to an order of these lines that a wallet pays.
fn sold_events(lines: &[PricedLine]) -> &'static [OrderEvent] {
    match lines.iter().filter(|line| line.is_manual()).count() {
        0 => SOLD_AT_ONCE,
        all if all == lines.len() => PAID_ONLY,
        _ => SOLD_IN_PART,
    }
}

fn check_depth(quote: &Quote) -> Result<(), Refusal> {
    let depth = sale::depth(quote);
    if depth > DEPTH_MAX { Err(Refusal::DepthExceeded { depth, most: DEPTH_MAX }) } else { Ok(()) }
}

impl Command for Place {
    type Answer = PlaceAnswer;

    fn key(&self) -> CommandKey {
        CommandKey::request(self.buyer.actor(), &self.key)
    }

    fn actors(&self) -> Vec<u64> {
        let method = if self.pay == Pay::Wallet { Method::Wallet } else { Method::Channel };
        tally::actors(&self.buyer, method)
    }

    fn may_be_by_heart(&self) -> bool {
        self.pay == Pay::Wallet
    }

    /// A sale rests on prices (their epochs are proved), on cards (which are claimed), on a wallet (which the ledger's check
    /// guards) and on its key (which must be new). What agents earn rests on a version of the plan, which is read.
    fn holds(answer: &PlaceAnswer) -> bool {
        answer.is_ok()
    }

    fn fingerprint(&self) -> Vec<u8> {
        let mut hash = Sha256::new();
        hash.update(self.seller().uuid().as_bytes());
        // Not a link: the browser may have followed another one since.
        if let Brought::Code { code, .. } = &self.brought {
            hash.update(code.as_str().as_bytes());
        }
        if let Pay::Channel(pay) = &self.pay {
            hash.update(pay.channel.uuid().as_bytes());
        }
        for line in &self.lines {
            hash.update(line.sku.uuid().as_bytes());
            hash.update(line.quantity.to_be_bytes());
            hash.update(line.unit.minor().to_be_bytes());
            for (key, value) in &line.form {
                for text in [key, value] {
                    hash.update((text.len() as u64).to_be_bytes());
                    hash.update(text.as_bytes());
                }
            }
        }
        hash.finalize().to_vec()
    }

    fn want(&self, parts: &mut Parts) {
        let desk = parts.part::<Desk>();
        desk.want_chain(&self.chain);
        for line in &self.lines {
            parts.part::<Desk>().want_sku(line.sku);
            parts.part::<Picks>().want(line.sku, line.quantity, self.lasting());
        }
        if self.brought.referral().is_some() {
            parts.part::<Desk>().want_plan();
        }
        if let Pay::Channel(pay) = &self.pay {
            parts.part::<Till>().want_channel(pay.channel);
            parts.part::<Desk>().want_open_orders(&self.buyer);
        }
        if let Some(customer) = self.buyer.customer {
            parts.part::<Desk>().want_day(customer);
        }
        let book = parts.part::<Book>();
        if let (Pay::Wallet, Some(customer)) = (&self.pay, self.buyer.customer) {
            book.want(Account::of(AccountKind::Wallet, customer.uuid(), self.currency));
        }
        // A loss, or a purchase on the seller's own account, is covered by its prepaid money.
        book.want(Account::of(AccountKind::SitePrepaid, self.seller().uuid(), self.currency));
    }

    fn decide(&self, parts: &mut Parts, now: DateTime<Utc>) -> PlaceAnswer {
        self.decide_or_refuse(parts, now)
    }
}
