use std::sync::Arc;

use super::*;
use crate::browser::Wire;
use crate::purchase::Wish;

/// Orders have expired, but none of these.
const LATER: Lateness = Lateness::Possible { before_ms: 0 };

fn purchase(kind: Kind, page: Option<&str>, out_no: Option<&str>, codes: &[&str]) -> Purchase {
    let wish = Wish {
        kind,
        item: 0,
        quantity: 1,
        total_minor: 8_00,
        login: (kind != Kind::Channel).then(|| "he".to_owned()),
        key: String::new(),
        visitor: String::new(),
    };
    let browser = Arc::new(Wire::to(vec![1]).expect("a client").browser("main"));
    let codes = (!codes.is_empty()).then(|| codes.iter().map(|code| (*code).to_owned()).collect());
    let trade = out_no.map(|out_no| (out_no.to_owned(), crate::sandbox::Manner::Told));
    let now = std::time::Instant::now();
    let span = crate::purchase::Span { start: now, end: now };
    let page = page.map(str::to_owned);
    Purchase { wish, browser, page, is_replay: false, trade, codes, span, left: None, paid_at: None }
}

fn trades(trade: (&str, i64, i64)) -> BTreeMap<String, Trade> {
    let (out_no, paid, refunded) = trade;
    [(out_no.to_owned(), Trade { out_no: out_no.to_owned(), amount: 8_00, paid, refunded })].into()
}

fn order(state: &str, codes: &[&str]) -> [(Purchase, String); 1] {
    [(purchase(Kind::Channel, Some("/orders/ord_1/x"), Some("1"), codes), state.to_owned())]
}

fn found(purchases: &[(Purchase, String)], trade: (&str, i64, i64), lateness: Lateness) -> usize {
    of_purchases(&Pack::rounds(), purchases, &trades(trade), lateness).len()
}

#[test]
fn money_and_goods_change_hands_together() {
    let (delivered, unpaid) = (order("delivered", &["PLENTY-000001"]), order("unpaid", &[]));
    for lateness in [Lateness::None, LATER] {
        assert_eq!(found(&delivered, ("1", 8_00, 0), lateness), 0);
        assert_eq!(found(&delivered, ("1", 8_00, 8_00), lateness), 1, "goods and money");
        assert_eq!(found(&delivered, ("1", 1, 0), lateness), 1, "too cheap");
        assert_eq!(found(&unpaid, ("1", 0, 0), lateness), 0);
        assert_eq!(found(&unpaid, ("1", 1, 0), lateness), 1, "neither goods nor money");
        assert_eq!(found(&unpaid, ("1", 1, 1), lateness), 0);
    }
}

#[test]
fn only_late_money_goes_back_although_it_was_right() {
    let expired = order("expired", &[]);
    assert_eq!(found(&expired, ("1", 8_00, 8_00), Lateness::None), 1);
    let late = Lateness::Possible { before_ms: 1 };
    assert_eq!(found(&expired, ("1", 8_00, 8_00), late), 0);
    assert_eq!(found(&order("unpaid", &[]), ("1", 0, 0), late), 1, "it holds goods past its time");
}

#[test]
fn a_code_is_one_buyers_and_of_the_right_kind() {
    assert_eq!(found(&order("delivered", &["SCARCE-000001"]), ("1", 8_00, 0), Lateness::None), 1);
    let wallet = |page: &str, code: &str| (purchase(Kind::Wallet, Some(page), None, &[code]), String::new());
    let twice = [wallet("/orders/ord_1", "PLENTY-000001"), wallet("/orders/ord_2", "PLENTY-000001")];
    let said = of_purchases(&Pack::rounds(), &twice, &BTreeMap::new(), Lateness::None);
    assert_eq!(said, ["PLENTY-000001 was given 2 times"]);
}

#[test]
fn a_trade_that_nobody_asked_for_is_found() {
    assert_eq!(found(&[], ("1", 0, 0), Lateness::None), 1);
    let left_alone = [(purchase(Kind::Channel, Some("/orders/ord_1/x"), None, &[]), "unpaid".to_owned())];
    assert_eq!(found(&left_alone, ("1", 0, 0), Lateness::None), 0);
    assert_eq!(found(&left_alone, ("1", 8_00, 0), Lateness::None), 1, "nobody else can have paid it");
}

#[test]
fn stock_and_wallets_add_up() {
    let (pack, none) = (Pack::rounds(), BTreeMap::new());
    let bought = [(purchase(Kind::Wallet, Some("/orders/ord_1"), None, &["PLENTY-000001"]), String::new())];
    let topped = [(purchase(Kind::TopUp, None, Some("1"), &[]), String::new())];
    let balance = |minor| [("he".to_owned(), minor)].into();
    assert!(of_wallets(&pack, &bought, &none, &balance(pack.wallet_minor - 8_00)).is_empty());
    assert_eq!(of_wallets(&pack, &bought, &none, &balance(pack.wallet_minor)).len(), 1);
    let paid = trades(("1", 8_00, 0));
    assert!(of_wallets(&pack, &topped, &paid, &balance(pack.wallet_minor + 8_00)).is_empty());

    let mut counts: BTreeMap<String, Count> = BTreeMap::new();
    for item in &pack.items {
        counts.insert(item.code.clone(), Count { available: item.stock as i64, ..Count::default() });
    }
    assert_eq!(of_stock(&pack, &bought, &counts).len(), 1);
    counts.insert("plenty".to_owned(), Count { available: 499, sold: 1, ..Count::default() });
    assert!(of_stock(&pack, &bought, &counts).is_empty());
}
