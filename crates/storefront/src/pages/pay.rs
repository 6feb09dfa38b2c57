//! From an unpaid order or top-up to the cashier, who takes the buyer to the gateway.

use axum::response::{IntoResponse, Redirect, Response};
use kernel::SiteScope;
use payment::{Attempt, AttemptState, ChannelId, IntentId, OutNo, PaymentError, StartAttempt, TradeState};
use serde::Deserialize;
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

/// On to the cashier by this channel; back to `page` if it is paid by now, or if the way to pay does not answer.
pub(crate) async fn again(
    app: &App,
    scope: &SiteScope,
    intent: IntentId,
    form: &PayForm,
    page: &str,
) -> Result<Response, Problem> {
    let wanted = ChannelId::parse(&form.channel).ok();
    let attempts = app.payments().attempts_of(scope, intent).await?;
    let open = attempts.iter().rev().find(|attempt| is_open(attempt) && wanted.is_none_or(|id| id == attempt.channel));
    let standing = match open {
        Some(attempt) => standing(app, scope, attempt).await?,
        None => Standing::Over,
    };
    let out_no = match (standing, open) {
        (Standing::Paid, _) => return Ok(Redirect::to(page).into_response()),
        (Standing::Open, Some(attempt)) => Some(attempt.out_no),
        _ => begin(app, scope, (intent, wanted), &attempts).await?,
    };
    match out_no {
        Some(out_no) => to_cashier(app, scope, out_no, page).await,
        None => Ok(unanswered(page)),
    }
}

/// On to the cashier with this try; back to `page` if the way to pay does not answer.
pub(crate) async fn to_cashier(app: &App, scope: &SiteScope, out_no: OutNo, page: &str) -> Result<Response, Problem> {
    let (payments, tenant) = (app.payments(), scope.engine());
    match payments.create(&tenant, &out_no).await {
        Ok(attempt) if attempt.state == AttemptState::Waiting => {
            let token = payments.hand_over(&tenant, &out_no).await?;
            Ok(Redirect::to(&app.cashier(&token)).into_response())
        }
        Ok(attempt) if attempt.state == AttemptState::Failed => Ok(unanswered(page)),
        Ok(_) => Ok(Redirect::to(page).into_response()),
        Err(error @ (PaymentError::Gateway(_) | PaymentError::NoGateway(_))) => {
            tracing::warn!(attempt.out_no = %out_no, %error, "a buyer cannot be sent to pay");
            Ok(unanswered(page))
        }
        Err(error) => Err(error.into()),
    }
}

/// What the gateway says of a try that it knows.
enum Standing {
    Open,
    Paid,
    Over,
}

/// Asks before a buyer is sent to a page a second time: he may have cancelled there, or paid. Money that is seen is
/// given its place at once.
async fn standing(app: &App, scope: &SiteScope, attempt: &Attempt) -> Result<Standing, Problem> {
    if attempt.state == AttemptState::New {
        return Ok(Standing::Open);
    }
    let tenant = scope.engine();
    Ok(match app.payments().query(&tenant, &attempt.out_no).await {
        Ok(TradeState::Paid(seen)) => {
            app.rooms.orders.receive(&tenant, seen).await?;
            Standing::Paid
        }
        Ok(TradeState::Closed | TradeState::Unknown) => Standing::Over,
        Ok(TradeState::Waiting) | Err(_) => Standing::Open,
    })
}

/// A further try, by the wanted channel or the last one; none if it may not be.
async fn begin(
    app: &App,
    scope: &SiteScope,
    (intent, wanted): (IntentId, Option<ChannelId>),
    attempts: &[Attempt],
) -> Result<Option<OutNo>, Problem> {
    let last = attempts.last().map(|attempt| attempt.channel);
    let Some(channel) = wanted.or(last) else { return Ok(None) };
    // Two presses of one button are one try.
    let key = format!("{channel}:{}", attempts.len());
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
