//! What commands changed while files are read anew: what is kept, what is forgotten and said, and
//! what `evenkeel plan` tells about it.

use e2e::scenario::application::Application;
use e2e::scenario::balancer::{Balancer, DEFAULTS, EDIT};
use e2e::scenario::wait_until;
use std::net::SocketAddr;
use std::time::Duration;

fn application(name: &str) -> Application {
    Application::start(name, Duration::from_secs(1)).expect("loopback has free ports")
}

fn config(address: SocketAddr, one: &Application, more: &str) -> String {
    format!(
        "{DEFAULTS}frontend web\n    bind {address}\n    default_backend b\nbackend b\n    server \
         one {0}\n    server two {0} weight 20\n    server off {0} disabled\n{more}",
        one.address
    )
}

fn states(balancer: &Balancer) -> Vec<String> {
    let answer = balancer.runtime("show servers state").expect("it answers");
    let words = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        format!("{} {} {} {}", words[3], words[6], words[7], words[18])
    };
    answer.lines().skip(2).filter(|l| !l.is_empty()).map(words).collect()
}

fn text(output: std::process::Output) -> String {
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

/// Starts, changes this and that, looks at the plan, saves the files with a server more, and gives
/// what was before and after, and what was said.
fn read_anew(keep: &[&str]) -> (Vec<String>, Vec<String>, String, String) {
    let one = application("one");
    let keep: Vec<String> = keep.iter().map(|w| (*w).to_owned()).collect();
    let balancer = Balancer::start_with(&keep, |a| config(a, &one, "")).expect("it starts");
    for command in [
        "set server b/one state drain".to_owned(),
        "set server b/two weight 7".to_owned(),
        "set server b/off state ready".to_owned(),
        "set server b/two addr 127.0.0.9 port 9".to_owned(),
        format!("add server b/new {} weight 3", one.address),
        "enable server b/new".to_owned(),
        format!("add backend c <<\nserver z {}\n", one.address),
    ] {
        balancer.runtime(&command).expect("it answers");
    }
    let before = states(&balancer);
    let plan = text(balancer.command(&["plan"]).expect("it runs"));
    let more = format!("    server late {}\n", one.address);
    balancer.save(&config(balancer.address, &one, &more));
    let came = || states(&balancer).iter().any(|s| s.starts_with("late "));
    assert!(wait_until(EDIT.saturating_mul(5), came), "{}", balancer.process.stderr());
    (before, states(&balancer), plan, balancer.process.stderr())
}

fn without(states: &[String], ports: bool) -> Vec<String> {
    let word = |s: &String| match ports {
        true => s.clone(),
        false => s.rsplit_once(' ').map_or_else(String::new, |(left, _)| left.to_owned()),
    };
    states.iter().filter(|s| !s.starts_with("late ")).map(word).collect()
}

#[test]
fn states_and_weights_are_kept_and_the_rest_is_said_to_be_forgotten() {
    let (before, after, plan, said) = read_anew(&[]);
    assert_eq!(without(&after, false), ["one 8 1", "two 0 7", "off 4 1"], "{said}");
    assert!(!after.contains(&"two 0 7 9".to_owned()), "the address of the file: {after:?}");
    assert!(before.contains(&"two 0 7 9".to_owned()), "{before:?}");
    for line in [
        "forgotten, the files were read anew: server b/new: added",
        "forgotten, the files were read anew: backend c: added",
        "forgotten, the files were read anew: server b/two: address 127.0.0.9, port 9",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
    for line in [
        "server b/one: state drain  ('set server b/one state drain', uid ",
        "server b/two: weight 7  ('set server b/two addr 127.0.0.9 port 9', uid ",
        "server b/off: state ready, disabled in the configuration",
        "- server b/new",
        "- backend c",
        "~ server b/two: ",
    ] {
        assert!(plan.contains(line), "{line}: {plan}");
    }
    assert_eq!(plan.matches("; kept when the files are read anew").count(), 3, "{plan}");
    assert_eq!(plan.matches("; forgotten when the files are read anew").count(), 3, "{plan}");
}

#[test]
fn all_of_it_is_kept_where_that_is_wanted() {
    let (before, after, plan, said) = read_anew(&["--keep-overrides", "all"]);
    let mut kept = without(&after, true);
    kept.sort();
    let mut before = without(&before, true);
    before.sort();
    assert_eq!(kept, before, "{said}");
    assert!(!said.contains("forgotten"), "{said}");
    assert!(plan.contains("Nothing to change"), "{plan}");
}

#[test]
fn nothing_is_kept_where_that_is_wanted() {
    let (_, after, plan, said) = read_anew(&["--keep-overrides", "none"]);
    assert_eq!(without(&after, false), ["one 0 1", "two 0 20", "off 5 1"], "{said}");
    assert!(said.contains("taken back, the files were read anew: server b/one: state drain"));
    assert!(!plan.contains("; kept"), "{plan}");
}
