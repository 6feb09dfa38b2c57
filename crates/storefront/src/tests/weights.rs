//! What a first visit weighs: figures of the reference, pictures aside.

use axum::body::{Body, to_bytes};
use axum::http::{Request, header};
use tower::ServiceExt;

use super::browser::{Browser, number};
use super::fixture::{MAIN, Town};

const PAGE_BYTES_MAX: usize = 40_000;
const SCRIPT_BYTES_MAX: usize = 10_000;
const REQUESTS_MAX: usize = 8;

/// The bytes on the way, and the text.
async fn packed(browser: &Browser, path: &str) -> usize {
    let cookies: Vec<String> = browser.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let request = Request::builder().uri(path).header(header::HOST, MAIN).header(header::ACCEPT_ENCODING, "gzip");
    let request = request.header(header::COOKIE, cookies.join("; ")).body(Body::empty()).expect("a request");
    let response = browser.router.clone().oneshot(request).await.expect("an answer");
    assert_eq!(
        response.headers().get(header::CONTENT_ENCODING).map(|value| value.as_bytes()),
        Some(&b"gzip"[..]),
        "{path}"
    );
    to_bytes(response.into_body(), 1 << 20).await.expect("a body").len()
}

/// What a browser asks for with the page; pictures and other pages are not counted.
fn files(text: &str) -> Vec<String> {
    let tags =
        text.split('<').filter(|tag| tag.starts_with("script src") || tag.starts_with("link rel=\"stylesheet\""));
    let href = |tag: &str| tag.split('"').find(|part| part.starts_with('/')).expect("an address").to_owned();
    tags.map(href).collect()
}

testkit::on_both! {
    async fn a_first_visit_is_light(db) {
        let town = Town::open(&db).await;
        let mut browser = town.browser(MAIN);
        let order = browser.order_as_guest(&[]).await;
        let pay = browser.get(&order).await;
        assert!(pay.text.contains("等待付款"));
        town.pay(&number(&order)).await;
        let sku = browser.get("/goods/starfall").await.field("sku");
        let checkout = format!("/checkout?goods=starfall&sku={sku}&quantity=1");
        for path in ["/", "/categories/games", "/goods/starfall", checkout.as_str(), order.as_str()] {
            let page = browser.get(path).await;
            let files = files(&page.text);
            let mut bytes = packed(&browser, path).await;
            for file in &files {
                let own = packed(&browser, file).await;
                assert!(!file.contains(".js") || own <= SCRIPT_BYTES_MAX, "{file} has {own} bytes");
                bytes += own;
            }
            assert!(bytes <= PAGE_BYTES_MAX, "{path} has {bytes} bytes");
            // The page itself, its icon, and one picture of goods.
            assert!(files.len() + 3 <= REQUESTS_MAX, "{path}: {files:?}");
            let foreign = page.text.matches("src=\"http").count() + page.text.matches("style=\"").count();
            assert_eq!(foreign, 0, "{path}: {}", page.text);
        }
    }
}
