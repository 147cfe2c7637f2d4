//! A real browser, driven over the WebDriver protocol: Debian's chromium by its chromedriver.

use crate::client::Socket;
use crate::http::Reader;
use crate::ports::Address;
use crate::process::Scratch;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// How long the browser may take for one answer.
const PATIENCE: Duration = Duration::from_secs(60);
/// Where Debian's packages put them.
const DRIVER: &str = "/usr/bin/chromedriver";
const CHROMIUM: &str = "/usr/bin/chromium";
/// How WebDriver names a reference to an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A browser with one empty page; it ends when dropped.
pub struct Browser {
    driver: Child,
    address: SocketAddr,
    session: String,
    /// Profile and whatever else the browser writes.
    _home: Scratch,
}

/// An element of the page that is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element(String);

/// Whether there is a browser on this machine; otherwise which package is missing.
pub fn found() -> Result<(), String> {
    match [DRIVER, CHROMIUM].into_iter().find(|path| !Path::new(path).is_file()) {
        Some(path) => Err(format!("{path} is missing (packages chromium, chromium-driver)")),
        None => Ok(()),
    }
}

impl Browser {
    /// Starts one.
    pub fn start() -> Result<Self, String> {
        let home = Scratch::new().map_err(|e| e.to_string())?;
        let mut command = Command::new(DRIVER);
        command.args(["--port=0"]).env("HOME", &home.path).env("TMPDIR", &home.path);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut driver = command.spawn().map_err(|e| format!("{DRIVER}: {e}"))?;
        let port = driver.stdout.take().and_then(|out| {
            let mut lines = BufReader::new(out).lines().map_while(Result::ok);
            lines.find_map(|line| {
                line.split_once("successfully on port ")?.1.trim_end_matches('.').parse().ok()
            })
        });
        let address = SocketAddr::from(([127, 0, 0, 1], port.unwrap_or(0)));
        let mut browser = Self { driver, address, session: String::new(), _home: home };
        if port.is_none() {
            return Err(format!("{DRIVER} does not say where it listens"));
        }
        // Root has no sandbox, and containers little shared memory.
        let arguments =
            ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"];
        let wish = json!({ "capabilities": { "alwaysMatch": { "goog:chromeOptions": {
            "binary": CHROMIUM, "args": arguments
        } } } });
        let answer = browser.ask("POST", "/session", &wish)?;
        browser.session = answer["sessionId"].as_str().unwrap_or_default().to_owned();
        Ok(browser)
    }

    fn ask(&self, method: &str, path: &str, body: &Value) -> Result<Value, String> {
        let socket = Socket::connect(&Address::Tcp(self.address), None);
        let mut reader = Reader::new(socket.map_err(|e| e.to_string())?, PATIENCE);
        let body = if method == "POST" { body.to_string() } else { String::new() };
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n",
            self.address,
            body.len()
        );
        if !reader.write(head.as_bytes()) || !reader.write(body.as_bytes()) {
            return Err(format!("{method} {path}: the driver does not listen"));
        }
        let head = reader.head().map_err(|end| format!("{method} {path}: {}", end.word()))?;
        let answer = reader.response_body(head, method);
        let value: Value = serde_json::from_slice(&answer.body).map_err(|e| e.to_string())?;
        match value["value"]["error"].as_str() {
            Some(error) => Err(format!("{method} {path}: {error}: {}", value["value"]["message"])),
            None => Ok(value["value"].clone()),
        }
    }

    fn of_session(&self, method: &str, path: &str, body: &Value) -> Result<Value, String> {
        self.ask(method, &format!("/session/{}{path}", self.session), body)
    }

    /// Shows a page.
    pub fn open(&self, url: &str) -> Result<(), String> {
        self.of_session("POST", "/url", &json!({ "url": url })).map(|_| ())
    }

    /// What a function's body returns in the page.
    pub fn run(&self, script: &str) -> Result<Value, String> {
        self.of_session("POST", "/execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// The elements that a selector chooses.
    pub fn all(&self, selector: &str) -> Result<Vec<Element>, String> {
        let wish = json!({ "using": "css selector", "value": selector });
        let found = self.of_session("POST", "/elements", &wish)?;
        let id = |v: &Value| v[ELEMENT].as_str().map(|id| Element(id.to_owned()));
        Ok(found.as_array().into_iter().flatten().filter_map(id).collect())
    }

    /// The first of them.
    pub fn one(&self, selector: &str) -> Result<Element, String> {
        self.all(selector)?.into_iter().next().ok_or(format!("there is no {selector}"))
    }

    /// The element that has the keyboard.
    pub fn focused(&self) -> Result<Element, String> {
        let active = self.of_session("GET", "/element/active", &Value::Null)?;
        let id = active[ELEMENT].as_str().ok_or("nothing has the keyboard")?;
        Ok(Element(id.to_owned()))
    }

    /// Role and name of an element, as assistive programs are told.
    pub fn spoken(&self, element: &Element) -> Result<(String, String), String> {
        let of = |what: &str| {
            let path = format!("/element/{}/{what}", element.0);
            let value = self.of_session("GET", &path, &Value::Null)?;
            Ok::<_, String>(value.as_str().unwrap_or_default().to_owned())
        };
        Ok((of("computedrole")?, of("computedlabel")?))
    }

    /// Clicks.
    pub fn click(&self, element: &Element) -> Result<(), String> {
        let path = format!("/element/{}/click", element.0);
        self.of_session("POST", &path, &json!({})).map(|_| ())
    }

    /// Presses and releases keys, one after the other; `\u{e004}` is Tab, `\u{e006}` Enter,
    /// as WebDriver numbers them.
    pub fn press(&self, keys: &str) -> Result<(), String> {
        let both = |key: char| {
            let key = key.to_string();
            [json!({ "type": "keyDown", "value": key }), json!({ "type": "keyUp", "value": key })]
        };
        let actions: Vec<Value> = keys.chars().flat_map(both).collect();
        let wish = json!({ "actions": [{ "type": "key", "id": "keys", "actions": actions }] });
        self.of_session("POST", "/actions", &wish).map(|_| ())
    }

    /// A command of Chromium's own protocol.
    pub fn devtools(&self, command: &str, parameters: &Value) -> Result<Value, String> {
        let wish = json!({ "cmd": command, "params": parameters });
        self.of_session("POST", "/goog/cdp/execute", &wish)
    }

    /// The page's surroundings: width and height in CSS pixels, a dark or a light scheme.
    pub fn surround(&self, (width, height): (u32, u32), dark: bool) -> Result<(), String> {
        let size = json!({
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600
        });
        self.devtools("Emulation.setDeviceMetricsOverride", &size)?;
        let scheme = if dark { "dark" } else { "light" };
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.devtools("Emulation.setEmulatedMedia", &features).map(|_| ())
    }

    /// The picture of what is seen, as PNG in Base64.
    pub fn picture(&self) -> Result<String, String> {
        let picture = self.of_session("GET", "/screenshot", &Value::Null)?;
        picture.as_str().map(str::to_owned).ok_or("no picture".to_owned())
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The driver ends the browser with the session; without it both go with the driver.
        let _ = self.of_session("DELETE", "", &Value::Null);
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
