//! What is asked for on the command line, and which proxies are there when nothing is said.

use std::path::PathBuf;
use std::time::Duration;

use bench::perf::How;
use bench::proxies::{Features, Proxy};
use bench::scenarios::{ALL, Bench, Scenario};

pub(crate) const HELP: &str = "\
evenkeel-bench: evenkeel, HAProxy and nginx side by side

  evenkeel-bench all                  every scenario
  evenkeel-bench SCENARIO...          ka64 ka512 close close-reuse bulk idle large workers4
  evenkeel-bench perf [callgrind|sample]
                                      where the proxy spends its user time, with ka64

  --proxy [NAME=]KIND:PATH   a proxy under test, may be repeated; KIND is haproxy, evenkeel or
                             nginx. Without it: $HAPROXY_REFERENCE, haproxy and nginx of the
                             system, and evenkeel beside this binary, as far as they are there
  --rounds N                 rounds of slices (9)
  --slice-ms N               measured part of a slice (1000)
  --load-cpu N, --proxy-cpu N
                             CPUs of clients and servers (0) and of the proxy (1)
  --without WHAT             leave out forwardfor, check or stats; may be repeated
  --requests N               perf: requests counted under callgrind (20000)
  --keep DIR                 perf: leave callgrind's own files there
  --here                     measure in this network namespace, not in one of its own
  --save                     keep the run in bench/runs/ of the current directory
";

/// What to do.
pub(crate) enum Action {
    Help,
    Scenarios(Vec<Scenario>),
    Perf(How),
}

/// The whole command line.
pub(crate) struct Options {
    pub(crate) action: Action,
    pub(crate) bench: Bench,
    pub(crate) save: bool,
    /// Whether to measure in a network namespace of its own.
    pub(crate) namespace: bool,
}

impl Options {
    pub(crate) fn from(arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut words = Vec::new();
        let (mut requests, mut keep, mut save, mut here) = (20_000, None, false, false);
        let mut bench = Bench {
            proxies: Vec::new(),
            load_cpu: 0,
            proxy_cpu: 1,
            rounds: 9,
            slice: Duration::from_secs(1),
            features: Features::default(),
        };
        let mut arguments = arguments;
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
            match argument.as_str() {
                "--proxy" => bench.proxies.push(Proxy::parse(&value()?)?),
                "--rounds" => bench.rounds = number(&value()?)?.max(1),
                "--slice-ms" => bench.slice = Duration::from_millis(number(&value()?)? as u64),
                "--load-cpu" => bench.load_cpu = number(&value()?)?,
                "--proxy-cpu" => bench.proxy_cpu = number(&value()?)?,
                "--requests" => requests = number(&value()?)?.max(1) as u64,
                "--without" => leave_out(&mut bench.features, &value()?)?,
                "--keep" => keep = Some(PathBuf::from(value()?)),
                "--save" => save = true,
                "--here" => here = true,
                "--help" | "-h" => words.push("help".to_owned()),
                flag if flag.starts_with('-') => return Err(format!("no option {flag}")),
                word => words.push(word.to_owned()),
            }
        }
        let action = action(&words, requests, keep)?;
        let helps = matches!(action, Action::Help);
        if bench.proxies.is_empty() && !helps {
            bench.proxies = found();
        }
        Ok(Self { action, bench, save, namespace: !here && !helps })
    }
}

fn action(words: &[String], requests: u64, keep: Option<PathBuf>) -> Result<Action, String> {
    match words.first().map(String::as_str) {
        None | Some("help") => Ok(Action::Help),
        Some("all") => Ok(Action::Scenarios(ALL.to_vec())),
        Some("perf") => match words.get(1).map(String::as_str) {
            None | Some("callgrind") => Ok(Action::Perf(How::Callgrind { requests, keep })),
            Some("sample") => Ok(Action::Perf(How::Sample)),
            Some(other) => Err(format!("no way to profile: {other} (callgrind, sample)")),
        },
        Some(_) => {
            let named = |word: &String| {
                let found = ALL.iter().find(|scenario| scenario.name == word);
                found.copied().ok_or_else(|| format!("no scenario {word}; see --help"))
            };
            Ok(Action::Scenarios(words.iter().map(named).collect::<Result<_, _>>()?))
        }
    }
}

fn leave_out(features: &mut Features, what: &str) -> Result<(), String> {
    match what {
        "forwardfor" => features.forwarded_for = false,
        "check" => features.checks = false,
        "stats" => features.statistics = false,
        _ => return Err(format!("cannot leave out {what} (forwardfor, check, stats)")),
    }
    Ok(())
}

fn number(text: &str) -> Result<usize, String> {
    text.parse().map_err(|_| format!("not a number: {text}"))
}

/// The proxies this machine has, the reference first.
fn found() -> Vec<Proxy> {
    let mut candidates = Vec::new();
    if let Ok(reference) = std::env::var("HAPROXY_REFERENCE") {
        candidates.push(format!("haproxy:{reference}"));
    }
    let beside = std::env::current_exe().ok().map(|path| path.with_file_name("evenkeel"));
    let evenkeel = std::env::var("EVENKEEL").map(PathBuf::from).ok().or(beside);
    candidates.extend(evenkeel.map(|path| format!("evenkeel:{}", path.display())));
    // Not everybody has /usr/sbin in PATH.
    candidates.push("haproxy:/usr/sbin/haproxy".to_owned());
    candidates.push("nginx:/usr/sbin/nginx".to_owned());
    let mut proxies = Vec::new();
    for candidate in candidates {
        match Proxy::parse(&candidate) {
            Ok(proxy) => proxies.push(proxy),
            Err(what) => eprintln!("left out: {what}"),
        }
    }
    proxies
}

#[cfg(test)]
mod tests {
    use super::{Action, Options};

    fn parse(line: &str) -> Result<Options, String> {
        Options::from(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn scenarios_and_figures() {
        let line = "ka64 bulk --rounds 3 --slice-ms 500 --without check --proxy x=nginx:/bin/true";
        let options = parse(line).expect("options");
        let Action::Scenarios(scenarios) = options.action else { panic!("not scenarios") };
        assert_eq!(scenarios.iter().map(|s| s.name).collect::<Vec<_>>(), ["ka64", "bulk"]);
        assert_eq!((options.bench.rounds, options.bench.slice.as_millis()), (3, 500));
        assert!(!options.bench.features.checks && options.bench.features.statistics);
    }

    #[test]
    fn mistakes_are_said() {
        for line in ["ka63", "all --rounds", "all --rounds x", "--fast", "perf strace"] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
