//! Finding an order again without an account.

use identity::Passwords;
use payment::ChannelId;
use store::Backend;
use testkit::{TestDb, on_both};
use uuid::Uuid;

use super::fixture::Shop;
use super::phone;
use crate::{Buyer, Contact, Lookups, OrderId, OrderNumber, Placed, QueryPassword};

async fn order(shop: &Shop, lookups: &Lookups, channel: ChannelId, contact: &str, password: &str) -> Placed {
    let contact = Contact::parse(contact).expect("a contact");
    let password = QueryPassword::parse(password).expect("a password");
    let key = lookups.query_key(&shop.main, &contact, &password).await.expect("a key");
    let buyer = Buyer { contact: Some(contact), query_key: Some(key), ..shop.guest(1) };
    shop.order_on(&shop.orders, (0, channel), shop.wants(1, 10_00), buyer).await.expect("placed")
}

async fn rename(db: &TestDb, is: OrderId, becomes: OrderId) {
    let text = |id: OrderId| match db.backend {
        Backend::Sqlite => format!("x'{}'", id.uuid().simple()),
        Backend::Postgres => format!("'{}'", id.uuid()),
    };
    let (is, becomes) = (text(is), text(becomes));
    for (table, column) in [("orders", "id"), ("order_contacts", "order_id"), ("order_lines", "order_id")] {
        db.tamper(&format!("UPDATE {table} SET {column} = {becomes} WHERE {column} = {is}")).await.expect("renamed");
    }
}

on_both! {
    async fn number_or_contact_with_the_password_finds_the_order(db) {
        let shop = Shop::open(&db).await;
        let channel = shop.open_channel(0).await;
        let lookups = Lookups::new(shop.orders.clone(), Passwords::new());
        let placed = order(&shop, &lookups, channel, "Lin@Example.test", "ocean").await;
        shop.receive(shop.money((0, channel), &placed, "T1")).await;
        let (id, number) = (placed.order.to_string(), OrderNumber::of(shop.main.tenant(), placed.order).to_string());
        let bare = number.replace('-', "");
        for who in [id.as_str(), number.as_str(), bare.as_str(), "lin@example.test", " LIN@example.TEST "] {
            let (proof, page) = lookups.find(&shop.main, who, "ocean").await.expect("looked up");
            assert_eq!(page.orders.len(), 1, "{who}");
            let (_, revealed) = shop.orders.reveal(&shop.main, (&proof, &phone()), placed.order).await.expect("shown");
            assert_eq!(revealed[0].codes[0].1.reveal(), "CODE-0");
        }
    }

    async fn orders_that_share_a_number_are_each_found_by_their_own_password(db) {
        let shop = Shop::open(&db).await;
        let channel = shop.open_channel(0).await;
        let lookups = Lookups::new(shop.orders.clone(), Passwords::new());
        let first = order(&shop, &lookups, channel, "lin@example.test", "ocean").await.order;
        let number = OrderNumber::of(shop.main.tenant(), first);
        let mut ids = vec![first];
        for (place, (contact, password)) in [("chen@example.test", "river"), ("lin@example.test", "ocean")].into_iter().enumerate() {
            let placed = order(&shop, &lookups, channel, contact, password).await.order;
            // As another node may name it that counts for itself.
            let twin = OrderId::from_uuid(Uuid::from_u128(first.uuid().as_u128() ^ (place as u128 + 1)));
            assert!(number.is_of(shop.main.tenant(), twin));
            rename(&db, placed, twin).await;
            ids.push(twin);
        }
        let found = async |password| {
            let (_, page) = lookups.find(&shop.main, &number.to_string(), password).await.expect("looked up");
            let mut found: Vec<OrderId> = page.orders.iter().map(|(order, _)| order.id).collect();
            found.sort();
            found
        };
        let mut lins = vec![ids[0], ids[2]];
        lins.sort();
        assert_eq!(found("ocean").await, lins);
        assert_eq!(found("river").await, [ids[1]]);
        assert_eq!(found("pond").await, []);
    }

    async fn whatever_is_wrong_nothing_is_found(db) {
        let shop = Shop::open(&db).await;
        let channel = shop.open_channel(0).await;
        let lookups = Lookups::new(shop.orders.clone(), Passwords::new());
        let placed = order(&shop, &lookups, channel, "lin@example.test", "ocean").await;
        let number = placed.order.to_string();
        let unknown = OrderId::new();
        let tenant = shop.main.tenant();
        let numbers = [placed.order, unknown].map(|order| OrderNumber::of(tenant, order).to_string());
        let unknown = unknown.to_string();
        let wrong = [
            (numbers[0].as_str(), "river"),
            (numbers[1].as_str(), "ocean"),
            (number.as_str(), "Ocean"),
            ("lin@example.test", "river"),
            ("chen@example.test", "ocean"),
            (unknown.as_str(), "ocean"),
            ("", ""),
            ("lin@example.test", ""),
        ];
        for (who, password) in wrong {
            let (proof, page) = lookups.find(&shop.main, who, password).await.expect("looked up");
            assert!(page.orders.is_empty(), "{who} {password}");
            assert!(shop.orders.view(&shop.main, &proof, placed.order).await.is_err(), "{who} {password}");
        }
        let sibling = shop.scope.site(shop.sites[1]);
        let (_, page) = lookups.find(&sibling, "lin@example.test", "ocean").await.expect("looked up");
        assert!(page.orders.is_empty(), "another site's order");
        let (_, page) = lookups.find(&sibling, &numbers[0], "ocean").await.expect("looked up");
        assert!(page.orders.is_empty(), "another site's number");
    }

    async fn an_old_order_is_found_by_its_number_among_many(db) {
        let shop = Shop::open(&db).await;
        let channel = shop.open_channel(0).await;
        let lookups = Lookups::new(shop.orders.clone(), Passwords::new());
        let first = order(&shop, &lookups, channel, "lin@example.test", "ocean").await;
        let contact = Contact::parse("lin@example.test").expect("a contact");
        let password = QueryPassword::parse("ocean").expect("a password");
        let key = lookups.query_key(&shop.main, &contact, &password).await.expect("a key");
        for number in 0..22u8 {
            // Nobody waits so long for one contact's limit: each is paid before the next.
            let contact = Some(contact.clone());
            let buyer = Buyer { contact, query_key: Some(key.clone()), ..shop.guest(number + 2) };
            let placed = shop.order_on(&shop.orders, (0, channel), shop.wants(1, 10_00), buyer).await.expect("placed");
            shop.receive(shop.money((0, channel), &placed, &format!("T{number}"))).await;
        }
        let (_, page) = lookups.find(&shop.main, &first.order.to_string(), "ocean").await.expect("looked up");
        assert_eq!(page.orders.len(), 1);
    }
}
