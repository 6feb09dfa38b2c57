//! What the audit tells of the whole house: what no room alone can know, and what failed for good.

use std::time::{Duration, Instant};

use store::Backend as Database;
use testkit::TestDb;

use crate::binary::{self, Backend, Server};
use crate::isolation::fixture::Fixture;

async fn audited(db: &TestDb) -> server::audit::Report {
    server::audit::run(&db.store, &db.folder()).await.expect("the audit ends")
}

testkit::on_both! {
    async fn an_order_of_what_nobody_sells_is_found(db) {
        Fixture::open(&db).await;
        let report = audited(&db).await;
        assert_eq!((report.breaches, report.dead_letters), (0, 0), "{}", report.text);
        for table in ["order_lines", "order_holds", "fulfilments"] {
            db.tamper(&format!("UPDATE {table} SET sku_id = order_id")).await.expect("tampered");
        }
        if db.backend == Database::Sqlite {
            db.tamper("DROP TRIGGER order_hops_no_update").await.expect("an intruder owns the file");
        }
        db.tamper("UPDATE order_hops SET site_id = order_id WHERE depth = 1").await.expect("tampered");
        let text = audited(&db).await.text;
        assert!(text.contains("BREACH of invariant 13: sku_") && text.contains("not in the catalogue"), "{text}");
        assert!(text.contains("earns from an order, and is no site"), "{text}");
    }

    async fn a_closing_that_lies_outside_is_the_one_that_is_kept(db) {
        let fixture = Fixture::open(&db).await;
        let target = &fixture.targets[0];
        let folder = db.folder().join("closings").join(target.tenant.to_string());
        std::fs::create_dir_all(&folder).expect("made");
        let file = folder.join(format!("{}.json", target.names["day"]));
        let tx = db.store.read(&kernel::Platform::assume().tenant(target.tenant)).await.expect("a reader");
        let day = kernel::Day::parse(&target.names["day"]).expect("a day");
        let kept = books::closing_in(&tx, day).await.expect("read").expect("it is closed");
        drop(tx);
        std::fs::write(&file, &kept.text).expect("written");
        let report = audited(&db).await;
        assert_eq!(report.breaches, 0, "{}", report.text);
        std::fs::write(&file, kept.text.replace("closed_at", "closed_on")).expect("written");
        let text = audited(&db).await.text;
        assert!(text.contains(&format!("BREACH of invariant 12: the closing of {day} is not the one that was laid down")), "{text}");
    }

    async fn dead_letters_are_told_and_are_no_breach(db) {
        Fixture::open(&db).await;
        db.tamper("UPDATE jobs SET state = 'dead', last_error = 'lost its way'").await.expect("tampered");
        let report = audited(&db).await;
        let text = &report.text;
        assert!(report.dead_letters > 0 && report.breaches == 0, "{text}");
        assert!(text.contains("  DEAD LETTER job_") && text.contains("lost its way"), "{text}");
        assert!(text.contains("every invariant holds; ") && text.contains("dead letters wait for you"), "{text}");
    }
}

binary::on_both! {
    async fn a_dead_letter_is_listed_and_sent_again_beside_a_running_server(server) {
        assert!(server.run(&["jobs", "dead"]).contains("0 dead letters"));
        let began = Instant::now();
        // The job of the coming hour is planned ahead, and touched by nobody else.
        let listed = loop {
            server.tamper(
                "UPDATE jobs SET state = 'dead', attempts = 12, last_error = 'lost its way' WHERE kind = 'ledger.export_head'",
            ).await;
            let listed = server.run(&["jobs", "dead"]);
            if listed.contains("2 dead letters") {
                break listed;
            }
            assert!(began.elapsed() < Duration::from_secs(30), "nothing was planned: {listed}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        };
        assert!(listed.contains("ledger.export_head") && listed.contains("tried 12 times: lost its way"), "{listed}");
        let of_one = server.run(&["jobs", "dead", "--tenant", "demo-two"]);
        assert!(of_one.starts_with("demo-two  job_") && of_one.ends_with("1 dead letters\n"), "{of_one}");
        assert!(server.run(&["audit"]).contains("every invariant holds; 2 dead letters wait for you"));
        let job = of_one.split_whitespace().nth(1).expect("a job");
        let said = server.run(&["jobs", "retry", job]);
        assert!(said.contains("of demo-two is queued again"), "{said}");
        assert!(server.run_failing(&["jobs", "retry", job]).contains("is no dead letter"));
        assert!(server.run(&["jobs", "dead"]).ends_with("1 dead letters\n"));
    }
}
