//! Channels, their secrets, and hand-overs to the cashier.

use chrono::TimeDelta;
use kernel::{Secret, Wording};
use store::Tx;
use tenancy::Saved;
use testkit::on_both;

use super::fixture::{Shop, new_channel};
use crate::{ChannelState, NewChannel, OutNo, PaymentError, PublicChannel};

impl Shop {
    async fn save(&self, new: &NewChannel) -> Result<Saved<crate::ChannelId>, PaymentError> {
        let tx = self.store.write(&self.scope).await.expect("a writer");
        let saved = self.payments.save_channel_in(&tx, new).await?;
        tx.commit().await.expect("committed");
        Ok(saved)
    }

    async fn secret(&self) -> String {
        let tx = self.store.read(&self.scope).await.expect("a reader");
        let access = self.payments.access_in(&tx, self.channel).await.expect("opened");
        access.secret.expose().clone()
    }
}

on_both! {
    async fn a_channel_saved_again_keeps_its_secret(db) {
        let shop = Shop::open(&db).await;
        let secret = shop.secret().await;
        assert_eq!(secret.len(), 64);
        let same = new_channel(shop.main.site(), "merchant-main");
        assert_eq!(shop.save(&same).await.expect("saved"), Saved::Same(shop.channel));
        let renamed = NewChannel { name: Wording::new("新", "New"), sort: 7, ..same.clone() };
        assert_eq!(shop.save(&renamed).await.expect("saved"), Saved::Changed(shop.channel, vec!["name", "sort"]));
        assert_eq!(shop.secret().await, secret);
        let given = NewChannel { secret: Some(Secret::new("ab".repeat(32))), ..renamed };
        assert_eq!(shop.save(&given).await.expect("saved"), Saved::Changed(shop.channel, vec!["secret"]));
        assert_eq!(shop.secret().await, "ab".repeat(32));
    }

    async fn a_secret_moved_to_another_channel_does_not_open(db) {
        let shop = Shop::open(&db).await;
        let other = shop.open_channel(&shop.main, "merchant-other").await;
        let tx = shop.store.read(&shop.scope).await.expect("a reader");
        let taken = crate::repo::sealed_channel_in(&tx, other).await.expect("read").expect("there");
        drop(tx);
        let tx = shop.store.write(&shop.scope).await.expect("a writer");
        crate::repo::change_secret_in(&tx, shop.channel, (taken.sealed, taken.key_version)).await.expect("moved");
        tx.commit().await.expect("committed");
        let tx = shop.store.read(&shop.scope).await.expect("a reader");
        let opened = shop.payments.access_in(&tx, shop.channel).await;
        assert!(matches!(opened, Err(PaymentError::Inventory(_))), "{opened:?}");
    }

    async fn a_channel_keeps_its_site_and_currency(db) {
        let shop = Shop::open(&db).await;
        let same = new_channel(shop.main.site(), "merchant-main");
        let moved = NewChannel { site: shop.sub.site(), ..same.clone() };
        assert!(matches!(shop.save(&moved).await, Err(PaymentError::Channel(_))));
        let foreign = NewChannel { currency: kernel::Currency::USD, ..same.clone() };
        assert!(matches!(shop.save(&foreign).await, Err(PaymentError::Channel(_))));
        for wrong in [
            NewChannel { provider: "Sand box".to_owned(), ..same.clone() },
            NewChannel { payee: "a b".to_owned(), ..same.clone() },
            NewChannel { settings: serde_json::json!([]), ..same.clone() },
            NewChannel { name: Wording::default(), ..same },
        ] {
            assert!(matches!(shop.save(&wrong).await, Err(PaymentError::Channel(_))), "{wrong:?}");
        }
    }

    async fn a_site_offers_its_own_channels_or_else_the_main_sites(db) {
        let shop = Shop::open(&db).await;
        let chain = [shop.main.site(), shop.sub.site()];
        let offered = async || {
            let channels = shop.payments.channels(&shop.sub, &chain).await.expect("read");
            channels.into_iter().map(|channel| channel.id).collect::<Vec<_>>()
        };
        assert_eq!(offered().await, [shop.channel]);
        let own = shop.open_channel(&shop.sub, "merchant-sub").await;
        assert_eq!(offered().await, [own]);
        let tx = shop.store.write(&shop.scope).await.expect("a writer");
        shop.payments.set_channel_state_in(&tx, own, ChannelState::Paused).await.expect("paused");
        tx.commit().await.expect("committed");
        assert_eq!(offered().await, [shop.channel]);
    }

    async fn a_hand_over_is_good_once_and_for_five_minutes(db) {
        let shop = Shop::open(&db).await;
        let opened = shop.opened(50_00).await;
        let token = shop.payments.hand_over(&shop.scope, &opened.out_no).await.expect("a token");
        let (scope, attempt) = shop.payments.redeem(&token).await.expect("redeemed");
        assert_eq!((scope, attempt.out_no), (shop.scope, opened.out_no));
        let again = shop.payments.redeem(&token).await.expect_err("used");
        assert!(matches!(again, PaymentError::HandoverUsed { .. }));
        assert_eq!(again.return_url(), Some("http://shop.test/wallet"));
        let late = shop.payments.hand_over(&shop.scope, &opened.out_no).await.expect("a token");
        db.clock.advance(TimeDelta::minutes(5));
        assert!(matches!(shop.payments.redeem(&late).await, Err(PaymentError::HandoverExpired { .. })));
    }

    async fn of_two_who_redeem_at_once_one_gets_through(db) {
        let shop = Shop::open(&db).await;
        let opened = shop.opened(50_00).await;
        let token = shop.payments.hand_over(&shop.scope, &opened.out_no).await.expect("a token");
        let redeemed = futures::future::join_all((0..8).map(|_| shop.payments.redeem(&token))).await;
        assert_eq!(redeemed.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    }

    async fn a_made_up_token_leads_nowhere(db) {
        let shop = Shop::open(&db).await;
        assert!(matches!(shop.payments.redeem("nonsense").await, Err(PaymentError::NotFound(_))));
        let made_up = format!("{}{}", shop.scope.id().uuid().simple(), "0".repeat(64));
        assert!(matches!(shop.payments.redeem(&made_up).await, Err(PaymentError::NotFound(_))));
        assert!(matches!(
            shop.payments.hand_over(&shop.scope, &OutNo::new()).await,
            Err(PaymentError::NotFound(_))
        ));
    }

    async fn the_notify_address_names_tenant_and_channel(db) {
        let shop = Shop::open(&db).await;
        let tx = shop.store.read(&shop.main).await.expect("a reader");
        let channel = shop.payments.channels_of_in(&tx, &[shop.main.site()]).await.expect("read").remove(0);
        let url = shop.payments.notify_url(&shop.scope, &channel);
        let name = url.strip_prefix("http://cashier.test/pay/notify/sandbox/").expect("the base and the provider");
        let public = PublicChannel::parse(name).expect("a channel's name");
        assert_eq!((public.scope(), public.channel()), (shop.scope, channel.id));
        assert_eq!(tx.scope().tenant(), shop.scope.id());
    }
}
