//! The bill of a Beijing day: what a merchant compares with its own books.

use std::fmt::Write;

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};

use super::Book;
use crate::model::in_beijing;

const HEAD: &str = "kind,trade_no,out_no,refund_no,amount,currency,at\n";

/// The payments and refunds of one merchant on one Beijing day, as CSV in the order of time. A payment that went to
/// another payee is not on the bill: this merchant never got it.
pub(crate) fn bill(book: &Book, merchant: &str, day: NaiveDate) -> String {
    let is_that_day = |at: DateTime<Utc>| in_beijing(at).date_naive() == day;
    let payments = book.trades.values().filter(|trade| trade.merchant == merchant && trade.payee() == merchant);
    let payments = payments.filter_map(|trade| {
        let at = trade.paid_at().filter(|at| is_that_day(*at))?;
        let (request, amount) = (&trade.request, trade.paid_amount());
        Some((at, format!("payment,{},{},,{amount},{}", trade.trade_no, request.out_no, request.currency)))
    });
    let refunds = book.refunds().filter(|refund| refund.merchant == merchant);
    let refunds = refunds.filter_map(|refund| {
        let at = refund.done_at().filter(|at| is_that_day(*at))?;
        let (trade, request) = (book.trade(&refund.trade_key()).ok()?, &refund.request);
        let (out_no, refund_no, currency) = (&request.out_no, &request.refund_no, trade.request.currency);
        Some((at, format!("refund,{},{out_no},{refund_no},{},{currency}", trade.trade_no, request.amount)))
    });
    let mut lines: Vec<_> = payments.chain(refunds).collect();
    lines.sort();
    lines.into_iter().fold(HEAD.to_owned(), |mut csv, (at, line)| {
        let at = in_beijing(at).to_rfc3339_opts(SecondsFormat::Secs, false);
        writeln!(csv, "{line},{at}").expect("a string takes any text");
        csv
    })
}
