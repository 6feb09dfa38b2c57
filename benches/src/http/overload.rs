//! Many times more than there is room for, and gateways that report meanwhile.

use std::sync::Arc;
use std::time::Duration;

use super::answers::Answers;
use super::drive::{Caller, Dice, Load};
use super::orders::wallet_orders;
use super::paying::{Due, payments, place, report};
use super::program::Program;
use super::town::Town;
use super::wire::Connection;

/// A gateway sends a message again after so long.
const AGAIN_AFTER: Duration = Duration::from_millis(500);
/// How often it does so before it gives up.
const TRIES: u32 = 60;

/// What a flood left of the work.
#[derive(Debug, Clone)]
pub struct Overload {
    /// Orders a second that were offered.
    pub offered: u64,
    /// What came back.
    pub answers: Answers,
    /// Messages of gateways that were sent into the flood.
    pub reports: u64,
    /// Those that were acknowledged at the first try.
    pub at_once: u64,
    /// Those that were acknowledged in the end.
    pub acknowledged: u64,
    /// Payments that are in the database a minute later at most.
    pub written: u64,
}

/// Offers `rate` orders a second for `length` over so many connections, while `reports` messages of gateways come
/// evenly in between. There must be stock for what can be sold, and for the reports' orders.
pub async fn overload(
    town: &Town,
    program: &Program,
    (rate, connections, length): (u64, usize, Duration),
    reports: u64,
) -> Overload {
    let dues = Arc::new(dues(town, program, reports).await);
    let before = payments(town, 0).await;
    let gateway = tokio::spawn(send(town.stalls(), program.address(), Arc::clone(&dues), length));
    let answers = wallet_orders(town, program, Load::open(rate, connections, length)).await;
    let (at_once, acknowledged) = gateway.await.expect("the gateway does not panic");
    let written = payments(town, before + acknowledged).await - before;
    Overload { offered: rate, answers, reports: dues.len() as u64, at_once, acknowledged, written }
}

/// Orders of all shops in turn that wait for their money.
async fn dues(town: &Town, program: &Program, wanted: u64) -> Vec<Due> {
    let (stalls, run) = (town.stalls(), town.run());
    let mut caller = Caller { index: 0, connection: Connection::to(program.address()), dice: Dice::new(7) };
    let mut dues = Vec::new();
    for number in 0..wanted {
        caller.index = usize::try_from(number).expect("few");
        let at = (stalls.as_slice(), caller.index % stalls.len());
        match place(at, &mut caller, (&run, number)).await {
            Ok(Ok(due)) => dues.push(due),
            other => panic!("an order by a channel was refused before the flood: {other:?}"),
        }
    }
    dues
}

/// Sends each report at its own time, and again until it is acknowledged; how many were at once, and in the end.
async fn send(
    stalls: Arc<Vec<super::town::Stall>>,
    address: std::net::SocketAddr,
    dues: Arc<Vec<Due>>,
    length: Duration,
) -> (u64, u64) {
    let each = length / u32::try_from(dues.len().max(1)).expect("few");
    let mut senders = Vec::with_capacity(dues.len());
    for place in 0..dues.len() {
        let (stalls, dues) = (Arc::clone(&stalls), Arc::clone(&dues));
        senders.push(tokio::spawn(async move {
            let mut connection = Connection::to(address);
            for attempt in 1..=TRIES {
                if connection.ask(report(&stalls, &dues[place]).as_bytes()).await.is_ok_and(|status| status == 200) {
                    return attempt;
                }
                tokio::time::sleep(AGAIN_AFTER).await;
            }
            TRIES + 1
        }));
        tokio::time::sleep(each).await;
    }
    let (mut at_once, mut acknowledged) = (0, 0);
    for sender in senders {
        let attempt = sender.await.expect("a sender does not panic");
        at_once += u64::from(attempt == 1);
        acknowledged += u64::from(attempt <= TRIES);
    }
    (at_once, acknowledged)
}
