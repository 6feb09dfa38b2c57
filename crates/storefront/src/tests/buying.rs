//! From the choice to the code.

use axum::http::{Method, StatusCode};
use kernel::Wording;

use super::browser::order_of;
use super::fixture::{MAIN, OTHER, PASSWORD, SUB, Town, yuan};

testkit::on_both! {
    async fn a_buyer_gets_a_code_for_wallet_money(db) {
        let town = Town::open(&db).await;
        let mut browser = town.buyer(MAIN).await;
        let order = order_of(&browser.buy(&[("quantity", "2")]).await);
        let page = browser.get(&format!("/orders/{order}")).await;
        assert_eq!(page.status, StatusCode::OK);
        assert!(page.text.contains("已交付，共 2 张") && !page.text.contains("CODE-"), "{}", page.text);
        assert_eq!(page.header("cache-control"), "no-store");
        assert_eq!(town.wallet().await, yuan("80.00"));
        let shown = browser.post(&format!("/orders/{order}/codes"), &[]).await;
        assert_eq!((shown.status, shown.text.matches("CODE-grove-").count()), (StatusCode::OK, 2), "{}", shown.text);
        assert_eq!(shown.header("cache-control"), "no-store");
        let list = browser.get("/orders").await;
        assert!(list.text.contains(&order) && list.text.contains("¥20.00") && list.text.contains("¥80.00"));
    }

    async fn each_view_of_codes_is_logged(db) {
        let town = Town::open(&db).await;
        let mut browser = town.buyer(MAIN).await;
        let order = order_of(&browser.buy(&[]).await);
        browser.get(&format!("/orders/{order}")).await;
        assert_eq!(town.reveals(&order).await, 0);
        for views in 1..=2 {
            browser.post(&format!("/orders/{order}/codes"), &[]).await;
            assert_eq!(town.reveals(&order).await, views);
        }
        let again = browser.get(&format!("/orders/{order}/codes")).await;
        assert_eq!((again.status, again.header("location")), (StatusCode::SEE_OTHER, format!("/orders/{order}").as_str()));
        assert_eq!(town.reveals(&order).await, 2);
    }

    async fn what_does_not_work_is_asked_back(db) {
        let town = Town::open(&db).await;
        let mut browser = town.buyer(MAIN).await;
        let order = order_of(&browser.buy(&[("quantity", "3")]).await);
        let href = format!("/orders/{order}");
        let page = browser.get(&href).await;
        assert!(page.text.contains(&format!("action=\"{href}/claims\"")) && page.text.contains("name=\"pieces\""), "{}", page.text);
        let fields = [("key", "one"), ("line", "1"), ("pieces", "２， 3"), ("reason", "用不了<b>"), ("to", "source")];
        for odd in [("1", "2-3"), ("1", "all"), ("", "2"), ("x", "")] {
            let fields = [("key", "odd"), ("line", odd.0), ("pieces", odd.1), ("reason", "odd")];
            let sent = browser.post(&format!("{href}/claims"), &fields).await;
            assert_eq!(sent.status, StatusCode::UNPROCESSABLE_ENTITY, "{odd:?} {}", sent.text);
            assert!(sent.text.contains("<details class=\"fold\" open>") && sent.text.contains(">odd</textarea>"), "{}", sent.text);
            assert!(odd.1.is_empty() || sent.text.contains(&format!("value=\"{}\"", odd.1)), "{odd:?} {}", sent.text);
        }
        for (reason, told) in [("  ".to_owned(), "写几个字"), ("字".repeat(501), "写几个字")] {
            let fields = [("key", "odd"), ("line", "1"), ("reason", reason.as_str())];
            let sent = browser.post(&format!("{href}/claims"), &fields).await;
            assert!(sent.status == StatusCode::UNPROCESSABLE_ENTITY && sent.text.contains(told), "{}", sent.text);
        }
        for _ in 0..2 {
            let sent = browser.post(&format!("{href}/claims"), &fields).await;
            assert_eq!((sent.status, sent.header("location")), (StatusCode::SEE_OTHER, href.as_str()), "{}", sent.text);
        }
        let page = browser.get(&href).await;
        assert!(page.text.contains("等待店家处理") && page.text.contains("用不了&lt;b&gt;") && page.text.contains("第 2, 3 张"), "{}", page.text);
        assert!(!page.text.contains(&format!("action=\"{href}/claims\"")), "one at a time");
        let waits = browser.post(&format!("{href}/claims"), &[("key", "two"), ("reason", "again")]).await;
        assert!(waits.status == StatusCode::UNPROCESSABLE_ENTITY && waits.text.contains("已有一个申请在处理"), "{}", waits.text);
        assert!(browser.get(&format!("{href}?claim=claim_waits")).await.text.contains("已有一个申请在处理"));
        assert!(!browser.get(&format!("{href}?claim=%3Ci%20x%3E")).await.text.contains("<i x>"));
        let orders = &town.state.orders;
        let open = orders.claims(&town.grove.scope, order::ClaimState::Open, None, 9).await.expect("a list");
        let by = (identity::OperatorId::new(), "yes");
        orders.decide_claim(&town.grove.scope, open[0].id, order::Verdict::Approve, by).await.expect("decided");
        let page = browser.get(&href).await;
        for said in ["部分退款", "已退款 ¥20.00 到余额", "已退 ¥20.00", "已同意", "第 1 张"] {
            assert!(page.text.contains(said), "{said}: {}", page.text);
        }
        assert!(!page.text.contains("第 2 张"), "what went back is void");
        let shown = browser.post(&format!("{href}/codes"), &[]).await;
        assert_eq!(shown.text.matches("CODE-grove-").count(), 1, "{}", shown.text);
        // A second one, taken back.
        let sent = browser.post(&format!("{href}/claims"), &[("key", "three"), ("reason", "all of it")]).await;
        assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.text);
        let page = browser.get(&href).await;
        let start = page.text.find(&format!("{href}/claims/clm_")).expect("a way back");
        let withdraw = page.text[start..].split('"').next().expect("an end").to_owned();
        assert_eq!(browser.post(&withdraw, &[]).await.status, StatusCode::SEE_OTHER);
        assert!(browser.get(&href).await.text.contains("已撤回"));
        let stranger = town.browser(MAIN).post(&format!("{href}/claims"), &fields).await;
        assert!(stranger.header("location").starts_with("/login"), "{}", stranger.text);
    }

    async fn a_code_that_was_replaced_is_shown_as_such(db) {
        let town = Town::open(&db).await;
        let mut browser = town.buyer(MAIN).await;
        let order = order_of(&browser.buy(&[("quantity", "3")]).await);
        let href = format!("/orders/{order}");
        let codes = |text: &str| -> Vec<String> {
            let codes = text.split("CODE-grove-").skip(1);
            codes.map(|rest| rest.split(|letter: char| !letter.is_ascii_digit()).next().expect("a number").to_owned()).collect()
        };
        let before = codes(&browser.post(&format!("{href}/file"), &[]).await.text);
        let (id, by) = (order::OrderId::parse(&order).expect("an id"), identity::OperatorId::new());
        let wish = order::ReplaceWish { line: 1, pieces: [2].into() };
        let of = order::ReplaceOf { reason: "a secret reason".to_owned(), by };
        town.state.orders.replace_codes(&town.grove.scope, (id, wish), of, "key").await.expect("replaced");
        let page = browser.get(&href).await;
        assert_eq!(page.text.matches("已换成新卡密，旧卡密作废").count(), 1, "{}", page.text);
        assert!(page.text.contains("换成新卡密<time>"), "{}", page.text);
        assert!(page.text.contains("第 3 张") && !page.text.contains("a secret reason") && !page.text.contains("CODE-"));
        let seen = town.reveals(&order).await;
        let shown = browser.post(&format!("{href}/codes"), &[]).await;
        assert_eq!(shown.text.matches("已换成新卡密，旧卡密作废").count(), 1, "{}", shown.text);
        assert_eq!(town.reveals(&order).await, seen + 1);
        let after = codes(&browser.post(&format!("{href}/file"), &[]).await.text);
        assert_eq!((&after[0], &after[2]), (&before[0], &before[2]));
        assert!(!before.contains(&after[1]) && !shown.text.contains(&format!("CODE-grove-{}<", before[1])), "{after:?}");
        let english = browser.ask(Method::GET, &href, &[("accept-language", "en")], None).await;
        assert!(english.text.contains("Replaced by a new code on"), "{}", english.text);
    }

    async fn the_same_form_sent_twice_is_one_order(db) {
        let town = Town::open(&db).await;
        let mut browser = town.buyer(MAIN).await;
        let first = order_of(&browser.buy(&[("key", "one-key")]).await);
        let second = order_of(&browser.buy(&[("key", "one-key")]).await);
        assert_eq!((first, town.wallet().await), (second, yuan("90.00")));
    }

    async fn the_same_form_with_another_choice_is_asked_again(db) {
        let town = Town::open(&db).await;
        let mut browser = town.buyer(MAIN).await;
        order_of(&browser.buy(&[("key", "one-key")]).await);
        let again = browser.buy(&[("key", "one-key"), ("quantity", "3")]).await;
        assert_eq!(again.status, StatusCode::CONFLICT);
        assert!(again.text.contains("已经提交过一次") && again.field("key") != "one-key", "{}", again.text);
        assert_eq!(town.wallet().await, yuan("90.00"));
    }

    async fn a_sub_site_sells_at_its_own_price(db) {
        let town = Town::open(&db).await;
        let mut browser = town.buyer(SUB).await;
        let home = browser.get("/").await;
        assert!(home.text.contains("9.50") && !home.text.contains("10.00<"), "{}", home.text);
        order_of(&browser.buy(&[]).await);
        assert_eq!(town.wallet().await, yuan("90.50"));
    }

    async fn a_dearer_price_is_asked_and_the_choice_is_kept(db) {
        let town = Town::open(&db).await;
        let mut browser = town.buyer(MAIN).await;
        let page = browser.choose(&[("quantity", "3")]).await;
        town.set_price("10.50").await;
        let asked = browser.submit(&page, &[]).await;
        assert_eq!(asked.status, StatusCode::CONFLICT);
        assert!(asked.text.contains("价格从 ¥10.00 变为 ¥10.50。确认后再付款"), "{}", asked.text);
        assert!(asked.text.contains("× 3") && asked.text.contains("¥31.50"), "{}", asked.text);
        assert!(asked.field("sku").ends_with(":1050") && asked.field("key") != page.field("key"));
        assert_eq!(town.wallet().await, yuan("100.00"));
        order_of(&browser.submit(&asked, &[]).await);
        assert_eq!(town.wallet().await, yuan("68.50"));
    }

    async fn a_price_that_rose_before_the_checkout_is_said_there(db) {
        let town = Town::open(&db).await;
        let mut browser = town.buyer(MAIN).await;
        let old = browser.get("/goods/starfall").await.field("sku");
        town.set_price("10.50").await;
        let page = browser.choose(&[("sku", &old)]).await;
        assert_eq!(page.status, StatusCode::CONFLICT);
        assert!(page.text.contains("价格从 ¥10.00 变为 ¥10.50") && page.field("sku").ends_with(":1050"), "{}", page.text);
    }

    async fn a_cheaper_price_is_charged_cheaper(db) {
        let town = Town::open(&db).await;
        let mut browser = town.buyer(MAIN).await;
        let dear = browser.get("/goods/starfall").await.field("sku");
        town.set_price("9.00").await;
        order_of(&browser.buy(&[("sku", &dear)]).await);
        assert_eq!(town.wallet().await, yuan("91.00"));
    }

    async fn what_is_sold_out_says_so_and_keeps_the_choice(db) {
        let town = Town::open(&db).await;
        let mut browser = town.buyer(MAIN).await;
        let empty = format!("{}:1000", town.grove.empty_sku);
        let out = browser.buy(&[("sku", &empty)]).await;
        assert_eq!(out.status, StatusCode::CONFLICT);
        assert!(out.text.contains("刚刚售完，没有扣款"), "{}", out.text);
        order_of(&browser.buy(&[("quantity", "5")]).await);
        let few = browser.buy(&[("quantity", "9")]).await;
        assert!(few.text.contains("只剩 7 份") && few.text.contains("剩 7 份") && few.text.contains("value=\"9\""), "{}", few.text);
        assert_eq!(town.wallet().await, yuan("50.00"));
    }

    async fn what_is_left_of_it_can_be_bought_instead(db) {
        let town = Town::open(&db).await;
        let mut browser = town.buyer(MAIN).await;
        let page = browser.choose(&[("quantity", "9")]).await;
        order_of(&town.buyer(MAIN).await.buy(&[("quantity", "5")]).await);
        let few = browser.submit(&page, &[]).await;
        assert_eq!(few.status, StatusCode::CONFLICT);
        assert!(few.text.contains("只剩 7 份") && few.text.contains("name=\"fewer\" value=\"7\""), "{}", few.text);
        let fewer = browser.submit(&few, &[("fewer", "7"), ("confirm", "")]).await;
        assert_eq!((fewer.status, fewer.field("quantity").as_str()), (StatusCode::OK, "7"), "{}", fewer.text);
        assert!(fewer.text.contains("¥70.00"), "{}", fewer.text);
    }

    async fn a_wallet_that_is_too_small_is_not_charged(db) {
        let town = Town::open(&db).await;
        let mut browser = town.buyer(MAIN).await;
        let page = browser.choose(&[("quantity", "11")]).await;
        assert!(page.text.contains("value=\"wallet\" required disabled"), "{}", page.text);
        let short = browser.submit(&page, &[]).await;
        assert_eq!(short.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(short.text.contains("余额 ¥100.00 不够付 ¥110.00"), "{}", short.text);
        assert_eq!(town.wallet().await, yuan("100.00"));
    }

    async fn nothing_is_bought_without_the_confirmation(db) {
        let town = Town::open(&db).await;
        let mut browser = town.buyer(MAIN).await;
        let asked = browser.buy(&[("confirm", ""), ("quantity", "4")]).await;
        assert_eq!(asked.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(asked.text.contains("先勾选确认") && asked.field("quantity") == "4", "{}", asked.text);
        let many = browser.buy(&[("quantity", "21")]).await;
        assert!(many.text.contains("数量要在 1 到 20 之间"), "{}", many.text);
        assert_eq!(town.wallet().await, yuan("100.00"));
    }

    async fn a_guest_is_sent_to_the_login_and_back(db) {
        let town = Town::open(&db).await;
        let mut browser = town.browser(MAIN);
        let order = order::OrderId::new();
        for (method, path, next) in [
            (Method::GET, "/wallet".to_owned(), "/wallet".to_owned()),
            (Method::GET, "/wallet?a=1".to_owned(), "/wallet%3Fa%3D1".to_owned()),
            (Method::POST, "/wallet/top-up".to_owned(), "/wallet/top-up".to_owned()),
            (Method::GET, format!("/orders/{order}"), format!("/orders/{order}")),
            (Method::POST, format!("/orders/{order}/codes"), format!("/orders/{order}/codes")),
        ] {
            let sent = browser.ask(method, &path, &[], None).await;
            assert_eq!(sent.status, StatusCode::SEE_OTHER);
            assert_eq!(sent.header("location"), format!("/login?next={next}"));
        }
        let fields = [("login", "lin@example.com"), ("password", PASSWORD), ("next", "/orders")];
        let back = browser.post("/login", &fields).await;
        assert_eq!(back.header("location"), "/orders");
        let cookie = back.header("set-cookie");
        assert!(cookie.starts_with("session=") && cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"));
        assert!(!cookie.contains("Domain") && !cookie.contains("Secure"), "{cookie}");
    }

    async fn anothers_order_is_not_there(db) {
        let town = Town::open(&db).await;
        let order = order_of(&town.buyer(MAIN).await.buy(&[]).await);
        for host in [SUB, OTHER] {
            let mut stranger = town.buyer(host).await;
            let page = stranger.get(&format!("/orders/{order}")).await;
            assert_eq!(page.status, StatusCode::NOT_FOUND, "{host}");
            let codes = stranger.post(&format!("/orders/{order}/codes"), &[]).await;
            assert!(codes.status == StatusCode::NOT_FOUND && !codes.text.contains("CODE-"), "{host}");
        }
        assert_eq!(town.reveals(&order).await, 0);
    }

    async fn a_post_from_another_site_is_refused(db) {
        let town = Town::open(&db).await;
        let mut browser = town.buyer(MAIN).await;
        let order = order_of(&browser.buy(&[]).await);
        for headers in [
            [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")],
            [("origin", "https://other.example.com"), ("accept", "*/*")],
            [("origin", "null"), ("accept", "*/*")],
        ] {
            let refused = browser.ask(Method::POST, &format!("/orders/{order}/codes"), &headers, None).await;
            assert_eq!(refused.status, StatusCode::FORBIDDEN);
            assert!(refused.text.contains("不是从本店发出的"), "{}", refused.text);
        }
        assert_eq!(town.reveals(&order).await, 0);
        let own = [("origin", "http://grove.example.com"), ("sec-fetch-site", "same-origin")];
        let shown = browser.ask(Method::POST, &format!("/orders/{order}/codes"), &own, None).await;
        assert_eq!(shown.status, StatusCode::OK);
    }

    async fn a_title_is_shown_and_never_run(db) {
        let attack = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>{{ 7*7 }}";
        let town = Town::open_with(&db, web::Bounds::default(), Wording::new(attack, attack)).await;
        let mut browser = town.buyer(MAIN).await;
        let order = order_of(&browser.buy(&[]).await);
        let checkout = browser.choose(&[]).await;
        assert!(checkout.text.contains("&lt;script&gt;") && !checkout.text.contains("<script>alert"));
        for path in ["/", "/goods/starfall", "/orders", &format!("/orders/{order}")] {
            let page = browser.get(path).await;
            assert!(page.text.contains("&lt;script&gt;") && page.text.contains("{{ 7*7 }}"), "{path}: {}", page.text);
            assert!(!page.text.contains("<script>alert") && !page.text.contains("<img src=x"), "{path}");
        }
        let look_up = browser.post("/lookup", &[("who", attack), ("password", attack)]).await;
        assert!(look_up.text.contains("&lt;script&gt;") && !look_up.text.contains("<script>alert"), "{}", look_up.text);
        let login = browser.post("/login", &[("login", attack), ("password", "x")]).await;
        assert!(!login.text.contains("<script>alert"), "{}", login.text);
    }
}
