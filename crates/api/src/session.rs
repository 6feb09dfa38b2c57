//! An operator's session.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, SET_COOKIE};
use axum::response::{IntoResponse, Response};
use identity::{IdentityError, Operator, OperatorId};
use kernel::Secret;
use serde::{Deserialize, Serialize};
use web::{ClientAddress, Guest, Json, Problem, Staff, Visit};

use crate::routes::App;

/// What is sent to log in.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LogIn {
    login: String,
    password: String,
}

/// Who is logged in.
#[derive(Serialize)]
struct SessionView {
    operator: OperatorId,
    login: String,
    name: String,
}

impl From<&Operator> for SessionView {
    fn from(operator: &Operator) -> Self {
        Self { operator: operator.id, login: operator.login.clone(), name: operator.name.clone() }
    }
}

/// `POST /api/v1/session`.
pub(crate) async fn log_in(
    _: Guest,
    visit: Visit,
    ClientAddress(address): ClientAddress,
    State(App(rooms)): State<App>,
    Json(sent): Json<LogIn>,
) -> Result<Response, Problem> {
    let password = Secret::new(sent.password);
    let (token, operator) = rooms.operators.log_in(address, &sent.login, &password).await.map_err(problem)?;
    let headers = [(SET_COOKIE, web::session_cookie(&visit, &token).to_string()), no_store()];
    Ok((StatusCode::CREATED, headers, Json(SessionView::from(&operator))).into_response())
}

/// `GET /api/v1/session`.
pub(crate) async fn show(staff: Staff) -> Response {
    ([no_store()], Json(SessionView::from(&staff.operator))).into_response()
}

/// `DELETE /api/v1/session`.
pub(crate) async fn log_out(staff: Staff, visit: Visit, State(App(rooms)): State<App>) -> Result<Response, Problem> {
    rooms.operators.log_out(&staff.token).await?;
    let headers = [(SET_COOKIE, web::session_end(&visit).to_string())];
    Ok((StatusCode::NO_CONTENT, headers).into_response())
}

pub(crate) fn no_store() -> (axum::http::HeaderName, String) {
    (CACHE_CONTROL, "no-store".to_owned())
}

/// The exact waiting time, which the kind alone does not tell.
fn problem(error: IdentityError) -> Problem {
    let wait = match &error {
        IdentityError::TooManyTries { retry_after } => Some(*retry_after),
        _ => None,
    };
    let problem = Problem::from(error);
    match wait {
        Some(wait) => problem.retry_after(wait),
        None => problem,
    }
}
