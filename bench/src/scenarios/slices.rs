//! Interleaved slices: every proxy in turn for a second or two, round after round, so that a slow
//! minute of the machine hits all of them; only figures of the same round are divided.

use std::time::{Duration, Instant};

use super::{Bench, Column, HOST, Measured, Row, SERVERS, without_errors};
use crate::account::{CpuUse, Reading};
use crate::figures::{Spread, spread};
use crate::proxies::{Features, Proxy, Running};
use crate::spin::{Load, Spin};

/// Unmeasured start of a slice: connections are opened, pools filled.
const WARM_UP: Duration = Duration::from_millis(200);

/// What the cost of a slice is divided by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Per {
    /// Microseconds for each request.
    Request,
    /// Milliseconds for each GiB of bodies.
    Gibibyte,
}

/// The load of one scenario.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slices {
    pub(crate) connections: usize,
    pub(crate) close: bool,
    pub(crate) body_length: usize,
    pub(crate) reuse_always: bool,
    pub(crate) per: Per,
}

/// One proxy with a number of workers.
pub(super) struct Subject<'a> {
    pub(super) proxy: &'a Proxy,
    pub(super) workers: usize,
}

/// One slice of one subject.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample {
    /// In the unit of [`Per`].
    pub(super) cost: f64,
    cpu: CpuUse,
    per_second: f64,
    p50: Duration,
    p99: Duration,
}

impl Slices {
    /// Measures every proxy of `bench` with one worker and makes the table.
    pub(super) fn table(self, bench: &Bench) -> Measured {
        let subject = |proxy| Subject { proxy, workers: bench.features.workers };
        let subjects: Vec<Subject<'_>> = bench.proxies.iter().map(subject).collect();
        let samples = self.measure(bench, &subjects)?;
        let reference = bench.reference().and_then(|place| samples.get(place));
        let row = |(subject, mine): (&Subject<'_>, &Vec<Sample>)| Row {
            name: subject.proxy.name.clone(),
            figures: figures(mine, reference),
        };
        Ok((self.columns(), subjects.iter().zip(&samples).map(row).collect()))
    }

    fn columns(self) -> Vec<Column> {
        let (total, user, system, rate) = match self.per {
            Per::Request => ("us/request", "user us", "system us", "requests/s"),
            Per::Gibibyte => ("ms/GiB", "user ms", "system ms", "GiB/s"),
        };
        let digits = if self.per == Per::Request { 2 } else { 0 };
        vec![
            Column::spread("ratio", 3),
            Column::spread(total, digits),
            Column::plain(user, digits),
            Column::plain(system, digits),
            Column::plain(rate, 2 - digits),
            Column::plain("p50 us", 0),
            Column::plain("p99 us", 0),
        ]
    }

    /// One list of samples for each subject, one sample for each round.
    pub(super) fn measure(
        self,
        bench: &Bench,
        subjects: &[Subject<'_>],
    ) -> Result<Vec<Vec<Sample>>, String> {
        let mut spin = Spin::new(SERVERS, self.body_length).map_err(|e| e.to_string())?;
        let mut running = Vec::new();
        for subject in subjects {
            let features = Features {
                workers: subject.workers,
                reuse_always: self.reuse_always,
                ..bench.features
            };
            running.push(bench.start(subject.proxy, features, &mut spin)?);
        }
        let mut samples = vec![Vec::new(); subjects.len()];
        for round in 0..bench.rounds {
            for turn in 0..subjects.len() {
                // Each round begins with another one: nobody always follows the same neighbour.
                let place = (turn + round) % subjects.len();
                let (Some(subject), Some(proxy), Some(list)) =
                    (subjects.get(place), running.get(place), samples.get_mut(place))
                else {
                    continue;
                };
                let sample = self.slice(&mut spin, proxy, bench.slice);
                list.push(sample.map_err(|what| format!("{}: {what}", subject.proxy.name))?);
            }
        }
        if bench.features.forwarded_for && spin.without_forwarded_for() > 0 {
            let count = spin.without_forwarded_for();
            return Err(format!("{count} requests came without X-Forwarded-For"));
        }
        Ok(samples)
    }

    pub(crate) fn load(self, target: std::net::SocketAddr) -> Load {
        let load = if self.close { Load::close } else { Load::keep_alive };
        load(target, HOST, self.connections)
    }

    fn slice(self, spin: &mut Spin, proxy: &Running, length: Duration) -> Result<Sample, String> {
        let io = |error: std::io::Error| error.to_string();
        let pids = proxy.processes();
        spin.open(self.load(proxy.address));
        spin.spin(WARM_UP).map_err(io)?;
        without_errors(&spin.take_tally(), proxy)?;
        let (before, start) = (Reading::of(&pids), Instant::now());
        spin.spin(length).map_err(io)?;
        let (cpu, elapsed) = (Reading::of(&pids).since(&before), start.elapsed());
        let tally = spin.take_tally();
        without_errors(&tally, proxy)?;
        spin.close().map_err(io)?;
        without_errors(spin.tally(), proxy)?;
        if tally.answers == 0 {
            return Err("no answers".into());
        }
        let (scale, units) = match self.per {
            Per::Request => (1e6, tally.answers as f64),
            Per::Gibibyte => (1e3, tally.body_bytes as f64 / f64::from(1 << 30)),
        };
        Ok(Sample {
            cost: cpu.total.as_secs_f64() * scale / units,
            cpu,
            per_second: units / elapsed.as_secs_f64(),
            p50: tally.latencies.quantile(0.5),
            p99: tally.latencies.quantile(0.99),
        })
    }
}

/// Ratios of the costs of the same round.
pub(super) fn ratios(mine: &[Sample], reference: &[Sample]) -> Spread {
    let pairs = mine.iter().zip(reference);
    spread(&pairs.map(|(mine, theirs)| mine.cost / theirs.cost).collect::<Vec<f64>>())
}

fn figures(mine: &[Sample], reference: Option<&Vec<Sample>>) -> Vec<Option<Spread>> {
    let of = |figure: fn(&Sample) -> f64| spread(&mine.iter().map(figure).collect::<Vec<f64>>());
    let cost = of(|sample| sample.cost);
    let user = user_share(mine);
    let scaled = |share: f64| Spread {
        low: cost.low * share,
        median: cost.median * share,
        high: cost.high * share,
    };
    vec![
        reference.map(|reference| ratios(mine, reference)),
        Some(cost),
        Some(scaled(user)),
        Some(scaled(1.0 - user)),
        Some(of(|sample| sample.per_second)),
        Some(of(|sample| sample.p50.as_secs_f64() * 1e6)),
        Some(of(|sample| sample.p99.as_secs_f64() * 1e6)),
    ]
}

/// Share of user time. The kernel books it by sampling at its clock tick, so only the sum over all
/// slices of a proxy is fine enough to use.
fn user_share(samples: &[Sample]) -> f64 {
    let user: u64 = samples.iter().map(|sample| sample.cpu.user_ticks).sum();
    let system: u64 = samples.iter().map(|sample| sample.cpu.system_ticks).sum();
    user as f64 / (user + system).max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::{CpuUse, Sample, ratios, user_share};
    use std::time::Duration;

    fn sample(cost: f64, user_ticks: u64, system_ticks: u64) -> Sample {
        let cpu = CpuUse { total: Duration::ZERO, user_ticks, system_ticks };
        Sample { cost, cpu, per_second: 1.0, p50: Duration::ZERO, p99: Duration::ZERO }
    }

    #[test]
    fn ratios_are_taken_round_by_round() {
        // A machine twice as slow in the second round changes no ratio.
        let mine = [sample(7.0, 1, 2), sample(14.0, 0, 3)];
        let theirs = [sample(10.0, 0, 0), sample(20.0, 0, 0)];
        assert!((ratios(&mine, &theirs).median - 0.7).abs() < 1e-9);
        assert!((user_share(&mine) - 1.0 / 6.0).abs() < 1e-9);
    }
}
