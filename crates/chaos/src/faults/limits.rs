//! The program may not have what it needs: handles for connections, or memory.

use std::time::Duration;

use anyhow::{Context, Result};
use futures::FutureExt;
use tokio::net::TcpStream;

use super::{Fault, Stage, Struck};
use crate::process::tool;

/// 64 handles, and more connections than that.
pub const HANDLES: Fault = Fault::plain("handles", "X17", |stage| handles(stage).boxed());
/// Hardly any memory above what it has; if that kills the program, it is started again.
pub const MEMORY: Fault = Fault::plain("memory", "X16", |stage| memory(stage).boxed());

const IDLERS: usize = 150;
const MEMORY_ABOVE_BYTES: u64 = 4 << 20;

async fn handles(stage: &Stage<'_>) -> Result<Struck> {
    let node = &stage.installation.nodes[0];
    let number = node.number().await?;
    let before = limit(number, "--nofile", "64:").await?;
    let mut idlers = Vec::new();
    for _ in 0..IDLERS {
        // Who finds no place waits in the kernel, or is refused.
        let connect = TcpStream::connect(("127.0.0.1", node.port()));
        if let Ok(Ok(idler)) = tokio::time::timeout(Duration::from_millis(50), connect).await {
            idlers.push(idler);
        }
    }
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let held = idlers.len();
    drop(idlers);
    limit(number, "--nofile", &before).await?;
    let mut struck = Struck::of(format!("64 handles and {held} idle connections"));
    struck.expect(node.is_alive().await, "without handles the program ended");
    Ok(struck)
}

async fn memory(stage: &Stage<'_>) -> Result<Struck> {
    let node = &stage.installation.nodes[0];
    let number = node.number().await?;
    let pages = std::fs::read_to_string(format!("/proc/{number}/statm"))?;
    let pages: u64 = pages.split(' ').next().context("a count of pages")?.parse()?;
    let most = pages * 4_096 + MEMORY_ABOVE_BYTES;
    let before = limit(number, "--as", &format!("{most}:")).await?;
    tokio::time::sleep(Duration::from_secs(3)).await;
    if node.is_alive().await {
        limit(number, "--as", &before).await?;
        return Ok(Struck::of("4 MiB more than it has; it lived"));
    }
    stage.installation.serve(0).await?;
    Ok(Struck::of("4 MiB more than it has; it died and was started again"))
}

/// Sets a soft limit of a running process; answers what it was, in the same words.
async fn limit(number: u32, which: &str, most: &str) -> Result<String> {
    let number = number.to_string();
    let before = tool("prlimit", &["--pid", &number, which, "--noheadings", "--output", "SOFT"]).await?;
    tool("prlimit", &["--pid", &number, &format!("{which}={most}")]).await?;
    Ok(format!("{}:", before.trim()))
}
