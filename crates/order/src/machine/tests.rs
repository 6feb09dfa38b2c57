use std::collections::BTreeMap;
use std::fmt::Write;

use super::{DeliveryState, OrderEvent, OrderState, PaymentState, States, reachable, step};

fn name(states: States) -> String {
    format!("{} / {} / {}", states.order.word(), states.payment.word(), states.delivery.word())
}

#[test]
fn the_whole_table_is_as_the_snapshot_says() {
    let mut table = String::from("order / payment / delivery\n");
    for states in reachable() {
        let mut out: BTreeMap<&str, String> = BTreeMap::new();
        for event in OrderEvent::ALL {
            if let Ok(next) = step(states, *event) {
                out.insert(event.word(), name(next));
            }
        }
        let _ = writeln!(table, "\n{}", name(states));
        for event in OrderEvent::ALL {
            let result = out.get(event.word()).map_or("-", String::as_str);
            let _ = writeln!(table, "  {:<18} {result}", event.word());
        }
    }
    insta::assert_snapshot!(table);
}

#[test]
fn nothing_is_delivered_without_money() {
    for states in reachable() {
        let is_delivered = matches!(states.delivery, DeliveryState::Delivered | DeliveryState::PartDelivered);
        let is_unpaid = matches!(states.payment, PaymentState::Unpaid | PaymentState::Paying);
        assert!(!(is_delivered && is_unpaid), "{}", name(states));
    }
}

#[test]
fn a_second_payment_is_never_taken_for_the_first() {
    for states in reachable() {
        if matches!(states.payment, PaymentState::Paid | PaymentState::PartRefunded | PaymentState::Refunded) {
            assert!(step(states, OrderEvent::Paid).is_err(), "{}", name(states));
            assert!(step(states, OrderEvent::PaidLate).is_err(), "{}", name(states));
        }
    }
}

#[test]
fn an_order_with_money_neither_expires_nor_is_cancelled() {
    for states in reachable() {
        if matches!(states.payment, PaymentState::Paid | PaymentState::PartRefunded) {
            assert!(step(states, OrderEvent::Expired).is_err() && step(states, OrderEvent::Cancelled).is_err());
        }
    }
}

#[test]
fn words_read_back() {
    assert!(OrderState::ALL.iter().all(|state| OrderState::parse(state.word()) == Some(*state)));
    assert!(PaymentState::ALL.iter().all(|state| PaymentState::parse(state.word()) == Some(*state)));
    assert!(DeliveryState::ALL.iter().all(|state| DeliveryState::parse(state.word()) == Some(*state)));
    assert!(OrderEvent::ALL.iter().all(|event| OrderEvent::parse(event.word()) == Some(*event)));
}

#[test]
fn what_is_settled_is_paid_and_delivered() {
    let settled: Vec<States> = reachable().into_iter().filter(States::is_settled).collect();
    let done = States { order: OrderState::Completed, payment: PaymentState::Paid, delivery: DeliveryState::Delivered };
    assert_eq!(settled, [done]);
}
