//! The socket beside a SQLite file: how other commands hand their writes to the server that owns it.
//!
//! One request and one answer a connection, each one line of JSON; before the answer come lines that say how far a long
//! request is. Who hangs up ends an import after the chunk that is being written, and nothing else. The socket has mode 0600 from its first moment.

use std::fs;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use inventory::{IntakeProgress, IntakeStep};
use outbox::JobId;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Mutex, Semaphore, watch};
use tokio::task::JoinHandle;

use crate::cards::{self, CardsRequest};
use crate::house::House;

/// The longest line.
const LINE_BYTES_MAX: u64 = 8 << 20;
/// From line to line; a pack's cards take their time.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(600);
/// Requests carried out at the same time.
const REQUESTS_MAX: usize = 8;

/// What can be handed over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "command")]
pub enum Request {
    /// Apply a pack.
    Apply {
        /// The pack's folder, absolute.
        pack: PathBuf,
        /// Only say what would change.
        dry_run: bool,
    },
    /// Rotate the keys.
    RotateKeys,
    /// Something with cards of stock.
    Cards(CardsRequest),
    /// Queue a dead letter again.
    RetryJob {
        /// Which.
        job: JobId,
    },
}

/// What came of it: the words for standard output, or for standard error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// It was done.
    Done(String),
    /// It was not done.
    Refused(String),
}

/// A line to who asked.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Progress(IntakeStep),
    Done(String),
    Refused(String),
}

impl From<Answer> for Line {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Done(text) => Self::Done(text),
            Answer::Refused(text) => Self::Refused(text),
        }
    }
}

/// The last step only: who reads slowly is told less often.
struct Steps(watch::Sender<Option<IntakeStep>>);

impl IntakeProgress for Steps {
    fn moved(&self, step: IntakeStep) {
        self.0.send_replace(Some(step));
    }
}

/// The socket of a database file.
pub fn socket_of(database: &Path) -> PathBuf {
    database.with_extension("sock")
}

/// Listens beside `database` until the handle is aborted.
pub fn listen(house: House, database: &Path) -> anyhow::Result<JoinHandle<()>> {
    let listener = bind(&socket_of(database))?;
    let places = Arc::new(Semaphore::new(REQUESTS_MAX));
    let one_by_one = Arc::new(Mutex::new(()));
    Ok(tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (house, one_by_one) = (house.clone(), Arc::clone(&one_by_one));
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
            tokio::spawn(async move {
                if let Err(error) = serve(&house, &one_by_one, stream).await {
                    tracing::warn!(%error, "a command was not handed over");
                }
                drop(place);
            });
        }
    }))
}

/// Binds inside a folder that only we may enter, and moves the socket out once its mode is set.
fn bind(path: &Path) -> anyhow::Result<UnixListener> {
    let private = path.with_extension("sock.new");
    let _ = fs::remove_dir_all(&private);
    fs::DirBuilder::new().mode(0o700).create(&private)?;
    let inside = private.join("s");
    let listener = UnixListener::bind(&inside).context("cannot listen beside the database file")?;
    fs::set_permissions(&inside, fs::Permissions::from_mode(0o600))?;
    fs::rename(&inside, path)?;
    fs::remove_dir(&private)?;
    Ok(listener)
}

async fn serve(house: &House, one_by_one: &Mutex<()>, mut stream: UnixStream) -> anyhow::Result<()> {
    let mut line = String::new();
    let (reader, mut writer) = stream.split();
    BufReader::new(reader.take(LINE_BYTES_MAX)).read_line(&mut line).await?;
    let request = match serde_json::from_str::<Request>(&line) {
        Ok(request) => request,
        Err(error) => {
            let refused = Line::Refused(format!("the request cannot be read: {error}"));
            return Ok(writer.write_all(&line_of(&refused)?).await?);
        }
    };
    // Two rotations at once would take each other's key file.
    let _turn = if matches!(request, Request::Cards(_)) { None } else { Some(one_by_one.lock().await) };
    let (sender, mut steps) = watch::channel(None);
    let steps_out = Steps(sender);
    let mut work = std::pin::pin!(carry_out(house, request, &steps_out));
    let answer = loop {
        tokio::select! {
            answer = &mut work => break answer,
            Ok(()) = steps.changed() => {
                let step = *steps.borrow_and_update();
                if let Some(step) = step {
                    writer.write_all(&line_of(&Line::Progress(step))?).await?;
                }
            }
        }
    };
    Ok(writer.write_all(&line_of(&Line::from(answer))?).await?)
}

fn line_of(line: &Line) -> anyhow::Result<Vec<u8>> {
    let mut text = serde_json::to_vec(line)?;
    text.push(b'\n');
    Ok(text)
}

/// Carries a request out, in the process that owns the database.
pub async fn carry_out(house: &House, request: Request, progress: &dyn IntakeProgress) -> Answer {
    let outcome = match request {
        Request::Apply { pack, dry_run } => crate::commands::apply(house, &pack, dry_run).await,
        Request::RotateKeys => crate::commands::rotate(house).await,
        Request::Cards(request) => cards::carry_out(house, request, progress).await,
        Request::RetryJob { job } => crate::letters::retry(house, job).await,
    };
    match outcome {
        Ok(text) => Answer::Done(text),
        Err(error) => Answer::Refused(format!("{error:#}")),
    }
}

/// Hands a request to the server that owns `database`.
pub async fn hand_over(database: &Path, request: &Request, progress: &dyn IntakeProgress) -> anyhow::Result<Answer> {
    let path = socket_of(database);
    let stream = UnixStream::connect(&path).await;
    let mut stream = stream.with_context(|| {
        format!("another process holds {} and does not listen at {}", database.display(), path.display())
    })?;
    stream.write_all(format!("{}\n", serde_json::to_string(request)?).as_bytes()).await?;
    let mut reader = BufReader::new(stream);
    loop {
        let mut line = String::new();
        let mut bounded = (&mut reader).take(LINE_BYTES_MAX);
        let read = tokio::time::timeout(ANSWER_TIMEOUT, bounded.read_line(&mut line)).await;
        let read = read.context("the server does not answer")??;
        anyhow::ensure!(read > 0, "the server ended before it answered");
        match serde_json::from_str(&line).context("the server's answer cannot be read")? {
            Line::Progress(step) => progress.moved(step),
            Line::Done(text) => return Ok(Answer::Done(text)),
            Line::Refused(text) => return Ok(Answer::Refused(text)),
        }
    }
}
