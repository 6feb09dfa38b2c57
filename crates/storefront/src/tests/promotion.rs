//! Promotion links: whom a browser is kept to have come by, and for how long.

use axum::http::StatusCode;
use chrono::TimeDelta;
use commission::{
    Agent, AgentChange, AgentId, AgentState, Base, Link, NewAgent, Plan, PlanAuthor, Plans, Rule, Target, Terms, Touch,
};
use identity::{Login, NewCustomer, Passwords};
use kernel::{Currency, Rate, Secret};
use order::OrderId;
use uuid::Uuid;

use super::browser::{Browser, order_of};
use super::fixture::{MAIN, SUB, Town};

impl Town {
    /// An agent of the site, with his link.
    async fn agent(&self, site: usize, name: &str) -> (Agent, Link) {
        let password_hash = Passwords::new().hash(&Secret::new("a long password".to_owned())).await.expect("hashed");
        let site = self.grove.sites[site];
        let login = Login::parse(&format!("{name}@agents.example")).expect("a log-in");
        let customer = NewCustomer { site, login, name: name.to_owned(), password_hash };
        self.write(async |tx| {
            let customer = self.state.customers.save_in(tx, &customer).await.expect("a customer").id();
            let new = NewAgent { site, customer, upper: None, name: name.to_owned(), level: None };
            self.state.agents.appoint_in(tx, new).await.expect("appointed")
        })
        .await
    }

    /// The plan of the grove from now on.
    async fn counts(&self, touch: Touch, window_days: u32) {
        let terms = Terms::share(Base::Price, Rate::from_ppm(10_000));
        let rules = vec![Rule { target: Target::Tenant, tier: 0, terms }];
        let plan = Plan { touch, window_days, rules, ..Plan::nothing() };
        let by = PlanAuthor { operator: Uuid::nil(), main_site: self.grove.sites[0], currency: Currency::CNY };
        self.write(async |tx| Plans.save_in(tx, plan, None, by).await.expect("saved")).await;
    }

    async fn bought_by(&self, browser: &mut Browser) -> Option<AgentId> {
        let order = OrderId::parse(&order_of(&browser.buy(&[]).await)).expect("an order");
        self.state.orders.desk_view(&self.grove.scope, order).await.expect("a view").agent
    }
}

async fn follow(browser: &mut Browser, link: &Link) {
    let answer = browser.get(&format!("/r/{}?to=/search?q=a", link.code)).await;
    assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, "/search?q=a"));
    assert_eq!(answer.header("cache-control"), "no-store");
}

testkit::on_both! {
    async fn the_last_link_counts_until_its_window_ends(db) {
        let town = Town::open(&db).await;
        town.counts(Touch::Last, 7).await;
        let ((one, first), (two, second)) = (town.agent(0, "one").await, town.agent(0, "two").await);
        let mut browser = town.buyer(MAIN).await;
        assert_eq!(town.bought_by(&mut browser).await, None);
        follow(&mut browser, &first).await;
        assert_eq!(town.bought_by(&mut browser).await, Some(one.id));
        follow(&mut browser, &second).await;
        assert_eq!(town.bought_by(&mut browser).await, Some(two.id));
        // A code that nobody has, and another site's, change nothing.
        let (_, of_sub) = town.agent(1, "sub").await;
        for code in ["nobody12", of_sub.code.as_str()] {
            assert_eq!(browser.get(&format!("/r/{code}")).await.status, StatusCode::SEE_OTHER);
        }
        assert_eq!(town.bought_by(&mut browser).await, Some(two.id));
        town.clock.advance(TimeDelta::days(7));
        let mut browser = Browser { cookies: browser.cookies, ..town.buyer(MAIN).await };
        assert_eq!(town.bought_by(&mut browser).await, None);
    }

    async fn the_first_link_counts_as_long_as_its_agent_does(db) {
        let town = Town::open(&db).await;
        town.counts(Touch::First, 30).await;
        let ((one, first), (two, second)) = (town.agent(0, "one").await, town.agent(0, "two").await);
        let mut browser = town.buyer(MAIN).await;
        follow(&mut browser, &first).await;
        follow(&mut browser, &second).await;
        assert_eq!(town.bought_by(&mut browser).await, Some(one.id));
        let Agent { upper, name, level, .. } = one.clone();
        let gone = AgentChange { upper, name, level, state: AgentState::Suspended };
        town.write(async |tx| town.state.agents.change_in(tx, one.id, gone, None).await.expect("changed")).await;
        town.clock.advance(TimeDelta::seconds(2));
        assert_eq!(town.bought_by(&mut browser).await, None);
        follow(&mut browser, &second).await;
        assert_eq!(town.bought_by(&mut browser).await, Some(two.id));
    }

    async fn a_link_leads_to_its_own_site(db) {
        let town = Town::open(&db).await;
        town.counts(Touch::Last, 30).await;
        let (agent, link) = town.agent(1, "sub").await;
        let mut browser = town.buyer(SUB).await;
        follow(&mut browser, &link).await;
        assert!(browser.cookies.keys().any(|name| name.ends_with("via")), "{:?}", browser.cookies);
        let order = order_of(&browser.buy(&[("unit", "1100")]).await);
        let order = OrderId::parse(&order).expect("an order");
        let view = town.state.orders.desk_view(&town.grove.scope, order).await.expect("a view");
        assert_eq!(view.agent, Some(agent.id));
        // The cookie taken to another host of the tenant brings nobody there.
        let mut moved = town.buyer(MAIN).await;
        moved.cookies.extend(browser.cookies.into_iter().filter(|(name, _)| name.ends_with("via")));
        assert_eq!(town.bought_by(&mut moved).await, None);
    }
}
