//! What a sale costs and earns whom: frozen prices and a quantity become postings. Pure.
//!
//! In **central** collection the main site takes the retail price. It keeps the wholesale price that it asked from the
//! first site below as its revenue; every site below earns its margin, pending until settlement. A seller that
//! sells at an allowed loss covers it from its prepaid money in the same entry.
//!
//! With an **own channel** the selling site takes the retail price itself and buys from the site above: its purchase
//! price is held in its prepaid account when the order is placed, captured when it is paid, and what the sites above
//! earn comes from that. The retail price is recorded between the site's own channel and its takings, never payable
//! by the main site. With a refund the purchase price is held again until the site's channel has sent the buyer's money
//! back: before that the site has both.
//!
//! What goes back of a line goes back in **proportion** to its price: of each share so much that, together with what went
//! back before, it is that share of the price rounded down, and with the last part all that is left. What rounding leaves
//! over stays with the main site until then.
//!
//! Commissions of agents come out of the selling site's margin. With an own channel that margin is not with the main site:
//! they are held and captured together with the purchase price.

use catalog::Quote;
use commission::AgentId;
use kernel::{Currency, Money, MoneyError, SiteId};
use ledger::{Account, AccountKind, Earner, Entry, EntryId, EntryKind, LedgerError, Posting, Purse, Side, entry_id};
use settlement::Term;
use settlement::rules::{Payday, take_back};
use uuid::Uuid;

/// Sites strictly between the main site and the selling one that may earn from a sale; agents above the one who brought
/// the buyer count against the same cap.
pub const DEPTH_MAX: usize = commission::rules::DEPTH_MAX;

/// What one site pays and asks for one piece, as it was when the order was placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrozenHop {
    /// The site.
    pub site: SiteId,
    /// What it pays; for the main site, what the goods cost it.
    pub cost: Money,
    /// What it asks from the site below, or the last one from the buyer.
    pub price: Money,
    /// When its margin is settled.
    pub term: Term,
}

/// What an agent earns from a line once it is delivered, as it was when the order was placed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrozenCommission {
    /// The agent.
    pub agent: AgentId,
    /// 0 for the one who brought the buyer.
    pub tier: u8,
    /// For all pieces; above zero.
    pub amount: Money,
    /// The rule that counted, in words.
    pub rule: String,
    /// When it is settled.
    pub term: Term,
}

/// A line as it was sold: its hops, the main site first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SoldLine<'a> {
    /// Its place in the order, from 1.
    pub number: i32,
    /// How many pieces.
    pub quantity: u32,
    /// What the pieces were put in stock for, whatever their SKU costs by now: it leaves the stock with them. Nothing for
    /// what leaves no stock, such as shared codes.
    pub cost_of_goods: Money,
    /// The chain.
    pub hops: &'a [FrozenHop],
    /// What agents earn, out of the selling site's margin.
    pub commissions: &'a [FrozenCommission],
}

impl SoldLine<'_> {
    /// What the buyer pays for it.
    pub fn total(&self) -> Result<Money, SaleError> {
        let seller = self.hops.last().ok_or(SaleError::NoChain)?;
        Ok(seller.price.times(self.quantity)?)
    }

    /// What agents earn together.
    fn commission(&self, currency: Currency) -> Result<Money, MoneyError> {
        self.commissions.iter().try_fold(Money::zero(currency), |sum, one| sum.plus(one.amount))
    }
}

/// What goes back of a line in one act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Portion {
    /// What had gone back of its price before.
    pub before: Money,
    /// What goes back now.
    pub amount: Money,
    /// Whether nothing is left of it then.
    pub is_last: bool,
}

impl Portion {
    /// What goes back now of a share in a line of this price.
    pub fn of(&self, share: Money, price: Money) -> Result<Money, MoneyError> {
        let before = proportion(share, self.before, price)?;
        if self.is_last {
            share.minus(before)
        } else {
            proportion(share, self.before.plus(self.amount)?, price)?.minus(before)
        }
    }
}

/// As much of a share as `part` is of `price`, rounded down; nothing where there is no price.
pub fn proportion(share: Money, part: Money, price: Money) -> Result<Money, MoneyError> {
    if price.minor() == 0 {
        return Ok(Money::zero(share.currency()));
    }
    let minor = i128::from(share.minor()) * i128::from(part.minor()) / i128::from(price.minor());
    Ok(Money::new(i64::try_from(minor).map_err(|_| MoneyError::Overflow)?, share.currency()))
}

/// Who takes the buyer's money, and so what moves when a line is delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Collection {
    /// The main site; a seller's loss comes out of its free prepaid money.
    Central,
    /// The main site; a seller's loss was held when the order was placed.
    CentralHeld,
    /// The selling site by its own channel.
    Own,
}

/// The chain of a quote, frozen; `term` says when a site is settled.
pub fn frozen(quote: &Quote, term: impl Fn(SiteId) -> Term) -> Vec<FrozenHop> {
    let hops = quote.hops.iter();
    hops.map(|hop| FrozenHop { site: hop.site, cost: hop.cost, price: hop.price, term: term(hop.site) }).collect()
}

/// The depth of a sale by this quote: the selling site and the main site are not counted.
pub fn depth(quote: &Quote) -> usize {
    quote.hops.len().saturating_sub(2)
}

/// What the seller's prepaid account must hold for lines sold in this way until they are delivered: its whole purchase
/// price, with what agents earn, if it collects itself, else the loss it sells at.
pub fn to_hold(lines: &[SoldLine<'_>], collection: Collection, currency: Currency) -> Result<Money, SaleError> {
    let mut sum = Money::zero(currency);
    for line in lines {
        let [_, .., seller] = line.hops else { continue };
        let all = match collection {
            Collection::Own => seller.cost.times(line.quantity)?.plus(line.commission(currency)?)?,
            Collection::Central | Collection::CentralHeld if seller.price.minor() < seller.cost.minor() => {
                seller.cost.minus(seller.price)?.times(line.quantity)?
            }
            Collection::Central | Collection::CentralHeld => continue,
        };
        sum = sum.plus(all)?;
    }
    Ok(sum)
}

/// The seller's prepaid money waits for the payment. `version` is the order's when it happens: an order that expired
/// may be held for again.
pub fn held(order: Uuid, version: i32, site: SiteId, amount: Money) -> Result<Entry, SaleError> {
    let postings = [
        debit(site_account(AccountKind::SitePrepaid, site, amount), amount),
        credit(site_account(AccountKind::SitePrepaidHeld, site, amount), amount),
    ];
    Ok(Entry::try_new(EntryKind::OrderHeld, order, &format!("held:{version}"), postings)?)
}

/// What was held is free again: the payment did not come, or went back to the buyer.
pub fn released(order: Uuid, version: i32, site: SiteId, amount: Money) -> Result<Entry, SaleError> {
    let postings = [
        debit(site_account(AccountKind::SitePrepaidHeld, site, amount), amount),
        credit(site_account(AccountKind::SitePrepaid, site, amount), amount),
    ];
    Ok(Entry::try_new(EntryKind::OrderReleased, order, &format!("released:{version}"), postings)?)
}

/// The money of an order comes from `from`, a wallet or what is at a channel, and waits as a deposit.
pub fn paid(order: Uuid, from: Account, total: Money) -> Result<Entry, SaleError> {
    let deposits = Account::own(AccountKind::OrderDeposits, total.currency());
    let postings = [debit(from, total), credit(deposits, total)];
    Ok(Entry::try_new(EntryKind::OrderPaid, order, "paid", postings)?)
}

/// The selling site was paid `total` by its own channel: its held purchase price `cost` becomes the order's deposit,
/// and the retail price is recorded at the site.
pub fn paid_to_site(
    order: Uuid,
    (site, clearing): (SiteId, Account),
    (cost, total): (Money, Money),
) -> Result<[Entry; 2], SaleError> {
    let captured = paid(order, site_account(AccountKind::SitePrepaidHeld, site, cost), cost)?;
    let takings = site_account(AccountKind::OwnTakings, site, total);
    let postings = [debit(clearing, total), credit(takings, total)];
    Ok([captured, Entry::try_new(EntryKind::OwnTakings, order, "takings", postings)?])
}

/// A line was delivered: its deposit becomes revenue, margins and commissions, and the goods leave the stock for what they
/// were put there for. What is earned is pending until the day that each one's term leads to.
pub fn delivered(order: Uuid, line: SoldLine<'_>, collection: Collection, payday: &Payday) -> Result<Entry, SaleError> {
    let shares = shares(&line, collection)?;
    let own = |kind| Account::own(kind, shares.deposit.currency());
    let mut postings = vec![
        debit(own(AccountKind::OrderDeposits), shares.deposit),
        credit(own(AccountKind::Revenue), shares.revenue),
        debit(own(AccountKind::CostOfGoods), line.cost_of_goods),
        credit(own(AccountKind::StockAtCost), line.cost_of_goods),
    ];
    postings.extend(shares.covered.map(|posting| debit(posting.account, posting.amount)));
    postings.extend(
        shares.earned.into_iter().map(|(earner, term, amount)| credit(earner.pending(payday.due(term)), amount)),
    );
    Ok(Entry::try_new(EntryKind::LineDelivered, order, &act_of(line.number), postings)?)
}

fn act_of(line: i32) -> String {
    format!("delivered:{line}")
}

/// The id that the entry of a delivered line has.
pub fn delivered_id(order: Uuid, line: i32) -> EntryId {
    entry_id(order, &act_of(line))
}

/// What goes back of a line, as the `number`th return of its order.
#[derive(Debug, Clone, Copy)]
pub struct BackLine<'a> {
    /// The number, from 1.
    pub number: i32,
    /// The line.
    pub line: SoldLine<'a>,
    /// How much of it.
    pub portion: Portion,
}

impl BackLine<'_> {
    /// What of the order's deposit for this line goes back.
    pub fn deposit(&self, collection: Collection) -> Result<Money, SaleError> {
        Ok(self.portion.of(shares(&self.line, collection)?.deposit, self.line.total()?)?)
    }
}

/// A delivered line goes back, or a part of it: what that earned whom is the order's deposit again. It is taken from where
/// `delivered`, the entry of its delivery, has put it as far as it is still there, and from what else `purse` says that an
/// earner has. The goods are gone, not in stock again, and what they cost stays spent. A seller's loss comes back as free
/// prepaid money.
pub fn returned(
    order: Uuid,
    back: BackLine<'_>,
    collection: Collection,
    delivered: Option<&Entry>,
    purse: impl Fn(&Earner) -> Result<Purse, LedgerError>,
) -> Result<Entry, SaleError> {
    let BackLine { number, line, portion } = back;
    let collection = if collection == Collection::CentralHeld { Collection::Central } else { collection };
    let shares = shares(&line, collection)?.part(portion, line.total()?)?;
    let own = |kind| Account::own(kind, shares.deposit.currency());
    let mut postings =
        vec![credit(own(AccountKind::OrderDeposits), shares.deposit), debit(own(AccountKind::Revenue), shares.revenue)];
    postings.extend(shares.covered);
    for (earner, _, amount) in shares.earned {
        let given = delivered.into_iter().flat_map(Entry::postings).map(|posting| posting.account);
        let own = given.into_iter().find(|account| Earner::of(account) == Some(earner));
        postings.extend(take_back(&earner, &purse(&earner)?, own, amount));
    }
    Ok(Entry::try_new(EntryKind::LineReturned, order, &returned_act(line.number, number), postings)?)
}

fn returned_act(line: i32, number: i32) -> String {
    format!("returned:{line}:{number}")
}

/// The id that the entry of a line has in the `number`th return of its order.
pub fn returned_id(order: Uuid, line: i32, number: i32) -> EntryId {
    entry_id(order, &returned_act(line, number))
}

/// A card that did not work is replaced, the `number`th of its order: what the new one was put in stock for leaves the stock,
/// too. Nobody pays for it but the main site.
pub fn replaced(order: Uuid, number: i32, cost: Money) -> Result<Entry, SaleError> {
    let own = |kind| Account::own(kind, cost.currency());
    let postings = [debit(own(AccountKind::CostOfGoods), cost), credit(own(AccountKind::StockAtCost), cost)];
    Ok(Entry::try_new(EntryKind::CodeReplaced, order, &replaced_act(number), postings)?)
}

fn replaced_act(number: i32) -> String {
    format!("replaced:{number}")
}

/// The id that the entry of a replacement has.
pub fn replaced_id(order: Uuid, number: i32) -> EntryId {
    entry_id(order, &replaced_act(number))
}

/// Where money goes that an order gives back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Back {
    /// Out of the deposit into this account: the wallet, or what waits for the main site's channel.
    From(Account),
    /// The seller collected: its purchase price is held in its prepaid account until the buyer has his money, and the
    /// retail price goes out of its takings into `waiting`, for its channel.
    FromSite {
        /// The seller.
        site: SiteId,
        /// What waits for the seller's channel.
        waiting: Account,
    },
}

/// The `number`th return of an order: `deposit` goes back out of its deposit, and `total` to the buyer.
pub fn refunded(order: Uuid, number: i32, back: Back, (deposit, total): (Money, Money)) -> Result<Entry, SaleError> {
    let deposits = Account::own(AccountKind::OrderDeposits, deposit.currency());
    let mut postings = vec![debit(deposits, deposit)];
    match back {
        Back::From(account) => postings.push(credit(account, total)),
        Back::FromSite { site, waiting } => postings.extend([
            credit(site_account(AccountKind::SitePrepaidHeld, site, deposit), deposit),
            debit(site_account(AccountKind::OwnTakings, site, total), total),
            credit(waiting, total),
        ]),
    }
    Ok(Entry::try_new(EntryKind::OrderRefunded, order, &format!("refunded:{number}"), postings)?)
}

/// What an order's deposit holds for a line, and who gets it: revenue and what is earned sum to it, less what the seller's
/// prepaid money covers.
struct Shares {
    deposit: Money,
    revenue: Money,
    /// Of the sites below the main one, from the top, and of agents; none of nothing.
    earned: Vec<(Earner, Term, Money)>,
    /// What a seller that sells at a loss pays, and out of what.
    covered: Option<Posting>,
}

impl Shares {
    /// What goes back of them with a part of the line's price. The main site has what rounding leaves over, so that a part may
    /// even give it a cent back: of three who have 3.00 of 10.00 each, the step from 0.09 to 0.10 takes a cent each.
    fn part(self, portion: Portion, price: Money) -> Result<Self, SaleError> {
        let of = |amount| portion.of(amount, price);
        let mut revenue = of(self.deposit)?;
        let mut earned = Vec::with_capacity(self.earned.len());
        for (earner, term, amount) in self.earned {
            let amount = of(amount)?;
            revenue = revenue.minus(amount)?;
            earned.push((earner, term, amount));
        }
        earned.retain(|(_, _, amount)| amount.minor() > 0);
        let mut covered = self.covered;
        if let Some(posting) = &mut covered {
            posting.amount = of(posting.amount)?;
            revenue = revenue.plus(posting.amount)?;
        }
        Ok(Self { deposit: of(self.deposit)?, revenue, earned, covered })
    }
}

fn shares(line: &SoldLine<'_>, collection: Collection) -> Result<Shares, SaleError> {
    let [main, below @ ..] = line.hops else { return Err(SaleError::NoChain) };
    let all = |one: Money| one.times(line.quantity);
    let commission = line.commission(main.price.currency())?;
    let mut earned = Vec::with_capacity(below.len() + line.commissions.len());
    let mut covered = None;
    let mut earns = |hop: &FrozenHop, amount: Money| {
        let earner = Earner { side: Side::Site, owner: hop.site.uuid(), currency: amount.currency() };
        earned.push((earner, hop.term, amount));
    };
    let (deposit, revenue) = match below {
        // The main site sells: its agents are paid out of what it takes.
        [] => (all(main.price)?, all(main.price)?.minus(commission)?),
        [above @ .., seller] => {
            for hop in above {
                earns(hop, all(hop.price.minus(hop.cost)?)?);
            }
            let deposit = match collection {
                Collection::Own => all(seller.cost)?.plus(commission)?,
                Collection::Central | Collection::CentralHeld => {
                    let own = all(seller.price.minus(seller.cost)?)?.minus(commission)?;
                    match own.is_negative() {
                        false => earns(seller, own),
                        true => covered = Some(loss(seller.site, own, collection)),
                    }
                    all(seller.price)?
                }
            };
            (deposit, all(main.price)?)
        }
    };
    for one in line.commissions {
        let earner = Earner { side: Side::Agent, owner: one.agent.uuid(), currency: one.amount.currency() };
        earned.push((earner, one.term, one.amount));
    }
    earned.retain(|(_, _, amount)| amount.minor() > 0);
    Ok(Shares { deposit, revenue, earned, covered })
}

/// What a seller loses: `margin` is below zero, and its prepaid money covers it.
fn loss(site: SiteId, margin: Money, collection: Collection) -> Posting {
    let kind = match collection {
        Collection::CentralHeld => AccountKind::SitePrepaidHeld,
        Collection::Central | Collection::Own => AccountKind::SitePrepaid,
    };
    debit(site_account(kind, site, margin), margin)
}

fn site_account(kind: AccountKind, site: SiteId, amount: Money) -> Account {
    Account::of(kind, site.uuid(), amount.currency())
}

const fn credit(account: Account, amount: Money) -> Posting {
    Posting { account, amount }
}

const fn debit(account: Account, amount: Money) -> Posting {
    Posting { account, amount: Money::new(-amount.minor(), amount.currency()) }
}

/// Why a sale cannot be posted; amounts outside of the range, or a bug.
#[derive(Debug, thiserror::Error)]
pub enum SaleError {
    #[error("a sold line has at least one site")]
    NoChain,
    #[error(transparent)]
    Money(#[from] MoneyError),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}
