//! The worked examples of the guides: an order three levels below the main site, and stories of what may happen to the money
//! of others, written down from the rows they left.

mod page;
mod stage;
mod stories;

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use catalog::rules::{Explanation, HopSteps};
use catalog::{Code, SiteLevel, Sku, Subject};
use chrono::{DateTime, Utc};
use identity::{Customer, Login};
use kernel::{Currency, Day, Money, Platform, TenantScope};
use launch::{Mode, Pack};
use ledger::{Account, AccountKind, Audit, ChainHash, Earner, Entry, Side};
use order::{Brought, Buyer, OrderView, Proof, SoldBy, Wanted};
use risk::Limits;
use server::house::House;
use server::settings::Settings;
use settlement::{Calendar, Term};
use store::{ReadTx, Tx};
use tenancy::{Shop, Site};
use testkit::TestDb;
use uuid::Uuid;

const PACK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/packs/three-levels");
const GUIDES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/guides");
const CNY: Currency = Currency::CNY;
const HOST: &str = "maple.three.localhost";
const LOGIN: &str = "lin@three.localhost";
const SKUS: [(&str, &str); 2] = [("lantern", "lantern-100"), ("ferry", "ferry-month")];
const QUANTITY: u32 = 2;

testkit::on_both! {
    async fn the_worked_example_is_what_the_rows_say(db) {
        let page = page::write(&Example::of(&db).await);
        is_kept_as("worked-example.md", &page);
    }

    async fn more_worked_examples_are_what_the_rows_say(db) {
        is_kept_as("worked-examples.md", &stories::write(db.backend).await);
    }
}

#[test]
fn the_ledger_guide_explains_every_account() {
    let guide = fs::read_to_string(Path::new(GUIDES).join("ledger.md")).expect("the guide");
    let is_explained =
        |kind: &AccountKind| guide.lines().any(|line| line.starts_with(&format!("| `{}` |", kind.name())));
    let missing: Vec<&str> =
        AccountKind::ALL.iter().filter(|kind| !is_explained(kind)).map(|kind| kind.name()).collect();
    assert!(missing.is_empty(), "docs/guides/ledger.md has no row for {missing:?}");
}

/// One site's row of the order: what it pays and asks for a piece, and by which version of which rule.
struct Hop {
    slug: String,
    cost: Money,
    price: Money,
    rule: String,
}

/// The head of the chain and what an audit counted, at one moment.
struct Books {
    link: i64,
    hash: ChainHash,
    audit: Audit,
    balances: Vec<Money>,
}

/// Everything that the page tells.
struct Example {
    sites: Vec<Site>,
    customer: Customer,
    skus: Vec<Sku>,
    steps: Vec<HopSteps>,
    hops: Vec<Hop>,
    view: OrderView,
    accounts: Vec<Account>,
    openings: Vec<Entry>,
    entries: Vec<Entry>,
    before: Books,
    after: Books,
}

impl Example {
    /// Launches the shop, buys, and reads back what is there.
    async fn of(db: &TestDb) -> Self {
        let house = open(db).await;
        let shop = house.tenancy.resolve(HOST).expect("the selling site");
        let scope = Platform::assume().tenant(shop.tenant.id);
        let tx = house.store.snapshot(&scope).await.expect("a reader");
        let sites = sites(&house, &tx, &shop).await;
        let login = Login::parse(LOGIN).expect("a login");
        let customer = house.customers.find_in(&tx, &login).await.expect("read").expect("a customer");
        let skus = skus(&house, &tx).await;
        let accounts = accounts(&sites, &customer, tx.now());
        let before = Books::read(&tx, &accounts).await;
        let openings = openings(&tx, &[&[customer.id.uuid()], &ids(&sites), &ids_of_skus(&skus)]).await;
        let chain: Vec<SiteLevel> =
            sites.iter().map(|site| SiteLevel { site: site.id, level: site.level.clone() }).collect();
        let explained = explain(&house, &tx, &chain, (&customer, &skus[0])).await;
        drop(tx);

        let wanted = vec![Wanted::new(skus[0].id, QUANTITY, price_of(&explained))];
        let placed = {
            let shop_of = SoldBy { chain, currency: CNY, limits: Limits::default(), brought: Brought::Nobody };
            house.orders.place(&shop.scope(), shop_of, Buyer::account(customer.id), wanted, "example").await
        };
        let placed = placed.expect("the order is placed").answer.order;
        house.lanes.stop().await;

        let view = house.orders.view(&shop.scope(), &Proof::account(customer.id), placed).await;
        let (view, _) = view.expect("the order");
        let tx = house.store.snapshot(&scope).await.expect("a reader");
        let entries = ledger::entries_of_in(&tx, placed.uuid()).await.expect("the entries");
        let after = Books::read(&tx, &accounts).await;
        assert_eq!(ledger::link_hash_in(&tx, before.link).await.expect("a link"), Some(before.hash));
        drop(tx);
        let report = server::audit::run(&house.store, &db.folder()).await.expect("an audit");
        assert_eq!(report.breaches, 0, "{}", report.text);
        let hops = hops(db, &house, &scope).await;
        agree(&hops, &sites, &explained);
        Self { sites, customer, skus, steps: explained.hops, hops, view, accounts, openings, entries, before, after }
    }

    /// Whose an account is, by the name that the page uses.
    fn owner(&self, account: &Account) -> String {
        let Some(id) = account.owner else { return self.sites[0].name.en.clone() };
        let mut names: HashMap<Uuid, &str> =
            self.sites.iter().map(|site| (site.id.uuid(), site.name.en.as_str())).collect();
        names.insert(self.customer.id.uuid(), &self.customer.name);
        (*names.get(&id).expect("somebody of the example")).to_owned()
    }

    /// The site whose hop it is.
    fn site(&self, hop: &Hop) -> &Site {
        self.sites.iter().find(|site| site.slug.as_str() == hop.slug).expect("a site of the chain")
    }
}

impl Books {
    async fn read(tx: &ReadTx<TenantScope>, accounts: &[Account]) -> Self {
        let (link, hash) = ledger::head_in(tx).await.expect("read").expect("a head");
        let audit = ledger::audit_in(tx).await.expect("an audit");
        assert!(audit.breaches.is_empty(), "{:?}", audit.breaches);
        let balances = ledger::balances_in(tx, accounts).await.expect("balances");
        Self { link, hash, audit, balances }
    }
}

async fn open(db: &TestDb) -> House {
    let settings = Settings { data_dir: db.folder(), ..Settings::default() };
    let house = House::open(&settings, db.store.clone()).await.expect("the house opens");
    let pack = Pack::read(Path::new(PACK)).expect("a sound pack");
    let applied = house.launch.apply(&pack, Mode::Apply, &()).await.expect("applied");
    assert!(applied.left_undone.is_empty(), "{:?}", applied.left_undone);
    house
}

/// The sites of the chain, the main site first.
async fn sites(house: &House, tx: &impl Tx, shop: &Arc<Shop>) -> Vec<Site> {
    let mut sites = house.tenancy.sites_in(tx).await.expect("the sites");
    sites.sort_by_key(|site| site.depth);
    assert_eq!(sites.iter().map(|site| site.id).collect::<Vec<_>>(), shop.chain, "one site under the other");
    sites
}

async fn skus(house: &House, tx: &impl Tx) -> Vec<Sku> {
    let mut found = Vec::new();
    for (goods, sku) in SKUS {
        let goods = Code::parse(goods).expect("a code");
        let (_, skus) = house.catalog.goods_by_code_in(tx, &goods).await.expect("read").expect("the goods");
        found.extend(skus.into_iter().filter(|known| known.code.as_str() == sku));
    }
    assert_eq!(found.len(), SKUS.len());
    found
}

fn ids(sites: &[Site]) -> Vec<Uuid> {
    sites.iter().map(|site| site.id.uuid()).collect()
}

fn ids_of_skus(skus: &[Sku]) -> Vec<Uuid> {
    skus.iter().map(|sku| sku.id.uuid()).collect()
}

/// What the pack posted about each of these.
async fn openings(tx: &impl Tx, subjects: &[&[Uuid]]) -> Vec<Entry> {
    let mut entries = Vec::new();
    for subject in subjects.iter().copied().flatten() {
        entries.extend(ledger::entries_of_in(tx, *subject).await.expect("the entries"));
    }
    entries
}

/// Every account that the example moves, in the order of the page.
fn accounts(sites: &[Site], customer: &Customer, now: DateTime<Utc>) -> Vec<Account> {
    let own = |kind| Account::own(kind, CNY);
    let seller = sites.last().expect("a chain");
    let mut accounts = vec![
        Account::of(AccountKind::Wallet, customer.id.uuid(), CNY),
        own(AccountKind::OrderDeposits),
        own(AccountKind::Revenue),
    ];
    // Settled on the next business day, which is an account of its own.
    let due = Calendar::default().due(Term::USUAL, Day::of(now));
    let earner = |site: &Site| Earner { side: Side::Site, owner: site.id.uuid(), currency: CNY };
    accounts.extend(sites[1..].iter().map(|site| earner(site).pending(due)));
    accounts.extend([
        own(AccountKind::CostOfGoods),
        own(AccountKind::StockAtCost),
        Account::of(AccountKind::SitePrepaid, seller.id.uuid(), CNY),
        own(AccountKind::Opening),
    ]);
    accounts
}

async fn explain(house: &House, tx: &impl Tx, chain: &[SiteLevel], (buyer, sku): (&Customer, &Sku)) -> Explanation {
    let subject = Subject { buyer: Some(buyer.id.uuid()), level: None };
    house.prices.explain_in(tx, chain, &subject, (sku.id, QUANTITY)).await.expect("an explanation")
}

fn price_of(explained: &Explanation) -> Money {
    explained.outcome.as_ref().expect("a price").unit
}

/// The rows of `order_hops`, the main site's first. No room hands these rows out yet, and rows cannot be read behind
/// the store on SQLite, so the database puts them into a text that can be read: the tenant's name. It comes last,
/// because the shop has no name afterwards.
async fn hops(db: &TestDb, house: &House, scope: &TenantScope) -> Vec<Hop> {
    let lines = "SELECT string_agg(sites.slug || ' ' || order_hops.cost_minor || ' ' || order_hops.price_minor \
                 || ' ' || order_hops.rule, ';' ORDER BY order_hops.line_no, order_hops.depth) \
                 FROM order_hops JOIN sites ON sites.id = order_hops.site_id";
    db.tamper(&format!("UPDATE tenants SET name = ({lines})")).await.expect("copied");
    let tx = house.store.read(scope).await.expect("a reader");
    let lines = house.tenancy.tenant_in(&tx).await.expect("read").expect("the tenant").name;
    lines.split(';').map(hop).collect()
}

fn hop(line: &str) -> Hop {
    let [slug, cost, price, rule] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("{line} is no hop") };
    let money = |minor: &str| Money::new(minor.parse().expect("minor units"), CNY);
    Hop { slug: slug.to_owned(), cost: money(cost), price: money(price), rule: rule.to_owned() }
}

/// What the order froze is what the resolver explains: the words of the page are about these very rows.
fn agree(hops: &[Hop], sites: &[Site], explained: &Explanation) {
    let quote = explained.outcome.as_ref().expect("a price");
    assert_eq!((hops.len(), quote.hops.len()), (sites.len(), sites.len()));
    for ((row, site), said) in hops.iter().zip(sites).zip(&quote.hops) {
        assert_eq!((row.slug.as_str(), row.cost, row.price), (site.slug.as_str(), said.cost, said.price));
        assert_eq!((said.site, row.rule.as_str()), (site.id, said.rule_text().as_str()));
    }
}

/// Compares with the file that is kept, or keeps the page if `UPDATE_DOCS=1`.
fn is_kept_as(file: &str, page: &str) {
    let path: PathBuf = Path::new(GUIDES).join(file);
    if std::env::var("UPDATE_DOCS").is_ok_and(|value| value == "1") {
        fs::write(&path, page).expect("written");
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == page,
        "docs/guides/{file} is not what the rows say (UPDATE_DOCS=1 keeps the new page):\n{}",
        difference(&kept, page)
    );
}

/// The lines that differ, without the lines that both begin and end with.
fn difference(kept: &str, page: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (kept.lines().collect(), page.lines().collect());
    let same = |pairs: &mut dyn Iterator<Item = (&&str, &&str)>| pairs.take_while(|(old, new)| old == new).count();
    let head = same(&mut old.iter().zip(&new));
    let tail = same(&mut old[head..].iter().rev().zip(new[head..].iter().rev()));
    let old = old[head..old.len() - tail].iter().map(|line| format!("- {line}\n"));
    let new = new[head..new.len() - tail].iter().map(|line| format!("+ {line}\n"));
    format!("from line {} on\n{}{}", head + 1, old.collect::<String>(), new.collect::<String>())
}
