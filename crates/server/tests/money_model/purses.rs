//! What is earned, until it is paid out: docs/guides/money.md, "When it may be taken out" and "Being paid".

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Datelike, Days, FixedOffset, NaiveDate, Utc, Weekday};

use super::books::{Earner, Name, Owner};
use super::case::{Case, SKUS, StepCase, TermAbout, TermCase, WALLETS};
use super::deed::Deed;
use super::fraction::Fraction;
use super::model::{Model, prepaid, wallet};

const TRANSIT: Name = ("withdrawals_in_transit", Owner::Main, None);
const PAID: Name = ("payout_clearing", Owner::Main, None);
const FEES: Name = ("withdrawal_fees", Owner::Main, None);
const TAX: Name = ("tax_withheld", Owner::Main, None);

/// How a withdrawal stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Sent { net: i64, fee: i64, tax: i64 },
    Paid { net: i64, fee: i64, tax: i64 },
    Over,
}

/// What is done to a withdrawal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Cancel,
    Reject,
    /// Approved if it is not, and sent.
    Send {
        is_approved: bool,
    },
    Arrive,
    Return,
}

/// Who is held back, and what each earner has asked for.
#[derive(Debug, Default)]
pub struct Purses {
    held: BTreeSet<Earner>,
    asked: BTreeMap<Earner, Vec<(State, bool)>>,
}

/// By which term the earner has his part of what is sold today: "the order keeps the term it was placed with".
pub fn term(case: &Case, earner: Earner, sku: usize) -> TermCase {
    let level = match earner {
        Earner::Site(site) => case.sites[site].level.map(TermAbout::SiteLevel),
        Earner::Agent(agent) => case.agents[agent].level.map(TermAbout::AgentLevel),
    };
    let says = |about: TermAbout| case.terms.rules.iter().find(|(rule, _)| *rule == about).map(|(_, term)| *term);
    says(TermAbout::Goods(SKUS[sku].1)).or_else(|| says(level?)).unwrap_or(case.terms.usual)
}

/// When what was delivered at `now` falls due.
pub fn due(term: TermCase, now: DateTime<Utc>) -> NaiveDate {
    let mut day = today(now);
    if !term.is_business {
        return day + Days::new(u64::from(term.days));
    }
    // "T+1: the next business day. T+0 is the day itself, or the first business day after it."
    for _ in 0..term.days {
        day = first_business_day(day + Days::new(1));
    }
    first_business_day(day)
}

fn first_business_day(day: NaiveDate) -> NaiveDate {
    let is_weekend = matches!(day.weekday(), Weekday::Sat | Weekday::Sun);
    if is_weekend { first_business_day(day + Days::new(1)) } else { day }
}

/// The day by Beijing's clock.
fn today(now: DateTime<Utc>) -> NaiveDate {
    let beijing = FixedOffset::east_opt(8 * 3_600).expect("a zone");
    now.with_timezone(&beijing).date_naive()
}

impl Model {
    /// The sites below the main one, then the agents.
    fn earners(&self) -> Vec<Earner> {
        let sites = (1..self.case.sites.len()).map(Earner::Site);
        sites.chain((0..self.case.agents.len()).map(Earner::Agent)).collect()
    }

    /// One of those who fit.
    fn earner(&self, number: usize, fits: impl Fn(Earner) -> bool) -> Option<Earner> {
        let earners: Vec<Earner> = self.earners().into_iter().filter(|earner| fits(*earner)).collect();
        earners.get(number % earners.len().max(1)).copied()
    }

    fn has_available(&self) -> impl Fn(Earner) -> bool {
        |earner| self.books.of(earner.available()) > 0
    }

    /// "Once it has come, it pays debts and makes the rest available."
    pub(super) fn release(&mut self) -> Deed {
        let mut released = 0;
        for earner in self.earners() {
            if self.purses.held.contains(&earner) {
                continue;
            }
            let days = self.books.pending(earner).into_iter().filter(|(day, _)| *day <= today(self.now));
            let days: Vec<_> = days.collect();
            released += u64::from(!days.is_empty());
            for (day, amount) in days {
                self.give(amount, earner.pending(day), earner);
            }
        }
        Deed::Release { earners: released }
    }

    /// To the earner: what he owes is paid first.
    fn give(&mut self, amount: i64, from: Name, earner: Earner) {
        let debt = amount.min(-self.books.of(earner.debt()));
        self.books.carry(debt, from, earner.debt());
        self.books.carry(amount - debt, from, earner.available());
    }

    pub(super) fn hold(&mut self, earner: usize, is_on: bool) -> Option<Deed> {
        let earner = self.earner(earner, |_| true)?;
        let is_changed = if is_on { self.purses.held.insert(earner) } else { self.purses.held.remove(&earner) };
        is_changed.then_some(Deed::Hold { earner, is_on })
    }

    fn is_free(&self, earner: Earner) -> bool {
        !self.purses.held.contains(&earner) && self.books.of(earner.debt()) == 0
    }

    fn has_open(&self, earner: Earner) -> bool {
        self.purses.asked.get(&earner).is_some_and(|all| all.iter().any(|(state, _)| *state == State::Open))
    }

    pub(super) fn ask(&mut self, earner: usize, thousandths: i64) -> Option<Deed> {
        let earner = self.earner(earner, self.has_available())?;
        let amount = self.books.of(earner.available()) * thousandths / 1_000;
        if amount == 0 {
            return None;
        }
        let is_fine = self.is_free(earner) && !self.has_open(earner) && self.split(amount).is_some();
        if is_fine {
            self.books.carry(amount, earner.available(), earner.locked());
            self.purses.asked.entry(earner).or_default().push((State::Open, false));
        }
        Some(Deed::Ask { earner, amount, is_fine })
    }

    /// What is sent, the fee and the tax; nothing if nothing would be sent.
    fn split(&self, amount: i64) -> Option<(i64, i64, i64)> {
        let fees = &self.case.fees;
        let of = |ppm: u32, base: i64| Fraction::millionths(ppm) * Fraction::whole(base);
        let fee = of(fees.rate, amount).ceil().max(fees.least);
        let fee = fees.most.map_or(fee, |most| fee.min(most));
        let tax = fees.tax.map_or(0, |(rate, free)| of(rate, (amount - free).max(0)).floor());
        let net = amount - fee - tax;
        (net > 0).then_some((net, fee, tax))
    }

    pub(super) fn step(&mut self, earner: usize, step: StepCase) -> Option<Deed> {
        let earner = self.earner(earner, |earner| self.purses.asked.contains_key(&earner))?;
        let is_held = self.purses.held.contains(&earner);
        let fits = |(state, _): &(State, bool)| match step {
            StepCase::Cancel | StepCase::Reject => *state == State::Open,
            StepCase::Send => *state == State::Open && !is_held,
            StepCase::Arrive => matches!(state, State::Sent { .. }),
            StepCase::Return => matches!(state, State::Sent { .. } | State::Paid { .. }),
        };
        let number = self.purses.asked.get(&earner)?.iter().rposition(fits)?;
        let (state, is_approved) = self.purses.asked[&earner][number];
        let left = self.books.of(earner.locked());
        let mut is_sent = false;
        let (next, step) = match (step, state) {
            (StepCase::Cancel, _) => (State::Over, Step::Cancel),
            (StepCase::Reject, _) => (State::Over, Step::Reject),
            (StepCase::Send, _) => {
                let split = self.split(left);
                is_sent = split.is_some();
                let next = split.map_or(State::Open, |(net, fee, tax)| State::Sent { net, fee, tax });
                (next, Step::Send { is_approved })
            }
            (StepCase::Arrive, State::Sent { net, fee, tax }) => (State::Paid { net, fee, tax }, Step::Arrive),
            _ => (State::Over, Step::Return),
        };
        self.move_withdrawal(earner, (state, next), left);
        let is_approved = is_approved || matches!(step, Step::Send { .. });
        self.purses.asked.get_mut(&earner)?[number] = (next, is_approved);
        Some(Deed::Step { earner, number, step, is_sent })
    }

    fn move_withdrawal(&mut self, earner: Earner, states: (State, State), left: i64) {
        match states {
            (State::Open, State::Over) => self.give(left, earner.locked(), earner),
            (State::Open, State::Sent { net, fee, tax }) => {
                self.books.post(&[(earner.locked(), -left), (TRANSIT, net), (FEES, fee), (TAX, tax)]);
            }
            (State::Sent { net, .. }, State::Paid { .. }) => self.books.carry(net, TRANSIT, PAID),
            (State::Sent { net, fee, tax } | State::Paid { net, fee, tax }, State::Over) => {
                let from = if matches!(states.0, State::Sent { .. }) { TRANSIT } else { PAID };
                for (account, amount) in [(from, net), (FEES, fee), (TAX, tax)] {
                    self.give(amount, account, earner);
                }
            }
            _ => {}
        }
    }

    pub(super) fn convert(&mut self, earner: usize, thousandths: i64) -> Option<Deed> {
        let earner = self.earner(earner, self.has_available())?;
        let amount = self.books.of(earner.available()) * thousandths / 1_000;
        if amount == 0 {
            return None;
        }
        let is_fine = self.is_free(earner);
        if is_fine {
            let to = match earner {
                Earner::Site(site) => prepaid(site),
                Earner::Agent(agent) => wallet(WALLETS.len() + agent),
            };
            self.books.carry(amount, earner.available(), to);
        }
        Some(Deed::Convert { earner, amount, is_fine })
    }
}
