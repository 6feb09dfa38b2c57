//! The master key: outside the database, in a file that only its owner may read, or in the environment.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use kernel::Secret;

use crate::error::InventoryError;
use crate::seal::{Key, key_name, open, random_key, seal};

/// One master key.
#[derive(Clone)]
pub struct MasterKey {
    key: Key,
}

/// The current master key and those before it that may still have wrapped something.
#[derive(Clone)]
pub struct MasterKeys {
    current: MasterKey,
    older: Vec<MasterKey>,
}

const WRAPPED_NAME_LEN: usize = 8;

impl MasterKey {
    /// A new random key.
    pub fn generate() -> Self {
        Self { key: random_key() }
    }

    /// Reads 64 hexadecimal digits.
    pub fn parse(text: &str) -> Result<Self, InventoryError> {
        let text = text.trim();
        let fail = || InventoryError::Master("it has 64 hexadecimal digits".to_owned());
        if text.len() != 64 || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(fail());
        }
        let mut bytes = [0u8; 32];
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[index * 2..index * 2 + 2], 16).map_err(|_| fail())?;
        }
        Ok(Self { key: Secret::new(bytes) })
    }

    /// The text that [`MasterKey::parse`] reads, for the one file or safe it is kept in.
    pub fn export(&self) -> Secret<String> {
        Secret::new(self.key.expose().iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// Writes the key to a new file of mode 0600.
    pub fn write(&self, path: &Path) -> Result<(), InventoryError> {
        let fail = |error: std::io::Error| InventoryError::Master(format!("{}: {error}", path.display()));
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(fail)?;
        writeln!(file, "{}", self.export().expose()).map_err(fail)?;
        file.sync_all().map_err(fail)
    }

    /// Reads the key from a file; a file that others may read is refused.
    pub fn read(path: &Path) -> Result<Self, InventoryError> {
        let fail = |error: std::io::Error| InventoryError::Master(format!("{}: {error}", path.display()));
        let mode = fs::metadata(path).map_err(fail)?.permissions().mode();
        if mode & 0o077 != 0 {
            let mode = mode & 0o777;
            return Err(InventoryError::Master(format!("{} has mode {mode:o}; make it 600", path.display())));
        }
        let text = Secret::new(fs::read_to_string(path).map_err(fail)?);
        Self::parse(text.expose())
    }
}

impl MasterKeys {
    /// The given key alone.
    pub const fn only(current: MasterKey) -> Self {
        Self { current, older: Vec::new() }
    }

    /// Reads the key in `path`; if there is none yet one is made, and the answer says so.
    pub fn read_or_make(path: &Path) -> Result<(Self, bool), InventoryError> {
        let is_there = |path: &Path| {
            path.try_exists().map_err(|error| InventoryError::Master(format!("{}: {error}", path.display())))
        };
        if is_there(path)? {
            return Ok((Self::read(path)?, false));
        }
        let (next, old) = (Self::next_path(path), Self::old_path(path));
        if is_there(&next)? && is_there(&old)? {
            // A rotation ended between its two renames: everything is wrapped by the next key already.
            fs::rename(&next, path).map_err(|error| InventoryError::Master(error.to_string()))?;
            return Ok((Self::read(path)?, false));
        }
        if is_there(&next)? || is_there(&old)? {
            let reason = format!("{} is gone, and {} or {} is there", path.display(), next.display(), old.display());
            return Err(InventoryError::Master(reason));
        }
        let key = MasterKey::generate();
        key.write(path)?;
        Ok((Self::only(key), true))
    }

    /// Reads the key in `path`, and the keys that a rotation left beside it.
    pub fn read(path: &Path) -> Result<Self, InventoryError> {
        let current = MasterKey::read(path)?;
        let mut older = Vec::new();
        for beside in [Self::next_path(path), Self::old_path(path)] {
            if beside.exists() {
                older.push(MasterKey::read(&beside)?);
            }
        }
        Ok(Self { current, older })
    }

    /// Where a rotation keeps the coming key.
    pub fn next_path(path: &Path) -> PathBuf {
        path.with_extension("key.next")
    }

    /// Where a rotation leaves the former key, for backups made before it.
    pub fn old_path(path: &Path) -> PathBuf {
        path.with_extension("key.old")
    }

    /// The same keys with `next` as the current one.
    pub fn rotated_to(&self, next: MasterKey) -> Self {
        let older = std::iter::once(self.current.clone()).chain(self.older.iter().cloned()).collect();
        Self { current: next, older }
    }

    /// The key that wraps from now on.
    pub const fn current(&self) -> &MasterKey {
        &self.current
    }

    pub(crate) fn wrap(&self, bound: &[u8], key: &Key) -> Result<Vec<u8>, InventoryError> {
        let sealed = seal(&self.current.key, bound, key.expose())?;
        Ok([key_name(&self.current.key).as_slice(), &sealed].concat())
    }

    pub(crate) fn unwrap(&self, bound: &[u8], wrapped: &[u8]) -> Result<Key, InventoryError> {
        let (name, sealed) = wrapped.split_at_checked(WRAPPED_NAME_LEN).ok_or(InventoryError::Sealed)?;
        let masters = std::iter::once(&self.current).chain(&self.older);
        let master = masters.into_iter().find(|master| key_name(&master.key) == name);
        let master = master.ok_or(InventoryError::ForeignMaster)?;
        let plain = open(&master.key, bound, sealed)?;
        let plain: [u8; 32] = plain.try_into().map_err(|_| InventoryError::Sealed)?;
        Ok(Secret::new(plain))
    }
}
