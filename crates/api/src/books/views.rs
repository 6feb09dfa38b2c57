//! The books, as they are told.

use std::collections::HashMap;

use books::{Aging, Closing, ClosingKeyId, ProfitBy, ProfitKey, ProfitRow, Statement, TrialRow};
use chrono::{DateTime, Utc};
use commission::AgentId;
use kernel::{Currency, Day, Language, Money, SiteId};
use ledger::{AccountKind, EntryId, PeriodLine, Section};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::page::MoneyView;

/// A closed day.
#[derive(Serialize, ToSchema)]
pub(crate) struct ClosingView {
    /// The day, on the clocks of the shops (UTC+8).
    #[schema(value_type = String)]
    pub(super) day: Day,
    /// When it was closed.
    pub(super) closed_at: DateTime<Utc>,
    /// The number of the chain's last link in it.
    pub(super) head_seq: i64,
    /// SHA-256 of its document.
    sha256: String,
    /// The key that has signed it.
    #[schema(value_type = String)]
    pub(super) key: ClosingKeyId,
}

/// A closed day with all that was signed.
#[derive(Serialize, ToSchema)]
pub(crate) struct ClosingDetail {
    #[serde(flatten)]
    pub(super) closing: ClosingView,
    /// The trial balance.
    pub(super) accounts: Vec<TrialView>,
    /// What was signed, to the byte.
    pub(super) document: String,
    /// Ed25519 over the document's bytes, in base 64.
    pub(super) signature: String,
    /// The public key, as PEM.
    pub(super) public_key: String,
}

/// A kind of account in a trial balance; above zero is a credit.
#[derive(Serialize, ToSchema)]
pub(crate) struct TrialView {
    /// The kind.
    pub(super) kind: String,
    /// What was there when the day began.
    pub(super) opening: MoneyView,
    /// What was taken.
    pub(super) debits: MoneyView,
    /// What was put.
    pub(super) credits: MoneyView,
    /// What was there when it ended.
    pub(super) closing: MoneyView,
}

/// A statement of account.
#[derive(Serialize, ToSchema)]
pub(crate) struct StatementView {
    /// Whose: a site's, an agent's or a customer's id.
    pub(super) party: String,
    /// His name.
    pub(super) name: String,
    /// The first day.
    #[schema(value_type = String)]
    pub(super) from: Day,
    /// The last day.
    #[schema(value_type = String)]
    pub(super) to: Day,
    /// When it was made.
    pub(super) made_at: DateTime<Utc>,
    /// Kinds of accounts that have anything to tell.
    pub(super) sections: Vec<SectionView>,
}

/// The accounts of one kind.
#[derive(Serialize, ToSchema)]
pub(crate) struct SectionView {
    /// The kind.
    pub(super) kind: &'static str,
    /// What was there before.
    pub(super) opening: MoneyView,
    /// What happened, the first first.
    pub(super) lines: Vec<StatementLineView>,
    /// What was left.
    pub(super) closing: MoneyView,
}

/// What an entry did.
#[derive(Serialize, ToSchema)]
pub(crate) struct StatementLineView {
    /// The entry.
    #[schema(value_type = String)]
    pub(super) entry: EntryId,
    /// What it records.
    pub(super) kind: &'static str,
    /// What it is about, as a bare UUID.
    pub(super) subject: String,
    /// Why it was made, if somebody decided it.
    pub(super) reason: Option<String>,
    /// When.
    pub(super) posted_at: DateTime<Utc>,
    /// Above zero was put there.
    pub(super) amount: MoneyView,
    /// What was there after it.
    pub(super) balance: MoneyView,
}

/// What is pending, and who owes.
#[derive(Serialize, ToSchema)]
pub(crate) struct AgingView {
    /// When it was made.
    pub(super) made_at: DateTime<Utc>,
    /// What falls due when.
    pub(super) pending: Vec<DueView>,
    /// Who owes: the largest debts first, 500 at most.
    pub(super) debtors: Vec<DebtorView>,
}

/// What falls due on a day.
#[derive(Serialize, ToSchema)]
pub(crate) struct DueView {
    /// `site_pending` or `agent_pending`.
    pub(super) kind: &'static str,
    /// The day; none for what was earned before there were such days.
    #[schema(value_type = Option<String>)]
    pub(super) due_on: Option<Day>,
    /// How much, of all of them.
    pub(super) amount: MoneyView,
}

/// Who owes.
#[derive(Serialize, ToSchema)]
pub(crate) struct DebtorView {
    /// `site_debt`, `agent_debt`, or `site_credit` for what was lent.
    pub(super) kind: &'static str,
    /// A site or an agent.
    pub(super) owner: String,
    /// His name.
    pub(super) name: String,
    /// How much.
    pub(super) owed: MoneyView,
    /// Since when its oldest part is owed; none if that cannot be told.
    pub(super) since: Option<DateTime<Utc>>,
}

/// What sales brought, in minor units.
#[derive(Serialize, ToSchema)]
pub(crate) struct ProfitView {
    /// A day, a site, a SKU or an agent.
    pub(super) key: String,
    /// The name of a site or an agent, what was sold.
    pub(super) name: Option<String>,
    /// The currency.
    pub(super) currency: String,
    /// Pieces delivered.
    pub(super) pieces: u64,
    /// What it was sold for; with a site's own channel its purchase price.
    pub(super) sold_minor: i64,
    /// What sub-sites got.
    pub(super) margins_minor: i64,
    /// What agents got.
    pub(super) commissions_minor: i64,
    /// What the main site got.
    pub(super) revenue_minor: i64,
    /// What the goods had cost, below zero.
    pub(super) cost_minor: i64,
    /// What is left: revenue and cost.
    pub(super) gross_minor: i64,
}

pub(super) fn profit_view(
    row: &ProfitRow,
    (by, language): (ProfitBy, Language),
    names: &HashMap<Uuid, String>,
) -> ProfitView {
    let (key, name) = match row.key {
        ProfitKey::Day(day) => (day.to_string(), None),
        ProfitKey::Id(id) => match by {
            ProfitBy::Goods => {
                let title = row.title.as_ref().map(|title| title.get(language).to_owned());
                (catalog::SkuId::from_uuid(id).to_string(), title)
            }
            _ => (owner(by == ProfitBy::Agent, id), names.get(&id).cloned()),
        },
    };
    ProfitView {
        key,
        name,
        currency: row.currency.code().to_owned(),
        pieces: row.pieces,
        sold_minor: row.sold,
        margins_minor: row.margins,
        commissions_minor: row.commissions,
        revenue_minor: row.revenue,
        cost_minor: row.cost,
        gross_minor: row.gross(),
    }
}

fn owner(is_agent: bool, id: Uuid) -> String {
    if is_agent { AgentId::from_uuid(id).to_string() } else { SiteId::from_uuid(id).to_string() }
}

impl AgingView {
    /// What is owed, with the debtors' names.
    pub(super) fn of(aging: &Aging, name: impl Fn(Uuid) -> String) -> Self {
        let pending = aging.pending.iter();
        let pending = pending.map(|due| DueView { kind: due.kind.name(), due_on: due.due, amount: due.amount.into() });
        let debtors = aging.debtors.iter().map(|debtor| DebtorView {
            kind: debtor.kind.name(),
            owner: owner(debtor.kind == AccountKind::AgentDebt, debtor.owner),
            name: name(debtor.owner),
            owed: debtor.owed.into(),
            since: debtor.since,
        });
        Self { made_at: aging.made_at, pending: pending.collect(), debtors: debtors.collect() }
    }
}

pub(super) fn trial(row: &TrialRow) -> Option<TrialView> {
    let currency = Currency::parse(&row.currency).ok()?;
    let money = |minor: i128| Some(MoneyView::from(Money::new(i64::try_from(minor).ok()?, currency)));
    Some(TrialView {
        kind: row.kind.clone(),
        opening: money(row.opening)?,
        debits: money(row.debits)?,
        credits: money(row.credits)?,
        closing: money(row.closing)?,
    })
}

impl From<&Closing> for ClosingView {
    fn from(closing: &Closing) -> Self {
        let (day, closed_at, head_seq) = (closing.day, closing.closed_at, closing.head_seq);
        Self { day, closed_at, head_seq, sha256: closing.sha256(), key: closing.key.0 }
    }
}

impl From<(String, Statement)> for StatementView {
    fn from((party, statement): (String, Statement)) -> Self {
        let sections = statement.sections.into_iter().map(SectionView::from).collect();
        let Statement { name, from, to, made_at, .. } = statement;
        Self { party, name, from, to, made_at, sections }
    }
}

impl From<Section> for SectionView {
    fn from(section: Section) -> Self {
        Self {
            kind: section.kind.name(),
            opening: section.opening.into(),
            lines: section.lines.into_iter().map(StatementLineView::from).collect(),
            closing: section.closing.into(),
        }
    }
}

impl From<PeriodLine> for StatementLineView {
    fn from(line: PeriodLine) -> Self {
        Self {
            entry: line.entry,
            kind: line.kind.name(),
            subject: line.subject.to_string(),
            reason: line.reason,
            posted_at: line.at,
            amount: line.amount.into(),
            balance: line.balance.into(),
        }
    }
}
