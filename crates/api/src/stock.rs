//! How many cards there are.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use catalog::{Catalogue, Sku, SkuId};
use inventory::StockCount;
use serde::Serialize;
use utoipa::ToSchema;
use web::{Operator, Problem, Query, StockRead};

use crate::page::{List, Part, WordingView, answer};
use crate::routes::App;

/// The cards of a SKU.
#[derive(Serialize, ToSchema)]
pub(crate) struct StockView {
    /// The SKU.
    #[schema(value_type = String)]
    sku: SkuId,
    /// Its code.
    code: String,
    /// The goods' title.
    title: WordingView,
    /// The SKU's name.
    name: WordingView,
    /// Free to be sold.
    available: i64,
    /// Held by unpaid orders.
    held: i64,
    /// Delivered.
    sold: i64,
    /// Taken out.
    void: i64,
}

/// The SKUs on sale with their counts, ascending by id.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/stock", tag = "stock", params(("tenant" = String, Path), Part),
    responses((status = 200, body = List<StockView>))
)]
pub(crate) async fn list(
    operator: Operator<StockRead>,
    State(App(rooms)): State<App>,
    Query(part): Query<Part>,
) -> Result<Response, Problem> {
    let (limit, after) = (part.limit()?, part.after(SkuId::parse)?);
    let tx = rooms.store.read(&operator.scope).await?;
    let all = rooms.catalog.catalogue_in(&tx).await?;
    let (skus, next) = cut(&all, limit, after);
    let ids: Vec<SkuId> = skus.iter().map(|sku| sku.id).collect();
    let counts = rooms.inventory.counts_in(&tx, &ids).await?;
    let count = |sku: &Sku| counts.get(&sku.id).copied().unwrap_or_default();
    let data = skus.iter().map(|sku| view(&all, sku, count(sku))).collect();
    Ok(answer(StatusCode::OK, List::part(data, next)))
}

/// The SKUs after the cursor, and the cursor of the next part.
fn cut(all: &Catalogue, limit: u64, after: Option<SkuId>) -> (Vec<&Sku>, Option<SkuId>) {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut skus: Vec<&Sku> = all.skus.iter().filter(|sku| after.is_none_or(|after| sku.id > after)).collect();
    skus.sort_by_key(|sku| sku.id);
    let is_more = skus.len() > limit;
    skus.truncate(limit);
    let last = skus.last().map(|sku| sku.id);
    (skus, last.filter(|_| is_more))
}

fn view(all: &Catalogue, sku: &Sku, count: StockCount) -> StockView {
    let goods = all.goods.iter().find(|goods| goods.id == sku.goods);
    StockView {
        sku: sku.id,
        code: sku.code.to_string(),
        title: goods.map(|goods| goods.title.clone()).unwrap_or_default().into(),
        name: sku.name.clone().into(),
        available: count.available,
        held: count.held,
        sold: count.sold,
        void: count.void,
    }
}
