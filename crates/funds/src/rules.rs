//! Pure decisions: what recharge cards may be, and what the acts of the room post.

use chrono::{DateTime, Months, TimeDelta, Utc};
use kernel::Money;
use ledger::{Account, AccountKind, Entry, EntryKind, LedgerError, Posting};

use crate::error::FundsError;
use crate::model::{
    Adjustment, Cause, NewRechargeBatch, Origin, PrepaidMove, RechargeBatch, RechargeCardId, Redemption, Target,
};

/// Cards of a batch.
pub(crate) const CARDS_MAX: u32 = 10_000;
/// Letters of a name, a reason or a note.
pub const TEXT_CHARS_MAX: usize = 200;
/// The most of a currency's whole units that a card is worth. A card that names nobody may be worth so much by the rules of
/// single-purpose prepaid cards in mainland China; one that is given away is no dearer.
const FACE_MAX: i64 = 1_000;
/// By the same rules it is good for so many months at least, if somebody has paid for it.
const SOLD_MONTHS_MIN: u32 = 36;
/// One that is given away is good for this time at least.
const GIFT_LIFE_MIN: TimeDelta = TimeDelta::hours(1);
/// Cards are good for so many months at most, or for ever.
const LIFE_MONTHS_MAX: u32 = 12 * 50;
/// The most of a currency's whole units of an adjustment, a credit or a move.
const AMOUNT_MAX: i64 = 1_000_000;

/// Refuses cards that may not be.
pub(crate) fn check_batch(new: &NewRechargeBatch, now: DateTime<Utc>) -> Result<(), FundsError> {
    check_text("name", &new.name)?;
    let unit = 10_i64.pow(new.face.currency().decimals());
    let most = Money::new(FACE_MAX * unit, new.face.currency());
    if !(1..=most.minor()).contains(&new.face.minor()) {
        return Err(FundsError::Face { most });
    }
    if !(1..=CARDS_MAX).contains(&new.count) {
        return Err(FundsError::Count { most: CARDS_MAX });
    }
    let Some(expires_at) = new.expires_at else { return Ok(()) };
    let earliest = match new.origin {
        Origin::Sold => now.checked_add_months(Months::new(SOLD_MONTHS_MIN)),
        Origin::Gift => now.checked_add_signed(GIFT_LIFE_MIN),
    };
    let earliest = earliest.ok_or(FundsError::Expiry { earliest: now })?;
    let latest = now.checked_add_months(Months::new(LIFE_MONTHS_MAX)).unwrap_or(earliest);
    if (earliest..=latest).contains(&expires_at) { Ok(()) } else { Err(FundsError::Expiry { earliest }) }
}

/// Refuses a text that is empty, has lines, or is too long.
pub(crate) fn check_text(field: &'static str, text: &str) -> Result<(), FundsError> {
    let is_line = !text.trim().is_empty() && !text.contains(char::is_control);
    if is_line && text.chars().count() <= TEXT_CHARS_MAX {
        return Ok(());
    }
    Err(FundsError::Text { field, chars_max: TEXT_CHARS_MAX })
}

/// Refuses an amount that is below `least` or larger than any may be.
pub(crate) fn check_amount(amount: Money, least: i64) -> Result<(), FundsError> {
    let most = Money::new(AMOUNT_MAX * 10_i64.pow(amount.currency().decimals()), amount.currency());
    if (least..=most.minor()).contains(&amount.minor()) { Ok(()) } else { Err(FundsError::Amount { most }) }
}

/// What a card was worth is in the wallet.
pub(crate) fn redeemed(card: RechargeCardId, batch: &RechargeBatch, by: Redemption) -> Result<Entry, LedgerError> {
    let face = batch.of.face;
    let from = match batch.of.origin {
        Origin::Sold => Account::of(AccountKind::RechargeClearing, batch.id.uuid(), face.currency()),
        Origin::Gift => Account::own(AccountKind::PromotionCost, face.currency()),
    };
    let postings = moved(from, Target::Wallet(by.customer).account(face), face);
    Entry::try_new(EntryKind::RechargeRedeemed, card.uuid(), "redeemed", postings)
}

/// Money is on an account by hand, or off it.
pub(crate) fn adjusted(of: &Adjustment) -> Result<Entry, LedgerError> {
    let kind = match of.cause {
        Cause::Deposit => AccountKind::OutsideClearing,
        Cause::Goodwill => AccountKind::PromotionCost,
        Cause::Correction => AccountKind::Corrections,
    };
    let postings = moved(Account::own(kind, of.amount.currency()), of.target.account(of.amount), of.amount);
    Ok(Entry::try_new(EntryKind::BalanceAdjusted, of.id.uuid(), "approved", postings)?.because(&of.reason))
}

/// Prepaid money is another site's.
pub(crate) fn handed_on(of: &PrepaidMove) -> Result<Entry, LedgerError> {
    let postings =
        moved(Target::Prepaid(of.from).account(of.amount), Target::Prepaid(of.to).account(of.amount), of.amount);
    Entry::try_new(EntryKind::PrepaidMoved, of.id.uuid(), "moved", postings)
}

/// A site is lent `more`; below zero it is lent less.
pub(crate) fn lent(site: kernel::SiteId, version: i64, more: Money) -> Result<Entry, LedgerError> {
    let credit = Account::of(AccountKind::SiteCredit, site.uuid(), more.currency());
    let postings = moved(credit, Target::Prepaid(site).account(more), more);
    Entry::try_new(EntryKind::CreditChanged, site.uuid(), &format!("credit:{version}"), postings)
}

fn moved(from: Account, to: Account, amount: Money) -> [Posting; 2] {
    let less = Money::new(-amount.minor(), amount.currency());
    [Posting { account: from, amount: less }, Posting { account: to, amount }]
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernel::Currency;

    fn batch(origin: Origin, face: i64, expires_at: Option<DateTime<Utc>>) -> NewRechargeBatch {
        let face = Money::new(face, Currency::CNY);
        NewRechargeBatch { name: "春节".to_owned(), face, count: 1, origin, expires_at }
    }

    #[test]
    fn a_card_that_is_sold_lasts_three_years_and_is_worth_a_thousand_at_most() {
        let now = DateTime::from_timestamp(1_790_000_000, 0).expect("a time");
        let after = |months| now.checked_add_months(Months::new(months));
        assert!(check_batch(&batch(Origin::Sold, 1_000_00, None), now).is_ok());
        assert!(check_batch(&batch(Origin::Sold, 1, after(36)), now).is_ok());
        assert!(check_batch(&batch(Origin::Gift, 1, after(1)), now).is_ok());
        assert!(matches!(check_batch(&batch(Origin::Sold, 1_000_01, None), now), Err(FundsError::Face { .. })));
        assert!(matches!(check_batch(&batch(Origin::Gift, 0, None), now), Err(FundsError::Face { .. })));
        assert!(matches!(check_batch(&batch(Origin::Sold, 1, after(35)), now), Err(FundsError::Expiry { .. })));
        assert!(matches!(check_batch(&batch(Origin::Gift, 1, Some(now)), now), Err(FundsError::Expiry { .. })));
        assert!(matches!(check_batch(&batch(Origin::Gift, 1, after(601)), now), Err(FundsError::Expiry { .. })));
        let none = NewRechargeBatch { count: 0, ..batch(Origin::Sold, 1, None) };
        assert!(matches!(check_batch(&none, now), Err(FundsError::Count { .. })));
        let nameless = NewRechargeBatch { name: " ".to_owned(), ..batch(Origin::Sold, 1, None) };
        assert!(matches!(check_batch(&nameless, now), Err(FundsError::Text { .. })));
    }
}
