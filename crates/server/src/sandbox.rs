//! The sandbox gateway: a program of its own, which the demo starts beside itself.
//!
//! It is another process on purpose: what our side believes of a payment it has to learn over the wire.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::Context;
use sandbox_gateway::{Gateway, GatewaySettings};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};

/// What the sandbox says once it serves, before its address.
const SERVING: &str = "sandbox gateway at ";

/// Serves the sandbox until standard input ends (the demo went away) or a signal comes.
pub async fn serve(listen: SocketAddr, data: &Path) -> anyhow::Result<()> {
    let journal = Some(data.join("journal.jsonl"));
    let listener = TcpListener::bind(listen).await.with_context(|| format!("cannot listen at {listen}"))?;
    let address = listener.local_addr()?;
    let public_url = Some(format!("http://{address}"));
    let gateway = Gateway::open(GatewaySettings { public_url, journal })?;
    crate::commands::print(&format!("{SERVING}http://{address}\n"))?;
    sandbox_gateway::serve(listener, gateway, until_alone()).await?;
    Ok(())
}

/// Ends when nobody holds the other end of standard input any more, or somebody presses Ctrl-C.
async fn until_alone() {
    let mut byte = [0];
    let mut input = tokio::io::stdin();
    loop {
        tokio::select! {
            read = input.read(&mut byte) => if !matches!(read, Ok(1)) { return },
            _ = tokio::signal::ctrl_c() => return,
        }
    }
}

/// A running sandbox. It ends with this process, however that ends.
pub struct Sandbox {
    /// Its address.
    pub url: String,
    /// Held for its standard input.
    _child: Child,
}

impl Sandbox {
    /// Starts the sandbox at `listen` with its records in `data`.
    pub async fn start(listen: SocketAddr, data: PathBuf) -> anyhow::Result<Self> {
        let program = std::env::current_exe().context("the name of this program")?;
        let mut child = Command::new(program)
            .args(["sandbox-gateway", "--listen", &listen.to_string(), "--data"])
            .arg(&data)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("the sandbox gateway cannot be started")?;
        let output = child.stdout.take().context("the sandbox gateway's output")?;
        let mut lines = BufReader::new(output).lines();
        let line = lines.next_line().await?.context("the sandbox gateway ended at once")?;
        let url = line.strip_prefix(SERVING).with_context(|| format!("the sandbox gateway said {line:?}"))?;
        Ok(Self { url: url.to_owned(), _child: child })
    }
}
