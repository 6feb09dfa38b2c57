//! Orders that a gateway is paid for: placed, then reported by a signed message, as the gateway sends it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use hmac::{Hmac, KeyInit, Mac};
use kernel::hex;
use serde_json::Value;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::answers::Answers;
use super::drive::{Caller, Load, Trip, Zipf, drive};
use super::orders::{body, order_request};
use super::program::Program;
use super::town::{CASHIER, Stall, Town};

/// How long what was acknowledged may take until it is written.
const WRITTEN_WITHIN: Duration = Duration::from_secs(60);

/// What became of orders that a gateway was paid for.
#[derive(Debug, Clone)]
pub struct Paid {
    /// Each accepted one is an order that was placed, paid and acknowledged.
    pub answers: Answers,
    /// Messages that were acknowledged.
    pub acknowledged: u64,
    /// Payments that are in the database a minute later at most.
    pub written: u64,
}

/// An order that waits for its money.
#[derive(Debug, Clone)]
pub(crate) struct Due {
    pub place: usize,
    pub out_no: String,
}

/// Places an order by the shop's channel; the order, or the status of the refusal.
pub(crate) async fn place(
    (stalls, place): (&[Stall], usize),
    caller: &mut Caller,
    name: (&str, u64),
) -> io::Result<Result<Due, u16>> {
    let stall = &stalls[place];
    let request = order_request(stall, caller.index, name, &body(stall, &stall.sku, &stall.channel));
    let status = caller.connection.ask(request.as_bytes()).await?;
    if status != 201 {
        return Ok(Err(status));
    }
    let placed: Value = serde_json::from_slice(caller.connection.body()).map_err(|_| io::ErrorKind::InvalidData)?;
    let out_no = placed["due"]["out_no"].as_str().ok_or(io::ErrorKind::InvalidData)?.to_owned();
    Ok(Ok(Due { place, out_no }))
}

/// The gateway's message that an order is paid.
pub(crate) fn report(stalls: &[Stall], due: &Due) -> String {
    let stall = &stalls[due.place];
    let (nonce, now) = (Uuid::now_v7().simple().to_string(), Utc::now());
    let amount = stall.unit.to_string();
    let body = serde_json::json!({
        "event_id": format!("event-{}", due.out_no),
        "event": "trade.paid",
        "out_no": due.out_no,
        "trade_no": format!("trade-{}", due.out_no),
        "payee": stall.payee,
        "amount": amount.split(' ').next(),
        "currency": stall.unit.currency().code(),
        "paid_at": now,
    })
    .to_string();
    let (path, timestamp, digest) = (&stall.notify, now.timestamp(), hex(&Sha256::digest(body.as_bytes())));
    let mut mac = Hmac::<Sha256>::new_from_slice(&stall.secret).expect("HMAC takes keys of any length");
    mac.update(format!("SANDBOX1\nPOST\n{path}\n{timestamp}\n{nonce}\n{digest}").as_bytes());
    format!(
        "POST {path} HTTP/1.1\r\nHost: {CASHIER}\r\nX-Forwarded-For: 10.2.0.1\r\nContent-Type: application/json\r\n\
         sandbox-merchant: {}\r\nsandbox-timestamp: {timestamp}\r\nsandbox-nonce: {nonce}\r\n\
         sandbox-signature: v1={}\r\nContent-Length: {}\r\n\r\n{body}",
        stall.payee,
        hex(&mac.finalize().into_bytes()),
        body.len()
    )
}

struct Paying {
    stalls: Arc<Vec<Stall>>,
    zipf: Zipf,
    run: String,
}

impl Trip for Paying {
    async fn go(&self, caller: &mut Caller, number: u64) -> io::Result<u16> {
        let at = (self.stalls.as_slice(), self.zipf.pick(&mut caller.dice));
        match place(at, caller, (&self.run, number)).await? {
            Ok(due) => caller.connection.ask(report(&self.stalls, &due).as_bytes()).await,
            Err(status) => Ok(status),
        }
    }
}

/// Buyers who pay by the shops' gateway, which reports each payment as soon as the order is placed.
pub async fn paid_orders(town: &Town, program: &Program, load: Load) -> Paid {
    let stalls = town.stalls();
    let zipf = Zipf::of(stalls.len());
    let before = payments(town, 0).await;
    let answers = drive(program, &Arc::new(Paying { stalls, zipf, run: town.run() }), load).await;
    let acknowledged = answers.of(200);
    let written = payments(town, before + acknowledged).await - before;
    Paid { answers, acknowledged, written }
}

/// Payments that are written, once there are so many or it has taken too long.
pub(crate) async fn payments(town: &Town, least: u64) -> u64 {
    town.await_count(("payments", "1 = 1"), least, WRITTEN_WITHIN).await
}
