//! Every column of `show stat` and every figure of `show info` after the steps of every case, for
//! Evenkeel and for HAProxy.

use e2e::binaries::{self, Binary};
use e2e::differential::{case, figures};
use libtest_mimic::{Arguments, Failed, Trial};
use std::path::Path;
use std::sync::Arc;

/// Cases mostly wait, so more of them run at a time than there are processors.
const THREADS: usize = 8;

/// Not compared: what is about time, numbers of proxies, addresses, and what is estimated.
const COLUMNS: &str = "iid lastchg lastsess downtime qtime ctime rtime ttime qtime_max ctime_max \
                       rtime_max ttime_max rate rate_max req_rate req_rate_max conn_rate \
                       conn_rate_max smax qmax check_duration agent_duration addr cookie \
                       need_conn_est";

/// Columns where bytes of messages count: HAProxy counts heads in a form of its own.
const BYTES: &str = "bin bout h1_bytes_in h1_bytes_out";

/// Figures of each process's own, and those that this question itself changes.
const PROCESS: &str = "Version;Release_date;Pid;Uptime;Uptime_sec;PoolAlloc_MB;PoolUsed_MB;\
                       Ulimit-n;Maxsock;Hard_maxconn;Maxpipes;Tasks;Run_queue;Idle_pct;node;\
                       Jobs;Listeners;Build info;PoolAlloc_bytes;PoolUsed_bytes;Start_time_sec;\
                       BootTime_ms;CurrConns;CumConns;CumReq;CurrStreams;CumStreams;ConnRate;\
                       MaxConnRate;SessRate;MaxSessRate;TotalBytesOut;BytesOutRate;Niced_tasks;\
                       TotalWarnings";

/// Cases in which another figure is right, and why.
const DIFFERENT: &[(&str, &str)] = &[
    ("balance::hash-types", "clients' ports decide"),
    ("balance::random", "chance decides"),
    ("balance::hash-avalanche", "servers' ports decide"),
    ("balance::roundrobin-workers", "workers keep idle connections of their own"),
    ("health::observe-layer7", "a server that went down is left for another at once"),
    ("health::orders", "limits of descriptors decide"),
    ("health::orders-wake-waiters", "limits of descriptors decide"),
    ("health::protocols", "what a server calls itself is shown"),
    ("health::script-steps", "how many checks are run is a matter of time"),
    ("http::chunk-framing", "refused-later"),
    ("http::chunk-framing-of-answers", "stricter-framing"),
    ("http::early-answers", "the rest of a request is taken to the end"),
    ("http::malformed-requests", "refused-later: what is refused has been in the backend"),
    ("http::malformed-responses", "stricter-framing"),
    ("http::untidy-requests", "own-version"),
    ("http::versions", "stricter-framing"),
    ("http::unsafe-violations", "stricter-framing"),
    ("rules::return", "status-as-sent"),
    ("rules::errorfile", "status-as-sent"),
    ("tcp::request-rules", "bytes that rules look at again and again count once"),
    ("tcp::accept-proxy", "a header that is refused is compared by its answer"),
    ("tcp::resets", "a reset is noticed with the next byte"),
    ("tcp::sni-routing", "bytes of inspected heads count once"),
    ("tcp::response-rules", "bytes of inspected heads count once"),
    ("tcp::send-proxy", "private connections are not among the idle ones"),
    ("timeouts::disable-l7-retry", "answer-not-silence"),
];

/// What happens to be idle when a thousand requests have ended.
const IDLE: &str = "h1_open_connections srv_icur idle_conn_cur safe_conn_cur";

fn main() {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(THREADS);
    let home = Path::new(env!("CARGO_MANIFEST_DIR"));
    let reference = binaries::reference();
    if let Err(why) = &reference {
        eprintln!("comparisons with HAProxy are skipped: {why}");
    }
    let mut trials = Vec::new();
    for (name, path) in case::files(&home.join("cases")) {
        if DIFFERENT.iter().any(|(case, _)| *case == name) {
            continue;
        }
        let Ok(case) = case::Case::load(&path, &name) else { continue };
        // Who asks until something holds asks one side more often than the other.
        if case.steps.iter().any(|step| step.starts_with("until ")) {
            continue;
        }
        let (case, reference) = (Arc::new(case), reference.clone());
        let skipped = reference.is_err();
        let test = move || one(&case, reference, COLUMNS);
        trials.push(Trial::test(name, test).with_ignored_flag(skipped));
    }
    let thousand = case::Case::load(&home.join("thousand/requests.case"), "thousand");
    let skipped = reference.is_err();
    let columns = format!("{COLUMNS} {IDLE}");
    let test = move || one(&thousand?, reference, &columns);
    let trial = Trial::test("a_thousand_requests", test);
    trials.push(trial.with_ignored_flag(skipped));
    libtest_mimic::run(&arguments, trials).exit();
}

fn one(case: &case::Case, reference: Result<Binary, String>, columns: &str) -> Result<(), Failed> {
    let (reference, ours) = (reference?, binaries::evenkeel()?);
    let (left, right) = std::thread::scope(|scope| {
        let left = scope.spawn(|| figures::gather(case, &reference));
        let right = figures::gather(case, &ours);
        (left.join(), right)
    });
    let left = left.map_err(|_| "the reference's thread panicked")?;
    let left = left.map_err(|e| format!("the reference: {e}"))?;
    let right = right.map_err(|e| format!("the program under test: {e}"))?;
    fn list(text: &str) -> Vec<&str> {
        text.split_whitespace().collect()
    }
    let ignored = figures::Ignored {
        columns: &list(columns),
        bytes: &list(BYTES),
        process: &PROCESS.split(';').collect::<Vec<_>>(),
    };
    let wrong = figures::differences(&left, &right, &ignored);
    if wrong.is_empty() { Ok(()) } else { Err(format!("\n{}", wrong.join("\n")).into()) }
}
