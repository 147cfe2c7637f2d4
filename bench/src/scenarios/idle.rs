//! Ten thousand client connections that have had one answer and wait: resident bytes of each.

use std::time::Duration;

use super::slices::Slices;
use super::without_errors;
use super::{Bench, Column, HOST, Measured, Row, SERVERS, SMALL_BODY, Scenario, keep_alive, rest};
use crate::account::resident_bytes;
use crate::figures::spread;
use crate::proxies::{Features, Proxy};
use crate::spin::{Load, Spin};

/// Idle connections; with the servers' side they fit into 20,000 descriptors.
const CONNECTIONS: usize = 10_000;
/// Opened at a time.
const BATCH: usize = 50;
/// Fresh processes measured for each proxy.
const REPEATS: usize = 3;

pub(super) const IDLE: Scenario = Scenario {
    name: "idle",
    about: "10,000 idle keep-alive connections that have had one answer",
    run,
};

fn run(bench: &Bench) -> Measured {
    let mut rows = Vec::new();
    for proxy in &bench.proxies {
        let (mut each, mut base) = (Vec::new(), Vec::new());
        for _ in 0..REPEATS {
            let (before, after) = once(bench, proxy).map_err(|w| format!("{}: {w}", proxy.name))?;
            each.push(after.saturating_sub(before) as f64 / CONNECTIONS as f64);
            base.push(before as f64 / 1e6);
        }
        let figures = vec![Some(spread(&each)), Some(spread(&base))];
        rows.push(Row { name: proxy.name.clone(), figures });
    }
    let columns =
        vec![Column::spread("resident bytes each", 0), Column::plain("resident MB before", 1)];
    Ok((columns, rows))
}

/// Resident bytes before and after.
fn once(bench: &Bench, proxy: &Proxy) -> Result<(u64, u64), String> {
    let io = |error: std::io::Error| error.to_string();
    let mut spin = Spin::new(SERVERS, SMALL_BODY).map_err(io)?;
    // With the default, each of the clients would leave a server connection behind as well.
    let features = Features { reuse_always: true, ..bench.features };
    let running = bench.start(proxy, features, &mut spin)?;
    let warm_up: Slices = keep_alive::slices(BATCH);
    spin.open(warm_up.load(running.address));
    spin.spin(Duration::from_millis(300)).map_err(io)?;
    spin.close().map_err(io)?;
    without_errors(spin.tally(), &running)?;
    rest(&mut spin, Duration::from_millis(300))?;
    let before = resident_bytes(&running.processes()).map_err(io)?;

    let load = Load::keep_alive(running.address, HOST, BATCH);
    spin.open(Load { requests_each: Some(1), ..load });
    for opened in (BATCH..=CONNECTIONS).step_by(BATCH) {
        spin.spin_until(opened as u64, Duration::from_secs(10)).map_err(io)?;
        if opened < CONNECTIONS {
            spin.add(BATCH);
        }
    }
    rest(&mut spin, Duration::from_secs(1))?;
    without_errors(spin.tally(), &running)?;
    if spin.tally().answers != CONNECTIONS as u64 {
        return Err(format!("{} answers on {CONNECTIONS} connections", spin.tally().answers));
    }
    let after = resident_bytes(&running.processes()).map_err(io)?;
    spin.close().map_err(io)?;
    Ok((before, after))
}
