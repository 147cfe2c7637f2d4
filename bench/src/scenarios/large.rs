//! A thousand backends of ten servers: start, memory, and a reload that changes one server.

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use super::{
    Bench, Column, Measured, Row, SERVERS, SMALL_BODY, Scenario, first_answer, rest, rest_until,
};
use crate::account::resident_bytes;
use crate::figures::{Spread, spread};
use crate::proxies::{Kind, Proxy, Running, haproxy_cfg, nginx_conf};
use crate::spin::Spin;

/// Backends, and servers in each.
const SIZE: (usize, usize) = (1000, 10);
/// Reloads measured in each process.
const RELOADS: usize = 3;
/// How long a reload may take until it is seen, and until the old process has gone.
const RELOAD_MAX: Duration = Duration::from_secs(20);
/// Work that goes on after the change is seen still counts.
const AFTERWARDS: Duration = Duration::from_millis(500);

pub(super) const LARGE: Scenario = Scenario {
    name: "large",
    about: "1,000 backends of 10 servers: start, then reloads that change one server",
    run,
};

fn run(bench: &Bench) -> Measured {
    let mut rows: Vec<Row> = Vec::new();
    let mut lists = vec![Vec::new(); bench.proxies.len()];
    for _ in 0..bench.rounds.div_ceil(3) {
        for (proxy, list) in bench.proxies.iter().zip(&mut lists) {
            list.extend(once(bench, proxy).map_err(|what| format!("{}: {what}", proxy.name))?);
        }
    }
    for (proxy, list) in bench.proxies.iter().zip(&lists) {
        let columns = 0..list.first().map_or(0, |sample: &Vec<f64>| sample.len());
        let column = |index| {
            let figures = list.iter().filter_map(|sample| sample.get(index).copied());
            Some(spread(&figures.collect::<Vec<f64>>()))
        };
        let figures: Vec<Option<Spread>> = columns.map(column).collect();
        rows.push(Row { name: proxy.name.clone(), figures });
    }
    let columns = vec![
        Column::plain("start ms", 0),
        Column::plain("start CPU ms", 0),
        Column::plain("resident MB", 1),
        Column::spread("reload CPU ms", 0),
        Column::plain("reload seen ms", 0),
        Column::plain("peak MB", 1),
        Column::plain("MB afterwards", 1),
    ];
    Ok((columns, rows))
}

/// One process: a list of figures, in the order of the columns, for each of its reloads.
fn once(bench: &Bench, proxy: &Proxy) -> Result<Vec<Vec<f64>>, String> {
    let mut spin = Spin::new(SERVERS, SMALL_BODY).map_err(|error| error.to_string())?;
    let servers = spin.addresses();
    let text = |bind, probe: usize, directory: &Path| {
        let probe = servers.get(probe).copied().unwrap_or(bind);
        configuration(proxy.kind, bind, &servers, probe, directory)
    };
    let start = |bind, _, directory: &Path| text(bind, 0, directory);
    let mut running =
        Running::start(proxy, bench.proxy_cpu, start).map_err(|error| error.to_string())?;
    let (started, reading) = first_answer(&mut running, &mut spin, "app999.test")?;
    let start_cpu = reading.since(&crate::account::Reading::of(&[])).total;
    rest(&mut spin, AFTERWARDS)?;
    let resident = resident(&running)?;
    let mut samples = Vec::new();
    for number in 1..=RELOADS {
        let wanted = number % 2;
        let new = text(running.address, wanted, running.directory());
        let reload = reload(&mut running, &mut spin, &new, wanted)?;
        let start = [started.as_secs_f64() * 1e3, start_cpu.as_secs_f64() * 1e3, resident];
        samples.push([start.as_slice(), reload.as_slice()].concat());
    }
    Ok(samples)
}

fn configuration(
    kind: Kind,
    bind: SocketAddr,
    servers: &[SocketAddr],
    probe: SocketAddr,
    directory: &Path,
) -> String {
    match kind {
        Kind::Nginx => nginx_conf::large(bind, servers, SIZE, probe, directory),
        Kind::Haproxy | Kind::Evenkeel => haproxy_cfg::large(bind, servers, SIZE, probe),
    }
}

/// CPU ms, ms until server `wanted` answers for `probe.test`, peak MB, MB afterwards.
fn reload(
    running: &mut Running,
    spin: &mut Spin,
    text: &str,
    wanted: usize,
) -> Result<[f64; 4], String> {
    let before = running.reading();
    let mut last = before.clone();
    let mut peak = 0.0_f64;
    let start = Instant::now();
    running.reload(text).map_err(|error| error.to_string())?;
    let mut sample = |running: &Running| {
        last.update(running.reading());
        peak = peak.max(resident(running).unwrap_or_default());
    };
    while spin.probe(running.address, "probe.test") != Ok(wanted) {
        sample(running);
        if start.elapsed() > RELOAD_MAX {
            return Err(format!("the reload is not seen:\n{}", running.output()));
        }
        rest(spin, Duration::from_millis(5))?;
    }
    let seen = start.elapsed();
    let gone = rest_until(spin, RELOAD_MAX, || {
        sample(running);
        running.settled()
    })?;
    if !gone {
        return Err("the old process does not end".into());
    }
    rest(spin, AFTERWARDS)?;
    sample(running);
    let cpu = last.since(&before).total;
    Ok([cpu.as_secs_f64() * 1e3, seen.as_secs_f64() * 1e3, peak, resident(running)?])
}

fn resident(running: &Running) -> Result<f64, String> {
    let bytes = resident_bytes(&running.processes()).map_err(|error| error.to_string())?;
    Ok(bytes as f64 / 1e6)
}
