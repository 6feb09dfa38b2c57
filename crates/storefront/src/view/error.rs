//! The page of what went wrong, with a next step.

use serde::Serialize;
use web::Problem;

use crate::words::Words;

/// The page's own keys.
#[derive(Serialize)]
pub(crate) struct ErrorView {
    status: u16,
    title: String,
    message: String,
    next: Option<Next>,
    host: Option<String>,
    command: Option<&'static str>,
}

#[derive(Serialize)]
struct Next {
    href: String,
    label: String,
}

/// What adds a domain that stands in a pack.
const APPLY_COMMAND: &str = "cardgrove tenant apply tenants/SLUG";

impl ErrorView {
    /// The page for `problem`, met at `path`; `host` is the unknown host, where that is the problem.
    pub fn new(words: &Words, problem: &Problem, path: &str, host: Option<&str>) -> Self {
        let status = problem.status.as_u16();
        let key = sentence(problem);
        let next = next(key, path)
            .map(|(href, label)| Next { href: href.to_owned(), label: words.get(&format!("error.next.{label}"), &[]) });
        Self {
            status,
            title: words.get(&format!("error.{key}.title"), &[]),
            message: words.get(&format!("error.{key}.message"), &[]),
            next,
            host: host.map(str::to_owned),
            command: host.map(|_| APPLY_COMMAND),
        }
    }
}

/// Which sentences say it.
fn sentence(problem: &Problem) -> &'static str {
    match (problem.code, problem.status.as_u16()) {
        ("shop_suspended", _) => "suspended",
        ("shop_closed", _) => "closed",
        ("foreign_origin", _) => "foreign",
        (_, 403) => "403",
        (_, 404) => "404",
        (_, 405) => "405",
        (_, 409 | 422) => "409",
        (_, 421) => "421",
        (_, 429) => "429",
        (_, 503) => "503",
        (_, 500..) => "500",
        _ => "400",
    }
}

fn next<'a>(key: &str, path: &'a str) -> Option<(&'a str, &'static str)> {
    match key {
        "suspended" | "closed" | "421" => Some(("/", "retry")),
        "503" | "500" | "429" | "409" => Some((path, "retry")),
        _ => Some(("/", "home")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::StatusCode;
    use kernel::Language;

    #[test]
    fn every_status_has_sentences_and_a_next_step() {
        for language in Language::ALL {
            let words = Words::read(language).expect("sentences");
            for status in 400..600 {
                let status = StatusCode::from_u16(status).expect("a status");
                let view = ErrorView::new(&words, &Problem::new(status, "any"), "/orders", None);
                assert!(!view.title.starts_with("error.") && !view.message.starts_with("error."), "{status}");
                assert!(view.next.is_some(), "{status}");
            }
        }
    }
}
