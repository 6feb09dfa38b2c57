//! What a random case is made of: plain numbers that shrink well. Whatever names something is taken modulo how many there are.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

/// Levels that sites and agents may have.
pub const LEVELS: [&str; 2] = ["gold", "silver"];
/// SKUs of every case: the category and the goods of each, and whether a person does it. The first two are of the same goods.
pub const SKUS: [(usize, usize, bool); 4] = [(0, 0, false), (0, 0, false), (1, 1, false), (1, 2, true)];
pub const CATEGORIES: usize = 2;
pub const GOODS: usize = 3;
/// Customers beside the agents: one with much in the wallet, and one with little.
pub const WALLETS: [i64; 2] = [2_000_00, 40_00];

#[derive(Debug, Clone)]
pub struct Case {
    pub sites: Vec<SiteCase>,
    pub skus: Vec<SkuCase>,
    pub prices: Vec<PriceCase>,
    pub limits: Vec<LimitCase>,
    pub agents: Vec<AgentCase>,
    pub plan: PlanCase,
    pub terms: TermsCase,
    pub fees: FeesCase,
    pub acts: Vec<Act>,
}

/// A site below the one at `above` of those before it, the first one being the main site.
#[derive(Debug, Clone)]
pub struct SiteCase {
    pub above: usize,
    pub level: Option<usize>,
    pub has_channel: bool,
    pub prepaid: i64,
}

#[derive(Debug, Clone)]
pub struct SkuCase {
    /// What a new piece costs the main site today.
    pub cost: i64,
    pub list_price: i64,
    /// What fixed prices were made from.
    pub first_cost: i64,
    pub face: Option<i64>,
    /// What each card of the stock was bought for.
    pub card_cost: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    All,
    Category(usize),
    Goods(usize),
    Sku(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhomCase {
    Everyone,
    Level(usize),
    /// The first site right below, or the customer with much in his wallet.
    Secret,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FormulaCase {
    /// So much above what the goods cost the main site.
    Fixed {
        above_cost: i64,
        loss_cap: Option<i64>,
    },
    Markup(i64),
    Percent(u32),
}

/// To tenths, halves, whole units, .9 and .99.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoundingCase {
    None,
    Tenth,
    Half,
    Whole,
    Nine,
    NinetyNine,
}

#[derive(Debug, Clone)]
pub struct PriceCase {
    pub site: usize,
    pub is_retail: bool,
    pub about: About,
    pub whom: WhomCase,
    pub from_quantity: u32,
    pub formula: FormulaCase,
    pub rounding: RoundingCase,
}

/// What the sites below keep to.
#[derive(Debug, Clone)]
pub struct LimitCase {
    pub site: usize,
    pub is_retail: bool,
    pub floor: Option<i64>,
    pub markup_max: Option<u32>,
}

/// An agent; below the latest one of his site if he has somebody above.
#[derive(Debug, Clone)]
pub struct AgentCase {
    pub site: usize,
    pub has_upper: bool,
    pub level: Option<usize>,
    pub is_suspended: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlanAbout {
    Tenant,
    SiteLevel(usize),
    AgentLevel(usize),
    Category(usize),
    Goods(usize),
    Sku(usize),
    Agent(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EarningCase {
    OfPrice(u32),
    OfMargin(u32),
    OfFace(u32),
    Fixed(i64),
}

#[derive(Debug, Clone)]
pub struct PlanRule {
    pub about: PlanAbout,
    pub tier: u8,
    pub earning: EarningCase,
    pub floor: Option<i64>,
    /// So much above the floor.
    pub cap: Option<i64>,
}

#[derive(Debug, Clone)]
pub struct PlanCase {
    pub is_difference: bool,
    pub rules: Vec<PlanRule>,
}

/// Days, or business days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TermCase {
    pub is_business: bool,
    pub days: u16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TermAbout {
    Goods(usize),
    AgentLevel(usize),
    SiteLevel(usize),
}

#[derive(Debug, Clone)]
pub struct TermsCase {
    pub usual: TermCase,
    pub rules: Vec<(TermAbout, TermCase)>,
}

#[derive(Debug, Clone)]
pub struct FeesCase {
    pub rate: u32,
    pub least: i64,
    pub most: Option<i64>,
    /// The rate, and what is free.
    pub tax: Option<(u32, i64)>,
}

#[derive(Debug, Clone)]
pub enum Way {
    /// From the wallet of a customer, or of the agent with this number.
    Wallet { customer: usize },
    /// By the channel that collects for the site, as a guest or with the account of the first customer.
    Channel { is_guest: bool, pays: Option<MoneyCase> },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MoneyCase {
    Right,
    Short,
    WrongPayee,
    /// The right money after the time is over, and maybe after a sweep, and after a new piece costs so much.
    Late {
        is_swept: bool,
        cost: Option<i64>,
    },
}

#[derive(Debug, Clone)]
pub struct LineCase {
    pub sku: usize,
    pub quantity: u32,
    /// How far the price that the buyer saw was off.
    pub seen_off: i64,
}

#[derive(Debug, Clone)]
pub enum PartCase {
    Rest,
    /// So many thousandths of what is left, and a cent at least.
    Amount(i64),
    /// The cards whose bits are set.
    Pieces(u8),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepCase {
    Cancel,
    Reject,
    /// It is approved and sent.
    Send,
    Arrive,
    Return,
}

#[derive(Debug, Clone)]
pub enum Act {
    Place {
        site: usize,
        brought: Option<usize>,
        lines: Vec<LineCase>,
        way: Way,
    },
    Money {
        order: usize,
        money: MoneyCase,
    },
    /// A person takes the first line that waits, and does it or fails.
    Work {
        order: usize,
        is_done: bool,
    },
    Sweep,
    Refund {
        order: usize,
        lines: Vec<(usize, PartCase)>,
        to_wallet: bool,
    },
    /// The channel answers what it was asked longest ago, or what it refused before.
    Answer {
        refund: usize,
        is_done: bool,
    },
    Pass {
        minutes: i64,
    },
    Release,
    /// Five days go by, and what is due is released.
    Settle,
    /// From now on a new piece costs so much.
    Cost {
        sku: usize,
        cost: i64,
    },
    /// The site asks so much above what it pays, where no other rule of its own says more.
    Markup {
        site: usize,
        is_retail: bool,
        amount: i64,
    },
    /// The agent is of another level, or suspended.
    Agent {
        agent: usize,
        level: Option<usize>,
        is_suspended: bool,
    },
    Hold {
        earner: usize,
        is_on: bool,
    },
    Ask {
        earner: usize,
        thousandths: i64,
    },
    Step {
        earner: usize,
        step: StepCase,
    },
    Convert {
        earner: usize,
        thousandths: i64,
    },
}

impl Case {
    /// The sites from the main one down to this one.
    pub fn chain(&self, site: usize) -> Vec<usize> {
        let mut chain = vec![site];
        while chain[0] != 0 {
            chain.insert(0, self.sites[chain[0]].above);
        }
        chain
    }

    /// The agent right above.
    pub fn upper(&self, agent: usize) -> Option<usize> {
        let is_mate = |other: &usize| self.agents[*other].site == self.agents[agent].site;
        if self.agents[agent].has_upper { (0..agent).rev().find(is_mate) } else { None }
    }

    /// The first site right below.
    pub fn below(&self, site: usize) -> Option<usize> {
        (1..self.sites.len()).find(|below| self.sites[*below].above == site)
    }

    /// Numbers become names of what there is, and what a tenant cannot write down is left out.
    fn made_sound(mut self) -> Self {
        let (sites, agents) = (self.sites.len(), self.agents.len());
        for place in 0..sites {
            // Mostly the one before: deep trees are rare otherwise.
            let above = self.sites[place].above;
            self.sites[place].above = if above >= 4 { place.saturating_sub(1) } else { above % place.max(1) };
        }
        self.sites[0].level = None;
        self.limits.iter_mut().for_each(|limit| limit.site %= sites);
        self.limits.retain(|limit| limit.floor.is_some() || limit.markup_max.is_some());
        first_of_each(&mut self.limits, |limit| (limit.site, limit.is_retail));
        self.prices.iter_mut().for_each(|price| price.make_sound(sites));
        let has_below: Vec<bool> = (0..sites).map(|site| self.below(site).is_some()).collect();
        self.prices.retain(|price| price.whom != WhomCase::Secret || price.is_retail || has_below[price.site]);
        first_of_each(&mut self.prices, PriceCase::key);
        self.agents.iter_mut().for_each(|agent| agent.site %= sites);
        for rule in &mut self.plan.rules {
            rule.tier = if self.plan.is_difference { 0 } else { rule.tier };
            if let PlanAbout::Agent(agent) = &mut rule.about {
                *agent %= agents.max(1);
            }
        }
        self.plan.rules.retain(|rule| agents > 0 || !matches!(rule.about, PlanAbout::Agent(_)));
        first_of_each(&mut self.plan.rules, |rule| (rule.about, rule.tier));
        first_of_each(&mut self.terms.rules, |(about, _)| *about);
        self
    }
}

impl PriceCase {
    /// A site has one rule for the same people, things and quantity.
    pub fn key(&self) -> (usize, bool, About, WhomCase, u32) {
        (self.site, self.is_retail, self.about, self.whom, self.from_quantity)
    }

    fn make_sound(&mut self, sites: usize) {
        self.site %= sites;
        if let FormulaCase::Fixed { loss_cap, .. } = &mut self.formula {
            // One price for different things would be above or under the cost of most of them.
            self.about = match self.about {
                About::Sku(sku) | About::Goods(sku) | About::Category(sku) => About::Sku(sku),
                About::All => About::Sku(0),
            };
            self.rounding = RoundingCase::None;
            *loss_cap = loss_cap.filter(|_| self.is_retail);
        }
        if self.is_retail && matches!(self.whom, WhomCase::Level(_)) {
            self.whom = WhomCase::Everyone;
        }
    }
}

/// Leaves the first one under each key.
fn first_of_each<T, K: PartialEq>(all: &mut Vec<T>, key: impl Fn(&T) -> K) {
    let mut seen = Vec::new();
    all.retain(|one| {
        let is_new = !seen.contains(&key(one));
        seen.push(key(one));
        is_new
    });
}

fn level() -> impl Strategy<Value = Option<usize>> {
    option::of(0..LEVELS.len())
}

fn site() -> impl Strategy<Value = SiteCase> {
    let prepaid = prop_oneof![1 => Just(0), 1 => 0..100_00i64, 3 => Just(1_000_00)];
    (0..16usize, level(), prop::bool::weighted(0.6), prepaid)
        .prop_map(|(above, level, has_channel, prepaid)| SiteCase { above, level, has_channel, prepaid })
}

fn sku() -> impl Strategy<Value = SkuCase> {
    (1..20_00i64, 0..10_00i64, option::of(1..30_00i64), -1_00..1_00i64).prop_map(|(cost, above, face, off)| SkuCase {
        cost,
        list_price: cost + above,
        first_cost: cost,
        face,
        card_cost: (cost + off).max(0),
    })
}

fn about() -> impl Strategy<Value = About> {
    prop_oneof![
        4 => Just(About::All),
        1 => (0..CATEGORIES).prop_map(About::Category),
        1 => (0..GOODS).prop_map(About::Goods),
        2 => (0..SKUS.len()).prop_map(About::Sku),
    ]
}

fn price() -> impl Strategy<Value = PriceCase> {
    use RoundingCase::{Half, Nine, NinetyNine, None, Tenth, Whole};
    let whom = prop_oneof![
        6 => Just(WhomCase::Everyone),
        1 => (0..LEVELS.len()).prop_map(WhomCase::Level),
        1 => Just(WhomCase::Secret),
    ];
    let formula = prop_oneof![
        2 => (prop_oneof![-1_00..4_00i64, 0..15_00i64], option::weighted(0.8, 0..5_00i64))
            .prop_map(|(above_cost, loss_cap)| FormulaCase::Fixed { above_cost, loss_cap }),
        3 => (0..5_00i64).prop_map(FormulaCase::Markup),
        3 => (0..400_000u32).prop_map(FormulaCase::Percent),
    ];
    let rounding = prop::sample::select(vec![None, None, None, Tenth, Half, Whole, Nine, NinetyNine]);
    let from_quantity = prop_oneof![3 => Just(1u32), 1 => 2..4u32];
    (0..16usize, any::<bool>(), about(), whom, from_quantity, formula, rounding).prop_map(
        |(site, is_retail, about, whom, from_quantity, formula, rounding)| PriceCase {
            site,
            is_retail,
            about,
            whom,
            from_quantity,
            formula,
            rounding,
        },
    )
}

/// A price near what the seller pays, and a loss that he allows.
fn loss() -> impl Strategy<Value = PriceCase> {
    let formula = (-1_00..4_00i64, option::weighted(0.9, 0..6_00i64))
        .prop_map(|(above_cost, loss_cap)| FormulaCase::Fixed { above_cost, loss_cap });
    (1..4usize, 0..SKUS.len(), formula).prop_map(|(site, sku, formula)| PriceCase {
        site,
        is_retail: true,
        about: About::Sku(sku),
        whom: WhomCase::Everyone,
        from_quantity: 1,
        formula,
        rounding: RoundingCase::None,
    })
}

fn prices() -> impl Strategy<Value = Vec<PriceCase>> {
    (vec(loss(), 0..4), vec(price(), 0..14)).prop_map(|(losses, prices)| losses.into_iter().chain(prices).collect())
}

fn limit() -> impl Strategy<Value = LimitCase> {
    (0..4usize, any::<bool>(), option::of(1..25_00i64), option::of(0..600_000u32))
        .prop_map(|(site, is_retail, floor, markup_max)| LimitCase { site, is_retail, floor, markup_max })
}

fn agent() -> impl Strategy<Value = AgentCase> {
    (0..3usize, prop::bool::weighted(0.85), level(), prop::bool::weighted(0.05))
        .prop_map(|(site, has_upper, level, is_suspended)| AgentCase { site, has_upper, level, is_suspended })
}

fn plan() -> impl Strategy<Value = PlanCase> {
    let about = prop_oneof![
        6 => Just(PlanAbout::Tenant),
        1 => (0..LEVELS.len()).prop_map(PlanAbout::SiteLevel),
        3 => (0..LEVELS.len()).prop_map(PlanAbout::AgentLevel),
        1 => (0..CATEGORIES).prop_map(PlanAbout::Category),
        1 => (0..GOODS).prop_map(PlanAbout::Goods),
        1 => (0..SKUS.len()).prop_map(PlanAbout::Sku),
        2 => (0..6usize).prop_map(PlanAbout::Agent),
    ];
    let rate = || prop_oneof![1 => Just(0u32), 6 => 0..120_000u32, 2 => 0..1_000_001u32];
    let earning = prop_oneof![
        3 => rate().prop_map(EarningCase::OfPrice),
        3 => rate().prop_map(EarningCase::OfMargin),
        2 => rate().prop_map(EarningCase::OfFace),
        2 => (0..2_00i64).prop_map(EarningCase::Fixed),
    ];
    let bound = || option::weighted(0.2, 0..1_00i64);
    let rule = (about, 0..3u8, earning, bound(), bound()).prop_map(|(about, tier, earning, floor, cap)| PlanRule {
        about,
        tier,
        earning,
        floor,
        cap,
    });
    (any::<bool>(), vec(rule, 0..14)).prop_map(|(is_difference, rules)| PlanCase { is_difference, rules })
}

fn terms() -> impl Strategy<Value = TermsCase> {
    let term = || (any::<bool>(), 0..4u16).prop_map(|(is_business, days)| TermCase { is_business, days });
    let about = prop_oneof![
        (0..GOODS).prop_map(TermAbout::Goods),
        (0..LEVELS.len()).prop_map(TermAbout::AgentLevel),
        (0..LEVELS.len()).prop_map(TermAbout::SiteLevel),
    ];
    (term(), vec((about, term()), 0..4)).prop_map(|(usual, rules)| TermsCase { usual, rules })
}

fn fees() -> impl Strategy<Value = FeesCase> {
    let most = option::of(0..20i64);
    let tax = option::of((0..300_000u32, 0..2_00i64));
    (0..30_000u32, 0..10i64, most, tax).prop_map(|(rate, least, most, tax)| FeesCase {
        rate,
        least,
        most: most.map(|most| least + most),
        tax,
    })
}

fn place() -> impl Strategy<Value = Act> {
    let seen_off = prop_oneof![18 => Just(0i64), 1 => 1..50i64, 1 => Just(-1i64)];
    let line =
        (0..SKUS.len(), 1..6u32, seen_off).prop_map(|(sku, quantity, seen_off)| LineCase { sku, quantity, seen_off });
    let money = prop_oneof![
        8 => Just(Some(MoneyCase::Right)),
        1 => Just(Some(MoneyCase::Short)),
        1 => Just(Some(MoneyCase::WrongPayee)),
        2 => Just(None),
        3 => (any::<bool>(), option::weighted(0.3, 0..20_00i64))
            .prop_map(|(is_swept, cost)| Some(MoneyCase::Late { is_swept, cost })),
    ];
    let customer = prop_oneof![6 => Just(0usize), 1 => Just(1), 2 => 2..8usize];
    let way = prop_oneof![
        customer.prop_map(|customer| Way::Wallet { customer }),
        (any::<bool>(), money).prop_map(|(is_guest, pays)| Way::Channel { is_guest, pays }),
    ];
    let site = prop_oneof![3 => 0..4usize, 1 => 0..16usize];
    (site, option::weighted(0.6, 0..8usize), vec(line, 1..4), way).prop_map(|(site, brought, lines, way)| Act::Place {
        site,
        brought,
        lines,
        way,
    })
}

fn refund() -> impl Strategy<Value = Act> {
    let part = prop_oneof![
        1 => Just(PartCase::Rest),
        4 => (0..1_001i64).prop_map(PartCase::Amount),
        2 => any::<u8>().prop_map(PartCase::Pieces),
    ];
    let lines = prop_oneof![1 => Just(vec![]), 4 => vec((0..3usize, part.clone()), 1), 1 => vec((0..3usize, part), 2)];
    (0..16usize, lines, prop::bool::weighted(0.3)).prop_map(|(order, lines, to_wallet)| Act::Refund {
        order,
        lines,
        to_wallet,
    })
}

fn act() -> impl Strategy<Value = Act> {
    let step = prop_oneof![
        1 => Just(StepCase::Cancel),
        1 => Just(StepCase::Reject),
        4 => Just(StepCase::Send),
        2 => Just(StepCase::Arrive),
        2 => Just(StepCase::Return),
    ];
    let money = prop_oneof![4 => Just(MoneyCase::Right), 1 => Just(MoneyCase::Short), 1 => Just(MoneyCase::WrongPayee)];
    let earner = || 0..16usize;
    let thousandths = || prop_oneof![1 => 1..1_001i64, 1 => 900..1_001i64];
    prop_oneof![
        10 => place(),
        2 => (0..16usize, money).prop_map(|(order, money)| Act::Money { order, money }),
        4 => (0..16usize, prop::bool::weighted(0.8)).prop_map(|(order, is_done)| Act::Work { order, is_done }),
        1 => Just(Act::Sweep),
        8 => refund(),
        3 => (0..16usize, prop::bool::weighted(0.8)).prop_map(|(refund, is_done)| Act::Answer { refund, is_done }),
        2 => (1..20i64).prop_map(|minutes| Act::Pass { minutes }),
        3 => (1..60i64).prop_map(|hours| Act::Pass { minutes: hours * 60 }),
        2 => Just(Act::Release),
        4 => Just(Act::Settle),
        1 => (0..SKUS.len(), 1..20_00i64).prop_map(|(sku, cost)| Act::Cost { sku, cost }),
        1 => (0..4usize, any::<bool>(), 0..5_00i64)
            .prop_map(|(site, is_retail, amount)| Act::Markup { site, is_retail, amount }),
        1 => (earner(), level(), prop::bool::weighted(0.2))
            .prop_map(|(agent, level, is_suspended)| Act::Agent { agent, level, is_suspended }),
        1 => (earner(), prop::bool::weighted(0.4)).prop_map(|(earner, is_on)| Act::Hold { earner, is_on }),
        4 => (earner(), thousandths()).prop_map(|(earner, thousandths)| Act::Ask { earner, thousandths }),
        4 => (earner(), step).prop_map(|(earner, step)| Act::Step { earner, step }),
        1 => (earner(), thousandths()).prop_map(|(earner, thousandths)| Act::Convert { earner, thousandths }),
    ]
}

/// Any case.
pub fn cases() -> impl Strategy<Value = Case> {
    let shop = (vec(site(), 1..10), vec(sku(), SKUS.len()), prices(), vec(limit(), 0..2), vec(agent(), 0..8));
    (shop, plan(), terms(), fees(), vec(act(), 1..32)).prop_map(
        |((sites, skus, prices, limits, agents), plan, terms, fees, acts)| {
            Case { sites, skus, prices, limits, agents, plan, terms, fees, acts }.made_sound()
        },
    )
}
