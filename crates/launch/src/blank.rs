//! A first pack to begin with: the blank one, under a name of one's own.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use tenancy::Slug;

use crate::error::LaunchError;

/// The name that stands in the blank pack wherever the new one comes.
const BLANK_SLUG: &str = "my-shop";

/// The blank pack, part of the program: a new shop needs no copy of the sources.
pub(crate) const FILES: [(&str, &str); 4] = [
    ("tenant.toml", include_str!("../../../tenants/blank/tenant.toml")),
    ("goods.csv", include_str!("../../../tenants/blank/goods.csv")),
    ("sites/main.toml", include_str!("../../../tenants/blank/sites/main.toml")),
    ("cards/sample-10.csv", include_str!("../../../tenants/blank/cards/sample-10.csv")),
];

/// Writes the blank pack with `slug` for its name into the new folder `target`; a folder that is there is refused.
pub fn tenant_new(slug: &Slug, target: &Path) -> Result<(), LaunchError> {
    let unwritable = |source| LaunchError::Unwritable { path: target.to_owned(), source };
    match fs::create_dir(target) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            return Err(LaunchError::FolderExists { path: target.to_owned() });
        }
        made => made.map_err(unwritable)?,
    }
    for (name, text) in FILES {
        let path = target.join(name);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(unwritable)?;
        }
        fs::write(&path, text.replace(BLANK_SLUG, slug.as_str())).map_err(unwritable)?;
    }
    Ok(())
}
