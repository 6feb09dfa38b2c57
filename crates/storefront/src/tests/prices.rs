//! One price on every surface: list, page of goods, checkout, quote, explanation, and the order that is placed.
//!
//! What is expected is computed here, by the pure resolver over the rules as they were drafted. So a rule that is
//! stored otherwise than it was meant, or a page that asks otherwise than the lane, is found.

mod deals;

use std::collections::HashMap;

use axum::http::StatusCode;
use catalog::{
    Hidden, PriceRequest, PriceRule, Quote, RuleBook, RuleDraft, SiteLevel, SkuFacts, SkuId, Subject, TemplateDraft,
    TemplateId, rules,
};
use inventory::{CardCode, NewCard};
use kernel::{Money, Wording};
use ledger::AccountKind;
use order::OrderId;
use proptest::test_runner::{Config, TestRunner};
use tenancy::{Host, Mode, NewSite, Slug, Theme};

use super::browser::{Browser, order_of};
use super::fixture::{MAIN, SUB, Town, yuan};
use crate::format;
use deals::{Deal, TEMPLATES, Wares, deal};

const LEAF: &str = "leaf.grove.example.com";
const HOSTS: [&str; 3] = [MAIN, SUB, LEAF];

/// A town with a third level, and what the resolver needs to know of it.
struct Street {
    town: Town,
    chain: Vec<SiteLevel>,
    facts: HashMap<SkuId, SkuFacts>,
    /// The rules that the fixture made.
    standing: Vec<PriceRule>,
}

impl Street {
    async fn open(db: &testkit::TestDb) -> Self {
        let town = Town::open(db).await;
        let state = &town.state;
        let leaf = NewSite {
            slug: Slug::parse("leaf").unwrap(),
            parent: Some(Slug::parse("sub").unwrap()),
            name: Wording::new("叶子", "Leaf"),
            tagline: Wording::default(),
            notice: Wording::default(),
            theme: Theme::Grove,
            mode: Mode::Auto,
            level: Some("gold".to_owned()),
            support: None,
            limits: None,
        };
        let host = Host::parse(LEAF).unwrap();
        let site = town
            .write(async |tx| {
                let site = state.tenancy.save_site_in(tx, &leaf).await.expect("a site").id();
                state.tenancy.save_host_in(tx, &host, site).await.expect("a host");
                site
            })
            .await;
        state.tenancy.reload().await.expect("the host table");
        let sites = [town.grove.sites[0], town.grove.sites[1], site];
        let levels = [None, Some("silver".to_owned()), Some("gold".to_owned())];
        let chain: Vec<SiteLevel> =
            sites.into_iter().zip(levels).map(|(site, level)| SiteLevel { site, level }).collect();
        for place in &chain[1..] {
            town.fund(AccountKind::SitePrepaid, place.site.uuid(), "10000.00").await;
        }
        let tx = state.store.read(&town.grove.scope).await.expect("a reader");
        let skus = [town.grove.sku, town.grove.empty_sku];
        let facts = state.prices.facts_in(&tx, &skus).await.expect("facts");
        let mut standing = Vec::new();
        for place in &chain {
            let listed =
                state.catalog.rules_page_in(&tx, place.site, &::catalog::RuleFilter::default(), None, 100).await;
            standing.extend(listed.expect("rules"));
        }
        drop(tx);
        Self { town, chain, facts, standing }
    }

    /// What the rules of a deal may be about.
    fn wares(&self) -> Wares {
        let facts = &self.facts[&self.town.grove.sku];
        Wares {
            sites: self.chain.iter().map(|place| place.site).collect(),
            category: facts.category,
            goods: facts.goods,
            skus: [self.town.grove.sku, self.town.grove.empty_sku],
            buyer: self.town.grove.customer.uuid(),
        }
    }

    /// Money for the deal and cards to sell; rules of deals before have ended by now.
    async fn prepare(&self, deal: &Deal) {
        let (town, inventory) = (&self.town, &self.town.state.inventory);
        town.clock.advance(chrono::TimeDelta::hours(2));
        town.give("2000.00").await;
        let code = |_| CardCode::parse(&format!("CODE-{}", uuid::Uuid::now_v7().simple())).expect("a code");
        let cards: Vec<NewCard> = (0..deal.quantity).map(|n| NewCard { code: code(n), expires_at: None }).collect();
        town.write(async |tx| inventory.import_in(tx, town.grove.sku, &cards).await.expect("imported")).await;
    }

    /// Saves the deal's templates and rules through the catalog; the book that they ought to be.
    async fn save(&self, deal: &Deal) -> RuleBook {
        let (catalog, now) = (&self.town.state.catalog, self.town.state.store.time());
        let mut rules: HashMap<String, PriceRule> = HashMap::new();
        let mut bands = HashMap::new();
        let names: Vec<String> = (0..TEMPLATES).map(|_| format!("t-{}", uuid::Uuid::now_v7().simple())).collect();
        let mut saved: HashMap<(usize, usize), TemplateId> = HashMap::new();
        for clause in &deal.clauses {
            let site = self.chain[clause.place].site;
            let mut terms = clause.terms;
            if let Some(number) = clause.template {
                let (place, template) = (clause.place, deal.templates[number].clone());
                let draft = TemplateDraft {
                    site,
                    code: ::catalog::Code::parse(&names[number]).expect("a code"),
                    name: Wording::new("价表", "Table"),
                    bands: template.clone(),
                };
                let made =
                    self.town.write(async |tx| catalog.save_template_in(tx, &draft).await.expect("saved").0).await;
                assert_eq!(*saved.entry((place, number)).or_insert(made), made, "a site has one template of a code");
                bands.insert(made, template);
                terms = deals::by_template(made);
            }
            let reach = clause.reach(&self.wares(), now);
            let draft = RuleDraft { site, reach, terms };
            let id = self.town.write(async |tx| catalog.save_rule_in(tx, &draft).await.expect("saved").0).await;
            let code = draft.code();
            let RuleDraft { site, reach, terms } = draft;
            let version = i64::try_from(rules.len()).expect("few") + 100_000;
            rules.insert(code, PriceRule { id, site, reach, terms, version, created_at: now });
        }
        self.standing.iter().cloned().chain(rules.into_values()).collect::<RuleBook>().with_bands(bands)
    }

    /// What the resolver says of the book as it was meant.
    fn meant(&self, book: &RuleBook, asked: &Asked<'_>) -> Result<Quote, Hidden> {
        let chain = rules::hops(&self.chain[..=asked.place], book);
        rules::resolve(&PriceRequest {
            chain: &chain,
            sku: &self.facts[&asked.sku],
            subject: asked.subject,
            quantity: asked.quantity,
            now: self.town.state.store.time(),
        })
    }

    /// What the room's service says, and what its explanation ends with.
    async fn quoted(&self, asked: &Asked<'_>) -> Result<Quote, Hidden> {
        let (prices, chain) = (&self.town.state.prices, &self.chain[..=asked.place]);
        let tx = self.town.state.store.read(&self.town.grove.scope).await.expect("a reader");
        let one = [(asked.sku, asked.quantity)];
        let quote = prices.quotes_in(&tx, chain, asked.subject, &one).await.expect("quotes").remove(0).1;
        let explained = prices.explain_in(&tx, chain, asked.subject, one[0]).await.expect("explained");
        assert_eq!(explained.outcome, quote, "an explanation ends with the price");
        quote
    }
}

/// A question for a price.
#[derive(Clone, Copy)]
struct Asked<'a> {
    place: usize,
    subject: &'a Subject,
    sku: SkuId,
    quantity: u32,
}

/// Without the versions, which only the database knows.
fn figures(quote: &Result<Quote, Hidden>) -> Result<Vec<(kernel::SiteId, Money, Money, Money)>, Hidden> {
    let hops = |quote: &Quote| quote.hops.iter().map(|hop| (hop.site, hop.cost, hop.price, hop.margin)).collect();
    quote.as_ref().map(hops).map_err(Clone::clone)
}

/// The price of the only goods of a list, if it is there.
fn listed(text: &str) -> Option<String> {
    let (_, rest) = text.split_once("<span class=\"price\">")?;
    let inside = rest.split("</span>").next().expect("an end");
    Some(inside.chars().filter(|letter| letter.is_ascii_digit() || *letter == '.').collect())
}

/// The unit price that the page of goods has beside a SKU, if it offers it.
fn beside(text: &str, sku: SkuId) -> Option<i64> {
    let (_, rest) = text.split_once(&format!("value=\"{sku}:"))?;
    rest.split('"').next()?.parse().ok()
}

/// The table of prices by quantity that the page of goods has for a SKU: from, to, unit.
fn table(text: &str, sku: SkuId) -> Vec<(u32, u32, i64)> {
    let Some((_, rest)) = text.split_once(&format!("id=\"tiers-{sku}\"")) else { return Vec::new() };
    let rows = rest.split("</table>").next().expect("an end").split("<tr data-from=").skip(1);
    let number =
        |row: &str, place: usize| row.split('"').nth(place).expect("a value").parse::<i64>().expect("a number");
    let small = |number: i64| u32::try_from(number).expect("a quantity");
    rows.map(|row| (small(number(row, 1)), small(number(row, 3)), number(row, 5))).collect()
}

/// The table says of every quantity what the resolver says; a SKU with one price needs none.
fn table_agrees(street: &Street, book: &RuleBook, text: &str, asked: &Asked<'_>) {
    let rows = table(text, asked.sku);
    let most = street.facts[&asked.sku].quantity_max;
    let meant = |quantity| street.meant(book, &Asked { quantity, ..*asked }).ok().map(|quote| quote.unit.minor());
    let shown = |quantity| rows.iter().find(|row| (row.0..=row.1).contains(&quantity)).map(|row| row.2);
    for quantity in 1..=most {
        if rows.is_empty() {
            // A price that begins or ends with a quantity is one price.
            assert!(
                meant(quantity).is_none_or(|unit| meant(1).is_none_or(|first| first == unit)),
                "a table is missing"
            );
        } else {
            assert_eq!(shown(quantity), meant(quantity), "the table of prices");
        }
    }
}

/// The pages show the prices of one piece, to a guest as to the buyer.
async fn pages_agree(street: &Street, book: &RuleBook, place: usize, (browser, subject): (&mut Browser, &Subject)) {
    let grove = &street.town.grove;
    let page = browser.get("/goods/starfall").await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text);
    let mut units = Vec::new();
    for sku in [grove.sku, grove.empty_sku] {
        let asked = Asked { place, subject, sku, quantity: 1 };
        let meant = street.meant(book, &asked);
        assert_eq!(figures(&street.quoted(&asked).await), figures(&meant), "the quote");
        let unit = meant.ok().map(|quote| quote.unit);
        assert_eq!(beside(&page.text, sku), unit.map(|unit| unit.minor()), "the page of goods");
        if unit.is_some() && page.text.contains("name=\"quantity\"") {
            table_agrees(street, book, &page.text, &asked);
        }
        units.extend(unit);
    }
    let lowest = units.into_iter().min_by_key(Money::minor).map(format::plain);
    for path in ["/", "/search", "/categories/games"] {
        assert_eq!(listed(&browser.get(path).await.text), lowest, "the list {path}");
    }
}

/// The checkout asks the price of the wanted quantity, and the order that is placed freezes it with its chain.
async fn order_agrees(street: &Street, book: &RuleBook, deal: &Deal, (browser, subject): (&mut Browser, &Subject)) {
    let grove = &street.town.grove;
    let asked = Asked { place: deal.place, subject, sku: grove.sku, quantity: deal.quantity };
    let (meant, quoted) = (street.meant(book, &asked), street.quoted(&asked).await);
    assert_eq!(figures(&quoted), figures(&meant), "the quote of a quantity");
    let quantity = deal.quantity.to_string();
    let wallet = street.town.wallet().await;
    let Ok(quote) = quoted else {
        let wanted = [("sku", format!("{}:99999", grove.sku)), ("quantity", quantity)];
        let wanted: Vec<(&str, &str)> = wanted.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let refused = browser.post("/goods/starfall", &wanted).await;
        assert_eq!(refused.status, StatusCode::CONFLICT, "{}", refused.text);
        assert_eq!(street.town.wallet().await, wallet, "what has no price is not sold");
        return;
    };
    let path = format!("/checkout?goods=starfall&sku={}:{}&quantity={quantity}", grove.sku, quote.unit.minor());
    let checkout = browser.get(&path).await;
    assert_eq!(checkout.status, StatusCode::OK, "{}", checkout.text);
    assert_eq!(checkout.field("sku"), format!("{}:{}", grove.sku, quote.unit.minor()), "the checkout");
    let total = quote.unit.times(deal.quantity).expect("fits");
    assert!(checkout.text.contains(&format::money(total)), "the checkout's total: {}", checkout.text);
    let order = order_of(&browser.submit(&checkout, &[]).await);
    let view = street.town.state.orders.desk_view(&grove.scope, OrderId::parse(&order).unwrap()).await.expect("read");
    let [line] = view.lines.as_slice() else { panic!("one line") };
    assert_eq!((line.unit, line.total, line.quantity), (quote.unit, total, deal.quantity), "the order's line");
    let frozen: Vec<_> = line.hops.iter().map(|hop| (hop.site, hop.cost, hop.price, hop.rule.clone())).collect();
    let hops: Vec<_> = quote.hops.iter().map(|hop| (hop.site, hop.cost, hop.price, hop.rule_text())).collect();
    assert_eq!(frozen, hops, "the order's hops");
    let margins: i64 = line.hops.iter().map(|hop| hop.price.minor() - hop.cost.minor()).sum();
    assert_eq!(line.hops[0].cost.minor() + margins, line.unit.minor(), "hops sum to retail");
    assert_eq!(wallet.minor() - street.town.wallet().await.minor(), total.minor(), "what was charged");
}

async fn go_through(street: &Street, deal: &Deal) {
    street.prepare(deal).await;
    let book = street.save(deal).await;
    let host = HOSTS[deal.place];
    let buyer = Subject { buyer: Some(street.town.grove.customer.uuid()), level: None };
    pages_agree(street, &book, deal.place, (&mut street.town.browser(host), &Subject::default())).await;
    let mut browser = street.town.buyer(host).await;
    pages_agree(street, &book, deal.place, (&mut browser, &buyer)).await;
    order_agrees(street, &book, deal, (&mut browser, &buyer)).await;
}

testkit::on_both! {
    async fn the_same_answer_is_given_on_every_surface(db) {
        let street = Street::open(&db).await;
        let config = Config { cases: 8, max_shrink_iters: 20, failure_persistence: None, ..Config::default() };
        let here = tokio::runtime::Handle::current();
        let ran = TestRunner::new(config).run(&deal(), |deal| {
            tokio::task::block_in_place(|| here.block_on(go_through(&street, &deal)));
            Ok(())
        });
        ran.unwrap_or_else(|error| panic!("{error}"));
    }

    /// The deals are random, so that this one makes sure that what they are made of can change a price at all.
    async fn a_secret_price_a_window_and_a_quantity_break_are_seen_on_every_surface(db) {
        let street = Street::open(&db).await;
        let buyer = Subject { buyer: Some(street.town.grove.customer.uuid()), level: None };
        let deal = deals::plain(2, 3);
        street.prepare(&deal).await;
        let book = street.save(&deal).await;
        let unit = |subject: &Subject, quantity| {
            let asked = Asked { place: 2, subject, sku: street.town.grove.sku, quantity };
            street.meant(&book, &asked).expect("a price").unit
        };
        assert_eq!((unit(&Subject::default(), 1), unit(&Subject::default(), 3)), (yuan("9.00"), yuan("8.50")));
        assert_eq!((unit(&buyer, 1), unit(&buyer, 3)), (yuan("8.30"), yuan("8.30")));
        go_through(&street, &deal).await;
        street.town.clock.advance(chrono::TimeDelta::hours(2));
        let asked = Asked { place: 2, subject: &buyer, sku: street.town.grove.sku, quantity: 3 };
        assert_eq!(street.quoted(&asked).await.expect("a price").unit, yuan("10.00"), "the window is over");
    }
}
