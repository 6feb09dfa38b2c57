//! What a template adds: the band of a purchase price, and its addition.

use kernel::{Money, MoneyError};

use crate::model::{Addition, Band};

/// The last of the ascending bands that begins at or under `cost`; none under the first.
pub(super) fn band_of(bands: &[Band], cost: Money) -> Result<Option<Band>, MoneyError> {
    for band in bands {
        // Amounts of another currency must not be compared with this one's.
        cost.minus(band.from)?;
    }
    let above = bands.partition_point(|band| band.from.minor() <= cost.minor());
    Ok(above.checked_sub(1).map(|last| bands[last]))
}

/// What the site pays and what the band adds to it; without a band nothing.
pub(super) fn with_addition(band: Option<Band>, cost: Money) -> Result<Money, MoneyError> {
    match band.map(|band| band.addition) {
        Some(Addition::Amount { amount }) => cost.plus(amount),
        Some(Addition::Percent { rate }) => cost.plus(rate.of_up(cost)?),
        None => Ok(cost),
    }
}
