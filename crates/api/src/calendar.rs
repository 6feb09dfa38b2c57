//! The calendar by which business days are counted.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use kernel::Day;
use serde::{Deserialize, Serialize};
use settlement::{CalendarDay, TEXT_CHARS_MAX};
use store::Tx;
use utoipa::{IntoParams, ToSchema};
use web::{Json, Operator, Problem, Query, SettlementRead, SettlementWrite};

use crate::body::{Fields, refused};
use crate::page::{self, List, answer};
use crate::routes::App;

/// Days of an answer.
const DAYS_MAX: u64 = 1_000;

/// A day that is not what its place in the week says.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DayView {
    /// `2027-01-01`, a day of Beijing's calendar, today or later.
    #[schema(value_type = String)]
    day: Day,
    /// Whether business is done on it; nothing makes it again what its place in the week says.
    #[serde(deserialize_with = "Option::deserialize")]
    #[schema(required)]
    is_business: Option<bool>,
    /// What it is called; nothing if `is_business` says nothing.
    #[serde(default)]
    name: String,
}

/// From when on.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct DaysQuery {
    /// `2027-01-01`; today, if nothing is said.
    from: Option<String>,
    /// Where the part begins.
    cursor: Option<String>,
}

/// The days from one on that are not what their place in the week says, ascending.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/calendar-days", tag = "settlement", params(("tenant" = String, Path), DaysQuery),
    responses((status = 200, body = List<DayView>))
)]
pub(crate) async fn days(
    operator: Operator<SettlementRead>,
    State(App(rooms)): State<App>,
    Query(query): Query<DaysQuery>,
) -> Result<Response, Problem> {
    let tx = rooms.store.read(&operator.scope).await?;
    let from = page::filter("from", query.from.as_deref(), Day::parse)?.unwrap_or_else(|| Day::of(tx.now()));
    let from =
        page::after(query.cursor.as_deref(), |text| Day::parse(text).ok_or(()))?.map_or(from, |last| last.after(1));
    let days = rooms.settlement.days_in(&tx, from, DAYS_MAX + 1).await?;
    let (days, next) = page::page(days, DAYS_MAX, |day| day.day);
    Ok(answer(StatusCode::OK, List::part(days.into_iter().map(DayView::from).collect(), next)))
}

/// Name a holiday, or a weekend that is worked through; or make a day again what its place in the week says. What is
/// delivered from then on is counted by it; what is pending keeps its day.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/calendar-days", tag = "settlement", params(("tenant" = String, Path)),
    request_body = DayView,
    responses(
        (status = 200, body = DayView),
        (status = 422, description = "`calendar_day_over`, `settlement_limit_reached`, refused fields"),
    )
)]
pub(crate) async fn save_day(
    operator: Operator<SettlementWrite>,
    State(App(rooms)): State<App>,
    Json(sent): Json<DayView>,
) -> Result<Response, Problem> {
    let (by, tx) = (operator.operator.id.uuid(), rooms.store.write(&operator.scope).await?);
    let saved = match sent.is_business {
        Some(is_business) => {
            let mut fields = Fields::default();
            let name = fields.line("/name", &sent.name, TEXT_CHARS_MAX);
            let day = name.map(|name| CalendarDay { day: sent.day, is_business, name });
            let day = fields.whole(day)?;
            DayView::from(rooms.settlement.save_day_in(&tx, day, by).await.map_err(refused)?)
        }
        None => {
            rooms.settlement.remove_day_in(&tx, sent.day).await.map_err(refused)?;
            DayView { name: String::new(), ..sent }
        }
    };
    tx.commit().await?;
    Ok(answer(StatusCode::OK, saved))
}

impl From<CalendarDay> for DayView {
    fn from(day: CalendarDay) -> Self {
        Self { day: day.day, is_business: Some(day.is_business), name: day.name }
    }
}
