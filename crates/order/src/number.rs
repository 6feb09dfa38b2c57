//! The number of an order that people read out, write down and type: its day, ten digits and a check digit. Pure.
//!
//! It follows from the order's id and is kept nowhere. The id begins with its millisecond; the ten digits hold the
//! millisecond of the day (UTC) and one of 115 slots, moved about by a permutation of the tenant and the day. So two
//! numbers say nothing about how many orders lie between them, and a number leads back to the ids of one millisecond,
//! which is how it is looked up.
//!
//! Orders of one process have slots of their own as long as there are fewer than 115 in a millisecond. Those of two
//! nodes may, in the same millisecond, share a number; whoever looks one up may find two.

use std::fmt;
use std::ops::RangeInclusive;

use chrono::{DateTime, Datelike, NaiveDate};
use kernel::TenantId;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::model::OrderId;

const DAY_MS: u64 = 86_400_000;
/// As many as fit: a day's milliseconds times this is just below 10^10.
const SLOTS: u64 = 115;
/// The ten digits are two halves of five.
const HALF: u64 = 100_000;
const ROUNDS: u8 = 8;
const TEXT_DIGITS: usize = 19;
/// The last millisecond of the year 9999: a date has eight digits.
const MILLIS_MAX: u64 = 253_402_300_799_999;

/// The number of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct OrderNumber {
    day: NaiveDate,
    digits: u64,
}

/// Why a text is no order number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NumberFault {
    /// Something else than a day and eleven digits.
    #[error("an order number has 19 digits and begins with a day, as in 20261101-01234-567897")]
    Shape,
    /// A digit is wrong, or two are in the wrong order.
    #[error("the digits of the order number do not fit together: one is mistyped")]
    CheckDigit,
}

impl OrderNumber {
    /// The number of this order of this tenant.
    pub fn of(tenant: TenantId, order: OrderId) -> Self {
        let (millis, slot) = parts(order);
        let at = DateTime::from_timestamp_millis(millis.cast_signed()).expect("it is bounded");
        let day = at.date_naive();
        let plain = millis % DAY_MS * SLOTS + slot;
        Self { day, digits: permuted(tenant, day, plain) }
    }

    /// Reads what somebody typed; spaces and hyphens mean nothing.
    pub fn parse(text: &str) -> Result<Self, NumberFault> {
        let is_digit = |letter: &char| !letter.is_whitespace() && *letter != '-';
        let digits: Vec<u64> = text
            .chars()
            .filter(is_digit)
            .take(TEXT_DIGITS + 1)
            .map(|letter| letter.to_digit(10).map(u64::from).ok_or(NumberFault::Shape))
            .collect::<Result<_, _>>()?;
        let (Some(checked), TEXT_DIGITS) = (digits.split_last(), digits.len()) else { return Err(NumberFault::Shape) };
        if check_digit(checked.1) != *checked.0 {
            return Err(NumberFault::CheckDigit);
        }
        let value = |digits: &[u64]| digits.iter().fold(0, |value, digit| value * 10 + digit);
        let (year, month, day) = (value(&digits[..4]), value(&digits[4..6]), value(&digits[6..8]));
        let small = |value: u64| u32::try_from(value).expect("four digits");
        let day = NaiveDate::from_ymd_opt(small(year).cast_signed(), small(month), small(day));
        Ok(Self { day: day.ok_or(NumberFault::Shape)?, digits: value(&digits[8..18]) })
    }

    /// Among which ids the orders of this number are: those of one millisecond. None if no order can have it.
    pub fn ids(self, tenant: TenantId) -> Option<RangeInclusive<OrderId>> {
        let in_day = restored(tenant, self.day, self.digits) / SLOTS;
        let begins = self.day.and_time(chrono::NaiveTime::MIN).and_utc().timestamp_millis();
        let millis = u64::try_from(begins).ok()?.checked_add(in_day).filter(|_| in_day < DAY_MS)?;
        let first = u128::from(millis) << 80;
        let id = |value| OrderId::from_uuid(Uuid::from_u128(value));
        Some(id(first)..=id(first | ((1 << 80) - 1)))
    }

    /// Whether it is the number of this order.
    pub fn is_of(self, tenant: TenantId, order: OrderId) -> bool {
        Self::of(tenant, order) == self
    }

    /// All digits but the last.
    fn checked(self) -> [u64; TEXT_DIGITS - 1] {
        let day = self.day;
        let date = u64::from(day.year().unsigned_abs()) * 10_000 + u64::from(day.month() * 100 + day.day());
        let mut rest = u128::from(date) * u128::from(HALF * HALF) + u128::from(self.digits);
        let mut digits = [0; TEXT_DIGITS - 1];
        for digit in digits.iter_mut().rev() {
            *digit = u64::try_from(rest % 10).expect("a digit");
            rest /= 10;
        }
        digits
    }
}

/// In groups, as people read it.
impl fmt::Display for OrderNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let checked = self.checked();
        for (place, digit) in checked.iter().enumerate() {
            let hyphen = if matches!(place, 8 | 13) { "-" } else { "" };
            write!(f, "{hyphen}{digit}")?;
        }
        write!(f, "{}", check_digit(&checked))
    }
}

/// The millisecond of an id and its slot. The slot comes from the bits after the millisecond that this process counts
/// up within one: those of version and variant, and the random ones at the end, left out.
fn parts(order: OrderId) -> (u64, u64) {
    let value = order.uuid().as_u128();
    let counter = ((value >> 64) & 0xFFF) << 30 | ((value >> 32) & 0x3FFF_FFFF);
    let slot = u64::try_from(counter).expect("42 bits") % SLOTS;
    let millis = u64::try_from(value >> 80).expect("48 bits");
    (millis.min(MILLIS_MAX), slot)
}

/// A Feistel network over two halves of five digits: each round adds to one half what the other one says, so it can be
/// undone, and every value below 10^10 has its own.
fn permuted(tenant: TenantId, day: NaiveDate, plain: u64) -> u64 {
    let (mut left, mut right) = (plain / HALF, plain % HALF);
    for round in 0..ROUNDS {
        (left, right) = (right, (left + said((tenant, day), round, right)) % HALF);
    }
    left * HALF + right
}

fn restored(tenant: TenantId, day: NaiveDate, digits: u64) -> u64 {
    let (mut left, mut right) = (digits / HALF, digits % HALF);
    for round in (0..ROUNDS).rev() {
        (left, right) = ((right + HALF - said((tenant, day), round, left)) % HALF, left);
    }
    left * HALF + right
}

fn said((tenant, day): (TenantId, NaiveDate), round: u8, half: u64) -> u64 {
    let mut hash = Sha256::new();
    hash.update(b"cardgrove order number\0");
    hash.update(tenant.uuid().as_bytes());
    hash.update(day.num_days_from_ce().to_be_bytes());
    hash.update([round]);
    hash.update(half.to_be_bytes());
    let hash = hash.finalize();
    u64::from_be_bytes(*hash.first_chunk().expect("32 bytes")) % HALF
}

/// Damm's check digit: one wrong digit, and two neighbours in the wrong order, never give the same one.
fn check_digit(digits: &[u64]) -> u64 {
    const TABLE: [[u64; 10]; 10] = [
        [0, 3, 1, 7, 5, 9, 8, 6, 4, 2],
        [7, 0, 9, 2, 1, 5, 4, 8, 6, 3],
        [4, 2, 0, 6, 8, 7, 1, 3, 5, 9],
        [1, 7, 5, 0, 9, 8, 3, 4, 2, 6],
        [6, 1, 2, 3, 0, 4, 5, 9, 7, 8],
        [3, 6, 7, 4, 2, 0, 9, 5, 8, 1],
        [5, 8, 6, 9, 7, 2, 0, 1, 3, 4],
        [8, 9, 4, 5, 3, 6, 2, 0, 1, 7],
        [9, 4, 3, 8, 6, 1, 7, 2, 0, 5],
        [2, 5, 8, 1, 4, 3, 6, 7, 9, 0],
    ];
    let index = |digit: u64| usize::try_from(digit).expect("a digit");
    digits.iter().fold(0, |check, digit| TABLE[index(check)][index(*digit)])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TODAY: u64 = 1_793_500_000_000;

    fn ids() -> impl Strategy<Value = OrderId> {
        (0..MILLIS_MAX, any::<u128>())
            .prop_map(|(millis, rest)| OrderId::from_uuid(Uuid::from_u128(u128::from(millis) << 80 | rest >> 48)))
    }

    fn tenants() -> impl Strategy<Value = TenantId> {
        any::<u128>().prop_map(|raw| TenantId::from_uuid(Uuid::from_u128(raw)))
    }

    fn plain(number: OrderNumber) -> Vec<u8> {
        number.to_string().bytes().filter(u8::is_ascii_digit).collect()
    }

    fn read(digits: &[u8]) -> Result<OrderNumber, NumberFault> {
        OrderNumber::parse(std::str::from_utf8(digits).expect("digits"))
    }

    proptest! {
        #[test]
        fn a_number_reads_back_and_leads_to_its_order(tenant in tenants(), order in ids()) {
            let number = OrderNumber::of(tenant, order);
            let read = OrderNumber::parse(&number.to_string());
            prop_assert_eq!(read, Ok(number));
            let ids = number.ids(tenant).expect("an order has it");
            prop_assert!(ids.contains(&order) && number.is_of(tenant, order));
            prop_assert_eq!(ids.start().uuid().as_u128() >> 80, ids.end().uuid().as_u128() >> 80);
        }

        #[test]
        fn the_permutation_is_undone(tenant in tenants(), day in 0..100_000i32, value in 0..HALF * HALF) {
            let day = NaiveDate::from_num_days_from_ce_opt(day).expect("a day");
            let moved = permuted(tenant, day, value);
            prop_assert!(moved < HALF * HALF);
            prop_assert_eq!(restored(tenant, day, moved), value);
        }

        #[test]
        fn a_wrong_digit_is_caught(tenant in tenants(), order in ids(), place in 0..TEXT_DIGITS, by in 1u8..10) {
            let mut digits = plain(OrderNumber::of(tenant, order));
            digits[place] = b'0' + (digits[place] - b'0' + by) % 10;
            prop_assert_eq!(read(&digits), Err(NumberFault::CheckDigit));
        }

        #[test]
        fn swapped_neighbours_are_caught(tenant in tenants(), order in ids(), place in 0..TEXT_DIGITS - 1) {
            let mut digits = plain(OrderNumber::of(tenant, order));
            prop_assume!(digits[place] != digits[place + 1]);
            digits.swap(place, place + 1);
            prop_assert_eq!(read(&digits), Err(NumberFault::CheckDigit));
        }

        #[test]
        fn any_text_is_read_or_refused_without_panic(text in "\\PC{0,40}|[0-9 -]{15,30}", tenant in tenants()) {
            if let Ok(number) = OrderNumber::parse(&text) {
                let _ = number.ids(tenant);
                prop_assert_eq!(OrderNumber::parse(&number.to_string()), Ok(number));
            }
        }
    }

    #[test]
    fn another_tenant_has_other_digits() {
        let (order, tenants) = (OrderId::new(), [TenantId::new(), TenantId::new()]);
        let [one, other] = tenants.map(|tenant| OrderNumber::of(tenant, order));
        assert_eq!(one.day, other.day);
        assert!(one.digits != other.digits && !other.is_of(tenants[0], order));
    }

    #[test]
    fn the_orders_of_a_millisecond_in_one_process_have_numbers_of_their_own() {
        let tenant = TenantId::new();
        let ids: Vec<OrderId> = (0..SLOTS).map(|_| OrderId::new()).collect();
        let numbers: std::collections::HashSet<OrderNumber> =
            ids.iter().map(|order| OrderNumber::of(tenant, *order)).collect();
        assert_eq!(numbers.len(), ids.len());
    }

    #[test]
    fn numbers_do_not_ascend_with_time() {
        let tenant = TenantId::new();
        let of = |second: u64| {
            let millis = u128::from(TODAY + second * 1_000);
            OrderNumber::of(tenant, OrderId::from_uuid(Uuid::from_u128(millis << 80)))
        };
        let rises = (0..1_000).filter(|second| of(*second).digits < of(second + 1).digits).count();
        assert!((400..600).contains(&rises), "{rises} of 1000 rise");
    }

    #[test]
    fn a_number_is_read_with_or_without_its_groups() {
        let number = OrderNumber::of(TenantId::new(), OrderId::new());
        let text = number.to_string();
        assert_eq!((text.len(), &text[8..9], &text[14..15]), (21, "-", "-"));
        for typed in [text.replace('-', ""), text.replace('-', " "), format!("  {text}\n")] {
            assert_eq!(OrderNumber::parse(&typed), Ok(number), "{typed}");
        }
        for wrong in ["", "20261101", &format!("{text}1"), &text.replace('-', "x"), "ord_01j"] {
            assert_eq!(OrderNumber::parse(wrong), Err(NumberFault::Shape), "{wrong}");
        }
    }

    #[test]
    fn a_day_that_is_none_is_refused() {
        let digits: Vec<u64> = "202613010123456789".bytes().map(|digit| u64::from(digit - b'0')).collect();
        let text = format!("202613010123456789{}", check_digit(&digits));
        assert_eq!(OrderNumber::parse(&text), Err(NumberFault::Shape));
    }

    #[test]
    fn digits_of_no_time_of_the_day_lead_nowhere() {
        let (tenant, day) = (TenantId::new(), NaiveDate::from_ymd_opt(2026, 11, 1).expect("a day"));
        let number = OrderNumber { day, digits: permuted(tenant, day, DAY_MS * SLOTS) };
        assert_eq!(number.ids(tenant), None);
    }
}
