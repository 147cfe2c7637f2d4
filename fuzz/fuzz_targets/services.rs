//! Any request to the statistics page, its form and the JSON interface, with the right to change.
#![no_main]

use admin::ports::House;
use admin::services::{Request, api, prometheus, statistics};
use libfuzzer_sys::fuzz_target;

mod house;

/// Paths of the JSON interface that take a body or a name, which inputs may be put behind.
const PLACES: &[&str] = &[
    "/api/v1",
    "/api/v1/",
    "/api/v1/backends/b/servers/s",
    "/api/v1/backends/",
    "/api/v1/frontends/",
    "/api/v1/sessions/",
    "/api/v1/explain?",
    "/",
    "",
];
const METHODS: &[&str] = &["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"];
const TOKEN: &str = "t";

fuzz_target!(|input: (u8, u8, &str, &str)| {
    let (method, place, target, body) = input;
    let target = format!("{}{target}", PLACES[usize::from(place) % PLACES.len()]);
    let request = Request {
        proxy: "f",
        method: METHODS[usize::from(method) % METHODS.len()],
        target: &target,
        host: None,
        origin: None,
        fetch_site: None,
        authorization: None,
        token: Some(TOKEN),
        body,
        may_change: true,
        nonce: 1,
    };
    let house = house::house();
    let config = house.config().expect("read");
    let settings = config.frontends.iter().find_map(|f| f.rules.stats.as_ref()).expect("there are");
    let page = statistics(&house, settings, &request);
    for (name, value) in &page.headers {
        assert!(!value.contains(['\r', '\n', '\0']), "{name}: {value:?}");
    }
    let told = house::run(api::answer(&house, &request, Some(TOKEN)));
    serde_json::from_str::<serde_json::Value>(&told.body).expect("JSON, whatever is asked");
    let _ = prometheus::answer(&house, &request);
});
