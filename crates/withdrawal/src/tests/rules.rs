//! The versions of the rules.

use chrono::TimeDelta;
use testkit::on_both;

use super::fixture::Shop;
use crate::*;

on_both! {
    async fn rules_that_take_something_away_are_told_seven_days_ahead(db) {
        let shop = Shop::open(&db).await;
        let dearer = Rules { fee_minimum_minor: 1_00, ..Rules::USUAL };
        let tx = shop.writer().await;
        let now = store::Tx::now(&tx);
        let hasty = shop.withdrawals.save_rules_in(&tx, dearer, Some(now + TimeDelta::days(6)), shop.owner).await;
        assert!(matches!(hasty, Err(WithdrawalError::NoticeTooShort { .. })), "{hasty:?}");
        let saved = shop.withdrawals.save_rules_in(&tx, dearer, None, shop.owner).await.expect("saved");
        assert_eq!((saved.version, saved.effective_from), (1, now + TimeDelta::days(7)));
        assert_eq!(shop.withdrawals.rules_in(&tx).await.expect("read"), (0, Rules::USUAL));
        let wrong = Rules { daily_count: 0, ..Rules::USUAL };
        let refused = shop.withdrawals.save_rules_in(&tx, wrong, None, shop.owner).await;
        assert!(matches!(refused, Err(WithdrawalError::Range { field: "daily_count" })), "{refused:?}");
        tx.commit().await.expect("committed");
        shop.later(TimeDelta::days(7));
        let tx = shop.writer().await;
        assert_eq!(shop.withdrawals.rules_in(&tx).await.expect("read"), (1, dearer));
        let kinder = shop.withdrawals.save_rules_in(&tx, Rules::USUAL, None, shop.owner).await.expect("saved");
        assert_eq!((kinder.version, kinder.effective_from), (2, store::Tx::now(&tx)));
    }
}
