//! A shop in which a story happens, and what each step of it writes into the books.

use std::collections::{HashMap, HashSet};
use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr};

use catalog::{Code, SiteLevel};
use chrono::{DateTime, TimeDelta, Utc};
use commission::{
    Agent, AgentChange, AgentCode, Agents, Base, How, Mode as PlanMode, NewAgent, Plan, PlanAuthor, Plans, Rule,
    Target, Terms,
};
use identity::{Customer, Login, OperatorId};
use kernel::{Day, Money, Platform, Rate, Secret, TenantScope, Wording};
use ledger::{Account, Entry, EntryId, EntryKind};
use levels::{LevelRules, Needs, Rung, Schedule};
use order::{
    Brought, Buyer, Checkout, Contact, LinePart, LineWish, LinkToken, OrderId, Placed, Proof, Receipt, RefundAsked,
    RefundCloser, RefundOf, RefundWish, SoldBy, Verdict, Wanted,
};
use outbox::{Outbox, Runner};
use payment::{ChannelId, MoveRefund, NewChannel, RefundEvent, RefundId, Seen};
use risk::Limits;
use server::house::House;
use store::{Backend, Tx};
use tenancy::Site;
use testkit::TestDb;
use uuid::Uuid;

use super::page::yuan;
use super::{CNY, LOGIN, SKUS};

const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));
const HOST: &str = "three.localhost";
/// Entries of one kind that a story reads.
const ENTRIES_MAX: u64 = 500;

/// The sites of the pack, from the main one down.
pub const CEDAR: usize = 0;
pub const WILLOW: usize = 2;
pub const MAPLE: usize = 3;

/// An agent with the code of his link.
pub struct Promoter {
    pub agent: Agent,
    pub code: AgentCode,
}

pub struct Stage {
    pub db: TestDb,
    pub house: House,
    pub scope: TenantScope,
    pub sites: Vec<Site>,
    page: String,
    /// The rows of its tables.
    rows: String,
    customer: Customer,
    names: HashMap<Uuid, String>,
    seen: HashSet<EntryId>,
    steps: usize,
    trades: usize,
}

macro_rules! say {
    ($page:expr, $($words:tt)*) => { writeln!($page, $($words)*).expect("a string takes all") };
}

/// Minor units of the shop's currency.
pub fn cents(minor: i64) -> Money {
    Money::new(minor, CNY)
}

/// A key for whoever acts.
pub fn key() -> String {
    Uuid::now_v7().to_string()
}

impl Stage {
    /// The shop of the worked example in a new database, and the story's heading.
    pub async fn open(backend: Backend, title: &str) -> Self {
        let db = match backend {
            Backend::Sqlite => TestDb::sqlite().await,
            Backend::Postgres => TestDb::postgres().await,
        };
        let house = super::open(&db).await;
        let shop = house.tenancy.resolve(HOST).expect("the main site");
        let scope = Platform::assume().tenant(shop.tenant.id);
        let tx = house.store.snapshot(&scope).await.expect("a reader");
        let mut sites = house.tenancy.sites_in(&tx).await.expect("the sites");
        sites.sort_by_key(|site| site.depth);
        let login = Login::parse(LOGIN).expect("a login");
        let customer = house.customers.find_in(&tx, &login).await.expect("read").expect("a customer");
        drop(tx);
        let mut names: HashMap<Uuid, String> =
            sites.iter().map(|site| (site.id.uuid(), site.name.en.clone())).collect();
        names.insert(customer.id.uuid(), customer.name.clone());
        let (page, rows, seen) = (format!("\n## {title}\n"), String::new(), HashSet::new());
        let mut stage = Self { db, house, scope, sites, page, rows, customer, names, seen, steps: 0, trades: 0 };
        let opening = stage.news().await;
        stage.seen.extend(opening.iter().map(|(_, entry)| entry.id()));
        stage
    }

    /// A paragraph.
    pub fn say(&mut self, words: &str) {
        say!(self.page, "\n{words}");
    }

    /// What was written into the books since the last step.
    async fn news(&self) -> Vec<(DateTime<Utc>, Entry)> {
        let tx = self.house.store.read(&self.scope).await.expect("a reader");
        let mut news = Vec::new();
        for kind in EntryKind::ALL {
            let first = EntryId::from_uuid(Uuid::nil());
            let entries = ledger::entries_of_kind_in(&tx, kind, first, ENTRIES_MAX).await.expect("the entries");
            let mut entries: Vec<_> =
                entries.into_iter().filter(|(_, entry)| !self.seen.contains(&entry.id())).collect();
            entries.sort_by_cached_key(|(at, entry)| (*at, self.account(&entry.postings()[0].account)));
            news.extend(entries);
        }
        // What is held until the money is back becomes free after that.
        news.sort_by_key(|(at, entry)| (*at, entry.kind() == EntryKind::OrderReleased));
        news
    }

    /// A step: what happened, the postings that it made, and what is on each account afterwards.
    pub async fn step(&mut self, title: &str, words: &str) {
        self.steps += 1;
        say!(self.page, "\n### {}. {title}\n\n{words}", self.steps);
        let told = [title, words].join(" ");
        let news = self.news().await;
        self.seen.extend(news.iter().map(|(_, entry)| entry.id()));
        if news.is_empty() {
            self.say("Nothing is posted.");
            return;
        }
        let accounts = news.iter().flat_map(|(_, entry)| entry.postings()).map(|posting| posting.account);
        let accounts: Vec<Account> = accounts.collect();
        let tx = self.house.store.read(&self.scope).await.expect("a reader");
        let balances = ledger::balances_in(&tx, &accounts).await.expect("balances");
        drop(tx);
        let mut balances = balances.into_iter();
        say!(self.page, "\n| entry | account | amount | balance then |\n|---|---|--:|--:|");
        for (_, entry) in &news {
            let mut kind = format!("`{}`", entry.kind().name());
            for posting in entry.postings() {
                let (account, amount) = (self.account(&posting.account), yuan(posting.amount));
                let balance = yuan(balances.next().expect("one for each posting"));
                self.row(format!("| {kind} | {account} | {amount} | {balance} |"));
                kind.clear();
            }
        }
        // The words were written by hand, the figures were not.
        for figure in told.split_whitespace().filter(|word| word.starts_with('¥')) {
            let figure = figure.trim_end_matches([',', '.', ':', ';']);
            let is_there = self.rows.split_whitespace().any(|word| word.trim_start_matches('−') == figure);
            assert!(is_there, "no table of the story says {figure}, as the step \"{title}\" does");
        }
    }

    /// A row of a table.
    fn row(&mut self, row: String) {
        self.rows.push_str(&row);
        say!(self.page, "{row}");
    }

    /// The end of the story: the audit of everything finds nothing.
    pub async fn end(self) -> String {
        self.house.lanes.stop().await;
        let mut page = self.page;
        let tx = self.house.store.snapshot(&self.scope).await.expect("a reader");
        let audit = ledger::audit_in(&tx).await.expect("an audit");
        let stock = inventory::audit_in(&tx).await.expect("an audit");
        let mut found = order::audit_in(&tx, &stock).await.expect("an audit").breaches;
        found.extend(audit.breaches.into_iter().map(|breach| (breach.invariant, breach.finding)));
        found.extend(commission::audit_in(&tx).await.expect("an audit").breaches);
        found.extend(payment::audit_in(&tx).await.expect("an audit").breaches);
        found.extend(settlement::audit_in(&tx, tx.now()).await.expect("an audit").breaches);
        found.extend(withdrawal::audit_in(&tx).await.expect("an audit").breaches);
        found.extend(levels::audit_in(&tx).await.expect("an audit").breaches);
        assert!(found.is_empty(), "{found:?}");
        let (entries, postings) = (audit.entries, audit.postings);
        say!(page, "\nThe audit read all {entries} entries and {postings} postings again: every invariant holds.");
        page
    }

    /// An account by its name, whose it is, and the day on which it falls due.
    fn account(&self, account: &Account) -> String {
        let mut text = format!("`{}`", account.kind.name());
        if let Some(owner) = account.owner {
            let name = self.names.get(&owner).unwrap_or_else(|| panic!("{text} is nobody's of the story"));
            text = format!("{text} of {name}");
        }
        account.due.map_or(text.clone(), |due| format!("{text}, due {due}"))
    }

    /// What a plan pays: of the price, for each tier and, if it is named, each level of agents.
    pub async fn pays(&self, shares: &[(u8, Option<&str>, u32)]) {
        let rule = |(tier, level, ppm): &(u8, Option<&str>, u32)| Rule {
            target: level.map_or(Target::Tenant, |level| Target::AgentLevel(Code::parse(level).expect("a code"))),
            tier: *tier,
            terms: Terms::share(Base::Price, Rate::from_ppm(*ppm)),
        };
        let plan = Plan { mode: PlanMode::Tiers, rules: shares.iter().map(rule).collect(), ..Plan::nothing() };
        let by = PlanAuthor { operator: Uuid::nil(), main_site: self.sites[CEDAR].id, currency: CNY };
        let tx = self.house.store.write(&self.scope).await.expect("a writer");
        Plans.save_in(&tx, plan, None, by).await.expect("saved");
        tx.commit().await.expect("committed");
    }

    /// Somebody who promotes the site.
    pub async fn promoter(
        &mut self,
        (site, name): (usize, &str),
        upper: Option<&Promoter>,
        level: Option<&str>,
    ) -> Promoter {
        let (site, password) = (self.sites[site].id, Secret::new("a long password".to_owned()));
        let login = format!("{}@three.localhost", name.to_lowercase().replace(' ', "."));
        let login = Login::parse(&login).expect("a login");
        let scope = self.scope.site(site);
        let registered = self.house.customers.register(&scope, ADDRESS, (&login, name), &password).await;
        let (upper, level) = (upper.map(|one| one.agent.id), level.map(|level| Code::parse(level).expect("a code")));
        let customer = registered.expect("registered").1.id;
        let tx = self.house.store.write(&self.scope).await.expect("a writer");
        let new = NewAgent { site, customer, upper, name: name.to_owned(), level };
        let (agent, link) = self.house.agents.appoint_in(&tx, new).await.expect("appointed");
        tx.commit().await.expect("committed");
        self.names.insert(agent.id.uuid(), name.to_owned());
        Promoter { agent, code: link.code }
    }

    /// The customer promotes the site himself.
    pub async fn customer_promotes(&mut self, site: usize) -> Promoter {
        let (site, customer) = (self.sites[site].id, self.customer.id);
        let tx = self.house.store.write(&self.scope).await.expect("a writer");
        let new = NewAgent { site, customer, upper: None, name: self.customer.name.clone(), level: None };
        let (agent, link) = self.house.agents.appoint_in(&tx, new).await.expect("appointed");
        tx.commit().await.expect("committed");
        self.names.insert(agent.id.uuid(), self.customer.name.clone());
        Promoter { agent, code: link.code }
    }

    /// The agent is of another level from now on.
    pub async fn promotes(&self, promoter: &Promoter, level: &str) {
        let Agent { upper, name, state, .. } = promoter.agent.clone();
        let change = AgentChange { upper, name, level: Some(Code::parse(level).expect("a code")), state };
        let tx = self.house.store.write(&self.scope).await.expect("a writer");
        self.house.agents.change_in(&tx, promoter.agent.id, change, None).await.expect("changed");
        tx.commit().await.expect("committed");
    }

    /// A channel of this site.
    pub async fn channel(&mut self, site: usize) -> ChannelId {
        let new = NewChannel {
            site: self.sites[site].id,
            provider: "sandbox".to_owned(),
            name: Wording::new("沙箱", "Sandbox"),
            payee: format!("merchant-{site}"),
            currency: CNY,
            settings: serde_json::json!({}),
            secret: None,
            sort: 1,
        };
        let tx = self.house.store.write(&self.scope).await.expect("a writer");
        let channel = self.house.payments.save_channel_in(&tx, &new).await.expect("a channel").id();
        tx.commit().await.expect("committed");
        self.names.insert(channel.uuid(), format!("the channel of {}", self.sites[site].name.en));
        channel
    }

    async fn sold_by(&self, site: usize, brought: Option<&Promoter>) -> SoldBy {
        let chain = self.sites[..=site].iter();
        let chain = chain.map(|site| SiteLevel { site: site.id, level: site.level.clone() }).collect();
        let scope = self.scope.site(self.sites[site].id);
        let brought = match brought {
            None => Brought::Nobody,
            Some(promoter) => {
                // A node that has not looked before: what one knows of a link may be a second old.
                let agents = Agents::new(self.house.store.clone());
                let found = agents.referral(&scope, &promoter.code, How::Link).await.expect("read");
                Brought::Link(found.expect("he brings buyers"))
            }
        };
        SoldBy { chain, currency: CNY, limits: Limits::default(), brought }
    }

    async fn wanted(&self, quantity: u32) -> Vec<Wanted> {
        let tx = self.house.store.read(&self.scope).await.expect("a reader");
        let sku = super::skus(&self.house, &tx).await.into_iter().find(|sku| sku.code.as_str() == SKUS[0].1);
        // Whatever it costs: cheaper than what he saw is charged cheaper.
        vec![Wanted::new(sku.expect("the SKU").id, quantity, cents(100_00))]
    }

    /// The customer buys with his wallet.
    pub async fn buys(&self, site: usize, brought: Option<&Promoter>, quantity: u32) -> OrderId {
        let (shop, wanted) = (self.sold_by(site, brought).await, self.wanted(quantity).await);
        let (scope, buyer) = (self.scope.site(self.sites[site].id), Buyer::account(self.customer.id));
        self.house.orders.place(&scope, shop, buyer, wanted, &key()).await.expect("bought").answer.order
    }

    /// A guest orders and is to pay by the channel within a quarter of an hour.
    pub async fn orders(&self, site: usize, channel: ChannelId, brought: Option<&Promoter>, quantity: u32) -> Placed {
        let (shop, lines) = (self.sold_by(site, brought).await, self.wanted(quantity).await);
        let contact = Contact::parse("guest@three.localhost").expect("a contact");
        let buyer = Buyer {
            customer: None,
            visitor: Some(vec![1; 32]),
            contact: Some(contact),
            query_key: None,
            address: None,
        };
        let checkout = Checkout {
            order: OrderId::new(),
            link: LinkToken::new(),
            buyer,
            lines,
            channel,
            return_url: "http://shop.test/".to_owned(),
            hold_for: TimeDelta::minutes(15),
        };
        let scope = self.scope.site(self.sites[site].id);
        self.house.orders.checkout(&scope, shop, checkout, &key()).await.expect("placed").answer
    }

    /// The channel tells of money for the order, and says so again when it is asked.
    pub async fn pays_for(&mut self, placed: &Placed, (site, channel): (usize, ChannelId), amount: Money) -> Receipt {
        self.trades += 1;
        let due = placed.due.as_ref().expect("it waits for money");
        let seen = Seen {
            channel,
            out_no: due.out_no.to_string(),
            trade_no: format!("T{}", self.trades),
            payee: format!("merchant-{site}"),
            amount,
            paid_at: due.expires_at,
            is_confirmed: true,
        };
        self.house.orders.receive(&self.scope, seen).await.expect("received")
    }

    /// Some of the order goes back to where it came from.
    pub async fn refunds(&self, order: OrderId, parts: Vec<LinePart>) -> RefundAsked {
        let of = RefundOf { reason: "the buyer is right".to_owned(), by: OperatorId::new() };
        let wish = RefundWish {
            lines: parts.into_iter().map(|part| LineWish { line: 1, part }).collect(),
            ..RefundWish::default()
        };
        self.house.orders.refund(&self.scope, (order, wish), of, &key()).await.expect("refunded").answer
    }

    /// The channel sends the money of this refund back, and whoever waits for it hears so.
    pub async fn sends_back(&self, refund: RefundId) {
        for (event, tries) in [(RefundEvent::Submit, 0), (RefundEvent::Done, 1)] {
            let command = MoveRefund { refund, event, tries };
            self.house.lanes.run(&self.scope, command).await.expect("run").answer.expect("it moves");
        }
        let closer = RefundCloser(self.house.orders.clone());
        let runner = Runner::new(self.house.store.clone(), "node", &Outbox::new()).handle(closer);
        runner.run_once().await.expect("ran");
    }

    /// So many days go by, and what is due is released.
    pub async fn settles_after(&self, days: i64) -> String {
        self.db.clock.advance(TimeDelta::days(days));
        self.house.settlement.release(&self.scope, false).await.expect("released");
        self.today().await
    }

    /// The ladder of agents, each rung with its level, what is to be sold for it, and to how many: judged daily by ten days,
    /// and told seven days ahead.
    pub async fn ladder(&self, rungs: &[(&str, i64, u32)]) {
        let rung = |(level, sales_minor, buyers): &(&str, i64, u32)| Rung {
            level: Code::parse(level).expect("a code"),
            name: Wording::new(*level, *level),
            needs: Needs { sales_minor: *sales_minor, buyers: *buyers, complaints_ppm_max: None },
        };
        let agents = rungs.iter().map(rung).collect();
        let rules = LevelRules {
            sites: Vec::new(),
            agents,
            window_days: 10,
            judged: Schedule::Daily,
            grace_days: 0,
            notice_days: 7,
        };
        let tx = self.house.store.write(&self.scope).await.expect("a writer");
        self.house.levels.save_rules_in(&tx, rules, None, Uuid::now_v7()).await.expect("saved");
        tx.commit().await.expect("committed");
    }

    /// So many nights go by, each day is counted, and everybody is judged: what was told of whom, as a table for after the step.
    pub async fn judges_after(&mut self, nights: u32) -> String {
        let mut table = String::from(
            "| day | who | what | from | to | by | sales | buyers | orders | complaints |\n|---|---|---|---|---|---|--:|--:|--:|--:|",
        );
        for _ in 0..nights {
            let now = self.house.store.read(&self.scope).await.expect("a reader").now();
            let tomorrow = Day::of(now).after(1).begins() + TimeDelta::minutes(30);
            self.db.clock.advance(tomorrow - now);
            self.house.settlement.release(&self.scope, false).await.expect("released");
            self.house.levels.count(&self.scope).await.expect("counted");
            self.house.levels.judge(&self.scope).await.expect("judged");
            let tx = self.house.store.read(&self.scope).await.expect("a reader");
            let history = self.house.levels.history_in(&tx, None, None, 50).await.expect("the history");
            for change in history.into_iter().rev().filter(|change| change.at >= tomorrow) {
                let level = |level: &Option<Code>| level.as_ref().map_or(String::new(), |level| format!("`{level}`"));
                let (name, what) = (self.names[&change.earner.key().1].clone(), change.what.word());
                let by = change.takes_effect.map(|day| day.to_string()).unwrap_or_default();
                let figures = change.figures.map_or(String::from("| | |"), |of| {
                    format!("{} | {} | {} | {}", yuan(cents(of.sales_minor)), of.buyers, of.orders, of.complaints)
                });
                let (day, from, to) = (Day::of(change.at), level(&change.from), level(&change.to));
                let row = format!("| {day} | {name} | {what} | {from} | {to} | {by} | {figures} |");
                self.rows.push_str(&row);
                table = format!("{table}\n{row}");
            }
        }
        table
    }

    /// The customer asks for the money of the order back, and is right.
    pub async fn complains(&self, site: usize, order: OrderId) {
        let scope = self.scope.site(self.sites[site].id);
        let wish = RefundWish { lines: vec![LineWish { line: 1, part: LinePart::Rest }], ..RefundWish::default() };
        let proof = Proof { customer: Some(self.customer.id), ..Proof::default() };
        let asked = self.house.orders.ask_back(&scope, &proof, (order, wish, "it does not work"), &key()).await;
        let by = (OperatorId::new(), key());
        let decided = self
            .house
            .orders
            .decide_claim(&self.scope, asked.expect("asked").answer, Verdict::Approve, (by.0, &by.1))
            .await;
        decided.expect("decided");
    }

    pub async fn today(&self) -> String {
        Day::of(self.house.store.read(&self.scope).await.expect("a reader").now()).to_string()
    }

    /// A table of who earns what from the order, as it is frozen.
    pub async fn tells_shares(&mut self, order: OrderId) {
        let view = self.house.orders.desk_view(&self.scope, order).await.expect("a view");
        let line = &view.lines[0];
        say!(self.page, "\n| who | pays | asks | earns from {} |\n|---|--:|--:|--:|", line.quantity);
        let commissions: i64 = line.commissions.iter().map(|one| one.amount.minor()).sum();
        let last = line.hops.len() - 1;
        for (place, hop) in line.hops.iter().enumerate() {
            let margin = hop.price.minus(hop.cost).and_then(|margin| margin.times(line.quantity)).expect("small");
            let left = cents(margin.minor() - if place == last { commissions } else { 0 });
            let name = self.names[&hop.site.uuid()].clone();
            let less = if place == last && commissions > 0 {
                format!("{} less {} for its agents: {}", yuan(margin), yuan(cents(commissions)), yuan(left))
            } else {
                yuan(left)
            };
            self.row(format!("| {name} | {} | {} | {less} |", yuan(hop.cost), yuan(hop.price)));
        }
        for one in &line.commissions {
            let name = self.names[&one.agent.uuid()].clone();
            let role = if one.tier == 0 { "brought the buyer" } else { "above" };
            self.row(format!("| {name}, agent, {role} | | | {} |", yuan(one.amount)));
        }
    }
}
