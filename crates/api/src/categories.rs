//! The categories of a main site's catalogue.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use catalog::{Category, CategoryDraft, CategoryId, Code};
use kernel::TenantId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use web::{GoodsRead, GoodsWrite, Json, Operator, Path, Problem, Query};

use crate::body::{Fields, NAME_CHARS_MAX, Shape, refused};
use crate::page::{List, Part, WordingView, Written, answer, changed, cut, written};
use crate::routes::App;

/// A group of goods in the shop's menu.
#[derive(Serialize, ToSchema)]
pub(crate) struct CategoryView {
    /// Its id.
    #[schema(value_type = String)]
    id: CategoryId,
    /// Its code.
    code: String,
    /// What buyers read.
    name: WordingView,
    /// Its place, ascending.
    sort: i32,
}

/// What a category is to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CategorySent {
    /// What buyers read.
    name: WordingView,
    /// Its place, ascending.
    #[serde(default)]
    sort: i32,
}

impl From<Category> for CategoryView {
    fn from(category: Category) -> Self {
        let Category { id, code, name, sort } = category;
        Self { id, code: code.into(), name: name.into(), sort }
    }
}

/// The categories, as they are shown.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/categories", tag = "categories", params(("tenant" = String, Path), Part),
    responses((status = 200, body = List<CategoryView>))
)]
pub(crate) async fn list(
    operator: Operator<GoodsRead>,
    State(App(rooms)): State<App>,
    Query(part): Query<Part>,
) -> Result<Response, Problem> {
    let part = (part.limit()?, part.after(CategoryId::parse)?);
    let all = rooms.catalog.categories_in(&rooms.store.read(&operator.scope).await?).await?;
    let (categories, next) = cut(all, part, |category| category.id, |_| true)?;
    Ok(answer(StatusCode::OK, List::part(categories.into_iter().map(CategoryView::from).collect(), next)))
}

/// Make the category with this code, or make it what it is to be.
#[utoipa::path(
    put, path = "/api/v1/tenants/{tenant}/categories/{code}", tag = "categories",
    params(("tenant" = String, Path), ("code" = String, Path)), request_body = CategorySent,
    responses((status = 201, body = Written<CategoryView>), (status = 200, body = Written<CategoryView>))
)]
pub(crate) async fn put(
    operator: Operator<GoodsWrite>,
    State(App(rooms)): State<App>,
    Path(path): Path<(TenantId, String)>,
    Json(sent): Json<CategorySent>,
) -> Result<Response, Problem> {
    let (_, code) = path;
    let code = Code::parse(&code).map_err(refused)?;
    let mut fields = Fields::default();
    let name = fields.wording("/name", &sent.name, NAME_CHARS_MAX, Shape::Line);
    let draft = fields.whole(name.map(|name| CategoryDraft { code, name, sort: sent.sort }))?;
    let saved =
        rooms.store.transact(&operator.scope, async |tx| rooms.catalog.save_category_in(tx, &draft).await).await;
    let (id, saved) = saved.map_err(refused)?;
    let CategoryDraft { code, name, sort } = draft;
    Ok(written(CategoryView::from(Category { id, code, name, sort }), changed(saved)))
}
