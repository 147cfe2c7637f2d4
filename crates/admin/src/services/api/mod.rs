//! JSON for programs, under `/api/v1` (`http-request use-service evenkeel-api`): everybody whom the
//! frontend's rules let in may read, whoever has the token may change.

mod nouns;
mod openapi;
mod routes;

use subtle::ConstantTimeEq;

use self::nouns::Problem;
use self::routes::{Call, ROUTES, Run};
use super::{Answer, Request, escape};
use crate::ports::House;

pub use openapi::document;

/// What every path begins with.
pub const PREFIX: &str = "/api/v1";
/// The field that carries the token where `Authorization` carries something else.
pub const TOKEN_FIELD: &str = "X-Evenkeel-Token";

/// Answers a request. Without a token nobody may change anything.
pub async fn answer(house: &dyn House, request: &Request<'_>, token: Option<&str>) -> Answer {
    match carry_out(house, request, token).await {
        Ok(body) => Answer::text("application/json", body),
        Err(Refused { problem, allow }) => {
            let body = serde_json::to_string(&problem).unwrap_or_default();
            let text = Answer::text("application/problem+json", body);
            let mut answer = Answer { status: problem.status, ..text };
            if let Some(allow) = allow {
                answer.headers.push(("allow", allow));
            }
            if problem.status == 401 {
                answer.headers.push(("www-authenticate", "Bearer".to_owned()));
            }
            answer
        }
    }
}

/// Why a request is not answered as asked.
struct Refused {
    problem: Problem,
    /// Methods that the path has.
    allow: Option<String>,
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        Self { problem, allow: None }
    }
}

async fn carry_out(
    house: &dyn House,
    request: &Request<'_>,
    token: Option<&str>,
) -> Result<String, Refused> {
    let target = request.target.split('#').next().unwrap_or_default();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let nothing = || Problem::new(404, format!("there is no '{path}' here; see {PREFIX}"));
    let path_in = path.strip_prefix(PREFIX).ok_or_else(nothing)?;
    // The top is its description.
    let path_in = if matches!(path_in, "" | "/") { "/openapi.json" } else { path_in };
    let mut here = ROUTES.iter().filter_map(|r| Some((r, names(r.path, path_in)?))).peekable();
    here.peek().ok_or_else(nothing)?;
    let here: Vec<_> = here.collect();
    let method = if request.method == "HEAD" { "GET" } else { request.method };
    let Some((route, names)) = here.iter().find(|(r, _)| r.method == method) else {
        let mut methods: Vec<_> = here.iter().map(|(r, _)| r.method).collect();
        if methods.contains(&"GET") {
            methods.push("HEAD");
        }
        let allow = methods.join(", ");
        let detail = format!("{path} knows {allow}");
        return Err(Refused { problem: Problem::new(405, detail), allow: Some(allow) });
    };
    if route.method != "GET" {
        may_change(request, token)?;
    }
    let query = escape::pairs(query).collect();
    let call = Call { house, names: names.clone(), query, body: request.body };
    Ok(match route.run {
        Run::Now(run) => run(&call)?,
        Run::Later(run) => run(&call).await?,
    })
}

/// What stands for the names of a pattern, if the path fits it.
fn names(pattern: &str, path: &str) -> Option<Vec<String>> {
    let (mut patterns, mut parts) = (pattern.split('/'), path.split('/'));
    let mut found = Vec::new();
    loop {
        match (patterns.next(), parts.next()) {
            (None, None) => return Some(found),
            (Some(pattern), Some(part)) if pattern.starts_with('{') => {
                // A plus is a plus in a path.
                found.push(escape::form_value(&part.replace('+', "%2B")));
            }
            (Some(pattern), Some(part)) if pattern == part => {}
            _ => return None,
        }
    }
}

/// A token of its own kind is never sent by a browser for another site's page.
fn may_change(request: &Request<'_>, token: Option<&str>) -> Result<(), Problem> {
    let Some(token) = token.filter(|t| !t.is_empty()) else {
        return Err(Problem::new(403, "changes need a token; see 'evenkeel run --api-token-file'"));
    };
    let bearer = request.authorization.and_then(|value| {
        let (scheme, rest) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| rest.trim())
    });
    let shown = request.token.or(bearer);
    let shown = shown.ok_or_else(|| Problem::new(401, "the token is missing"))?;
    if bool::from(shown.as_bytes().ct_eq(token.as_bytes())) {
        Ok(())
    } else {
        Err(Problem::new(401, "the token is wrong"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_stands_for_them() {
        let of = |path| names("/backends/{backend}/servers/{server}", path);
        assert_eq!(of("/backends/a%2Fb+c/servers/s"), Some(vec!["a/b+c".into(), "s".into()]));
        assert_eq!(of("/backends/a/servers"), None);
        assert_eq!(of("/backends/a/servers/s/x"), None);
        assert_eq!(of("/frontends/a/servers/s"), None);
    }

    #[test]
    fn the_token_decides() {
        let plain = crate::services::options::tests::get("/api/v1/reload");
        let status =
            |request: &Request<'_>, token| may_change(request, token).err().map(|p| p.status);
        assert_eq!(status(&plain, None), Some(403));
        assert_eq!(status(&plain, Some("")), Some(403));
        assert_eq!(status(&plain, Some("secret")), Some(401));
        let bearer = Request { authorization: Some("bearer secret"), ..plain };
        assert_eq!(status(&bearer, Some("secret")), None);
        assert_eq!(status(&bearer, Some("secre")), Some(401));
        let basic = Request { authorization: Some("Basic c3RhdHM6c3RhdHM="), ..plain };
        assert_eq!(status(&basic, Some("secret")), Some(401));
        assert_eq!(status(&Request { token: Some("secret"), ..basic }, Some("secret")), None);
    }

    #[test]
    fn the_description_names_every_route() {
        let text = document();
        let document: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        for route in ROUTES {
            let operation = &document["paths"][format!("{PREFIX}{}", route.path)];
            let operation = &operation[route.method.to_lowercase()];
            assert_eq!(operation["summary"], route.summary, "{} {}", route.method, route.path);
            assert_eq!(operation["security"].is_array(), route.method != "GET");
        }
        // Every reference leads somewhere.
        for reference in text.split("\"$ref\":\"").skip(1).filter_map(|r| r.split('"').next()) {
            let pointer = reference.strip_prefix('#').expect("within the document");
            assert!(document.pointer(pointer).is_some(), "{reference}");
        }
    }
}
