//! An operator's session.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::SET_COOKIE;
use axum::response::{IntoResponse, Response};
use identity::{IdentityError, Operator, OperatorId};
use kernel::Secret;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use web::{ClientAddress, Guest, Json, Problem, RateLimits, Staff, Visit};

use crate::page::no_store;
use crate::routes::App;

/// What is sent to log in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LogIn {
    /// The log-in, in any case.
    login: String,
    /// The password.
    password: String,
}

/// Who is logged in.
#[derive(Serialize, ToSchema)]
pub(crate) struct SessionView {
    /// His id.
    #[schema(value_type = String)]
    operator: OperatorId,
    /// What he logs in with.
    login: String,
    /// What he is called.
    name: String,
}

impl From<&Operator> for SessionView {
    fn from(operator: &Operator) -> Self {
        Self { operator: operator.id, login: operator.login.clone(), name: operator.name.clone() }
    }
}

/// Log in.
///
/// A wrong password, an unknown and a locked log-in are one answer.
#[utoipa::path(
    post, path = "/api/v1/session", tag = "session", request_body = LogIn,
    responses(
        (status = 201, body = SessionView, headers(
            ("RateLimit" = String, description = "What is left of each limit: `\"login\";r=4;t=900`."),
            ("RateLimit-Policy" = String, description = "The limits: `\"login\";q=5;w=900`."),
        )),
        (status = 429, description = "`too_many_tries`; `Retry-After` says when to come again", headers(
            ("RateLimit" = String), ("RateLimit-Policy" = String), ("Retry-After" = u64),
        )),
    ),
)]
pub(crate) async fn log_in(
    _: Guest,
    visit: Visit,
    ClientAddress(address): ClientAddress,
    limits: RateLimits,
    State(App(rooms)): State<App>,
    Json(sent): Json<LogIn>,
) -> Result<Response, Problem> {
    let password = Secret::new(sent.password);
    let logged_in = rooms.operators.log_in(address, &sent.login, &password).await;
    limits.tell(rooms.operators.left_for_login(&sent.login, address));
    let (token, operator) = logged_in.map_err(problem)?;
    let cookie = [(SET_COOKIE, web::session_cookie(&visit, &token).to_string())];
    Ok((StatusCode::CREATED, cookie, [no_store()], Json(SessionView::from(&operator))).into_response())
}

/// Who is logged in.
#[utoipa::path(get, path = "/api/v1/session", tag = "session", responses((status = 200, body = SessionView)))]
pub(crate) async fn show(staff: Staff) -> Response {
    ([no_store()], Json(SessionView::from(&staff.operator))).into_response()
}

/// Log out.
#[utoipa::path(delete, path = "/api/v1/session", tag = "session", responses((status = 204)))]
pub(crate) async fn log_out(staff: Staff, visit: Visit, State(App(rooms)): State<App>) -> Result<Response, Problem> {
    rooms.operators.log_out(&staff.token).await?;
    let headers = [(SET_COOKIE, web::session_end(&visit).to_string())];
    Ok((StatusCode::NO_CONTENT, headers).into_response())
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
