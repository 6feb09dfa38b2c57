//! Price rules of one site as they are sent and shown: the same for the main site's people and a sub-site's.

use std::collections::HashMap;

use axum::http::StatusCode;
use axum::response::Response;
use catalog::{
    Audience, CatalogError, Code, Formula, PriceRule, Reach, Rounding, RuleDraft, RuleFamily, RuleFilter, RuleId,
    Target, TemplateId, Terms, Whom,
};
use chrono::{DateTime, Utc};
use identity::{CustomerId, Login};
use kernel::{Rate, SiteId, TenantScope};
use serde::{Deserialize, Serialize};
use store::Tx;
use utoipa::{IntoParams, ToSchema};
use web::Problem;

use crate::body::{Fields, refused};
use crate::page::{self, IfMatch, List, MoneyView, answer, changed, written};
use crate::place::Place;
use crate::routes::ApiState;

/// What a rule says.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum TermsView {
    /// This price. Under the own purchase price it hides the SKU, unless the loss of each unit is within the cap.
    Fixed {
        price: MoneyView,
        #[serde(default)]
        loss_cap: Option<MoneyView>,
        #[serde(default = "no_rounding")]
        rounding: String,
    },
    /// The purchase price and this amount.
    Markup {
        amount: MoneyView,
        #[serde(default = "no_rounding")]
        rounding: String,
    },
    /// The purchase price and this share of it, in millionths.
    Percent {
        rate_ppm: u32,
        #[serde(default = "no_rounding")]
        rounding: String,
    },
    /// The purchase price and what the site's template with this code adds to it.
    Template { template: String },
    /// What all sites of the branch below keep to: no price under the floor, none above their own purchase price and
    /// this share of it. One of both at least.
    Limit {
        #[serde(default)]
        floor: Option<MoneyView>,
        #[serde(default)]
        markup_max_ppm: Option<u32>,
    },
}

fn no_rounding() -> String {
    Rounding::None.word().to_owned()
}

/// A rule. A site has one price and one limit for the same audience, people, target, quantity and beginning: what is
/// sent for these again changes it. A rule is ended by `valid_until`.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RuleSent {
    /// Who pays: `retail` (the site's own buyers) or `wholesale` (the sites right below).
    audience: String,
    /// What it is about: `site` (everything), `category`, `goods` or `sku`.
    scope: String,
    /// The code of the category, goods or SKU.
    target: Option<String>,
    /// Only for this level.
    level: Option<String>,
    /// Only for this site right below, by slug or id: a secret price, or a limit for it.
    site: Option<String>,
    /// Only for this customer, by log-in: a secret retail price.
    customer: Option<String>,
    /// From how many of one SKU on.
    #[serde(default = "one")]
    quantity_min: u32,
    /// From when on.
    valid_from: Option<DateTime<Utc>>,
    /// Until when.
    valid_until: Option<DateTime<Utc>>,
    /// What it says.
    terms: TermsView,
}

const fn one() -> u32 {
    1
}

/// A rule as it is kept.
#[derive(Serialize, ToSchema)]
pub(crate) struct RuleView {
    /// Its id.
    #[schema(value_type = String)]
    id: RuleId,
    /// Its version, for `If-Match`.
    version: i64,
    /// When it was first written.
    created_at: DateTime<Utc>,
    #[serde(flatten)]
    rule: RuleSent,
}

/// Which rules.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct RulesQuery {
    /// How many, 1 to 100.
    #[serde(default = "page::limit_default")]
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: u64,
    /// Where the part begins.
    cursor: Option<String>,
    /// `retail` or `wholesale`.
    audience: Option<String>,
    /// `price` or `limit`.
    family: Option<String>,
    /// Those for this very site right below, by slug or id.
    site: Option<String>,
}

/// The rules of the place's own site, ascending by id.
pub(crate) async fn list(
    rooms: &ApiState,
    tx: &impl Tx,
    place: &Place,
    query: &RulesQuery,
) -> Result<Response, Problem> {
    let limit = page::limit(query.limit)?;
    let after = page::after(query.cursor.as_deref(), RuleId::parse)?;
    let audience = page::filter("audience", query.audience.as_deref(), |text| Audience::parse(text).ok())?;
    let family = page::filter("family", query.family.as_deref(), RuleFamily::parse)?;
    let subject = page::filter("site", query.site.as_deref(), |text| place.child(text).map(|site| site.id.uuid()))?;
    let filter = RuleFilter { audience, family, subject };
    let rules = rooms.catalog.rules_page_in(tx, place.site.id, &filter, after, limit + 1).await?;
    let (rules, next) = page::page(rules, limit, |rule| rule.id);
    let names = Names::of(rooms, tx, place, &rules).await?;
    let data = rules.iter().map(|rule| names.view(rule)).collect();
    Ok(answer(StatusCode::OK, List::part(data, next)))
}

/// Makes a rule of the place's own site what was sent.
pub(crate) async fn put(
    rooms: &ApiState,
    scope: TenantScope,
    site: Option<SiteId>,
    if_match: IfMatch,
    sent: RuleSent,
) -> Result<Response, Problem> {
    let tx = rooms.store.write(&scope).await?;
    let place = match site {
        Some(site) => Place::at(rooms, &tx, site).await?,
        None => Place::main(rooms, &tx).await?,
    };
    let draft = sent.read(rooms, &tx, &place).await?;
    let known = rooms.catalog.rule_to_change_in(&tx, &draft).await?;
    if_match.check(known.map(|rule| rule.version))?;
    let (_, saved) = rooms.catalog.save_rule_in(&tx, &draft).await.map_err(refused)?;
    let rule = rooms.catalog.rule_to_change_in(&tx, &draft).await?.ok_or(Problem::not_found())?;
    let view = Names::of(rooms, &tx, &place, std::slice::from_ref(&rule)).await?.view(&rule);
    tx.commit().await?;
    Ok(page::versioned(written(view, changed(saved)), rule.version))
}

impl RuleSent {
    async fn read(self, rooms: &ApiState, tx: &impl Tx, place: &Place) -> Result<RuleDraft, Problem> {
        let mut fields = Fields::default();
        let audience = fields.read("/audience", Audience::parse(&self.audience));
        let target = self.target(rooms, tx, &mut fields).await?;
        let whom = self.whom(rooms, tx, place, &mut fields).await?;
        let terms = self.terms.read(rooms, tx, place, &mut fields).await?;
        let Self { quantity_min, valid_from, valid_until, .. } = self;
        for (pointer, moment) in [("/valid_from", valid_from), ("/valid_until", valid_until)] {
            fields.moment(pointer, moment);
        }
        let draft = || {
            let (audience, whom, target) = (audience?, whom?, target?);
            let reach = Reach { audience, whom, target, quantity_min, valid_from, valid_until };
            Some(RuleDraft { site: place.site.id, reach, terms: terms? })
        };
        let draft = draft();
        fields.whole(draft)
    }

    async fn target(&self, rooms: &ApiState, tx: &impl Tx, fields: &mut Fields) -> Result<Option<Target>, Problem> {
        let code = match &self.target {
            None => None,
            Some(text) => match fields.read("/target", Code::parse(text)) {
                Some(code) => Some(code),
                None => return Ok(None),
            },
        };
        let found = rooms.catalog.target_in(tx, &self.scope, code.as_ref()).await;
        let pointer = if matches!(found, Err(CatalogError::Word { .. })) { "/scope" } else { "/target" };
        fields.in_catalogue(pointer, found)
    }

    /// A customer for a retail price, a site right below for the rest. Whoever is not the rule's site's own is not
    /// there.
    async fn whom(
        &self,
        rooms: &ApiState,
        tx: &impl Tx,
        place: &Place,
        fields: &mut Fields,
    ) -> Result<Option<Whom>, Problem> {
        let is_retail_price = self.audience == "retail" && !matches!(self.terms, TermsView::Limit { .. });
        Ok(match (&self.level, &self.site, &self.customer) {
            (None, None, None) => Some(Whom::Everyone),
            (Some(level), None, None) => fields.read("/level", Code::parse(level)).map(Whom::Level),
            (None, Some(site), None) if !is_retail_price => {
                fields.there("/site", place.child(site)).map(|site| Whom::Subject(site.id.uuid()))
            }
            (None, None, Some(login)) if is_retail_price => {
                let login = fields.read("/customer", Login::parse(login));
                let Some(login) = login else { return Ok(None) };
                let known = rooms.customers.find_in(tx, &login).await?;
                let known = known.filter(|customer| place.is_main() || customer.site == place.site.id);
                fields.there("/customer", known).map(|customer| Whom::Subject(customer.id.uuid()))
            }
            _ => {
                let detail = "one of level, site (wholesale and limits) and customer (retail prices), or none";
                fields.refuse("/level", "whom_mixed", detail);
                None
            }
        })
    }
}

impl TermsView {
    async fn read(
        &self,
        rooms: &ApiState,
        tx: &impl Tx,
        place: &Place,
        fields: &mut Fields,
    ) -> Result<Option<Terms>, Problem> {
        let currency = place.currency;
        let (formula, rounding) = match self {
            Self::Fixed { price, loss_cap, rounding } => {
                let loss_cap = loss_cap.as_ref().map(|cap| fields.money("/terms/loss_cap", cap, currency));
                let price = fields.money("/terms/price", price, currency);
                (price.map(|price| Formula::Fixed { price, loss_cap: loss_cap.flatten() }), rounding.as_str())
            }
            Self::Markup { amount, rounding } => {
                let amount = fields.money("/terms/amount", amount, currency);
                (amount.map(|amount| Formula::Markup { amount }), rounding.as_str())
            }
            Self::Percent { rate_ppm, rounding } => {
                (Some(Formula::Percent { rate: Rate::from_ppm(*rate_ppm) }), rounding.as_str())
            }
            Self::Template { template } => {
                let code = fields.read("/terms/template", Code::parse(template));
                let Some(code) = code else { return Ok(None) };
                let found = rooms.catalog.find_template_in(tx, place.site.id, &code).await?;
                let found = fields.there("/terms/template", found);
                (found.map(|template| Formula::Template { template: template.id }), Rounding::None.word())
            }
            Self::Limit { floor, markup_max_ppm } => {
                let floor = floor.as_ref().map(|floor| fields.money("/terms/floor", floor, currency));
                return Ok(Some(Terms::Limit {
                    floor: floor.flatten(),
                    markup_max: markup_max_ppm.map(Rate::from_ppm),
                }));
            }
        };
        let rounding = fields.read("/terms/rounding", Rounding::parse(rounding));
        Ok(formula.zip(rounding).map(|(formula, rounding)| Terms::Price { formula, rounding }))
    }

    fn new(terms: &Terms, templates: &HashMap<TemplateId, Code>) -> Self {
        match *terms {
            Terms::Limit { floor, markup_max } => {
                Self::Limit { floor: floor.map(MoneyView::from), markup_max_ppm: markup_max.map(|rate| rate.ppm()) }
            }
            Terms::Price { formula, rounding } => {
                let rounding = rounding.word().to_owned();
                match formula {
                    Formula::Fixed { price, loss_cap } => {
                        Self::Fixed { price: price.into(), loss_cap: loss_cap.map(MoneyView::from), rounding }
                    }
                    Formula::Markup { amount } => Self::Markup { amount: amount.into(), rounding },
                    Formula::Percent { rate } => Self::Percent { rate_ppm: rate.ppm(), rounding },
                    Formula::Template { template } => {
                        Self::Template { template: templates.get(&template).map(Code::to_string).unwrap_or_default() }
                    }
                }
            }
        }
    }
}

/// What stands in rules as ids, by name.
struct Names {
    targets: HashMap<Target, Code>,
    templates: HashMap<TemplateId, Code>,
    sites: HashMap<SiteId, String>,
    customers: HashMap<CustomerId, String>,
}

impl Names {
    async fn of(rooms: &ApiState, tx: &impl Tx, place: &Place, rules: &[PriceRule]) -> Result<Self, Problem> {
        let targets: Vec<Target> = rules.iter().map(|rule| rule.reach.target).collect();
        let mut templates = HashMap::new();
        if rules.iter().any(|rule| rule.terms.template().is_some()) {
            let all = rooms.catalog.templates_in(tx, place.site.id).await?;
            templates.extend(all.into_iter().map(|template| (template.id, template.code)));
        }
        let mut sites = HashMap::new();
        let mut customers = Vec::new();
        for rule in rules {
            let Whom::Subject(id) = rule.reach.whom else { continue };
            match place.tree.get(SiteId::from_uuid(id)) {
                Some(site) => {
                    sites.insert(site.id, site.slug.to_string());
                }
                None => customers.push(CustomerId::from_uuid(id)),
            }
        }
        Ok(Self {
            targets: rooms.catalog.codes_of_in(tx, &targets).await?,
            templates,
            sites,
            customers: rooms.customers.logins_in(tx, &customers).await?,
        })
    }

    fn view(&self, rule: &PriceRule) -> RuleView {
        let Reach { audience, whom, target, quantity_min, valid_from, valid_until } = rule.reach.clone();
        let (level, site, customer) = match whom {
            Whom::Everyone => (None, None, None),
            Whom::Level(level) => (Some(level.to_string()), None, None),
            Whom::Subject(id) => {
                let site = self.sites.get(&SiteId::from_uuid(id)).cloned();
                (None, site, self.customers.get(&CustomerId::from_uuid(id)).cloned())
            }
        };
        let rule_sent = RuleSent {
            audience: audience.word().to_owned(),
            scope: target.word().to_owned(),
            target: self.targets.get(&target).map(Code::to_string),
            level,
            site,
            customer,
            quantity_min,
            valid_from,
            valid_until,
            terms: TermsView::new(&rule.terms, &self.templates),
        };
        RuleView { id: rule.id, version: rule.version, created_at: rule.created_at, rule: rule_sent }
    }
}
