//! Where an earner is paid.

use chrono::TimeDelta;
use testkit::on_both;
use uuid::Uuid;

use super::fixture::Shop;
use crate::table::{payee, payee_name};
use crate::*;

on_both! {
    async fn what_is_kept_of_a_payee_cannot_be_read(db) {
        use store::Tx;
        let shop = Shop::open(&db).await;
        let payee = shop.add_payee(shop.site, "张三").await.expect("a payee");
        assert_eq!((payee.holder.as_str(), payee.number.as_str()), ("张**", "****1234"));
        let tx = shop.store.read(&shop.scope).await.expect("a reader");
        let rows = tx.find::<payee::Entity>().all().await.expect("read");
        let names = tx.find::<payee_name::Entity>().all().await.expect("read");
        let sealed: Vec<Vec<u8>> = rows.into_iter().map(|row| row.sealed).chain(names.into_iter().map(|row| row.sealed)).collect();
        assert_eq!(sealed.len(), 2);
        for bytes in sealed {
            let has = |plain: &str| bytes.windows(plain.len()).any(|part| part == plain.as_bytes());
            assert!(!has("6222") && !has("张三") && !has("某银行"));
        }
    }

    async fn who_reads_an_account_is_written_down(db) {
        let shop = Shop::open(&db).await;
        shop.earns(shop.site, 100_00).await;
        let id = shop.sent(shop.site, 50_00).await;
        let by = Uuid::now_v7();
        let line = shop.withdrawals.open_payee(&shop.scope, id, by).await.expect("opened");
        assert_eq!((line.details.holder.as_str(), line.details.number.as_str()), ("张三", "6222021200001234"));
        let (payout, _) = shop.find(id).await.sent.expect("sent");
        let (_, lines) = shop.withdrawals.payout_lines(&shop.scope, payout, by).await.expect("lines");
        assert_eq!(lines.len(), 1);
        let tx = shop.store.read(&shop.scope).await.expect("a reader");
        let events = shop.withdrawals.events_in(&tx, id).await.expect("read");
        let opened = events.iter().filter(|event| event.kind == EventKind::Opened && event.by == by).count();
        assert_eq!(opened, 2);
    }

    async fn all_payees_of_an_earner_have_his_name(db) {
        let shop = Shop::open(&db).await;
        shop.earns(shop.site, 100_00).await;
        let wrong = shop.add_payee(shop.site, "张四").await.expect("the first");
        assert!(matches!(shop.add_payee(shop.site, "张三").await, Err(WithdrawalError::OtherName)));
        // As long as nobody has checked it he may begin anew.
        let tx = shop.writer().await;
        shop.withdrawals.remove_payee_in(&tx, shop.site, wrong.id).await.expect("removed");
        tx.commit().await.expect("committed");
        let right = shop.add_payee(shop.site, "张三").await.expect("another first");
        shop.add_payee(shop.site, " 张 三").await.expect("the same name");
        shop.later(TimeDelta::hours(25));
        let id = shop.ask(shop.site, (50_00, right.id), "ask").await.expect("asked").id;
        let tx = shop.writer().await;
        let in_use = shop.withdrawals.remove_payee_in(&tx, shop.site, right.id).await;
        assert!(matches!(in_use, Err(WithdrawalError::InUse { withdrawal }) if withdrawal == id), "{in_use:?}");
        let not_his = shop.withdrawals.remove_payee_in(&tx, shop.agent, right.id).await;
        assert!(matches!(not_his, Err(WithdrawalError::Missing { .. })));
        drop(tx);
        shop.approve(id).await;
        shop.send(&[id], "send").await.expect("sent");
        // From now on an operator has to forget it first.
        let tx = shop.writer().await;
        for payee in shop.withdrawals.payees_in(&tx, shop.site).await.expect("read") {
            shop.withdrawals.remove_payee_in(&tx, shop.site, payee.id).await.expect("removed");
        }
        tx.commit().await.expect("committed");
        assert!(matches!(shop.add_payee(shop.site, "李四").await, Err(WithdrawalError::OtherName)));
        let tx = shop.writer().await;
        shop.withdrawals.forget_name_in(&tx, shop.site).await.expect("forgotten");
        tx.commit().await.expect("committed");
        shop.add_payee(shop.site, "李四").await.expect("another name");
    }
}
