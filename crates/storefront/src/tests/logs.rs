//! What the shops log: no word of an address that opens an order.

use std::sync::{Arc, Mutex};

use super::browser::number;
use super::fixture::{MAIN, Town};

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no holder panics").extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

testkit::on_both! {
    async fn no_word_that_opens_an_order_is_logged(db) {
        let town = Town::open(&db).await;
        let mut browser = town.browser(MAIN);
        let page = browser.order_as_guest(&[]).await;
        let link = page.rsplit('/').next().expect("a word").to_owned();
        town.pay(&number(&page)).await;
        let lines = Lines::default();
        let writer = lines.clone();
        let logged = tracing_subscriber::fmt().with_max_level(tracing::Level::DEBUG).with_ansi(false);
        let logged = tracing::subscriber::set_default(logged.with_writer(move || writer.clone()).finish());
        for path in [page.clone(), format!("{page}/status"), format!("{page}/codes"), format!("{page}/nothing")] {
            browser.get(&path).await;
        }
        browser.post(&format!("{page}/codes"), &[]).await;
        drop(logged);
        let text = String::from_utf8(lines.0.lock().expect("no holder panics").clone()).expect("a text");
        assert!(text.contains("answered 200") && text.contains("/orders/{id}/{link}/codes"), "{text}");
        assert!(text.contains("/orders..") && !text.contains(&link) && !text.contains("CODE-"), "{text}");
        for token in browser.cookies.values() {
            assert!(!text.contains(token.as_str()), "{text}");
        }
    }
}
