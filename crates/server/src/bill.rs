//! `cardgrove bill ..`: what gateways say of a day beside our own rows.

use std::fmt::Write;
use std::process::ExitCode;

use anyhow::{Context, bail};
use chrono::NaiveDate;
use kernel::Platform;
use payment::{BillLine, BillReport, Channel, ChannelId, Difference, in_job};
use tenancy::Slug;

use crate::cli::Bill;
use crate::commands::print;
use crate::database::{self, Access, Opened};
use crate::house::House;
use crate::settings::Settings;

/// Carries out the words about bills, beside a server that may be running; 1 if anything is not the same.
pub async fn run(settings: &Settings, words: Bill) -> anyhow::Result<ExitCode> {
    let Bill::Compare { tenant, channel, day } = words;
    let only = channel.map(|text| ChannelId::parse(&text)).transpose()?;
    let Opened::Here(database) = database::open(settings, Access::Read).await? else {
        bail!("the database cannot be opened for reading");
    };
    let house = House::open(settings, database.store).await?;
    let found = house.tenancy.find_tenant(&Slug::parse(&tenant)?).await?;
    let scope = Platform::assume().tenant(found.with_context(|| format!("there is no shop {tenant}"))?);
    let mut channels = house.payments.all_channels(&scope).await?;
    channels.retain(|channel| only.is_none_or(|only| channel.id == only));
    if channels.is_empty() {
        bail!("{tenant} has no such channel");
    }
    let (mut text, mut differences) = (String::new(), 0);
    for channel in &channels {
        // With the patience of a job: nobody waits at a page.
        let report = in_job(house.payments.compare_bill(&scope, channel.id, day)).await;
        let report = report.with_context(|| format!("no bill of {} ({})", channel.id, channel.name.en))?;
        differences += report.differences.len();
        tell(&mut text, channel, day, &report);
    }
    house.store.close().await?;
    print(&text)?;
    Ok(if differences == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn tell(text: &mut String, channel: &Channel, day: NaiveDate, report: &BillReport) {
    let BillReport { agreed, differences } = report;
    let (id, provider, payee) = (channel.id, &channel.provider, &channel.payee);
    let _ = writeln!(text, "{id} {provider} {payee} {day}: {agreed} lines agree, {} differ", differences.len());
    for difference in differences {
        let _ = match difference {
            Difference::MissingHere(line) => writeln!(text, "  missing here   {}", words(line)),
            Difference::MissingThere(line) => writeln!(text, "  missing there  {}", words(line)),
            Difference::OtherAmount { theirs, ours } => {
                writeln!(text, "  other amount   {}; here it is {}", words(theirs), ours.amount)
            }
        };
    }
}

fn words(line: &BillLine) -> String {
    let BillLine { kind, number, out_no, amount, at } = line;
    format!("{} {number} of {amount} for {out_no} at {}", kind.word(), at.format("%F %T UTC"))
}
