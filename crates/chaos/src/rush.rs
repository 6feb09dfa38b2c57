//! A flash sale: more buyers than goods, all at once.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use futures::future::{join_all, try_join_all};
use futures::stream::{self, StreamExt, TryStreamExt};

use crate::browser::Browser;
use crate::database::Backend;
use crate::dice::Dice;
use crate::installation::{Installation, Setting};
use crate::pack::{Pack, amount};
use crate::purchase::{NOT_CHARGED, SOLD_OUT};
use crate::quiet::balance;
use crate::shop::Shop;

/// How big the sale is.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Buyers, each with an account.
    pub buyers: usize,
    /// Sales, one after the other, each of a SKU of its own.
    pub sales: usize,
    /// Codes of each.
    pub stock: usize,
}

const ASKED_AT_ONCE: usize = 16;

/// Holds the sales one after the other over HTTP. It fails unless each charges exactly as many buyers as there are codes,
/// each for a code of his own, and tells all others that it is sold out.
pub async fn rush(binary: &Path, backend: Backend, size: Size) -> Result<()> {
    let folder = tempfile::Builder::new().prefix("cardgrove-rush-").tempdir()?;
    let pack = Pack::rush(size.buyers, size.sales, size.stock);
    let installation =
        Installation::start(binary, folder.path(), (backend, Setting::PLAIN), &pack, &mut Dice::of(1)).await?;
    let shop = Shop::look(&installation, &pack).await?;
    let buyers = log_in(&installation, &pack).await?;
    let mut pages: Vec<(usize, String)> = Vec::new();
    for sale in 0..size.sales {
        let won = hold(&buyers, &shop, (sale, size)).await.with_context(|| format!("sale {sale}"))?;
        pages.extend(won);
    }
    let codes = codes(&buyers, &pages).await?;
    let expected: BTreeSet<String> = pack.items.iter().flat_map(Pack::codes).collect();
    ensure!(
        codes.len() == pages.len() && codes.into_iter().collect::<BTreeSet<_>>() == expected,
        "not every code once"
    );
    let mut bought: BTreeMap<usize, i64> = BTreeMap::new();
    for (buyer, _) in &pages {
        *bought.entry(*buyer).or_default() += shop.sites[0].offers[0].unit_minor;
    }
    for (number, buyer) in buyers.iter().enumerate() {
        let (has, spent) = (balance(buyer).await?, bought.get(&number).copied().unwrap_or(0));
        let should = pack.wallet_minor - spent;
        ensure!(has == should, "buyer {number} has {} in place of {}", amount(has), amount(should));
    }
    let audit = installation.run(&["audit"]).await?;
    ensure!(audit.is_clean_audit(), "the audit says:\n{}", audit.text);
    installation.kill().await?;
    installation.database.drop().await
}

async fn log_in(installation: &Installation, pack: &Pack) -> Result<Vec<Arc<Browser>>> {
    let site = &pack.sites[0];
    let logins = (0..site.customers).map(|number| Pack::customer(site, number));
    let browsers = logins.map(|login| async move {
        let browser = installation.wire.browser(&site.host);
        let password = installation.logins.get(&login).with_context(|| format!("{login} has no password"))?;
        browser.log_in(&login, password).await?;
        anyhow::Ok(Arc::new(browser))
    });
    try_join_all(browsers).await
}

/// One sale: everybody at once. Answers who has won, with the page of his order.
async fn hold(buyers: &[Arc<Browser>], shop: &Shop, (sale, size): (usize, Size)) -> Result<Vec<(usize, String)>> {
    let offer = &shop.sites[0].offers[sale];
    let tries = buyers.iter().map(|buyer| {
        let (buyer, code, sku) = (Arc::clone(buyer), offer.code.clone(), offer.sku.clone());
        tokio::spawn(async move {
            let key = format!("sale-{sale}");
            let form = [("goods", code.as_str()), ("sku", &sku), ("quantity", "1"), ("key", &key)];
            let form: Vec<_> = form.into_iter().chain([("pay", "wallet"), ("confirm", "yes")]).collect();
            buyer.post("/checkout", &form).await
        })
    });
    let (mut won, mut lost) = (Vec::new(), 0);
    for (number, answer) in join_all(tries.collect::<Vec<_>>()).await.into_iter().enumerate() {
        let answer = answer.context("a buyer panicked")??;
        ensure!(answer.tries == 1, "buyer {number} was sent away {} times", answer.tries - 1);
        if answer.status == 409 {
            ensure!(
                answer.text.contains(SOLD_OUT) && answer.text.contains(NOT_CHARGED),
                "not a clean refusal:\n{}",
                answer.text
            );
            lost += 1;
        } else {
            won.push((number, answer.leads_to()?.to_owned()));
        }
    }
    ensure!(won.len() == size.stock, "{} have bought {} codes, {lost} were sent away", won.len(), size.stock);
    Ok(won)
}

/// The codes of all orders, each shown to its buyer.
async fn codes(buyers: &[Arc<Browser>], pages: &[(usize, String)]) -> Result<Vec<String>> {
    let shown = stream::iter(pages).map(|(buyer, page)| async move {
        let page = buyers[*buyer].post(&format!("{page}/codes"), &[]).await?.page()?;
        anyhow::Ok(crate::browser::codes(&page))
    });
    Ok(shown.buffer_unordered(ASKED_AT_ONCE).try_collect::<Vec<_>>().await?.concat())
}
