//! The socket beside a SQLite file: how other commands hand their writes to the server that owns it.
//!
//! One request and one answer a connection, each one line of JSON. The socket has mode 0600 from its first moment.

use std::fs;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinHandle;

use crate::house::House;

/// The longest line.
const LINE_BYTES_MAX: u64 = 8 << 20;
/// Card imports take their time.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(600);

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

/// The socket of a database file.
pub fn socket_of(database: &Path) -> PathBuf {
    database.with_extension("sock")
}

/// Listens beside `database` until the handle is aborted.
pub fn listen(house: House, database: &Path) -> anyhow::Result<JoinHandle<()>> {
    let listener = bind(&socket_of(database))?;
    Ok(tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            if let Err(error) = serve(&house, stream).await {
                tracing::warn!(%error, "a command was not handed over");
            }
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

async fn serve(house: &House, mut stream: UnixStream) -> anyhow::Result<()> {
    let mut line = String::new();
    let (reader, mut writer) = stream.split();
    BufReader::new(reader.take(LINE_BYTES_MAX)).read_line(&mut line).await?;
    let answer = match serde_json::from_str::<Request>(&line) {
        Ok(request) => carry_out(house, request).await,
        Err(error) => Answer::Refused(format!("the request cannot be read: {error}")),
    };
    writer.write_all(serde_json::to_string(&answer)?.as_bytes()).await?;
    writer.write_all(b"\n").await?;
    Ok(())
}

/// Carries a request out, in the process that owns the database.
pub async fn carry_out(house: &House, request: Request) -> Answer {
    let outcome = match request {
        Request::Apply { pack, dry_run } => crate::commands::apply(house, &pack, dry_run).await,
        Request::RotateKeys => crate::commands::rotate(house).await,
    };
    match outcome {
        Ok(text) => Answer::Done(text),
        Err(error) => Answer::Refused(format!("{error:#}")),
    }
}

/// Hands a request to the server that owns `database`.
pub async fn hand_over(database: &Path, request: &Request) -> anyhow::Result<Answer> {
    let path = socket_of(database);
    let stream = UnixStream::connect(&path).await;
    let mut stream = stream.with_context(|| {
        format!("another process holds {} and does not listen at {}", database.display(), path.display())
    })?;
    stream.write_all(format!("{}\n", serde_json::to_string(request)?).as_bytes()).await?;
    let mut line = String::new();
    let mut reader = BufReader::new(stream.take(LINE_BYTES_MAX));
    tokio::time::timeout(ANSWER_TIMEOUT, reader.read_line(&mut line)).await.context("the server does not answer")??;
    serde_json::from_str(&line).context("the server's answer cannot be read")
}
