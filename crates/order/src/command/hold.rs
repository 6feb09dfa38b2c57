//! Goods held by unpaid orders: taken back when the time is over, by the clock or by the next buyer.

use catalog::SkuId;
use chrono::{DateTime, Utc};
use inventory::{Picks, Taken};
use kernel::Money;
use lane::{Command, CommandKey, Parts};
use ledger::Book;
use payment::{IntentId, Till};
use serde::{Deserialize, Serialize};

use crate::desk::Desk;
use crate::known::KnownOrder;
use crate::machine::OrderEvent;
use crate::model::OrderId;
use crate::sale;

/// Ends an unpaid order whose time is over: what it held is free again.
#[derive(Debug, Clone)]
pub struct Expire {
    /// The order.
    pub order: OrderId,
    /// Names this try; another try may find the time over where this one did not.
    pub key: String,
}

/// What became of an order that was to expire.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expiry {
    /// It has expired now.
    Expired {
        /// What it held.
        freed: Vec<SkuId>,
    },
    /// There is nothing to do: it is paid, has ended before, or still has time.
    NotDue,
}

impl Command for Expire {
    type Answer = Expiry;

    fn key(&self) -> CommandKey {
        CommandKey::request(format_args!("clock:{}", self.order), &self.key)
    }

    fn fingerprint(&self) -> Vec<u8> {
        Vec::new()
    }

    fn want(&self, parts: &mut Parts) {
        parts.part::<Desk>().want_order(self.order);
    }

    fn decide(&self, parts: &mut Parts, now: DateTime<Utc>) -> Expiry {
        let order = parts.part::<Desk>().order(self.order);
        match order.filter(|order| order.is_waiting() && order.is_overdue(now)).cloned() {
            Some(order) => {
                let freed = order.lines.iter().map(|line| line.sku).collect();
                expire(parts, order);
                Expiry::Expired { freed }
            }
            None => Expiry::NotDue,
        }
    }
}

/// How many pieces of `sku` that are good until `until` can be taken now; more than wanted are not counted. While there are
/// fewer, orders whose time is over expire.
pub(super) fn make_room(
    parts: &mut Parts,
    (sku, wanted): (SkuId, u32),
    (now, until): (DateTime<Utc>, DateTime<Utc>),
) -> u32 {
    loop {
        if parts.part::<Picks>().has((sku, wanted), until) {
            return wanted;
        }
        let Some(overdue) = parts.part::<Desk>().next_overdue(sku, now) else {
            return parts.part::<Picks>().available(sku, until);
        };
        expire(parts, overdue);
    }
}

/// Frees what an unpaid order holds. Its row is locked and it waits, so nothing here can be refused.
pub(super) fn expire(parts: &mut Parts, mut order: KnownOrder) -> KnownOrder {
    let version = order.version;
    order.apply(OrderEvent::Expired, "clock").expect("an order that waits can expire");
    for line in &mut order.lines {
        parts.part::<Picks>().release(line.sku, &line.cards);
        line.set_cards(Taken::default());
    }
    if order.held.minor() > 0 {
        let entry = sale::released(order.id.uuid(), version, order.site, order.held);
        let entry = entry.expect("what was held can be given back");
        parts.part::<Book>().post(entry).expect("what was held is there");
        order.held = Money::zero(order.held.currency());
    }
    parts.part::<Till>().close_intent(IntentId::from_uuid(order.id.uuid()));
    parts.part::<Desk>().put(order.clone());
    order
}
