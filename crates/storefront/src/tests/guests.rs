//! Buying without an account: from the checkout to the page that waits, and to the codes.

use axum::http::{Method, StatusCode};
use order::Receipt;
use payment::{AttemptState, ExceptionKind};

use super::browser::{number, shown_number};
use super::fixture::{CASHIER, CONTACT, MAIN, OTHER, QUERY_PASSWORD, SUB, Town, yuan};
use super::gateway::Mood;

testkit::on_both! {
    async fn a_guest_comes_from_the_goods_to_the_page_that_waits(db) {
        let town = Town::open(&db).await;
        let mut browser = town.browser(MAIN);
        let checkout = browser.choose(&[("quantity", "2")]).await;
        assert!(checkout.text.contains("沙箱支付") && checkout.text.contains("¥20.00"), "{}", checkout.text);
        assert!(checkout.text.contains("Grove Ltd") && checkout.text.contains("提交后为你保留库存 15 分钟"));
        assert!(!checkout.text.contains("name=\"confirm\" value=\"yes\" checked"));
        assert_eq!((checkout.header("cache-control"), browser.cookies.is_empty()), ("no-store", true));
        let page = browser.order_as_guest(&[("quantity", "2")]).await;
        let waiting = browser.get(&page).await;
        assert_eq!((waiting.status, waiting.header("cache-control")), (StatusCode::OK, "no-store"));
        assert!(waiting.text.contains("等待付款，到账后本页自动显示卡密") && waiting.text.contains("20.00"), "{}", waiting.text);
        assert!(waiting.text.contains("用沙箱支付付款") && waiting.text.contains("收款方") && waiting.text.contains("15 分钟"));
        let status = browser.get(&format!("{page}/status")).await;
        assert_eq!(status.text, "{\"state\":\"unpaid\",\"is_final\":false}");
    }

    async fn a_guest_sees_his_codes_when_the_money_is_here(db) {
        let town = Town::open(&db).await;
        let mut browser = town.browser(MAIN);
        let page = browser.order_as_guest(&[("quantity", "2")]).await;
        let order = number(&page);
        assert!(matches!(town.pay(&order).await, Receipt::Delivered { .. }));
        let status = browser.get(&format!("{page}/status")).await;
        assert_eq!(status.text, "{\"state\":\"delivered\",\"is_final\":true}");
        let done = browser.get(&page).await;
        assert!(done.text.contains("已交付，共 2 张") && !done.text.contains("CODE-"), "{}", done.text);
        let shown = browser.post(&format!("{page}/codes"), &[]).await;
        assert_eq!((shown.status, shown.text.matches("CODE-grove-").count()), (StatusCode::OK, 2), "{}", shown.text);
        assert_eq!(shown.header("cache-control"), "no-store");
        let file = browser.post(&format!("{page}/file"), &[]).await;
        assert_eq!(file.header("content-type"), "text/plain; charset=utf-8");
        let name = format!("attachment; filename=\"{}.txt\"", shown_number(&done));
        assert_eq!(file.header("content-disposition"), name);
        assert_eq!((file.text.matches("CODE-grove-").count(), town.reveals(&order).await), (2, 2), "{}", file.text);
        let again = browser.get(&format!("{page}/codes")).await;
        assert_eq!(again.header("location"), page);
    }

    async fn a_browser_is_known_again_from_its_first_order_on(db) {
        let town = Town::open(&db).await;
        let mut browser = town.browser(MAIN);
        browser.get("/").await;
        assert!(browser.get("/orders").await.text.contains("还没有订单"));
        assert!(browser.cookies.is_empty());
        let sent = browser.buy_as_guest(&[]).await;
        let cookie = sent.header("set-cookie");
        assert!(cookie.starts_with("visitor=") && cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"), "{cookie}");
        assert!(cookie.contains("Max-Age=31536000") && !cookie.contains("Domain"), "{cookie}");
        let first = browser.cookies["visitor"].clone();
        browser.buy_as_guest(&[]).await;
        assert_eq!(browser.cookies["visitor"], first);
        let list = browser.get("/orders").await;
        assert_eq!((list.text.matches("href=\"/orders/ord_").count(), list.header("cache-control")), (2, "no-store"));
        assert!(town.browser(MAIN).get("/orders").await.text.contains("还没有订单"));
    }

    async fn the_same_form_sent_twice_is_one_order_even_before_the_cookie(db) {
        let town = Town::open(&db).await;
        let mut browser = town.browser(MAIN);
        let page = browser.choose(&[]).await;
        let channel = page.pay_value();
        let fields = [("pay", channel.as_str()), ("contact", CONTACT), ("password", QUERY_PASSWORD)];
        for _ in 0..2 {
            // A second press of the button is on its way before the first answer brought the cookie.
            browser.cookies.clear();
            assert_eq!(browser.submit(&page, &fields).await.status, StatusCode::SEE_OTHER);
        }
        let list = browser.get("/orders").await;
        assert_eq!(list.text.matches("href=\"/orders/ord_").count(), 1, "{}", list.text);
    }

    async fn wrong_input_is_all_told_at_once_and_nothing_is_lost(db) {
        let town = Town::open(&db).await;
        let mut browser = town.browser(MAIN);
        let fields = [("quantity", "3"), ("contact", "ab"), ("password", "abc"), ("confirm", "")];
        let asked = browser.buy_as_guest(&fields).await;
        assert_eq!(asked.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(asked.text.contains("还有 3 处要改") && asked.text.contains("href=\"#password\""), "{}", asked.text);
        for error in ["contact-error", "password-error", "confirm-error"] {
            assert!(asked.text.contains(&format!("id=\"{error}\"")), "{error}: {}", asked.text);
        }
        assert!(asked.text.contains("value=\"ab\"") && asked.text.contains("value=\"abc\""));
        assert_eq!((asked.field("quantity").as_str(), asked.header("cache-control")), ("3", "no-store"));
        assert!(asked.text.contains(&format!("value=\"{}\" required checked", town.grove.channel)), "{}", asked.text);
        assert!(browser.cookies.is_empty());
        let channel = town.grove.channel.to_string();
        let right = [("pay", channel.as_str()), ("contact", CONTACT), ("password", QUERY_PASSWORD)];
        assert_eq!(browser.submit(&asked, &right).await.status, StatusCode::SEE_OTHER);
    }

    async fn a_guest_has_no_wallet_and_no_way_that_is_closed(db) {
        let town = Town::open(&db).await;
        let mut browser = town.browser(MAIN);
        for pay in ["wallet", "", "chn_0", &payment::ChannelId::new().to_string()] {
            let asked = browser.buy_as_guest(&[("pay", pay)]).await;
            assert_eq!(asked.status, StatusCode::UNPROCESSABLE_ENTITY, "{pay}");
            assert!(asked.text.contains("选一种付款方式"), "{pay}: {}", asked.text);
        }
    }

    async fn a_stranger_with_the_link_sees_how_it_stands_and_no_code(db) {
        let town = Town::open(&db).await;
        let page = town.browser(MAIN).order_as_guest(&[]).await;
        town.pay(&number(&page)).await;
        let mut stranger = town.browser(MAIN);
        let seen = stranger.get(&page).await;
        assert_eq!(seen.status, StatusCode::OK);
        assert!(seen.text.contains("已交付") && seen.text.contains("卡密只给下单的浏览器和账户看"), "{}", seen.text);
        assert!(!seen.text.contains("CODE-") && !seen.text.contains("/codes\""), "{}", seen.text);
        for what in ["codes", "file"] {
            let refused = stranger.post(&format!("{page}/{what}"), &[]).await;
            assert_eq!(refused.status, StatusCode::NOT_FOUND, "{what}");
            assert!(!refused.text.contains("CODE-"), "{what}");
        }
        assert_eq!(town.reveals(&number(&page)).await, 0);
    }

    async fn no_other_word_and_no_other_site_opens_the_order(db) {
        let town = Town::open(&db).await;
        let mut browser = town.browser(MAIN);
        let page = browser.order_as_guest(&[]).await;
        let order = number(&page);
        let other = format!("/orders/{order}/{}", order::LinkToken::new().as_str());
        for path in [other.as_str(), &format!("{other}/status"), &format!("/orders/{order}/x"), &format!("{page}x")] {
            assert_eq!(browser.get(path).await.status, StatusCode::NOT_FOUND, "{path}");
            assert_eq!(town.browser(MAIN).get(path).await.status, StatusCode::NOT_FOUND, "{path}");
        }
        for host in [SUB, OTHER] {
            browser.host = host;
            for path in [page.as_str(), &format!("{page}/status")] {
                assert_eq!(browser.get(path).await.status, StatusCode::NOT_FOUND, "{host} {path}");
            }
            let codes = browser.post(&format!("{page}/codes"), &[]).await;
            assert_eq!(codes.status, StatusCode::NOT_FOUND, "{host}");
        }
        let bare = town.browser(MAIN).get(&format!("/orders/{order}")).await;
        assert_eq!(bare.header("location"), format!("/login?next=/orders/{order}"));
    }

    async fn whoever_pays_again_is_led_to_the_same_try(db) {
        let town = Town::open(&db).await;
        let mut browser = town.browser(MAIN);
        let page = browser.order_as_guest(&[]).await;
        let channel = town.grove.channel.to_string();
        for fields in [vec![("channel", channel.as_str())], vec![]] {
            let sent = browser.post(&format!("{page}/pay"), &fields).await;
            assert!(sent.header("location").starts_with(&format!("{CASHIER}/cashier/")), "{}", sent.header("location"));
        }
        assert_eq!(town.attempts(&number(&page)).await.len(), 1);
    }

    async fn whoever_cancelled_at_the_gateway_gets_a_new_try(db) {
        let town = Town::open(&db).await;
        let mut browser = town.browser(MAIN);
        let page = browser.order_as_guest(&[]).await;
        town.gateway.is(Mood::Cancelled);
        let sent = browser.post(&format!("{page}/pay"), &[]).await;
        assert!(sent.header("location").starts_with(CASHIER), "{}", sent.header("location"));
        let attempts = town.attempts(&number(&page)).await;
        assert_eq!((attempts.len(), attempts[1].state), (2, AttemptState::Waiting));
    }

    async fn money_that_the_gateway_knows_of_is_taken_instead_of_asked_twice(db) {
        let town = Town::open(&db).await;
        let mut browser = town.browser(MAIN);
        let page = browser.order_as_guest(&[]).await;
        town.gateway.is(Mood::Paid(yuan("10.00")));
        let sent = browser.post(&format!("{page}/pay"), &[]).await;
        assert_eq!(sent.header("location"), page);
        assert!(browser.get(&page).await.text.contains("已交付"));
        let again = browser.post(&format!("{page}/pay"), &[]).await;
        assert_eq!(again.header("location"), page);
    }

    async fn a_gateway_that_does_not_answer_is_said_and_the_order_stays(db) {
        let town = Town::open(&db).await;
        let mut browser = town.browser(MAIN);
        town.gateway.is(Mood::Silent);
        let sent = browser.buy_as_guest(&[]).await;
        let page = sent.header("location").to_owned();
        assert!(page.starts_with("/orders/ord_") && page.ends_with("?pay=unanswered"), "{page}");
        let said = browser.get(&page).await;
        assert!(said.text.contains("这种付款方式现在没有回应，没有扣款"), "{}", said.text);
        town.gateway.is(Mood::Open);
        let path = format!("{}/pay", page.split('?').next().expect("a path"));
        let sent = browser.post(&path, &[]).await;
        assert!(sent.header("location").starts_with(CASHIER), "{}", sent.header("location"));
    }

    async fn money_of_another_amount_is_shown_on_its_way_back(db) {
        let town = Town::open(&db).await;
        let mut browser = town.browser(MAIN);
        let page = browser.order_as_guest(&[]).await;
        let receipt = town.pay_amount(&number(&page), yuan("9.00")).await;
        assert_eq!(receipt, Receipt::Suspended { kind: ExceptionKind::WrongAmount });
        let shown = browser.get(&page).await;
        assert!(shown.text.contains("收到 ¥9.00，和应付金额不一致"), "{}", shown.text);
        assert!(shown.text.contains("正在原路退回") && shown.text.contains("等待付款"), "{}", shown.text);
    }

    async fn an_order_whose_time_is_over_says_what_happens_with_late_money(db) {
        let town = Town::open(&db).await;
        let mut browser = town.browser(MAIN);
        let page = browser.order_as_guest(&[]).await;
        db.clock.advance(chrono::TimeDelta::minutes(16));
        let over = browser.get(&page).await;
        assert!(over.text.contains("已过期") && over.text.contains("付晚了也不会丢"), "{}", over.text);
        assert!(!over.text.contains("data-watch") && !over.text.contains("/pay\""), "{}", over.text);
    }

    async fn a_shop_with_channels_of_its_own_says_that_it_collects(db) {
        let town = Town::open(&db).await;
        let central = town.browser(SUB).choose(&[]).await;
        assert!(central.text.contains("Grove Ltd") && !central.text.contains("本店自己收款"), "{}", central.text);
        town.open_own_channel().await;
        let own = town.browser(SUB).choose(&[]).await;
        assert!(own.text.contains("树林数卡（本店自己收款）") && own.text.contains("本店收款"), "{}", own.text);
    }

    async fn a_shop_that_collects_is_named_as_the_seller_everywhere(db) {
        let town = Town::open(&db).await;
        // Who sells may be ten seconds old.
        for (is_own, name) in [(false, "Grove Ltd"), (true, "树林数卡")] {
            if is_own {
                town.open_own_channel().await;
                db.clock.advance(chrono::TimeDelta::seconds(11));
            }
            let mut browser = town.browser(SUB);
            let (home, goods) = (browser.get("/").await, browser.get("/goods/starfall").await);
            let (_, footer) = home.text.split_once("<footer").expect("a footer");
            assert!(footer.contains(&format!("销售方：{name}")), "{footer}");
            assert!(goods.text.contains(&format!("<span>销售方：{name}")), "{}", goods.text);
            let (_, data) = goods.text.split_once("<script type=\"application/ld+json\">").expect("data");
            let data: serde_json::Value = serde_json::from_str(data.split("</script>").next().expect("an end")).expect("JSON");
            assert_eq!(data["offers"]["seller"]["name"], name);
            let other = if is_own { "Grove Ltd" } else { "销售方：树林数卡" };
            assert!(!goods.text.contains(other) && !footer.contains(other), "{other}: {}", goods.text);
            // The main site is its own seller, whoever collects below it.
            assert!(town.browser(MAIN).get("/").await.text.contains("销售方：Grove Ltd"));
        }
    }

    async fn an_account_may_pay_by_channel_without_a_contact(db) {
        let town = Town::open(&db).await;
        let mut browser = town.buyer(MAIN).await;
        let channel = town.grove.channel.to_string();
        let page = browser.choose(&[]).await;
        assert!(page.text.contains("<details class=\"fold\"><summary>"), "{}", page.text);
        let sent = browser.submit(&page, &[("pay", &channel)]).await;
        assert!(sent.header("location").starts_with(CASHIER), "{}", sent.text);
        let half = browser.submit(&page, &[("pay", &channel), ("contact", CONTACT), ("key", "another")]).await;
        assert!(half.text.contains("id=\"password-error\"") && half.text.contains("fold\" open"), "{}", half.text);
    }

    async fn a_browser_with_three_unpaid_orders_pays_them_first(db) {
        let town = Town::open(&db).await;
        let mut browser = town.browser(MAIN);
        for _ in 0..3 {
            let placed = browser.buy_as_guest(&[]).await;
            assert_eq!(placed.status, StatusCode::SEE_OTHER);
            assert_eq!(placed.header("ratelimit-policy"), "\"orders\";q=10;w=60");
        }
        let fourth = browser.buy_as_guest(&[]).await;
        assert!(fourth.header("ratelimit").starts_with("\"orders\";r=6;t="), "{}", fourth.header("ratelimit"));
        assert_eq!(fourth.header("retry-after"), "60");
        assert_eq!(fourth.status, StatusCode::TOO_MANY_REQUESTS);
        assert!(fourth.text.contains("已经有 3 笔订单没付款") && fourth.text.contains(CONTACT), "{}", fourth.text);
    }

    async fn an_empty_checkout_leads_home(db) {
        let town = Town::open(&db).await;
        for path in ["/checkout", "/checkout?goods=starfall&sku=x&quantity=1", "/checkout?goods=&sku=&quantity="] {
            assert_eq!(town.browser(MAIN).get(path).await.header("location"), "/", "{path}");
        }
        let sent = town.browser(MAIN).ask(Method::POST, "/checkout", &[("content-type", "application/x-www-form-urlencoded")], None).await;
        assert_eq!(sent.header("location"), "/");
    }
}
