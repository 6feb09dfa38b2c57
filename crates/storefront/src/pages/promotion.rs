//! Promotion links.

use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, SET_COOKIE};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use commission::{AgentCode, How, Touch};
use serde::Deserialize;
use web::{Followed, Guest, Path, Problem, Query, ShopContext, Via, Visit};

use crate::app::App;
use crate::rows;

/// Where a promotion link leads on.
#[derive(Deserialize)]
pub(crate) struct Onward {
    /// A path of this shop; its home page if there is none.
    to: Option<String>,
}

impl Onward {
    /// The path, if it is one of this host: browsers read `//` and a backslash as the beginning of another one.
    fn path(&self) -> &str {
        let is_own = |path: &&str| {
            path.starts_with('/')
                && !path.starts_with("//")
                && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
        };
        self.to.as_deref().filter(is_own).unwrap_or("/")
    }
}

/// `GET /r/{code}`: the browser keeps who brought it here, and goes on. A code that nobody has leads on just so.
pub(crate) async fn follow(
    _: Guest,
    ShopContext(shop): ShopContext,
    (visit, Followed(before)): (Visit, Followed),
    State(app): State<App>,
    Path(code): Path<String>,
    Query(onward): Query<Onward>,
) -> Result<Response, Problem> {
    let next = (AppendHeaders([(CACHE_CONTROL, "no-store")]), Redirect::to(onward.path())).into_response();
    let Ok(code) = AgentCode::parse(&code) else { return Ok(next) };
    let agents = &app.rooms.agents;
    let scope = shop.scope();
    if agents.referral(&scope, &code, How::Link).await?.is_none() {
        return Ok(next);
    }
    let plan = agents.plan_now(&scope.engine()).await?;
    let is_kept = match (&before, plan.touch) {
        (Some(before), Touch::First) => rows::brought(&app, &shop, before).await?.is_some(),
        _ => false,
    };
    if is_kept {
        return Ok(next);
    }
    let via = Via { code: code.to_string(), since: app.rooms.store.time() };
    let life = plan.window().to_std().unwrap_or_default();
    Ok((AppendHeaders([(SET_COOKIE, via.cookie(&visit, life).to_string())]), next).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_leads_on_to_this_shop_only() {
        let path = |to: &str| Onward { to: Some(to.to_owned()) }.path().to_owned();
        for own in ["/", "/goods/starfall", "/search?q=a", "/categories/games"] {
            assert_eq!(path(own), own);
        }
        for strange in ["", "goods", "//evil.example", "/\\evil.example", "https://evil.example", "/a b", "/\r\nX: y"] {
            assert_eq!(path(strange), "/", "{strange:?}");
        }
    }
}
