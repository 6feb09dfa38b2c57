//! Whatever is done: orders placed, paid, delivered, shown, refunded, expired; money that fits nothing; jobs.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use axum::http::Method;
use catalog::{Code, SkuId};
use chrono::TimeDelta;
use commission::{AgentId, How, NewAgent, Referral};
use funds::{
    AdjustmentWord, AskAdjustment, Cause, Credit, MovePrepaid, NewRechargeBatch, Origin, Redeem, SetCredit,
    Target as Whose, WatchPrepaid,
};
use identity::{CustomerId, Login};
use kernel::{Currency, FakeClock, Money, Platform, Secret, SiteScope, Wording};
use levels::{JudgeLevels, LevelRules, Needs, Rung, Schedule};
use order::{Brought, Buyer, Checkout, Contact, LinkToken, OrderId, QueryPassword, SoldBy, SweepHolds, Wanted};
use outbox::Outbox;
use payment::{Channel, OpenTopUp, OutNo, Rescue, Seen, TopUpOpened};
use server::house::House;
use server::jobs::{ExportHead, PruneKeys};
use settlement::{EarnerRef, SettleDue};
use tenancy::Shop;
use uuid::Uuid;
use withdrawal::{Ask, Convert, Means, NewPayee, Outcome, PayeeDetails, WithdrawalId, Word};

use crate::isolation::fixture::{Fixture, HOME, Sent, Target, buyer_mark, offer, sold_by};

const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 7));

/// Does everything once on the main site and once on a site below it.
pub async fn all(fixture: &Fixture, clock: &FakeClock) {
    for site in ["main", "north"] {
        let counter = Counter::open(fixture, site).await;
        counter.sell_from_the_wallet().await;
        counter.work_by_hand().await;
        counter.sell_by_channel(clock).await;
        counter.top_up().await;
        counter.find_again().await;
        counter.restock().await;
        counter.appoint().await;
        counter.pay_out().await;
        counter.member_money().await;
    }
    jobs(&fixture.house, fixture.target(HOME, "main")).await;
}

/// A shop with its customer, and what he buys.
struct Counter<'a> {
    fixture: &'a Fixture,
    house: &'a House,
    target: &'a Target,
    shop: Arc<Shop>,
    scope: SiteScope,
    customer: CustomerId,
    lamp: (SkuId, Money),
    by_hand: (SkuId, Money),
    /// Who brings its buyers.
    referral: Referral,
}

impl<'a> Counter<'a> {
    async fn open(fixture: &'a Fixture, site: &str) -> Self {
        let (house, target) = (&fixture.house, fixture.target(HOME, site));
        let shop = house.tenancy.resolve(&target.host).expect("a site");
        let scope = shop.scope();
        let login = Login::parse(&buyer_mark(HOME, site)).expect("a log-in");
        let tx = house.store.read(&scope.engine()).await.expect("a reader");
        let customer = house.customers.find_in(&tx, &login).await.expect("read").expect("the site's customer").id;
        let agent = AgentId::parse(&target.names["agent"]).expect("an agent");
        let link = house.agents.links_in(&tx, agent).await.expect("read").swap_remove(0);
        drop(tx);
        let referral = house.agents.referral(&scope, &link.code, How::Link).await.expect("read").expect("an agent");
        let (_, lamp, price) = offer(house, &shop, &format!("lamp-{HOME}")).await;
        let (_, by_hand, price_by_hand) = offer(house, &shop, &format!("hand-{HOME}")).await;
        let (lamp, by_hand) = ((lamp, price), (by_hand, price_by_hand));
        Self { fixture, house, target, shop, scope, customer, lamp, by_hand, referral }
    }

    async fn place(&self, (sku, price): (SkuId, Money)) -> OrderId {
        let (buyer, wanted) = (Buyer::account(self.customer), vec![Wanted::new(sku, 1, price)]);
        let shop = SoldBy { brought: Brought::Link(self.referral.clone()), ..sold_by(&self.shop) };
        let placed = self.house.orders.place(&self.scope, shop, buyer, wanted, &key()).await;
        placed.expect("placed").answer.order
    }

    /// Posts at the console, as the main site's owner.
    async fn console(&self, path: &str, body: &str) {
        let cookie = format!("session={}", self.fixture.staff[&(HOME, "owner")]);
        let path = format!("/api/v1/tenants/{}{path}", self.target.names["tenant"]);
        let kind = if path.ends_with(".txt") { "application/octet-stream" } else { "application/json" };
        let (host, path, cookie) = (api::CONSOLE_HOST, path.as_str(), cookie.as_str());
        let (status, text) = self.fixture.ask(Sent { method: Method::POST, host, path, cookie, kind, body }).await;
        assert!(status.is_success(), "{path}: {status} {text}");
    }

    /// Posts in the shop, as its customer.
    async fn shop(&self, path: &str, body: &str) {
        let cookie = format!("session={}", self.target.customer);
        let (kind, host) = ("application/x-www-form-urlencoded", self.target.host.as_str());
        let sent = Sent { method: Method::POST, host, path, cookie: &cookie, kind, body };
        let (status, text) = self.fixture.ask(sent).await;
        assert!(!status.is_server_error(), "{path}: {status} {text}");
    }

    /// Somebody new becomes an agent, under the one who is there.
    async fn appoint(&self) {
        let login = Login::parse(&format!("agent-{}@agents.example", uuid::Uuid::now_v7())).expect("a log-in");
        let (address, password) = ([192, 0, 2, 77].into(), Secret::new("a long password".to_owned()));
        let customers = &self.house.customers;
        let registered = customers.register(&self.scope, address, (&login, "Agent"), &password).await;
        let (_, customer) = registered.expect("registered");
        let tx = self.house.store.write(&self.scope.engine()).await.expect("a writer");
        let (site, upper) = (self.shop.site.id, Some(self.referral.agent()));
        let new = NewAgent { site, customer: customer.id, upper, name: "Agent".to_owned(), level: None };
        self.house.agents.appoint_in(&tx, new).await.expect("appointed");
        tx.commit().await.expect("committed");
    }

    /// What the site has asked for is called off; another withdrawal is asked for, sent, paid and comes back. On the main site
    /// it is an agent who asks, and he is held back.
    async fn pay_out(&self) {
        let (house, scope) = (&self.house, self.scope.engine());
        let asked = WithdrawalId::parse(&self.target.names["withdrawal"]).expect("a withdrawal");
        let tx = house.store.read(&scope).await.expect("a reader");
        let asked = house.withdrawals.find_in(&tx, asked).await.expect("read").expect("it is there");
        drop(tx);
        let (earner, by) = (asked.earner, asked.requested.1);
        if matches!(earner, EarnerRef::Agent(..)) {
            return;
        }
        let reviews = Uuid::now_v7();
        if asked.state.is_open() {
            let reviewed = house.withdrawals.review(&scope, (asked.id, Some(earner)), Word::Cancel, (by, key())).await;
            reviewed.expect("called off");
        }
        let details = PayeeDetails::parse(Means::Alipay, ("Li Lei", "13800000000", "")).expect("details");
        let tx = house.store.write(&scope).await.expect("a writer");
        let new = NewPayee { earner, means: Means::Alipay, details };
        let payee = house.withdrawals.add_payee_in(&tx, new, by).await.expect("a payee").id;
        tx.commit().await.expect("committed");
        let ask = Ask { earner, amount: asked.amount, payee, invoice: None, by, key: key() };
        let id = house.withdrawals.ask(&scope, ask).await.expect("asked").answer.id;
        let word = Word::Approve { is_name_checked: true };
        house.withdrawals.review(&scope, (id, None), word, (reviews, key())).await.expect("approved");
        let sent = house.withdrawals.send(&scope, &[id], asked.amount.currency(), (reviews, key())).await;
        let payout = sent.expect("sent").answer.id;
        house.withdrawals.payout_lines(&scope, payout, reviews).await.expect("lines");
        for outcome in [Outcome::Arrived { reference: None }, Outcome::Returned { reason: "closed".to_owned() }] {
            house.withdrawals.end(&scope, id, outcome, (reviews, key())).await.expect("told");
        }
        let amount = Money::new(1_00, Currency::CNY);
        let convert = Convert { earner, amount, wallet: None, by, key: key() };
        house.withdrawals.convert(&scope, convert).await.expect("converted");
        let tx = house.store.write(&scope).await.expect("a writer");
        house.withdrawals.remove_payee_in(&tx, earner, payee).await.expect("removed");
        tx.commit().await.expect("committed");
    }

    /// Cards are made, carried away, looked up, redeemed and made void; money is put on an account, lent and handed on.
    async fn member_money(&self) {
        let (house, scope, funds) = (&self.house, self.scope.engine(), &self.house.funds);
        let [asks, approves] = [Uuid::now_v7(), Uuid::now_v7()];
        let cny = |minor| Money::new(minor, Currency::CNY);
        let (name, face, origin) = ("Cards".to_owned(), cny(1_00), Origin::Sold);
        let new = NewRechargeBatch { name, face, count: 3, origin, expires_at: None };
        let batch = funds.make_batch(&scope, new, (asks, &key())).await.expect("made").answer.id;
        let (_, codes) = funds.export(&scope, batch, (asks, "to sell")).await.expect("opened");
        let code = codes[0].1.clone();
        self.console("/recharge-cards/find", &format!("{{\"code\":\"{}\"}}", code.grouped().expose())).await;
        let redeem = Redeem { code, customer: self.customer, currency: Currency::CNY, key: key() };
        funds.redeem(&self.scope, (&house.limits, [192, 0, 2, 78].into()), redeem).await.expect("redeemed");
        funds.void_batch(&scope, batch, (asks, "over")).await.expect("void");
        let tx = house.store.read(&scope).await.expect("a reader");
        let tree = house.tenancy.tree_in(&tx).await.expect("a tree");
        drop(tx);
        let below = house.tenancy.resolve(&self.fixture.target(HOME, "deep").host).expect("a shop").site.id;
        let site = self.shop.site.id;
        let target = if tree.is_right_below(below, site) { Whose::Prepaid(site) } else { Whose::Wallet(self.customer) };
        let (amount, cause, reason) = (cny(3_00), Cause::Deposit, "B-1".to_owned());
        let ask = AskAdjustment { target, amount, cause, reason, by: asks, key: key() };
        let asked = funds.ask_adjustment(&scope, ask).await.expect("asked").answer;
        let by = (approves, key());
        funds.decide_adjustment(&scope, asked, AdjustmentWord::Approve, by).await.expect("approved");
        if tree.is_right_below(below, site) {
            let credit = Credit { amount: cny(6_00), alert_below: None };
            let lend = SetCredit { site, credit, seen: None, by: approves, key: key() };
            funds.lend(&scope, &tree, lend).await.expect("lent");
            let note = Some("stock up".to_owned());
            let (from, to, amount) = (site, below, cny(1_00));
            let of = MovePrepaid { from, to, amount, note, by: asks, key: key() };
            funds.hand_on(&scope, &tree, of).await.expect("handed on");
        }
    }

    async fn sell_from_the_wallet(&self) {
        let order = self.place(self.lamp).await;
        self.shop(&format!("/orders/{order}/codes"), "").await;
        self.shop(&format!("/orders/{order}/file"), "").await;
        let one = r#"{"pieces":[1],"reason":"it fails"}"#;
        self.console(&format!("/orders/{order}/lines/1/replacements"), one).await;
        self.shop(&format!("/orders/{order}/codes"), "").await;
        self.console(&format!("/orders/{order}/refund"), r#"{"reason":"he asked"}"#).await;
    }

    async fn work_by_hand(&self) {
        let (done, failed) = (self.place(self.by_hand).await, self.place(self.by_hand).await);
        for order in [done, failed] {
            self.console(&format!("/fulfilments/{order}-1"), r#"{"act":"take"}"#).await;
        }
        self.console(&format!("/fulfilments/{done}-1"), r#"{"act":"complete","proof":"done"}"#).await;
        self.console(&format!("/fulfilments/{failed}-1"), r#"{"act":"fail","reason":"no"}"#).await;
        self.console(&format!("/orders/{failed}/refund"), r#"{"reason":"it failed"}"#).await;
    }

    /// Three orders by channel: one is paid and refunded, one is never paid, one is paid too late; and stray money.
    async fn sell_by_channel(&self, clock: &FakeClock) {
        let channel = self.channels().await.swap_remove(0);
        let (paid, out_no) = self.check_out(&channel).await;
        self.receive(&channel, out_no, self.lamp.1).await;
        self.console(&format!("/orders/{paid}/refund"), r#"{"reason":"he asked"}"#).await;
        self.check_out(&channel).await;
        let (_, late) = self.check_out(&channel).await;
        clock.advance(TimeDelta::minutes(20));
        self.house.orders.sweep(&self.scope.engine()).await.expect("swept");
        self.receive(&channel, late, self.lamp.1).await;
        self.receive(&channel, OutNo::new(), Money::new(1_00, Currency::CNY)).await;
        // What waits for its money when the time is up.
        for _ in 0..3 {
            self.check_out(&channel).await;
        }
    }

    async fn channels(&self) -> Vec<Channel> {
        let mut channels = self.house.payments.channels(&self.scope, &self.shop.chain).await.expect("channels");
        channels.retain(|channel| channel.site == self.shop.site.id);
        channels
    }

    async fn check_out(&self, channel: &Channel) -> (OrderId, OutNo) {
        let (order, link) = (OrderId::new(), LinkToken::new());
        let contact = Contact::parse("guest@marks.example").expect("a contact");
        let password = QueryPassword::parse("ocean").expect("a password");
        let query_key = self.house.lookups.query_key(&self.scope, &contact, &password).await.expect("a key");
        // A guest of his own, or the limits would count him: the end of an id is random.
        let [.., third, fourth] = *Uuid::now_v7().as_bytes();
        let buyer = Buyer {
            customer: None,
            visitor: Some(Uuid::now_v7().as_bytes().repeat(2)),
            contact: Some(contact),
            query_key: Some(query_key),
            address: Some(IpAddr::V4(Ipv4Addr::new(198, third, fourth, 7))),
        };
        let (sku, price) = self.lamp;
        let checkout = Checkout {
            order,
            link: link.clone(),
            buyer,
            lines: vec![Wanted::new(sku, 1, price)],
            channel: channel.id,
            return_url: format!("http://{}/orders/{order}/{}", self.target.host, link.as_str()),
            hold_for: TimeDelta::minutes(15),
        };
        let placed = self.house.orders.checkout(&self.scope, sold_by(&self.shop), checkout, &key()).await;
        (order, placed.expect("held").answer.due.expect("it waits for its money").out_no)
    }

    async fn receive(&self, channel: &Channel, out_no: OutNo, amount: Money) {
        let seen = Seen {
            channel: channel.id,
            out_no: out_no.to_string(),
            trade_no: key(),
            payee: channel.payee.clone(),
            amount,
            paid_at: chrono::Utc::now(),
            is_confirmed: true,
        };
        self.house.orders.receive(&self.scope.engine(), seen).await.expect("received");
    }

    async fn top_up(&self) {
        let main = self.scope.engine().site(self.shop.chain[0]);
        let channels = self.house.payments.channels(&main, &self.shop.chain[..1]).await;
        let channel = channels.expect("channels").swap_remove(0);
        let ids = TopUpOpened::new();
        let top_up = OpenTopUp {
            key: key(),
            customer: self.customer,
            site: self.shop.site.id,
            amount: Money::new(50_00, Currency::CNY),
            channel: channel.id,
            return_url: format!("http://{}/wallet/top-ups/{}", self.target.host, ids.intent),
            ids,
        };
        self.house.payments.open_top_up(&self.scope, top_up).await.expect("a top-up");
        self.receive(&channel, ids.out_no, Money::new(50_00, Currency::CNY)).await;
    }

    async fn find_again(&self) {
        let newcomer = Login::parse(&format!("{}@newcomers.example", key())).expect("a log-in");
        let password = Secret::new("a newcomer's password".to_owned());
        let registered = self.house.customers.register(&self.scope, ADDRESS, (&newcomer, "New"), &password).await;
        registered.expect("registered");
        self.house.orders.of_visitor(&self.scope, &[7; 32]).await.expect("read");
        for who in ["guest@marks.example", "nobody@marks.example"] {
            self.house.lookups.find(&self.scope, who, "ocean").await.expect("looked for");
        }
        let order = self.place(self.lamp).await;
        let number = order::OrderNumber::of(self.shop.tenant.id, order).to_string();
        self.house.lookups.find(&self.scope, &number, "ocean").await.expect("looked for");
        self.shop("/lookup", "who=guest%40marks.example&password=ocean").await;
        self.shop("/login", "login=nobody%40marks.example&password=wrong+password").await;
    }

    /// Cards come in and their batch is undone.
    async fn restock(&self) {
        let path = format!("/stock/{}/imports?file_name={}.txt", self.target.names["sku"], key());
        self.console(&path, &format!("NEW-{}\n", key())).await;
        let batches = self.house.intake.batches(&self.scope.engine(), Some(self.lamp.0), None, 1).await.expect("read");
        let batch = batches.first().expect("the batch").id;
        self.console(&format!("/batches/{batch}/undo"), "{}").await;
    }
}

/// What a worker does: it claims, runs what the clock brings, and is asked how far behind it is.
async fn jobs(house: &House, target: &Target) {
    let scope = Platform::assume().tenant(target.tenant);
    let tx = house.store.write(&scope).await.expect("a writer");
    let outbox = Outbox::new();
    outbox.enqueue_in(&tx, &SweepHolds {}).await.expect("written");
    outbox.enqueue_in(&tx, &Rescue {}).await.expect("written");
    outbox.enqueue_in(&tx, &PruneKeys {}).await.expect("written");
    outbox.enqueue_in(&tx, &ExportHead {}).await.expect("written");
    outbox.enqueue_in(&tx, &SettleDue { is_whole: false }).await.expect("written");
    outbox.enqueue_in(&tx, &SettleDue { is_whole: true }).await.expect("written");
    outbox.enqueue_in(&tx, &WatchPrepaid {}).await.expect("written");
    house.levels.save_rules_in(&tx, ladders(), None, Uuid::nil()).await.expect("saved");
    outbox.enqueue_in(&tx, &JudgeLevels {}).await.expect("written");
    tx.commit().await.expect("committed");
    let runner = house.runner("plans");
    for _ in 0..4 {
        runner.run_once().await.expect("jobs run");
    }
    let tx = house.store.read_platform(&Platform::assume()).await.expect("a reader");
    outbox.age_max_in(&tx).await.expect("read");
    house.tenancy.reload().await.expect("read");
    let tx = house.store.read(&scope).await.expect("a reader");
    outbox.dead_in(&tx, 20).await.expect("read");
}

/// Rules by which every agent has a level.
fn ladders() -> LevelRules {
    let rung = |level: &str, sales_minor| Rung {
        level: Code::parse(level).expect("a code"),
        name: Wording::new("级", level),
        needs: Needs { sales_minor, ..Needs::default() },
    };
    LevelRules {
        sites: vec![rung("gold", 0)],
        agents: vec![rung("bronze", 0), rung("gold", 1_000)],
        window_days: 30,
        judged: Schedule::Daily,
        grace_days: 0,
        notice_days: 7,
    }
}

fn key() -> String {
    Uuid::now_v7().to_string()
}
