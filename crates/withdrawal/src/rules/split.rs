//! Fee and tax.

use kernel::{Money, MoneyError, Rate};

use crate::error::Refusal;
use crate::model::{Rules, Split, Tax};

/// What of an amount the earner gets, what it costs, and what is kept for the tax office. The fee is rounded up, the tax
/// down; something has to be left.
pub fn split(rules: &Rules, amount: Money) -> Result<Split, Refusal> {
    let parts = parts(rules, amount).map_err(|_| Refusal::NothingLeft)?;
    if parts.net.minor() > 0 { Ok(parts) } else { Err(Refusal::NothingLeft) }
}

fn parts(rules: &Rules, amount: Money) -> Result<Split, MoneyError> {
    let money = |minor| Money::new(minor, amount.currency());
    let most = rules.fee_maximum_minor.unwrap_or(i64::MAX);
    let fee = rules.fee_rate().of_up(amount)?.minor().max(rules.fee_minimum_minor).min(most);
    let tax = match rules.tax {
        Tax::Withhold { rate_ppm, free_minor } => {
            let taxed = amount.minor().saturating_sub(free_minor).max(0);
            Rate::from_ppm(rate_ppm).of_down(money(taxed))?
        }
        Tax::None | Tax::Invoice => money(0),
    };
    Ok(Split { net: amount.minus(money(fee))?.minus(tax)?, fee: money(fee), tax })
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernel::Currency;
    use proptest::prelude::*;

    fn cents(minor: i64) -> Money {
        Money::new(minor, Currency::CNY)
    }

    #[test]
    fn a_fee_has_bounds_and_tax_is_of_what_is_above_the_free_amount() {
        let tax = Tax::Withhold { rate_ppm: 200_000, free_minor: 800_00 };
        let rules =
            Rules { fee_rate_ppm: 6_000, fee_minimum_minor: 1_00, fee_maximum_minor: Some(25_00), tax, ..Rules::USUAL };
        let parts = |minor| {
            let Split { net, fee, tax } = split(&rules, cents(minor)).expect("something is left");
            (net.minor(), fee.minor(), tax.minor())
        };
        assert_eq!(parts(100_00), (99_00, 1_00, 0));
        assert_eq!(parts(800_01), (795_20, 4_81, 0));
        assert_eq!(parts(1_000_00), (954_00, 6_00, 40_00));
        assert_eq!(parts(10_000_00), (8_135_00, 25_00, 1_840_00));
        assert_eq!(split(&rules, cents(1_00)), Err(Refusal::NothingLeft));
    }

    proptest! {
        #[test]
        fn the_parts_are_the_whole_and_none_is_below_zero(
            amount in 1i64..10_000_000_00, fee_rate_ppm in 0u32..1_000_000, least in 0i64..10_000, more in prop::option::of(0i64..10_000),
            tax in prop::option::of((0u32..1_000_000, 0i64..1_000_000)),
        ) {
            let tax = tax.map_or(Tax::None, |(rate_ppm, free_minor)| Tax::Withhold { rate_ppm, free_minor });
            let fee_maximum_minor = more.map(|more| least + more);
            let rules = Rules { fee_rate_ppm, fee_minimum_minor: least, fee_maximum_minor, tax, ..Rules::USUAL };
            prop_assert!(rules.check().is_ok());
            if let Ok(Split { net, fee, tax }) = split(&rules, cents(amount)) {
                prop_assert_eq!(net.minor() + fee.minor() + tax.minor(), amount);
                prop_assert!(net.minor() > 0 && fee.minor() >= least && tax.minor() >= 0);
                prop_assert!(fee_maximum_minor.is_none_or(|most| fee.minor() <= most));
            }
        }
    }
}
