//! Money and time as pages show them. Pure, whole numbers only.

use std::time::Duration;

use chrono::{DateTime, Utc};
use kernel::{Currency, Money, shop_time};

const MINUS: char = '\u{2212}';
const NO_BREAK_SPACE: char = '\u{a0}';

/// `¥1,234.50`, `−¥0.05`; other currencies by their code: `USD 12.00`, `JPY 1,200`.
pub(crate) fn money(amount: Money) -> String {
    let decimals = amount.currency().decimals() as usize;
    let digits = format!("{:0>width$}", amount.minor().unsigned_abs(), width = decimals + 1);
    let (whole, fraction) = digits.split_at(digits.len() - decimals);
    let mut text = String::new();
    if amount.is_negative() {
        text.push(MINUS);
    }
    if amount.currency() == Currency::CNY {
        text.push('¥');
    } else {
        text.push_str(amount.currency().code());
        text.push(NO_BREAK_SPACE);
    }
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if !fraction.is_empty() {
        text.push('.');
        text.push_str(fraction);
    }
    text
}

/// Millionths as people say them: `10%`, `1.25%`.
pub(crate) fn percent(rate_ppm: u32) -> String {
    let (whole, rest) = (rate_ppm / 10_000, rate_ppm % 10_000);
    let digits = format!("{rest:04}");
    match digits.trim_end_matches('0') {
        "" => format!("{whole}%"),
        fraction => format!("{whole}.{fraction}%"),
    }
}

/// `1234.50`: as a form takes it.
pub(crate) fn plain(amount: Money) -> String {
    money(amount).chars().filter(|letter| letter.is_ascii_digit() || *letter == '.').collect()
}

/// `2026-11-21 16:03:22`, in the time of the shops (UTC+8).
pub(crate) fn moment(moment: DateTime<Utc>) -> String {
    shop_time(moment).format("%Y-%m-%d %H:%M:%S").to_string()
}

/// `16:03`, in the time of the shops.
pub(crate) fn clock(moment: DateTime<Utc>) -> String {
    shop_time(moment).format("%H:%M").to_string()
}

/// A time to wait in whole minutes, rounded up.
pub(crate) fn minutes(wait: Duration) -> u64 {
    wait.as_secs().div_ceil(60).max(1)
}

/// `text` as the value of a query parameter; slashes stay readable.
pub(crate) fn query_value(text: &str) -> String {
    let mut value = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => value.push(char::from(byte)),
            _ => value.push_str(&format!("%{byte:02X}")),
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone;
    use proptest::prelude::*;

    #[test]
    fn money_is_grouped_and_signed() {
        let usd = Currency::USD;
        for (minor, currency, text) in [
            (0, Currency::CNY, "¥0.00"),
            (5, Currency::CNY, "¥0.05"),
            (9_690, Currency::CNY, "¥96.90"),
            (123_450, Currency::CNY, "¥1,234.50"),
            (123_456_789, Currency::CNY, "¥1,234,567.89"),
            (-5, Currency::CNY, "−¥0.05"),
            (1200, Currency::JPY, "JPY\u{a0}1,200"),
            (-1200, Currency::JPY, "−JPY\u{a0}1,200"),
            (1_200, usd, "USD\u{a0}12.00"),
        ] {
            assert_eq!(money(Money::new(minor, currency)), text);
        }
    }

    #[test]
    fn a_moment_is_shown_in_the_shops_time() {
        let at = Utc.with_ymd_and_hms(2026, 11, 21, 8, 3, 22).single().expect("a moment");
        assert_eq!((moment(at).as_str(), clock(at).as_str()), ("2026-11-21 16:03:22", "16:03"));
        let eve = Utc.with_ymd_and_hms(2026, 12, 31, 16, 0, 0).single().expect("a moment");
        assert_eq!(moment(eve), "2027-01-01 00:00:00");
    }

    #[test]
    fn a_wait_is_rounded_up_to_minutes() {
        assert_eq!([0, 1, 60, 61, 900].map(|seconds| minutes(Duration::from_secs(seconds))), [1, 1, 1, 2, 15]);
    }

    proptest! {
        #[test]
        fn no_digit_of_money_is_lost(minor in any::<i64>(), is_yen in any::<bool>()) {
            let currency = if is_yen { Currency::JPY } else { Currency::CNY };
            let digits: String = money(Money::new(minor, currency)).chars().filter(char::is_ascii_digit).collect();
            prop_assert_eq!(digits.parse::<u64>().expect("digits"), minor.unsigned_abs());
        }

        #[test]
        fn a_query_value_ends_nothing(text in "\\PC{0,40}") {
            let is_safe = |c: char| c.is_ascii_alphanumeric() || "-._~/%".contains(c);
            prop_assert!(query_value(&text).chars().all(is_safe));
        }
    }
}
