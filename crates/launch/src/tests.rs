//! Behaviour on both databases.

mod again;
mod demo;
mod prices;
mod refused;

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;

use catalog::{Catalog, Code, SiteLevel, Subject};
use identity::{Customers, LoginLimits, Operators, Passwords};
use inventory::{Inventory, KeyRing, MasterKey, MasterKeys};
use kernel::{Currency, Money, Platform, TenantScope};
use lane::{LaneSettings, Lanes};
use ledger::{Account, AccountKind};
use payment::{Gateways, PaymentSettings, Payments};
use tempfile::TempDir;
use tenancy::{Slug, Tenancy};
use testkit::TestDb;

use crate::*;

const TENANTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tenants");
const HOME: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

/// A copy of the second demo pack with these edits: file, text, its replacement.
pub(crate) fn pack_folder(edits: &[(&str, &str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let from = Path::new(TENANTS).join("demo-two");
    for under in ["", "sites", "cards"] {
        fs::create_dir_all(folder.path().join(under)).expect("a folder");
        for entry in fs::read_dir(from.join(under)).expect("the demo pack").flatten() {
            if entry.path().is_file() {
                fs::copy(entry.path(), folder.path().join(under).join(entry.file_name())).expect("copied");
            }
        }
    }
    for (file, old, new) in edits {
        let path = folder.path().join(file);
        let text = fs::read_to_string(&path).expect("a file of the pack");
        assert!(text.contains(old), "{file} has {old:?}");
        fs::write(&path, text.replacen(old, new, 1)).expect("written");
    }
    folder
}

fn pack(edits: &[(&str, &str, &str)]) -> Pack {
    Pack::read(pack_folder(edits).path()).expect("a sound pack")
}

/// The second demo pack under another name, with the same codes.
fn twin() -> Pack {
    pack(&[
        ("tenant.toml", "slug = \"demo-two\"", "slug = \"twin\""),
        ("tenant.toml", "operator@two.localhost", "operator@twin.localhost"),
        ("sites/main.toml", "hosts = [\"two.localhost\"]", "hosts = [\"twin.localhost\"]"),
        ("sites/breeze.toml", "breeze.two.localhost\"]", "breeze.twin.localhost\"]"),
    ])
}

/// The rooms that a pack is written into.
struct House {
    launch: Launch,
    tenancy: Tenancy,
    catalog: Catalog,
    inventory: Inventory,
    customers: Customers,
    operators: Operators,
}

impl House {
    fn new(db: &TestDb) -> Self {
        let passwords = Passwords::new();
        let limits = LoginLimits::new(Arc::new(db.clock.clone()));
        let tenancy = Tenancy::new(db.store.clone());
        let catalog = Catalog::new(db.store.clone());
        let inventory = Inventory::new(KeyRing::new(MasterKeys::only(MasterKey::generate())));
        let customers = Customers::new(db.store.clone(), passwords.clone(), limits.clone());
        let operators = Operators::new(db.store.clone(), passwords.clone(), limits);
        let launch = Launch::new(
            db.store.clone(),
            tenancy.clone(),
            catalog.clone(),
            inventory.clone(),
            payments(db, &inventory),
            (customers.clone(), operators.clone(), passwords),
        );
        Self { launch, tenancy, catalog, inventory, customers, operators }
    }

    async fn apply(&self, pack: &Pack) -> Applied {
        let applied = self.launch.apply(pack, Mode::Apply, &()).await.expect("applied");
        assert!(applied.left_undone.is_empty(), "{:?}", applied.left_undone);
        applied
    }

    async fn scope(&self, slug: &str) -> TenantScope {
        let slug = Slug::parse(slug).expect("a slug");
        let tenant = self.tenancy.find_tenant(&slug).await.expect("the directory").expect("a tenant");
        Platform::assume().tenant(tenant)
    }
}

/// Payments without a gateway: a pack only writes channels.
fn payments(db: &TestDb, inventory: &Inventory) -> Payments {
    let lanes = Lanes::new(db.store.clone(), LaneSettings::of(db.store.backend()), |_| Vec::new());
    let settings = PaymentSettings { notify_base: "http://cashier.test".parse().expect("a URL") };
    Payments::new(db.store.clone(), lanes, inventory.clone(), Gateways::default(), settings)
}

/// Audits ledger and stock; answers how many entries and cards there are.
async fn audited(db: &TestDb, scope: &TenantScope) -> (u64, u64) {
    let tx = db.store.snapshot(scope).await.expect("a snapshot");
    let ledger = ledger::audit_in(&tx).await.expect("an audit");
    let stock = inventory::audit_in(&tx).await.expect("an audit");
    assert!(ledger.breaches.is_empty(), "{:?}", ledger.breaches);
    assert!(stock.breaches.is_empty(), "{:?}", stock.breaches);
    (ledger.entries, stock.cards)
}

async fn balance(db: &TestDb, scope: &TenantScope, account: Account) -> i64 {
    let tx = db.store.read(scope).await.expect("a reader");
    ledger::balances_in(&tx, &[account]).await.expect("a balance")[0].minor()
}

fn own(kind: AccountKind) -> Account {
    Account::own(kind, Currency::CNY)
}

fn change<'p>(plan: &'p Plan, thing: Thing, name: &str) -> Option<&'p What> {
    plan.changes.iter().find(|change| change.thing == thing && change.name == name).map(|change| &change.what)
}

/// How far an import came, as it was told.
#[derive(Default)]
struct Told(std::sync::Mutex<Vec<(u64, u64)>>);

impl Progress for Told {
    fn cards(&self, _: &Code, done: u64, total: u64) {
        self.0.lock().expect("no holder panics").push((done, total));
    }
}

testkit::on_both! {
    async fn the_demo_pack_is_applied_as_a_whole_and_its_books_are_clean(db) {
        let house = House::new(&db);
        let pack = Pack::read(&Path::new(TENANTS).join("demo")).expect("a sound pack");
        let told = Told::default();
        let applied = house.launch.apply(&pack, Mode::Apply, &told).await.expect("applied");
        assert_eq!((applied.cards_added, applied.duplicates), (pack.card_count(), 0));
        assert_eq!(applied.logins.len(), 9, "an operator, five owners of sub-sites and three customers");
        let told = told.0.into_inner().expect("no holder panicked");
        assert_eq!(told.last(), Some(&(pack.card_count(), pack.card_count())));
        let (_, cards) = audited(&db, &house.scope("demo").await).await;
        assert_eq!(cards, pack.card_count());
    }

    async fn opening_balances_and_stock_are_real_entries(db) {
        let house = House::new(&db);
        house.apply(&pack(&[])).await;
        let scope = house.scope("demo-two").await;
        let (entries, cards) = audited(&db, &scope).await;
        assert_eq!((entries, cards), (5, 60), "a wallet, a prepaid, three SKUs");
        // 30 at 9.02, 20 at 10.50, 10 at 168.00; what we own is below zero.
        let stock = 30 * 902 + 20 * 1050 + 10 * 16_800;
        assert_eq!(balance(&db, &scope, own(AccountKind::StockAtCost)).await, -stock);
        assert_eq!(balance(&db, &scope, own(AccountKind::Opening)).await, stock - 20_000 - 100_000);
    }

    async fn generated_passwords_log_in(db) {
        let house = House::new(&db);
        let applied = house.apply(&pack(&[])).await;
        let [customer, operator] = &applied.logins[..] else { panic!("two log-ins: {:?}", applied.logins) };
        assert_eq!((customer.who, operator.who), (Who::Customer, Who::Operator));
        let host = customer.host.as_ref().expect("the customer's shop");
        let shop = house.tenancy.resolve(host.as_str()).expect("the table was reloaded");
        let (_, known) = house
            .customers
            .log_in(&shop.scope(), HOME, customer.login.as_str(), &customer.password)
            .await
            .expect("the customer logs in");
        assert_eq!(known.name, "何宁");
        let (_, known) = house
            .operators
            .log_in(HOME, operator.login.as_str(), &operator.password)
            .await
            .expect("the operator logs in");
        assert_eq!(known.memberships().len(), 1);
    }

    async fn a_dry_run_leaves_the_database_as_it_was(db) {
        let house = House::new(&db);
        let pack = pack(&[]);
        let plan = house.launch.plan(&pack).await.expect("a plan");
        assert_eq!(house.tenancy.find_tenant(pack.slug()).await.expect("the directory"), None);
        let applied = house.apply(&pack).await;
        assert_eq!(applied.plan, plan);
        let scope = house.scope("demo-two").await;
        assert_eq!(audited(&db, &scope).await.1, 60);
    }

    async fn keys_that_a_dry_run_made_are_forgotten_with_it(db) {
        let house = House::new(&db);
        // No cards at first, so that the tenant's keys are made by the dry run and undone with it.
        let empty = pack_folder(&[]);
        fs::remove_dir_all(empty.path().join("cards")).expect("removed");
        house.apply(&Pack::read(empty.path()).expect("a sound pack")).await;
        house.launch.plan(&pack(&[])).await.expect("a plan");
        house.apply(&pack(&[])).await;
        let scope = house.scope("demo-two").await;
        house.inventory.keys().forget(scope.id());
        let again = house.apply(&pack(&[])).await;
        assert_eq!((again.cards_added, again.duplicates), (0, 60), "the hashes were made with the key that is stored");
    }

    async fn two_packs_with_the_same_codes_do_not_see_each_other(db) {
        let house = House::new(&db);
        let (first, second) = (house.apply(&pack(&[])).await, house.apply(&twin()).await);
        assert_eq!((first.cards_added, second.cards_added), (60, 60));
        let (ours, theirs) = (house.scope("demo-two").await, house.scope("twin").await);
        assert_eq!(audited(&db, &ours).await, audited(&db, &theirs).await);
        let again = house.apply(&pack(&[])).await;
        assert!(again.plan.is_empty(), "{:?}", again.plan.changes);
    }

    async fn a_sub_site_sells_at_the_price_of_the_pack(db) {
        let house = House::new(&db);
        house.apply(&pack(&[])).await;
        let shop = house.tenancy.resolve("breeze.two.localhost").expect("a shop");
        let tx = db.store.read(&shop.scope().engine()).await.expect("a reader");
        let code = Code::parse("quillnote").expect("a code");
        let (_, skus) = house.catalog.goods_by_code_in(&tx, &code).await.expect("goods").expect("on sale");
        let level = |site: &tenancy::Site| SiteLevel { site: site.id, level: site.level.clone() };
        let chain: Vec<SiteLevel> = house.tenancy.sites_in(&tx).await.expect("sites").iter().map(level).collect();
        let prices = catalog::Prices::new(db.store.clone());
        let quotes = prices.quotes_in(&tx, &chain, &Subject::default(), &[(skus[0].id, 1)]).await.expect("quotes");
        // 168.00 and 3 % is 173.04, up to 173.10; and 6 % is 183.486, up to 183.50.
        assert_eq!(quotes[0].1.as_ref().expect("a price").unit, Money::new(18_350, Currency::CNY));
    }
}

#[test]
fn a_new_pack_is_sound_and_bears_its_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let target = folder.path().join("new");
    tenant_new(&Slug::parse("card-corner").expect("a slug"), &target).expect("made");
    let pack = Pack::read(&target).expect("a sound pack");
    assert_eq!((pack.slug().as_str(), pack.card_count()), ("card-corner", 1));
    assert_eq!(pack.sites[0].hosts[0].0.as_str(), "card-corner.localhost");
}

#[test]
fn a_new_pack_does_not_overwrite_a_folder() {
    let folder = tempfile::tempdir().expect("a folder");
    let refused = tenant_new(&Slug::parse("card-corner").expect("a slug"), folder.path());
    assert!(matches!(refused, Err(LaunchError::FolderExists { .. })), "{refused:?}");
}

#[test]
fn the_program_holds_all_files_of_the_blank_pack() {
    let blank = Path::new(TENANTS).join("blank");
    let mut found = Vec::new();
    for under in ["", "sites/", "cards/"] {
        for entry in fs::read_dir(blank.join(under)).expect("the blank pack").flatten() {
            if entry.path().is_file() {
                found.push(format!("{under}{}", entry.file_name().to_string_lossy()));
            }
        }
    }
    found.sort();
    let mut held = crate::blank::FILES.map(|(name, _)| name);
    held.sort_unstable();
    assert_eq!(found, held);
}
