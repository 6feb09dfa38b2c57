//! Categories, goods and SKUs.

use std::collections::HashMap;

use catalog::{CategoryDraft, Code, GoodsDraft, GoodsId, OnSale, Saved, SkuDraft, SkuId};

use super::Writer;
use crate::difference;
use crate::error::{At, LaunchError};
use crate::model::Thing;
use crate::pack::{PackGoods, PackSku};

impl Writer<'_> {
    pub(super) async fn categories(&mut self) -> Result<(), LaunchError> {
        let mut categories: Vec<&CategoryDraft> = self.pack.categories.iter().collect();
        categories.sort_by_key(|category| &category.code);
        for draft in categories {
            let saved = self.launch.catalog.save_category_in(self.tx, draft).await;
            let (id, saved) = saved.at(|| format!("category {}", draft.code))?;
            self.categories.insert(draft.code.clone(), id);
            self.note(Thing::Category, draft.code.as_str(), saved);
        }
        Ok(())
    }

    pub(super) async fn goods_and_skus(&mut self) -> Result<(), LaunchError> {
        let mut goods: Vec<&PackGoods> = self.pack.goods.iter().collect();
        goods.sort_by_key(|goods| &goods.code);
        let mut skus: Vec<(&PackSku, &Code)> = Vec::new();
        for goods in goods {
            let (id, saved) = self.save_goods(goods).await.at(|| format!("goods {}", goods.code))?;
            self.goods.insert(goods.code.clone(), id);
            self.note(Thing::Goods, goods.code.as_str(), saved);
            skus.extend(goods.skus.iter().map(|sku| (sku, &goods.code)));
        }
        skus.sort_by_key(|(sku, _)| &sku.code);
        for (sku, goods) in skus {
            let saved = self.save_sku(sku, self.goods[goods]).await;
            let (id, saved) = saved.at(|| format!("SKU {}", sku.code))?;
            self.skus.insert(sku.code.clone(), id);
            self.note(Thing::Sku, sku.code.as_str(), saved);
        }
        Ok(())
    }

    /// A pack does not say whether goods are on sale: new ones are, and what somebody took off stays off.
    async fn save_goods(&self, goods: &PackGoods) -> Result<(GoodsId, Saved), LaunchError> {
        let known = self.launch.catalog.find_goods_in(self.tx, &goods.code).await?;
        // Not in a pack either: what somebody has set stays.
        let (refunds, site_levels) = known.map(|known| (known.refunds, known.site_levels)).unwrap_or_default();
        let mut draft = GoodsDraft {
            refunds,
            site_levels,
            code: goods.code.clone(),
            category: self.categories[&goods.category],
            kind: goods.kind,
            fulfilment: goods.fulfilment.clone(),
            state: OnSale::On,
            title: goods.title.clone(),
            description: goods.description.clone(),
            art: goods.art.clone(),
            sort: goods.sort,
        };
        let (id, saved) = self.launch.catalog.save_goods_in(self.tx, &draft).await?;
        let Saved::Changed(changes) = saved else { return Ok((id, saved)) };
        let (changes, was_off) = difference::without(changes, "state");
        if was_off {
            draft.state = OnSale::Off;
            self.launch.catalog.save_goods_in(self.tx, &draft).await?;
        }
        let names = self.categories.iter().map(|(code, id)| (id.to_string(), code.to_string())).collect();
        Ok((id, Saved::Changed(difference::named(changes, "category", &names))))
    }

    async fn save_sku(&self, sku: &PackSku, goods: GoodsId) -> Result<(SkuId, Saved), LaunchError> {
        let mut draft = SkuDraft {
            code: sku.code.clone(),
            goods,
            state: OnSale::On,
            name: sku.name.clone(),
            face_value: sku.face_value,
            cost: sku.cost,
            price: sku.price,
            quantity_max: sku.quantity_max,
            sort: sku.sort,
        };
        let (id, saved) = self.launch.catalog.save_sku_in(self.tx, &draft).await?;
        let Saved::Changed(changes) = saved else { return Ok((id, saved)) };
        let (changes, was_off) = difference::without(changes, "state");
        if was_off {
            draft.state = OnSale::Off;
            self.launch.catalog.save_sku_in(self.tx, &draft).await?;
        }
        let names: HashMap<String, String> =
            self.goods.iter().map(|(code, id)| (id.to_string(), code.to_string())).collect();
        Ok((id, Saved::Changed(difference::named(changes, "goods", &names))))
    }

    pub(super) fn note(&mut self, thing: Thing, name: &str, saved: Saved) {
        match saved {
            Saved::Created => self.plan.created(thing, name),
            Saved::Changed(fields) => self.plan.changed(thing, name, fields),
            Saved::Same => self.plan.unchanged += 1,
        }
    }
}
