//! Commands that speak to a running process: plan, reload, status, containers, explain,
//! wait-drained.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use admin::Outcome;
use admin::client::{ask_native, quote};

use crate::args::{ContainersArgs, ControlArgs, ExplainArgs, PlanArgs, WaitArgs};
use crate::load::plain_reason;
use crate::say::Voice;
use crate::sockets;

/// Longest wait for an answer that needs no waiting by itself.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

/// `evenkeel plan`.
pub fn plan(args: &PlanArgs) -> ExitCode {
    let mut command = "plan".to_owned();
    for file in &args.files {
        // The other process may work elsewhere.
        let file = std::path::absolute(file).unwrap_or_else(|_| file.clone());
        command.push(' ');
        command.push_str(&quote(&file.to_string_lossy()));
    }
    tell(&args.control, &command, ANSWER_TIMEOUT)
}

/// `evenkeel reload`.
pub fn reload(args: &ControlArgs) -> ExitCode {
    tell(args, "reload", ANSWER_TIMEOUT)
}

/// `evenkeel status`.
pub fn status(args: &ControlArgs) -> ExitCode {
    tell(args, "show status", ANSWER_TIMEOUT)
}

/// `evenkeel containers`.
pub fn containers(args: &ContainersArgs) -> ExitCode {
    let command = if args.json { "show containers json" } else { "show containers" };
    tell(&args.control, command, ANSWER_TIMEOUT)
}

/// `evenkeel explain`.
pub fn explain(args: &ExplainArgs) -> ExitCode {
    let json = args.json.then_some("json");
    let words = [&args.method, &args.url].into_iter().chain(&args.headers);
    let words: Vec<String> =
        json.map(str::to_owned).into_iter().chain(words.map(|w| quote(w))).collect();
    tell(&args.control, &format!("explain {}", words.join(" ")), ANSWER_TIMEOUT)
}

/// `evenkeel wait-drained`.
pub fn wait_drained(args: &WaitArgs) -> ExitCode {
    let command = format!("wait drained {} {}", quote(&args.server), args.timeout.as_millis());
    tell(&args.control, &command, args.timeout + ANSWER_TIMEOUT)
}

fn tell(control: &ControlArgs, command: &str, timeout: Duration) -> ExitCode {
    let path = match find(control.control.as_deref()) {
        Ok(path) => path,
        Err(text) => {
            Voice::Native.alert(text);
            return ExitCode::FAILURE;
        }
    };
    match ask_native(&path, command, timeout) {
        Ok(Outcome { ok: true, text }) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Ok(Outcome { ok: false, text }) => {
            eprint!("{text}");
            ExitCode::FAILURE
        }
        Err(e) => {
            Voice::Native.alert(format!("{}: {}", path.display(), plain_reason(&e)));
            ExitCode::FAILURE
        }
    }
}

/// The control socket of the running process.
///
/// # Errors
/// A text for the user.
pub fn find(given: Option<&Path>) -> Result<PathBuf, String> {
    if let Some(path) = given {
        return Ok(path.to_owned());
    }
    let usual = sockets::default_paths();
    let answers = |p: &&PathBuf| std::os::unix::net::UnixStream::connect(p).is_ok();
    usual.iter().find(answers).cloned().ok_or_else(|| {
        let looked: Vec<String> = usual.iter().map(|p| p.display().to_string()).collect();
        format!(
            "no running process found: nothing answers on {}; name its socket with --control",
            looked.join(" or ")
        )
    })
}
