//! Being paid, as those who are paid see it: a site's own people and agents. What they send and what they hear is the same.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use identity::IdentityError;
use kernel::{Currency, Money, TenantScope};
use serde::Deserialize;
use settlement::{EarnerRef, TEXT_CHARS_MAX};
use store::{Store, Tx};
use utoipa::ToSchema;
use uuid::Uuid;
use web::{FieldError, Problem};
use withdrawal::{
    Ask, Convert, Filter, Means, NewPayee, PayeeDetails, PayeeId, WithdrawalError, WithdrawalId, Withdrawals, Word,
};

use crate::body::{Fields, refused};
use crate::page::{List, MoneyView, Part, answer, answer_once};
use crate::withdrawals::{AskedView, PayeeView, part_in, rules_of_earner};

/// An account to be paid to.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PayeeSent {
    /// `bank`, `alipay` or `wechat`.
    means: String,
    /// The holder's name, as the bank knows it: the same for all payees of an earner.
    holder: String,
    /// The number of the account.
    number: String,
    /// The bank with its branch; for a bank account only.
    #[serde(default)]
    bank: String,
    /// The password once more: what a stolen session must not do.
    pub(crate) password: String,
}

/// The password once more.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PasswordSent {
    /// The password.
    pub(crate) password: String,
}

/// What is asked for.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AskSent {
    /// How much.
    amount: MoneyView,
    /// Where it is to go.
    #[schema(value_type = String)]
    payee: PayeeId,
    /// The invoice, where the rules ask for one.
    invoice: Option<String>,
}

/// What is to become money to buy with.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConvertSent {
    /// How much.
    amount: MoneyView,
}

/// Who asks, and for whom.
pub(crate) struct Asker<'a> {
    /// Paying out.
    pub withdrawals: &'a Withdrawals,
    /// Transactions.
    pub store: &'a Store,
    /// The tenant.
    pub scope: TenantScope,
    /// Who earns.
    pub earner: EarnerRef,
    /// What the tenant sells in.
    pub currency: Currency,
    /// The operator, or the agent's customer.
    pub by: Uuid,
}

/// A wrong password is a fault of its field: whoever asks is logged in, and stays so.
pub(crate) fn not_confirmed(error: IdentityError) -> Problem {
    match error {
        IdentityError::BadLogin => {
            let (code, detail) = ("password_wrong", "this is not the password".to_owned());
            Problem::of_fields(vec![FieldError { pointer: "/password".to_owned(), code, detail }])
        }
        IdentityError::TooManyTries { retry_after } => Problem::from(error).retry_after(retry_after),
        other => other.into(),
    }
}

impl Asker<'_> {
    /// The earner's payees, the newest first.
    pub(crate) async fn payees(&self) -> Result<Response, Problem> {
        let tx = self.store.read(&self.scope).await?;
        let payees = self.withdrawals.payees_in(&tx, self.earner).await.map_err(refused)?;
        Ok(answer(StatusCode::OK, List::whole(payees.into_iter().map(PayeeView::from).collect())))
    }

    /// Adds a payee; the password was confirmed before.
    pub(crate) async fn add_payee(&self, sent: &PayeeSent) -> Result<Response, Problem> {
        let mut fields = Fields::default();
        let means = fields.word("/means", &sent.means, Means::parse);
        let details = PayeeDetails::parse(means.unwrap_or(Means::Alipay), (&sent.holder, &sent.number, &sent.bank));
        let pointer = match &details {
            Err(WithdrawalError::Text { what, .. }) => format!("/{what}"),
            _ => "/number".to_owned(),
        };
        let details = fields.read(pointer, details);
        let new = means.zip(details).map(|(means, details)| NewPayee { earner: self.earner, means, details });
        let new = fields.whole(new)?;
        let tx = self.store.write(&self.scope).await?;
        let payee = self.withdrawals.add_payee_in(&tx, new, self.by).await.map_err(refused)?;
        tx.commit().await?;
        Ok(answer(StatusCode::CREATED, PayeeView::from(payee)))
    }

    /// Removes a payee; the password was confirmed before.
    pub(crate) async fn remove_payee(&self, id: PayeeId) -> Result<Response, Problem> {
        let tx = self.store.write(&self.scope).await?;
        self.withdrawals.remove_payee_in(&tx, self.earner, id).await.map_err(refused)?;
        tx.commit().await?;
        Ok(StatusCode::NO_CONTENT.into_response())
    }

    /// What the earner has asked for, the newest first.
    pub(crate) async fn list(&self, part: &Part) -> Result<Response, Problem> {
        let (limit, before) = (part.limit()?, part.after(WithdrawalId::parse)?);
        let filter = Filter { earner: Some(self.earner), ..Filter::default() };
        let tx = self.store.snapshot(&self.scope).await?;
        part_in(self.withdrawals, &tx, filter, (before, limit)).await
    }

    /// Asks to be paid.
    pub(crate) async fn ask(&self, sent: AskSent, key: String) -> Result<Response, Problem> {
        let mut fields = Fields::default();
        let amount = fields.money("/amount", &sent.amount, self.currency);
        let invoice = sent.invoice.as_deref().filter(|text| !text.trim().is_empty());
        let invoice = match invoice {
            Some(text) => fields.line("/invoice", text, TEXT_CHARS_MAX).map(Some),
            None => Some(None),
        };
        let (amount, invoice) = fields.whole(amount.zip(invoice))?;
        let ask = Ask { earner: self.earner, amount, payee: sent.payee, invoice, by: self.by, key };
        let asked = self.withdrawals.ask(&self.scope, ask).await.map_err(refused)?;
        Ok(answer_once(asked.is_replay, AskedView::from(asked.answer)))
    }

    /// Calls off what is not sent.
    pub(crate) async fn cancel(&self, id: WithdrawalId, key: String) -> Result<Response, Problem> {
        let of = (id, Some(self.earner));
        let called_off = self.withdrawals.review(&self.scope, of, Word::Cancel, (self.by, key)).await;
        let called_off = called_off.map_err(refused)?;
        Ok(answer_once(called_off.is_replay, AskedView::from(called_off.answer)))
    }

    /// Turns what is available into money to buy with, in this wallet if the earner is an agent.
    pub(crate) async fn convert(
        &self,
        sent: &ConvertSent,
        wallet: Option<identity::CustomerId>,
        key: String,
    ) -> Result<Response, Problem> {
        let mut fields = Fields::default();
        let amount: Option<Money> = fields.money("/amount", &sent.amount, self.currency);
        let amount = fields.whole(amount)?;
        let convert = Convert { earner: self.earner, amount, wallet, by: self.by, key };
        let converted = self.withdrawals.convert(&self.scope, convert).await.map_err(refused)?;
        Ok(answer_once(converted.is_replay, AskedView::from(converted.answer)))
    }

    /// The rules by which the earner is paid.
    pub(crate) async fn rules(&self, tx: &impl Tx) -> Result<Response, Problem> {
        rules_of_earner(self.withdrawals, tx, self.currency).await
    }
}
