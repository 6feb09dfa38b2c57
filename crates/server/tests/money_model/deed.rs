//! What the program is to do, in numbers of the case, and what it has to answer.

use std::collections::BTreeSet;

use super::books::Earner;
use super::case::PriceCase;
use super::model::Line;
use super::purses::Step;
use super::reached::note;

/// What the program is asked to do, and what it has to answer.
#[derive(Debug, Clone)]
pub enum Deed {
    Place(Placing),
    Money {
        order: usize,
        amount: i64,
        is_right_payee: bool,
        is_late: bool,
        answer: &'static str,
    },
    Work {
        order: usize,
        line: usize,
        is_again: bool,
        is_done: bool,
    },
    Sweep {
        ends: u64,
    },
    Refund {
        order: usize,
        lines: Vec<(usize, PartAsked)>,
        to_wallet: bool,
        answer: Result<i64, Vec<&'static str>>,
    },
    Answer {
        refund: usize,
        is_again: bool,
        is_done: bool,
    },
    /// What buys nothing goes back by its channels.
    Return,
    Pass {
        minutes: i64,
    },
    Release {
        earners: u64,
    },
    /// What the case says by now: of this SKU, this price of its rules, this agent.
    Cost {
        sku: usize,
        cost: i64,
    },
    Markup {
        price: PriceCase,
    },
    Agent {
        agent: usize,
        level: Option<usize>,
        is_suspended: bool,
    },
    Hold {
        earner: Earner,
        is_on: bool,
    },
    Ask {
        earner: Earner,
        amount: i64,
        is_fine: bool,
    },
    Step {
        earner: Earner,
        number: usize,
        step: Step,
        is_sent: bool,
    },
    Convert {
        earner: Earner,
        amount: i64,
        is_fine: bool,
    },
}

#[derive(Debug, Clone)]
pub struct Placing {
    pub site: usize,
    pub brought: Option<usize>,
    /// The number of the customer; agents come after the others.
    pub customer: Option<usize>,
    /// SKU, pieces, and the price of one that the buyer saw.
    pub lines: Vec<(usize, u32, i64)>,
    /// The site whose channel takes the money; none if a wallet pays.
    pub channel: Option<usize>,
    /// The lines as they have to be, or any of the reasons to refuse.
    pub answer: Result<Vec<Line>, Vec<&'static str>>,
}

/// What is to go back of a line.
#[derive(Debug, Clone)]
pub enum PartAsked {
    Rest,
    Amount(i64),
    Pieces(BTreeSet<u32>),
}

impl Deed {
    /// Counts it among what was reached.
    pub fn note(&self) {
        match self {
            Self::Place(Placing { answer: Ok(lines), channel, brought, .. }) => {
                let hops = lines[0].hops.len();
                note(channel.is_none(), "order by wallet");
                note(*channel == Some(0), "order by the main channel");
                note(channel.is_some_and(|site| site > 0), "order by an own channel");
                note(hops == 4, "order at depth 2");
                note(hops > 1 && hops < 4, "order at a sub-site");
                note(brought.is_some(), "order of an agent");
                note(lines.len() > 1, "order of several lines");
                for line in lines {
                    let seller = line.hops[hops - 1].site;
                    note(line.loss(seller) > 0, "line at a loss");
                    note(line.shares.agents.len() == 1, "commission of one");
                    note(line.shares.agents.len() == 2, "commission of two");
                    note(line.shares.agents.len() > 2, "commission of three");
                    let is_cut = line.shares.commissions() > 0 && line.shares.commissions() == line.shares.margin;
                    note(is_cut, "commission that takes the whole margin");
                }
            }
            Self::Place(Placing { answer: Err(reasons), .. }) => {
                reasons.iter().for_each(|reason| note(true, reason));
            }
            Self::Money { answer, is_late, .. } => {
                note(true, answer);
                note(*is_late && *answer != "suspended", "late money that buys");
            }
            Self::Refund { answer: Ok(_), lines, .. } => {
                note(lines.is_empty(), "refund of all");
                note(!lines.is_empty(), "refund of a part");
            }
            Self::Refund { answer: Err(reasons), .. } => reasons.iter().for_each(|reason| note(true, reason)),
            Self::Answer { is_done, .. } => note(*is_done, "refund that is done"),
            Self::Step { step, .. } => {
                note(*step == Step::Return, "withdrawal that came back");
                note(*step == Step::Arrive, "withdrawal that arrived");
            }
            Self::Ask { is_fine, .. } => note(*is_fine, "withdrawal"),
            Self::Convert { is_fine, .. } => note(*is_fine, "conversion"),
            Self::Work { is_done, .. } => note(*is_done, "work done"),
            Self::Sweep { ends } => note(*ends > 0, "expired"),
            Self::Release { earners } => note(*earners > 0, "release"),
            Self::Cost { .. } | Self::Markup { .. } | Self::Agent { .. } => {}
            Self::Return | Self::Pass { .. } | Self::Hold { .. } => {}
        }
    }
}
