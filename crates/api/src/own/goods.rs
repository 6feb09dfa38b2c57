//! What a site can sell, at what it pays and what it asks.

use std::collections::HashMap;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use catalog::{Catalogue, Goods, GoodsId, Hidden, HiddenReason, Quote, Sku, SkuId, Subject};
use kernel::{Coded, SiteId};
use serde::Serialize;
use utoipa::ToSchema;
use web::{GoodsRead, Problem, Query, SiteOperator};

use crate::explain::HiddenView;
use crate::page::{List, MoneyView, Part, WordingView, answer, cut};
use crate::place::Place;
use crate::routes::App;

/// Goods on sale.
#[derive(Serialize, ToSchema)]
pub(crate) struct OwnGoodsView {
    /// Their id.
    #[schema(value_type = String)]
    id: GoodsId,
    /// Their code.
    code: String,
    /// The code of their category.
    category: String,
    /// How they are delivered: `card`, `shared` and others.
    kind: &'static str,
    /// What buyers read.
    title: WordingView,
    /// The SKUs on sale, as they are shown.
    skus: Vec<OwnSkuView>,
}

/// A SKU on sale, for one piece and a guest.
#[derive(Serialize, ToSchema)]
pub(crate) struct OwnSkuView {
    /// Its id.
    #[schema(value_type = String)]
    id: SkuId,
    /// Its code.
    code: String,
    /// What buyers read beside the goods' title.
    name: WordingView,
    /// What is printed on the card.
    face_value: Option<MoneyView>,
    /// The most a line may ask for.
    quantity_max: u32,
    /// What the own site pays; none if it is not sold here.
    purchase_price: Option<MoneyView>,
    /// What its buyers pay; none if it is not sold here.
    retail_price: Option<MoneyView>,
    /// Why it is not sold here.
    hidden: Option<HiddenView>,
}

/// The goods on sale, as they are shown, with the own site's prices.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/sites/{site}/goods", tag = "own_site",
    params(("tenant" = String, Path), ("site" = String, Path), Part),
    responses((status = 200, body = List<OwnGoodsView>))
)]
pub(crate) async fn goods(
    operator: SiteOperator<GoodsRead>,
    State(App(rooms)): State<App>,
    Query(part): Query<Part>,
) -> Result<Response, Problem> {
    let part = (part.limit()?, part.after(GoodsId::parse)?);
    let tx = rooms.store.read(&operator.scope).await?;
    let place = Place::at(&rooms, &tx, operator.scope.site()).await?;
    let mut all = rooms.catalog.catalogue_in(&tx).await?;
    let (goods, next) = cut(std::mem::take(&mut all.goods), part, |goods| goods.id, |_| true)?;
    let skus: Vec<&Sku> = goods.iter().flat_map(|goods| all.skus_of(goods.id)).collect();
    let asked: Vec<(SkuId, u32)> = skus.iter().map(|sku| (sku.id, 1)).collect();
    let quotes = rooms.prices.quotes_in(&tx, &place.chain(), &Subject::default(), &asked).await?;
    let quotes: HashMap<SkuId, Result<Quote, Hidden>> = quotes.into_iter().collect();
    let data = goods.into_iter().map(|goods| goods_view(goods, &all, (place.site.id, &quotes))).collect();
    Ok(answer(StatusCode::OK, List::part(data, next)))
}

type Quotes<'q> = (SiteId, &'q HashMap<SkuId, Result<Quote, Hidden>>);

fn goods_view(goods: Goods, all: &Catalogue, (own, quotes): Quotes<'_>) -> OwnGoodsView {
    let category = all.categories.iter().find(|category| category.id == goods.category);
    let skus = all.skus_of(goods.id).filter_map(|sku| Some(sku_view(sku, own, quotes.get(&sku.id)?)));
    OwnGoodsView {
        id: goods.id,
        category: category.map(|category| category.code.to_string()).unwrap_or_default(),
        kind: goods.kind.word(),
        skus: skus.collect(),
        code: goods.code.into(),
        title: goods.title.into(),
    }
}

fn sku_view(sku: &Sku, own: SiteId, quote: &Result<Quote, Hidden>) -> OwnSkuView {
    let hop = quote.as_ref().ok().and_then(|quote| quote.hops.iter().find(|hop| hop.site == own));
    OwnSkuView {
        id: sku.id,
        code: sku.code.to_string(),
        name: sku.name.clone().into(),
        face_value: sku.face_value.map(MoneyView::from),
        quantity_max: sku.quantity_max,
        purchase_price: hop.map(|hop| hop.cost.into()),
        retail_price: hop.map(|hop| hop.price.into()),
        hidden: quote.as_ref().err().map(|hidden| hidden_view(own, hidden)),
    }
}

/// What another site hides is just not on sale: its figures are its own.
pub(crate) fn hidden_view(own: SiteId, hidden: &Hidden) -> HiddenView {
    let told = match hidden.site == own {
        true => hidden.clone(),
        false => Hidden { site: own, reason: HiddenReason::NotOnSale },
    };
    HiddenView { code: told.code(), detail: told.reason.to_string() }
}
