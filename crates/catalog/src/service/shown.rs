//! What pages about one thing want to know of what is around it.

use std::collections::HashMap;

use store::Tx;

use super::Catalog;
use crate::error::CatalogError;
use crate::model::{Goods, GoodsId, SkuId};
use crate::repo;

impl Catalog {
    /// The goods of these SKUs, on sale or not; unknown ones are left out.
    pub async fn goods_of_in(&self, tx: &impl Tx, skus: &[SkuId]) -> Result<HashMap<SkuId, Goods>, CatalogError> {
        let skus = self.skus_in(tx, skus).await?;
        let goods = repo::goods::goods(tx, skus.iter().map(|sku| sku.goods)).await?;
        let goods: HashMap<GoodsId, Goods> = goods.into_iter().map(|goods| (goods.id, goods)).collect();
        Ok(skus.iter().filter_map(|sku| Some((sku.id, goods.get(&sku.goods)?.clone()))).collect())
    }
}
