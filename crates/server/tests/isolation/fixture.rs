//! Two main sites alike in everything, each with a tree of sites, people, orders and money that waits.

use std::collections::BTreeMap;
use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, StatusCode, header};
use catalog::{Code, SiteLevel, SkuId, Subject};
use chrono::TimeDelta;
use commission::{Base, How, NewAgent, Plan, PlanAuthor, Plans, Referral, Rule, Target as About, Terms};
use funds::{AdjustmentWord, AskAdjustment, Cause, Credit, NewRechargeBatch, Origin, SetCredit, Target as Whose};
use identity::{Customer, CustomerId, Login, Membership, NewOperator, Passwords, Role, Token};
use kernel::{Currency, Money, Platform, Rate, Secret, SiteId, SiteScope, TenantId};
use launch::{Applied, Mode, Pack};
use ledger::{Account, AccountKind, Book, Entry, EntryKind, Posting};
use order::{Brought, Buyer, Checkout, Contact, LinkToken, OrderId, SoldBy, Wanted};
use payment::{
    BonusRules, BonusTier, Channel, ExceptionId, ExceptionState, Gives, OpenTopUp, OutNo, PublicChannel, Seen,
    TopUpOpened,
};
use risk::Limits;
use server::house::House;
use server::settings::{self, Settings};
use settlement::{EarnerRef, NewHold};
use tenancy::Shop;
use testkit::TestDb;
use withdrawal::{Ask, Means, NewPayee, PayeeDetails, Word};

/// The main site whose people try everything, and the one whose people are only looked at.
pub const HOME: &str = "cedar";
pub const FOREIGN: &str = "larch";
/// The tree: below the main site two sisters, and one below the first of them.
pub const SITES: [&str; 4] = ["main", "north", "south", "deep"];
pub const PASSWORD: &str = "a clerk's long password";
const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));

/// Names that the fixture gives, by which a page that shows too much is found out.
pub fn buyer_mark(tenant: &str, site: &str) -> String {
    format!("buyer-{tenant}-{site}@marks.example")
}

/// A site with what belongs to it.
#[derive(Clone)]
pub struct Target {
    pub tenant_slug: &'static str,
    pub slug: &'static str,
    pub tenant: TenantId,
    pub site: SiteId,
    pub host: String,
    /// What stands for a name of a path, as `order` or `sku`.
    pub names: BTreeMap<&'static str, String>,
    /// The customer's session.
    pub customer: String,
    /// The session of another customer, who has bought nothing.
    pub other: String,
    /// The session of one of the site's agents.
    pub agent: String,
    /// The site's own channel, as gateways know it.
    pub public_channel: String,
    /// The number of the try that waits for its money.
    pub out_no: String,
    /// A token that leads to it, good once.
    pub handover: String,
    /// The code of a recharge card.
    pub recharge_code: String,
    /// The slug of the site right below, if there is one.
    pub below: &'static str,
}

/// The house with both main sites.
pub struct Fixture {
    pub house: House,
    pub router: Router,
    /// The sites of both, in the order of [`SITES`], home first.
    pub targets: Vec<Target>,
    /// Sessions of operators, by tenant, role and site.
    pub staff: BTreeMap<(&'static str, &'static str), String>,
}

impl Fixture {
    pub async fn open(db: &TestDb) -> Self {
        // Nobody listens there: a channel needs a gateway that is known, and nothing here talks to it.
        let sandbox_url = Some("http://127.0.0.1:9".to_owned());
        let settings = Settings { data_dir: db.folder(), sandbox_url, limits: unhurried(), ..Settings::default() };
        let house = House::open(&settings, db.store.clone()).await.expect("the house opens");
        let (mut targets, mut staff) = (Vec::new(), BTreeMap::new());
        // What happened the day before is closed by now.
        db.clock.advance(-BEFORE);
        let launched = [launch(&house, db, HOME).await, launch(&house, db, FOREIGN).await];
        db.clock.advance(BEFORE);
        for (tenant, applied) in [HOME, FOREIGN].into_iter().zip(launched) {
            pay_agents(&house, tenant).await;
            for site in SITES {
                let mut target = target(&house, tenant, site, &applied).await;
                target.names.insert("day", closed_day(&house, target.tenant).await);
                targets.push(target);
            }
            favour_agents(&house, tenant, &targets).await;
            sign_in(&house, tenant, &applied, &targets, &mut staff).await;
        }
        let router = server::http::router(&house, settings.listen, &[]).expect("a router");
        Self { house, router, targets, staff }
    }

    pub fn target(&self, tenant: &str, site: &str) -> &Target {
        self.targets.iter().find(|one| (one.tenant_slug, one.slug) == (tenant, site)).expect("a site of the fixture")
    }

    /// Sends a request; answers status and text.
    pub async fn ask(&self, sent: Sent<'_>) -> (StatusCode, String) {
        self.ask_with_key(sent, &uuid::Uuid::now_v7().to_string()).await
    }

    /// The same under a key that the caller chose.
    pub async fn ask_with_key(&self, sent: Sent<'_>, key: &str) -> (StatusCode, String) {
        let request = Request::builder().method(sent.method).uri(sent.path).header(header::HOST, sent.host);
        let request = request.header(header::COOKIE, sent.cookie).header(header::CONTENT_TYPE, sent.kind);
        let request = request
            .header("idempotency-key", key)
            .extension(axum::extract::ConnectInfo(std::net::SocketAddr::new(ADDRESS, 4_711)));
        let request = request.body(Body::from(sent.body.to_owned())).expect("a request");
        let answer = tower::ServiceExt::oneshot(self.router.clone(), request).await.expect("an answer");
        let status = answer.status();
        let bytes = to_bytes(answer.into_body(), 4 << 20).await.expect("a body");
        (status, String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// So long before all else the shops were launched: at least one day was over since.
const BEFORE: chrono::TimeDelta = chrono::TimeDelta::hours(25);

/// The first day that is closed.
async fn closed_day(house: &House, tenant: TenantId) -> String {
    let scope = Platform::assume().tenant(tenant);
    house.books.close_days(&scope).await.expect("closed");
    let tx = house.store.read(&scope).await.expect("a reader");
    let closings = house.books.closings_after_in(&tx, None, 1).await.expect("read");
    closings.first().expect("a day is over").day.to_string()
}

/// All cells of a matrix are asked from one address.
fn unhurried() -> settings::Limits {
    settings::Limits { requests_per_address_burst: u32::MAX, ..settings::Limits::default() }
}

/// A request.
pub struct Sent<'a> {
    pub method: Method,
    pub host: &'a str,
    pub path: &'a str,
    pub cookie: &'a str,
    pub kind: &'a str,
    pub body: &'a str,
}

async fn launch(house: &House, db: &TestDb, tenant: &str) -> Applied {
    let folder = db.folder().join(tenant);
    write_pack(&folder, tenant);
    let pack = Pack::read(&folder).unwrap_or_else(|faults| panic!("a sound pack: {faults:?}"));
    let applied = house.launch.apply(&pack, Mode::Apply, &()).await.expect("applied");
    assert!(applied.left_undone.is_empty(), "{:?}", applied.left_undone);
    applied
}

/// A pack whose codes are its own, but for one that both have.
fn write_pack(folder: &Path, tenant: &str) {
    let write = |file: &str, text: String| {
        let file = folder.join(file);
        fs::create_dir_all(file.parent().expect("a folder")).expect("made");
        fs::write(file, text).expect("written");
    };
    write(
        "tenant.toml",
        format!(
            "slug = \"{tenant}\"\nname = \"{tenant}\"\ncurrency = \"CNY\"\nregion = \"CN\"\n[seller]\nname = \
             \"{tenant} Ltd\"\nlicence = \"{tenant}-1\"\n[operator]\nlogin = \"owner@{tenant}.test\"\nname = \
             \"Owner of {tenant}\"\n[[category]]\ncode = \"games-{tenant}\"\nname = {{ zh = \"{tenant}\", en = \
             \"Games of {tenant}\" }}\nsort = 1\n"
        ),
    );
    for (site, parent) in [("main", None), ("north", Some("main")), ("south", Some("main")), ("deep", Some("north"))] {
        let place = parent.map(|parent| format!("parent = \"{parent}\"\nlevel = \"gold\"\nprepaid = \"900.00\"\n"));
        let owner =
            parent.map(|_| format!("[owner]\nlogin = \"{site}@{tenant}.test\"\nname = \"Owner of {tenant} {site}\"\n"));
        write(
            &format!("sites/{site}.toml"),
            format!(
                "slug = \"{site}\"\n{}name = {{ zh = \"{tenant} {site}\", en = \"{tenant} {site}\" }}\ntagline = \
                 {{ zh = \"t\", en = \"t\" }}\nhosts = [\"{site}.{tenant}.test\"]\ntheme = \"grove\"\nmode = \
                 \"auto\"\n{}[[channel]]\nprovider = \"sandbox\"\npayee = \"{tenant}-{site}\"\nname = {{ zh = \"c\", \
                 en = \"c\" }}\nsort = 1\n[[price]]\nscope = \"site\"\nkind = \"markup\"\nvalue = \"1.00\"\nrounding = \
                 \"none\"\naudience = \"retail\"\n[[customer]]\nlogin = \"{}\"\nname = \"Buyer at {tenant} {site}\"\n\
                 wallet = \"500.00\"\n",
                place.unwrap_or_default(),
                owner.unwrap_or_default(),
                buyer_mark(tenant, site),
            ),
        );
    }
    write(
        "goods.csv",
        format!(
            "code,category,kind,title_zh,title_en,description_zh,description_en,art,sku_code,sku_name_zh,sku_name_en,\
             face_value,cost,price,max_per_order,sort\nhand-{tenant},games-{tenant},manual,{tenant} 手,Hand of \
             {tenant},d,d,,hand-{tenant}-1,一,one,,2.00,3.00,20,20\nlamp-{tenant},games-{tenant},card,{tenant} 灯,Lamp of \
             {tenant},d,d,,lamp-{tenant}-1,一,one,12.00,9.00,11.00,20,10\n"
        ),
    );
    let cards = (1..=80).map(|number| format!("CODE-{tenant}-{number},\n")).collect::<String>();
    write(&format!("cards/lamp-{tenant}-1.csv"), format!("code,expires_on\nSAME-CODE-1,\n{cards}"));
}

/// A site with an order that was delivered, one that waits for money, a top-up under way, and money that fits nothing.
async fn target(house: &House, tenant: &'static str, site: &'static str, applied: &Applied) -> Target {
    let host = format!("{site}.{tenant}.test");
    let shop = house.tenancy.resolve(&host).expect("a site");
    let scope = shop.scope();
    let login = buyer_mark(tenant, site);
    let (token, customer) = logged_in(house, &scope, (&login, applied)).await;
    let (goods, sku, unit) = offer(house, &shop, &format!("lamp-{tenant}")).await;
    let (_, by_hand, unit_by_hand) = offer(house, &shop, &format!("hand-{tenant}")).await;
    let buyer = Buyer {
        contact: Some(Contact::parse(&login).expect("a contact")),
        address: Some(ADDRESS),
        ..Buyer::account(customer.id)
    };
    let wanted = vec![Wanted::new(sku, 1, unit)];
    let (agent, referral, agents_token) = appoint(house, &shop).await;
    let brought = SoldBy { brought: Brought::Link(referral), ..sold_by(&shop) };
    let order = house.orders.place(&scope, brought, buyer.clone(), wanted.clone(), site).await;
    let order = order.expect("placed").answer.order;
    let why = (order, order::RefundWish::default(), "it does not work");
    let claim = house.orders.ask_back(&scope, &order::Proof::account(customer.id), why, "claim").await.expect("asked");
    let by_hand = vec![Wanted::new(by_hand, 1, unit_by_hand)];
    let worked_on = house.orders.place(&scope, sold_by(&shop), buyer.clone(), by_hand, "by-hand").await;
    let worked_on = worked_on.expect("placed").answer.order;
    let channel = own_channel(house, &shop).await;
    let (waiting, link, out_no) = held(house, &shop, (buyer, wanted), &channel).await;
    let refund = money_that_fits_nothing(house, &scope, &channel).await;
    let batch = house.intake.batches(&scope.engine(), None, None, 1).await.expect("read").first().expect("a batch").id;
    let [payee, payout, withdrawal] = pay_out(house, &shop, &agent).await;
    let (recharge_batch, recharge_code, adjustment) = member_money(house, &shop).await;
    let names = BTreeMap::from([
        ("recharge_batch", recharge_batch),
        ("adjustment", adjustment),
        ("payee", payee),
        ("payout", payout),
        ("withdrawal", withdrawal),
        ("intent", top_up(house, &shop, customer.id).await),
        ("account", stock_account(house, &shop).await),
        ("hold", hold_back(house, &shop, &agent).await),
        ("agent", agent),
        ("tenant", shop.tenant.id.to_string()),
        ("site", shop.site.id.to_string()),
        ("order", order.to_string()),
        ("claim", claim.answer.to_string()),
        ("id", waiting.to_string()),
        ("link", link.as_str().to_owned()),
        ("channel", channel.id.to_string()),
        ("sku", sku.to_string()),
        ("goods", goods.clone()),
        ("line", format!("{worked_on}-1")),
        ("refund", refund),
        ("batch", batch.to_string()),
        ("code", goods),
    ]);
    Target {
        tenant_slug: tenant,
        slug: site,
        tenant: shop.tenant.id,
        site: shop.site.id,
        host,
        names,
        customer: token.text().expose().clone(),
        other: newcomer(house, &scope).await,
        agent: agents_token,
        recharge_code,
        below: if site == "north" { "deep" } else { "none" },
        public_channel: PublicChannel::new(shop.tenant.id, channel.id).to_string(),
        handover: house.payments.hand_over(&scope.engine(), &out_no).await.expect("a token"),
        out_no: out_no.to_string(),
    }
}

async fn logged_in(house: &House, scope: &SiteScope, (login, applied): (&str, &Applied)) -> (Token, Customer) {
    let password = &applied.logins.iter().find(|one| one.login.as_str() == login).expect("a log-in").password;
    house.customers.log_in(scope, ADDRESS, login, password).await.expect("logged in")
}

/// An order that waits for its money.
async fn held(
    house: &House,
    shop: &Shop,
    (buyer, lines): (Buyer, Vec<Wanted>),
    channel: &Channel,
) -> (OrderId, LinkToken, OutNo) {
    let (order, link) = (OrderId::new(), LinkToken::new());
    let checkout = Checkout {
        order,
        link: link.clone(),
        buyer,
        lines,
        channel: channel.id,
        return_url: format!("http://shop.test/orders/{order}/{}", link.as_str()),
        hold_for: TimeDelta::minutes(15),
    };
    let placed = house.orders.checkout(&shop.scope(), sold_by(shop), checkout, "waiting").await.expect("held");
    (order, link, placed.answer.due.expect("it waits for its money").out_no)
}

async fn own_channel(house: &House, shop: &Shop) -> Channel {
    let channels = house.payments.channels(&shop.scope(), &shop.chain).await.expect("channels");
    channels.into_iter().find(|channel| channel.site == shop.site.id).expect("the site's own")
}

/// Where the site (of a main one its agent) is paid, what was sent to it, and what it asks for.
async fn pay_out(house: &House, shop: &Shop, agent: &str) -> [String; 3] {
    let (scope, site) = (shop.scope().engine(), shop.site.id);
    let agent = EarnerRef::Agent(site, commission::AgentId::parse(agent).expect("an agent"));
    let earner = if shop.chain.len() > 1 { EarnerRef::Site(site) } else { agent };
    let (side, owner) = earner.key();
    let account = ledger::Earner { side, owner, currency: Currency::CNY }.available();
    let opening = Account::own(AccountKind::Opening, Currency::CNY);
    let postings = [(account, 100_00), (opening, -100_00)];
    let postings = postings.map(|(account, minor)| Posting { account, amount: Money::new(minor, Currency::CNY) });
    let entry = Entry::try_new(EntryKind::Adjustment, uuid::Uuid::now_v7(), "earned", postings).expect("balanced");
    let (asks, reviews) = (uuid::Uuid::now_v7(), uuid::Uuid::now_v7());
    let details = PayeeDetails::parse(Means::Bank, ("Li Lei", "6222021200001234", "Bank")).expect("details");
    let tx = house.store.write(&scope).await.expect("a writer");
    let mut book = Book::new(scope.id());
    book.post(entry).expect("posted");
    book.write_in(&tx, uuid::Uuid::now_v7()).await.expect("written");
    let rules = withdrawal::Rules { cool_down_hours: 0, daily_count: 20, ..withdrawal::Rules::USUAL };
    house.withdrawals.save_rules_in(&tx, rules, None, reviews).await.expect("saved");
    let new = NewPayee { earner, means: Means::Bank, details };
    let payee = house.withdrawals.add_payee_in(&tx, new, asks).await.expect("a payee").id;
    tx.commit().await.expect("committed");
    let ask = async |key: &str| {
        let amount = Money::new(20_00, Currency::CNY);
        let ask = Ask { earner, amount, payee, invoice: None, by: asks, key: key.to_owned() };
        house.withdrawals.ask(&scope, ask).await.expect("asked").answer.id
    };
    let sent = ask("first").await;
    let word = Word::Approve { is_name_checked: true };
    house.withdrawals.review(&scope, (sent, None), word, (reviews, "yes".to_owned())).await.expect("approved");
    let payout = house.withdrawals.send(&scope, &[sent], Currency::CNY, (reviews, sent.to_string())).await;
    let payout = payout.expect("sent").answer.id;
    [payee.to_string(), payout.to_string(), ask("second").await.to_string()]
}

/// Recharge cards with the code of one, and money that is to be put on the site's account (of a main one on its agent's
/// wallet); a site right below the main one has some to buy with, of which a part was lent.
async fn member_money(house: &House, shop: &Shop) -> (String, String, String) {
    let (scope, site, funds) = (shop.scope().engine(), shop.site.id, &house.funds);
    let [asks, approves] = [uuid::Uuid::now_v7(), uuid::Uuid::now_v7()];
    let cny = |minor| Money::new(minor, Currency::CNY);
    let (name, face, origin) = (site.to_string(), cny(10_00), Origin::Gift);
    let new = NewRechargeBatch { name, face, count: 3, origin, expires_at: None };
    let batch = funds.make_batch(&scope, new, (asks, "cards")).await.expect("made").answer.id;
    let (_, codes) = funds.export(&scope, batch, (asks, "to sell")).await.expect("opened");
    let tier = BonusTier { from_minor: 1_00, gives: Gives::Share { rate_ppm: 100_000 } };
    let rules = BonusRules { tiers: vec![tier], ..BonusRules::default() };
    let tx = house.store.write(&scope).await.expect("a writer");
    house.payments.save_bonus_rules_in(&tx, rules, None, approves).await.expect("saved");
    tx.commit().await.expect("committed");
    let login = Login::parse(&buyer_mark(shop.tenant.slug.as_str(), shop.site.slug.as_str())).expect("a log-in");
    let tx = house.store.read(&scope).await.expect("a reader");
    let customer = house.customers.find_in(&tx, &login).await.expect("read").expect("a customer").id;
    let tree = house.tenancy.tree_in(&tx).await.expect("a tree");
    drop(tx);
    let target = if shop.chain.len() > 1 { Whose::Prepaid(site) } else { Whose::Wallet(customer) };
    let ask = async |key: &str| {
        let (amount, cause, reason) = (cny(20_00), Cause::Deposit, "B-1".to_owned());
        let ask = AskAdjustment { target, amount, cause, reason, by: asks, key: key.to_owned() };
        funds.ask_adjustment(&scope, ask).await.expect("asked").answer
    };
    let first = ask("first").await;
    let by = (approves, "yes".to_owned());
    funds.decide_adjustment(&scope, first, AdjustmentWord::Approve, by).await.expect("approved");
    if shop.chain.len() > 1 {
        let credit = Credit { amount: cny(5_00), alert_below: Some(cny(1_00)) };
        let lend = SetCredit { site, credit, seen: None, by: approves, key: "lend".to_owned() };
        funds.lend(&scope, &tree, lend).await.expect("lent");
    }
    let code = codes.first().expect("a code").1.grouped().expose().clone();
    (batch.to_string(), code, ask("second").await.to_string())
}

/// What falls due of the agent stays pending.
async fn hold_back(house: &House, shop: &Shop, agent: &str) -> String {
    let agent = commission::AgentId::parse(agent).expect("an agent");
    let tx = house.store.write(&shop.scope().engine()).await.expect("a writer");
    let earner = EarnerRef::Agent(shop.site.id, agent);
    let reason = "odd orders".to_owned();
    let new = NewHold { earner, cause: settlement::Cause::Risk, reason, by: uuid::Uuid::now_v7() };
    let hold = house.settlement.hold_in(&tx, new).await.expect("held");
    tx.commit().await.expect("committed");
    hold.id.to_string()
}

/// Somebody who brings buyers to the site.
async fn appoint(house: &House, shop: &Shop) -> (String, Referral, String) {
    let (scope, name) = (shop.scope(), format!("Agent of {}", shop.site.slug));
    let login = Login::parse(&format!("agent-{}@agents.example", uuid::Uuid::now_v7())).expect("a log-in");
    let password = Secret::new(PASSWORD.to_owned());
    let (token, customer) =
        house.customers.register(&scope, ADDRESS, (&login, "Agent"), &password).await.expect("registered");
    let tx = house.store.write(&scope.engine()).await.expect("a writer");
    let new = NewAgent { site: shop.site.id, customer: customer.id, upper: None, name, level: None };
    let (agent, link) = house.agents.appoint_in(&tx, new).await.expect("appointed");
    tx.commit().await.expect("committed");
    let referral = house.agents.referral(&scope, &link.code, How::Link).await.expect("read");
    (agent.id.to_string(), referral.expect("he brings buyers"), token.text().expose().clone())
}

/// Another version of the plan, to come, with a rule for each agent of the tenant.
async fn favour_agents(house: &House, tenant: &str, targets: &[Target]) {
    let main = house.tenancy.resolve(&format!("main.{tenant}.test")).expect("a site");
    let own = targets.iter().filter(|target| target.tenant_slug == tenant);
    let rule = |target: &Target| {
        let agent = commission::AgentId::parse(&target.names["agent"]).expect("an agent");
        let terms = Terms::share(Base::Margin, Rate::from_ppm(200_000));
        Rule { target: About::Agent(agent), tier: 0, terms }
    };
    let plan = Plan { rules: own.map(rule).collect(), ..Plan::nothing() };
    let by = PlanAuthor { operator: uuid::Uuid::nil(), main_site: main.site.id, currency: Currency::CNY };
    let tx = house.store.write(&main.scope().engine()).await.expect("a writer");
    Plans.save_in(&tx, plan, None, by).await.expect("saved");
    tx.commit().await.expect("committed");
}

/// What agents of the tenant earn.
async fn pay_agents(house: &House, tenant: &str) {
    let main = house.tenancy.resolve(&format!("main.{tenant}.test")).expect("a site");
    let terms = Terms::share(Base::Margin, Rate::from_ppm(100_000));
    let plan = Plan { rules: vec![Rule { target: About::Tenant, tier: 0, terms }], ..Plan::nothing() };
    let tx = house.store.write(&main.scope().engine()).await.expect("a writer");
    let by = PlanAuthor { operator: uuid::Uuid::nil(), main_site: main.site.id, currency: Currency::CNY };
    Plans.save_in(&tx, plan, None, by).await.expect("saved");
    tx.commit().await.expect("committed");
}

/// Money for nothing known, on its way back.
async fn money_that_fits_nothing(house: &House, scope: &SiteScope, channel: &Channel) -> String {
    let seen = Seen {
        channel: channel.id,
        out_no: OutNo::new().to_string(),
        trade_no: format!("trade-{}", channel.payee),
        payee: channel.payee.clone(),
        amount: Money::new(1_00, Currency::CNY),
        paid_at: chrono::Utc::now(),
        is_confirmed: true,
    };
    house.orders.receive(&scope.engine(), seen).await.expect("received");
    let exceptions = house.payments.exceptions(scope, ExceptionState::Open, None).await.expect("read").exceptions;
    let ids: Vec<ExceptionId> = exceptions.iter().map(|one| one.id).collect();
    let refunds = house.payments.exception_refunds(scope, &ids).await.expect("read");
    refunds.values().next().expect("money on its way back").id.to_string()
}

/// A top-up that waits for its money.
async fn top_up(house: &House, shop: &Shop, customer: CustomerId) -> String {
    let scope = shop.scope();
    let main = house.payments.channels(&scope.engine().site(shop.chain[0]), &shop.chain[..1]).await.expect("channels");
    let ids = TopUpOpened::new();
    let top_up = OpenTopUp {
        key: "top-up".to_owned(),
        customer,
        site: shop.site.id,
        amount: Money::new(10_00, Currency::CNY),
        channel: main[0].id,
        return_url: format!("http://{}/wallet/top-ups/{}", shop.site.slug, ids.intent),
        ids,
    };
    house.payments.open_top_up(&scope, top_up).await.expect("a top-up");
    ids.intent.to_string()
}

/// The account of the tenant's stock.
async fn stock_account(house: &House, shop: &Shop) -> String {
    let tx = house.store.read(&shop.scope().engine()).await.expect("a reader");
    let found = ledger::accounts_in(&tx, Some(AccountKind::StockAtCost), None, 1).await.expect("read");
    found.first().expect("the packs put cards in stock").id.to_string()
}

/// A customer of the site who has just registered.
async fn newcomer(house: &House, scope: &SiteScope) -> String {
    let login = Login::parse(&format!("new-{}@newcomers.example", uuid::Uuid::now_v7())).expect("a log-in");
    let password = Secret::new(PASSWORD.to_owned());
    let (token, _) = house.customers.register(scope, ADDRESS, (&login, "New"), &password).await.expect("registered");
    token.text().expose().clone()
}

/// The goods' code, and its SKU with what it costs here.
pub async fn offer(house: &House, shop: &Shop, goods: &str) -> (String, SkuId, Money) {
    let scope = shop.scope();
    let tx = house.store.read(&scope).await.expect("a reader");
    let code = Code::parse(goods).expect("a code");
    let (goods, skus) = house.catalog.goods_by_code_in(&tx, &code).await.expect("read").expect("the goods");
    let (chain, sku) = (levels(shop), skus[0].id);
    let quoted = house.prices.quotes_in(&tx, &chain, &Subject::default(), &[(sku, 1)]).await.expect("quoted");
    (goods.code.to_string(), sku, quoted[0].1.as_ref().expect("on sale").unit)
}

/// The shop as a seller.
pub fn sold_by(shop: &Shop) -> SoldBy {
    SoldBy { chain: levels(shop), currency: Currency::CNY, limits: Limits::default(), brought: Brought::Nobody }
}

fn levels(shop: &Shop) -> Vec<SiteLevel> {
    let level = |depth: usize| (depth > 0).then(|| "gold".to_owned());
    shop.chain.iter().enumerate().map(|(depth, site)| SiteLevel { site: *site, level: level(depth) }).collect()
}

/// Logs in everybody who works at the tenant: its owner, the owners of its sites, and a clerk that is made here.
async fn sign_in(
    house: &House,
    tenant: &'static str,
    applied: &Applied,
    targets: &[Target],
    staff: &mut BTreeMap<(&'static str, &'static str), String>,
) {
    let clerk = format!("clerk@{tenant}.test");
    let main = targets.iter().find(|one| (one.tenant_slug, one.slug) == (tenant, "main")).expect("the main site");
    let password_hash = Passwords::new().hash(&Secret::new(PASSWORD.to_owned())).await.expect("hashed");
    let new = NewOperator { login: Login::parse(&clerk).expect("a log-in"), name: "Clerk".to_owned(), password_hash };
    let member = Membership { tenant: main.tenant, site: main.site, role: Role::Clerk };
    house.operators.save(&new, member).await.expect("a clerk");
    let password = |login: &str| match applied.logins.iter().find(|one| one.login.as_str() == login) {
        Some(login) => login.password.clone(),
        None => Secret::new(PASSWORD.to_owned()),
    };
    for (role, login) in [
        ("owner", format!("owner@{tenant}.test")),
        ("clerk", clerk),
        ("north", format!("north@{tenant}.test")),
        ("deep", format!("deep@{tenant}.test")),
    ] {
        let (token, _) = house.operators.log_in(ADDRESS, &login, &password(&login)).await.expect("logged in");
        staff.insert((tenant, role), token.text().expose().clone());
    }
}
