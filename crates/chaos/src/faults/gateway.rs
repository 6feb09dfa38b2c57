//! The gateway says nothing, stands still, dies, lies, or says everything a hundred times.

use std::time::Duration;

use anyhow::Result;
use futures::FutureExt;
use serde_json::json;

use super::{Fault, Stage, Struck};
use crate::installation::{Behind, Setting};
use crate::process::Signal;
use crate::proxy::Mode;

/// Calls are carried out or not and have no answer, others are refused, and callbacks get lost.
pub const MUTE: Fault = Fault::plain("gateway-mute", "X10, X11", |stage| mute(stage).boxed());
/// It takes calls and does not answer until it goes on.
pub const FROZEN: Fault = Fault::plain("gateway-frozen", "X10", |stage| frozen(stage).boxed());
/// It is killed and starts again on its records.
pub const DEAD: Fault = Fault::plain("gateway-dead", "X10", |stage| dead(stage).boxed());
/// What it does is right, and its answers are pages, errors or cut off; its callbacks are forged.
pub const LIES: Fault = Fault {
    setting: Setting { behind_wire: Some(Behind::Gateway), ..Setting::PLAIN },
    ..Fault::plain("gateway-lies", "X10", |stage| lies(stage).boxed())
};
/// Callbacks come a hundred times at once, late, and the later ones first.
pub const COPIES: Fault = Fault::plain("gateway-copies", "X12, X13", |stage| copies(stage).boxed());

const HTML: &[u8] =
    b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 25\r\n\r\n<html>maintenance</html>\n";
const ERROR: &[u8] = b"HTTP/1.1 500 Internal Server Error\r\ncontent-length: 4\r\n\r\noops";
const CUT_OFF: &[u8] =
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 400\r\n\r\n{\"out_no\":\"0";
const NONSENSE: &[u8] =
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 19\r\n\r\n{\"status\":\"paid!!\"}";

async fn mute(stage: &Stage<'_>) -> Result<Struck> {
    let sandbox = &stage.installation.sandbox;
    let plans = [
        json!({ "create": "commit_then_timeout", "times": 3 }),
        json!({ "create": "timeout", "times": 3 }),
        json!({ "create": "refuse", "times": 2 }),
        json!({ "close": "timeout", "times": 2 }),
        json!({ "refund": "commit_then_timeout", "times": 3 }),
        json!({ "drop_notify": 20 }),
    ];
    for plan in &plans {
        sandbox.plan(plan).await?;
    }
    tokio::time::sleep(Duration::from_secs(3)).await;
    sandbox.reset().await?;
    Ok(Struck::of("no answers, no callbacks"))
}

async fn frozen(stage: &Stage<'_>) -> Result<Struck> {
    stage.installation.sandbox.signal(Signal::Stop).await?;
    tokio::time::sleep(Duration::from_secs(5)).await;
    stage.installation.sandbox.signal(Signal::Continue).await?;
    Ok(Struck::of("frozen for 5 s"))
}

async fn dead(stage: &Stage<'_>) -> Result<Struck> {
    stage.installation.sandbox.kill().await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    stage.installation.sandbox.serve().await?;
    Ok(Struck::of("dead for 2 s"))
}

async fn lies(stage: &Stage<'_>) -> Result<Struck> {
    let (proxy, sandbox) = (stage.installation.hurt_wire()?, &stage.installation.sandbox);
    for answer in [HTML, ERROR, CUT_OFF, NONSENSE] {
        proxy.set(Mode::Answer(answer));
        tokio::time::sleep(Duration::from_millis(700)).await;
    }
    proxy.set(Mode::ResetAfter(20));
    let payees = stage.pack.sites.iter().filter_map(|site| site.payee);
    let mut forged = 0;
    for payee in payees {
        for trade in sandbox.trades(payee).await?.iter().filter(|trade| trade.paid == 0).take(5) {
            sandbox.notify(&trade.out_no, &json!({ "forge": true, "amount": "8.00", "wait": true })).await?;
            forged += 1;
        }
    }
    proxy.set(Mode::Pass);
    let mut struck = Struck::of(format!("{} lies, {forged} forged callbacks", proxy.hurt()));
    struck.expect(proxy.hurt() > 0, "nobody was lied to: nothing was tested");
    Ok(struck)
}

async fn copies(stage: &Stage<'_>) -> Result<Struck> {
    let sandbox = &stage.installation.sandbox;
    let plans = [
        json!({ "duplicate_notify": 100, "times": 10 }),
        json!({ "delay_notify_ms": 1_500, "times": 10 }),
        json!({ "reorder": true, "times": 10 }),
    ];
    for plan in &plans {
        sandbox.plan(plan).await?;
    }
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    sandbox.reset().await?;
    Ok(Struck::of("a hundred copies, late, in the wrong order"))
}
