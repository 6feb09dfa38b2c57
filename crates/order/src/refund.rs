//! What of an order's money goes back: what is asked for, what that means line by line, and how it is shown. Pure.
//!
//! An order may be refunded in parts: whole lines, single cards of a line, or so much money of a line that is delivered.
//! Each part is a **return** with a number of its own, and no line gives back more than it cost. What is refunded whole is
//! void: its cards are never shown again, and nobody works on it any more.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use identity::OperatorId;
use inventory::CardId;
use kernel::{Coded, FaultKind, Money};
use payment::{RefundId, RefundState};
use serde::{Deserialize, Serialize};

use crate::machine::States;

/// The most returns of one order: WeChat Pay takes no more refunds of one payment. The last one is all that is left, so that
/// nothing is locked in.
pub const RETURNS_MAX: usize = 50;

/// Why an order is refunded, and by whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundOf {
    /// Why, for the other operators; the gateway is not told.
    pub reason: String,
    /// Who says so.
    pub by: OperatorId,
}

/// What is to go back, and where to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RefundWish {
    /// Of which lines; of all of them, whatever is left, if none is named.
    pub lines: Vec<LineWish>,
    /// Where to.
    pub to: RefundTo,
}

/// What of a line is to go back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineWish {
    /// Its place in the order, from 1.
    pub line: i32,
    /// How much.
    pub part: LinePart,
}

/// How much of a line is to go back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinePart {
    /// Whatever is left of it. It is void then.
    Rest,
    /// So much money. The goods stay with the buyer, unless nothing is left then.
    Amount(Money),
    /// These cards, by their place in the line, from 1: they are void then.
    Pieces(BTreeSet<u32>),
}

kernel::words! {
    /// Where the money of a refund goes.
    #[derive(Default)]
    RefundTo {
        /// Where it came from.
        #[default]
        Source = "source",
        /// Into the buyer's wallet, because he wants it there.
        Wallet = "wallet",
    }
}

/// What goes back of a line in one return.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReturnedLine {
    /// Its place in the order, from 1.
    pub line: i32,
    /// How much.
    pub amount: Money,
    /// Whether nothing is left of it then.
    pub is_last: bool,
    /// The cards that are void with it; answers that were kept before had none.
    #[serde(default)]
    pub cards: Vec<CardId>,
}

/// A line as far as a refund has to know it.
#[derive(Debug, Clone)]
pub(crate) struct LineStanding {
    /// Its place in the order, from 1.
    pub line: i32,
    /// What one piece cost.
    pub unit: Money,
    /// What is left of its price.
    pub left: Money,
    /// Whether nothing is left of it: also a line that cost nothing can be refunded only once.
    pub is_over: bool,
    /// Whether it is with the buyer.
    pub is_delivered: bool,
    /// Whether its codes are everybody's.
    pub is_shared: bool,
    /// Its cards, with those that are void; none of a line without cards of its own.
    pub cards: Vec<CardId>,
    /// Those that are void.
    pub void: BTreeSet<CardId>,
}

impl LineStanding {
    /// The card in this place, from 1, unless it is void or not with the buyer.
    pub fn card(&self, piece: u32) -> Option<CardId> {
        let place = usize::try_from(piece).ok().and_then(|piece| piece.checked_sub(1));
        let card = place.and_then(|place| self.cards.get(place)).copied();
        card.filter(|card| self.is_delivered && !self.void.contains(card))
    }
}

/// What a wish comes to, line by line; never nothing.
pub(crate) fn returned(lines: &[LineStanding], wish: &RefundWish) -> Result<Vec<ReturnedLine>, RefundRefusal> {
    let open = || lines.iter().filter(|line| !line.is_over);
    if open().next().is_none() {
        return Err(RefundRefusal::Refunded);
    }
    if wish.lines.is_empty() {
        return Ok(open().map(rest).collect());
    }
    let named: BTreeSet<i32> = wish.lines.iter().map(|one| one.line).collect();
    if named.len() != wish.lines.len() {
        return Err(RefundRefusal::Twice);
    }
    wish.lines.iter().map(|one| line_returned(lines, one)).collect()
}

fn line_returned(lines: &[LineStanding], wish: &LineWish) -> Result<ReturnedLine, RefundRefusal> {
    let line = lines.iter().find(|line| line.line == wish.line).ok_or(RefundRefusal::NoLine { line: wish.line })?;
    if line.is_over {
        return Err(RefundRefusal::LineRefunded { line: line.line });
    }
    match &wish.part {
        LinePart::Rest => Ok(rest(line)),
        LinePart::Amount(amount) => {
            let is_within =
                amount.currency() == line.left.currency() && (1..=line.left.minor()).contains(&amount.minor());
            match is_within {
                false => Err(RefundRefusal::Amount { line: line.line, most: line.left }),
                true if *amount == line.left => Ok(rest(line)),
                true if !line.is_delivered => Err(RefundRefusal::NotDelivered { line: line.line }),
                true => Ok(ReturnedLine { line: line.line, amount: *amount, is_last: false, cards: Vec::new() }),
            }
        }
        LinePart::Pieces(pieces) => {
            let cards = pieces.iter().map(|piece| card(line, *piece)).collect::<Result<Vec<CardId>, _>>()?;
            if cards.is_empty() {
                return Err(RefundRefusal::Piece { line: line.line, piece: 0 });
            }
            let amount = line.unit.times(u32::try_from(cards.len()).unwrap_or(u32::MAX));
            let part = amount.ok().filter(|amount| amount.minor() < line.left.minor());
            // Whoever gives every card back, or takes the last cent, has nothing of the line.
            let part = part.filter(|_| cards.len() < line.cards.len() - line.void.len());
            Ok(part
                .map_or_else(|| rest(line), |amount| ReturnedLine { line: line.line, amount, is_last: false, cards }))
        }
    }
}

fn rest(line: &LineStanding) -> ReturnedLine {
    let cards = line.cards.iter().copied().filter(|card| !line.void.contains(card)).collect();
    ReturnedLine { line: line.line, amount: line.left, is_last: true, cards }
}

fn card(line: &LineStanding, piece: u32) -> Result<CardId, RefundRefusal> {
    line.card(piece).ok_or(RefundRefusal::Piece { line: line.line, piece })
}

/// A refund that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundAsked {
    /// Which return of the order it is, from 1.
    #[serde(default = "first")]
    pub number: i32,
    /// How much goes back.
    pub amount: Money,
    /// Of which lines; whoever takes the last cent of one takes the whole.
    #[serde(default)]
    pub lines: Vec<ReturnedLine>,
    /// The refund that goes out by the channel; none if the money is in the wallet already.
    pub refund: Option<RefundId>,
    /// Where the order stands.
    pub states: States,
}

/// Answers from before there were several have no number.
const fn first() -> i32 {
    1
}

/// Why an order was not refunded. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum RefundRefusal {
    #[error("there is no such order")]
    NotFound,
    #[error("the order is not paid")]
    NotPaid,
    #[error("the order was refunded before")]
    Refunded,
    #[error("nothing says how the order was paid")]
    NoPayment,
    #[error("the order has no line {line}")]
    NoLine { line: i32 },
    #[error("a line is named twice")]
    Twice,
    #[error("nothing is left of line {line}")]
    LineRefunded { line: i32 },
    #[error("more than nothing and at most {most} can go back of line {line}")]
    Amount { line: i32, most: Money },
    #[error("line {line} is not delivered: it goes back as a whole")]
    NotDelivered { line: i32 },
    #[error("line {line} has no card {piece} that could go back")]
    Piece { line: i32, piece: u32 },
    #[error("there is no wallet that may have this money")]
    NoWallet,
    #[error("the wallet has room for {room}")]
    WalletFull { room: Money },
    #[error("an order gives money back {most} times, and the last time all that is left")]
    TooMany { most: usize },
}

impl Coded for RefundRefusal {
    fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "order_not_found",
            Self::NotPaid => "order_not_paid",
            Self::Refunded => "order_refunded",
            Self::NoPayment => "internal",
            Self::NoLine { .. } | Self::Twice => "refund_line",
            Self::LineRefunded { .. } => "refund_line_refunded",
            Self::Amount { .. } => "refund_amount",
            Self::NotDelivered { .. } => "refund_not_delivered",
            Self::Piece { .. } => "refund_piece",
            Self::NoWallet => "refund_no_wallet",
            Self::WalletFull { .. } => "refund_wallet_full",
            Self::TooMany { .. } => "refund_too_many",
        }
    }

    fn kind(&self) -> FaultKind {
        match self {
            Self::NotFound => FaultKind::NotFound,
            Self::NotPaid | Self::Refunded | Self::LineRefunded { .. } => FaultKind::Conflict,
            Self::NoPayment => FaultKind::Internal,
            Self::NoLine { .. }
            | Self::Twice
            | Self::Amount { .. }
            | Self::NotDelivered { .. }
            | Self::Piece { .. }
            | Self::NoWallet
            | Self::WalletFull { .. }
            | Self::TooMany { .. } => FaultKind::Refused,
        }
    }
}

/// A return of an order, for those who work on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderRefund {
    /// Its number, from 1.
    pub number: i32,
    /// How much.
    pub amount: Money,
    /// Of which lines.
    pub lines: Vec<ReturnedPart>,
    /// Where to.
    pub to: RefundTo,
    /// Why; none where it is not told.
    pub reason: Option<String>,
    /// Who said so; none where it is not told.
    pub by: Option<OperatorId>,
    /// When.
    pub at: DateTime<Utc>,
    /// What goes out by the channel; none if it went into the wallet.
    pub refund: Option<RefundId>,
    /// Where the money is: what goes into a wallet is there at once.
    pub state: RefundState,
    /// What the gateway said against it last.
    pub error: Option<String>,
    /// Since when the money is back.
    pub settled_at: Option<DateTime<Utc>>,
}

/// What went back of a line, as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReturnedPart {
    /// Its place in the order, from 1.
    pub line: i32,
    /// How much.
    pub amount: Money,
    /// Whether nothing was left of it.
    pub is_last: bool,
    /// The places of the cards that are void with it, from 1.
    pub pieces: Vec<u32>,
}

/// The same for the buyer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BuyerRefund {
    /// How much.
    pub amount: Money,
    /// Whether it goes into his wallet.
    pub is_to_wallet: bool,
    /// When it was decided.
    pub at: DateTime<Utc>,
    /// Since when it is back; none while the channel has it.
    pub settled_at: Option<DateTime<Utc>>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernel::Currency;
    use proptest::prelude::*;

    fn cny(minor: i64) -> Money {
        Money::new(minor, Currency::CNY)
    }

    fn line(line: i32, pieces: u32, unit: i64) -> LineStanding {
        LineStanding {
            line,
            unit: cny(unit),
            left: cny(unit * i64::from(pieces)),
            is_over: false,
            is_delivered: true,
            is_shared: false,
            cards: (0..pieces).map(|_| CardId::new()).collect(),
            void: BTreeSet::new(),
        }
    }

    fn of(line: i32, part: LinePart) -> RefundWish {
        RefundWish { lines: vec![LineWish { line, part }], to: RefundTo::Source }
    }

    #[test]
    fn an_answer_that_was_kept_without_cards_is_read() {
        let kept = serde_json::json!({"line": 1, "amount": cny(5_00), "is_last": true});
        let read: ReturnedLine = serde_json::from_value(kept).expect("it is read");
        assert_eq!((read.line, read.amount, read.is_last, read.cards), (1, cny(5_00), true, Vec::new()));
    }

    #[test]
    fn what_cost_nothing_goes_back_once_too() {
        let lines = [line(1, 1, 10_00), line(2, 1, 0)];
        let free = returned(&lines, &of(2, LinePart::Rest)).expect("it is called off");
        assert_eq!((free[0].amount.minor(), free[0].is_last), (0, true));
        let all = returned(&lines, &RefundWish::default()).expect("all of it");
        assert_eq!(
            all.iter().map(|one| (one.amount.minor(), one.is_last)).collect::<Vec<_>>(),
            [(10_00, true), (0, true)]
        );
    }

    #[test]
    fn a_line_is_named_once_and_has_to_be_there() {
        let lines = [line(1, 1, 10_00)];
        assert_eq!(returned(&lines, &of(2, LinePart::Rest)), Err(RefundRefusal::NoLine { line: 2 }));
        let twice = RefundWish { lines: vec![LineWish { line: 1, part: LinePart::Rest }; 2], to: RefundTo::Source };
        assert_eq!(returned(&lines, &twice), Err(RefundRefusal::Twice));
        assert_eq!(
            returned(&lines, &of(1, LinePart::Amount(Money::new(1, Currency::parse("USD").expect("known"))))),
            Err(RefundRefusal::Amount { line: 1, most: cny(10_00) })
        );
    }

    proptest! {
        /// Whatever is asked for, one act after another: never more than the price, each card once, and nothing after the end.
        #[test]
        fn a_line_gives_back_what_it_cost_and_no_more(
            (pieces, unit) in (1u32..6, 1i64..1_000),
            acts in prop::collection::vec((0u8..3, 0u32..7, -5i64..4_000), 0..12),
        ) {
            let price = unit * i64::from(pieces);
            let mut own = line(1, pieces, unit);
            let mut back = 0;
            for (kind, piece, minor) in acts {
                let part = match kind {
                    0 => LinePart::Amount(cny(minor)),
                    1 => LinePart::Pieces([piece].into()),
                    _ if minor > 3_000 => LinePart::Rest,
                    _ => continue,
                };
                let Ok(act) = returned(std::slice::from_ref(&own), &of(1, part)) else { continue };
                prop_assert!(!own.is_over, "nothing comes after the end");
                prop_assert_eq!(act.len(), 1);
                prop_assert!(act[0].amount.minor() >= 0 && act[0].cards.iter().all(|card| !own.void.contains(card)));
                back += act[0].amount.minor();
                own.left = cny(price - back);
                own.is_over = act[0].is_last;
                own.void.extend(act[0].cards.iter().copied());
                prop_assert!(back <= price);
                prop_assert_eq!(own.is_over, back == price || own.void.len() == own.cards.len());
                if own.is_over {
                    prop_assert_eq!((back, own.void.len()), (price, own.cards.len()), "whole is whole");
                }
            }
        }
    }
}
