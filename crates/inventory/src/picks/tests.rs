//! Runs in memory, without a database.

use chrono::TimeDelta;
use proptest::prelude::*;

use super::*;

fn moment(second: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(second)
}

/// Sells cards, and answers which.
fn take(
    picks: &mut Picks,
    sku: SkuId,
    quantity: u32,
    line: (Uuid, i32),
    second: i64,
) -> Result<Vec<CardId>, OutOfStock> {
    picks.take((sku, quantity), line, Taking::Sell, moment(second)).map(|taken| taken.cards)
}

/// Puts one card into the run that may not be sold from `second` on.
fn assume_until(picks: &mut Picks, sku: SkuId, second: i64) -> CardId {
    let card = CardId::new();
    let free = FreeCard { id: card.uuid(), expires_at: Some(moment(second)), cost_minor: 0 };
    picks.runs.entry(sku).or_default().cards.push_back(free);
    card
}

#[test]
fn cards_are_taken_oldest_first_and_once() {
    let (mut picks, sku) = (Picks::default(), SkuId::new());
    let cards: Vec<CardId> = (0..5).map(|_| CardId::new()).collect();
    picks.assume(sku, cards.clone());
    let (first, second) = (Uuid::now_v7(), Uuid::now_v7());
    assert_eq!(take(&mut picks, sku, 2, (first, 0), 0), Ok(cards[..2].to_vec()));
    assert_eq!(take(&mut picks, sku, 3, (second, 1), 0), Ok(cards[2..].to_vec()));
    let owners: Vec<(Uuid, i32)> = picks.taken.iter().map(|card| (card.order, card.line)).collect();
    assert_eq!(owners, [(first, 0), (first, 0), (second, 1), (second, 1), (second, 1)]);
    assert_eq!(picks.deltas[&sku], CountDelta { available: -5, sold: 5, ..CountDelta::default() });
}

#[test]
fn a_line_gets_all_its_cards_or_none() {
    let (mut picks, sku) = (Picks::default(), SkuId::new());
    picks.assume(sku, [CardId::new(), CardId::new()]);
    assert_eq!(take(&mut picks, sku, 3, (Uuid::now_v7(), 0), 0), Err(OutOfStock { available: 2 }));
    assert_eq!(picks.available(sku, moment(0)), 2);
    assert!(picks.taken.is_empty() && picks.deltas.is_empty());
}

#[test]
fn a_sku_nobody_has_cards_of_is_out_of_stock() {
    let mut picks = Picks::default();
    assert_eq!(take(&mut picks, SkuId::new(), 1, (Uuid::now_v7(), 0), 0), Err(OutOfStock { available: 0 }));
}

#[test]
fn cards_of_one_sku_are_not_sold_as_another() {
    let (mut picks, sku) = (Picks::default(), SkuId::new());
    picks.assume(SkuId::new(), [CardId::new()]);
    assert_eq!(picks.available(sku, moment(0)), 0);
}

#[test]
fn an_expired_card_is_dropped_from_the_run() {
    let (mut picks, sku) = (Picks::default(), SkuId::new());
    assume_until(&mut picks, sku, 10);
    let lasting = assume_until(&mut picks, sku, 11);
    assert_eq!(picks.available(sku, moment(9)), 2);
    assert_eq!(take(&mut picks, sku, 2, (Uuid::now_v7(), 0), 10), Err(OutOfStock { available: 1 }));
    assert_eq!(take(&mut picks, sku, 1, (Uuid::now_v7(), 0), 10), Ok(vec![lasting]));
}

#[test]
fn released_cards_are_the_next_ones_sold() {
    let (mut picks, sku) = (Picks::default(), SkuId::new());
    let (fresh, held) = (CardId::new(), CardId::new());
    picks.assume(sku, [fresh]);
    picks.held_costs.insert(held.uuid(), 5);
    picks.release(sku, &Taken { cards: vec![held], cost_minor: 5, ..Taken::default() });
    assert_eq!(picks.deltas[&sku], CountDelta { available: 1, held: -1, ..CountDelta::default() });
    assert_eq!(take(&mut picks, sku, 2, (Uuid::now_v7(), 1), 0), Ok(vec![held, fresh]));
    assert_eq!(picks.deltas[&sku], CountDelta { available: -1, held: -1, sold: 2, ..CountDelta::default() });
    // When each of them ends is not known here: they are read again.
    picks.release(sku, &Taken { cards: vec![held], expires_at: Some(moment(5)), ..Taken::default() });
    assert_eq!(picks.available(sku, moment(0)), 0);
}

#[test]
fn a_batch_that_failed_forgets_its_runs_and_one_that_was_committed_keeps_the_rest() {
    let (mut picks, sku) = (Picks::default(), SkuId::new());
    picks.want(sku, 1, TimeDelta::zero());
    picks.assume(sku, [CardId::new(), CardId::new(), CardId::new()]);
    take(&mut picks, sku, 1, (Uuid::now_v7(), 0), 0).expect("in stock");
    picks.end(true);
    assert!(picks.wanted.is_empty() && picks.taken.is_empty() && picks.deltas.is_empty());
    assert_eq!(picks.available(sku, moment(0)), 2);
    picks.end(false);
    assert_eq!(picks.available(sku, moment(0)), 0);
}

#[test]
fn a_wish_that_must_last_passes_over_what_does_not() {
    let (mut picks, sku) = (Picks::default(), SkuId::new());
    let soon = assume_until(&mut picks, sku, 10);
    let lasting = assume_until(&mut picks, sku, 100);
    assert_eq!((picks.available(sku, moment(50)), picks.available(sku, moment(0))), (1, 2));
    assert_eq!(take(&mut picks, sku, 2, (Uuid::now_v7(), 1), 50), Err(OutOfStock { available: 1 }));
    assert_eq!(take(&mut picks, sku, 1, (Uuid::now_v7(), 1), 50), Ok(vec![lasting]));
    assert_eq!(take(&mut picks, sku, 1, (Uuid::now_v7(), 1), 0), Ok(vec![soon]));
}

#[test]
fn cards_that_are_in_hand_are_not_taken_in_hand_twice() {
    let (mut picks, sku) = (Picks::default(), SkuId::new());
    let held = CardId::new();
    picks.held_costs.insert(held.uuid(), 0);
    picks.release(sku, &Taken { cards: vec![held], ..Taken::default() });
    let run = picks.runs.get_mut(&sku).expect("a run");
    run.take_in_hand(vec![FreeCard { id: held.uuid(), expires_at: None, cost_minor: 0 }]);
    assert_eq!(picks.available(sku, moment(0)), 1);
}

proptest! {
    /// A sale is posted before it takes: both must mean the same cards, whichever of them are too old.
    #[test]
    fn what_lines_cost_is_known_before_they_take(
        cards in proptest::collection::vec((any::<bool>(), 0i64..900), 0..40),
        wishes in proptest::collection::vec(1u32..9, 1..6),
    ) {
        let (mut picks, sku) = (Picks::default(), SkuId::new());
        for (is_old, cost_minor) in cards {
            let expires_at = is_old.then_some(moment(5));
            let free = FreeCard { id: Uuid::now_v7(), expires_at, cost_minor };
            picks.runs.entry(sku).or_default().cards.push_back(free);
        }
        let mut left = picks.available(sku, moment(5));
        let mut wish_of_what_is_left = |wish: u32| {
            let quantity = wish.min(left);
            left -= quantity;
            (quantity > 0).then_some((sku, quantity))
        };
        let lines: Vec<(SkuId, u32)> = wishes.into_iter().filter_map(&mut wish_of_what_is_left).collect();
        let told = picks.costs_of_next(&lines, moment(5));
        for (line, cost) in lines.into_iter().zip(told) {
            let taken = picks.take(line, (Uuid::now_v7(), 0), Taking::Sell, moment(5)).expect("in stock");
            prop_assert_eq!(taken.cost_minor, cost);
        }
    }

    #[test]
    fn no_card_is_taken_twice_and_none_is_lost(stock in 0usize..60, wishes in proptest::collection::vec(0u32..9, 0..20)) {
        let (mut picks, sku) = (Picks::default(), SkuId::new());
        let cards: Vec<CardId> = (0..stock).map(|_| CardId::new()).collect();
        picks.assume(sku, cards.clone());
        let mut taken = Vec::new();
        for wish in wishes {
            match take(&mut picks, sku, wish, (Uuid::now_v7(), 0), 0) {
                Ok(got) => {
                    prop_assert_eq!(got.len(), wish as usize);
                    taken.extend(got);
                }
                Err(out) => prop_assert!(out.available < wish),
            }
        }
        prop_assert_eq!(&taken[..], &cards[..taken.len()]);
        prop_assert_eq!(picks.available(sku, moment(0)) as usize, stock - taken.len());
        prop_assert_eq!(picks.taken.len(), taken.len());
    }
}
