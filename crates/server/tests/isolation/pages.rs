//! Pages without a name in their path: whom they are about follows from the host and the cookie alone. Each is asked as
//! everybody, on every host.

use axum::http::Method;
use testkit::TestDb;
use web::Route;

use super::fixture::{FOREIGN, Fixture, HOME, Sent, Target, buyer_mark};

/// Whose pages hold the names of his own things.
const OWN: [&str; 2] = ["/orders", "/wallet/top-ups"];

pub async fn matrix(db: &TestDb) {
    let fixture = Fixture::open(db).await;
    let routes: Vec<Route> = storefront::route_list();
    let pages: Vec<&Route> = routes.iter().filter(|route| route.method == "GET" && !route.path.contains('{')).collect();
    for named in ["/orders", "/wallet", "/wallet/top-ups", "/lookup", "/checkout", "/"] {
        assert!(pages.iter().any(|route| route.path == named), "{named} is no page any more");
    }
    let mut checked = 0;
    for visited in &fixture.targets {
        for (who, token) in people(&fixture, visited) {
            for page in &pages {
                check(&fixture, (page, visited), (&who, &token)).await;
                checked += 1;
            }
        }
    }
    eprintln!("{checked} cells of {} pages", pages.len());
}

/// Nobody, every customer of every site, somebody who has bought nothing, and everybody who works at either main site.
fn people(fixture: &Fixture, visited: &Target) -> Vec<(String, String)> {
    let mut people = vec![("nobody".to_owned(), String::new()), ("newcomer".to_owned(), visited.other.clone())];
    people.extend(fixture.targets.iter().map(|target| (mark(target), target.customer.clone())));
    let staff = fixture.staff.iter().map(|((tenant, role), token)| (format!("{role} of {tenant}"), token.clone()));
    people.extend(staff);
    people
}

fn mark(target: &Target) -> String {
    buyer_mark(target.tenant_slug, target.slug)
}

async fn check(fixture: &Fixture, (page, visited): (&Route, &Target), (who, token): (&str, &str)) {
    let cookie = if token.is_empty() { String::new() } else { format!("session={token}") };
    let sent = Sent { method: Method::GET, host: &visited.host, path: page.path, cookie: &cookie, kind: "", body: "" };
    let (status, text) = fixture.ask(sent).await;
    let at = format!("{who} at {} of {} {}", page.path, visited.tenant_slug, visited.slug);
    assert!(!status.is_server_error(), "{at}: {status} {text}");
    for target in &fixture.targets {
        // Whoever is logged in on this very site.
        if who == mark(target) && target.site == visited.site {
            let own = if page.path == OWN[0] { "order" } else { "intent" };
            assert!(!OWN.contains(&page.path) || text.contains(&target.names[own]), "{at} misses his own:\n{text}");
            continue;
        }
        assert!(!text.contains(&mark(target)), "{at} reads of {}:\n{text}", mark(target));
        for thing in ["order", "id", "link", "intent", "line", "refund"] {
            let name = &target.names[thing];
            assert!(!text.contains(name.as_str()), "{at} reads the {thing} {name}:\n{text}");
        }
    }
    let other = if visited.tenant_slug == HOME { FOREIGN } else { HOME };
    assert!(
        !text.contains(&format!("{other} ")) && !text.contains(&format!("of {other}")),
        "{at} reads of {other}:\n{text}"
    );
    assert!(!text.contains("CODE-"), "{at} reads a code:\n{text}");
}
