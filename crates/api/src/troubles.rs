//! What is on sale and cannot be bought: hidden by a price, or out of stock.

use std::collections::HashMap;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use catalog::{Catalogue, GoodsKind, Hidden, Quote, Sku, SkuId, Subject};
use inventory::StockCount;
use kernel::{Coded, SiteId};
use serde::{Deserialize, Serialize};
use store::Tx;
use utoipa::{IntoParams, ToSchema};
use web::{Operator, PriceRead, Problem, Query, SiteOperator};

use crate::explain::HiddenView;
use crate::own::goods::hidden_view;
use crate::page::{self, List, Part, WordingView, answer};
use crate::place::Place;
use crate::routes::{ApiState, App};

/// SKUs that are looked at in one question for prices.
const SCAN: usize = 100;
/// How often it asks before it answers with what it has.
const SCANS_MAX: usize = 10;

/// A SKU on sale that cannot be bought.
#[derive(Serialize, ToSchema)]
pub(crate) struct TroubleView {
    /// The SKU.
    #[schema(value_type = String)]
    sku: SkuId,
    /// Its code.
    code: String,
    /// The goods' title.
    title: WordingView,
    /// The SKU's name.
    name: WordingView,
    /// Why it has no price, if it has none: under cost without cover, and others.
    hidden: Option<HiddenView>,
    /// The site whose price hides it; its own site's owner sees his own.
    #[schema(value_type = Option<String>)]
    hidden_by: Option<SiteId>,
    /// Whether no card of it is left.
    is_out_of_stock: bool,
}

/// Where, and which part.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct TroublesQuery {
    /// How many, 1 to 100.
    #[serde(default = "page::limit_default")]
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: u64,
    /// Where the part begins.
    cursor: Option<String>,
    /// On this site, by id or slug; the main site if none is named.
    site: Option<String>,
}

/// What is on sale on a site and cannot be bought there, ascending by id. A part may be short although there is a next.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/sku-exceptions", tag = "goods",
    params(("tenant" = String, Path), TroublesQuery), responses((status = 200, body = List<TroubleView>))
)]
pub(crate) async fn sku_exceptions(
    operator: Operator<PriceRead>,
    State(App(rooms)): State<App>,
    Query(query): Query<TroublesQuery>,
) -> Result<Response, Problem> {
    let part = (page::limit(query.limit)?, page::after(query.cursor.as_deref(), SkuId::parse)?);
    let tx = rooms.store.read(&operator.scope).await?;
    let place = match &query.site {
        Some(site) => Place::named(&rooms, &tx, site).await?,
        None => Place::main(&rooms, &tx).await?,
    };
    let seen = |hidden: &Hidden| (HiddenView { code: hidden.code(), detail: hidden.reason.to_string() }, hidden.site);
    Ok(answer(StatusCode::OK, troubles(&rooms, &tx, (&place, part), seen).await?))
}

/// What is on sale on the own site and cannot be bought there, ascending by id. A part may be short although there is a
/// next.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/sites/{site}/sku-exceptions", tag = "own_site",
    params(("tenant" = String, Path), ("site" = String, Path), Part),
    responses((status = 200, body = List<TroubleView>))
)]
pub(crate) async fn own_sku_exceptions(
    operator: SiteOperator<PriceRead>,
    State(App(rooms)): State<App>,
    Query(part): Query<Part>,
) -> Result<Response, Problem> {
    let (part, site) = ((part.limit()?, part.after(SkuId::parse)?), operator.scope.site());
    let tx = rooms.store.read(&operator.scope).await?;
    let place = Place::at(&rooms, &tx, site).await?;
    let seen = |hidden: &Hidden| (hidden_view(site, hidden), site);
    Ok(answer(StatusCode::OK, troubles(&rooms, &tx, (&place, part), seen).await?))
}

type Prices = HashMap<SkuId, Result<Quote, Hidden>>;

async fn troubles(
    rooms: &ApiState,
    tx: &impl Tx,
    (place, (limit, after)): (&Place, (u64, Option<SkuId>)),
    seen: impl Fn(&Hidden) -> (HiddenView, SiteId),
) -> Result<List<TroubleView>, Problem> {
    let all = rooms.catalog.catalogue_in(tx).await?;
    let mut skus: Vec<&Sku> = all.skus.iter().filter(|sku| after.is_none_or(|after| sku.id > after)).collect();
    skus.sort_by_key(|sku| sku.id);
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let (mut data, mut last): (Vec<TroubleView>, Option<SkuId>) = (Vec::new(), None);
    for chunk in skus.chunks(SCAN).take(SCANS_MAX) {
        let asked: Vec<(SkuId, u32)> = chunk.iter().map(|sku| (sku.id, 1)).collect();
        let ids: Vec<SkuId> = chunk.iter().map(|sku| sku.id).collect();
        let prices = rooms.prices.quotes_in(tx, &place.chain(), &Subject::default(), &asked).await?;
        let prices: Prices = prices.into_iter().collect();
        let counts = rooms.inventory.counts_in(tx, &ids).await?;
        for sku in chunk {
            if data.len() == limit {
                return Ok(List::part(data, last));
            }
            last = Some(sku.id);
            let hidden = prices.get(&sku.id).and_then(|price| price.as_ref().err());
            let is_out = is_out_of_stock(&all, sku, counts.get(&sku.id).copied().unwrap_or_default());
            if hidden.is_some() || is_out {
                data.push(view(&all, sku, hidden.map(&seen), is_out));
            }
        }
    }
    let is_more = skus.last().map(|sku| sku.id) != last;
    Ok(List::part(data, last.filter(|_| is_more)))
}

/// Whether it is sold out of stock and nothing is there.
fn is_out_of_stock(all: &Catalogue, sku: &Sku, count: StockCount) -> bool {
    let goods = all.goods.iter().find(|goods| goods.id == sku.goods);
    match goods.map(|goods| goods.kind) {
        Some(GoodsKind::Card) => count.available == 0,
        Some(GoodsKind::Shared) => count.shared == 0,
        _ => false,
    }
}

fn view(all: &Catalogue, sku: &Sku, hidden: Option<(HiddenView, SiteId)>, is_out_of_stock: bool) -> TroubleView {
    let goods = all.goods.iter().find(|goods| goods.id == sku.goods);
    let (hidden, hidden_by) = hidden.unzip();
    TroubleView {
        sku: sku.id,
        code: sku.code.to_string(),
        title: goods.map(|goods| goods.title.clone()).unwrap_or_default().into(),
        name: sku.name.clone().into(),
        hidden,
        hidden_by,
        is_out_of_stock,
    }
}
