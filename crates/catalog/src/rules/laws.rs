//! What holds for every price, whatever the rules.

use kernel::{Currency, Money, Rate};
use proptest::option;
use proptest::prelude::*;

use super::bands::band_of;
use super::fixture::{BUYER, CATEGORY, Case, GOODS, SKU, by_template, everywhere, fen, level, site};
use super::{HopSteps, Step, Tier};
use crate::model::{Addition, Audience, Band, Formula, Reach, Rounding, RuleDraft, SkuId, Target, Terms, Whom};

const SITES_MAX: usize = 4;
const TEMPLATES: usize = 2;

fn rounding() -> impl Strategy<Value = Rounding> {
    prop::sample::select(Rounding::ALL.to_vec())
}

fn price_terms(audience: Audience) -> impl Strategy<Value = Terms> {
    let loss_cap = option::of(0i64..800).prop_map(move |cap| cap.filter(|_| audience == Audience::Retail));
    let formula = prop_oneof![
        (0i64..20_000, loss_cap).prop_map(|(price, cap)| Formula::Fixed { price: fen(price), loss_cap: cap.map(fen) }),
        (0i64..900).prop_map(|amount| Formula::Markup { amount: fen(amount) }),
        (0u32..400_000).prop_map(|ppm| Formula::Percent { rate: Rate::from_ppm(ppm) }),
    ];
    let plain = (formula, rounding()).prop_map(|(formula, rounding)| Terms::Price { formula, rounding });
    prop_oneof![3 => plain, 1 => (0..TEMPLATES).prop_map(by_template)]
}

fn bands() -> impl Strategy<Value = Vec<Band>> {
    let addition = prop_oneof![
        (0i64..900).prop_map(|amount| Addition::Amount { amount: fen(amount) }),
        (0u32..400_000).prop_map(|ppm| Addition::Percent { rate: Rate::from_ppm(ppm) }),
    ];
    prop::collection::btree_map(0i64..12_000, (addition, rounding()), 1..5).prop_map(|bands| {
        let band = |(from, (addition, rounding))| Band { from: fen(from), addition, rounding };
        bands.into_iter().map(band).collect()
    })
}

/// Half of the highest markups are so small that a rounded cap meets the purchase price.
fn limit_terms() -> impl Strategy<Value = Terms> {
    let markup_max = prop_oneof![0u32..20_000, 0u32..400_000].prop_map(Rate::from_ppm);
    (option::of(0i64..12_000), markup_max, any::<bool>()).prop_map(|(floor, rate, is_both)| Terms::Limit {
        floor: floor.map(fen),
        markup_max: (is_both || floor.is_none()).then_some(rate),
    })
}

fn rule() -> impl Strategy<Value = (usize, Reach, Terms)> {
    let audience = prop_oneof![Just(Audience::Wholesale), Just(Audience::Retail)];
    let targets = [Target::Site, Target::Category(CATEGORY), Target::Goods(GOODS), Target::Sku(SKU)];
    let other = Target::Sku(SkuId::from_uuid(uuid::Uuid::from_u128(99)));
    let target = prop::sample::select([targets.as_slice(), &[other]].concat());
    let people =
        vec![Whom::Everyone, Whom::Everyone, level("gold"), Whom::Subject(BUYER), Whom::Subject(site(1).uuid())];
    let place = (audience, 0..SITES_MAX, target, prop::sample::select(people), 1u32..6);
    place.prop_flat_map(|(audience, place, target, whom, quantity_min)| {
        let reach = Reach { target, whom, quantity_min, ..everywhere(audience) };
        let terms = prop_oneof![3 => price_terms(audience), 1 => limit_terms()];
        terms.prop_map(move |terms| (place, reach.clone(), terms))
    })
}

fn case() -> impl Strategy<Value = Case> {
    let rules = prop::collection::vec(rule(), 0..12);
    let templates = prop::collection::vec(bands(), TEMPLATES);
    (1..=SITES_MAX, 0i64..10_000, 0i64..3_000, rules, templates, 1u32..8, any::<bool>()).prop_map(
        |(sites, cost, above, rules, templates, quantity, is_gold)| {
            let mut case = Case::of(sites, "0.00", "0.00");
            (case.sku.cost, case.sku.list_price) = (fen(cost), fen(cost + above));
            case.quantity = quantity;
            case.subject.buyer = Some(BUYER);
            let gold = is_gold.then(|| "gold".to_owned());
            case.subject.level.clone_from(&gold);
            case.chain.iter_mut().skip(1).for_each(|place| place.level.clone_from(&gold));
            let case =
                templates.into_iter().enumerate().fold(case, |case, (number, bands)| case.template(number, bands));
            rules.into_iter().fold(case, |case, (place, reach, terms)| case.rule_for(place, reach, terms))
        },
    )
}

fn last_result(step: &Step) -> Option<Money> {
    match *step {
        Step::Rule { result, .. }
        | Step::Lifted { result, .. }
        | Step::Rounded { result, .. }
        | Step::Floored { result, .. }
        | Step::Capped { result, .. } => Some(result),
        Step::CoveredLoss { .. } => None,
    }
}

/// The band that counted on this hop, if its rule names a template.
fn band(steps: &HopSteps) -> Option<Band> {
    steps.steps.iter().find_map(|step| match *step {
        Step::Rule { band, .. } => band,
        _ => None,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn margins_sum_to_retail_less_cost(case in case()) {
        if let Ok(quote) = case.resolve() {
            prop_assert!(quote.is_balanced());
            prop_assert_eq!(quote.hops.len(), case.chain.len());
            prop_assert_eq!(quote.hops[0].cost, case.sku.cost);
        }
    }

    #[test]
    fn nobody_sells_under_his_purchase_price_unless_its_owner_allowed_that_loss(case in case()) {
        if let Ok(quote) = case.resolve() {
            let (last, above) = quote.hops.split_last().expect("a chain");
            prop_assert!(above.iter().all(|hop| !hop.margin.is_negative()));
            prop_assert_eq!(quote.loss.is_some(), last.margin.is_negative());
            if let Some(loss) = quote.loss {
                let allowed = last.rule.and_then(|rule| case.rules.iter().find(|other| other.id == rule.id));
                let cap = match allowed.map(|rule| rule.terms) {
                    Some(Terms::Price { formula: Formula::Fixed { loss_cap, .. }, .. }) => loss_cap,
                    _ => None,
                };
                prop_assert!(cap.is_some_and(|cap| loss.minor() <= cap.minor()));
            }
        }
    }

    /// With the same rules, wherever both prices exist, down to the first hop where the higher cost reaches another
    /// band of a template: the next band may add less, and from there on nothing is promised. A fixed price may vanish
    /// when the cost passes it, and a cap may come back when the cost lifts it over a floor: that is why both must
    /// exist.
    #[test]
    fn a_higher_main_cost_never_gives_a_lower_price_on_any_hop_within_the_same_bands(
        case in case(), more in 0i64..3_000
    ) {
        let mut dearer = case.clone();
        dearer.sku.cost = fen(case.sku.cost.minor() + more);
        let (before, after) = (case.explain(), dearer.explain());
        if let (Ok(quote), Ok(dearer)) = (&before.outcome, &after.outcome) {
            let hops = quote.hops.iter().zip(&dearer.hops).zip(before.hops.iter().zip(&after.hops));
            for ((hop, dearer), _) in hops.take_while(|(_, (steps, dearer))| band(steps) == band(dearer)) {
                prop_assert!(hop.price.minor() <= dearer.price.minor());
            }
        }
    }

    #[test]
    fn the_band_that_counts_is_the_last_that_begins_at_or_under_the_cost(bands in bands(), cost in 0i64..15_000) {
        let expected = bands.iter().rev().find(|band| band.from.minor() <= cost).copied();
        prop_assert_eq!(band_of(&bands, fen(cost)), Ok(expected));
    }

    /// Without limits from above. Under the first band the price is the purchase price itself.
    #[test]
    fn a_template_adds_at_least_its_bands_addition_and_rounds_as_the_band_says(
        bands in bands(), cost in 0i64..15_000
    ) {
        let mut case = Case::of(1, "0.00", "0.00").template(0, bands.clone()).rule(0, Audience::Retail, by_template(0));
        case.sku.cost = fen(cost);
        let price = case.retail();
        match band_of(&bands, fen(cost)).expect("one currency") {
            None => prop_assert_eq!(price, fen(cost)),
            Some(band) => {
                let added = match band.addition {
                    Addition::Amount { amount } => amount,
                    Addition::Percent { rate } => rate.of_up(fen(cost)).expect("fits"),
                };
                prop_assert!(price.minor() >= cost + added.minor());
                prop_assert!(price.minor() - cost - added.minor() < 100);
                prop_assert_eq!(band.rounding.down(price), Ok(price));
            }
        }
    }

    #[test]
    fn the_order_in_which_bands_are_read_does_not_matter(case in case()) {
        let mut turned = case.clone();
        turned.templates.values_mut().for_each(|bands| bands.reverse());
        prop_assert_eq!(turned.resolve(), case.resolve());
    }

    #[test]
    fn an_explanation_tells_the_same_price_and_its_steps_end_there(case in case()) {
        let explanation = case.explain();
        prop_assert_eq!(&explanation.outcome, &case.resolve());
        if let Ok(quote) = &explanation.outcome {
            for (hop, steps) in quote.hops.iter().zip(&explanation.hops) {
                prop_assert_eq!(hop.site, steps.site);
                prop_assert_eq!(steps.steps.iter().rev().find_map(last_result), Some(hop.price));
            }
        }
    }

    #[test]
    fn the_tiers_are_the_prices_of_every_quantity_that_one_order_may_take(mut case in case(), most in 1u32..9) {
        case.sku.quantity_max = most;
        let tiers = case.tiers();
        for quantity in 1..=most + 1 {
            case.quantity = quantity;
            let found: Vec<&Tier> = tiers.iter().filter(|tier| (tier.from..=tier.to).contains(&quantity)).collect();
            let meant = case.resolve().ok().map(|quote| quote.unit).filter(|_| quantity <= most);
            prop_assert_eq!(found.iter().map(|tier| tier.unit).collect::<Vec<_>>(), Vec::from_iter(meant));
        }
        for pair in tiers.windows(2) {
            prop_assert!(pair[0].to < pair[1].from);
            prop_assert!(pair[0].to + 1 < pair[1].from || pair[0].unit != pair[1].unit, "one range, not two");
        }
    }

    #[test]
    fn a_cap_only_lowers_and_every_other_step_only_raises(case in case()) {
        for step in case.explain().hops.iter().flat_map(|hop| &hop.steps) {
            match *step {
                Step::Rule { .. } | Step::CoveredLoss { .. } => {}
                Step::Capped { from, result, .. } => prop_assert!(result.minor() < from.minor()),
                Step::Lifted { from, result } | Step::Rounded { from, result, .. } | Step::Floored { from, result, .. } => {
                    prop_assert!(from.minor() < result.minor());
                }
            }
        }
    }

    #[test]
    fn the_order_of_the_rules_in_the_book_does_not_matter(case in case()) {
        let mut turned = case.clone();
        turned.rules.reverse();
        prop_assert_eq!(turned.resolve(), case.resolve());
    }

    #[test]
    fn every_price_keeps_to_the_limits_from_above(case in case(), floor in 0i64..12_000, ppm in 0u32..300_000) {
        let limit = Terms::Limit { floor: Some(fen(floor)), markup_max: Some(Rate::from_ppm(ppm)) };
        let secret = Reach { target: Target::Sku(SKU), whom: Whom::Subject(site(1).uuid()), quantity_min: 7, ..everywhere(Audience::Retail) };
        let mut case = case.rule_for(0, secret, limit);
        case.quantity = 7; // now this limit is the most specific there is
        if let Ok(quote) = case.resolve() && let [_, .., last] = quote.hops.as_slice() {
            prop_assert!(last.price.minor() >= floor);
            let cap = last.cost.minor() + Rate::from_ppm(ppm).of_down(last.cost).expect("fits").minor();
            prop_assert!(last.price.minor() <= cap);
        }
    }

    #[test]
    fn rounding_up_reaches_the_next_amount_and_rounding_down_the_one_before(
        rounding in rounding(), minor in 0i64..10_000_000, yen in any::<bool>()
    ) {
        let price = Money::new(minor, if yen { Currency::JPY } else { Currency::CNY });
        let (up, down) = (rounding.up(price).expect("fits"), rounding.down(price).expect("fits"));
        let step = match rounding {
            _ if yen => 1,
            Rounding::None => 1,
            Rounding::UpTenth => 10,
            Rounding::UpHalf => 50,
            Rounding::UpWhole | Rounding::EndNine | Rounding::EndNinetyNine => 100,
        };
        prop_assert!(down.minor() <= minor && minor <= up.minor());
        prop_assert!(up.minor() - minor < step && minor - down.minor() < step);
        prop_assert_eq!(rounding.up(up), Ok(up));
        prop_assert_eq!(rounding.down(up), Ok(up));
        if !yen && rounding == Rounding::EndNine { prop_assert_eq!(up.minor() % 100, 90); }
        if !yen && rounding == Rounding::EndNinetyNine { prop_assert_eq!(up.minor() % 100, 99); }
    }

    #[test]
    fn two_rules_have_one_code_only_if_they_are_about_the_same(left in rule(), right in rule()) {
        let draft = |(place, reach, terms): (usize, Reach, Terms)| RuleDraft { site: site(place), reach, terms };
        let is_limit = |terms: &Terms| matches!(terms, Terms::Limit { .. });
        let is_same = left.0 == right.0 && left.1 == right.1 && is_limit(&left.2) == is_limit(&right.2);
        prop_assert_eq!(draft(left).code() == draft(right).code(), is_same);
    }
}
