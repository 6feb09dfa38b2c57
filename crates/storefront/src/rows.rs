//! What pages read through the rooms' services: one transaction a page.

use catalog::{Category, CategoryId, Code, Goods, GoodsKind, Quoted, SiteLevel, Sku, SkuId, Subject, Tier};
use chrono::TimeDelta;
use identity::{Customer, CustomerId};
use kernel::{Money, SiteId, SiteScope};
use ledger::{Account, AccountKind};
use order::SoldBy;
use payment::{IntentId, Use};
use risk::Limits;
use std::collections::HashMap;
use std::sync::Arc;
use store::{ReadTx, Tx};
use tenancy::Shop;
use web::Problem;

use crate::app::{App, Pieces};
use crate::view::{Choice, Me, MoneyView, Offer, Sold};
use crate::words::Words;

/// How far back a list of what sells best looks.
const SOLD_LATELY: TimeDelta = TimeDelta::days(30);
/// Payments of one order that its page looks at.
const TROUBLES_MAX: usize = 10;

/// A reading transaction of a page on this shop.
pub(crate) async fn begin(app: &App, shop: &Shop) -> Result<ReadTx<SiteScope>, Problem> {
    Ok(app.rooms.store.read(&shop.scope()).await?)
}

/// The shop's chain with the level of each of its sites, as the resolver wants it.
pub(crate) async fn chain_in(app: &App, tx: &impl Tx, shop: &Shop) -> Result<Vec<SiteLevel>, Problem> {
    if let [main] = shop.chain.as_slice() {
        return Ok(vec![SiteLevel { site: *main, level: None }]);
    }
    let sites = app.rooms.tenancy.sites_in(tx).await?;
    let levels: HashMap<_, _> = sites.into_iter().map(|site| (site.id, site.level)).collect();
    let level = |site| levels.get(&site).cloned().flatten();
    Ok(shop.chain.iter().map(|&site| SiteLevel { site, level: level(site) }).collect())
}

/// The shop as a seller: its chain, its currency, and what it allows.
pub(crate) async fn sold_by(app: &App, shop: &Shop) -> Result<SoldBy, Problem> {
    let tx = begin(app, shop).await?;
    let chain = chain_in(app, &tx, shop).await?;
    Ok(SoldBy { chain, currency: shop.tenant.currency, limits: Limits::of(shop.site.limits.as_deref()) })
}

/// Whose prices are asked for.
pub(crate) fn subject(customer: Option<&Customer>) -> Subject {
    Subject { buyer: customer.map(|customer| customer.id.uuid()), level: None }
}

/// What the customer may spend here.
pub(crate) async fn wallet_in(tx: &impl Tx, shop: &Shop, customer: CustomerId) -> Result<Money, Problem> {
    let wallet = Account::of(AccountKind::Wallet, customer.uuid(), shop.tenant.currency);
    let balances = ledger::balances_in(tx, &[wallet]).await?;
    Ok(balances.first().copied().unwrap_or(Money::zero(shop.tenant.currency)))
}

/// The head of the page for whoever is logged in, and what he may spend.
pub(crate) async fn me_in(
    tx: &impl Tx,
    shop: &Shop,
    customer: Option<&Customer>,
) -> Result<Option<(Me, Money)>, Problem> {
    let Some(customer) = customer else { return Ok(None) };
    let wallet = wallet_in(tx, shop, customer.id).await?;
    Ok(Some((Me::new(&customer.name, wallet), wallet)))
}

/// The money that came for this and bought nothing, with where it is now.
pub(crate) async fn money_in_trouble(
    app: &App,
    words: &Words,
    shop: &Shop,
    intent: IntentId,
) -> Result<Vec<MoneyView>, Problem> {
    let (payments, scope) = (app.payments(), shop.scope());
    let mut money = Vec::new();
    for payment in payments.payments_of(&scope, intent).await?.iter().take(TROUBLES_MAX) {
        if payment.use_ == Use::Exception {
            money.push(MoneyView::new(words, payment, &payments.refunds_of(&scope, payment.id).await?));
        }
    }
    Ok(money)
}

/// How many pieces of each SKU are in this shop's newest orders of 30 days, as it was known in the last minutes: the one
/// figure of a list that is not read anew, because it is a sum over many orders.
pub(crate) async fn pieces(app: &App, shop: &Shop) -> Result<Arc<Pieces>, Problem> {
    let (scope, store) = (shop.scope(), app.rooms.store.clone());
    let read = move |sites: Vec<SiteId>| async move {
        let tx = store.read(&scope).await?;
        let sold = Arc::new(order::sold_since_in(&tx, tx.now() - SOLD_LATELY).await?);
        Ok(sites.into_iter().map(|site| (site, Arc::clone(&sold))).collect())
    };
    let mut found = app.pieces.get_all(&shop.scope().engine(), &[shop.site.id], read).await?;
    Ok(found.remove(&shop.site.id).unwrap_or_default())
}

/// Whether the shop takes its buyers' money by a channel of its own: then it is the seller, else the main site is.
pub(crate) async fn sells_itself(app: &App, shop: &Shop) -> Result<bool, Problem> {
    if shop.chain.len() == 1 {
        return Ok(false);
    }
    let (scope, site) = (shop.scope(), shop.site.id);
    if let Some(known) = app.collectors.get(&scope.engine(), &site) {
        return Ok(known);
    }
    let channels = app.payments().channels(&scope, &shop.chain).await?;
    let sells_itself = channels.iter().any(|channel| !channel.is_main);
    app.collectors.insert(&scope.engine(), site, sells_itself);
    Ok(sells_itself)
}

/// What a list shows: everything that has a price on this shop, sorted as it is shown, and who looks at it.
pub(crate) struct List {
    pub categories: Vec<Category>,
    pub sold: Vec<Sold>,
    pub me: Option<Me>,
}

/// What a list shows to this customer or guest. How many are left is asked after the transaction, because the shelf
/// reads in one of its own.
pub(crate) async fn list(app: &App, shop: &Shop, customer: Option<&Customer>) -> Result<List, Problem> {
    let rooms = &app.rooms;
    let pieces = pieces(app, shop).await?;
    let tx = begin(app, shop).await?;
    let chain = chain_in(app, &tx, shop).await?;
    let all = rooms.catalog.catalogue_in(&tx).await?;
    let asked: Vec<(SkuId, u32)> = all.skus.iter().map(|sku| (sku.id, 1)).collect();
    let mut quotes = priced(rooms.prices.quotes_in(&tx, &chain, &subject(customer), &asked).await?);
    let me = me_in(&tx, shop, customer).await?.map(|(me, _)| me);
    drop(tx);
    let kinds = all.goods.iter().flat_map(|goods| all.skus_of(goods.id).map(|sku| (sku.id, goods.kind)));
    let left = left(app, shop, &kinds.collect::<Vec<_>>()).await?;
    let mut sold: Vec<Sold> = Vec::with_capacity(all.goods.len());
    for goods in &all.goods {
        let skus = all.skus_of(goods.id).filter_map(|sku| Some((quotes.remove(&sku.id)?, left(sku.id)))).collect();
        let pieces = all.skus_of(goods.id).filter_map(|sku| pieces.get(&sku.id)).sum();
        sold.push(Sold { goods: goods.clone(), skus, pieces });
    }
    Ok(List { categories: all.categories, sold, me })
}

/// How many of each SKU are left, never older than a second. No transaction may be open: the shelf may need one.
async fn left(app: &App, shop: &Shop, kinds: &[(SkuId, GoodsKind)]) -> Result<impl Fn(SkuId) -> u64 + use<>, Problem> {
    let left = app.rooms.orders.shelf().left(&shop.scope().engine(), kinds).await?;
    Ok(move |sku| left.get(&sku).map_or(0, |left| u64::from(*left)))
}

/// Goods and those of their SKUs that have a price on this shop, before anybody has looked how many are left.
pub(crate) struct Priced {
    goods: Goods,
    skus: Vec<(Sku, Money, Vec<Tier>)>,
}

/// The goods with this code. The chosen SKU is priced in the chosen quantity, so that the price a buyer confirms is
/// the one he is asked.
pub(crate) async fn goods_in(
    app: &App,
    tx: &impl Tx,
    shop: &Shop,
    subject: &Subject,
    (code, choice): (&Code, Choice),
) -> Result<Priced, Problem> {
    let rooms = &app.rooms;
    let (goods, skus) = rooms.catalog.goods_by_code_in(tx, code).await?.ok_or(Problem::not_found())?;
    let chain = chain_in(app, tx, shop).await?;
    let asked: Vec<(SkuId, u32)> = skus.iter().map(|sku| (sku.id, quantity_of(sku, choice))).collect();
    let tiered = rooms.prices.tiers_in(tx, &chain, subject, &asked).await?;
    let mut found: HashMap<SkuId, (Money, Vec<Tier>)> =
        tiered.into_iter().filter_map(|one| Some((one.sku, (one.quote.ok()?.unit, one.tiers)))).collect();
    let priced = |sku: Sku| found.remove(&sku.id).map(|(unit, tiers)| (sku, unit, tiers));
    Ok(Priced { goods, skus: skus.into_iter().filter_map(priced).collect() })
}

impl Priced {
    /// The category that the goods are in.
    pub const fn category(&self) -> CategoryId {
        self.goods.category
    }

    /// The same with how many are left; no transaction may be open.
    pub async fn counted(self, app: &App, shop: &Shop) -> Result<(Goods, Vec<Offer>), Problem> {
        let kinds: Vec<_> = self.skus.iter().map(|(sku, ..)| (sku.id, self.goods.kind)).collect();
        let left = left(app, shop, &kinds).await?;
        let offer = |(sku, unit, tiers): (Sku, Money, Vec<Tier>)| Offer { left: left(sku.id), sku, unit, tiers };
        Ok((self.goods, self.skus.into_iter().map(offer).collect()))
    }
}

fn quantity_of(sku: &Sku, choice: Choice) -> u32 {
    if choice.sku == Some(sku.id) { choice.quantity.clamp(1, sku.quantity_max) } else { 1 }
}

fn priced(quoted: Vec<Quoted>) -> HashMap<SkuId, catalog::Quote> {
    quoted.into_iter().filter_map(|(sku, quote)| Some((sku, quote.ok()?))).collect()
}
