//! An earner asks to be paid, or turns what is available into money to buy with.

use chrono::{DateTime, Utc};
use identity::CustomerId;
use kernel::Money;
use lane::{Command, CommandKey, Parts, actor};
use ledger::{Account, AccountKind, Book, Earner};
use payment::Till;
use serde::{Deserialize, Serialize};
use settlement::EarnerRef;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::error::Refusal;
use crate::model::{EventKind, PayeeId, Rules, State, Withdrawal, WithdrawalId};
use crate::rules::{self, Facts, postings};
use crate::teller::Teller;

/// A withdrawal as it was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// Its id.
    pub id: WithdrawalId,
    /// How much.
    pub amount: Money,
    /// How it stands.
    pub state: State,
}

/// Locks a part of what is available, to be paid out.
#[derive(Debug, Clone)]
pub(crate) struct AskFor {
    /// The id it gets, chosen before.
    pub id: WithdrawalId,
    pub earner: EarnerRef,
    pub amount: Money,
    pub payee: PayeeId,
    pub invoice: Option<String>,
    /// Who asks.
    pub by: Uuid,
    /// His key: the same one is the same withdrawal.
    pub key: String,
}

/// Turns a part of what is available into money to buy with: of a site into its prepaid money, of an agent into his wallet.
#[derive(Debug, Clone)]
pub(crate) struct ConvertTo {
    pub id: WithdrawalId,
    pub earner: EarnerRef,
    pub amount: Money,
    /// Whose wallet takes it; of a site none.
    pub wallet: Option<CustomerId>,
    pub by: Uuid,
    pub key: String,
}

fn earner_in(earner: EarnerRef, amount: Money) -> Earner {
    crate::model::earner_in(earner, amount.currency())
}

fn want(parts: &mut Parts, earner: EarnerRef, amount: Money) {
    parts.part::<Teller>().want_earner(earner);
    let book = parts.part::<Book>();
    earner_in(earner, amount).ends().into_iter().for_each(|account| book.want(account));
}

fn facts(parts: &mut Parts, earner: EarnerRef, amount: Money, now: DateTime<Utc>) -> Facts {
    let own = earner_in(earner, amount);
    let book = parts.part::<Book>();
    let [available, _, owed] = own.ends().map(|account| book.balance(&account).expect("it was asked for"));
    let teller = parts.part::<Teller>();
    Facts {
        available,
        debt: own.money(-owed.minor()),
        is_held: teller.is_held(earner),
        today: teller.today(earner, amount.currency(), now),
    }
}

impl AskFor {
    fn decide_or_refuse(&self, parts: &mut Parts, now: DateTime<Utc>) -> Result<Asked, Refusal> {
        let facts = facts(parts, self.earner, self.amount, now);
        let teller = parts.part::<Teller>();
        let (rules_version, rules) = teller.in_force();
        let payee = teller.payee(self.payee).filter(|payee| payee.earner == self.earner);
        rules::check_ask(&rules, self.amount, (payee, self.invoice.as_deref()), &facts, now)?;
        let entry = postings::asked(self.id.uuid(), &earner_in(self.earner, self.amount), self.amount);
        parts.part::<Book>().post(entry.expect("an amount moves")).expect("what is available was looked at");
        let asked = (self.earner, self.amount);
        let new = Withdrawal {
            payee: Some(self.payee),
            invoice: self.invoice.clone(),
            ..Withdrawal::new(self.id, asked, State::Requested, rules_version, (now, self.by))
        };
        parts.part::<Teller>().open(new, EventKind::Requested);
        Ok(Asked { id: self.id, amount: self.amount, state: State::Requested })
    }
}

impl Command for AskFor {
    type Answer = Result<Asked, Refusal>;

    fn key(&self) -> CommandKey {
        CommandKey::request(self.by, &format!("withdraw:{}:{}", self.earner.key().1, self.key))
    }

    fn fingerprint(&self) -> Vec<u8> {
        let said = (self.amount, self.payee, &self.invoice);
        Sha256::digest(serde_json::to_vec(&said).expect("plain data")).to_vec()
    }

    fn actors(&self) -> Vec<u64> {
        vec![actor(&("earner", self.earner.key().1))]
    }

    fn want(&self, parts: &mut Parts) {
        want(parts, self.earner, self.amount);
        parts.part::<Teller>().want_payee(self.payee);
    }

    fn decide(&self, parts: &mut Parts, now: DateTime<Utc>) -> Self::Answer {
        self.decide_or_refuse(parts, now)
    }
}

impl ConvertTo {
    fn target(&self) -> Account {
        let currency = self.amount.currency();
        match self.wallet {
            Some(customer) => Account::of(AccountKind::Wallet, customer.uuid(), currency),
            None => Account::of(AccountKind::SitePrepaid, self.earner.site().uuid(), currency),
        }
    }

    /// What the wallet may still take, with what is on its way there.
    fn room(&self, parts: &mut Parts, now: DateTime<Utc>) -> Option<Money> {
        let customer = self.wallet?;
        let balance = parts.part::<Book>().balance(&self.target()).expect("it was asked for");
        Some(parts.part::<Till>().wallet_room(customer, balance, now))
    }

    fn decide_or_refuse(&self, parts: &mut Parts, now: DateTime<Utc>) -> Result<Asked, Refusal> {
        let facts = facts(parts, self.earner, self.amount, now);
        let (rules_version, rules) = parts.part::<Teller>().in_force();
        if !rules.may_convert {
            return Err(Refusal::ConversionOff);
        }
        if facts.is_held {
            return Err(Refusal::Held);
        }
        let least = Money::new(1, self.amount.currency());
        if self.amount.minor() < least.minor() {
            return Err(Refusal::BelowMinimum { minimum: least });
        }
        rules::check_funds(self.amount, &facts)?;
        if facts.today.conversions >= Rules::DAILY_COUNT_MAX {
            return Err(Refusal::TooManyToday { most: Rules::DAILY_COUNT_MAX });
        }
        if let Some(room) = self.room(parts, now).filter(|room| self.amount.minor() > room.minor()) {
            return Err(Refusal::WalletFull { room });
        }
        let own = earner_in(self.earner, self.amount);
        let entry = postings::converted(self.id.uuid(), &own, self.target(), self.amount);
        parts.part::<Book>().post(entry.expect("an amount moves")).expect("what is available was looked at");
        let asked = (self.earner, self.amount);
        let new = Withdrawal::new(self.id, asked, State::Converted, rules_version, (now, self.by));
        parts.part::<Teller>().open(new, EventKind::Converted);
        Ok(Asked { id: self.id, amount: self.amount, state: State::Converted })
    }
}

impl Command for ConvertTo {
    type Answer = Result<Asked, Refusal>;

    fn key(&self) -> CommandKey {
        CommandKey::request(self.by, &format!("convert:{}:{}", self.earner.key().1, self.key))
    }

    fn fingerprint(&self) -> Vec<u8> {
        let said = (self.amount, self.wallet);
        serde_json::to_vec(&said).expect("plain data")
    }

    fn actors(&self) -> Vec<u64> {
        let wallet = self.wallet.map(|customer| actor(&customer.uuid()));
        [actor(&("earner", self.earner.key().1))].into_iter().chain(wallet).collect()
    }

    fn want(&self, parts: &mut Parts) {
        want(parts, self.earner, self.amount);
        if let Some(customer) = self.wallet {
            parts.part::<Till>().want_open_top_ups(customer);
            parts.part::<Book>().want(self.target());
        }
    }

    fn decide(&self, parts: &mut Parts, now: DateTime<Utc>) -> Self::Answer {
        self.decide_or_refuse(parts, now)
    }
}
