//! What answers inside HTTP sessions: the statistics page and the Prometheus exporter.

mod actions;
pub mod api;
mod escape;
mod options;
mod page;
pub mod prometheus;

use model::Stats;

use crate::ports::House;
use crate::stats::{csv, info, json, typed};

/// A request to a service.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The proxy that was asked.
    pub proxy: &'a str,
    /// Method.
    pub method: &'a str,
    /// Path and query.
    pub target: &'a str,
    /// `Host`.
    pub host: Option<&'a str>,
    /// `Origin`.
    pub origin: Option<&'a str>,
    /// `Sec-Fetch-Site`.
    pub fetch_site: Option<&'a str>,
    /// `Authorization`.
    pub authorization: Option<&'a str>,
    /// The token of the JSON interface, in its own field.
    pub token: Option<&'a str>,
    /// Body of a request that changes something.
    pub body: &'a str,
    /// `stats admin` allows changes.
    pub may_change: bool,
    /// Random bits of this answer, for the page's content security policy.
    pub nonce: u64,
}

/// A whole answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Status.
    pub status: u16,
    /// Fields other than the length.
    pub headers: Vec<(&'static str, String)>,
    /// Body.
    pub body: String,
}

impl Answer {
    fn text(kind: &str, body: String) -> Self {
        let headers = vec![
            ("cache-control", "no-cache".to_owned()),
            ("content-type", kind.to_owned()),
            ("x-content-type-options", "nosniff".to_owned()),
        ];
        Self { status: 200, headers, body }
    }

    fn refused(status: u16, body: &str) -> Self {
        Self { status, ..Self::text("text/plain; charset=utf-8", format!("{body}\n")) }
    }
}

/// The statistics page and its other forms (manual of management 9.1 to 9.3).
#[must_use]
pub fn statistics(house: &dyn House, settings: &Stats, request: &Request<'_>) -> Answer {
    let asked = options::Asked::read(settings, request);
    match request.method {
        "POST" => return actions::carry_out(house, settings, request, &asked),
        "GET" | "HEAD" => {}
        _ => {
            let mut answer = Answer::refused(405, "This page knows GET, HEAD and POST.");
            answer.headers.push(("allow", "GET, HEAD, POST".to_owned()));
            return answer;
        }
    }
    let rows = house.rows();
    let json = "application/json";
    let mut answer = match asked.form {
        options::Form::Csv => {
            Answer::text("text/plain; charset=utf-8", csv::print(&rows, &asked.filter))
        }
        options::Form::Json => Answer::text(json, json::rows(&rows, &asked.filter)),
        options::Form::Schema => Answer::text(json, json::schema()),
        options::Form::Typed => {
            Answer::text("text/plain; charset=utf-8", typed::rows(&rows, &asked.filter, false))
        }
        options::Form::Info => {
            let facts = info::facts(&house.process(), false);
            Answer::text("text/plain; charset=utf-8", info::print(&facts, false))
        }
        options::Form::Page | options::Form::Changes => {
            page::answer(house, settings, request, &asked, &rows)
        }
    };
    // Where scripts run the page stays as it is and fetches figures; it says this in itself.
    if let Some(refresh) = settings.refresh
        && !asked.no_refresh
        && !matches!(asked.form, options::Form::Page | options::Form::Changes)
    {
        answer.headers.push(("refresh", seconds(refresh).to_string()));
    }
    answer
}

/// Whole seconds of `stats refresh`, as HAProxy counts them.
fn seconds(refresh: std::time::Duration) -> u64 {
    refresh.as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX)
}
