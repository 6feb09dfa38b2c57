//! The sandbox gateway as a process of its own, and what only the world behind a gateway does: paying.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use reqwest::{RequestBuilder, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::Mutex;

use crate::browser;
use crate::pack::minor;
use crate::process::Signal;

const SERVING: &str = "sandbox gateway at ";
/// As many trades of one merchant as the gateway lists.
pub const TRADES_MAX: usize = 200;

/// How long a gateway that is dead or frozen is asked again, and how often.
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(200);

/// A gateway; it ends with this value.
pub struct Sandbox {
    url: String,
    port: u16,
    http: reqwest::Client,
    binary: PathBuf,
    data: PathBuf,
    running: Mutex<Option<Running>>,
}

/// Its process.
struct Running {
    child: Child,
    /// The gateway ends with its standard input.
    _input: ChildStdin,
}

/// A trade as the gateway knows it, in hundredths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trade {
    /// Our number of it.
    pub out_no: String,
    /// What was asked for.
    pub amount: i64,
    /// What came.
    pub paid: i64,
    /// What went back.
    pub refunded: i64,
}

/// How money comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// As it should.
    Told,
    /// The gateway tells it three times.
    Thrice,
    /// The gateway tells nothing.
    Silent,
    /// Another amount than was asked for.
    Short,
    /// After the trade was closed at the gateway.
    Late,
    /// Not at all.
    Never,
}

#[derive(Deserialize)]
struct TradeView {
    out_no: String,
    amount: String,
    paid_amount: String,
    refunded_amount: String,
}

impl Sandbox {
    /// Starts the gateway of `binary` with its records in `data`.
    pub async fn start(binary: &Path, data: &Path) -> Result<Self> {
        std::fs::create_dir_all(data)?;
        let (running, url) = spawn(binary, data, 0).await?;
        let port = url.rsplit(':').next().and_then(|port| port.parse().ok()).context("the gateway names its port")?;
        let (binary, data, http) = (binary.to_owned(), data.to_owned(), browser::client()?);
        Ok(Self { url, port, http, binary, data, running: Mutex::new(Some(running)) })
    }

    /// SIGKILL; its records stay.
    pub async fn kill(&self) -> Result<()> {
        let mut running = self.running.lock().await.take().context("the gateway runs")?;
        Ok(running.child.kill().await?)
    }

    /// Starts it again on its records, at the same address.
    pub async fn serve(&self) -> Result<()> {
        let (running, _) = spawn(&self.binary, &self.data, self.port).await?;
        *self.running.lock().await = Some(running);
        Ok(())
    }

    /// Sends it a signal.
    pub async fn signal(&self, signal: Signal) -> Result<()> {
        let number = self.running.lock().await.as_ref().and_then(|running| running.child.id());
        signal.send(&[number.context("the gateway lives")?]).await
    }

    /// How the next calls and callbacks shall go wrong.
    pub async fn plan(&self, plan: &Value) -> Result<()> {
        let answer = self.insist(|| self.http.post(format!("{}/control/plans", self.url)).json(plan)).await?;
        let status = answer.status();
        if status.is_success() { Ok(()) } else { bail!("the gateway takes no plan {plan}: {status}") }
    }

    /// Everything goes right again.
    pub async fn reset(&self) -> Result<()> {
        self.insist(|| self.http.post(format!("{}/control/reset", self.url))).await.map(|_| ())
    }

    /// Sends callbacks about a trade, true or lying.
    pub async fn notify(&self, out_no: &str, how: &Value) -> Result<()> {
        let url = format!("{}/control/trades/{out_no}/notify", self.url);
        self.insist(|| self.http.post(&url).json(how)).await.map(|_| ())
    }

    /// The port that merchants call.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Its address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Our number of the trade behind a payment page.
    pub async fn out_no_at(&self, pay_url: &str) -> Result<String> {
        let page = self.insist(|| self.http.get(pay_url)).await?.text().await?;
        let mut words = page.split(|letter: char| !letter.is_ascii_alphanumeric());
        let number = words.find(|word| word.len() == 26 && word.starts_with("01"));
        number.map(str::to_owned).with_context(|| format!("no number on the payment page:\n{page}"))
    }

    /// The buyer goes away from the payment page; a trade that he may not cancel stays as it is.
    pub async fn cancel(&self, pay_url: &str) -> Result<()> {
        self.insist(|| self.http.post(format!("{pay_url}/cancel"))).await.map(|_| ())
    }

    /// Pays; whether money moved. It does not for a trade that was closed.
    pub async fn pay(&self, out_no: &str, manner: Manner) -> Result<bool> {
        let body = match manner {
            Manner::Told => json!({}),
            Manner::Thrice => json!({ "times": 3 }),
            Manner::Silent => json!({ "notify": false }),
            Manner::Short => json!({ "amount": "0.01" }),
            Manner::Late => json!({ "late": true }),
            Manner::Never => return Ok(false),
        };
        let url = format!("{}/control/trades/{out_no}/pay", self.url);
        let answer = self.insist(|| self.http.post(&url).json(&body)).await?;
        match answer.status().as_u16() {
            200 => Ok(true),
            409 => Ok(false),
            status => bail!("the gateway answered {status}: {}", answer.text().await?),
        }
    }

    /// The trades of a merchant.
    pub async fn trades(&self, merchant: &str) -> Result<Vec<Trade>> {
        let url = format!("{}/control/trades?merchant={merchant}", self.url);
        let mut said: Value = self.insist(|| self.http.get(&url)).await?.json().await?;
        let listed = said["trades"].as_array_mut().context("a list of trades")?;
        listed.iter_mut().map(|listed| trade(listed["trade"].take())).collect()
    }

    /// Asks a gateway that is dead or frozen again. Who pays a second time is told that it is paid.
    async fn insist(&self, request: impl Fn() -> RequestBuilder) -> Result<Response> {
        let began = Instant::now();
        loop {
            match request().send().await {
                Ok(answer) => return Ok(answer),
                Err(error) if began.elapsed() > PATIENCE => return Err(error).context("the gateway has no answer"),
                Err(_) => tokio::time::sleep(PAUSE).await,
            }
        }
    }
}

/// The process, and where it serves.
async fn spawn(binary: &Path, data: &Path, port: u16) -> Result<(Running, String)> {
    let log = std::fs::File::options().create(true).append(true).open(data.join("sandbox.log"))?;
    let mut command = Command::new(binary);
    command.args(["sandbox-gateway", "--listen", &format!("127.0.0.1:{port}"), "--data"]).arg(data).env_clear();
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log).kill_on_drop(true);
    let mut child = command.spawn().context("the gateway does not start")?;
    let input = child.stdin.take().context("its standard input")?;
    let mut lines = BufReader::new(child.stdout.take().context("its standard output")?).lines();
    let line = lines.next_line().await?.context("the gateway ended at once")?;
    let url = line.strip_prefix(SERVING).with_context(|| format!("the gateway said {line:?}"))?.to_owned();
    Ok((Running { child, _input: input }, url))
}

fn trade(view: Value) -> Result<Trade> {
    let view: TradeView = serde_json::from_value(view)?;
    let read = |text: &str| minor(text).with_context(|| format!("{text:?} is no amount"));
    let (amount, paid, refunded) = (read(&view.amount)?, read(&view.paid_amount)?, read(&view.refunded_amount)?);
    Ok(Trade { out_no: view.out_no, amount, paid, refunded })
}
