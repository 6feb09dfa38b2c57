//! A main site with a sandbox channel, an ear for callbacks, a runner, and a stand-in for the order room.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::routing::post;
use chrono::{DateTime, Utc};
use identity::CustomerId;
use inventory::{Inventory, KeyRing, MasterKey, MasterKeys};
use kernel::{Currency, SiteId, SiteScope, TenantScope, Wording};
use lane::{Command, CommandKey, LaneSettings, Lanes, Parts};
use ledger::{Account, AccountKind, Book, balances_in};
use outbox::{Handler, JobContext, JobError, Outbox, Runner};
use payment::{
    Cashier, ChannelId, ExceptionState, Gateways, Judgement, MoneySeen, NewChannel, OpenTopUp, OutNo, PaymentSettings,
    Payments, PublicChannel, Received, Refund, Seen, Till, TopUpOpened, TradeState, Use, judge, postings,
};
use serde_json::Value;
use store::Store;
use tenancy::{Mode, NewSite, Slug, Tenancy, Theme};
use testkit::TestDb;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::super::world::{Sandbox, adapter, cents};

const CNY: Currency = Currency::CNY;
const PATIENCE: Duration = Duration::from_secs(20);
/// More rounds than any test's jobs need.
const ROUNDS_MAX: usize = 10;

pub struct Shop {
    pub scope: TenantScope,
    pub sandbox: Sandbox,
    pub payments: Payments,
    store: Store,
    main: SiteScope,
    customer: CustomerId,
    channel: ChannelId,
    lanes: Lanes,
    runner: Runner,
    heard: mpsc::UnboundedReceiver<Received>,
    keys: AtomicU32,
}

impl Shop {
    pub async fn open(db: &TestDb) -> Self {
        let (store, scope) = (db.store.clone(), db.tenant().await);
        let sandbox = Sandbox::start(&db.clock).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let notify_base = format!("http://{}", listener.local_addr().expect("an address")).parse().expect("a URL");
        let inventory = Inventory::new(KeyRing::new(MasterKeys::only(MasterKey::generate())));
        let lanes = Lanes::new(store.clone(), LaneSettings::of(store.backend()), |_| vec![Box::new(Till::new())]);
        let gateways = Gateways::default().with(adapter(Some(&sandbox.url), db.clock.clone()));
        let payments =
            Payments::new(store.clone(), lanes.clone(), inventory, gateways, PaymentSettings { notify_base });
        let tx = store.write(&scope).await.expect("a writer");
        let new = NewSite {
            slug: Slug::parse("main").expect("a slug"),
            parent: None,
            name: Wording::new("店", "Shop"),
            tagline: Wording::default(),
            notice: Wording::default(),
            theme: Theme::Grove,
            mode: Mode::Auto,
            level: None,
            support: None,
            limits: None,
        };
        let site = Tenancy::new(store.clone()).save_site_in(&tx, &new).await.expect("a site").id();
        let channel = payments.save_channel_in(&tx, &new_channel(site)).await.expect("a channel").id();
        tx.commit().await.expect("committed");
        let heard = listen(listener, payments.clone());
        let customer = CustomerId::new();
        let runner = Runner::new(store.clone(), "node", &Outbox::new());
        let runner = Cashier::new(store.clone(), payments.clone()).handle(runner);
        let runner = runner.handle::<MoneySeen>(Receiver(lanes.clone()));
        let (main, keys) = (scope.site(site), AtomicU32::new(0));
        Self { scope, sandbox, payments, store, main, customer, channel, lanes, runner, heard, keys }
    }

    pub async fn opened(&self, minor: i64) -> TopUpOpened {
        let top_up = OpenTopUp {
            key: self.keys.fetch_add(1, Ordering::Relaxed).to_string(),
            customer: self.customer,
            site: self.main.site(),
            amount: cents(minor),
            channel: self.channel,
            return_url: "http://shop.localhost/wallet".to_owned(),
            ids: TopUpOpened::new(),
        };
        self.payments.open_top_up(&self.main, top_up).await.expect("opened")
    }

    /// A top-up with the address where it is paid.
    pub async fn started(&self, minor: i64) -> (TopUpOpened, String) {
        let opened = self.opened(minor).await;
        let attempt = self.payments.create(&self.scope, &opened.out_no).await.expect("created");
        (opened, attempt.pay_url.expect("an address"))
    }

    pub async fn control_trade(&self, out_no: OutNo, what: &str, body: Value) -> Value {
        self.sandbox.control(&format!("trades/{out_no}/{what}"), body).await
    }

    /// The next message of the gateway that was taken.
    pub async fn heard(&mut self) -> Received {
        tokio::time::timeout(PATIENCE, self.heard.recv()).await.expect("a message in time").expect("an ear")
    }

    pub async fn take(&self, seen: Seen) {
        self.lanes.run(&self.scope, Take(seen)).await.expect("answered");
    }

    /// Money of a wrong amount has come for a top-up and waits for its refund.
    pub async fn stray(&self, minor: i64) {
        let (opened, _) = self.started(minor + 1).await;
        let amount = format!("{}.{:02}", minor / 100, minor % 100);
        self.control_trade(opened.out_no, "pay", serde_json::json!({ "amount": amount, "notify": false })).await;
        match self.payments.query(&self.scope, &opened.out_no).await.expect("asked") {
            TradeState::Paid(seen) => self.take(seen).await,
            other => panic!("{other:?}"),
        }
    }

    pub async fn refund(&self) -> Refund {
        for state in [ExceptionState::Open, ExceptionState::Resolved] {
            let page = self.payments.exceptions(&self.scope, state, None).await.expect("a page");
            if let Some(exception) = page.exceptions.first() {
                let refunds = self.payments.refunds_of(&self.scope, exception.payment).await.expect("read");
                return refunds.into_iter().next().expect("a refund");
            }
        }
        panic!("no exception");
    }

    /// The channel goes where nobody answers, or to the sandbox again.
    pub async fn set_away(&self, is_away: bool) {
        let settings =
            if is_away { serde_json::json!({ "base_url": "http://127.0.0.1:9/" }) } else { serde_json::json!({}) };
        let tx = self.store.write(&self.scope).await.expect("a writer");
        let new = NewChannel { settings, ..new_channel(self.main.site()) };
        self.payments.save_channel_in(&tx, &new).await.expect("a channel");
        tx.commit().await.expect("committed");
    }

    pub const fn channel(&self) -> ChannelId {
        self.channel
    }

    pub async fn compare(&self, day: chrono::NaiveDate) -> payment::BillReport {
        self.payments.compare_bill(&self.scope, self.channel, day).await.expect("compared")
    }

    pub async fn enqueue<J: outbox::Job>(&self, job: &J) {
        let tx = self.store.write(&self.scope).await.expect("a writer");
        Outbox::new().enqueue_in(&tx, job).await.expect("written");
        tx.commit().await.expect("committed");
    }

    pub async fn tally(&self) -> outbox::Tally {
        self.runner.run_once().await.expect("ran")
    }

    /// Runs the jobs that are due; answers how many there were.
    pub async fn run(&self) -> u32 {
        let tally = self.runner.run_once().await.expect("ran");
        assert_eq!((tally.dead, tally.lost), (0, 0), "{tally:?}");
        tally.done + tally.retried
    }

    /// Runs jobs until none is due.
    pub async fn run_all(&self) {
        for _ in 0..ROUNDS_MAX {
            if self.run().await == 0 {
                return;
            }
        }
        panic!("jobs without end");
    }

    async fn balance(&self, account: Account) -> i64 {
        let tx = self.store.read(&self.scope).await.expect("a reader");
        balances_in(&tx, &[account]).await.expect("a balance")[0].minor()
    }

    pub async fn wallet(&self) -> i64 {
        self.balance(Account::of(AccountKind::Wallet, self.customer.uuid(), CNY)).await
    }

    /// What is at the channel, waits, and is on its way back.
    pub async fn channel_money(&self) -> [i64; 3] {
        [
            self.balance(Account::of(AccountKind::ChannelClearing, self.channel.uuid(), CNY)).await,
            self.balance(Account::own(AccountKind::PaymentSuspense, CNY)).await,
            self.balance(Account::own(AccountKind::RefundsInTransit, CNY)).await,
        ]
    }

    pub async fn audit(&self) -> Vec<String> {
        let tx = self.store.snapshot(&self.scope).await.expect("a reader");
        let ledger = ledger::audit_in(&tx).await.expect("an audit").breaches.into_iter().map(|breach| breach.finding);
        let own = payment::audit_in(&tx).await.expect("an audit").breaches.into_iter().map(|(_, finding)| finding);
        ledger.chain(own).collect()
    }
}

fn new_channel(site: SiteId) -> NewChannel {
    NewChannel {
        site,
        provider: "sandbox".to_owned(),
        name: Wording::new("沙箱", "Sandbox"),
        payee: "merchant".to_owned(),
        currency: CNY,
        settings: serde_json::json!({}),
        secret: None,
        sort: 0,
    }
}

type Ear = (Payments, mpsc::UnboundedSender<Received>);

/// Serves the notify address as the cashier's host does.
fn listen(listener: TcpListener, payments: Payments) -> mpsc::UnboundedReceiver<Received> {
    let (sender, heard) = mpsc::unbounded_channel();
    let router = Router::new().route("/pay/notify/{provider}/{channel}", post(notify)).with_state((payments, sender));
    tokio::spawn(async move { axum::serve(listener, router).await });
    heard
}

async fn notify(
    State((payments, sender)): State<Ear>,
    Path((provider, channel)): Path<(String, String)>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, String) {
    let channel = PublicChannel::parse(&channel).expect("a channel's name");
    let text = |value: &axum::http::HeaderValue| value.to_str().unwrap_or_default().to_owned();
    let headers = headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect();
    let reply = match payments.receive(&channel, &provider, headers, body.to_vec(), uri.path()).await {
        Ok(received) => {
            let reply = received.reply.clone();
            sender.send(received).expect("the test listens");
            reply
        }
        Err(_) => payments.refused(&provider).expect("a gateway"),
    };
    (StatusCode::from_u16(reply.status).expect("a status"), reply.body)
}

/// Handles money as the order room does, for top-ups only.
struct Receiver(Lanes);

#[async_trait]
impl Handler<MoneySeen> for Receiver {
    async fn run(&self, context: &JobContext, job: MoneySeen) -> Result<(), JobError> {
        self.0.run(context.scope(), Take(job.seen)).await.map_err(|error| JobError::Retry(error.to_string()))?;
        Ok(())
    }
}

struct Take(Seen);

impl Command for Take {
    type Answer = ();

    fn key(&self) -> CommandKey {
        CommandKey::fact(format_args!("{}:{}", self.0.channel, self.0.trade_no), "seen")
    }

    fn fingerprint(&self) -> Vec<u8> {
        Vec::new()
    }

    fn want(&self, parts: &mut Parts) {
        let till = parts.part::<Till>();
        if let Some(number) = self.0.number() {
            till.want_out_no(&number);
        }
        till.want_trade(self.0.channel, &self.0.trade_no);
    }

    fn decide(&self, parts: &mut Parts, now: DateTime<Utc>) {
        let till = parts.part::<Till>();
        let channel = till.channel(self.0.channel).expect("asked for").clone();
        let attempt = self.0.number().and_then(|number| till.attempt(&number)).cloned();
        let intent = attempt.as_ref().and_then(|attempt| till.intent(attempt.intent)).cloned();
        let earlier = till.payment_by_trade(self.0.channel, &self.0.trade_no);
        let judgement = judge(attempt.as_ref(), intent.as_ref(), &self.0, earlier);
        let place = intent.as_ref().map_or((channel.site, None), |intent| (intent.site, Some(intent.id)));
        let customer = intent.and_then(|intent| intent.customer);
        let entry = match (judgement, customer) {
            (Judgement::Known, _) => return,
            (Judgement::Good, Some(customer)) => {
                let payment = self.0.payment(place, Use::TopUp, now);
                let entry = postings::topped_up(&payment, &channel, customer);
                till.take(payment);
                entry
            }
            (other, _) => {
                let payment = self.0.payment(place, Use::Exception, now);
                let exception = payment.exception(other.exception().expect("not good"));
                till.request_refund(payment.refund(&exception));
                till.raise(exception);
                let entry = postings::suspended(&payment, &channel);
                till.take(payment);
                entry
            }
        };
        parts.part::<Book>().post(entry.expect("balanced")).expect("posted");
    }
}
