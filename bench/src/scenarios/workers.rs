//! Four workers on the same core against one: what sharing between workers costs.

use super::slices::{Subject, ratios};
use super::{Bench, Column, Measured, Row, Scenario, keep_alive};
use crate::figures::{Spread, spread};

pub(super) const WORKERS4: Scenario = Scenario {
    name: "workers4",
    about: "64 keep-alive connections, four workers on one core against one worker",
    run,
};

fn run(bench: &Bench) -> Measured {
    let both = |proxy| [Subject { proxy, workers: 1 }, Subject { proxy, workers: 4 }];
    let subjects: Vec<Subject<'_>> = bench.proxies.iter().flat_map(both).collect();
    let samples = keep_alive::slices(64).measure(bench, &subjects)?;
    let mut rows = Vec::new();
    for (proxy, pair) in bench.proxies.iter().zip(samples.chunks_exact(2)) {
        let [one, four] = pair else { continue };
        let cost = |list: &Vec<super::slices::Sample>| -> Spread {
            spread(&list.iter().map(|sample| sample.cost).collect::<Vec<f64>>())
        };
        let figures = vec![Some(ratios(four, one)), Some(cost(one)), Some(cost(four))];
        rows.push(Row { name: proxy.name.clone(), figures });
    }
    let columns = vec![
        Column::spread("four / one", 3),
        Column::spread("one: us/request", 2),
        Column::spread("four: us/request", 2),
    ];
    Ok((columns, rows))
}
