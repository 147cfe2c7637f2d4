//! `show servers conn`: the connections of each server (manual of management 9.3).

use std::fmt::Write;

use super::Row;

/// The servers of one backend, or of all; idle connections are not split by thread here, so each
/// of the `threads` columns but the first is zero.
#[must_use]
pub fn print(rows: &[Row], backend: Option<&str>, threads: u32) -> String {
    let mut out = format!(
        "# bkname/svname bkid/svid addr port - purge_delay used_cur used_max need_est unsafe_nb \
         safe_nb idle_lim idle_cur idle_per_thr[{threads}]\n"
    );
    for row in rows.iter().filter(|r| backend.is_none_or(|b| b == r.proxy)) {
        let Some(server) = &row.server else { continue };
        let limit = row.idle_limit.map_or(-1, i64::from);
        let idle = row.idle.unwrap_or(0);
        let address = if server.host.is_empty() { "-" } else { &server.host };
        let _ = write!(
            out,
            "{}/{} {}/{} {address} {} - {} {} {} {} 0 {idle} {limit} {idle}",
            row.proxy,
            row.service,
            row.proxy_id,
            row.server_id,
            server.port,
            server.purge_delay_ms,
            row.used.unwrap_or(0),
            row.sessions.1,
            row.needed.unwrap_or(0),
        );
        for thread in 0..threads {
            let _ = write!(out, " {}", if thread == 0 { idle } else { 0 });
        }
        out.push('\n');
    }
    out
}
