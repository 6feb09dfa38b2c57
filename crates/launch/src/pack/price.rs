//! `[[price]]`, `[[limit]]` and `[[template]]` of a site: what it asks, what binds the branch below it, and its tables
//! of what is added to a purchase price.

use std::collections::{HashMap, HashSet};
use std::fmt::Display;

use catalog::{Addition, Audience, BANDS_MAX, Band, Code, Formula, QUANTITY_MAX, RATE_PPM_MAX, Rounding, Terms};
use chrono::{DateTime, Utc};
use identity::Login;
use kernel::clock::whole_micros;
use kernel::{Currency, Money, Rate};
use tenancy::Slug;

use super::fault::shown;
use super::fields::Fields;
use super::site::amount;
use super::{NAME_CHARS_MAX, PackPrice, PackReach, PackTarget, PackTemplate, PackTerms, PackWhom};

/// Four decimals of a percent are parts per million.
const PERCENT_DECIMALS_MAX: usize = 4;

/// Which of the two kinds of block is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Block {
    Price,
    Limit,
}

/// The templates of the site, and the codes that stand there whatever else is wrong with their blocks.
pub(super) fn templates(fields: &Fields<'_>, currency: Currency) -> (Vec<PackTemplate>, HashSet<Code>) {
    let mut lines: HashMap<Code, u64> = HashMap::new();
    let mut templates = Vec::new();
    for block in fields.blocks("template") {
        let line = block.line;
        let code = block.parsed("code", Code::parse);
        let name = block.wording("name", NAME_CHARS_MAX);
        let bands = bands(&block, currency);
        block.finish();
        let Some(code) = code else { continue };
        if let Some(before) = lines.insert(code.clone(), line) {
            fields.report(line, format!("the template {code} stands in line {before} already"));
        }
        templates.push(PackTemplate { code, name: name.unwrap_or_default(), bands });
    }
    (templates, lines.into_keys().collect())
}

/// The prices and limits of the site. Of two about the same only one can hold, so a second one is a fault.
pub(super) fn prices(fields: &Fields<'_>, templates: &HashSet<Code>, currency: Currency) -> Vec<PackPrice> {
    let mut lines = HashMap::new();
    let mut prices = Vec::new();
    let blocks = fields.blocks("price").into_iter().map(|block| (Block::Price, block));
    for (kind, block) in blocks.chain(fields.blocks("limit").into_iter().map(|block| (Block::Limit, block))) {
        let line = block.line;
        let price = price(&block, kind, templates, currency);
        block.finish();
        let Some(price) = price else { continue };
        // When it ends is not part of it: a rule may be made to end earlier or later.
        let about = PackReach { valid_until: None, ..price.reach.clone() };
        if let Some(before) = lines.insert((kind, about), line) {
            let word = kind.word();
            fields.report(
                line,
                format!(
                    "a {word} for the same audience, people, target, quantity and start stands in line {before} already"
                ),
            );
        }
        prices.push(price);
    }
    prices
}

fn price(fields: &Fields<'_>, kind: Block, templates: &HashSet<Code>, currency: Currency) -> Option<PackPrice> {
    let audience = fields.parsed("audience", Audience::parse);
    let target = target(fields, kind);
    let whom = whom(fields, kind, audience);
    let quantity_min = fields.number_if_there("quantity_min", QUANTITY_MAX);
    let valid_from = fields.parsed_if_there("valid_from", moment);
    let valid_until = fields.parsed_if_there("valid_until", moment);
    if let (Some(Some(from)), Some(Some(until))) = (valid_from, valid_until)
        && from >= until
    {
        fields.report(fields.line_of("valid_until"), "valid_until is not after valid_from");
    }
    let terms = match kind {
        Block::Price => price_terms(fields, audience, templates, currency),
        Block::Limit => limit_terms(fields, currency),
    };
    let reach = PackReach {
        audience: audience?,
        whom: whom?,
        target: target?,
        quantity_min: quantity_min.flatten().unwrap_or(1),
        valid_from: valid_from.flatten(),
        valid_until: valid_until.flatten(),
    };
    // One fault refuses the pack; with what could be read the checks across files find the others.
    let stand_in = Terms::Price { formula: Formula::Percent { rate: Rate::ZERO }, rounding: Rounding::None };
    Some(PackPrice { reach, terms: terms.unwrap_or(PackTerms::Given(stand_in)), line: fields.line })
}

fn target(fields: &Fields<'_>, kind: Block) -> Option<PackTarget> {
    let scope = fields.parsed("scope", |scope| match scope {
        "site" | "category" | "goods" | "sku" => Ok(scope.to_owned()),
        _ => Err("use site, category, goods or sku"),
    });
    let target = fields.parsed_if_there("target", Code::parse)?;
    match (scope?.as_str(), target) {
        ("site", None) => Some(PackTarget::Site),
        ("site", Some(_)) => {
            fields.report(fields.line_of("target"), format!("a {} for the whole site has no target", kind.word()));
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

/// Everyone, a level, or with `for` somebody by name: a customer for a retail price, else a site right below.
fn whom(fields: &Fields<'_>, kind: Block, audience: Option<Audience>) -> Option<PackWhom> {
    let level = fields.parsed_if_there("level", Code::parse);
    let named = match (kind, audience) {
        (Block::Price, Some(Audience::Retail)) => {
            fields.parsed_if_there("for", Login::parse).map(|login| login.map(PackWhom::Customer))
        }
        (Block::Price, None) => fields.parsed_if_there("for", |_| Ok::<_, String>(PackWhom::Everyone)),
        _ => fields.parsed_if_there("for", Slug::parse).map(|slug| slug.map(PackWhom::Site)),
    };
    match (level?, named?) {
        (Some(_), Some(_)) => {
            fields.report(fields.line_of("level"), "level and for exclude each other");
            None
        }
        (Some(level), None) => Some(PackWhom::Level(level)),
        (None, named) => Some(named.unwrap_or(PackWhom::Everyone)),
    }
}

fn price_terms(
    fields: &Fields<'_>,
    audience: Option<Audience>,
    templates: &HashSet<Code>,
    currency: Currency,
) -> Option<PackTerms> {
    let kind = fields.parsed("kind", |kind| match kind {
        "fixed" | "markup" | "percent" | "template" => Ok(kind.to_owned()),
        _ => Err("use fixed, markup, percent or template"),
    });
    let loss_cap = fields.parsed_if_there("loss_cap", |text| amount(text, currency));
    let may_lose = kind.as_deref().is_none_or(|kind| kind == "fixed") && audience != Some(Audience::Wholesale);
    if fields.has("loss_cap") && !may_lose {
        fields.report(fields.line_of("loss_cap"), "loss_cap is for a fixed retail price only");
    }
    if kind.as_deref() == Some("template") {
        return template_named(fields, templates);
    }
    let rounding = fields.parsed("rounding", Rounding::parse);
    let formula = match kind.as_deref() {
        Some("fixed") => {
            let price = fields.parsed("value", |text| amount(text, currency));
            price.map(|price| Formula::Fixed { price, loss_cap: loss_cap.flatten() })
        }
        Some("markup") => {
            fields.parsed("value", |text| amount(text, currency)).map(|amount| Formula::Markup { amount })
        }
        Some(_) => fields.parsed("value", percent).map(|rate| Formula::Percent { rate }),
        // What the value is to be is not known.
        None => fields.parsed("value", |_| Ok::<_, String>(())).and(None),
    };
    Some(PackTerms::Given(Terms::Price { formula: formula?, rounding: rounding? }))
}

/// `value` is the code of a template of the same site; its steps round.
fn template_named(fields: &Fields<'_>, templates: &HashSet<Code>) -> Option<PackTerms> {
    if fields.parsed_if_there("rounding", Rounding::parse).flatten().is_some() {
        fields.report(fields.line_of("rounding"), "the steps of the template have the rounding");
    }
    let code = fields.parsed("value", Code::parse)?;
    if !templates.contains(&code) {
        fields.report(fields.line_of("value"), format!("there is no template {code} in this file"));
    }
    Some(PackTerms::Template(code))
}

fn limit_terms(fields: &Fields<'_>, currency: Currency) -> Option<PackTerms> {
    let floor = fields.parsed_if_there("floor", |text| amount(text, currency));
    let markup_max = fields.parsed_if_there("markup_max", percent);
    if !fields.has("floor") && !fields.has("markup_max") {
        fields.report(fields.line, "a limit has floor, markup_max or both");
    }
    Some(PackTerms::Given(Terms::Limit { floor: floor?, markup_max: markup_max? }))
}

/// The steps that could be read; each begins above the one before.
fn bands(fields: &Fields<'_>, currency: Currency) -> Vec<Band> {
    let Some(steps) = fields.tables("steps") else { return Vec::new() };
    if !(1..=BANDS_MAX).contains(&steps.len()) {
        fields.report(fields.line_of("steps"), format!("a template has 1 to {BANDS_MAX} steps"));
    }
    let mut bands: Vec<Band> = Vec::new();
    for step in steps {
        let line = step.line;
        let band = band(&step, currency);
        step.finish();
        let Some(band) = band else { continue };
        if bands.last().is_some_and(|before| before.from.minor() >= band.from.minor()) {
            fields.report(line, "from is not above the step before");
        }
        bands.push(band);
    }
    bands
}

fn band(fields: &Fields<'_>, currency: Currency) -> Option<Band> {
    let money = |text: &str| -> Result<Money, String> { amount(text, currency) };
    let from = fields.parsed("from", money);
    let rounding = fields.parsed("rounding", Rounding::parse);
    let add = fields.parsed_if_there("add", money);
    let share = fields.parsed_if_there("percent", percent);
    let addition = match (add?, share?) {
        (Some(amount), None) => Addition::Amount { amount },
        (None, Some(rate)) => Addition::Percent { rate },
        _ => {
            fields.report(fields.line, "a step has either add or percent");
            return None;
        }
    };
    Some(Band { from: from?, addition, rounding: rounding? })
}

/// `8`, `5.25`: a percentage with up to four decimals.
pub(super) fn percent(text: &str) -> Result<Rate, String> {
    let fail = || format!("{:?} is not a percentage with up to {PERCENT_DECIMALS_MAX} decimals", shown(text));
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_digits(whole) || !is_digits(fraction) || fraction.len() > PERCENT_DECIMALS_MAX {
        return Err(fail());
    }
    let digits = format!("{whole}{fraction:0<PERCENT_DECIMALS_MAX$}");
    match digits.parse() {
        Ok(ppm) if ppm <= RATE_PPM_MAX => Ok(Rate::from_ppm(ppm)),
        _ => Err(format!("{:?} is more than {} percent", shown(text), RATE_PPM_MAX / 10_000)),
    }
}

/// A moment with its place on earth, in the precision that a database keeps.
fn moment(text: &str) -> Result<DateTime<Utc>, impl Display + use<>> {
    let read = DateTime::parse_from_rfc3339(text).map(|moment| whole_micros(moment.to_utc()));
    read.map_err(|_| format!("{:?} is not a moment such as 2027-01-31T20:00:00+08:00", shown(text)))
}

impl Block {
    const fn word(self) -> &'static str {
        match self {
            Self::Price => "price",
            Self::Limit => "limit",
        }
    }
}
