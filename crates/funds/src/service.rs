//! Use cases: cards made, carried away, found, redeemed and made void; money adjusted, lent and handed on.

use std::net::IpAddr;

use identity::{CustomerId, LoginLimits};
use inventory::Inventory;
use kernel::{Currency, Money, Secret, SiteId, SiteScope, TenantScope};
use lane::{Answered, Command, Lanes};
use ledger::{Account, AccountKind};
use sha2::{Digest, Sha256};
use store::{Store, Tx, WriteTx};
use tenancy::SiteTree;
use uuid::Uuid;

use crate::code::RechargeCode;
use crate::command::{AdjustmentWord, AskFor, Credited, Decide, HandOn, Lend, Moved, RedeemCard, Redeemed};
use crate::error::{FundsError, Refusal};
use crate::model::{
    Adjustment, AdjustmentId, AdjustmentState, Cause, Credit, Lent, NewRechargeBatch, PrepaidMove, PrepaidMoveId,
    RechargeBatch, RechargeBatchId, RechargeCard, RechargeCardId, Tally, Target,
};
use crate::repo::accounts::Side;
use crate::repo::{accounts, cards};
use crate::rules;

/// What codes are sealed and hashed for.
const CODE: &str = "recharge";

/// Member money. Clones share everything.
#[derive(Clone)]
pub struct Funds {
    store: Store,
    lanes: Lanes,
    inventory: Inventory,
}

/// A code that a customer has typed.
#[derive(Clone)]
pub struct Redeem {
    /// The code.
    pub code: RechargeCode,
    /// Into whose wallet.
    pub customer: CustomerId,
    /// What the wallet is in.
    pub currency: Currency,
    /// His key: the same one is the same redemption.
    pub key: String,
}

/// Money that is to be put on an account by hand.
#[derive(Debug, Clone)]
pub struct AskAdjustment {
    /// Whose. That it is there is for the caller to know.
    pub target: Target,
    /// How much; below zero it is taken off.
    pub amount: Money,
    /// Where it comes from.
    pub cause: Cause,
    /// Why.
    pub reason: String,
    /// Who asks.
    pub by: Uuid,
    /// His key: the same one is the same adjustment.
    pub key: String,
}

/// What a site is to be lent.
#[derive(Debug, Clone)]
pub struct SetCredit {
    /// Which site.
    pub site: SiteId,
    /// How much, and when its money is low.
    pub credit: Credit,
    /// The version that was seen, if it has to be this one; 0 is none yet.
    pub seen: Option<i64>,
    /// Who lends.
    pub by: Uuid,
    /// His key: the same one is the same change.
    pub key: String,
}

/// Prepaid money that is to be handed on.
#[derive(Debug, Clone)]
pub struct MovePrepaid {
    /// Whose it is.
    pub from: SiteId,
    /// The site right below.
    pub to: SiteId,
    /// How much.
    pub amount: Money,
    /// What is said with it.
    pub note: Option<String>,
    /// Who hands it on.
    pub by: Uuid,
    /// His key: the same one is the same move.
    pub key: String,
}

/// What a site has to buy with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PrepaidStanding {
    /// Which site.
    pub site: SiteId,
    /// What it may spend, with what it was lent.
    pub available: Money,
    /// What placed orders hold of it.
    pub held: Money,
    /// What it was lent, with its version; none if it never was.
    pub lent: Option<Lent>,
}

impl PrepaidStanding {
    /// Whether it is below what somebody said was low.
    pub fn is_low(&self) -> bool {
        let below = self.lent.and_then(|lent| lent.alert_below);
        below.is_some_and(|below| self.available.minor() < below.minor())
    }

    /// What of the credit it has spent.
    pub fn owed(&self) -> Money {
        let credit = self.lent.map_or(0, |lent| lent.amount.minor());
        let there = self.available.minor().saturating_add(self.held.minor());
        Money::new(credit.saturating_sub(there).max(0), self.available.currency())
    }
}

type Answer<T> = Result<Answered<T>, FundsError>;

/// Recharge cards.
/// The batch that was made under the key, if the same was asked for.
fn made_before((answer, asked): (RechargeBatch, Vec<u8>), fingerprint: &[u8]) -> Answer<RechargeBatch> {
    if asked == fingerprint { Ok(Answered { answer, is_replay: true }) } else { Err(FundsError::KeyReused) }
}

impl Funds {
    /// Member money by these lanes; codes are sealed with the tenant's keys.
    pub const fn new(store: Store, lanes: Lanes, inventory: Inventory) -> Self {
        Self { store, lanes, inventory }
    }

    pub(crate) async fn writer(&self, scope: &TenantScope) -> Result<WriteTx<TenantScope>, FundsError> {
        Ok(self.store.write(scope).await?)
    }

    /// The same rooms with other lanes, as another node has them.
    #[cfg(test)]
    pub(crate) fn with_lanes(&self, lanes: Lanes) -> Self {
        Self { lanes, ..self.clone() }
    }

    /// Makes cards, all of them or none. The same key answers the same batch; for other cards it is refused.
    pub async fn make_batch(
        &self,
        scope: &TenantScope,
        new: NewRechargeBatch,
        (by, key): (Uuid, &str),
    ) -> Answer<RechargeBatch> {
        let tx = self.store.write(scope).await?;
        let fingerprint = Sha256::digest(serde_json::to_vec(&new).expect("plain data")).to_vec();
        let key = format!("{by}:{key}");
        // What was made is answered again, also when its last day has come too near meanwhile to make it now.
        if let Some(known) = cards::batch_of_key(&tx, &key).await? {
            return made_before(known, &fingerprint);
        }
        rules::check_batch(&new, tx.now())?;
        let batch = RechargeBatch { id: RechargeBatchId::new(), of: new, created: (tx.now(), by), voided: None };
        if !cards::insert_batch(&tx, &batch, (&key, fingerprint.clone())).await? {
            // Somebody was faster by a moment.
            let known = cards::batch_of_key(&tx, &key).await?.ok_or(FundsError::ChangedMeanwhile)?;
            return made_before(known, &fingerprint);
        }
        let draw = |_| (RechargeCardId::new(), RechargeCode::draw());
        let drawn: Vec<(RechargeCardId, RechargeCode)> = (0..batch.of.count).map(draw).collect();
        let codes: Vec<(Uuid, Secret<String>)> =
            drawn.iter().map(|(id, code)| (id.uuid(), code.plain().clone())).collect();
        let sealed = self.inventory.seal_secrets_in(&tx, CODE, &codes).await?;
        let ids = drawn.into_iter().map(|(id, _)| id);
        cards::insert_cards(&tx, batch.id, ids.zip(sealed)).await?;
        tx.commit().await?;
        Ok(Answered { answer: batch, is_replay: false })
    }

    /// At most `limit` batches before this one, the newest first.
    pub async fn batches_in(
        &self,
        tx: &impl Tx,
        before: Option<RechargeBatchId>,
        limit: u64,
    ) -> Result<Vec<RechargeBatch>, FundsError> {
        cards::batches(tx, before, limit).await
    }

    /// The batch.
    pub async fn batch_in(&self, tx: &impl Tx, id: RechargeBatchId) -> Result<Option<RechargeBatch>, FundsError> {
        cards::batch(tx, id).await
    }

    /// How many cards of the batch are in which state.
    pub async fn tally_in(&self, tx: &impl Tx, id: RechargeBatchId) -> Result<Tally, FundsError> {
        cards::tally(tx, id).await
    }

    /// At most `limit` cards of the batch after this number.
    pub async fn cards_in(
        &self,
        tx: &impl Tx,
        of: RechargeBatchId,
        after: u32,
        limit: u64,
    ) -> Result<Vec<RechargeCard>, FundsError> {
        cards::of_batch(tx, of, after, limit).await
    }

    /// The codes of a batch that may be redeemed, with their numbers. Who carries them away, and why, is written down before
    /// the first one is opened.
    pub async fn export(
        &self,
        scope: &TenantScope,
        id: RechargeBatchId,
        (by, reason): (Uuid, &str),
    ) -> Result<(RechargeBatch, Vec<(u32, RechargeCode)>), FundsError> {
        rules::check_text("reason", reason)?;
        let tx = self.store.write(scope).await?;
        let batch = cards::batch(&tx, id).await?.ok_or(FundsError::Missing { what: "batch" })?;
        cards::note_export(&tx, id, (by, reason)).await?;
        tx.commit().await?;
        tracing::info!(tenant.id = %scope.id(), batch.id = %id, operator.id = %by, "the codes of {id} are carried away");
        let tx = self.store.read(scope).await?;
        let mut opened = Vec::new();
        for (card, sealed) in cards::sealed_of(&tx, id).await? {
            let plain = self.inventory.open_secret_in(&tx, CODE, card.id.uuid(), sealed).await?;
            let unreadable = |_| FundsError::Corrupt { table: "recharge_cards", what: card.id.to_string() };
            opened.push((card.number, RechargeCode::parse(plain.expose()).map_err(unreadable)?));
        }
        Ok((batch, opened))
    }

    /// Makes what nobody has redeemed of a batch void, for good.
    pub async fn void_batch(
        &self,
        scope: &TenantScope,
        id: RechargeBatchId,
        (by, reason): (Uuid, &str),
    ) -> Result<(RechargeBatch, Tally), FundsError> {
        rules::check_text("reason", reason)?;
        let tx = self.store.write(scope).await?;
        let batch = cards::locked_batch(&tx, id).await?.ok_or(FundsError::Missing { what: "batch" })?;
        if batch.voided.is_some() {
            return Err(FundsError::VoidAlready);
        }
        cards::void(&tx, id, (by, reason)).await?;
        let (now, tally) = (tx.now(), cards::tally(&tx, id).await?);
        tx.commit().await?;
        Ok((RechargeBatch { voided: Some((now, by, reason.to_owned())), ..batch }, tally))
    }

    /// The card of a code with its batch, for whoever helps a buyer. None if there is none.
    pub async fn find_card_in(
        &self,
        tx: &impl Tx,
        code: &RechargeCode,
    ) -> Result<Option<(RechargeCard, RechargeBatch)>, FundsError> {
        let hash = self.inventory.hash_secret_in(tx, CODE, code.plain()).await?;
        let Some(card) = cards::by_hash(tx, hash).await? else { return Ok(None) };
        let batch = cards::batch(tx, card.batch).await?;
        Ok(batch.map(|batch| (card, batch)))
    }

    /// Redeems a card: what it is worth is in the wallet. A code that nobody has made counts against the customer and his
    /// address like a wrong password.
    pub async fn redeem(
        &self,
        scope: &SiteScope,
        (limits, from): (&LoginLimits, IpAddr),
        redeem: Redeem,
    ) -> Answer<Redeemed> {
        let Redeem { code, customer, currency, key } = redeem;
        let engine = scope.engine();
        let find = async { self.find_card_in(&self.store.read(&engine).await?, &code).await };
        let about = format!("recharge card of {customer}");
        let found = limits.guard_guess((scope.tenant(), &about), from, find).await?;
        let (card, _) = found.ok_or(Refusal::NoCard)?;
        self.run(&engine, RedeemCard { card: card.id, customer, site: scope.site(), currency, key }).await
    }

    async fn run<T>(&self, scope: &TenantScope, command: impl Command<Answer = Result<T, Refusal>>) -> Answer<T> {
        let Answered { answer, is_replay } = self.lanes.run(scope, command).await?;
        Ok(Answered { answer: answer?, is_replay })
    }
}

/// Money on accounts.
impl Funds {
    /// Asks for money to be put on an account, or taken off it. Nothing moves before a second person approves.
    pub async fn ask_adjustment(&self, scope: &TenantScope, ask: AskAdjustment) -> Answer<AdjustmentId> {
        let AskAdjustment { target, amount, cause, reason, by, key } = ask;
        let size = Money::new(amount.minor().checked_abs().unwrap_or(i64::MAX), amount.currency());
        rules::check_amount(size, 1)?;
        rules::check_text("reason", &reason)?;
        self.run(scope, AskFor { id: AdjustmentId::new(), target, amount, cause, reason, by, key }).await
    }

    /// Decides an adjustment.
    pub async fn decide_adjustment(
        &self,
        scope: &TenantScope,
        id: AdjustmentId,
        word: AdjustmentWord,
        (by, key): (Uuid, String),
    ) -> Answer<AdjustmentState> {
        if let AdjustmentWord::Reject { note } = &word {
            rules::check_text("note", note)?;
        }
        let tx = self.store.read(scope).await?;
        let known = accounts::adjustment(&tx, id).await?.ok_or(Refusal::NoAdjustment)?;
        drop(tx);
        self.run(scope, Decide { id, about: (known.target, known.amount), word, by, key }).await
    }

    /// At most `limit` adjustments before this one, the newest first.
    pub async fn adjustments_in(
        &self,
        tx: &impl Tx,
        state: Option<AdjustmentState>,
        before: Option<AdjustmentId>,
        limit: u64,
    ) -> Result<Vec<Adjustment>, FundsError> {
        accounts::adjustments(tx, state, before, limit).await
    }

    /// The adjustment.
    pub async fn adjustment_in(&self, tx: &impl Tx, id: AdjustmentId) -> Result<Option<Adjustment>, FundsError> {
        accounts::adjustment(tx, id).await
    }

    /// Lends a site of the tree more to buy with, or less. What it has spent of it cannot be taken back.
    pub async fn lend(&self, scope: &TenantScope, tree: &SiteTree, of: SetCredit) -> Answer<Credited> {
        let SetCredit { site, credit, seen, by, key } = of;
        let known = tree.get(site).ok_or(FundsError::Missing { what: "site" })?;
        if known.parent.is_none() {
            return Err(FundsError::MainSite);
        }
        rules::check_amount(credit.amount, 0)?;
        credit.alert_below.map_or(Ok(()), |below| rules::check_amount(below, 0))?;
        self.run(scope, Lend { site, credit, seen, by, key }).await
    }

    /// Hands prepaid money of a site to one right below it in the tree.
    pub async fn hand_on(&self, scope: &TenantScope, tree: &SiteTree, of: MovePrepaid) -> Answer<Moved> {
        let MovePrepaid { from, to, amount, note, by, key } = of;
        let known = tree.get(from).ok_or(FundsError::Missing { what: "site" })?;
        if known.parent.is_none() {
            return Err(FundsError::MainSite);
        }
        if tree.get(to).is_none_or(|below| below.parent != Some(from)) {
            return Err(FundsError::NotBelow);
        }
        rules::check_amount(amount, 1)?;
        note.as_deref().map_or(Ok(()), |note| rules::check_text("note", note))?;
        self.run(scope, HandOn { id: PrepaidMoveId::new(), from, to, amount, note, by, key }).await
    }

    /// At most `limit` moves that a site made before this one, the newest first.
    pub async fn moves_from_in(
        &self,
        tx: &impl Tx,
        site: SiteId,
        before: Option<PrepaidMoveId>,
        limit: u64,
    ) -> Result<Vec<PrepaidMove>, FundsError> {
        accounts::moves(tx, (site, Side::Out), before, limit).await
    }

    /// At most `limit` moves that were made to a site before this one, the newest first.
    pub async fn moves_to_in(
        &self,
        tx: &impl Tx,
        site: SiteId,
        before: Option<PrepaidMoveId>,
        limit: u64,
    ) -> Result<Vec<PrepaidMove>, FundsError> {
        accounts::moves(tx, (site, Side::In), before, limit).await
    }

    /// What these sites have to buy with, in their order.
    pub async fn prepaid_in(
        &self,
        tx: &impl Tx,
        sites: &[SiteId],
        currency: Currency,
    ) -> Result<Vec<PrepaidStanding>, FundsError> {
        let of = |kind| move |site: &SiteId| Account::of(kind, site.uuid(), currency);
        let free: Vec<Account> = sites.iter().map(of(AccountKind::SitePrepaid)).collect();
        let held: Vec<Account> = sites.iter().map(of(AccountKind::SitePrepaidHeld)).collect();
        let free = ledger::balances_in(tx, &free).await?;
        let held = ledger::balances_in(tx, &held).await?;
        let lent = accounts::credits(tx, sites).await?;
        let standing = |((site, available), held): ((&SiteId, Money), Money)| PrepaidStanding {
            site: *site,
            available,
            held,
            lent: lent.iter().find(|lent| lent.site == *site).copied(),
        };
        Ok(sites.iter().zip(free).zip(held).map(standing).collect())
    }
}
