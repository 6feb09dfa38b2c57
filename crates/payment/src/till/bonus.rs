//! What top-ups are given beside the money that is paid in.

use chrono::{DateTime, Utc};
use identity::CustomerId;
use kernel::{Currency, Money};
use lane::Known;
use store::Tx;

use super::Till;
use crate::bonus::{Bonus, BonusRules};
use crate::command::{TOP_UP_LATE, TOP_UP_LIFE};
use crate::error::PaymentError;
use crate::model::{Intent, IntentId, Purpose};
use crate::{repo, rules};

impl Till {
    /// Asks for the rules of bonuses, and for what a customer was given in the last 30 days.
    pub fn want_bonuses(&mut self, customer: CustomerId) {
        self.wanted.bonuses.insert(customer);
    }

    /// The top-ups that wait for a customer's money.
    pub fn open_top_ups(&self, customer: CustomerId, now: DateTime<Utc>) -> impl Iterator<Item = &Intent> {
        let is_his = move |intent: &&Intent| intent.purpose == Purpose::TopUp && intent.customer == Some(customer);
        self.intents.values().map(|known| &known.value).filter(is_his).filter(move |intent| intent.is_payable(now))
    }

    /// What is on its way into a customer's wallet, with what he is given beside it, in minor units.
    pub fn on_its_way(&self, customer: CustomerId, currency: Currency, now: DateTime<Utc>) -> i64 {
        let open = self.open_top_ups(customer, now).filter(|intent| intent.amount.currency() == currency);
        let whole = |intent: &Intent| {
            let bonus = self.bonus(intent.id).map_or(0, |bonus| bonus.amount.minor());
            intent.amount.minor().saturating_add(bonus)
        };
        open.map(whole).fold(0, i64::saturating_add)
    }

    /// What a customer's wallet with this balance may still take, with the top-ups that are on their way into it.
    pub fn wallet_room(&self, customer: CustomerId, balance: Money, now: DateTime<Utc>) -> Money {
        let coming = self.on_its_way(customer, balance.currency(), now);
        rules::wallet_room(Money::new(balance.minor().saturating_add(coming), balance.currency()))
    }

    /// What a top-up was promised.
    pub fn bonus(&self, intent: IntentId) -> Option<&Bonus> {
        self.bonuses.get(&intent).map(|known| &known.value)
    }

    /// The rules in force, with their version.
    pub(crate) fn bonus_rules(&self) -> (i64, BonusRules) {
        self.bonus_rules.clone().unwrap_or_default()
    }

    /// What a customer was given in the last 30 days, or may still be given for top-ups that are open, or whose money may
    /// only be late.
    pub(crate) fn granted(&self, customer: CustomerId, now: DateTime<Utc>) -> i64 {
        let read = self.granted.get(&customer).copied().unwrap_or(0);
        // What was read as granted is not among those that this batch knows as open.
        let open = |known: &&Known<Bonus>| {
            let intent = self.intent(known.value.intent);
            known.value.granted_at.is_none() && intent.is_some_and(|intent| intent.is_payable(now))
        };
        let newly = |known: &&Known<Bonus>| known.is_news() && known.value.granted_at.is_some();
        let own = self.bonuses.values().filter(|known| known.value.customer == customer);
        let own = own.filter(|known| open(known) || newly(known)).map(|known| known.value.amount.minor());
        own.fold(read, i64::saturating_add)
    }

    /// A top-up is promised a bonus.
    pub(crate) fn promise(&mut self, bonus: Bonus) {
        self.bonuses.insert(bonus.intent, Known::new(bonus));
    }

    /// The top-up is paid: what it was promised is given, once. Answers what is to be posted.
    pub fn grant(&mut self, intent: IntentId, now: DateTime<Utc>) -> Option<Bonus> {
        let known = self.bonuses.get_mut(&intent).filter(|known| known.value.granted_at.is_none())?;
        known.change(|bonus| bonus.granted_at = Some(now));
        Some(known.value)
    }

    /// Reads what the top-ups that were read were promised, and what was asked for about bonuses.
    pub(super) async fn read_bonuses(&mut self, tx: &impl Tx, wanted: Vec<CustomerId>) -> Result<(), PaymentError> {
        let is_top_up = |known: &&Known<Intent>| known.value.purpose == Purpose::TopUp;
        let top_ups: Vec<IntentId> = self.intents.values().filter(is_top_up).map(|known| known.value.id).collect();
        for bonus in repo::bonuses_in(tx, &top_ups).await? {
            self.bonuses.insert(bonus.intent, Known::read(bonus));
        }
        if !wanted.is_empty() {
            self.bonus_rules = Some(repo::bonus_rules_in(tx, tx.now()).await?);
            let now = tx.now();
            // Those of the last minutes are known as open, or as over.
            let late = now - TOP_UP_LATE..=now - TOP_UP_LIFE;
            self.granted = repo::granted_in(tx, &wanted, now - BonusRules::MONTH, late).await?;
        }
        Ok(())
    }
}
