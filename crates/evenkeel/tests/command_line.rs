//! The command lines of the real binary: exit codes and what is said, beside the real HAProxy
//! where `EVENKEEL_REFERENCE_HAPROXY` names one.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const BINARY: &str = env!("CARGO_BIN_EXE_evenkeel");

const GOOD: &str = "\
defaults
 mode http
 timeout client 5s
 timeout server 5s
 timeout connect 5s
frontend f
 bind 127.0.0.1:38077
 default_backend b
backend b
 server s 127.0.0.1:9
";
const BAD: &str = "frontend f\n mode http\n bnd 127.0.0.1:1\n";
const WARNS: &str = "frontend f\n mode http\n bind 127.0.0.1:38077\n";

/// A directory with the three files and a link named `haproxy`, removed at the end.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("evenkeel-cli-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir).expect("a directory can be made");
        for (name, text) in [("good.cfg", GOOD), ("bad.cfg", BAD), ("warns.cfg", WARNS)] {
            fs::write(dir.join(name), text).expect("a file can be written");
        }
        std::os::unix::fs::symlink(BINARY, dir.join("haproxy")).expect("a link can be made");
        Self(dir)
    }

    fn run(&self, program: &Path, args: &str) -> Output {
        let args = args.split_whitespace();
        Command::new(program).args(args).current_dir(&self.0).output().expect("it starts")
    }

    fn haproxy(&self, args: &str) -> Output {
        self.run(&self.0.join("haproxy"), args)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Arguments, exit code, standard output when it is fixed.
const CASES: &[(&str, i32, Option<&str>)] = &[
    ("-c -f good.cfg", 0, Some("")),
    ("-c -V -f good.cfg", 0, Some("Configuration file is valid\n")),
    ("-c -V -W -f good.cfg", 0, Some("Configuration file is valid\n")),
    ("-c -q -V -f good.cfg", 0, Some("Configuration file is valid\n")),
    ("-c -V -q -f good.cfg", 0, Some("Configuration file is valid\n")),
    ("-c -- good.cfg", 0, Some("")),
    ("-c -dQ -f good.cfg", 0, Some("")),
    ("-c -n abc -f good.cfg", 0, Some("")),
    ("-f good.cfg -x /nonexistent -sf 999999 -c", 0, Some("")),
    ("-c -f warns.cfg", 0, Some("Warnings were found.\n")),
    ("-c -V -f warns.cfg", 0, Some("Warnings were found.\nConfiguration file is valid\n")),
    ("-c -dW -f warns.cfg", 1, Some("")),
    ("-c -f bad.cfg", 1, Some("")),
    ("-c -q -f bad.cfg", 1, Some("")),
    ("-c -f none.cfg", 1, Some("")),
    ("-c -f good.cfg -f good.cfg", 1, Some("")),
    ("-C /nonexistent -c -f good.cfg", 1, Some("")),
    ("-cc 1", 0, Some("")),
    ("-cc 0", 1, Some("")),
    ("-cc foo(", 2, Some("")),
    ("-c", 1, None),
    ("-Z", 1, None),
    ("-c good.cfg", 1, None),
    ("-c -L", 1, Some("")),
    ("-S s.sock -c -f good.cfg", 1, Some("")),
    ("-v", 0, None),
    ("-vv", 0, None),
    ("-db -f bad.cfg", 1, Some("")),
    ("-db -f none.cfg", 1, Some("")),
    ("-db -f good.cfg -x /nonexistent.sock", 1, Some("")),
];

#[test]
fn exit_codes_and_output_are_haproxys() {
    let place = Place::new("codes");
    let reference = std::env::var_os("EVENKEEL_REFERENCE_HAPROXY").map(PathBuf::from);
    if reference.is_none() {
        eprintln!("skipped: comparison with HAProxy (EVENKEEL_REFERENCE_HAPROXY is not set)");
    }
    let mut wrong = Vec::new();
    for (args, code, out) in CASES {
        let ours = place.haproxy(args);
        if ours.status.code() != Some(*code) || out.is_some_and(|o| text(&ours.stdout) != o) {
            wrong.push(format!("{args}: {ours:?}"));
        }
        let Some(reference) = &reference else { continue };
        let theirs = place.run(reference, args);
        let same_out = out.is_none() || theirs.stdout == ours.stdout;
        if theirs.status.code() != ours.status.code() || !same_out {
            wrong.push(format!("{args}: ours {ours:?}, theirs {theirs:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn quiet_says_nothing_and_errors_name_their_line() {
    let place = Place::new("words");
    assert_eq!(text(&place.haproxy("-c -q -f bad.cfg").stderr), "");
    let said = text(&place.haproxy("-c -f bad.cfg").stderr);
    assert!(said.contains("[ALERT] ") && said.contains("parsing [bad.cfg:3] : "), "{said}");
    assert!(said.contains("did you mean 'bind'"), "{said}");
    assert!(said.contains("Fatal errors found in configuration."), "{said}");
}

#[test]
fn the_version_can_be_read_by_tools() {
    let place = Place::new("version");
    let said = text(&place.haproxy("-v").stdout);
    assert!(said.starts_with("HAProxy version 3.2."), "{said}");
    assert!(text(&place.haproxy("-vv").stdout).contains("Feature list : +"));
}

#[test]
fn check_reports_all_errors_with_their_place() {
    let place = Place::new("check");
    fs::write(place.0.join("two.cfg"), "frontend f\n bnd x\nbackend b\n sever s\n")
        .expect("written");
    let output = place.run(Path::new(BINARY), "check -f two.cfg --color never");
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(said.contains("two.cfg:2:2") && said.contains("two.cfg:4:2"), "{said}");
    assert!(text(&output.stdout).starts_with("not valid: 2 errors"), "{output:?}");
    let output = place.run(Path::new(BINARY), "check -f good.cfg");
    assert_eq!(
        text(&output.stdout),
        "valid: 1 frontend, 1 backend, 1 server; 0 errors, 0 warnings\n"
    );
}

#[test]
fn without_a_process_remote_commands_say_so() {
    let place = Place::new("remote");
    for command in ["plan", "reload", "status", "wait-drained s"] {
        let output = place.run(Path::new(BINARY), &format!("{command} --control none.sock"));
        assert_eq!(output.status.code(), Some(1), "{command}");
        assert!(text(&output.stderr).contains("none.sock"), "{output:?}");
    }
}

#[test]
fn completions_are_printed_for_every_shell() {
    let place = Place::new("completions");
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = place.run(Path::new(BINARY), &format!("completions {shell}"));
        assert!(text(&output.stdout).contains("wait-drained"), "{shell}");
    }
}

#[test]
fn the_demonstration_ends_with_no_failed_request() {
    let place = Place::new("demo");
    let output = place.run(Path::new(BINARY), "demo --once");
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(said.contains(" a b c d e a b c d e   strict cycle"), "{said}");
    assert!(said.contains("failed: 0\n"), "{said}");
}
