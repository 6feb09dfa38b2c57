//! Goods that a person fulfils: asked at the checkout, followed on the page of the order.

use axum::http::StatusCode;
use catalog::{Choice, FieldKey, FieldKind, Form, FormField, GoodsKind};
use identity::OperatorId;
use kernel::Wording;
use order::{FulfilAct, FulfilBy, LineRef, OrderId, RefundOf};

use super::browser::{Answer, Browser, number, order_of};
use super::fixture::{CASHIER, CONTACT, MAIN, QUERY_PASSWORD, Town, yuan};

fn field(key: &str, kind: FieldKind) -> FormField {
    let label = Wording::new(format!("问{key}"), format!("Asks {key}"));
    FormField {
        key: FieldKey::parse(key).expect("a key"),
        label,
        hint: Wording::new("提示", ""),
        is_required: key != "note",
        kind,
    }
}

fn form() -> Form {
    let choices = vec![Choice { value: "ink".to_owned(), label: Wording::new("水墨", "Ink") }];
    let fields = vec![
        field("account", FieldKind::Number { min: 10, max: 99 }),
        field("phone", FieldKind::Phone),
        field("mail", FieldKind::Email),
        field("style", FieldKind::Choice { choices }),
        field("name", FieldKind::Text { chars_max: 30 }),
        field("note", FieldKind::Text { chars_max: 600 }),
    ];
    Form::try_new(fields).expect("a form")
}

const FILLED: [(&str, &str); 6] = [
    ("field-account", "42"),
    ("field-phone", "138 0000 1234"),
    ("field-mail", "lin@example.com"),
    ("field-style", "ink"),
    ("field-name", "林<b>"),
    ("field-note", "第一行\r\n第二行"),
];

/// The checkout of one piece.
async fn checkout(browser: &mut Browser) -> Answer {
    let sku = browser.get("/goods/avatar").await.field("sku");
    let to = browser.post("/goods/avatar", &[("sku", &sku), ("quantity", "1")]).await;
    browser.get(to.header("location")).await
}

/// An order of a logged-in customer, paid from the wallet.
async fn ordered(browser: &mut Browser) -> OrderId {
    let page = checkout(browser).await;
    OrderId::parse(&order_of(&browser.submit(&page, &FILLED).await)).expect("a number")
}

impl Town {
    async fn fulfil(&self, order: OrderId, act: FulfilAct, key: &str) {
        let operator = OperatorId::from_uuid(order.uuid());
        let (at, by) = (LineRef { order, line: 1 }, FulfilBy { operator, key });
        self.state.orders.fulfil(&self.grove.scope, at, act, by).await.expect("fulfilled");
    }
}

testkit::on_both! {
    async fn every_field_is_asked_as_what_it_is(db) {
        let town = Town::open(&db).await;
        town.add_goods("avatar", GoodsKind::Manual, form()).await;
        let mut browser = town.browser(MAIN);
        let goods = browser.get("/goods/avatar").await;
        assert!(goods.text.contains("人工办理 · 12 小时内") && !goods.text.contains("卡密只在订单页显示"), "{}", goods.text);
        let page = checkout(&mut browser).await;
        for tag in [
            "type=\"number\" value=\"\" inputmode=\"numeric\" step=\"1\" min=\"10\" max=\"99\"",
            "type=\"tel\"",
            "type=\"email\"",
            "<option value=\"ink\">水墨</option>",
            "type=\"text\" value=\"\" maxlength=\"30\"",
            "<textarea class=\"input\" rows=\"4\" maxlength=\"600\" id=\"field-note\" name=\"field-note\" aria-describedby=\"field-note-hint\">",
            "<label class=\"label\" for=\"field-account\">问account</label>",
            "id=\"field-name\" name=\"field-name\" required",
        ] {
            assert!(page.text.contains(tag), "{tag}: {}", page.text);
        }
        let english = browser.get("/goods/avatar?lang=en").await;
        assert!(english.text.contains("within 12 h"), "{}", english.text);
    }

    async fn what_is_wrong_is_said_at_its_field_and_nothing_is_lost(db) {
        let town = Town::open(&db).await;
        town.add_goods("avatar", GoodsKind::Manual, form()).await;
        let mut browser = town.buyer(MAIN).await;
        let page = checkout(&mut browser).await;
        let wrong = [
            ("field-account", "420"), ("field-phone", "12"), ("field-mail", "lin"), ("field-style", "oil"),
            ("field-name", "林<b>"), ("field-note", "一\r\n二"), ("field-stranger", "x"),
        ];
        let asked = browser.submit(&page, &wrong).await;
        assert_eq!(asked.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", asked.text);
        for (field, message) in [
            ("field-account", "要在 10 到 99 之间"), ("field-phone", "填一个电话号码"),
            ("field-mail", "填一个邮箱"), ("field-style", "从列表里选一项"),
        ] {
            let error = format!("id=\"{field}-error\"");
            let place = asked.text.find(&error).unwrap_or_else(|| panic!("{error}: {}", asked.text));
            assert!(asked.text[place..].split("</p>").next().expect("an end").contains(message), "{field}");
            assert!(asked.text.contains(&format!("aria-describedby=\"{field}-error {field}-hint\"")), "{field}");
            assert!(asked.text.contains(&format!("<a href=\"#{field}\">")), "the summary leads there: {field}");
        }
        for kept in ["value=\"420\"", "value=\"12\"", "value=\"lin\"", "value=\"林&lt;b&gt;\"", "一\r\n二</textarea>"] {
            assert!(asked.text.contains(kept), "{kept}: {}", asked.text);
        }
        assert!(!asked.text.contains("stranger") && asked.text.contains("data-focus"), "{}", asked.text);
        assert_eq!(town.wallet().await, yuan("100.00"));
        assert_eq!(browser.submit(&asked, &FILLED).await.status, StatusCode::SEE_OTHER);
    }

    async fn an_order_tells_its_buyer_how_far_a_person_is(db) {
        let town = Town::open(&db).await;
        town.add_goods("avatar", GoodsKind::Manual, form()).await;
        let mut browser = town.buyer(MAIN).await;
        let order = ordered(&mut browser).await;
        let href = format!("/orders/{order}");
        let waiting = browser.get(&href).await;
        for text in ["办理进度", "等待办理", "最晚", "问account", "42", "水墨", "林&lt;b&gt;", "第一行\n第二行"] {
            assert!(waiting.text.contains(text), "{text}: {}", waiting.text);
        }
        assert!(!waiting.text.contains("你的卡密") && !waiting.text.contains("http-equiv"), "{}", waiting.text);
        town.fulfil(order, FulfilAct::Take, "take").await;
        assert!(browser.get(&href).await.text.contains("正在办理"));
        town.fulfil(order, FulfilAct::Fail { reason: "账号不存在".to_owned() }, "fail").await;
        let failed = browser.get(&href).await;
        assert!(failed.text.contains("没有办成：账号不存在"), "{}", failed.text);
        town.fulfil(order, FulfilAct::Retry, "retry").await;
        town.fulfil(order, FulfilAct::Take, "again").await;
        town.fulfil(order, FulfilAct::Complete { proof: "https://files.test/a.png\n<b>".to_owned() }, "done").await;
        let done = browser.get(&href).await;
        assert!(done.text.contains("办理结果") && done.text.contains("https://files.test/a.png\n&lt;b&gt;"), "{}", done.text);
        assert!(done.text.contains("已交付"), "{}", done.text);
    }

    async fn a_guest_watches_and_a_stranger_sees_no_answers(db) {
        let town = Town::open(&db).await;
        town.add_goods("avatar", GoodsKind::Manual, form()).await;
        let mut browser = town.browser(MAIN);
        let page = checkout(&mut browser).await;
        let channel = page.pay_value();
        let guest = [("contact", CONTACT), ("password", QUERY_PASSWORD), ("pay", channel.as_str())];
        let sent = browser.submit(&page, &[guest.as_slice(), &FILLED].concat()).await;
        assert!(sent.header("location").starts_with(&format!("{CASHIER}/cashier/")), "{}", sent.text);
        let list = browser.get("/orders").await;
        let start = list.text.find("/orders/ord_").expect("an order");
        let href = browser.get(list.text[start..].split('"').next().expect("an end")).await.header("location").to_owned();
        town.pay(&number(&href)).await;
        let own = browser.get(&href).await;
        assert!(own.text.contains("林&lt;b&gt;") && own.text.contains("data-every=\"20\""), "{}", own.text);
        assert!(own.text.contains("data-state=\"delivering.waiting\"") && own.text.contains("刷新看进度"), "{}", own.text);
        let status = browser.get(&format!("{href}/status")).await;
        assert_eq!(status.text, "{\"state\":\"delivering.waiting\",\"is_final\":false}");
        let stranger = town.browser(MAIN).get(&href).await;
        assert!(stranger.text.contains("等待办理") && !stranger.text.contains("问account"), "{}", stranger.text);
        assert!(!stranger.text.contains("林&lt;b&gt;"), "{}", stranger.text);
    }

    async fn a_refund_is_told_with_the_money(db) {
        let town = Town::open(&db).await;
        town.add_goods("avatar", GoodsKind::Manual, form()).await;
        let mut browser = town.buyer(MAIN).await;
        let order = ordered(&mut browser).await;
        let refund = RefundOf { reason: "办不了".to_owned(), by: OperatorId::new() };
        town.state.orders.refund(&town.grove.scope, (order, Default::default()), refund, "refund").await.expect("refunded");
        let page = browser.get(&format!("/orders/{order}")).await;
        assert!(page.text.contains("已退款 ¥10.00") && !page.text.contains("办不了"), "{}", page.text);
        assert!(page.text.contains("这一项不再办理"), "{}", page.text);
        assert!(browser.get("/wallet").await.text.contains("订单退款"));
    }
}
