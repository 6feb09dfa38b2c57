//! The gateway's bill of a day, compared on the command line.

use chrono::{Days, NaiveDate, TimeDelta, Utc};

use super::{DELIVERED, until};
use crate::binary::{Backend, Server, on_both};

/// Whether everything agrees on a day, and what the command says.
fn compare(server: &Server, day: NaiveDate) -> (bool, String) {
    let mut command = server.command(&["bill", "compare", "--tenant", "demo-two", "--day", &day.to_string()]);
    let output = command.env("CARDGROVE_SANDBOX_URL", server.sandbox_url()).output().expect("it runs");
    let said = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    (output.status.success(), said)
}

/// The same for the day of a payment made a moment ago, which may have been the one before midnight.
fn compare_now(server: &Server) -> (bool, String) {
    let today = (Utc::now() + TimeDelta::hours(8)).date_naive();
    let days = [today - Days::new(1), today].map(|day| compare(server, day));
    (days.iter().all(|(agrees, _)| *agrees), days.map(|(_, said)| said).concat())
}

on_both! {
    async fn a_days_bill_agrees_with_the_books_or_the_command_says_where_it_does_not(server) {
        let guest = server.browser("two.localhost");
        let order = guest.order("chestnut", "a@example.test", "ocean").await;
        let page = guest.pay(&order).await;
        until(&guest, &format!("{page}/status"), DELIVERED).await;
        let (agrees, said) = compare_now(&server);
        assert!(agrees && said.contains(": 1 lines agree, 0 differ"), "{said}");
        server.tamper("UPDATE payments SET amount_minor = amount_minor + 1").await;
        let (agrees, said) = compare_now(&server);
        let told = format!("for {} at ", order.out_no);
        assert!(!agrees && said.contains("other amount   payment ") && said.contains(&told), "{said}");
        server.tamper("UPDATE payments SET trade_no = 'invented'").await;
        let (agrees, said) = compare_now(&server);
        assert!(!agrees && said.contains("missing here   payment ") && said.contains("missing there  payment invented"), "{said}");
        let wrong = server.run_failing(&["bill", "compare", "--tenant", "nobody", "--day", "2026-11-21"]);
        assert!(wrong.contains("there is no shop nobody"), "{wrong}");
    }
}
