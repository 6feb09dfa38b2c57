//! How many cards there are.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use catalog::{Catalogue, Sku, SkuId};
use inventory::StockCount;
use kernel::Wording;
use serde::{Deserialize, Serialize};
use web::{Json, Operator, Problem, Query, StockRead};

use crate::routes::App;
use crate::session::no_store;

const LIMIT_DEFAULT: usize = 50;
const LIMIT_MAX: usize = 100;

/// Which part of the list.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Part {
    #[serde(default = "limit_default")]
    limit: usize,
    cursor: Option<SkuId>,
}

const fn limit_default() -> usize {
    LIMIT_DEFAULT
}

#[derive(Serialize)]
struct StockList {
    data: Vec<StockView>,
    has_more: bool,
    next_cursor: Option<SkuId>,
}

#[derive(Serialize)]
struct StockView {
    sku: SkuId,
    code: String,
    title: Wording,
    name: Wording,
    available: i64,
    held: i64,
    sold: i64,
    void: i64,
}

/// `GET /api/v1/tenants/{tenant}/stock?limit=&cursor=`: the SKUs on sale with their counts, ascending by id.
pub(crate) async fn list(
    operator: Operator<StockRead>,
    State(App(rooms)): State<App>,
    Query(part): Query<Part>,
) -> Result<Response, Problem> {
    if !(1..=LIMIT_MAX).contains(&part.limit) {
        let range = format!("limit is 1 to {LIMIT_MAX}");
        return Err(Problem::new(StatusCode::BAD_REQUEST, "limit_out_of_range").because(range));
    }
    let tx = rooms.store.read(&operator.scope).await?;
    let all = rooms.catalog.catalogue_in(&tx).await?;
    let (skus, next_cursor) = cut(&all, &part);
    let ids: Vec<SkuId> = skus.iter().map(|sku| sku.id).collect();
    let counts = rooms.inventory.counts_in(&tx, &ids).await?;
    let count = |sku: &Sku| counts.get(&sku.id).copied().unwrap_or_default();
    let data = skus.iter().map(|sku| view(&all, sku, count(sku))).collect();
    Ok(([no_store()], Json(StockList { data, has_more: next_cursor.is_some(), next_cursor })).into_response())
}

/// The SKUs after the cursor, and the cursor of the next part.
fn cut<'a>(all: &'a Catalogue, part: &Part) -> (Vec<&'a Sku>, Option<SkuId>) {
    let mut skus: Vec<&Sku> = all.skus.iter().filter(|sku| part.cursor.is_none_or(|after| sku.id > after)).collect();
    skus.sort_by_key(|sku| sku.id);
    let is_more = skus.len() > part.limit;
    skus.truncate(part.limit);
    let last = skus.last().map(|sku| sku.id);
    (skus, last.filter(|_| is_more))
}

fn view(all: &Catalogue, sku: &Sku, count: StockCount) -> StockView {
    let goods = all.goods.iter().find(|goods| goods.id == sku.goods);
    StockView {
        sku: sku.id,
        code: sku.code.to_string(),
        title: goods.map(|goods| goods.title.clone()).unwrap_or_default(),
        name: sku.name.clone(),
        available: count.available,
        held: count.held,
        sold: count.sold,
        void: count.void,
    }
}
