//! What must be true once it is quiet. Pure: what the clients know against what gateway, shop and wallets say.

use std::collections::{BTreeMap, BTreeSet};

use crate::browser::made_at_ms;
use crate::pack::{Pack, amount};
use crate::purchase::{Kind, Purchase};
use crate::sandbox::Trade;

/// Whether money that came in the right amount may go back, because its time was over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lateness {
    /// Every order still had time: what was paid rightly is delivered.
    None,
    /// Orders have expired meanwhile: delivered late, or refunded.
    Possible {
        /// Those that were made before this moment, in milliseconds since 1970.
        before_ms: u64,
    },
}

/// The cards of one SKU as the console counts them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Count {
    /// For sale.
    pub available: i64,
    /// In unpaid orders.
    pub held: i64,
    /// In buyers' hands.
    pub sold: i64,
    /// Taken out.
    pub void: i64,
}

/// What is left to wait for, or is broken for good: money and goods of single purchases.
pub fn of_purchases(
    pack: &Pack,
    purchases: &[(Purchase, String)],
    trades: &BTreeMap<String, Trade>,
    lateness: Lateness,
) -> Vec<String> {
    let mut broken = Vec::new();
    for (purchase, state) in purchases {
        let name = purchase.number().unwrap_or("a top-up").to_owned();
        let trade = purchase.trade.as_ref().and_then(|(out_no, _)| trades.get(out_no));
        let found = match purchase.wish.kind {
            Kind::Wallet => check_codes(pack, purchase),
            Kind::Channel => check_order(pack, purchase, (state, trade), lateness),
            Kind::TopUp => trade.and_then(|trade| check_trade(trade, trade.paid == trade.amount)),
        };
        if purchase.is_acknowledged() || purchase.wish.kind == Kind::TopUp {
            broken.extend(found.map(|what| format!("{name} ({:?}, {state:?}): {what}", purchase.wish.kind)));
        }
    }
    broken.extend(check_distinct(purchases));
    if lateness == Lateness::None {
        broken.extend(check_strangers(purchases, trades));
    }
    broken
}

/// Each trade is somebody's. A buyer whose gateway did not answer in time may have left it alone: then his trade asks for
/// the money of his purchase, and nobody has paid it.
fn check_strangers(purchases: &[(Purchase, String)], trades: &BTreeMap<String, Trade>) -> Vec<String> {
    let purchases = || purchases.iter().map(|(purchase, _)| purchase);
    let known: BTreeSet<&str> = purchases().filter_map(|purchase| Some(purchase.trade.as_ref()?.0.as_str())).collect();
    let left_alone = purchases().filter(|purchase| {
        let is_asked = purchase.is_acknowledged() || purchase.wish.kind == Kind::TopUp;
        purchase.trade.is_none() && purchase.wish.kind != Kind::Wallet && is_asked
    });
    let mut left_alone: Vec<i64> = left_alone.map(|purchase| purchase.wish.total_minor).collect();
    let mut broken = Vec::new();
    for (out_no, trade) in trades.iter().filter(|(out_no, _)| !known.contains(out_no.as_str())) {
        let whose = left_alone.iter().position(|asked| *asked == trade.amount).filter(|_| trade.paid == 0);
        match whose {
            Some(place) => {
                left_alone.swap_remove(place);
            }
            None => broken.push(format!("nobody asked for the trade {out_no} of {}", amount(trade.amount))),
        }
    }
    broken
}

/// An order that is paid by channel: it keeps the money and gave the goods, or neither.
fn check_order(
    pack: &Pack,
    purchase: &Purchase,
    (state, trade): (&str, Option<&Trade>),
    lateness: Lateness,
) -> Option<String> {
    let wish = &purchase.wish;
    let is_delivered = state == "delivered";
    let made = purchase.number().and_then(made_at_ms).unwrap_or(0);
    if let Lateness::Possible { before_ms } = lateness
        && made < before_ms
        && !matches!(state, "delivered" | "expired")
    {
        return Some("its time is over".to_owned());
    }
    let Some(trade) = trade else {
        return is_delivered.then(|| "it is delivered and its buyer never reached the payment page".to_owned());
    };
    if trade.amount != wish.total_minor {
        return Some(format!("the gateway asks for {} in place of {}", amount(trade.amount), amount(wish.total_minor)));
    }
    let is_right = trade.paid == trade.amount;
    if is_right && !is_delivered && lateness == Lateness::None {
        return Some("it is paid and not delivered".to_owned());
    }
    if is_delivered && !is_right {
        return Some(format!("it is delivered for {} in place of {}", amount(trade.paid), amount(trade.amount)));
    }
    check_trade(trade, is_delivered).or_else(|| is_delivered.then(|| check_codes(pack, purchase)).flatten())
}

/// Money stays where it bought something, and nowhere else.
fn check_trade(trade: &Trade, is_kept: bool) -> Option<String> {
    let expected = if is_kept { 0 } else { trade.paid };
    let Trade { out_no, paid, refunded, .. } = trade;
    let (paid, back) = (amount(*paid), amount(*refunded));
    (*refunded != expected).then(|| {
        let should = amount(expected);
        format!("of {paid} paid in {out_no}, {back} went back in place of {should}")
    })
}

fn check_codes(pack: &Pack, purchase: &Purchase) -> Option<String> {
    let codes = purchase.codes.as_deref().unwrap_or_default();
    let sku = format!("{}-", pack.items[purchase.wish.item].code.to_uppercase());
    if codes.len() != purchase.wish.quantity as usize {
        return Some(format!("{} codes in place of {}", codes.len(), purchase.wish.quantity));
    }
    let foreign = codes.iter().find(|code| !code.starts_with(&sku));
    foreign.map(|code| format!("{code} is no code of {sku}"))
}

/// No two orders share a number, and no two buyers a code.
fn check_distinct(purchases: &[(Purchase, String)]) -> Vec<String> {
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for (purchase, _) in purchases {
        let codes = purchase.codes.iter().flatten().map(String::as_str);
        for word in codes.chain(purchase.number()) {
            *seen.entry(word).or_default() += 1;
        }
    }
    let twice = seen.into_iter().filter(|(_, count)| *count > 1);
    twice.map(|(word, count)| format!("{word} was given {count} times")).collect()
}

/// Stock adds up: what was imported is for sale, held by the unpaid, or in buyers' hands.
pub fn of_stock(pack: &Pack, purchases: &[(Purchase, String)], counts: &BTreeMap<String, Count>) -> Vec<String> {
    let mut broken = Vec::new();
    for (number, item) in pack.items.iter().enumerate() {
        let own =
            || purchases.iter().filter(|(purchase, _)| purchase.wish.item == number && purchase.is_acknowledged());
        let sold: usize = own().filter_map(|(purchase, _)| purchase.codes.as_ref()).map(Vec::len).sum();
        let held: u32 = own().filter(|(_, state)| state == "unpaid").map(|(purchase, _)| purchase.wish.quantity).sum();
        let count = counts.get(&item.code).copied().unwrap_or_default();
        let expected = Count {
            available: item.stock as i64 - sold as i64 - i64::from(held),
            held: i64::from(held),
            sold: sold as i64,
            void: 0,
        };
        if count != expected {
            broken.push(format!("{} has {count:?} in place of {expected:?}", item.code));
        }
    }
    broken
}

/// No wallet has lost or gained anything: what it had, and came, and went, is what it has.
pub fn of_wallets(
    pack: &Pack,
    purchases: &[(Purchase, String)],
    trades: &BTreeMap<String, Trade>,
    balances: &BTreeMap<String, i64>,
) -> Vec<String> {
    let mut broken = Vec::new();
    for (login, balance) in balances {
        let own = purchases.iter().filter(|(purchase, _)| purchase.wish.login.as_ref() == Some(login));
        let moved: i64 = own.map(|(purchase, _)| moved(purchase, trades)).sum();
        let expected = pack.wallet_minor + moved;
        if *balance != expected {
            broken.push(format!("{login} has {} in place of {}", amount(*balance), amount(expected)));
        }
    }
    broken
}

fn moved(purchase: &Purchase, trades: &BTreeMap<String, Trade>) -> i64 {
    let trade = purchase.trade.as_ref().and_then(|(out_no, _)| trades.get(out_no));
    match purchase.wish.kind {
        Kind::Wallet if purchase.is_acknowledged() => -purchase.wish.total_minor,
        Kind::TopUp => trade.filter(|trade| trade.paid == trade.amount).map_or(0, |trade| trade.paid - trade.refunded),
        Kind::Wallet | Kind::Channel => 0,
    }
}

#[cfg(test)]
mod tests;
