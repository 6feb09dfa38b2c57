//! What the machine can do at all: nginx and a small file, and the smallest answer that our program has.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::answers::Answers;
use super::drive::{Caller, Load, Trip, drive};
use super::program::Program;

const PROGRAMS: [&str; 2] = ["/usr/sbin/nginx", "/usr/bin/nginx"];
const SERVES_WITHIN: Duration = Duration::from_secs(10);
/// About what a refusal of ours has.
const FILE: &str = "{\"type\":\"about:blank\",\"title\":\"Sold out\",\"status\":422,\"code\":\"out_of_stock\",\
                    \"detail\":\"sku sku_019a0000000070008000000000000000 has 0 left, 1 wanted\"}\n";

/// nginx with a file; it ends with this value.
pub struct Nginx {
    program: Program,
    _folder: TempDir,
}

impl Nginx {
    /// Starts Debian's, if it is installed.
    pub fn start() -> Option<Self> {
        let program = PROGRAMS.into_iter().map(Path::new).find(|program| program.exists())?;
        let folder = tempfile::tempdir().ok()?;
        std::fs::write(folder.path().join("file.json"), FILE).ok()?;
        let address: SocketAddr = TcpListener::bind("127.0.0.1:0").ok()?.local_addr().ok()?;
        let place = folder.path().display();
        // One process, so that its books are those of its only child: ours.
        let settings = format!(
            "daemon off;\nmaster_process off;\npid {place}/pid;\nerror_log {place}/error.log;\n\
             events {{ worker_connections 4096; }}\n\
             http {{ access_log off; keepalive_requests 1000000; client_body_temp_path {place}; proxy_temp_path {place};\n\
             fastcgi_temp_path {place}; uwsgi_temp_path {place}; scgi_temp_path {place};\n\
             server {{ listen {address}; root {place}; }} }}\n"
        );
        let file = folder.path().join("nginx.conf");
        std::fs::write(&file, settings).ok()?;
        let child =
            Command::new(program).arg("-c").arg(&file).stdin(Stdio::null()).stderr(Stdio::null()).spawn().ok()?;
        let program = Program::foreign(child, address, Vec::new());
        let began = Instant::now();
        while TcpStream::connect(address).is_err() {
            if began.elapsed() > SERVES_WITHIN {
                return None;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(Self { program, _folder: folder })
    }

    /// The file, asked for by the same clients as ours.
    pub async fn file(&self, load: Load) -> Answers {
        drive(&self.program, &Arc::new(Asking::of("/file.json")), load).await
    }
}

/// Whether the program is well, which it answers before all its layers: what its HTTP server can do at all.
pub async fn health(program: &Program, load: Load) -> Answers {
    drive(program, &Arc::new(Asking::of("/healthz")), load).await
}

/// One request, again and again.
struct Asking(String);

impl Asking {
    fn of(path: &str) -> Self {
        Self(format!("GET {path} HTTP/1.1\r\nHost: any.bench.test\r\n\r\n"))
    }
}

impl Trip for Asking {
    async fn go(&self, caller: &mut Caller, _: u64) -> io::Result<u16> {
        caller.connection.ask(self.0.as_bytes()).await
    }
}
