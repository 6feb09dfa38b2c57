//! Why a purchase was not carried out, in the buyer's words. Pure.

use std::time::Duration;

use axum::http::StatusCode;
use catalog::FieldFault;
use kernel::{Coded, FaultKind, Money};
use order::{OrderError, Refusal};
use risk::{LimitKind, RiskError};

use crate::format;
use crate::view::FormError;
use crate::words::Words;

/// Why the buyer has to look again. Nothing was taken and nothing was charged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Complaint {
    Sku,
    Quantity,
    PriceChanged {
        seen: Money,
        now: Money,
    },
    OutOfStock {
        left: u32,
    },
    Funds {
        balance: Money,
        total: Money,
    },
    NotForSale,
    Unavailable,
    ChannelClosed,
    /// What the goods ask has changed since the form was shown.
    Form {
        faults: Vec<FieldFault>,
    },
    TooManyOpen {
        most: u32,
    },
    TooManyToday {
        most: u32,
    },
    Frozen {
        wait: Duration,
    },
    Busy,
    AlreadyUsed,
}

/// What becomes of the key of a form that was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Key {
    /// Whatever this key was used for, pressing again cannot buy it twice.
    Keep,
    /// The refusal is kept under the key, so a changed order needs another one.
    Renew,
}

/// The same form was sent before with another choice.
pub(crate) const KEY_REUSED: &str = "idempotency_key_reused";
/// A queue that is full is not full for long.
const BUSY_WAIT: Duration = Duration::from_secs(1);
/// Orders that are open are paid or expire; somebody may come again soon.
const OPEN_WAIT: Duration = Duration::from_secs(60);
/// The day ends at another time for everybody.
const DAY_WAIT: Duration = Duration::from_secs(3600);

impl Complaint {
    /// The buyer's side of a refusal; what is not his to solve stays an error.
    pub fn of(error: OrderError) -> Result<Self, OrderError> {
        let refusal = match error {
            OrderError::Refused(refusal) => refusal,
            OrderError::Risk(RiskError::Frozen { retry_after }) => return Ok(Self::Frozen { wait: retry_after }),
            error if error.code() == KEY_REUSED => return Ok(Self::AlreadyUsed),
            error if error.kind() == FaultKind::Busy => {
                tracing::warn!(%error, "a purchase was sent away: {error}");
                return Ok(Self::Busy);
            }
            error => return Err(error),
        };
        Ok(match refusal {
            Refusal::Empty | Refusal::TooMany { .. } | Refusal::TooLarge => Self::Quantity,
            Refusal::NotForSale { .. } => Self::NotForSale,
            Refusal::PriceChanged { seen, now, .. } => Self::PriceChanged { seen, now },
            Refusal::OutOfStock { available, .. } => Self::OutOfStock { left: available },
            Refusal::InsufficientFunds { available, wanted } => Self::Funds { balance: available, total: wanted },
            Refusal::ChannelClosed => Self::ChannelClosed,
            Refusal::Limit(hit) if hit.kind == LimitKind::PerAccountAndDay => Self::TooManyToday { most: hit.most },
            Refusal::Limit(hit) => Self::TooManyOpen { most: hit.most },
            Refusal::Form { faults, .. } => Self::Form { faults },
            Refusal::LossNotCovered { .. }
            | Refusal::DepthExceeded { .. }
            | Refusal::AgentUnknown
            | Refusal::ShopNotFunded
            | Refusal::NothingToPay
            | Refusal::NoWallet => Self::Unavailable,
        })
    }

    /// Which key the form has when it is shown again. The one rule: **a new key only where the lane has surely answered
    /// the old one with a no** (it keeps the answer, and would repeat it), or where the old one is known to have bought
    /// something and the buyer is asked whether he wants more. Everything else may have been said before the lane was
    /// asked, to somebody whose first press has bought already and whose answer got lost: the key stays. A kept key
    /// that was used for another order after all is refused by the lane, never bought with.
    pub const fn key(&self) -> Key {
        match self {
            // Said by the page, by the gate before the lane, or by a lane that did not decide.
            Self::Sku | Self::Quantity | Self::Frozen { .. } | Self::Busy => Key::Keep,
            // Said by the gate as well as by the lane: nobody can tell which.
            Self::OutOfStock { left: 0 } | Self::ChannelClosed => Key::Keep,
            // The gate counts no pieces: the lane has counted these.
            Self::OutOfStock { .. } => Key::Renew,
            Self::PriceChanged { .. }
            | Self::Funds { .. }
            | Self::NotForSale
            | Self::Unavailable
            | Self::Form { .. }
            | Self::TooManyOpen { .. }
            | Self::TooManyToday { .. } => Key::Renew,
            Self::AlreadyUsed => Key::Renew,
        }
    }

    /// The status of the page that shows it.
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::PriceChanged { .. }
            | Self::OutOfStock { .. }
            | Self::NotForSale
            | Self::ChannelClosed
            | Self::AlreadyUsed => StatusCode::CONFLICT,
            Self::TooManyOpen { .. } | Self::TooManyToday { .. } | Self::Frozen { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::UNPROCESSABLE_ENTITY,
        }
    }

    /// How many can be had instead, where fewer can.
    pub const fn fewer(&self) -> Option<u32> {
        match self {
            Self::OutOfStock { left } if *left > 0 => Some(*left),
            _ => None,
        }
    }

    /// When the same may be tried again, where that is known.
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Frozen { wait } => Some(*wait),
            Self::Busy => Some(BUSY_WAIT),
            Self::TooManyOpen { .. } => Some(OPEN_WAIT),
            Self::TooManyToday { .. } => Some(DAY_WAIT),
            _ => None,
        }
    }

    /// The sentence above the form; `max` is the most that one order may take.
    pub fn shown(&self, words: &Words, max: u32) -> FormError {
        let say = |code: &'static str, values: &[(&str, &str)]| FormError {
            code,
            message: words.get(&format!("goods.error.{code}"), values),
        };
        match self {
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
            Self::ChannelClosed => say("channel_closed", &[]),
            Self::Form { .. } => say("form", &[]),
            Self::TooManyOpen { most } => say("too_many_open", &[("most", &most.to_string())]),
            Self::TooManyToday { most } => say("too_many_today", &[("most", &most.to_string())]),
            Self::Frozen { wait } => say("frozen", &[("minutes", &format::minutes(*wait).to_string())]),
            Self::Busy => say("busy", &[]),
            Self::AlreadyUsed => say("already_used", &[]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use catalog::SkuId;
    use identity::IdentityError;
    use kernel::{Currency, Language};
    use lane::LaneError;
    use risk::LimitHit;

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
                Complaint::Sku,
                Complaint::Quantity,
                Complaint::PriceChanged { seen: money, now: money },
                Complaint::OutOfStock { left: 0 },
                Complaint::OutOfStock { left: 1 },
                Complaint::Funds { balance: money, total: money },
                Complaint::NotForSale,
                Complaint::Unavailable,
                Complaint::ChannelClosed,
                Complaint::Form { faults: Vec::new() },
                Complaint::TooManyOpen { most: 3 },
                Complaint::TooManyToday { most: 200 },
                Complaint::Frozen { wait: Duration::from_secs(900) },
                Complaint::Busy,
                Complaint::AlreadyUsed,
            ] {
                let message = complaint.shown(&words, 9).message;
                assert!(!message.starts_with("goods.error") && !message.contains('{'), "{message}");
            }
        }
    }

    #[test]
    fn a_key_is_kept_unless_the_lane_has_surely_refused_it() {
        let money = Money::new(100, Currency::CNY);
        let (sku, wanted) = (SkuId::new(), 3);
        let limit = |kind| OrderError::Refused(Refusal::Limit(LimitHit { kind, most: 3 }));
        for (error, key) in [
            (OrderError::Risk(RiskError::Frozen { retry_after: Duration::from_secs(9) }), Key::Keep),
            (OrderError::Lane(LaneError::Full), Key::Keep),
            (OrderError::Lane(LaneError::Stopping), Key::Keep),
            (OrderError::Lane(LaneError::Unavailable), Key::Keep),
            (OrderError::Identity(IdentityError::Busy), Key::Keep),
            (Refusal::OutOfStock { sku, available: 0, wanted }.into(), Key::Keep),
            (Refusal::ChannelClosed.into(), Key::Keep),
            (Refusal::Empty.into(), Key::Keep),
            (Refusal::TooMany { sku, most: 9 }.into(), Key::Keep),
            (Refusal::OutOfStock { sku, available: 2, wanted }.into(), Key::Renew),
            (Refusal::PriceChanged { sku, seen: money, now: money }.into(), Key::Renew),
            (Refusal::InsufficientFunds { available: money, wanted: money }.into(), Key::Renew),
            (Refusal::NotForSale { sku }.into(), Key::Renew),
            (Refusal::ShopNotFunded.into(), Key::Renew),
            (limit(LimitKind::PerAccountAndDay), Key::Renew),
            (limit(LimitKind::OpenPerContact), Key::Renew),
            (OrderError::Lane(LaneError::KeyReused { key: "one".to_owned() }), Key::Renew),
        ] {
            let text = error.to_string();
            assert_eq!(Complaint::of(error).map(|complaint| complaint.key()).ok(), Some(key), "{text}");
        }
        assert!(Complaint::of(OrderError::Lane(LaneError::Failed)).is_err());
    }

    #[test]
    fn fewer_are_offered_where_there_are_some() {
        let [none, few] = [0, 3].map(|left| Complaint::OutOfStock { left }.fewer());
        assert_eq!((none, few, Complaint::Quantity.fewer()), (None, Some(3), None));
    }
}
