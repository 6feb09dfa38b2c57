//! The pure state of the gateway: merchants, trades and refunds, without I/O; the time is handed in.
//!
//! Invariant: a trade is paid at most once, and its refunds never exceed what was paid. Every change answers with the
//! record that the journal keeps, so that replaying the records makes the same book.

mod bill;
mod refunds;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap, VecDeque};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::GatewayError;
use crate::model::{Amount, Key, Merchant, MerchantSecret, Refund, Trade, TradeRequest, TradeState};

pub(crate) use bill::bill;

const MERCHANTS_MAX: usize = 1_000;
const TRADES_MAX: usize = 100_000;
const REFUNDS_MAX: usize = 100_000;
const EXPIRY_DAYS_MAX: i64 = 366;

/// One line of the journal: the whole thing as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::large_enum_variant, reason = "records live for one line of the journal; a box would cost more")]
pub(crate) enum Record {
    Merchant(Merchant),
    Trade(Trade),
    Refund(Refund),
}

/// The answer to a request that may come twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Made<T> {
    New(T),
    Same(T),
}

/// How a trade is paid.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Payment {
    /// The trade's own amount if none.
    pub(crate) amount: Option<Amount>,
    /// The trade's own merchant if none.
    pub(crate) payee: Option<String>,
    pub(crate) timing: Timing,
}

/// Whether a closed or expired trade can still be paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Timing {
    #[default]
    InTime,
    Late,
}

/// Everything the gateway knows.
pub(crate) struct Book {
    merchants: BTreeMap<String, Merchant>,
    trades: BTreeMap<Key, Trade>,
    keys_by_trade_no: HashMap<String, Key>,
    /// Trades in the order of their creation: the oldest makes room for a new one.
    arrivals: VecDeque<Key>,
    refunds: BTreeMap<Key, Refund>,
    trades_max: usize,
}

impl Default for Book {
    fn default() -> Self {
        Self::with_trades_max(TRADES_MAX)
    }
}

impl Book {
    fn with_trades_max(trades_max: usize) -> Self {
        Self {
            merchants: BTreeMap::new(),
            trades: BTreeMap::new(),
            keys_by_trade_no: HashMap::new(),
            arrivals: VecDeque::new(),
            refunds: BTreeMap::new(),
            trades_max,
        }
    }

    /// Opens a merchant; the same secret again is the same merchant.
    pub(crate) fn open_merchant(
        &mut self,
        name: String,
        secret: MerchantSecret,
    ) -> Result<Made<Merchant>, GatewayError> {
        match self.merchants.get(&name) {
            Some(known) if known.secret == secret => return Ok(Made::Same(known.clone())),
            Some(_) => return Err(GatewayError::MerchantTaken),
            None if self.merchants.len() >= MERCHANTS_MAX => return Err(GatewayError::Full { what: "merchants" }),
            None => {}
        }
        let merchant = Merchant { name: name.clone(), secret };
        self.merchants.insert(name, merchant.clone());
        Ok(Made::New(merchant))
    }

    /// The merchant of that name.
    pub(crate) fn merchant(&self, name: &str) -> Result<&Merchant, GatewayError> {
        self.merchants.get(name).ok_or(GatewayError::UnknownMerchant)
    }

    /// Creates a trade; the same request again is the same trade, whatever became of it.
    pub(crate) fn create(
        &mut self,
        merchant: &str,
        request: TradeRequest,
        trade_no: String,
        now: DateTime<Utc>,
    ) -> Result<Made<Trade>, GatewayError> {
        if let Some(known) = self.trades.get(&Key::new(merchant, &request.out_no)) {
            let is_same = known.request == request;
            return is_same.then(|| Made::Same(known.clone())).ok_or(GatewayError::OutNoUsed);
        }
        if request.expires_at <= now || request.expires_at > now + TimeDelta::days(EXPIRY_DAYS_MAX) {
            return Err(GatewayError::invalid("expires_at", "a moment within the next 366 days"));
        }
        let trade = Trade {
            merchant: merchant.to_owned(),
            trade_no,
            request,
            state: TradeState::Waiting,
            refunded: Amount::ZERO,
            refund_nos: Vec::new(),
        };
        self.keep_trade(trade.clone());
        Ok(Made::New(trade))
    }

    /// The trade of a merchant.
    pub(crate) fn trade(&self, key: &Key) -> Result<&Trade, GatewayError> {
        self.trades.get(key).ok_or(GatewayError::TradeNotFound)
    }

    /// The trade of that number, whoever's it is; needed by control calls, which name no merchant.
    pub(crate) fn find_trade(&self, out_no: &str, merchant: Option<&str>) -> Result<&Trade, GatewayError> {
        only_one(&self.trades, out_no, merchant)?.ok_or(GatewayError::TradeNotFound)
    }

    /// The trade of the gateway's own number.
    pub(crate) fn trade_by_no(&self, trade_no: &str) -> Result<&Trade, GatewayError> {
        self.keys_by_trade_no.get(trade_no).and_then(|key| self.trades.get(key)).ok_or(GatewayError::TradeNotFound)
    }

    /// The newest trades, of one merchant if one is named.
    pub(crate) fn newest_trades(&self, merchant: Option<&str>, count_max: usize) -> Vec<&Trade> {
        let newest = self.arrivals.iter().rev().filter_map(|key| self.trades.get(key));
        newest.filter(|trade| merchant.is_none_or(|name| trade.merchant == name)).take(count_max).collect()
    }

    /// Pays a trade that waits, or a closed one if the payment may be late.
    pub(crate) fn pay(&mut self, key: &Key, payment: Payment, now: DateTime<Utc>) -> Result<Trade, GatewayError> {
        let trade = self.trades.get_mut(key).ok_or(GatewayError::TradeNotFound)?;
        let is_open = trade.state == TradeState::Waiting && !trade.has_expired(now);
        if matches!(trade.state, TradeState::Paid { .. }) {
            return Err(GatewayError::AlreadyPaid);
        }
        if !is_open && payment.timing == Timing::InTime {
            return Err(GatewayError::TradeClosed);
        }
        let amount = payment.amount.unwrap_or(trade.request.amount);
        let payee = payment.payee.unwrap_or_else(|| trade.merchant.clone());
        trade.state = TradeState::Paid { at: now, amount, payee };
        Ok(trade.clone())
    }

    /// Closes a trade that is not paid; closing a closed one changes nothing.
    pub(crate) fn close(&mut self, key: &Key) -> Result<Trade, GatewayError> {
        let trade = self.trades.get_mut(key).ok_or(GatewayError::TradeNotFound)?;
        if matches!(trade.state, TradeState::Paid { .. }) {
            return Err(GatewayError::AlreadyPaid);
        }
        trade.state = TradeState::Closed;
        Ok(trade.clone())
    }

    /// Puts a record of the journal where it was.
    pub(crate) fn replay(&mut self, record: Record) {
        match record {
            Record::Merchant(merchant) => {
                self.merchants.insert(merchant.name.clone(), merchant);
            }
            Record::Trade(trade) => self.keep_trade(trade),
            Record::Refund(refund) => {
                // A refund whose trade made room for newer ones goes with it.
                if self.trades.contains_key(&refund.trade_key()) {
                    self.refunds.insert(refund.key(), refund);
                }
            }
        }
    }

    /// Everything known, in an order that can be replayed.
    pub(crate) fn records(&self) -> impl Iterator<Item = Record> {
        let merchants = self.merchants.values().cloned().map(Record::Merchant);
        let trades = self.arrivals.iter().filter_map(|key| self.trades.get(key)).cloned().map(Record::Trade);
        merchants.chain(trades).chain(self.refunds.values().cloned().map(Record::Refund))
    }

    fn keep_trade(&mut self, trade: Trade) {
        let key = trade.key();
        self.keys_by_trade_no.insert(trade.trade_no.clone(), key.clone());
        if self.trades.insert(key.clone(), trade).is_none() {
            self.arrivals.push_back(key);
        }
        while self.trades.len() > self.trades_max {
            self.drop_oldest_trade();
        }
    }

    fn drop_oldest_trade(&mut self) {
        let Some(oldest) = self.arrivals.pop_front() else { return };
        let Some(trade) = self.trades.remove(&oldest) else { return };
        self.keys_by_trade_no.remove(&trade.trade_no);
        for refund_no in &trade.refund_nos {
            self.refunds.remove(&Key::new(&trade.merchant, refund_no));
        }
    }
}

/// The only value of that number, or of that number and merchant.
fn only_one<'a, T>(
    values: &'a BTreeMap<Key, T>,
    number: &str,
    merchant: Option<&str>,
) -> Result<Option<&'a T>, GatewayError> {
    if let Some(merchant) = merchant {
        return Ok(values.get(&Key::new(merchant, number)));
    }
    let mut found = values.range(Key::new("", number)..).take_while(|(key, _)| key.number == number);
    match (found.next(), found.next()) {
        (Some(_), Some(_)) => Err(GatewayError::Ambiguous),
        (first, _) => Ok(first.map(|(_, value)| value)),
    }
}
