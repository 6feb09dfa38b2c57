//! A planted code is nowhere in what the database keeps.

use super::*;

const PLANTED: &str = "PLANTED-7f3a-CODE";

fn contains(bytes: &[u8], word: &str) -> bool {
    bytes.windows(word.len()).any(|window| window == word.as_bytes())
}

/// The forms in which the code could lie there in the open.
fn forms() -> [String; 3] {
    let hex = |upper: bool| {
        PLANTED.bytes().map(|byte| if upper { format!("{byte:02X}") } else { format!("{byte:02x}") }).collect()
    };
    [PLANTED.to_owned(), hex(false), hex(true)]
}

/// A shop that has imported, sold and shown the planted code, and refused it as a duplicate.
async fn planted(db: &TestDb) {
    let shop = Shop::open(db).await;
    shop.import(&[PLANTED]).await;
    shop.import(&[PLANTED]).await;
    let (order, cards) = shop.sell(shop.sku, 1).await;
    assert_eq!(shop.reveal(order, &cards).await.expect("opened"), [PLANTED]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_planted_code_is_in_no_byte_of_the_sqlite_files() {
    let db = TestDb::sqlite().await;
    planted(&db).await;
    let mut files = Vec::new();
    for entry in std::fs::read_dir(db.folder()).expect("a folder") {
        let path = entry.expect("an entry").path();
        files.push((path.clone(), std::fs::read(&path).expect("readable")));
    }
    assert!(files.iter().any(|(path, bytes)| path.to_string_lossy().ends_with("-wal") && !bytes.is_empty()));
    assert!(files.iter().any(|(_, bytes)| contains(bytes, TITLE)), "the search finds what is there");
    for (path, bytes) in files {
        for form in forms() {
            assert!(!contains(&bytes, &form), "{} holds {form}", path.display());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_planted_code_is_in_no_row_of_the_postgres_tables() {
    let db = TestDb::postgres().await;
    planted(&db).await;
    let tables = db.psql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'");
    let dump: String = tables.lines().map(|table| db.psql(&format!("COPY {table} TO STDOUT"))).collect();
    assert!(contains(dump.as_bytes(), TITLE), "the search finds what is there");
    assert!(dump.contains("sold"), "the card is in the dump");
    for form in forms() {
        assert!(!contains(dump.as_bytes(), &form), "the dump holds {form}");
    }
}
