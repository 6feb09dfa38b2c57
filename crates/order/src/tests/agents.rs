//! Orders whose buyer an agent brought: what he earns, when, from whom, and that it goes back.

use catalog::{Formula, Rounding};
use chrono::TimeDelta;
use commission::{
    Agent, AgentChange, AgentCode, AgentId, Agents, Base, How, Mode, NewAgent, Plan, PlanAuthor, Plans, Referral, Rule,
    Target, Terms,
};
use identity::{CustomerId, OperatorId};
use kernel::Rate;
use ledger::AccountKind;
use payment::RefundEvent;
use testkit::on_both;
use uuid::Uuid;

use super::fixture::{CNY, Shop, cents, filled, sold_by};
use crate::{
    Brought, Buyer, Checkout, EarningState, LinkToken, OrderError, OrderId, Placed, Receipt, Refusal, SoldBy, Wanted,
};

/// The agents of a site: the one who brings the buyer, the one above him, and the one above that.
pub(super) struct Team {
    code: AgentCode,
    agents: [Agent; 3],
}

impl Team {
    pub(super) fn ids(&self) -> [AgentId; 3] {
        self.agents.each_ref().map(|agent| agent.id)
    }
}

impl Shop {
    /// Three agents of the site of this level, one above the other.
    pub(super) async fn team(&self, level: usize) -> Team {
        let agents = Agents::new(self.store.clone());
        let (mut upper, mut team, mut code) = (None, Vec::new(), None);
        for place in ["third", "second", "first"] {
            let customer = self.customer_of(level, &format!("{place}-{level}@example.test")).await;
            let new = NewAgent { site: self.sites[level], customer, upper, name: place.to_owned(), level: None };
            let tx = self.store.write(&self.scope).await.expect("a writer");
            let (agent, link) = agents.appoint_in(&tx, new).await.expect("appointed");
            tx.commit().await.expect("committed");
            (upper, code) = (Some(agent.id), Some(link.code));
            team.insert(0, agent);
        }
        Team { code: code.expect("a link"), agents: team.try_into().expect("three") }
    }

    /// The plan from now on: so many percent of the price for each tier.
    pub(super) async fn pays(&self, percents: [u32; 3]) {
        let share = |(tier, percent): (u8, u32)| Rule {
            target: Target::Tenant,
            tier,
            terms: Terms::share(Base::Price, Rate::from_ppm(percent * 10_000)),
        };
        let rules = (0u8..).zip(percents).filter(|(_, percent)| *percent > 0).map(share).collect();
        let plan = Plan { mode: Mode::Tiers, rules, ..Plan::nothing() };
        let tx = self.store.write(&self.scope).await.expect("a writer");
        let by = PlanAuthor { operator: Uuid::nil(), main_site: self.sites[0], currency: CNY };
        Plans.save_in(&tx, plan, None, by).await.expect("saved");
        tx.commit().await.expect("committed");
    }

    async fn brought(&self, level: usize, team: &Team) -> SoldBy {
        let site = self.scope.site(self.sites[level]);
        let found = Agents::new(self.store.clone()).referral(&site, &team.code, How::Link).await.expect("read");
        let referral: Referral = found.expect("an agent who brings buyers");
        SoldBy { brought: Brought::Link(referral), ..sold_by(self.chain(level)) }
    }

    /// Somebody whom the team has brought buys from a wallet.
    pub(super) async fn buy_brought(
        &self,
        (level, team): (usize, &Team),
        buyer: CustomerId,
        wants: Vec<Wanted>,
    ) -> Result<Placed, OrderError> {
        let (site, key) = (self.scope.site(self.sites[level]), Uuid::now_v7().to_string());
        let shop = self.brought(level, team).await;
        Ok(self.orders.place(&site, shop, Buyer::account(buyer), wants, &key).await?.answer)
    }

    /// A guest whom the team has brought orders by a channel.
    async fn order_brought(
        &self,
        (level, team): (usize, &Team),
        channel: payment::ChannelId,
        unit: i64,
        visitor: u8,
    ) -> Result<Placed, OrderError> {
        let (site, order) = (self.scope.site(self.sites[level]), OrderId::new());
        let checkout = Checkout {
            order,
            link: LinkToken::new(),
            buyer: self.guest(visitor),
            lines: self.wants(1, unit),
            channel,
            return_url: "http://shop.test/".to_owned(),
            hold_for: TimeDelta::minutes(15),
        };
        let shop = self.brought(level, team).await;
        Ok(self.orders.checkout(&site, shop, checkout, &order.to_string()).await?.answer)
    }

    pub(super) async fn earned(&self, team: &Team) -> [i64; 3] {
        let mut earned = [0; 3];
        for (sum, id) in earned.iter_mut().zip(team.ids()) {
            *sum = self.balance_of(AccountKind::AgentPending, Some(id.uuid())).await;
        }
        earned
    }

    async fn margin(&self, level: usize) -> i64 {
        self.balance_of(AccountKind::SitePending, Some(self.sites[level].uuid())).await
    }

    /// The site of level 2 buys at 9.00 and asks 11.00.
    pub(super) async fn sells_at_eleven(&self) {
        self.everybody_earns().await;
        self.rule(2, true, Formula::Markup { amount: cents(2_00) }, Rounding::None).await;
    }
}

on_both! {
    async fn agents_earn_from_the_sellers_margin_and_a_refund_takes_it_back(db) {
        let shop = Shop::open(&db).await;
        shop.sells_at_eleven().await;
        shop.pays([10, 5, 5]).await;
        let team = shop.team(2).await;
        let placed = shop.buy_brought((2, &team), shop.customer, shop.wants(1, 11_00)).await.expect("bought");
        // One site stands between, so one agent above may earn.
        assert_eq!(shop.earned(&team).await, [1_10, 55, 0]);
        assert_eq!([shop.margin(1).await, shop.margin(2).await], [1_00, 2_00 - 1_65]);
        let view = shop.orders.desk_view(&shop.scope, placed.order).await.expect("a view");
        assert_eq!(view.agent, Some(team.ids()[0]));
        let told: Vec<_> = view.lines[0].commissions.iter().map(|one| (one.agent, one.amount, one.rule.as_str())).collect();
        assert_eq!(told, [(team.ids()[0], cents(1_10), "tenant@1"), (team.ids()[1], cents(55), "tenant@1")]);
        shop.is_sound().await;
        shop.refund(placed.order, "r").await.expect("refunded");
        assert_eq!(shop.earned(&team).await, [0; 3]);
        assert_eq!([shop.margin(1).await, shop.margin(2).await, shop.wallet().await], [0, 0, 1000_00]);
        shop.is_sound().await;
    }

    async fn a_main_site_pays_its_agents_out_of_what_it_takes(db) {
        let shop = Shop::open(&db).await;
        shop.pays([10, 5, 5]).await;
        let team = shop.team(0).await;
        shop.buy_brought((0, &team), shop.customer, shop.wants(2, 10_00)).await.expect("bought");
        assert_eq!(shop.earned(&team).await, [2_00, 1_00, 1_00]);
        assert_eq!(shop.balance_of(AccountKind::Revenue, None).await, 16_00);
        // The margin of 3.00 is all there is, and who stands nearer takes first: those above are told a week before.
        shop.pays([20, 20, 20]).await;
        db.clock.advance(TimeDelta::days(7));
        shop.buy_brought((0, &team), shop.customer, shop.wants(1, 10_00)).await.expect("bought");
        assert_eq!(shop.earned(&team).await, [2_00 + 2_00, 1_00 + 1_00, 1_00]);
        shop.is_sound().await;
    }

    async fn a_site_that_collects_itself_has_commissions_held_with_its_purchase(db) {
        let shop = Shop::open(&db).await;
        shop.sells_at_eleven().await;
        shop.pays([10, 5, 0]).await;
        let (team, channel) = (shop.team(2).await, shop.open_channel(2).await);
        shop.fund_prepaid(2, 10_65 - 1).await;
        let refused = shop.order_brought((2, &team), channel, 11_00, 1).await.expect_err("9.00 and 1.65 are wanted");
        assert!(matches!(refused, OrderError::Refused(Refusal::ShopNotFunded)), "{refused}");
        shop.post(AccountKind::SitePrepaid, (shop.sites[2].uuid(), "more"), 1).await;
        let placed = shop.order_brought((2, &team), channel, 11_00, 1).await.expect("placed");
        assert_eq!((shop.prepaid(2).await, shop.earned(&team).await), (0, [0; 3]));
        shop.is_sound().await;
        let receipt = shop.receive(shop.money((2, channel), &placed, "T1")).await;
        assert!(matches!(receipt, Receipt::Delivered { .. }));
        assert_eq!(shop.earned(&team).await, [1_10, 55, 0]);
        assert_eq!([shop.margin(1).await, shop.margin(2).await], [1_00, 0], "its margin is with its own channel");
        shop.is_sound().await;
        let asked = shop.refund(placed.order, "r").await.expect("asked").answer;
        let earnings = shop.orders.earnings(&shop.scope, team.ids()[0], None, 10).await.expect("read");
        assert_eq!(earnings[0].state, EarningState::Returned, "though the channel has not answered");
        assert_eq!((shop.earned(&team).await, shop.prepaid(2).await), ([0; 3], 0), "held until the buyer has his money");
        shop.is_sound().await;
        shop.channel_says(asked.refund.expect("by channel"), 1, RefundEvent::Done).await;
        shop.hears().await;
        assert_eq!(shop.prepaid(2).await, 10_65);
        shop.is_sound().await;
    }

    async fn what_nobody_pays_for_frees_what_was_held_for_agents(db) {
        let shop = Shop::open(&db).await;
        shop.sells_at_eleven().await;
        shop.pays([10, 5, 0]).await;
        let (team, channel) = (shop.team(2).await, shop.open_channel(2).await);
        shop.fund_prepaid(2, 20_00).await;
        shop.order_brought((2, &team), channel, 11_00, 1).await.expect("placed");
        assert_eq!(shop.prepaid(2).await, 20_00 - 10_65);
        db.clock.advance(TimeDelta::minutes(16));
        assert_eq!(shop.orders.sweep(&shop.scope).await.expect("swept"), 1);
        assert_eq!((shop.prepaid(2).await, shop.earned(&team).await), (20_00, [0; 3]));
        shop.is_sound().await;
    }

    async fn nothing_is_earned_before_a_line_is_delivered(db) {
        let shop = Shop::open(&db).await;
        shop.pays([10, 0, 0]).await;
        let (team, work) = (shop.team(0).await, shop.manual().await);
        let wants = vec![Wanted::new(work, 1, cents(20_00)).with_form(filled("lin"))];
        let placed = shop.buy_brought((0, &team), shop.customer, wants).await.expect("bought");
        assert_eq!(shop.earned(&team).await, [0; 3]);
        shop.is_sound().await;
        shop.does(placed.order, 1, OperatorId::new()).await;
        assert_eq!(shop.earned(&team).await, [2_00, 0, 0]);
        shop.is_sound().await;
    }

    async fn an_order_keeps_the_plan_and_the_team_it_was_placed_with(db) {
        let shop = Shop::open(&db).await;
        shop.pays([10, 5, 0]).await;
        let (team, channel) = (shop.team(0).await, shop.open_channel(0).await);
        let placed = shop.order_brought((0, &team), channel, 10_00, 1).await.expect("placed");
        shop.pays([20, 5, 0]).await;
        let tx = shop.store.write(&shop.scope).await.expect("a writer");
        let Agent { name, level, state, .. } = team.agents[0].clone();
        let alone = AgentChange { upper: None, name, level, state };
        Agents::new(shop.store.clone()).change_in(&tx, team.ids()[0], alone, None).await.expect("moved");
        tx.commit().await.expect("committed");
        shop.receive(shop.money((0, channel), &placed, "T1")).await;
        assert_eq!(shop.earned(&team).await, [1_00, 50, 0]);
        db.clock.advance(TimeDelta::days(7));
        shop.buy_brought((0, &team), shop.customer, shop.wants(1, 10_00)).await.expect("bought");
        assert_eq!(shop.earned(&team).await, [1_00 + 2_00, 50, 0]);
        shop.is_sound().await;
    }

    async fn an_agent_reads_what_each_line_earns_him_and_where_it_stands(db) {
        let shop = Shop::open(&db).await;
        shop.pays([10, 5, 0]).await;
        let (team, channel, work) = (shop.team(0).await, shop.open_channel(0).await, shop.manual().await);
        let wants = vec![
            Wanted::new(shop.sku, 1, cents(10_00)),
            Wanted::new(work, 1, cents(20_00)).with_form(filled("lin")),
        ];
        let mixed = shop.buy_brought((0, &team), shop.customer, wants).await.expect("bought");
        let returned = shop.buy_brought((0, &team), shop.customer, shop.wants(1, 10_00)).await.expect("bought");
        shop.refund(returned.order, "r").await.expect("refunded");
        let waiting = shop.order_brought((0, &team), channel, 10_00, 1).await.expect("placed");
        let read = async |before, limit| {
            let found = shop.orders.earnings(&shop.scope, team.ids()[0], before, limit).await.expect("read");
            found.into_iter().map(|one| (one.order, one.line, one.amount.minor(), one.state)).collect::<Vec<_>>()
        };
        let all = [
            (waiting.order, 1, 1_00, EarningState::Waiting),
            (returned.order, 1, 1_00, EarningState::Returned),
            (mixed.order, 2, 2_00, EarningState::Waiting),
            (mixed.order, 1, 1_00, EarningState::Earned),
        ];
        assert_eq!(read(None, 10).await, all);
        assert_eq!(read(None, 3).await, all[..3]);
        assert_eq!(read(Some((mixed.order, 2)), 3).await, all[3..], "the next page begins inside an order");
        db.clock.advance(TimeDelta::minutes(16));
        shop.orders.sweep(&shop.scope).await.expect("swept");
        assert_eq!(read(None, 1).await, [(waiting.order, 1, 1_00, EarningState::Void)]);
        let above = shop.orders.earnings(&shop.scope, team.ids()[1], None, 10).await.expect("read");
        assert_eq!(above.iter().map(|one| (one.tier, one.amount.minor())).collect::<Vec<_>>(), [(1, 50), (1, 50), (1, 1_00), (1, 50)]);
        let other = shop.scope.site(shop.sites[1]);
        assert_eq!(shop.orders.earnings(&other, team.ids()[0], None, 10).await.expect("read"), []);
    }

    async fn a_main_site_pays_nobody_more_than_its_goods_have_left(db) {
        let shop = Shop::open_with(&db, 0).await;
        shop.import_at(9_50, &["DEAR-1", "DEAR-2"], None).await;
        shop.pays([20, 20, 0]).await;
        let team = shop.team(0).await;
        // 3.00 by the day's cost, 0.50 by what this card was put in stock for.
        shop.buy_brought((0, &team), shop.customer, shop.wants(1, 10_00)).await.expect("bought");
        assert_eq!(shop.earned(&team).await, [50, 0, 0]);
        shop.is_sound().await;
    }

    async fn late_money_that_other_goods_would_eat_goes_back(db) {
        for (cost, is_sold) in [(8_00, true), (8_01, false)] {
            let shop = Shop::open_with(&db, 1).await;
            shop.pays([20, 0, 0]).await;
            let (team, channel) = (shop.team(0).await, shop.open_channel(0).await);
            let placed = shop.order_brought((0, &team), channel, 10_00, 1).await.expect("placed");
            db.clock.advance(TimeDelta::minutes(16));
            shop.buy(1, "somebody-else").await.expect("it is free again");
            shop.import_at(cost, &["DEAR"], None).await;
            let late = payment::Seen { is_confirmed: true, ..shop.money((0, channel), &placed, "T1") };
            let receipt = shop.receive(late).await;
            assert_eq!(matches!(receipt, Receipt::Delivered { .. }), is_sold, "{cost}: {receipt:?}");
            assert_eq!(shop.earned(&team).await, [if is_sold { 2_00 } else { 0 }, 0, 0]);
            shop.is_sound().await;
        }
    }

    async fn late_money_holds_what_agents_earn_once_more(db) {
        let shop = Shop::open(&db).await;
        shop.sells_at_eleven().await;
        shop.pays([10, 5, 0]).await;
        let (team, channel) = (shop.team(2).await, shop.open_channel(2).await);
        shop.fund_prepaid(2, 10_65).await;
        let placed = shop.order_brought((2, &team), channel, 11_00, 1).await.expect("placed");
        db.clock.advance(TimeDelta::minutes(16));
        shop.orders.sweep(&shop.scope).await.expect("swept");
        assert_eq!(shop.prepaid(2).await, 10_65);
        let late = payment::Seen { is_confirmed: true, ..shop.money((2, channel), &placed, "T1") };
        assert!(matches!(shop.receive(late).await, Receipt::Delivered { .. }));
        assert_eq!((shop.prepaid(2).await, shop.earned(&team).await), (0, [1_10, 55, 0]));
        shop.is_sound().await;
        // The next one is a cent short: it waits for a person, and nobody has earned.
        shop.post(AccountKind::SitePrepaid, (shop.sites[2].uuid(), "again"), 10_65).await;
        let placed = shop.order_brought((2, &team), channel, 11_00, 2).await.expect("placed");
        db.clock.advance(TimeDelta::minutes(16));
        shop.orders.sweep(&shop.scope).await.expect("swept");
        shop.post(AccountKind::SitePrepaid, (shop.sites[2].uuid(), "less"), -1).await;
        let late = payment::Seen { is_confirmed: true, ..shop.money((2, channel), &placed, "T2") };
        let receipt = shop.receive(late).await;
        assert!(matches!(receipt, Receipt::Suspended { .. }), "{receipt:?}");
        assert_eq!((shop.prepaid(2).await, shop.earned(&team).await), (10_65 - 1, [1_10, 55, 0]));
        shop.is_sound().await;
    }

    async fn a_code_that_nobody_has_refuses_the_order_under_its_key(db) {
        let shop = Shop::open(&db).await;
        let code = AgentCode::parse("nobody12").expect("a code");
        let said = |code: &AgentCode| SoldBy {
            brought: Brought::Code { code: code.clone(), referral: None },
            ..sold_by(shop.chain_of_main())
        };
        let buy = async |code: &AgentCode| {
            let buyer = Buyer::account(shop.customer);
            shop.orders.place(&shop.main, said(code), buyer, shop.wants(1, 10_00), "key").await
        };
        let refused = buy(&code).await.expect_err("nobody's");
        assert!(matches!(refused, OrderError::Refused(Refusal::AgentUnknown)), "{refused}");
        let other = AgentCode::parse("another1").expect("a code");
        let reused = buy(&other).await.expect_err("the key came with another code");
        assert_eq!(kernel::Coded::code(&reused), "idempotency_key_reused");
        assert_eq!(shop.wallet().await, 1000_00);
    }

    async fn nobody_is_paid_for_what_he_buys_himself_nor_without_a_plan(db) {
        let shop = Shop::open(&db).await;
        let team = shop.team(0).await;
        let placed = shop.buy_brought((0, &team), shop.customer, shop.wants(1, 10_00)).await.expect("bought");
        let view = shop.orders.desk_view(&shop.scope, placed.order).await.expect("a view");
        assert_eq!((view.agent, view.lines[0].commissions.len()), (Some(team.ids()[0]), 0));
        shop.pays([10, 5, 0]).await;
        for agent in &team.agents[..2] {
            shop.post(AccountKind::Wallet, (agent.customer.uuid(), "own"), 50_00).await;
        }
        shop.buy_brought((0, &team), team.agents[0].customer, shop.wants(1, 10_00)).await.expect("bought");
        assert_eq!(shop.earned(&team).await, [0; 3]);
        shop.buy_brought((0, &team), team.agents[1].customer, shop.wants(1, 10_00)).await.expect("bought");
        assert_eq!(shop.earned(&team).await, [1_00, 0, 0]);
        shop.is_sound().await;
    }

    async fn the_audit_finds_an_agent_who_was_helped(db) {
        let shop = Shop::open(&db).await;
        shop.pays([10, 5, 0]).await;
        let team = shop.team(0).await;
        shop.buy_brought((0, &team), shop.customer, shop.wants(1, 10_00)).await.expect("bought");
        for trigger in ["order_commissions_no_update", "order_commissions_no_delete"] {
            if db.backend == store::Backend::Sqlite {
                db.tamper(&format!("DROP TRIGGER IF EXISTS {trigger}")).await.expect("an intruder owns the file");
            }
        }
        let undo_amount = "UPDATE order_commissions SET amount_minor = 100 WHERE tier = 0";
        let undo_tier = "UPDATE order_commissions SET tier = 1 WHERE tier = 2";
        for (tampered, finding, undo) in [
            ("UPDATE order_commissions SET amount_minor = 400 WHERE tier = 0", "which has a margin of 300", undo_amount),
            ("UPDATE order_commissions SET amount_minor = 101 WHERE tier = 0", "the ledger shares line 1", undo_amount),
            ("UPDATE order_commissions SET tier = 2 WHERE tier = 1", "and brought nobody", undo_tier),
            ("UPDATE orders SET agent_id = NULL", "says that another one brought its buyer", ""),
        ] {
            shop.is_sound().await;
            db.tamper(tampered).await.expect("tampered");
            let breaches = shop.audit().await;
            let is_found = breaches.iter().any(|breach| breach.starts_with("8 ") && breach.contains(finding));
            assert!(is_found, "{tampered}: {breaches:?}");
            if !undo.is_empty() {
                db.tamper(undo).await.expect("put back");
            }
        }
    }
}
