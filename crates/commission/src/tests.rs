//! Agents and plans in both databases.

use catalog::Code;
use chrono::TimeDelta;
use identity::{CustomerId, Customers, Login, LoginLimits, NewCustomer, PasswordHash, Passwords};
use kernel::{Currency, Money, Rate, Secret, SiteId, TenantScope, Wording};
use store::{Store, Tx, WriteTx};
use tenancy::{Mode as Brightness, NewSite, Slug, Tenancy, Theme};
use testkit::{TestDb, on_both};
use uuid::Uuid;

use crate::*;

struct Shop {
    store: Store,
    scope: TenantScope,
    sites: Vec<SiteId>,
    agents: Agents,
    plans: Plans,
    customers: Customers,
    hash: PasswordHash,
}

impl Shop {
    /// A main site and a sub-site.
    async fn open(db: &TestDb) -> Self {
        let (store, scope) = (db.store.clone(), db.tenant().await);
        let passwords = Passwords::new();
        let hash = passwords.hash(&Secret::new("a long password".to_owned())).await.expect("hashed");
        let limits = LoginLimits::new(std::sync::Arc::new(db.clock.clone()));
        let customers = Customers::new(store.clone(), passwords, limits);
        let tx = store.write(&scope).await.expect("a writer");
        let mut sites = Vec::new();
        let mut parent: Option<Slug> = None;
        for name in ["main", "sub"] {
            let slug = Slug::parse(name).expect("a slug");
            let new = NewSite {
                slug: slug.clone(),
                parent: parent.replace(slug),
                name: Wording::new("店", "Shop"),
                tagline: Wording::default(),
                notice: Wording::default(),
                theme: Theme::Grove,
                mode: Brightness::Auto,
                level: None,
                support: None,
                limits: None,
            };
            sites.push(Tenancy::new(store.clone()).save_site_in(&tx, &new).await.expect("a site").id());
        }
        tx.commit().await.expect("committed");
        let (agents, plans) = (Agents::new(store.clone()), Plans);
        Self { store, scope, sites, agents, plans, customers, hash }
    }

    async fn writer(&self) -> WriteTx<TenantScope> {
        self.store.write(&self.scope).await.expect("a writer")
    }

    async fn customer(&self, site: usize, name: &str) -> CustomerId {
        let tx = self.writer().await;
        let new = NewCustomer {
            site: self.sites[site],
            login: Login::parse(name).expect("a login"),
            name: name.to_owned(),
            password_hash: self.hash.clone(),
        };
        let id = self.customers.save_in(&tx, &new).await.expect("a customer").id();
        tx.commit().await.expect("committed");
        id
    }

    async fn appoint(&self, site: usize, name: &str, upper: Option<AgentId>) -> Result<(Agent, Link), CommissionError> {
        let customer = self.customer(site, name).await;
        let tx = self.writer().await;
        let new = NewAgent { site: self.sites[site], customer, upper, name: name.to_owned(), level: None };
        let appointed = self.agents.appoint_in(&tx, new).await?;
        tx.commit().await.expect("committed");
        Ok(appointed)
    }

    async fn change(&self, agent: &Agent, change: AgentChange) -> Result<Agent, CommissionError> {
        let tx = self.writer().await;
        let changed = self.agents.change_in(&tx, agent.id, change, Some(agent.version)).await?;
        tx.commit().await.expect("committed");
        Ok(changed)
    }

    async fn save(&self, plan: Plan, in_days: Option<i64>) -> Result<PlanVersion, CommissionError> {
        let tx = self.writer().await;
        let from = in_days.map(|days| tx.now() + TimeDelta::days(days));
        let by = PlanAuthor { operator: Uuid::nil(), main_site: self.sites[0], currency: Currency::CNY };
        let saved = self.plans.save_in(&tx, plan, from, by).await?;
        tx.commit().await.expect("committed");
        Ok(saved)
    }

    async fn in_force(&self) -> Option<i64> {
        let tx = self.store.read(&self.scope).await.expect("a reader");
        self.plans.in_force_in(&tx).await.expect("read").map(|version| version.version)
    }
}

fn same(agent: &Agent) -> AgentChange {
    let Agent { upper, name, level, state, .. } = agent.clone();
    AgentChange { upper, name, level, state }
}

fn under(agent: &Agent, upper: &Agent) -> AgentChange {
    AgentChange { upper: Some(upper.id), ..same(agent) }
}

fn paying(percent: u32) -> Plan {
    let terms = Terms::share(Base::Price, Rate::from_ppm(percent * 10_000));
    Plan { rules: vec![Rule { target: Target::Tenant, tier: 0, terms }], ..Plan::nothing() }
}

on_both! {
    async fn a_link_tells_who_brought_a_buyer_and_who_stands_above_him(db) {
        let shop = Shop::open(&db).await;
        let (top, _) = shop.appoint(1, "top", None).await.expect("appointed");
        let (middle, _) = shop.appoint(1, "middle", Some(top.id)).await.expect("appointed");
        let (low, link) = shop.appoint(1, "low", Some(middle.id)).await.expect("appointed");
        let (lowest, _) = shop.appoint(1, "lowest", Some(low.id)).await.expect("appointed");
        assert_eq!(lowest.upper, Some(low.id));
        let site = shop.scope.site(shop.sites[1]);
        let said = AgentCode::parse(&format!(" {} ", link.code.as_str().to_uppercase())).expect("read aloud");
        let referral = shop.agents.referral(&site, &said, How::Code).await.expect("read").expect("somebody");
        assert_eq!((referral.link, referral.how, referral.agent()), (link.id, How::Code, low.id));
        let chain: Vec<AgentId> = referral.chain.iter().map(|referrer| referrer.agent).collect();
        assert_eq!(chain, [low.id, middle.id, top.id]);
        // His link leads to his own site only.
        let main = shop.scope.site(shop.sites[0]);
        assert_eq!(shop.agents.referral(&main, &link.code, How::Link).await.expect("read"), None);
        // Who is suspended brings nobody, and stays in his team's chains without earning.
        let suspended = AgentChange { state: AgentState::Suspended, ..same(&middle) };
        let middle = shop.change(&middle, suspended).await.expect("changed");
        db.clock.advance(TimeDelta::seconds(2));
        let referral = shop.agents.referral(&site, &link.code, How::Link).await.expect("read").expect("somebody");
        let states: Vec<AgentState> = referral.chain.iter().map(|referrer| referrer.state).collect();
        assert_eq!(states, [AgentState::Active, AgentState::Suspended, AgentState::Active]);
        let tx = shop.writer().await;
        let campaign = Campaign::parse("Autumn").expect("a campaign");
        let other = shop.agents.add_link_in(&tx, middle.id, campaign).await.expect("a link");
        tx.commit().await.expect("committed");
        assert_eq!(shop.agents.referral(&site, &other.code, How::Link).await.expect("read"), None);
    }

    async fn nobody_stands_above_himself(db) {
        let shop = Shop::open(&db).await;
        let (top, _) = shop.appoint(0, "top", None).await.expect("appointed");
        let (low, _) = shop.appoint(0, "low", Some(top.id)).await.expect("appointed");
        let (other, _) = shop.appoint(1, "other", None).await.expect("appointed");
        for (agent, upper) in [(&top, &low), (&top, &top)] {
            let refused = shop.change(agent, under(agent, upper)).await.expect_err("a ring");
            assert!(matches!(refused, CommissionError::AboveHimself), "{refused}");
        }
        let refused = shop.change(&low, under(&low, &other)).await.expect_err("another site's");
        assert!(matches!(refused, CommissionError::Missing { .. }), "{refused}");
        let again = NewAgent { site: shop.sites[0], customer: low.customer, upper: None, name: "low".to_owned(), level: None };
        let tx = shop.writer().await;
        let refused = shop.agents.appoint_in(&tx, again).await.expect_err("one already");
        assert!(matches!(refused, CommissionError::AgentAlready), "{refused}");
    }

    async fn two_moves_at_a_time_close_no_ring(db) {
        let shop = Shop::open(&db).await;
        for round in 0..8 {
            let (one, _) = shop.appoint(0, &format!("one-{round}"), None).await.expect("appointed");
            let (two, _) = shop.appoint(0, &format!("two-{round}"), None).await.expect("appointed");
            let moved = tokio::join!(shop.change(&one, under(&one, &two)), shop.change(&two, under(&two, &one)));
            assert!(moved.0.is_ok() != moved.1.is_ok(), "exactly one of them: {moved:?}");
            let refused = moved.0.err().or(moved.1.err()).expect("one was refused");
            assert!(matches!(refused, CommissionError::AboveHimself | CommissionError::ChangedMeanwhile), "{refused}");
        }
    }

    async fn who_is_closed_stays_so_and_nobody_is_put_under_him(db) {
        let shop = Shop::open(&db).await;
        let (gone, _) = shop.appoint(0, "gone", None).await.expect("appointed");
        let closed = AgentChange { state: AgentState::Closed, ..same(&gone) };
        let gone = shop.change(&gone, closed).await.expect("closed");
        let back = AgentChange { state: AgentState::Active, ..same(&gone) };
        assert!(matches!(shop.change(&gone, back).await, Err(CommissionError::Closed)));
        assert!(matches!(shop.appoint(0, "late", Some(gone.id)).await, Err(CommissionError::Closed)));
        let old = Agent { version: 1, ..gone.clone() };
        assert!(matches!(shop.change(&old, same(&old)).await, Err(CommissionError::ChangedMeanwhile)));
    }

    async fn a_plan_that_takes_something_away_is_told_before(db) {
        let shop = Shop::open(&db).await;
        assert_eq!(shop.in_force().await, None);
        shop.save(paying(5), None).await.expect("the first");
        shop.save(paying(6), None).await.expect("more for everybody");
        assert_eq!(shop.in_force().await, Some(2));
        let less = shop.save(paying(4), None).await.expect("told seven days before");
        assert_eq!((less.effective_from - less.created_at, less.version), (TimeDelta::days(7), 3));
        assert_eq!(shop.in_force().await, Some(2));
        let refused = shop.save(paying(3), Some(6)).await.expect_err("too soon");
        assert!(matches!(refused, CommissionError::NoticeTooShort { .. }), "{refused}");
        // What was announced is taken back by something better; the latest version that has begun is in force.
        shop.save(paying(7), None).await.expect("more for everybody");
        db.clock.advance(TimeDelta::days(8));
        assert_eq!(shop.in_force().await, Some(4));
        // A rise that was announced was promised.
        let rise = shop.save(paying(9), Some(3)).await.expect("announced");
        let refused = shop.save(paying(8), Some(1)).await.expect_err("takes the rise back");
        assert!(matches!(refused, CommissionError::NoticeTooShort { .. }), "{refused}");
        db.clock.advance(TimeDelta::days(3));
        assert_eq!(shop.in_force().await, Some(rise.version));
        assert!(matches!(shop.save(paying(9), Some(-1)).await, Err(CommissionError::InThePast)));
    }

    async fn sites_that_pay_agents_are_told_before_they_pay_more(db) {
        let shop = Shop::open(&db).await;
        let first = shop.save(paying(5), None).await.expect("nobody pays yet");
        assert_eq!(first.effective_from, first.created_at);
        shop.appoint(1, "agent", None).await.expect("the sub-site has agreed to five percent");
        let more = shop.save(paying(6), None).await.expect("announced");
        assert_eq!(more.effective_from - more.created_at, TimeDelta::days(7));
        assert_eq!(shop.in_force().await, Some(1));
    }

    async fn a_cut_cannot_hide_behind_versions_that_were_announced(db) {
        let shop = Shop::open(&db).await;
        shop.save(paying(10), None).await.expect("the first");
        for _ in 0..50 {
            shop.save(Plan::nothing(), Some(8)).await.expect("announced");
        }
        assert!(matches!(shop.save(Plan::nothing(), Some(400)).await, Err(CommissionError::Range { .. })));
        assert!(matches!(shop.save(paying(1), None).await, Err(CommissionError::TooMany { .. })));
        assert_eq!(shop.in_force().await, Some(1));
    }

    async fn what_was_announced_and_replaced_promises_nothing(db) {
        let shop = Shop::open(&db).await;
        shop.save(paying(5), None).await.expect("the first");
        shop.save(paying(50), Some(300)).await.expect("a slip of the hand");
        let mended = shop.save(paying(5), None).await.expect("it was promised all the same");
        assert_eq!(mended.effective_from - mended.created_at, TimeDelta::days(7));
        db.clock.advance(TimeDelta::days(8));
        let more = shop.save(paying(6), None).await.expect("more for everybody");
        assert_eq!(more.effective_from, more.created_at);
    }

    async fn a_plan_that_cannot_be_paid_by_is_refused(db) {
        let shop = Shop::open(&db).await;
        let rule = |tier, terms| Rule { target: Target::Tenant, tier, terms };
        let half = Terms::share(Base::Margin, Rate::from_ppm(500_000));
        let with = |rules| Plan { rules, ..Plan::nothing() };
        let deep = shop.save(with(vec![rule(3, half)]), None).await.expect_err("too deep");
        assert_eq!(kernel::Coded::code(&deep), "depth_exceeded");
        let twice = shop.save(with(vec![rule(0, half), rule(0, half)]), None).await.expect_err("twice");
        assert!(matches!(twice, CommissionError::RuleTwice { place: 1 }));
        let dollars = Terms { earning: Earning::Fixed { amount: Money::new(1, Currency::USD) }, floor: None, cap: None };
        assert!(matches!(shop.save(with(vec![rule(0, dollars)]), None).await, Err(CommissionError::Currency)));
        let crossed = Terms { floor: Some(Money::new(2, Currency::CNY)), cap: Some(Money::new(1, Currency::CNY)), ..half };
        assert!(matches!(shop.save(with(vec![rule(0, crossed)]), None).await, Err(CommissionError::Range { .. })));
        let hasty = Plan { notice_days: 6, ..Plan::nothing() };
        assert!(matches!(shop.save(hasty, None).await, Err(CommissionError::Range { field: "notice_days" })));
        let level = Target::AgentLevel(Code::parse("gold").expect("a code"));
        let difference = Plan { mode: Mode::Difference, rules: vec![Rule { target: level, tier: 1, terms: half }], ..Plan::nothing() };
        assert!(matches!(shop.save(difference, None).await, Err(CommissionError::TierTooDeep { most: 0, .. })));
        assert_eq!(shop.in_force().await, None);
    }

    async fn an_agent_of_another_tenant_is_not_there(db) {
        let shop = Shop::open(&db).await;
        let (agent, link) = shop.appoint(0, "agent", None).await.expect("appointed");
        shop.save(paying(5), None).await.expect("saved");
        let other = db.tenant().await;
        let tx = shop.store.read(&other).await.expect("a reader");
        assert_eq!(shop.agents.agent_in(&tx, agent.id).await.expect("read"), None);
        assert_eq!(shop.agents.page_in(&tx, None, None, 10).await.expect("read"), []);
        assert_eq!(shop.plans.in_force_in(&tx).await.expect("read"), None);
        let site = other.site(shop.sites[0]);
        assert_eq!(shop.agents.referral(&site, &link.code, How::Link).await.expect("read"), None);
        // Another site of the same tenant, too.
        let sub = shop.store.read(&shop.scope.site(shop.sites[1])).await.expect("a reader");
        assert_eq!(shop.agents.agent_in(&sub, agent.id).await.expect("read"), None);
    }
}

#[test]
fn codes_are_read_as_they_are_said() {
    assert_eq!(AgentCode::parse(" AbC9 ").expect("a code").as_str(), "abc9");
    for wrong in ["abc", "", "with space", "seventeen-letters", "umlautä", "aaaaaaaaaaaaaaaaa"] {
        assert!(AgentCode::parse(wrong).is_err(), "{wrong}");
    }
    let new = AgentCode::of(u128::MAX);
    assert_eq!(AgentCode::parse(new.as_str()).expect("a code"), new);
}
