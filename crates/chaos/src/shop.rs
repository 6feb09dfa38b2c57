//! What buyers know of the shop before they buy: the forms of its pages.

use anyhow::{Context, Result};

use crate::browser::{Browser, fields};
use crate::installation::Installation;
use crate::pack::Pack;

/// The shop as its pages show it.
#[derive(Debug, Clone)]
pub struct Shop {
    /// Its sites, in the order of the pack.
    pub sites: Vec<Counter>,
}

/// One site.
#[derive(Debug, Clone)]
pub struct Counter {
    /// Its host.
    pub host: String,
    /// The way to pay by channel, as forms name it.
    pub channel: String,
    /// What it offers, in the order of the pack.
    pub offers: Vec<Offer>,
}

/// One SKU at a site.
#[derive(Debug, Clone)]
pub struct Offer {
    /// The code of goods and SKU.
    pub code: String,
    /// The value of forms: the SKU with its price.
    pub sku: String,
    /// The price, in hundredths.
    pub unit_minor: i64,
}

impl Shop {
    /// Looks at every page of goods, and at one checkout a site.
    pub async fn look(installation: &Installation, pack: &Pack) -> Result<Self> {
        let mut sites = Vec::new();
        for site in &pack.sites {
            let browser = installation.wire.browser(&site.host);
            let mut offers = Vec::new();
            for item in &pack.items {
                offers.push(offer(&browser, &item.code).await?);
            }
            let first = offers.first().context("the pack has goods")?;
            let path = format!("/checkout?goods={}&sku={}&quantity=1", first.code, first.sku);
            let page = browser.get(&path).await?.page()?;
            let channel = fields(&page, "pay").first().map(|value| (*value).to_owned());
            let channel = channel.with_context(|| format!("{} offers no way to pay", site.host))?;
            sites.push(Counter { host: site.host.clone(), channel, offers });
        }
        Ok(Self { sites })
    }
}

async fn offer(browser: &Browser, code: &str) -> Result<Offer> {
    let page = browser.get(&format!("/goods/{code}")).await?.page()?;
    let sku = fields(&page, "sku").first().map(|value| (*value).to_owned());
    let sku = sku.with_context(|| format!("{code} is not for sale:\n{page}"))?;
    let unit_minor = sku.split_once(':').and_then(|(_, minor)| minor.parse().ok()).context("a price")?;
    Ok(Offer { code: code.to_owned(), sku, unit_minor })
}
