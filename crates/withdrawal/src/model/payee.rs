//! Where an earner is paid.

use chrono::{DateTime, Utc};
use kernel::Secret;
use kernel::text::one_line;
use serde::{Deserialize, Serialize};
use settlement::EarnerRef;
use uuid::Uuid;

use crate::error::WithdrawalError;

kernel::kinds! {
    /// An account that an earner is paid to.
    PayeeId = PayeeMark "pye";
}

kernel::words! {
    /// How somebody is paid.
    Means {
        /// Into a bank account.
        Bank = "bank",
        /// By Alipay.
        Alipay = "alipay",
        /// By WeChat Pay.
        Wechat = "wechat",
    }
}

/// Whose account it is, and which; never written in the clear.
#[derive(Clone, Serialize, Deserialize)]
pub struct PayeeDetails {
    /// The holder's name, as the bank knows it.
    pub holder: String,
    /// The number of the account.
    pub number: String,
    /// The bank with its branch; empty for other means.
    pub bank: String,
}

/// A payee that is to be added.
#[derive(Clone)]
pub struct NewPayee {
    /// Whose.
    pub earner: EarnerRef,
    /// How he is paid.
    pub means: Means,
    /// The account.
    pub details: PayeeDetails,
}

/// A payee, as it may be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payee {
    /// Its id.
    pub id: PayeeId,
    /// Whose.
    pub earner: EarnerRef,
    /// How he is paid.
    pub means: Means,
    /// The holder's name, but for its first letter masked.
    pub holder: String,
    /// The number of the account, but for its last letters masked.
    pub number: String,
    /// From when on it may be used.
    pub usable_from: DateTime<Utc>,
    /// Since when it is there.
    pub created_at: DateTime<Utc>,
    /// Who has named it.
    pub created_by: Uuid,
    /// Since when it is not used any more.
    pub removed_at: Option<DateTime<Utc>>,
}

impl PayeeDetails {
    /// Letters of a name or of a bank.
    pub const TEXT_CHARS_MAX: usize = 100;
    const NUMBER_CHARS: std::ops::RangeInclusive<usize> = 4..=64;
    /// Letters of a number that are shown.
    const SHOWN: usize = 4;

    /// Reads what somebody typed: blanks inside a number are forgiven, as they stand on cards.
    pub fn parse(means: Means, (holder, number, bank): (&str, &str, &str)) -> Result<Self, WithdrawalError> {
        let text = |what, text| {
            let refused = WithdrawalError::Text { what, chars_max: Self::TEXT_CHARS_MAX };
            one_line(text, Self::TEXT_CHARS_MAX).map(str::to_owned).ok_or(refused)
        };
        let number: String = number.chars().filter(|letter| !letter.is_whitespace()).collect();
        let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "@.-_+".contains(letter);
        // What begins with a sign is a formula to a spreadsheet.
        let is_number =
            number.starts_with(|letter: char| letter.is_ascii_alphanumeric()) && number.chars().all(is_plain);
        if !is_number || !Self::NUMBER_CHARS.contains(&number.chars().count()) {
            return Err(WithdrawalError::Number);
        }
        let bank = if means == Means::Bank { text("bank", bank)? } else { String::new() };
        Ok(Self { holder: text("holder", holder)?, number, bank })
    }

    /// The number as it is shown: its last four letters, or two of a short one.
    pub fn masked_number(&self) -> String {
        let shown = if self.number.len() > 2 * Self::SHOWN { Self::SHOWN } else { Self::SHOWN / 2 };
        let (_, end) = self.number.split_at(self.number.len().saturating_sub(shown));
        format!("****{end}")
    }

    /// The name as it is shown: its first letter.
    pub fn masked_holder(&self) -> String {
        masked_name(&self.holder)
    }

    /// As one text, to be sealed.
    pub(crate) fn to_secret(&self) -> Secret<String> {
        Secret::new(serde_json::to_string(self).expect("details are plain data"))
    }

    pub(crate) fn from_secret(secret: &Secret<String>) -> Option<Self> {
        serde_json::from_str(secret.expose()).ok()
    }
}

pub(crate) fn masked_name(name: &str) -> String {
    name.chars().take(1).chain("**".chars()).collect()
}

/// Whether two names are the same person's: blanks and capital letters make no other one.
pub(crate) fn is_same_name(one: &str, other: &str) -> bool {
    let plain = |name: &str| -> String {
        name.chars().filter(|letter| !letter.is_whitespace()).flat_map(char::to_lowercase).collect()
    };
    plain(one) == plain(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_read_with_blanks_and_shows_its_end_only() {
        let read = |number| PayeeDetails::parse(Means::Bank, (" 张三 ", number, "某银行"));
        let details = read("6222 0212 0000 1234").expect("a card's number");
        assert_eq!((details.number.as_str(), details.masked_number().as_str()), ("6222021200001234", "****1234"));
        assert_eq!((details.holder.as_str(), details.masked_holder().as_str()), ("张三", "张**"));
        assert_eq!(read("12345").expect("a short one").masked_number(), "****45");
        for wrong in ["", "123", "+8613800000000", "12\u{7}34", "一二三四五", &"1".repeat(65)] {
            assert!(matches!(read(wrong), Err(WithdrawalError::Number)), "{wrong}");
        }
        assert!(PayeeDetails::parse(Means::Bank, ("张三", "123456", "")).is_err());
        assert_eq!(PayeeDetails::parse(Means::Alipay, ("张三", "a@b.cn", "x")).expect("no bank").bank, "");
        assert!(is_same_name("Anna Li", "anna  LI") && !is_same_name("张三", "张四"));
    }
}
