//! A customer redeems a recharge card.

use chrono::{DateTime, Utc};
use identity::CustomerId;
use kernel::{Currency, Money, SiteId};
use lane::{Command, CommandKey, Parts, actor};
use ledger::Book;
use payment::Till;
use serde::{Deserialize, Serialize};

use crate::error::Refusal;
use crate::model::{CardState, RechargeCardId, Redemption, Target};
use crate::rules;
use crate::vault::Vault;

/// A card that was redeemed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redeemed {
    /// Which.
    pub card: RechargeCardId,
    /// How much is in the wallet by it.
    pub amount: Money,
}

/// Puts what a card is worth into a wallet.
#[derive(Debug, Clone)]
pub(crate) struct RedeemCard {
    /// Which card: whoever asks this command has found it by its code.
    pub card: RechargeCardId,
    /// Into whose wallet.
    pub customer: CustomerId,
    /// On which site.
    pub site: SiteId,
    /// What the wallet is in.
    pub currency: Currency,
    /// The customer's key: the same one is the same redemption.
    pub key: String,
}

impl RedeemCard {
    fn nothing(&self) -> Money {
        Money::zero(self.currency)
    }

    fn decide_or_refuse(&self, parts: &mut Parts, now: DateTime<Utc>) -> Result<Redeemed, Refusal> {
        let (card, batch) = parts.part::<Vault>().card(self.card).ok_or(Refusal::NoCard)?;
        let (card, batch) = (card.clone(), batch.clone());
        match (card.state, card.redemption) {
            (CardState::Ready, _) => {}
            (CardState::Void, _) => return Err(Refusal::Void),
            (CardState::Redeemed, Some(by)) if by.customer == self.customer => return Err(Refusal::RedeemedByYou),
            (CardState::Redeemed, _) => return Err(Refusal::Redeemed),
        }
        if let Some(expired_at) = batch.of.expires_at.filter(|end| *end <= now) {
            return Err(Refusal::Expired { expired_at });
        }
        let face = batch.of.face;
        if face.currency() != self.currency {
            return Err(Refusal::Currency { currency: self.currency.code().to_owned() });
        }
        let wallet = Target::Wallet(self.customer).account(face);
        let balance = parts.part::<Book>().balance(&wallet).expect("it was asked for");
        let room = parts.part::<Till>().wallet_room(self.customer, balance, now);
        if face.minor() > room.minor() {
            return Err(Refusal::WalletFull { room });
        }
        let by = Redemption { customer: self.customer, site: self.site, at: now };
        let entry = rules::redeemed(card.id, &batch, by).map_err(|_| Refusal::TooLarge)?;
        parts.part::<Book>().post(entry).expect("a wallet takes what comes");
        parts.part::<Vault>().redeem(card.id, by);
        Ok(Redeemed { card: card.id, amount: face })
    }
}

impl Command for RedeemCard {
    type Answer = Result<Redeemed, Refusal>;

    fn key(&self) -> CommandKey {
        CommandKey::request(self.customer, &format!("recharge:{}", self.key))
    }

    fn fingerprint(&self) -> Vec<u8> {
        self.card.uuid().as_bytes().to_vec()
    }

    fn actors(&self) -> Vec<u64> {
        vec![actor(&("recharge", self.card.uuid())), actor(&self.customer.uuid())]
    }

    fn want(&self, parts: &mut Parts) {
        parts.part::<Vault>().want_card(self.card);
        parts.part::<Till>().want_open_top_ups(self.customer);
        parts.part::<Book>().want(Target::Wallet(self.customer).account(self.nothing()));
    }

    fn decide(&self, parts: &mut Parts, now: DateTime<Utc>) -> Self::Answer {
        self.decide_or_refuse(parts, now)
    }
}
