//! Many rows in one statement, and back unchanged.

use chrono::{DateTime, TimeDelta, Utc};
use kernel::TenantScope;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use sea_orm::ColumnTrait;
use store::{Change, Rows, Tx};
use testkit::TestDb;
use uuid::Uuid;

use crate::samples::{NO_IDS, all, commit, make_tables, new_sample, sample, save, stored};

/// Any text that both databases can hold: PostgreSQL has no place for the character of number 0.
fn text() -> impl Strategy<Value = String> {
    let awkward = prop_oneof![
        Just("星落点卡 10 元 · 游戏".to_owned()),
        Just("'; DROP TABLE samples; --\"\\\n\t\u{1}\u{2028}".to_owned()),
        Just("%0A🎮👩‍👩‍👧".to_owned()),
        Just("null".to_owned()),
        Just("0012".to_owned()),
    ];
    let any = vec(any::<char>().prop_filter("not NUL", |c| *c != '\0'), 0..12);
    prop_oneof![awkward, any.prop_map(|chars| chars.into_iter().collect())]
}

/// Any moment of the years 1 to 9999, in whole microseconds.
fn moment() -> impl Strategy<Value = DateTime<Utc>> {
    let micros = prop_oneof![
        -62_135_596_800_000_000i64..=253_402_300_799_999_999,
        (1_700_000_000i64..1_900_000_000).prop_map(|second| second * 1_000_000),
        (1_700_000_000_000i64..1_900_000_000_000).prop_map(|milli| milli * 1_000),
    ];
    micros.prop_map(|micros| DateTime::from_timestamp_micros(micros).expect("in range"))
}

fn big() -> impl Strategy<Value = i64> {
    prop_oneof![any::<i64>(), Just(i64::MIN), Just(i64::MAX), Just(-1)]
}

fn row() -> impl Strategy<Value = sample::Model> {
    let firm = (text(), big(), any::<i32>(), any::<bool>(), vec(any::<u8>(), 0..40), moment());
    let loose = (
        option::of(any::<u128>().prop_map(Uuid::from_u128)),
        option::of(text()),
        option::of(big()),
        option::of(any::<i32>()),
        option::of(any::<bool>()),
        option::of(vec(any::<u8>(), 0..40)),
        option::of(moment()),
    );
    (firm, loose).prop_map(|(firm, loose)| {
        let id = Uuid::now_v7();
        sample::Model {
            tenant_id: Uuid::nil(),
            id,
            name: format!("{}{id}", firm.0),
            state: "free".to_owned(),
            amount: firm.1,
            number: firm.2,
            truth: firm.3,
            bytes: firm.4,
            moment: firm.5,
            some_id: loose.0,
            some_text: loose.1,
            some_amount: loose.2,
            some_number: loose.3,
            some_truth: loose.4,
            some_bytes: loose.5,
            some_moment: loose.6,
        }
    })
}

/// Writes `rows`, changes them to `changed` (keeping their keys), and reads both states back.
async fn go_through(db: &TestDb, rows: Vec<sample::Model>, changed: Vec<sample::Model>) {
    let scope = db.tenant().await;
    let owned = |row: sample::Model| sample::Model { tenant_id: scope.id().uuid(), ..row };
    let mut rows: Vec<sample::Model> = rows.into_iter().map(owned).collect();
    rows.sort_by_key(|row| row.id);
    let tx = db.store.write(&scope).await.expect("a writer");
    tx.insert::<sample::Entity>(rows.clone()).await.expect("inserted");
    assert_eq!(all(&tx).await, rows);
    let changed: Vec<sample::Model> =
        rows.iter().zip(changed).map(|(row, changed)| sample::Model { id: row.id, ..owned(changed) }).collect();
    let found = tx.update_rows::<sample::Entity>(Rows::of(changed.clone()), &[sample::Column::Id], Change::Set).await;
    assert_eq!(found.expect("changed"), changed.len() as u64);
    commit(tx).await;
    assert_eq!(stored(&db.store, &scope).await, changed);
    found_again(db, &scope, &changed).await;
}

/// Every row is found by each of its values, as one of a list.
async fn found_again(db: &TestDb, scope: &TenantScope, rows: &[sample::Model]) {
    found_in(&db.store.read(scope).await.expect("a reader"), rows).await;
    // A lane looks up each value by itself.
    let batch = db.store.batch().await.expect("a batch");
    found_in(&batch.enter(scope).await.expect("entered"), rows).await;
}

async fn found_in(tx: &impl Tx, rows: &[sample::Model]) {
    let find = || tx.find::<sample::Entity>();
    for found in [
        find().among(sample::Column::Id, rows.iter().map(|row| row.id)),
        find().among(sample::Column::Name, rows.iter().map(|row| row.name.clone())),
        find().among(sample::Column::Amount, rows.iter().map(|row| row.amount)),
        find().among(sample::Column::Number, rows.iter().map(|row| row.number)),
        find().among(sample::Column::Truth, rows.iter().map(|row| row.truth)),
        find().among(sample::Column::Bytes, rows.iter().map(|row| row.bytes.clone())),
        find().among(sample::Column::Moment, rows.iter().map(|row| row.moment)),
    ] {
        assert_eq!(found.ascending(sample::Column::Id).all().await.expect("read"), rows);
    }
    let twice = find().among(sample::Column::Id, rows.iter().chain(rows).map(|row| row.id));
    assert_eq!(twice.count().await.expect("read"), rows.len() as u64, "no row is found twice");
    let loud = |row: &&sample::Model| row.truth;
    let loud_ones =
        find().filter(sample::Column::Truth.eq(true)).among(sample::Column::Id, rows.iter().map(|row| row.id));
    let expected: Vec<sample::Model> = rows.iter().filter(loud).cloned().collect();
    let found = loud_ones.among(sample::Column::Number, rows.iter().map(|row| row.number));
    assert_eq!(found.ascending(sample::Column::Id).all().await.expect("read"), expected);
}

testkit::on_both! {
    async fn rows_of_any_content_are_read_back_as_they_were_written(db) {
        make_tables(&db).await;
        let config = Config { cases: 24, failure_persistence: None, ..Config::default() };
        let rows = (0usize..30).prop_flat_map(|count| (vec(row(), count), vec(row(), count)));
        let here = tokio::runtime::Handle::current();
        let ran = TestRunner::new(config).run(&rows, |(rows, changed)| {
            tokio::task::block_in_place(|| here.block_on(go_through(&db, rows, changed)));
            Ok(())
        });
        ran.unwrap_or_else(|error| panic!("{error}"));
    }

    async fn two_thousand_rows_are_one_batch(db) {
        make_tables(&db).await;
        let scope = db.tenant().await;
        let named = |number: i32| sample::Model { number, name: format!("点卡 {number}"), ..new_sample(&scope) };
        let rows: Vec<sample::Model> = (0..2_000).map(named).collect();
        save(&db.store, &scope, &rows).await;
        assert_eq!(stored(&db.store, &scope).await, rows);
        let tx = db.store.write(&scope).await.expect("a writer");
        let mut deltas = Rows::of_columns(&[sample::Column::Id, sample::Column::Amount]);
        for row in &rows {
            deltas.push([row.id.into(), i64::from(row.number - 1_000).into()]);
        }
        let changed = tx.update_rows::<sample::Entity>(deltas, &[sample::Column::Id], Change::Add).await;
        assert_eq!(changed.expect("changed"), 2_000);
        let made = tx.insert_new::<sample::Entity, Uuid>(Rows::of(rows.clone()), sample::Column::Id).await;
        assert_eq!(made.expect("passed over"), NO_IDS);
        commit(tx).await;
        let now = stored(&db.store, &scope).await;
        assert!(now.iter().all(|row| row.amount == i64::from(row.number) - 1_000));
    }

    async fn an_empty_batch_does_nothing(db) {
        make_tables(&db).await;
        let scope = db.tenant().await;
        save(&db.store, &scope, &[new_sample(&scope)]).await;
        let before = stored(&db.store, &scope).await;
        let tx = db.store.write(&scope).await.expect("a writer");
        tx.insert::<sample::Entity>([]).await.expect("nothing");
        let empty = || Rows::<sample::Entity>::of([]);
        assert!(empty().is_empty());
        assert_eq!(tx.insert_new::<_, Uuid>(empty(), sample::Column::Id).await.expect("nothing"), NO_IDS);
        assert_eq!(tx.update_rows(empty(), &[sample::Column::Id], Change::Set).await.expect("nothing"), 0);
        assert_eq!(tx.find::<sample::Entity>().among(sample::Column::Id, NO_IDS).count().await.expect("read"), 0);
        commit(tx).await;
        assert_eq!(stored(&db.store, &scope).await, before);
    }

    async fn deltas_are_added_and_values_set(db) {
        make_tables(&db).await;
        let scope = db.tenant().await;
        let row = sample::Model { amount: 40, some_amount: Some(1), ..new_sample(&scope) };
        save(&db.store, &scope, std::slice::from_ref(&row)).await;
        let tx = db.store.write(&scope).await.expect("a writer");
        let columns = [sample::Column::Id, sample::Column::Amount, sample::Column::Number];
        let mut deltas = Rows::of_columns(&columns);
        deltas.push([row.id.into(), (-50i64).into(), 3.into()]);
        deltas.push([Uuid::now_v7().into(), 1i64.into(), 1.into()]);
        let found = tx.update_rows::<sample::Entity>(deltas, &columns[..1], Change::Add).await;
        assert_eq!(found.expect("changed"), 1, "a row that is not there is not made");
        let mut values = Rows::of_columns(&columns);
        values.push([row.id.into(), (-10i64).into(), 3.into()]);
        values.push([Uuid::now_v7().into(), 1i64.into(), 1.into()]);
        let found = tx.update_rows::<sample::Entity>(values, &columns[..1], Change::Set).await;
        assert_eq!(found.expect("changed"), 1, "not by a value either");
        let mut values = Rows::of_columns(&columns);
        values.push([row.id.into(), (-11i64).into(), 3.into()]);
        let key = [sample::Column::Id, sample::Column::Amount];
        let found = tx.update_rows::<sample::Entity>(values, &key, Change::Set).await;
        assert_eq!(found.expect("nothing"), 0, "all of the key has to be met");
        let update = tx.update::<sample::Entity>().add(sample::Column::Amount, -5i64);
        let update = update.set(sample::Column::SomeAmount, None::<i64>).filter(sample::Column::Id.eq(row.id));
        assert_eq!(update.run().await.expect("changed"), 1);
        commit(tx).await;
        let expected = sample::Model { amount: -15, number: 3, some_amount: None, ..row };
        assert_eq!(stored(&db.store, &scope).await, [expected]);
    }

    async fn only_new_rows_of_a_batch_are_answered(db) {
        make_tables(&db).await;
        let scope = db.tenant().await;
        let (old, new) = (new_sample(&scope), new_sample(&scope));
        save(&db.store, &scope, std::slice::from_ref(&old)).await;
        let again = sample::Model { number: 7, ..old.clone() };
        let tx = db.store.write(&scope).await.expect("a writer");
        let made = tx.insert_new::<sample::Entity, Uuid>(Rows::of([again, new.clone()]), sample::Column::Id).await;
        assert_eq!(made.expect("inserted"), [new.id]);
        commit(tx).await;
        assert_eq!(stored(&db.store, &scope).await, [old, new]);
    }

    async fn moments_sort_by_time_whatever_their_fraction(db) {
        make_tables(&db).await;
        let scope = db.tenant().await;
        let start = db.store.time();
        let steps = [-1, 0, 1, 1_000, 1_001, 999_999, 1_000_000].map(TimeDelta::microseconds);
        let rows: Vec<sample::Model> =
            steps.iter().map(|step| sample::Model { moment: start + *step, ..new_sample(&scope) }).collect();
        let shuffled: Vec<sample::Model> = [3, 0, 6, 1, 5, 2, 4].iter().map(|&index| rows[index].clone()).collect();
        save(&db.store, &scope, &shuffled).await;
        let tx = db.store.read(&scope).await.expect("a reader");
        let sorted = tx.find::<sample::Entity>().ascending(sample::Column::Moment).all().await.expect("read");
        assert_eq!(sorted, rows);
        for (index, step) in steps.iter().enumerate() {
            let later = tx.find::<sample::Entity>().filter(sample::Column::Moment.gt(start + *step));
            assert_eq!(later.count().await.expect("read"), (rows.len() - 1 - index) as u64);
        }
    }
}
