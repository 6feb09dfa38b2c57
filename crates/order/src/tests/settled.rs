//! What was earned until it may be taken out, and what a refund takes back by then.

use catalog::{Formula, GoodsId, Rounding};
use chrono::TimeDelta;
use kernel::{Day, Money};
use ledger::{Account, AccountKind, Earner, Entry, EntryKind, Posting, Purse, Side};
use settlement::{CalendarDay, Cause, EarnerRef, NewHold, Settlement, Term, TermRule, TermTarget, Terms};
use store::Tx;
use testkit::on_both;
use uuid::Uuid;

use super::desk::proof;
use super::fixture::{CNY, Shop, cents};
use crate::{FulfilAct, Wanted};

impl Shop {
    fn settlement(&self) -> Settlement {
        Settlement::new(self.store.clone(), self.lanes.clone(), catalog::Prices::new(self.store.clone()))
    }

    fn seller(&self, level: usize) -> Earner {
        Earner { side: Side::Site, owner: self.sites[level].uuid(), currency: CNY }
    }

    async fn purse(&self, level: usize) -> Purse {
        let tx = self.store.read(&self.scope).await.expect("a reader");
        ledger::purses_in(&tx, &[self.seller(level)]).await.expect("read").remove(0)
    }

    /// What is pending by day, available and owed of the site of this level.
    async fn has(&self, level: usize) -> (Vec<(String, i64)>, i64, i64) {
        let Purse { pending, available, debt, .. } = self.purse(level).await;
        let day = |account: Account| account.due.map_or_else(String::new, |due| due.to_string());
        (pending.into_iter().map(|(account, minor)| (day(account), minor)).collect(), available, debt)
    }

    async fn terms(&self, usual: Term, rules: Vec<TermRule>) {
        let tx = self.store.write(&self.scope).await.expect("a writer");
        self.settlement().save_terms_in(&tx, Terms { usual, rules }, None, Uuid::now_v7()).await.expect("saved");
        tx.commit().await.expect("committed");
    }

    /// Takes `minor` of what is available out, as a payout does.
    async fn takes_out(&self, level: usize, minor: i64) {
        self.moves(&[self.seller(level).available()], -minor).await;
    }

    /// Puts `minor` on each of these accounts.
    async fn moves(&self, accounts: &[Account], minor: i64) {
        let money = |minor| Money::new(minor, CNY);
        let tx = self.store.write(&self.scope).await.expect("a writer");
        let mut book = ledger::Book::new(self.scope.id());
        accounts.iter().for_each(|account| book.want(*account));
        book.read_in(&tx).await.expect("read");
        for account in accounts {
            let postings = [
                Posting { account: *account, amount: money(minor) },
                Posting { account: Account::own(AccountKind::Opening, CNY), amount: money(-minor) },
            ];
            let entry = Entry::try_new(EntryKind::Adjustment, Uuid::now_v7(), "moved", postings).expect("balanced");
            book.post(entry).expect("there is enough");
        }
        book.write_in(&tx, Uuid::now_v7()).await.expect("written");
        tx.commit().await.expect("committed");
    }

    async fn settles(&self) -> u64 {
        self.settlement().release(&self.scope, false).await.expect("released").earners
    }

    /// The findings of both audits.
    async fn all_holds(&self) {
        assert_eq!(self.audit().await, Vec::<String>::new());
        let tx = self.store.snapshot(&self.scope).await.expect("a reader");
        assert_eq!(settlement::audit_in(&tx, tx.now()).await.expect("audited").breaches, Vec::new());
    }

    /// The site of level 2 buys at 9.00 and asks 11.00; the one above it earns 1.00.
    async fn sells(&self, key: &str, pieces: u32) -> crate::OrderId {
        self.buy_at(2, self.wants(pieces, 20_00), key).await.expect("bought").answer.order
    }

    async fn goods_id(&self) -> GoodsId {
        let tx = self.store.read(&self.scope).await.expect("a reader");
        let wares = catalog::Prices::new(self.store.clone()).wares_in(&tx, &[self.sku]).await.expect("read");
        wares.into_values().map(|ware| ware.facts.goods).next().expect("its goods")
    }

    async fn prices(&self) {
        for level in 0..2 {
            self.rule(level, false, Formula::Markup { amount: cents(1_00) }, Rounding::None).await;
        }
        self.rule(2, true, Formula::Markup { amount: cents(2_00) }, Rounding::None).await;
    }
}

fn today(shop: &Shop, ahead: u16) -> String {
    Day::of(shop.store.time()).after(ahead).to_string()
}

on_both! {
    async fn a_margin_is_pending_until_the_next_business_day_and_then_available(db) {
        let shop = Shop::open(&db).await;
        shop.prices().await;
        // The test's clock stands on a Saturday: the next business day is a Monday.
        assert!(Day::of(shop.store.time()).is_weekend());
        shop.sells("one", 1).await;
        let due = (0..).map(|ahead| Day::of(shop.store.time()).after(ahead)).find(|day| !day.is_weekend());
        let due = due.expect("a business day").to_string();
        assert_eq!(shop.has(2).await, (vec![(due.clone(), 2_00)], 0, 0));
        assert_eq!(shop.settles().await, 0, "nothing is due");
        while Day::of(shop.store.time()).to_string() < due {
            assert_eq!(shop.has(2).await.1, 0);
            db.clock.advance(TimeDelta::hours(1));
            let released = shop.settles().await;
            assert_eq!(released > 0, Day::of(shop.store.time()).to_string() == due);
        }
        assert_eq!((shop.has(2).await, shop.has(1).await), ((vec![], 2_00, 0), (vec![], 1_00, 0)));
        assert_eq!(shop.settles().await, 0, "it is released once");
        shop.all_holds().await;
    }

    async fn terms_are_frozen_with_the_order_and_most_specific_first(db) {
        let shop = Shop::open(&db).await;
        shop.prices().await;
        let goods = shop.goods_id().await;
        let rule = |target, term| TermRule { target, term };
        shop.terms(Term::Days(0), vec![]).await;
        shop.sells("at-once", 1).await;
        assert_eq!(shop.has(2).await.0, vec![(today(&shop, 0), 2_00)]);
        // What pays later counts after seven days only; what pays earlier, from then on.
        shop.terms(Term::Days(3), vec![rule(TermTarget::Goods(goods), Term::Days(9))]).await;
        shop.sells("before-its-time", 1).await;
        assert_eq!(shop.has(2).await.0, vec![(today(&shop, 0), 4_00)]);
        db.clock.advance(TimeDelta::days(7));
        shop.sells("later", 1).await;
        let days = shop.has(2).await.0;
        assert_eq!(days.last(), Some(&(today(&shop, 9), 2_00)), "goods come before what is usual: {days:?}");
        shop.settles().await;
        shop.all_holds().await;
    }

    async fn terms_that_pay_later_need_their_notice_and_begin_one_after_another(db) {
        let shop = Shop::open(&db).await;
        let (settlement, by) = (shop.settlement(), Uuid::now_v7());
        let tx = shop.store.write(&shop.scope).await.expect("a writer");
        let terms = |usual| Terms { usual, rules: vec![] };
        let soon = tx.now() + TimeDelta::days(6);
        let refused = settlement.save_terms_in(&tx, terms(Term::Days(9)), Some(soon), by).await;
        assert!(matches!(refused, Err(settlement::SettlementError::NoticeTooShort { .. })), "{refused:?}");
        let first = settlement.save_terms_in(&tx, terms(Term::Days(9)), None, by).await.expect("announced");
        assert_eq!((first.version, first.effective_from), (1, tx.now() + TimeDelta::days(7)));
        let refused = settlement.save_terms_in(&tx, terms(Term::Days(0)), Some(soon), by).await;
        assert!(matches!(refused, Err(settlement::SettlementError::BeforeTheLast { .. })), "{refused:?}");
        // Who takes it back begins with it: the later version counts.
        let second = settlement.save_terms_in(&tx, terms(Term::Days(0)), None, by).await.expect("announced");
        assert_eq!((second.version, second.effective_from), (2, first.effective_from));
        assert_eq!(settlement.in_force_in(&tx).await.expect("read"), None);
        tx.commit().await.expect("committed");
        shop.all_holds().await;
    }

    async fn a_holiday_moves_what_is_delivered_after_it_was_named(db) {
        let shop = Shop::open(&db).await;
        shop.prices().await;
        shop.sells("before", 1).await;
        let due = Day::parse(&shop.has(2).await.0[0].0).expect("a day");
        let tx = shop.store.write(&shop.scope).await.expect("a writer");
        let day = CalendarDay { day: due, is_business: false, name: "A holiday".to_owned() };
        shop.settlement().save_day_in(&tx, day, Uuid::now_v7()).await.expect("saved");
        tx.commit().await.expect("committed");
        shop.sells("after", 1).await;
        let days: Vec<String> = shop.has(2).await.0.into_iter().map(|(day, _)| day).collect();
        assert_eq!(days, [due.to_string(), due.after(1).to_string()]);
        let tx = shop.store.write(&shop.scope).await.expect("a writer");
        let yesterday = Day::of(tx.now()).before(1);
        let past = CalendarDay { day: yesterday, is_business: true, name: "Past".to_owned() };
        let refused = shop.settlement().save_day_in(&tx, past, Uuid::now_v7()).await;
        assert!(matches!(refused, Err(settlement::SettlementError::DayIsOver)), "{refused:?}");
    }

    async fn a_refund_takes_back_what_is_pending_then_available_and_the_rest_is_owed(db) {
        let shop = Shop::open(&db).await;
        shop.prices().await;
        shop.terms(Term::Days(0), vec![]).await;
        let orders = [shop.sells("one", 1).await, shop.sells("two", 2).await];
        shop.settles().await;
        assert_eq!(shop.has(2).await, (vec![], 6_00, 0));
        shop.takes_out(2, 5_00).await;
        let third = shop.sells("three", 1).await;
        assert_eq!(shop.has(2).await, (vec![(today(&shop, 0), 2_00)], 1_00, 0));
        // 4.00 of the second order: 2.00 are pending from another one, 1.00 is available.
        shop.refund(orders[1], "r").await.expect("refunded");
        assert_eq!(shop.has(2).await, (vec![], 0, 1_00));
        // The site above took nothing out: it has what it earned from the two others.
        assert_eq!(shop.has(1).await, (vec![], 2_00, 0));
        shop.all_holds().await;
        // What it earns next pays what it owes first.
        let fourth = shop.sells("four", 1).await;
        assert_eq!(shop.has(2).await, (vec![(today(&shop, 0), 2_00)], 0, 1_00));
        assert_eq!(shop.settles().await, 2);
        assert_eq!(shop.has(2).await, (vec![], 1_00, 0));
        // Everything goes back: what it has taken out is what it owes.
        for (order, key) in [(orders[0], "a"), (third, "b"), (fourth, "c")] {
            shop.refund(order, key).await.expect("refunded");
        }
        assert_eq!((shop.has(2).await, shop.has(1).await), ((vec![], 0, 5_00), (vec![], 0, 0)));
        shop.all_holds().await;
    }

    async fn work_that_is_done_and_refunded_in_one_batch_leaves_nobody_anything(db) {
        let shop = Shop::open(&db).await;
        shop.prices().await;
        let (sku, operator) = (shop.manual().await, shop.boss);
        for round in 0..4 {
            let key = round.to_string();
            let wants = vec![Wanted { unit: cents(60_00), ..shop.service(sku, 1) }];
            let order = shop.buy_at(2, wants, &key).await.expect("bought").answer.order;
            shop.fulfil((order, 1), FulfilAct::Take, (operator, "take")).await.expect("taken");
            let (_, refunded) =
                tokio::join!(shop.fulfil((order, 1), proof(), (operator, "done")), shop.refund(order, "refund"));
            refunded.expect("it is refunded either way");
            assert_eq!((shop.has(1).await, shop.has(2).await), ((vec![], 0, 0), (vec![], 0, 0)));
        }
        shop.all_holds().await;
    }

    async fn a_refund_takes_what_is_locked_before_it_makes_a_debt(db) {
        let shop = Shop::open(&db).await;
        shop.prices().await;
        let orders = [shop.sells("one", 1).await, shop.sells("two", 1).await];
        db.clock.advance(TimeDelta::days(5));
        shop.settles().await;
        assert_eq!(shop.has(2).await, (vec![], 4_00, 0));
        shop.moves(&[shop.seller(2).available()], -3_00).await;
        shop.moves(&[shop.seller(2).locked()], 2_50).await;
        shop.refund(orders[0], "a").await.expect("refunded");
        assert_eq!((shop.purse(2).await.locked, shop.has(2).await), (1_50, (vec![], 0, 0)));
        shop.refund(orders[1], "b").await.expect("refunded");
        assert_eq!((shop.purse(2).await.locked, shop.has(2).await), (0, (vec![], 0, 50)));
        shop.all_holds().await;
    }

    async fn an_earner_on_hold_keeps_what_falls_due_until_it_is_lifted(db) {
        let shop = Shop::open(&db).await;
        shop.prices().await;
        shop.terms(Term::Days(0), vec![]).await;
        shop.sells("one", 1).await;
        let (settlement, by) = (shop.settlement(), Uuid::now_v7());
        let tx = shop.store.write(&shop.scope).await.expect("a writer");
        let earner = EarnerRef::Site(shop.sites[2]);
        let new = NewHold { earner, cause: Cause::Dispute, reason: "codes that do not work".to_owned(), by };
        let hold = settlement.hold_in(&tx, new).await.expect("held");
        tx.commit().await.expect("committed");
        assert_eq!(shop.settles().await, 1, "the site above is not held");
        // However long: the audit knows why.
        db.clock.advance(TimeDelta::days(30));
        assert_eq!(settlement.release(&shop.scope, true).await.expect("released").earners, 0);
        assert_eq!(shop.has(2).await.1, 0);
        shop.all_holds().await;
        let tx = shop.store.write(&shop.scope).await.expect("a writer");
        settlement.lift_in(&tx, hold.id, (by, "they work")).await.expect("lifted");
        let again = settlement.lift_in(&tx, hold.id, (by, "twice")).await;
        assert!(matches!(again, Err(settlement::SettlementError::LiftedBefore)), "{again:?}");
        tx.commit().await.expect("committed");
        // The job that lifting leaves releases what was waiting.
        let runner = outbox::Runner::new(shop.store.clone(), "node", &outbox::Outbox::new());
        runner.handle(settlement::Releaser(settlement.clone())).run_once().await.expect("ran");
        assert_eq!(shop.has(2).await, (vec![], 2_00, 0));
        shop.all_holds().await;
    }

    async fn more_days_than_one_entry_settles_are_released_in_one_run(db) {
        let shop = Shop::open(&db).await;
        let (seller, today) = (shop.seller(2), Day::of(shop.store.time()));
        let days: Vec<Account> = (0..150).map(|ahead| seller.pending(today.after(ahead))).collect();
        shop.moves(&days, 5).await;
        shop.moves(&[seller.debt()], -101).await;
        db.clock.advance(TimeDelta::days(200));
        let released = shop.settlement().release(&shop.scope, true).await.expect("released");
        assert_eq!((released.earners, released.debts), (1, 101));
        assert_eq!(shop.has(2).await, (vec![], 150 * 5 - 101, 0));
        shop.all_holds().await;
    }

    async fn the_audit_sees_a_release_that_is_early_or_anothers(db) {
        let shop = Shop::open(&db).await;
        shop.prices().await;
        shop.sells("one", 1).await;
        let (own, above) = (shop.seller(2), shop.seller(1));
        let due = Day::parse(&shop.has(2).await.0[0].0).expect("a day");
        shop.all_holds().await;
        let post = async |kind, subject: Uuid, act: &str, postings: [(Account, i64); 2]| {
            let postings = postings.map(|(account, minor)| Posting { account, amount: Money::new(minor, CNY) });
            let entry = Entry::try_new(kind, subject, act, postings).expect("balanced");
            let tx = shop.store.write(&shop.scope).await.expect("a writer");
            let mut book = ledger::Book::new(shop.scope.id());
            entry.postings().iter().for_each(|posting| book.want(posting.account));
            book.read_in(&tx).await.expect("read");
            book.post(entry).expect("there is enough");
            book.write_in(&tx, Uuid::now_v7()).await.expect("written");
            tx.commit().await.expect("committed");
        };
        let found = async || {
            let tx = shop.store.snapshot(&shop.scope).await.expect("a reader");
            settlement::audit_in(&tx, tx.now()).await.expect("audited").breaches.len()
        };
        let released = EntryKind::EarningReleased;
        post(released, own.owner, "early", [(own.pending(due), -50), (own.available(), 50)]).await;
        assert_eq!(found().await, 1);
        post(released, own.owner, "to another", [(own.available(), -10), (above.available(), 10)]).await;
        assert_eq!(found().await, 2);
        post(released, own.owner, "back", [(own.available(), -10), (own.pending(due), 10)]).await;
        assert_eq!(found().await, 5);
    }

    async fn two_hundred_releases_at_once_release_once(db) {
        let shop = Shop::open(&db).await;
        shop.prices().await;
        shop.terms(Term::Days(0), vec![]).await;
        for key in ["one", "two", "three"] {
            shop.sells(key, 1).await;
        }
        let settlement = shop.settlement();
        let all = (0..200).map(|_| settlement.release(&shop.scope, true));
        let released = futures::future::try_join_all(all).await.expect("released");
        assert_eq!(released.iter().map(|one| one.earners).sum::<u64>(), 2);
        assert_eq!((shop.has(2).await, shop.has(1).await), ((vec![], 6_00, 0), (vec![], 3_00, 0)));
        shop.all_holds().await;
    }

    async fn a_clock_that_stepped_back_releases_nothing_early(db) {
        let shop = Shop::open(&db).await;
        shop.prices().await;
        shop.sells("one", 1).await;
        let due = Day::parse(&shop.has(2).await.0[0].0).expect("a day");
        // A node whose clock runs ahead asks for a day that has not come for the database.
        let early = settlement::ReleaseDue { run: Uuid::now_v7(), until: due, accounts: vec![shop.seller(2).pending(due)] };
        assert_eq!(shop.lanes.run(&shop.scope, early).await.expect("run").answer.earners, 0);
        assert_eq!(shop.has(2).await.1, 0);
        db.clock.advance(TimeDelta::days(5));
        assert_eq!(shop.settles().await, 2);
        shop.all_holds().await;
    }
}
