//! Which rule counts: the most specific one that exists for this question.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::quote::{RuleRef, Source};
use super::{HopInput, PriceRequest};
use crate::model::{Audience, PriceRule, Reach, RuleId, SkuFacts, Target, Terms, Whom};

/// Who asks a site for a price, and for what.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asking<'a> {
    audience: Audience,
    id: Option<Uuid>,
    level: Option<&'a str>,
    sku: &'a SkuFacts,
    quantity: u32,
    now: DateTime<Utc>,
}

impl<'a> Asking<'a> {
    /// The question to the site at `place` of the chain: by the site below, or by the buyer at the end.
    pub fn price(request: &'a PriceRequest<'_>, place: usize) -> Self {
        match request.chain.get(place + 1) {
            Some(below) => Self::site(request, Audience::Wholesale, below),
            None => Self {
                audience: Audience::Retail,
                id: request.subject.buyer,
                level: request.subject.level.as_deref(),
                sku: request.sku,
                quantity: request.quantity,
                now: request.now,
            },
        }
    }

    /// The question to the site at `setter` for its limits on the price of the site at `place`, further below.
    /// Level and subject of a limit name the site right below the setter, and bind the whole branch from there.
    pub fn limit(request: &'a PriceRequest<'_>, setter: usize, place: usize) -> Self {
        assert!(setter < place, "limits come from above");
        let audience = if place + 1 == request.chain.len() { Audience::Retail } else { Audience::Wholesale };
        Self::site(request, audience, &request.chain[setter + 1])
    }

    fn site(request: &'a PriceRequest<'_>, audience: Audience, below: &HopInput<'a>) -> Self {
        Self {
            audience,
            id: Some(below.site.uuid()),
            level: below.level,
            sku: request.sku,
            quantity: request.quantity,
            now: request.now,
        }
    }

    fn meets(&self, reach: &Reach) -> bool {
        let is_meant = match &reach.whom {
            Whom::Everyone => true,
            Whom::Level(level) => self.level == Some(level.as_str()),
            Whom::Subject(id) => self.id == Some(*id),
        };
        is_meant
            && reach.audience == self.audience
            && reach.quantity_min <= self.quantity.max(1)
            && reach.valid_from.is_none_or(|from| from <= self.now)
            && reach.valid_until.is_none_or(|until| self.now < until)
    }
}

/// The most specific of the rules `about` each target that exist for this question and say what is `wanted`.
pub(super) fn most_specific<'r>(
    about: impl Fn(Target) -> &'r [PriceRule],
    asking: &Asking<'_>,
    wanted: impl Fn(&Terms) -> bool,
) -> Option<&'r PriceRule> {
    let SkuFacts { sku, goods, category, .. } = *asking.sku;
    [Target::Sku(sku), Target::Goods(goods), Target::Category(category), Target::Site]
        .into_iter()
        .flat_map(about)
        .filter(|rule| wanted(&rule.terms) && asking.meets(&rule.reach))
        .max_by_key(|rule| rank(rule))
}

/// How specific a rule is. Two rules of one site that are equal up to the level differ in when they begin, so that
/// which one counts never depends on which was saved last; version and id only make the order total.
fn rank(rule: &PriceRule) -> (bool, u8, u32, bool, Option<DateTime<Utc>>, i64, RuleId) {
    let scope = match rule.reach.target {
        Target::Site => 0,
        Target::Category(_) => 1,
        Target::Goods(_) => 2,
        Target::Sku(_) => 3,
    };
    let is_secret = matches!(rule.reach.whom, Whom::Subject(_));
    let is_for_level = matches!(rule.reach.whom, Whom::Level(_));
    let Reach { quantity_min, valid_from, .. } = rule.reach;
    (is_secret, scope, quantity_min, is_for_level, valid_from, rule.version, rule.id)
}

impl PriceRule {
    /// The rule at its version.
    pub(super) const fn reference(&self) -> RuleRef {
        RuleRef { id: self.id, version: self.version }
    }

    pub(super) const fn source(&self) -> Source {
        match (&self.reach.whom, self.reach.target) {
            (Whom::Subject(_), _) => Source::Secret,
            (_, Target::Sku(_)) => Source::Sku,
            (_, Target::Goods(_)) => Source::Goods,
            (_, Target::Category(_)) => Source::Category,
            (_, Target::Site) => Source::Site,
        }
    }
}
