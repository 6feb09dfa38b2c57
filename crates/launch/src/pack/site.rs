//! `sites/SLUG.toml`: one site, its channels and its customers; its prices are read beside.

use catalog::Code;
use kernel::{Currency, Money};
use risk::Limits;
use tenancy::{Host, Mode, NewSite, Slug, Theme};

use super::fault::Faults;
use super::fields::{Fields, Source};
use super::front::front;
use super::price::{prices, templates};
use super::tenant::{operator, person};
use super::{NAME_CHARS_MAX, NOTICE_CHARS_MAX, PackChannel, PackCustomer, PackSite};

const HOSTS_MAX: usize = 20;
const LIMIT_MAX: u32 = 1_000_000_000;
const PROVIDER_CHARS_MAX: usize = 20;
const PAYEE_CHARS_MAX: usize = 64;

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
    let owner = if fields.has("owner") { fields.table_of("owner").and_then(operator) } else { None };
    let hosts = hosts(&fields);
    let front = front(&fields, theme);
    let (templates, template_codes) = templates(&fields, currency);
    let prices = prices(&fields, &template_codes, currency);
    let limits = if fields.has("limits") { fields.table_of("limits").map(limits) } else { None };
    let channels = fields.blocks("channel").into_iter().filter_map(channel).collect();
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
        limits,
    };
    let (file, prepaid) = (file.to_owned(), prepaid.flatten());
    Some(PackSite { file, line, new, hosts, front, prepaid, owner, templates, prices, customers, channels })
}

/// The main site has neither parent nor level nor prepaid money; every other site has parent and level.
fn check_place(fields: &Fields<'_>, parent: Option<&Option<Slug>>, level: Option<&Option<Code>>) {
    let is_main = matches!(parent, Some(None));
    if is_main && fields.has("level") {
        fields.report(fields.line_of("level"), "the main site has no level; a sub-site names its parent");
    }
    if is_main && fields.has("owner") {
        fields.report(fields.line_of("owner"), "the main site is run by the operator of tenant.toml");
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

/// What the site allows buyers; what is not named stays at its default.
fn limits(fields: Fields<'_>) -> String {
    let most = |name: &'static str, default: u32| fields.number_if_there(name, LIMIT_MAX).flatten().unwrap_or(default);
    let default = Limits::default();
    let limits = Limits {
        open_orders_per_visitor: most("open_orders_per_visitor", default.open_orders_per_visitor),
        open_orders_per_contact: most("open_orders_per_contact", default.open_orders_per_contact),
        open_orders_per_address: most("open_orders_per_address", default.open_orders_per_address),
        orders_per_address_and_minute: most("orders_per_address_and_minute", default.orders_per_address_and_minute),
        freeze_minutes: most("freeze_minutes", default.freeze_minutes),
        orders_per_account_and_day: most("orders_per_account_and_day", default.orders_per_account_and_day),
    };
    fields.finish();
    limits.text()
}

fn channel(fields: Fields<'_>) -> Option<PackChannel> {
    let provider = fields.text("provider", PROVIDER_CHARS_MAX);
    let payee = fields.text("payee", PAYEE_CHARS_MAX);
    let name = fields.wording("name", NAME_CHARS_MAX);
    let sort = if fields.has("sort") { fields.integer("sort") } else { Some(0) };
    fields.finish();
    Some(PackChannel { provider: provider?, payee: payee?, name: name?, sort: sort? })
}
