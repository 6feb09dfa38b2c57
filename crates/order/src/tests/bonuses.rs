//! A top-up and what is given beside it.

use chrono::TimeDelta;
use ledger::AccountKind;
use payment::{BonusRules, BonusTier, ChannelId, ExceptionKind, Gives, OpenTopUp, Seen, TopUpOpened};
use testkit::on_both;
use uuid::Uuid;

use super::fixture::{Shop, cents, payee};
use crate::Receipt;

/// 5.00 from 100.00 on, a tenth from 500.00 on, 60.00 at most, 80.00 in a month.
fn usual() -> BonusRules {
    let fixed = BonusTier { from_minor: 100_00, gives: Gives::Fixed { minor: 5_00 } };
    let share = BonusTier { from_minor: 500_00, gives: Gives::Share { rate_ppm: 100_000 } };
    BonusRules { tiers: vec![fixed, share], most_minor: Some(60_00), month_minor: Some(80_00) }
}

impl Shop {
    async fn bonus_rules(&self, rules: BonusRules) {
        let tx = self.store.write(&self.scope).await.expect("a writer");
        self.payments.save_bonus_rules_in(&tx, rules, None, Uuid::now_v7()).await.expect("saved");
        tx.commit().await.expect("committed");
    }

    /// Opens a top-up; answers it and what it was promised.
    async fn tops_up(&self, channel: ChannelId, minor: i64) -> (TopUpOpened, i64) {
        let top_up = OpenTopUp {
            key: Uuid::now_v7().to_string(),
            customer: self.customer,
            site: self.sites[0],
            amount: cents(minor),
            channel,
            return_url: String::new(),
            ids: TopUpOpened::new(),
        };
        let opened = self.lanes.run(&self.scope, top_up).await.expect("run").answer.expect("opened");
        let tx = self.store.read(&self.scope).await.expect("a reader");
        let promised = self.payments.bonuses_in(&tx, &[opened.intent]).await.expect("read");
        (opened, promised.first().map_or(0, |bonus| bonus.amount.minor()))
    }

    fn pays_in(&self, channel: ChannelId, opened: TopUpOpened, minor: i64) -> Seen {
        Seen {
            channel,
            out_no: opened.out_no.to_string(),
            trade_no: format!("T-{}", opened.out_no),
            payee: payee(0),
            amount: cents(minor),
            paid_at: self.store.time(),
            is_confirmed: false,
        }
    }
}

on_both! {
    async fn what_was_promised_is_given_once_and_whatever_the_rules_say_by_then(db) {
        let shop = Shop::open(&db).await;
        let channel = shop.open_channel(0).await;
        shop.bonus_rules(usual()).await;
        let before = shop.wallet().await;
        let (opened, promised) = shop.tops_up(channel, 100_00).await;
        assert_eq!(promised, 5_00);
        shop.bonus_rules(BonusRules::default()).await;
        let money = shop.pays_in(channel, opened, 100_00);
        assert_eq!(shop.receive(money.clone()).await, Receipt::ToppedUp);
        assert_eq!(shop.receive(Seen { is_confirmed: true, ..money.clone() }).await, Receipt::Known);
        assert_eq!(shop.receive(Seen { trade_no: "T-2".to_owned(), ..money }).await, Receipt::Suspended { kind: ExceptionKind::Double });
        assert_eq!(shop.wallet().await - before, 105_00);
        assert_eq!(shop.balance_of(AccountKind::PromotionCost, None).await, -5_00);
        let (_, promised) = shop.tops_up(channel, 500_00).await;
        assert_eq!(promised, 0, "nothing is promised any more");
        shop.is_sound().await;
    }

    async fn money_of_another_amount_is_given_nothing(db) {
        let shop = Shop::open(&db).await;
        let channel = shop.open_channel(0).await;
        shop.bonus_rules(usual()).await;
        let before = shop.wallet().await;
        let (opened, _) = shop.tops_up(channel, 500_00).await;
        let wrong = shop.receive(shop.pays_in(channel, opened, 499_00)).await;
        assert_eq!((wrong, shop.wallet().await), (Receipt::Suspended { kind: ExceptionKind::WrongAmount }, before));
        shop.is_sound().await;
    }

    async fn bounds_count_what_is_open_and_what_was_given(db) {
        let shop = Shop::open(&db).await;
        let channel = shop.open_channel(0).await;
        shop.bonus_rules(usual()).await;
        let (first, promised) = shop.tops_up(channel, 700_00).await;
        assert_eq!(promised, 60_00, "the most for one");
        let (_, promised) = shop.tops_up(channel, 500_00).await;
        assert_eq!(promised, 20_00, "what is left of the month, with what is open");
        shop.receive(shop.pays_in(channel, first, 700_00)).await;
        db.clock.advance(TimeDelta::minutes(20));
        // The second was not paid in time, but its money may be late: then it is given what it was promised.
        let (_, promised) = shop.tops_up(channel, 100_00).await;
        assert_eq!(promised, 0);
        db.clock.advance(TimeDelta::hours(25));
        let (second, promised) = shop.tops_up(channel, 100_00).await;
        assert_eq!(promised, 5_00);
        shop.receive(shop.pays_in(channel, second, 100_00)).await;
        let (_, promised) = shop.tops_up(channel, 500_00).await;
        assert_eq!(promised, 15_00);
        db.clock.advance(TimeDelta::days(31));
        let (_, promised) = shop.tops_up(channel, 500_00).await;
        assert_eq!(promised, 50_00, "a new month");
        shop.is_sound().await;
    }

    async fn a_wallet_holds_the_top_up_with_its_bonus(db) {
        let shop = Shop::open(&db).await;
        let channel = shop.open_channel(0).await;
        shop.bonus_rules(usual()).await;
        let room = 5_000_00 - shop.wallet().await;
        let (_, promised) = shop.tops_up(channel, room - 503_00).await;
        assert_eq!(promised, 60_00);
        // 443.00 are left: 440.00 with 3.00 of the 5.00 that they would be given.
        let (_, promised) = shop.tops_up(channel, 440_00).await;
        assert_eq!(promised, 3_00);
        let full = OpenTopUp {
            key: "full".to_owned(),
            customer: shop.customer,
            site: shop.sites[0],
            amount: cents(1_00),
            channel,
            return_url: String::new(),
            ids: TopUpOpened::new(),
        };
        assert!(shop.lanes.run(&shop.scope, full).await.expect("run").answer.is_err());
        shop.is_sound().await;
    }

    async fn a_bonus_that_somebody_makes_larger_is_found(db) {
        let shop = Shop::open(&db).await;
        let channel = shop.open_channel(0).await;
        shop.bonus_rules(usual()).await;
        let (opened, _) = shop.tops_up(channel, 100_00).await;
        db.tamper("UPDATE top_up_bonuses SET granted_at = opened_at").await.expect("tampered");
        assert_eq!(shop.audit().await.len(), 2, "given, and not paid; and not in the books");
        db.tamper("UPDATE top_up_bonuses SET granted_at = NULL").await.expect("tampered");
        shop.receive(shop.pays_in(channel, opened, 100_00)).await;
        shop.is_sound().await;
        db.tamper("UPDATE top_up_bonuses SET amount_minor = 700").await.expect("tampered");
        assert_eq!(shop.audit().await.len(), 1);
        db.tamper("DELETE FROM top_up_bonuses").await.expect("tampered");
        assert_eq!(shop.audit().await.len(), 1, "the books tell of one that is not there");
    }
}
