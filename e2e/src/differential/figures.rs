//! What the statistics of both programs say after the same steps, figure by figure.

use super::case::Case;
use super::steps::Steps;
use super::world::World;
use crate::binaries::Binary;
use crate::client::command;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

/// How long sessions may take to end after the last step.
const QUIET: Duration = Duration::from_secs(4);
const QUIET_PAUSE: Duration = Duration::from_millis(20);
/// What still moves when the last session has ended.
const SETTLE: Duration = Duration::from_millis(60);

/// The answers of one program, before they are compared.
pub struct Figures {
    /// `show stat`: the header line.
    pub columns: String,
    /// `show stat`: by `proxy/service`, the value of each column.
    pub rows: BTreeMap<String, BTreeMap<String, String>>,
    /// `show info`: names and values in order.
    pub process: Vec<(String, String)>,
}

/// The figures that are not compared.
pub struct Ignored<'a> {
    /// Columns of `show stat`.
    pub columns: &'a [&'a str],
    /// Columns that count bytes of messages, which are compared in mode tcp alone.
    pub bytes: &'a [&'a str],
    /// Figures of `show info`.
    pub process: &'a [&'a str],
}

/// The case with a control socket, whatever it has itself.
fn with_socket(case: &Case) -> String {
    const SOCKET: &str = "    stats socket <dir>/admin.sock level admin\n    maxconn 2000\n";
    if case.config.contains("stats socket <dir>/admin.sock") {
        return case.config.clone();
    }
    match case.config.find("global\n") {
        Some(at) => {
            let (before, after) = case.config.split_at(at + "global\n".len());
            format!("{before}{SOCKET}{after}")
        }
        None => format!("global\n{SOCKET}{}", case.config),
    }
}

/// Runs a case with one program and asks for its figures when all sessions have ended.
pub fn gather(case: &Case, binary: &Binary) -> Result<Figures, String> {
    let with_socket = Case { config: with_socket(case), ..case.clone() };
    let case = &with_socket;
    let mut world = World::start(case, binary)?;
    let mut steps = Steps::new(&mut world);
    for step in &case.steps {
        steps.step(0, step).map_err(|e| format!("step {step:?}: {e}"))?;
    }
    steps.finish();
    let socket = world.dir.path.join("admin.sock");
    let deadline = Instant::now() + QUIET;
    // The control socket may come after the listeners.
    while !socket.exists() && Instant::now() < deadline {
        std::thread::sleep(QUIET_PAUSE);
    }
    while busy(&table(&ask(&socket, "show stat")?).1) && Instant::now() < deadline {
        std::thread::sleep(QUIET_PAUSE);
    }
    std::thread::sleep(SETTLE);
    let (columns, rows) = table(&ask(&socket, "show stat")?);
    let info = ask(&socket, "show info")?;
    let pairs = info.lines().filter_map(|line| line.split_once(": "));
    let process = pairs.map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
    Ok(Figures { columns, rows, process })
}

fn ask(socket: &Path, text: &str) -> Result<String, String> {
    command(socket, text).map_err(|e| format!("{text}: {e}"))
}

fn busy(rows: &BTreeMap<String, BTreeMap<String, String>>) -> bool {
    rows.values().any(|row| {
        ["scur", "qcur"].iter().any(|name| !matches!(row.get(*name).map(|v| &**v), Some("0" | "")))
    })
}

/// The header and the rows of `show stat`.
fn table(answer: &str) -> (String, BTreeMap<String, BTreeMap<String, String>>) {
    let mut lines = answer.lines().filter(|l| !l.is_empty());
    let header = lines.next().unwrap_or_default().to_owned();
    let names: Vec<&str> = header.trim_start_matches("# ").split(',').collect();
    let rows = lines.map(|line| {
        let values = fields(line);
        let row = names.iter().zip(&values).map(|(n, v)| ((*n).to_owned(), v.clone()));
        (values.iter().take(2).cloned().collect::<Vec<_>>().join("/"), row.collect())
    });
    let rows = rows.collect();
    (header, rows)
}

/// The fields of a line, quotes taken off.
fn fields(line: &str) -> Vec<String> {
    let (mut out, mut quoted) = (vec![String::new()], false);
    for c in line.chars() {
        match c {
            '"' => quoted = !quoted,
            ',' if !quoted => out.push(String::new()),
            c => out.last_mut().into_iter().for_each(|field| field.push(c)),
        }
    }
    out
}

/// The figures that differ, a line each; the left ones are the reference's.
#[must_use]
pub fn differences(left: &Figures, right: &Figures, ignored: &Ignored<'_>) -> Vec<String> {
    let mut out = Vec::new();
    if left.columns != right.columns {
        out.push(format!("columns: {}, not {}", right.columns, left.columns));
    }
    if !left.rows.keys().eq(right.rows.keys()) {
        out.push(format!("rows: {:?}, not {:?}", right.rows.keys(), left.rows.keys()));
    }
    for (name, row) in &left.rows {
        let http = row.get("mode").is_some_and(|mode| mode == "http");
        for (column, value) in row {
            if ignored.columns.contains(&&**column)
                || http && ignored.bytes.contains(&&**column)
                || column.is_empty()
            {
                continue;
            }
            let ours = right.rows.get(name).and_then(|row| row.get(column));
            // A check that runs at this moment has a mark before its last outcome.
            let settled = |v: &str| v.trim_start_matches("* ").to_owned();
            if ours.map(|v| settled(v)) != Some(settled(value)) {
                let ours = ours.map_or("nothing", |v| v);
                out.push(format!("{name} {column}: {ours:?}, not {value:?}"));
            }
        }
    }
    let names = |f: &Figures| f.process.iter().map(|(n, _)| n.clone()).collect::<Vec<_>>();
    if names(left) != names(right) {
        out.push(format!("show info: {:?}, not {:?}", names(right), names(left)));
    }
    for ((name, value), (_, ours)) in left.process.iter().zip(&right.process) {
        if value != ours && !ignored.process.contains(&&**name) {
            out.push(format!("show info {name}: {ours:?}, not {value:?}"));
        }
    }
    out
}
