//! From an unpaid order or top-up to the cashier, who takes the buyer to the gateway.

use axum::response::{IntoResponse, Redirect, Response};
use futures::future::join_all;
use kernel::SiteScope;
use payment::{Attempt, AttemptState, ChannelId, IntentId, OutNo, PaymentError, StartAttempt, TradeState};
use serde::Deserialize;
use tokio::time::{Instant, timeout_at};
use web::Problem;

use crate::app::App;

/// What the page of a payment sends: the way to pay, or the one that was chosen last.
#[derive(Deserialize)]
pub(crate) struct PayForm {
    #[serde(default)]
    pub channel: String,
}

/// What the page of a payment is told in its address.
#[derive(Default, Deserialize)]
pub(crate) struct PayNote {
    #[serde(default)]
    pay: String,
}

const UNANSWERED: &str = "unanswered";

impl PayNote {
    /// Whether the last try to pay led nowhere.
    pub fn is_unanswered(&self) -> bool {
        self.pay == UNANSWERED
    }
}

/// The time that one request has for gateways, all its questions together. A gateway that hangs is one that does not
/// answer: the buyer learns it on a page that offers him another way, not from a server that gave up.
#[derive(Debug, Clone, Copy)]
struct Patience {
    end: Instant,
    /// What other ways to pay may take of it: one that hangs must not keep the wanted one from being asked.
    others_end: Instant,
}

impl Patience {
    fn of(app: &App) -> Self {
        let (now, whole) = (Instant::now(), app.rooms.settings.kit.outside_timeout());
        Self { end: now + whole, others_end: now + whole / 3 }
    }
}

/// On to the cashier by this channel; back to `page` if it is paid by now, or if the way to pay does not answer.
pub(crate) async fn again(
    app: &App,
    scope: &SiteScope,
    intent: IntentId,
    form: &PayForm,
    page: &str,
) -> Result<Response, Problem> {
    let patience = Patience::of(app);
    let attempts = app.payments().attempts_of(scope, intent).await?;
    let last = attempts.last().map(|attempt| attempt.channel);
    let Some(channel) = ChannelId::parse(&form.channel).ok().or(last) else { return Ok(unanswered(page)) };
    let is_wanted = |attempt: &&Attempt| attempt.channel == channel;
    let others = attempts.iter().filter(|attempt| attempt.state == AttemptState::Waiting && !is_wanted(attempt));
    let asked = others.map(|attempt| standing(app, scope, attempt, patience.others_end));
    let paid = join_all(asked).await.into_iter().collect::<Result<Vec<_>, _>>()?;
    if paid.contains(&Standing::Paid) {
        return Ok(Redirect::to(page).into_response());
    }
    let open = attempts.iter().rev().filter(is_wanted).find(|attempt| is_open(attempt));
    let standing = match open {
        Some(attempt) => standing(app, scope, attempt, patience.end).await?,
        None => Standing::Over,
    };
    let out_no = match (standing, open) {
        (Standing::Paid, _) => return Ok(Redirect::to(page).into_response()),
        (Standing::Silent, _) => return Ok(unanswered(page)),
        (Standing::Open, Some(attempt)) => Some(attempt.out_no),
        _ => begin(app, scope, (intent, channel), attempts.len()).await?,
    };
    match out_no {
        Some(out_no) => register(app, scope, out_no, (page, patience)).await,
        None => Ok(unanswered(page)),
    }
}

/// On to the cashier with this try; back to `page` if the way to pay does not answer.
pub(crate) async fn to_cashier(app: &App, scope: &SiteScope, out_no: OutNo, page: &str) -> Result<Response, Problem> {
    register(app, scope, out_no, (page, Patience::of(app))).await
}

async fn register(
    app: &App,
    scope: &SiteScope,
    out_no: OutNo,
    (page, patience): (&str, Patience),
) -> Result<Response, Problem> {
    let (payments, tenant) = (app.payments(), scope.engine());
    // A try that was cut off is still new, so the next press sends its number to the gateway again: one trade.
    let Ok(created) = timeout_at(patience.end, payments.create_for_buyer(&tenant, &out_no)).await else {
        tracing::warn!(attempt.out_no = %out_no, "a gateway did not answer in time");
        return Ok(unanswered(page));
    };
    match created {
        Ok((_, Some(token))) => Ok(Redirect::to(&app.cashier(&token)).into_response()),
        Ok((attempt, None)) if attempt.state == AttemptState::Failed => Ok(unanswered(page)),
        Ok(_) => Ok(Redirect::to(page).into_response()),
        Err(error @ (PaymentError::Gateway(_) | PaymentError::NoGateway(_))) => {
            tracing::warn!(attempt.out_no = %out_no, %error, "a buyer cannot be sent to pay");
            Ok(unanswered(page))
        }
        Err(error) => Err(error.into()),
    }
}

/// What the gateway says of a try that it knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Open,
    Paid,
    Over,
    /// It did not answer in time.
    Silent,
}

/// Asks before a buyer is sent to pay a second time, by this way or another: he may have cancelled there, or paid.
/// Money that is seen is given its place at once; a try is never ended from here.
async fn standing(app: &App, scope: &SiteScope, attempt: &Attempt, end: Instant) -> Result<Standing, Problem> {
    if attempt.state == AttemptState::New {
        return Ok(Standing::Open);
    }
    let tenant = scope.engine();
    // Only the question is cut off in time; money that was seen is given its place in any case.
    let Ok(answer) = timeout_at(end, app.payments().query(&tenant, &attempt.out_no)).await else {
        return Ok(Standing::Silent);
    };
    Ok(match answer {
        Ok(TradeState::Paid(seen)) => {
            app.rooms.orders.receive(&tenant, seen).await?;
            Standing::Paid
        }
        Ok(TradeState::Closed | TradeState::Unknown) => Standing::Over,
        Ok(TradeState::Waiting) | Err(_) => Standing::Open,
    })
}

/// A further try by this channel; none if it may not be.
async fn begin(
    app: &App,
    scope: &SiteScope,
    (intent, channel): (IntentId, ChannelId),
    tries: usize,
) -> Result<Option<OutNo>, Problem> {
    // Two presses of one button are one try.
    let key = format!("{channel}:{tries}");
    let start = StartAttempt { key, intent, channel, out_no: OutNo::new() };
    match app.payments().start_attempt(scope, start).await {
        Ok(out_no) => Ok(Some(out_no)),
        Err(PaymentError::Refused(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

const fn is_open(attempt: &Attempt) -> bool {
    matches!(attempt.state, AttemptState::New | AttemptState::Waiting)
}

fn unanswered(page: &str) -> Response {
    Redirect::to(&format!("{page}?pay={UNANSWERED}")).into_response()
}
