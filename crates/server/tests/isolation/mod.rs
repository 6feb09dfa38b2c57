//! Every route, asked by everybody, about everything that is somebody else's.
//!
//! The routes come from the lists that the routers are made of, so a new one is in the matrix at once; one that takes a
//! body, or a name in its path, that the matrix does not know fails it. Each cell is one request by one of the people of
//! `cedar` (a guest, a customer, the owner of the sub-site `north`, a clerk, the owner), about one site: his own, his
//! sister, his parent, his child, or a site of the foreign `larch`. The policy of the route says what must come back;
//! and whatever comes back, no name of another's buyer may be in it, what is not his looks like what never was, and
//! nothing of `larch` has changed afterwards.

mod cashier;
pub mod fixture;
mod pages;
mod programs;
pub mod requests;

use std::collections::BTreeMap;

use axum::http::{Method, StatusCode};
use identity::{Permission, Role};
use testkit::TestDb;
use web::Route;

use fixture::{FOREIGN, Fixture, HOME, SITES, Sent, Target, buyer_mark};
use requests::{body_of, fill, form_of, nobody, query_of};

const CONSOLE: &str = api::CONSOLE_HOST;

testkit::on_both! {
    async fn the_console_shows_nobody_what_is_not_his(db) {
        console_matrix(&db).await;
    }

    async fn a_shop_shows_nobody_what_is_not_his(db) {
        shop_matrix(&db).await;
    }

    async fn pages_about_oneself_show_nobody_another(db) {
        pages::matrix(&db).await;
    }

    async fn the_cashier_leads_nobody_to_anothers_payment(db) {
        cashier::matrix(&db).await;
    }

    async fn a_program_buys_only_where_its_buyer_is_logged_in(db) {
        programs::matrix(&db).await;
    }

    async fn who_comes_too_late_is_told_so_without_the_database(db) {
        programs::sold_out(&db).await;
    }
}

/// Who asks at the console.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Actor {
    Guest,
    Customer,
    SiteOwner,
    Clerk,
    Owner,
}

/// What must come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// He may: anything but a closed door.
    Enter,
    /// Who is it?
    LogIn,
    /// Not in his role.
    Forbidden,
    /// There is nothing here.
    Nothing,
}

impl Actor {
    const ALL: [Self; 5] = [Self::Guest, Self::Customer, Self::SiteOwner, Self::Clerk, Self::Owner];

    fn cookie(self, fixture: &Fixture) -> String {
        let token = match self {
            Self::Guest => return String::new(),
            Self::Customer => &fixture.target(HOME, "north").customer,
            Self::SiteOwner => &fixture.staff[&(HOME, "north")],
            Self::Clerk => &fixture.staff[&(HOME, "clerk")],
            Self::Owner => &fixture.staff[&(HOME, "owner")],
        };
        format!("session={token}")
    }

    /// His role at `home`, the site that he calls his own.
    const fn role(self) -> Option<(Role, &'static str)> {
        match self {
            Self::Guest | Self::Customer => None,
            Self::SiteOwner => Some((Role::SiteOwner, "north")),
            Self::Clerk => Some((Role::Clerk, "main")),
            Self::Owner => Some((Role::Owner, "main")),
        }
    }

    fn home(self) -> &'static str {
        self.role().map_or("north", |(_, site)| site)
    }

    /// What the policy of a route has for him when the path names `target`.
    fn verdict(self, policy: &str, target: &Target) -> Verdict {
        let (kind, permission) = policy.split_once(' ').unwrap_or((policy, ""));
        let Some((role, site)) = self.role() else {
            return if kind == "guest" { Verdict::Enter } else { Verdict::LogIn };
        };
        let is_his = match kind {
            "guest" | "staff" => return Verdict::Enter,
            "operator" => role.reach() == identity::Reach::Tenant && target.tenant_slug == HOME,
            "site-operator" => (target.tenant_slug, target.slug) == (HOME, site),
            other => panic!("the matrix does not know the policy {other}"),
        };
        if !is_his {
            return Verdict::Nothing;
        }
        let permission = Permission::parse(permission).expect("a permission");
        if role.allows(permission) { Verdict::Enter } else { Verdict::Forbidden }
    }

    /// Whether an answer to him may hold the names of this site's buyers.
    fn may_read(self, target: &Target) -> bool {
        target.tenant_slug == HOME && target.slug == self.home() && self.role().is_some()
    }
}

/// Both lists of cells of the console, then what he may.
async fn console_matrix(db: &TestDb) {
    let fixture = Fixture::open(db).await;
    let routes: Vec<Route> = api::route_list();
    let before = what_the_foreign_see(&fixture, &routes).await;
    let (mut refused, mut alike, mut entered) = (0, 0, 0);
    for route in &routes {
        for actor in Actor::ALL {
            for target in &fixture.targets {
                let verdict = actor.verdict(&route.policy, target);
                if verdict != Verdict::Enter {
                    check_refused(&fixture, route, actor, target, verdict).await;
                    refused += 1;
                }
            }
            alike += check_alike(&fixture, route, actor).await;
        }
    }
    assert_eq!(what_the_foreign_see(&fixture, &routes).await, before, "somebody changed the other main site");
    // Last, because what somebody may do changes things.
    for route in routes.iter().filter(|route| !ends_the_session(route)) {
        for actor in Actor::ALL {
            let target = fixture.target(HOME, actor.home());
            if actor.verdict(&route.policy, target) == Verdict::Enter {
                check_entered(&fixture, route, actor, target).await;
                entered += 1;
            }
        }
    }
    assert_eq!(what_the_foreign_see(&fixture, &routes).await, before, "somebody changed the other main site");
    eprintln!("{} routes: {refused} refused, {alike} as if there were nothing, {entered} entered", routes.len());
}

/// A log-out would end the session that the next cell needs.
fn ends_the_session(route: &Route) -> bool {
    route.path == "/api/v1/session" && route.method != "GET"
}

async fn send(fixture: &Fixture, route: &Route, actor: Actor, path: &str, body: &str) -> (StatusCode, String) {
    let method = Method::from_bytes(route.method.as_bytes()).expect("a method");
    let kind = if requests::is_upload(route) { "application/octet-stream" } else { "application/json" };
    let cookie = actor.cookie(fixture);
    fixture.ask(Sent { method, host: CONSOLE, path, cookie: &cookie, kind, body }).await
}

/// No name of anybody's buyer, except those that he may read.
fn assert_no_marks(fixture: &Fixture, actor: Actor, text: &str, at: &str) {
    for target in fixture.targets.iter().filter(|target| !actor.may_read(target)) {
        let mark = buyer_mark(target.tenant_slug, target.slug);
        assert!(!text.contains(&mark), "{actor:?} reads {mark} at {at}:\n{text}");
    }
    // Every title and name in the fixture has one of these forms.
    let is_foreign = text.contains(&format!("{FOREIGN} ")) || text.contains(&format!("of {FOREIGN}"));
    assert!(!is_foreign && !text.contains("CODE-"), "{actor:?} reads what is not his at {at}:\n{text}");
}

/// No id of anything that is another's, in an answer to a question about what is his own.
fn assert_no_ids(fixture: &Fixture, actor: Actor, text: &str, at: &str) {
    let Some((role, _)) = actor.role() else { return };
    for target in &fixture.targets {
        for (name, value) in target.names.iter().filter(|(name, _)| !["code", "day", "link", "tenant"].contains(name)) {
            let is_his = target.tenant_slug == HOME
                && match role.reach() {
                    identity::Reach::Tenant => true,
                    // The tree is the tenant's: which sites stand right below is no secret to an owner.
                    identity::Reach::Site => {
                        target.slug == actor.home() || ["sku", "batch", "goods"].contains(name) || *name == "site"
                    }
                };
            assert!(is_his || !text.contains(value.as_str()), "{actor:?} reads the {name} {value} at {at}:\n{text}");
        }
    }
}

async fn check_refused(fixture: &Fixture, route: &Route, actor: Actor, target: &Target, verdict: Verdict) {
    let path = fill(route.path, &target.names) + &query_of(route, target);
    let (status, text) = send(fixture, route, actor, &path, &body_of(route, target)).await;
    let at = format!("{actor:?} {} {} about {} {}", route.method, route.path, target.tenant_slug, target.slug);
    let expected = match verdict {
        Verdict::LogIn => StatusCode::UNAUTHORIZED,
        Verdict::Forbidden => StatusCode::FORBIDDEN,
        Verdict::Nothing | Verdict::Enter => StatusCode::NOT_FOUND,
    };
    assert_eq!(status, expected, "{at}: {text}");
    assert_no_marks(fixture, actor, &text, &at);
}

/// His own tenant and site in the path, and the things of others: as if they had never been.
async fn check_alike(fixture: &Fixture, route: &Route, actor: Actor) -> usize {
    let home = fixture.target(HOME, actor.home());
    if actor.verdict(&route.policy, home) != Verdict::Enter || actor.role().is_none() {
        return 0;
    }
    let mut checked = 0;
    for target in &fixture.targets {
        let names = requests::mixed(route, home, target, actor.role().map(|(role, _)| role.reach()));
        let Some(names) = names else { continue };
        let path = fill(route.path, &names) + &query_of(route, home);
        let nothing = nobody(&names, home);
        let body = body_of(route, home);
        let (status, text) = send(fixture, route, actor, &path, &body).await;
        let (status_of_nothing, nothing_there) =
            send(fixture, route, actor, &(fill(route.path, &nothing) + &query_of(route, home)), &body).await;
        let at = format!("{actor:?} {} {path}, of {} {}", route.method, target.tenant_slug, target.slug);
        assert!(status.is_client_error(), "{at}: {status} {text}");
        assert_eq!((status, plain(&text, &names)), (status_of_nothing, plain(&nothing_there, &nothing)), "{at}");
        assert_no_marks(fixture, actor, &text, &at);
        checked += 1;
    }
    checked
}

async fn check_entered(fixture: &Fixture, route: &Route, actor: Actor, target: &Target) {
    let path = fill(route.path, &target.names) + &query_of(route, target);
    let (status, text) = send(fixture, route, actor, &path, &body_of(route, target)).await;
    let at = format!("{actor:?} {} {path}", route.method);
    let closed =
        [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN, StatusCode::NOT_FOUND, StatusCode::METHOD_NOT_ALLOWED];
    assert!(!closed.contains(&status) && !status.is_server_error(), "{at}: {status} {text}");
    if route.method == "GET" {
        assert!(status.is_success() || status.is_redirection(), "{at}: {status} {text}");
    }
    let is_unreadable = [StatusCode::BAD_REQUEST, StatusCode::UNSUPPORTED_MEDIA_TYPE].contains(&status);
    assert!(!is_unreadable, "the matrix sends what the route cannot read: {at}: {status} {text}");
    assert_no_marks(fixture, actor, &text, &at);
    assert_no_ids(fixture, actor, &text, &at);
    if route.method == "GET" && route.policy.contains("operator") && !path.contains('?') {
        check_filters(fixture, route, actor, &path).await;
    }
}

/// The names of others as filters of a list: they find nothing, or are no filters.
async fn check_filters(fixture: &Fixture, route: &Route, actor: Actor, path: &str) {
    for target in fixture.targets.iter().filter(|target| target.tenant_slug == FOREIGN) {
        for name in ["site", "sku", "cursor"] {
            let value = if name == "cursor" { &target.names["order"] } else { &target.names[name] };
            let asked = format!("{path}?{name}={value}");
            let (status, text) = send(fixture, route, actor, &asked, "").await;
            assert!(!status.is_server_error(), "{asked}: {status} {text}");
            assert_no_marks(fixture, actor, &text, &asked);
            let told = text.replace(value.as_str(), "");
            assert_no_ids(fixture, actor, &told, &asked);
        }
    }
}

/// An answer without what differs from request to request.
fn plain(text: &str, names: &BTreeMap<&'static str, String>) -> String {
    let mut text = text.to_owned();
    for (name, value) in names.iter().filter(|(name, _)| !["tenant", "site"].contains(name)) {
        text = text.replace(value.as_str(), &format!("<{name}>"));
    }
    // How long somebody has to wait who has tried too often: the second of two requests a second less, now and then.
    if let Some((head, rest)) = text.clone().split_once("the next one in ") {
        let tail = rest.trim_start_matches(|letter: char| letter.is_ascii_digit());
        text = format!("{head}{tail}");
    }
    for name in ["request_id", "trace_id"] {
        if let Some((head, rest)) = text.clone().split_once(&format!("\"{name}\":\"")) {
            let tail = rest.split_once('"').map_or("", |(_, tail)| tail);
            text = format!("{head}{tail}");
        }
    }
    text
}

/// All that the foreign owner and the owner of a foreign sub-site can read.
async fn what_the_foreign_see(fixture: &Fixture, routes: &[Route]) -> Vec<(String, String)> {
    let mut seen = Vec::new();
    for (role, site) in [("owner", "main"), ("north", "north"), ("deep", "deep")] {
        let cookie = format!("session={}", fixture.staff[&(FOREIGN, role)]);
        for route in routes.iter().filter(|route| route.method == "GET" && route.policy.contains("operator")) {
            let target = fixture.target(FOREIGN, site);
            let path = fill(route.path, &target.names) + &query_of(route, target);
            let sent = Sent { method: Method::GET, host: CONSOLE, path: &path, cookie: &cookie, kind: "", body: "" };
            let (status, text) = fixture.ask(sent).await;
            if status.is_success() {
                assert!(!text.contains(&format!("{HOME} ")), "{role} of {FOREIGN} at {path}:\n{text}");
                seen.push((format!("{role} {path}"), text));
            }
        }
    }
    assert!(!seen.is_empty());
    seen
}

/// A guest and a customer of `north`, on every host, with the things of every site.
async fn shop_matrix(db: &TestDb) {
    let fixture = Fixture::open(db).await;
    let home = fixture.target(HOME, "north").clone();
    let mut checked = 0;
    for route in storefront::route_list().iter().filter(|route| names_a_thing(route)) {
        for visited in &fixture.targets {
            for target in &fixture.targets {
                // A guest, the customer of the home site, and another customer of the visited one.
                for (who, token) in [("", ""), ("home", home.customer.as_str()), ("other", visited.other.as_str())] {
                    let is_own = who == "home" && (visited.site, target.site) == (home.site, home.site);
                    if is_own || is_shown(route, visited, target) {
                        continue;
                    }
                    let cookie = if token.is_empty() { String::new() } else { format!("session={token}") };
                    check_shop(&fixture, route, (visited, target), &cookie).await;
                    checked += 1;
                }
            }
        }
        check_own(&fixture, route, &home).await;
    }
    eprintln!("{checked} cells of {} hosts", SITES.len() * 2);
}

/// A path that names an order, a top-up, or goods.
fn names_a_thing(route: &Route) -> bool {
    route.path.contains('{') && !route.path.contains("{*")
}

/// What everybody may see: goods of the site's own main site, and how an order stands to whom its word is known.
fn is_shown(route: &Route, visited: &Target, target: &Target) -> bool {
    let is_goods = route.path.contains("{code}") && visited.tenant == target.tenant;
    is_goods || (route.path.contains("{link}") && visited.site == target.site)
}

async fn check_shop(fixture: &Fixture, route: &Route, (visited, target): (&Target, &Target), cookie: &str) {
    let names = requests::of_shop(route, target);
    let nothing = nobody(&names, visited);
    let (status, text) = visit(fixture, route, visited, &names, cookie).await;
    let (status_of_nothing, nothing_there) = visit(fixture, route, visited, &nothing, cookie).await;
    let at = format!("{} {} of {} {} on {}", route.method, route.path, target.tenant_slug, target.slug, visited.host);
    assert_eq!(status, status_of_nothing, "{at}\n{text}");
    assert_eq!(requests::bare_page(&text, &names), requests::bare_page(&nothing_there, &nothing), "{at}");
    let mark = buyer_mark(target.tenant_slug, target.slug);
    assert!(!text.contains(&mark) && !text.contains(&format!("CODE-{}", target.tenant_slug)), "{at}\n{text}");
}

/// The customer on his own site finds his own things, or the matrix shows nothing.
async fn check_own(fixture: &Fixture, route: &Route, home: &Target) {
    let cookie = format!("session={}", home.customer);
    let names = requests::of_shop(route, home);
    let (status, text) = visit(fixture, route, home, &names, &cookie).await;
    let is_there = status != StatusCode::NOT_FOUND && status != StatusCode::UNAUTHORIZED && !status.is_server_error();
    assert!(is_there, "{} {}: {status}\n{text}", route.method, route.path);
}

async fn visit(
    fixture: &Fixture,
    route: &Route,
    visited: &Target,
    names: &BTreeMap<&'static str, String>,
    cookie: &str,
) -> (StatusCode, String) {
    let (path, body) = (fill(route.path, names), form_of(route));
    let method = Method::from_bytes(route.method.as_bytes()).expect("a method");
    let kind = "application/x-www-form-urlencoded";
    fixture.ask(Sent { method, host: &visited.host, path: &path, cookie, kind, body }).await
}
