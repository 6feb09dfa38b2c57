//! Limits from above: the floor under a site's price and the cap over it.
//!
//! A limit binds the whole branch below the site that set it, so that the tightest of all limits above counts. Within
//! one site the most specific limit that states a floor gives the floor, and likewise for the highest markup: a limit
//! for one SKU that states a floor only does not lift the markup limit of its category.

use kernel::{Money, MoneyError, SiteId};

use super::PriceRequest;
use super::lookup::{Asking, most_specific};
use super::quote::RuleRef;
use crate::model::Terms;

/// Something that a limit states, and who set it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bound<T> {
    pub value: T,
    pub set_by: SiteId,
    pub limit: RuleRef,
}

/// The highest floor that the sites above set for the price of the site at `place`.
pub(super) fn floor(request: &PriceRequest<'_>, place: usize) -> Option<Bound<Money>> {
    stated(request, place, |terms| match terms {
        Terms::Limit { floor, .. } => *floor,
        Terms::Price { .. } => None,
    })
    .max_by_key(|bound| bound.value.minor())
}

/// The lowest cap: what the site itself pays and the smallest highest markup on it, rounded down.
pub(super) fn cap(request: &PriceRequest<'_>, place: usize, cost: Money) -> Result<Option<Bound<Money>>, MoneyError> {
    let tightest = stated(request, place, |terms| match terms {
        Terms::Limit { markup_max, .. } => *markup_max,
        Terms::Price { .. } => None,
    })
    .min_by_key(|bound| bound.value);
    let Some(Bound { value: rate, set_by, limit }) = tightest else { return Ok(None) };
    Ok(Some(Bound { value: cost.plus(rate.of_down(cost)?)?, set_by, limit }))
}

/// What each site above states for the site at `place`.
fn stated<'a, T: 'a>(
    request: &'a PriceRequest<'_>,
    place: usize,
    read: impl Fn(&Terms) -> Option<T> + Copy + 'a,
) -> impl Iterator<Item = Bound<T>> + 'a {
    (0..place).filter_map(move |setter| {
        let above = &request.chain[setter];
        let asking = Asking::limit(request, setter, place);
        let limit = most_specific(|target| above.rules.limits(target), &asking, |terms| read(terms).is_some())?;
        Some(Bound { value: read(&limit.terms)?, set_by: above.site, limit: limit.reference() })
    })
}
