//! Worked examples as one table that an operator can read and check by hand.

use std::fmt::Write;

use kernel::Money;

use super::changes::percent as percent_text;
use super::fixture::*;
use super::{Explanation, Step};
use crate::model::Audience::{Retail, Wholesale};
use crate::model::{Addition, Formula, Reach, Rounding, Target, Terms, Whom};

const NAMES: [&str; 4] = ["main", "north", "aqing", "nanqiao"];

#[test]
fn worked_examples() {
    let mut table = String::from("Each line: what a site pays, what it asks, and why.\n");
    for (title, case) in examples() {
        let _ = write!(table, "\n{title}\n{}", told(&case.explain()));
    }
    insta::assert_snapshot!(table);
}

/// The demo's chain: three sub-sites below the main site, prices of Starfall 1,000 credits.
fn demo_chain() -> Case {
    let games = Target::Category(CATEGORY);
    Case::of(4, "89.60", "95.90")
        .rule(0, Wholesale, percent(40_000, Rounding::UpTenth))
        .rule_about(0, Wholesale, games, percent(26_000, Rounding::UpTenth))
        .rule_about(1, Wholesale, games, percent(15_000, Rounding::UpTenth))
        .rule_about(2, Wholesale, games, percent(12_000, Rounding::UpTenth))
        .rule_about(3, Retail, games, percent(45_000, Rounding::UpTenth))
        .rule_about(3, Retail, Target::Sku(SKU), fixed("98.80"))
}

fn examples() -> Vec<(&'static str, Case)> {
    let two = || Case::of(2, "80.00", "95.90").rule(0, Wholesale, fixed("90.00"));
    let mut gold = two().rule(1, Retail, percent(80_000, Rounding::UpTenth));
    gold = gold.rule_for(1, Reach { whom: level("gold"), ..everywhere(Retail) }, percent(50_000, Rounding::UpTenth));
    gold.subject.level = Some("gold".to_owned());
    let mut secret = two().rule(1, Retail, percent(80_000, Rounding::UpTenth));
    secret = secret.rule_for(1, Reach { whom: Whom::Subject(BUYER), ..everywhere(Retail) }, fixed("91.00"));
    secret.subject.buyer = Some(BUYER);
    let mut bulk = two().rule(1, Retail, percent(80_000, Rounding::UpTenth));
    bulk = bulk.rule_for(1, Reach { quantity_min: 10, ..everywhere(Retail) }, percent(30_000, Rounding::UpTenth));
    bulk.quantity = 12;
    let limits = Terms::Limit { floor: Some(yuan("94.00")), markup_max: Some(kernel::Rate::from_ppm(50_000)) };
    vec![
        ("The main site alone, no rule: its list price", Case::of(1, "89.60", "95.90")),
        ("Four sites deep: each starts from what it pays, the last one has a fixed price", demo_chain()),
        ("A sub-site without rules sells at the list price", two()),
        (
            "A sub-site that pays more than the list price sells at what it pays",
            Case::of(2, "80.00", "95.90").rule(0, Wholesale, fixed("97.00")),
        ),
        ("A markup, up to .9", two().rule(1, Retail, markup("2.50", Rounding::EndNine))),
        ("A percentage, up to .99", two().rule(1, Retail, percent(92_500, Rounding::EndNinetyNine))),
        ("A price for gold members", gold),
        ("A secret price for one buyer", secret),
        ("A quantity break, 12 bought", bulk),
        ("A fixed price under the purchase price hides the SKU", two().rule(1, Retail, fixed("89.90"))),
        ("The same, the owner allows a loss of 0.50 each", two().rule(1, Retail, fixed_at_a_loss("89.90", "0.50"))),
        ("A template: its second band", banded("80.00")),
        ("The same template for a dearer card: its third band adds less than the second", banded("95.00")),
        ("The same template under its first band adds nothing", banded("8.96")),
        ("A floor from above", two().rule(0, Retail, limits).rule(1, Retail, percent(20_000, Rounding::UpTenth))),
        (
            "A highest markup from above",
            two().rule(0, Retail, limits).rule(1, Retail, percent(90_000, Rounding::UpTenth)),
        ),
        (
            "A highest markup, rounded down to the same step",
            two().rule(0, Retail, markup_max(54_700)).rule(1, Retail, percent(90_000, Rounding::UpHalf)),
        ),
        (
            "A highest markup under the floor hides the SKU",
            two().rule(0, Retail, floor("99.00")).rule(0, Retail, markup_max(50_000)).rule(1, Retail, fixed("98.00")),
        ),
    ]
}

/// A template of three bands on the sub-site of two.
fn banded(wholesale: &str) -> Case {
    let bands = [
        adds("10.00", "0.80", Rounding::UpTenth),
        adds_share("50.00", 60_000, Rounding::EndNine),
        adds("95.00", "3.00", Rounding::UpWhole),
    ];
    let case = Case::of(2, "8.00", "95.90").rule(0, Wholesale, fixed(wholesale));
    case.template(0, bands).rule(1, Retail, by_template(0))
}

fn told(explanation: &Explanation) -> String {
    let mut text = String::new();
    for hop in &explanation.hops {
        let place = (0..NAMES.len()).find(|&place| site(place) == hop.site).expect("a site of ours");
        let steps: Vec<String> = hop.steps.iter().map(step_text).collect();
        let found = explanation.outcome.as_ref().ok().map(|quote| quote.hops[place]);
        let figures = found.map_or_else(String::new, |hop| {
            format!("pays {:>6}  asks {:>6}  earns {:>5}", digits(hop.cost), digits(hop.price), digits(hop.margin))
        });
        let _ = writeln!(text, "  {:<8}{figures:<42}{}", NAMES[place], steps.join("; "));
    }
    let _ = match &explanation.outcome {
        Ok(quote) => match quote.loss {
            Some(loss) => writeln!(text, "  = {}, a loss of {loss} each that the seller covers", quote.unit),
            None => writeln!(text, "  = {}", quote.unit),
        },
        Err(hidden) => writeln!(text, "  = hidden: {}", hidden.reason),
    };
    text
}

fn digits(money: Money) -> String {
    money.to_string().replace(" CNY", "")
}

fn step_text(step: &Step) -> String {
    match step {
        Step::Rule { source, formula, band, cost, result, .. } => {
            let addition = |addition: &Addition| match addition {
                Addition::Amount { amount } => digits(*amount),
                Addition::Percent { rate } => percent_text(*rate),
            };
            let how = match formula {
                Some(Formula::Fixed { .. }) => "fixed".to_owned(),
                Some(Formula::Markup { amount }) => format!("{} + {}", digits(*cost), digits(*amount)),
                Some(Formula::Percent { rate }) => format!("{} + {}", digits(*cost), percent_text(*rate)),
                Some(Formula::Template { .. }) => match band {
                    Some(band) => {
                        format!("template from {}: {} + {}", digits(band.from), digits(*cost), addition(&band.addition))
                    }
                    None => "under the template's first band".to_owned(),
                },
                None => "no rule".to_owned(),
            };
            format!("{}: {how} = {}", source.word().replace('_', " "), digits(*result))
        }
        Step::Lifted { result, .. } => format!("lifted to {}", digits(*result)),
        Step::CoveredLoss { loss, loss_cap, .. } => format!("loses {}, {} allowed", digits(*loss), digits(*loss_cap)),
        Step::Rounded { rounding, result, .. } => format!("{} = {}", rounding.word(), digits(*result)),
        Step::Floored { result, .. } => format!("floor {}", digits(*result)),
        Step::Capped { cap, result, .. } => format!("at most {} = {}", digits(*cap), digits(*result)),
    }
}
