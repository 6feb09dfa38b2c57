//! The people of a world: who buys, works and refunds, and what they do next.

use std::sync::Arc;

use catalog::GoodsKind;
use chrono::TimeDelta;
use identity::CustomerId;
use kernel::Money;
use ledger::{Account, AccountKind};
use order::{
    Brought, Buyer, ChannelPay, Expire, Fulfil, FulfilAct, FulfilRefusal, FulfilState, Fulfilled, LinePart, LineRef,
    LineWish, LinkToken, OrderId, Pay, Place, PlaceAnswer, Placed, RefundAsked, RefundOf, RefundOrder, RefundRefusal,
    RefundTo, RefundWish, ReplaceCodes, ReplaceOf, ReplaceRefusal, ReplaceWish, Replaced, StoredOrder, Wanted,
};
use payment::{OpenTopUp, TopUpOpened};
use risk::Limits;
use serde::de::DeserializeOwned;
use settlement::Released;

use crate::act::{Act, Ask, Asker, Grant};
use crate::agenda::Event;
use crate::dice::Dice;
use crate::touched::Finding;
use crate::world::{SECOND, World};

/// What is far below this is filled up.
const WALLET_LOW: i64 = 20_000;
const PREPAID_LOW: i64 = 200_000;
/// Cards of a SKU below which more come.
const STOCK_LOW: i64 = 600;

/// Orders that one round of the sweeper ends.
const SWEPT_MAX: usize = 1_000;

/// Reads an answer as its caller does.
pub(crate) fn read<T: DeserializeOwned>(answer: &str) -> T {
    serde_json::from_str(answer).expect("an answer reads back")
}

/// An order without bounds for its buyer: other tests look at those.
fn no_limits() -> Limits {
    Limits {
        open_orders_per_visitor: u32::MAX,
        open_orders_per_contact: u32::MAX,
        open_orders_per_address: u32::MAX,
        orders_per_account_and_day: u32::MAX,
        ..Limits::default()
    }
}

impl World {
    /// The first cards and the first money.
    pub fn furnish(&mut self) {
        for tenant in 0..self.databases.len() {
            for place in 0..self.databases[tenant].layout.goods.len() {
                let goods = self.databases[tenant].layout.goods[place].clone();
                match goods.kind {
                    GoodsKind::Card => self.add_cards(tenant, place, if goods.is_scarce { 20 } else { 1_000 }),
                    GoodsKind::Shared => {
                        let cards = [self.dice.name(), self.dice.name(), self.dice.name()];
                        let cards = cards.into_iter().map(inventory::CardId::from_uuid);
                        self.databases[tenant].stock_shared(goods.sku, cards);
                    }
                    GoodsKind::Manual => {}
                }
            }
            self.fill_purses(tenant);
            self.agenda.plan(self.clock + 30 * SECOND, Event::Sweep { tenant });
            self.agenda.plan(self.clock + 60 * SECOND, Event::Settle { tenant });
        }
    }

    /// Whoever has little gets more; some stay poor.
    fn fill_purses(&mut self, tenant: usize) {
        let database = &self.databases[tenant];
        let currency = database.layout.currency;
        let customers = database.layout.customers.iter().enumerate();
        let low = |place: usize| if place.is_multiple_of(3) { WALLET_LOW / 8 } else { WALLET_LOW };
        let wallets = customers.map(|(place, customer)| (AccountKind::Wallet, customer.uuid(), low(place)));
        let sites = database.layout.sites.iter().filter(|site| site.has_prepaid);
        let prepaid = sites.map(|site| (AccountKind::SitePrepaid, site.id.uuid(), PREPAID_LOW));
        let low: Vec<(Account, i64)> = wallets
            .chain(prepaid)
            .map(|(kind, owner, low)| (Account::of(kind, owner, currency), low))
            .filter(|(account, low)| database.balance(account) < *low)
            .collect();
        for (to, low) in low {
            let (name, amount) = (self.dice.name(), Money::new(3 * low, currency));
            self.ask_for(tenant, Act::Grant(Grant { name, to, amount }), Asker::Message);
        }
    }

    /// More cards where they run out; where they are scarce, a few now and then.
    pub fn restock(&mut self) {
        for tenant in 0..self.databases.len() {
            for place in 0..self.databases[tenant].layout.goods.len() {
                let goods = self.databases[tenant].layout.goods[place].clone();
                let is_low = self.databases[tenant].available(goods.sku) < STOCK_LOW;
                if goods.kind != GoodsKind::Card || !is_low {
                    continue;
                }
                match goods.is_scarce {
                    true => self.add_cards(tenant, place, 12),
                    false => self.add_cards(tenant, place, 1_500),
                }
            }
            self.fill_purses(tenant);
        }
    }

    /// Some buyers come at once.
    pub fn visit(&mut self) {
        let tenant = self.dice.place(self.databases.len());
        // Some press often, and on several nodes at once.
        let hasty = self.dice.is_hit(200).then(|| *self.dice.pick(&self.databases[tenant].layout.customers));
        for _ in 0..self.dice.between(1, 12) {
            match (hasty, self.dice.throw() % 1_000) {
                (None, 0..25) => self.top_up(tenant),
                _ => self.buy(tenant, hasty),
            }
        }
    }

    fn top_up(&mut self, tenant: usize) {
        let layout = &self.databases[tenant].layout;
        let (customer, site) = (*self.dice.pick(&layout.customers), self.dice.pick(&layout.sites).id);
        let channel = self.dice.pick(&layout.channels).id;
        let minor = i64::try_from(self.dice.between(50, 6_000)).expect("a small amount");
        let amount = Money::new(minor, layout.currency);
        let ids = TopUpOpened { intent: payment::IntentId::from_uuid(self.dice.name()), out_no: self.dice.out_no() };
        let (key, return_url) = (self.dice.hex32(), String::new());
        let act = OpenTopUp { key, customer, site, amount, channel, return_url, ids };
        self.ask_for(tenant, Act::TopUp(act), Asker::Person);
    }

    fn buy(&mut self, tenant: usize, hasty: Option<CustomerId>) {
        let dice = &mut self.dice;
        let layout = &self.databases[tenant].layout;
        let count = layout.sites.len();
        // The last site is too deep to sell: few come there.
        let site = if dice.is_hit(5) { &layout.sites[count - 1] } else { &layout.sites[dice.place(count - 1)] };
        let customer = hasty.unwrap_or_else(|| *dice.pick(&layout.customers));
        let is_endless = dice.is_hit(if self.sells_endless { 930 } else { 100 });
        let lines = (0..[1, 1, 1, 1, 1, 1, 1, 2, 2, 3][dice.place(10)])
            .map(|_| {
                let goods = match dice.throw() % 100 {
                    any if is_endless => 6 + usize::from(any < 20),
                    0..8 => 3,
                    8..14 => 5,
                    14..20 => 6,
                    20..25 => 7,
                    other => [0, 1, 2, 4][usize::try_from(other % 4).expect("one of four")],
                };
                let most = if dice.is_hit(50) { 10 } else { 7 };
                let quantity = [1, 1, 1, 1, 2, 2, 3, 5, 15, 25][dice.place(most)];
                // Who has seen a price of long ago is asked again.
                let minor = if dice.is_hit(20) { 5 } else { 1_000_000 };
                Wanted::new(layout.goods[goods].sku, quantity, Money::new(minor, layout.currency))
            })
            .collect();
        let (buyer, pay) = if hasty.is_some() || dice.is_hit(560) {
            (Buyer::account(customer), Pay::Wallet)
        } else {
            let buyer = match dice.is_hit(500) {
                true => Buyer::account(customer),
                false => Buyer { customer: None, visitor: Some(dice.throw().to_be_bytes().to_vec()), ..nobody() },
            };
            // Some name a channel that is not theirs.
            let channels = &site.channels;
            let channel = if dice.is_hit(5) { dice.pick(&layout.channels).id } else { *dice.pick(channels) };
            let hold_for = TimeDelta::minutes(i64::try_from(dice.between(5, 15)).expect("minutes"));
            let link = LinkToken::parse(&dice.hex32()).expect("32 digits");
            (
                buyer,
                Pay::Channel(ChannelPay { channel, out_no: dice.out_no(), return_url: String::new(), link, hold_for }),
            )
        };
        // Of every four buyers one was brought by an agent.
        let key = dice.throw();
        let brought = if key.is_multiple_of(4) { Brought::Link(layout.referral(site)) } else { Brought::Nobody };
        let place = Place {
            chain: site.chain.clone(),
            currency: layout.currency,
            buyer,
            lines,
            pay,
            limits: no_limits(),
            brought,
            key: format!("{key:016x}"),
            order: OrderId::from_uuid(dice.name()),
        };
        self.ask_for(tenant, Act::Place(Box::new(place)), Asker::Person);
    }

    /// What follows from an answer; `is_first` unless somebody was told it before.
    pub fn follow(&mut self, ask: &Ask, answer: &str, is_first: bool) -> Result<(), Finding> {
        match &*ask.act {
            Act::Place(place) if is_first => self.placed(ask, place, read(answer)),
            Act::TopUp(top_up) if is_first => {
                if let Ok(TopUpOpened { out_no, .. }) = read::<Result<TopUpOpened, payment::Refusal>>(answer) {
                    let end = self.clock + 900 * SECOND;
                    self.plan_payment(ask.tenant, (out_no, top_up.channel), end);
                }
            }
            Act::Fulfil(fulfil) if is_first => self.worked(ask.tenant, fulfil.at, &read(answer)),
            Act::Refund(refund) if is_first => {
                let asked: Result<RefundAsked, RefundRefusal> = read(answer);
                self.totals.refunds += u64::from(asked.is_ok());
                if asked.is_ok() && !self.databases[ask.tenant].orders.contains_key(&refund.order) {
                    return Err(format!("order {} was refunded by another tenant", refund.order));
                }
            }
            Act::Replace(_) if is_first => {
                let replaced: Result<Vec<Replaced>, ReplaceRefusal> = read(answer);
                self.totals.replaced += replaced.map_or(0, |replaced| replaced.len() as u64);
            }
            Act::Release(_) if is_first => self.totals.released += read::<Released>(answer).earners,
            Act::Expire(_) if answer != "\"not_due\"" => self.totals.expired += 1,
            Act::Receive(receive) => self.received(ask, receive, &read(answer)),
            Act::Move(moved) => {
                if let Asker::Refunder(id) = ask.asker {
                    self.refund_moved((ask.tenant, id), moved, &read(answer));
                }
            }
            Act::Attempt(attempt) if is_first && read::<Result<payment::OutNo, payment::Refusal>>(answer).is_ok() => {
                let end = self.clock + 300 * SECOND;
                self.plan_payment(ask.tenant, (attempt.out_no, attempt.channel), end);
            }
            _ => {}
        }
        Ok(())
    }

    fn placed(&mut self, ask: &Ask, place: &Place, answer: PlaceAnswer) {
        // The same key for something else, and the same once more under another id.
        if !self.is_calm && self.dice.is_hit(10) {
            let mut again = place.clone();
            again.order = OrderId::from_uuid(self.dice.name());
            let is_cheat = self.dice.is_hit(500);
            if is_cheat {
                again.lines[0].quantity += 1;
            }
            let asker = if is_cheat { Asker::Cheat } else { Asker::Person };
            self.ask(Ask { act: Arc::new(Act::Place(Box::new(again))), asker, ..*ask });
        }
        let tenant = ask.tenant;
        let Ok(Placed { order, due, .. }) = answer else {
            self.totals.refusals += 1;
            return;
        };
        self.totals.orders += 1;
        match (due, &place.pay) {
            (Some(due), Pay::Channel(pay)) => {
                self.totals.by_channel += 1;
                let end = self.clock + pay.hold_for.num_microseconds().unwrap_or(0);
                self.plan_payment(tenant, (due.out_no, pay.channel), end);
            }
            _ => self.delivered(tenant, order),
        }
    }

    /// An order is paid: somebody works on it, somebody may regret it.
    pub fn delivered(&mut self, tenant: usize, id: OrderId) {
        let Some(order) = self.databases[tenant].orders.get(&id) else { return };
        let manual: Vec<i32> = order.lines().filter(|line| line.is_manual).map(|line| line.number).collect();
        for line in manual {
            let at = self.later(1, 60);
            self.agenda.plan(at, Event::Work { tenant, line: LineRef { order: id, line } });
        }
        if !self.is_calm && self.dice.is_hit(25) {
            // Some give the wrong tenant's number, some press twice, some give back part after part.
            let tenant = if self.dice.is_hit(50) { 1 - tenant } else { tenant };
            for _ in 0..[1, 1, 1, 2, 2, 5][self.dice.place(6)] {
                let at = self.later(1, 600);
                self.agenda.plan(at, Event::GiveBack { tenant, order: id });
            }
        }
        if !self.is_calm && self.dice.is_hit(40) {
            let tenant = if self.dice.is_hit(50) { 1 - tenant } else { tenant };
            for _ in 0..[1, 1, 2, 3][self.dice.place(4)] {
                let at = self.later(1, 600);
                self.agenda.plan(at, Event::Replace { tenant, order: id });
            }
        }
    }

    /// An operator replaces codes of a line; some of it cannot be.
    pub fn replace_codes(&mut self, tenant: usize, order: OrderId) {
        let by = *self.dice.pick(&self.databases[tenant].layout.operators);
        let of = ReplaceOf { reason: "it does not work".to_owned(), by };
        let line = [1, 1, 1, 2, 3][self.dice.place(5)];
        let piece = |dice: &mut Dice| [1, 1, 1, 2, 5][dice.place(5)];
        let pieces = (0..[1, 1, 1, 2, 4][self.dice.place(5)]).map(|_| piece(&mut self.dice)).collect();
        let known = self.databases[tenant].orders.get(&order);
        let sku = known.and_then(|order| Some(order.lines().find(|own| own.number == line)?.sku));
        let (wish, key) = (ReplaceWish { line, pieces }, self.dice.hex32());
        self.ask_for(tenant, Act::Replace(ReplaceCodes { order, wish, sku, of, key }), Asker::Person);
    }

    /// A moment so many seconds from now.
    pub fn later(&mut self, least: u64, most: u64) -> i64 {
        self.clock + i64::try_from(self.dice.between(least, most)).expect("seconds") * SECOND
    }

    /// An operator does what he thinks right with a line.
    pub fn work_on(&mut self, tenant: usize, at: LineRef) {
        let order = self.databases[tenant].orders.get(&at.order);
        let work = order.and_then(|order| order.lines().find(|line| line.number == at.line)?.work);
        let proof = || FulfilAct::Complete { proof: "done".to_owned() };
        let act = match (work, self.is_calm, self.dice.throw() % 10) {
            (Some(FulfilState::Taken), true, 0..5) | (Some(FulfilState::Failed), true, _) => FulfilAct::Retry,
            (Some(FulfilState::Taken), true, _) => proof(),
            (_, true, _) | (_, false, 0..4) => FulfilAct::Take,
            (_, false, 4..8) => proof(),
            (_, false, 8) => FulfilAct::Fail { reason: "no".to_owned() },
            (_, false, _) => FulfilAct::Retry,
        };
        let by = *self.dice.pick(&self.databases[tenant].layout.operators);
        let key = self.dice.hex32();
        self.ask_for(tenant, Act::Fulfil(Fulfil { at, act, by, key }), Asker::Person);
    }

    fn worked(&mut self, tenant: usize, line: LineRef, answer: &Result<Fulfilled, FulfilRefusal>) {
        let is_over = match answer {
            Ok(Fulfilled { state, .. }) | Err(FulfilRefusal::State { state }) => {
                matches!(state, FulfilState::Done | FulfilState::Cancelled)
            }
            Err(FulfilRefusal::Taken { .. }) => false,
            Err(_) => true,
        };
        if !is_over {
            let at = self.later(1, 100);
            self.agenda.plan(at, Event::Work { tenant, line });
        }
    }

    /// An operator refunds an order, or a part of it.
    pub fn give_back(&mut self, tenant: usize, order: OrderId) {
        let by = *self.dice.pick(&self.databases[tenant].layout.operators);
        let of = RefundOf { reason: "asked for".to_owned(), by };
        let key = self.dice.hex32();
        let wish = self.wish_of(tenant, order);
        let known = self.databases[tenant].orders.get(&order).filter(|_| wish.to == RefundTo::Wallet);
        let buyer = known.and_then(|order| Some((order.customer()?, order.total().currency())));
        self.ask_for(tenant, Act::Refund(RefundOrder { order, wish, buyer, of, key }), Asker::Person);
    }

    /// All of it, or so much of some of its lines; some of that cannot be.
    fn wish_of(&mut self, tenant: usize, id: OrderId) -> RefundWish {
        let layout = &self.databases[tenant].layout;
        let order = self.databases[tenant].orders.get(&id).filter(|_| self.dice.is_hit(500));
        let to = if self.dice.is_hit(200) { RefundTo::Wallet } else { RefundTo::Source };
        let mut lines = Vec::new();
        for line in order.into_iter().flat_map(StoredOrder::lines) {
            let price = line.hops.last().map_or(0, |hop| hop.price.minor()) * i64::from(line.quantity);
            let part = match self.dice.throw() % 8 {
                0 | 1 => LinePart::Rest,
                2..5 => {
                    let minor = self.dice.between(1, price.unsigned_abs().max(1));
                    LinePart::Amount(Money::new(i64::try_from(minor).expect("an amount"), layout.currency))
                }
                5 | 6 => LinePart::Pieces([u32::try_from(self.dice.between(1, 5)).expect("a place")].into()),
                _ => continue,
            };
            lines.push(LineWish { line: line.number, part });
        }
        RefundWish { lines, to }
    }

    /// Ends what is over, and has somebody decide what waits for a word; `false` if there was nothing.
    pub fn sweep(&mut self, tenant: usize) -> bool {
        let due = self.databases[tenant].due(SWEPT_MAX);
        for order in &due {
            let key = self.dice.hex32();
            self.ask_for(tenant, Act::Expire(Expire { order: *order, key }), Asker::Job);
        }
        let undecided: Vec<_> = self.databases[tenant].undecided.iter().copied().collect();
        for refund in &undecided {
            let at = self.later(1, 30);
            self.agenda.plan(at, Event::Decide { tenant, refund: *refund });
        }
        !due.is_empty() || !undecided.is_empty() || !self.databases[tenant].holds.is_empty()
    }
}

const fn nobody() -> Buyer {
    Buyer { customer: None, visitor: None, contact: None, query_key: None, address: None }
}
