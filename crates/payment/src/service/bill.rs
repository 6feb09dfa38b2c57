//! Comparing a gateway's bill of a day with our rows.

use std::collections::HashSet;

use chrono::{Days, NaiveDate};
use kernel::TenantScope;

use super::Payments;
use crate::bill::{BILL_LINES_MAX, BillKind, BillLine, BillReport, Difference, bill_day, compare};
use crate::error::PaymentError;
use crate::gateway::ChannelAccess;
use crate::model::{Channel, ChannelId};
use crate::pace::converse;
use crate::repo;

impl Payments {
    /// All channels of the tenant, whatever their state, in the order of their ids.
    pub async fn all_channels(&self, scope: &TenantScope) -> Result<Vec<Channel>, PaymentError> {
        repo::all_channels_in(&self.store.read(scope).await?).await
    }

    /// Asks the channel's gateway for its bill of this Beijing day, and compares it with our rows line by line. Nothing
    /// is changed. Money that went to another merchant is on nobody's bill of this channel.
    pub async fn compare_bill(
        &self,
        scope: &TenantScope,
        channel: ChannelId,
        day: NaiveDate,
    ) -> Result<BillReport, PaymentError> {
        let access = self.access_in(&self.store.read(scope).await?, channel).await?;
        let theirs = self.bill(&access, day).await?;
        let ours = self.own_lines(scope, &access.channel, &theirs, day).await?;
        let mut report = compare(&theirs, &ours);
        let is_refund =
            |one: &Difference| matches!(one, Difference::MissingThere(line) if line.kind == BillKind::Refund);
        // A refund's row says when we heard of it, which may be the day after.
        if let Some(before) = day.checked_sub_days(Days::new(1))
            && report.differences.iter().any(is_refund)
        {
            let (refunds, others) = report.differences.into_iter().partition(is_refund);
            report.differences = others;
            let before = self.bill(&access, before).await?;
            settle(&mut report, refunds, &before);
        }
        Ok(report)
    }

    async fn bill(&self, access: &ChannelAccess, day: NaiveDate) -> Result<Vec<BillLine>, PaymentError> {
        let _place = self.rooms.enter(&access.channel)?;
        let lines = converse(self.gateway(&access.channel.provider)?.bill(access, day)).await?;
        if lines.len() > BILL_LINES_MAX { Err(PaymentError::BillTooLong { limit: BILL_LINES_MAX }) } else { Ok(lines) }
    }

    /// Our rows of the day, and those of other days that are on the bill: a day's end is not the same everywhere.
    async fn own_lines(
        &self,
        scope: &TenantScope,
        channel: &Channel,
        theirs: &[BillLine],
        day: NaiveDate,
    ) -> Result<Vec<BillLine>, PaymentError> {
        let tx = self.store.read(scope).await?;
        let mut ours = repo::bill_lines_in(&tx, channel, bill_day(day), BILL_LINES_MAX as u64 + 1).await?;
        if ours.len() > BILL_LINES_MAX {
            return Err(PaymentError::BillTooLong { limit: BILL_LINES_MAX });
        }
        let known: HashSet<(BillKind, &str)> = ours.iter().map(|line| (line.kind, line.number.as_str())).collect();
        let unknown = |kind| -> Vec<String> {
            let lines =
                theirs.iter().filter(|line| line.kind == kind && !known.contains(&(kind, line.number.as_str())));
            lines.map(|line| line.number.clone()).collect()
        };
        let (payments, refunds) = (unknown(BillKind::Payment), unknown(BillKind::Refund));
        ours.extend(repo::bill_lines_of_in(&tx, channel, (&payments, &refunds)).await?);
        Ok(ours)
    }
}

/// Looks for refunds that a bill lacks on the bill of the day before.
fn settle(report: &mut BillReport, refunds: Vec<Difference>, before: &[BillLine]) {
    for difference in refunds {
        let Difference::MissingThere(ours) = &difference else { continue };
        match before.iter().find(|line| line.kind == ours.kind && line.number == ours.number) {
            Some(line) if line.amount == ours.amount => {}
            Some(line) => {
                let (theirs, ours) = (line.clone(), ours.clone());
                report.differences.push(Difference::OtherAmount { theirs, ours });
            }
            None => report.differences.push(difference),
        }
    }
}
