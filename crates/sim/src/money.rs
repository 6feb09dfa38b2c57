//! Money on its way: how buyers pay, what gateways tell, and how refunds are sent and asked after.

use chrono::{DateTime, Utc};
use kernel::Day;
use ledger::{Account, Earner};
use order::{EndRefund, OrderId, Receipt, Receive};
use payment::{
    AttemptState, ChannelId, MoveRefund, OutNo, RefundEvent, RefundId, RefundMoved, RefundState, Refusal, Seen,
    StartAttempt,
};
use settlement::ReleaseDue;

use crate::act::{Act, Ask, Asker, TakeOut};
use crate::agenda::Event;
use crate::database::Job;
use crate::gateway::Way;
use crate::touched::Finding;
use crate::world::{SECOND, World};

const HOUR: u64 = 3_600;

impl World {
    /// What a buyer does about a payment that ends at `end`.
    pub fn plan_payment(&mut self, tenant: usize, (out_no, channel): (OutNo, ChannelId), end: i64) {
        let roll = self.dice.throw() % 1_000;
        let soon = self.later(1, 240);
        let late = self.later(1, 2_400) - self.clock + end;
        let mut pay = |at, way| self.agenda.plan(at, Event::Pay { tenant, out_no, way });
        match roll {
            0..100 => {}
            100..720 => pay(soon, Way::Right),
            720..800 => pay(late, Way::Right),
            800..810 => pay(late + 25 * 3_600 * SECOND, Way::Right),
            810..850 => {
                pay(soon, Way::Right);
                pay(soon + 7 * SECOND, Way::Right);
            }
            850..860 => {
                pay(late, Way::Right);
                pay(late + SECOND, Way::Right);
            }
            860..900 => {
                pay(soon, Way::WrongAmount);
                pay(soon + 30 * SECOND, Way::Right);
            }
            900..930 => pay(soon, Way::WrongPayee),
            930..950 => pay(soon, Way::UnknownNumber),
            _ => {
                pay(soon + 60 * SECOND, Way::Right);
                self.agenda.plan(soon, Event::TryAgain { tenant, out_no, channel });
            }
        }
    }

    /// Something that was planned happens.
    pub fn take_event(&mut self, event: Event) -> Result<(), Finding> {
        match event {
            Event::Pay { tenant, out_no, way } => self.pay(tenant, out_no, way),
            Event::Message { tenant, seen } => self.take_message(tenant, seen),
            Event::Again(ask) => self.ask(ask),
            Event::Job { tenant, job } => return self.run_job(tenant, job),
            Event::Sweep { tenant } => {
                self.sweep(tenant);
                if !self.is_calm {
                    let at = self.later(20, 60);
                    self.agenda.plan(at, Event::Sweep { tenant });
                }
            }
            Event::Settle { tenant } => {
                self.settle(tenant);
                if !self.is_calm {
                    let at = self.later(30, 120);
                    self.agenda.plan(at, Event::Settle { tenant });
                }
            }
            Event::Work { tenant, line } => self.work_on(tenant, line),
            Event::GiveBack { tenant, order } => self.give_back(tenant, order),
            Event::Replace { tenant, order } => self.replace_codes(tenant, order),
            Event::Decide { tenant, refund } => self.decide(tenant, refund),
            Event::TryAgain { tenant, out_no, channel } => {
                if let Some(attempt) = self.databases[tenant].attempts.get(&out_no) {
                    let intent = attempt.intent;
                    let (key, out_no) = (self.dice.hex32(), self.dice.out_no());
                    let act = StartAttempt { key, intent, channel, out_no };
                    self.ask_for(tenant, Act::Attempt(act), Asker::Person);
                }
            }
        }
        Ok(())
    }

    /// What is due is released, now and then from two places at once or with a clock that runs ahead; one who has something
    /// available or locked takes a part of it out.
    fn settle(&mut self, tenant: usize) {
        let database = &self.databases[tenant];
        let until = Day::of(database.now).after(if self.dice.is_hit(100) { 1 } else { 0 });
        let due = database.pending().into_iter().filter(|(account, _)| account.due.is_some_and(|due| due <= until));
        let accounts: Vec<Account> = due.map(|(account, _)| account).collect();
        let balances = database.balances.iter();
        let rich = balances.filter_map(|(account, minor)| {
            let earner = Earner::of(account)?;
            let is_his = *account == earner.locked() && *minor > 0 || *account == earner.available() && *minor > 1;
            is_his.then_some(earner)
        });
        let mut rich: Vec<Earner> = rich.collect();
        rich.sort();
        rich.dedup();
        let times = if self.dice.is_hit(200) { 2 } else { 1 };
        for _ in 0..times {
            for some in accounts.chunks(5) {
                let act = ReleaseDue { run: self.dice.name(), until, accounts: some.to_vec() };
                self.ask_for(tenant, Act::Release(act), Asker::Job);
            }
        }
        if !rich.is_empty() {
            let (name, from) = (self.dice.name(), *self.dice.pick(&rich));
            self.ask_for(tenant, Act::TakeOut(TakeOut { name, from }), Asker::Message);
        }
    }

    /// A buyer pays at the gateway, which tells of it never, once or more often, soon or late.
    fn pay(&mut self, tenant: usize, out_no: OutNo, way: Way) {
        let database = &self.databases[tenant];
        let Some(attempt) = database.attempts.get(&out_no).cloned() else { return };
        let now = database.now;
        let gateway = &mut self.gateways[tenant];
        let first = gateway.query(&out_no.to_string());
        let Some(trade_no) = gateway.pay(&mut self.dice, &attempt, way, now) else { return };
        let seen = gateway.seen(&trade_no, false);
        if let Some(first) = &first {
            // A question finds one trade of a number: of several, each is told of.
            let seen = Seen { is_confirmed: false, ..first.clone() };
            let at = self.later(0, 20);
            self.agenda.plan(at, Event::Message { tenant, seen });
        }
        // Only what a question finds may go untold.
        let is_found = first.is_none() && way != Way::UnknownNumber;
        let times = if is_found && self.dice.is_hit(100) { 0 } else { self.dice.between(1, 3) };
        for _ in 0..times {
            let delay = if self.dice.is_hit(100) { self.later(60, 900) } else { self.later(0, 20) };
            self.agenda.plan(delay, Event::Message { tenant, seen: seen.clone() });
        }
    }

    fn take_message(&mut self, tenant: usize, seen: Seen) {
        let about = self.databases[tenant].about(&seen);
        self.ask_for(tenant, Act::Receive(Receive { seen, about, callback: None }), Asker::Message);
    }

    /// Money has its place, or its gateway is to be asked first.
    pub fn received(&mut self, ask: &Ask, receive: &Receive, receipt: &Receipt) {
        let tenant = ask.tenant;
        match receipt {
            Receipt::Unconfirmed if !receive.seen.is_confirmed => {
                let is_silent = !self.is_calm && self.dice.is_hit(100);
                let confirmed = self.gateways[tenant].query(&receive.seen.out_no).filter(|_| !is_silent);
                match confirmed {
                    Some(seen) => {
                        if seen.trade_no != receive.seen.trade_no {
                            // The gateway speaks of another trade of this number. Nobody confirms this one: after a
                            // day of trying it is for a person.
                            self.unconfirmed[tenant].insert(receive.seen.trade_no.clone());
                        }
                        self.take_message(tenant, seen);
                    }
                    None => {
                        let at = self.later(10, 600);
                        self.agenda.plan(at, Event::Message { tenant, seen: receive.seen.clone() });
                    }
                }
            }
            Receipt::Delivered { order } | Receipt::Paid { order } => {
                self.totals.payments += 1;
                self.delivered(tenant, *order);
            }
            Receipt::ToppedUp => self.totals.payments += 1,
            Receipt::Suspended { .. } => {
                self.totals.payments += 1;
                self.totals.exceptions += 1;
            }
            Receipt::Known | Receipt::Unconfirmed => {}
        }
    }

    /// A job is run. Whoever runs it may die at any of the commands it asks for: then it comes again.
    fn run_job(&mut self, tenant: usize, job: Job) -> Result<(), Finding> {
        match job {
            Job::Create(out_no) => self.set_attempt((tenant, out_no), AttemptState::New, AttemptState::Waiting),
            Job::Watch(out_nos) => {
                for out_no in out_nos {
                    let job = Job::Query { out_no, is_last: false };
                    self.agenda.plan(self.clock, Event::Job { tenant, job });
                }
            }
            Job::Query { out_no, is_last } => self.look_at(tenant, out_no, is_last),
            Job::Refund(id) => self.pursue(tenant, id),
            Job::Returned(refunds) => {
                for (refund, intent) in refunds {
                    let order = OrderId::from_uuid(intent.uuid());
                    self.ask_for(tenant, Act::EndRefund(EndRefund { order, refund }), Asker::Message);
                }
            }
            Job::Delivered(orders) => self.announce(tenant, &orders)?,
        }
        Ok(())
    }

    /// Writes what the gateway has said of a try, unless a batch is just at it.
    fn set_attempt(&mut self, (tenant, out_no): (usize, OutNo), from: AttemptState, to: AttemptState) {
        let database = &mut self.databases[tenant];
        let Some(attempt) = database.attempts.get_mut(&out_no).filter(|attempt| attempt.state == from) else { return };
        if !database.locks.intents.contains_key(&attempt.intent) {
            attempt.state = to;
        }
    }

    /// Asks the gateway after a trade that nobody has told of, and closes it at its end.
    fn look_at(&mut self, tenant: usize, out_no: OutNo, is_last: bool) {
        let database = &self.databases[tenant];
        let Some(attempt) = database.attempts.get(&out_no) else { return };
        if matches!(attempt.state, AttemptState::Paid | AttemptState::Mismatched | AttemptState::Failed) {
            return;
        }
        let (state, intent) = (attempt.state, &database.intents[&attempt.intent]);
        let (is_payable, left) = (intent.is_payable(database.now), micros_between(database.now, intent.expires_at));
        if let Some(seen) = self.gateways[tenant].query(&out_no.to_string()) {
            self.take_message(tenant, seen);
            return;
        }
        let again = |world: &mut Self, at, is_last| {
            world.agenda.plan(at, Event::Job { tenant, job: Job::Query { out_no, is_last } });
        };
        if is_payable {
            let at = self.clock + left + SECOND;
            again(self, at, false);
        } else if !is_last && self.gateways[tenant].close(out_no) {
            self.set_attempt((tenant, out_no), state, AttemptState::Closed);
            let at = self.later(60, 90);
            again(self, at, true);
        }
    }

    /// Takes a refund one step further; as long as it has no end, the job comes again.
    fn pursue(&mut self, tenant: usize, id: RefundId) {
        let Some(refund) = self.databases[tenant].refunds.get(&id).cloned() else { return };
        let event = match refund.state {
            RefundState::Approved => RefundEvent::Submit,
            RefundState::Submitting | RefundState::Unknown => {
                match self.gateways[tenant].refund_query(refund.refund_no) {
                    Some(event) => event,
                    None if refund.state == RefundState::Submitting => no_such_refund(),
                    None => RefundEvent::SubmitAgain,
                }
            }
            RefundState::Requested | RefundState::Done | RefundState::Failed | RefundState::Cancelled => return,
        };
        self.move_refund((tenant, id), event, refund.tries);
        let at = self.later(5, if self.is_calm { 60 } else { HOUR / 4 });
        self.agenda.plan(at, Event::Job { tenant, job: Job::Refund(id) });
    }

    fn move_refund(&mut self, (tenant, refund): (usize, RefundId), event: RefundEvent, tries: u32) {
        let act = Act::Move(MoveRefund { refund, event, tries });
        self.ask_for(tenant, act, Asker::Refunder(refund));
    }

    /// The refund has moved as its job wanted: what is noted as sent is sent.
    pub fn refund_moved(
        &mut self,
        (tenant, id): (usize, RefundId),
        moved: &MoveRefund,
        answer: &Result<RefundMoved, Refusal>,
    ) {
        let Ok(RefundMoved { tries, .. }) = *answer else { return };
        match moved.event {
            RefundEvent::Submit | RefundEvent::SubmitAgain => {
                let refund = self.databases[tenant].refunds[&id].clone();
                match self.gateways[tenant].refund(&mut self.dice, &refund) {
                    RefundEvent::Accepted => {}
                    event => self.move_refund((tenant, id), event, tries),
                }
            }
            RefundEvent::Unknown { .. } if moved.event == no_such_refund() => {
                self.move_refund((tenant, id), RefundEvent::SubmitAgain, tries);
            }
            _ => {}
        }
    }

    /// An operator's word on a refund.
    fn decide(&mut self, tenant: usize, id: RefundId) {
        let Some(refund) = self.databases[tenant].refunds.get(&id) else { return };
        let (tries, state) = (refund.tries, refund.state);
        let event = match state {
            RefundState::Requested if self.dice.is_hit(300) => RefundEvent::Cancel,
            RefundState::Requested | RefundState::Failed => RefundEvent::Approve,
            _ => return,
        };
        let act = Act::Move(MoveRefund { refund: id, event, tries });
        self.ask_for(tenant, act, Asker::Person);
    }
}

fn no_such_refund() -> RefundEvent {
    RefundEvent::Unknown { reason: "the gateway has no such refund".to_owned() }
}

fn micros_between(from: DateTime<Utc>, to: DateTime<Utc>) -> i64 {
    (to - from).num_microseconds().unwrap_or(0).max(0)
}
