//! Settings: defaults, then a file, then the environment.
//!
//! `CARDGROVE_LISTEN=0.0.0.0:8080` or, for a nested one, `CARDGROVE_DATABASE__OWNER_URL=..`. Two plain names are
//! understood as well because platforms set them: `DATABASE_URL` and `PORT`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context;
use figment::Figment;
use figment::providers::{Env, Format, Serialized, Toml};
use serde::{Deserialize, Serialize};

const MASTER_KEY_FILE: &str = "master.key";

/// All that can be set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where the database file, keys and generated log-ins are kept.
    pub data_dir: PathBuf,
    /// Where to listen for HTTP.
    pub listen: SocketAddr,
    /// The host of the console and its API.
    pub console_host: String,
    /// The host where buyers are handed over to gateways and gateways report to.
    pub cashier_host: String,
    /// How gateways and buyers reach the cashier host, such as `https://cashier.example.com`; in the demo it follows
    /// from the host and the port.
    pub cashier_url: Option<String>,
    /// The sandbox gateway's address, if its channels are to work; the demo starts one itself.
    pub sandbox_url: Option<String>,
    /// Addresses of proxies whose forwarded headers are believed.
    pub proxies: Vec<String>,
    /// The database.
    pub database: Database,
    /// How much of everything there is room for.
    pub limits: Limits,
    /// The file of the master key; in `data_dir` if not set.
    pub master_key_file: Option<PathBuf>,
    /// The master key itself, instead of a file.
    pub master_key: Option<String>,
    /// Which log lines are written, as in `info,order=debug`.
    pub log: String,
    /// One JSON object a log line.
    pub log_json: bool,
    /// Where traces are sent, by OTLP over HTTP; nowhere if not set.
    pub otlp_endpoint: Option<String>,
    /// Where `/metrics` is served, never the public address; empty is nowhere.
    pub metrics_listen: String,
}

/// Where the database is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Database {
    /// SQLite: `sqlite://path`. Set no other URL then.
    pub url: Option<String>,
    /// PostgreSQL, the schema's owner: migrates and makes the two other roles. Never serves.
    pub owner_url: Option<String>,
    /// PostgreSQL, the role that serves; made from `owner_url` if not set.
    pub runtime_url: Option<String>,
    /// PostgreSQL, the role of the platform's own transactions; made from `owner_url` if not set.
    pub platform_url: Option<String>,
    /// Connections of the serving pool.
    pub connections_max: Option<u32>,
}

/// How much there is room for: what comes beyond is told so at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Connections at the same time; fewer if the system lets this process open fewer files.
    pub connections_max: usize,
    /// Of them, those of one address. This machine and `proxies` may have all.
    pub connections_per_address_max: usize,
    /// How long the head of a request may take, and a connection be idle.
    pub head_s_max: u64,
    /// The same for this machine and `proxies`.
    pub proxy_idle_s_max: u64,
    /// How long the body of a request may take.
    pub body_s_max: u64,
    /// How long a client may take nothing of its answer.
    pub write_s_max: u64,
    /// Requests that change something in shops, at the same time.
    pub orders_max: usize,
    /// Pages at the same time.
    pub pages_max: usize,
    /// Requests to the console at the same time.
    pub console_max: usize,
    /// Messages of gateways at the same time.
    pub callbacks_max: usize,
    /// Requests a second of one address.
    pub requests_per_address_and_second: u32,
    /// Requests of one address at once.
    pub requests_per_address_burst: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 8_192,
            connections_per_address_max: 256,
            head_s_max: 15,
            proxy_idle_s_max: 120,
            body_s_max: 10,
            write_s_max: 30,
            orders_max: 512,
            pages_max: 256,
            console_max: 64,
            callbacks_max: 64,
            requests_per_address_and_second: 100,
            requests_per_address_burst: 500,
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::from("var"),
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            console_host: "console.localhost".to_owned(),
            cashier_host: "cashier.localhost".to_owned(),
            cashier_url: None,
            sandbox_url: None,
            proxies: Vec::new(),
            database: Database::default(),
            limits: Limits::default(),
            master_key_file: None,
            master_key: None,
            log: "info,sqlx=warn,sea_orm=warn".to_owned(),
            log_json: false,
            otlp_endpoint: None,
            metrics_listen: "127.0.0.1:9464".to_owned(),
        }
    }
}

impl Settings {
    /// Reads the settings; an unknown name or an unreadable value is an error that names it.
    pub fn read(file: Option<&Path>) -> anyhow::Result<Self> {
        let mut figment = Figment::from(Serialized::defaults(Self::default()));
        if let Some(file) = file {
            anyhow::ensure!(file.exists(), "the settings file {} is not there", file.display());
            figment = figment.merge(Toml::file_exact(file));
        }
        let ours = Env::prefixed("CARDGROVE_").ignore(&["CONFIG"]).split("__");
        let mut settings: Self = figment.merge(ours).extract().context("the settings cannot be read")?;
        if let Ok(url) = std::env::var("DATABASE_URL") {
            settings.take_url(url);
        }
        if let Ok(port) = std::env::var("PORT") {
            settings.listen.set_port(port.parse().context("PORT is a number up to 65535")?);
        }
        if let Ok(endpoint) = std::env::var("OTEL_EXPORTER_OTLP_ENDPOINT") {
            settings.otlp_endpoint.get_or_insert(endpoint);
        }
        if let Some(folder) = std::env::var_os("CREDENTIALS_DIRECTORY") {
            settings.take_credential(Path::new(&folder))?;
        }
        Ok(settings)
    }

    /// The service manager's copy of the master key counts where no other one is set. Only the service can read it,
    /// whatever its mode says.
    fn take_credential(&mut self, folder: &Path) -> anyhow::Result<()> {
        let file = folder.join(MASTER_KEY_FILE);
        if self.master_key.is_none() && self.master_key_file.is_none() && file.exists() {
            let key = std::fs::read_to_string(&file).context("the credential with the master key cannot be read")?;
            self.master_key = Some(key.trim().to_owned());
        }
        Ok(())
    }

    /// `DATABASE_URL` names a SQLite file, or PostgreSQL as its owner.
    fn take_url(&mut self, url: String) {
        if url.starts_with("sqlite:") {
            self.database = Database { url: Some(url), ..Database::default() };
        } else {
            self.database.owner_url = Some(url);
        }
    }

    /// The SQLite file, unless PostgreSQL is set.
    pub fn sqlite_file(&self) -> Option<PathBuf> {
        let database = &self.database;
        if database.owner_url.is_some() || database.runtime_url.is_some() {
            return None;
        }
        let path = database.url.as_deref().and_then(|url| url.strip_prefix("sqlite:"));
        let path = path.map(|path| path.trim_start_matches("//").split('?').next().unwrap_or_default());
        Some(path.map_or_else(|| self.data_dir.join("cardgrove.db"), PathBuf::from))
    }

    /// The file of the master key.
    pub fn master_key_path(&self) -> PathBuf {
        self.master_key_file.clone().unwrap_or_else(|| self.data_dir.join(MASTER_KEY_FILE))
    }

    /// Where metrics are served, if anywhere.
    pub fn metrics_address(&self) -> anyhow::Result<Option<SocketAddr>> {
        if self.metrics_listen.is_empty() {
            return Ok(None);
        }
        let address = self.metrics_listen.parse();
        Ok(Some(address.context("`metrics_listen` is an address and a port, such as 127.0.0.1:9464, or empty")?))
    }

    /// Where gateways and buyers reach the cashier host.
    pub fn cashier_base(&self) -> String {
        let from_host = || format!("http://{}:{}", self.cashier_host, self.listen.port());
        self.cashier_url.clone().unwrap_or_else(from_host)
    }

    /// The settings as TOML, without secrets.
    pub fn masked(&self) -> anyhow::Result<String> {
        let mut shown = self.clone();
        let database = &mut shown.database;
        for url in [&mut database.owner_url, &mut database.runtime_url, &mut database.platform_url] {
            *url = url.as_deref().map(mask_url);
        }
        shown.otlp_endpoint = shown.otlp_endpoint.as_deref().map(mask_url);
        shown.master_key = shown.master_key.map(|_| "***".to_owned());
        Ok(toml::to_string_pretty(&shown)?)
    }
}

/// The URL without its password.
pub fn mask_url(text: &str) -> String {
    let Ok(mut url) = url::Url::parse(text) else { return "***".to_owned() };
    if url.password().is_some() && url.set_password(Some("***")).is_err() {
        return "***".to_owned();
    }
    url.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_is_shown() {
        let mut settings = Settings::default();
        settings.database.owner_url = Some("postgres://owner:hunter2@db/cardgrove".to_owned());
        settings.master_key = Some("aa".repeat(32));
        let shown = settings.masked().expect("settings are TOML");
        assert!(!shown.contains("hunter2") && !shown.contains("aaaa"), "{shown}");
        assert!(shown.contains("postgres://owner:***@db/cardgrove"));
    }

    #[test]
    fn metrics_are_served_where_it_is_said_or_nowhere() {
        let mut settings = Settings::default();
        assert_eq!(settings.metrics_address().expect("the default"), Some(SocketAddr::from(([127, 0, 0, 1], 9464))));
        settings.metrics_listen = String::new();
        assert_eq!(settings.metrics_address().expect("off"), None);
        settings.metrics_listen = "9464".to_owned();
        assert!(settings.metrics_address().is_err());
    }

    #[test]
    fn a_credential_is_the_master_key_where_no_other_is_set() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("master.key"), format!("{}\n", "ab".repeat(32))).expect("written");
        let mut settings = Settings::default();
        settings.take_credential(folder.path()).expect("read");
        assert_eq!(settings.master_key, Some("ab".repeat(32)));
        let mut settings = Settings { master_key: Some("cd".repeat(32)), ..Settings::default() };
        settings.take_credential(folder.path()).expect("read");
        assert_eq!(settings.master_key, Some("cd".repeat(32)));
        let mut settings = Settings::default();
        settings.take_credential(&folder.path().join("nothing")).expect("nothing there is no fault");
        assert_eq!(settings.master_key, None);
    }

    #[test]
    fn a_sqlite_url_names_its_file() {
        let mut settings = Settings::default();
        assert_eq!(settings.sqlite_file(), Some(PathBuf::from("var/cardgrove.db")));
        settings.take_url("sqlite:///data/shop.db".to_owned());
        assert_eq!(settings.sqlite_file(), Some(PathBuf::from("/data/shop.db")));
        settings.take_url("postgres://owner@db/shop".to_owned());
        assert_eq!(settings.sqlite_file(), None);
    }
}
