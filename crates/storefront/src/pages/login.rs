//! Logging in and out.

use axum::extract::State;
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use axum_extra::extract::cookie::Cookie;
use identity::IdentityError;
use kernel::Secret;
use serde::{Deserialize, Serialize};
use web::{ClientAddress, Form, MaybeBuyer, Problem, Query, RateLimits, ShopContext, Visit};

use super::page;
use crate::app::App;
use crate::format;
use crate::frame::Frame;
use crate::view::{Common, FormError};

/// Where to go after the log-in.
#[derive(Deserialize)]
pub(crate) struct Target {
    #[serde(default)]
    pub next: String,
}

/// The form as the browser sends it.
#[derive(Deserialize)]
pub(crate) struct LoginForm {
    #[serde(default)]
    login: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    next: String,
}

#[derive(Serialize)]
struct LoginView {
    form: FormView,
    error: Option<FormError>,
}

#[derive(Serialize)]
struct FormView {
    action: &'static str,
    next: String,
    login: String,
    register_href: String,
}

/// `GET /login`; who is logged in already goes on.
pub(crate) async fn show(
    buyer: MaybeBuyer,
    frame: Frame,
    State(app): State<App>,
    Query(target): Query<Target>,
) -> Result<Response, Problem> {
    let next = own_path(&target.next);
    if buyer.customer.is_some() {
        return Ok(Redirect::to(next).into_response());
    }
    login_page(&app, &frame, StatusCode::OK, LoginView { form: form(next, ""), error: None })
}

/// `POST /login`: a new session, whatever session the browser had.
pub(crate) async fn log_in(
    before: MaybeBuyer,
    ShopContext(shop): ShopContext,
    (visit, ClientAddress(address), limits): (Visit, ClientAddress, RateLimits),
    frame: Frame,
    State(app): State<App>,
    Form(sent): Form<LoginForm>,
) -> Result<Response, Problem> {
    let (customers, scope) = (&app.rooms.customers, shop.scope());
    let password = Secret::new(sent.password);
    let next = own_path(&sent.next);
    let logged_in = customers.log_in(&scope, address, &sent.login, &password).await;
    limits.tell(app.rooms.limits.left_for_login(Some(scope.tenant()), &sent.login, address));
    match logged_in {
        Ok((token, _)) => {
            if let Some((_, old)) = before.customer {
                customers.log_out(&scope, &old).await?;
            }
            Ok(to(next, &web::session_cookie(&visit, &token)))
        }
        Err(error) => refused(&app, &frame, form(next, &sent.login), error),
    }
}

/// `POST /logout`; who is not logged in is not either afterwards. The browser forgets its orders and look-ups too: the
/// next one at it opens no code.
pub(crate) async fn log_out(buyer: MaybeBuyer, visit: Visit, State(app): State<App>) -> Result<Response, Problem> {
    if let Some((_, token)) = buyer.customer {
        app.rooms.customers.log_out(&buyer.scope, &token).await?;
    }
    let gone = web::farewell(&visit).map(|cookie| (SET_COOKIE, cookie.to_string()));
    Ok((AppendHeaders(gone), Redirect::to("/")).into_response())
}

/// The form again. Whether the login exists is not told.
fn refused(app: &App, frame: &Frame, form: FormView, error: IdentityError) -> Result<Response, Problem> {
    let words = app.templates.words(frame.language);
    match error {
        IdentityError::BadLogin => {
            let error = FormError { code: "bad_credentials", message: words.get("login.error.bad_credentials", &[]) };
            login_page(app, frame, StatusCode::UNAUTHORIZED, LoginView { form, error: Some(error) })
        }
        IdentityError::TooManyTries { retry_after } => {
            let minutes = format::minutes(retry_after).to_string();
            let message = words.get("login.error.rate_limited", &[("minutes", &minutes)]);
            let error = FormError { code: "rate_limited", message };
            let view = LoginView { form, error: Some(error) };
            let mut response = login_page(app, frame, StatusCode::TOO_MANY_REQUESTS, view)?;
            let wait = HeaderValue::from(retry_after.as_secs().max(1));
            response.headers_mut().insert(axum::http::header::RETRY_AFTER, wait);
            Ok(response)
        }
        other => Err(other.into()),
    }
}

fn login_page(app: &App, frame: &Frame, status: StatusCode, view: LoginView) -> Result<Response, Problem> {
    page(app, frame.language, status, "login.html", &Common::new(frame, None), view)
}

fn form(next: &str, login: &str) -> FormView {
    let register_href = format!("/register?next={}", format::query_value(next));
    FormView { action: "/login", next: next.to_owned(), login: login.to_owned(), register_href }
}

pub(super) fn to(path: &str, cookie: &Cookie<'static>) -> Response {
    (AppendHeaders([(SET_COOKIE, cookie.to_string())]), Redirect::to(path)).into_response()
}

const PATH_BYTES_MAX: usize = 512;

/// `next` if it is a path of this very host, else the home page.
pub(crate) fn own_path(next: &str) -> &str {
    let is_path = next.starts_with('/') && !next.starts_with("//");
    let is_plain = next.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    let is_at = |page: &str| next.strip_prefix(page).is_some_and(|rest| rest.is_empty() || rest.starts_with('?'));
    let is_login = is_at("/login") || is_at("/register");
    if is_path && is_plain && !is_login && next.len() <= PATH_BYTES_MAX { next } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_a_path_of_this_host_is_gone_to() {
        for path in ["/", "/orders", "/orders?before=ord_1", "/goods/starfall"] {
            assert_eq!(own_path(path), path);
        }
        for path in [
            "",
            "orders",
            "//evil.example",
            "/\\evil.example",
            "\\/evil.example",
            "https://evil.example",
            "/\t/evil.example",
            "/ a",
            "/login",
            "/login?next=/login",
            "/register",
            "javascript:alert(1)",
        ] {
            assert_eq!(own_path(path), "/", "{path}");
        }
    }

    proptest! {
        #[test]
        fn no_target_leaves_the_host(next in "[/\\\\a-z:.\\t ]{0,12}") {
            let path = own_path(&next);
            prop_assert!(path.starts_with('/') && !path.starts_with("//") && !path.contains('\\'));
        }
    }
}
