//! Codes that do not work are replaced by new ones of the same SKU: what is asked for, which cards that means, and how it is
//! shown. Pure.
//!
//! The line keeps its price, its places and what everybody has earned from it; the old card is void, and the new one stands in
//! its place. What the new one had cost is the main site's to bear.

use std::collections::BTreeSet;

use catalog::SkuId;
use chrono::{DateTime, Utc};
use identity::OperatorId;
use inventory::CardId;
use kernel::{Coded, FaultKind};
use serde::{Deserialize, Serialize};

use crate::refund::LineStanding;

/// The most cards of one order that are replaced. Whose codes still do not work after that gets his money back.
pub const REPLACEMENTS_MAX: usize = 50;

/// Which cards are to be replaced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplaceWish {
    /// The place of their line in the order, from 1.
    pub line: i32,
    /// Their places in the line, from 1.
    pub pieces: BTreeSet<u32>,
}

/// Why cards are replaced, and by whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplaceOf {
    /// Why, for the other operators; the buyer and the site are not told.
    pub reason: String,
    /// Who says so.
    pub by: OperatorId,
}

/// A card that was replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replaced {
    /// Its number among the replacements of the order, from 1.
    pub number: i32,
    /// The place in the line, from 1.
    pub piece: u32,
}

/// The cards in these places with their places, each of which may be replaced; `done` were before.
pub(crate) fn replaceable(
    lines: &[LineStanding],
    wish: &ReplaceWish,
    done: usize,
) -> Result<Vec<(u32, CardId)>, ReplaceRefusal> {
    let line = lines.iter().find(|line| line.line == wish.line).ok_or(ReplaceRefusal::NoLine { line: wish.line })?;
    if line.is_over {
        return Err(ReplaceRefusal::Refunded { line: line.line });
    }
    if !line.is_delivered {
        return Err(ReplaceRefusal::NotDelivered { line: line.line });
    }
    if line.is_shared {
        return Err(ReplaceRefusal::Shared { line: line.line });
    }
    let card = |piece: &u32| {
        let card = line.card(*piece).ok_or(ReplaceRefusal::Piece { line: line.line, piece: *piece })?;
        Ok((*piece, card))
    };
    let cards = wish.pieces.iter().map(card).collect::<Result<Vec<(u32, CardId)>, ReplaceRefusal>>()?;
    if cards.is_empty() {
        return Err(ReplaceRefusal::Piece { line: line.line, piece: 0 });
    }
    if done + cards.len() > REPLACEMENTS_MAX {
        return Err(ReplaceRefusal::TooMany { most: REPLACEMENTS_MAX });
    }
    Ok(cards)
}

/// Why no card was replaced. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum ReplaceRefusal {
    #[error("there is no such order")]
    NotFound,
    #[error("the order has no line {line}")]
    NoLine { line: i32 },
    #[error("nothing is left of line {line}")]
    Refunded { line: i32 },
    #[error("line {line} is not delivered")]
    NotDelivered { line: i32 },
    #[error("every buyer of line {line} has the same codes")]
    Shared { line: i32 },
    #[error("line {line} has no card {piece} that could be replaced")]
    Piece { line: i32, piece: u32 },
    #[error("an order has {most} cards replaced at most")]
    TooMany { most: usize },
    #[error("sku {sku} has {available} left, {wanted} wanted")]
    OutOfStock { sku: SkuId, available: u32, wanted: u32 },
}

impl Coded for ReplaceRefusal {
    fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "order_not_found",
            Self::NoLine { .. } => "replace_line",
            Self::Refunded { .. } => "replace_refunded",
            Self::NotDelivered { .. } => "replace_not_delivered",
            Self::Shared { .. } => "replace_shared",
            Self::Piece { .. } => "replace_piece",
            Self::TooMany { .. } => "replace_too_many",
            Self::OutOfStock { .. } => "out_of_stock",
        }
    }

    fn kind(&self) -> FaultKind {
        match self {
            Self::NotFound => FaultKind::NotFound,
            Self::Refunded { .. } | Self::OutOfStock { .. } => FaultKind::Conflict,
            Self::NoLine { .. }
            | Self::NotDelivered { .. }
            | Self::Shared { .. }
            | Self::Piece { .. }
            | Self::TooMany { .. } => FaultKind::Refused,
        }
    }
}

/// A replaced card of an order, for those who work on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderReplacement {
    /// Its number, from 1.
    pub number: i32,
    /// The place of the line in the order, from 1.
    pub line: i32,
    /// The place of the card in the line, from 1.
    pub piece: u32,
    /// Why; none where it is not told.
    pub reason: Option<String>,
    /// Who said so; none where it is not told.
    pub by: Option<OperatorId>,
    /// When.
    pub at: DateTime<Utc>,
}

/// The same for the buyer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BuyerReplacement {
    /// The place of the line in the order, from 1.
    pub line: i32,
    /// The place of the code in the line, from 1.
    pub piece: u32,
    /// When.
    pub at: DateTime<Utc>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernel::{Currency, Money};

    fn line(pieces: usize) -> LineStanding {
        LineStanding {
            line: 1,
            unit: Money::new(100, Currency::CNY),
            left: Money::new(100 * i64::try_from(pieces).unwrap(), Currency::CNY),
            is_over: false,
            is_delivered: true,
            is_shared: false,
            cards: (0..pieces).map(|_| CardId::new()).collect(),
            void: BTreeSet::new(),
        }
    }

    fn wish(pieces: impl IntoIterator<Item = u32>) -> ReplaceWish {
        ReplaceWish { line: 1, pieces: pieces.into_iter().collect() }
    }

    #[test]
    fn named_places_are_those_cards() {
        let line = line(3);
        let found = replaceable(std::slice::from_ref(&line), &wish([3, 1]), 0);
        assert_eq!(found, Ok(vec![(1, line.cards[0]), (3, line.cards[2])]));
    }

    #[test]
    fn what_is_not_a_buyers_own_and_good_is_not_replaced() {
        let whole = line(3);
        let refused = |line: LineStanding, pieces: &[u32]| {
            replaceable(&[line], &wish(pieces.iter().copied()), 0).expect_err("refused")
        };
        assert_eq!(refused(whole.clone(), &[]), ReplaceRefusal::Piece { line: 1, piece: 0 });
        assert_eq!(refused(whole.clone(), &[1, 4]), ReplaceRefusal::Piece { line: 1, piece: 4 });
        assert_eq!(refused(whole.clone(), &[0]), ReplaceRefusal::Piece { line: 1, piece: 0 });
        let void = LineStanding { void: [whole.cards[1]].into(), ..whole.clone() };
        assert_eq!(refused(void, &[1, 2]), ReplaceRefusal::Piece { line: 1, piece: 2 });
        let over = LineStanding { is_over: true, ..whole.clone() };
        assert_eq!(refused(over, &[1]), ReplaceRefusal::Refunded { line: 1 });
        let waits = LineStanding { is_delivered: false, ..whole.clone() };
        assert_eq!(refused(waits, &[1]), ReplaceRefusal::NotDelivered { line: 1 });
        let shared = LineStanding { is_shared: true, cards: Vec::new(), ..whole.clone() };
        assert_eq!(refused(shared, &[1]), ReplaceRefusal::Shared { line: 1 });
        let other = replaceable(&[whole], &ReplaceWish { line: 2, pieces: [1].into() }, 0);
        assert_eq!(other, Err(ReplaceRefusal::NoLine { line: 2 }));
    }

    #[test]
    fn an_order_has_fifty_replacements_at_most() {
        let line = line(60);
        let most = u32::try_from(REPLACEMENTS_MAX).unwrap();
        assert!(replaceable(std::slice::from_ref(&line), &wish(1..=most), 0).is_ok());
        let refused = Err(ReplaceRefusal::TooMany { most: REPLACEMENTS_MAX });
        assert_eq!(replaceable(std::slice::from_ref(&line), &wish(1..=most + 1), 0), refused);
        assert_eq!(replaceable(&[line], &wish([1]), REPLACEMENTS_MAX), refused);
    }
}
