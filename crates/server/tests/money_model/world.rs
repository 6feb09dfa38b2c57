//! The same shop in the program: a tenant's tree, goods, rules, plan, agents, channels and money.

use catalog::{
    Audience, CategoryDraft, Code, Formula, Fulfilment, GoodsDraft, GoodsId, GoodsKind, OnSale, Reach, Rounding,
    RuleDraft, SiteLevel, SkuDraft, SkuId, Target, Terms as PriceTerms, Whom,
};
use chrono::TimeDelta;
use commission::{
    Agent, AgentChange, AgentCode, AgentState, Base, Earning, Mode, NewAgent, Plan, PlanAuthor, Plans, Rule,
    Target as PlanTarget, Terms,
};
use identity::{CustomerId, Login, NewCustomer, OperatorId, PasswordHash, Passwords};
use inventory::{CardCode, NewCard, Stock};
use kernel::{Currency, Money, Rate, Secret, SiteId, TenantScope, Wording};
use ledger::{Account, AccountKind, Book, Entry, EntryKind, Posting};
use payment::{ChannelId, NewChannel, RefundId};
use server::house::House;
use server::settings::Settings;
use settlement::{HoldId, Term, TermRule, TermTarget};
use store::WriteTx;
use tenancy::{NewSite, Slug, Theme};
use testkit::TestDb;
use tokio::sync::OnceCell;
use uuid::Uuid;
use withdrawal::{PayeeId, Tax, WithdrawalId};

use super::books::Earner;
use super::case::{
    About, CATEGORIES, Case, EarningCase, FormulaCase, GOODS, LEVELS, PlanAbout, PlanCase, PriceCase, RoundingCase,
    SKUS, TermAbout, TermCase, WhomCase,
};
use super::model::{STOCK, wallets};
use super::prices::fixed_price;
use super::shares::bounds;

pub const CNY: Currency = Currency::CNY;

pub fn cents(minor: i64) -> Money {
    Money::new(minor, CNY)
}

/// Somebody who acts, by the order of acting.
pub fn somebody() -> Uuid {
    Uuid::now_v7()
}

/// The shop with the names of everything in it, by the numbers of the case.
pub struct World {
    pub case: Case,
    pub db: TestDb,
    pub house: House,
    pub scope: TenantScope,
    pub sites: Vec<SiteId>,
    pub chains: Vec<Vec<SiteLevel>>,
    pub categories: Vec<catalog::CategoryId>,
    pub goods: Vec<GoodsId>,
    pub skus: Vec<SkuId>,
    /// What each SKU was saved as.
    pub drafts: Vec<SkuDraft>,
    pub customers: Vec<CustomerId>,
    pub agents: Vec<Agent>,
    pub codes: Vec<AgentCode>,
    /// Of each site, the main one too; only those that the case opens take money.
    pub channels: Vec<Option<ChannelId>>,
    pub boss: OperatorId,
    pub payees: Vec<(Earner, PayeeId)>,
    pub orders: Vec<order::OrderId>,
    pub due: Vec<Option<String>>,
    pub refunds: Vec<(RefundId, u32)>,
    pub withdrawals: Vec<(Earner, WithdrawalId)>,
    pub holds: Vec<(Earner, HoldId)>,
    pub trades: usize,
}

pub fn payee(site: usize) -> String {
    format!("merchant-{site}")
}

fn code(text: &str) -> Code {
    Code::parse(text).expect("a code")
}

fn wording(text: &str) -> Wording {
    Wording::new(text, text)
}

/// The hash of everybody's password: to make one takes long.
async fn hash() -> PasswordHash {
    static HASH: OnceCell<PasswordHash> = OnceCell::const_new();
    let make = async || Passwords::new().hash(&Secret::new("a long password".to_owned())).await.expect("hashed");
    HASH.get_or_init(make).await.clone()
}

impl World {
    pub async fn open(db: TestDb, case: &Case) -> Self {
        // Nobody listens there: a channel needs a gateway that is known, and the test speaks for it.
        let sandbox_url = Some("http://127.0.0.1:9".to_owned());
        let settings = Settings { data_dir: db.folder(), sandbox_url, ..Settings::default() };
        let house = House::open(&settings, db.store.clone()).await.expect("the house opens");
        let scope = db.tenant().await;
        let mut world = Self {
            case: case.clone(),
            db,
            house,
            scope,
            sites: Vec::new(),
            chains: Vec::new(),
            categories: Vec::new(),
            goods: Vec::new(),
            skus: Vec::new(),
            drafts: Vec::new(),
            customers: Vec::new(),
            agents: Vec::new(),
            codes: Vec::new(),
            channels: Vec::new(),
            boss: OperatorId::new(),
            payees: Vec::new(),
            orders: Vec::new(),
            due: Vec::new(),
            refunds: Vec::new(),
            withdrawals: Vec::new(),
            holds: Vec::new(),
            trades: 0,
        };
        world.build(case).await;
        world
    }

    async fn build(&mut self, case: &Case) {
        let tx = self.house.store.write(&self.scope).await.expect("a writer");
        self.build_tree(&tx, case).await;
        self.build_goods(&tx, case).await;
        self.build_people(&tx, case).await;
        self.build_rules(&tx, case).await;
        tx.commit().await.expect("committed");
        let tx = self.house.store.write(&self.scope).await.expect("a writer");
        self.write_prices(&tx, case).await;
        self.fill(&tx, case).await;
        tx.commit().await.expect("committed");
        // What is announced begins.
        self.db.clock.advance(TimeDelta::days(8));
    }

    async fn build_tree(&mut self, tx: &WriteTx<TenantScope>, case: &Case) {
        for (place, site) in case.sites.iter().enumerate() {
            let slug = |site: usize| Slug::parse(&format!("site-{site}")).expect("a slug");
            let new = NewSite {
                slug: slug(place),
                parent: (place > 0).then(|| slug(site.above)),
                name: wording("Shop"),
                tagline: Wording::default(),
                notice: Wording::default(),
                theme: Theme::Grove,
                mode: tenancy::Mode::Auto,
                level: site.level.map(|level| LEVELS[level].to_owned()),
                support: None,
                limits: None,
            };
            self.sites.push(self.house.tenancy.save_site_in(tx, &new).await.expect("a site").id());
            let level = |site: &usize| case.sites[*site].level.map(|level| LEVELS[level].to_owned());
            let chain = case.chain(place);
            let chain = chain.iter().map(|site| SiteLevel { site: self.sites[*site], level: level(site) }).collect();
            self.chains.push(chain);
            let channel = if place == 0 || site.has_channel { Some(self.open_channel(tx, place).await) } else { None };
            self.channels.push(channel);
        }
    }

    async fn open_channel(&self, tx: &WriteTx<TenantScope>, site: usize) -> ChannelId {
        let new = NewChannel {
            site: self.sites[site],
            provider: "sandbox".to_owned(),
            name: wording("Sandbox"),
            payee: payee(site),
            currency: CNY,
            settings: serde_json::json!({}),
            secret: None,
            sort: 1,
        };
        self.house.payments.save_channel_in(tx, &new).await.expect("a channel").id()
    }

    async fn build_goods(&mut self, tx: &WriteTx<TenantScope>, case: &Case) {
        let catalog = &self.house.catalog;
        for number in 0..CATEGORIES {
            let draft = CategoryDraft { code: code(&format!("category-{number}")), name: wording("Games"), sort: 1 };
            self.categories.push(catalog.save_category_in(tx, &draft).await.expect("a category").0);
        }
        for number in 0..GOODS {
            let (category, _, is_manual) = SKUS.into_iter().find(|(_, goods, _)| *goods == number).expect("a SKU");
            let draft = GoodsDraft {
                refunds: Default::default(),
                site_levels: Vec::new(),
                code: code(&format!("goods-{number}")),
                category: self.categories[category],
                kind: if is_manual { GoodsKind::Manual } else { GoodsKind::Card },
                fulfilment: Fulfilment { within_hours: 24, ..Fulfilment::default() },
                state: OnSale::On,
                title: wording("Goods"),
                description: Wording::default(),
                art: None,
                sort: 1,
            };
            self.goods.push(catalog.save_goods_in(tx, &draft).await.expect("goods").0);
        }
        for (number, (known, (_, goods, is_manual))) in case.skus.iter().zip(SKUS).enumerate() {
            let draft = SkuDraft {
                code: code(&format!("sku-{number}")),
                goods: self.goods[goods],
                state: OnSale::On,
                name: wording("One"),
                face_value: known.face.map(cents),
                cost: cents(known.cost),
                price: cents(known.list_price),
                quantity_max: 100,
                sort: 1,
            };
            let sku = catalog.save_sku_in(tx, &draft).await.expect("a sku").0;
            self.skus.push(sku);
            self.drafts.push(draft);
            if !is_manual {
                let card = |place| NewCard {
                    code: CardCode::parse(&format!("CODE-{number}-{place}")).expect("a code"),
                    expires_at: None,
                };
                let cards: Vec<NewCard> = (0..STOCK).map(card).collect();
                let stock = Stock { unit_cost: Some(cents(known.card_cost)), ..Stock::from(sku) };
                self.house.inventory.import_in(tx, stock, &cards).await.expect("imported");
            }
        }
    }

    async fn build_people(&mut self, tx: &WriteTx<TenantScope>, case: &Case) {
        let sites = wallets(case).len() - case.agents.len();
        let homes = std::iter::repeat_n(0, sites).chain(case.agents.iter().map(|agent| agent.site));
        for (number, home) in homes.enumerate() {
            let login = Login::parse(&format!("customer-{number}@example.test")).expect("a login");
            let new =
                NewCustomer { site: self.sites[home], login, name: "Lin".to_owned(), password_hash: hash().await };
            self.customers.push(self.house.customers.save_in(tx, &new).await.expect("a customer").id());
        }
    }

    /// Plan and terms are written before there are agents, and those are appointed under them.
    async fn build_rules(&mut self, tx: &WriteTx<TenantScope>, case: &Case) {
        // A rule about one agent needs him: the plan comes with its first version after them.
        for (number, known) in case.agents.iter().enumerate() {
            let upper = case.upper(number).map(|upper| self.agents[upper].id);
            let level = known.level.map(|level| code(LEVELS[level]));
            let customer = self.customers[self.customers.len() - case.agents.len() + number];
            let (site, name) = (self.sites[known.site], format!("agent {number}"));
            let new = NewAgent { site, customer, upper, name, level };
            let (agent, link) = self.house.agents.appoint_in(tx, new).await.expect("appointed");
            self.agents.push(agent);
            self.codes.push(link.code);
        }
        for (number, known) in case.agents.iter().enumerate().filter(|(_, known)| known.is_suspended) {
            self.change_agent(tx, number, (known.level, true)).await;
        }
        let by = PlanAuthor { operator: somebody(), main_site: self.sites[0], currency: CNY };
        Plans.save_in(tx, self.plan(&case.plan), None, by).await.expect("a plan");
        let term = |case: TermCase| {
            if case.is_business { Term::BusinessDays(case.days) } else { Term::Days(case.days) }
        };
        let target = |about: TermAbout| match about {
            TermAbout::Goods(goods) => TermTarget::Goods(self.goods[goods]),
            TermAbout::AgentLevel(level) => TermTarget::AgentLevel(code(LEVELS[level])),
            TermAbout::SiteLevel(level) => TermTarget::SiteLevel(code(LEVELS[level])),
        };
        let rules = case.terms.rules.iter().map(|(about, case)| TermRule { target: target(*about), term: term(*case) });
        let terms = settlement::Terms { usual: term(case.terms.usual), rules: rules.collect() };
        self.house.settlement.save_terms_in(tx, terms, None, somebody()).await.expect("terms");
        let fees = &case.fees;
        let rules = withdrawal::Rules {
            minimum_minor: 1,
            fee_rate_ppm: fees.rate,
            fee_minimum_minor: fees.least,
            fee_maximum_minor: fees.most,
            daily_count: withdrawal::Rules::DAILY_COUNT_MAX,
            two_persons_from_minor: None,
            cool_down_hours: 0,
            tax: fees.tax.map_or(Tax::None, |(rate_ppm, free_minor)| Tax::Withhold { rate_ppm, free_minor }),
            ..withdrawal::Rules::USUAL
        };
        self.house.withdrawals.save_rules_in(tx, rules, None, somebody()).await.expect("rules");
    }

    /// An agent's level, and whether he is suspended.
    pub async fn change_agent(
        &self,
        tx: &WriteTx<TenantScope>,
        agent: usize,
        (level, is_suspended): (Option<usize>, bool),
    ) {
        let Agent { id, upper, name, .. } = self.agents[agent].clone();
        let state = if is_suspended { AgentState::Suspended } else { AgentState::Active };
        let change = AgentChange { upper, name, level: level.map(|level| code(LEVELS[level])), state };
        self.house.agents.change_in(tx, id, change, None).await.expect("changed");
    }

    fn plan(&self, plan: &PlanCase) -> Plan {
        let target = |about| match about {
            PlanAbout::Tenant => PlanTarget::Tenant,
            PlanAbout::SiteLevel(level) => PlanTarget::SiteLevel(code(LEVELS[level])),
            PlanAbout::AgentLevel(level) => PlanTarget::AgentLevel(code(LEVELS[level])),
            PlanAbout::Category(category) => PlanTarget::Category(self.categories[category]),
            PlanAbout::Goods(goods) => PlanTarget::Goods(self.goods[goods]),
            PlanAbout::Sku(sku) => PlanTarget::Sku(self.skus[sku]),
            PlanAbout::Agent(agent) => PlanTarget::Agent(self.agents[agent].id),
        };
        let share = |base, ppm| Earning::Share { base, rate: Rate::from_ppm(ppm) };
        let earning = |earning| match earning {
            EarningCase::OfPrice(ppm) => share(Base::Price, ppm),
            EarningCase::OfMargin(ppm) => share(Base::Margin, ppm),
            EarningCase::OfFace(ppm) => share(Base::FaceValue, ppm),
            EarningCase::Fixed(minor) => Earning::Fixed { amount: cents(minor) },
        };
        let rules = plan.rules.iter().map(|rule| {
            let (floor, cap) = bounds(rule);
            let terms = Terms { earning: earning(rule.earning), floor: floor.map(cents), cap: cap.map(cents) };
            Rule { target: target(rule.about), tier: rule.tier, terms }
        });
        let mode = if plan.is_difference { Mode::Difference } else { Mode::Tiers };
        Plan { mode, rules: rules.collect(), ..Plan::nothing() }
    }

    async fn write_prices(&self, tx: &WriteTx<TenantScope>, case: &Case) {
        for price in &case.prices {
            self.write_price(tx, case, price).await;
        }
        for limit in &case.limits {
            let reach = reach(limit.is_retail, Whom::Everyone, Target::Site, 1);
            let (floor, markup_max) = (limit.floor.map(cents), limit.markup_max.map(Rate::from_ppm));
            let terms = PriceTerms::Limit { floor, markup_max };
            let draft = RuleDraft { site: self.sites[limit.site], reach, terms };
            self.house.catalog.save_rule_in(tx, &draft).await.expect("a limit");
        }
    }

    pub async fn write_price(&self, tx: &WriteTx<TenantScope>, case: &Case, price: &PriceCase) {
        let whom = match price.whom {
            WhomCase::Everyone => Whom::Everyone,
            WhomCase::Level(level) => Whom::Level(code(LEVELS[level])),
            WhomCase::Secret if price.is_retail => Whom::Subject(self.customers[0].uuid()),
            WhomCase::Secret => Whom::Subject(self.sites[case.below(price.site).expect("a site below")].uuid()),
        };
        let target = match price.about {
            About::All => Target::Site,
            About::Category(category) => Target::Category(self.categories[category]),
            About::Goods(goods) => Target::Goods(self.goods[goods]),
            About::Sku(sku) => Target::Sku(self.skus[sku]),
        };
        let reach = reach(price.is_retail, whom, target, price.from_quantity);
        let draft = RuleDraft { site: self.sites[price.site], reach, terms: terms(case, price) };
        self.house.catalog.save_rule_in(tx, &draft).await.expect("a price");
    }

    /// Opening balances.
    async fn fill(&self, tx: &WriteTx<TenantScope>, case: &Case) {
        let customers = self.customers.iter().zip(wallets(case));
        let wallets = customers.map(|(customer, minor)| (AccountKind::Wallet, customer.uuid(), minor));
        let sites = self.sites.iter().zip(&case.sites).skip(1);
        let prepaid = sites.map(|(site, known)| (AccountKind::SitePrepaid, site.uuid(), known.prepaid));
        let mut book = Book::new(self.scope.id());
        let filled: Vec<_> = wallets.chain(prepaid).filter(|(_, _, minor)| *minor > 0).collect();
        filled.iter().for_each(|(kind, owner, _)| book.want(Account::of(*kind, *owner, CNY)));
        book.read_in(tx).await.expect("read");
        for (kind, owner, minor) in filled {
            let postings = [
                Posting { account: Account::of(kind, owner, CNY), amount: cents(minor) },
                Posting { account: Account::own(AccountKind::Opening, CNY), amount: cents(-minor) },
            ];
            let entry = Entry::try_new(EntryKind::Adjustment, owner, "opening", postings).expect("balanced");
            book.post(entry.because("opening balance of the case")).expect("posted");
        }
        book.write_in(tx, somebody()).await.expect("written");
    }
}

fn reach(is_retail: bool, whom: Whom, target: Target, quantity_min: u32) -> Reach {
    let audience = if is_retail { Audience::Retail } else { Audience::Wholesale };
    Reach { audience, whom, target, quantity_min, valid_from: None, valid_until: None }
}

fn terms(case: &Case, price: &PriceCase) -> PriceTerms {
    let formula = match (price.formula, price.about) {
        (FormulaCase::Fixed { above_cost, loss_cap }, About::Sku(sku)) => {
            Formula::Fixed { price: cents(fixed_price(case, sku, above_cost)), loss_cap: loss_cap.map(cents) }
        }
        (FormulaCase::Fixed { .. }, _) => panic!("a fixed price is about one SKU"),
        (FormulaCase::Markup(minor), _) => Formula::Markup { amount: cents(minor) },
        (FormulaCase::Percent(ppm), _) => Formula::Percent { rate: Rate::from_ppm(ppm) },
    };
    let rounding = match price.rounding {
        RoundingCase::None => Rounding::None,
        RoundingCase::Tenth => Rounding::UpTenth,
        RoundingCase::Half => Rounding::UpHalf,
        RoundingCase::Whole => Rounding::UpWhole,
        RoundingCase::Nine => Rounding::EndNine,
        RoundingCase::NinetyNine => Rounding::EndNinetyNine,
    };
    PriceTerms::Price { formula, rounding }
}
