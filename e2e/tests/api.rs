//! The JSON interface: every route answers what its description says, and only the token changes
//! anything.

use e2e::client::{PATIENCE, Socket};
use e2e::http::{Message, Reader};
use e2e::ports::Address;
use e2e::process::Scratch;
use e2e::scenario::application::Application;
use e2e::scenario::balancer::{Balancer, DEFAULTS, body};
use serde_json::{Value, json};
use std::time::Duration;

const TOKEN: &str = "a-token-of-this-test";

struct Api {
    balancer: Balancer,
    _application: Application,
}

impl Api {
    fn start() -> Self {
        let application = Application::start("one", Duration::ZERO).expect("loopback");
        let server = application.address;
        let scratch = Scratch::new().expect("a temporary directory");
        let token = scratch.path.join("token");
        std::fs::write(&token, format!("{TOKEN}\n")).expect("written");
        let more = ["--api-token-file".to_owned(), token.display().to_string()];
        let balancer = Balancer::start_with(&more, |address| {
            format!(
                "{DEFAULTS}frontend web\n    bind {address}\n    http-request use-service \
                 evenkeel-api if {{ path_beg /api/ }}\n    default_backend apps\n\
                 backend apps\n    server one {server} check\n    server t:o {server}\n"
            )
        })
        .unwrap();
        Self { balancer, _application: application }
    }

    fn ask(&self, method: &str, path: &str, fields: &str, payload: &str) -> Message {
        let socket = Socket::connect(&Address::Tcp(self.balancer.address), None).expect("open");
        let mut reader = Reader::new(socket, PATIENCE);
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\n{fields}\r\n{payload}",
            self.balancer.address,
            payload.len()
        );
        assert!(reader.write(head.as_bytes()));
        let head = reader.head().expect("an answer");
        reader.response_body(head, method)
    }

    fn get(&self, path: &str) -> Value {
        let answer = self.ask("GET", path, "", "");
        assert_eq!(answer.head.word(1), "200", "{path}: {answer:?}");
        assert_eq!(answer.head.field("content-type"), Some("application/json"));
        serde_json::from_str(&body(&answer)).expect("JSON")
    }

    fn problem(&self, method: &str, path: &str, fields: &str, payload: &str) -> (u16, String) {
        let answer = self.ask(method, path, fields, payload);
        let kind = answer.head.field("content-type");
        assert_eq!(kind, Some("application/problem+json"), "{answer:?}");
        let problem: Value = serde_json::from_str(&body(&answer)).expect("JSON");
        assert_eq!(problem["status"].to_string(), answer.head.word(1));
        let status = answer.head.word(1).parse().expect("a number");
        (status, problem["detail"].as_str().expect("a text").to_owned())
    }
}

/// The schema of a route's good answer, with everything that it refers to.
fn schema(document: &Value, path: &str, method: &str) -> Value {
    let operation = &document["paths"][path][method];
    let mut schema = operation["responses"]["200"]["content"]["application/json"]["schema"].clone();
    assert!(schema.is_object(), "{method} {path}");
    schema["components"] = document["components"].clone();
    schema
}

fn fits(document: &Value, path: &str, method: &str, answer: &Value) {
    let schema = schema(document, path, method);
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let wrong: Vec<String> = validator.iter_errors(answer).map(|e| e.to_string()).collect();
    assert!(wrong.is_empty(), "{method} {path}: {wrong:#?}\n{answer:#}");
}

#[test]
fn every_route_answers_as_described() {
    let api = Api::start();
    let document = api.get("/api/v1");
    let concrete = |path: &str| {
        path.replace("{frontend}", "web").replace("{backend}", "apps").replace("{server}", "one")
            + &match path.ends_with("/explain") {
                true => format!("?url={}/x&header=A:+b", api.balancer.address),
                false => String::new(),
            }
    };
    let paths = document["paths"].as_object().expect("paths");
    assert!(paths.len() > 10);
    for (path, operations) in paths {
        if operations.get("get").is_some() {
            let answer = api.get(&concrete(path));
            fits(&document, path, "get", &answer);
        }
    }
    assert_eq!(api.get(&concrete("/api/v1/explain"))["backend"], "apps");
    assert_eq!(api.get("/api/v1/explain?url=127.0.0.1:1/")["backend"], Value::Null);
    let server = "/api/v1/backends/{backend}/servers/{server}";
    let bearer = format!("Authorization: Bearer {TOKEN}\r\n");
    let wish = json!({ "state": "drain", "weight": 7, "maxconn": 9 }).to_string();
    let answer = api.ask("PATCH", &concrete(server), &bearer, &wish);
    let changed: Value = serde_json::from_str(&body(&answer)).expect("JSON");
    fits(&document, server, "patch", &changed);
    assert_eq!(changed["weight"], 7);
    assert_eq!(changed["status"], "DRAIN");
    assert_eq!(changed["traffic"]["sessions"]["limit"], 9);
    assert_eq!(changed, api.get(&concrete(server)));
    let changes = api.get("/api/v1/changes");
    assert_eq!(changes[0]["ending"], "applied", "{changes:#}");
    let since = changes[0]["number"].as_u64().expect("a number");
    assert_eq!(api.get(&format!("/api/v1/changes?since={since}")), json!([]));
    let token = format!("X-Evenkeel-Token: {TOKEN}\r\n");
    let answer = api.ask("POST", "/api/v1/reload", &token, "");
    assert_eq!(answer.head.word(1), "200", "{answer:?}");
    fits(&document, "/api/v1/reload", "post", &serde_json::from_str(&body(&answer)).unwrap());
    // Names are decoded.
    let odd = api.get("/api/v1/backends/apps/servers/t%3Ao");
    assert_eq!(odd["name"], "t:o");
}

#[test]
fn nobody_changes_anything_without_the_token() {
    let api = Api::start();
    let server = "/api/v1/backends/apps/servers/one";
    let drain = r#"{"state":"drain"}"#;
    for fields in [
        "",
        "Authorization: Bearer wrong\r\n",
        "Authorization: Basic YTpi\r\n",
        "X-Evenkeel-Token: \r\n",
    ] {
        assert_eq!(api.problem("PATCH", server, fields, drain).0, 401, "{fields}");
        assert_eq!(api.problem("POST", "/api/v1/reload", fields, "").0, 401, "{fields}");
        assert_eq!(api.problem("DELETE", "/api/v1/sessions/0x1", fields, "").0, 401, "{fields}");
    }
    assert_eq!(api.get(server)["reasons"], json!([]));
}

#[test]
fn what_is_wrong_is_said() {
    let api = Api::start();
    let bearer = format!("Authorization: Bearer {TOKEN}\r\n");
    let server = "/api/v1/backends/apps/servers/one";
    for (method, path, payload, status, words) in [
        ("GET", "/api/v2/process", "", 404, "/api/v1"),
        ("GET", "/api/v1/backends/none", "", 404, "there is no backend 'none'"),
        ("GET", "/api/v1/backends/apps/servers/none", "", 404, "apps/none"),
        ("GET", "/api/v1/explain", "", 400, "'url' is missing"),
        ("GET", "/api/v1/changes?since=x", "", 400, "'x' is no number"),
        ("PUT", "/api/v1/process", "", 405, "GET, HEAD"),
        ("PATCH", server, "{", 400, "line 1"),
        ("PATCH", server, r#"{"wait":1}"#, 400, "unknown field `wait`"),
        ("PATCH", server, r#"{"weight":257}"#, 400, "256"),
        ("PATCH", server, r#"{"state":"gone"}"#, 400, "unknown variant `gone`"),
        ("DELETE", "/api/v1/sessions/12", "", 404, "there is no session '12'"),
    ] {
        let (answered, detail) = api.problem(method, path, &bearer, payload);
        assert_eq!(answered, status, "{method} {path}: {detail}");
        assert!(detail.contains(words), "{method} {path}: {detail}");
    }
}
