//! Use cases: rules, payees, asking, reviewing, sending, and the bank's answers.

mod payees;

use chrono::{DateTime, Utc};
use identity::CustomerId;
use inventory::Inventory;
use kernel::notice::begins_at;
use kernel::{Currency, Money, TenantScope};
use lane::{Answered, Command, Lanes};
use ledger::Account;
use settlement::EarnerRef;
use store::{Store, Tx, WriteTx};
use uuid::Uuid;

pub use payees::PayoutLine;

use crate::command::{AskFor, Asked, ConvertTo, End, Ended, Outcome, Review, Send, Sent, Word};
use crate::error::{Refusal, WithdrawalError};
use crate::model::{Event, PayeeId, Payout, PayoutId, Rules, RulesVersion, Withdrawal, WithdrawalId, earner_in};
use crate::repo;
use crate::repo::requests::Filter;
use crate::rules::{loosens_review, takes_away};

/// The most versions that are announced at a time.
const ANNOUNCED_MAX: u64 = 20;
/// The most withdrawals that are sent together.
pub const SEND_MAX: usize = 200;

/// Paying out. Clones share everything.
#[derive(Clone)]
pub struct Withdrawals {
    store: Store,
    lanes: Lanes,
    inventory: Inventory,
}

/// What an earner asks for.
#[derive(Debug, Clone)]
pub struct Ask {
    /// Who asks.
    pub earner: EarnerRef,
    /// How much.
    pub amount: Money,
    /// Where it is to go.
    pub payee: PayeeId,
    /// The invoice, if one is needed.
    pub invoice: Option<String>,
    /// The operator or the agent's customer who asks.
    pub by: Uuid,
    /// His key: the same one is the same withdrawal.
    pub key: String,
}

/// What is to become money to buy with.
#[derive(Debug, Clone)]
pub struct Convert {
    /// Whose.
    pub earner: EarnerRef,
    /// How much.
    pub amount: Money,
    /// Whose wallet takes it, if the earner is an agent; a site's goes into its prepaid money.
    pub wallet: Option<CustomerId>,
    /// The operator or the agent's customer.
    pub by: Uuid,
    /// His key: the same one is the same conversion.
    pub key: String,
}

type Answer<T> = Result<Answered<T>, WithdrawalError>;

impl Withdrawals {
    /// Withdrawals by these lanes; accounts are sealed with the tenant's keys.
    pub const fn new(store: Store, lanes: Lanes, inventory: Inventory) -> Self {
        Self { store, lanes, inventory }
    }

    /// Writes the next version of the rules. Without `effective_from` it begins as soon as it may: at once or with the last
    /// version that is announced, or, if it takes something away from earners, after seven days.
    pub async fn save_rules_in(
        &self,
        tx: &WriteTx<TenantScope>,
        rules: Rules,
        effective_from: Option<DateTime<Utc>>,
        by: Uuid,
    ) -> Result<RulesVersion, WithdrawalError> {
        rules.check()?;
        let now = tx.now();
        let last = repo::rules::page(tx, None, 1).await?.pop();
        let (in_force, _) = repo::rules::in_force(tx, now).await?;
        let announced = last.as_ref().map_or(0, |last| last.version - in_force);
        if announced.unsigned_abs() >= ANNOUNCED_MAX {
            return Err(WithdrawalError::TooMany { what: "announced versions", limit: ANNOUNCED_MAX });
        }
        let old = last.as_ref().map_or(&Rules::USUAL, |last| &last.rules);
        let has_notice = takes_away(old, &rules) || loosens_review(old, &rules);
        let effective_from = begins_at(effective_from, now, last.as_ref().map(|last| last.effective_from), has_notice)?;
        let version = last.map_or(1, |last| last.version + 1);
        let new = RulesVersion { version, effective_from, created_at: now, created_by: by, rules };
        repo::rules::insert(tx, &new).await?;
        Ok(new)
    }

    /// At most `limit` versions before this number, the latest first.
    pub async fn rules_page_in(
        &self,
        tx: &impl Tx,
        before: Option<i64>,
        limit: u64,
    ) -> Result<Vec<RulesVersion>, WithdrawalError> {
        repo::rules::page(tx, before, limit).await
    }

    /// The rules in force at the transaction's time, with their version: 0 before there is any.
    pub async fn rules_in(&self, tx: &impl Tx) -> Result<(i64, Rules), WithdrawalError> {
        repo::rules::in_force(tx, tx.now()).await
    }

    /// Asks to be paid: so much of what is available is locked.
    pub async fn ask(&self, scope: &TenantScope, ask: Ask) -> Answer<Asked> {
        let Ask { earner, amount, payee, invoice, by, key } = ask;
        let command = AskFor { id: WithdrawalId::new(), earner, amount, payee, invoice, by, key };
        self.run(scope, command).await
    }

    /// Turns what is available into money to buy with, at once.
    pub async fn convert(&self, scope: &TenantScope, convert: Convert) -> Answer<Asked> {
        let Convert { earner, amount, wallet, by, key } = convert;
        let command = ConvertTo { id: WithdrawalId::new(), earner, amount, wallet, by, key };
        self.run(scope, command).await
    }

    /// Has a word on a withdrawal that is not sent; of this earner, if he is named.
    pub async fn review(
        &self,
        scope: &TenantScope,
        (id, of): (WithdrawalId, Option<EarnerRef>),
        word: Word,
        (by, key): (Uuid, String),
    ) -> Answer<Asked> {
        let known = self.known(scope, id).await?;
        if of.is_some_and(|of| of != known.earner) {
            return Err(Refusal::NotFound.into());
        }
        let command = Review { id, earner: known.ledger_earner(), word, by, key };
        self.run(scope, command).await
    }

    /// Sends approved withdrawals together, at most [`SEND_MAX`]; what cannot be sent is left with the reason.
    pub async fn send(
        &self,
        scope: &TenantScope,
        ids: &[WithdrawalId],
        currency: Currency,
        (by, key): (Uuid, String),
    ) -> Answer<Sent> {
        if ids.len() > SEND_MAX {
            return Err(WithdrawalError::TooMany { what: "withdrawals of a payout", limit: SEND_MAX as u64 });
        }
        let tx = self.store.read(scope).await?;
        let known = repo::requests::these(&tx, ids).await?;
        drop(tx);
        let earner = |id: &WithdrawalId| {
            let of = known.iter().find(|known| known.id == *id && known.amount.currency() == currency);
            of.map(|of| (*id, of.ledger_earner())).ok_or(Refusal::NotFound)
        };
        let withdrawals = ids.iter().map(earner).collect::<Result<_, _>>()?;
        let command = Send { id: PayoutId::new(), withdrawals, currency, by, key };
        self.run(scope, command).await
    }

    /// The bank's word on what was sent; the same word told again changes nothing.
    pub async fn end(
        &self,
        scope: &TenantScope,
        id: WithdrawalId,
        outcome: Outcome,
        (by, key): (Uuid, String),
    ) -> Answer<Ended> {
        let known = self.known(scope, id).await?;
        let command = End { id, earner: known.ledger_earner(), outcome, by, key };
        self.run(scope, command).await
    }

    async fn run<T>(&self, scope: &TenantScope, command: impl Command<Answer = Result<T, Refusal>>) -> Answer<T> {
        let Answered { answer, is_replay } = self.lanes.run(scope, command).await?;
        Ok(Answered { answer: answer?, is_replay })
    }

    async fn known(&self, scope: &TenantScope, id: WithdrawalId) -> Result<Withdrawal, WithdrawalError> {
        let tx = self.store.read(scope).await?;
        self.find_in(&tx, id).await?.ok_or(WithdrawalError::Refused(Refusal::NotFound))
    }

    /// The withdrawal.
    pub async fn find_in(&self, tx: &impl Tx, id: WithdrawalId) -> Result<Option<Withdrawal>, WithdrawalError> {
        Ok(repo::requests::these(tx, &[id]).await?.pop())
    }

    /// At most `limit` withdrawals before this one, the newest first.
    pub async fn page_in(
        &self,
        tx: &impl Tx,
        filter: Filter,
        before: Option<WithdrawalId>,
        limit: u64,
    ) -> Result<Vec<Withdrawal>, WithdrawalError> {
        repo::requests::page(tx, filter, before, limit).await
    }

    /// What has happened to a withdrawal, the oldest first.
    pub async fn events_in(&self, tx: &impl Tx, id: WithdrawalId) -> Result<Vec<Event>, WithdrawalError> {
        repo::requests::events(tx, id).await
    }

    /// What is left of these withdrawals, in their order: of those that are not sent what is still locked, of the others
    /// what they were of when they were sent, or what was asked for.
    pub async fn left_in(&self, tx: &impl Tx, of: &[Withdrawal]) -> Result<Vec<Money>, WithdrawalError> {
        let locked: Vec<Account> = of.iter().map(|one| earner_in(one.earner, one.amount.currency()).locked()).collect();
        let locked = ledger::balances_in(tx, &locked).await?;
        let left = |(one, locked): (&Withdrawal, Money)| match one.sent {
            _ if one.state.is_open() => locked,
            Some((_, split)) => split.whole(),
            None => one.amount,
        };
        Ok(of.iter().zip(locked).map(left).collect())
    }

    /// At most `limit` payouts before this one, the newest first.
    pub async fn payouts_in(
        &self,
        tx: &impl Tx,
        before: Option<PayoutId>,
        limit: u64,
    ) -> Result<Vec<Payout>, WithdrawalError> {
        repo::requests::payouts(tx, before, limit).await
    }

    /// The payout with its withdrawals.
    pub async fn payout_in(
        &self,
        tx: &impl Tx,
        id: PayoutId,
    ) -> Result<Option<(Payout, Vec<Withdrawal>)>, WithdrawalError> {
        match repo::requests::payout(tx, id).await? {
            Some(payout) => Ok(Some((payout, repo::requests::of_payout(tx, id).await?))),
            None => Ok(None),
        }
    }
}
