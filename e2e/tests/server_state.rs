//! Server state files: the same file beside HAProxy, and what either makes of it.

use e2e::binaries::Binary;
use e2e::pair::{self, Balancer};
use e2e::ports::Reservation;

const CONFIG: &str = "global
    stats socket SOCKET level admin
    server-state-base DIR
    server-state-file state
defaults
    mode http
    timeout client 5s
    timeout server 5s
    timeout connect 1s
    load-server-state-from-file global
frontend fe
    bind FRONT
    default_backend be
backend be
    server agent 127.0.0.1:1 check inter 100s agent-check agent-port 1 agent-inter 100s
    server weighed 127.0.0.1:2 weight 10
    server enabled 127.0.0.1:3 disabled
    server checked 127.0.0.1:3 check inter 100s
    server drained 127.0.0.1:3
    server reweighed 127.0.0.1:3 weight 4
    server maint 127.0.0.1:3
    server elsewhere 127.0.0.1:8 weight 10
    server unknown 127.0.0.1:9
    server named localhost:9
    server down 127.0.0.1:9
    server zero 127.0.0.1:9
    server both 127.0.0.1:9 disabled
    server now 127.0.0.1:9 disabled
    server then 127.0.0.1:9
    server wrong 127.0.0.1:9
    server stopping 127.0.0.1:9
    server moved 127.0.0.1:9
backend local
    load-server-state-from-file local
    server a 127.0.0.1:1 weight 10
backend other
    load-server-state-from-file local
    server-state-file-name thing
    server a 127.0.0.1:1 weight 10
backend none
    load-server-state-from-file none
    server a 127.0.0.1:1 weight 10
";

const STATE: &str = "1
# be_id be_name srv_id srv_name srv_addr
3 be 1 agent 127.0.0.1 0 0 1 1 500 8 2 0 6 18 0 0 - 1 - 0 0 - - 1
3 be 2 weighed 127.0.0.9 2 0 33 10 10 1 0 2 0 0 0 0 - 99 - 0 0 - - 0
3 be 3 enabled 127.0.0.1 2 4 1 1 7 1 0 0 8 0 0 0 - 3 - 0 0 - - 0
3 be 4 checked 127.0.0.1 2 0 1 1 20 6 3 4 6 0 0 0 - 3 - 0 77 127.0.0.5 - 0
3 be 5 drained 127.0.0.1 2 8 1 1 30 1 0 2 0 0 0 0 - 3 - 0 0 - - 0
3 be 6 reweighed 127.0.0.1 2 0 7 9 40 1 0 2 0 0 0 0 - 3 - 0 0 - - 0
3 be 7 maint 127.0.0.1 0 1 1 1 50 1 0 0 0 0 0 0 - 3 - 0 0 - - 0
9 be 99 elsewhere 127.0.0.1 2 0 55 10 60 1 0 2 0 0 0 0 - 8 - 0 0 - - 0
3 be 9 gone 127.0.0.1 0 1 1 1 60 1 0 2 0 0 0 0 - 8 - 0 0 - - 0
3 be 10 named 127.0.0.77 2 0 1 1 60 1 0 2 0 0 0 0 localhost 9 - 0 0 - - 0
3 be 11 down 127.0.0.1 0 0 1 1 70 1 0 0 0 0 0 0 - 9 - 0 0 - - 0
3 be 12 zero 127.0.0.1 2 0 0 1 70 1 0 2 0 0 0 0 - 9 - 0 0 - - 0
3 be 13 both 127.0.0.1 0 5 1 1 70 1 0 2 0 0 0 0 - 9 - 0 0 - - 0
3 be 14 now 127.0.0.1 2 0 1 1 70 1 0 2 0 0 0 0 - 9 - 0 0 - - 0
3 be 15 then 127.0.0.1 0 5 1 1 70 1 0 0 8 0 0 0 - 9 - 0 0 - - 0
3 be 16 wrong 127.0.0.1 9 0 999 1 70 1 0 0 8 0 0 0 - 9 - 0 0 - - 0
3 be 17 stopping 127.0.0.1 3 0 1 1 70 1 0 2 0 0 0 0 - 9 - 0 0 - - 0
3 be 18 moved 127.0.0.44 2 0 1 1 70 1 0 2 0 0 0 0 - 44 - 0 0 - - 0
3 be 18 moved 127.0.0.45 2 0 1 1 70 1 0 2 0 0 0 0 - 45 - 0 0 - - 0
4 local 1 a 127.0.0.1 2 0 50 10 70 1 0 2 0 0 0 0 - 1 - 0 0 - - 0
6 none 1 a 127.0.0.1 2 0 50 10 70 1 0 2 0 0 0 0 - 1 - 0 0 - - 0
";

const LOCAL: &str = "1
4 local 1 a 127.0.0.1 2 0 20 10 70 1 0 2 0 0 0 0 - 1 - 0 0 - - 0
";

const THING: &str = "1
9 other 1 a 127.0.0.1 2 1 30 10 70 1 0 2 0 0 0 0 - 1 - 0 0 - - 0
";

/// What is compared: not times, nor what the last check found, which only the next one tells here.
const COLUMNS: [usize; 15] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 17, 18, 20, 21, 22, 23];

fn states(answer: &str) -> Vec<String> {
    let words = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        COLUMNS.map(|at| words.get(at).copied().unwrap_or("-")).join(" ")
    };
    answer.lines().skip(2).filter(|l| !l.is_empty()).map(words).collect()
}

/// Without the addresses of servers that are written as addresses: HAProxy takes their ports
/// from the file, and of what was moved only that.
fn without_moved(states: &[String]) -> Vec<String> {
    let mask = |state: &String| {
        let moved = state.contains(" weighed ") || state.contains(" moved ");
        let words = state.split(' ').enumerate();
        words.map(|(at, w)| if moved && at == 4 { "-" } else { w }).collect::<Vec<_>>().join(" ")
    };
    states.iter().map(mask).collect()
}

/// Without servers whose first check may have ended or not.
fn without_checked(states: &[String]) -> Vec<String> {
    let checked = |s: &&String| s.contains(" agent ") || s.contains(" checked ");
    without_moved(states).iter().filter(|s| !checked(s)).cloned().collect()
}

fn start(binary: &Binary, state: &str) -> (Vec<String>, String) {
    let reservation = Reservation::new().expect("a port");
    let text = CONFIG.replace("FRONT", &reservation.address.to_string());
    let files = [("a.cfg", &*text), ("state", state), ("local", LOCAL), ("thing", THING)];
    let balancer = Balancer::start(binary, &files, &[reservation.address]);
    let states = states(&balancer.ask("show servers state"));
    (states, balancer.process.stderr())
}

#[test]
fn the_same_file_makes_the_same_servers() {
    let Some((ours, theirs)) = pair::binaries() else { return };
    let ((ours, said), (theirs, _)) = (start(&ours, STATE), start(&theirs, STATE));
    assert_eq!(without_moved(&ours), without_moved(&theirs), "{said}");
    assert!(ours.iter().any(|s| s.contains(" moved 127.0.0.44 ")), "{ours:?}");
    for text in [
        "server-state application failed for server 'be/wrong', invalid srv_op_state value '9', \
         invalid srv_uweight value '999'",
        "Proxy 'other': backend ID mismatch: from server state file: '9', from running config '5'",
    ] {
        assert!(said.contains(text), "{text}: {said}");
    }
}

#[test]
fn a_file_that_is_not_right_counts_for_nothing_and_both_say_why() {
    let Some((ours, theirs)) = pair::binaries() else { return };
    for state in ["", "2\n", "1\n#\n3 be 2 weighed 127.0.0.1 2 0 33 10\n"] {
        let ((a, said), (b, told)) = (start(&ours, state), start(&theirs, state));
        assert_eq!(without_checked(&a), without_checked(&b), "{state:?}");
        let about = |text: &str| {
            let lines = text.lines().filter(|l| l.contains("global server state file"));
            let after = |l: &str| l.split(" : ").nth(1).unwrap_or_default().to_owned();
            lines.map(|l| after(l).split('\'').next().unwrap_or_default().to_owned()).collect()
        };
        let (said, told): (Vec<String>, Vec<String>) = (about(&said), about(&told));
        assert_eq!(said, told, "{state:?}");
        assert_eq!(said.len(), 1, "{state:?}");
    }
}

#[test]
fn what_one_shows_the_next_takes() {
    let Some((ours, theirs)) = pair::binaries() else { return };
    let reservation = Reservation::new().expect("a port");
    let text = CONFIG.replace("FRONT", &reservation.address.to_string());
    let files = [("a.cfg", &*text), ("state", "1\n"), ("thing", "1\n")];
    let first = Balancer::start(&ours, &files, &[reservation.address]);
    for command in [
        "set server be/weighed weight 77",
        "set server be/drained state drain",
        "set server be/maint state maint",
        "set server be/enabled state ready",
        "set server be/moved addr 127.0.0.9 port 90",
        "set server be/down health down",
    ] {
        first.ask(command);
    }
    let saved = first.ask("show servers state");
    drop(first);
    let was = states(&saved);
    for binary in [&ours, &theirs] {
        let files = [("a.cfg", &*text), ("state", &*saved), ("thing", "1\n")];
        let next = Balancer::start(binary, &files, &[reservation.address]);
        let now = states(&next.ask("show servers state"));
        assert_eq!(without_checked(&now), without_checked(&was));
        let moved = now.iter().any(|s| s.contains(" moved 127.0.0.9 2 0 1 1 - 90 "));
        assert!(moved || binary.path != ours.path, "{now:?}");
    }
}
