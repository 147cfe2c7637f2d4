//! The statistics page of a proxy (manual 4.2, `stats X`), and services inside HTTP sessions.

use std::time::Duration;

use expr::Condition;
use expr::auth::Userlist;

use crate::{HttpRule, Name};

/// `stats` lines of a proxy. Any of them serves the page.
#[derive(Clone, Debug, PartialEq)]
pub struct Stats {
    /// `stats uri`: targets that begin with it are answered (default `/haproxy?stats`).
    pub uri: Name,
    /// `stats realm`.
    pub realm: Name,
    /// `stats auth`; empty = anybody.
    pub users: Userlist,
    /// `stats http-request`: allow, deny and auth alone.
    pub rules: Vec<HttpRule>,
    /// `stats admin`: any true condition allows changes.
    pub admin: Vec<Condition>,
    /// `stats refresh`.
    pub refresh: Option<Duration>,
    /// `stats hide-version`.
    pub hide_version: bool,
    /// `stats scope`: proxies that are shown, `.` for this one; empty = all.
    pub scope: Vec<Name>,
    /// `stats show-legends`.
    pub show_legends: bool,
    /// `stats show-modules`.
    pub show_modules: bool,
    /// `stats show-node`: `Some(None)` = the process's node name.
    pub show_node: Option<Option<Name>>,
    /// `stats show-desc`: `Some(None)` = the process's description.
    pub show_desc: Option<Option<Name>>,
}

impl Default for Stats {
    fn default() -> Self {
        Self {
            uri: "/haproxy?stats".into(),
            realm: "HAProxy Statistics".into(),
            users: Userlist::default(),
            rules: Vec::new(),
            admin: Vec::new(),
            refresh: None,
            hide_version: false,
            scope: Vec::new(),
            show_legends: false,
            show_modules: false,
            show_node: None,
            show_desc: None,
        }
    }
}

/// `http-request use-service X`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServiceName {
    /// `prometheus-exporter`.
    PrometheusExporter,
    /// `evenkeel-api`: JSON for programs.
    Api,
}
