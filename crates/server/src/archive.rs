//! A backup as one file: a ZIP archive of the database, the exported heads and a manifest that says what must be in it.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use store::{Backend, RowCounts};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

/// What this program writes and reads.
pub(crate) const FORMAT: u32 = 1;
/// The part that is the database.
pub(crate) const DATABASE: &str = "database";
/// The folder of the exported heads.
pub(crate) const HEADS: &str = "heads/";
const MANIFEST: &str = "manifest.json";
const PRODUCT: &str = "cardgrove";
const MANIFEST_BYTES_MAX: u64 = 16 << 20;

/// What is in a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Manifest {
    /// Whose backup it is.
    pub product: String,
    /// The format of the archive.
    pub format: u32,
    /// The version of the program that made it.
    pub version: String,
    /// Which database.
    pub database: Kind,
    /// The last change of the schema that it has.
    pub schema: String,
    /// When it was begun.
    pub taken_at: DateTime<Utc>,
    /// The rows of each table.
    pub rows: RowCounts,
    /// Everything else in the archive.
    pub parts: Vec<Part>,
}

/// Which database a backup is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    Sqlite,
    Postgres,
}

/// A file of the archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Part {
    /// Its name in the archive.
    pub name: String,
    /// How long it is.
    pub bytes: u64,
    /// Its SHA-256, in hexadecimal digits.
    pub sha256: String,
}

impl Kind {
    pub const fn of(backend: Backend) -> Self {
        match backend {
            Backend::Sqlite => Self::Sqlite,
            Backend::Postgres => Self::Postgres,
        }
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        }
    }
}

impl Manifest {
    /// A manifest without parts yet.
    pub fn new(database: Kind, schema: String, taken_at: DateTime<Utc>, rows: RowCounts) -> Self {
        let (product, version) = (PRODUCT.to_owned(), env!("CARGO_PKG_VERSION").to_owned());
        Self { product, format: FORMAT, version, database, schema, taken_at, rows, parts: Vec::new() }
    }
}

/// Writes the archive from files; it has its name only when it is whole and on the disk.
pub(crate) fn write(target: &Path, mut manifest: Manifest, parts: &[(String, PathBuf)]) -> anyhow::Result<()> {
    let beside = beside(target, "new");
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside);
    let file = file.with_context(|| format!("cannot make {}", beside.display()))?;
    let written = fill(file, &mut manifest, parts).and_then(|()| Ok(fs::rename(&beside, target)?));
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    written.with_context(|| format!("cannot write {}", target.display()))?;
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Ok(File::open(folder)?.sync_all()?)
}

fn fill(file: File, manifest: &mut Manifest, parts: &[(String, PathBuf)]) -> anyhow::Result<()> {
    let mut archive = ZipWriter::new(file);
    let options = SimpleFileOptions::default().unix_permissions(0o600);
    for (name, path) in parts {
        // What PostgreSQL wrote is compressed already.
        let is_packed = name == DATABASE && manifest.database == Kind::Postgres;
        let method = if is_packed { CompressionMethod::Stored } else { CompressionMethod::Deflated };
        archive.start_file(name.as_str(), options.compression_method(method).large_file(true))?;
        let mut source = File::open(path)?;
        let (bytes, sha256) = pour(&mut source, &mut archive)?;
        manifest.parts.push(Part { name: name.clone(), bytes, sha256 });
    }
    archive.start_file(MANIFEST, options)?;
    archive.write_all(&serde_json::to_vec_pretty(manifest)?)?;
    Ok(archive.finish()?.sync_all()?)
}

/// Copies to the end; answers length and SHA-256.
fn pour(source: &mut impl Read, target: &mut impl Write) -> std::io::Result<(u64, String)> {
    let (mut hash, mut bytes) = (Sha256::new(), 0);
    let mut buffer = vec![0; 256 << 10];
    loop {
        let read = source.read(&mut buffer)?;
        if read == 0 {
            return Ok((bytes, kernel::hex(&hash.finalize())));
        }
        bytes += read as u64;
        hash.update(&buffer[..read]);
        target.write_all(&buffer[..read])?;
    }
}

/// A backup whose parts are all there and whole.
pub(crate) struct Archive {
    pub manifest: Manifest,
    archive: ZipArchive<File>,
}

impl Archive {
    /// Opens the archive and reads all of it once: a torn or foreign one is refused.
    pub fn open(file: &Path) -> anyhow::Result<Self> {
        let name = file.display();
        let opened = File::open(file).with_context(|| format!("cannot read {name}"))?;
        let archive = ZipArchive::new(opened);
        let mut archive = archive.with_context(|| format!("{name} is torn, or no backup"))?;
        let manifest = manifest_of(&mut archive).with_context(|| format!("{name} is no backup of {PRODUCT}"))?;
        let mut found = Self { manifest, archive };
        found.verify().with_context(|| format!("{name} is torn"))?;
        Ok(found)
    }

    fn verify(&mut self) -> anyhow::Result<()> {
        let known = self.manifest.parts.len() + 1;
        ensure!(self.archive.len() == known, "it has {} files, and {known} belong to it", self.archive.len());
        ensure!(self.manifest.parts.iter().any(|part| part.name == DATABASE), "it holds no database");
        for part in self.manifest.parts.clone() {
            self.read(&part, &mut std::io::sink())?;
        }
        Ok(())
    }

    /// Writes a part to a new file.
    pub fn extract(&mut self, part: &Part, target: &Path) -> anyhow::Result<()> {
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(target);
        let mut file = file.with_context(|| format!("cannot make {}", target.display()))?;
        self.read(part, &mut file)?;
        Ok(file.sync_all()?)
    }

    fn read(&mut self, part: &Part, target: &mut impl Write) -> anyhow::Result<()> {
        let Part { name, bytes, sha256 } = part;
        let mut source = self.archive.by_name(name).with_context(|| format!("{name} is missing"))?;
        let found = pour(&mut source, target).with_context(|| format!("{name} cannot be read to its end"))?;
        ensure!(found == (*bytes, sha256.clone()), "{name} is not what was put into it");
        Ok(())
    }
}

fn manifest_of(archive: &mut ZipArchive<File>) -> anyhow::Result<Manifest> {
    let mut text = Vec::new();
    archive.by_name(MANIFEST)?.take(MANIFEST_BYTES_MAX).read_to_end(&mut text)?;
    let manifest: Manifest = serde_json::from_slice(&text)?;
    ensure!(manifest.product == PRODUCT, "it is one of {:?}", manifest.product);
    if manifest.format > FORMAT {
        bail!("its format {} is newer than this program, which reads {FORMAT}", manifest.format);
    }
    Ok(manifest)
}

/// A folder for files on their way, for their owner only; it goes with its value.
pub(crate) struct Workshop(PathBuf);

impl Workshop {
    /// Makes it beside `target`.
    pub fn beside(target: &Path) -> anyhow::Result<Self> {
        let path = beside(target, "parts");
        let made = DirBuilder::new().mode(0o700).create(&path);
        made.with_context(|| format!("cannot make {}; is another backup being made or restored?", path.display()))?;
        Ok(Self(path))
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Workshop {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn beside(target: &Path, ending: &str) -> PathBuf {
    let mut name = target.file_name().unwrap_or_default().to_owned();
    name.push(".");
    name.push(ending);
    target.with_file_name(name)
}
