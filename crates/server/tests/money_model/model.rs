//! What has to happen: a shop on paper, from product.md and the guides, naive and in exact fractions. It reads nothing of the
//! program's rules. Each act becomes deeds for the program, each with the answer that it has to give.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};

use super::books::{Books, Earner, Name, Owner};
use super::case::{
    About, Act, Case, FormulaCase, LineCase, MoneyCase, PriceCase, RoundingCase, SKUS, TermCase, WALLETS, Way, WhomCase,
};
use super::deed::{Deed, Placing};
use super::prices::{self, Asked, Hop};
use super::reached::note;
use super::shares::{self, DEPTH_MAX, Shares};

/// What agents have in their wallets at first.
pub const AGENTS_WALLET: i64 = 500_00;
/// Cards of each SKU.
pub const STOCK: i64 = 150;

const SETTLE_MINUTES: i64 = 5 * 24 * 60;

const DEPOSITS: Name = ("order_deposits", Owner::Main, None);
pub(super) const REVENUE: Name = ("revenue", Owner::Main, None);
const OPENING: Name = ("opening", Owner::Main, None);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Collects {
    /// A wallet, of this customer.
    Wallet(usize),
    /// The main site's channel.
    Main,
    /// The selling site's own channel.
    Own,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stands {
    Unpaid,
    Expired,
    /// Money came too late, and it takes no more.
    Dead,
    Paid,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub asked: Asked,
    pub hops: Vec<Hop>,
    pub shares: Shares,
    /// When each earner is to have his part.
    pub terms: BTreeMap<Earner, TermCase>,
    pub total: i64,
    /// When each earner may have his part: days are counted from the delivery.
    pub delivered: Option<DateTime<Utc>>,
    pub has_failed: bool,
    /// What went back of its price.
    pub back: i64,
    pub void: BTreeSet<u32>,
}

impl Line {
    pub fn is_manual(&self) -> bool {
        SKUS[self.asked.sku].2
    }

    pub fn left(&self) -> i64 {
        self.total - self.back
    }

    /// What the selling site loses by it.
    pub fn loss(&self, seller: usize) -> i64 {
        if seller == 0 { 0 } else { (-self.shares.margin).max(0) }
    }

    /// What a site with a channel of its own pays for it: its purchase price and the commissions.
    pub fn purchase(&self) -> i64 {
        let seller = self.hops[self.hops.len() - 1];
        i64::from(self.asked.quantity) * seller.cost + self.shares.commissions()
    }

    /// Who earns what from it once it is delivered, as far as the main site owes it.
    pub fn earners(&self, seller: usize, collects: Collects) -> Vec<(Earner, i64)> {
        let mut earners = self.shares.between.clone();
        if seller != 0 && collects != Collects::Own {
            earners.push((Earner::Site(seller), (self.shares.margin - self.shares.commissions()).max(0)));
        }
        earners.extend(&self.shares.agents);
        earners.retain(|(_, amount)| *amount > 0);
        earners
    }
}

#[derive(Debug, Clone)]
pub struct Order {
    pub site: usize,
    pub customer: Option<usize>,
    pub collects: Collects,
    pub lines: Vec<Line>,
    pub stands: Stands,
    pub expires_at: DateTime<Utc>,
}

impl Order {
    pub fn total(&self) -> i64 {
        self.lines.iter().map(|line| line.total).sum()
    }

    /// The channel that takes its money.
    pub fn channel(&self) -> usize {
        if self.collects == Collects::Own { self.site } else { 0 }
    }

    /// Where its money waits that goes back by a channel.
    pub fn collector(&self) -> Owner {
        if self.collects == Collects::Own { Owner::Site(self.site) } else { Owner::Main }
    }

    /// What its seller has to cover from the order on: the purchase with a channel of its own, else a loss.
    fn cover(&self, is_counted: impl Fn(&Line) -> bool) -> i64 {
        let lines = self.lines.iter().filter(|line| is_counted(line));
        let cover = |line: &Line| if self.collects == Collects::Own { line.purchase() } else { line.loss(self.site) };
        lines.map(cover).sum()
    }
}

/// Money on its way back by a channel.
#[derive(Debug, Clone)]
pub struct GoingBack {
    pub order: usize,
    pub amount: i64,
    /// The seller's part, held until it is done.
    pub held: i64,
    pub has_failed: bool,
    pub is_done: bool,
}

pub struct Model {
    pub case: Case,
    pub now: DateTime<Utc>,
    pub books: Books,
    pub orders: Vec<Order>,
    pub refunds: Vec<GoingBack>,
    /// Money that buys nothing: for which order it came, and how much.
    suspended: Vec<(usize, i64)>,
    pub purses: super::purses::Purses,
}

pub(super) fn prepaid(site: usize) -> Name {
    ("site_prepaid", Owner::Site(site), None)
}

pub(super) fn held(site: usize) -> Name {
    ("site_prepaid_held", Owner::Site(site), None)
}

pub(super) fn wallet(customer: usize) -> Name {
    ("wallet", Owner::Customer(customer), None)
}

pub(super) const fn deposits() -> Name {
    DEPOSITS
}

/// Where the money of this channel lies.
pub(super) fn clearing(channel: usize) -> Name {
    (if channel == 0 { "channel_clearing" } else { "own_clearing" }, Owner::Channel(channel), None)
}

impl Model {
    /// The shop as it opens: wallets, prepaid money, and stock at what it cost.
    pub fn open(case: Case, now: DateTime<Utc>) -> Self {
        let mut books = Books::default();
        for (customer, minor) in wallets(&case).into_iter().enumerate() {
            books.carry(minor, OPENING, wallet(customer));
        }
        for (site, known) in case.sites.iter().enumerate().skip(1) {
            books.carry(known.prepaid, OPENING, prepaid(site));
        }
        for (known, _) in case.skus.iter().zip(SKUS).filter(|(_, (_, _, is_manual))| !is_manual) {
            books.carry(STOCK * known.card_cost, ("stock_at_cost", Owner::Main, None), OPENING);
        }
        Self {
            case,
            now,
            books,
            orders: Vec::new(),
            refunds: Vec::new(),
            suspended: Vec::new(),
            purses: Default::default(),
        }
    }

    /// What the program is to do for this act; nothing if there is nothing that it could be about.
    pub fn act(&mut self, act: &Act) -> Vec<Deed> {
        let some = |deed: Option<Deed>| deed.into_iter().collect();
        match act {
            Act::Place { site, brought, lines, way } => self.place(*site, *brought, lines, way),
            Act::Money { order, money } => some(self.money(*order, *money)),
            Act::Work { order, is_done } => some(self.work(*order, *is_done)),
            Act::Sweep => vec![self.sweep()],
            Act::Refund { order, lines, to_wallet } => some(self.refund(*order, lines, *to_wallet)),
            Act::Answer { refund, is_done } => some(self.answer(*refund, *is_done)),
            Act::Pass { minutes } => {
                self.now += TimeDelta::minutes(*minutes);
                vec![Deed::Pass { minutes: *minutes }]
            }
            Act::Release => vec![self.release()],
            Act::Settle => {
                self.now += TimeDelta::minutes(SETTLE_MINUTES);
                vec![Deed::Pass { minutes: SETTLE_MINUTES }, self.release()]
            }
            Act::Cost { sku, cost } => {
                self.case.skus[*sku].cost = *cost;
                vec![Deed::Cost { sku: *sku, cost: *cost }]
            }
            Act::Markup { site, is_retail, amount } => vec![self.markup(*site, *is_retail, *amount)],
            Act::Agent { agent, level, is_suspended } => some(self.change_agent(*agent, *level, *is_suspended)),
            Act::Hold { earner, is_on } => some(self.hold(*earner, *is_on)),
            Act::Ask { earner, thousandths } => some(self.ask(*earner, *thousandths)),
            Act::Step { earner, step } => some(self.step(*earner, *step)),
            Act::Convert { earner, thousandths } => some(self.convert(*earner, *thousandths)),
        }
    }

    /// Everything that is on its way arrives, and what is due is released: then the audit finds nothing.
    pub fn close(&mut self) -> Vec<Deed> {
        let mut deeds = vec![self.sweep()];
        while let Some(deed) = self.work(0, true) {
            deeds.push(deed);
        }
        while let Some(deed) = self.answer(0, true) {
            deeds.push(deed);
        }
        for (order, amount) in std::mem::take(&mut self.suspended) {
            let known = &self.orders[order];
            self.books.carry(amount, ("payment_suspense", known.collector(), None), clearing(known.channel()));
        }
        deeds.extend([Deed::Return, self.release()]);
        deeds
    }

    fn markup(&mut self, site: usize, is_retail: bool, amount: i64) -> Deed {
        let price = PriceCase {
            site: site % self.case.sites.len(),
            is_retail,
            about: About::All,
            whom: WhomCase::Everyone,
            from_quantity: 1,
            formula: FormulaCase::Markup(amount),
            rounding: RoundingCase::None,
        };
        self.case.prices.retain(|other| other.key() != price.key());
        self.case.prices.push(price.clone());
        Deed::Markup { price }
    }

    fn change_agent(&mut self, agent: usize, level: Option<usize>, is_suspended: bool) -> Option<Deed> {
        let agent = agent % self.case.agents.len().max(1);
        let known = self.case.agents.get_mut(agent)?;
        (known.level, known.is_suspended) = (level, is_suspended);
        Some(Deed::Agent { agent, level, is_suspended })
    }

    fn place(&mut self, site: usize, brought: Option<usize>, lines: &[LineCase], way: &Way) -> Vec<Deed> {
        let agents = self.case.agents.len();
        let brought = brought.filter(|_| agents > 0).map(|agent| agent % agents);
        let site = brought.map_or(site % self.case.sites.len(), |agent| self.case.agents[agent].site);
        let (customer, collects) = match way {
            Way::Wallet { customer } => {
                let customer = customer % (WALLETS.len() + agents);
                (Some(customer), Collects::Wallet(customer))
            }
            Way::Channel { is_guest, .. } => {
                let is_own = site != 0 && self.case.sites[site].has_channel;
                ((!is_guest).then_some(0), if is_own { Collects::Own } else { Collects::Main })
            }
        };
        let priced = self.priced(site, brought, customer, lines);
        let seen = lines.iter().zip(&priced).map(|(line, priced)| {
            let unit = priced.as_ref().map_or(1_00, |priced| priced.hops[priced.hops.len() - 1].price);
            (line.sku, line.quantity, (unit + line.seen_off).max(0))
        });
        let lines: Vec<_> = seen.collect();
        let expires_at = self.now + TimeDelta::minutes(15);
        let known: Vec<Line> = priced.iter().flatten().cloned().collect();
        let order = Order { site, customer, collects, lines: known, stands: Stands::Unpaid, expires_at };
        let reasons = self.reasons(&order, &lines, &priced);
        let channel = (!matches!(collects, Collects::Wallet(_))).then(|| order.channel());
        let answer = if reasons.is_empty() { Ok(order.lines.clone()) } else { Err(reasons) };
        let is_placed = answer.is_ok();
        let mut deeds = vec![Deed::Place(Placing { site, brought, customer, lines, channel, answer })];
        if is_placed {
            self.begin(order);
            if let Way::Channel { pays: Some(money), .. } = way {
                if let MoneyCase::Late { is_swept, cost } = money {
                    deeds.extend(self.passes_by(*is_swept, *cost));
                }
                deeds.extend(self.money_for(self.orders.len() - 1, *money));
            }
        }
        deeds
    }

    /// The latest order is over: maybe it is swept, and maybe its goods are dearer by now.
    fn passes_by(&mut self, is_swept: bool, cost: Option<i64>) -> Vec<Deed> {
        let mut acts = vec![Act::Pass { minutes: 20 }];
        acts.extend(is_swept.then_some(Act::Sweep));
        let sku = self.orders[self.orders.len() - 1].lines[0].asked.sku;
        acts.extend(cost.map(|cost| Act::Cost { sku, cost }));
        acts.iter().flat_map(|act| self.act(act)).collect()
    }

    /// The lines with their prices and shares; nothing for what is hidden.
    fn priced(
        &self,
        site: usize,
        brought: Option<usize>,
        customer: Option<usize>,
        lines: &[LineCase],
    ) -> Vec<Option<Line>> {
        // A link of somebody suspended brings nobody.
        let bringer = brought.filter(|agent| !self.case.agents[*agent].is_suspended);
        let buyer = customer.and_then(|customer| customer.checked_sub(WALLETS.len()));
        let is_too_deep = shares::between(&self.case, site) > DEPTH_MAX;
        let line = |line: &LineCase| {
            let asked = Asked { sku: line.sku, quantity: line.quantity, customer };
            let hops = prices::chain(&self.case, site, asked)?;
            let bringer = bringer.filter(|_| !is_too_deep);
            let shares = shares::of_line(&self.case, &hops, asked, (bringer, buyer));
            let total = i64::from(line.quantity) * hops[hops.len() - 1].price;
            let sites = hops.iter().map(|hop| Earner::Site(hop.site));
            let earners = sites.chain(shares.agents.iter().map(|(agent, _)| *agent));
            let terms = earners.map(|earner| (earner, super::purses::term(&self.case, earner, asked.sku))).collect();
            let void = BTreeSet::new();
            Some(Line { asked, hops, shares, terms, total, delivered: None, has_failed: false, back: 0, void })
        };
        lines.iter().map(line).collect()
    }

    /// Every reason to refuse the order.
    fn reasons(&self, order: &Order, seen: &[(usize, u32, i64)], priced: &[Option<Line>]) -> Vec<&'static str> {
        let mut reasons = Vec::new();
        let mut refuse = |is_so: bool, reason| {
            if is_so {
                reasons.push(reason);
            }
        };
        refuse(shares::between(&self.case, order.site) > DEPTH_MAX, "depth_exceeded");
        refuse(priced.contains(&None), "not_for_sale");
        let is_dearer = |(line, (_, _, seen)): (&Option<Line>, &(usize, u32, i64))| {
            line.as_ref().is_some_and(|line| line.hops[line.hops.len() - 1].price > *seen)
        };
        refuse(priced.iter().zip(seen).any(is_dearer), "price_changed");
        if !priced.contains(&None) {
            if let Collects::Wallet(customer) = order.collects {
                refuse(self.books.of(wallet(customer)) < order.total(), "insufficient_funds");
            }
            let is_short = self.books.of(prepaid(order.site)) < order.cover(|_| true);
            refuse(is_short, "shop_not_funded");
            refuse(is_short && order.collects != Collects::Own, "loss_not_covered");
        }
        reasons
    }

    /// The order is there: what waits is covered, and with wallet money it is paid.
    fn begin(&mut self, order: Order) {
        let is_wallet = matches!(order.collects, Collects::Wallet(_));
        let cover = order.cover(|line| !is_wallet || line.is_manual());
        self.books.carry(cover, prepaid(order.site), held(order.site));
        self.orders.push(order);
        if is_wallet {
            self.pay(self.orders.len() - 1);
        }
    }

    /// Its right money is there: cards are delivered, and work waits.
    fn pay(&mut self, order: usize) {
        let known = self.orders[order].clone();
        let (site, total) = (known.site, known.total());
        match known.collects {
            Collects::Wallet(customer) => self.books.carry(total, wallet(customer), DEPOSITS),
            Collects::Main => self.books.carry(total, clearing(0), DEPOSITS),
            Collects::Own => {
                self.books.carry(known.cover(|_| true), held(site), DEPOSITS);
                self.books.carry(total, clearing(site), ("own_takings", Owner::Site(site), None));
            }
        }
        self.orders[order].stands = Stands::Paid;
        for line in (0..known.lines.len()).filter(|line| !known.lines[*line].is_manual()) {
            self.deliver(order, line);
        }
    }

    /// "Earned only when the line is delivered."
    fn deliver(&mut self, order: usize, line: usize) {
        self.orders[order].lines[line].delivered = Some(self.now);
        let Order { site, collects, lines, .. } = self.orders[order].clone();
        let line = &lines[line];
        let owed = line.earners(site, collects);
        let deposit = if collects == Collects::Own { line.purchase() } else { line.total };
        let loss = if collects == Collects::Own { 0 } else { line.loss(site) };
        // What the main site has sold for, less the commissions of its own agents.
        let commissions = if site == 0 { line.shares.commissions() } else { 0 };
        let mut postings = vec![(DEPOSITS, -deposit), (REVENUE, line.shares.wholesale - commissions)];
        let is_covered = matches!(collects, Collects::Main) || line.is_manual();
        postings.push((if is_covered { held(site) } else { prepaid(site) }, -loss));
        for (earner, amount) in owed {
            let day = super::purses::due(line.terms[&earner], self.now);
            postings.push((earner.pending(day), amount));
        }
        self.books.post(&postings);
        if !line.is_manual() {
            let cost = i64::from(line.asked.quantity) * self.case.skus[line.asked.sku].card_cost;
            self.books.carry(cost, ("cost_of_goods", Owner::Main, None), ("stock_at_cost", Owner::Main, None));
        }
    }

    fn money(&mut self, order: usize, money: MoneyCase) -> Option<Deed> {
        let by_channel = |order: &usize| !matches!(self.orders[*order].collects, Collects::Wallet(_));
        let orders: Vec<usize> = (0..self.orders.len()).filter(by_channel).collect();
        let unpaid: Vec<usize> =
            orders.iter().copied().filter(|one| self.orders[*one].stands != Stands::Paid).collect();
        // Mostly one that waits.
        let orders = if order < 13 && !unpaid.is_empty() { unpaid } else { orders };
        let order = *orders.get(order % orders.len().max(1))?;
        if self.orders[order].stands == Stands::Dead { None } else { self.money_for(order, money) }
    }

    /// Money comes for an order that asked for some, maybe not for the first time.
    fn money_for(&mut self, order: usize, money: MoneyCase) -> Option<Deed> {
        let known = self.orders[order].clone();
        let is_late = self.now >= known.expires_at || known.stands != Stands::Unpaid;
        let amount = if money == MoneyCase::Short { known.total() - 1 } else { known.total() };
        if amount == 0 {
            return None;
        }
        let deed = |answer| {
            let is_right_payee = money != MoneyCase::WrongPayee;
            Some(Deed::Money { order, amount, is_right_payee, is_late, answer })
        };
        if money == MoneyCase::WrongPayee {
            // "In no entry: it never was yours."
            return deed("suspended");
        }
        if known.stands == Stands::Paid || money == MoneyCase::Short {
            self.suspend(order, amount);
            return deed("suspended");
        }
        if is_late {
            // "Re-hold and deliver at the frozen price if stock and cost still allow"; "the sweeper only cleans".
            if known.stands == Stands::Unpaid {
                self.expire(order);
            }
            let is_in_time = self.now <= known.expires_at + TimeDelta::hours(24);
            note(!is_in_time, "money that comes a day late");
            if !is_in_time || !known.lines.iter().all(|line| self.cost_allows(&known, line)) {
                note(is_in_time, "late money that costs keep from buying");
                self.orders[order].stands = Stands::Dead;
                self.suspend(order, amount);
                return deed("suspended");
            }
            let cover = known.cover(|_| true);
            if self.books.of(prepaid(known.site)) < cover {
                self.orders[order].stands = Stands::Dead;
                self.suspend(order, amount);
                return deed("suspended");
            }
            self.books.carry(cover, prepaid(known.site), held(known.site));
        }
        self.pay(order);
        deed(if known.lines.iter().any(Line::is_manual) { "paid" } else { "delivered" })
    }

    /// The main site would not sell below what the goods cost it now, nor for less than its own agents earn.
    fn cost_allows(&self, order: &Order, line: &Line) -> bool {
        let cost = self.case.skus[line.asked.sku].cost;
        let dearest = i64::from(line.asked.quantity) * shares::dearest(&self.case, line.asked.sku);
        let commissions = if order.site == 0 { line.shares.commissions() } else { 0 };
        cost <= line.hops[0].price && (commissions == 0 || commissions <= line.shares.wholesale - dearest)
    }

    fn suspend(&mut self, order: usize, amount: i64) {
        self.suspended.push((order, amount));
        let known = &self.orders[order];
        self.books.carry(amount, clearing(known.channel()), ("payment_suspense", known.collector(), None));
    }

    fn expire(&mut self, order: usize) {
        let known = &mut self.orders[order];
        known.stands = Stands::Expired;
        let (cover, site) = (known.cover(|_| true), known.site);
        self.books.carry(cover, held(site), prepaid(site));
    }

    fn sweep(&mut self) -> Deed {
        let is_over =
            |order: &usize| self.orders[*order].stands == Stands::Unpaid && self.now >= self.orders[*order].expires_at;
        let over: Vec<usize> = (0..self.orders.len()).filter(is_over).collect();
        over.iter().for_each(|order| self.expire(*order));
        Deed::Sweep { ends: over.len() as u64 }
    }

    fn work(&mut self, order: usize, is_done: bool) -> Option<Deed> {
        let waits = |line: &Line| line.is_manual() && line.delivered.is_none() && line.left() > 0;
        let has_work =
            |order: &usize| self.orders[*order].stands == Stands::Paid && self.orders[*order].lines.iter().any(waits);
        let orders: Vec<usize> = (0..self.orders.len()).filter(has_work).collect();
        let order = *orders.get(order % orders.len().max(1))?;
        let line = self.orders[order].lines.iter().position(waits)?;
        let is_again = self.orders[order].lines[line].has_failed;
        self.orders[order].lines[line].has_failed = !is_done;
        if is_done {
            self.deliver(order, line);
        }
        Some(Deed::Work { order, line, is_again, is_done })
    }
}

/// What is in each wallet at first: customers, then agents.
pub fn wallets(case: &Case) -> Vec<i64> {
    WALLETS.into_iter().chain(case.agents.iter().map(|_| AGENTS_WALLET)).collect()
}
