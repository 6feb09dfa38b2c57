//! What holds for any plan and any sale; and a second reckoning, written from the product's rules and not from ours, that
//! comes to the same cent.

use catalog::{CategoryId, Code, GoodsId, SkuId};
use identity::CustomerId;
use kernel::{Currency, Money, Rate};
use proptest::prelude::*;
use uuid::Uuid;

use super::{DEPTH_MAX, Outcome, Share, SoldTo, cascade, pays_less};
use crate::model::{AgentId, AgentState, Base, Earning, Mode, Plan, Referrer, Rule, Target, Terms, Touch};

const LEVELS: [&str; 3] = ["bronze", "silver", "gold"];

fn id(number: u8) -> Uuid {
    Uuid::from_u128(u128::from(number) + 1)
}

fn level(number: u8) -> Code {
    Code::parse(LEVELS[usize::from(number) % LEVELS.len()]).expect("a code")
}

fn cents(minor: i64) -> Money {
    Money::new(minor, Currency::CNY)
}

fn targets() -> impl Strategy<Value = Target> {
    (0u8..7, 0u8..3).prop_map(|(kind, which)| match kind {
        0 => Target::Tenant,
        1 => Target::SiteLevel(level(which)),
        2 => Target::AgentLevel(level(which)),
        3 => Target::Category(CategoryId::from_uuid(id(which))),
        4 => Target::Goods(GoodsId::from_uuid(id(which))),
        5 => Target::Sku(SkuId::from_uuid(id(which))),
        _ => Target::Agent(AgentId::from_uuid(id(which))),
    })
}

fn terms() -> impl Strategy<Value = Terms> {
    let base = prop::sample::select(vec![Base::Price, Base::Margin, Base::FaceValue]);
    let earning = prop_oneof![
        (base, 0u32..=1_000_000).prop_map(|(base, ppm)| Earning::Share { base, rate: Rate::from_ppm(ppm) }),
        (0i64..500).prop_map(|minor| Earning::Fixed { amount: cents(minor) }),
    ];
    let bound = || prop::option::of(0i64..300);
    (earning, bound(), bound()).prop_map(|(earning, floor, above)| {
        let cap = above.map(|above| cents(floor.unwrap_or(0) + above));
        Terms { earning, floor: floor.map(cents), cap }
    })
}

fn plans() -> impl Strategy<Value = Plan> {
    let mode = prop::sample::select(vec![Mode::Tiers, Mode::Difference]);
    (mode, prop::collection::vec((targets(), 0u8..3, terms()), 0..12)).prop_map(|(mode, rules)| {
        let mut plan = Plan { mode, touch: Touch::Last, ..Plan::nothing() };
        for (target, tier, terms) in rules {
            let tier = if mode == Mode::Difference { 0 } else { tier };
            if plan.rules.iter().all(|rule| (&rule.target, rule.tier) != (&target, tier)) {
                plan.rules.push(Rule { target, tier, terms });
            }
        }
        plan
    })
}

fn chains() -> impl Strategy<Value = Vec<Referrer>> {
    let states = prop::sample::select(vec![AgentState::Active, AgentState::Active, AgentState::Suspended]);
    prop::collection::vec((prop::option::of(0u8..3), states), 1..5).prop_map(|referrers| {
        let referrer = |(place, (own, state)): (u8, (Option<u8>, AgentState))| Referrer {
            agent: AgentId::from_uuid(id(place)),
            customer: CustomerId::from_uuid(id(place)),
            level: own.map(level),
            state,
        };
        (0u8..).zip(referrers).map(referrer).collect()
    })
}

/// What a strategy makes of a line: everything but the words it borrows.
#[derive(Debug, Clone)]
struct Sold {
    place: (u8, u8, u8),
    site_level: Option<u8>,
    sites_between: usize,
    unit: i64,
    unit_margin: i64,
    face_value: Option<i64>,
    quantity: u32,
    buyer: Option<u8>,
}

fn lines() -> impl Strategy<Value = Sold> {
    let place = (0u8..3, 0u8..3, 0u8..3);
    let amounts = (0i64..20_000, -50i64..2_000, prop::option::of(0i64..20_000), 1u32..40);
    (place, prop::option::of(0u8..3), 0usize..=DEPTH_MAX, amounts, prop::option::of(0u8..6)).prop_map(
        |(place, site_level, sites_between, (unit, unit_margin, face_value, quantity), buyer)| Sold {
            place,
            site_level,
            sites_between,
            unit,
            unit_margin,
            face_value,
            quantity,
            buyer,
        },
    )
}

impl Sold {
    fn line(&self) -> SoldTo<'_> {
        let pieces = i64::from(self.quantity);
        SoldTo {
            sku: SkuId::from_uuid(id(self.place.0)),
            goods: GoodsId::from_uuid(id(self.place.1)),
            category: CategoryId::from_uuid(id(self.place.2)),
            site_level: self.site_level.map(|level| LEVELS[usize::from(level)]),
            sites_between: self.sites_between,
            price: cents(self.unit * pieces),
            margin: cents(self.unit_margin * pieces),
            face_value: self.face_value.map(cents),
            quantity: self.quantity,
            buyer: self.buyer.map(|buyer| CustomerId::from_uuid(id(buyer))),
        }
    }
}

/// A fraction of a cent, exact: all that product.md says is said in these.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Exact {
    millionths: i128,
}

/// The second reckoning. It asks, for each agent by himself and from the beginning: may he earn, which rule is his, how
/// much is that exactly, and what have those below him left?
fn reckoned(plan: &Plan, sold: &Sold, chain: &[Referrer]) -> Vec<i128> {
    let buyer = sold.buyer.map(|buyer| CustomerId::from_uuid(id(buyer)));
    let may_earn = |place: usize| {
        let referrer = &chain[place];
        let is_own = buyer.is_some() && (buyer == Some(referrer.customer) || buyer == Some(chain[0].customer));
        let heads = sold.sites_between + place;
        !is_own && referrer.state == AgentState::Active && (place == 0 || heads <= 2)
    };
    let full = |place: usize| {
        let order: [&dyn Fn(&Target) -> bool; 7] = [
            &|target| *target == Target::Agent(chain[place].agent),
            &|target| *target == Target::Sku(sold.line().sku),
            &|target| *target == Target::Goods(sold.line().goods),
            &|target| *target == Target::Category(sold.line().category),
            &|target| chain[place].level.clone().is_some_and(|level| *target == Target::AgentLevel(level)),
            &|target| sold.site_level.is_some_and(|own| *target == Target::SiteLevel(level(own))),
            &|target| *target == Target::Tenant,
        ];
        let tier = if plan.mode == Mode::Difference { 0 } else { place };
        let of_tier = |rule: &&Rule| usize::from(rule.tier) == tier;
        let found =
            order.iter().find_map(|is_about| plan.rules.iter().filter(of_tier).find(|rule| is_about(&rule.target)));
        let Some(rule) = found else { return Exact { millionths: 0 } };
        let pieces = i128::from(sold.quantity);
        let exact = match rule.terms.earning {
            Earning::Fixed { amount } => i128::from(amount.minor()) * pieces * 1_000_000,
            Earning::Share { base, rate } => {
                let of = match base {
                    Base::Price => sold.unit,
                    Base::Margin => sold.unit_margin.max(0),
                    Base::FaceValue => sold.face_value.unwrap_or(sold.unit),
                };
                i128::from(of) * pieces * i128::from(rate.ppm())
            }
        };
        let bound = |money: Option<Money>| money.map(|money| i128::from(money.minor()) * pieces * 1_000_000);
        let exact = bound(rule.terms.floor).map_or(exact, |floor| exact.max(floor));
        Exact { millionths: bound(rule.terms.cap).map_or(exact, |cap| exact.min(cap)) }
    };
    let mut left = i128::from(sold.unit_margin.max(0)) * i128::from(sold.quantity);
    let mut earned = Vec::new();
    for place in 0..chain.len() {
        let whole = |place: usize| full(place).millionths / 1_000_000;
        let wanted = match plan.mode {
            _ if !may_earn(place) => 0,
            Mode::Tiers => whole(place),
            Mode::Difference => {
                let below = (0..place).filter(|below| may_earn(*below)).map(whole).max().unwrap_or(0);
                (whole(place) - below).max(0)
            }
        };
        let given = wanted.min(left);
        left -= given;
        earned.push(given);
    }
    earned
}

fn total(shares: &[Share<'_>]) -> i64 {
    shares.iter().map(|share| share.amount.minor()).sum()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn two_reckonings_agree_to_the_cent(plan in plans(), sold in lines(), chain in chains()) {
        let line = sold.line();
        let shares = cascade(&plan, &line, &chain);
        let amounts: Vec<i128> = shares.iter().map(|share| i128::from(share.amount.minor())).collect();
        prop_assert_eq!(&amounts, &reckoned(&plan, &sold, &chain));
    }

    #[test]
    fn nobody_earns_more_than_the_margin_has_and_no_deeper_than_may(
        plan in plans(), sold in lines(), chain in chains(),
    ) {
        let line = sold.line();
        let shares = cascade(&plan, &line, &chain);
        prop_assert!(total(&shares) <= line.margin.minor().max(0));
        prop_assert_eq!(shares.len(), chain.len());
        for share in &shares {
            prop_assert!(!share.amount.is_negative() && share.amount.minor() <= share.wanted.minor());
            prop_assert!(share.amount.minor() == 0 || share.rule.is_some());
            prop_assert_eq!(share.outcome == Outcome::Paid, share.rule.is_some() && share.amount == share.wanted);
        }
        let above = shares.iter().skip(1).filter(|share| share.amount.minor() > 0);
        let deepest = above.map(|share| usize::from(share.tier)).max().unwrap_or(0);
        prop_assert!(deepest == 0 || sold.sites_between + deepest <= DEPTH_MAX);
        // Who stands nearer gives way last: after the first who got less than he should, nobody gets anything.
        let short = shares.iter().position(|share| share.outcome == Outcome::MarginUsedUp);
        if let Some(short) = short {
            prop_assert!(shares[short + 1..].iter().all(|share| share.amount.minor() == 0));
        }
    }

    #[test]
    fn lines_can_be_split_without_gain(plan in plans(), sold in lines(), chain in chains()) {
        let whole = total(&cascade(&plan, &sold.line(), &chain));
        let single = Sold { quantity: 1, ..sold.clone() };
        let split = total(&cascade(&plan, &single.line(), &chain));
        // One piece may round down by a cent for each agent; it never rounds up.
        prop_assert!(split * i64::from(sold.quantity) <= whole);
    }

    #[test]
    fn a_plan_that_takes_nothing_away_pays_nobody_less(
        old in plans(), added in prop::collection::vec((targets(), 0u8..3, terms()), 0..3),
        raised in prop::collection::vec(0u32..200_000, 0..12), sold in lines(), chain in chains(),
    ) {
        let mut new = old.clone();
        for (rule, more) in new.rules.iter_mut().zip(raised) {
            if let Earning::Share { base, rate } = rule.terms.earning {
                let rate = Rate::from_ppm((rate.ppm() + more).min(1_000_000));
                rule.terms.earning = Earning::Share { base, rate };
            }
        }
        for (target, tier, terms) in added {
            let tier = if new.mode == Mode::Difference { 0 } else { tier };
            if new.rules.iter().all(|rule| (&rule.target, rule.tier) != (&target, tier)) {
                new.rules.push(Rule { target, tier, terms });
            }
        }
        if !pays_less(&old, &new) {
            let line = sold.line();
            let (before, after) = (cascade(&old, &line, &chain), cascade(&new, &line, &chain));
            for (before, after) in before.iter().zip(&after) {
                prop_assert!(before.amount.minor() <= after.amount.minor());
            }
        }
    }
}

fn plan_of(mode: Mode, rules: Vec<(Target, u8, Terms)>) -> Plan {
    let rules = rules.into_iter().map(|(target, tier, terms)| Rule { target, tier, terms }).collect();
    Plan { mode, rules, ..Plan::nothing() }
}

fn percent(base: Base, percent: u32) -> Terms {
    Terms::share(base, Rate::from_ppm(percent * 10_000))
}

fn team(levels: &[&str]) -> Vec<Referrer> {
    let referrer = |(place, level): (u8, &&str)| Referrer {
        agent: AgentId::from_uuid(id(place)),
        customer: CustomerId::from_uuid(id(place)),
        level: Some(Code::parse(level).expect("a code")),
        state: AgentState::Active,
    };
    (0u8..).zip(levels).map(referrer).collect()
}

fn sale(unit: i64, unit_margin: i64) -> Sold {
    Sold {
        place: (0, 0, 0),
        site_level: None,
        sites_between: 0,
        unit,
        unit_margin,
        face_value: None,
        quantity: 1,
        buyer: None,
    }
}

fn amounts(plan: &Plan, sold: &Sold, chain: &[Referrer]) -> Vec<i64> {
    let shares = cascade(plan, &sold.line(), chain);
    shares.iter().map(|share| share.amount.minor()).collect()
}

#[test]
fn each_tier_has_its_rate_and_the_nearest_is_paid_first() {
    let rules = vec![(Target::Tenant, 0, percent(Base::Price, 5)), (Target::Tenant, 1, percent(Base::Price, 2))];
    let plan = plan_of(Mode::Tiers, rules);
    let team = team(&["gold", "gold", "gold"]);
    assert_eq!(amounts(&plan, &sale(10_000, 2_000), &team), [500, 200, 0]);
    assert_eq!(amounts(&plan, &sale(10_000, 600), &team), [500, 100, 0]);
    assert_eq!(amounts(&plan, &sale(10_000, 300), &team), [300, 0, 0]);
    assert_eq!(amounts(&plan, &sale(10_000, -300), &team), [0, 0, 0]);
}

#[test]
fn with_differences_one_above_earns_what_his_rate_is_higher() {
    let rate =
        |level: &str, rate| (Target::AgentLevel(Code::parse(level).expect("a code")), 0, percent(Base::Price, rate));
    let plan = plan_of(Mode::Difference, vec![rate("bronze", 5), rate("silver", 8), rate("gold", 10)]);
    assert_eq!(amounts(&plan, &sale(10_000, 9_000), &team(&["bronze", "silver", "gold"])), [500, 300, 200]);
    assert_eq!(amounts(&plan, &sale(10_000, 9_000), &team(&["silver", "bronze", "gold"])), [800, 0, 200]);
    assert_eq!(amounts(&plan, &sale(10_000, 9_000), &team(&["gold", "gold", "silver"])), [1_000, 0, 0]);
}

#[test]
fn sites_between_and_agents_above_share_one_depth() {
    let everybody = [0, 1, 2].map(|tier| (Target::Tenant, tier, percent(Base::Price, 1)));
    let plan = plan_of(Mode::Tiers, everybody.to_vec());
    let team = team(&["gold", "gold", "gold"]);
    for (between, expected) in [(0, [100, 100, 100]), (1, [100, 100, 0]), (2, [100, 0, 0])] {
        let sold = Sold { sites_between: between, ..sale(10_000, 9_000) };
        assert_eq!(amounts(&plan, &sold, &team), expected, "{between} sites between");
    }
}

#[test]
fn nobody_earns_from_his_own_purchase() {
    let rules = vec![(Target::Tenant, 0, percent(Base::Price, 5)), (Target::Tenant, 1, percent(Base::Price, 2))];
    let plan = plan_of(Mode::Tiers, rules);
    let team = team(&["gold", "gold"]);
    let by = |buyer| Sold { buyer: Some(buyer), ..sale(10_000, 9_000) };
    assert_eq!(amounts(&plan, &by(0), &team), [0, 0], "who buys by his own link was brought by nobody");
    assert_eq!(amounts(&plan, &by(1), &team), [500, 0]);
    assert_eq!(amounts(&plan, &by(5), &team), [500, 200]);
}

#[test]
fn the_most_specific_rule_counts() {
    let sold = sale(10_000, 9_000);
    let sold = Sold { site_level: Some(2), ..sold };
    let line = sold.line();
    let team = team(&["gold"]);
    let ladder = [
        Target::Tenant,
        Target::SiteLevel(level(2)),
        Target::AgentLevel(level(2)),
        Target::Category(line.category),
        Target::Goods(line.goods),
        Target::Sku(line.sku),
        Target::Agent(team[0].agent),
    ];
    let mut plan = plan_of(Mode::Tiers, Vec::new());
    for (rate, target) in (1u32..).zip(ladder) {
        plan.rules.insert(0, Rule { target, tier: 0, terms: percent(Base::Price, rate) });
        assert_eq!(amounts(&plan, &sold, &team), [i64::from(rate) * 100]);
    }
}

#[test]
fn no_plan_makes_a_sale_fail() {
    let most = Some(cents(i64::MAX));
    let endless = Terms { earning: Earning::Fixed { amount: cents(i64::MAX) }, floor: most, cap: most };
    for mode in [Mode::Tiers, Mode::Difference] {
        let plan = plan_of(mode, vec![(Target::Tenant, 0, endless)]);
        let sold = Sold { quantity: 1_000, ..sale(10_000, 7) };
        assert_eq!(amounts(&plan, &sold, &team(&["gold", "gold"])), [7_000, 0]);
    }
}
