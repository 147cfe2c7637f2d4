//! `evenkeel healthcheck`: whether the process of this container serves, for the image's
//! HEALTHCHECK.
//!
//! The process itself is asked, through its control socket. Where it has none (an agent; a
//! container in which nothing can be written) what the kernel says of it has to do.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use admin::client::ask_native;

use crate::args::HealthcheckArgs;
use crate::haproxy::CONTROL_VARIABLE;
use crate::load::plain_reason;
use crate::remote;

/// Names of our program.
const NAMES: [&str; 2] = ["evenkeel", "haproxy"];
/// A TCP socket that listens, in the fourth column of `/proc/net/tcp`.
const LISTENS: &str = "0A";
/// A Unix socket that listens, in the fourth column of `/proc/net/unix`.
const ACCEPTS: &str = "00010000";

/// Exit code 0 when it serves; else 1, and one line that says why.
pub fn main(args: &HealthcheckArgs) -> ExitCode {
    match look(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            println!("{}", why.trim_end());
            ExitCode::FAILURE
        }
    }
}

fn look(args: &HealthcheckArgs) -> Result<(), String> {
    let named = std::env::var_os(CONTROL_VARIABLE).map(PathBuf::from);
    match args.control.clone().or(named) {
        Some(path) => ask(&path, args),
        None => match remote::find(None) {
            Ok(path) => ask(&path, args),
            Err(_) => look_from_outside(Path::new("/proc")),
        },
    }
}

fn ask(path: &Path, args: &HealthcheckArgs) -> Result<(), String> {
    let answer = ask_native(path, "show serving", args.timeout);
    let answer = answer.map_err(|e| format!("{}: {}", path.display(), plain_reason(&e)))?;
    if answer.ok { Ok(()) } else { Err(answer.text) }
}

/// Looks at the process with the lowest number that is ours.
fn look_from_outside(proc: &Path) -> Result<(), String> {
    let entries = std::fs::read_dir(proc).map_err(|e| format!("/proc: {}", plain_reason(&e)))?;
    let ids = entries.flatten().filter_map(|e| e.file_name().to_str()?.parse::<u32>().ok());
    let ids: BTreeSet<u32> = ids.filter(|id| *id != std::process::id()).collect();
    let read = |id: &u32, file: &str| {
        std::fs::read_to_string(proc.join(id.to_string()).join(file)).unwrap_or_default()
    };
    let ours = ids.iter().find(|id| NAMES.contains(&read(id, "comm").trim()));
    let id = ours.ok_or("no process of ours runs here")?;
    // The name before it, in parentheses, may hold anything.
    let stat = read(id, "stat");
    let state = stat.rsplit_once(')').and_then(|(_, rest)| rest.trim_start().chars().next());
    if matches!(state, None | Some('T' | 't' | 'Z' | 'X')) {
        return Err(format!("process {id} is stopped or has ended"));
    }
    // Whose descriptors they are is told only to the same user.
    let Ok(descriptors) = std::fs::read_dir(proc.join(id.to_string()).join("fd")) else {
        return Ok(());
    };
    let links = descriptors.flatten().filter_map(|d| std::fs::read_link(d.path()).ok());
    let own: BTreeSet<String> = links.map(|l| l.to_string_lossy().into_owned()).collect();
    let listening =
        ["tcp", "tcp6", "unix"].map(|kind| listening(kind, &read(id, &format!("net/{kind}"))));
    let listens = listening.iter().flatten().any(|i| own.contains(&format!("socket:[{i}]")));
    if listens { Ok(()) } else { Err(format!("process {id} listens nowhere")) }
}

/// Numbers of the sockets that listen, in one of the kernel's lists.
fn listening(kind: &str, list: &str) -> Vec<String> {
    let lines = list.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let number = |words: Vec<&str>| match kind {
        "unix" => (words.get(3) == Some(&ACCEPTS)).then(|| words.get(6).map(|i| (*i).to_owned())),
        _ => (words.get(3) == Some(&LISTENS)).then(|| words.get(9).map(|i| (*i).to_owned())),
    };
    lines.filter_map(number).flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_that_listen_are_found_in_the_kernels_lists() {
        let tcp = "sl local_address rem_address st queues tr retrnsmt uid timeout inode\n\
                   0: 00000000:0050 00000000:0000 0A 0:0 00:0 0 0 0 4711 1 0 100 0 0 10 0\n\
                   1: 0100007F:0050 0100007F:8000 01 0:0 00:0 0 0 0 4712 1 0 100 0 0 10 0\n";
        let unix = "Num       RefCount Protocol Flags    Type St Inode Path\n\
                    0: 00000002 00000000 00010000 0001 01 21 /run/evenkeel.sock\n\
                    0: 00000003 00000000 00000000 0001 03 22\n";
        assert_eq!(listening("tcp", tcp), ["4711"]);
        assert_eq!(listening("unix", unix), ["21"]);
        assert!(listening("tcp", "garbage\n0 0 0 0A\n").is_empty());
    }

    #[test]
    fn a_process_is_looked_at_by_what_the_kernel_says() {
        let proc = std::env::temp_dir().join(format!("evk-proc-{}", std::process::id()));
        let put = |file: &str, text: &str| {
            let path = proc.join("7").join(file);
            let folder = path.parent().map(std::fs::create_dir_all);
            assert!(folder.is_some_and(|made| made.is_ok()) && std::fs::write(path, text).is_ok());
        };
        let seen = || look_from_outside(&proc).err().unwrap_or_default();
        put("comm", "sleep\n");
        assert_eq!(seen(), "no process of ours runs here");
        put("comm", "haproxy\n");
        put("stat", "7 (a) Z) T 1 7 7");
        assert_eq!(seen(), "process 7 is stopped or has ended");
        put("stat", "7 (a) Z) S 1 7 7");
        assert_eq!(seen(), "");
        put("fd/none", "");
        assert_eq!(seen(), "process 7 listens nowhere");
        put("net/unix", "0: 00000002 00000000 00010000 0001 01 21 /run/a.sock\n");
        let _ = std::os::unix::fs::symlink("socket:[21]", proc.join("7/fd/3"));
        assert_eq!(seen(), "");
        let _ = std::fs::remove_dir_all(&proc);
    }
}
