//! One site's price, from what it pays: rule, lift, rounding, floor, cap, in this order.

use kernel::{Money, MoneyError};

use super::PriceRequest;
use super::explain::Step;
use super::lookup::{Asking, most_specific};
use super::quote::{HiddenReason, Hop, RuleRef, Source};
use super::{bands, limits};
use crate::model::{Band, Formula, Rounding, Terms};

/// Where a price starts, and what may be done to it.
#[derive(Debug, Clone, Copy)]
struct Start {
    amount: Money,
    under_cost: UnderCost,
    rounding: Rounding,
    source: Source,
    rule: Option<RuleRef>,
    formula: Option<Formula>,
    band: Option<Band>,
}

/// What to do with a price under the purchase price.
#[derive(Debug, Clone, Copy)]
enum UnderCost {
    Lift,
    Hide,
    LoseUpTo(Money),
}

/// The price of the site at `place`, which pays `cost`.
pub(super) fn price(
    request: &PriceRequest<'_>,
    place: usize,
    cost: Money,
    note: &mut impl FnMut(Step),
) -> Result<Hop, HiddenReason> {
    let start = start(request, place, cost)?;
    let Start { amount, rounding, source, rule, formula, band, .. } = start;
    note(Step::Rule { source, rule, formula, band, cost, result: amount });
    let whole = above_cost(&start, cost, note)?;
    let rounded = rounding.up(whole)?;
    if rounded != whole {
        note(Step::Rounded { rounding, from: whole, result: rounded });
    }
    let price = within_limits(request, place, cost, (rounded, rounding), note)?;
    let margin = price.minus(cost)?;
    Ok(Hop { site: request.chain[place].site, cost, price, margin, rule, source })
}

/// Finds the rule or the default, and applies it.
fn start(request: &PriceRequest<'_>, place: usize, cost: Money) -> Result<Start, HiddenReason> {
    let asking = Asking::price(request, place);
    let rules = request.chain[place].rules;
    let rule = most_specific(|target| rules.prices(target), &asking, |_| true);
    let Some((rule, Terms::Price { formula, rounding })) = rule.map(|rule| (rule, rule.terms)) else {
        return Ok(without_rule(request, place, cost)?);
    };
    let mut rounding = rounding;
    let mut band = None;
    let (amount, under_cost) = match formula {
        Formula::Fixed { price, loss_cap } => (price, loss_cap.map_or(UnderCost::Hide, UnderCost::LoseUpTo)),
        Formula::Markup { amount } => (cost.plus(amount)?, UnderCost::Lift),
        Formula::Percent { rate } => (cost.plus(rate.of_up(cost)?)?, UnderCost::Lift),
        Formula::Template { template } => {
            let bands = rules.bands(template).ok_or(HiddenReason::TemplateMissing)?;
            band = bands::band_of(bands, cost)?;
            rounding = band.map_or(Rounding::None, |band| band.rounding);
            (bands::with_addition(band, cost)?, UnderCost::Lift)
        }
    };
    // An amount of another currency must not pass as one of this, whatever is done with it later.
    amount.minus(cost)?;
    let (source, reference) = (rule.source(), Some(rule.reference()));
    Ok(Start { amount, under_cost, rounding, source, rule: reference, formula: Some(formula), band })
}

/// The defaults that the module's head tells.
fn without_rule(request: &PriceRequest<'_>, place: usize, cost: Money) -> Result<Start, MoneyError> {
    let list_price = request.sku.list_price;
    list_price.minus(cost)?;
    let is_retail = place + 1 == request.chain.len();
    let (amount, under_cost, source) = if place == 0 {
        (list_price, UnderCost::Hide, Source::ListPrice)
    } else if is_retail && list_price.minor() >= cost.minor() {
        (list_price, UnderCost::Lift, Source::ListPrice)
    } else {
        (cost, UnderCost::Lift, Source::PurchasePrice)
    };
    Ok(Start { amount, under_cost, rounding: Rounding::None, source, rule: None, formula: None, band: None })
}

/// Lifts, hides, or lets a covered loss pass.
fn above_cost(start: &Start, cost: Money, note: &mut impl FnMut(Step)) -> Result<Money, HiddenReason> {
    let price = start.amount;
    if price.minor() >= cost.minor() {
        return Ok(price);
    }
    match start.under_cost {
        UnderCost::Lift => {
            note(Step::Lifted { from: price, result: cost });
            Ok(cost)
        }
        UnderCost::Hide => Err(HiddenReason::BelowCost { price, cost }),
        UnderCost::LoseUpTo(loss_cap) => {
            let loss = cost.minus(price)?;
            if loss_cap.minus(loss)?.is_negative() {
                return Err(HiddenReason::LossTooHigh { price, loss, loss_cap });
            }
            note(Step::CoveredLoss { cost, loss, loss_cap });
            Ok(price)
        }
    }
}

/// Raises to the floor, then lowers to the cap; hides what fits between neither.
fn within_limits(
    request: &PriceRequest<'_>,
    place: usize,
    cost: Money,
    (rounded, rounding): (Money, Rounding),
    note: &mut impl FnMut(Step),
) -> Result<Money, HiddenReason> {
    let floor = limits::floor(request, place);
    let mut price = rounded;
    if let Some(floor) = floor
        && rounded.minus(floor.value)?.is_negative()
    {
        price = floor.value;
        note(Step::Floored { set_by: floor.set_by, limit: floor.limit, from: rounded, result: price });
    }
    let Some(cap) = limits::cap(request, place, cost)? else { return Ok(price) };
    if price.minor() <= cap.value.minor() {
        return Ok(price);
    }
    let capped = rounding.down(cap.value)?;
    if let Some(floor) = floor
        && capped.minor() < floor.value.minor()
    {
        return Err(HiddenReason::CapBelowFloor { cap: capped, floor: floor.value });
    }
    if capped.minor() < cost.minor() {
        return Err(HiddenReason::CapBelowCost { cap: capped, cost });
    }
    note(Step::Capped { set_by: cap.set_by, limit: cap.limit, cap: cap.value, from: price, result: capped });
    Ok(capped)
}
