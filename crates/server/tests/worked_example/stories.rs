//! More worked examples: what happens to the money of agents, of parts of refunds, of withdrawals, of levels and of sites
//! that collect themselves.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use order::{LinePart, Receipt};
use settlement::{EarnerRef, Term, TermRule, TermTarget, Terms};
use store::Backend;
use uuid::Uuid;
use withdrawal::{Ask, Means, NewPayee, Outcome, PayeeDetails, Rules, Word};

use super::CNY;
use super::stage::{CEDAR, MAPLE, Stage, WILLOW, cents, key};

const HEAD: &str = "\
# More worked examples

Six stories about money, each in a new shop: the one of [worked-example.md](worked-example.md), where an order three levels below the main site is followed from the price to the last posting. What each account means, and why amounts have the sign they have: [ledger.md](ledger.md). What plans, terms and refunds promise: [money.md](money.md).

Every figure was read back from the database after a real run. A table shows all that a step writes into the books: each entry, its postings, and what is on the account after the step. An entry always sums to zero. The page is written by the test `crates/server/tests/worked_example/`, on SQLite and on PostgreSQL; do not edit it, but run
```
UPDATE_DOCS=1 cargo nextest run -p server --test main worked_example
```

The sites stand one under the other: **Cedar Cards** is the main site, below it are **Birch Cards**, **Willow Cards** and **Maple Cards**. Lin An has ¥100.00 in his wallet, Maple Cards has ¥50.00 of prepaid money. A piece costs Cedar Cards ¥9.02. The stories begin on Saturday, 2026-11-21.

- [Two agents on a site of level two](#two-agents-on-a-site-of-level-two)
- [Three partial refunds](#three-partial-refunds)
- [A refund after a withdrawal](#a-refund-after-a-withdrawal)
- [A level that changes in the middle of the month](#a-level-that-changes-in-the-middle-of-the-month)
- [Levels that rise and fall by what was sold](#levels-that-rise-and-fall-by-what-was-sold)
- [A site that collects itself, and money that comes late](#a-site-that-collects-itself-and-money-that-comes-late)
";

/// The whole page.
pub async fn write(backend: Backend) -> String {
    let mut page = HEAD.to_owned();
    page += &two_agents(backend).await;
    page += &three_refunds(backend).await;
    page += &refund_after_withdrawal(backend).await;
    page += &level_change(backend).await;
    page += &climbing(backend).await;
    page += &late_money(backend).await;
    page
}

async fn two_agents(backend: Backend) -> String {
    let mut stage = Stage::open(backend, "Two agents on a site of level two").await;
    stage.say(
        "Willow Cards stands two levels below the main site. Its agent Mei Lan brings a buyer; Tao Jing is the agent above \
         her. The plan pays 8 % of the price to who brought the buyer, and 3 % to the one above.",
    );
    stage.pays(&[(0, None, 80_000), (1, None, 30_000)]).await;
    let tao = stage.promoter((WILLOW, "Tao Jing"), None, None).await;
    let mei = stage.promoter((WILLOW, "Mei Lan"), Some(&tao), None).await;
    let order = stage.buys(WILLOW, Some(&mei), 2).await;
    stage.say(
        "Lin An buys two pieces. The depth of the sale is 2, the most that there may be: one site strictly between \
         (Birch Cards) and one agent above the one who brought the buyer. Willow Cards has no price of its own, so it asks \
         the list price. Its agents are paid out of its margin and of nobody else's:",
    );
    stage.tells_shares(order).await;
    stage
        .step("Lin An buys", "With money from his wallet and codes in stock, the order is paid and delivered at once.")
        .await;
    let monday = stage.settles_after(2).await;
    stage
        .step(
            "Monday comes",
            &format!("The usual term is the next business day, {monday}: what is pending becomes available."),
        )
        .await;
    stage.end().await
}

async fn three_refunds(backend: Backend) -> String {
    let mut stage = Stage::open(backend, "Three partial refunds").await;
    stage.say("The same agents and the same plan. Lin An buys three pieces, and gets his money back in three parts.");
    stage.pays(&[(0, None, 80_000), (1, None, 30_000)]).await;
    let tao = stage.promoter((WILLOW, "Tao Jing"), None, None).await;
    let mei = stage.promoter((WILLOW, "Mei Lan"), Some(&tao), None).await;
    let order = stage.buys(WILLOW, Some(&mei), 3).await;
    stage.tells_shares(order).await;
    stage.step("Lin An buys", "Three pieces at ¥11.50 are ¥34.50.").await;
    stage.refunds(order, vec![LinePart::Amount(cents(10_00))]).await;
    stage
        .step(
            "¥10.00 go back",
            "One code worked late, and he is content with a part of the price. Everybody gives back his share times 10.00 / \
             34.50, rounded down; the main site gives the rest. The goods stay with the buyer.",
        )
        .await;
    stage.refunds(order, vec![LinePart::Pieces(BTreeSet::from([2]))]).await;
    stage
        .step(
            "The second card goes back",
            "Its price is ¥11.50, and it is void. 21.50 of 34.50 have gone back by now: everybody has given back his share \
             times 21.50 / 34.50, rounded down, and gives now what is missing to that.",
        )
        .await;
    stage.refunds(order, Vec::new()).await;
    stage
        .step(
            "All that is left goes back",
            "The last part takes what is left of every share: nobody has a cent of this sale any more, however it was cut. \
             What the codes had cost is not coming back.",
        )
        .await;
    stage.end().await
}

async fn refund_after_withdrawal(backend: Backend) -> String {
    let mut stage = Stage::open(backend, "A refund after a withdrawal").await;
    stage.say("Maple Cards sells, is paid out, and then the order is refunded. Nobody brought the buyer.");
    let order = stage.buys(MAPLE, None, 2).await;
    stage.tells_shares(order).await;
    stage.step("Lin An buys two pieces", "The margins are pending.").await;
    stage.settles_after(2).await;
    stage.step("Monday comes", "What is pending becomes available.").await;
    let (withdrawal, reviewer) = asks(&stage).await;
    stage.step("Maple Cards asks for ¥2.00", "So much is locked: it can be asked for once.").await;
    let (withdrawals, scope) = (stage.house.withdrawals.clone(), stage.scope);
    let word = Word::Approve { is_name_checked: true };
    withdrawals.review(&scope, (withdrawal, None), word, (reviewer, key())).await.expect("approved");
    withdrawals.send(&scope, &[withdrawal], CNY, (reviewer, key())).await.expect("sent");
    stage.step("It is approved and sent", "A refund cannot reach it from now on.").await;
    let arrived = Outcome::Arrived { reference: None };
    withdrawals.end(&scope, withdrawal, arrived, (reviewer, key())).await.expect("arrived");
    stage.step("The bank says that it has arrived", "It has left the main site's own bank account.").await;
    stage.refunds(order, Vec::new()).await;
    stage
        .step(
            "The order is refunded",
            "Lin An has all his money at once. Birch Cards and Willow Cards give their margins out of what is available. \
             Maple Cards has ¥0.80 left of its ¥2.80: the rest is owed.",
        )
        .await;
    stage.buys(MAPLE, None, 1).await;
    stage.step("Maple Cards sells another piece", "Its new margin is pending, and the debt stands beside it.").await;
    stage.settles_after(1).await;
    stage
        .step(
            "The next day comes",
            "New earnings pay the debt first. Nothing becomes available for Maple Cards before all of it is paid.",
        )
        .await;
    stage.end().await
}

/// Maple Cards asks to be paid; answers the withdrawal and who reviews it.
async fn asks(stage: &Stage) -> (withdrawal::WithdrawalId, Uuid) {
    let (owner, reviewer) = (Uuid::now_v7(), Uuid::now_v7());
    let withdrawals = &stage.house.withdrawals;
    let earner = EarnerRef::Site(stage.sites[MAPLE].id);
    let details = PayeeDetails::parse(Means::Bank, ("Li Lei", "6222021200001234", "Bank")).expect("details");
    let tx = stage.house.store.write(&stage.scope).await.expect("a writer");
    let rules = Rules { minimum_minor: 1_00, cool_down_hours: 0, ..Rules::USUAL };
    withdrawals.save_rules_in(&tx, rules, None, reviewer).await.expect("saved");
    let new = NewPayee { earner, means: Means::Bank, details };
    let payee = withdrawals.add_payee_in(&tx, new, owner).await.expect("a payee").id;
    tx.commit().await.expect("committed");
    let ask = Ask { earner, amount: cents(2_00), payee, invoice: None, by: owner, key: key() };
    (withdrawals.ask(&stage.scope, ask).await.expect("asked").answer.id, reviewer)
}

async fn level_change(backend: Backend) -> String {
    let mut stage = Stage::open(backend, "A level that changes in the middle of the month").await;
    stage.say(
        "The plan pays `silver` agents 5 % of the price, and `gold` ones 8 %. What `gold` agents earn is settled on the day of \
         the delivery, everything else on the next business day. Mei Lan is `silver`.",
    );
    stage.pays(&[(0, Some("silver"), 50_000), (0, Some("gold"), 80_000)]).await;
    let gold = catalog::Code::parse("gold").expect("a code");
    let rule = TermRule { target: TermTarget::AgentLevel(gold), term: Term::Days(0) };
    let terms = Terms { usual: Term::USUAL, rules: vec![rule] };
    let tx = stage.house.store.write(&stage.scope).await.expect("a writer");
    stage.house.settlement.save_terms_in(&tx, terms, None, Uuid::now_v7()).await.expect("saved");
    tx.commit().await.expect("committed");
    let mei = stage.promoter((WILLOW, "Mei Lan"), None, Some("silver")).await;
    let channel = stage.channel(CEDAR).await;
    let first = stage.buys(WILLOW, Some(&mei), 1).await;
    stage.tells_shares(first).await;
    stage.step("Mei Lan brings a buyer", "5 % of ¥11.50 are 57.5 fen, rounded down to ¥0.57.").await;
    let waiting = stage.orders(WILLOW, channel, Some(&mei), 1).await;
    stage
        .step("She brings another, who has not paid yet", "The order waits for its money, with her level of today.")
        .await;
    stage.promotes(&mei, "gold").await;
    stage.step("She becomes `gold`", "Nothing that is sold or ordered changes.").await;
    assert!(matches!(stage.pays_for(&waiting, (CEDAR, channel), waiting.total).await, Receipt::Delivered { .. }));
    stage
        .step(
            "The order that waited is paid",
            "It was placed when she was `silver`: ¥0.57, due on the next business day.",
        )
        .await;
    stage.buys(WILLOW, Some(&mei), 1).await;
    stage.step("She brings a third buyer", "8 % of ¥11.50 are ¥0.92, due today.").await;
    stage.refunds(first, Vec::new()).await;
    stage
        .step(
            "The first order is refunded",
            "It takes back what it had paid, ¥0.57, whatever she would earn from it now: out of the money of its own day \
             first.",
        )
        .await;
    stage.settles_after(0).await;
    stage.step("The day is settled", "What she has earned as a `gold` agent is due.").await;
    stage.settles_after(2).await;
    stage.step("Monday comes", "What she has earned as a `silver` agent is due, and so are the margins.").await;
    stage.end().await
}

async fn climbing(backend: Backend) -> String {
    let mut stage = Stage::open(backend, "Levels that rise and fall by what was sold").await;
    stage.say(
        "The ladder of agents has three rungs: `bronze` needs nothing, `silver` ¥20.00 sold to one buyer, `gold` ¥30.00 sold to \
         two, within ten days. Everybody is judged every night; who is to fall is told seven days ahead. The plan pays `bronze` \
         agents 2 % of the price, `silver` ones 5 %, and `gold` ones 8 %. Mei Lan and Lin An have just become agents of \
         Willow Cards.",
    );
    stage.pays(&[(0, Some("bronze"), 20_000), (0, Some("silver"), 50_000), (0, Some("gold"), 80_000)]).await;
    stage.ladder(&[("bronze", 0, 0), ("silver", 20_00, 1), ("gold", 30_00, 2)]).await;
    let mei = stage.promoter((WILLOW, "Mei Lan"), None, None).await;
    let lin = stage.customer_promotes(WILLOW).await;
    let channel = stage.channel(CEDAR).await;
    let first = stage.buys(WILLOW, Some(&mei), 2).await;
    stage.step("Mei Lan brings a buyer", "She has no level yet, so the plan pays her nothing.").await;
    let own = stage.buys(WILLOW, Some(&lin), 1).await;
    stage.step("Lin An buys by his own link", "Nobody earns from what he buys himself, and nobody rises by it.").await;
    stage.tells_shares(own).await;
    let told = stage.judges_after(1).await;
    stage.step("The night comes", "The day is counted, and both are judged.").await;
    stage.say(&told);
    let waiting = stage.orders(WILLOW, channel, Some(&mei), 1).await;
    assert!(matches!(stage.pays_for(&waiting, (CEDAR, channel), waiting.total).await, Receipt::Delivered { .. }));
    stage.step("Mei Lan brings a guest", "As a `silver` agent she has 5 % of ¥11.50, rounded down to ¥0.57.").await;
    let told = stage.judges_after(1).await;
    stage.step("The next night comes", "Two buyers and ¥34.50 are enough for `gold`.").await;
    stage.say(&told);
    stage.complains(WILLOW, first).await;
    stage
        .step(
            "The first buyer's codes do not work",
            "His claim is right, and he has his money back: that is a complaint.",
        )
        .await;
    let told = stage.judges_after(7).await;
    stage
        .step(
            "A week goes by",
            "What went back was not sold: ¥11.50 are left, which is enough for `bronze`. She is told at once, and keeps `gold` for \
             seven days.",
        )
        .await;
    stage.say(&told);
    let last = stage.buys(WILLOW, Some(&mei), 1).await;
    stage.step("Mei Lan brings a buyer", "It is still 8 % of ¥11.50: ¥0.92.").await;
    stage.tells_shares(last).await;
    let told = stage.judges_after(1).await;
    stage.step("The day comes", "With this one she has sold ¥23.00: enough for `silver`, so she falls no lower.").await;
    stage.say(&told);
    stage.end().await
}

async fn late_money(backend: Backend) -> String {
    let mut stage = Stage::open(backend, "A site that collects itself, and money that comes late").await;
    stage.say(
        "Maple Cards has a payment channel of its own: it takes the retail price itself, and buys with its prepaid money. When \
         money comes late, the gateway is asked first, and confirms it here.",
    );
    let channel = stage.channel(MAPLE).await;
    let at = (MAPLE, channel);
    let first = stage.orders(MAPLE, channel, None, 2).await;
    stage.tells_shares(first.order).await;
    stage.step("A guest orders two pieces", "The purchase price, two times ¥10.50, is held for 15 minutes.").await;
    let short = stage.pays_for(&first, at, cents(23_00)).await;
    assert!(matches!(short, Receipt::Suspended { .. }));
    stage
        .step(
            "He pays ¥23.00, which is too little",
            "A wrong amount never buys. It lies at the channel of Maple Cards, and goes back.",
        )
        .await;
    sends_back_all(&stage).await;
    stage.step("The channel of Maple Cards sends it back", "The buyer has all that he paid.").await;
    stage.db.clock.advance(TimeDelta::minutes(20));
    stage.house.orders.sweep(&stage.scope).await.expect("swept");
    stage.step("The time is over", "What was held is free again, and so are the codes.").await;
    assert!(matches!(stage.pays_for(&first, at, first.total).await, Receipt::Delivered { .. }));
    stage
        .step(
            "The right amount comes, five minutes late",
            "Within a day it still buys, if goods and prepaid money are there: the purchase is held again, captured and \
             delivered. What Maple Cards earns is at its own channel; the sites above have their margins.",
        )
        .await;
    let second = stage.orders(MAPLE, channel, None, 2).await;
    stage.step("Another guest orders two pieces", "¥8.00 of prepaid money are left.").await;
    stage.db.clock.advance(TimeDelta::minutes(20));
    stage.house.orders.sweep(&stage.scope).await.expect("swept");
    stage.step("He does not pay in time", "It is free again after 15 minutes.").await;
    let third = stage.orders(MAPLE, channel, None, 1).await;
    assert!(matches!(stage.pays_for(&third, at, third.total).await, Receipt::Delivered { .. }));
    stage.step("Meanwhile somebody else buys a piece", "It takes ¥10.50 of the prepaid money.").await;
    let late = stage.pays_for(&second, at, second.total).await;
    assert!(matches!(late, Receipt::Suspended { kind: payment::ExceptionKind::AwaitingFunds }), "{late:?}");
    stage
        .step(
            "His money comes late, and the prepaid money is short",
            "¥21.00 would be needed, and ¥18.50 are there: nothing is delivered, and an exception `awaiting_funds` is open. The \
             money lies at the channel of Maple Cards, from where it goes back.",
        )
        .await;
    sends_back_all(&stage).await;
    stage.step("The channel of Maple Cards sends it back", "Nothing of this order is left.").await;
    let asked = stage.refunds(third.order, Vec::new()).await;
    stage
        .step(
            "The third order is refunded",
            "The sites above give their margins back at once. The purchase price stays held until the buyer has his money: \
             Maple Cards cannot spend it twice.",
        )
        .await;
    stage.sends_back(asked.refund.expect("by its channel")).await;
    stage.step("The channel has sent the money back", "The purchase price is prepaid money again.").await;
    stage.end().await
}

/// What bought nothing goes back by its channel.
async fn sends_back_all(stage: &Stage) {
    let page = stage.house.payments.refunds(&stage.scope, payment::RefundState::Approved, None).await.expect("read");
    for refund in page.refunds {
        stage.sends_back(refund.id).await;
    }
}
