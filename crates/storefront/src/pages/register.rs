//! Becoming a customer of the shop that one is in.

use axum::extract::State;
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use identity::{IdentityError, Login};
use kernel::Secret;
use serde::{Deserialize, Serialize};
use web::{ClientAddress, Form, MaybeBuyer, Problem, Query, RateLimits, ShopContext, Visit};

use super::login::{Target, own_path, to};
use super::page;
use crate::app::App;
use crate::format;
use crate::frame::Frame;
use crate::view::{Common, FormError};

/// The shortest login: shorter ones are typing mistakes.
const LOGIN_CHARS_MIN: usize = 3;
/// The longest name in the head of a page.
const NAME_CHARS_MAX: usize = 40;

/// The form as the browser sends it.
#[derive(Deserialize)]
pub(crate) struct RegisterForm {
    #[serde(default)]
    login: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    agree: String,
    #[serde(default)]
    next: String,
}

#[derive(Serialize)]
struct RegisterView {
    form: FormView,
    /// Its code is the field that has to be changed.
    error: Option<FormError>,
}

#[derive(Serialize)]
struct FormView {
    action: &'static str,
    next: String,
    login: String,
    login_href: String,
}

/// `GET /register`; who is logged in already goes on.
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
    register_page(&app, &frame, StatusCode::OK, RegisterView { form: form(next, ""), error: None })
}

/// `POST /register`: a new customer, won by this site and logged in on it; or the form again with the reason.
pub(crate) async fn submit(
    before: MaybeBuyer,
    ShopContext(shop): ShopContext,
    (visit, ClientAddress(address), limits): (Visit, ClientAddress, RateLimits),
    frame: Frame,
    State(app): State<App>,
    Form(sent): Form<RegisterForm>,
) -> Result<Response, Problem> {
    let (customers, scope) = (&app.rooms.customers, shop.scope());
    let next = own_path(&sent.next);
    let again = |error| refused(&app, &frame, form(next, &sent.login), error);
    let login = Login::parse(&sent.login).ok().filter(|login| login.as_str().chars().count() >= LOGIN_CHARS_MIN);
    let Some(login) = login else { return again(Fault::Login) };
    if sent.agree != "yes" {
        return again(Fault::Agree);
    }
    let password = Secret::new(sent.password.clone());
    let registered = customers.register(&scope, address, (&login, &name_of(&login)), &password).await;
    limits.tell(app.rooms.limits.left_for_new(address));
    match registered {
        Ok((token, _)) => {
            if let Some((_, old)) = before.customer {
                customers.log_out(&scope, &old).await?;
            }
            Ok(to(next, &web::session_cookie(&visit, &token)))
        }
        Err(IdentityError::LoginTaken) => again(Fault::Taken),
        Err(IdentityError::PasswordLength { chars_min, chars_max }) => again(Fault::Password { chars_min, chars_max }),
        Err(IdentityError::TooManyTries { retry_after }) => {
            let mut response = again(Fault::TooMany { minutes: format::minutes(retry_after) })?;
            let wait = HeaderValue::from(retry_after.as_secs().max(1));
            response.headers_mut().insert(RETRY_AFTER, wait);
            Ok(response)
        }
        Err(other) => Err(other.into()),
    }
}

/// Why somebody is not a customer yet.
#[derive(Debug, Clone, Copy)]
enum Fault {
    Login,
    Taken,
    Password { chars_min: usize, chars_max: usize },
    Agree,
    TooMany { minutes: u64 },
}

/// What the head of the pages calls him: what stands before the @ of an address, of a number its last digits.
fn name_of(login: &Login) -> String {
    let text = login.as_str();
    let name = text.split_once('@').map_or(text, |(name, _)| name);
    let is_number = name.len() > 6 && name.bytes().all(|byte| byte.is_ascii_digit());
    let name = if is_number { &name[name.len() - 4..] } else { name };
    name.chars().take(NAME_CHARS_MAX).collect()
}

fn refused(app: &App, frame: &Frame, form: FormView, fault: Fault) -> Result<Response, Problem> {
    let words = app.templates.words(frame.language);
    let say = |code: &'static str, key: &str, values: &[(&str, &str)]| FormError {
        code,
        message: words.get(&format!("register.error.{key}"), values),
    };
    let (status, error) = match fault {
        Fault::Login => (StatusCode::UNPROCESSABLE_ENTITY, say("login", "login", &[])),
        Fault::Taken => (StatusCode::CONFLICT, say("login", "taken", &[])),
        Fault::Password { chars_min, chars_max } => {
            let (min, max) = (chars_min.to_string(), chars_max.to_string());
            (StatusCode::UNPROCESSABLE_ENTITY, say("password", "password", &[("min", &min), ("max", &max)]))
        }
        Fault::Agree => (StatusCode::UNPROCESSABLE_ENTITY, say("agree", "agree", &[])),
        Fault::TooMany { minutes } => {
            (StatusCode::TOO_MANY_REQUESTS, say("rate_limited", "rate_limited", &[("minutes", &minutes.to_string())]))
        }
    };
    register_page(app, frame, status, RegisterView { form, error: Some(error) })
}

fn register_page(app: &App, frame: &Frame, status: StatusCode, view: RegisterView) -> Result<Response, Problem> {
    page(app, frame.language, status, "register.html", &Common::new(frame, None).private(), view)
}

fn form(next: &str, login: &str) -> FormView {
    let login_href = format!("/login?next={}", format::query_value(next));
    FormView { action: "/register", next: next.to_owned(), login: login.to_owned(), login_href }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_customer_is_called_by_the_beginning_of_his_login() {
        for (login, name) in
            [("Lin@example.com", "lin"), ("13800001234", "1234"), ("lin", "lin"), ("123456", "123456"), ("@x", "")]
        {
            assert_eq!(name_of(&Login::parse(login).expect("a login")), name);
        }
    }
}
