//! The limit's arithmetic, on a clock that stands still.

use std::net::Ipv4Addr;

use chrono::TimeZone;
use kernel::{FakeClock, TenantId};
use proptest::prelude::*;

use super::*;

fn clock() -> FakeClock {
    FakeClock::at(Utc.with_ymd_and_hms(2026, 11, 21, 8, 0, 0).single().expect("a moment"))
}

fn limits() -> (LoginLimits, FakeClock) {
    let clock = clock();
    (LoginLimits::new(Arc::new(clock.clone())), clock)
}

fn account(login: &str) -> Account {
    Account { tenant: None, login: Login::parse(login).expect("a login") }
}

fn address(last: u8) -> IpAddr {
    Ipv4Addr::new(192, 0, 2, last).into()
}

async fn fail(limits: &LoginLimits, login: &str, from: IpAddr) -> IdentityError {
    let failed = limits.guard(account(login), from, async { Err::<(), _>(IdentityError::BadLogin) });
    failed.await.expect_err("it fails")
}

async fn succeed(limits: &LoginLimits, login: &str, from: IpAddr) -> Result<(), IdentityError> {
    limits.guard(account(login), from, async { Ok(()) }).await
}

#[tokio::test]
async fn the_sixth_try_of_a_login_waits_a_quarter_of_an_hour() {
    let (limits, clock) = limits();
    for last in 0..5 {
        assert!(matches!(fail(&limits, "ann", address(last)).await, IdentityError::BadLogin));
        clock.advance(TimeDelta::minutes(1));
    }
    let refused = succeed(&limits, "ann", address(9)).await;
    assert!(matches!(refused, Err(IdentityError::TooManyTries { retry_after }) if retry_after.as_secs() == 10 * 60));
    clock.advance(TimeDelta::minutes(10));
    assert!(succeed(&limits, "ann", address(9)).await.is_ok());
}

#[tokio::test]
async fn a_refused_try_does_not_prolong_the_wait() {
    let (limits, clock) = limits();
    for last in 0..5 {
        fail(&limits, "ann", address(last)).await;
    }
    for _ in 0..3 {
        clock.advance(TimeDelta::minutes(5));
        let _ = fail(&limits, "ann", address(9)).await;
    }
    assert!(matches!(fail(&limits, "ann", address(9)).await, IdentityError::BadLogin));
}

#[tokio::test]
async fn an_address_fails_twenty_times_whatever_the_logins() {
    let (limits, _) = limits();
    for number in 0..20 {
        assert!(matches!(fail(&limits, &format!("login-{number}"), address(1)).await, IdentityError::BadLogin));
    }
    assert!(matches!(fail(&limits, "another", address(1)).await, IdentityError::TooManyTries { .. }));
    assert!(succeed(&limits, "another", address(2)).await.is_ok());
}

#[tokio::test]
async fn a_right_password_clears_the_logins_count_but_not_the_addresss() {
    let (limits, _) = limits();
    for _ in 0..4 {
        for _ in 0..4 {
            fail(&limits, "ann", address(1)).await;
        }
        assert!(succeed(&limits, "ann", address(1)).await.is_ok());
    }
    for login in ["b", "c", "d", "e"] {
        assert!(matches!(fail(&limits, login, address(1)).await, IdentityError::BadLogin));
    }
    assert!(matches!(fail(&limits, "f", address(1)).await, IdentityError::TooManyTries { .. }));
}

#[tokio::test]
async fn our_own_trouble_is_nobodys_failure() {
    let (limits, _) = limits();
    for _ in 0..30 {
        let busy = limits.guard(account("ann"), address(1), async { Err::<(), _>(IdentityError::Busy) }).await;
        assert!(matches!(busy, Err(IdentityError::Busy)));
    }
    assert!(limits.lock().by_key.is_empty());
}

#[tokio::test]
async fn tries_at_once_count_before_they_are_answered() {
    let (limits, _) = limits();
    let (account, address) = (Key::Account(account("ann")), Key::Address(address(1)));
    for _ in 0..5 {
        assert!(limits.begin(&[&account, &address]).is_ok());
    }
    assert!(limits.begin(&[&account, &address]).is_err());
}

#[tokio::test]
async fn the_same_login_of_two_tenants_is_two_accounts() {
    let (limits, _) = limits();
    for last in 0..6 {
        fail(&limits, "ann", address(last)).await;
    }
    let other = Account { tenant: Some(TenantId::new()), ..account("ann") };
    assert!(limits.guard(other, address(9), async { Ok(()) }).await.is_ok());
}

async fn guess(limits: &LoginLimits, about: &str, found: Option<()>) -> Result<Option<()>, IdentityError> {
    limits.guard_guess((TenantId::from_uuid(uuid::Uuid::nil()), about), address(1), async { Ok(found) }).await
}

#[tokio::test]
async fn a_guess_is_bounded_by_what_it_is_about_and_not_by_how_that_is_written() {
    let (limits, _) = limits();
    for about in ["ann@x.test", " ANN@x.test", "ann @x.test", "ann@X.test", "Ann@x.test"] {
        assert!(matches!(guess(&limits, about, None).await, Ok(None)));
    }
    assert!(matches!(guess(&limits, "ann@x.test", Some(())).await, Err(IdentityError::TooManyTries { .. })));
    assert!(matches!(guess(&limits, "ben@x.test", Some(())).await, Ok(Some(()))));
    // Whoever guesses does not lock anybody's log-in.
    assert!(succeed(&limits, "ann@x.test", address(1)).await.is_ok());
}

#[tokio::test]
async fn guesses_and_log_ins_of_an_address_count_together() {
    let (limits, _) = limits();
    for number in 0..10 {
        fail(&limits, &format!("login-{number}"), address(1)).await;
        assert!(guess(&limits, &format!("order-{number}"), None).await.is_ok());
    }
    assert!(matches!(guess(&limits, "another", None).await, Err(IdentityError::TooManyTries { .. })));
}

#[test]
fn an_ipv6_network_is_one_address() {
    let parsed = |text: &str| network(text.parse().expect("an address"));
    assert_eq!(parsed("2001:db8:1:2:3:4:5:6"), parsed("2001:db8:1:2::1"));
    assert_ne!(parsed("2001:db8:1:2::1"), parsed("2001:db8:1:3::1"));
    assert_eq!(parsed("::ffff:192.0.2.1"), parsed("192.0.2.1"));
}

#[tokio::test]
async fn the_login_tried_longest_ago_is_forgotten_first() {
    let limits = LoginLimits::with_keys_max(Arc::new(clock()), 3);
    for login in ["ann", "ben"] {
        fail(&limits, login, address(1)).await;
    }
    fail(&limits, "ann", address(1)).await;
    fail(&limits, "cem", address(1)).await;
    let tries = limits.lock();
    assert!(!tries.by_key.contains_key(&Key::Account(account("ben"))));
    assert_eq!(tries.by_key.get(&Key::Account(account("ann"))).map(|recent| recent.at.len()), Some(2));
}

proptest! {
    #[test]
    fn both_indexes_agree_and_stay_bounded(steps in prop::collection::vec((0u8..12, 0u8..4, 0u8..3), 0..200)) {
        let limits = LoginLimits::with_keys_max(Arc::new(clock()), 8);
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        for (login, last, outcome) in steps {
            let outcome = match outcome {
                0 => Ok(()),
                1 => Err(IdentityError::BadLogin),
                _ => Err(IdentityError::Busy),
            };
            let _ = runtime.block_on(limits.guard(account(&format!("login-{login}")), address(last), async { outcome }));
            let tries = limits.lock();
            prop_assert!(tries.by_key.len() <= 8);
            prop_assert_eq!(tries.by_key.len(), tries.by_turn.len());
            for (turn, key) in &tries.by_turn {
                prop_assert_eq!(tries.by_key.get(key).map(|recent| recent.turn), Some(*turn));
            }
        }
    }
}

#[tokio::test]
async fn what_is_left_is_told_and_grows_again() {
    let (limits, clock) = limits();
    let left = |limits: &LoginLimits| -> Vec<(&str, u32, u32, u64)> {
        let told = limits.left_for_login(None, "Ann", address(1));
        told.iter().map(|one| (one.name, one.most, one.left, one.resets_after.as_secs())).collect()
    };
    assert_eq!(left(&limits), [("login", 5, 5, 0), ("address", 20, 20, 0)]);
    fail(&limits, "ann", address(1)).await;
    clock.advance(TimeDelta::minutes(1));
    fail(&limits, "ann", address(1)).await;
    assert_eq!(left(&limits), [("login", 5, 3, 14 * 60), ("address", 20, 18, 14 * 60)]);
    for _ in 0..4 {
        fail(&limits, "ann", address(1)).await;
    }
    assert_eq!(left(&limits)[0], ("login", 5, 0, 14 * 60));
    clock.advance(TimeDelta::minutes(14));
    assert_eq!(left(&limits)[0], ("login", 5, 1, 60));
    assert!(limits.left_for_login(None, "", address(1)).iter().all(|one| one.name == "address"));
}
