//! Each tenant's keys, unwrapped once and kept in memory.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use kernel::{Secret, TenantId, TenantScope};
use store::{Change, Inside, Rows, Tx, WriteTx};
use uuid::Uuid;

use crate::error::InventoryError;
use crate::master::MasterKeys;
use crate::model::CardCode;
use crate::seal::{Key, keyed_hash, open, random_key, seal};
use crate::table::tenant_key;

/// The version under which the key of the keyed hashes is kept. It is never rotated: a new one would find no duplicate.
const HASH_VERSION: i32 = 0;

/// The keys of one tenant.
pub(crate) struct TenantKeys {
    tenant: TenantId,
    hash: Key,
    data: BTreeMap<i32, Key>,
}

/// A sealed code and the version of the key that opens it.
pub(crate) struct Sealed {
    pub bytes: Vec<u8>,
    pub key_version: i32,
}

impl TenantKeys {
    /// Seals a code for the row `card` of `sku`.
    pub fn seal(&self, sku: Uuid, card: Uuid, code: &CardCode) -> Result<Sealed, InventoryError> {
        let (version, key) = self.data.last_key_value().ok_or(InventoryError::Sealed)?;
        let bytes = seal(key, &self.bound(sku, card), code.reveal().as_bytes())?;
        Ok(Sealed { bytes, key_version: *version })
    }

    /// Opens the code of the row `card` of `sku`.
    pub fn open(&self, sku: Uuid, card: Uuid, sealed: &Sealed) -> Result<CardCode, InventoryError> {
        let key = self.data.get(&sealed.key_version).ok_or(InventoryError::Sealed)?;
        let plain = Secret::new(open(key, &self.bound(sku, card), &sealed.bytes)?);
        let text = std::str::from_utf8(plain.expose()).map_err(|_| InventoryError::Sealed)?;
        Ok(CardCode::trusted(text.to_owned()))
    }

    /// Seals a secret that is no card code for the row `row` of whatever `purpose` names.
    pub fn seal_secret(&self, purpose: &str, row: Uuid, secret: &str) -> Result<Sealed, InventoryError> {
        let (version, key) = self.data.last_key_value().ok_or(InventoryError::Sealed)?;
        let bytes = seal(key, &self.bound_secret(purpose, row), secret.as_bytes())?;
        Ok(Sealed { bytes, key_version: *version })
    }

    /// Opens what [`TenantKeys::seal_secret`] made for the same purpose and row.
    pub fn open_secret(&self, purpose: &str, row: Uuid, sealed: &Sealed) -> Result<Secret<String>, InventoryError> {
        let key = self.data.get(&sealed.key_version).ok_or(InventoryError::Sealed)?;
        let plain = open(key, &self.bound_secret(purpose, row), &sealed.bytes)?;
        let text = String::from_utf8(plain).map_err(|_| InventoryError::Sealed)?;
        Ok(Secret::new(text))
    }

    /// The keyed hash that two equal secrets of one purpose share: never a card code's, whose text has no such head.
    pub fn hash_secret(&self, purpose: &str, secret: &str) -> Vec<u8> {
        let parts = [b"cardgrove secret\0".as_slice(), purpose.as_bytes(), b"\0", secret.as_bytes()];
        keyed_hash(&self.hash, &parts.concat())
    }

    /// The keyed hash that two equal codes of this tenant share.
    pub fn hash(&self, code: &CardCode) -> Vec<u8> {
        keyed_hash(&self.hash, code.reveal().as_bytes())
    }

    fn bound(&self, sku: Uuid, card: Uuid) -> Vec<u8> {
        [self.tenant.uuid().as_bytes().as_slice(), sku.as_bytes(), card.as_bytes()].concat()
    }

    /// Longer than what binds a card, whatever the purpose, so that neither opens as the other.
    fn bound_secret(&self, purpose: &str, row: Uuid) -> Vec<u8> {
        let head = b"cardgrove secret\0".as_slice();
        [head, self.tenant.uuid().as_bytes(), row.as_bytes(), purpose.as_bytes()].concat()
    }
}

/// The keys of all tenants that were asked for. Clones share them.
#[derive(Clone)]
pub struct KeyRing {
    master: Arc<RwLock<MasterKeys>>,
    file: Option<PathBuf>,
    known: Arc<RwLock<HashMap<TenantId, Arc<TenantKeys>>>>,
}

impl KeyRing {
    /// A ring under `master`.
    pub fn new(master: MasterKeys) -> Self {
        Self { master: Arc::new(RwLock::new(master)), file: None, known: Arc::default() }
    }

    /// A ring under the master key in `file`, which is read again when another process has rotated it.
    pub fn from_file(master: MasterKeys, file: PathBuf) -> Self {
        Self { file: Some(file), ..Self::new(master) }
    }

    /// The master keys known now.
    pub fn master(&self) -> MasterKeys {
        self.master.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The tenant's keys with these versions among them. Not for a transaction that may have made keys itself: what
    /// is read here is kept, and what is rolled back must not be.
    pub(crate) async fn keys_in(
        &self,
        tx: &impl Tx,
        versions: impl Iterator<Item = i32>,
    ) -> Result<Arc<TenantKeys>, InventoryError> {
        let tenant = tx.scope().tenant();
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner).get(&tenant).cloned();
        let mut versions = versions;
        if let Some(keys) = known
            && versions.all(|version| keys.data.contains_key(&version))
        {
            return Ok(keys);
        }
        let rows = tx.find::<tenant_key::Entity>().all().await?;
        let keys = Arc::new(self.unwrap(tenant, &rows)?);
        self.known.write().unwrap_or_else(PoisonError::into_inner).insert(tenant, Arc::clone(&keys));
        Ok(keys)
    }

    /// Keys to compare codes with, for a transaction that writes nothing: those of a tenant without any are made up, and
    /// equal no code in stock, of which there is none.
    pub(crate) async fn hash_keys_in(&self, tx: &impl Tx) -> Result<Arc<TenantKeys>, InventoryError> {
        let tenant = tx.scope().tenant();
        let rows = tx.find::<tenant_key::Entity>().all().await?;
        if rows.is_empty() {
            return Ok(Arc::new(TenantKeys { tenant, hash: random_key(), data: BTreeMap::new() }));
        }
        Ok(Arc::new(self.unwrap(tenant, &rows)?))
    }

    /// The tenant's keys, made if it has none. Read from the rows each time, and kept nowhere: this transaction may
    /// still be rolled back.
    pub(crate) async fn keys_or_make_in(&self, tx: &WriteTx<TenantScope>) -> Result<Arc<TenantKeys>, InventoryError> {
        let tenant = tx.scope().id();
        let rows = tx.find::<tenant_key::Entity>().all().await?;
        if !rows.is_empty() {
            return Ok(Arc::new(self.unwrap(tenant, &rows)?));
        }
        let rows = [HASH_VERSION, HASH_VERSION + 1]
            .map(|version| self.row(tx, version, &random_key()))
            .into_iter()
            .collect::<Result<Vec<_>, _>>()?;
        let keys = Arc::new(unwrap(&self.master(), tenant, &rows)?);
        let made: Vec<i32> = tx.insert_new(Rows::<tenant_key::Entity>::of(rows), tenant_key::Column::Version).await?;
        if !made.is_empty() {
            return Ok(keys);
        }
        // Another transaction made them first, and this one has waited for its commit.
        let rows = tx.find::<tenant_key::Entity>().all().await?;
        Ok(Arc::new(self.unwrap(tenant, &rows)?))
    }

    /// Gives the tenant a new data key for what is sealed from now on, and wraps all its keys with the current
    /// master key.
    pub async fn rotate_in(&self, tx: &WriteTx<TenantScope>) -> Result<(), InventoryError> {
        let tenant = tx.scope().id();
        let rows = tx.find::<tenant_key::Entity>().ascending(tenant_key::Column::Version).locked().all().await?;
        let Some(last) = rows.last() else { return Ok(()) };
        let mut changed = Rows::of_columns(&[tenant_key::Column::Version, tenant_key::Column::Wrapped]);
        {
            let master = self.master.read().unwrap_or_else(PoisonError::into_inner);
            for row in &rows {
                let bound = bound(tenant, row.version);
                let key = master.unwrap(&bound, &row.wrapped)?;
                changed.push([row.version.into(), master.wrap(&bound, &key)?.into()]);
            }
        }
        tx.update_rows::<tenant_key::Entity>(changed, &[tenant_key::Column::Version], Change::Set).await?;
        tx.insert::<tenant_key::Entity>([self.row(tx, last.version + 1, &random_key())?]).await?;
        self.forget(tenant);
        Ok(())
    }

    /// Whether the master key opens the tenant's keys, or it has none.
    pub async fn opens_in(&self, tx: &impl Tx) -> Result<bool, InventoryError> {
        let rows = tx.find::<tenant_key::Entity>().all().await?;
        if rows.is_empty() {
            return Ok(true);
        }
        match unwrap(&self.master(), tx.scope().tenant(), &rows) {
            Ok(_) => Ok(true),
            Err(InventoryError::ForeignMaster | InventoryError::Sealed) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Wraps with `master` from now on; keys that were wrapped before still open if it knows their master.
    pub fn change_master(&self, master: MasterKeys) {
        *self.master.write().unwrap_or_else(PoisonError::into_inner) = master;
        self.known.write().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Reads the tenant's keys again the next time they are asked for.
    pub fn forget(&self, tenant: TenantId) {
        self.known.write().unwrap_or_else(PoisonError::into_inner).remove(&tenant);
    }

    fn row(&self, tx: &WriteTx<TenantScope>, version: i32, key: &Key) -> Result<tenant_key::Model, InventoryError> {
        let tenant = tx.scope().id();
        let master = self.master.read().unwrap_or_else(PoisonError::into_inner);
        let wrapped = master.wrap(&bound(tenant, version), key)?;
        Ok(tenant_key::Model { tenant_id: tenant.uuid(), version, wrapped, created_at: tx.now() })
    }

    fn unwrap(&self, tenant: TenantId, rows: &[tenant_key::Model]) -> Result<TenantKeys, InventoryError> {
        match (unwrap(&self.master(), tenant, rows), &self.file) {
            (Err(InventoryError::ForeignMaster), Some(file)) => {
                let master = MasterKeys::read(file)?;
                *self.master.write().unwrap_or_else(PoisonError::into_inner) = master.clone();
                unwrap(&master, tenant, rows)
            }
            (outcome, _) => outcome,
        }
    }
}

fn unwrap(master: &MasterKeys, tenant: TenantId, rows: &[tenant_key::Model]) -> Result<TenantKeys, InventoryError> {
    let mut data = BTreeMap::new();
    for row in rows {
        data.insert(row.version, master.unwrap(&bound(tenant, row.version), &row.wrapped)?);
    }
    let hash = data.remove(&HASH_VERSION).ok_or(InventoryError::Sealed)?;
    Ok(TenantKeys { tenant, hash, data })
}

fn bound(tenant: TenantId, version: i32) -> Vec<u8> {
    [tenant.uuid().as_bytes().as_slice(), &version.to_be_bytes()].concat()
}
