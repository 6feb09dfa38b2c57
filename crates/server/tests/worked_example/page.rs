//! The page itself: names instead of ids, money as shops print it.

use std::fmt::Write;

use catalog::rules::{Source, Step};
use catalog::{Formula, Rounding};
use kernel::{Money, Rate};
use ledger::{Account, AccountKind, Entry, EntryKind};

use super::{Example, QUANTITY};

const HEAD: &str = "\
# A worked example: one order, three levels below the main site

Who pays what to whom when a sub-site of a sub-site of a sub-site sells something, to the last cent. Every figure below was read back from the database after a real order; the words for a rule come from the resolver, and the test checks them against the rows. The page is written by the test `crates/server/tests/worked_example/`, on SQLite and on PostgreSQL, and the test fails when the rows say something else. Do not edit it: change the shop in `crates/server/tests/packs/three-levels/` and run
```
UPDATE_DOCS=1 cargo nextest run -p server --test main worked_example
```
What each account means, and why amounts have the sign they have: [ledger.md](ledger.md). What happens to the money of agents, of refunds, of withdrawals and of sites that collect themselves: [worked-examples.md](worked-examples.md).
";

/// The whole page.
pub fn write(example: &Example) -> String {
    let mut page = HEAD.to_owned();
    shop(&mut page, example);
    prices(&mut page, example);
    order(&mut page, example);
    openings(&mut page, example);
    entries(&mut page, example);
    balances(&mut page, example);
    chain(&mut page, example);
    page
}

macro_rules! say {
    ($page:expr, $($words:tt)*) => { writeln!($page, $($words)*).expect("a string takes all") };
}

fn shop(page: &mut String, example: &Example) {
    say!(page, "\n## The shop\n");
    let mut above: Option<&str> = None;
    for site in &example.sites {
        let name = &site.name.en;
        match (above, &site.level) {
            (Some(above), Some(level)) => say!(page, "- **{name}** ({}), under {above}, level `{level}`", site.name.zh),
            _ => say!(page, "- **{name}** ({}), the main site", site.name.zh),
        }
        above = Some(name);
    }
    let (sku, customer) = (&example.skus[0], &example.customer.name);
    let (seller, main, code) = (seller(example), &example.sites[0].name.en, &sku.code);
    say!(
        page,
        "\n{customer} is a customer that {seller} won. He buys {QUANTITY} pieces of `{code}` there, with money from \
         his wallet. A piece has cost {main} {}.",
        yuan(sku.cost)
    );
    say!(
        page,
        "\nThe depth of this sale is {}: the sites strictly between the main site and the selling one. A sale \
         deeper than {} is refused before anything is paid.",
        example.hops.len() - 2,
        order::sale::DEPTH_MAX
    );
}

fn prices(page: &mut String, example: &Example) {
    say!(page, "\n## The price, hop by hop\n");
    say!(
        page,
        "What a site pays is what the site above asks. Its own rule starts from there, never from anybody's \
         retail price. These are the rows of `order_hops`, frozen in the order:\n"
    );
    say!(page, "| site | pays | asks | margin a piece | margin of {QUANTITY} | its rule |\n|---|--:|--:|--:|--:|---|");
    let mut sum = zero();
    for (place, (hop, explained)) in example.hops.iter().zip(&example.steps).enumerate() {
        let (margin, of_all) = (hop.price.minus(hop.cost).expect("one currency"), earned(example, place));
        sum = sum.plus(of_all).expect("small");
        let (site, words) = (&example.site(hop).name.en, rule(&explained.steps));
        let (pays, asks) = (yuan(hop.cost), yuan(hop.price));
        say!(page, "| {site} | {pays} | {asks} | {} | {} | {words} |", yuan(margin), yuan(of_all));
    }
    let [.., last] = &example.hops[..] else { panic!("a chain") };
    let (retail, cost) =
        (last.price.times(QUANTITY).expect("small"), example.hops[0].cost.times(QUANTITY).expect("small"));
    assert_eq!(sum, retail.minus(cost).expect("one currency"), "the margins are the retail price less the cost");
    say!(
        page,
        "\nTogether the margins are {}: what the customer pays ({}) less what the goods have cost ({}). Nothing is \
         lost and nothing appears.",
        yuan(sum),
        yuan(retail),
        yuan(cost)
    );
    say!(
        page,
        "\nTwo rules of {} are about this SKU, and the more specific one counts. A fixed price holds whatever the \
         site pays; had it been under that, the SKU would be hidden, not sold at a loss.",
        seller(example)
    );
}

/// The steps of one hop in words.
fn rule(steps: &[Step]) -> String {
    steps.iter().map(step).collect::<Vec<_>>().join("; then ")
}

fn step(step: &Step) -> String {
    match step {
        Step::Rule { source, formula: Some(Formula::Fixed { .. }), result, .. } => {
            format!("fixed, {}: {}, whatever it pays", about(*source), yuan(*result))
        }
        Step::Rule { source, formula: Some(Formula::Markup { amount }), result, .. } => {
            format!("markup, {}: {} more, {}", about(*source), yuan(*amount), yuan(*result))
        }
        Step::Rule { source, formula: Some(Formula::Percent { rate }), result, .. } => {
            format!("percent, {}: {} more, {}", about(*source), percent(*rate), yuan(*result))
        }
        Step::Rounded { rounding, result, .. } => format!("up to {}, {}", grid(*rounding), yuan(*result)),
        other => panic!("the example has no {other:?}"),
    }
}

fn about(source: Source) -> &'static str {
    match source {
        Source::Sku => "for this SKU",
        Source::Site => "for everything",
        other => panic!("the example has no rule {}", other.word()),
    }
}

fn grid(rounding: Rounding) -> &'static str {
    match rounding {
        Rounding::UpTenth => "a tenth",
        Rounding::UpHalf => "a half",
        other => panic!("the example does not round by {}", other.word()),
    }
}

fn order(page: &mut String, example: &Example) {
    let (order, [line]) = (&example.view.order, &example.view.lines[..]) else { panic!("one line") };
    let states = order.states;
    say!(page, "\n## The order\n");
    say!(page, "| goods | pieces | a piece | together | codes delivered |\n|---|--:|--:|--:|--:|");
    let (title, pieces, codes) = (&line.title.en, line.quantity, line.cards.len());
    say!(page, "| {title}, {} | {pieces} | {} | {} | {codes} |", line.sku_name.en, yuan(line.unit), yuan(line.total));
    let history: Vec<String> = example.view.events.iter().map(|event| format!("`{}`", event.event.word())).collect();
    let words = [states.order.word(), states.payment.word(), states.delivery.word()];
    let (total, [order, payment, delivery], history) = (yuan(order.total), words, history.join(", "));
    say!(
        page,
        "\nTotal {total}. Order `{order}`, payment `{payment}`, delivery `{delivery}`; history {history}. With wallet \
         money and stock at hand an order is placed, paid, delivered and posted in one transaction."
    );
}

fn openings(page: &mut String, example: &Example) {
    say!(page, "\n## Before: what the pack posted\n");
    say!(page, "Opening balances and stock are real entries too, of kind `{}`.\n", EntryKind::Adjustment.name());
    say!(page, "| why | credited | debited | amount |\n|---|---|---|--:|");
    for entry in &example.openings {
        let [one, two] = entry.postings() else { panic!("an opening has two sides") };
        let (credit, debit) = if one.amount.is_negative() { (two, one) } else { (one, two) };
        assert_eq!((entry.kind(), credit.amount.minor()), (EntryKind::Adjustment, -debit.amount.minor()));
        let (credited, debited) = (code(example, &credit.account), code(example, &debit.account));
        say!(page, "| {} | {credited} | {debited} | {} |", entry.reason().unwrap_or_default(), yuan(credit.amount));
    }
}

fn entries(page: &mut String, example: &Example) {
    say!(page, "\n## The two entries of the order\n");
    say!(
        page,
        "An amount above zero credits an account, one below zero debits it. The last column adds the amounts up: \
         an entry that does not end at ¥0.00 cannot be written."
    );
    for (number, entry) in (1..).zip(&example.entries) {
        say!(page, "\n### Entry {number}, `{}`: {}\n", entry.kind().name(), occasion(entry));
        say!(page, "| account | in words | amount | sum so far |\n|---|---|--:|--:|");
        let mut sum = zero();
        for posting in entry.postings() {
            sum = sum.plus(posting.amount).expect("small");
            let (code, words) = (code(example, &posting.account), words(posting.account.kind));
            say!(page, "| {code} | {words} | {} | {} |", yuan(posting.amount), yuan(sum));
        }
        assert_eq!(sum.minor(), 0, "an entry sums to zero");
    }
    let [paid, delivered] = &example.entries[..] else { panic!("an order of one line has two entries") };
    assert_eq!((paid.kind(), delivered.kind()), (EntryKind::OrderPaid, EntryKind::LineDelivered));
    let (revenue, cost) = (own(delivered, AccountKind::Revenue), own(delivered, AccountKind::CostOfGoods));
    let kept = revenue.plus(cost).expect("small");
    assert_eq!(kept, earned(example, 0), "the main site keeps its own margin");
    let (main, below) = (&example.sites[0].name.en, &example.sites[1].name.en);
    say!(
        page,
        "\n{main} has the whole retail price and owes the sites below their margins. Its revenue is what it asked \
         from {below}, so its own margin is revenue less cost of goods: {}, as in the table above.",
        yuan(kept)
    );
}

/// What an entry posts to the tenant's own account of this kind.
fn own(entry: &Entry, kind: AccountKind) -> Money {
    let posting = entry.postings().iter().find(|posting| posting.account == Account::own(kind, super::CNY));
    posting.expect("the entry moves it").amount
}

/// What the site at this place of the chain earns from all pieces.
fn earned(example: &Example, place: usize) -> Money {
    let hop = &example.hops[place];
    hop.price.minus(hop.cost).and_then(|margin| margin.times(QUANTITY)).expect("small")
}

fn occasion(entry: &Entry) -> &'static str {
    match entry.kind() {
        EntryKind::OrderPaid => "the customer's money waits",
        EntryKind::LineDelivered => "the goods are delivered and everybody has earned",
        other => panic!("the order posts no {}", other.name()),
    }
}

fn balances(page: &mut String, example: &Example) {
    say!(page, "\n## The balances\n");
    say!(page, "| account | before | the order | after |\n|---|--:|--:|--:|");
    let mut sums = [zero(); 3];
    for ((account, before), after) in example.accounts.iter().zip(&example.before.balances).zip(&example.after.balances)
    {
        let moved = after.minus(*before).expect("small");
        let postings = example.entries.iter().flat_map(Entry::postings).filter(|posting| posting.account == *account);
        assert_eq!(moved.minor(), postings.map(|posting| posting.amount.minor()).sum::<i64>(), "{account:?}");
        sums =
            [(sums[0], *before), (sums[1], moved), (sums[2], *after)].map(|(sum, more)| sum.plus(more).expect("small"));
        say!(page, "| {} | {} | {} | {} |", code(example, account), yuan(*before), yuan(moved), yuan(*after));
    }
    assert_eq!(sums, [zero(); 3], "all accounts of a tenant sum to zero");
    let [before, moved, after] = sums.map(yuan);
    say!(page, "| **all together** | {before} | {moved} | {after} |");
    say!(
        page,
        "\nThe prepaid money of {} is not touched: the main site collected the payment, and the sale was no loss \
         that its seller would have to cover.",
        seller(example)
    );
}

fn chain(page: &mut String, example: &Example) {
    let (before, after) = (&example.before, &example.after);
    assert_eq!((before.link, after.link), (1, 2), "one link a batch");
    assert_ne!(before.hash, after.hash);
    let written = after.audit.entries - before.audit.entries;
    assert_eq!(written, example.entries.len() as u64);
    assert_eq!(before.audit.entries, example.openings.len() as u64, "the page shows every opening entry");
    say!(page, "\n## The chain\n");
    say!(page, "| link | over | stands on | hash |\n|--:|---|---|---|");
    say!(page, "| {} | the {} entries of the pack | 32 zero bytes | `HASH-1` |", before.link, before.audit.entries);
    say!(page, "| {} | the {written} entries of the order | `HASH-1` | `HASH-2` |", after.link);
    let (entries, postings, links) = (after.audit.entries, after.audit.postings, after.audit.links);
    say!(
        page,
        "\nThe real hashes are 64 hexadecimal digits; they cover ids, which differ each time, so they have names here. \
         The audit read {entries} entries, {postings} postings and {links} links again: every invariant holds."
    );
}

/// The account by the name that the database and statements use, and whose it is.
fn code(example: &Example, account: &Account) -> String {
    match account.owner {
        Some(_) => format!("`{}` of {}", account.kind.name(), example.owner(account)),
        None => format!("`{}`", account.kind.name()),
    }
}

fn words(kind: AccountKind) -> &'static str {
    match kind {
        AccountKind::Wallet => "the customer's spendable money",
        AccountKind::OrderDeposits => "paid, not delivered yet",
        AccountKind::Revenue => "what the main site sold for",
        AccountKind::CostOfGoods => "what the sold goods had cost",
        AccountKind::StockAtCost => "the goods leave the stock",
        AccountKind::SitePending => "margin earned, settled on the next business day",
        other => panic!("the order does not touch {}", other.name()),
    }
}

fn seller(example: &Example) -> &str {
    &example.sites.last().expect("a chain").name.en
}

fn zero() -> Money {
    Money::zero(super::CNY)
}

/// `¥9.90`, `−¥9.90`: as the shop prints it.
pub(super) fn yuan(money: Money) -> String {
    let (sign, minor) = (if money.is_negative() { "−" } else { "" }, money.minor().unsigned_abs());
    format!("{sign}¥{}.{:02}", minor / 100, minor % 100)
}

/// `4 %`, `3.5 %`, without a float.
fn percent(rate: Rate) -> String {
    let (whole, rest) = (rate.ppm() / 10_000, format!("{:04}", rate.ppm() % 10_000));
    match rest.trim_end_matches('0') {
        "" => format!("{whole} %"),
        digits => format!("{whole}.{digits} %"),
    }
}
