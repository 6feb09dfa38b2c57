//! What a site allows, and the rules that hold counts against it. Pure.

use kernel::{Coded, FaultKind};
use serde::{Deserialize, Serialize};

/// The limits of one site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Unpaid orders that one browser may have open.
    pub open_orders_per_visitor: u32,
    /// Unpaid orders that one contact may have open.
    pub open_orders_per_contact: u32,
    /// Unpaid orders that one address may have open.
    pub open_orders_per_address: u32,
    /// Orders of one address in a minute that freeze it.
    pub orders_per_address_and_minute: u32,
    /// For how many minutes it is frozen.
    pub freeze_minutes: u32,
    /// Orders that one account may place in a day (UTC).
    pub orders_per_account_and_day: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            open_orders_per_visitor: 3,
            open_orders_per_contact: 5,
            open_orders_per_address: 20,
            orders_per_address_and_minute: 10,
            freeze_minutes: 15,
            orders_per_account_and_day: 200,
        }
    }
}

/// How many unpaid orders somebody has open already, by each of his names; none where a name is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OpenOrders {
    /// Of his browser.
    pub visitor: Option<u64>,
    /// Of his contact.
    pub contact: Option<u64>,
    /// Of his address.
    pub address: Option<u64>,
}

/// Which limit was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitKind {
    /// Unpaid orders of one browser.
    OpenPerVisitor,
    /// Unpaid orders of one contact.
    OpenPerContact,
    /// Unpaid orders of one address.
    OpenPerAddress,
    /// Orders of one account in a day.
    PerAccountAndDay,
}

/// A limit that was reached: one more is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{most} {} is the limit", kind.words())]
pub struct LimitHit {
    /// Which.
    pub kind: LimitKind,
    /// How many are allowed.
    pub most: u32,
}

impl LimitKind {
    const fn words(self) -> &'static str {
        match self {
            Self::OpenPerVisitor => "unpaid orders of one browser",
            Self::OpenPerContact => "unpaid orders of one contact",
            Self::OpenPerAddress => "unpaid orders of one address",
            Self::PerAccountAndDay => "orders of one account in a day",
        }
    }
}

impl Coded for LimitHit {
    fn code(&self) -> &'static str {
        match self.kind {
            LimitKind::OpenPerVisitor | LimitKind::OpenPerContact | LimitKind::OpenPerAddress => "too_many_open_orders",
            LimitKind::PerAccountAndDay => "too_many_orders_today",
        }
    }

    fn kind(&self) -> FaultKind {
        FaultKind::TooMany
    }
}

impl Limits {
    /// The limits as a site keeps them.
    pub fn text(&self) -> String {
        serde_json::to_string(self).expect("numbers have a text")
    }

    /// Reads what a site keeps; none, or what no version of this program wrote, is the default.
    pub fn of(text: Option<&str>) -> Self {
        text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    }

    /// Whether somebody with these open orders may open one more.
    pub fn check_open(&self, open: &OpenOrders) -> Result<(), LimitHit> {
        let checks = [
            (open.visitor, self.open_orders_per_visitor, LimitKind::OpenPerVisitor),
            (open.contact, self.open_orders_per_contact, LimitKind::OpenPerContact),
            (open.address, self.open_orders_per_address, LimitKind::OpenPerAddress),
        ];
        let hit = checks.into_iter().find(|(count, most, _)| count.is_some_and(|count| count >= u64::from(*most)));
        hit.map_or(Ok(()), |(_, most, kind)| Err(LimitHit { kind, most }))
    }

    /// Whether an account with so many orders today may place one more.
    pub fn check_day(&self, placed: u64) -> Result<(), LimitHit> {
        let most = self.orders_per_account_and_day;
        let hit = LimitHit { kind: LimitKind::PerAccountAndDay, most };
        if placed < u64::from(most) { Ok(()) } else { Err(hit) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The figures of the product's description.
    #[test]
    fn three_a_visitor_five_a_contact_twenty_an_address_and_two_hundred_a_day() {
        let limits = Limits::default();
        let visitor = |count| OpenOrders { visitor: Some(count), ..OpenOrders::default() };
        let contact = |count| OpenOrders { contact: Some(count), ..OpenOrders::default() };
        let address = |count| OpenOrders { address: Some(count), ..OpenOrders::default() };
        for (most, of, kind) in [
            (3, visitor as fn(u64) -> OpenOrders, LimitKind::OpenPerVisitor),
            (5, contact, LimitKind::OpenPerContact),
            (20, address, LimitKind::OpenPerAddress),
        ] {
            assert_eq!(limits.check_open(&of(most - 1)), Ok(()));
            let hit = LimitHit { kind, most: u32::try_from(most).expect("small") };
            assert_eq!(limits.check_open(&of(most)), Err(hit));
        }
        assert_eq!(limits.check_day(199), Ok(()));
        assert!(limits.check_day(200).is_err());
        assert_eq!((limits.orders_per_address_and_minute, limits.freeze_minutes), (10, 15));
    }

    #[test]
    fn nobody_known_has_no_limit() {
        assert_eq!(Limits::default().check_open(&OpenOrders::default()), Ok(()));
    }
}
