//! An operator replaces cards that do not work.

use catalog::SkuId;
use chrono::{DateTime, TimeDelta, Utc};
use inventory::{Picks, Taken, Taking};
use kernel::Money;
use lane::{Command, CommandKey, Parts};
use ledger::Book;
use sha2::{Digest, Sha256};

use super::hold::make_room;
use crate::desk::Desk;
use crate::known::{KnownReplacement, News};
use crate::machine::OrderEvent;
use crate::model::OrderId;
use crate::replace::{ReplaceOf, ReplaceRefusal, ReplaceWish, Replaced, replaceable};
use crate::sale;

/// Replaces cards of a delivered line by new ones: the old ones are void, and the new ones stand in their places. All of them,
/// or none.
#[derive(Debug, Clone)]
pub struct ReplaceCodes {
    /// The order.
    pub order: OrderId,
    /// Which cards.
    pub wish: ReplaceWish,
    /// What the line is of, if there is such a line: whoever asks this command has looked. It never changes.
    pub sku: Option<SkuId>,
    /// Why, and who says so.
    pub of: ReplaceOf,
    /// The caller's key: the same one is the same act.
    pub key: String,
}

impl ReplaceCodes {
    fn decide_or_refuse(&self, parts: &mut Parts, now: DateTime<Utc>) -> Result<Vec<Replaced>, ReplaceRefusal> {
        let known = parts.part::<Desk>().order(self.order).cloned();
        let mut order = known.ok_or(ReplaceRefusal::NotFound)?;
        let cards = replaceable(&order.standing(), &self.wish, order.replacements.len())?;
        let number = self.wish.line;
        let line = order.lines.iter().position(|line| line.number == number);
        let line = line.ok_or(ReplaceRefusal::NoLine { line: number })?;
        let (sku, currency) = (order.lines[line].sku, order.lines[line].currency);
        if parts.part::<Picks>().is_shared(sku) {
            return Err(ReplaceRefusal::Shared { line: number });
        }
        let wanted = u32::try_from(cards.len()).expect("there are fifty at most");
        let available = make_room(parts, (sku, wanted), (now, now));
        if available < wanted {
            parts.part::<Desk>().miss();
            return Err(ReplaceRefusal::OutOfStock { sku, available, wanted });
        }
        // From here on nothing can refuse: the stock was counted, and no account that is posted to can run dry.
        let mut replaced = Vec::with_capacity(cards.len());
        for (piece, old) in cards {
            let at = (order.id.uuid(), number);
            let new =
                parts.part::<Picks>().take((sku, 1), at, Taking::Sell, now).expect("the stock was counted before");
            let own = order.lines[line].cards.clone();
            parts.part::<Picks>().void_sold(sku, &Taken { cards: vec![old], ..own.clone() });
            let (new, cost) = (new.cards[0], Money::new(new.cost_minor, currency));
            let act = KnownReplacement {
                number: order.replacements.last().map_or(1, |last| last.number + 1),
                line: number,
                piece,
                old,
                new,
                cost,
                reason: self.of.reason.clone(),
                by: self.of.by,
                at: now,
                news: News::New,
            };
            if cost.minor() > 0 {
                let entry = sale::replaced(order.id.uuid(), act.number, cost).expect("a cost can be posted");
                parts.part::<Book>().post(entry).expect("what goods cost is taken from nobody");
            }
            let cards = own.cards.iter().map(|card| if *card == old { new } else { *card }).collect();
            order.lines[line].set_cards(Taken { cards, ..own });
            replaced.push(Replaced { number: act.number, piece });
            order.replacements.push(act);
        }
        let by = self.of.by.to_string();
        order.apply(OrderEvent::CodesReplaced, &by).expect("an order with cards that are delivered can have new ones");
        parts.part::<Desk>().put(order);
        Ok(replaced)
    }
}

impl Command for ReplaceCodes {
    type Answer = Result<Vec<Replaced>, ReplaceRefusal>;

    fn key(&self) -> CommandKey {
        CommandKey::request(self.of.by, &format!("replace:{}:{}", self.order, self.key))
    }

    fn fingerprint(&self) -> Vec<u8> {
        let wish = serde_json::to_vec(&self.wish).expect("a wish is plain data");
        Sha256::new().chain_update(&self.of.reason).chain_update([0]).chain_update(wish).finalize().to_vec()
    }

    fn want(&self, parts: &mut Parts) {
        parts.part::<Desk>().want_replacements(self.order);
        if let Some(sku) = self.sku {
            let wanted = u32::try_from(self.wish.pieces.len()).unwrap_or(u32::MAX);
            parts.part::<Picks>().want(sku, wanted, TimeDelta::zero());
        }
    }

    fn decide(&self, parts: &mut Parts, now: DateTime<Utc>) -> Self::Answer {
        self.decide_or_refuse(parts, now)
    }
}
