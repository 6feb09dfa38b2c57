//! What a run has come to, in numbers.

use std::fmt;

/// Counts of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Steps of the scheduler.
    pub steps: u64,
    /// Worlds that began and ended.
    pub worlds: u64,
    /// Orders placed.
    pub orders: u64,
    /// Of them, by a channel.
    pub by_channel: u64,
    /// Commands that were answered.
    pub answers: u64,
    /// Answers that had been given before.
    pub replays: u64,
    /// Batches committed.
    pub commits: u64,
    /// Batches rolled back to be decided again.
    pub reruns: u64,
    /// Batches that waited for each other.
    pub deadlocks: u64,
    /// Nodes that died before a commit.
    pub deaths_before_commit: u64,
    /// Nodes that died after a commit and before its answers.
    pub deaths_before_answer: u64,
    /// Nodes that died after answers and before their jobs.
    pub deaths_before_jobs: u64,
    /// Nodes that died at any moment.
    pub deaths_anywhere: u64,
    /// Commits that were not answered.
    pub lost_commits: u64,
    /// Purchases that were refused.
    pub refusals: u64,
    /// Payments recorded.
    pub payments: u64,
    /// Payments that could not be used.
    pub exceptions: u64,
    /// Orders that expired.
    pub expired: u64,
    /// Orders refunded.
    pub refunds: u64,
    /// Codes replaced by new ones.
    pub replaced: u64,
    /// Earners to whom something due was released.
    pub released: u64,
    /// Times that everything was counted anew.
    pub recounts: u64,
    /// What happened in which order, in one number: equal for equal seeds.
    pub digest: u64,
}

impl Totals {
    /// Mixes something that happened into the digest.
    pub(crate) const fn note(&mut self, what: u64) {
        self.digest = (self.digest.rotate_left(5) ^ what).wrapping_mul(0x517c_c1b7_2722_0a95);
    }

    /// Adds another world's numbers.
    pub(crate) const fn add(&mut self, other: &Self) {
        self.steps += other.steps;
        self.worlds += other.worlds;
        self.orders += other.orders;
        self.by_channel += other.by_channel;
        self.answers += other.answers;
        self.replays += other.replays;
        self.commits += other.commits;
        self.reruns += other.reruns;
        self.deadlocks += other.deadlocks;
        self.deaths_before_commit += other.deaths_before_commit;
        self.deaths_before_answer += other.deaths_before_answer;
        self.deaths_before_jobs += other.deaths_before_jobs;
        self.deaths_anywhere += other.deaths_anywhere;
        self.lost_commits += other.lost_commits;
        self.refusals += other.refusals;
        self.payments += other.payments;
        self.exceptions += other.exceptions;
        self.expired += other.expired;
        self.refunds += other.refunds;
        self.replaced += other.replaced;
        self.released += other.released;
        self.recounts += other.recounts;
        self.note(other.digest);
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { steps, worlds, orders, by_channel, answers, replays, commits, reruns, .. } = self;
        writeln!(
            f,
            "{steps} steps in {worlds} worlds: {orders} orders ({by_channel} by a channel), {commits} commits"
        )?;
        let Self { refusals, payments, exceptions, expired, refunds, replaced, released, .. } = self;
        writeln!(f, "{answers} answers ({replays} again), {refusals} refusals, {expired} expired, {refunds} refunds")?;
        writeln!(f, "{payments} payments ({exceptions} of no use), {replaced} codes replaced, {released} releases")?;
        let Self { deadlocks, lost_commits, recounts, digest, .. } = self;
        writeln!(f, "{reruns} runs again, {deadlocks} deadlocks, {lost_commits} commits not answered")?;
        let Self { deaths_before_commit, deaths_before_answer, deaths_before_jobs, deaths_anywhere, .. } = self;
        write!(f, "deaths: {deaths_before_commit} before a commit, {deaths_before_answer} before its answers, ")?;
        writeln!(f, "{deaths_before_jobs} before jobs, {deaths_anywhere} at any moment")?;
        write!(f, "everything counted anew {recounts} times; digest {digest:016x}")
    }
}
