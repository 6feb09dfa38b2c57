use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::mode::Lost;
use super::*;

/// A server that says everything back, and a proxy to it.
async fn echo() -> Proxy {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let port = listener.local_addr().expect("it has an address").port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut reads, mut writes) = stream.split();
                tokio::io::copy(&mut reads, &mut writes).await
            });
        }
    });
    Proxy::start(Target::Port(port), Dice::of(1)).await.expect("a proxy")
}

async fn connect(proxy: &Proxy) -> TcpStream {
    TcpStream::connect(("127.0.0.1", proxy.port())).await.expect("the proxy listens")
}

/// Says `words`; what comes back, or none if the connection ends before.
async fn ask(stream: &mut TcpStream, words: &[u8]) -> Option<Vec<u8>> {
    let mut answer = vec![0; words.len()];
    stream.write_all(words).await.ok()?;
    stream.read_exact(&mut answer).await.ok()?;
    Some(answer)
}

#[tokio::test]
async fn a_wire_that_passes_changes_nothing() {
    let proxy = echo().await;
    let mut stream = connect(&proxy).await;
    for words in [&b"COMMIT\0"[..], b"hello", &[7; 40_000]] {
        assert_eq!(ask(&mut stream, words).await.as_deref(), Some(words));
    }
    assert_eq!(proxy.hurt(), 0);
}

#[tokio::test]
async fn a_slow_wire_is_slow_both_ways() {
    let proxy = echo().await;
    let mut stream = connect(&proxy).await;
    proxy.set(Mode::Delay(Duration::from_millis(40)));
    let began = Instant::now();
    assert!(ask(&mut stream, b"hello").await.is_some());
    assert!(began.elapsed() >= Duration::from_millis(80));
    proxy.set(Mode::Throttle(2_000));
    let began = Instant::now();
    assert!(ask(&mut stream, &[1; 300]).await.is_some());
    assert!(began.elapsed() >= Duration::from_millis(150), "300 bytes in pieces of 100");
}

#[tokio::test]
async fn a_frozen_wire_thaws_and_has_lost_nothing() {
    let proxy = echo().await;
    let mut stream = connect(&proxy).await;
    proxy.set(Mode::Freeze);
    stream.write_all(b"hello").await.expect("it takes bytes");
    let mut answer = [0; 5];
    let early = tokio::time::timeout(Duration::from_millis(60), stream.read_exact(&mut answer)).await;
    assert!(early.is_err(), "a frozen wire answers");
    proxy.set(Mode::Pass);
    stream.read_exact(&mut answer).await.expect("it goes on");
    assert_eq!(&answer, b"hello");
}

#[tokio::test]
async fn open_connections_are_reset_and_new_ones_made() {
    let proxy = echo().await;
    let mut stream = connect(&proxy).await;
    assert!(ask(&mut stream, b"hello").await.is_some());
    proxy.reset_all();
    let error = stream.read_exact(&mut [0; 1]).await.expect_err("it is torn");
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    assert!(ask(&mut connect(&proxy).await, b"hello").await.is_some());
}

#[tokio::test]
async fn a_connection_is_reset_in_the_middle_of_an_answer() {
    let proxy = echo().await;
    proxy.set(Mode::ResetAfter(8));
    let mut stream = connect(&proxy).await;
    assert!(ask(&mut stream, b"hello").await.is_some());
    assert_eq!(ask(&mut stream, b"hello").await, None, "the ninth byte never comes");
}

#[tokio::test]
async fn every_third_commit_has_no_answer() {
    let proxy = echo().await;
    proxy.set(Mode::LoseCommits { every: 3 });
    let mut answered = Vec::new();
    for _ in 0..9 {
        let mut stream = connect(&proxy).await;
        assert!(ask(&mut stream, b"BEGIN\0").await.is_some(), "only commits are lost");
        answered.push(ask(&mut stream, b"Q\0\0\0\x0bCOMMIT\0").await.is_some());
    }
    assert_eq!(answered, [true, true, false, true, true, false, true, true, false]);
}

#[test]
fn commits_are_lost_in_three_ways() {
    let lost: Vec<_> = (0..6).filter_map(|number| Lost::of(number, 2)).collect();
    assert_eq!(lost, [Lost::OnTheWayBack, Lost::OnTheWay, Lost::AtOnce]);
}

#[tokio::test]
async fn some_connections_are_dropped() {
    let proxy = echo().await;
    proxy.set(Mode::Drop(30));
    let mut dropped = 0;
    for _ in 0..100 {
        dropped += u32::from(ask(&mut connect(&proxy).await, b"hello").await.is_none());
    }
    assert!((10..=60).contains(&dropped), "{dropped} of 100");
}

#[tokio::test]
async fn the_wire_may_answer_itself() {
    let proxy = echo().await;
    proxy.set(Mode::Answer(b"no!"));
    let mut stream = connect(&proxy).await;
    let mut answer = Vec::new();
    stream.write_all(b"hello").await.expect("it takes bytes");
    stream.read_to_end(&mut answer).await.expect("it ends in order");
    assert_eq!(answer, b"no!");
}

#[tokio::test]
async fn a_commit_is_held_on_its_way_or_on_its_way_back_after_some_have_passed() {
    for is_answer in [false, true] {
        let proxy = echo().await;
        let mut stream = connect(&proxy).await;
        proxy.set(Mode::HoldCommit { passed: 2, is_answer });
        for _ in 0..2 {
            assert!(ask(&mut stream, b"COMMIT\0").await.is_some());
            assert!(ask(&mut stream, b"no commit").await.is_some());
        }
        assert_eq!(proxy.hurt(), 0);
        let held = tokio::spawn(async move { ask(&mut stream, b"COMMIT\0").await });
        while proxy.hurt() == 0 {
            tokio::task::yield_now().await;
        }
        assert!(!held.is_finished(), "nobody is answered");
        assert!(ask(&mut connect(&proxy).await, b"COMMIT\0").await.is_some(), "only one is held");
        proxy.set(Mode::Pass);
        assert_eq!(held.await.expect("it does not panic"), None);
    }
}
