//! The real program, asked by those who mean no good or are too many: it goes on answering everybody else.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::binary::{Backend, Server};

/// Longer than anything here takes; no test waits for it to pass.
const LONG: Duration = Duration::from_secs(60);
const HOST: &str = "two.localhost";

/// A server that is impatient, so that the tests need not be patient.
async fn impatient(more: &[(&'static str, &str)]) -> Server {
    let mut env = vec![
        ("CARDGROVE_LIMITS__PROXY_IDLE_S_MAX", "2".to_owned()),
        ("CARDGROVE_LIMITS__BODY_S_MAX", "1".to_owned()),
        ("CARDGROVE_LIMITS__WRITE_S_MAX", "1".to_owned()),
    ];
    env.extend(more.iter().map(|(name, value)| (*name, (*value).to_owned())));
    Server::start_with(Backend::Sqlite, env).await
}

async fn connect(server: &Server) -> TcpStream {
    TcpStream::connect(("127.0.0.1", server.port())).await.expect("a connection")
}

/// All that comes until the other side closes.
async fn rest(stream: &mut TcpStream) -> String {
    let mut read = Vec::new();
    let end = timeout(LONG, stream.read_to_end(&mut read)).await.expect("the server closes the connection");
    // A reset is an end as well.
    let _ = end;
    String::from_utf8_lossy(&read).into_owned()
}

async fn is_answering(server: &Server) {
    let page = server.browser(HOST).get("/").await;
    assert!(page.contains("</html>"), "{page}");
}

#[tokio::test]
async fn silence_and_heads_letter_by_letter_are_not_waited_for() {
    let server = impatient(&[]).await;
    let mut silent = connect(&server).await;
    let mut slow = connect(&server).await;
    slow.write_all(b"GET / HTTP/1.1\r\nHost: two.localhost\r\n").await.expect("sent");
    let (mut reader, mut writer) = slow.into_split();
    let dripping = tokio::spawn(async move {
        while writer.write_all(b"x: y\r\n").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    assert_eq!(rest(&mut silent).await, "", "who says nothing hears nothing");
    let mut read = Vec::new();
    let _ = timeout(LONG, reader.read_to_end(&mut read)).await.expect("the head is given up");
    timeout(LONG, dripping).await.expect("the connection is gone").expect("no panic");
    is_answering(&server).await;
}

#[tokio::test]
async fn bodies_and_heads_that_are_too_slow_or_too_large_are_refused() {
    let server = impatient(&[]).await;
    let head = |length: usize| {
        format!("POST /login HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n")
    };
    let mut slow = connect(&server).await;
    slow.write_all(head(100).as_bytes()).await.expect("sent");
    slow.write_all(b"abc").await.expect("sent");
    let answer = rest(&mut slow).await;
    assert!(answer.starts_with("HTTP/1.1 408 ") && answer.contains("body_too_slow"), "{answer}");

    let mut large = connect(&server).await;
    large.write_all(head(80 * 1024).as_bytes()).await.expect("sent");
    // What is refused is not read to its end, so the last of it may not arrive.
    let _ = large.write_all(&vec![b'x'; 80 * 1024]).await;
    let answer = rest(&mut large).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 413 "), "{answer}");

    let mut heavy = connect(&server).await;
    let head = format!("GET / HTTP/1.1\r\nHost: {HOST}\r\nx: {}\r\n\r\n", "y".repeat(64 * 1024));
    let _ = heavy.write_all(head.as_bytes()).await;
    let answer = rest(&mut heavy).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431 "), "{answer}");

    let mut many = connect(&server).await;
    let head = format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n{}\r\n", "x: y\r\n".repeat(100));
    many.write_all(head.as_bytes()).await.expect("sent");
    assert!(rest(&mut many).await.starts_with("HTTP/1.1 431 "));
    is_answering(&server).await;
}

#[tokio::test]
async fn a_reader_who_never_reads_is_left() {
    let server = impatient(&[("CARDGROVE_LIMITS__PROXY_IDLE_S_MAX", "600")]).await;
    let mut stream = connect(&server).await;
    let request = format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n").repeat(50);
    let flooding = async {
        // The connection ends by a fault in writing: nothing else ends this.
        while stream.write_all(request.as_bytes()).await.is_ok() {}
    };
    timeout(LONG, flooding).await.expect("the server gives up a reader who takes nothing");
    is_answering(&server).await;
}

/// A frame of HTTP/2.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("short").to_be_bytes();
    let head = [length[1], length[2], length[3], kind, flags];
    [head.as_slice(), &stream.to_be_bytes(), payload].concat()
}

/// `GET /` on a stream that is reset in the same breath.
fn opened_and_reset(stream: u32) -> Vec<u8> {
    // From the static table: GET, http and the path; the host as it is.
    let head = [&[0x82, 0x86, 0x84, 0x41, u8::try_from(HOST.len()).expect("short")], HOST.as_bytes()].concat();
    [frame(1, 0x5, stream, &head), frame(3, 0, stream, &8_u32.to_be_bytes())].concat()
}

#[tokio::test]
async fn streams_that_our_proxy_opens_and_resets_without_end_close_their_connection() {
    let server = impatient(&[("CARDGROVE_PROXIES", "[\"127.0.0.1\"]")]).await;
    let (mut reader, mut writer) = connect(&server).await.into_split();
    let flooding = tokio::spawn(async move {
        let mut bytes = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".as_slice(), &frame(4, 0, 0, &[])].concat();
        let mut stream = 1;
        // Only a closed connection ends this.
        loop {
            for _ in 0..200 {
                bytes.extend(opened_and_reset(stream));
                stream += 2;
            }
            if writer.write_all(&bytes).await.is_err() {
                return;
            }
            bytes.clear();
            tokio::task::yield_now().await;
        }
    });
    let mut read = Vec::new();
    let _ = timeout(LONG, reader.read_to_end(&mut read)).await.expect("the server does not play along");
    timeout(LONG, flooding).await.expect("the connection is gone").expect("no panic");
    is_answering(&server).await;
}

#[tokio::test]
async fn who_is_no_proxy_of_ours_cannot_speak_http_two() {
    let hello = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".as_slice(), &frame(4, 0, 0, &[0, 4, 0, 0, 0, 0])].concat();
    let server = impatient(&[]).await;
    let mut stranger = connect(&server).await;
    stranger.write_all(&[hello.as_slice(), &opened_and_reset(1)].concat()).await.expect("sent");
    let answer = rest(&mut stranger).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400 "), "{answer:?}");
    is_answering(&server).await;
    drop(server);

    let server = impatient(&[("CARDGROVE_PROXIES", "[\"127.0.0.1\"]")]).await;
    let mut proxy = connect(&server).await;
    proxy.write_all(&hello).await.expect("sent");
    let mut settings = [0; 9];
    timeout(LONG, proxy.read_exact(&mut settings)).await.expect("an answer").expect("a frame");
    assert_eq!(settings[3], 4, "our proxy is answered with settings of its own");
}

/// How many files this process may open.
fn files() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").expect("the system's limits");
    let line = limits.lines().find(|line| line.starts_with("Max open files")).expect("a limit of files");
    line.split_whitespace().nth(3).and_then(|soft| soft.parse().ok()).unwrap_or(20_000)
}

#[tokio::test]
async fn ten_thousand_idle_connections_go_by() {
    let server = impatient(&[]).await;
    let mut idle = Vec::new();
    for _ in 0..10_000.min(files().saturating_sub(300)) {
        match timeout(LONG, TcpStream::connect(("127.0.0.1", server.port()))).await {
            Ok(Ok(stream)) => idle.push(stream),
            _ => break,
        }
    }
    assert!(idle.len() > 500, "only {} connections could be opened", idle.len());
    let served = async {
        while ask(&server, "GET /healthz").await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(LONG, served).await.expect("there is room again while they are still open");
    for mut stream in idle.into_iter().take(20) {
        assert_eq!(rest(&mut stream).await, "");
    }
    is_answering(&server).await;
}

async fn ask(server: &Server, line: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", server.port())).await?;
    stream.write_all(format!("{line} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n").as_bytes()).await?;
    let mut read = String::new();
    stream.read_to_string(&mut read).await?;
    if read.is_empty() { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(read) }
}

#[tokio::test]
async fn connections_beyond_the_limit_are_closed_at_once_and_health_answers_before_the_gate() {
    let none = [("CARDGROVE_LIMITS__PAGES_MAX", "0"), ("CARDGROVE_LIMITS__ORDERS_MAX", "0")];
    let server = impatient(&[("CARDGROVE_LIMITS__CONNECTIONS_MAX", "3"), none[0], none[1]]).await;
    assert!(ask(&server, "GET /").await.expect("an answer").starts_with("HTTP/1.1 503 "));
    for path in ["GET /healthz", "GET /readyz"] {
        assert!(ask(&server, path).await.expect("an answer").starts_with("HTTP/1.1 200 "), "{path}");
    }
    // A gateway is heard as well: this one reports to a channel that is not there.
    let mut gateway = connect(&server).await;
    let report = "POST /pay/notify/sandbox/1 HTTP/1.1\r\nHost: cashier.localhost\r\nConnection: close\r\n\
                  Content-Length: 2\r\n\r\n{}";
    gateway.write_all(report.as_bytes()).await.expect("sent");
    assert!(rest(&mut gateway).await.starts_with("HTTP/1.1 404 "));
    let mut held = Vec::new();
    for _ in 0..8 {
        held.push(connect(&server).await);
    }
    let last = held.last_mut().expect("there are some");
    assert_eq!(rest(last).await, "", "there is no place for the last of them");
}

#[tokio::test]
async fn an_address_that_asks_too_fast_is_told_so_and_nobody_else() {
    let more = [
        ("CARDGROVE_PROXIES", "[\"127.0.0.1\"]"),
        ("CARDGROVE_LIMITS__REQUESTS_PER_ADDRESS_AND_SECOND", "1"),
        ("CARDGROVE_LIMITS__REQUESTS_PER_ADDRESS_BURST", "5"),
    ];
    let server = impatient(&more).await;
    let browser = server.browser(HOST);
    let ask = async |address: &str| {
        let request = browser.request(reqwest::Method::GET, "/terms").header("x-forwarded-for", address);
        request.send().await.expect("an answer")
    };
    let refused = timeout(LONG, async {
        loop {
            let answer = ask("203.0.113.9").await;
            if answer.status() != 200 {
                return answer;
            }
        }
    });
    let refused = refused.await.expect("it is too fast");
    assert_eq!(refused.status(), 429);
    assert!(refused.headers().contains_key("retry-after") && refused.headers().contains_key("ratelimit"));
    assert_eq!(ask("203.0.113.10").await.status(), 200);
    assert_eq!(ask("2001:db8::1").await.status(), 200);
}

/// Everybody wants something of the first tenant at once, over and over; how many were sent away is counted.
fn storm(server: &Server, sent_away: &Arc<AtomicU64>) -> Vec<JoinHandle<()>> {
    let one = |caller: u32| {
        let (port, http, sent_away) = (server.port(), crate::binary::client(), Arc::clone(sent_away));
        async move {
            loop {
                let request = http.post(format!("http://127.0.0.1:{port}/lookup")).header("host", "one.localhost");
                let request = request.header("x-forwarded-for", format!("198.51.100.{}", caller + 1));
                let asked = request.form(&[("number", "20261101-01234-567897"), ("password", "nonsense")]);
                let is_full = asked.send().await.is_ok_and(|answer| answer.status() == 503);
                sent_away.fetch_add(u64::from(is_full), Ordering::Relaxed);
            }
        }
    };
    (0..48).map(|caller| tokio::spawn(one(caller))).collect()
}

async fn buy_in_a_storm(backend: Backend) {
    let env = vec![
        ("CARDGROVE_PROXIES", "[\"127.0.0.1\"]".to_owned()),
        ("CARDGROVE_LIMITS__ORDERS_MAX", "10".to_owned()),
        ("CARDGROVE_LIMITS__REQUESTS_PER_ADDRESS_BURST", "1000000".to_owned()),
    ];
    let server = Server::start_with(backend, env).await;
    let buyer = server.browser(HOST);
    buyer.log_in(&server.login_of("he@two.localhost")).await;
    let sent_away = Arc::new(AtomicU64::new(0));
    let storm = storm(&server, &sent_away);
    let is_raging = async {
        while sent_away.load(Ordering::Relaxed) < 50 {
            tokio::task::yield_now().await;
        }
    };
    timeout(LONG, is_raging).await.expect("there are more than there are places for");
    for _ in 0..3 {
        timeout(LONG, buyer.buy("chestnut")).await.expect("another tenant's buyer is served");
    }
    for caller in storm {
        caller.abort();
    }
}

mod a_storm_at_one_shop_leaves_another_tenants_shop_open {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn sqlite() {
        buy_in_a_storm(Backend::Sqlite).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn postgres() {
        buy_in_a_storm(Backend::Postgres).await;
    }
}
