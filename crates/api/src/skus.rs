//! The SKUs of a main site's catalogue, on sale or not, with what it pays for them.

use std::collections::HashMap;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use catalog::{Code, OnSale, QUANTITY_MAX, Sku, SkuDraft, SkuFilter, SkuId, Target};
use kernel::TenantId;
use serde::{Deserialize, Serialize};
use store::Tx;
use utoipa::{IntoParams, ToSchema};
use web::{GoodsRead, GoodsWrite, Json, Operator, Path, Problem, Query};

use crate::body::{Fields, NAME_CHARS_MAX, Shape, refused};
use crate::goods::{on, state_filter};
use crate::page::{self, List, MoneyView, WordingView, Written, answer, changed, written};
use crate::routes::{ApiState, App};

/// What is priced, stocked and sold.
#[derive(Serialize, ToSchema)]
pub(crate) struct SkuView {
    /// Its id.
    #[schema(value_type = String)]
    id: SkuId,
    /// Its code.
    code: String,
    /// The code of its goods.
    goods: String,
    /// `on` or `off` sale; it is sold only if its goods are.
    state: &'static str,
    /// What buyers read beside the goods' title.
    name: WordingView,
    /// What is printed on the card.
    face_value: Option<MoneyView>,
    /// What the main site pays.
    cost: MoneyView,
    /// The main site's list price.
    price: MoneyView,
    /// The most a line may ask for.
    quantity_max: u32,
    /// Its place among its goods' SKUs, ascending.
    sort: i32,
}

/// Which SKUs.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct SkusQuery {
    /// How many, 1 to 100.
    #[serde(default = "page::limit_default")]
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: u64,
    /// Where the part begins.
    cursor: Option<String>,
    /// The code of goods.
    goods: Option<String>,
    /// `on` or `off`.
    state: Option<String>,
}

/// What a SKU is to be. Amounts are in the tenant's currency.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SkuSent {
    /// The code of its goods.
    goods: String,
    /// `on` or `off` sale.
    #[serde(default = "on")]
    state: String,
    /// What buyers read beside the goods' title.
    name: WordingView,
    /// What is printed on the card.
    face_value: Option<MoneyView>,
    /// What the main site pays.
    cost: MoneyView,
    /// The main site's list price.
    price: MoneyView,
    /// The most a line may ask for.
    quantity_max: u32,
    /// Its place among its goods' SKUs, ascending.
    #[serde(default)]
    sort: i32,
}

impl SkuView {
    /// The SKU; `codes` names its goods.
    pub(crate) fn new(sku: Sku, codes: &HashMap<Target, Code>) -> Self {
        Self {
            id: sku.id,
            code: sku.code.into(),
            goods: codes.get(&Target::Goods(sku.goods)).map(Code::to_string).unwrap_or_default(),
            state: sku.state.word(),
            name: sku.name.into(),
            face_value: sku.face_value.map(MoneyView::from),
            cost: sku.cost.into(),
            price: sku.price.into(),
            quantity_max: sku.quantity_max,
            sort: sku.sort,
        }
    }
}

impl SkuSent {
    async fn read(self, rooms: &ApiState, tx: &impl Tx, code: Code) -> Result<SkuDraft, Problem> {
        let currency = rooms.currency_in(tx).await?;
        let mut fields = Fields::default();
        let goods = match fields.read("/goods", Code::parse(&self.goods)) {
            Some(code) => fields.there("/goods", rooms.catalog.find_goods_in(tx, &code).await?),
            None => None,
        };
        let state = fields.read("/state", OnSale::parse(&self.state));
        let name = fields.wording("/name", &self.name, NAME_CHARS_MAX, Shape::Line);
        let face_value = self.face_value.map(|money| fields.money("/face_value", &money, currency));
        let cost = fields.money("/cost", &self.cost, currency);
        let price = fields.money("/price", &self.price, currency);
        let (quantity_max, sort) = (self.quantity_max, self.sort);
        if !(1..=QUANTITY_MAX).contains(&quantity_max) {
            fields.refuse("/quantity_max", "value_out_of_range", format!("it is 1 to {QUANTITY_MAX}"));
        }
        let draft = || {
            let (goods, state, name, face_value) = (goods?.id, state?, name?, face_value.flatten());
            let (cost, price) = (cost?, price?);
            Some(SkuDraft { code, goods, state, name, face_value, cost, price, quantity_max, sort })
        };
        let draft = draft();
        fields.whole(draft)
    }
}

/// The SKUs, on sale or not, ascending by id.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/skus", tag = "skus", params(("tenant" = String, Path), SkusQuery),
    responses((status = 200, body = List<SkuView>))
)]
pub(crate) async fn list(
    operator: Operator<GoodsRead>,
    State(App(rooms)): State<App>,
    Query(query): Query<SkusQuery>,
) -> Result<Response, Problem> {
    let limit = page::limit(query.limit)?;
    let after = page::after(query.cursor.as_deref(), SkuId::parse)?;
    let state = state_filter(query.state.as_deref())?;
    let goods = page::filter("goods", query.goods.as_deref(), |text| Code::parse(text).ok())?;
    let tx = rooms.store.read(&operator.scope).await?;
    let goods = match goods {
        None => None,
        Some(code) => match rooms.catalog.find_goods_in(&tx, &code).await? {
            Some(goods) => Some(goods.id),
            None => return Ok(answer(StatusCode::OK, List::<SkuView>::whole(Vec::new()))),
        },
    };
    let skus = rooms.catalog.skus_page_in(&tx, &SkuFilter { goods, state }, after, limit + 1).await?;
    let (skus, next) = page::page(skus, limit, |sku| sku.id);
    let targets: Vec<Target> = skus.iter().map(|sku| Target::Goods(sku.goods)).collect();
    let codes = rooms.catalog.codes_of_in(&tx, &targets).await?;
    let data = skus.into_iter().map(|sku| SkuView::new(sku, &codes)).collect();
    Ok(answer(StatusCode::OK, List::part(data, next)))
}

/// Make the SKU with this code, or make it what it is to be.
#[utoipa::path(
    put, path = "/api/v1/tenants/{tenant}/skus/{code}", tag = "skus",
    params(("tenant" = String, Path), ("code" = String, Path)), request_body = SkuSent,
    responses((status = 201, body = Written<SkuView>), (status = 200, body = Written<SkuView>))
)]
pub(crate) async fn put(
    operator: Operator<GoodsWrite>,
    State(App(rooms)): State<App>,
    Path(path): Path<(TenantId, String)>,
    Json(sent): Json<SkuSent>,
) -> Result<Response, Problem> {
    let (_, code) = path;
    let code = Code::parse(&code).map_err(refused)?;
    let tx = rooms.store.write(&operator.scope).await?;
    let draft = sent.read(&rooms, &tx, code).await?;
    let (id, saved) = rooms.catalog.save_sku_in(&tx, &draft).await.map_err(refused)?;
    let sku = rooms.catalog.sku_in(&tx, id).await?.ok_or(Problem::not_found())?;
    let codes = rooms.catalog.codes_of_in(&tx, &[Target::Goods(sku.goods)]).await?;
    tx.commit().await?;
    Ok(written(SkuView::new(sku, &codes), changed(saved)))
}
