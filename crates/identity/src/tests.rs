//! Behaviour on both databases, and who may do what.

mod customers;
mod operators;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use kernel::{Platform, Secret, SiteId, TenantId, TenantScope, Wording};
use tenancy::{Mode, NewSite, NewTenant, Seller, Slug, Tenancy, Theme};
use testkit::TestDb;

use crate::*;

const HOME: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
const PASSWORD: &str = "correct horse";

fn secret(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

fn login(text: &str) -> Login {
    Login::parse(text).expect("a login")
}

/// A tenant with a main site and a sub-site.
async fn shop(db: &TestDb, name: &str) -> (TenantScope, [SiteId; 2]) {
    let scope = Platform::assume().tenant(TenantId::new());
    let tenancy = Tenancy::new(db.store.clone());
    let slug = |text: &str| Slug::parse(text).expect("a slug");
    let site = |name: &str, parent: Option<&str>| NewSite {
        slug: slug(name),
        parent: parent.map(slug),
        name: Wording::new("店", "shop"),
        tagline: Wording::default(),
        notice: Wording::default(),
        theme: Theme::Grove,
        mode: Mode::Auto,
        level: None,
        support: None,
        limits: None,
    };
    let tenant = NewTenant {
        slug: slug(name),
        name: name.to_owned(),
        currency: kernel::Currency::CNY,
        region: "CN".to_owned(),
        seller: Seller { name: name.to_owned(), licence: None },
    };
    let made = db.store.transact(&scope, async |tx| {
        tenancy.save_tenant_in(tx, &tenant).await?;
        let main = tenancy.save_site_in(tx, &site("main", None)).await?.id();
        let sub = tenancy.save_site_in(tx, &site("sub", Some("main"))).await?.id();
        Ok::<_, tenancy::TenancyError>([main, sub])
    });
    (scope, made.await.expect("the shop is made"))
}

fn limits(db: &TestDb) -> LoginLimits {
    LoginLimits::new(Arc::new(db.clock.clone()))
}

/// All bytes the database holds of a table's rows, in a form in which a token could be found.
async fn everything_stored(db: &TestDb, table: &str) -> Vec<u8> {
    match db.backend {
        store::Backend::Postgres => db.psql(&format!("SELECT t::text FROM {table} t")).into_bytes(),
        store::Backend::Sqlite => {
            let mut bytes = Vec::new();
            for file in ["cardgrove.db", "cardgrove.db-wal"] {
                bytes.extend(std::fs::read(db.folder().join(file)).expect("the file is there"));
            }
            bytes
        }
    }
}

fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}

/// Neither the token's text nor its bytes are stored; its hash is, so that the search is known to find things.
async fn assert_only_the_hash_is_stored(db: &TestDb, table: &str, token: &Token) {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let text = token.text();
    let raw: Vec<u8> = text
        .expose()
        .as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).expect("ASCII"), 16).expect("hexadecimal"))
        .collect();
    let stored = everything_stored(db, table).await;
    assert!(contains(&stored, &token.hash()) || contains(&stored, hex(&token.hash()).as_bytes()));
    assert!(!contains(&stored, text.expose().as_bytes()));
    assert!(!contains(&stored, &raw));
}

#[test]
fn the_roles_are_as_the_snapshot_says() {
    let mut matrix = String::new();
    for role in Role::ALL {
        for permission in Permission::ALL {
            let answer = if role.allows(*permission) { "yes" } else { "no" };
            matrix.push_str(&format!("{:<10} {:<13} {answer}\n", role.word(), permission.name()));
        }
    }
    insta::assert_snapshot!(matrix);
}

#[test]
fn logins_meet_whatever_case_and_blanks_they_are_typed_with() {
    assert_eq!(login("  Ann@Example.COM "), login("ann@example.com"));
    for text in ["", "   ", "a\0b", &"a".repeat(255), &"é".repeat(1_000)] {
        assert!(Login::parse(text).is_err(), "{text}");
    }
}
