use std::time::Duration;

use super::*;

/// From one millisecond to another.
fn span(start: u64, end: u64) -> Span {
    static ZERO: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
    let at = |ms| *ZERO + Duration::from_millis(ms);
    Span { start: at(start), end: at(end) }
}

fn yes((start, end): (u64, u64), quantity: i64) -> Take {
    Take { span: span(start, end), quantity, answer: Taken::Yes }
}

fn no((start, end): (u64, u64), quantity: i64, left: i64) -> Take {
    Take { span: span(start, end), quantity, answer: Taken::No { left } }
}

fn look((start, end): (u64, u64), minor: i64) -> Look {
    Look { login: String::new(), span: span(start, end), minor }
}

fn wallet(moves: &[Move], looks: &[Look]) -> usize {
    of_wallet(100_00, moves, &looks.iter().collect::<Vec<_>>()).len()
}

#[test]
fn a_right_history_of_stock_is_not_accused() {
    let one_after_the_other = [yes((0, 1), 2), yes((2, 3), 1), no((4, 5), 2, 1), yes((6, 7), 1), no((8, 9), 1, 0)];
    assert_eq!(of_stock(4, &one_after_the_other), [""; 0]);
    // He was refused before the other one was told that he has them.
    assert!(of_stock(1, &[yes((0, 10), 1), no((2, 3), 1, 0)]).is_empty());
}

#[test]
fn what_is_sold_twice_is_found() {
    let broken = of_stock(3, &[yes((0, 1), 2), yes((2, 3), 1), yes((4, 5), 1)]);
    assert_eq!(broken, ["1 were sold when 3 of 3 were gone"]);
}

#[test]
fn who_is_sent_away_although_there_are_some_is_found() {
    assert_eq!(of_stock(5, &[yes((0, 1), 1), no((2, 3), 1, 0)]).len(), 1);
    // Although another one asks only later.
    assert!(!of_stock(1, &[no((0, 1), 1, 0), yes((2, 3), 1)]).is_empty());
    assert_eq!(of_stock(9, &[yes((0, 1), 1), no((2, 3), 9, 4)]).len(), 1, "8 were left");
    assert_eq!(of_stock(2, &[no((0, 1), 2, 2)]).len(), 1, "refused what was there");
}

#[test]
fn what_is_sold_after_it_was_sold_out_is_found() {
    // The bounds alone allow it: the first buyer may have come last.
    let broken = of_stock(2, &[yes((0, 20), 1), yes((0, 20), 1), no((2, 3), 1, 0), yes((30, 31), 1)]);
    assert!(broken.iter().any(|what| what == "1 were sold after 0 were left"), "{broken:?}");
}

#[test]
fn what_came_back_may_be_sold_again() {
    let returned = Take { answer: Taken::Returned, ..yes((0, 1), 1) };
    assert!(of_stock(1, &[returned, no((2, 3), 1, 0), yes((4, 5), 1)]).is_empty());
    assert_eq!(of_stock(1, &[returned, yes((4, 5), 1), yes((6, 7), 1)]).len(), 1, "once");
}

#[test]
fn a_right_history_of_a_wallet_is_not_accused() {
    let moves = [Move::Paid(span(10, 20), 8_00), Move::Coming(span(15, 15).start, 5_01)];
    let looks = [look((0, 1), 100_00), look((12, 13), 92_00), look((30, 31), 92_00), look((40, 41), 97_01)];
    assert_eq!(wallet(&moves, &looks), 0);
    assert_eq!(wallet(&moves, &[look((12, 13), 100_00), look((14, 30), 97_01)]), 0, "both happened in between");
}

#[test]
fn a_stale_balance_is_found() {
    assert_eq!(wallet(&[Move::Paid(span(10, 20), 8_00)], &[look((21, 22), 100_00)]), 1);
}

#[test]
fn a_payment_that_goes_back_is_found() {
    let moves = [Move::Paid(span(10, 50), 8_00)];
    let looks = [look((20, 21), 92_00), look((30, 31), 100_00)];
    assert_eq!(wallet(&moves, &looks), 1, "each look is possible, but not one after the other");
}

#[test]
fn money_from_nowhere_is_found() {
    assert_eq!(wallet(&[], &[look((0, 1), 100_01)]), 1);
    let early = [Move::Coming(span(10, 10).start, 5_00)];
    assert_eq!(wallet(&early, &[look((0, 1), 105_00)]), 1, "it came before it was sent");
    assert!(wallet(&early, &[look((20, 21), 105_00), look((30, 31), 100_00)]) > 0, "it came and went");
}

#[test]
fn what_is_charged_twice_is_found() {
    assert_eq!(wallet(&[Move::Paid(span(10, 20), 8_00)], &[look((30, 31), 84_00)]), 1);
}
