//! The connection is cut at COMMIT, and nobody says what became of the batch. PostgreSQL only: a commit of SQLite is
//! answered, or the process is gone.

use std::path::Path;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};

use super::*;

/// What becomes of the next commit.
#[derive(Clone, Copy)]
#[repr(u8)]
enum Next {
    Pass,
    /// The database never hears of it.
    CutBefore,
    /// The database has carried it out and said so, and nobody hears it.
    CutAfter,
}

/// A socket between a store and its database, in a folder of the test.
struct Wire {
    next: AtomicU8,
    cuts: AtomicU32,
}

const COMMIT: &[u8] = b"COMMIT\0";

impl Wire {
    /// Listens in `folder` as the database does in its own.
    fn start(folder: &Path, database: std::path::PathBuf) -> Arc<Self> {
        let wire = Arc::new(Self { next: AtomicU8::new(Next::Pass as u8), cuts: AtomicU32::new(0) });
        let name = database.file_name().expect("a socket").to_owned();
        let listener = UnixListener::bind(folder.join(name)).expect("a socket of our own");
        let own = Arc::clone(&wire);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (wire, database) = (Arc::clone(&own), database.clone());
                tokio::spawn(async move {
                    let server = UnixStream::connect(&database).await.expect("the database");
                    // Whichever end goes, the other goes with it.
                    let _ = wire.carry(client, server).await;
                });
            }
        });
        wire
    }

    fn cut(&self, next: Next) {
        self.next.store(next as u8, Ordering::SeqCst);
    }

    fn cuts(&self) -> u32 {
        self.cuts.load(Ordering::SeqCst)
    }

    /// Carries both directions until one ends, or a commit is to be cut.
    async fn carry(&self, mut client: UnixStream, mut server: UnixStream) -> std::io::Result<()> {
        let (mut asked, mut answered) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
        loop {
            tokio::select! {
                count = client.read(&mut asked) => {
                    let chunk = &asked[..count?];
                    if chunk.is_empty() {
                        return Ok(());
                    }
                    let is_commit = chunk.windows(COMMIT.len()).any(|window| window == COMMIT);
                    let next = if is_commit { self.next.swap(Next::Pass as u8, Ordering::SeqCst) } else { 0 };
                    if next != Next::Pass as u8 {
                        self.cuts.fetch_add(1, Ordering::SeqCst);
                    }
                    if next == Next::CutBefore as u8 {
                        return Ok(());
                    }
                    server.write_all(chunk).await?;
                    if next == Next::CutAfter as u8 {
                        // Whatever it says, it has committed before it said so.
                        assert!(server.read(&mut answered).await? > 0, "the database answers");
                        return Ok(());
                    }
                }
                count = server.read(&mut answered) => {
                    let chunk = &answered[..count?];
                    if chunk.is_empty() {
                        return Ok(());
                    }
                    client.write_all(chunk).await?;
                }
            }
        }
    }
}

/// A store that reaches the test's database over a wire.
async fn over_a_wire(db: &TestDb) -> (Store, Arc<Wire>) {
    let (_, folder) = db.settings.url.split_once("?host=").expect("a database behind a socket");
    let sockets = std::fs::read_dir(folder).expect("the folder of the database's socket");
    let is_socket = |path: &std::path::PathBuf| {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        name.starts_with(".s.PGSQL.") && !name.ends_with(".lock")
    };
    let socket = sockets.flatten().map(|entry| entry.path()).find(is_socket).expect("a socket");
    let (own, mut settings) = (db.folder(), db.settings.clone());
    let wire = Wire::start(&own, socket);
    // The platform's role is not asked for anything here.
    settings.url = settings.url.replace(folder, &own.display().to_string());
    (Store::open(&settings).await.expect("the store opens over the wire"), wire)
}

async fn entries(db: &TestDb, scope: &TenantScope) -> String {
    db.psql(&format!("SELECT count(*) FROM entries WHERE tenant_id = '{}'", scope.id().uuid()))
}

/// Twenty commands whose batches' first commit is cut, each of its own buyer, and what each was told.
async fn cut_under_twenty(next: Next) {
    let db = TestDb::postgres().await;
    let (store, wire) = over_a_wire(&db).await;
    let (lanes, scope) = (lanes(&store), db.tenant().await);
    let open = Uuid::now_v7();
    lanes.run(&scope, give("open", open, 1)).await.expect("answered").answer.expect("moved");
    let buyers: Vec<(Uuid, i64)> = (1..=20).map(|minor| (Uuid::now_v7(), minor)).collect();
    wire.cut(next);
    let moves = buyers.iter().map(|(buyer, minor)| lanes.run(&scope, give(minor.to_string(), *buyer, *minor)));
    for ((buyer, minor), told) in buyers.iter().zip(futures::future::join_all(moves).await) {
        assert_eq!(told.expect("answered").answer, Ok(*minor), "everybody is told what he got");
        assert_eq!(balance(&db, &scope, *buyer).await, *minor, "once");
    }
    assert_eq!((wire.cuts(), entries(&db, &scope).await.as_str()), (1, "21"));
    for (buyer, minor) in &buyers {
        let again = lanes.run(&scope, give(minor.to_string(), *buyer, *minor)).await.expect("answered");
        assert_eq!((again.is_replay, again.answer), (true, Ok(*minor)));
    }
    assert_eq!(entries(&db, &scope).await, "21", "nothing twice");
    assert!(is_sound(&db, &scope).await);
    store.close().await.expect("closed");
}

/// One command whose commit is cut: what it was told, and whether the lane found its key there afterwards.
async fn cut_under_one(next: Next) -> (bool, Result<i64, Poor>) {
    let db = TestDb::postgres().await;
    let (store, wire) = over_a_wire(&db).await;
    let (lanes, scope, buyer) = (lanes(&store), db.tenant().await, Uuid::now_v7());
    wire.cut(next);
    let told = lanes.run(&scope, give("one", buyer, 7)).await.expect("answered");
    let reruns = lanes.stats().reruns.load(std::sync::atomic::Ordering::Relaxed);
    assert_eq!((wire.cuts(), reruns, balance(&db, &scope, buyer).await), (1, 1, 7));
    assert_eq!(entries(&db, &scope).await, "1");
    store.close().await.expect("closed");
    (told.is_replay, told.answer)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_took_effect_and_was_not_answered_is_found_by_its_keys() {
    assert_eq!(cut_under_one(Next::CutAfter).await, (true, Ok(7)), "the second run only reads what the first kept");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_never_arrived_is_carried_out_again() {
    assert_eq!(cut_under_one(Next::CutBefore).await, (false, Ok(7)), "the second run does the work");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_whose_commit_took_effect_unheard_answers_everybody_once() {
    cut_under_twenty(Next::CutAfter).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_whose_commit_never_arrived_answers_everybody_once() {
    cut_under_twenty(Next::CutBefore).await;
}
