//! Who earns what from a line, by the section "Commission" of product.md and docs/guides/money.md.

use super::books::Earner;
use super::case::{Case, EarningCase, PlanAbout, PlanRule, SKUS};
use super::fraction::Fraction;
use super::prices::{Asked, Hop};

/// Sites strictly between and agents above, together.
pub const DEPTH_MAX: usize = 2;

/// Who earns what from all pieces of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shares {
    /// What the main site asks for all pieces.
    pub wholesale: i64,
    /// What the sites strictly between earn.
    pub between: Vec<(Earner, i64)>,
    /// What agents earn, the one who brought the buyer first; nobody who earns nothing.
    pub agents: Vec<(Earner, i64)>,
    /// The selling site's margin before commissions; below zero if it sells at a loss.
    pub margin: i64,
}

impl Shares {
    pub fn commissions(&self) -> i64 {
        self.agents.iter().map(|(_, amount)| amount).sum()
    }
}

/// How many sites stand strictly between the main site and this one.
pub fn between(case: &Case, site: usize) -> usize {
    case.chain(site).len().saturating_sub(2)
}

/// What a line earns whom. `bringer` is the agent who brought the buyer, `buyer` the agent who buys himself.
pub fn of_line(case: &Case, hops: &[Hop], asked: Asked, (bringer, buyer): (Option<usize>, Option<usize>)) -> Shares {
    let pieces = i64::from(asked.quantity);
    let seller = hops[hops.len() - 1];
    let middle = if hops.len() > 2 { &hops[1..hops.len() - 1] } else { &[] };
    let between: Vec<_> = middle.iter().map(|hop| (Earner::Site(hop.site), pieces * (hop.price - hop.cost))).collect();
    let cost = if seller.site == 0 { dearest(case, asked.sku) } else { seller.cost };
    let margin = pieces * (seller.price - cost);
    // "Commissions ... come out of the margin of the selling site": farthest from the buyer gives way first.
    let mut left = margin.max(0);
    let mut agents = Vec::new();
    for (agent, wish) in wishes(case, seller, asked, (bringer, buyer, margin)) {
        let amount = wish.min(left);
        left -= amount;
        agents.push((Earner::Agent(agent), amount));
    }
    agents.retain(|(_, amount)| *amount > 0);
    Shares { wholesale: pieces * hops[0].price, between, agents, margin }
}

/// "What the goods cost it, by the day's cost or by what these very goods were put in stock for, whichever is more."
pub fn dearest(case: &Case, sku: usize) -> i64 {
    let (_, _, is_manual) = SKUS[sku];
    let known = &case.skus[sku];
    if is_manual { known.cost } else { known.cost.max(known.card_cost) }
}

/// The agents who may earn, nearest first, with what the plan says; shares round down.
fn wishes(
    case: &Case,
    seller: Hop,
    asked: Asked,
    (bringer, buyer, margin): (Option<usize>, Option<usize>, i64),
) -> Vec<(usize, i64)> {
    // "Nobody earns from what his own account buys": nobody brought him who brings himself. (The texts do not speak of those
    // above him; the program pays them nothing either.)
    let mut chain = Vec::new();
    let mut next = bringer.filter(|_| bringer != buyer);
    while let Some(agent) = next {
        chain.push(agent);
        next = case.upper(agent);
    }
    chain.truncate((1 + DEPTH_MAX).saturating_sub(between(case, seller.site)));
    let mut wishes = Vec::new();
    let mut highest = 0;
    for (tier, agent) in chain.into_iter().enumerate() {
        // Who buys or is suspended has nothing, and his rate is nobody's measure. (The texts say the first half.)
        if buyer == Some(agent) || case.agents[agent].is_suspended {
            continue;
        }
        let tier = if case.plan.is_difference { 0 } else { tier };
        let says = rule(case, seller.site, asked.sku, (agent, tier));
        let says = says.map_or(0, |rule| amount(case, rule, (seller, asked), margin).floor());
        // "One above earns what his is higher than all below him." (Both are rounded before they are compared, so that all of
        // them together have what the highest rate makes; the texts leave it open.)
        wishes.push((agent, if case.plan.is_difference { (says - highest).max(0) } else { says }));
        highest = highest.max(says);
    }
    wishes
}

/// What the rule pays for all pieces, not rounded.
fn amount(case: &Case, rule: &PlanRule, (seller, asked): (Hop, Asked), margin: i64) -> Fraction {
    let pieces = i64::from(asked.quantity);
    let of = |ppm: u32, base: i64| Fraction::millionths(ppm) * Fraction::whole(base);
    let earned = match rule.earning {
        EarningCase::OfPrice(ppm) => of(ppm, pieces * seller.price),
        EarningCase::OfMargin(ppm) => of(ppm, margin.max(0)),
        // "What is printed on the card; the price of goods that have no face value."
        EarningCase::OfFace(ppm) => of(ppm, pieces * case.skus[asked.sku].face.unwrap_or(seller.price)),
        EarningCase::Fixed(amount) => Fraction::whole(pieces * amount),
    };
    let (floor, cap) = bounds(rule);
    let earned = floor.map_or(earned, |floor| earned.max(Fraction::whole(pieces * floor)));
    cap.map_or(earned, |cap| earned.min(Fraction::whole(pieces * cap)))
}

/// What a piece earns at least, and at most.
pub fn bounds(rule: &PlanRule) -> (Option<i64>, Option<i64>) {
    (rule.floor, rule.cap.map(|cap| cap + rule.floor.unwrap_or(0)))
}

/// "Single agent > SKU > goods > category > agent level > site level > tenant."
fn rule(case: &Case, seller: usize, sku: usize, (agent, tier): (usize, usize)) -> Option<&PlanRule> {
    let (category, goods, _) = SKUS[sku];
    let weight = |rule: &&PlanRule| match rule.about {
        PlanAbout::Agent(one) if one == agent => Some(6),
        PlanAbout::Sku(one) if one == sku => Some(5),
        PlanAbout::Goods(one) if one == goods => Some(4),
        PlanAbout::Category(one) if one == category => Some(3),
        PlanAbout::AgentLevel(level) if case.agents[agent].level == Some(level) => Some(2),
        PlanAbout::SiteLevel(level) if case.sites[seller].level == Some(level) => Some(1),
        PlanAbout::Tenant => Some(0),
        _ => None,
    };
    let of_tier = case.plan.rules.iter().filter(|rule| usize::from(rule.tier) == tier);
    of_tier.filter(|rule| weight(rule).is_some()).max_by_key(weight)
}
