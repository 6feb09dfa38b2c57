//! A main site with a sub-site, a channel of each, and a stand-in for the order room's command that receives money.

use std::sync::atomic::{AtomicU32, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use identity::CustomerId;
use inventory::{Inventory, KeyRing, MasterKey, MasterKeys};
use kernel::{Currency, Money, SiteId, SiteScope, TenantScope, Wording};
use lane::{Command, CommandKey, LaneSettings, Lanes, Parts};
use ledger::{Account, AccountKind, Book, balances_in};
use serde::{Deserialize, Serialize};
use store::{Store, WriteTx};
use tenancy::{Mode, NewSite, Slug, Tenancy, Theme};
use testkit::TestDb;

use crate::{
    ChannelId, Gateways, Judgement, MoveRefund, NewChannel, OpenTopUp, OutNo, PaymentSettings, Payments, RefundEvent,
    RefundId, RefundMoved, Refusal, Seen, Till, TopUpOpened, Use, judge, postings,
};

pub const CNY: Currency = Currency::CNY;

pub fn cents(minor: i64) -> Money {
    Money::new(minor, CNY)
}

pub struct Shop {
    pub store: Store,
    pub scope: TenantScope,
    pub main: SiteScope,
    pub sub: SiteScope,
    pub customer: CustomerId,
    /// The main site's channel.
    pub channel: ChannelId,
    pub lanes: Lanes,
    pub payments: Payments,
    keys: AtomicU32,
}

pub fn new_channel(site: SiteId, payee: &str) -> NewChannel {
    NewChannel {
        site,
        provider: "sandbox".to_owned(),
        name: Wording::new("沙箱", "Sandbox"),
        payee: payee.to_owned(),
        currency: CNY,
        settings: serde_json::json!({}),
        secret: None,
        sort: 1,
    }
}

impl Shop {
    pub async fn open(db: &TestDb) -> Self {
        Self::open_with(db, Gateways::default()).await
    }

    pub async fn open_with(db: &TestDb, gateways: Gateways) -> Self {
        let (store, scope) = (db.store.clone(), db.tenant().await);
        let inventory = Inventory::new(KeyRing::new(MasterKeys::only(MasterKey::generate())));
        let lanes = lanes(&store);
        let settings = PaymentSettings { notify_base: "http://cashier.test/".parse().expect("a URL") };
        let payments = Payments::new(store.clone(), lanes.clone(), inventory, gateways, settings);
        let tx = store.write(&scope).await.expect("a writer");
        let main = site(&store, &tx, "main", None).await;
        let sub = site(&store, &tx, "sub", Some("main")).await;
        let channel = payments.save_channel_in(&tx, &new_channel(main, "merchant-main")).await.expect("a channel").id();
        tx.commit().await.expect("committed");
        let (main, sub, customer) = (scope.site(main), scope.site(sub), CustomerId::new());
        Self { store, scope, main, sub, customer, channel, lanes, payments, keys: AtomicU32::new(0) }
    }

    /// The same shop served by another process.
    pub fn second_node(&self) -> Self {
        let lanes = lanes(&self.store);
        let (store, payments, keys) = (self.store.clone(), self.payments.clone(), AtomicU32::new(1_000_000));
        let Self { scope, main, sub, customer, channel, .. } = *self;
        Self { store, scope, main, sub, customer, channel, lanes, payments, keys }
    }

    pub fn key(&self) -> String {
        self.keys.fetch_add(1, Ordering::Relaxed).to_string()
    }

    pub async fn open_channel(&self, site: &SiteScope, payee: &str) -> ChannelId {
        let tx = self.store.write(&self.scope).await.expect("a writer");
        let saved = self.payments.save_channel_in(&tx, &new_channel(site.site(), payee)).await.expect("a channel");
        tx.commit().await.expect("committed");
        saved.id()
    }

    pub fn top_up(&self, minor: i64) -> OpenTopUp {
        OpenTopUp {
            key: self.key(),
            customer: self.customer,
            site: self.main.site(),
            amount: cents(minor),
            channel: self.channel,
            return_url: "http://shop.test/wallet".to_owned(),
            ids: TopUpOpened::new(),
        }
    }

    pub async fn opened(&self, minor: i64) -> TopUpOpened {
        self.payments.open_top_up(&self.main, self.top_up(minor)).await.expect("opened")
    }

    /// Money as a callback tells of it.
    pub fn money(&self, out_no: OutNo, trade_no: &str, minor: i64) -> Seen {
        Seen {
            channel: self.channel,
            out_no: out_no.to_string(),
            trade_no: trade_no.to_owned(),
            payee: "merchant-main".to_owned(),
            amount: cents(minor),
            paid_at: self.store.time(),
            is_confirmed: false,
        }
    }

    pub async fn take(&self, seen: Seen) -> Taken {
        self.lanes.run(&self.scope, Take { seen, key: self.key() }).await.expect("answered").answer
    }

    /// Takes money that no try of ours asked for; answers the refund that sends it back.
    pub async fn stray(&self, trade_no: &str, minor: i64) -> RefundId {
        match self.take(self.money(OutNo::new(), trade_no, minor)).await {
            Taken::Suspended { refund } => refund,
            other => panic!("{other:?}"),
        }
    }

    pub async fn move_refund(&self, refund: RefundId, event: RefundEvent, tries: u32) -> Result<RefundMoved, Refusal> {
        self.lanes.run(&self.scope, MoveRefund { refund, event, tries }).await.expect("answered").answer
    }

    pub async fn balance(&self, account: Account) -> i64 {
        let tx = self.store.read(&self.scope).await.expect("a reader");
        balances_in(&tx, &[account]).await.expect("a balance")[0].minor()
    }

    pub async fn wallet(&self) -> i64 {
        self.balance(Account::of(AccountKind::Wallet, self.customer.uuid(), CNY)).await
    }

    /// What is at the main site's channel, waits there, and is on its way back.
    pub async fn main_money(&self) -> [i64; 3] {
        [
            self.balance(Account::of(AccountKind::ChannelClearing, self.channel.uuid(), CNY)).await,
            self.balance(Account::own(AccountKind::PaymentSuspense, CNY)).await,
            self.balance(Account::own(AccountKind::RefundsInTransit, CNY)).await,
        ]
    }

    /// What the audits of ledger and payments find.
    pub async fn audit(&self) -> Vec<String> {
        let tx = self.store.snapshot(&self.scope).await.expect("a reader");
        let ledger = ledger::audit_in(&tx).await.expect("an audit").breaches.into_iter().map(|breach| breach.finding);
        let own = crate::audit_in(&tx).await.expect("an audit").breaches.into_iter().map(|(_, finding)| finding);
        ledger.chain(own).collect()
    }

    /// How many jobs are due.
    pub async fn jobs(&self) -> usize {
        self.store.work_claim(100, "test", std::time::Duration::from_secs(60)).await.expect("claimed").len()
    }
}

fn lanes(store: &Store) -> Lanes {
    Lanes::new(store.clone(), LaneSettings::of(store.backend()), |_| vec![Box::new(Till::new())])
}

async fn site(store: &Store, tx: &WriteTx<TenantScope>, slug: &str, parent: Option<&str>) -> SiteId {
    let new = NewSite {
        slug: Slug::parse(slug).expect("a slug"),
        parent: parent.map(|parent| Slug::parse(parent).expect("a slug")),
        name: Wording::new("店", "Shop"),
        tagline: Wording::default(),
        notice: Wording::default(),
        theme: Theme::Grove,
        mode: Mode::Auto,
        level: None,
        support: None,
        limits: None,
    };
    Tenancy::new(store.clone()).save_site_in(tx, &new).await.expect("a site").id()
}

/// Receives money as the order room does, for top-ups only.
struct Take {
    seen: Seen,
    key: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Taken {
    ToppedUp,
    Known,
    Suspended { refund: RefundId },
}

impl Command for Take {
    type Answer = Taken;

    fn key(&self) -> CommandKey {
        CommandKey::request("take", &self.key)
    }

    fn fingerprint(&self) -> Vec<u8> {
        Vec::new()
    }

    fn want(&self, parts: &mut Parts) {
        let till = parts.part::<Till>();
        if let Some(number) = self.seen.number() {
            till.want_out_no(&number);
        }
        till.want_trade(self.seen.channel, &self.seen.trade_no);
    }

    fn decide(&self, parts: &mut Parts, now: DateTime<Utc>) -> Taken {
        let till = parts.part::<Till>();
        let channel = till.channel(self.seen.channel).expect("asked for").clone();
        let attempt = self.seen.number().and_then(|number| till.attempt(&number)).cloned();
        let intent = attempt.as_ref().and_then(|attempt| till.intent(attempt.intent)).cloned();
        let earlier = till.payment_by_trade(self.seen.channel, &self.seen.trade_no);
        let judgement = judge(attempt.as_ref(), intent.as_ref(), &self.seen, earlier);
        let place = intent.as_ref().map_or((channel.site, None), |intent| (intent.site, Some(intent.id)));
        let customer = intent.and_then(|intent| intent.customer);
        match (judgement, customer) {
            (Judgement::Known, _) => Taken::Known,
            (Judgement::Good, Some(customer)) => {
                let payment = self.seen.payment(place, Use::TopUp, now);
                let entry = postings::topped_up(&payment, &channel, customer).expect("balanced");
                till.take(payment);
                parts.part::<Book>().post(entry).expect("posted");
                Taken::ToppedUp
            }
            (other, _) => {
                let payment = self.seen.payment(place, Use::Exception, now);
                let exception = payment.exception(other.exception().expect("not good"));
                let refund = payment.refund(&exception);
                let entry = postings::suspended(&payment, &channel).expect("balanced");
                let answer = Taken::Suspended { refund: refund.id };
                till.take(payment);
                till.raise(exception);
                till.request_refund(refund);
                parts.part::<Book>().post(entry).expect("posted");
                answer
            }
        }
    }
}

/// A moment long after whatever the test began with.
pub fn later(db: &TestDb) {
    db.clock.advance(TimeDelta::hours(1));
}
