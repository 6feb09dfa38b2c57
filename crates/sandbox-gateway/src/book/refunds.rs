//! Refunds of the book: asked for once, settled at once or later, never more than was paid.

use chrono::{DateTime, Utc};

use super::{Book, Made, REFUNDS_MAX, only_one};
use crate::GatewayError;
use crate::model::{Amount, Key, Refund, RefundRequest, RefundStatus, TradeState};

impl Book {
    /// Gives money back; the same refund again is the same refund and gives nothing back twice. `outcome` is asked
    /// only if the refund is new and allowed.
    pub(crate) fn refund(
        &mut self,
        merchant: &str,
        request: RefundRequest,
        outcome: impl FnOnce() -> RefundStatus,
        now: DateTime<Utc>,
    ) -> Result<Made<Refund>, GatewayError> {
        if let Some(known) = self.refunds.get(&Key::new(merchant, &request.refund_no)) {
            // A reason is for people and may be worded anew; the numbers and the amount may not.
            let is_same = known.request.out_no == request.out_no && known.request.amount == request.amount;
            return is_same.then(|| Made::Same(known.clone())).ok_or(GatewayError::RefundNoUsed);
        }
        let trade_key = Key::new(merchant, &request.out_no);
        let TradeState::Paid { amount: paid, .. } = self.trade(&trade_key)?.state else {
            return Err(GatewayError::NotPaid);
        };
        if self.promised(&trade_key).plus(request.amount) > paid {
            return Err(GatewayError::RefundTooLarge);
        }
        if self.refunds.len() >= REFUNDS_MAX {
            return Err(GatewayError::Full { what: "refunds" });
        }
        let status = outcome();
        let settled_at = (status != RefundStatus::Processing).then_some(now);
        let refund = Refund { merchant: merchant.to_owned(), request, status, settled_at };
        self.keep_refund(refund.clone());
        Ok(Made::New(refund))
    }

    /// The refund of a merchant.
    pub(crate) fn refund_of(&self, key: &Key) -> Result<&Refund, GatewayError> {
        self.refunds.get(key).ok_or(GatewayError::RefundNotFound)
    }

    /// The refund of that number, whoever's it is.
    pub(crate) fn find_refund(&self, refund_no: &str, merchant: Option<&str>) -> Result<&Refund, GatewayError> {
        only_one(&self.refunds, refund_no, merchant)?.ok_or(GatewayError::RefundNotFound)
    }

    /// Ends a refund that is processing; ending it the same way again changes nothing.
    pub(crate) fn settle(
        &mut self,
        key: &Key,
        status: RefundStatus,
        now: DateTime<Utc>,
    ) -> Result<Made<Refund>, GatewayError> {
        let refund = self.refund_of(key)?;
        if refund.status == status {
            return Ok(Made::Same(refund.clone()));
        }
        if refund.status != RefundStatus::Processing {
            return Err(GatewayError::RefundSettled);
        }
        let settled = Refund { status, settled_at: Some(now), ..refund.clone() };
        self.keep_refund(settled.clone());
        Ok(Made::New(settled))
    }

    /// Every refund of the book.
    pub(super) fn refunds(&self) -> impl Iterator<Item = &Refund> {
        self.refunds.values()
    }

    fn keep_refund(&mut self, refund: Refund) {
        let (trade_key, key) = (refund.trade_key(), refund.key());
        if self.refunds.insert(key.clone(), refund).is_none()
            && let Some(trade) = self.trades.get_mut(&trade_key)
        {
            trade.refund_nos.push(key.number);
        }
        let (done, promised) = (self.sum(&trade_key, |status| status == RefundStatus::Done), self.promised(&trade_key));
        if let Some(trade) = self.trades.get_mut(&trade_key) {
            assert!(promised <= trade.paid_amount(), "refunds never exceed what was paid");
            trade.refunded = done;
        }
    }

    /// What was given back or is on its way.
    fn promised(&self, trade_key: &Key) -> Amount {
        self.sum(trade_key, |status| status != RefundStatus::Failed)
    }

    fn sum(&self, trade_key: &Key, counts: impl Fn(RefundStatus) -> bool) -> Amount {
        let numbers = self.trades.get(trade_key).map_or(&[][..], |trade| &trade.refund_nos);
        let refunds = numbers.iter().filter_map(|number| self.refunds.get(&Key::new(&trade_key.merchant, number)));
        refunds.filter(|refund| counts(refund.status)).fold(Amount::ZERO, |sum, refund| sum.plus(refund.request.amount))
    }
}
