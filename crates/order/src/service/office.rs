//! What operators and owners of sites do with orders: look, fulfil, refund.

use std::collections::HashMap;

use chrono::TimeDelta;
use commission::AgentId;
use identity::CustomerId;
use inventory::CardId;
use kernel::{Currency, Money, SiteScope, TenantScope, Wording};
use lane::{Answered, CommandKey};
use outbox::Outbox;
use payment::{OrdersReturned, PaymentError, RefundId, RefundState};
use store::{Inside, Tx};
use uuid::Uuid;

use super::Orders;
use crate::claim::Claim;
use crate::command::{EndRefund, Fulfil, RefundOrder};
use crate::earnings::AgentEarning;
use crate::error::OrderError;
use crate::fulfil::{
    FulfilAct, FulfilState, Fulfilled, FulfilmentPage, LineRef, ManualLine, PROOF_CHARS_MAX, REASON_CHARS_MAX,
};
use crate::known::KnownReplacement;
use crate::model::{Event, OrderId};
use crate::office::{DeskLine, DeskPayment, DeskView, FulfilBy, OrderFilter, OrderList, OwnView};
use crate::refund::{OrderRefund, RefundAsked, RefundOf, RefundTo, RefundWish};
use crate::repo::{self, card_ids};
use crate::table::line;

/// The most rows of a page.
const PAGE_MAX: u64 = 200;
/// How long the job of a refund that is done has, before it is written once more.
const LEFT_ALONE: TimeDelta = TimeDelta::minutes(2);

impl Orders {
    /// Orders in this scope that the filter lets through, newest first, from `after` on; 200 a page at most.
    pub async fn list<S: Inside>(
        &self,
        scope: &S,
        filter: &OrderFilter,
        after: Option<OrderId>,
        limit: u64,
    ) -> Result<OrderList, OrderError> {
        let tx = self.store.read(scope).await?;
        let (rows, next) = repo::list_in(&tx, (scope.tenant(), filter), after, limit.clamp(1, PAGE_MAX)).await?;
        Ok(OrderList { rows, next })
    }

    /// An order for the main site's operators: every hop, and nothing of the buyer, nor what he wrote or got.
    pub async fn desk_view(&self, scope: &TenantScope, id: OrderId) -> Result<DeskView, OrderError> {
        let tx = self.store.read(scope).await?;
        let mut desk = self.desk_view_in(&tx, id).await?;
        for line in &mut desk.lines {
            line.manual = line.manual.take().map(ManualLine::without_answers);
        }
        Ok(desk)
    }

    /// An order for the site that sold it: its own buyer, its own hop, and no upper site's cost. Who works for the main
    /// site, and what they write to each other, is not told.
    pub async fn own_view(&self, scope: &SiteScope, id: OrderId) -> Result<OwnView, OrderError> {
        let tx = self.store.read(scope).await?;
        let mut desk = self.desk_view_in(&tx, id).await?;
        // The rows of a site's hops are its own; said once more here, because a cost would be told to the wrong one.
        desk.lines.iter_mut().for_each(|line| line.hops.retain(|hop| hop.site == scope.site()));
        desk.events = desk.events.into_iter().map(without_operator).collect();
        for refund in &mut desk.refunds {
            (refund.reason, refund.by) = (None, None);
        }
        desk.replacements.iter_mut().for_each(|known| (known.reason, known.by) = (None, None));
        desk.claims.iter_mut().for_each(|claim| claim.decided_by = None);
        let (row, _) = repo::order_in(&tx, id).await?.ok_or(OrderError::NotFound)?;
        let contact = repo::contact_of_in(&tx, id).await?;
        Ok(OwnView { desk, contact, customer: row.customer_id.map(identity::CustomerId::from_uuid) })
    }

    async fn desk_view_in(&self, tx: &impl Tx, id: OrderId) -> Result<DeskView, OrderError> {
        let (row, lines) = repo::order_in(tx, id).await?.ok_or(OrderError::NotFound)?;
        let order = repo::row_of(&row, &lines)?;
        let mut hops = repo::hops_in(tx, id, order.total.currency()).await?;
        let mut manual = repo::manual_lines_in(tx, id, &lines).await?;
        let currency = order.total.currency();
        let mut earned = match row.agent_id {
            Some(_) => repo::commissions_in(tx, &[id.uuid()]).await?,
            None => HashMap::new(),
        };
        let mut commissions = |line: &line::Model| {
            let own = earned.remove(&(line.order_id, line.line_no)).unwrap_or_default();
            own.into_iter().map(|own| repo::frozen(own, currency)).collect()
        };
        let mut line_of = |line: &line::Model| DeskLine {
            number: line.line_no,
            sku: catalog::SkuId::from_uuid(line.sku_id),
            title: Wording::new(&line.title_zh, &line.title_en),
            sku_name: Wording::new(&line.sku_name_zh, &line.sku_name_en),
            quantity: line.quantity.unsigned_abs(),
            unit: Money::new(line.unit_minor, order.total.currency()),
            total: Money::new(line.total_minor, order.total.currency()),
            hops: hops.remove(&line.line_no).unwrap_or_default(),
            commissions: commissions(line),
            manual: manual.remove(&line.line_no),
        };
        let cards = lines.iter().map(|line| (line.line_no, card_ids(&line.card_ids))).collect();
        let refunds = self.refunds_in(tx, id, &cards).await?;
        let lines = lines.iter().map(&mut line_of).collect();
        let paid = self.payments().paid_in(tx, Self::intent_of(id)).await?;
        let payments = paid.into_iter().map(|(payment, channel)| DeskPayment {
            id: payment.id,
            channel: channel.id,
            name: channel.name,
            trade_no: payment.trade_no,
            amount: payment.amount,
            paid_at: payment.paid_at,
        });
        let events = repo::events_in(tx, id).await?;
        let replacements = repo::replacements_in(tx, id, &events).await?;
        Ok(DeskView {
            lines,
            events: events.into_iter().map(without_buyer).collect(),
            replacements: replacements.into_iter().map(KnownReplacement::for_desk).collect(),
            payments: payments.collect(),
            refunds,
            claims: repo::claims_of_order_in(tx, id).await?.into_iter().map(without_asker).collect(),
            collector: row.collector_id.map(kernel::SiteId::from_uuid),
            agent: row.agent_id.map(AgentId::from_uuid),
            order,
        })
    }

    /// What an agent earns from orders in this scope, newest first, from before this line on; 200 lines a page at most.
    pub async fn earnings<S: Inside>(
        &self,
        scope: &S,
        agent: AgentId,
        before: Option<(OrderId, i32)>,
        limit: u64,
    ) -> Result<Vec<AgentEarning>, OrderError> {
        let tx = self.store.read(scope).await?;
        repo::earnings_in(&tx, agent, before, limit.clamp(1, PAGE_MAX)).await
    }

    /// What went back of an order with these cards by line, with what its channel says of it.
    async fn refunds_in(
        &self,
        tx: &impl Tx,
        id: OrderId,
        cards: &HashMap<i32, Vec<CardId>>,
    ) -> Result<Vec<OrderRefund>, OrderError> {
        let mut refunds = repo::refunds_of(repo::returns_of_in(tx, id).await?, cards);
        for refund in &mut refunds {
            let Some(sent) = refund.refund else { continue };
            let sent = self.payments().refund_in(tx, sent).await?;
            let broken = || OrderError::Broken { order: id, what: "refund".to_owned() };
            let sent = sent.ok_or_else(broken)?;
            (refund.state, refund.error) = (sent.state, sent.error);
        }
        Ok(refunds)
    }

    /// The lines of the tenant that a person fulfils, those in `state`, from `after` on: what is to be done oldest first,
    /// the others newest first; 200 a page at most.
    pub async fn fulfilments(
        &self,
        scope: &TenantScope,
        state: FulfilState,
        after: Option<LineRef>,
        limit: u64,
    ) -> Result<FulfilmentPage, OrderError> {
        let limit = limit.clamp(1, PAGE_MAX);
        let tx = self.store.read(scope).await?;
        let mut rows = repo::fulfilments_in(&tx, state, after, limit + 1).await?;
        let is_more = rows.len() as u64 > limit;
        rows.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        let next = is_more.then(|| rows.last().map(|row| row.at)).flatten();
        Ok(FulfilmentPage { rows, next })
    }

    /// An operator takes a line, completes it, says that it failed, or puts it back. The same key is the same act; who
    /// comes second is told who has it.
    pub async fn fulfil(
        &self,
        scope: &TenantScope,
        at: LineRef,
        act: FulfilAct,
        by: FulfilBy<'_>,
    ) -> Result<Answered<Fulfilled>, OrderError> {
        check_key(by.key)?;
        let act = match act {
            FulfilAct::Complete { proof } => FulfilAct::Complete { proof: written("proof", &proof, PROOF_CHARS_MAX)? },
            FulfilAct::Fail { reason } => FulfilAct::Fail { reason: written("reason", &reason, REASON_CHARS_MAX)? },
            act @ (FulfilAct::Take | FulfilAct::Retry) => act,
        };
        let command = Fulfil { at, act, by: by.operator, key: by.key.to_owned() };
        let answered = self.lanes.run(scope, command).await?;
        Ok(Answered { answer: answered.answer?, is_replay: answered.is_replay })
    }

    /// Sends money of a paid order back: all that is left of it, or what is wished of its lines, whatever was delivered. Wallet
    /// money is back at once; a channel is asked after the commit, and counts as back when the channel has sent it. The same
    /// key is the same refund.
    pub async fn refund(
        &self,
        scope: &TenantScope,
        (order, wish): (OrderId, RefundWish),
        of: RefundOf,
        key: &str,
    ) -> Result<Answered<RefundAsked>, OrderError> {
        check_key(key)?;
        let of = RefundOf { reason: written("reason", &of.reason, REASON_CHARS_MAX)?, ..of };
        let buyer = {
            let tx = self.store.read(scope).await?;
            buyer_in(&tx, order, &wish).await?
        };
        let answered = self.lanes.run(scope, RefundOrder { order, wish, buyer, of, key: key.to_owned() }).await?;
        Ok(Answered { answer: answered.answer?, is_replay: answered.is_replay })
    }

    /// Notes that the money of refunded orders is back. An order that cannot be ended keeps no other one waiting.
    pub(crate) async fn end_refunds(&self, scope: &TenantScope, job: &OrdersReturned) -> Result<(), OrderError> {
        let mut ended = Ok(());
        for (refund, intent) in &job.refunds {
            let order = OrderId::from_uuid(intent.uuid());
            let answered = self.lanes.run(scope, EndRefund { order, refund: *refund }).await;
            ended = ended.and(answered.map(|_| ()));
        }
        Ok(ended?)
    }

    /// Orders whose money is back, and which did not hear of it, are told again.
    pub(crate) async fn rescue_refunds(&self, scope: &TenantScope) -> Result<(), OrderError> {
        let mut after = (OrderId::from_uuid(Uuid::nil()), 0);
        loop {
            let (page, ended) = {
                let tx = self.store.read(scope).await?;
                let page = repo::unsettled_returns_in(&tx, after, PAGE_MAX).await?;
                let ids: Vec<RefundId> = page.iter().map(|(.., refund)| *refund).collect();
                (page, payment::ended_refunds_in(&tx, &ids, tx.now() - LEFT_ALONE).await?)
            };
            let Some((order, number, _)) = page.last() else { return Ok(()) };
            after = (*order, *number);
            let is_back = |id: &RefundId| ended.iter().any(|one| one.id == *id && one.state == RefundState::Done);
            let lost: Vec<(OrderId, i32, RefundId)> = page.into_iter().filter(|(.., refund)| is_back(refund)).collect();
            if lost.is_empty() {
                continue;
            }
            let tx = self.store.write(scope).await?;
            for (order, _, refund) in lost {
                let job = OrdersReturned { refunds: vec![(refund, Self::intent_of(order))] };
                let told = Outbox::default().enqueue_once_in(&tx, &refund.to_string(), &job, tx.now()).await;
                told.map_err(PaymentError::from)?;
            }
            tx.commit().await?;
        }
    }
}

/// Who bought, and in which currency, if what is wished goes into his wallet.
pub(super) async fn buyer_in(
    tx: &impl Tx,
    order: OrderId,
    wish: &RefundWish,
) -> Result<Option<(CustomerId, Currency)>, OrderError> {
    if wish.to != RefundTo::Wallet {
        return Ok(None);
    }
    let Some((row, lines)) = repo::order_in(tx, order).await? else { return Ok(None) };
    let currency = repo::row_of(&row, &lines)?.total.currency();
    Ok(row.customer_id.map(|customer| (CustomerId::from_uuid(customer), currency)))
}

/// What a person has written, without the white space around it.
pub(super) fn written(what: &'static str, text: &str, chars_max: usize) -> Result<String, OrderError> {
    let text = text.trim();
    let is_readable = !text.chars().any(|letter| letter.is_control() && !matches!(letter, '\n' | '\r' | '\t'));
    if text.is_empty() || text.chars().count() > chars_max || !is_readable {
        return Err(OrderError::Text { what, chars_max });
    }
    Ok(text.to_owned())
}

/// A key is printable, and leaves room for what stands before it.
pub(super) fn check_key(key: &str) -> Result<(), OrderError> {
    let is_printable = key.bytes().all(|byte| byte.is_ascii_graphic());
    if key.is_empty() || key.len() > CommandKey::LEN_MAX || !is_printable { Err(OrderError::Key) } else { Ok(()) }
}

/// Who bought is none of the desk's business.
fn without_buyer(event: Event) -> Event {
    let is_buyer = ["visitor:", "cus_", "nobody"].iter().any(|name| event.actor.starts_with(name));
    if is_buyer { Event { actor: "buyer".to_owned(), ..event } } else { event }
}

/// The same of what he asks for.
fn without_asker(claim: Claim) -> Claim {
    Claim { asked_by: "buyer".to_owned(), ..claim }
}

/// Which operator it was is the main site's business.
fn without_operator(event: Event) -> Event {
    let is_operator = event.actor.starts_with("opr_");
    if is_operator { Event { actor: "operator".to_owned(), ..event } } else { event }
}
