//! What follows `stats uri` in a request: the form of the answer and what it shows.

use model::Stats;

use super::Request;
use super::escape::form_value;
use crate::stats::Filter;

/// Form of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// HTML.
    Page,
    /// `;changes`: a page with every change that is remembered.
    Changes,
    /// `;csv`.
    Csv,
    /// `;json`.
    Json,
    /// `;json-schema`.
    Schema,
    /// `;typed`.
    Typed,
    /// `;info`: the figures of the process.
    Info,
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Form of the answer.
    pub form: Form,
    /// Which rows.
    pub filter: Filter,
    /// `;norefresh`.
    pub no_refresh: bool,
    /// `;st=X`: how the last change went.
    pub outcome: Option<String>,
    /// `;scope=X`: only proxies whose name contains it.
    pub scope: String,
}

/// Longest `scope` that is taken, as HAProxy's.
const SCOPE_MAX: usize = 20;

impl Asked {
    /// Reads the target of a request.
    #[must_use]
    pub fn read(settings: &Stats, request: &Request<'_>) -> Self {
        let rest = request.target.strip_prefix(&*settings.uri).unwrap_or_default();
        let mut asked = Self {
            form: Form::Page,
            filter: Filter::default(),
            no_refresh: false,
            outcome: None,
            scope: String::new(),
        };
        for word in rest.split([';', '?', '&']) {
            match word.split_once('=').unwrap_or((word, "")) {
                ("changes", _) => asked.form = Form::Changes,
                ("csv", _) => asked.form = Form::Csv,
                ("json", _) => asked.form = Form::Json,
                ("json-schema", _) => asked.form = Form::Schema,
                ("typed", _) => asked.form = Form::Typed,
                ("info", _) => asked.form = Form::Info,
                ("norefresh", _) => asked.no_refresh = true,
                ("up", _) => asked.filter.up = true,
                ("no-maint", _) => asked.filter.no_maint = true,
                ("st", outcome) => asked.outcome = Some(outcome.to_owned()),
                ("scope", name) => {
                    asked.scope = form_value(name).chars().take(SCOPE_MAX).collect();
                }
                _ => {}
            }
        }
        if !settings.scope.is_empty() {
            let own = |name: &model::Name| match &**name {
                "." => request.proxy.to_owned(),
                other => other.to_owned(),
            };
            asked.filter.scope = Some(settings.scope.iter().map(own).collect());
        }
        asked.filter.proxy_part = Some(asked.scope.clone()).filter(|s| !s.is_empty());
        asked
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(crate) fn get(target: &str) -> Request<'_> {
        Request {
            proxy: "own",
            method: "GET",
            target,
            host: None,
            origin: None,
            fetch_site: None,
            authorization: None,
            token: None,
            body: "",
            may_change: false,
            nonce: 1,
        }
    }

    #[test]
    fn options_follow_the_uri() {
        let settings = Stats { uri: "/st?x".into(), ..Stats::default() };
        let asked = |target| Asked::read(&settings, &get(target));
        assert_eq!(asked("/st?x").form, Form::Page);
        assert_eq!(asked("/st?x;csv;norefresh").form, Form::Csv);
        assert!(asked("/st?x;norefresh;up").no_refresh);
        assert!(asked("/st?x;norefresh;up").filter.up);
        assert_eq!(asked("/st?x;st=DONE").outcome.as_deref(), Some("DONE"));
        assert_eq!(asked("/st?x;scope=a%2Fb").scope, "a/b");
    }

    #[test]
    fn a_dot_is_the_proxy_itself() {
        let settings = Stats { scope: vec![".".into(), "b".into()], ..Stats::default() };
        let asked = Asked::read(&settings, &get("/haproxy?stats"));
        assert_eq!(asked.filter.scope, Some(vec!["own".to_owned(), "b".to_owned()]));
    }
}
