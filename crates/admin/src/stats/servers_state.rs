//! `show servers state`: what a state file holds (manual of management 9.3).

use std::fmt::Write;

use model::{AdminReason, Operational};

use super::Row;

const HEADER: &str = "1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state \
srv_uweight srv_iweight srv_time_since_last_change srv_check_status srv_check_result \
srv_check_health srv_check_state srv_agent_state bk_f_forced_id srv_f_forced_id srv_fqdn srv_port \
srvrecord srv_use_ssl srv_check_port srv_check_addr srv_agent_addr srv_agent_port\n";

/// Result of the last check: passed, failed, none yet.
const RESULT_NONE: u8 = 0;
const RESULT_NEUTRAL: u8 = 1;
const RESULT_FAILED: u8 = 2;
const RESULT_PASSED: u8 = 3;

/// What the number of a check's state consists of.
const CHECK_CONFIGURED: u8 = 2;
const CHECK_ENABLED: u8 = 4;
const CHECK_PAUSED: u8 = 8;
/// An agent's is told from a check's.
const AGENT: u8 = 16;

/// Standing of a server that is not checked.
const HEALTH_UNCHECKED: u32 = 2;

/// The servers of one backend, or of all.
#[must_use]
pub fn print(rows: &[Row], backend: Option<&str>) -> String {
    let mut out = HEADER.to_owned();
    for row in rows.iter().filter(|r| backend.is_none_or(|b| b == r.proxy)) {
        let Some(server) = &row.server else { continue };
        let (status, result, health, state) = match &server.check {
            None => {
                let paused = if server.disabled { CHECK_PAUSED } else { 0 };
                (1, RESULT_NONE, HEALTH_UNCHECKED, paused)
            }
            Some(c) => {
                let (number, result) = match &*c.status {
                    "" => (1, RESULT_NEUTRAL),
                    status if status.ends_with("OK") => {
                        (check_status_number(status), RESULT_PASSED)
                    }
                    status => (check_status_number(status), RESULT_FAILED),
                };
                let enabled = if c.paused { 0 } else { CHECK_ENABLED };
                (number, result, c.health, CHECK_CONFIGURED | enabled)
            }
        };
        // In maintenance nothing is checked and a server counts as stopped.
        let maint = server.admin.is_maint();
        // Without a check there is one to pause only where the file says `disabled`.
        let pauses = server.check.is_some() || server.admin.has(AdminReason::ConfigMaint);
        let paused = if pauses { CHECK_PAUSED } else { 0 };
        let (health, state) = if maint { (0, state | paused) } else { (health, state) };
        let agent = server.agent.as_ref().map_or(0, |agent| {
            let enabled = if agent.paused { 0 } else { CHECK_ENABLED };
            AGENT | CHECK_CONFIGURED | enabled | if maint { CHECK_PAUSED } else { 0 }
        });
        let operational = if maint { Operational::Down } else { server.operational };
        let _ = writeln!(
            out,
            "{} {} {} {} {} {} {} {} {} {} {status} {result} {health} {state} {agent} 0 0 {} {} \
             - 0 {} {} {} {}",
            row.proxy_id,
            row.proxy,
            row.server_id,
            row.service,
            if server.host.is_empty() { "-" } else { &server.host },
            operational as u8,
            server.admin_bits(),
            server.weight,
            server.initial_weight,
            row.last_change_s.unwrap_or(0),
            server.fqdn.as_deref().unwrap_or("-"),
            server.port,
            server.check.as_ref().map_or(0, |c| c.port),
            server.check.as_ref().and_then(|c| c.address.as_deref()).unwrap_or("-"),
            server.agent.as_ref().and_then(|a| a.address.as_deref()).unwrap_or("-"),
            server.agent.as_ref().map_or(0, |a| a.port),
        );
    }
    out
}

/// HAProxy's number of a check status, in the order its manual lists them (9.1, field 36).
fn check_status_number(status: &str) -> u8 {
    match status {
        "L4OK" => 6,
        "L4TOUT" => 7,
        "L4CON" => 8,
        "L6OK" => 9,
        "L6TOUT" => 10,
        "L6RSP" => 11,
        "L7TOUT" => 12,
        "L7RSP" => 13,
        "L7OK" => 15,
        "L7OKC" => 16,
        "L7STS" => 17,
        "SOCKERR" => 5,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::tests::facts;

    #[test]
    fn a_line_has_the_fields_of_its_header() {
        let row = Row {
            proxy: "b".to_owned(),
            service: "s".to_owned(),
            proxy_id: 3,
            server_id: 1,
            server: Some(facts()),
            ..Row::default()
        };
        let text = print(std::slice::from_ref(&row), None);
        let lines: Vec<&str> = text.lines().collect();
        let fields = |line: &str| line.split(' ').count();
        assert_eq!(fields(lines[1]) - 1, fields(lines[2]), "{text}");
        assert!(lines[2].starts_with("3 b 1 s 127.0.0.1 2 0 1 1 0 "), "{text}");
        assert_eq!(print(&[row], Some("other")).lines().count(), 2);
    }
}
