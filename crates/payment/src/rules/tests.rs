use chrono::{TimeDelta, TimeZone};
use kernel::{Currency, SiteId};
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::model::{AttemptState, ChannelId, IntentId, PaymentId, Purpose, Use};
use crate::number::OutNo;

fn cents(minor: i64) -> Money {
    Money::new(minor, Currency::CNY)
}

fn start() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 21, 8, 0, 0).single().expect("a moment that exists once")
}

/// An intent of 50.00, a try at it, and the money that pays it.
fn good() -> (Attempt, Intent, Seen) {
    let (intent, channel, out_no) = (IntentId::new(), ChannelId::new(), OutNo::new());
    let site = SiteId::new();
    let attempt = Attempt {
        out_no,
        intent,
        site,
        channel,
        payee: "m".to_owned(),
        amount: cents(50_00),
        state: AttemptState::Waiting,
        pay_url: None,
        trade_no: None,
        created_at: start(),
    };
    let intent = Intent {
        id: intent,
        site,
        purpose: Purpose::Order,
        customer: None,
        amount: cents(50_00),
        state: IntentState::Open,
        return_url: String::new(),
        expires_at: start() + TimeDelta::minutes(15),
        created_at: start(),
    };
    let seen = Seen {
        channel,
        out_no: out_no.to_string(),
        trade_no: "T1".to_owned(),
        payee: "m".to_owned(),
        amount: cents(50_00),
        paid_at: start(),
        is_confirmed: false,
    };
    (attempt, intent, seen)
}

fn judged(change: impl FnOnce(&mut Attempt, &mut Intent, &mut Seen)) -> Judgement {
    let (mut attempt, mut intent, mut seen) = good();
    change(&mut attempt, &mut intent, &mut seen);
    judge(Some(&attempt), Some(&intent), &seen, None)
}

#[test]
fn every_kind_of_money_is_told_apart() {
    assert_eq!(judged(|_, _, _| {}), Judgement::Good);
    assert_eq!(judged(|_, intent, _| intent.state = IntentState::Closed), Judgement::Good);
    assert_eq!(judged(|_, intent, _| intent.state = IntentState::Paid), Judgement::Double);
    assert_eq!(judged(|_, _, seen| seen.amount = cents(49_99)), Judgement::WrongAmount);
    assert_eq!(judged(|_, _, seen| seen.amount = Money::new(50_00, Currency::USD)), Judgement::WrongAmount);
    assert_eq!(judged(|_, _, seen| seen.payee = "thief".to_owned()), Judgement::WrongPayee);
    assert_eq!(judged(|_, _, seen| seen.channel = ChannelId::new()), Judgement::Unmatched);
    assert_eq!(judged(|_, _, seen| seen.out_no = "nonsense".to_owned()), Judgement::Unmatched);
    assert_eq!(judged(|attempt, _, _| attempt.intent = IntentId::new()), Judgement::Unmatched);
}

#[test]
fn a_trade_that_was_recorded_is_known_whatever_else_is_wrong() {
    let (attempt, mut intent, mut seen) = good();
    let earlier = seen.payment((intent.site, Some(intent.id)), Use::Order, start());
    intent.state = IntentState::Paid;
    seen.amount = cents(1);
    assert_eq!(judge(Some(&attempt), Some(&intent), &seen, Some(&earlier)), Judgement::Known);
    assert_eq!(judge(None, None, &seen, Some(&earlier)), Judgement::Known);
    assert_eq!(judge(None, None, &seen, None), Judgement::Unmatched);
    assert_ne!(earlier.id, PaymentId::from_uuid(Uuid::nil()));
}

fn states() -> impl Strategy<Value = RefundState> {
    prop::sample::select(RefundState::ALL.to_vec())
}

fn events() -> impl Strategy<Value = RefundEvent> {
    let reason = || "r".to_owned();
    prop::sample::select(vec![
        RefundEvent::Approve,
        RefundEvent::Submit,
        RefundEvent::SubmitAgain,
        RefundEvent::Accepted,
        RefundEvent::Unknown { reason: reason() },
        RefundEvent::Done,
        RefundEvent::Failed { reason: reason() },
        RefundEvent::Cancel,
    ])
}

proptest! {
    #[test]
    fn only_exact_money_for_an_unpaid_intent_is_good(
        minor in 49_90i64..50_10, dollars in any::<bool>(), thief in any::<bool>(), state in 0usize..3, known in any::<bool>()
    ) {
        let (attempt, mut intent, mut seen) = good();
        intent.state = IntentState::ALL[state];
        let currency = if dollars { Currency::USD } else { Currency::CNY };
        seen.amount = Money::new(minor, currency);
        if thief {
            seen.payee = "thief".to_owned();
        }
        let earlier = known.then(|| seen.payment((intent.site, None), Use::Order, start()));
        let is_good = judge(Some(&attempt), Some(&intent), &seen, earlier.as_ref()) == Judgement::Good;
        let is_exact = minor == 50_00 && !dollars && !thief;
        prop_assert_eq!(is_good, is_exact && !known && intent.state != IntentState::Paid);
    }

    #[test]
    fn a_refund_ends_for_ever_and_is_sent_only_when_approved_or_unknown(
        events in prop::collection::vec(events(), 1..30)
    ) {
        let mut state = RefundState::Requested;
        let mut was_approved = false;
        for event in events {
            let Some(next) = refund_step(state, &event) else { continue };
            was_approved |= next == RefundState::Approved;
            let is_final = matches!(state, RefundState::Done | RefundState::Cancelled);
            prop_assert!(!is_final, "{state:?} became {next:?}");
            if matches!(event, RefundEvent::Submit | RefundEvent::SubmitAgain) {
                prop_assert!(matches!(state, RefundState::Approved | RefundState::Unknown));
                prop_assert!(was_approved);
            }
            state = next;
        }
    }

    #[test]
    fn a_refund_is_never_sent_while_it_is_being_sent(state in states()) {
        let may = |event| refund_step(state, &event).is_some();
        prop_assert_eq!(may(RefundEvent::Submit), state == RefundState::Approved);
        prop_assert_eq!(may(RefundEvent::SubmitAgain), state == RefundState::Unknown);
    }

    #[test]
    fn looks_come_at_the_written_times_and_at_the_end(age_s in 0i64..2_000, life_s in 1i64..1_500) {
        let (now, end) = (start() + TimeDelta::seconds(age_s), start() + TimeDelta::seconds(life_s));
        let next = next_look(start(), end, now);
        prop_assert!(next >= now && next <= end.max(now));
        if now < end {
            prop_assert!(next > now);
        }
    }
}

#[test]
fn a_trade_of_fifteen_minutes_is_asked_after_seven_times() {
    let end = start() + TimeDelta::minutes(15);
    let mut at = start();
    let mut asked = Vec::new();
    while at < end {
        at = next_look(start(), end, at);
        asked.push((at - start()).num_seconds());
    }
    assert_eq!(asked, [5, 15, 30, 60, 120, 300, 600, 900]);
}

#[test]
fn what_is_done_with_a_trade_follows_from_its_state() {
    let (attempt, intent, _) = good();
    let look_in = |state, intent_state, after_s: i64| {
        let attempt = Attempt { state, ..attempt.clone() };
        let intent = Intent { state: intent_state, ..intent.clone() };
        look(&attempt, &intent, start() + TimeDelta::seconds(after_s))
    };
    assert_eq!(look_in(AttemptState::Waiting, IntentState::Open, 10), Look::Ask);
    assert_eq!(look_in(AttemptState::New, IntentState::Open, 900), Look::Close);
    assert_eq!(look_in(AttemptState::Waiting, IntentState::Paid, 10), Look::Close);
    assert_eq!(look_in(AttemptState::Closed, IntentState::Closed, 960), Look::Last);
    assert_eq!(look_in(AttemptState::Paid, IntentState::Paid, 10), Look::Leave);
}

#[test]
fn refunds_are_asked_after_often_for_about_a_day_and_then_daily_for_ever() {
    let whole: TimeDelta = (0..REFUND_DAILY_FROM).map(refund_wait).sum();
    assert!(whole > TimeDelta::hours(24) && whole < TimeDelta::hours(26), "{whole}");
    assert_eq!((refund_wait(REFUND_DAILY_FROM), refund_wait(u32::MAX)), (TimeDelta::days(1), TimeDelta::days(1)));
}

#[test]
fn a_refused_refund_may_be_approved_again_and_nothing_else() {
    use RefundEvent::{Accepted, Cancel, Done, Submit, SubmitAgain};
    for event in [Submit, SubmitAgain, Done, Cancel, Accepted] {
        assert_eq!(refund_step(RefundState::Failed, &event), None);
    }
    assert_eq!(refund_step(RefundState::Failed, &RefundEvent::Approve), Some(RefundState::Approved));
}

#[test]
fn money_that_was_seen_is_pursued_for_a_day() {
    let waits: Vec<TimeDelta> = (0..).map_while(money_wait).collect();
    let whole: TimeDelta = waits.iter().sum();
    assert_eq!(waits[0], TimeDelta::seconds(10));
    assert!(whole >= TimeDelta::hours(25) && whole < TimeDelta::hours(26), "{whole}");
    assert_eq!(money_wait(u32::MAX), None);
}

#[test]
fn a_trade_that_is_over_is_looked_at_for_a_day_more() {
    let at = |round, after_h: i64| look_again(start(), round, start() + TimeDelta::hours(after_h));
    assert_eq!(at(0, 1), Some(start() + TimeDelta::minutes(61)));
    assert_eq!(at(1, 1), Some(start() + TimeDelta::minutes(70)));
    assert_eq!((at(9, 24), at(9, 25)), (Some(start() + TimeDelta::hours(25)), None));
    // The clock runs ahead, perhaps: a first look that fails ends nothing.
    assert_eq!([0, 1, 2, 3].map(|round| at(round, 48).is_some()), [true, true, true, false]);
}
