//! What a buyer did, and what he was told: the client's side of every promise.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::browser::{Answer, Browser, between, codes, made_at_ms};
use crate::sandbox::{Manner, Sandbox};
use crate::shop::Counter;

/// What a buyer reads who came too late.
pub const NOT_CHARGED: &str = "You were not charged";
/// And why: all are gone, or fewer are left than he wants.
pub const SOLD_OUT: &str = "has just sold out";
const FEW_LEFT: &str = " left. You were not charged";
/// How long a buyer tries to reach the payment page, and how often.
const CASHIER_PATIENCE: Duration = Duration::from_secs(60);
const CASHIER_PAUSE: Duration = Duration::from_millis(200);

/// How it is paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An order, from a wallet.
    Wallet,
    /// An order, by the sandbox channel.
    Channel,
    /// Money into a wallet, by the sandbox channel.
    TopUp,
}

/// What is bought and how.
#[derive(Debug, Clone)]
pub struct Wish {
    /// How it is paid.
    pub kind: Kind,
    /// The number of the item; of a top-up nothing.
    pub item: usize,
    /// How many.
    pub quantity: u32,
    /// What is to be paid, in hundredths.
    pub total_minor: i64,
    /// The login of the account, if one buys.
    pub login: Option<String>,
    /// What the form is known by when it is sent again.
    pub key: String,
    /// What the browser of a guest is known by.
    pub visitor: String,
}

/// A wish that was answered.
#[derive(Debug)]
pub struct Purchase {
    /// What was wanted.
    pub wish: Wish,
    /// The browser that may see it.
    pub browser: Arc<Browser>,
    /// The page of the order, or none if it was refused as sold out (or is a top-up).
    pub page: Option<String>,
    /// Whether the answer was one that an earlier try had come to already.
    pub is_replay: bool,
    /// Our number of the trade, and how the money came.
    pub trade: Option<(String, Manner)>,
    /// The codes that the buyer was shown.
    pub codes: Option<Vec<String>>,
    /// When the form was first sent and when it was answered.
    pub span: Span,
    /// How many were left, said to whom it was refused.
    pub left: Option<u32>,
    /// When money was first given to the gateway.
    pub paid_at: Option<Instant>,
}

/// Between these two moments something happened; by our own clock, which is never set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Not before this.
    pub start: Instant,
    /// Not after this.
    pub end: Instant,
}

impl Wish {
    /// Sends the form until it is answered, follows the answer, and pays in this manner.
    pub async fn carry_out(self, browser: Arc<Browser>, at: &Counter, pay: (&Sandbox, Manner)) -> Result<Purchase> {
        let start = Instant::now();
        let answer = self.send(&browser, at).await?;
        let span = Span { start, end: Instant::now() };
        let mut purchase = Purchase {
            wish: self,
            browser,
            page: None,
            is_replay: false,
            trade: None,
            codes: None,
            span,
            left: None,
            paid_at: None,
        };
        if answer.status == 409 {
            purchase.left = left(&answer.text);
            let is_clean = answer.text.contains(NOT_CHARGED) && purchase.left.is_some();
            ensure!(is_clean, "not a clean refusal:\n{}", answer.text);
            return Ok(purchase);
        }
        // Whoever left three top-ups unpaid gets no fourth: a silent gateway makes that of every busy buyer.
        if answer.status == 422 && purchase.wish.kind == Kind::TopUp {
            ensure!(answer.text.contains(NOT_CHARGED), "not a clean refusal:\n{}", answer.text);
            return Ok(purchase);
        }
        purchase.follow(at, answer, pay).await?;
        if purchase.wish.kind == Kind::Wallet {
            purchase.reveal().await?;
        }
        Ok(purchase)
    }

    /// Sends the form; the same wish again is the same purchase.
    async fn send(&self, browser: &Browser, at: &Counter) -> Result<Answer> {
        if self.kind == Kind::TopUp {
            let amount = crate::pack::amount(self.total_minor);
            return browser
                .post("/wallet/top-up", &[("amount", &amount), ("pay", &at.channel), ("key", &self.key)])
                .await;
        }
        let (offer, quantity) = (&at.offers[self.item], self.quantity.to_string());
        let mut form = vec![("goods", offer.code.as_str()), ("sku", &offer.sku), ("quantity", &quantity)];
        form.extend([("key", self.key.as_str()), ("visitor", &self.visitor), ("confirm", "yes")]);
        let contact = format!("{}@guests.test", &self.key[..8]);
        match self.kind {
            Kind::Wallet => form.push(("pay", "wallet")),
            _ => form.extend([("pay", at.channel.as_str()), ("contact", &contact), ("password", "ocean")]),
        }
        browser.post("/checkout", &form).await
    }
}

impl Purchase {
    /// Whether it is an order that the shop said yes to.
    pub const fn is_acknowledged(&self) -> bool {
        self.page.is_some()
    }

    /// The order's number.
    pub fn number(&self) -> Option<&str> {
        self.page.as_deref()?.strip_prefix("/orders/")?.split('/').next()
    }

    /// From the answer to the order's page, and through the cashier to the payment.
    async fn follow(&mut self, at: &Counter, answer: Answer, (sandbox, manner): (&Sandbox, Manner)) -> Result<()> {
        let asked_at_ms = answer.asked_at_ms;
        let mut to = answer.leads_to()?.to_owned();
        if self.wish.kind != Kind::TopUp {
            self.page = Some(self.find_page(&to).await?);
            let made = self.number().and_then(made_at_ms).context("an order has a number")?;
            self.is_replay = made < asked_at_ms;
        }
        // A token for the cashier is good once; whoever lost the answer sends the form again for another one.
        let began = Instant::now();
        while began.elapsed() < CASHIER_PATIENCE {
            let Some((_, token)) = to.split_once("/cashier/") else { return Ok(()) };
            let cashier = self.browser.on(crate::browser::CASHIER);
            let onward = cashier.get(&format!("/cashier/{token}")).await?;
            if let Some(pay_url) = between(&onward.text, "url=", "\"") {
                return self.pay(pay_url, (sandbox, manner)).await;
            }
            tokio::time::sleep(CASHIER_PAUSE).await;
            to = self.wish.send(&self.browser, at).await?.leads_to()?.to_owned();
        }
        bail!("the cashier never leads to a payment page")
    }

    async fn pay(&mut self, pay_url: &str, (sandbox, manner): (&Sandbox, Manner)) -> Result<()> {
        let out_no = sandbox.out_no_at(pay_url).await?;
        if manner == Manner::Late {
            sandbox.cancel(pay_url).await?;
        }
        self.paid_at = Some(Instant::now());
        sandbox.pay(&out_no, manner).await?;
        self.trade = Some((out_no, manner));
        Ok(())
    }

    /// The order's own page. Who pays by channel is sent to the cashier; his browser's list has the order.
    async fn find_page(&self, to: &str) -> Result<String> {
        if to.starts_with("/orders/") {
            return Ok(to.split('?').next().unwrap_or(to).to_owned());
        }
        let list = self.browser.get("/orders").await?.page()?;
        let number = between(&list, "ord_", "\"").with_context(|| format!("no order on the list:\n{list}"))?;
        let path = format!("/orders/ord_{number}");
        Ok(self.browser.get(&path).await?.leads_to()?.to_owned())
    }

    /// The order's state in one word.
    pub async fn state(&self) -> Result<String> {
        let Some(page) = &self.page else { return Ok(String::new()) };
        let said = self.browser.get(&format!("{page}/status")).await?;
        let state = between(&said.text, "\"state\":\"", "\"").map(str::to_owned);
        state.with_context(|| format!("{page}/status says {}: {}", said.status, said.text))
    }

    /// Looks at the codes; the first look is remembered, every further one must show the same.
    pub async fn reveal(&mut self) -> Result<Vec<String>> {
        let page = self.page.as_deref().context("only an order has codes")?;
        let shown = self.browser.post(&format!("{page}/codes"), &[]).await?.page();
        let shown = codes(&shown.with_context(|| format!("{page}/codes"))?);
        if self.codes.is_none() {
            self.codes = Some(shown.clone());
        }
        Ok(shown)
    }
}

/// How many a refusal says are left.
fn left(page: &str) -> Option<u32> {
    if page.contains(SOLD_OUT) { Some(0) } else { between(page, "Only ", FEW_LEFT)?.parse().ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_how_many_are_left() {
        let page = |words: &str| format!("<p role=\"alert\">{words}. You were not charged. Choose another</p>");
        assert_eq!(left(&page("This face value has just sold out")), Some(0));
        assert_eq!(left(&page("Only 3 left")), Some(3));
        assert_eq!(left(&page("Orders came too fast")), None);
    }
}
