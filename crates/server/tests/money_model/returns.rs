//! Money that goes back: "a refund claws back in proportion (original total as denominator, last part takes the remainder)".

use chrono::NaiveDate;

use super::books::{Earner, Owner};
use super::case::PartCase;
use super::deed::{Deed, PartAsked};
use super::fraction::Fraction;
use super::model::{
    Collects, GoingBack, Line, Model, Order, REVENUE, Stands, clearing, deposits, held, prepaid, wallet,
};
use super::reached::note;

/// Days of other pending money that a refund reaches.
const OTHER_DAYS: usize = 6;

impl Model {
    pub(super) fn refund(&mut self, order: usize, lines: &[(usize, PartCase)], to_wallet: bool) -> Option<Deed> {
        // Mostly one that has something to give back.
        let has_some = |known: &Order| known.stands == Stands::Paid && known.lines.iter().any(|line| line.left() > 0);
        let all = 0..self.orders.len();
        let orders: Vec<usize> = all.filter(|one| order >= 14 || has_some(&self.orders[*one])).collect();
        let order = *orders.get(order % orders.len().max(1))?;
        let known = self.orders[order].clone();
        let wishes: Vec<(usize, PartAsked)> = lines.iter().map(|wish| asked(&known, wish)).collect();
        let reasons = reasons(&known, &wishes, to_wallet);
        if !reasons.is_empty() {
            return Some(Deed::Refund { order, lines: wishes, to_wallet, answer: Err(reasons) });
        }
        let is_left = |line: &usize| known.lines[*line].left() > 0;
        let all = (0..known.lines.len()).filter(is_left).map(|line| (line, PartAsked::Rest)).collect();
        let mut parts = if wishes.is_empty() { all } else { wishes.clone() };
        parts.sort_by_key(|(line, _)| *line);
        let (mut amount, mut purchase) = (0, 0);
        for (line, part) in &parts {
            let (of_price, of_purchase) = self.take_line_back(order, *line, part);
            amount += of_price;
            purchase += of_purchase;
        }
        self.send_back(order, amount, purchase, to_wallet);
        Some(Deed::Refund { order, lines: wishes, to_wallet, answer: Ok(amount) })
    }

    /// Takes a part of a line back from everybody; answers how much of its price and of its seller's purchase that is.
    fn take_line_back(&mut self, order: usize, line: usize, part: &PartAsked) -> (i64, i64) {
        let Order { site, collects, lines, .. } = self.orders[order].clone();
        let known = &lines[line];
        let unit = known.total / i64::from(known.asked.quantity);
        let amount = match part {
            PartAsked::Rest => known.left(),
            PartAsked::Amount(amount) => *amount,
            // So much may have gone back before that the last cards have less left than they cost.
            PartAsked::Pieces(places) => known.left().min(unit * places.len() as i64),
        };
        let of = |whole: i64| share(whole, known, amount);
        let purchase = if collects == Collects::Own { of(known.purchase()) } else { 0 };
        let deposit = if collects == Collects::Own { purchase } else { amount };
        let loss = if collects == Collects::Own { 0 } else { known.loss(site) };
        let changed = &mut self.orders[order].lines[line];
        changed.back += amount;
        if let PartAsked::Pieces(places) = part {
            changed.void.extend(places);
        }
        let Some(delivered) = known.delivered else {
            // Nobody has earned anything: what was held for it is free.
            self.books.carry(loss, held(site), prepaid(site));
            return (amount, purchase);
        };
        let mut taken = 0;
        for (earner, earned) in known.earners(site, collects) {
            let day = super::purses::due(known.terms[&earner], delivered);
            taken += of(earned);
            self.claw_back(earner, of(earned), day);
        }
        // What the earners do not give, the main site does; the seller of a loss has his part of it back.
        let loss = of(loss);
        self.books.post(&[
            (("clawed back", Owner::Main, None), -taken),
            (REVENUE, -(deposit - taken + loss)),
            (deposits(), deposit),
            (prepaid(site), loss),
        ]);
        (amount, purchase)
    }

    /// "From pending, then available, then a locked withdrawal not yet submitted, then debt."
    fn claw_back(&mut self, earner: Earner, amount: i64, day: NaiveDate) {
        let mut days = self.books.pending(earner);
        let own = days.iter().position(|(due, _)| *due == day).map(|place| days.remove(place));
        days.truncate(OTHER_DAYS);
        let pending = own.into_iter().chain(days).map(|(due, _)| earner.pending(due));
        let sources: Vec<_> = pending.chain([earner.available(), earner.locked()]).collect();
        let mut missing = amount;
        let pool = ("clawed back", Owner::Main, None);
        for source in sources {
            let part = self.books.of(source).min(missing);
            note(part > 0, source.0);
            self.books.carry(part, source, pool);
            missing -= part;
        }
        note(missing > 0, earner.debt().0);
        self.books.carry(missing, earner.debt(), pool);
    }

    /// The money leaves the deposits for where it goes.
    fn send_back(&mut self, order: usize, amount: i64, purchase: i64, to_wallet: bool) {
        let known = self.orders[order].clone();
        let suspense = ("payment_suspense", known.collector(), None);
        match (known.collects, known.customer) {
            (Collects::Wallet(customer), _) => return self.books.carry(amount, deposits(), wallet(customer)),
            (Collects::Main, Some(customer)) if to_wallet => {
                return self.books.carry(amount, deposits(), wallet(customer));
            }
            (Collects::Main, _) => self.books.carry(amount, deposits(), suspense),
            (Collects::Own, _) => {
                self.books.carry(purchase, deposits(), held(known.site));
                self.books.carry(amount, ("own_takings", Owner::Site(known.site), None), suspense);
            }
        }
        self.refunds.push(GoingBack { order, amount, held: purchase, has_failed: false, is_done: false });
    }

    /// The channel is asked, and says that the money went back or that it refuses.
    pub(super) fn answer(&mut self, refund: usize, is_done: bool) -> Option<Deed> {
        let waiting: Vec<usize> = (0..self.refunds.len()).filter(|refund| !self.refunds[*refund].is_done).collect();
        let refund = *waiting.get(refund % waiting.len().max(1))?;
        let GoingBack { order, amount, held: part, has_failed, .. } = self.refunds[refund].clone();
        self.refunds[refund].has_failed = !is_done;
        self.refunds[refund].is_done = is_done;
        if is_done {
            let known = &self.orders[order];
            let suspense = ("payment_suspense", known.collector(), None);
            self.books.carry(amount, suspense, clearing(known.channel()));
            self.books.carry(part, held(known.site), prepaid(known.site));
        }
        Some(Deed::Answer { refund, is_again: has_failed, is_done })
    }
}

/// What of `whole` goes with the next `amount` of the line's price: after all of it, all of it.
fn share(whole: i64, line: &Line, amount: i64) -> i64 {
    let until = |back: i64| (Fraction::whole(whole) * Fraction::new(i128::from(back), i128::from(line.total))).floor();
    until(line.back + amount) - until(line.back)
}

/// The wish in amounts and places.
fn asked(order: &Order, (line, part): &(usize, PartCase)) -> (usize, PartAsked) {
    let line = line % order.lines.len();
    let known = &order.lines[line];
    let part = match part {
        PartCase::Rest => PartAsked::Rest,
        PartCase::Amount(thousandths) => PartAsked::Amount((known.left() * thousandths / 1_000).max(1)),
        PartCase::Pieces(bits) => {
            PartAsked::Pieces((1..=known.asked.quantity).filter(|place| bits & (1 << (place - 1)) != 0).collect())
        }
    };
    (line, part)
}

/// Every reason to refuse the refund.
fn reasons(order: &Order, wishes: &[(usize, PartAsked)], to_wallet: bool) -> Vec<&'static str> {
    if order.stands != Stands::Paid {
        return vec!["order_not_paid"];
    }
    let mut reasons = Vec::new();
    if order.lines.iter().all(|line| line.left() == 0) {
        reasons.push("order_refunded");
    }
    for (place, (line, part)) in wishes.iter().enumerate() {
        let known = &order.lines[*line];
        if wishes[..place].iter().any(|(other, _)| other == line) {
            reasons.push("refund_line");
        }
        if known.left() == 0 {
            reasons.push("refund_line_refunded");
        }
        match part {
            PartAsked::Rest => {}
            PartAsked::Amount(amount) if *amount > known.left() => reasons.push("refund_amount"),
            // "Whoever takes the last cent takes the whole."
            PartAsked::Amount(amount) if known.delivered.is_none() && *amount < known.left() => {
                reasons.push("refund_not_delivered");
            }
            PartAsked::Amount(_) => {}
            PartAsked::Pieces(_) if known.is_manual() => reasons.extend(["refund_piece", "refund_not_delivered"]),
            PartAsked::Pieces(places) if places.is_empty() || !places.is_disjoint(&known.void) => {
                reasons.push("refund_piece");
            }
            PartAsked::Pieces(_) => {}
        }
    }
    let has_wallet = match order.collects {
        Collects::Wallet(_) => true,
        Collects::Main => order.customer.is_some(),
        Collects::Own => false,
    };
    if to_wallet && !has_wallet {
        reasons.push("refund_no_wallet");
    }
    reasons
}
