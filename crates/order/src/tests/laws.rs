//! What holds for any sale and its refund, whatever was sold, how it was paid, and when it went back.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use commission::AgentId;
use kernel::{Day, SiteId};
use ledger::{Account, AccountKind, Earner, Entry, EntryKind, Posting, Purse};
use proptest::prelude::*;
use settlement::rules::{Payday, release};
use settlement::{Calendar, Paydays, Term};
use uuid::Uuid;

use super::fixture::{CNY, cents};
use crate::sale::{self, Back, BackLine, Collection, FrozenCommission, FrozenHop, Portion, SoldLine};

/// How a line is delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Goods {
    /// With the payment, out of the stock.
    Card,
    /// With the payment.
    Shared,
    /// By a person, before the refund or not at all.
    Manual { is_done: bool },
}

impl Goods {
    fn is_delivered(self) -> bool {
        self != Self::Manual { is_done: false }
    }

    fn is_manual(self) -> bool {
        matches!(self, Self::Manual { .. })
    }
}

/// A sale on its way, and the entries that it made.
struct Story<'a> {
    order: Uuid,
    seller: SiteId,
    collection: Collection,
    lines: Vec<(Goods, SoldLine<'a>)>,
    entries: Vec<Entry>,
    /// What went back of each line.
    back: HashMap<i32, i64>,
}

impl Story<'_> {
    fn account(&self, kind: AccountKind) -> Account {
        Account::of(kind, self.seller.uuid(), CNY)
    }

    fn total(&self) -> i64 {
        let one = |line: &SoldLine<'_>| line.hops.last().expect("a hop").price.minor() * i64::from(line.quantity);
        self.lines.iter().map(|(_, line)| one(line)).sum()
    }

    fn sold(&self, is_counted: impl Fn(Goods) -> bool) -> Vec<SoldLine<'_>> {
        self.lines.iter().filter(|(goods, _)| is_counted(*goods)).map(|(_, line)| *line).collect()
    }

    fn sum(&self, kind: AccountKind) -> i64 {
        let postings = self.entries.iter().flat_map(Entry::postings).filter(|posting| posting.account.kind == kind);
        postings.map(|posting| posting.amount.minor()).sum()
    }

    fn pay(&mut self) {
        let is_held = |goods: Goods| self.collection != Collection::Central || goods.is_manual();
        let held = sale::to_hold(&self.sold(is_held), self.collection, CNY).expect("an amount");
        if held.minor() > 0 {
            self.entries.push(sale::held(self.order, 0, self.seller, held).expect("posted"));
        }
        let total = cents(self.total());
        let paid = match self.collection {
            Collection::Own => {
                let clearing = self.account(AccountKind::OwnClearing);
                sale::paid_to_site(self.order, (self.seller, clearing), (held, total)).expect("posted").to_vec()
            }
            _ => vec![sale::paid(self.order, self.account(AccountKind::Wallet), total).expect("posted")],
        };
        self.entries.extend(paid);
    }

    fn deliver(&mut self) {
        for (goods, line) in self.lines.clone().into_iter().filter(|(goods, _)| goods.is_delivered()) {
            let collection = match self.collection {
                Collection::Central if goods.is_manual() => Collection::CentralHeld,
                other => other,
            };
            self.entries.push(sale::delivered(self.order, line, collection, &payday()).expect("posted"));
        }
    }

    fn earners(&self) -> BTreeSet<Earner> {
        let postings = self.entries.iter().flat_map(Entry::postings);
        postings.filter_map(|posting| Earner::of(&posting.account)).collect()
    }

    /// What an earner has by all entries.
    fn purse(&self, earner: &Earner) -> Purse {
        let mut balances: HashMap<Account, i64> = HashMap::new();
        for posting in self.entries.iter().flat_map(Entry::postings) {
            *balances.entry(posting.account).or_default() += posting.amount.minor();
        }
        let on = |account| balances.get(&account).copied().unwrap_or(0);
        let is_pending = |(account, minor): &(Account, i64)| {
            Earner::of(account).as_ref() == Some(earner) && account.due.is_some() && *minor != 0
        };
        let mut pending: Vec<(Account, i64)> = balances.clone().into_iter().filter(is_pending).collect();
        pending.sort_by_key(|(account, _)| account.due);
        let [available, locked, owed] = earner.ends().map(on);
        Purse { pending, available, locked, debt: -owed }
    }

    /// What falls due until `day` is released, and of what is available then everybody takes `quarters` out.
    fn settle(&mut self, day: Day, quarters: i64) {
        for earner in self.earners() {
            let postings = release(&earner, &self.purse(&earner), day);
            let entry = Entry::try_new(EntryKind::EarningReleased, earner.owner, &day.to_string(), postings);
            self.entries.push(entry.expect("balanced"));
            let out = earner.money(self.purse(&earner).available * quarters / 4);
            let paid_out = Account::own(AccountKind::Opening, earner.currency);
            let postings = [
                Posting { account: earner.available(), amount: earner.money(-out.minor()) },
                Posting { account: paid_out, amount: out },
            ];
            let entry = Entry::try_new(EntryKind::Adjustment, earner.owner, &format!("out:{day}"), postings);
            self.entries.push(entry.expect("balanced"));
        }
    }

    /// What was sold at, and what of that went back before.
    fn price(&self, number: i32) -> (i64, i64) {
        let (_, line) = self.lines.iter().find(|(_, line)| line.number == number).expect("a line");
        (line.total().expect("an amount").minor(), self.back.get(&number).copied().unwrap_or(0))
    }

    /// So much of each of these lines goes back, and of the last return all that is left.
    fn give_back(&mut self, number: i32, parts: &[(i32, i64, bool)]) {
        let lines: Vec<(Goods, SoldLine<'_>)> = self.lines.clone();
        let (mut deposit, mut total) = (0, 0);
        for (line, amount, is_last) in parts {
            let (goods, sold) = lines.iter().find(|(_, sold)| sold.number == *line).expect("a line");
            let before = cents(self.price(*line).1);
            let portion = Portion { before, amount: cents(*amount), is_last: *is_last };
            let back = BackLine { number, line: *sold, portion };
            if goods.is_delivered() {
                let id = sale::delivered_id(self.order, *line);
                let delivered = self.entries.iter().find(|entry| entry.id() == id);
                let purse = |earner: &Earner| Ok(self.purse(earner));
                let entry = sale::returned(self.order, back, self.collection, delivered, purse).expect("posted");
                self.entries.push(entry);
            }
            deposit += back.deposit(self.collection).expect("an amount").minor();
            total += amount;
            *self.back.entry(*line).or_default() += amount;
        }
        let back = match self.collection {
            Collection::Own => {
                Back::FromSite { site: self.seller, waiting: self.account(AccountKind::PaymentSuspense) }
            }
            _ => Back::From(self.account(AccountKind::Wallet)),
        };
        let sums = (cents(deposit), cents(total));
        self.entries.push(sale::refunded(self.order, number, back, sums).expect("posted"));
    }

    /// Parts of what was delivered go back: of each share what the parts come to together, however it was cut. Answers how many
    /// returns there were.
    fn give_parts_back(&mut self, steps: &[(prop::sample::Index, i64)]) -> Result<i32, TestCaseError> {
        let due: Vec<(Earner, i64)> =
            self.earners().iter().map(|earner| (*earner, purse_sum(&self.purse(earner)))).collect();
        let shares: Vec<Entry> =
            self.entries.iter().filter(|entry| entry.kind() == EntryKind::LineDelivered).cloned().collect();
        let delivered = self.lines.iter().filter(|(goods, _)| goods.is_delivered()).map(|(_, line)| line.number);
        let delivered: Vec<i32> = delivered.collect();
        let mut number = 0;
        for (place, thousandths) in steps.iter().filter(|_| !delivered.is_empty()) {
            let line = *place.get(&delivered);
            let (price, before) = self.price(line);
            let amount = (price - before) * thousandths / 1_001;
            if amount > 0 {
                number += 1;
                self.give_back(number, &[(line, amount, false)]);
            }
        }
        for (earner, due) in due {
            let gone = |entry: &Entry| {
                let is_its = |line: &SoldLine<'_>| sale::delivered_id(self.order, line.number) == entry.id();
                let line = self.lines.iter().find(|(_, line)| is_its(line)).expect("its line");
                let (price, back) = self.price(line.1.number);
                let own = entry.postings().iter().filter(|posting| Earner::of(&posting.account) == Some(earner));
                let own: i64 = own.map(|posting| posting.amount.minor()).sum();
                // Written out: what is looked at here is not asked.
                own * back / price
            };
            let gone: i64 = shares.iter().map(gone).sum();
            prop_assert_eq!(purse_sum(&self.purse(&earner)), due - gone, "in proportion, however it was cut");
        }
        prop_assert!(self.entries.iter().all(Entry::is_balanced));
        Ok(number)
    }

    /// Whatever is left goes back.
    fn refund(&mut self, number: i32) {
        let held = match self.collection {
            Collection::Own => 0,
            _ => self.sum(AccountKind::SitePrepaidHeld),
        };
        if held > 0 {
            self.entries.push(sale::released(self.order, 9, self.seller, cents(held)).expect("posted"));
        }
        let rest = |(_, line): &(Goods, SoldLine<'_>)| {
            let (price, before) = self.price(line.number);
            (line.number, price - before, true)
        };
        let parts: Vec<(i32, i64, bool)> = self.lines.iter().map(rest).collect();
        self.give_back(number, &parts);
    }

    /// The seller's channel has sent the buyer's money back: what the seller had held is free again.
    fn end_refund(&mut self) {
        let held = cents(self.sum(AccountKind::SitePrepaidHeld));
        if held.minor() > 0 {
            self.entries.push(sale::released(self.order, 10, self.seller, held).expect("posted"));
        }
    }

    /// What the goods that left the stock had been put there for.
    fn goods_at_cost(&self) -> i64 {
        self.lines.iter().filter(|(goods, _)| *goods == Goods::Card).map(|(_, line)| line.cost_of_goods.minor()).sum()
    }
}

/// Delivered on a Friday: the next business day is a Monday.
fn friday() -> DateTime<Utc> {
    Day::parse("2026-11-20").expect("a day").begins()
}

fn payday() -> Payday {
    Payday::new(Arc::new(Paydays { versions: Vec::new(), calendar: Calendar::default() }), friday())
}

/// Settled on the day itself, after the weekend, or in a week.
const TERMS: [Term; 3] = [Term::Days(0), Term::USUAL, Term::Days(7)];

/// Chains of these margins over each cost; the seller may sell at a loss, to others than itself.
fn chains(sites: &[SiteId], margins: &[i64], costs: &[i64], loss: i64) -> Vec<Vec<FrozenHop>> {
    let chain = |cost: &i64| {
        let mut hops: Vec<FrozenHop> = Vec::new();
        for (site, margin) in sites.iter().zip(margins) {
            let cost = hops.last().map_or(*cost, |hop| hop.price.minor());
            let term = TERMS[hops.len() % TERMS.len()];
            hops.push(FrozenHop { site: *site, cost: cents(cost), price: cents(cost + margin), term });
        }
        if let [_, .., seller] = hops.as_mut_slice() {
            seller.price = cents((seller.price.minor() - loss).max(1));
        }
        hops
    };
    costs.iter().map(chain).collect()
}

/// What two agents earn of a line: so many quarters of the seller's margin together, the second one a third of that.
fn earned(quantity: u32, hops: &[FrozenHop], quarters: i64) -> Vec<FrozenCommission> {
    let seller = hops.last().expect("a hop");
    let margin = (seller.price.minor() - seller.cost.minor()).max(0) * i64::from(quantity);
    let all = margin * quarters / 4;
    let one = |(tier, minor): (u8, i64)| {
        let agent = AgentId::from_uuid(Uuid::from_u128(u128::from(tier) + 1));
        let term = TERMS[usize::from(tier)];
        (minor > 0).then(|| FrozenCommission { agent, tier, amount: cents(minor), rule: String::new(), term })
    };
    [(0, all - all / 3), (1, all / 3)].into_iter().filter_map(one).collect()
}

fn goods() -> impl Strategy<Value = Goods> {
    prop_oneof![Just(Goods::Card), Just(Goods::Shared), any::<bool>().prop_map(|is_done| Goods::Manual { is_done })]
}

fn purse_sum(purse: &Purse) -> i64 {
    purse.pending.iter().map(|(_, minor)| minor).sum::<i64>() + purse.available - purse.debt
}

proptest! {
    /// Each entry balances and has a name of its own, the seller's held money is never overdrawn, and after the refund
    /// nobody has more or less than before, but for the goods that are gone and the money on its way to the buyer: also if
    /// some of it was settled and taken out by then, which is owed.
    #[test]
    fn a_refund_leaves_every_account_as_it_was(
        wishes in prop::collection::vec((1i64..10_000, 1u32..20, goods(), 0i64..100_000), 1..6),
        margins in prop::collection::vec(0i64..500, 1..4),
        loss in 0i64..300,
        parts in 0i64..5,
        settled in prop::option::of((0u16..10, 0i64..=4)),
        way in prop::sample::select(vec![Collection::Central, Collection::CentralHeld, Collection::Own]),
        steps in prop::collection::vec((any::<prop::sample::Index>(), 1i64..=1_000), 0..6),
    ) {
        let sites: Vec<SiteId> = margins.iter().map(|_| SiteId::new()).collect();
        let costs: Vec<i64> = wishes.iter().map(|wish| wish.0).collect();
        let hops = chains(&sites, &margins, &costs, loss);
        let earned: Vec<Vec<FrozenCommission>> = wishes.iter().zip(&hops).map(|(wish, hops)| earned(wish.1, hops, parts)).collect();
        let lines = (1..).zip(wishes.iter().zip(hops.iter().zip(&earned)));
        let lines = lines.map(|(number, ((_, quantity, goods, cost), (hops, commissions)))| {
            let cost_of_goods = cents(if *goods == Goods::Card { *cost } else { 0 });
            (*goods, SoldLine { number, quantity: *quantity, cost_of_goods, hops, commissions })
        });
        // A main site that collects for itself is the central case.
        let collection = if sites.len() == 1 && way == Collection::Own { Collection::CentralHeld } else { way };
        let seller = *sites.last().expect("a site");
        let mut story =
            Story { order: Uuid::now_v7(), seller, collection, lines: lines.collect(), entries: Vec::new(), back: HashMap::new() };
        story.pay();
        story.deliver();
        prop_assert!(story.sum(AccountKind::SitePrepaidHeld) >= 0);
        let earned: i64 = story.earners().iter().map(|earner| purse_sum(&story.purse(earner))).sum();
        if let Some((days, quarters)) = settled {
            story.settle(Day::of(friday()).after(days), quarters);
        }
        let out = story.sum(AccountKind::Opening);
        let left: i64 = story.earners().iter().map(|earner| purse_sum(&story.purse(earner))).sum();
        prop_assert_eq!(left + out, earned, "what was earned is there, or was taken out");
        let number = story.give_parts_back(&steps)?;
        story.refund(number + 1);
        // Until the buyer has his money, a seller that collected it has all that it paid held.
        let paid: i64 = if collection == Collection::Own { sale::to_hold(&story.sold(|_| true), collection, CNY).expect("an amount").minor() } else { 0 };
        prop_assert_eq!(story.sum(AccountKind::SitePrepaidHeld), paid);
        prop_assert_eq!(story.sum(AccountKind::SitePrepaid), -paid);
        story.end_refund();
        prop_assert!(story.entries.iter().all(Entry::is_balanced));
        // Who took something out owes it; nobody has anything, and nobody owes who took nothing out.
        for earner in story.earners() {
            let purse = story.purse(&earner);
            prop_assert_eq!((purse.pending.len(), purse.available), (0, 0), "{:?}", purse);
        }
        let debts: i64 = story.earners().iter().map(|earner| story.purse(earner).debt).sum();
        prop_assert_eq!(debts, out);
        let names: HashSet<_> = story.entries.iter().map(Entry::id).collect();
        prop_assert_eq!(names.len(), story.entries.len());
        let mut balances: HashMap<Account, i64> = HashMap::new();
        for posting in story.entries.iter().flat_map(Entry::postings) {
            *balances.entry(posting.account).or_default() += posting.amount.minor();
        }
        for (account, balance) in balances {
            let expected = match account.kind {
                AccountKind::SiteDebt | AccountKind::AgentDebt | AccountKind::Opening => continue,
                AccountKind::CostOfGoods => -story.goods_at_cost(),
                AccountKind::StockAtCost => story.goods_at_cost(),
                AccountKind::OwnClearing => -story.total(),
                AccountKind::PaymentSuspense => story.total(),
                _ => 0,
            };
            prop_assert_eq!(balance, expected, "{:?}", account);
        }
    }
}
