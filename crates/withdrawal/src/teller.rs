//! The room's part in the lane: what is known of withdrawals, and what a batch makes of them.
//!
//! Withdrawals are locked ascending; everything else is read after them. A batch that asks for nothing reads nothing and
//! writes nothing.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use kernel::{Currency, Money};
use lane::{Known, LaneSheaf, LaneTx, Look, Part, PartError, Step, news};
use ledger::Side;
use settlement::EarnerRef;
use store::Tx;
use uuid::Uuid;

use crate::error::WithdrawalError;
use crate::model::{Event, EventKind, Payee, PayeeId, Payout, Rules, Withdrawal, WithdrawalId};
use crate::repo;
use crate::rules::Today;

/// What a batch knows of withdrawals, and what it writes of them.
///
/// Ask with the `want_` methods; the facts answer what was read together with what earlier commands of the batch did.
#[derive(Default)]
pub struct Teller {
    wanted: BTreeSet<WithdrawalId>,
    wanted_earners: BTreeSet<EarnerRef>,
    wanted_payees: BTreeSet<PayeeId>,
    /// Withdrawals that are not to be changed by anybody else: those asked for.
    withdrawals: BTreeMap<WithdrawalId, Known<Withdrawal>>,
    /// The last ones of earners who ask for more, as they were read.
    recent: HashMap<EarnerRef, Vec<Withdrawal>>,
    payees: HashMap<PayeeId, Payee>,
    /// Earners whose name somebody has checked.
    checked: HashSet<Uuid>,
    held: HashSet<(Side, Uuid)>,
    rules: HashMap<i64, Rules>,
    in_force: Option<(i64, Rules)>,
    events: Vec<(WithdrawalId, Event)>,
    payouts: Vec<Payout>,
    newly_checked: BTreeMap<Uuid, Uuid>,
}

/// What commands ask for.
impl Teller {
    /// Asks for a withdrawal, locked, with its payee and whether its earner is held back.
    pub fn want(&mut self, id: WithdrawalId) {
        self.wanted.insert(id);
    }

    /// Asks for what an earner has asked for lately, and whether he is held back. One that another node writes at this moment
    /// is not seen: the database refuses two that are open.
    pub fn want_earner(&mut self, earner: EarnerRef) {
        self.wanted_earners.insert(earner);
    }

    /// Asks for a payee.
    pub fn want_payee(&mut self, id: PayeeId) {
        self.wanted_payees.insert(id);
    }
}

/// What is known.
impl Teller {
    /// The withdrawal.
    pub fn withdrawal(&self, id: WithdrawalId) -> Option<&Withdrawal> {
        self.withdrawals.get(&id).map(|known| &known.value)
    }

    /// What an earner has asked for before, in this currency.
    pub fn today(&self, earner: EarnerRef, currency: Currency, now: DateTime<Utc>) -> Today {
        let read = self.recent.get(&earner).into_iter().flatten();
        // What this batch knows better than what was read.
        let read = read.filter(|one| !self.withdrawals.contains_key(&one.id));
        let known = self.withdrawals.values().map(|known| &known.value).filter(|one| one.earner == earner);
        Today::of(read.chain(known), now, Money::zero(currency))
    }

    /// The payee.
    pub fn payee(&self, id: PayeeId) -> Option<&Payee> {
        self.payees.get(&id)
    }

    /// Whether an earner is held back.
    pub fn is_held(&self, earner: EarnerRef) -> bool {
        self.held.contains(&earner.key())
    }

    /// Whether somebody has checked the earner's name.
    pub fn is_name_checked(&self, earner: EarnerRef) -> bool {
        self.checked.contains(&earner.key().1)
    }

    /// The rules in force, with their version.
    pub fn in_force(&self) -> (i64, Rules) {
        self.in_force.unwrap_or((0, Rules::USUAL))
    }

    /// The rules that a withdrawal was asked for by.
    pub fn rules(&self, version: i64) -> Rules {
        self.rules.get(&version).copied().unwrap_or(Rules::USUAL)
    }
}

/// What commands do.
impl Teller {
    /// Something new is asked for.
    pub fn open(&mut self, new: Withdrawal, kind: EventKind) {
        let (at, by) = new.requested;
        self.events.push((new.id, Event { kind, at, by, note: None }));
        self.withdrawals.insert(new.id, Known::new(new));
    }

    /// A withdrawal that was read is changed.
    pub fn change(&mut self, changed: Withdrawal, (kind, by): (EventKind, Uuid)) {
        let event = Event { kind, at: changed.changed_at, by, note: changed.note.clone() };
        self.events.push((changed.id, event));
        if let Some(known) = self.withdrawals.get_mut(&changed.id) {
            known.change(|known| *known = changed);
        }
    }

    /// What is sent together.
    pub fn pay_out(&mut self, payout: Payout) {
        self.payouts.push(payout);
    }

    /// A person says that the payee's name is the earner's.
    pub fn check_name(&mut self, earner: EarnerRef, by: Uuid) {
        let (_, owner) = earner.key();
        if self.checked.insert(owner) {
            self.newly_checked.insert(owner, by);
        }
    }
}

impl Teller {
    async fn read_rows(&mut self, tx: &LaneTx) -> Result<(), WithdrawalError> {
        let wanted = std::mem::take(&mut self.wanted);
        let earners = std::mem::take(&mut self.wanted_earners);
        let mut payees = std::mem::take(&mut self.wanted_payees);
        if wanted.is_empty() && earners.is_empty() {
            return Ok(());
        }
        for value in repo::requests::lock(tx, wanted.into_iter()).await? {
            self.withdrawals.insert(value.id, Known::read(value));
        }
        for earner in earners {
            self.recent.insert(earner, repo::requests::recent(tx, earner).await?);
        }
        let known = || self.withdrawals.values().map(|known| &known.value);
        payees.extend(known().filter_map(|one| one.payee));
        let owners: Vec<Uuid> = known().map(|one| one.earner.key().1).collect();
        let versions: BTreeSet<i64> = known().map(|one| one.rules_version).collect();
        let payees: Vec<PayeeId> = payees.into_iter().collect();
        self.payees = repo::payees::these(tx, &payees).await?.into_iter().map(|payee| (payee.id, payee)).collect();
        self.checked = repo::payees::checked(tx, &owners).await?;
        self.held = settlement::held_in(tx).await?;
        self.in_force = Some(repo::rules::in_force(tx, tx.now()).await?);
        let versions: Vec<i64> = versions.into_iter().collect();
        let versions = repo::rules::these(tx, &versions).await?;
        self.rules = versions.into_iter().map(|version| (version.version, version.rules)).collect();
        Ok(())
    }

    async fn write_rows(&self, tx: &LaneTx, sheaf: &mut LaneSheaf) -> Result<(), WithdrawalError> {
        if self.events.is_empty() {
            return Ok(());
        }
        // What is sent names its payout.
        repo::requests::insert_payouts(tx, &self.payouts).await?;
        let (new, changed) = news(&self.withdrawals);
        repo::requests::insert(sheaf, new);
        repo::requests::change(tx, changed).await?;
        repo::requests::insert_events(sheaf, &self.events, |id| self.withdrawals.get(&id).map(|known| &known.value));
        for (earner, by) in &self.newly_checked {
            repo::payees::check_name(tx, *earner, *by).await?;
        }
        Ok(())
    }
}

impl Part for Teller {
    fn twin(&self) -> Box<dyn Part> {
        Box::new(Self::default())
    }

    fn read<'a>(&'a mut self, tx: &'a LaneTx, _look: Look) -> BoxFuture<'a, Result<(), PartError>> {
        Box::pin(async move { self.read_rows(tx).await.map_err(part_error) })
    }

    fn write<'a>(
        &'a mut self,
        tx: &'a LaneTx,
        sheaf: &'a mut LaneSheaf,
        _batch: Uuid,
        step: Step,
    ) -> BoxFuture<'a, Result<(), PartError>> {
        Box::pin(async move {
            if step == Step::Rows {
                self.write_rows(tx, sheaf).await.map_err(part_error)?;
            }
            Ok(())
        })
    }

    fn end(&mut self, _is_committed: bool) {
        *self = Self::default();
    }
}

fn part_error(error: WithdrawalError) -> PartError {
    match error {
        WithdrawalError::Store(error) => PartError::Store(error),
        other => PartError::Broken(other.to_string()),
    }
}
