//! The values of the protocol and how they are read: amounts, numbers, addresses, trades and refunds.

use std::fmt;

use chrono::{DateTime, FixedOffset, NaiveDate, SecondsFormat, Utc};
use kernel::{Currency, Secret};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::GatewayError;
use crate::sign;

const MERCHANT_LEN_MAX: usize = 64;
const OUT_NO_LEN: usize = 26;
const REFUND_NO_LEN_MAX: usize = 64;
const TEXT_LEN_MAX: usize = 200;
const URL_LEN_MAX: usize = 2_048;
const SECRET_LEN: usize = 32;
/// 999,999,999,999.99 is the largest amount.
const WHOLE_DIGITS_MAX: usize = 12;

/// An amount in hundredths; on the wire a decimal text such as `12.50`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Amount(u64);

impl Amount {
    pub(crate) const ZERO: Self = Self(0);

    /// Reads digits with at most two decimals: no sign, no exponent, no comma, no needless zero in front.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (whole, decimals) = text.split_once('.').unwrap_or((text, "00"));
        let is_plain = |digits: &str| !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
        let has_needless_zero = whole.len() > 1 && whole.starts_with('0');
        if !is_plain(whole) || !is_plain(decimals) || has_needless_zero {
            return None;
        }
        if whole.len() > WHOLE_DIGITS_MAX || decimals.len() > 2 {
            return None;
        }
        Some(Self(format!("{whole}{decimals:0<2}").parse().ok()?))
    }

    /// Reads an amount of more than nothing.
    pub(crate) fn parse_positive(text: &str) -> Result<Self, GatewayError> {
        Self::parse(text)
            .filter(|amount| *amount > Self::ZERO)
            .ok_or(GatewayError::invalid("amount", "a decimal text such as 12.50, more than zero"))
    }

    /// The sum; amounts are bounded, so that no sum of kept amounts can overflow.
    pub(crate) fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// Digits before and after the point.
    pub(crate) const fn parts(self) -> (u64, u64) {
        (self.0 / 100, self.0 % 100)
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, decimals) = self.parts();
        write!(f, "{whole}.{decimals:02}")
    }
}

/// A currency of two decimals.
pub(crate) fn parse_currency(text: &str) -> Result<Currency, GatewayError> {
    Currency::parse(text)
        .ok()
        .filter(|currency| currency.decimals() == 2)
        .ok_or(GatewayError::invalid("currency", "a known currency of two decimals"))
}

/// An http or https address without user name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct WebUrl(Url);

impl WebUrl {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let url = Url::parse(text).ok().filter(|_| text.len() <= URL_LEN_MAX)?;
        let is_web = matches!(url.scheme(), "http" | "https") && url.has_host();
        (is_web && url.username().is_empty() && url.password().is_none()).then_some(Self(url))
    }

    pub(crate) const fn url(&self) -> &Url {
        &self.0
    }

    /// The address with one more query parameter.
    pub(crate) fn with_parameter(&self, name: &str, value: &str) -> String {
        let mut url = self.0.clone();
        url.query_pairs_mut().append_pair(name, value);
        url.into()
    }
}

impl TryFrom<String> for WebUrl {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("not an http address")
    }
}

impl From<WebUrl> for String {
    fn from(url: WebUrl) -> Self {
        url.0.into()
    }
}

/// A merchant's secret, 32 bytes; hex on the wire and in the journal.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct MerchantSecret(Secret<Vec<u8>>);

impl MerchantSecret {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let bytes = sign::unhex(text).filter(|bytes| bytes.len() == SECRET_LEN)?;
        Some(Self(Secret::new(bytes)))
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.0.expose()
    }
}

impl TryFrom<String> for MerchantSecret {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("not 32 bytes in hex")
    }
}

impl Serialize for MerchantSecret {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&kernel::hex(self.bytes()))
    }
}

/// Somebody who receives payments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Merchant {
    pub(crate) name: String,
    pub(crate) secret: MerchantSecret,
}

impl Merchant {
    /// The same name with a secret that nobody opened it with, as a forger would sign.
    pub(crate) fn forged(&self) -> Self {
        let wrong = self.secret.bytes().iter().map(|byte| !byte).collect();
        Self { name: self.name.clone(), secret: MerchantSecret(Secret::new(wrong)) }
    }
}

/// What a merchant asks for when a trade is created; the same request twice is the same trade.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TradeRequest {
    pub(crate) out_no: String,
    pub(crate) amount: Amount,
    pub(crate) currency: Currency,
    pub(crate) subject: String,
    pub(crate) notify_url: WebUrl,
    pub(crate) return_url: WebUrl,
    pub(crate) expires_at: DateTime<Utc>,
}

/// How far a trade has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum TradeState {
    Waiting,
    Closed,
    Paid { at: DateTime<Utc>, amount: Amount, payee: String },
}

/// How far a trade has come, in the word of the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TradeStatus {
    Waiting,
    Paid,
    Closed,
    Refunded,
}

/// One payment that a merchant waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Trade {
    pub(crate) merchant: String,
    pub(crate) trade_no: String,
    pub(crate) request: TradeRequest,
    pub(crate) state: TradeState,
    /// What was given back; refunds that are still processing are not in it.
    pub(crate) refunded: Amount,
    /// The numbers of its refunds, failed ones too.
    pub(crate) refund_nos: Vec<String>,
}

impl Trade {
    pub(crate) fn key(&self) -> Key {
        Key { number: self.request.out_no.clone(), merchant: self.merchant.clone() }
    }

    pub(crate) fn has_expired(&self, now: DateTime<Utc>) -> bool {
        self.request.expires_at <= now
    }

    /// The status at `now`: nobody has to close an expired trade for it to be closed.
    pub(crate) fn status(&self, now: DateTime<Utc>) -> TradeStatus {
        match &self.state {
            TradeState::Waiting if self.has_expired(now) => TradeStatus::Closed,
            TradeState::Waiting => TradeStatus::Waiting,
            TradeState::Closed => TradeStatus::Closed,
            TradeState::Paid { amount, .. } if self.refunded == *amount => TradeStatus::Refunded,
            TradeState::Paid { .. } => TradeStatus::Paid,
        }
    }

    /// Who was paid, or will be.
    pub(crate) fn payee(&self) -> &str {
        match &self.state {
            TradeState::Paid { payee, .. } => payee,
            TradeState::Waiting | TradeState::Closed => &self.merchant,
        }
    }

    pub(crate) fn paid_amount(&self) -> Amount {
        match &self.state {
            TradeState::Paid { amount, .. } => *amount,
            TradeState::Waiting | TradeState::Closed => Amount::ZERO,
        }
    }

    pub(crate) fn paid_at(&self) -> Option<DateTime<Utc>> {
        match &self.state {
            TradeState::Paid { at, .. } => Some(*at),
            TradeState::Waiting | TradeState::Closed => None,
        }
    }
}

/// How far a refund has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RefundStatus {
    Processing,
    Done,
    Failed,
}

/// What a merchant asks for when money goes back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RefundRequest {
    pub(crate) out_no: String,
    pub(crate) refund_no: String,
    pub(crate) amount: Amount,
    pub(crate) reason: String,
}

/// Money on its way back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Refund {
    pub(crate) merchant: String,
    pub(crate) request: RefundRequest,
    pub(crate) status: RefundStatus,
    /// When it ended, well or badly.
    pub(crate) settled_at: Option<DateTime<Utc>>,
}

impl Refund {
    pub(crate) fn key(&self) -> Key {
        Key { number: self.request.refund_no.clone(), merchant: self.merchant.clone() }
    }

    /// When the money was given back, if it was.
    pub(crate) fn done_at(&self) -> Option<DateTime<Utc>> {
        self.settled_at.filter(|_| self.status == RefundStatus::Done)
    }

    /// The key of the trade it belongs to.
    pub(crate) fn trade_key(&self) -> Key {
        Key { number: self.request.out_no.clone(), merchant: self.merchant.clone() }
    }
}

/// A number that a merchant gave. The number comes first, so that all merchants of one number lie side by side.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key {
    pub(crate) number: String,
    pub(crate) merchant: String,
}

impl Key {
    pub(crate) fn new(merchant: &str, number: &str) -> Self {
        Self { number: number.to_owned(), merchant: merchant.to_owned() }
    }
}

fn is_name(text: &str, len_max: usize) -> bool {
    let is_sign = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    !text.is_empty() && text.len() <= len_max && text.bytes().all(is_sign)
}

/// A merchant's name: letters, digits, `-`, `_` and `.`.
pub(crate) fn parse_merchant(text: String) -> Result<String, GatewayError> {
    let is_good = is_name(&text, MERCHANT_LEN_MAX);
    is_good.then_some(text).ok_or(GatewayError::invalid("merchant", "1 to 64 letters, digits, '-', '_' or '.'"))
}

/// A merchant's number of a trade: exactly 26 letters and digits.
pub(crate) fn parse_out_no(text: String) -> Result<String, GatewayError> {
    let is_good = text.len() == OUT_NO_LEN && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_good.then_some(text).ok_or(GatewayError::invalid("out_no", "26 letters and digits"))
}

/// A merchant's number of a refund.
pub(crate) fn parse_refund_no(text: String) -> Result<String, GatewayError> {
    let is_good = is_name(&text, REFUND_NO_LEN_MAX);
    is_good.then_some(text).ok_or(GatewayError::invalid("refund_no", "1 to 64 letters, digits, '-', '_' or '.'"))
}

/// A line of text for people.
pub(crate) fn parse_line(field: &'static str, text: String) -> Result<String, GatewayError> {
    let is_good = text.chars().count() <= TEXT_LEN_MAX && !text.chars().any(char::is_control);
    is_good.then_some(text).ok_or(GatewayError::invalid(field, "at most 200 characters, none of them a control"))
}

/// An http address.
pub(crate) fn parse_url(field: &'static str, text: &str) -> Result<WebUrl, GatewayError> {
    WebUrl::parse(text).ok_or(GatewayError::invalid(field, "an http or https address"))
}

/// A moment as the wire writes it.
pub(crate) fn moment(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// A moment on the clocks of Beijing, where bills are cut.
pub(crate) fn in_beijing(at: DateTime<Utc>) -> DateTime<FixedOffset> {
    at.with_timezone(&FixedOffset::east_opt(8 * 3_600).expect("eight hours are an offset"))
}

/// The day of a bill.
pub(crate) fn parse_day(text: &str) -> Result<NaiveDate, GatewayError> {
    let is_plain = text.len() == "2026-01-31".len();
    NaiveDate::parse_from_str(text, "%Y-%m-%d")
        .ok()
        .filter(|_| is_plain)
        .ok_or(GatewayError::invalid("day", "a date such as 2026-01-31"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_amount_is_digits_with_at_most_two_decimals() {
        assert_eq!(Amount::parse("12.5"), Amount::parse("12.50"));
        assert_eq!(Amount::parse("12"), Amount::parse("12.00"));
        for text in ["", ".5", "5.", "-1", "+1", "1e3", "1,00", "1.234", "01.00", " 1", "1 ", "１", "1000000000000"] {
            assert_eq!(Amount::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn an_address_is_http_and_names_no_user() {
        assert!(WebUrl::parse("https://shop.example/back?a=1").is_some());
        for text in ["javascript:alert(1)", "ftp://shop.example/", "http://a:b@shop.example/", "/back", ""] {
            assert!(WebUrl::parse(text).is_none(), "{text:?}");
        }
    }

    #[test]
    fn a_secret_is_not_shown_by_debug() {
        let secret = MerchantSecret::parse(&"ab".repeat(32)).unwrap();
        assert!(!format!("{secret:?}").contains("ab") && !format!("{secret:?}").contains("171"));
    }

    proptest! {
        #[test]
        fn an_amount_reads_back(hundredths in 0_u64..100_000_000_000_000) {
            let amount = Amount(hundredths);
            prop_assert_eq!(Amount::parse(&amount.to_string()), Some(amount));
        }
    }
}
