//! Orders from the wallets of buyers who are logged in, as JSON.

use std::fmt::Write;
use std::io;
use std::sync::Arc;

use super::answers::Answers;
use super::drive::{Caller, Load, Trip, Zipf, drive};
use super::program::Program;
use super::town::{Stall, Town};
use super::wire::Connection;
use crate::shop::PASSWORD;

/// Each caller buys one piece after the other from shops that are as likely as their places say.
struct Buying {
    stalls: Arc<Vec<Stall>>,
    zipf: Zipf,
    /// Tells the keys of this load from those of others.
    run: String,
    wares: Wares,
}

/// What is bought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wares {
    /// What there is plenty of.
    Plenty,
    /// What there are a few pieces of, in the first shop.
    Rare,
}

impl Trip for Buying {
    async fn go(&self, caller: &mut Caller, number: u64) -> io::Result<u16> {
        let place = if self.wares == Wares::Rare { 0 } else { self.zipf.pick(&mut caller.dice) };
        let stall = &self.stalls[place];
        let sku = if self.wares == Wares::Rare { &stall.rare } else { &stall.sku };
        let body = body(stall, sku, "wallet");
        // In a crowd somebody else comes each time: one address that asks so often would be told to slow down.
        let buyer = if self.wares == Wares::Rare { usize::try_from(number).unwrap_or(0) } else { caller.index };
        let request = order_request(stall, buyer, (&self.run, number), &body);
        caller.connection.ask(request.as_bytes()).await
    }
}

/// What is sent to buy one piece.
pub(crate) fn body(stall: &Stall, sku: &str, pay: &str) -> String {
    let unit = stall.unit;
    format!(
        "{{\"items\":[{{\"sku\":\"{sku}\",\"quantity\":1,\"unit\":{{\"amount_minor\":{},\"currency\":\"{}\"}}}}],\
         \"pay\":\"{pay}\"}}",
        unit.minor(),
        unit.currency().code()
    )
}

/// The request of a caller, under a key of its own. Callers have addresses of their own, as buyers have.
pub(crate) fn order_request(stall: &Stall, caller: usize, (run, number): (&str, u64), body: &str) -> String {
    let mut text = head("POST", "/api/v1/shop/orders", stall, caller);
    let session = &stall.sessions[caller % stall.sessions.len()];
    let _ = write!(
        text,
        "Cookie: session={session}\r\nIdempotency-Key: {run}-{number}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    text
}

/// The beginning of a request at a shop's host.
pub(crate) fn head(method: &str, path: &str, stall: &Stall, caller: usize) -> String {
    let (high, low) = (caller / 250 % 250, caller % 250 + 1);
    format!("{method} {path} HTTP/1.1\r\nHost: {}\r\nX-Forwarded-For: 10.1.{high}.{low}\r\n", stall.host)
}

/// Buyers of all shops of the town, who are logged in and pay from their wallets. There must be stock for as many
/// ([`Town::stock_up`]).
pub async fn wallet_orders(town: &Town, program: &Program, load: Load) -> Answers {
    buy(town, program, load, Wares::Plenty).await
}

pub(crate) async fn buy(town: &Town, program: &Program, load: Load, wares: Wares) -> Answers {
    let stalls = town.stalls();
    let zipf = Zipf::of(stalls.len());
    drive(program, &Arc::new(Buying { stalls, zipf, run: town.run(), wares }), load).await
}

/// One buyer of the first shop logs in by his password over the wire; the status.
pub async fn log_in(town: &Town, program: &Program) -> io::Result<u16> {
    let (stalls, mut connection) = (town.stalls(), Connection::to(program.address()));
    let stall = &stalls[0];
    let body = format!("{{\"login\":\"{}\",\"password\":\"{PASSWORD}\"}}", stall.login(0));
    let mut text = head("POST", "/api/v1/shop/session", stall, 0);
    let _ = write!(text, "Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    connection.ask(text.as_bytes()).await
}
