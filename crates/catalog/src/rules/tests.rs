//! The sentences of the pricing plan, one test each.

use chrono::TimeDelta;
use kernel::{Coded, Currency, Money};
use uuid::Uuid;

use super::fixture::*;
use super::{HiddenReason, Source, Step};
use crate::model::Audience::{Retail, Wholesale};
use crate::model::{Code, Formula, OnSale, Reach, Rounding, Target, Terms, Whom};

fn reason(case: &Case) -> HiddenReason {
    case.resolve().expect_err("the case has no price").reason
}

#[test]
fn the_main_site_without_a_rule_sells_at_list_price() {
    let quote = Case::of(1, "8.96", "9.60").resolve().expect("a price");
    assert_eq!((quote.unit, quote.hops[0].margin), (yuan("9.60"), yuan("0.64")));
    assert_eq!((quote.hops[0].source, quote.hops[0].rule_text()), (Source::ListPrice, "list_price".to_owned()));
}

#[test]
fn the_main_site_without_a_wholesale_rule_asks_the_list_price_below() {
    let quote = Case::of(2, "8.96", "9.60").rule(1, Retail, markup("1.00", Rounding::None)).resolve().expect("a price");
    assert_eq!((quote.hops[0].price, quote.unit), (yuan("9.60"), yuan("10.60")));
}

#[test]
fn a_list_price_under_cost_hides_like_a_fixed_price() {
    let case = Case::of(1, "9.61", "9.60");
    assert_eq!(reason(&case), HiddenReason::BelowCost { price: yuan("9.60"), cost: yuan("9.61") });
}

#[test]
fn a_sub_site_without_a_retail_rule_sells_at_list_price_or_at_cost_if_that_is_higher() {
    let case =
        |wholesale: &str| Case::of(2, "8.00", "9.60").rule(0, Wholesale, fixed(wholesale)).resolve().expect("a price");
    assert_eq!((case("9.00").unit, case("9.00").hops[1].source), (yuan("9.60"), Source::ListPrice));
    assert_eq!((case("9.80").unit, case("9.80").hops[1].source), (yuan("9.80"), Source::PurchasePrice));
}

#[test]
fn a_sub_site_without_a_wholesale_rule_passes_its_purchase_price_on() {
    let quote = Case::of(3, "8.00", "9.60").rule(0, Wholesale, fixed("9.00")).resolve().expect("a price");
    assert_eq!((quote.hops[1].price, quote.hops[1].margin), (yuan("9.00"), yuan("0.00")));
}

#[test]
fn a_price_starts_from_the_wholesale_price_above_and_never_from_its_retail_price() {
    let case = Case::of(2, "10.00", "12.00").rule(0, Wholesale, markup("1.00", Rounding::None));
    let case = case.rule(0, Retail, fixed("50.00")).rule(1, Retail, percent(100_000, Rounding::None));
    assert_eq!(case.retail(), yuan("12.10"));
}

#[test]
fn the_most_specific_rule_counts() {
    let mut case = Case::of(1, "1.00", "1.00");
    case.subject.buyer = Some(BUYER);
    let secret = Reach { whom: Whom::Subject(BUYER), ..everywhere(Retail) };
    let steps = [
        (everywhere(Retail), "5.00", Source::Site),
        (Reach { target: Target::Category(CATEGORY), ..everywhere(Retail) }, "4.00", Source::Category),
        (Reach { target: Target::Goods(GOODS), ..everywhere(Retail) }, "3.00", Source::Goods),
        (Reach { target: Target::Sku(SKU), ..everywhere(Retail) }, "2.00", Source::Sku),
        (secret, "1.50", Source::Secret),
    ];
    // The specific ones are older, so that being newer cannot be why they count.
    for place in 0..steps.len() {
        let built = steps[..=place]
            .iter()
            .rev()
            .fold(case.clone(), |case, (reach, price, _)| case.rule_for(0, reach.clone(), fixed(price)));
        let hop = built.resolve().expect("a price").hops[0];
        assert_eq!((hop.price, hop.source), (yuan(steps[place].1), steps[place].2));
    }
}

#[test]
fn the_largest_quantity_break_that_is_reached_counts() {
    let from = |quantity_min| Reach { quantity_min, ..everywhere(Retail) };
    let mut case = Case::of(1, "1.00", "9.00").rule_for(0, from(50), fixed("5.00"));
    case = case.rule_for(0, from(10), fixed("6.00")).rule_for(0, from(1), fixed("7.00"));
    let mut prices = [1, 9, 10, 49, 50, 9_999].map(|quantity| {
        case.quantity = quantity;
        case.retail().minor()
    });
    prices.reverse();
    assert_eq!(prices, [500, 500, 600, 600, 700, 700]);
}

#[test]
fn among_equals_a_level_counts_before_everyone_and_the_newer_before_the_older() {
    let for_gold = Reach { whom: level("gold"), ..everywhere(Retail) };
    let mut case = Case::of(1, "1.00", "9.00").rule_for(0, for_gold, fixed("6.00"));
    case = case.rule(0, Retail, fixed("7.00")).rule(0, Retail, fixed("8.00"));
    assert_eq!(case.retail(), yuan("8.00"), "a guest pays the newer price");
    case.subject.level = Some("gold".to_owned());
    assert_eq!(case.retail(), yuan("6.00"));
    case.subject.level = Some("silver".to_owned());
    assert_eq!(case.retail(), yuan("8.00"));
}

#[test]
fn a_sites_level_is_the_one_its_parent_gave() {
    let for_gold = Reach { whom: level("gold"), ..everywhere(Wholesale) };
    let mut case = Case::of(2, "8.00", "9.60").rule_for(0, for_gold, fixed("8.50")).rule(0, Wholesale, fixed("9.00"));
    assert_eq!(case.resolve().expect("a price").hops[0].price, yuan("9.00"));
    case.chain[1].level = Some("gold".to_owned());
    assert_eq!(case.resolve().expect("a price").hops[0].price, yuan("8.50"));
}

#[test]
fn a_secret_wholesale_price_is_for_one_site_only() {
    let secret = |place| Reach { whom: Whom::Subject(site(place).uuid()), ..everywhere(Wholesale) };
    let case = Case::of(2, "8.00", "9.60").rule_for(0, secret(1), fixed("8.10"));
    assert_eq!(case.resolve().expect("a price").hops[0].price, yuan("8.10"));
    let case = Case::of(2, "8.00", "9.60").rule_for(0, secret(7), fixed("8.10"));
    assert_eq!(case.resolve().expect("a price").hops[0].price, yuan("9.60"));
}

#[test]
fn of_two_rules_for_the_same_the_one_that_began_later_counts_whichever_is_newer() {
    let case = Case::of(1, "1.00", "9.00");
    let reach = |hours_ago| Reach { valid_from: Some(case.now - TimeDelta::hours(hours_ago)), ..everywhere(Retail) };
    let mut turned = case.clone().rule_for(0, reach(1), fixed("5.00")).rule_for(0, reach(2), fixed("6.00"));
    turned = turned.rule(0, Retail, fixed("7.00"));
    assert_eq!(turned.retail(), yuan("5.00"));
    turned.rules.remove(0);
    assert_eq!(turned.retail(), yuan("6.00"), "a rule that has a beginning goes before one that was always there");
}

#[test]
fn a_template_adds_by_what_the_site_pays_and_its_band_rounds() {
    let bands = [adds("0.00", "0.50", Rounding::None), adds_share("9.00", 100_000, Rounding::EndNine)];
    let case = |wholesale| {
        let case = Case::of(2, "1.00", "9.00").rule(0, Wholesale, fixed(wholesale)).template(0, bands);
        case.rule(1, Retail, by_template(0)).retail()
    };
    assert_eq!(case("8.99"), yuan("9.49"));
    assert_eq!(case("9.00"), yuan("9.90"));
    assert_eq!(case("9.01"), yuan("10.90"));
}

#[test]
fn a_purchase_price_under_the_first_band_is_passed_on_as_it_is() {
    let case = Case::of(1, "8.99", "9.60").template(0, [adds("9.00", "0.50", Rounding::UpWhole)]);
    assert_eq!(case.rule(0, Retail, by_template(0)).retail(), yuan("8.99"));
}

#[test]
fn a_dearer_card_can_be_sold_cheaper_where_the_next_band_adds_less() {
    let bands = [adds("0.00", "5.00", Rounding::None), adds("10.00", "1.00", Rounding::None)];
    let mut case = Case::of(1, "9.99", "9.60").template(0, bands).rule(0, Retail, by_template(0));
    assert_eq!(case.retail(), yuan("14.99"));
    case.sku.cost = yuan("10.00");
    assert_eq!(case.retail(), yuan("11.00"));
}

#[test]
fn an_explanation_shows_the_band() {
    let bands = [adds("0.00", "0.50", Rounding::None), adds("9.00", "0.80", Rounding::UpTenth)];
    let case = Case::of(1, "9.12", "9.60").template(0, bands).rule(0, Retail, by_template(0));
    let Step::Rule { band, result, .. } = case.explain().hops[0].steps[0] else { panic!("the rule comes first") };
    assert_eq!((band, result), (Some(bands[1]), yuan("9.92")));
}

#[test]
fn a_template_keeps_to_the_limits_from_above() {
    let case = Case::of(2, "8.00", "9.00").rule(0, Retail, markup_max(100_000)).rule(0, Retail, floor("9.50"));
    let priced = |band| case.clone().template(0, [band]).rule(1, Retail, by_template(0)).retail();
    assert_eq!(priced(adds("0.00", "0.10", Rounding::None)), yuan("9.50"));
    assert_eq!(priced(adds("0.00", "4.00", Rounding::UpHalf)), yuan("9.50"), "9.90 rounded down to a half");
}

#[test]
fn a_template_in_another_currency_or_not_there_hides_the_sku() {
    let dollars = Money::new(100, Currency::USD);
    let mut band = adds("0.00", "1.00", Rounding::None);
    band.from = dollars;
    let case = Case::of(1, "8.00", "9.00").rule(0, Retail, by_template(0));
    assert_eq!(reason(&case), HiddenReason::TemplateMissing);
    assert_eq!(reason(&case.template(0, [band])), HiddenReason::OtherCurrency);
}

#[test]
fn outside_its_window_a_rule_does_not_exist() {
    let mut case = Case::of(1, "1.00", "9.00");
    let (from, until) = (case.now, case.now + TimeDelta::hours(1));
    let reach = Reach { valid_from: Some(from), valid_until: Some(until), ..everywhere(Retail) };
    case = case.rule_for(0, reach, fixed("5.00"));
    let mut at = |now| {
        case.now = now;
        case.retail().minor()
    };
    let micro = TimeDelta::microseconds(1);
    assert_eq!([at(from - micro), at(from), at(until - micro), at(until)], [900, 500, 500, 900]);
}

#[test]
fn a_fixed_price_under_the_purchase_price_hides_the_sku() {
    let case = Case::of(2, "8.00", "9.60").rule(1, Retail, fixed("9.59"));
    let hidden = case.resolve().expect_err("hidden");
    assert_eq!((hidden.site, hidden.code()), (site(1), "price_below_cost"));
}

#[test]
fn a_hidden_wholesale_price_hides_the_branch_and_a_hidden_retail_price_does_not() {
    let hidden_below = Case::of(3, "8.00", "9.60").rule(1, Wholesale, fixed("9.00"));
    assert_eq!(hidden_below.resolve().expect_err("hidden").site, site(1));
    let hidden_here = Case::of(3, "8.00", "9.60").rule(1, Retail, fixed("9.00"));
    assert!(hidden_here.resolve().is_ok());
}

#[test]
fn an_allowed_loss_is_sold_and_said() {
    let case = Case::of(2, "8.00", "9.60").rule(1, Retail, fixed_at_a_loss("9.10", "0.50"));
    let quote = case.resolve().expect("a price");
    assert_eq!((quote.unit, quote.loss, quote.hops[1].margin), (yuan("9.10"), Some(yuan("0.50")), yuan("-0.50")));
}

#[test]
fn a_loss_over_its_cap_hides_the_sku() {
    let case = Case::of(2, "8.00", "9.60").rule(1, Retail, fixed_at_a_loss("9.09", "0.50"));
    let (price, loss, loss_cap) = (yuan("9.09"), yuan("0.51"), yuan("0.50"));
    assert_eq!(reason(&case), HiddenReason::LossTooHigh { price, loss, loss_cap });
}

#[test]
fn rounding_goes_up_to_the_named_amounts() {
    let up = |rounding: Rounding, price: &str| rounding.up(yuan(price)).expect("fits");
    for (rounding, price, result) in [
        (Rounding::None, "9.61", "9.61"),
        (Rounding::UpTenth, "9.61", "9.70"),
        (Rounding::UpHalf, "9.61", "10.00"),
        (Rounding::UpHalf, "9.50", "9.50"),
        (Rounding::UpWhole, "9.01", "10.00"),
        (Rounding::EndNine, "9.61", "9.90"),
        (Rounding::EndNine, "9.91", "10.90"),
        (Rounding::EndNinetyNine, "9.90", "9.99"),
        (Rounding::EndNinetyNine, "10.00", "10.99"),
    ] {
        assert_eq!(up(rounding, price), yuan(result), "{rounding:?} {price}");
    }
}

#[test]
fn yen_know_no_tenths() {
    let price = Money::new(961, Currency::JPY);
    for rounding in Rounding::ALL {
        assert_eq!(rounding.up(price), Ok(price), "{rounding:?}");
    }
}

#[test]
fn a_floor_from_above_lifts_after_rounding() {
    let case =
        Case::of(2, "8.00", "9.00").rule(0, Retail, floor("9.85")).rule(1, Retail, markup("0.11", Rounding::UpTenth));
    assert_eq!(case.retail(), yuan("9.85"));
}

#[test]
fn a_sites_own_limits_bind_those_below_and_not_itself() {
    let case = Case::of(1, "8.00", "9.00").rule(0, Retail, floor("9.85"));
    assert_eq!(case.retail(), yuan("9.00"));
}

#[test]
fn the_cap_wins_over_rounding_and_is_rounded_down_to_the_same_step() {
    let case = Case::of(2, "8.00", "9.33").rule(0, Retail, markup_max(100_000));
    let case = case.rule(1, Retail, percent(98_000, Rounding::UpTenth));
    // 9.33 and 9.8 % is 10.25, up to 10.30; the cap is 10.26, down to 10.20.
    assert_eq!(case.retail(), yuan("10.20"));
}

#[test]
fn a_cap_under_the_floor_hides_the_sku() {
    let case = Case::of(2, "8.00", "9.00").rule(
        0,
        Retail,
        Terms::Limit { floor: Some(yuan("9.95")), markup_max: Some(kernel::Rate::from_ppm(100_000)) },
    );
    assert_eq!(reason(&case), HiddenReason::CapBelowFloor { cap: yuan("9.90"), floor: yuan("9.95") });
}

#[test]
fn a_cap_that_rounds_under_the_purchase_price_hides_the_sku() {
    let case =
        Case::of(2, "8.00", "9.33").rule(0, Retail, markup_max(10_000)).rule(1, Retail, percent(0, Rounding::UpWhole));
    assert_eq!(reason(&case), HiddenReason::CapBelowCost { cap: yuan("9.00"), cost: yuan("9.33") });
}

#[test]
fn the_tightest_limit_of_all_sites_above_counts() {
    let case = Case::of(3, "8.00", "9.00").rule(0, Retail, floor("9.50")).rule(1, Retail, floor("9.80"));
    let case = case.rule(0, Retail, markup_max(200_000)).rule(1, Retail, markup_max(300_000));
    let low = case.clone().rule(2, Retail, fixed("9.10"));
    let high = case.rule(2, Retail, fixed("30.00"));
    assert_eq!((low.retail(), high.retail()), (yuan("9.80"), yuan("10.80")));
}

#[test]
fn a_limit_for_one_sku_leaves_what_it_does_not_state_to_the_wider_one() {
    let case = Case::of(2, "8.00", "9.00").rule(0, Retail, markup_max(100_000));
    let case = case.rule_about(0, Retail, Target::Sku(SKU), floor("9.50")).rule(1, Retail, fixed("30.00"));
    assert_eq!(case.retail(), yuan("9.90"));
}

#[test]
fn a_limit_for_a_level_binds_the_branch_of_such_a_site() {
    let for_bronze = Reach { whom: level("bronze"), ..everywhere(Retail) };
    let mut case = Case::of(3, "8.00", "9.00").rule_for(0, for_bronze, floor("9.50"));
    assert_eq!(case.retail(), yuan("9.00"));
    case.chain[1].level = Some("bronze".to_owned());
    assert_eq!(case.retail(), yuan("9.50"));
}

#[test]
fn wholesale_limits_leave_retail_prices_alone() {
    let case = Case::of(2, "8.00", "9.00").rule(0, Wholesale, floor("20.00"));
    assert_eq!(case.retail(), yuan("9.00"));
    let case = Case::of(3, "8.00", "9.00").rule(0, Wholesale, floor("20.00"));
    assert_eq!(case.resolve().expect("a price").hops[1].price, yuan("20.00"));
}

#[test]
fn what_is_off_sale_has_no_price() {
    let mut case = Case::of(1, "8.00", "9.00");
    case.sku.state = OnSale::Off;
    assert_eq!(reason(&case), HiddenReason::NotOnSale);
}

#[test]
fn a_rule_in_another_currency_hides_the_sku() {
    let price = Money::new(1_000, Currency::USD);
    let terms = Terms::Price { formula: Formula::Fixed { price, loss_cap: None }, rounding: Rounding::None };
    assert_eq!(reason(&Case::of(1, "8.00", "9.00").rule(0, Retail, terms)), HiddenReason::OtherCurrency);
}

#[test]
fn a_price_that_does_not_fit_hides_the_sku() {
    let mut case = Case::of(1, "8.00", "9.00").rule(0, Retail, percent(100_000_000, Rounding::None));
    case.sku.cost = fen(i64::MAX / 2);
    assert_eq!(reason(&case), HiddenReason::TooLarge);
}

#[test]
fn an_explanation_can_be_cut_to_the_sites_one_may_see() {
    let case = Case::of(3, "8.00", "9.00").rule(0, Wholesale, fixed("8.50")).rule(1, Wholesale, fixed("8.80"));
    let seen = case.explain().seen_by(&[site(2)]);
    assert_eq!(seen.hops.len(), 1);
    assert!(matches!(seen.hops[0].steps[0], Step::Rule { source: Source::ListPrice, .. }));
    assert_eq!(seen.outcome.expect("a price").hops.len(), 1);
}

#[test]
fn who_hides_a_sku_above_is_not_told_below() {
    let case = Case::of(3, "8.00", "9.00").rule(1, Wholesale, fixed("8.80"));
    assert_eq!(case.resolve().expect_err("hidden").site, site(1));
    let seen = case.explain().seen_by(&[site(2)]).outcome.expect_err("hidden");
    assert_eq!((seen.site, seen.reason), (site(2), HiddenReason::NotOnSale));
}

#[test]
fn a_secret_rule_for_nobody_known_is_not_met_by_a_guest() {
    let reach = Reach { whom: Whom::Subject(Uuid::from_u128(77)), ..everywhere(Retail) };
    assert_eq!(Case::of(1, "8.00", "9.00").rule_for(0, reach, fixed("8.10")).retail(), yuan("9.00"));
}

#[test]
fn goods_for_some_levels_are_hidden_from_other_sites_and_from_all_below_them() {
    let code = |text: &str| Code::parse(text).expect("a code");
    let mut case = Case::of(3, "8.00", "9.60");
    case.sku.site_levels = vec![code("gold"), code("silver")];
    let with = |levels: [Option<&str>; 2]| {
        let mut case = case.clone();
        for (place, level) in (1..).zip(levels) {
            case.chain[place].level = level.map(str::to_owned);
        }
        case.resolve().map_err(|hidden| (hidden.site, hidden.reason))
    };
    assert!(with([Some("gold"), Some("silver")]).is_ok());
    assert_eq!(with([Some("gold"), Some("bronze")]), Err((site(2), HiddenReason::OtherLevels)));
    assert_eq!(with([Some("bronze"), Some("gold")]), Err((site(1), HiddenReason::OtherLevels)));
    assert_eq!(with([None, Some("gold")]), Err((site(1), HiddenReason::OtherLevels)));
    // The main site sells what it has.
    case.chain.truncate(1);
    assert!(case.resolve().is_ok());
}
