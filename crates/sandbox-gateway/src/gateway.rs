//! The use cases of the gateway: each changes the book, writes the journal and lets callbacks go.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};
use kernel::{Clock, SystemClock};
use tokio::sync::watch;
use uuid::Uuid;

use crate::GatewayError;
use crate::book::{self, Book, Made, Payment, Record};
use crate::courier::{Callback, Courier};
use crate::event::{self, Lies};
use crate::journal::Journal;
use crate::model::{Key, Merchant, MerchantSecret, Refund, RefundRequest, RefundStatus, Trade, TradeRequest, WebUrl};
use crate::nonces::Nonces;
use crate::page::Cashier;
use crate::plans::{Call, Mischief, PlanRequest, Plans};

/// How long a call is held that a plan leaves without an answer.
const HELD_FOR: Duration = Duration::from_secs(30);
/// Where browsers are sent if neither the settings nor a listener say otherwise.
const PUBLIC_URL_FALLBACK: &str = "http://127.0.0.1:8090";

/// How a gateway is opened.
#[derive(Debug, Clone, Default)]
pub struct GatewaySettings {
    /// The address by which browsers reach the cashier; derived from the listening address if none.
    pub public_url: Option<String>,
    /// The file that a restart reads back; nothing outlives the process if none.
    pub journal: Option<PathBuf>,
}

/// The sandbox gateway. Clones share everything.
#[derive(Clone)]
pub struct Gateway {
    inner: Arc<Inner>,
}

struct Inner {
    clock: Arc<dyn Clock>,
    public_url: OnceLock<String>,
    desk: Mutex<Desk>,
    nonces: Mutex<Nonces>,
    plans: Mutex<Plans>,
    courier: Courier,
    cashier: Cashier,
    stopping: watch::Sender<bool>,
}

/// The book and its journal change together.
struct Desk {
    book: Book,
    journal: Journal,
}

/// Whether and how often a payment is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Notice {
    Silent,
    Copies(u32),
}

impl Gateway {
    /// Opens the gateway and reads its journal.
    pub fn open(settings: GatewaySettings) -> Result<Self, GatewayError> {
        Self::open_at(settings, Arc::new(SystemClock))
    }

    /// Opens the gateway with a clock of the caller's.
    pub fn open_at(settings: GatewaySettings, clock: Arc<dyn Clock>) -> Result<Self, GatewayError> {
        let public_url = OnceLock::new();
        if let Some(text) = settings.public_url {
            let _ = WebUrl::parse(&text).ok_or(GatewayError::PublicUrl)?;
            let _ = public_url.set(text.trim_end_matches('/').to_owned());
        }
        let (book, journal) = Journal::open(settings.journal.as_deref())?;
        let (stopping, stopping_seen) = watch::channel(false);
        let courier = Courier::try_new(Arc::clone(&clock), stopping_seen)?;
        let inner = Inner {
            clock,
            public_url,
            desk: Mutex::new(Desk { book, journal }),
            nonces: Mutex::default(),
            plans: Mutex::default(),
            courier,
            cashier: Cashier::try_new()?,
            stopping,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Takes the address a listener has, unless browsers were given another one.
    pub(crate) fn listens_at(&self, url: String) {
        let _ = self.inner.public_url.set(url);
    }

    /// Lets go of held calls and waiting callbacks.
    pub(crate) fn stop(&self) {
        self.inner.stopping.send_replace(true);
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.inner.clock.now()
    }

    pub(crate) fn cashier(&self) -> &Cashier {
        &self.inner.cashier
    }

    /// The address of a trade's cashier page.
    pub(crate) fn pay_url(&self, trade: &Trade) -> String {
        let base = self.inner.public_url.get().map_or(PUBLIC_URL_FALLBACK, String::as_str);
        format!("{base}/cashier/{}", trade.trade_no)
    }

    pub(crate) fn open_merchant(&self, name: String, secret: MerchantSecret) -> Result<Made<Merchant>, GatewayError> {
        let mut desk = self.desk();
        let made = desk.book.open_merchant(name, secret)?;
        if let Made::New(merchant) = &made {
            desk.journal.append(&[Record::Merchant(merchant.clone())])?;
        }
        Ok(made)
    }

    pub(crate) fn merchant(&self, name: &str) -> Result<Merchant, GatewayError> {
        self.desk().book.merchant(name).cloned()
    }

    pub(crate) fn take_nonce(&self, merchant: &str, nonce: &str) -> Result<(), GatewayError> {
        locked(&self.inner.nonces).take(merchant, nonce, self.now())
    }

    pub(crate) fn create(&self, merchant: &str, request: TradeRequest) -> Result<Made<Trade>, GatewayError> {
        let trade_no = format!("SB{}", Uuid::now_v7().simple());
        let mut desk = self.desk();
        let made = desk.book.create(merchant, request, trade_no, self.now())?;
        if let Made::New(trade) = &made {
            desk.journal.append(&[Record::Trade(trade.clone())])?;
        }
        Ok(made)
    }

    pub(crate) fn trade(&self, key: &Key) -> Result<Trade, GatewayError> {
        self.desk().book.trade(key).cloned()
    }

    pub(crate) fn trade_by_no(&self, trade_no: &str) -> Result<Trade, GatewayError> {
        self.desk().book.trade_by_no(trade_no).cloned()
    }

    pub(crate) fn find_trade(&self, out_no: &str, merchant: Option<&str>) -> Result<Trade, GatewayError> {
        self.desk().book.find_trade(out_no, merchant).cloned()
    }

    pub(crate) fn newest_trades(&self, merchant: Option<&str>, count_max: usize) -> Vec<Trade> {
        self.desk().book.newest_trades(merchant, count_max).into_iter().cloned().collect()
    }

    pub(crate) fn pay(&self, key: &Key, payment: Payment, notice: Notice) -> Result<Trade, GatewayError> {
        let trade = {
            let mut desk = self.desk();
            let trade = desk.book.pay(key, payment, self.now())?;
            desk.journal.append(&[Record::Trade(trade.clone())])?;
            trade
        };
        if let Notice::Copies(copies) = notice {
            let callback = self.trade_callback(&trade, Lies::default(), Signer::Merchant)?;
            for _ in 0..copies {
                self.let_go(callback.clone());
            }
        }
        Ok(trade)
    }

    pub(crate) fn close(&self, key: &Key) -> Result<Trade, GatewayError> {
        let mut desk = self.desk();
        let trade = desk.book.close(key)?;
        desk.journal.append(&[Record::Trade(trade.clone())])?;
        Ok(trade)
    }

    pub(crate) fn refund(&self, merchant: &str, request: RefundRequest) -> Result<Refund, GatewayError> {
        let outcome = || locked(&self.inner.plans).take_refund_result(merchant);
        self.change_refund(|book, now| book.refund(merchant, request, outcome, now))
    }

    pub(crate) fn settle(&self, key: &Key, status: RefundStatus) -> Result<Refund, GatewayError> {
        self.change_refund(|book, now| book.settle(key, status, now))
    }

    pub(crate) fn refund_of(&self, key: &Key) -> Result<Refund, GatewayError> {
        self.desk().book.refund_of(key).cloned()
    }

    pub(crate) fn find_refund(&self, refund_no: &str, merchant: Option<&str>) -> Result<Refund, GatewayError> {
        self.desk().book.find_refund(refund_no, merchant).cloned()
    }

    pub(crate) fn bill(&self, merchant: &str, day: NaiveDate) -> String {
        book::bill(&self.desk().book, merchant, day)
    }

    /// A callback about a payment, true or not.
    pub(crate) fn trade_callback(&self, trade: &Trade, lies: Lies, signer: Signer) -> Result<Callback, GatewayError> {
        let merchant = self.merchant(&trade.merchant)?;
        let signer = match signer {
            Signer::Merchant => merchant,
            Signer::Forger => merchant.forged(),
        };
        Ok(Callback::new(signer, trade.request.notify_url.clone(), &event::trade_paid(trade, lies, self.now())))
    }

    pub(crate) fn courier(&self) -> &Courier {
        &self.inner.courier
    }

    pub(crate) fn add_plan(&self, request: PlanRequest) -> Result<(), GatewayError> {
        locked(&self.inner.plans).add(request)
    }

    /// Forgets the plans; callbacks they held leave now.
    pub(crate) fn reset_plans(&self) {
        let held = locked(&self.inner.plans).reset();
        for callback in held {
            self.inner.courier.send(vec![callback]);
        }
    }

    /// Runs a call the way the plans want it.
    pub(crate) async fn run<T>(
        &self,
        merchant: &str,
        call: Call,
        act: impl FnOnce() -> Result<T, GatewayError>,
    ) -> Result<T, GatewayError> {
        let planned = locked(&self.inner.plans).take_call(merchant, call);
        match planned {
            None => return act(),
            Some(Mischief::Refuse) => return Err(GatewayError::RefusedByPlan),
            Some(Mischief::CommitThenTimeout) => drop(act()),
            Some(Mischief::Timeout) => {}
        }
        let mut stopping = self.inner.stopping.subscribe();
        let _ = tokio::time::timeout(HELD_FOR, stopping.wait_for(|is_stopping| *is_stopping)).await;
        Err(GatewayError::HeldByPlan)
    }

    fn change_refund(
        &self,
        change: impl FnOnce(&mut Book, DateTime<Utc>) -> Result<Made<Refund>, GatewayError>,
    ) -> Result<Refund, GatewayError> {
        let (refund, trade) = {
            let mut desk = self.desk();
            let refund = match change(&mut desk.book, self.now())? {
                Made::Same(refund) => return Ok(refund),
                Made::New(refund) => refund,
            };
            let trade = desk.book.trade(&refund.trade_key())?.clone();
            desk.journal.append(&[Record::Refund(refund.clone()), Record::Trade(trade.clone())])?;
            (refund, trade)
        };
        if refund.status == RefundStatus::Done {
            let (signer, url) = (self.merchant(&trade.merchant)?, trade.request.notify_url.clone());
            self.let_go(Callback::new(signer, url, &event::refund_done(&trade, &refund)));
        }
        Ok(refund)
    }

    /// Sends a callback the way the plans want it.
    fn let_go(&self, callback: Callback) {
        let groups = locked(&self.inner.plans).apply(callback);
        for group in groups {
            self.inner.courier.send(group);
        }
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        locked(&self.inner.desk)
    }
}

/// Who signs a callback.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signer {
    Merchant,
    Forger,
}

/// A panic elsewhere leaves whole values behind, so a poisoned lock is as good as another.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
