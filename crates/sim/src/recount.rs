//! Everything counted anew from the rows, as simply as it can be written and with nothing of the rooms' own sums.

use std::collections::BTreeMap;

use catalog::SkuId;
use inventory::{CardId, CardState, StockCount};
use kernel::{Money, SiteId};
use ledger::{Account, AccountKind, Earner, EntryKind};
use order::{LineRow, Method, StoredOrder};
use payment::{Channel, RefundState, Use};
use uuid::Uuid;

use crate::database::Database;
use crate::gateway::{BackState, Gateway, Trade};
use crate::map::{HashMap, HashSet};
use crate::touched::{Finding, is_delivered, is_paid, order_is_sound, sums_to_zero};

/// How much of a line's price did not go back.
struct Kept {
    back: i128,
    price: i128,
    is_over: bool,
}

impl Kept {
    fn of(order: &StoredOrder, line: &LineRow<'_>, price: i64) -> Self {
        let returned = order.returns().flat_map(|(_, lines, ..)| lines).filter(|back| back.line == line.number);
        let (mut back, mut is_over) = (0, false);
        for one in returned {
            back += i128::from(one.amount.minor());
            is_over |= one.is_last;
        }
        Self { back, price: i128::from(price), is_over }
    }

    /// What is left of a share that was rounded down as it went back.
    fn of_share(&self, share: i64) -> i64 {
        if self.is_over {
            return 0;
        }
        let back = if self.price == 0 { 0 } else { i128::from(share) * self.back / self.price };
        share - i64::try_from(back).expect("a part of an amount")
    }
}

/// The books as the rows explain them.
struct Books<'a> {
    database: &'a Database,
    sums: HashMap<Account, i128>,
}

/// Counts everything anew.
pub(crate) fn recount(database: &Database, gateway: &Gateway) -> Result<(), Finding> {
    balances(database)?;
    cards(database)?;
    for order in database.orders.values() {
        order_is_sound(database, order)?;
        holds(database, order)?;
    }
    money(database, gateway)?;
    explained(database)
}

/// A balance is the sum of its postings, an entry of nothing.
fn balances(database: &Database) -> Result<(), Finding> {
    let mut sums: HashMap<Account, i128> = HashMap::default();
    for entry in &database.entries {
        sums_to_zero(entry)?;
        for posting in entry.postings() {
            *sums.entry(posting.account).or_default() += i128::from(posting.amount.minor());
        }
    }
    let accounts = sums.keys().chain(database.balances.keys());
    for account in accounts {
        let (balance, sum) = (database.balance(account), sums.get(account).copied().unwrap_or(0));
        if i128::from(balance) != sum
            || (account.kind.is_spendable() && balance < 0)
            || (account.kind.is_debt() && balance > 0)
        {
            return Err(format!("{account:?} has {balance}, its postings sum to {sum}"));
        }
    }
    Ok(())
}

/// Counts are what is there, and a card is one line's at most.
fn cards(database: &Database) -> Result<(), Finding> {
    let mut counts: HashMap<SkuId, StockCount> = HashMap::default();
    for (card, row) in &database.cards {
        let count = counts.entry(row.sku).or_default();
        match row.state {
            CardState::Available => count.available += 1,
            CardState::Held => count.held += 1,
            CardState::Sold => count.sold += 1,
            CardState::Void => count.void += 1,
            CardState::Shared => count.shared += 1,
        }
        if (row.state == CardState::Available)
            != database.free.get(&row.sku).is_some_and(|free| free.contains_key(card))
        {
            return Err(format!("card {card} is {} and not in the list of free ones, or is", row.state.word()));
        }
    }
    if counts != database.counts {
        return Err(format!("cards are {counts:?}, their counts say {:?}", database.counts));
    }
    let mut owners: HashMap<CardId, (Uuid, i32)> = HashMap::default();
    for order in database.orders.values() {
        for line in order.lines().filter(|line| !line.is_shared) {
            for card in line.cards {
                if let Some(other) = owners.insert(*card, (order.id().uuid(), line.number)) {
                    return Err(format!("card {card} belongs to {other:?} and to order {}", order.id()));
                }
            }
        }
        for (line, old, _) in order.replaced() {
            if let Some(other) = owners.insert(old, (order.id().uuid(), line)) {
                return Err(format!("card {old} belongs to {other:?} and was replaced in order {}", order.id()));
            }
        }
    }
    match database.cards.iter().find(|(card, row)| row.line != owners.get(card).copied()) {
        Some((card, row)) => Err(format!("card {card} names {:?}, which has it not", row.line)),
        None => Ok(()),
    }
}

/// What waits has holds, and nothing else has.
fn holds(database: &Database, order: &StoredOrder) -> Result<(), Finding> {
    let is_held = order.expires_at().is_some_and(|end| database.holds.contains(&(end, order.id())));
    match is_held == order.is_waiting() {
        true => Ok(()),
        false => Err(format!("order {} waits and holds nothing, or does not and holds", order.id())),
    }
}

/// Every payment is a trade of the gateway, as it was; every refund goes back once, and no more than came.
fn money(database: &Database, gateway: &Gateway) -> Result<(), Finding> {
    for payment in database.payments.values() {
        let trade = gateway.trades.get(&payment.trade_no);
        let is_it = trade.is_some_and(|trade| {
            (trade.channel, &trade.out_no, &trade.payee, trade.amount)
                == (payment.channel, &payment.out_no, &payment.payee, payment.amount)
        });
        if !is_it {
            return Err(format!("payment {} is not what trade {} was", payment.id, payment.trade_no));
        }
    }
    let mut returned: HashMap<payment::PaymentId, i64> = HashMap::default();
    for refund in database.refunds.values().filter(|refund| refund.state != RefundState::Cancelled) {
        let sum = returned.entry(refund.payment).or_default();
        *sum += refund.amount.minor();
        if *sum > database.payments[&refund.payment].amount.minor() {
            return Err(format!("payment {} goes back more than once", refund.payment));
        }
        let known = gateway.sent_back.get(&refund.refund_no);
        let is_back = known.is_some_and(|known| known.state == BackState::Done && known.amount == refund.amount);
        if refund.state == RefundState::Done && !is_back {
            return Err(format!("refund {} is done, the gateway knows nothing of it", refund.id));
        }
    }
    Ok(())
}

/// The balances are what orders, payments, refunds and grants come to.
fn explained(database: &Database) -> Result<(), Finding> {
    let mut books = Books { database, sums: HashMap::default() };
    for entry in database.entries.iter().filter(|entry| entry.kind() == EntryKind::Adjustment) {
        for posting in entry.postings() {
            books.add(posting.account, posting.amount.minor());
        }
    }
    for order in database.orders.values() {
        books.order(order);
    }
    for payment in database.payments.values() {
        books.payment(payment);
    }
    for refund in database.refunds.values() {
        books.refund(refund);
    }
    let mut balances: HashMap<Account, i128> = HashMap::default();
    for (account, balance) in &database.balances {
        *balances.entry(as_one(*account)).or_default() += i128::from(*balance);
    }
    let mut differing: BTreeMap<String, (i128, i128)> = BTreeMap::new();
    for account in books.sums.keys().chain(balances.keys()) {
        let on = |sums: &HashMap<Account, i128>| sums.get(account).copied().unwrap_or(0);
        let (balance, sum) = (on(&balances), on(&books.sums));
        if balance != sum {
            differing.insert(format!("{account:?}"), (balance, sum));
        }
    }
    match differing.is_empty() {
        true => Ok(()),
        false => Err(format!("balances are not what the rows explain (balance, explained): {differing:?}")),
    }
}

/// What an earner has pending, may take out and owes comes to one sum: where it stands, time and refunds decide.
fn as_one(account: Account) -> Account {
    Earner::of(&account).map_or(account, |earner| earner.available())
}

impl Books<'_> {
    fn add(&mut self, account: Account, minor: i64) {
        let account = as_one(account);
        *self.sums.entry(account).or_default() += i128::from(minor);
    }

    fn own(&mut self, kind: AccountKind, minor: i64) {
        let currency = self.database.layout.currency;
        self.add(Account::own(kind, currency), minor);
    }

    fn site(&mut self, kind: AccountKind, site: SiteId, minor: i64) {
        let currency = self.database.layout.currency;
        self.add(Account::of(kind, site.uuid(), currency), minor);
    }

    /// What an order has moved by now. What went back has moved nothing but goods; money on its way by a channel is the
    /// refund's.
    fn order(&mut self, order: &StoredOrder) {
        let (seller, held) = (order.site(), order.held().minor());
        self.site(AccountKind::SitePrepaid, seller, -held);
        self.site(AccountKind::SitePrepaidHeld, seller, held);
        if !is_paid(order) {
            return;
        }
        for line in order.lines().filter(|line| is_delivered(order, line) && !line.is_manual && !line.is_shared) {
            let old = order.replaced().filter(|(of, ..)| *of == line.number).map(|(_, old, _)| old);
            let cost: i64 =
                line.cards.iter().copied().chain(old).map(|card| self.database.cards[&card].cost_minor).sum();
            self.own(AccountKind::CostOfGoods, -cost);
            self.own(AccountKind::StockAtCost, cost);
        }
        let (total, currency) = (order.total().minor(), order.total().currency());
        let back: i64 = order.returns().map(|(amount, ..)| amount.minor()).sum();
        if let Some(customer) = order.customer() {
            // What came by a channel may have gone into the wallet.
            let paid = if order.method() == Method::Wallet { total } else { 0 };
            let into = order.returns().filter(|(_, _, refund, _)| refund.is_none());
            let into: i64 = into.map(|(amount, ..)| amount.minor()).sum();
            self.add(Account::of(AccountKind::Wallet, customer.uuid(), currency), into - paid);
        }
        for line in order.lines() {
            self.line(order, &line);
        }
        if let Some(site) = order.collector() {
            self.site(AccountKind::OwnTakings, site, total - back);
        }
    }

    /// What a line has moved, less what went back of it in proportion to its price. The main site has what is left.
    fn line(&mut self, order: &StoredOrder, line: &LineRow<'_>) {
        let pieces = i64::from(line.quantity);
        let (main, seller) = (line.hops[0], line.hops[line.hops.len() - 1]);
        let is_own = order.collector().is_some();
        let commission: i64 = line.commissions.iter().map(|one| one.amount.minor()).sum();
        let kept = Kept::of(order, line, pieces * seller.price.minor());
        let deposit = kept.of_share(if is_own {
            pieces * seller.cost.minor() + commission
        } else {
            pieces * seller.price.minor()
        });
        if is_own {
            self.site(AccountKind::SitePrepaid, order.site(), -deposit);
        }
        if !is_delivered(order, line) {
            return self.own(AccountKind::OrderDeposits, deposit);
        }
        let mut left = deposit;
        for one in line.commissions {
            let amount = kept.of_share(one.amount.minor());
            self.add(Account::of(AccountKind::AgentPending, one.agent.uuid(), one.amount.currency()), amount);
            left -= amount;
        }
        let below = &line.hops[1..];
        for (place, hop) in below.iter().enumerate() {
            let is_seller = place + 1 == below.len();
            if is_seller && is_own {
                continue;
            }
            let margin = pieces * (hop.price.minor() - hop.cost.minor()) - if is_seller { commission } else { 0 };
            let (kind, amount) = match margin < 0 {
                true => (AccountKind::SitePrepaid, -kept.of_share(-margin)),
                false => (AccountKind::SitePending, kept.of_share(margin)),
            };
            self.site(kind, hop.site, amount);
            left -= amount;
        }
        if kept.back == 0 && !kept.is_over {
            // Counted from the other end of the chain, so that hops that do not link show; after a rounding only the rest is known.
            left = pieces * main.price.minor() - if below.is_empty() { commission } else { 0 };
        }
        self.own(AccountKind::Revenue, left);
    }

    /// Where money that came stands: at the channel, against a wallet, or waiting; an order's part is the order's.
    fn payment(&mut self, payment: &payment::Payment) {
        let channel = self.channel(payment.channel);
        if payment.payee != channel.payee {
            return;
        }
        let minor = payment.amount.minor();
        self.at_channel(&channel, AccountKind::ChannelClearing, -minor);
        match payment.use_ {
            Use::Exception => self.at_channel(&channel, AccountKind::PaymentSuspense, minor),
            Use::Order => {}
            Use::TopUp => {
                let customer = payment.intent.and_then(|id| self.database.intents[&id].customer);
                let customer = customer.expect("a top-up is somebody's");
                self.add(Account::of(AccountKind::Wallet, customer.uuid(), payment.amount.currency()), minor);
            }
        }
    }

    fn refund(&mut self, refund: &payment::Refund) {
        let (channel, payment) = (self.channel(refund.channel), &self.database.payments[&refund.payment]);
        if payment.payee != channel.payee {
            return;
        }
        let minor = refund.amount.minor();
        if refund.exception.is_none() {
            // It came out of the order's deposit.
            self.at_channel(&channel, AccountKind::PaymentSuspense, minor);
        }
        let to = match refund.state {
            RefundState::Submitting | RefundState::Unknown => AccountKind::RefundsInTransit,
            RefundState::Done => AccountKind::ChannelClearing,
            _ => return,
        };
        self.at_channel(&channel, AccountKind::PaymentSuspense, -minor);
        self.at_channel(&channel, to, minor);
    }

    fn channel(&self, id: payment::ChannelId) -> Channel {
        self.database.layout.channel(id).expect("a channel of this tenant").clone()
    }

    /// The account of a kind for what is at this channel: a site that collects has its own.
    fn at_channel(&mut self, channel: &Channel, kind: AccountKind, minor: i64) {
        match kind {
            AccountKind::ChannelClearing => {
                let kind = if channel.is_main { kind } else { AccountKind::OwnClearing };
                self.add(Account::of(kind, channel.id.uuid(), channel.currency), minor);
            }
            _ if channel.is_main => self.own(kind, minor),
            _ => self.site(kind, channel.site, minor),
        }
    }
}

/// What holds once nothing is left to do: the gateways and the books say the same, and everything has an end.
pub(crate) fn at_the_end(database: &Database, gateway: &Gateway, unconfirmed: &HashSet<String>) -> Result<(), Finding> {
    let is_ours = |number: &String, trade: &Trade| {
        let has_payment = database.by_trade.contains_key(&(trade.channel, number.clone()));
        has_payment || !unconfirmed.contains(number)
    };
    if let Some((_, id)) = database.holds.first() {
        return Err(format!("order {id} still holds goods"));
    }
    for (number, trade) in &gateway.trades {
        if is_ours(number, trade) && !database.by_trade.contains_key(&(trade.channel, number.clone())) {
            let same = gateway.trades.iter().filter(|(_, other)| other.out_no == trade.out_no);
            let same: Vec<_> = same.map(|(number, trade)| (number, &trade.payee, trade.paid_at)).collect();
            let attempt = payment::OutNo::parse(&trade.out_no).ok().and_then(|number| database.attempts.get(&number));
            let intent = attempt.map(|attempt| &database.intents[&attempt.intent]);
            return Err(format!("trade {number} was paid and has no payment; {same:?}, {attempt:?}, {intent:?}"));
        }
    }
    for refund in database.refunds.values() {
        if !matches!(refund.state, RefundState::Done | RefundState::Cancelled) {
            return Err(format!("refund {} is still {}", refund.id, refund.state.word()));
        }
    }
    for order in database.orders.values() {
        if order.returns().any(|(.., is_settled)| !is_settled) {
            return Err(format!("the money of order {} is back, and nobody told it", order.id()));
        }
    }
    for channel in &database.layout.channels {
        let zero = Money::zero(channel.currency).minor();
        let came = gateway.trades.iter().filter(|(number, trade)| is_ours(number, trade));
        let came = came.filter(|(_, trade)| trade.channel == channel.id && trade.payee == channel.payee);
        let came = came.fold(zero, |sum, (_, trade)| sum + trade.amount.minor());
        let is_back = |refund: &&payment::Refund| {
            let known = gateway.sent_back.get(&refund.refund_no).map(|back| (back.channel, back.state));
            let payee = &database.payments[&refund.payment].payee;
            known == Some((channel.id, BackState::Done)) && *payee == channel.payee
        };
        let back = database.refunds.values().filter(is_back);
        let back = back.fold(zero, |sum, refund| sum + refund.amount.minor());
        let kind = if channel.is_main { AccountKind::ChannelClearing } else { AccountKind::OwnClearing };
        let books = database.balance(&Account::of(kind, channel.id.uuid(), channel.currency));
        if -books != came - back {
            return Err(format!("channel {} has {}, our books say {}", channel.id, came - back, -books));
        }
    }
    Ok(())
}
