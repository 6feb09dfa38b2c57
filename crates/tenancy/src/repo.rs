//! Queries on tenants, sites and hosts.

use std::collections::HashMap;

use kernel::{Currency, Id, Platform, SiteId, TenantId, TenantScope, Wording};
use sea_orm::ColumnTrait;
use store::{Change, ReadTx, Rows, StoreError, Tx, WriteTx};

use crate::error::TenancyError;
use crate::front::Front;
use crate::model::{Host, Mode, Seller, Site, SiteState, Slug, Tenant, TenantState, Theme};
use crate::table::{host, site, tenant};

/// How many rows of a kind the directory holds in memory; a bigger installation is split.
const DIRECTORY_ROWS_MAX: u64 = 200_000;
/// How many sites or hosts a tenant may have.
const TENANT_ROWS_MAX: u64 = 10_000;

/// The whole directory as rows, each of which may still be unreadable.
pub(crate) struct Directory {
    pub hosts: Vec<(TenantId, SiteId, Result<Host, TenancyError>)>,
    pub sites: Vec<(TenantId, Result<Site, TenancyError>)>,
    pub tenants: Vec<(TenantId, Result<Tenant, TenancyError>)>,
}

/// Reads children before parents: on PostgreSQL each select sees its own moment, and a child that is seen has
/// its parent by then.
pub(crate) async fn directory(tx: &ReadTx<Platform>) -> Result<Directory, StoreError> {
    // The oldest first: a site without a chosen home is at home where it began, whatever hosts are added.
    let hosts = tx.list::<host::Entity>().ascending(host::Column::CreatedAt).ascending(host::Column::Host);
    let hosts = hosts.limit(DIRECTORY_ROWS_MAX).all().await?;
    let sites = tx.list::<site::Entity>().ascending(site::Column::Id).limit(DIRECTORY_ROWS_MAX).all().await?;
    let tenants =
        tx.list::<tenant::Entity>().ascending(tenant::Column::TenantId).limit(DIRECTORY_ROWS_MAX).all().await?;
    for rows in [hosts.len(), sites.len(), tenants.len()] {
        if rows as u64 == DIRECTORY_ROWS_MAX {
            tracing::error!(directory.rows_max = rows, "the directory is full, some shops are not served");
        }
    }
    Ok(Directory {
        hosts: hosts
            .into_iter()
            .map(|row| (Id::from_uuid(row.tenant_id), Id::from_uuid(row.site_id), read_host(&row.host)))
            .collect(),
        sites: sites.into_iter().map(|row| (Id::from_uuid(row.tenant_id), read_site(row))).collect(),
        tenants: tenants.into_iter().map(|row| (Id::from_uuid(row.tenant_id), read_tenant(row))).collect(),
    })
}

pub(crate) async fn tenant_of_slug(tx: &ReadTx<Platform>, slug: &Slug) -> Result<Option<TenantId>, StoreError> {
    let row = tx.list::<tenant::Entity>().filter(tenant::Column::Slug.eq(slug.as_str())).one().await?;
    Ok(row.map(|row| Id::from_uuid(row.tenant_id)))
}

/// Ids and slugs of all tenants, also of those whose rows are unreadable otherwise.
pub(crate) async fn tenant_names(tx: &ReadTx<Platform>) -> Result<Vec<(TenantId, String)>, StoreError> {
    let rows = tx.list::<tenant::Entity>().ascending(tenant::Column::Slug);
    let rows: Vec<(uuid::Uuid, String)> = rows.columns([tenant::Column::TenantId, tenant::Column::Slug]).await?;
    Ok(rows.into_iter().map(|(id, slug)| (Id::from_uuid(id), slug)).collect())
}

pub(crate) async fn tenant(tx: &impl Tx) -> Result<Option<Tenant>, TenancyError> {
    tx.find::<tenant::Entity>().one().await?.map(read_tenant).transpose()
}

/// Whether the row is new; it is not if the tenant exists or another one has the slug.
pub(crate) async fn insert_tenant(tx: &WriteTx<TenantScope>, tenant: &Tenant) -> Result<bool, StoreError> {
    let row = tenant::Model {
        tenant_id: tx.scope().id().uuid(),
        slug: tenant.slug.to_string(),
        name: tenant.name.clone(),
        currency: tenant.currency.code().to_owned(),
        region: tenant.region.clone(),
        state: tenant.state.word().to_owned(),
        seller_name: tenant.seller.name.clone(),
        seller_licence: tenant.seller.licence.clone(),
        created_at: tx.now(),
    };
    let new: Vec<String> = tx.insert_new(Rows::<tenant::Entity>::of([row]), tenant::Column::Slug).await?;
    Ok(!new.is_empty())
}

pub(crate) async fn update_tenant(tx: &WriteTx<TenantScope>, tenant: &Tenant) -> Result<(), StoreError> {
    let update = tx
        .update::<tenant::Entity>()
        .set(tenant::Column::Name, tenant.name.clone())
        .set(tenant::Column::Region, tenant.region.clone())
        .set(tenant::Column::SellerName, tenant.seller.name.clone())
        .set(tenant::Column::SellerLicence, tenant.seller.licence.clone());
    update.run().await.map(|_| ())
}

/// Holds the tenant's tree of sites until the transaction ends; false if there is no such tenant.
///
/// Writing a column back that never changes takes the weakest lock that still keeps a second writer out: rows
/// that point to the tenant are written meanwhile, so a lane never waits for a pack.
pub(crate) async fn hold_tree(tx: &WriteTx<TenantScope>) -> Result<bool, StoreError> {
    let Some(row) = tx.find::<tenant::Entity>().one().await? else {
        return Ok(false);
    };
    tx.update::<tenant::Entity>().set(tenant::Column::CreatedAt, row.created_at).run().await?;
    Ok(true)
}

pub(crate) async fn set_tenant_state(tx: &WriteTx<TenantScope>, state: TenantState) -> Result<bool, StoreError> {
    let found = tx.update::<tenant::Entity>().set(tenant::Column::State, state.word()).run().await?;
    Ok(found > 0)
}

pub(crate) async fn sites(tx: &impl Tx) -> Result<Vec<Site>, TenancyError> {
    let rows = tx.find::<site::Entity>().ascending(site::Column::Id).limit(TENANT_ROWS_MAX).all().await?;
    rows.into_iter().map(read_site).collect()
}

/// The levels of these sites, of those that are there.
pub(crate) async fn levels(tx: &impl Tx, sites: &[SiteId]) -> Result<HashMap<SiteId, Option<String>>, StoreError> {
    let find = tx.find::<site::Entity>().among(site::Column::Id, sites.iter().map(|site| site.uuid()));
    let rows: Vec<(uuid::Uuid, Option<String>)> = find.columns([site::Column::Id, site::Column::Level]).await?;
    Ok(rows.into_iter().map(|(id, level)| (Id::from_uuid(id), level)).collect())
}

pub(crate) async fn insert_site(tx: &WriteTx<TenantScope>, site: &Site) -> Result<(), StoreError> {
    let row = site::Model {
        tenant_id: tx.scope().id().uuid(),
        id: site.id.uuid(),
        parent_id: site.parent.map(Id::uuid),
        depth: site.depth.into(),
        slug: site.slug.to_string(),
        state: site.state.word().to_owned(),
        name_zh: site.name.zh.clone(),
        name_en: site.name.en.clone(),
        tagline_zh: site.tagline.zh.clone(),
        tagline_en: site.tagline.en.clone(),
        notice_zh: site.notice.zh.clone(),
        notice_en: site.notice.en.clone(),
        theme: site.theme.word().to_owned(),
        mode: site.mode.word().to_owned(),
        level: site.level.clone(),
        support: site.support.clone(),
        limits: site.limits.clone(),
        sections: None,
        tokens: None,
        home_host: None,
        created_at: tx.now(),
    };
    tx.insert::<site::Entity>([row]).await
}

/// Writes all of a site that a pack may change, its place in the tree included.
pub(crate) async fn update_site(tx: &WriteTx<TenantScope>, site: &Site) -> Result<(), StoreError> {
    let update = tx
        .update::<site::Entity>()
        .filter(site::Column::Id.eq(site.id.uuid()))
        .set(site::Column::ParentId, site.parent.map(Id::uuid))
        .set(site::Column::Depth, i32::from(site.depth))
        .set(site::Column::NameZh, site.name.zh.clone())
        .set(site::Column::NameEn, site.name.en.clone())
        .set(site::Column::TaglineZh, site.tagline.zh.clone())
        .set(site::Column::TaglineEn, site.tagline.en.clone())
        .set(site::Column::NoticeZh, site.notice.zh.clone())
        .set(site::Column::NoticeEn, site.notice.en.clone())
        .set(site::Column::Theme, site.theme.word())
        .set(site::Column::Mode, site.mode.word())
        .set(site::Column::Level, site.level.clone())
        .set(site::Column::Support, site.support.clone())
        .set(site::Column::Limits, site.limits.clone());
    update.run().await.map(|_| ())
}

pub(crate) async fn set_depths(tx: &WriteTx<TenantScope>, depths: &[(SiteId, u8)]) -> Result<(), StoreError> {
    let mut rows = Rows::<site::Entity>::of_columns(&[site::Column::Id, site::Column::Depth]);
    for (site, depth) in depths {
        rows.push([site.uuid().into(), i32::from(*depth).into()]);
    }
    tx.update_rows(rows, &[site::Column::Id], Change::Set).await.map(|_| ())
}

pub(crate) async fn set_site_state(
    tx: &WriteTx<TenantScope>,
    site: SiteId,
    state: SiteState,
) -> Result<bool, StoreError> {
    let update = tx.update::<site::Entity>().filter(site::Column::Id.eq(site.uuid()));
    Ok(update.set(site::Column::State, state.word()).run().await? > 0)
}

pub(crate) async fn set_front(tx: &WriteTx<TenantScope>, site: SiteId, front: &Front) -> Result<(), StoreError> {
    let (sections, tokens) = front.texts();
    let update = tx.update::<site::Entity>().filter(site::Column::Id.eq(site.uuid()));
    update.set(site::Column::Sections, sections).set(site::Column::Tokens, tokens).run().await.map(|_| ())
}

pub(crate) async fn set_home(tx: &WriteTx<TenantScope>, site: SiteId, host: &Host) -> Result<(), StoreError> {
    let update = tx.update::<site::Entity>().filter(site::Column::Id.eq(site.uuid()));
    update.set(site::Column::HomeHost, host.as_str()).run().await.map(|_| ())
}

/// The site with this id.
pub(crate) async fn site(tx: &impl Tx, site: SiteId) -> Result<Option<Site>, TenancyError> {
    tx.find::<site::Entity>().filter(site::Column::Id.eq(site.uuid())).one().await?.map(read_site).transpose()
}

pub(crate) async fn has_site(tx: &impl Tx, site: SiteId) -> Result<bool, StoreError> {
    Ok(tx.find::<site::Entity>().filter(site::Column::Id.eq(site.uuid())).count().await? > 0)
}

pub(crate) async fn hosts(tx: &impl Tx) -> Result<Vec<(Host, SiteId)>, TenancyError> {
    let rows = tx.find::<host::Entity>().ascending(host::Column::Host).limit(TENANT_ROWS_MAX).all().await?;
    rows.into_iter().map(|row| Ok((read_host(&row.host)?, Id::from_uuid(row.site_id)))).collect()
}

/// The site of the tenant that the host leads to.
pub(crate) async fn site_of_host(tx: &impl Tx, host: &Host) -> Result<Option<SiteId>, StoreError> {
    let row = tx.find::<host::Entity>().filter(host::Column::Host.eq(host.as_str())).one().await?;
    Ok(row.map(|row| Id::from_uuid(row.site_id)))
}

/// Whether the row is new; it is not if the host leads somewhere, be it another tenant's site.
pub(crate) async fn insert_host(tx: &WriteTx<TenantScope>, host: &Host, site: SiteId) -> Result<bool, StoreError> {
    let row = host::Model {
        tenant_id: tx.scope().id().uuid(),
        host: host.to_string(),
        site_id: site.uuid(),
        created_at: tx.now(),
    };
    let new: Vec<String> = tx.insert_new(Rows::<host::Entity>::of([row]), host::Column::Host).await?;
    Ok(!new.is_empty())
}

pub(crate) async fn move_host(tx: &WriteTx<TenantScope>, host: &Host, site: SiteId) -> Result<(), StoreError> {
    let update = tx.update::<host::Entity>().filter(host::Column::Host.eq(host.as_str()));
    update.set(host::Column::SiteId, site.uuid()).run().await.map(|_| ())
}

fn read_host(text: &str) -> Result<Host, TenancyError> {
    Host::parse(text).map_err(|_| TenancyError::Unreadable { column: "hosts.host" })
}

fn read_tenant(row: tenant::Model) -> Result<Tenant, TenancyError> {
    let unreadable = |column| TenancyError::Unreadable { column };
    Ok(Tenant {
        id: Id::from_uuid(row.tenant_id),
        slug: Slug::parse(&row.slug).map_err(|_| unreadable("tenants.slug"))?,
        name: row.name,
        currency: Currency::parse(&row.currency).map_err(|_| unreadable("tenants.currency"))?,
        region: row.region,
        state: TenantState::parse(&row.state).ok_or(unreadable("tenants.state"))?,
        seller: Seller { name: row.seller_name, licence: row.seller_licence },
    })
}

fn read_site(row: site::Model) -> Result<Site, TenancyError> {
    let unreadable = |column| TenancyError::Unreadable { column };
    Ok(Site {
        id: Id::from_uuid(row.id),
        parent: row.parent_id.map(Id::from_uuid),
        depth: u8::try_from(row.depth).map_err(|_| unreadable("sites.depth"))?,
        slug: Slug::parse(&row.slug).map_err(|_| unreadable("sites.slug"))?,
        state: SiteState::parse(&row.state).ok_or(unreadable("sites.state"))?,
        name: Wording::new(row.name_zh, row.name_en),
        tagline: Wording::new(row.tagline_zh, row.tagline_en),
        notice: Wording::new(row.notice_zh, row.notice_en),
        theme: Theme::parse(&row.theme).ok_or(unreadable("sites.theme"))?,
        mode: Mode::parse(&row.mode).ok_or(unreadable("sites.mode"))?,
        level: row.level,
        support: row.support,
        limits: row.limits,
        front: Front::read(row.sections.as_deref(), row.tokens.as_deref()).ok_or(unreadable("sites.sections"))?,
        home: row.home_host.as_deref().map(Host::parse).transpose().map_err(|_| unreadable("sites.home_host"))?,
    })
}
