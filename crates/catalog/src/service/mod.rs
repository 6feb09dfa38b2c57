//! Use cases: what is on sale, what it costs here, and the writes that packs and the console make.

mod listing;
mod prices;
mod save;
mod shown;
mod templates;

use std::collections::HashSet;

use store::{Inside, Store, Tx};

pub use listing::{GoodsFilter, RuleFamily, RuleFilter, SkuFilter};
pub use prices::{Prices, Quoted};

use crate::error::CatalogError;
use crate::model::{Catalogue, Code, Goods, Sku, SkuId};
use crate::repo;

/// The most SKUs a tenant may have, off sale or on; goods as well.
const SKUS_MAX: u64 = 5_000;
/// The most categories a tenant may have.
const CATEGORIES_MAX: u64 = 500;

/// Categories, goods and SKUs of a tenant.
#[derive(Clone)]
pub struct Catalog {
    store: Store,
}

impl Catalog {
    /// The catalogue over this database.
    pub const fn new(store: Store) -> Self {
        Self { store }
    }

    /// As [`Catalog::catalogue_in`], in a transaction of its own.
    pub async fn catalogue(&self, scope: &impl Inside) -> Result<Catalogue, CatalogError> {
        self.catalogue_in(&self.store.read(scope).await?).await
    }

    /// All categories, and the goods and SKUs on sale, sorted as they are shown. Goods of which no SKU is on sale
    /// are there; SKUs whose goods are off sale are not.
    pub async fn catalogue_in(&self, tx: &impl Tx) -> Result<Catalogue, CatalogError> {
        let categories = repo::goods::categories(tx, CATEGORIES_MAX).await?;
        let goods = repo::goods::goods_on_sale(tx, SKUS_MAX).await?;
        let mut skus = repo::goods::skus_on_sale(tx, SKUS_MAX).await?;
        let on_sale: HashSet<_> = goods.iter().map(|goods| goods.id).collect();
        skus.retain(|sku| on_sale.contains(&sku.goods));
        Ok(Catalogue { categories, goods, skus })
    }

    /// The goods on sale with this code, and their SKUs on sale.
    pub async fn goods_by_code_in(&self, tx: &impl Tx, code: &Code) -> Result<Option<(Goods, Vec<Sku>)>, CatalogError> {
        let found = repo::goods::goods_by_code(tx, code).await?.filter(|goods| goods.state.is_on());
        let Some(goods) = found else { return Ok(None) };
        let skus = repo::goods::skus_on_sale_of(tx, goods.id, SKUS_MAX).await?;
        Ok(Some((goods, skus)))
    }

    /// The SKU, on sale or not.
    pub async fn sku_in(&self, tx: &impl Tx, id: SkuId) -> Result<Option<Sku>, CatalogError> {
        Ok(self.skus_in(tx, &[id]).await?.pop())
    }

    /// The SKU with this code, on sale or not.
    pub async fn sku_by_code_in(&self, tx: &impl Tx, code: &Code) -> Result<Option<Sku>, CatalogError> {
        repo::goods::sku_by_code(tx, code).await
    }

    /// These SKUs, on sale or not, in no order; unknown ones are left out.
    pub async fn skus_in(&self, tx: &impl Tx, ids: &[SkuId]) -> Result<Vec<Sku>, CatalogError> {
        if ids.len() as u64 > SKUS_MAX {
            return Err(CatalogError::TooMany { what: "skus", limit: SKUS_MAX });
        }
        repo::goods::skus(tx, ids).await
    }
}
