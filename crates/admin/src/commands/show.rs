//! Commands that show the process and its statistics.

use std::fmt::Write;

use super::{Args, Command, Run};
use crate::ports::{House, Level, ProcessFacts};
use crate::stats::csv;

pub(super) const COMMANDS: &[Command] = &[
    Command {
        words: &["show", "env"],
        args: "[<name>]",
        help: "variables of the environment",
        level: Level::Operator,
        run: Run::Now(environment),
    },
    Command {
        words: &["show", "info"],
        args: "",
        help: "figures of the process",
        level: Level::User,
        run: Run::Now(|house, _| info(&house.process())),
    },
    Command {
        words: &["show", "startup-logs"],
        args: "",
        help: "what was said at the start, and what is wrong since",
        level: Level::User,
        run: Run::Now(|house, _| house.startup_logs()),
    },
    Command {
        words: &["show", "stat"],
        args: "[no-maint|up] [<proxy id> <kinds> <server id>]",
        help: "statistics of every proxy and server as CSV",
        level: Level::User,
        run: Run::Now(stat),
    },
    Command {
        words: &["show", "version"],
        args: "",
        help: "version whose interface this is",
        level: Level::User,
        run: Run::Now(|house, _| house.process().haproxy_version + "\n"),
    },
];

fn environment(house: &dyn House, args: Args<'_>) -> String {
    let all = house.environment();
    match args.first() {
        Some(name) => match all.iter().find(|(n, _)| n == name) {
            Some((n, v)) => format!("{n}={v}\n"),
            None => "Variable not found\n".to_owned(),
        },
        None => all.iter().fold(String::new(), |out, (n, v)| out + n + "=" + v + "\n"),
    }
}

fn info(p: &ProcessFacts) -> String {
    let mut out = String::with_capacity(1024);
    let up = p.uptime.as_secs();
    let (days, hours, minutes, seconds) = (up / 86400, up / 3600 % 24, up / 60 % 60, up % 60);
    let mut line = |name: &str, value: &dyn std::fmt::Display| {
        let _ = writeln!(out, "{name}: {value}");
    };
    line("Name", &"HAProxy");
    line("Version", &p.haproxy_version);
    line("Nbthread", &p.threads);
    line("Nbproc", &1);
    line("Process_num", &1);
    line("Pid", &p.pid);
    line("Uptime", &format_args!("{days}d {hours}h{minutes:02}m{seconds:02}s"));
    line("Uptime_sec", &up);
    line("Ulimit-n", &p.descriptors_max);
    line("Maxsock", &p.descriptors_max);
    line("Maxconn", &p.connections_max);
    line("Hard_maxconn", &p.connections_max);
    line("CurrConns", &p.connections);
    line("CumConns", &p.connections_total);
    line("CumReq", &p.requests_total);
    line("ConnRate", &p.connection_rate);
    line("ConnRateLimit", &0);
    line("MaxConnRate", &p.connection_rate_max);
    line("SessRate", &p.connection_rate);
    line("SessRateLimit", &0);
    line("MaxSessRate", &p.connection_rate_max);
    line("node", &p.node);
    if !p.description.is_empty() {
        line("description", &p.description);
    }
    line("Stopping", &u8::from(p.stopping));
    line("Listeners", &p.listeners);
    line("Start_time_sec", &p.started_s);
    line("BootTime_ms", &p.boot_ms);
    line("Evenkeel_version", &p.version);
    line("Generation", &p.generation);
    line("Config_changes_applied", &p.reloads_applied);
    line("Config_changes_refused", &p.reloads_refused);
    line("Config_last_reload_success", &u8::from(p.config_ok));
    out
}

fn stat(house: &dyn House, args: Args<'_>) -> String {
    let mut filter = csv::Filter::default();
    let mut numbers = Vec::new();
    for arg in args {
        match *arg {
            "no-maint" => filter.no_maint = true,
            "up" => filter.up = true,
            number => match number.parse::<i64>() {
                Ok(n) => numbers.push(n),
                Err(_) => return format!("'{number}' is not understood; try 'help show stat'.\n"),
            },
        }
    }
    // -1 stands for all, in each of the three places.
    let id = |at: usize| numbers.get(at).and_then(|n| u32::try_from(*n).ok());
    filter.proxy_id = id(0);
    filter.kinds = id(1).map_or(0, |k| k & 7);
    filter.server_id = id(2);
    csv::print(&house.rows(), &filter)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn the_uptime_is_split_into_its_parts() {
        let facts = ProcessFacts { uptime: Duration::from_secs(90_061), ..ProcessFacts::default() };
        let text = info(&facts);
        assert!(text.contains("\nUptime: 1d 1h01m01s\nUptime_sec: 90061\n"), "{text}");
        assert!(text.starts_with("Name: HAProxy\nVersion: "), "{text}");
    }
}
