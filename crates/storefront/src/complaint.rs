//! The buying form: what was sent, and why it was not carried out. Pure.

use axum::http::StatusCode;
use catalog::SkuId;
use kernel::{Currency, Money};
use order::{OrderError, Refusal, Wanted};
use serde::Deserialize;

use crate::format;
use crate::view::{Choice, FormError};
use crate::words::Words;

/// The form as the browser sends it; nothing in it is believed yet.
#[derive(Deserialize)]
pub(crate) struct BuyForm {
    #[serde(default)]
    sku: String,
    #[serde(default)]
    quantity: String,
    #[serde(default)]
    pub key: String,
    #[serde(default)]
    confirm: String,
}

/// Why the buyer has to look again. Nothing was taken and nothing was charged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Complaint {
    Confirm,
    Sku,
    Quantity,
    PriceChanged { seen: Money, now: Money },
    OutOfStock { left: u32 },
    Funds { balance: Money, total: Money },
    NotForSale,
    Unavailable,
    AlreadyUsed,
}

impl BuyForm {
    /// The choice, as far as it can be read.
    pub fn choice(&self) -> Choice {
        Choice { sku: self.seen().map(|(sku, _)| sku), quantity: self.quantity.trim().parse().unwrap_or(1) }
    }

    /// What the buyer wants, if the form is complete.
    pub fn wanted(&self, currency: Currency) -> Result<Wanted, Complaint> {
        let (sku, unit_minor) = self.seen().ok_or(Complaint::Sku)?;
        let quantity: u32 = self.quantity.trim().parse().map_err(|_| Complaint::Quantity)?;
        if quantity == 0 {
            return Err(Complaint::Quantity);
        }
        if self.confirm != "yes" {
            return Err(Complaint::Confirm);
        }
        Ok(Wanted { sku, quantity, unit: Money::new(unit_minor, currency) })
    }

    /// The SKU and the unit price that stood beside it.
    fn seen(&self) -> Option<(SkuId, i64)> {
        let (sku, minor) = self.sku.split_once(':')?;
        let minor: i64 = minor.parse().ok().filter(|minor| *minor >= 0)?;
        Some((SkuId::parse(sku).ok()?, minor))
    }
}

impl Complaint {
    /// The buyer's side of a refusal; what is not his to solve stays an error.
    pub fn of(error: OrderError) -> Result<Self, OrderError> {
        let refusal = match error {
            OrderError::Refused(refusal) => refusal,
            error if is_key_reused(&error) => return Ok(Self::AlreadyUsed),
            error => return Err(error),
        };
        Ok(match refusal {
            Refusal::Empty | Refusal::TooMany { .. } | Refusal::TooLarge => Self::Quantity,
            Refusal::NotForSale { .. } => Self::NotForSale,
            Refusal::PriceChanged { seen, now, .. } => Self::PriceChanged { seen, now },
            Refusal::OutOfStock { available, .. } => Self::OutOfStock { left: available },
            Refusal::InsufficientFunds { available, wanted } => Self::Funds { balance: available, total: wanted },
            Refusal::LossNotCovered { .. } | Refusal::DepthExceeded { .. } => Self::Unavailable,
        })
    }

    /// The status of the page that shows it.
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::PriceChanged { .. } | Self::OutOfStock { .. } | Self::NotForSale | Self::AlreadyUsed => {
                StatusCode::CONFLICT
            }
            _ => StatusCode::UNPROCESSABLE_ENTITY,
        }
    }

    /// The sentence above the form; `max` is the most that one order may take.
    pub fn shown(&self, words: &Words, max: u32) -> FormError {
        let say = |code: &'static str, values: &[(&str, &str)]| FormError {
            code,
            message: words.get(&format!("goods.error.{code}"), values),
        };
        match self {
            Self::Confirm => say("confirm", &[]),
            Self::Sku => say("sku", &[]),
            Self::Quantity => say("quantity", &[("min", "1"), ("max", &max.to_string())]),
            Self::PriceChanged { seen, now } => {
                say("price_changed", &[("was", &format::money(*seen)), ("now", &format::money(*now))])
            }
            Self::OutOfStock { left: 0 } => say("sold_out", &[]),
            Self::OutOfStock { left } => say("out_of_stock", &[("left", &left.to_string())]),
            Self::Funds { balance, total } => {
                let (balance, total) = (format::money(*balance), format::money(*total));
                say("insufficient_balance", &[("balance", &balance), ("total", &total)])
            }
            Self::NotForSale => say("not_for_sale", &[]),
            Self::Unavailable => say("unavailable", &[]),
            Self::AlreadyUsed => say("already_used", &[]),
        }
    }
}

/// The same form was sent before with another choice.
fn is_key_reused(error: &OrderError) -> bool {
    matches!(error, OrderError::Lane(lane::LaneError::KeyReused { .. }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernel::Language;
    use proptest::prelude::*;

    fn form(sku: &str, quantity: &str, confirm: &str) -> BuyForm {
        BuyForm { sku: sku.to_owned(), quantity: quantity.to_owned(), key: String::new(), confirm: confirm.to_owned() }
    }

    #[test]
    fn a_complete_form_says_what_is_wanted() {
        let sku = SkuId::new();
        let wanted = form(&format!("{sku}:9690"), "2", "yes").wanted(Currency::CNY).expect("complete");
        assert_eq!((wanted.sku, wanted.quantity, wanted.unit), (sku, 2, Money::new(9690, Currency::CNY)));
    }

    #[test]
    fn a_form_that_is_not_complete_says_what_is_missing() {
        let sku = format!("{}:9690", SkuId::new());
        for (form, complaint) in [
            (form("", "1", "yes"), Complaint::Sku),
            (form("sku_x:1", "1", "yes"), Complaint::Sku),
            (form(&sku.replace(":9690", ":-1"), "1", "yes"), Complaint::Sku),
            (form(&sku, "0", "yes"), Complaint::Quantity),
            (form(&sku, "-1", "yes"), Complaint::Quantity),
            (form(&sku, "1.5", "yes"), Complaint::Quantity),
            (form(&sku, "99999999999", "yes"), Complaint::Quantity),
            (form(&sku, "1", ""), Complaint::Confirm),
        ] {
            assert_eq!(form.wanted(Currency::CNY), Err(complaint));
        }
    }

    #[test]
    fn the_voice_is_that_of_the_design() {
        let words = Words::read(Language::Chinese).expect("sentences");
        let (seen, now) = (Money::new(9690, Currency::CNY), Money::new(9790, Currency::CNY));
        let shown = Complaint::PriceChanged { seen, now }.shown(&words, 1);
        assert_eq!(shown.message, "价格从 ¥96.90 变为 ¥97.90。确认后再付款");
        let words = Words::read(Language::English).expect("sentences");
        let shown = Complaint::PriceChanged { seen, now }.shown(&words, 1);
        assert_eq!(shown.message, "The price is now ¥97.90, was ¥96.90. Confirm to pay");
    }

    #[test]
    fn every_complaint_has_its_sentence() {
        let money = Money::new(1, Currency::CNY);
        for language in Language::ALL {
            let words = Words::read(language).expect("sentences");
            for complaint in [
                Complaint::Confirm,
                Complaint::Sku,
                Complaint::Quantity,
                Complaint::PriceChanged { seen: money, now: money },
                Complaint::OutOfStock { left: 0 },
                Complaint::OutOfStock { left: 1 },
                Complaint::Funds { balance: money, total: money },
                Complaint::NotForSale,
                Complaint::Unavailable,
                Complaint::AlreadyUsed,
            ] {
                let message = complaint.shown(&words, 9).message;
                assert!(!message.starts_with("goods.error") && !message.contains('{'), "{message}");
            }
        }
    }

    proptest! {
        #[test]
        fn any_form_is_read_or_refused_without_panic(sku in "\\PC{0,60}", quantity in "\\PC{0,12}") {
            let form = form(&sku, &quantity, "yes");
            let _ = (form.choice(), form.wanted(Currency::CNY));
        }
    }
}
