//! A second Docker engine of a newer version on a machine of its own (a network namespace), reached
//! by TLS; it can go away and come back. Everything ends with it.

use super::command::{Background, Run};
use super::images;
use crate::process::Scratch;
use crate::scenario::wait_until;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::Duration;

/// How long its system may take to be fetched, once.
const FETCH: Duration = Duration::from_secs(900);
/// How long it may take to start.
const START: Duration = Duration::from_secs(120);
/// A client by TCP; the server's certificate names the address.
const EXTENSIONS: &str = "subjectAltName=IP:";

/// The engine.
pub struct Newer {
    /// Its machine's address.
    pub address: Ipv4Addr,
    /// Its version.
    pub version: String,
    // Before the folder that it works in.
    _run: Background,
    scratch: Scratch,
}

impl Newer {
    /// Starts one, or says why it cannot be.
    pub fn start() -> Result<Self, String> {
        super::engine()?;
        let script = images::root().join("e2e/scripts/newer-engine");
        let system = images::cache().join("engine-26.1");
        Run::new(&script).args(&["fetch".as_ref(), system.as_os_str()]).limit(FETCH).output()?;
        let scratch = Scratch::new().map_err(|e| e.to_string())?;
        let number = (std::process::id() % 250 + 2).to_string();
        let address = format!("198.18.{number}.2").parse().map_err(|e| format!("{e}"))?;
        certificates(&scratch, address)?;
        let name = format!("evkn{}", std::process::id());
        let words = ["run".as_ref(), system.as_os_str(), scratch.path.as_os_str()];
        let run = Run::new(&script).args(&words).args(&[&name, &number]);
        let run = run.background(&scratch.path.join("script"))?;
        let mut engine = Self { address, version: String::new(), _run: run, scratch };
        let ask = ["version", "--format", "{{.Server.Version}}"];
        let up = wait_until(START, || {
            engine.version = engine.docker(&ask).unwrap_or_default();
            !engine.version.is_empty()
        });
        match up {
            true => Ok(engine),
            false => Err(format!("it does not start: {}", engine.log())),
        }
    }

    /// What it says itself.
    fn log(&self) -> String {
        let read = |name| std::fs::read_to_string(self.scratch.path.join(name));
        let text =
            format!("{}{}", read("script").unwrap_or_default(), read("log").unwrap_or_default());
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(5)..].join("\n")
    }

    /// Its local socket, as `DOCKER_HOST`.
    pub fn socket(&self) -> String {
        format!("unix://{}", self.scratch.path.join("docker.sock").display())
    }

    /// Folder of `ca.pem`, `cert.pem` and `key.pem` for its clients.
    pub fn certificates(&self) -> PathBuf {
        self.scratch.path.join("client")
    }

    /// `docker WORDS...` on it.
    pub fn docker(&self, words: &[&str]) -> Result<String, String> {
        Run::new("docker").env("DOCKER_HOST", self.socket()).args(words).output()
    }

    /// Gives it an image of the usual engine.
    pub fn load(&self, image: &str) -> Result<(), String> {
        let file = self.scratch.path.join("image.tar");
        let file = file.to_str().ok_or("a path that is no text")?;
        super::docker(&["save", "-o", file, image])?;
        self.docker(&["load", "-q", "-i", file])?;
        std::fs::remove_file(file).map_err(|e| e.to_string())
    }

    /// Ends the engine; its containers go on.
    pub fn leave(&self) -> Result<(), String> {
        std::fs::write(self.scratch.path.join("away"), "").map_err(|e| e.to_string())
    }

    /// Starts it again.
    pub fn come_back(&self) -> Result<(), String> {
        std::fs::remove_file(self.scratch.path.join("away")).map_err(|e| e.to_string())
    }
}

/// An authority, and certificates of the engine and of its clients.
fn certificates(scratch: &Scratch, address: Ipv4Addr) -> Result<(), String> {
    let openssl = |words: &[&str]| Run::new("openssl").args(words).dir(&scratch.path).output();
    std::fs::create_dir_all(scratch.path.join("client")).map_err(|e| e.to_string())?;
    let key = ["req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    let ca = ["-x509", "-subj", "/CN=ca", "-days", "30", "-keyout", "ca-key.pem", "-out", "ca.pem"];
    openssl(&[&key[..], &ca].concat())?;
    let name = format!("{EXTENSIONS}{address}");
    for (to, file, extension) in
        [("server-", "server", name.as_str()), ("client/", "client", "extendedKeyUsage=clientAuth")]
    {
        let (secret, signed) = (format!("{to}key.pem"), format!("{to}cert.pem"));
        let (subject, wish) = (format!("/CN={file}"), format!("{file}.csr"));
        let asked = ["-subj", &subject, "-keyout", &secret, "-out", &wish, "-addext", extension];
        openssl(&[&key[..], &asked].concat())?;
        let sign = ["x509", "-req", "-in", &wish, "-CA", "ca.pem", "-CAkey", "ca-key.pem"];
        let how = ["-CAcreateserial", "-days", "30", "-copy_extensions", "copy", "-out", &signed];
        openssl(&[&sign[..], &how].concat())?;
    }
    let copy = std::fs::copy(scratch.path.join("ca.pem"), scratch.path.join("client/ca.pem"));
    copy.map(drop).map_err(|e| e.to_string())
}
