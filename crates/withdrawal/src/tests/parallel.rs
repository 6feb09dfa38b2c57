//! The second click, and the two hundredth.

use futures::future::join_all;
use testkit::on_both;
use uuid::Uuid;

use super::fixture::{Shop, cents};
use crate::*;

const MANY: usize = 200;

on_both! {
    async fn the_same_request_two_hundred_times_has_one_effect(db) {
        let shop = Shop::open(&db).await;
        shop.earns(shop.site, 100_00).await;
        let payee = shop.payee(shop.site).await;
        let asked = join_all((0..MANY).map(|_| shop.ask(shop.site, (60_00, payee), "ask"))).await;
        let asked: Vec<WithdrawalId> = asked.into_iter().map(|one| one.expect("asked").id).collect();
        let id = asked[0];
        assert!(asked.iter().all(|one| *one == id));
        assert_eq!(shop.has(shop.site).await, [40_00, 60_00, 0]);
        let word = || Word::Approve { is_name_checked: true };
        let by = || (shop.reviewers[0], "approve".to_owned());
        let approved = join_all((0..MANY).map(|_| shop.withdrawals.review(&shop.scope, (id, None), word(), by()))).await;
        assert!(approved.into_iter().all(|one| one.expect("approved").answer.state == State::Approved));
        let sent = join_all((0..MANY).map(|_| shop.send(std::slice::from_ref(&id), "send"))).await;
        assert!(sent.into_iter().all(|one| one.expect("sent").net == cents(60_00)));
        let arrived = || Outcome::Arrived { reference: None };
        let by = || (shop.reviewers[0], "paid".to_owned());
        let ended = join_all((0..MANY).map(|_| shop.withdrawals.end(&shop.scope, id, arrived(), by()))).await;
        assert!(ended.into_iter().all(|one| one.expect("paid").answer.state == State::Paid));
        let converted = join_all((0..MANY).map(|_| shop.convert(shop.site, 30_00, "convert"))).await;
        assert!(converted.into_iter().all(|one| one.is_ok()));
        assert_eq!((shop.has(shop.site).await, shop.gone().await), ([10_00, 0, 0], [0, 60_00, 0, 0]));
        shop.all_holds().await;
    }

    async fn of_many_different_requests_at_once_one_is_open_sent_and_paid(db) {
        let shop = Shop::open(&db).await;
        shop.earns(shop.site, 100_00).await;
        let payee = shop.payee(shop.site).await;
        let keys: Vec<String> = (0..MANY).map(|number| number.to_string()).collect();
        let asked = join_all(keys.iter().map(|key| shop.ask(shop.site, (10_00, payee), key))).await;
        let asked: Vec<WithdrawalId> = asked.into_iter().flatten().map(|one| one.id).collect();
        assert_eq!((asked.len(), shop.has(shop.site).await), (1, [90_00, 10_00, 0]));
        let id = asked[0];
        let approve = || shop.review(id, Word::Approve { is_name_checked: true }, Uuid::now_v7());
        let approved = join_all((0..MANY).map(|_| approve())).await;
        assert_eq!(approved.into_iter().flatten().count(), 1);
        let sent = join_all(keys.iter().map(|key| shop.send(std::slice::from_ref(&id), key))).await;
        assert_eq!(sent.into_iter().flatten().count(), 1);
        let ended = join_all((0..MANY).map(|_| shop.end(id, Outcome::Arrived { reference: None }))).await;
        let ended: Vec<Ended> = ended.into_iter().map(|one| one.expect("told")).collect();
        assert_eq!(ended.iter().filter(|one| !one.was_so).count(), 1);
        let returned = || Outcome::Returned { reason: "closed".to_owned() };
        let ended = join_all((0..MANY).map(|_| shop.end(id, returned()))).await;
        assert_eq!(ended.into_iter().flatten().filter(|one| !one.was_so).count(), 1);
        assert_eq!((shop.has(shop.site).await, shop.gone().await), ([100_00, 0, 0], [0; 4]));
        shop.all_holds().await;
    }
}
