//! The cashier page: what a buyer sees, in Chinese or English, without script.

use chrono::{DateTime, Utc};
use kernel::{Currency, Language};
use minijinja::{Environment, context};

use crate::GatewayError;
use crate::model::{Amount, Trade, TradeState, in_beijing};

const NAME: &str = "cashier.html";

/// The page, ready to be filled. The name ends in `.html`, so every value is escaped.
pub(crate) struct Cashier {
    environment: Environment<'static>,
}

impl Cashier {
    /// Reads the template.
    pub(crate) fn try_new() -> Result<Self, GatewayError> {
        let mut environment = Environment::new();
        environment.add_template(NAME, include_str!("../templates/cashier.html"))?;
        Ok(Self { environment })
    }

    /// The page of a trade as it is at `now`, or of none.
    pub(crate) fn render(
        &self,
        trade: Option<&Trade>,
        language: Language,
        now: DateTime<Utc>,
    ) -> Result<String, GatewayError> {
        let facts = trade.map(|trade| {
            let request = &trade.request;
            context! {
                trade_no => &trade.trade_no,
                out_no => &request.out_no,
                payee => trade.payee(),
                subject => &request.subject,
                amount => price(request.amount, request.currency),
                pay_before => in_beijing(request.expires_at).format("%m-%d %H:%M").to_string(),
                minutes_left => (request.expires_at - now).num_minutes().max(0),
                return_url => request.return_url.with_parameter("out_no", &request.out_no),
            }
        });
        let state = trade.map_or("unknown", |trade| state(trade, now));
        let values = context! { trade => facts, state, lang => language.tag(), zh => language == Language::Chinese };
        Ok(self.environment.get_template(NAME)?.render(values)?)
    }
}

fn state(trade: &Trade, now: DateTime<Utc>) -> &'static str {
    match &trade.state {
        TradeState::Waiting if trade.has_expired(now) => "expired",
        TradeState::Waiting => "waiting",
        TradeState::Closed => "closed",
        TradeState::Paid { .. } => "paid",
    }
}

/// An amount for people: `¥1,234.50`, `USD 12.00`.
fn price(amount: Amount, currency: Currency) -> String {
    let (whole, decimals) = amount.parts();
    let digits = whole.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    let sign = if currency == Currency::CNY { "¥".to_owned() } else { format!("{} ", currency.code()) };
    format!("{sign}{grouped}.{decimals:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_groups_its_thousands() {
        let shown = |text, currency| price(Amount::parse(text).unwrap(), currency);
        assert_eq!(shown("1234567.5", Currency::CNY), "¥1,234,567.50");
        assert_eq!(shown("999", Currency::USD), "USD 999.00");
    }
}
