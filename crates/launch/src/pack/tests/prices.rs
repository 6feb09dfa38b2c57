//! Templates, prices and limits of a site's file.

use catalog::{Addition, Formula, Rounding};
use chrono::{TimeZone, Utc};
use kernel::Rate;

use super::*;

/// The second demo pack whose sub-site also has these blocks, which begin in its line 19.
fn breeze(blocks: &str) -> Result<Pack, Vec<String>> {
    pack_with("breeze", blocks)
}

fn pack_with(site: &str, blocks: &str) -> Result<Pack, Vec<String>> {
    let folder = pack_folder(&[]);
    let path = folder.path().join(format!("sites/{site}.toml"));
    let text = std::fs::read_to_string(&path).expect("a site");
    std::fs::write(&path, format!("{text}\n{blocks}")).expect("written");
    Pack::read(folder.path()).map_err(|faults| faults.iter().map(PackFault::to_string).collect())
}

fn faults(blocks: &str) -> Vec<String> {
    breeze(blocks).err().unwrap_or_default()
}

/// A price for one SKU with these further lines.
fn price(lines: &str) -> String {
    format!(
        "[[price]]\nscope = \"sku\"\ntarget = \"starfall-100\"\nkind = \"fixed\"\nvalue = \"9.80\"\nrounding = \"none\"\n{lines}"
    )
}

fn of_breeze(pack: &Pack) -> &PackSite {
    pack.sites.iter().find(|site| site.new.slug.as_str() == "breeze").expect("a site of the pack")
}

fn code(text: &str) -> Code {
    Code::parse(text).expect("a code")
}

fn fen(minor: i64) -> Money {
    Money::new(minor, Currency::CNY)
}

const TEMPLATE: &str = "[[template]]\ncode = \"standard\"\nname = { en = \"Standard\" }\nsteps = [\n\
    { from = \"0.00\", add = \"0.50\", rounding = \"up_0.1\" },\n\
    { from = \"50.00\", percent = \"8\", rounding = \"end_9\" },\n]\n";

#[test]
fn a_template_is_read_step_by_step() {
    let named = "[[price]]\nscope = \"category\"\ntarget = \"games\"\nkind = \"template\"\nvalue = \"standard\"\naudience = \"retail\"\n";
    let pack = breeze(&format!("{named}\n{TEMPLATE}")).expect("a sound pack");
    let site = of_breeze(&pack);
    let [template] = site.templates.as_slice() else { panic!("one template") };
    assert_eq!((&template.code, template.name.en.as_str()), (&code("standard"), "Standard"));
    let share = Addition::Percent { rate: Rate::from_ppm(80_000) };
    assert_eq!(
        template.bands,
        [
            Band { from: fen(0), addition: Addition::Amount { amount: fen(50) }, rounding: Rounding::UpTenth },
            Band { from: fen(5_000), addition: share, rounding: Rounding::EndNine },
        ]
    );
    assert!(matches!(&site.prices[1].terms, PackTerms::Template(named) if *named == code("standard")));
}

#[test]
fn a_price_says_for_whom_from_how_many_and_when() {
    let lines = "audience = \"retail\"\nfor = \"HE@two.localhost\"\nquantity_min = 10\nloss_cap = \"0.30\"\n\
                 valid_from = \"2027-01-31T20:00:00+08:00\"\nvalid_until = \"2027-02-15T00:00:00.0000009Z\"\n";
    let pack = breeze(&price(lines)).expect("a sound pack");
    let PackPrice { reach, terms, .. } = &of_breeze(&pack).prices[1];
    let at = |day, month, hour| Utc.with_ymd_and_hms(2027, month, day, hour, 0, 0).single();
    assert_eq!(reach.whom, PackWhom::Customer(Login::parse("he@two.localhost").expect("a login")));
    assert_eq!((reach.quantity_min, reach.valid_from, reach.valid_until), (10, at(31, 1, 12), at(15, 2, 0)));
    let formula = Formula::Fixed { price: fen(980), loss_cap: Some(fen(30)) };
    assert!(matches!(terms, PackTerms::Given(Terms::Price { formula: read, .. }) if *read == formula));
}

#[test]
fn a_wholesale_price_is_for_a_level_or_for_a_site_right_below() {
    let gold = price("audience = \"wholesale\"\nlevel = \"gold\"\n");
    let secret = price("audience = \"wholesale\"\nfor = \"breeze\"\n");
    let pack = pack_with("main", &format!("{gold}\n{secret}")).expect("a sound pack");
    let whom: Vec<&PackWhom> = pack.sites[0].prices.iter().map(|price| &price.reach.whom).collect();
    let breeze = Slug::parse("breeze").expect("a slug");
    assert_eq!(whom, [&PackWhom::Everyone, &PackWhom::Level(code("gold")), &PackWhom::Site(breeze)]);
}

#[test]
fn a_limit_has_a_floor_a_highest_markup_or_both() {
    let limit = |lines: &str| format!("[[limit]]\nscope = \"site\"\naudience = \"retail\"\n{lines}");
    for (lines, floor, markup_max) in [
        ("floor = \"9.00\"\n", Some(fen(900)), None),
        ("markup_max = \"20\"\n", None, Some(Rate::from_ppm(200_000))),
        ("floor = \"9.00\"\nmarkup_max = \"20\"\n", Some(fen(900)), Some(Rate::from_ppm(200_000))),
    ] {
        let pack = breeze(&limit(lines)).expect("a sound pack");
        let PackTerms::Given(terms) = &of_breeze(&pack).prices[1].terms else { panic!("a limit") };
        assert_eq!(*terms, Terms::Limit { floor, markup_max });
    }
    assert_eq!(faults(&limit("")), ["sites/breeze.toml:19: a limit has floor, markup_max or both"]);
    assert_eq!(
        faults(&limit("floor = \"-1\"\nvalue = \"3\"\n")),
        [
            "sites/breeze.toml:22: floor is wrong: it is below zero",
            "sites/breeze.toml:23: \"value\" is not a field of this table",
        ]
    );
    assert_eq!(
        faults(&format!("{}\n{}", limit("floor = \"9.00\"\n"), limit("floor = \"8.00\"\n"))),
        [
            "sites/breeze.toml:24: a limit for the same audience, people, target, quantity and start stands in line 19 already"
        ]
    );
}

#[test]
fn prices_that_differ_in_people_quantity_or_start_stand_beside_each_other() {
    let blocks = [
        "",
        "quantity_min = 10\n",
        "level = \"gold\"\n",
        "for = \"he@two.localhost\"\n",
        "valid_from = \"2027-01-31T20:00:00Z\"\n",
    ]
    .map(|lines| price(&format!("audience = \"retail\"\n{lines}")));
    assert_eq!(faults(&blocks.join("\n")), [""; 0]);
    let same_start = [
        "valid_from = \"2027-01-31T20:00:00+08:00\"\n",
        "valid_from = \"2027-01-31T12:00:00Z\"\nvalid_until = \"2028-01-01T00:00:00Z\"\n",
    ]
    .map(|lines| price(&format!("audience = \"retail\"\n{lines}")));
    assert_eq!(
        faults(&same_start.join("\n")),
        [
            "sites/breeze.toml:28: a price for the same audience, people, target, quantity and start stands in line 19 already"
        ]
    );
}

#[test]
fn what_a_price_cannot_mean_is_a_fault_in_its_line() {
    for (lines, fault) in [
        ("audience = \"retail\"\nquantity_min = 0\n", "26: quantity_min is not a number from 1 to 10000"),
        ("audience = \"retail\"\nquantity_min = \"10\"\n", "26: quantity_min is not a whole number"),
        (
            "audience = \"retail\"\nlevel = \"gold\"\nfor = \"he@two.localhost\"\n",
            "26: level and for exclude each other",
        ),
        (
            "audience = \"retail\"\nfor = \"she@two.localhost\"\n",
            "19: there is no customer she@two.localhost in the pack",
        ),
        ("audience = \"wholesale\"\nfor = \"dusk\"\n", "19: there is no site dusk in the pack"),
        ("audience = \"wholesale\"\nfor = \"main\"\n", "19: the site main does not stand right below breeze"),
        ("audience = \"wholesale\"\nloss_cap = \"0.10\"\n", "26: loss_cap is for a fixed retail price only"),
        (
            "audience = \"retail\"\nvalid_from = \"2027-01-31\"\n",
            "26: valid_from is wrong: \"2027-01-31\" is not a moment such as 2027-01-31T20:00:00+08:00",
        ),
        (
            "audience = \"retail\"\nvalid_from = \"2027-01-31T20:00:00+08:00\"\nvalid_until = \"2027-01-31T12:00:00Z\"\n",
            "27: valid_until is not after valid_from",
        ),
    ] {
        assert_eq!(faults(&price(lines)), [format!("sites/breeze.toml:{fault}")]);
    }
}

#[test]
fn a_loss_is_allowed_with_a_fixed_price_only() {
    let block = price("audience = \"retail\"\nloss_cap = \"0.10\"\n").replace("\"fixed\"", "\"markup\"");
    assert_eq!(faults(&block), ["sites/breeze.toml:26: loss_cap is for a fixed retail price only"]);
}

#[test]
fn a_template_of_no_block_and_a_second_rounding_are_faults() {
    let block = price("audience = \"retail\"\n").replace("\"fixed\"", "\"template\"").replace("9.80", "standard");
    assert_eq!(
        faults(&block),
        [
            "sites/breeze.toml:23: there is no template standard in this file",
            "sites/breeze.toml:24: the steps of the template have the rounding",
        ]
    );
    assert_eq!(
        faults(&format!("{TEMPLATE}\n{block}")),
        ["sites/breeze.toml:32: the steps of the template have the rounding"]
    );
}

#[test]
fn steps_that_cannot_be_meant_are_faults_in_their_lines() {
    let template = TEMPLATE
        .replace("from = \"50.00\", percent = \"8\"", "from = \"0.00\", percent = \"8.00001\", add = \"1\"")
        .replace("\n]", "\n{ from = \"0.00\", percent = \"8\", rounding = \"end_9\" },\n{ from = \"9.00\" },\n]");
    assert_eq!(
        faults(&template),
        [
            "sites/breeze.toml:24: percent is wrong: \"8.00001\" is not a percentage with up to 4 decimals",
            "sites/breeze.toml:25: from is not above the step before",
            "sites/breeze.toml:26: a step has either add or percent",
            "sites/breeze.toml:26: rounding is missing",
        ]
    );
    let none = "[[template]]\ncode = \"none\"\nname = { en = \"None\" }\nsteps = []\n";
    assert_eq!(faults(none), ["sites/breeze.toml:22: a template has 1 to 50 steps"]);
    assert_eq!(
        faults(&format!("{TEMPLATE}\n{TEMPLATE}")),
        ["sites/breeze.toml:27: the template standard stands in line 19 already"]
    );
}

#[test]
fn a_percentage_is_read_to_the_fourth_decimal() {
    for (text, ppm) in [("8", 80_000), ("5.5", 55_000), ("0.1", 1_000), ("9.25", 92_500), ("0.0001", 1), ("0", 0)] {
        assert_eq!(price::percent(text), Ok(Rate::from_ppm(ppm)), "{text}");
    }
    for text in ["", ".", "5.", ".5", "-1", "1e3", "0.00001", "1 %", "10000.0001", "99999999999"] {
        assert!(price::percent(text).is_err(), "{text}");
    }
}
