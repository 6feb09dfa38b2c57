//! Prices: reads what the resolver needs, and asks it.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use kernel::{SiteId, TenantScope};
use store::{Inside, Sheaf, Store, Tx, WriteTx};

use super::SKUS_MAX;
use crate::error::CatalogError;
use crate::model::{Epochs, RuleBook, SiteLevel, Sku, SkuFacts, SkuId, Subject, Ware};
use crate::repo;
use crate::rules::{self, Explanation, Hidden, HiddenReason, PriceRequest, Quote};

/// The most rules a site may have.
pub(super) const RULES_MAX: u64 = 5_000;
/// The most sites of one chain.
const CHAIN_MAX: usize = 32;

/// One SKU's price, or why it has none.
pub type Quoted = (SkuId, Result<Quote, Hidden>);

/// What a SKU costs on a site.
///
/// Every answer comes from [`rules::resolve`], over rows that are read for it; what pages show comes from
/// [`crate::Showcases`].
#[derive(Clone)]
pub struct Prices {
    store: Store,
}

impl Prices {
    /// The prices over this database.
    pub const fn new(store: Store) -> Self {
        Self { store }
    }

    /// As [`Prices::quotes_in`], in a transaction of its own.
    pub async fn quotes(
        &self,
        scope: &impl Inside,
        chain: &[SiteLevel],
        subject: &Subject,
        skus: &[(SkuId, u32)],
    ) -> Result<Vec<Quoted>, CatalogError> {
        self.quotes_in(&self.store.read(scope).await?, chain, subject, skus).await
    }

    /// The price of each SKU in its quantity at the transaction's time, in the order asked for; three queries
    /// whatever their number, four if a template is named. The chain begins with the main site and ends with the selling one. A SKU that is not
    /// there is not on sale.
    pub async fn quotes_in(
        &self,
        tx: &impl Tx,
        chain: &[SiteLevel],
        subject: &Subject,
        skus: &[(SkuId, u32)],
    ) -> Result<Vec<Quoted>, CatalogError> {
        let ids: Vec<SkuId> = skus.iter().map(|(sku, _)| *sku).collect();
        let facts = self.facts_in(tx, &ids).await?;
        let book = self.rules_of_chain_in(tx, chain).await?;
        Ok(quote_all(chain, &book, &facts, subject, skus, tx.now()))
    }

    /// The steps that lead to a price at the transaction's time; cut it with [`Explanation::seen_by`].
    pub async fn explain_in(
        &self,
        tx: &impl Tx,
        chain: &[SiteLevel],
        subject: &Subject,
        (sku, quantity): (SkuId, u32),
    ) -> Result<Explanation, CatalogError> {
        let facts = self.facts_in(tx, &[sku]).await?;
        let facts = facts.get(&sku).ok_or(CatalogError::Missing { what: "sku" })?;
        let book = self.rules_of_chain_in(tx, chain).await?;
        let hops = rules::hops(chain, &book);
        Ok(rules::explain(&PriceRequest { chain: &hops, sku: facts, subject, quantity, now: tx.now() }))
    }

    /// All rules of these sites, in one query, and the bands of the templates they name in a second one if they name
    /// any. Rules outside their window are among them.
    pub async fn rules_in(&self, tx: &impl Tx, sites: &[SiteId]) -> Result<RuleBook, CatalogError> {
        let limit = RULES_MAX * sites.len() as u64;
        let rules = repo::price::rules(tx, sites, limit + 1).await?;
        if rules.len() as u64 > limit {
            return Err(CatalogError::TooMany { what: "price rules", limit });
        }
        let book: RuleBook = rules.into_iter().collect();
        let templates = book.templates();
        if templates.is_empty() {
            return Ok(book);
        }
        // A template is written before the rules that name it and never removed, so that this later look finds it.
        let bands = repo::template::bands(tx, templates.into_iter()).await?;
        Ok(book.with_bands(bands))
    }

    /// What the resolver needs to know of these SKUs; unknown ones are left out.
    pub async fn facts_in(&self, tx: &impl Tx, skus: &[SkuId]) -> Result<HashMap<SkuId, SkuFacts>, CatalogError> {
        Ok(self.wares_in(tx, skus).await?.into_iter().map(|(sku, ware)| (sku, ware.facts)).collect())
    }

    /// The same with the words an order freezes; two queries.
    pub async fn wares_in(&self, tx: &impl Tx, skus: &[SkuId]) -> Result<HashMap<SkuId, Ware>, CatalogError> {
        if skus.len() as u64 > SKUS_MAX {
            return Err(CatalogError::TooMany { what: "skus", limit: SKUS_MAX });
        }
        let skus = repo::goods::skus(tx, skus).await?;
        let goods = repo::goods::goods(tx, skus.iter().map(|sku| sku.goods)).await?;
        let goods: HashMap<_, _> = goods.into_iter().map(|goods| (goods.id, goods)).collect();
        let ware = |sku: Sku| {
            let goods = goods.get(&sku.goods)?;
            Some((
                sku.id,
                Ware {
                    facts: sku.facts(goods),
                    title: goods.title.clone(),
                    name: sku.name,
                    kind: goods.kind,
                    fulfilment: goods.fulfilment.clone(),
                    refunds: goods.refunds,
                },
            ))
        };
        Ok(skus.into_iter().filter_map(ware).collect())
    }

    /// The tenant's epochs: what was read of its catalogue is good for as long as they stay.
    pub async fn epochs_in(&self, tx: &impl Tx) -> Result<Epochs, CatalogError> {
        Ok(repo::price::epochs(tx).await?)
    }

    /// Raises the tenant's epochs, so that whoever decides orders reads anew what he keeps. Others who do so wait until the
    /// transaction ends.
    pub async fn renew_in(&self, tx: &WriteTx<TenantScope>) -> Result<(), CatalogError> {
        repo::price::epoch_to_change(tx).await?;
        repo::price::raise_epoch(tx).await
    }

    /// Has `sheaf` fall short if the tenant's epochs are not these any more.
    pub fn prove_into(sheaf: &mut Sheaf<TenantScope>, epochs: Epochs) {
        repo::price::prove_epochs(sheaf, epochs);
    }

    async fn rules_of_chain_in(&self, tx: &impl Tx, chain: &[SiteLevel]) -> Result<RuleBook, CatalogError> {
        if chain.len() > CHAIN_MAX {
            return Err(CatalogError::TooMany { what: "sites in a chain", limit: CHAIN_MAX as u64 });
        }
        let sites: Vec<SiteId> = chain.iter().map(|place| place.site).collect();
        self.rules_in(tx, &sites).await
    }
}

fn quote_all(
    chain: &[SiteLevel],
    book: &RuleBook,
    facts: &HashMap<SkuId, SkuFacts>,
    subject: &Subject,
    skus: &[(SkuId, u32)],
    now: DateTime<Utc>,
) -> Vec<Quoted> {
    let hops = rules::hops(chain, book);
    let seller = chain.last().expect("a chain has at least the main site").site;
    let quote = |sku: SkuId, quantity: u32| match facts.get(&sku) {
        Some(sku) => rules::resolve(&PriceRequest { chain: &hops, sku, subject, quantity, now }),
        None => Err(Hidden { site: seller, reason: HiddenReason::NotOnSale }),
    };
    skus.iter().map(|&(sku, quantity)| (sku, quote(sku, quantity))).collect()
}
