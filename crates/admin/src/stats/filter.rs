//! Which rows of the statistics are wanted (manual of management 9.3, `show stat`).

use std::borrow::Cow;

use super::{Kind, Row};

/// Which rows are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Proxy id; `None` = all.
    pub proxy_id: Option<u32>,
    /// Proxy name; `None` = all.
    pub proxy: Option<String>,
    /// Part of the proxy's name; `None` = all.
    pub proxy_part: Option<String>,
    /// Bits: 1 frontends, 2 backends, 4 servers, 8 listeners; 0 = all.
    pub kinds: u32,
    /// Server id; `None` = all.
    pub server_id: Option<u32>,
    /// `no-maint`: no servers in maintenance.
    pub no_maint: bool,
    /// `up`: only servers that are up.
    pub up: bool,
    /// Names of proxies that may be shown (`stats scope`); `None` = all.
    pub scope: Option<Vec<String>>,
}

impl Filter {
    /// A row as it is shown, if it is wanted: where servers are left out, a backend says how many
    /// of all can be used, as HAProxy's does.
    #[must_use]
    pub fn shown<'a>(&self, row: &'a Row) -> Option<Cow<'a, Row>> {
        if !self.takes(row) {
            return None;
        }
        match row.active_backup {
            Some((active, backup))
                if row.kind == Some(Kind::Backend) && (self.up || self.no_maint) =>
            {
                let all: u32 = row.servers_by_state.iter().map(|(_, n)| n).sum();
                let status = format!("{} ({}/{all})", row.status, active + backup);
                Some(Cow::Owned(Row { status, ..row.clone() }))
            }
            _ => Some(Cow::Borrowed(row)),
        }
    }

    /// Whether a row is wanted.
    #[must_use]
    pub fn takes(&self, row: &Row) -> bool {
        let kind_bit = match row.kind {
            Some(Kind::Frontend) => 1,
            Some(Kind::Backend) => 2,
            Some(Kind::Server) | None => 4,
            Some(Kind::Listener) => 8,
        };
        let maint = row.server.as_ref().is_some_and(|s| s.admin.is_maint());
        let down = row.server.is_some() && row.status.starts_with("DOWN");
        self.proxy_id.is_none_or(|id| id == row.proxy_id)
            && self.proxy.as_ref().is_none_or(|name| *name == row.proxy)
            && self.proxy_part.as_ref().is_none_or(|part| row.proxy.contains(part))
            && self.scope.as_ref().is_none_or(|names| names.contains(&row.proxy))
            && (self.kinds == 0 || self.kinds & kind_bit != 0)
            && self.server_id.is_none_or(|id| row.server.is_none() || id == row.server_id)
            && !(self.no_maint && maint)
            && !(self.up && (down || maint))
    }
}
