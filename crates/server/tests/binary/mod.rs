//! A running `cardgrove demo` with a small shop, and a browser without scripts.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use reqwest::header::{COOKIE, HOST, LOCATION, SET_COOKIE};
use tempfile::TempDir;

/// Each test once on SQLite and once on PostgreSQL.
macro_rules! on_both {
    ($(async fn $name:ident($server:ident) $body:block)*) => {$(
        mod $name {
            use super::*;
            async fn body($server: Server) $body
            #[tokio::test]
            async fn sqlite() {
                body(Server::start(Backend::Sqlite).await).await;
            }
            #[tokio::test]
            async fn postgres() {
                body(Server::start(Backend::Postgres).await).await;
            }
        }
    )*};
}
pub(crate) use on_both;

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    Sqlite,
    Postgres,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    pub login: String,
    pub password: String,
}

pub struct Server {
    child: Child,
    port: u16,
    sandbox: String,
    folder: TempDir,
    owner_url: Option<String>,
    env: Vec<(&'static str, String)>,
    lines: Lines,
}

/// What the server has logged.
type Lines = Arc<Mutex<Vec<String>>>;

fn packs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tenants")
}

impl Server {
    /// Only the small pack, twice: the big one has tests of its own.
    pub async fn start(backend: Backend) -> Self {
        Self::start_with(backend, Vec::new()).await
    }

    /// Starts with more settings, as environment variables.
    pub async fn start_with(backend: Backend, env: Vec<(&'static str, String)>) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let packs_here = folder.path().join("packs");
        copy(&packs().join("demo-two"), &packs_here.join("demo-two"));
        copy(&packs().join("demo-two"), &packs_here.join("demo"));
        make_another_tenant(&packs_here.join("demo"));
        Self::start_in(folder, backend, env).await
    }

    /// The demo as everybody starts it.
    pub async fn start_with_demo(backend: Backend) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        for pack in ["demo", "demo-two"] {
            copy(&packs().join(pack), &folder.path().join("packs").join(pack));
        }
        Self::start_in(folder, backend, Vec::new()).await
    }

    async fn start_in(folder: TempDir, backend: Backend, env: Vec<(&'static str, String)>) -> Self {
        let owner_url = (backend == Backend::Postgres).then(testkit::TestDb::bare_postgres);
        let lines = Lines::default();
        let (child, port, sandbox) = spawn(folder.path(), owner_url.as_deref(), (&env, &lines)).await;
        Self { child, port, sandbox, folder, owner_url, env, lines }
    }

    pub async fn kill_and_start_again(mut self) -> Self {
        self.child.kill().expect("killed");
        self.again().await
    }

    pub async fn stop_and_start_again(mut self) -> Self {
        self.stop();
        self.again().await
    }

    /// Asks the server to stop and waits for its orderly end.
    pub fn stop(&mut self) {
        let asked = Command::new("kill").arg(self.child.id().to_string()).status().expect("kill runs");
        assert!(asked.success() && self.child.wait().expect("it ends").success(), "an orderly end");
    }

    /// The rest of the first line of the log that holds `words`.
    pub fn logged(&self, words: &str) -> Option<String> {
        let lines = self.lines.lock().expect("no panic");
        lines.iter().find_map(|line| Some(line.split_once(words)?.1.to_owned()))
    }

    /// All that was logged.
    pub fn log(&self) -> String {
        self.lines.lock().expect("no panic").join("\n")
    }

    async fn again(mut self) -> Self {
        let _ = self.child.wait();
        let more = (self.env.as_slice(), &self.lines);
        let (child, port, sandbox) = spawn(self.folder.path(), self.owner_url.as_deref(), more).await;
        self.child = child;
        self.port = port;
        self.sandbox = sandbox;
        self
    }

    /// Where it listens on this machine.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// What the sandbox gateway knows of all trades, as it says it.
    pub async fn trades(&self) -> String {
        let answer =
            client().get(format!("{}/control/trades", self.sandbox)).send().await.expect("the sandbox answers");
        answer.text().await.expect("text")
    }

    /// Where the sandbox gateway listens.
    pub fn sandbox_url(&self) -> &str {
        &self.sandbox
    }

    /// Makes the sandbox gateway do something; answers what it says.
    pub async fn sandbox(&self, path: &str, body: &str) -> serde_json::Value {
        let request =
            client().post(format!("{}/control/{path}", self.sandbox)).header("content-type", "application/json");
        let answer = request.body(body.to_owned()).send().await.expect("the sandbox answers");
        let status = answer.status();
        let text = answer.text().await.expect("text");
        assert!(status.is_success(), "the sandbox answered {status}: {text}");
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// Runs another command on the same data; it must succeed.
    pub fn run(&self, words: &[&str]) -> String {
        let output = command(self.folder.path(), self.owner_url.as_deref()).args(words).output().expect("it runs");
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{words:?} failed:\n{out}\n{err}");
        out.into_owned()
    }

    /// Runs another command that must fail; answers its complaint.
    pub fn run_failing(&self, words: &[&str]) -> String {
        let output = command(self.folder.path(), self.owner_url.as_deref()).args(words).output().expect("it runs");
        assert!(!output.status.success(), "{words:?} should fail");
        String::from_utf8_lossy(&output.stderr).into_owned()
    }

    /// Runs a statement behind the server's back.
    pub async fn tamper(&self, sql: &str) {
        if self.owner_url.is_some() {
            self.psql(sql);
            return;
        }
        use sea_orm::ConnectionTrait;
        let file = self.folder.path().join("var/cardgrove.db");
        let owner = store::Owner::open(&format!("sqlite://{}", file.display())).await.expect("the file opens");
        owner.connection().execute_unprepared(sql).await.expect("the statement runs");
        owner.close().await.expect("the file closes");
    }

    /// Asks the PostgreSQL database as its superuser.
    pub fn psql(&self, sql: &str) -> String {
        let url = self.owner_url.as_deref().expect("PostgreSQL");
        let name = url.split("localhost/").nth(1).and_then(|rest| rest.split('?').next()).expect("a name");
        testkit::Cluster::shared().psql(name, sql).unwrap_or_else(|error| panic!("{error}"))
    }

    pub fn backend(&self) -> Backend {
        if self.owner_url.is_some() { Backend::Postgres } else { Backend::Sqlite }
    }

    /// Another command on the same data, to be started.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = command(self.folder.path(), self.owner_url.as_deref());
        command.args(words);
        command
    }

    /// A path in the test's folder.
    pub fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().expect("a path").to_owned()
    }

    /// A file in the test's folder; answers its path.
    pub fn file(&self, name: &str, text: &str) -> String {
        std::fs::write(self.path(name), text).expect("written");
        self.path(name)
    }

    pub fn copied_pack(&self, name: &str) -> PathBuf {
        let target = self.folder.path().join("changed").join(name);
        copy(&packs().join(name), &target);
        target
    }

    pub fn login_of(&self, login: &str) -> Login {
        let text = std::fs::read_to_string(self.folder.path().join("var/demo-logins.toml")).expect("log-ins");
        let logins: server::commands::DemoLogins = toml::from_str(&text).expect("log-ins are TOML");
        let found = logins.logins.into_iter().find(|known| known.login == login);
        let found = found.unwrap_or_else(|| panic!("no log-in of {login} in {text}"));
        Login { login: found.login, password: found.password }
    }

    pub fn browser(&self, host: &str) -> Browser {
        Browser { port: self.port, host: host.to_owned(), cookies: std::sync::Mutex::default(), http: client() }
    }

    pub fn browser_like(&self, other: &Browser, host: &str) -> Browser {
        let browser = self.browser(host);
        *browser.cookies.lock().expect("no panic") = other.cookies.lock().expect("no panic").clone();
        browser
    }
}

/// A machine on which nothing was started yet.
pub struct Installation {
    folder: TempDir,
    owner_url: Option<String>,
}

impl Installation {
    pub fn new(backend: Backend) -> Self {
        let owner_url = (backend == Backend::Postgres).then(testkit::TestDb::bare_postgres);
        Self { folder: tempfile::tempdir().expect("a folder"), owner_url }
    }

    pub fn var(&self) -> PathBuf {
        self.folder.path().join("var")
    }

    /// Runs a command; answers whether it succeeded, and all that it said.
    pub fn run(&self, words: &[&str]) -> (bool, String) {
        let output = command(self.folder.path(), self.owner_url.as_deref()).args(words).output().expect("it runs");
        let said = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&said).into_owned())
    }

    /// Serves what is there.
    pub async fn start(self) -> Server {
        let (env, lines) = (Vec::new(), Lines::default());
        let (child, port, sandbox) = spawn(self.folder.path(), self.owner_url.as_deref(), (&env, &lines)).await;
        Server { child, port, sandbox, folder: self.folder, owner_url: self.owner_url, env, lines }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn client() -> reqwest::Client {
    // Plain HTTP to this machine only: no roots are needed, but a client cannot be built without a TLS setting.
    let roots = rustls::RootCertStore::empty();
    let _ = rustls::crypto::ring::default_provider().install_default();
    let tls = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
        .expect("a client")
}

fn command(folder: &Path, owner_url: Option<&str>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cardgrove"));
    command
        .env_clear()
        .env("CARDGROVE_DATA_DIR", folder.join("var"))
        .env("CARDGROVE_LISTEN", "127.0.0.1:0")
        .env("CARDGROVE_METRICS_LISTEN", "")
        .env("NO_COLOR", "1");
    if let Some(url) = owner_url {
        command.env("DATABASE_URL", url);
    }
    command
}

async fn spawn(
    folder: &Path,
    owner_url: Option<&str>,
    (env, lines): (&[(&str, String)], &Lines),
) -> (Child, u16, String) {
    let lines = Arc::clone(lines);
    let mut child = command(folder, owner_url)
        .envs(env.iter().map(|(name, value)| (name, value)))
        .args(["demo", "--packs"])
        .arg(folder.join("packs"))
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let stderr = child.stderr.take().expect("piped");
    let (found, port) = mpsc::channel();
    std::thread::spawn(move || {
        let mut sandbox = String::new();
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            eprintln!("server: {line}");
            lines.lock().expect("no panic").push(line.clone());
            if let Some((_, address)) = line.split_once("the sandbox gateway listens at ") {
                sandbox = format!("http://{}", address.split(": ").next().unwrap_or_default());
            }
            if let Some((_, address)) = line.split_once("serving at 127.0.0.1:") {
                let digits: String = address.chars().take_while(char::is_ascii_digit).collect();
                let _ = found.send((digits.parse::<u16>(), sandbox.clone()));
            }
        }
    });
    let port = tokio::task::spawn_blocking(move || port.recv_timeout(Duration::from_secs(60))).await;
    let (port, sandbox) = port.expect("no panic").expect("the server says where it serves");
    (child, port.expect("a port"), sandbox)
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a pack").flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("copied");
        }
    }
}

/// The same small pack as another tenant: other slug, hosts and people, the same goods and codes.
fn make_another_tenant(pack: &Path) {
    let mut files = vec![pack.join("tenant.toml")];
    files.extend(std::fs::read_dir(pack.join("sites")).expect("sites").flatten().map(|entry| entry.path()));
    for file in files {
        let text = std::fs::read_to_string(&file).expect("a file");
        let text = text.replace("two.localhost", "one.localhost").replace("slug = \"demo-two\"", "slug = \"demo\"");
        let text = text.replace("pinecone-two", "pinecone-one");
        std::fs::write(file, text).expect("written");
    }
}

/// Keeps cookies, follows nothing by itself, runs no script.
pub struct Browser {
    port: u16,
    host: String,
    cookies: std::sync::Mutex<std::collections::BTreeMap<String, String>>,
    http: reqwest::Client,
}

impl Browser {
    /// A request as this browser sends it.
    pub fn request(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        let cookies = self.cookies.lock().expect("no panic");
        let cookies: Vec<String> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        self.http
            .request(method, format!("http://127.0.0.1:{}{path}", self.port))
            .header(HOST, format!("{}:{}", self.host, self.port))
            .header(COOKIE, cookies.join("; "))
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> reqwest::Response {
        let response = request.send().await.expect("an answer");
        let mut cookies = self.cookies.lock().expect("no panic");
        for cookie in response.headers().get_all(SET_COOKIE) {
            let pair = cookie.to_str().expect("text").split(';').next().unwrap_or_default();
            if let Some((name, value)) = pair.split_once('=') {
                cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        response
    }

    /// The values of its cookies.
    pub fn secrets(&self) -> Vec<String> {
        self.cookies.lock().expect("no panic").values().cloned().collect()
    }

    pub async fn get(&self, path: &str) -> String {
        let response = self.send(self.request(reqwest::Method::GET, path)).await;
        assert!(response.status().is_success(), "GET {path}: {}", response.status());
        response.text().await.expect("a page")
    }

    /// Where a page leads on to.
    pub async fn leads_to(&self, path: &str) -> String {
        location(self.send(self.request(reqwest::Method::GET, path)).await).await
    }

    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> reqwest::Response {
        self.send(self.request(reqwest::Method::POST, path).form(fields)).await
    }

    pub async fn post_json(&self, path: &str, body: &str) -> reqwest::Response {
        let request = self.request(reqwest::Method::POST, path).header("content-type", "application/json");
        self.send(request.body(body.to_owned())).await
    }

    pub async fn log_in(&self, login: &Login) {
        let fields = [("login", login.login.as_str()), ("password", login.password.as_str()), ("next", "/")];
        let answer = self.post("/login", &fields).await;
        assert_eq!(answer.status(), 303, "{}", answer.text().await.unwrap_or_default());
    }

    /// Buys one of the first SKU on a goods page with the wallet; answers the order's path.
    pub async fn buy(&self, goods: &str) -> String {
        let answer = self.check_out(goods, &[("pay", "wallet")]).await;
        location(answer).await
    }

    /// Orders one of the first SKU on a goods page as a guest, by the first channel that is offered.
    pub async fn order(&self, goods: &str, contact: &str, password: &str) -> Order {
        let answer = self.check_out(goods, &[("contact", contact), ("password", password)]).await;
        let cashier = location(answer).await;
        let (_, token) = cashier.split_once("/cashier/").expect("a way to the cashier");
        let on_the_way = self.at_cashier(&format!("/cashier/{token}")).await.text().await.expect("a page");
        let pay_url = on_the_way.split("url=").nth(1).and_then(|rest| rest.split('"').next()).expect("a payment page");
        let page = self.http.get(pay_url).send().await.expect("the payment page").text().await.expect("a page");
        let out_no = page
            .split(|letter: char| !letter.is_ascii_alphanumeric())
            .find(|word| word.len() == 26 && word.starts_with("01"));
        Order { pay_url: pay_url.to_owned(), out_no: out_no.expect("the merchant's number is on the page").to_owned() }
    }

    /// Pays at the gateway as a buyer does and comes back; answers the path of the order's page.
    pub async fn pay(&self, order: &Order) -> String {
        let paid = self.http.post(format!("{}/pay", order.pay_url)).send().await.expect("paid");
        let back = location(paid).await;
        let (_, path) = back.split_once("/cashier/").expect("a way back");
        let shop = location(self.at_cashier(&format!("/cashier/{path}")).await).await;
        let (_, path) = shop.split_once("/orders/").expect("the order's page");
        format!("/orders/{path}")
    }

    async fn at_cashier(&self, path: &str) -> reqwest::Response {
        let request = self.http.get(format!("http://127.0.0.1:{}{path}", self.port));
        request.header(HOST, format!("cashier.localhost:{}", self.port)).send().await.expect("an answer")
    }

    async fn check_out(&self, goods: &str, with: &[(&str, &str)]) -> reqwest::Response {
        let sku = field(&self.get(&format!("/goods/{goods}")).await, "sku");
        let page = self.get(&format!("/checkout?goods={goods}&sku={sku}&quantity=1")).await;
        let hidden: Vec<(&str, String)> =
            ["goods", "sku", "quantity", "key", "visitor"].into_iter().map(|name| (name, field(&page, name))).collect();
        let mut fields: Vec<(&str, &str)> = hidden.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let first_way = field(&page, "pay");
        fields.push(("confirm", "yes"));
        fields.extend(with);
        if !with.iter().any(|(name, _)| *name == "pay") {
            fields.push(("pay", &first_way));
        }
        self.post("/checkout", &fields).await
    }
}

/// An order that waits at the sandbox gateway.
pub struct Order {
    pub pay_url: String,
    pub out_no: String,
}

/// Where an answer leads to.
async fn location(answer: reqwest::Response) -> String {
    let status = answer.status();
    let to = answer.headers().get(LOCATION).map(|to| to.to_str().expect("text").to_owned());
    match to {
        Some(to) if status == 303 => to,
        _ => panic!("no way on, but {status}:\n{}", answer.text().await.unwrap_or_default()),
    }
}

/// The value of the first input of that name on a page.
fn field(page: &str, name: &str) -> String {
    let inputs = page.split('<').filter(|tag| tag.starts_with("input") || tag.starts_with("option"));
    let mut named = inputs.filter(|tag| tag.contains(&format!("name=\"{name}\"")));
    let tag = named.next().unwrap_or_else(|| panic!("no field {name} on\n{page}"));
    let value = tag.split("value=\"").nth(1).and_then(|rest| rest.split('"').next());
    value.unwrap_or_else(|| panic!("no value in <{tag}")).to_owned()
}
