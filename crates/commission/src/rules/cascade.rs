//! From a line and a chain of agents to what each of them earns.

use catalog::{CategoryId, Code, GoodsId, SkuId};
use identity::CustomerId;
use kernel::Money;

use super::DEPTH_MAX;
use crate::model::{AgentId, AgentState, Base, Earning, Mode, Plan, Referrer, Rule, Target, Terms};

/// A line of an order as commissions see it, with what decides about them.
#[derive(Debug, Clone, Copy)]
pub struct SoldTo<'a> {
    /// What is sold.
    pub sku: SkuId,
    /// Its goods.
    pub goods: GoodsId,
    /// Their category.
    pub category: CategoryId,
    /// The level of the selling site.
    pub site_level: Option<&'a str>,
    /// How many sites stand between the main site and the selling one.
    pub sites_between: usize,
    /// What the buyer pays for all pieces.
    pub price: Money,
    /// What the selling site earns from all pieces; below zero if it sells at a loss.
    pub margin: Money,
    /// What is printed on one piece.
    pub face_value: Option<Money>,
    /// How many pieces.
    pub quantity: u32,
    /// Who buys, if he has an account.
    pub buyer: Option<CustomerId>,
}

/// Why an agent earns what he does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// What his rule pays.
    Paid,
    /// Less than his rule pays, or nothing: the margin of the selling site did not reach so far.
    MarginUsedUp,
    /// No rule is about this sale and him.
    NoRule,
    /// He is not active.
    NotActive,
    /// He buys himself, or the one whom he would have brought is himself.
    OwnPurchase,
    /// As many others earn as may.
    BeyondDepth,
}

/// What one agent earns from a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share<'a> {
    /// The agent.
    pub agent: AgentId,
    /// 0 for the one who brought the buyer.
    pub tier: u8,
    /// The rule that counted.
    pub rule: Option<&'a Rule>,
    /// What it pays where the margin is wide enough.
    pub wanted: Money,
    /// What he earns.
    pub amount: Money,
    /// Why.
    pub outcome: Outcome,
}

/// What each agent of `chain` earns from `line` by `plan`, from the one who brought the buyer upwards; together at most the
/// margin, never below zero. Shares round down; the selling site keeps what that leaves.
/// Whoever stands nearer to the buyer takes first what the margin has. No plan can make a sale fail: what it pays beyond
/// all amounts is beyond the margin, too.
pub fn cascade<'a>(plan: &'a Plan, line: &SoldTo<'_>, chain: &[Referrer]) -> Vec<Share<'a>> {
    let money = |minor: i64| Money::new(minor, line.price.currency());
    let zero = money(0);
    let mut left = line.margin.minor().max(0);
    // In the mode of differences: the highest that anybody below would earn.
    let mut highest = 0;
    let mut shares = Vec::with_capacity(chain.len());
    for (tier, referrer) in (0u8..).zip(chain) {
        let nothing = |outcome| Share { agent: referrer.agent, tier, rule: None, wanted: zero, amount: zero, outcome };
        if let Some(outcome) = hindrance(line, chain, tier, referrer) {
            shares.push(nothing(outcome));
            continue;
        }
        let rule_tier = if plan.mode == Mode::Difference { 0 } else { tier };
        let Some(rule) = most_specific(&plan.rules, rule_tier, line, referrer) else {
            shares.push(nothing(Outcome::NoRule));
            continue;
        };
        let gross = gross(&rule.terms, line);
        let wanted = match plan.mode {
            Mode::Tiers => gross,
            Mode::Difference => (gross - highest).max(0),
        };
        highest = highest.max(gross);
        let amount = wanted.min(left);
        left -= amount;
        shares.push(Share {
            agent: referrer.agent,
            tier,
            rule: Some(rule),
            wanted: money(wanted),
            amount: money(amount),
            outcome: if amount < wanted { Outcome::MarginUsedUp } else { Outcome::Paid },
        });
    }
    shares
}

/// Why this agent of the chain earns nothing whatever the plan says.
fn hindrance(line: &SoldTo<'_>, chain: &[Referrer], tier: u8, referrer: &Referrer) -> Option<Outcome> {
    let is_buyer = |one: &Referrer| line.buyer == Some(one.customer);
    if is_buyer(referrer) || chain.first().is_some_and(is_buyer) {
        return Some(Outcome::OwnPurchase);
    }
    if tier > 0 && line.sites_between + usize::from(tier) > DEPTH_MAX {
        return Some(Outcome::BeyondDepth);
    }
    (referrer.state != AgentState::Active).then_some(Outcome::NotActive)
}

/// The most specific rule of a tier about this line and this agent. No two of a plan are equally specific.
fn most_specific<'a>(rules: &'a [Rule], tier: u8, line: &SoldTo<'_>, referrer: &Referrer) -> Option<&'a Rule> {
    let is_about = |target: &Target| match target {
        Target::Tenant => true,
        Target::SiteLevel(level) => line.site_level == Some(level.as_str()),
        Target::AgentLevel(level) => referrer.level.as_ref().map(Code::as_str) == Some(level.as_str()),
        Target::Category(category) => line.category == *category,
        Target::Goods(goods) => line.goods == *goods,
        Target::Sku(sku) => line.sku == *sku,
        Target::Agent(agent) => referrer.agent == *agent,
    };
    rules.iter().filter(|rule| rule.tier == tier && is_about(&rule.target)).max_by_key(|rule| rule.target.rank())
}

/// What the terms pay for all pieces in minor units, before anybody gives way; never below zero.
fn gross(terms: &Terms, line: &SoldTo<'_>) -> i64 {
    let all = |one: Money| i128::from(one.minor()) * i128::from(line.quantity);
    let earned = match terms.earning {
        Earning::Fixed { amount } => all(amount),
        Earning::Share { base, rate } => {
            let of = match (base, line.face_value) {
                (Base::Margin, _) => i128::from(line.margin.minor()),
                (Base::FaceValue, Some(face_value)) => all(face_value),
                (Base::FaceValue, None) | (Base::Price, _) => i128::from(line.price.minor()),
            };
            of.max(0) * i128::from(rate.ppm()) / 1_000_000
        }
    };
    let raised = terms.floor.map_or(earned, |floor| earned.max(all(floor)));
    let bounded = terms.cap.map_or(raised, |cap| raised.min(all(cap)));
    i64::try_from(bounded).unwrap_or(i64::MAX)
}
