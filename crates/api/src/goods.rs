//! The goods of a main site's catalogue, on sale or not.

use std::collections::HashMap;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use catalog::{Code, Form, Fulfilment, Goods, GoodsDraft, GoodsFilter, GoodsId, GoodsKind, OnSale, RefundRule, Target};
use kernel::TenantId;
use serde::{Deserialize, Serialize};
use store::Tx;
use utoipa::{IntoParams, ToSchema};
use web::{GoodsRead, GoodsWrite, Json, Operator, Path, Problem, Query};

use crate::body::{DESCRIPTION_CHARS_MAX, Fields, NAME_CHARS_MAX, Shape, refused};
use crate::page::{self, List, WordingView, Written, answer, changed, written};
use crate::routes::{ApiState, App};
use crate::skus::SkuView;

/// One page of the shop.
#[derive(Serialize, ToSchema)]
pub(crate) struct GoodsView {
    /// Their id.
    #[schema(value_type = String)]
    id: GoodsId,
    /// Their code.
    code: String,
    /// The code of their category.
    category: String,
    /// How they are delivered: `card`, `shared` and others.
    kind: &'static str,
    /// `on` or `off` sale.
    state: &'static str,
    /// What buyers read.
    title: WordingView,
    /// The page's text.
    description: WordingView,
    /// The picture's name.
    art: Option<String>,
    /// Their place, ascending.
    sort: i32,
    /// What the buyer of `manual` goods fills in.
    #[schema(value_type = Vec<Object>)]
    form: serde_json::Value,
    /// Within how many hours `manual` goods are done.
    fulfil_within_hours: u32,
    /// By when a buyer may ask for his money back: so many hours after the delivery; 0 is never.
    refund_within_hours: u32,
    /// Whether he may only as long as he has not looked at the codes.
    refund_until_seen: bool,
    /// The levels of sub-sites that may sell them; all may if there are none.
    #[schema(value_type = Vec<String>)]
    site_levels: Vec<Code>,
}

/// Goods with all their SKUs.
#[derive(Serialize, ToSchema)]
pub(crate) struct GoodsPageView {
    #[serde(flatten)]
    goods: GoodsView,
    /// The SKUs, on sale or not, as they are shown.
    skus: Vec<SkuView>,
}

/// Which goods.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct GoodsQuery {
    /// How many, 1 to 100.
    #[serde(default = "page::limit_default")]
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: u64,
    /// Where the part begins.
    cursor: Option<String>,
    /// The code of a category.
    category: Option<String>,
    /// `on` or `off`.
    state: Option<String>,
}

/// What goods are to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct GoodsSent {
    /// The code of their category.
    category: String,
    /// How they are delivered: `card`, `shared` and others.
    kind: String,
    /// `on` or `off` sale.
    #[serde(default = "on")]
    state: String,
    /// What buyers read.
    title: WordingView,
    /// The page's text.
    #[serde(default)]
    description: WordingView,
    /// The picture's name.
    art: Option<String>,
    /// Their place, ascending.
    #[serde(default)]
    sort: i32,
    /// Of `manual` goods: what the buyer fills in, a list of fields as `GET` shows them; what is there if not sent.
    #[schema(value_type = Option<Vec<Object>>)]
    form: Option<serde_json::Value>,
    /// Of `manual` goods: within how many hours they are done; what is there if not sent.
    fulfil_within_hours: Option<u32>,
    /// By when a buyer may ask for his money back: so many hours after the delivery, 0 is never; what is there if not sent,
    /// and 168 of new goods.
    refund_within_hours: Option<u32>,
    /// Whether he may only as long as he has not looked at the codes; what is there if not sent.
    refund_until_seen: Option<bool>,
    /// The levels of sub-sites that may sell them, 20 at most; all may if there are none. What is there if not sent.
    site_levels: Option<Vec<String>>,
}

/// What is sent without a word about it is on sale.
pub(crate) fn on() -> String {
    OnSale::On.word().to_owned()
}

/// `on` or `off` in a query.
pub(crate) fn state_filter(sent: Option<&str>) -> Result<Option<OnSale>, Problem> {
    page::filter("state", sent, |text| OnSale::parse(text).ok())
}

impl GoodsView {
    fn new(goods: Goods, codes: &HashMap<Target, Code>) -> Self {
        Self {
            id: goods.id,
            code: goods.code.into(),
            category: codes.get(&Target::Category(goods.category)).map(Code::to_string).unwrap_or_default(),
            kind: goods.kind.word(),
            state: goods.state.word(),
            title: goods.title.into(),
            description: goods.description.into(),
            art: goods.art,
            sort: goods.sort,
            form: serde_json::to_value(&goods.fulfilment.form).expect("a form is plain data"),
            fulfil_within_hours: goods.fulfilment.within_hours,
            refund_within_hours: goods.refunds.within_hours,
            refund_until_seen: goods.refunds.until_seen,
            site_levels: goods.site_levels,
        }
    }
}

impl GoodsSent {
    async fn read(self, rooms: &ApiState, tx: &impl Tx, code: Code) -> Result<GoodsDraft, Problem> {
        let mut fields = Fields::default();
        let category = match fields.read("/category", Code::parse(&self.category)) {
            Some(code) => fields.there("/category", rooms.catalog.find_category_in(tx, &code).await?),
            None => None,
        };
        let kind = fields.read("/kind", GoodsKind::parse(&self.kind));
        let state = fields.read("/state", OnSale::parse(&self.state));
        let title = fields.wording("/title", &self.title, NAME_CHARS_MAX, Shape::Line);
        let description = fields.wording("/description", &self.description, DESCRIPTION_CHARS_MAX, Shape::Paragraphs);
        let art = self.art.map(|art| fields.read("/art", Code::parse(&art)).map(String::from));
        let (art, sort) = (art.flatten(), self.sort);
        let known = rooms.catalog.find_goods_in(tx, &code).await?;
        let known = known.map(|goods| (goods.fulfilment, goods.refunds, goods.site_levels));
        let (known, refunds, levels) = known.unwrap_or_default();
        let site_levels = match self.site_levels {
            None => Some(levels),
            Some(sent) => fields.codes("/site_levels", &sent),
        };
        let refunds = RefundRule {
            within_hours: self.refund_within_hours.unwrap_or(refunds.within_hours),
            until_seen: self.refund_until_seen.unwrap_or(refunds.until_seen),
        };
        let form = match self.form.map(serde_json::from_value::<Form>) {
            None => Some(known.form),
            Some(Ok(form)) => Some(form),
            Some(Err(error)) => {
                fields.refuse("/form", "form_invalid", error.to_string());
                None
            }
        };
        let within_hours = self.fulfil_within_hours.unwrap_or(known.within_hours);
        let draft = || {
            let (category, kind, state) = (category?.id, kind?, state?);
            let fulfilment = Fulfilment { form: form?, within_hours };
            let (title, description, site_levels) = (title?, description?, site_levels?);
            let draft = GoodsDraft {
                code,
                category,
                kind,
                state,
                title,
                description,
                art,
                sort,
                fulfilment,
                refunds,
                site_levels,
            };
            Some(draft)
        };
        let draft = draft();
        fields.whole(draft)
    }
}

/// The goods, on sale or not, ascending by id.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/goods", tag = "goods", params(("tenant" = String, Path), GoodsQuery),
    responses((status = 200, body = List<GoodsView>))
)]
pub(crate) async fn list(
    operator: Operator<GoodsRead>,
    State(App(rooms)): State<App>,
    Query(query): Query<GoodsQuery>,
) -> Result<Response, Problem> {
    let limit = page::limit(query.limit)?;
    let after = page::after(query.cursor.as_deref(), GoodsId::parse)?;
    let state = state_filter(query.state.as_deref())?;
    let category = page::filter("category", query.category.as_deref(), |text| Code::parse(text).ok())?;
    let tx = rooms.store.read(&operator.scope).await?;
    let category = match category {
        None => None,
        Some(code) => match rooms.catalog.find_category_in(&tx, &code).await? {
            Some(category) => Some(category.id),
            None => return Ok(answer(StatusCode::OK, List::<GoodsView>::whole(Vec::new()))),
        },
    };
    let goods = rooms.catalog.goods_page_in(&tx, &GoodsFilter { category, state }, after, limit + 1).await?;
    let (goods, next) = page::page(goods, limit, |goods| goods.id);
    let targets: Vec<Target> = goods.iter().map(|goods| Target::Category(goods.category)).collect();
    let codes = rooms.catalog.codes_of_in(&tx, &targets).await?;
    let data = goods.into_iter().map(|goods| GoodsView::new(goods, &codes)).collect();
    Ok(answer(StatusCode::OK, List::part(data, next)))
}

/// Goods with all their SKUs, by code or id.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/goods/{goods}", tag = "goods",
    params(("tenant" = String, Path), ("goods" = String, Path)), responses((status = 200, body = GoodsPageView))
)]
pub(crate) async fn show(
    operator: Operator<GoodsRead>,
    State(App(rooms)): State<App>,
    Path(path): Path<(TenantId, String)>,
) -> Result<Response, Problem> {
    let (_, name) = path;
    let tx = rooms.store.read(&operator.scope).await?;
    let found = match (GoodsId::parse(&name), Code::parse(&name)) {
        (Ok(id), _) => rooms.catalog.goods_in(&tx, &[id]).await?.pop(),
        (_, Ok(code)) => rooms.catalog.find_goods_in(&tx, &code).await?,
        _ => None,
    };
    let goods = found.ok_or(Problem::not_found())?;
    let codes = rooms.catalog.codes_of_in(&tx, &[Target::Category(goods.category), Target::Goods(goods.id)]).await?;
    let skus = rooms.catalog.skus_of_in(&tx, goods.id).await?;
    let skus = skus.into_iter().map(|sku| SkuView::new(sku, &codes)).collect();
    Ok(answer(StatusCode::OK, GoodsPageView { goods: GoodsView::new(goods, &codes), skus }))
}

/// Make the goods with this code, or make them what they are to be.
#[utoipa::path(
    put, path = "/api/v1/tenants/{tenant}/goods/{goods}", tag = "goods",
    params(("tenant" = String, Path), ("goods" = String, Path)), request_body = GoodsSent,
    responses((status = 201, body = Written<GoodsView>), (status = 200, body = Written<GoodsView>))
)]
pub(crate) async fn put(
    operator: Operator<GoodsWrite>,
    State(App(rooms)): State<App>,
    Path(path): Path<(TenantId, String)>,
    Json(sent): Json<GoodsSent>,
) -> Result<Response, Problem> {
    let (_, code) = path;
    let code = Code::parse(&code).map_err(refused)?;
    let tx = rooms.store.write(&operator.scope).await?;
    let draft = sent.read(&rooms, &tx, code).await?;
    let (id, saved) = rooms.catalog.save_goods_in(&tx, &draft).await.map_err(refused)?;
    let goods = rooms.catalog.goods_in(&tx, &[id]).await?.pop().ok_or(Problem::not_found())?;
    let codes = rooms.catalog.codes_of_in(&tx, &[Target::Category(goods.category)]).await?;
    tx.commit().await?;
    Ok(written(GoodsView::new(goods, &codes), changed(saved)))
}
