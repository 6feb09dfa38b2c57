//! The real program behind its front door: a child process, asked over sockets.

use std::path::Path;
use std::time::Duration;

use store::Backend;

use super::{Door, Plan, RATE_FIRST, Report, Sample, Series, WARM, assert_sound, word};
use crate::http::{
    Answers, Guests, Load, Nginx, Overload, Program, Size, Town, flash_sale, health, overload, pages, paid_orders,
    wallet_orders,
};

/// Callers of every closed load.
pub(crate) const CALLERS: usize = 64;
/// Pieces of the flash sale.
const RARE: u64 = 50;
/// How many times the peak a flood offers, over so many connections.
const TIMES: u64 = 10;
const CONNECTIONS: usize = 1_024;
/// Reports of gateways that come into a flood.
const REPORTS: u64 = 50;

impl Sample {
    /// What accepted requests took and cost.
    fn front(answers: &Answers) -> Self {
        let (program_us, database_us) = answers.cpu_us();
        let (p50_us, p99_us) = (answers.latency_us(0.5), answers.latency_us(0.99));
        Self { rate: answers.rate(), p50_us, p99_us, program_us, database_us }
    }

    /// What refusals took and cost: a crowd's answers.
    fn refused(answers: &Answers) -> Self {
        let each = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX) / answers.all().max(1);
        let at = |share| answers.refused.value_at_quantile(share);
        Self {
            rate: answers.rate_of_all(),
            p50_us: at(0.5),
            p99_us: at(0.99),
            program_us: each(answers.program),
            database_us: each(answers.database),
        }
    }
}

/// Measures one database behind the program.
pub(super) async fn measure(report: &mut Report, backend: Backend, plan: &Plan, program: &Path) {
    wallets(report, backend, plan, program).await;
    gateways(report, backend, plan, program).await;
    if backend == Backend::Postgres {
        many(report, plan, program).await;
    }
}

/// A town of one tenant with stock for all rounds: a program that owns a SQLite file lets nobody else write.
async fn town_of_one(backend: Backend, plan: &Plan) -> Town {
    let town = Town::build(backend, Size { tenants: 1, buyers: CALLERS }).await;
    let seconds = (u64::try_from((plan.length + WARM).as_millis()).unwrap_or(u64::MAX) / 1_000 + 1) * 3;
    town.stock_up(RATE_FIRST * seconds * plan.rounds as u64).await;
    town
}

/// Orders that gateways are paid for. Each leaves jobs behind, which ask after its payment for minutes: nothing else is
/// measured beside this program.
async fn gateways(report: &mut Report, backend: Backend, plan: &Plan, program: &Path) {
    let town = town_of_one(backend, plan).await;
    let serving = Program::start(program, &town, &[]);
    drop(paid_orders(&town, &serving, Load::closed(CALLERS, WARM)).await);
    town.tell_planner().await;
    for _ in 0..plan.rounds {
        let paid = paid_orders(&town, &serving, Load::closed(CALLERS, plan.length)).await.answers;
        report.add((word(backend), Series::Front(Door::Paid), CALLERS), Sample::front(&paid));
    }
    serving.stop();
    assert_sound("the program", &town.breaches().await);
}

/// Orders from wallets, the crowd for what is sold out, what the machine can do at all, and last a flood.
async fn wallets(report: &mut Report, backend: Backend, plan: &Plan, program: &Path) {
    let town = town_of_one(backend, plan).await;
    town.stock_rare(RARE).await;
    let serving = Program::start(program, &town, &[]);
    let key = |door| (word(backend), Series::Front(door), CALLERS);
    let load = Load::closed(CALLERS, plan.length);
    drop(wallet_orders(&town, &serving, Load::closed(CALLERS, WARM)).await);
    let nginx = if backend == Backend::Postgres { Nginx::start() } else { None };
    for _ in 0..plan.rounds {
        report.add(key(Door::Orders), Sample::front(&wallet_orders(&town, &serving, load).await));
        if backend == Backend::Postgres {
            report.add(key(Door::Flash), Sample::refused(&flash_sale(&town, &serving, load).await));
            if let Some(nginx) = &nginx {
                report.add(key(Door::Nginx), Sample::front(&nginx.file(load).await));
            }
            report.add(key(Door::Health), Sample::front(&health(&serving, load).await));
        }
    }
    if backend == Backend::Postgres {
        let peak = report.median(key(Door::Orders)).map_or(1, |orders| orders.rate);
        for _ in 0..plan.rounds {
            let flood = overload(&town, &serving, (peak * TIMES, CONNECTIONS, plan.length), REPORTS).await;
            flooded(report, &flood);
        }
    }
    let sold =
        town.count("cards", "state = 'sold' AND sku_id IN (SELECT id FROM skus WHERE code = 'credits-0-500')").await;
    serving.stop();
    assert!(sold == if backend == Backend::Postgres { RARE } else { 0 }, "of {RARE} pieces {sold} were sold");
    assert_sound("the program", &town.breaches().await);
}

fn flooded(report: &mut Report, flood: &Overload) {
    report.add((word(Backend::Postgres), Series::Front(Door::Flood), CONNECTIONS), Sample::front(&flood.answers));
    let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    let answers = &flood.answers;
    report.note("flood_client_ns", micros(answers.clients) * 1_000 / answers.all().max(1));
    report.note("flood_offered", flood.offered);
    *report.counts.entry("reports").or_default() += flood.reports;
    *report.counts.entry("reports_written").or_default() += flood.written;
    let other = flood.answers.all() - flood.answers.goods() - flood.answers.of(503);
    *report.counts.entry("flood_other_answers").or_default() += other + flood.answers.broken;
}

/// A town of many tenants: orders and pages.
async fn many(report: &mut Report, plan: &Plan, program: &Path) {
    let town = Town::build(Backend::Postgres, Size { tenants: plan.tenants, buyers: 8 }).await;
    let seconds = u64::try_from((plan.length + WARM).as_millis()).unwrap_or(u64::MAX) / 1_000 + 1;
    town.stock_up(RATE_FIRST * seconds * plan.rounds as u64).await;
    let serving = Program::start(program, &town, &[]);
    let key = |door| (word(Backend::Postgres), Series::Front(door), CALLERS);
    for guests in [Guests::Unknown, Guests::LoggedIn] {
        drop(pages(&town, &serving, Load::closed(CALLERS, WARM), guests).await);
    }
    for _ in 0..plan.rounds {
        let load = Load::closed(CALLERS, plan.length);
        report.add(key(Door::Pages), Sample::front(&pages(&town, &serving, load, Guests::Unknown).await));
        report.add(key(Door::Rendered), Sample::front(&pages(&town, &serving, load, Guests::LoggedIn).await));
        report.add(key(Door::Town), Sample::front(&wallet_orders(&town, &serving, load).await));
    }
    serving.stop();
    assert_sound("the town", &town.breaches().await);
}
