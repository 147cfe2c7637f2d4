//! Runs one case with one program and writes down all that could be seen.

use super::case::Case;
use super::normalise::{log_line, notice, places};
use super::steps::Steps;
use super::world::World;
use crate::binaries::Binary;
use crate::process::Signal;
use std::time::Duration;

/// How long a program may take to stop after its clients have gone.
const STOP: Duration = Duration::from_secs(10);

/// The transcript of a case: client side, servers, log.
pub fn run(case: &Case, binary: &Binary) -> Result<Vec<String>, String> {
    let mut world = World::start(case, binary)?;
    let mut steps = Steps::new(&mut world);
    for (at, step) in case.steps.iter().enumerate() {
        steps.step(at + 1, step).map_err(|e| format!("step {step:?}: {e}"))?;
    }
    let mut lines = steps.finish();
    world.process.signal(Signal::USR1);
    if world.process.wait(STOP).is_none() {
        lines.push("the program is still running after SIGUSR1".into());
    }
    lines.extend(server_lines(case, &world));
    lines.extend(log_lines(case, &world));
    if case.compare_notices {
        lines.extend(world.process.stderr().lines().filter_map(|l| notice(case, l)));
    }
    let name = |line: String| places(&line, &world.port_names, &world.dir.path);
    let mut lines: Vec<String> = lines.into_iter().map(name).collect();
    lines.retain(|line| !case.ignored.iter().any(|pattern| pattern.is_match(line)));
    for mask in &case.masks {
        for line in &mut lines {
            *line = mask.replace_all(line, "<masked>").into_owned();
        }
    }
    let log_start = lines.iter().position(|line| line.starts_with("log ")).unwrap_or(lines.len());
    lines[log_start..].sort();
    Ok(lines)
}

fn server_lines(case: &Case, world: &World) -> Vec<String> {
    let mut out = Vec::new();
    for (name, server) in &world.servers {
        if let Some(check) = server.check_request() {
            out.push(format!("{name} check {check}"));
        }
        for (connection, line) in server.records() {
            out.push(if case.compare_connections {
                format!("{name}#{connection} {line}")
            } else {
                format!("{name} {line}")
            });
        }
    }
    out
}

fn log_lines(case: &Case, world: &World) -> Vec<String> {
    let mut messages = world.log.messages();
    if case.config.contains("log stdout") {
        messages.extend(world.process.stdout().lines().map(str::to_owned));
    }
    if case.config.contains("log stderr") {
        messages.extend(world.process.stderr().lines().map(str::to_owned));
    }
    messages.iter().filter_map(|line| log_line(case, line)).map(|l| format!("log {l}")).collect()
}
