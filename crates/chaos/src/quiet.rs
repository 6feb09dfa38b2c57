//! Waiting until it is quiet, and looking at everything then.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use futures::stream::{self, StreamExt, TryStreamExt};
use serde_json::{Value, json};

use crate::browser::{Browser, CONSOLE, between};
use crate::installation::Installation;
use crate::pack::{OPERATOR, Pack, minor};
use crate::promises::{self, Count, Lateness};
use crate::purchase::{Kind, Purchase};
use crate::sandbox::Trade;

const LOOK_EVERY: Duration = Duration::from_secs(1);
const ASKED_AT_ONCE: usize = 4;

/// What is found once it is quiet.
pub struct Quiet {
    /// Every purchase with the state of its order.
    pub purchases: Vec<(Purchase, String)>,
    /// The gateway's trades, by our number.
    pub trades: BTreeMap<String, Trade>,
    /// Promises that were not kept in time.
    pub broken: Vec<String>,
    /// When the fault began.
    pub struck_at: Instant,
}

/// Looks until every promise is kept, at most so long.
pub async fn settle(
    installation: &Installation,
    pack: &Pack,
    purchases: Vec<Purchase>,
    (lateness, most): (Lateness, Duration),
    struck_at: Instant,
) -> Result<Quiet> {
    let purchases = purchases.into_iter().map(|purchase| (purchase, String::new())).collect();
    let mut quiet = Quiet { purchases, trades: BTreeMap::new(), broken: Vec::new(), struck_at };
    let staff = staff(installation).await?;
    let began = Instant::now();
    loop {
        quiet.look(installation, pack).await?;
        quiet.broken = promises::of_purchases(pack, &quiet.purchases, &quiet.trades, lateness);
        if quiet.broken.is_empty() {
            let balances = balances(&quiet.purchases).await?;
            quiet.broken = promises::of_wallets(pack, &quiet.purchases, &quiet.trades, &balances);
            quiet.broken.extend(promises::of_stock(pack, &quiet.purchases, &counts(&staff).await?));
        }
        if quiet.broken.is_empty() || began.elapsed() > most {
            return Ok(quiet);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

impl Quiet {
    /// Asks the gateway for all trades, and the shop for every order that may still change.
    async fn look(&mut self, installation: &Installation, pack: &Pack) -> Result<()> {
        self.trades.clear();
        for payee in pack.sites.iter().filter_map(|site| site.payee) {
            let trades = installation.sandbox.trades(payee).await?;
            self.trades.extend(trades.into_iter().map(|trade| (trade.out_no.clone(), trade)));
        }
        let open = self.purchases.iter_mut().filter(|(purchase, state)| {
            purchase.wish.kind == Kind::Channel && purchase.is_acknowledged() && state != "delivered"
        });
        let looks = stream::iter(open).map(|(purchase, state)| async move {
            *state = purchase.state().await?;
            if state == "delivered" { purchase.reveal().await.map(|_| ()) } else { Ok(()) }
        });
        looks.buffer_unordered(ASKED_AT_ONCE).try_collect::<()>().await
    }

    /// How many orders buyers had been told of by then.
    pub fn acknowledged_before(&self, then: Instant) -> usize {
        let orders = self.purchases.iter().filter(|(purchase, _)| purchase.is_acknowledged());
        orders.filter(|(purchase, _)| purchase.span.end < then).count()
    }

    /// Looks once more at every code: each buyer is shown what he was shown before.
    pub async fn look_again(&mut self) -> Result<()> {
        let known = self.purchases.iter_mut().filter(|(purchase, _)| purchase.codes.is_some());
        let looks = stream::iter(known).map(|(purchase, _)| async move {
            let (before, now) = (purchase.codes.clone(), purchase.reveal().await?);
            let is_same = before.as_ref() == Some(&now);
            anyhow::Ok((!is_same).then(|| format!("{:?} showed {before:?} and then {now:?}", purchase.page)))
        });
        let changed: Vec<Option<String>> = looks.buffer_unordered(ASKED_AT_ONCE).try_collect().await?;
        self.broken.extend(changed.into_iter().flatten());
        Ok(())
    }
}

/// What each customer reads on the page of his wallet.
async fn balances(purchases: &[(Purchase, String)]) -> Result<BTreeMap<String, i64>> {
    let mut balances = BTreeMap::new();
    for (purchase, _) in purchases {
        let Some(login) = &purchase.wish.login else { continue };
        if !balances.contains_key(login) {
            balances.insert(login.clone(), balance(&purchase.browser).await?);
        }
    }
    Ok(balances)
}

/// What the page of the wallet shows, in hundredths.
pub async fn balance(browser: &Browser) -> Result<i64> {
    let page = browser.get("/wallet").await?.page()?;
    let purse = page.split_once("panel purse").and_then(|(_, purse)| between(purse, "<b>", "</b>"));
    purse.and_then(minor).with_context(|| format!("no balance on the page of the wallet:\n{page}"))
}

/// A browser at the console, with the operator logged in.
async fn staff(installation: &Installation) -> Result<Browser> {
    let browser = installation.wire.browser(CONSOLE);
    let password = installation.logins.get(OPERATOR).context("the operator has no password")?;
    let body = json!({ "login": OPERATOR, "password": password }).to_string();
    let answer = browser.post_json("/api/v1/session", &body).await?;
    ensure!(answer.status == 201, "the operator cannot log in: {} {}", answer.status, answer.text);
    Ok(browser)
}

/// The cards of every SKU, by its code.
async fn counts(staff: &Browser) -> Result<BTreeMap<String, Count>> {
    let tenants: Value = serde_json::from_str(&staff.get("/api/v1/tenants").await?.page()?)?;
    let tenant = tenants["data"][0]["id"].as_str().context("the operator has a shop")?;
    let stock: Value = serde_json::from_str(&staff.get(&format!("/api/v1/tenants/{tenant}/stock")).await?.page()?)?;
    let rows = stock["data"].as_array().context("a list of stock")?;
    let number = |row: &Value, name: &str| row[name].as_i64().with_context(|| format!("{name} is a number"));
    let mut counts = BTreeMap::new();
    for row in rows {
        let count = Count {
            available: number(row, "available")?,
            held: number(row, "held")?,
            sold: number(row, "sold")?,
            void: number(row, "void")?,
        };
        counts.insert(row["code"].as_str().unwrap_or_default().to_owned(), count);
    }
    Ok(counts)
}
