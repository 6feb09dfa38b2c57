//! `sites/SLUG.toml`: one site, its prices, its customers.

use std::collections::HashMap;

use catalog::{Audience, Code, Formula, Rounding, Terms};
use kernel::{Currency, Money, Rate};
use tenancy::{Host, Mode, NewSite, Slug, Theme};

use super::fault::Faults;
use super::fields::{Fields, Source};
use super::tenant::person;
use super::{NAME_CHARS_MAX, NOTICE_CHARS_MAX, PackCustomer, PackPrice, PackSite, PackTarget};

const HOSTS_MAX: usize = 20;
/// The highest percentage a rule may add, and its steps: four decimals of a percent are parts per million.
const PERCENT_DECIMALS_MAX: usize = 4;

/// Reads the file `file`, whose name says that it is about `slug`. What could not be read has a stand-in and a fault;
/// there is nothing if the place in the tree is not known.
pub(super) fn read(file: &str, slug: &Slug, text: &str, currency: Currency, faults: &Faults) -> Option<PackSite> {
    let source = Source::new(file, text, faults);
    let document = source.parse(text)?;
    let fields = source.fields(&document);
    let named = fields.parsed("slug", Slug::parse);
    if let Some(named) = &named
        && named != slug
    {
        fields.report(fields.line_of("slug"), format!("the slug {named} is not the file's name"));
    }
    let parent = fields.parsed_if_there("parent", Slug::parse);
    let level = fields.parsed_if_there("level", Code::parse);
    let name = fields.wording("name", NAME_CHARS_MAX);
    let tagline = fields.wording("tagline", NAME_CHARS_MAX);
    let notice =
        if fields.has("notice") { fields.wording("notice", NOTICE_CHARS_MAX) } else { Some(Default::default()) };
    let theme = fields.parsed("theme", |text| Theme::parse(text).ok_or("use grove, harbor or clay"));
    let mode = fields.parsed("mode", |text| Mode::parse(text).ok_or("use auto, light or dark"));
    let support = fields.text_if_there("support", NAME_CHARS_MAX);
    let prepaid = fields.parsed_if_there("prepaid", |text| amount(text, currency));
    let hosts = hosts(&fields);
    let prices = prices(&fields, currency);
    let customers = fields.blocks("customer").into_iter().filter_map(|block| customer(block, currency)).collect();
    check_place(&fields, parent.as_ref(), level.as_ref());
    let line = fields.line_of("parent");
    fields.finish();
    // One fault refuses the pack; with what could be read the checks across files find the others.
    let new = NewSite {
        slug: slug.clone(),
        parent: parent?,
        name: name.unwrap_or_default(),
        tagline: tagline.unwrap_or_default(),
        notice: notice.unwrap_or_default(),
        theme: theme.unwrap_or(Theme::Grove),
        mode: mode.unwrap_or(Mode::Auto),
        level: level.flatten().map(String::from),
        support: support.flatten(),
    };
    Some(PackSite { file: file.to_owned(), line, new, hosts, prepaid: prepaid.flatten(), prices, customers })
}

/// The main site has neither parent nor level nor prepaid money; every other site has parent and level.
fn check_place(fields: &Fields<'_>, parent: Option<&Option<Slug>>, level: Option<&Option<Code>>) {
    let is_main = matches!(parent, Some(None));
    if is_main && fields.has("level") {
        fields.report(fields.line_of("level"), "the main site has no level; a sub-site names its parent");
    }
    if is_main && fields.has("prepaid") {
        fields.report(fields.line_of("prepaid"), "the main site has no prepaid money; a sub-site names its parent");
    }
    if !is_main && matches!(level, Some(None)) {
        fields.report(1, "level is missing: a sub-site has one");
    }
}

/// An amount that is not below zero.
pub(super) fn amount(text: &str, currency: Currency) -> Result<Money, String> {
    let money = Money::parse(text, currency).map_err(|error| error.to_string())?;
    if money.is_negative() { Err("it is below zero".to_owned()) } else { Ok(money) }
}

fn hosts(fields: &Fields<'_>) -> Vec<(Host, u64)> {
    let texts = fields.texts("hosts").unwrap_or_default();
    if fields.has("hosts") && !(1..=HOSTS_MAX).contains(&texts.len()) {
        fields.report(fields.line_of("hosts"), format!("a site has 1 to {HOSTS_MAX} hosts"));
    }
    let host = |(text, line): (&str, u64)| match Host::parse(text) {
        Ok(host) => Some((host, line)),
        Err(error) => {
            fields.report(line, error.to_string());
            None
        }
    };
    texts.into_iter().filter_map(host).collect()
}

fn customer(fields: Fields<'_>, currency: Currency) -> Option<PackCustomer> {
    let person = person(&fields);
    let wallet = fields.parsed_if_there("wallet", |text| amount(text, currency));
    let line = fields.line;
    fields.finish();
    Some(PackCustomer { person: person?, wallet: wallet.flatten(), line })
}

/// Of two rules about the same only one can hold, so a second one is a fault.
fn prices(fields: &Fields<'_>, currency: Currency) -> Vec<PackPrice> {
    let mut lines: HashMap<(Audience, PackTarget), u64> = HashMap::new();
    let mut prices = Vec::new();
    for block in fields.blocks("price") {
        let line = block.line;
        let price = price(&block, currency);
        block.finish();
        let Some(price) = price else { continue };
        if let Some(before) = lines.insert((price.audience, price.target.clone()), line) {
            fields.report(line, format!("a price for the same audience and target stands in line {before} already"));
        }
        prices.push(price);
    }
    prices
}

fn price(fields: &Fields<'_>, currency: Currency) -> Option<PackPrice> {
    let audience = fields.parsed("audience", Audience::parse);
    let rounding = fields.parsed("rounding", Rounding::parse);
    let target = target(fields);
    let value = fields.parsed("value", |text| Ok::<_, String>(text.to_owned()));
    let formula = fields.parsed("kind", |kind| match kind {
        "fixed" | "markup" | "percent" => Ok(kind.to_owned()),
        _ => Err("use fixed, markup or percent"),
    });
    let formula = formula.zip(value).and_then(|(kind, value)| {
        formula_of(&kind, &value, currency)
            .map_err(|what| fields.report(fields.line_of("value"), format!("value is wrong: {what}")))
            .ok()
    });
    let stand_in = Formula::Percent { rate: Rate::ZERO };
    let terms = Terms::Price { formula: formula.unwrap_or(stand_in), rounding: rounding.unwrap_or(Rounding::None) };
    Some(PackPrice { audience: audience?, target: target?, terms, line: fields.line })
}

fn formula_of(kind: &str, value: &str, currency: Currency) -> Result<Formula, String> {
    match kind {
        "fixed" => Ok(Formula::Fixed { price: amount(value, currency)?, loss_cap: None }),
        "markup" => Ok(Formula::Markup { amount: amount(value, currency)? }),
        _ => Ok(Formula::Percent { rate: percent(value)? }),
    }
}

/// `8`, `5.25`: a percentage with up to four decimals.
pub(super) fn percent(text: &str) -> Result<Rate, String> {
    let fail =
        || format!("{:?} is not a percentage with up to {PERCENT_DECIMALS_MAX} decimals", super::fault::shown(text));
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_digits(whole) || !is_digits(fraction) || fraction.len() > PERCENT_DECIMALS_MAX {
        return Err(fail());
    }
    let digits = format!("{whole}{fraction:0<PERCENT_DECIMALS_MAX$}");
    digits.parse().map(Rate::from_ppm).map_err(|_| fail())
}

fn target(fields: &Fields<'_>) -> Option<PackTarget> {
    let scope = fields.parsed("scope", |scope| match scope {
        "site" | "category" | "goods" | "sku" => Ok(scope.to_owned()),
        _ => Err("use site, category, goods or sku"),
    });
    let target = fields.parsed_if_there("target", Code::parse)?;
    match (scope?.as_str(), target) {
        ("site", None) => Some(PackTarget::Site),
        ("site", Some(_)) => {
            fields.report(fields.line_of("target"), "a price for the whole site has no target");
            None
        }
        (_, None) => {
            fields.report(fields.line, "target is missing");
            None
        }
        ("category", Some(code)) => Some(PackTarget::Category(code)),
        ("goods", Some(code)) => Some(PackTarget::Goods(code)),
        (_, Some(code)) => Some(PackTarget::Sku(code)),
    }
}
