//! The room's part in the lane, over real rows.

use lane::Claimed;

use super::*;

/// A lane's memory after it has read what a command wants of `sku`.
async fn read(shop: &Shop, quantity: u32, attempt: u32) -> (WriteTx<TenantScope>, Picks) {
    let (tx, mut picks) = (shop.write().await, Picks::default());
    picks.want(shop.sku, quantity, TimeDelta::zero());
    picks.read(&tx, lane::Look::open(attempt)).await.expect("read");
    (tx, picks)
}

/// The batch of `picks`, committed.
async fn write(tx: WriteTx<TenantScope>, picks: &mut Picks) {
    assert_eq!(carry_out_in(&tx, picks).await.expect("carried out"), Claimed::All);
    tx.commit().await.expect("committed");
    picks.end(true);
}

testkit::on_both! {
    async fn an_expired_card_is_never_picked(db) {
        let shop = Shop::open(&db).await;
        shop.import_as(shop.sku, &["soon"], Some(TimeDelta::seconds(10))).await;
        shop.import(&["lasting"]).await;
        let (tx, picks) = read(&shop, 2, 0).await;
        assert_eq!(picks.available(shop.sku, tx.now()), 2);
        // The run outlives its batch; the moment of the next batch decides.
        let later = tx.now() + TimeDelta::seconds(10);
        assert_eq!(picks.available(shop.sku, later), 1);
        drop(tx);
        db.clock.advance(TimeDelta::seconds(10));
        let (tx, picks) = read(&shop, 2, 0).await;
        assert_eq!(picks.available(shop.sku, tx.now()), 1);
        drop(tx);
        let (order, cards) = shop.sell(shop.sku, 1).await;
        assert_eq!(shop.reveal(order, &cards).await.expect("opened"), ["lasting"]);
    }

    async fn a_card_that_another_lane_sold_makes_the_claim_short(db) {
        let shop = Shop::open(&db).await;
        shop.import(&["A", "B"]).await;
        let (tx, mut picks) = read(&shop, 1, 0).await;
        drop(tx);
        shop.sell(shop.sku, 1).await;
        let tx = shop.write().await;
        picks.take((shop.sku, 1), (Uuid::now_v7(), 0), Taking::Sell, tx.now()).expect("the run knows it as free");
        assert_eq!(carry_out_in(&tx, &mut picks).await.expect("carried out"), Claimed::Short);
        drop(tx);
        picks.end(false);
        // Decided again, over rows that are locked while they are read.
        let (tx, mut picks) = read(&shop, 2, 1).await;
        assert_eq!(picks.available(shop.sku, tx.now()), 1);
        picks.take((shop.sku, 1), (Uuid::now_v7(), 0), Taking::Sell, tx.now()).expect("one is left");
        assert_eq!(carry_out_in(&tx, &mut picks).await.expect("carried out"), Claimed::All);
    }

    async fn a_lane_that_read_ahead_finds_cards_that_came_later(db) {
        let shop = Shop::open(&db).await;
        shop.import(&["A"]).await;
        let (tx, mut picks) = read(&shop, 1, 0).await;
        picks.take((shop.sku, 1), (Uuid::now_v7(), 0), Taking::Sell, tx.now()).expect("in stock");
        carry_out_in(&tx, &mut picks).await.expect("carried out");
        tx.commit().await.expect("committed");
        picks.end(true);
        shop.import(&["B"]).await;
        let tx = shop.write().await;
        picks.want(shop.sku, 2, TimeDelta::zero());
        picks.read(&tx, lane::Look::open(0)).await.expect("read");
        assert_eq!(picks.available(shop.sku, tx.now()), 1);
    }

    async fn a_sold_out_sku_has_nothing(db) {
        let shop = Shop::open(&db).await;
        let (tx, picks) = read(&shop, 1, 0).await;
        assert_eq!(picks.available(shop.sku, tx.now()), 0);
        drop(tx);
        shop.import(&["A"]).await;
        shop.sell(shop.sku, 1).await;
        let (tx, picks) = read(&shop, 1, 0).await;
        assert_eq!(picks.available(shop.sku, tx.now()), 0);
    }

    async fn held_cards_are_sold_to_their_order_or_become_free_again(db) {
        let shop = Shop::open(&db).await;
        shop.import(&["A", "B"]).await;
        let order = Uuid::now_v7();
        let (tx, mut picks) = read(&shop, 2, 0).await;
        let taken = picks.take((shop.sku, 2), (order, 1), Taking::Hold, tx.now()).expect("in stock");
        write(tx, &mut picks).await;
        assert_eq!(shop.count(shop.sku).await, StockCount { held: 2, ..StockCount::default() });
        assert!(shop.audit().await.breaches.is_empty());

        let (tx, mut picks) = read(&shop, 1, 0).await;
        assert!(picks.short_of().contains(&shop.sku), "some are held");
        picks.sell_held(shop.sku, &Taken { cards: taken.cards[..1].to_vec(), ..Taken::default() });
        picks.read_held(&tx, &taken.cards).await.expect("read");
        picks.release(shop.sku, &Taken { cards: taken.cards[1..].to_vec(), ..Taken::default() });
        // The freed one is given away in the same batch.
        let next = picks.take((shop.sku, 1), (Uuid::now_v7(), 1), Taking::Hold, tx.now()).expect("one is free again");
        assert_eq!(next.cards, taken.cards[1..]);
        write(tx, &mut picks).await;
        assert_eq!(shop.count(shop.sku).await, StockCount { held: 1, sold: 1, ..StockCount::default() });
        assert!(shop.audit().await.breaches.is_empty());
        assert_eq!(shop.reveal(order, &taken.cards[..1]).await.expect("opened"), ["A"]);
    }

    async fn a_card_knows_what_it_was_put_in_stock_for_whoever_gets_it(db) {
        let shop = Shop::open(&db).await;
        for (code, minor) in [("A", 7_00), ("B", 9_00), ("C", 0)] {
            let unit_cost = Some(Money::new(minor, Currency::CNY)).filter(|cost| cost.minor() != 0);
            let (tx, stock) = (shop.write().await, Stock { unit_cost, ..Stock::from(shop.sku) });
            shop.inventory.import_in(&tx, stock, &cards(&[code], None)).await.expect("imported");
            tx.commit().await.expect("committed");
        }
        assert_eq!(shop.audit().await.breaches, [] as [String; 0]);
        let (tx, mut picks) = read(&shop, 3, 0).await;
        // What is told before is what is taken then, line by line.
        let lines = [(shop.sku, 1), (shop.sku, 2)];
        assert_eq!(picks.costs_of_next(&lines, tx.now()), [7_00, 9_00]);
        let of = |line| (Uuid::now_v7(), line);
        let first = picks.take(lines[0], of(1), Taking::Hold, tx.now()).expect("in stock");
        let second = picks.take(lines[1], of(2), Taking::Hold, tx.now()).expect("in stock");
        assert_eq!([first.cost_minor, second.cost_minor], [7_00, 9_00]);
        write(tx, &mut picks).await;
        assert_eq!(shop.audit().await.breaches, [] as [String; 0]);

        // Without having been read, what is released is for the next batch.
        let (tx, mut picks) = read(&shop, 2, 0).await;
        picks.release(shop.sku, &first);
        assert_eq!(picks.available(shop.sku, tx.now()), 0);
        picks.read_held(&tx, &second.cards).await.expect("read");
        picks.release(shop.sku, &second);
        let taken = picks.take((shop.sku, 1), of(1), Taking::Hold, tx.now()).expect("one is free again");
        assert_eq!((taken.cards.as_slice(), taken.cost_minor), (&second.cards[..1], 9_00));
        write(tx, &mut picks).await;
        let (tx, mut picks) = read(&shop, 2, 0).await;
        let taken = picks.take((shop.sku, 2), of(1), Taking::Hold, tx.now()).expect("both are free");
        assert_eq!(taken.cost_minor, 7_00);
    }

    async fn a_card_that_a_batch_sells_can_be_void_at_its_end(db) {
        let shop = Shop::open(&db).await;
        shop.import(&["A", "B"]).await;
        let (tx, mut picks) = read(&shop, 2, 0).await;
        let taken = picks.take((shop.sku, 2), (Uuid::now_v7(), 1), Taking::Sell, tx.now()).expect("in stock");
        picks.void_sold(shop.sku, &Taken { cards: taken.cards[..1].to_vec(), ..Taken::default() });
        write(tx, &mut picks).await;
        assert_eq!(shop.count(shop.sku).await, StockCount { sold: 1, void: 1, ..StockCount::default() });
        assert!(shop.audit().await.breaches.is_empty());
    }

    async fn a_card_that_is_not_held_any_more_makes_the_claim_short(db) {
        let shop = Shop::open(&db).await;
        shop.import(&["A"]).await;
        let (_, cards) = shop.sell(shop.sku, 1).await;
        let (tx, mut picks) = read(&shop, 1, 0).await;
        picks.sell_held(shop.sku, &Taken { cards: cards.clone(), ..Taken::default() });
        assert_eq!(carry_out_in(&tx, &mut picks).await.expect("carried out"), Claimed::Short);
        picks.end(false);
        picks.release(shop.sku, &Taken { cards, ..Taken::default() });
        assert_eq!(carry_out_in(&tx, &mut picks).await.expect("carried out"), Claimed::Short);
    }

    async fn shared_codes_go_to_everybody_in_turn(db) {
        let shop = Shop::open(&db).await;
        let tx = shop.write().await;
        let mut import = shop.inventory.begin_import_in(&tx).await.expect("begun");
        import.add((shop.sku, Stocking::Shared), &cards(&["A", "B"], None)).await.expect("added");
        import.settle().await.expect("settled");
        tx.commit().await.expect("committed");
        let (tx, mut picks) = read(&shop, 5, 0).await;
        assert_eq!(picks.available(shop.sku, tx.now()), u32::MAX);
        let order = (Uuid::now_v7(), 1);
        let taken = picks.take((shop.sku, 3), order, Taking::Hold, tx.now()).expect("no end of it");
        assert!(taken.is_shared && taken.cards.len() == 3);
        // Neither paying nor expiring moves anything.
        picks.sell_held(shop.sku, &taken);
        picks.release(shop.sku, &taken);
        write(tx, &mut picks).await;
        assert_eq!(shop.count(shop.sku).await, StockCount { shared: 2, ..StockCount::default() });
        let tx = shop.store.read(&shop.scope).await.expect("a reader");
        let codes = shop.inventory.reveal_shared_in(&tx, &taken.cards).await.expect("opened");
        let codes: Vec<&str> = codes.iter().map(|code| code.reveal()).collect();
        assert_eq!(codes, ["A", "B", "A"]);
        assert!(shop.audit().await.breaches.is_empty());
    }
}
