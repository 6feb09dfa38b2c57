//! The clock closes days.

use std::path::{Path, PathBuf};
use std::{fs, io};

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kernel::TenantScope;
use outbox::{Handler, Job, JobContext, JobError};
use serde::{Deserialize, Serialize};
use store::Store;

use crate::error::BooksError;
use crate::model::Closing;
use crate::service::{Books, Closed};

/// Closes the days that are over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CloseDays {}

impl Job for CloseDays {
    const KIND: &'static str = "books.close_days";
}

/// Handles [`CloseDays`], and lays what was closed down outside of the database: a document, its signature and the key a day.
pub struct DayCloser {
    /// The books.
    pub books: Books,
    /// The database.
    pub store: Store,
    /// Where closings are laid down, in a folder a tenant.
    pub folder: PathBuf,
}

/// Closings that are looked at for whether they lie outside already.
const RECENT: u64 = 40;

#[async_trait]
impl Handler<CloseDays> for DayCloser {
    async fn run(&self, context: &JobContext, _job: CloseDays) -> Result<(), JobError> {
        let scope = context.scope();
        let retry = |error: BooksError| JobError::Retry(error.to_string());
        let closed = self.books.close_days(scope).await;
        let closed = match closed {
            // Somebody has to look: trying again soon does not help.
            Err(error @ (BooksError::Unproved { .. } | BooksError::Untold { .. } | BooksError::Damaged { .. })) => {
                metrics::counter!("cardgrove_closings_total", "outcome" => "refused").increment(1);
                tracing::error!(tenant.id = %scope.id(), %error, "a day cannot be closed: {error}");
                Closed::default()
            }
            closed => closed.map_err(retry)?,
        };
        for day in closed.days {
            metrics::counter!("cardgrove_closings_total", "outcome" => "closed").increment(1);
            tracing::info!(tenant.id = %scope.id(), %day, "{day} is closed");
        }
        self.lay_down(scope).await.map_err(retry)
    }
}

impl DayCloser {
    async fn lay_down(&self, scope: &TenantScope) -> Result<(), BooksError> {
        let tx = self.store.read(scope).await?;
        let closings = self.books.closings_in(&tx, None, RECENT).await?;
        drop(tx);
        let folder = self.folder.join(scope.id().to_string());
        let write = || closings.iter().try_for_each(|closing| write(&folder, closing));
        write().map_err(|error| BooksError::File { reason: error.to_string() })
    }
}

/// Three files: `2026-11-23.json`, `2026-11-23.json.sig` and the key's, `clk_...pem`. What lies there stays as it is.
fn write(folder: &Path, closing: &Closing) -> io::Result<()> {
    let document = folder.join(format!("{}.json", closing.day));
    if document.exists() {
        return Ok(());
    }
    fs::create_dir_all(folder)?;
    let (id, key) = &closing.key;
    fs::write(folder.join(format!("{id}.pem")), key.to_string())?;
    fs::write(folder.join(format!("{}.json.sig", closing.day)), &closing.signature)?;
    // The document last, under its name at once: where it is, the others are.
    let part = folder.join(format!(".{}.part", closing.day));
    fs::write(&part, &closing.text)?;
    fs::rename(part, document)
}

impl Closing {
    /// The signature in letters (base 64).
    pub fn signature_text(&self) -> String {
        STANDARD.encode(&self.signature)
    }
}
