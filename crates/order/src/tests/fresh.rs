//! What a lane keeps of the catalogue is good as long as nobody changes it.

use testkit::on_both;

use super::fixture::{Shop, cents, filled};
use crate::{OrderError, Refusal, Wanted};

on_both! {
    async fn what_was_changed_since_the_last_batch_is_sold_as_it_is_now(db) {
        let shop = Shop::open(&db).await;
        let sku = shop.manual_named("service", cents(20_00)).await;
        shop.buys(vec![shop.service(sku, 1)], "one").await.expect("bought");
        // Nobody tells the lane.
        shop.manual_named("service", cents(25_00)).await;
        let refused = shop.buys(vec![shop.service(sku, 1)], "two").await.expect_err("seen at the old price");
        assert!(matches!(refused, OrderError::Refused(Refusal::PriceChanged { .. })), "{refused}");
        let as_it_is = Wanted::new(sku, 1, cents(25_00)).with_form(filled("lin-88"));
        shop.buys(vec![as_it_is], "three").await.expect("bought");
    }
}
