//! Judging in both databases. What is counted of real orders is a story of the worked examples (`server/tests/worked_example`).

use std::collections::{BTreeMap, BTreeSet};

use catalog::Code;
use chrono::TimeDelta;
use commission::{AgentId, Agents, NewAgent};
use identity::{Customers, Login, LoginLimits, NewCustomer, Passwords};
use kernel::{Clock, Day, FakeClock, Secret, SiteId, TenantScope, Wording};
use ledger::Side;
use settlement::EarnerRef;
use store::Store;
use tenancy::{Mode, NewSite, Slug, Tenancy, Theme};
use testkit::{TestDb, on_both};
use uuid::Uuid;

use crate::repo::figures::DayOf;
use crate::*;

struct Shop {
    store: Store,
    scope: TenantScope,
    clock: FakeClock,
    tenancy: Tenancy,
    agents: Agents,
    levels: Levels,
    site: SiteId,
    agent: AgentId,
}

fn code(text: &str) -> Code {
    Code::parse(text).expect("a code")
}

fn rung(level: &str, sales_minor: i64, buyers: u32, complaints_ppm_max: Option<u32>) -> Rung {
    Rung {
        level: code(level),
        name: Wording::new("级", level),
        needs: Needs { sales_minor, buyers, complaints_ppm_max },
    }
}

/// Everybody is judged daily by a week, and told ten days ahead.
fn rules() -> LevelRules {
    let ladder =
        vec![rung("bronze", 0, 0, None), rung("silver", 1_000, 1, None), rung("gold", 5_000, 2, Some(100_000))];
    LevelRules {
        sites: ladder.clone(),
        agents: ladder,
        window_days: 7,
        judged: Schedule::Daily,
        grace_days: 3,
        notice_days: 10,
    }
}

impl Shop {
    /// A main site, a sub-site of the level "bronze", and an agent of it without a level.
    async fn open(db: &TestDb) -> Self {
        let (store, scope, clock) = (db.store.clone(), db.tenant().await, db.clock.clone());
        let (tenancy, agents) = (Tenancy::new(store.clone()), Agents::new(store.clone()));
        let tx = store.write(&scope).await.expect("a writer");
        let mut sites = Vec::new();
        for (name, parent, level) in [("main", None, None), ("sub", Some("main"), Some("bronze"))] {
            let new = NewSite {
                slug: Slug::parse(name).expect("a slug"),
                parent: parent.map(|parent| Slug::parse(parent).expect("a slug")),
                name: Wording::new("店", "Shop"),
                tagline: Wording::default(),
                notice: Wording::default(),
                theme: Theme::Grove,
                mode: Mode::Auto,
                level: level.map(str::to_owned),
                support: None,
                limits: None,
            };
            sites.push(tenancy.save_site_in(&tx, &new).await.expect("a site").id());
        }
        let site = sites[1];
        let passwords = Passwords::new();
        let password_hash = passwords.hash(&Secret::new("a long password".to_owned())).await.expect("hashed");
        let limits = LoginLimits::new(std::sync::Arc::new(clock.clone()));
        let customers = Customers::new(store.clone(), passwords, limits);
        let new = NewCustomer {
            site,
            login: Login::parse("agent").expect("a login"),
            name: "Agent".to_owned(),
            password_hash,
        };
        let customer = customers.save_in(&tx, &new).await.expect("a customer").id();
        let new = NewAgent { site, customer, upper: None, name: "Agent".to_owned(), level: None };
        let agent = agents.appoint_in(&tx, new).await.expect("appointed").0.id;
        tx.commit().await.expect("committed");
        let levels = Levels::new(store.clone(), tenancy.clone(), agents.clone());
        let shop = Self { store, scope, clock, tenancy, agents, levels, site, agent };
        shop.sleep();
        shop
    }

    fn today(&self) -> Day {
        Day::of(self.clock.now())
    }

    /// Half an hour into the next day.
    fn sleep(&self) {
        self.clock.advance(self.today().after(1).begins() + TimeDelta::minutes(30) - self.clock.now());
    }

    fn earners(&self) -> [EarnerRef; 2] {
        [EarnerRef::Site(self.site), EarnerRef::Agent(self.site, self.agent)]
    }

    async fn save(&self, rules: LevelRules) -> Result<RulesVersion, LevelError> {
        let tx = self.store.write(&self.scope).await.expect("a writer");
        let saved = self.levels.save_rules_in(&tx, rules, None, Uuid::nil()).await?;
        tx.commit().await.expect("committed");
        Ok(saved)
    }

    /// The day ends on which both sold so much to each of these buyers, and is counted.
    async fn sold(&self, minor: i64, buyers: &[u8], complaints: u64) {
        let of = DayOf {
            sales_minor: minor,
            orders: (0..20).map(|_| Uuid::now_v7()).collect(),
            complaints,
            buyers: buyers.iter().map(|buyer| [*buyer; 16]).collect(),
        };
        let owners = self.earners().map(|earner| ((self.site, earner.key().1), of.clone()));
        let tx = self.store.write(&self.scope).await.expect("a writer");
        assert!(repo::rules::insert_day(&tx, self.today()).await.expect("written"));
        let figures: BTreeMap<_, _> = if minor == 0 { BTreeMap::new() } else { owners.into_iter().collect() };
        repo::figures::insert(&tx, self.today(), &figures).await.expect("written");
        tx.commit().await.expect("committed");
        self.sleep();
    }

    async fn judged(&self) -> Vec<(What, u64)> {
        self.levels.judge(&self.scope).await.expect("judged").into_iter().collect()
    }

    /// The levels of the site and the agent, as prices and plans see them.
    async fn now(&self) -> [Option<String>; 2] {
        let tx = self.store.read(&self.scope).await.expect("a reader");
        let site = self.tenancy.sites_in(&tx).await.expect("read").into_iter().find(|site| site.id == self.site);
        let agent = self.agents.agent_in(&tx, self.agent).await.expect("read").expect("an agent");
        [site.expect("a site").level, agent.level.map(String::from)]
    }

    async fn ladder(&self, earner: EarnerRef) -> Ladder {
        self.levels.ladder_in(&self.store.read(&self.scope).await.expect("a reader"), earner).await.expect("read")
    }

    async fn pin(&self, earner: EarnerRef, level: &str) -> Result<Standing, LevelError> {
        let tx = self.store.write(&self.scope).await.expect("a writer");
        let wanted = PinWanted { level: Some(code(level)), reason: "opened with us".to_owned(), by: Uuid::now_v7() };
        let standing = self.levels.pin_in(&tx, earner, wanted).await?;
        tx.commit().await.expect("committed");
        Ok(standing)
    }

    async fn unpin(&self, earner: EarnerRef) -> Result<Standing, LevelError> {
        let tx = self.store.write(&self.scope).await.expect("a writer");
        let standing = self.levels.unpin_in(&tx, earner, (Uuid::now_v7(), "a year is over")).await?;
        tx.commit().await.expect("committed");
        Ok(standing)
    }

    async fn history(&self, earner: EarnerRef) -> Vec<(What, Option<String>, Option<String>)> {
        let tx = self.store.read(&self.scope).await.expect("a reader");
        let history = self.levels.history_in(&tx, Some(earner), None, 100).await.expect("read");
        let read = |change: Change| (change.what, change.from.map(String::from), change.to.map(String::from));
        history.into_iter().rev().map(read).collect()
    }

    async fn findings(&self) -> Vec<String> {
        let tx = self.store.snapshot(&self.scope).await.expect("a reader");
        audit_in(&tx).await.expect("audited").breaches.into_iter().map(|(_, finding)| finding).collect()
    }
}

fn both(level: &str) -> [Option<String>; 2] {
    [Some(level.to_owned()), Some(level.to_owned())]
}

on_both! {
    async fn who_sells_rises_at_once_and_who_does_not_is_told_before_he_falls(db) {
        let shop = Shop::open(&db).await;
        shop.save(rules()).await.expect("saved");
        shop.sold(2_000, &[1], 0).await;
        assert_eq!(shop.judged().await, [(What::Given, 1), (What::Promoted, 2)]);
        assert_eq!(shop.now().await, both("silver"));
        // Gold needs two buyers as well, and the first one counts once.
        shop.sold(4_000, &[1], 0).await;
        assert_eq!(shop.judged().await, []);
        shop.sold(1, &[2], 0).await;
        assert_eq!(shop.judged().await, [(What::Promoted, 2)]);
        assert_eq!(shop.now().await, both("gold"));
        let since = shop.today();
        // The days with the sales leave the window; in the days of grace nobody is told.
        let mut told = Vec::new();
        for _ in 0..9 {
            shop.sold(0, &[], 0).await;
            told.extend(shop.judged().await.into_iter().map(|what| (what, shop.today())));
        }
        let [((What::Warned, 2), day)] = told[..] else { panic!("{told:?}") };
        let silver = Ladder { ..shop.ladder(shop.earners()[1]).await };
        let warned = silver.standing.expect("he was judged").warned.expect("he was told");
        // When the first day's sales were gone, the others were enough for silver.
        assert_eq!((warned.to.as_str(), warned.on), ("silver", day.after(10)));
        assert!(day >= since.after(3));
        while shop.today().after(1) < warned.on {
            shop.sold(0, &[], 0).await;
            assert_eq!(shop.judged().await, []);
        }
        assert_eq!(shop.now().await, both("gold"));
        shop.sold(0, &[], 0).await;
        // He sells nothing any more; still he falls to what he was told, and is told of the next.
        assert_eq!(shop.judged().await, [(What::Demoted, 2)]);
        assert_eq!(shop.now().await, both("silver"));
        for _ in 0..13 {
            assert_eq!(shop.now().await, both("silver"));
            shop.sold(0, &[], 0).await;
            shop.judged().await;
        }
        assert_eq!(shop.now().await, both("bronze"));
        let words: Vec<What> = shop.history(shop.earners()[0]).await.into_iter().map(|(what, ..)| what).collect();
        use What::{Demoted, Given, Promoted, Warned};
        assert_eq!(words, [Given, Promoted, Promoted, Warned, Demoted, Warned, Demoted]);
        assert_eq!(shop.findings().await, Vec::<String>::new());
    }

    async fn who_recovers_is_spared_and_complaints_count(db) {
        let shop = Shop::open(&db).await;
        shop.save(rules()).await.expect("saved");
        shop.sold(6_000, &[1, 2], 0).await;
        shop.judged().await;
        assert_eq!(shop.now().await, both("gold"));
        for complaints in [0, 0, 9] {
            shop.sold(1_000, &[1, 2], complaints).await;
            shop.judged().await;
        }
        let figures = shop.ladder(shop.earners()[0]).await.figures;
        assert_eq!(figures, Figures { sales_minor: 9_000, buyers: 2, orders: 80, complaints: 9 });
        let warned = |standing: Option<Standing>| standing.expect("he was judged").warned;
        assert!(warned(shop.ladder(shop.earners()[0]).await.standing).is_some(), "9 of 80 are more than a tenth");
        shop.sold(1_000, &[1, 2], 0).await;
        assert_eq!(shop.judged().await, [(What::Spared, 2)]);
        assert_eq!(warned(shop.ladder(shop.earners()[0]).await.standing), None);
        assert_eq!(shop.now().await, both("gold"));
        assert_eq!(shop.findings().await, Vec::<String>::new());
    }

    async fn a_pinned_level_stays_until_it_is_released(db) {
        let shop = Shop::open(&db).await;
        shop.save(rules()).await.expect("saved");
        for earner in shop.earners() {
            let standing = shop.pin(earner, "gold").await.expect("pinned");
            assert_eq!(standing.level, Some(code("gold")));
        }
        assert_eq!(shop.now().await, both("gold"));
        for _ in 0..20 {
            shop.sold(0, &[], 0).await;
            assert_eq!(shop.judged().await, []);
        }
        for earner in shop.earners() {
            shop.unpin(earner).await.expect("released");
            assert!(matches!(shop.unpin(earner).await, Err(LevelError::NotPinned)));
        }
        shop.sold(0, &[], 0).await;
        assert_eq!(shop.judged().await, [(What::Warned, 2)]);
        let gold = || Some("gold".to_owned());
        let expected = [
            (What::Pinned, None, gold()),
            (What::Unpinned, gold(), gold()),
            (What::Warned, gold(), Some("bronze".to_owned())),
        ];
        assert_eq!(shop.history(shop.earners()[1]).await, expected);
        assert_eq!(shop.findings().await, Vec::<String>::new());
        let main = { shop.tenancy.sites_in(&shop.store.read(&shop.scope).await.expect("a reader")).await.expect("read") };
        let main = main.into_iter().find(|site| site.parent.is_none()).expect("a main site").id;
        assert!(matches!(shop.pin(EarnerRef::Site(main), "gold").await, Err(LevelError::MainSite)));
        let nobody = EarnerRef::Agent(shop.site, AgentId::new());
        assert!(matches!(shop.pin(nobody, "gold").await, Err(LevelError::Missing { what: "agent" })));
    }

    async fn a_level_given_by_hand_is_seen_and_its_grace_begins_anew(db) {
        let shop = Shop::open(&db).await;
        shop.save(rules()).await.expect("saved");
        shop.sold(0, &[], 0).await;
        shop.judged().await;
        let tx = shop.store.write(&shop.scope).await.expect("a writer");
        shop.tenancy.set_level_in(&tx, shop.site, Some("gold".to_owned())).await.expect("set");
        tx.commit().await.expect("committed");
        let given = shop.today();
        shop.sold(0, &[], 0).await;
        assert_eq!(shop.judged().await, [(What::Given, 1)]);
        while shop.today() < given.after(3) {
            shop.sold(0, &[], 0).await;
            assert_eq!(shop.judged().await, []);
        }
        shop.sold(0, &[], 0).await;
        assert_eq!(shop.judged().await, [(What::Warned, 1)]);
        // What stands on no rung is the operator's own business.
        let tx = shop.store.write(&shop.scope).await.expect("a writer");
        shop.tenancy.set_level_in(&tx, shop.site, Some("friends".to_owned())).await.expect("set");
        tx.commit().await.expect("committed");
        for expected in [vec![(What::Given, 1)], vec![], vec![]] {
            shop.sold(6_000, &[1, 2], 0).await;
            let judged = shop.judged().await;
            assert_eq!(judged.into_iter().filter(|(what, _)| *what != What::Promoted).collect::<Vec<_>>(), expected);
        }
        assert_eq!(shop.now().await, [Some("friends".to_owned()), Some("gold".to_owned())]);
        assert_eq!(shop.findings().await, Vec::<String>::new());
    }

    async fn of_many_nodes_that_judge_one_does(db) {
        let shop = Shop::open(&db).await;
        shop.save(rules()).await.expect("saved");
        shop.sold(6_000, &[1, 2], 0).await;
        let looks = (0..6).map(|_| {
            let (levels, scope) = (shop.levels.clone(), shop.scope);
            tokio::spawn(async move { levels.judge(&scope).await.expect("judged") })
        });
        let mut happened = 0;
        for look in looks.collect::<Vec<_>>() {
            happened += look.await.expect("it ends").get(&What::Promoted).copied().unwrap_or_default();
        }
        assert_eq!(happened, 2);
        assert_eq!(shop.history(shop.earners()[1]).await.len(), 1);
        assert_eq!(shop.findings().await, Vec::<String>::new());
    }

    async fn harder_rules_are_told_a_week_ahead(db) {
        let shop = Shop::open(&db).await;
        let first = shop.save(rules()).await.expect("saved");
        assert_eq!(first.version, 1);
        let mut easier = rules();
        easier.sites[2].needs.sales_minor = 4_000;
        let second = shop.save(easier.clone()).await.expect("saved");
        assert_eq!(second.effective_from, second.created_at);
        let third = shop.save(rules()).await.expect("saved");
        assert_eq!(third.effective_from, third.created_at + TimeDelta::days(7));
        let tx = shop.store.read(&shop.scope).await.expect("a reader");
        assert_eq!(shop.levels.in_force_in(&tx).await.expect("read").expect("some").version, 2);
        let refused = |rules: LevelRules| async { shop.save(rules).await.expect_err("refused").code_of() };
        let with = |change: &dyn Fn(&mut LevelRules)| {
            let mut rules = rules();
            change(&mut rules);
            rules
        };
        assert_eq!(refused(with(&|rules| rules.sites[0].needs.sales_minor = 1)).await, "level_lowest_needs");
        assert_eq!(refused(with(&|rules| rules.agents[2].level = code("silver"))).await, "level_twice");
        assert_eq!(refused(with(&|rules| rules.agents[2].needs.buyers = 0)).await, "level_easier_above");
        assert_eq!(refused(with(&|rules| rules.notice_days = 6)).await, "value_out_of_range");
        assert_eq!(refused(with(&|rules| rules.window_days = 181)).await, "value_out_of_range");
    }

    async fn it_is_foretold_what_rules_would_do(db) {
        let shop = Shop::open(&db).await;
        shop.save(LevelRules { judged: Schedule::Monthly, ..rules() }).await.expect("saved");
        shop.sold(2_000, &[1], 0).await;
        let foretell = async |rules: LevelRules, side| {
            let tx = shop.store.read(&shop.scope).await.expect("a reader");
            shop.levels.foretell_in(&tx, &rules, side).await.expect("foretold")
        };
        let reach = |told: &Foretold| told.reach.iter().map(|(_, count)| *count).collect::<Vec<_>>();
        let told = foretell(rules(), Side::Site).await;
        assert_eq!((reach(&told), told.rise, told.fall), (vec![0, 1, 0], 1, 0));
        assert_eq!(told.moves, [(shop.earners()[0], Some(code("bronze")), code("silver"))]);
        shop.judged().await;
        let mut harder = rules();
        harder.agents.iter_mut().skip(1).for_each(|rung| rung.needs.sales_minor = 9_000);
        let told = foretell(harder, Side::Agent).await;
        assert_eq!((reach(&told), told.rise, told.fall), (vec![1, 0, 0], 0, 1));
    }

    async fn an_audit_finds_a_level_that_fell_unwarned(db) {
        let shop = Shop::open(&db).await;
        shop.save(rules()).await.expect("saved");
        shop.sold(6_000, &[1, 2], 0).await;
        shop.judged().await;
        assert_eq!(shop.findings().await, Vec::<String>::new());
        let change = format!(
            "INSERT INTO level_changes (tenant_id, site_id, id, side, owner_id, at, what, from_level, to_level) \
             SELECT tenant_id, site_id, '{}', side, owner_id, at, 'demoted', to_level, 'bronze' FROM level_changes \
             WHERE side = 'agent'",
            Uuid::now_v7()
        );
        let change = if db.backend == store::Backend::Sqlite { hex_ids(&change) } else { change };
        db.tamper(&change).await.expect("tampered");
        let findings: BTreeSet<String> = shop.findings().await.into_iter().collect();
        assert!(findings.iter().any(|finding| finding.contains("was not told before")), "{findings:?}");
        assert!(findings.iter().any(|finding| finding.contains("does not stand where")), "{findings:?}");
    }
}

/// SQLite keeps ids as bytes.
fn hex_ids(sql: &str) -> String {
    let (before, rest) = sql.split_once('\'').expect("an id");
    let (id, after) = rest.split_once('\'').expect("an id");
    format!("{before}X'{}'{after}", id.replace('-', ""))
}

trait CodeOf {
    fn code_of(&self) -> &'static str;
}

impl CodeOf for LevelError {
    fn code_of(&self) -> &'static str {
        kernel::Coded::code(self)
    }
}
