//! Money arrives. Whatever it is, it ends in exactly one place: an order, a wallet, or an exception on its way back.

use std::collections::BTreeMap;

use catalog::SkuId;
use chrono::{DateTime, TimeDelta, Utc};
use inventory::{Picks, Taking};
use kernel::Money;
use lane::{Command, CommandKey, Parts};
use ledger::{Book, Entry};
use payment::{
    Attempt, CallbackId, Collector, ExceptionKind, Intent, IntentId, Judgement, Purpose, Seen, Till, Use, judge,
    postings,
};
use serde::{Deserialize, Serialize};

use crate::desk::Desk;
use crate::known::{KnownLine, KnownOrder};
use crate::machine::{DeliveryState, OrderEvent, OrderState};
use crate::model::OrderId;
use crate::sale::{self, Collection, SaleError};

/// Late money of the right amount still buys what it was meant for during this time; afterwards it goes back.
const LATE_MAX: TimeDelta = TimeDelta::hours(24);

/// Money was seen at a gateway, by a verified callback or an active query.
#[derive(Debug, Clone)]
pub struct Receive {
    /// What was seen.
    pub seen: Seen,
    /// What it seems to be for, read before: which rows the batch needs.
    pub about: Option<About>,
    /// The stored message that told of it; it is dealt with once the money has its place.
    pub callback: Option<CallbackId>,
}

/// What an attempt is for.
#[derive(Debug, Clone)]
pub struct About {
    /// The intent, which has the id of its order.
    pub intent: IntentId,
    /// The goods of the order, if it may have expired: they are looked for again.
    pub goods: Vec<(SkuId, u32)>,
}

/// What became of the money.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Receipt {
    /// The order is paid and delivered.
    Delivered {
        /// The order.
        order: OrderId,
    },
    /// The order is paid, and a person has still to do a part of it.
    Paid {
        /// The order.
        order: OrderId,
    },
    /// The wallet has it.
    ToppedUp,
    /// It was recorded before, under the same trade number.
    Known,
    /// It is late, and the gateway has to say so itself before anything is done.
    Unconfirmed,
    /// It buys nothing here; an exception is open, and the money goes back if it is ours to send.
    Suspended {
        /// Why.
        kind: ExceptionKind,
    },
}

impl Receipt {
    /// The word of it in metrics.
    pub(crate) const fn word(&self) -> &'static str {
        match self {
            Self::Delivered { .. } => "delivered",
            Self::Paid { .. } => "paid",
            Self::ToppedUp => "topped_up",
            Self::Known => "known",
            Self::Unconfirmed => "unconfirmed",
            Self::Suspended { .. } => "suspended",
        }
    }
}

/// Why an order does not take money.
enum Declined {
    /// Ask the gateway first.
    Unconfirmed,
    /// It goes back.
    Back(ExceptionKind),
}

impl Receive {
    fn order_id(intent: IntentId) -> OrderId {
        OrderId::from_uuid(intent.uuid())
    }

    /// Gives the money its place.
    fn place(&self, parts: &mut Parts, now: DateTime<Utc>) -> Receipt {
        let till = parts.part::<Till>();
        let attempt: Option<Attempt> = self.seen.number().and_then(|out_no| till.attempt(&out_no)).cloned();
        let intent = attempt.as_ref().and_then(|attempt| till.intent(attempt.intent)).cloned();
        let earlier = till.payment_by_trade(self.seen.channel, &self.seen.trade_no);
        let kind = match judge(attempt.as_ref(), intent.as_ref(), &self.seen, earlier) {
            Judgement::Known => return Receipt::Known,
            Judgement::Good => {
                let intent = intent.expect("money is good for an intent");
                return self.decide_good(parts, &intent, now);
            }
            Judgement::WrongAmount => ExceptionKind::WrongAmount,
            Judgement::WrongPayee => ExceptionKind::WrongPayee,
            Judgement::Unmatched => ExceptionKind::Unmatched,
            Judgement::Double => ExceptionKind::Double,
        };
        self.suspend(parts, intent.as_ref(), kind, now)
    }

    fn decide_good(&self, parts: &mut Parts, intent: &Intent, now: DateTime<Utc>) -> Receipt {
        match intent.purpose {
            Purpose::Order => {
                let Some(order) = parts.part::<Desk>().order(Self::order_id(intent.id)).cloned() else {
                    return self.suspend(parts, Some(intent), ExceptionKind::Unmatched, now);
                };
                match self.buy(parts, order, now) {
                    Ok(receipt) => receipt,
                    Err(Declined::Unconfirmed) => Receipt::Unconfirmed,
                    Err(Declined::Back(kind)) => self.suspend(parts, Some(intent), kind, now),
                }
            }
            Purpose::TopUp if now >= intent.expires_at && !self.seen.is_confirmed => Receipt::Unconfirmed,
            Purpose::TopUp => self.top_up(parts, intent, now),
        }
    }

    /// The order takes the money, if it still can. When it declines, nothing has changed but that what was over has ended.
    fn buy(&self, parts: &mut Parts, mut order: KnownOrder, now: DateTime<Utc>) -> Result<Receipt, Declined> {
        if !order.is_unpaid() || !matches!(order.states.order, OrderState::Open | OrderState::Expired) {
            return Err(Declined::Back(ExceptionKind::Late));
        }
        // The goods were priced for the one who collects: money that went to somebody else does not buy them.
        let collector = parts.part::<Till>().channel(self.seen.channel).map(payment::Channel::collector);
        if collector != Some(order.collector.map_or(Collector::Main, Collector::Own)) {
            return Err(Declined::Back(ExceptionKind::Unmatched));
        }
        if order.is_overdue(now) && !self.seen.is_confirmed {
            return Err(Declined::Unconfirmed);
        }
        // The sweeper only cleans: an order whose time is over has expired, whether it was swept or not. What went bad while
        // it was held is not sold either: other pieces are looked for.
        if order.may_end(now) {
            order = super::hold::expire(parts, order);
        }
        let paid = if order.states.order == OrderState::Expired {
            self.hold_again(parts, &mut order, now)?;
            OrderEvent::PaidLate
        } else {
            for line in &order.lines {
                parts.part::<Picks>().sell_held(line.sku, &line.cards);
            }
            OrderEvent::Paid
        };
        let (entries, held) = self.entries(parts, &order, now).expect("what was frozen can be posted");
        parts.part::<Book>().post_all(entries).expect("what the order needs is held");
        order.held = held;
        let actor = self.seen.channel.to_string();
        order.apply(paid, &actor).expect("an unpaid order can be paid");
        order.paid_at = Some(now);
        order.begin_work(now);
        order.note_delivery(&actor, now).expect("a paid order can be delivered");
        let (site, intent) = (order.site, IntentId::from_uuid(order.id.uuid()));
        let payment = self.seen.payment((site, Some(intent)), Use::Order, now);
        parts.part::<Till>().take(payment);
        let receipt = match order.states.delivery {
            DeliveryState::Delivered => Receipt::Delivered { order: order.id },
            _ => Receipt::Paid { order: order.id },
        };
        parts.part::<Desk>().put(order);
        Ok(receipt)
    }

    /// An order that has expired gets goods again, at its frozen price, if stock, cost and the seller's money allow it.
    fn hold_again(&self, parts: &mut Parts, order: &mut KnownOrder, now: DateTime<Utc>) -> Result<(), Declined> {
        let late = || Declined::Back(ExceptionKind::Late);
        if order.expires_at.is_none_or(|expires_at| expires_at + LATE_MAX < now) {
            return Err(late());
        }
        let mut goods: BTreeMap<SkuId, u32> = BTreeMap::new();
        for line in &order.lines {
            // The main site would not sell below what the goods cost it now.
            let ware = parts.part::<Desk>().ware(line.sku).ok_or_else(late)?;
            let asked = line.hops.first().ok_or_else(late)?.price;
            if ware.facts.cost.minor() > asked.minor() {
                return Err(late());
            }
            if line.manual.is_none() {
                *goods.entry(line.sku).or_default() += line.quantity;
            }
        }
        for (sku, quantity) in goods {
            if super::hold::make_room(parts, (sku, quantity), (now, now)) < quantity {
                return Err(late());
            }
        }
        if !pays_for_its_goods(parts, order, now) {
            return Err(late());
        }
        let held = sale::to_hold(&order.sold(), order.collection(), order.total.currency()).map_err(|_| late())?;
        if held.minor() > 0 {
            let entry = sale::held(order.id.uuid(), order.version, order.site, held).map_err(|_| late())?;
            let kind = match order.collection() {
                Collection::Own => ExceptionKind::AwaitingFunds,
                Collection::Central | Collection::CentralHeld => ExceptionKind::Late,
            };
            parts.part::<Book>().post(entry).map_err(|_| Declined::Back(kind))?;
            order.held = held;
        }
        for line in order.lines.iter_mut().filter(|line| line.manual.is_none()) {
            let place = (order.id.uuid(), line.number);
            let taken = parts.part::<Picks>().take((line.sku, line.quantity), place, Taking::Sell, now);
            line.set_cards(taken.expect("the stock was counted before"));
        }
        Ok(())
    }

    /// What is posted, and what the seller's prepaid account holds afterwards: the loss of what a person still does.
    fn entries(
        &self,
        parts: &mut Parts,
        order: &KnownOrder,
        now: DateTime<Utc>,
    ) -> Result<(Vec<Entry>, Money), SaleError> {
        let payday = parts.part::<Desk>().payday(now);
        let till = parts.part::<Till>();
        let channel = till.channel(self.seen.channel).expect("money comes by a channel that was read");
        let (id, clearing) = (order.id.uuid(), postings::clearing_account(channel));
        let mut entries = match order.collector {
            Some(site) => sale::paid_to_site(id, (site, clearing), (order.held, order.total))?.to_vec(),
            None => vec![sale::paid(id, clearing, order.total)?],
        };
        for line in order.lines.iter().filter(|line| line.manual.is_none()) {
            entries.push(sale::delivered(id, line.sold(), order.collection(), &payday)?);
        }
        Ok((entries, order.held_for(|line| line.manual.is_some())?))
    }

    fn top_up(&self, parts: &mut Parts, intent: &Intent, now: DateTime<Utc>) -> Receipt {
        let Some(customer) = intent.customer else {
            return self.suspend(parts, Some(intent), ExceptionKind::Unmatched, now);
        };
        let payment = self.seen.payment((intent.site, Some(intent.id)), Use::TopUp, now);
        let till = parts.part::<Till>();
        let channel = till.channel(self.seen.channel).expect("money comes by a channel that was read");
        let entry = postings::topped_up(&payment, channel, customer).expect("an amount that was judged can be posted");
        parts.part::<Book>().post(entry).expect("a wallet takes what comes");
        let till = parts.part::<Till>();
        till.take(payment);
        if let Some(bonus) = till.grant(intent.id, now) {
            let entry = postings::bonus_given(&bonus).expect("an amount that was promised can be posted");
            parts.part::<Book>().post(entry).expect("a wallet takes what comes");
        }
        Receipt::ToppedUp
    }

    /// The money buys nothing: it is recorded, an exception is opened, and it goes back to where it came from.
    fn suspend(&self, parts: &mut Parts, intent: Option<&Intent>, kind: ExceptionKind, now: DateTime<Utc>) -> Receipt {
        let till = parts.part::<Till>();
        let channel = till.channel(self.seen.channel).expect("money comes by a channel that was read").clone();
        let site = intent.map_or(channel.site, |intent| intent.site);
        let payment = self.seen.payment((site, intent.map(|intent| intent.id)), Use::Exception, now);
        let entry = postings::suspended(&payment, &channel).expect("an amount that was read can be posted");
        parts.part::<Book>().post(entry).expect("the suspense account takes what comes");
        let till = parts.part::<Till>();
        let exception = payment.exception(kind);
        till.request_refund(payment.refund(&exception));
        till.take(payment);
        till.raise(exception);
        Receipt::Suspended { kind }
    }
}

/// Whether what the main site sold itself still pays for the goods that it gets now, after what agents earn: that stays
/// as it was frozen.
fn pays_for_its_goods(parts: &mut Parts, order: &KnownOrder, now: DateTime<Utc>) -> bool {
    let stocked: Vec<&KnownLine> = order.lines.iter().filter(|line| line.manual.is_none()).collect();
    let wanted: Vec<(SkuId, u32)> = stocked.iter().map(|line| (line.sku, line.quantity)).collect();
    let goods = parts.part::<Picks>().costs_of_next(&wanted, now);
    let cost_of = |line: &KnownLine| {
        let place = stocked.iter().position(|stocked| stocked.number == line.number);
        place.and_then(|place| goods.get(place)).copied().unwrap_or(0)
    };
    let desk = parts.part::<Desk>();
    order.lines.iter().filter(|line| !line.commissions.is_empty()).all(|line| {
        let [main] = line.hops.as_slice() else { return true };
        let pieces = i128::from(line.quantity);
        let earned: i128 = line.commissions.iter().map(|one| i128::from(one.amount.minor())).sum();
        let today = desk.ware(line.sku).map_or(0, |ware| i128::from(ware.facts.cost.minor()) * pieces);
        i128::from(main.price.minor()) * pieces - earned >= today.max(i128::from(cost_of(line)))
    })
}

impl Command for Receive {
    type Answer = Receipt;

    /// A trade is received once as it was told and once as it was confirmed; the second finds what the first did.
    fn key(&self) -> CommandKey {
        let event = if self.seen.is_confirmed { "confirmed" } else { "told" };
        CommandKey::fact(format_args!("{}:{}", self.seen.channel, self.seen.trade_no), event)
    }

    /// What a gateway first said of a trade counts.
    fn fingerprint(&self) -> Vec<u8> {
        Vec::new()
    }

    fn want(&self, parts: &mut Parts) {
        let till = parts.part::<Till>();
        till.want_channel(self.seen.channel);
        if let Some(out_no) = self.seen.number() {
            till.want_out_no(&out_no);
        }
        till.want_trade(self.seen.channel, &self.seen.trade_no);
        let Some(about) = &self.about else { return };
        let desk = parts.part::<Desk>();
        desk.want_order(Self::order_id(about.intent));
        desk.want_paydays();
        for (sku, quantity) in &about.goods {
            parts.part::<Desk>().want_sku(*sku);
            parts.part::<Picks>().want(*sku, *quantity, TimeDelta::zero());
        }
    }

    fn decide(&self, parts: &mut Parts, now: DateTime<Utc>) -> Receipt {
        let receipt = self.place(parts, now);
        if let Some(callback) = self.callback.filter(|_| receipt != Receipt::Unconfirmed) {
            parts.part::<Till>().end_message(callback);
        }
        receipt
    }
}
