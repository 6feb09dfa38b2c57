//! Counting a day that is over: from the books.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use commission::{AgentId, places_in};
use kernel::{Day, SiteId, TenantScope};
use ledger::{EntryKind, PeriodEntries, links_in};
use order::{SalePart, Seller, complaints_in, sale_parts_in};
use store::{ReadTx, Tx};
use uuid::Uuid;

use super::Levels;
use crate::error::LevelError;
use crate::model::LevelRules;
use crate::repo;
use crate::repo::figures::DayOf;

/// Entries are gone through so many hours together: there is a bound on how many a period may have.
const HOURS: i32 = 6;
/// What changes what somebody sold.
const KINDS: [EntryKind; 2] = [EntryKind::LineDelivered, EntryKind::LineReturned];

impl Levels {
    /// Counts the days that are over and were not counted, one after another, as long as the tenant has rules; the first time
    /// as many as a window may have. Answers those that were counted here.
    pub async fn count(&self, scope: &TenantScope) -> Result<Vec<Day>, LevelError> {
        let mut counted = Vec::new();
        loop {
            let tx = self.store.snapshot(scope).await?;
            let Some(day) = next_in(&tx).await? else { return Ok(counted) };
            let figures = self.sold_in(&tx, day).await?;
            drop(tx);
            let tx = self.store.write(scope).await?;
            if repo::rules::insert_day(&tx, day).await? {
                repo::figures::insert(&tx, day, &figures).await?;
                tx.commit().await?;
                counted.push(day);
            }
        }
    }

    /// What everybody below the main site sold on the day.
    async fn sold_in(&self, tx: &ReadTx<TenantScope>, day: Day) -> Result<BTreeMap<(SiteId, Uuid), DayOf>, LevelError> {
        let main = self.tenancy.sites_in(tx).await?.into_iter().find(|site| site.parent.is_none()).map(|site| site.id);
        let mut sold = Sold { main, figures: BTreeMap::new() };
        for hours in periods(day) {
            let mut pages = PeriodEntries::new(&KINDS, hours);
            while let Some(entries) = pages.next_in(tx).await? {
                let about = entries.iter().map(|(_, entry)| (entry.kind(), entry.subject()));
                let parts = sale_parts_in(tx, about).await?;
                let own = own_purchases_in(tx, parts.values().map(|part| &part.seller)).await?;
                for (_, entry) in &entries {
                    if let Some(part) = parts.get(&entry.id()) {
                        sold.add(part, entry.kind() == EntryKind::LineDelivered, &own);
                    }
                }
            }
        }
        let complaints = complaints_in(tx, (day.begins(), day.after(1).begins())).await?;
        let own = own_purchases_in(tx, &complaints).await?;
        for seller in &complaints {
            sold.each(seller, &own, |of| of.complaints += 1);
        }
        Ok(sold.figures)
    }
}

/// Orders that an agent brought to himself.
async fn own_purchases_in<'s>(
    tx: &impl Tx,
    sellers: impl IntoIterator<Item = &'s Seller> + Clone,
) -> Result<BTreeSet<Uuid>, LevelError> {
    let agents: BTreeSet<AgentId> = sellers.clone().into_iter().filter_map(|seller| seller.agent).collect();
    let places = places_in(tx, &agents).await?;
    let is_own = |seller: &&Seller| {
        let own = seller.agent.and_then(|agent| places.get(&agent)).map(|(_, customer)| customer);
        own.is_some() && own == seller.customer.as_ref()
    };
    Ok(sellers.into_iter().filter(is_own).map(|seller| seller.order.uuid()).collect())
}

/// What was found so far.
struct Sold {
    main: Option<SiteId>,
    figures: BTreeMap<(SiteId, Uuid), DayOf>,
}

impl Sold {
    fn add(&mut self, part: &SalePart, is_delivery: bool, own: &BTreeSet<Uuid>) {
        self.each(&part.seller, own, |of| {
            of.sales_minor = of.sales_minor.saturating_add(part.amount_minor);
            if is_delivery {
                of.orders.insert(part.seller.order.uuid());
                of.buyers.extend(part.seller.buyer);
            }
        });
    }

    /// The figures of those whose sale it was: the selling site, unless it is the main one, and the agent who brought the buyer,
    /// unless that was himself.
    fn each(&mut self, seller: &Seller, own: &BTreeSet<Uuid>, mut add: impl FnMut(&mut DayOf)) {
        let site = (Some(seller.site) != self.main).then(|| seller.site.uuid());
        let agent = seller.agent.filter(|_| !own.contains(&seller.order.uuid())).map(|agent| agent.uuid());
        for owner in [site, agent].into_iter().flatten() {
            add(self.figures.entry((seller.site, owner)).or_default());
        }
    }
}

/// The next day that is over and was not counted.
async fn next_in(tx: &ReadTx<TenantScope>) -> Result<Option<Day>, LevelError> {
    if repo::rules::page(tx, None, 1).await?.is_empty() {
        return Ok(None);
    }
    let day = match repo::rules::days(tx, 1).await?.pop() {
        Some(last) => last.day.after(1),
        None => match links_in(tx, 0, 1).await?.pop() {
            Some(first) => Day::of(first.at).max(Day::of(tx.now()).before(LevelRules::WINDOW_MAX)),
            None => return Ok(None),
        },
    };
    Ok(day.is_over(tx.now()).then_some(day))
}

fn periods(day: Day) -> impl Iterator<Item = (DateTime<Utc>, DateTime<Utc>)> {
    let at = move |hour: i32| day.begins() + TimeDelta::hours(hour.into());
    (0..24 / HOURS).map(move |place| (at(place * HOURS), at((place + 1) * HOURS)))
}
