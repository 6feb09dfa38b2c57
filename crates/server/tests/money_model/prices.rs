//! What a site asks, by the section "Pricing" of product.md and the words of the catalogue's types.

use super::case::{About, Case, FormulaCase, LimitCase, PriceCase, RoundingCase, SKUS, WhomCase};
use super::fraction::Fraction;

/// What a site of the chain pays and asks for a piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hop {
    pub site: usize,
    pub cost: i64,
    pub price: i64,
}

/// What is asked for: the SKU, how many, and by whom (the number of a customer).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    pub sku: usize,
    pub quantity: u32,
    pub customer: Option<usize>,
}

/// The hops from the main site down to the selling one; nothing if the SKU is hidden there.
pub fn chain(case: &Case, seller: usize, asked: Asked) -> Option<Vec<Hop>> {
    let chain = case.chain(seller);
    let mut hops = Vec::new();
    let mut cost = case.skus[asked.sku].cost;
    for (place, site) in chain.iter().enumerate() {
        let below = chain.get(place + 1).copied();
        let price = ask(case, &chain[..=place], (cost, below), asked)?;
        hops.push(Hop { site: *site, cost, price });
        cost = price;
    }
    Some(hops)
}

/// "Order: rule, lift to cost, round up, floor, then cap (rounded down to the same step; the cap wins over rounding)."
fn ask(case: &Case, chain: &[usize], (cost, below): (i64, Option<usize>), asked: Asked) -> Option<i64> {
    let site = chain[chain.len() - 1];
    let rule = rule(case, site, below, asked);
    let mut rounding = RoundingCase::None;
    let list_price = case.skus[asked.sku].list_price;
    let mut price = match rule {
        // "The main site's price where no rule says otherwise": whoever sells to buyers asks it, if it is not under what he
        // pays; to a site below nothing is added. (product.md is silent: this is what the program does.)
        None if site == 0 && list_price < cost => return None,
        None if site == 0 => list_price,
        None if below.is_none() && list_price >= cost => list_price,
        None => cost,
        Some(rule) => {
            rounding = rule.rounding;
            match rule.formula {
                FormulaCase::Fixed { above_cost, loss_cap } => {
                    let price = fixed_price(case, asked.sku, above_cost);
                    // "A fixed price under its own purchase price hides the SKU"; a loss only up to the owner's cap.
                    if cost - price > loss_cap.unwrap_or(0) {
                        return None;
                    }
                    price
                }
                FormulaCase::Markup(amount) => cost + amount,
                FormulaCase::Percent(ppm) => {
                    (Fraction::whole(cost) * (Fraction::whole(1) + Fraction::millionths(ppm))).ceil()
                }
            }
        }
    };
    price = round_up(price, rounding);
    // "Floors and max markups come from above."
    let is_retail = below.is_none();
    let above = &chain[..chain.len() - 1];
    let limits: Vec<&LimitCase> =
        case.limits.iter().filter(|limit| limit.is_retail == is_retail && above.contains(&limit.site)).collect();
    let floor = limits.iter().filter_map(|limit| limit.floor).max().unwrap_or(0);
    price = price.max(floor);
    if let Some(ppm) = limits.iter().filter_map(|limit| limit.markup_max).min() {
        let cap = (Fraction::whole(cost) * (Fraction::whole(1) + Fraction::millionths(ppm))).floor();
        if price > cap {
            // "A cap below floor or cost hides the SKU"; one that nothing has to be cut to hides nothing, wherever its step is.
            price = round_down(cap, rounding);
            if price < floor || price < cost {
                return None;
            }
        }
    }
    Some(price)
}

/// What a fixed price of the case says.
pub fn fixed_price(case: &Case, sku: usize, above_cost: i64) -> i64 {
    (case.skus[sku].first_cost + above_cost).max(1)
}

/// "Most specific first: secret price > SKU > goods > category > site default; per site level or member level."
/// Of rules about the same the one from more pieces on, and then one for the level. (product.md does not say which of the two
/// comes first: this is what the program does.)
fn rule(case: &Case, site: usize, below: Option<usize>, asked: Asked) -> Option<&PriceCase> {
    let (category, goods, _) = SKUS[asked.sku];
    let is_about = |about: About| match about {
        About::All => true,
        About::Category(one) => one == category,
        About::Goods(one) => one == goods,
        About::Sku(one) => one == asked.sku,
    };
    let is_for = |price: &PriceCase| match price.whom {
        WhomCase::Everyone => true,
        WhomCase::Level(level) => below.is_some_and(|below| case.sites[below].level == Some(level)),
        WhomCase::Secret if price.is_retail => asked.customer == Some(0),
        WhomCase::Secret => below == case.below(site),
    };
    let fits = |price: &&PriceCase| {
        price.site == site
            && price.is_retail == below.is_none()
            && is_about(price.about)
            && is_for(price)
            && price.from_quantity <= asked.quantity
    };
    let about = |price: &PriceCase| match price.about {
        About::All => 0,
        About::Category(_) => 1,
        About::Goods(_) => 2,
        About::Sku(_) => 3,
    };
    let weight = |price: &&PriceCase| {
        let is_secret = price.whom == WhomCase::Secret;
        (is_secret, about(price), price.from_quantity, price.whom != WhomCase::Everyone)
    };
    case.prices.iter().filter(fits).max_by_key(weight)
}

/// The step, and what an amount on the grid leaves of it.
fn grid(rounding: RoundingCase) -> (i64, i64) {
    match rounding {
        RoundingCase::None => (1, 0),
        RoundingCase::Tenth => (10, 0),
        RoundingCase::Half => (50, 0),
        RoundingCase::Whole => (100, 0),
        RoundingCase::Nine => (100, 90),
        RoundingCase::NinetyNine => (100, 99),
    }
}

fn round_up(amount: i64, rounding: RoundingCase) -> i64 {
    let (step, rest) = grid(rounding);
    (amount..amount + step).find(|amount| amount.rem_euclid(step) == rest).expect("one of a step's amounts")
}

fn round_down(amount: i64, rounding: RoundingCase) -> i64 {
    let (step, rest) = grid(rounding);
    (amount - step + 1..=amount).find(|amount| amount.rem_euclid(step) == rest).expect("one of a step's amounts")
}
