//! The deeds, done by the program's public services, each with the answer that it has to give.

use std::fmt::Debug;

use chrono::{NaiveDate, TimeDelta};
use commission::{Agents, How};
use kernel::Coded;
use ledger::AccountKind;
use order::{
    Brought, Buyer, Checkout, Contact, FulfilAct, FulfilBy, LinePart, LineRef, LineWish, LinkToken, OrderId, Receipt,
    RefundCloser, RefundOf, RefundTo, RefundWish, SoldBy, Wanted,
};
use outbox::{Outbox, Runner};
use payment::{MoveRefund, RefundEvent, RefundState, Seen};
use risk::Limits;
use settlement::{Cause, EarnerRef, NewHold};
use store::Tx;
use uuid::Uuid;
use withdrawal::{Ask, Convert, Means, NewPayee, Outcome, PayeeDetails, Word};

use super::books::{Books, Earner, Name, Owner};
use super::deed::{Deed, PartAsked, Placing};
use super::model::Line;
use super::purses::Step;
use super::world::{CNY, World, cents, payee, somebody};

type Verdict = Result<(), String>;

/// What is there is what has to be.
fn same<T: PartialEq + Debug>(what: &str, is: &T, should: &T) -> Verdict {
    if is == should { Ok(()) } else { Err(format!("{what}: the program says {is:?}, the model {should:?}")) }
}

fn key() -> String {
    somebody().to_string()
}

impl World {
    pub async fn does(&mut self, deed: &Deed) -> Verdict {
        match deed {
            Deed::Place(placing) => self.place(placing).await,
            Deed::Money { order, amount, is_right_payee, is_late, answer } => {
                let receipt = self.receive((*order, *amount), *is_right_payee, *is_late).await;
                same("money", &receipt, answer)
            }
            Deed::Work { order, line, is_again, is_done } => {
                self.work((*order, *line), *is_again, *is_done).await;
                Ok(())
            }
            Deed::Sweep { ends } => same("sweep", &self.house.orders.sweep(&self.scope).await.expect("swept"), ends),
            Deed::Refund { order, lines, to_wallet, answer } => self.refund((*order, lines), *to_wallet, answer).await,
            Deed::Answer { refund, is_again, is_done } => {
                self.answer(*refund, *is_again, *is_done).await;
                Ok(())
            }
            Deed::Return => {
                self.returns_money_that_buys_nothing().await;
                Ok(())
            }
            Deed::Pass { minutes } => {
                self.db.clock.advance(TimeDelta::minutes(*minutes));
                Ok(())
            }
            Deed::Release { earners } => {
                let released = self.house.settlement.release(&self.scope, true).await.expect("released").earners;
                same("released earners", &released, earners)
            }
            Deed::Cost { .. } | Deed::Markup { .. } | Deed::Agent { .. } => {
                self.changes(deed).await;
                Ok(())
            }
            Deed::Hold { earner, is_on } => {
                self.hold(*earner, *is_on).await;
                Ok(())
            }
            Deed::Ask { earner, amount, is_fine } => self.ask(*earner, *amount, *is_fine).await,
            Deed::Step { earner, number, step, is_sent } => self.step((*earner, *number), *step, *is_sent).await,
            Deed::Convert { earner, amount, is_fine } => self.convert(*earner, *amount, *is_fine).await,
        }
    }

    async fn place(&mut self, placing: &Placing) -> Verdict {
        let Placing { site, brought, customer, lines, channel, answer } = placing;
        let (scope, mut shop) = (self.scope.site(self.sites[*site]), self.sold_by(*site));
        if let Some(agent) = brought {
            // A node that has not looked before: what one knows of an agent may be a second old.
            let agents = Agents::new(self.house.store.clone());
            let found = agents.referral(&scope, &self.codes[*agent], How::Link).await.expect("read");
            shop.brought = found.map_or(Brought::Nobody, Brought::Link);
        }
        let number = self.orders.len() as u8;
        let buyer = match customer {
            Some(customer) => Buyer::account(self.customers[*customer]),
            None => Buyer {
                customer: None,
                visitor: Some(vec![number; 32]),
                contact: Some(Contact::parse(&format!("guest-{number}@example.test")).expect("a contact")),
                query_key: None,
                address: None,
            },
        };
        let wanted = lines.iter().map(|(sku, quantity, seen)| Wanted::new(self.skus[*sku], *quantity, cents(*seen)));
        let lines: Vec<Wanted> = wanted.collect();
        let placed = match channel {
            None => self.house.orders.place(&scope, shop, buyer, lines, &key()).await,
            Some(channel) => {
                let checkout = Checkout {
                    order: OrderId::new(),
                    link: LinkToken::new(),
                    buyer,
                    lines,
                    channel: self.channels[*channel].expect("a channel"),
                    return_url: "http://shop.test/".to_owned(),
                    hold_for: TimeDelta::minutes(15),
                };
                self.house.orders.checkout(&scope, shop, checkout, &key()).await
            }
        };
        match (placed, answer) {
            (Ok(placed), Ok(lines)) => {
                let placed = placed.answer;
                self.orders.push(placed.order);
                self.due.push(placed.due.map(|due| due.out_no.to_string()));
                same("total", &placed.total.minor(), &lines.iter().map(|line| line.total).sum())?;
                self.froze(placed.order, lines).await
            }
            (Err(error), Err(reasons)) if reasons.contains(&error.code()) => Ok(()),
            (placed, answer) => {
                let placed = placed.map(|placed| placed.answer.total).map_err(|error| error.to_string());
                Err(format!("placed: the program says {placed:?}, the model {answer:?}"))
            }
        }
    }

    fn sold_by(&self, site: usize) -> SoldBy {
        let chain = self.chains[site].clone();
        let limits = Limits { open_orders_per_visitor: 50, open_orders_per_contact: 50, ..Limits::default() };
        SoldBy { chain, currency: CNY, limits, brought: Brought::Nobody }
    }

    /// The order has the prices and the commissions of the model.
    async fn froze(&self, order: OrderId, lines: &[Line]) -> Verdict {
        let view = self.house.orders.desk_view(&self.scope, order).await.expect("a view");
        for (line, should) in view.lines.iter().zip(lines) {
            let site = |site| self.sites.iter().position(|one| *one == site).expect("a site of the case");
            let hops: Vec<_> =
                line.hops.iter().map(|hop| (site(hop.site), hop.cost.minor(), hop.price.minor())).collect();
            same("hops", &hops, &should.hops.iter().map(|hop| (hop.site, hop.cost, hop.price)).collect())?;
            let agent = |id| self.agents.iter().position(|one| one.id == id).expect("an agent of the case");
            let earned: Vec<_> =
                line.commissions.iter().map(|one| (Earner::Agent(agent(one.agent)), one.amount.minor())).collect();
            same("commissions", &earned, &should.shares.agents)?;
        }
        same("lines", &view.lines.len(), &lines.len())
    }

    async fn receive(&mut self, (order, amount): (usize, i64), is_right_payee: bool, is_late: bool) -> &'static str {
        self.trades += 1;
        let view = self.house.orders.desk_view(&self.scope, self.orders[order]).await.expect("a view");
        let site = view.collector.map_or(0, |site| self.sites.iter().position(|one| *one == site).expect("a site"));
        let tx = self.house.store.read(&self.scope).await.expect("a reader");
        let seen = Seen {
            channel: self.channels[site].expect("a channel"),
            out_no: self.due[order].clone().expect("it waits for money"),
            trade_no: format!("T{}", self.trades),
            payee: if is_right_payee { payee(site) } else { "somebody-else".to_owned() },
            amount: cents(amount),
            paid_at: tx.now(),
            is_confirmed: is_late,
        };
        drop(tx);
        match self.house.orders.receive(&self.scope, seen).await.expect("received") {
            Receipt::Delivered { .. } => "delivered",
            Receipt::Paid { .. } => "paid",
            Receipt::ToppedUp => "topped up",
            Receipt::Known => "known",
            Receipt::Unconfirmed => "unconfirmed",
            Receipt::Suspended { .. } => "suspended",
        }
    }

    async fn work(&self, (order, line): (usize, usize), is_again: bool, is_done: bool) {
        let at = LineRef { order: self.orders[order], line: line as i32 + 1 };
        let end = if is_done {
            FulfilAct::Complete { proof: "https://files.test/a.png".to_owned() }
        } else {
            FulfilAct::Fail { reason: "the account does not exist".to_owned() }
        };
        let again = is_again.then_some(FulfilAct::Retry);
        for act in again.into_iter().chain([FulfilAct::Take, end]) {
            let by = FulfilBy { operator: self.boss, key: &key() };
            self.house.orders.fulfil(&self.scope, at, act, by).await.expect("worked");
        }
    }

    async fn refund(
        &mut self,
        (order, lines): (usize, &[(usize, PartAsked)]),
        to_wallet: bool,
        answer: &Result<i64, Vec<&'static str>>,
    ) -> Verdict {
        let lines = lines.iter().map(|(line, part)| {
            let part = match part {
                PartAsked::Rest => LinePart::Rest,
                PartAsked::Amount(minor) => LinePart::Amount(cents(*minor)),
                PartAsked::Pieces(places) => LinePart::Pieces(places.clone()),
            };
            LineWish { line: *line as i32 + 1, part }
        });
        let to = if to_wallet { RefundTo::Wallet } else { RefundTo::Source };
        let wish = RefundWish { lines: lines.collect(), to };
        let of = RefundOf { reason: "the buyer is right".to_owned(), by: self.boss };
        match (self.house.orders.refund(&self.scope, (self.orders[order], wish), of, &key()).await, answer) {
            (Ok(asked), Ok(amount)) => {
                self.refunds.extend(asked.answer.refund.map(|refund| (refund, 0)));
                same("refund", &asked.answer.amount.minor(), amount)
            }
            (Err(error), Err(reasons)) if reasons.contains(&error.code()) => Ok(()),
            (asked, answer) => {
                let asked = asked.map(|asked| asked.answer.amount).map_err(|error| error.code());
                Err(format!("refund: the program says {asked:?}, the model {answer:?}"))
            }
        }
    }

    /// The channel is asked for the refund, and this is what comes of it.
    async fn answer(&mut self, refund: usize, is_again: bool, is_done: bool) {
        let (refund, tries) = &mut self.refunds[refund];
        if is_again {
            self.house.payments.approve_refund(&self.scope, *refund, &key()).await.expect("approved");
        }
        let end = if is_done { RefundEvent::Done } else { RefundEvent::Failed { reason: "later".to_owned() } };
        let submit = MoveRefund { refund: *refund, event: RefundEvent::Submit, tries: *tries };
        *tries += 1;
        for event in [submit, MoveRefund { refund: *refund, event: end, tries: *tries }] {
            self.house.lanes.run(&self.scope, event).await.expect("run").answer.expect("it moves");
        }
        // The order hears of it by a job.
        let closer = RefundCloser(self.house.orders.clone());
        let runner = Runner::new(self.house.store.clone(), "node", &Outbox::new()).handle(closer);
        runner.run_once().await.expect("ran");
    }

    async fn returns_money_that_buys_nothing(&mut self) {
        let of_orders = self.refunds.len();
        for state in [RefundState::Requested, RefundState::Approved] {
            let page = self.house.payments.refunds(&self.scope, state, None).await.expect("read");
            assert!(page.next.is_none(), "a case has few of them");
            self.refunds.extend(page.refunds.iter().map(|refund| (refund.id, refund.tries)));
            for refund in of_orders..self.refunds.len() {
                self.answer(refund, state == RefundState::Requested, true).await;
            }
            self.refunds.truncate(of_orders);
        }
    }

    async fn changes(&mut self, deed: &Deed) {
        let tx = self.house.store.write(&self.scope).await.expect("a writer");
        match deed {
            Deed::Cost { sku, cost } => {
                self.drafts[*sku].cost = cents(*cost);
                self.house.catalog.save_sku_in(&tx, &self.drafts[*sku]).await.expect("saved");
            }
            Deed::Markup { price } => self.write_price(&tx, &self.case, price).await,
            Deed::Agent { agent, level, is_suspended } => {
                self.change_agent(&tx, *agent, (*level, *is_suspended)).await;
            }
            other => panic!("{other:?} changes nothing"),
        }
        tx.commit().await.expect("committed");
    }

    fn earner(&self, earner: Earner) -> (EarnerRef, Uuid) {
        match earner {
            Earner::Site(site) => (EarnerRef::Site(self.sites[site]), self.boss.uuid()),
            Earner::Agent(agent) => {
                let agent = &self.agents[agent];
                (EarnerRef::Agent(agent.site, agent.id), agent.customer.uuid())
            }
        }
    }

    async fn hold(&mut self, earner: Earner, is_on: bool) {
        let (who, _) = self.earner(earner);
        let tx = self.house.store.write(&self.scope).await.expect("a writer");
        if is_on {
            let new = NewHold { earner: who, cause: Cause::Risk, reason: "odd orders".to_owned(), by: somebody() };
            let hold = self.house.settlement.hold_in(&tx, new).await.expect("held").id;
            self.holds.push((earner, hold));
        } else {
            let place = self.holds.iter().position(|(held, _)| *held == earner).expect("a hold");
            let (_, hold) = self.holds.remove(place);
            self.house.settlement.lift_in(&tx, hold, (somebody(), "all is well")).await.expect("lifted");
        }
        tx.commit().await.expect("committed");
    }

    async fn ask(&mut self, earner: Earner, minor: i64, is_fine: bool) -> Verdict {
        let (who, by) = self.earner(earner);
        let known = self.payees.iter().find(|(one, _)| *one == earner).map(|(_, payee)| *payee);
        let payee = match known {
            Some(payee) => payee,
            None => {
                let details = ("Li Lei", "6222021200001234", "Bank");
                let details = PayeeDetails::parse(Means::Bank, details).expect("details");
                let new = NewPayee { earner: who, means: Means::Bank, details };
                let tx = self.house.store.write(&self.scope).await.expect("a writer");
                let payee = self.house.withdrawals.add_payee_in(&tx, new, by).await.expect("a payee").id;
                tx.commit().await.expect("committed");
                self.payees.push((earner, payee));
                payee
            }
        };
        let ask = Ask { earner: who, amount: cents(minor), payee, invoice: None, by, key: key() };
        let asked = self.house.withdrawals.ask(&self.scope, ask).await;
        same("asked", &asked.is_ok(), &is_fine).map_err(|words| format!("{words}: {:?}", asked.as_ref().err()))?;
        self.withdrawals.extend(asked.ok().map(|asked| (earner, asked.answer.id)));
        Ok(())
    }

    async fn step(&self, (earner, number): (Earner, usize), step: Step, is_sent: bool) -> Verdict {
        let mut own = self.withdrawals.iter().filter(|(one, _)| *one == earner);
        let (_, id) = *own.nth(number).expect("a withdrawal");
        let (scope, withdrawals, (_, earner)) = (&self.scope, &self.house.withdrawals, self.earner(earner));
        let review = async |word, by| {
            withdrawals.review(scope, (id, None), word, (by, key())).await.expect("reviewed");
        };
        match step {
            Step::Cancel => review(Word::Cancel, earner).await,
            Step::Reject => review(Word::Reject { reason: "no".to_owned() }, somebody()).await,
            Step::Send { is_approved } => {
                if !is_approved {
                    review(Word::Approve { is_name_checked: true }, somebody()).await;
                }
                let sent = withdrawals.send(scope, &[id], CNY, (somebody(), key())).await;
                let is_out = sent.as_ref().is_ok_and(|sent| sent.answer.sent == [id]);
                return same("sent", &is_out, &is_sent).map_err(|words| format!("{words}: {sent:?}"));
            }
            Step::Arrive | Step::Return => {
                let arrived = Outcome::Arrived { reference: None };
                let back = Outcome::Returned { reason: "closed".to_owned() };
                let outcome = if step == Step::Arrive { arrived } else { back };
                withdrawals.end(scope, id, outcome, (somebody(), key())).await.expect("ended");
            }
        }
        Ok(())
    }

    async fn convert(&self, earner: Earner, minor: i64, is_fine: bool) -> Verdict {
        let (who, by) = self.earner(earner);
        let wallet = match earner {
            Earner::Site(_) => None,
            Earner::Agent(agent) => Some(self.agents[agent].customer),
        };
        let convert = Convert { earner: who, amount: cents(minor), wallet, by, key: key() };
        let converted = self.house.withdrawals.convert(&self.scope, convert).await;
        same("converted", &converted.is_ok(), &is_fine).map_err(|words| format!("{words}: {:?}", converted.err()))
    }

    /// All balances of the tenant, by the numbers of the case.
    pub async fn books(&self) -> Books {
        let tx = self.house.store.read(&self.scope).await.expect("a reader");
        let accounts = ledger::accounts_in(&tx, None, None, 10_000).await.expect("accounts");
        let mut books = Books::default();
        for known in accounts {
            let day = known.account.due.map(|day| day.to_string().parse::<NaiveDate>().expect("a day"));
            let name: Name = (known.account.kind.name(), self.owner(known.account.kind, known.account.owner), day);
            books.put(name, known.balance.minor());
        }
        books
    }

    fn owner(&self, kind: AccountKind, owner: Option<Uuid>) -> Owner {
        let Some(id) = owner else { return Owner::Main };
        let place = |ids: Vec<Uuid>| ids.iter().position(|one| *one == id);
        let sites = place(self.sites.iter().map(|site| site.uuid()).collect()).map(Owner::Site);
        let agents = place(self.agents.iter().map(|agent| agent.id.uuid()).collect()).map(Owner::Agent);
        let customers = place(self.customers.iter().map(|customer| customer.uuid()).collect()).map(Owner::Customer);
        let channels = self.channels.iter().map(|channel| channel.map_or(Uuid::nil(), |channel| channel.uuid()));
        let channels = place(channels.collect()).map(Owner::Channel);
        let found = sites.or(agents).or(customers).or(channels);
        found.unwrap_or_else(|| panic!("{} of nobody: {id}", kind.name()))
    }
}
