//! The crowd: buyers with wallets and guests, all at once, until they are told to stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use futures::future::{join_all, try_join_all};

use crate::browser::Browser;
use crate::dice::Dice;
use crate::history::Look;
use crate::installation::Installation;
use crate::pack::Pack;
use crate::purchase::{Kind, Purchase, Span, Wish};
use crate::quiet::balance;
use crate::sandbox::{Manner, TRADES_MAX};
use crate::shop::Shop;

/// How money comes, and how often so.
const MANNERS: [(u64, Manner); 6] = [
    (30, Manner::Told),
    (20, Manner::Thrice),
    (20, Manner::Silent),
    (10, Manner::Short),
    (10, Manner::Late),
    (10, Manner::Never),
];

/// How often somebody looks into a wallet.
const LOOK_EVERY: Duration = Duration::from_millis(40);

/// What the buyers of one installation share.
pub struct Crowd {
    installation: Arc<Installation>,
    pack: Pack,
    shop: Shop,
    is_over: AtomicBool,
    /// Trades that may still be begun: the gateway lists no more than so many.
    trades_left: AtomicUsize,
}

/// One of them.
pub struct Buyer {
    site: usize,
    /// The account, logged in; none for a guest.
    account: Option<(String, Arc<Browser>)>,
    dice: Dice,
}

impl Crowd {
    /// A crowd that stands before the shop.
    pub fn new(installation: Arc<Installation>, pack: Pack, shop: Shop) -> Self {
        let trades_left = AtomicUsize::new(TRADES_MAX - 10);
        Self { installation, pack, shop, is_over: AtomicBool::new(false), trades_left }
    }

    /// Nobody begins another purchase.
    pub fn stop(&self) {
        self.is_over.store(true, Ordering::Relaxed);
    }

    /// Every customer of the pack logs in, and as many guests come.
    pub async fn gather(&self, dice: &Dice) -> Result<Vec<Buyer>> {
        let customers = try_join_all(self.customers().map(|(site, login)| self.log_in(site, login))).await?;
        let guests = customers.iter().map(|(site, _)| (*site, None)).collect::<Vec<_>>();
        let accounts = customers.into_iter().map(|(site, account)| (site, Some(account)));
        let everybody = accounts.chain(guests).zip(0..);
        Ok(everybody.map(|((site, account), number)| Buyer { site, account, dice: dice.for_one(number) }).collect())
    }

    /// All buy until [`Crowd::stop`]; answers everything that anybody did.
    pub async fn buy(self: Arc<Self>, buyers: Vec<Buyer>) -> Result<Vec<Purchase>> {
        let everybody: Vec<_> = buyers.into_iter().map(|buyer| tokio::spawn(buyer.go_on(Arc::clone(&self)))).collect();
        let done = join_all(everybody).await;
        let mut purchases = Vec::new();
        for done in done {
            purchases.extend(done.context("a buyer panicked")??);
        }
        Ok(purchases)
    }

    /// Looks into one wallet after the other, until [`Crowd::stop`]; answers what was read when.
    pub async fn watch(self: Arc<Self>, accounts: Vec<(String, Arc<Browser>)>) -> Result<Vec<Look>> {
        let mut looks = Vec::new();
        for (login, browser) in accounts.iter().cycle() {
            if self.is_over.load(Ordering::Relaxed) {
                break;
            }
            let start = Instant::now();
            let minor = balance(browser).await.with_context(|| format!("the wallet of {login}"))?;
            looks.push(Look { login: login.clone(), span: Span { start, end: Instant::now() }, minor });
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(looks)
    }

    fn customers(&self) -> impl Iterator<Item = (usize, String)> {
        let sites = self.pack.sites.iter().enumerate();
        sites.flat_map(|(number, site)| {
            (0..site.customers).map(move |customer| (number, Pack::customer(site, customer)))
        })
    }

    async fn log_in(&self, site: usize, login: String) -> Result<(usize, (String, Arc<Browser>))> {
        let password = self.installation.logins.get(&login).with_context(|| format!("{login} has no password"))?;
        let browser = self.installation.wire.browser(&self.pack.sites[site].host);
        browser.log_in(&login, password).await?;
        Ok((site, (login, Arc::new(browser))))
    }

    fn may_begin_trade(&self) -> bool {
        let take = |left: usize| left.checked_sub(1);
        self.trades_left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok()
    }
}

impl Buyer {
    /// His account, if he has one.
    pub fn account(&self) -> Option<(String, Arc<Browser>)> {
        self.account.clone()
    }

    async fn go_on(mut self, crowd: Arc<Crowd>) -> Result<Vec<Purchase>> {
        let mut done = Vec::new();
        while !crowd.is_over.load(Ordering::Relaxed) {
            let kind = match &self.account {
                Some(_) if self.dice.between(1, 8) > 1 => Kind::Wallet,
                Some(_) => Kind::TopUp,
                None => Kind::Channel,
            };
            if kind != Kind::Wallet && !crowd.may_begin_trade() {
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
            let wish = self.wish(kind, &crowd.shop);
            // A top-up is the main site's, whose channel comes with every counter that has none of its own.
            let counter = if kind == Kind::TopUp { &crowd.shop.sites[0] } else { &crowd.shop.sites[self.site] };
            let browser = match &self.account {
                Some((_, browser)) => Arc::clone(browser),
                None => Arc::new(crowd.installation.wire.browser(&crowd.shop.sites[self.site].host)),
            };
            let manner = self.dice.weighted(&MANNERS);
            let key = wish.key.clone();
            let purchase = wish.carry_out(browser, counter, (&crowd.installation.sandbox, manner)).await;
            done.push(purchase.with_context(|| format!("{kind:?} with the key {key} at {}", counter.host))?);
        }
        Ok(done)
    }

    fn wish(&mut self, kind: Kind, shop: &Shop) -> Wish {
        let offers = &shop.sites[self.site].offers;
        let item = self.dice.weighted(&[(6, 0), (3, 1), (1, 2)]).min(offers.len() - 1);
        let quantity = self.dice.weighted(&[(3, 1), (1, 2)]);
        let total_minor = match kind {
            Kind::TopUp => i64::try_from(self.dice.between(1_00, 9_99)).unwrap_or(1_00),
            _ => offers[item].unit_minor * i64::from(quantity),
        };
        let login = self.account.as_ref().map(|(login, _)| login.clone());
        let (key, visitor) = (self.dice.hex(32), self.dice.hex(64));
        Wish { kind, item, quantity, total_minor, login, key, visitor }
    }
}
