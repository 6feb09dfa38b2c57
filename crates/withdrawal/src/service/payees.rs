//! Payees: sealed when they come, opened only for those who pay.

use std::collections::HashMap;

use kernel::{Secret, TenantScope};
use settlement::EarnerRef;
use store::{Tx, WriteTx};
use uuid::Uuid;

use super::Withdrawals;
use crate::error::{Refusal, WithdrawalError};
use crate::model::{
    Means, NewPayee, Payee, PayeeDetails, PayeeId, Payout, PayoutId, State, Withdrawal, WithdrawalId, is_same_name,
};
use crate::repo;
use crate::repo::payees::{Recorded, Sealed};

/// What payees are sealed for.
const ACCOUNT: &str = "payee";
/// What the names of earners are sealed for.
const NAME: &str = "payee-name";
/// Payees of an earner.
const PAYEES_MAX: usize = 10;

/// A line of a payout, as the bank needs it.
pub struct PayoutLine {
    /// What is paid.
    pub withdrawal: Withdrawal,
    /// How.
    pub means: Means,
    /// To whom.
    pub details: PayeeDetails,
}

impl Withdrawals {
    /// Adds a payee, which can be used once it has cooled down. The first one names the earner; others have to have the same
    /// name, as long as there are any or once somebody has checked it.
    pub async fn add_payee_in(
        &self,
        tx: &WriteTx<TenantScope>,
        new: NewPayee,
        by: Uuid,
    ) -> Result<Payee, WithdrawalError> {
        let NewPayee { earner, means, details } = new;
        // The name is locked first: who comes second sees the payees of the first.
        let recorded = repo::payees::name(tx, earner).await?;
        let known = repo::payees::of(tx, earner).await?;
        if known.len() >= PAYEES_MAX {
            return Err(WithdrawalError::TooMany { what: "payees", limit: PAYEES_MAX as u64 });
        }
        self.check_name_in(tx, earner, recorded, (&details.holder, known.is_empty())).await?;
        let (_, rules) = repo::rules::in_force(tx, tx.now()).await?;
        let id = PayeeId::new();
        let sealed = self.inventory.seal_secret_in(tx, ACCOUNT, id.uuid(), &details.to_secret()).await?;
        let payee = Payee {
            id,
            earner,
            means,
            holder: details.masked_holder(),
            number: details.masked_number(),
            usable_from: tx.now() + rules.cool_down(),
            created_at: tx.now(),
            created_by: by,
            removed_at: None,
        };
        repo::payees::insert(tx, &payee, sealed).await?;
        Ok(payee)
    }

    async fn check_name_in(
        &self,
        tx: &WriteTx<TenantScope>,
        earner: EarnerRef,
        recorded: Option<Recorded>,
        (holder, is_first): (&str, bool),
    ) -> Result<(), WithdrawalError> {
        let (_, owner) = earner.key();
        if let Some(recorded) = recorded {
            let name = self.inventory.open_secret_in(tx, NAME, owner, recorded.sealed).await?;
            if is_same_name(name.expose(), holder) {
                return Ok(());
            }
            if recorded.is_checked || !is_first {
                return Err(WithdrawalError::OtherName);
            }
            repo::payees::forget_name(tx, earner).await?;
        }
        let sealed = self.inventory.seal_secret_in(tx, NAME, owner, &Secret::new(holder.to_owned())).await?;
        repo::payees::record_name(tx, earner, sealed).await
    }

    /// The payees of an earner, the newest first.
    pub async fn payees_in(&self, tx: &impl Tx, earner: EarnerRef) -> Result<Vec<Payee>, WithdrawalError> {
        repo::payees::of(tx, earner).await
    }

    /// These payees, removed or not, as they may be shown.
    pub async fn payees_of_in(
        &self,
        tx: &impl Tx,
        of: &[Withdrawal],
    ) -> Result<HashMap<PayeeId, Payee>, WithdrawalError> {
        let ids: Vec<PayeeId> = of.iter().filter_map(|one| one.payee).collect();
        Ok(repo::payees::these(tx, &ids).await?.into_iter().map(|payee| (payee.id, payee)).collect())
    }

    /// Removes a payee of this earner, unless something goes to it that is not sent yet.
    pub async fn remove_payee_in(
        &self,
        tx: &WriteTx<TenantScope>,
        earner: EarnerRef,
        id: PayeeId,
    ) -> Result<(), WithdrawalError> {
        let known = repo::payees::locked(tx, id).await?;
        let known = known.filter(|payee| payee.earner == earner && payee.removed_at.is_none());
        known.ok_or(WithdrawalError::Missing { what: "payee" })?;
        if let Some(open) = repo::requests::open_to(tx, earner, id).await? {
            return Err(WithdrawalError::InUse { withdrawal: open.id });
        }
        repo::payees::remove(tx, id).await
    }

    /// Forgets the name of an earner with all of his payees, so that he can begin anew: a name that was checked is not
    /// changed otherwise.
    pub async fn forget_name_in(&self, tx: &WriteTx<TenantScope>, earner: EarnerRef) -> Result<(), WithdrawalError> {
        for payee in repo::payees::of(tx, earner).await? {
            self.remove_payee_in(tx, earner, payee.id).await?;
        }
        if repo::payees::forget_name(tx, earner).await? {
            return Ok(());
        }
        Err(WithdrawalError::Missing { what: "recorded name" })
    }

    /// Who is paid by a withdrawal. That somebody has asked is written down before anything is opened.
    pub async fn open_payee(
        &self,
        scope: &TenantScope,
        id: WithdrawalId,
        by: Uuid,
    ) -> Result<PayoutLine, WithdrawalError> {
        let known = self.known(scope, id).await?;
        self.open(scope, vec![known], by).await?.pop().ok_or(WithdrawalError::Refused(Refusal::NoPayee))
    }

    /// The lines of a payout's file: of what is still on its way. That somebody has asked for it is written down at each of its withdrawals before
    /// anything is opened.
    pub async fn payout_lines(
        &self,
        scope: &TenantScope,
        id: PayoutId,
        by: Uuid,
    ) -> Result<(Payout, Vec<PayoutLine>), WithdrawalError> {
        let tx = self.store.read(scope).await?;
        let found = self.payout_in(&tx, id).await?;
        drop(tx);
        let (payout, mut withdrawals) = found.ok_or(WithdrawalError::Missing { what: "payout" })?;
        withdrawals.retain(|one| one.state == State::Sent);
        Ok((payout, self.open(scope, withdrawals, by).await?))
    }

    async fn open(
        &self,
        scope: &TenantScope,
        of: Vec<Withdrawal>,
        by: Uuid,
    ) -> Result<Vec<PayoutLine>, WithdrawalError> {
        let of: Vec<Withdrawal> = of.into_iter().filter(|one| one.payee.is_some()).collect();
        let tx = self.store.write(scope).await?;
        repo::requests::note_opened(&tx, &of, by).await?;
        tx.commit().await?;
        let tx = self.store.read(scope).await?;
        let ids: Vec<PayeeId> = of.iter().filter_map(|one| one.payee).collect();
        let sealed = repo::payees::sealed(&tx, &ids).await?;
        let mut opened: HashMap<PayeeId, (Means, PayeeDetails)> = HashMap::new();
        for (id, means, sealed) in sealed {
            opened.insert(id, (means, self.open_one_in(&tx, id, sealed).await?));
        }
        let line = |withdrawal: Withdrawal| {
            let (means, details) = opened.get(&withdrawal.payee?)?.clone();
            Some(PayoutLine { withdrawal, means, details })
        };
        Ok(of.into_iter().filter_map(line).collect())
    }

    async fn open_one_in(&self, tx: &impl Tx, id: PayeeId, sealed: Sealed) -> Result<PayeeDetails, WithdrawalError> {
        let secret = self.inventory.open_secret_in(tx, ACCOUNT, id.uuid(), sealed).await?;
        let unreadable = || WithdrawalError::Corrupt { table: "payees", what: id.to_string() };
        PayeeDetails::from_secret(&secret).ok_or_else(unreadable)
    }
}
