//! Command line of the side-by-side benchmark.

mod namespace;
mod options;
mod with_containers;

use std::path::Path;
use std::process::ExitCode;

use bench::report::{Machine, Run};
use options::{Action, Options};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(what) => {
            eprintln!("evenkeel-bench: {what}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), String> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let Some(done) = with_containers::run(&words) {
        return done;
    }
    let options = Options::from(words.into_iter())?;
    let Options { action, bench, save, namespace } = options;
    if namespace && let Err(why) = namespace::enter() {
        eprintln!("{why}");
    }
    raise_descriptor_limit()?;
    bench::proxies::pin(bench.load_cpu).map_err(|error| format!("CPU of the load: {error}"))?;
    let scenarios = match action {
        Action::Help => {
            print!("{}{}", options::HELP, with_containers::HELP);
            return Ok(());
        }
        Action::Perf(how) => return bench::perf::run(&bench, &how),
        Action::Scenarios(scenarios) => scenarios,
    };
    let mut run = Run { machine: Machine::here(), bench: &bench, tables: Vec::new() };
    for scenario in scenarios {
        eprintln!("{}: {}", scenario.name, scenario.about);
        run.tables.push(scenario.run(&bench)?);
    }
    print!("{}", run.text());
    if save {
        let directory = run.save(Path::new("bench/runs")).map_err(|error| error.to_string())?;
        eprintln!("saved in {}", directory.display());
    }
    Ok(())
}

/// Ten thousand idle connections need more descriptors than a shell usually gives.
fn raise_descriptor_limit() -> Result<(), String> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: maximum, maximum };
    setrlimit(Resource::Nofile, raised).map_err(|error| error.to_string())
}
