//! The room's part in the lane: what is known of cards, adjustments and credits, and what a batch makes of them.
//!
//! Cards are locked ascending, then adjustments, then credits; batches of cards are read after them. A batch that asks for
//! nothing reads nothing and writes nothing.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use futures::future::BoxFuture;
use kernel::SiteId;
use lane::{Known, LaneSheaf, LaneTx, Look, Part, PartError, Step, news};
use uuid::Uuid;

use crate::error::FundsError;
use crate::model::{
    Adjustment, AdjustmentId, CardState, Lent, PrepaidMove, RechargeBatch, RechargeBatchId, RechargeCard,
    RechargeCardId, Redemption,
};
use crate::repo::{accounts, cards};

/// What a batch knows of member money, and what it writes of it.
///
/// Ask with the `want_` methods; the facts answer what was read together with what earlier commands of the batch did.
#[derive(Default)]
pub struct Vault {
    wanted_cards: BTreeSet<RechargeCardId>,
    wanted_adjustments: BTreeSet<AdjustmentId>,
    wanted_credits: BTreeSet<SiteId>,
    cards: BTreeMap<RechargeCardId, Known<RechargeCard>>,
    batches: HashMap<RechargeBatchId, RechargeBatch>,
    adjustments: BTreeMap<AdjustmentId, Known<Adjustment>>,
    credits: BTreeMap<SiteId, Known<Lent>>,
    moves: Vec<PrepaidMove>,
}

/// What commands ask for.
impl Vault {
    /// Asks for a card, locked, with its batch.
    pub fn want_card(&mut self, id: RechargeCardId) {
        self.wanted_cards.insert(id);
    }

    /// Asks for an adjustment, locked.
    pub fn want_adjustment(&mut self, id: AdjustmentId) {
        self.wanted_adjustments.insert(id);
    }

    /// Asks for what a site was lent, locked if it ever was.
    pub fn want_credit(&mut self, site: SiteId) {
        self.wanted_credits.insert(site);
    }
}

/// What is known.
impl Vault {
    /// The card with its batch.
    pub fn card(&self, id: RechargeCardId) -> Option<(&RechargeCard, &RechargeBatch)> {
        let card = &self.cards.get(&id)?.value;
        Some((card, self.batches.get(&card.batch)?))
    }

    /// The adjustment.
    pub fn adjustment(&self, id: AdjustmentId) -> Option<&Adjustment> {
        self.adjustments.get(&id).map(|known| &known.value)
    }

    /// What a site was lent; none if it never was.
    pub fn credit(&self, site: SiteId) -> Option<&Lent> {
        self.credits.get(&site).map(|known| &known.value)
    }
}

/// What commands do.
impl Vault {
    /// A card that was read is redeemed.
    pub fn redeem(&mut self, id: RechargeCardId, by: Redemption) {
        if let Some(known) = self.cards.get_mut(&id) {
            known.change(|card| (card.state, card.redemption) = (CardState::Redeemed, Some(by)));
        }
    }

    /// An adjustment is asked for.
    pub fn open_adjustment(&mut self, new: Adjustment) {
        self.adjustments.insert(new.id, Known::new(new));
    }

    /// An adjustment that was read is decided.
    pub fn change_adjustment(&mut self, changed: Adjustment) {
        if let Some(known) = self.adjustments.get_mut(&changed.id) {
            known.change(|known| *known = changed);
        }
    }

    /// A site is lent so much from now on.
    pub fn lend(&mut self, lent: Lent) {
        match self.credits.get_mut(&lent.site) {
            Some(known) => known.change(|known| *known = lent),
            None => drop(self.credits.insert(lent.site, Known::new(lent))),
        }
    }

    /// Prepaid money is handed on.
    pub fn hand_on(&mut self, new: PrepaidMove) {
        self.moves.push(new);
    }
}

impl Vault {
    async fn read_rows(&mut self, tx: &LaneTx) -> Result<(), FundsError> {
        for card in cards::lock(tx, std::mem::take(&mut self.wanted_cards).into_iter()).await? {
            self.cards.insert(card.id, Known::read(card));
        }
        for of in accounts::lock_adjustments(tx, std::mem::take(&mut self.wanted_adjustments).into_iter()).await? {
            self.adjustments.insert(of.id, Known::read(of));
        }
        for lent in accounts::lock_credits(tx, std::mem::take(&mut self.wanted_credits).into_iter()).await? {
            self.credits.insert(lent.site, Known::read(lent));
        }
        let batches: BTreeSet<RechargeBatchId> = self.cards.values().map(|known| known.value.batch).collect();
        let batches: Vec<RechargeBatchId> = batches.into_iter().collect();
        self.batches = cards::batches_of(tx, &batches).await?.into_iter().map(|batch| (batch.id, batch)).collect();
        Ok(())
    }

    async fn write_rows(&self, tx: &LaneTx, sheaf: &mut LaneSheaf) -> Result<(), FundsError> {
        let (_, redeemed) = news(&self.cards);
        cards::redeem(tx, redeemed.into_iter()).await?;
        let (new, changed) = news(&self.adjustments);
        accounts::insert_adjustments(sheaf, new);
        accounts::change_adjustments(tx, changed).await?;
        let (new, changed) = news(&self.credits);
        accounts::insert_credits(sheaf, new);
        accounts::change_credits(tx, changed).await?;
        accounts::insert_moves(sheaf, &self.moves);
        Ok(())
    }

    fn is_idle(&self) -> bool {
        self.cards.is_empty() && self.adjustments.is_empty() && self.credits.is_empty() && self.moves.is_empty()
    }

    fn wants_nothing(&self) -> bool {
        self.wanted_cards.is_empty() && self.wanted_adjustments.is_empty() && self.wanted_credits.is_empty()
    }
}

impl Part for Vault {
    fn twin(&self) -> Box<dyn Part> {
        Box::new(Self::default())
    }

    fn read<'a>(&'a mut self, tx: &'a LaneTx, _look: Look) -> BoxFuture<'a, Result<(), PartError>> {
        Box::pin(
            async move { if self.wants_nothing() { Ok(()) } else { self.read_rows(tx).await.map_err(part_error) } },
        )
    }

    fn write<'a>(
        &'a mut self,
        tx: &'a LaneTx,
        sheaf: &'a mut LaneSheaf,
        _batch: Uuid,
        step: Step,
    ) -> BoxFuture<'a, Result<(), PartError>> {
        Box::pin(async move {
            if step == Step::Rows && !self.is_idle() {
                self.write_rows(tx, sheaf).await.map_err(part_error)?;
            }
            Ok(())
        })
    }

    fn end(&mut self, _is_committed: bool) {
        *self = Self::default();
    }
}

fn part_error(error: FundsError) -> PartError {
    match error {
        FundsError::Store(error) => PartError::Store(error),
        other => PartError::Broken(other.to_string()),
    }
}
