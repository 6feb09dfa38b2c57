//! The sandbox gateway as a process of its own, and what only the world behind a gateway does: paying.

use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};

use crate::browser;
use crate::pack::minor;

const SERVING: &str = "sandbox gateway at ";
/// As many trades of one merchant as the gateway lists.
pub const TRADES_MAX: usize = 200;

/// A running gateway; it ends with this value.
pub struct Sandbox {
    url: String,
    http: reqwest::Client,
    _child: Child,
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
        let log = std::fs::File::create(data.join("sandbox.log"))?;
        let mut command = Command::new(binary);
        command.args(["sandbox-gateway", "--listen", "127.0.0.1:0", "--data"]).arg(data).env_clear();
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log).kill_on_drop(true);
        let mut child = command.spawn().context("the gateway does not start")?;
        let input = child.stdin.take().context("its standard input")?;
        let mut lines = BufReader::new(child.stdout.take().context("its standard output")?).lines();
        let line = lines.next_line().await?.context("the gateway ended at once")?;
        let url = line.strip_prefix(SERVING).with_context(|| format!("the gateway said {line:?}"))?.to_owned();
        Ok(Self { url, http: browser::client()?, _child: child, _input: input })
    }

    /// Its address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Our number of the trade behind a payment page.
    pub async fn out_no_at(&self, pay_url: &str) -> Result<String> {
        let page = self.http.get(pay_url).send().await?.text().await?;
        let mut words = page.split(|letter: char| !letter.is_ascii_alphanumeric());
        let number = words.find(|word| word.len() == 26 && word.starts_with("01"));
        number.map(str::to_owned).with_context(|| format!("no number on the payment page:\n{page}"))
    }

    /// The buyer goes away from the payment page; a trade that he may not cancel stays as it is.
    pub async fn cancel(&self, pay_url: &str) -> Result<()> {
        self.http.post(format!("{pay_url}/cancel")).send().await?;
        Ok(())
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
        let answer = self.http.post(url).json(&body).send().await?;
        match answer.status().as_u16() {
            200 => Ok(true),
            409 => Ok(false),
            status => bail!("the gateway answered {status}: {}", answer.text().await?),
        }
    }

    /// The trades of a merchant.
    pub async fn trades(&self, merchant: &str) -> Result<Vec<Trade>> {
        let url = format!("{}/control/trades?merchant={merchant}", self.url);
        let mut said: Value = self.http.get(url).send().await?.json().await?;
        let listed = said["trades"].as_array_mut().context("a list of trades")?;
        listed.iter_mut().map(|listed| trade(listed["trade"].take())).collect()
    }
}

fn trade(view: Value) -> Result<Trade> {
    let view: TradeView = serde_json::from_value(view)?;
    let read = |text: &str| minor(text).with_context(|| format!("{text:?} is no amount"));
    let (amount, paid, refunded) = (read(&view.amount)?, read(&view.paid_amount)?, read(&view.refunded_amount)?);
    Ok(Trade { out_no: view.out_no, amount, paid, refunded })
}
