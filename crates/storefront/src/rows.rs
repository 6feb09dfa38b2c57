//! What pages read through the rooms' services. What a shop shows is in memory, and so is for a second who looks at it and
//! what he has; what is bought, and all else that is somebody's, is read from the rows, in one transaction a page.

use catalog::{Code, Exhibit, Goods, GoodsKind, Retail, Showcase, SiteLevel, Sku, SkuId, Subject};
use chrono::{DateTime, Utc};
use commission::Referral;
use identity::{Customer, CustomerId};
use kernel::{Money, SiteId, SiteScope};
use ledger::{Account, AccountKind};
use order::{Brought, SoldBy};
use payment::{Channel, IntentId, PaymentError, Use};
use risk::Limits;
use std::collections::HashMap;
use std::sync::Arc;
use store::{ReadTx, Tx};
use tenancy::Shop;
use web::{Problem, Via};

use crate::app::App;
use crate::cache::{Basis, Stock};
use crate::view::{Choice, Me, MoneyView, Offer, Sold};
use crate::words::Words;

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

/// The shop as a seller: its chain, its currency, what it allows, and who brought the buyer.
pub(crate) async fn sold_by(app: &App, shop: &Shop, via: Option<&Via>) -> Result<SoldBy, Problem> {
    let brought = match via {
        Some(via) => brought(app, shop, via).await?.map_or(Brought::Nobody, Brought::Link),
        None => Brought::Nobody,
    };
    let tx = begin(app, shop).await?;
    let chain = chain_in(app, &tx, shop).await?;
    Ok(SoldBy { chain, currency: shop.tenant.currency, limits: Limits::of(shop.site.limits.as_deref()), brought })
}

/// Who brought a browser here that has followed this link.
pub(crate) async fn brought(app: &App, shop: &Shop, via: &Via) -> Result<Option<Referral>, Problem> {
    Ok(app.rooms.agents.brought(&shop.scope(), &via.code, via.since).await?)
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

/// Whether the shop takes its buyers' money by a channel of its own: then it is the seller, else the main site is.
pub(crate) async fn sells_itself(app: &App, shop: &Shop) -> Result<bool, Problem> {
    if shop.chain.len() == 1 {
        return Ok(false);
    }
    let (scope, site) = (shop.scope(), shop.site.id);
    if let Some(known) = app.collectors.get(&scope.engine(), &site) {
        return Ok(known);
    }
    let (payments, chain) = (app.payments().clone(), shop.chain.clone());
    let read = move |sites: Vec<SiteId>| async move {
        match payments.channels(&scope, &chain).await {
            Ok(channels) => Ok(sites.into_iter().map(|site| (site, is_own(&channels))).collect()),
            Err(PaymentError::Store(error)) => Err(error),
            // Left out: whoever waits asks for himself, and hears why.
            Err(_) => Ok(HashMap::new()),
        }
    };
    match app.collectors.get_all(&scope.engine(), &[site], read).await?.get(&site) {
        Some(sells_itself) => Ok(*sells_itself),
        None => Ok(is_own(&app.payments().channels(&scope, &shop.chain).await?)),
    }
}

fn is_own(channels: &[Channel]) -> bool {
    channels.iter().any(|channel| !channel.is_main)
}

/// Who sells on this shop, as far as memory knows.
pub(crate) fn known_seller(app: &App, shop: &Shop) -> Option<bool> {
    if shop.chain.len() == 1 { Some(false) } else { app.collectors.get(&shop.scope().engine(), &shop.site.id) }
}

/// What this shop shows to somebody at this moment, from memory.
pub(crate) struct Look<'a> {
    app: &'a App,
    shop: &'a Shop,
    subject: Option<Subject>,
    now: DateTime<Utc>,
    pub case: Arc<Showcase>,
    pub retail: Arc<Retail>,
}

impl<'a> Look<'a> {
    /// The look of this customer or guest.
    pub async fn of(app: &'a App, shop: &'a Shop, customer: Option<&Customer>) -> Result<Self, Problem> {
        let level = |(site, level): (&SiteId, &Option<String>)| SiteLevel { site: *site, level: level.clone() };
        let chain = || shop.chain.iter().zip(&shop.levels).map(level).collect();
        let case = app.showcases.of(&shop.scope(), (chain, shop.edition)).await?;
        let now = app.rooms.store.time();
        let subject = customer.map(|customer| subject(Some(customer)));
        Ok(Self { app, shop, subject, now, retail: case.retail(now), case })
    }

    /// What a page is made of that shows prices to a guest.
    pub fn basis(&self) -> Basis {
        Basis { edition: self.shop.edition, retail: self.retail.number }
    }

    /// Everything that has a price on this shop, sorted as it is shown, with how many are left.
    pub async fn sold(&self) -> Result<Vec<Sold<'_>>, Problem> {
        let pieces = self.app.bestsellers.of(&self.shop.scope()).await?;
        let exhibits = self.case.exhibits();
        let kinds = exhibits.iter().flat_map(|one| one.skus.iter().map(|sku| (sku.id, one.goods.kind)));
        let left = left(self.app, self.shop, &kinds.collect::<Vec<_>>()).await?;
        let mut sold: Vec<Sold<'_>> = Vec::with_capacity(exhibits.len());
        for one in exhibits {
            let priced = |sku: &Sku| Some((sku.id, self.unit(sku.id)?, left(sku.id)));
            let pieces = one.skus.iter().filter_map(|sku| pieces.get(&sku.id)).sum();
            sold.push(Sold { goods: &one.goods, skus: one.skus.iter().filter_map(priced).collect(), pieces });
        }
        Ok(sold)
    }

    /// The SKUs of these goods that have a price on this shop. The chosen one is priced in the chosen quantity, so that
    /// the price a buyer confirms is the one he is asked.
    pub async fn offers(&self, exhibit: &Exhibit, choice: Choice) -> Result<Vec<Offer>, Problem> {
        let kinds: Vec<_> = exhibit.skus.iter().map(|sku| (sku.id, exhibit.goods.kind)).collect();
        let left = left(self.app, self.shop, &kinds).await?;
        let guest = Subject::default();
        let asks = (self.subject.as_ref().unwrap_or(&guest), self.now);
        let offer = |sku: &Sku| {
            let unit = self.case.quote(asks, sku.id, quantity_of(sku, choice))?.unit;
            let tiers = self.case.tiers(asks, sku.id);
            Some(Offer { sku: sku.clone(), unit, left: left(sku.id), tiers })
        };
        Ok(exhibit.skus.iter().filter_map(offer).collect())
    }

    fn unit(&self, sku: SkuId) -> Option<Money> {
        match &self.subject {
            None => self.retail.unit(sku),
            Some(subject) => Some(self.case.quote((subject, self.now), sku, 1)?.unit),
        }
    }
}

/// How many of each SKU that can run out these goods show.
pub(crate) fn stock_of<'s>(sold: impl IntoIterator<Item = &'s Sold<'s>>) -> Stock {
    let counted = sold.into_iter().filter(|sold| sold.goods.kind.is_counted());
    let left = |left: u64| u32::try_from(left).unwrap_or(u32::MAX);
    counted.flat_map(|sold| sold.skus.iter().map(move |(sku, _, is)| (*sku, left(*is)))).collect()
}

/// The head of a page that reads nothing else, for whoever is logged in: what he has is as it was known in the last
/// second, or since this process last posted to it.
pub(crate) async fn me(app: &App, shop: &Shop, customer: Option<&Customer>) -> Result<Option<Me>, Problem> {
    let Some(customer) = customer else { return Ok(None) };
    let engine = shop.scope().engine();
    // Looked at before the books are: what is posted meanwhile is then seen.
    let news = app.rooms.store.news_about(&engine, customer.id.uuid());
    let known = app.wallets.get(&engine, &customer.id).filter(|(read_at, _)| *read_at == news);
    let wallet = match known {
        Some((_, wallet)) => wallet,
        None => {
            let wallet = wallet_in(&begin(app, shop).await?, shop, customer.id).await?;
            app.wallets.insert(&engine, customer.id, (news, wallet));
            wallet
        }
    };
    Ok(Some(Me::new(&customer.name, wallet)))
}

/// How many of each SKU are left, never older than a second. No transaction may be open: the shelf may need one.
async fn left(app: &App, shop: &Shop, kinds: &[(SkuId, GoodsKind)]) -> Result<impl Fn(SkuId) -> u64 + use<>, Problem> {
    let left = app.rooms.orders.shelf().left(&shop.scope().engine(), kinds).await?;
    Ok(move |sku| left.get(&sku).map_or(0, |left| u64::from(*left)))
}

/// Goods and those of their SKUs that have a price on this shop, before anybody has looked how many are left.
pub(crate) struct Priced {
    pub chain: Vec<SiteLevel>,
    goods: Goods,
    skus: Vec<(Sku, Money)>,
}

/// The goods with this code, as an order would find them: from the rows. The chosen SKU is priced in the chosen
/// quantity, so that the price a buyer confirms is the one he is asked.
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
    let quotes = rooms.prices.quotes_in(tx, &chain, subject, &asked).await?;
    let units: HashMap<SkuId, Money> =
        quotes.into_iter().filter_map(|(sku, quote)| Some((sku, quote.ok()?.unit))).collect();
    let priced = |sku: Sku| units.get(&sku.id).map(|unit| (sku, *unit));
    Ok(Priced { chain, goods, skus: skus.into_iter().filter_map(priced).collect() })
}

impl Priced {
    /// The same with how many are left; no transaction may be open.
    pub async fn counted(self, app: &App, shop: &Shop) -> Result<(Goods, Vec<Offer>), Problem> {
        let kinds: Vec<_> = self.skus.iter().map(|(sku, _)| (sku.id, self.goods.kind)).collect();
        let left = left(app, shop, &kinds).await?;
        let offer = |(sku, unit): (Sku, Money)| Offer { left: left(sku.id), sku, unit, tiers: Vec::new() };
        Ok((self.goods, self.skus.into_iter().map(offer).collect()))
    }
}

fn quantity_of(sku: &Sku, choice: Choice) -> u32 {
    if choice.sku == Some(sku.id) { choice.quantity.clamp(1, sku.quantity_max) } else { 1 }
}
