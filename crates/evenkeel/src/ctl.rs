//! `evenkeel ctl`: commands of the runtime API from the command line.

use std::io::{self, Read, Write};
use std::process::ExitCode;

use admin::client::{converse, quote};

use crate::args::CtlArgs;
use crate::load::plain_reason;
use crate::remote;
use crate::say::Voice;

/// Longest script or payload taken from standard input, bytes.
const INPUT_MAX: u64 = 64 << 20;

/// Sends the commands and prints the answers; fails when one of them is an error.
pub fn main(args: &CtlArgs) -> ExitCode {
    match talk(args) {
        Ok((text, failed)) => {
            // Nobody reads any more: nothing to say to anybody.
            let written = io::stdout().write_all(text.as_bytes());
            if failed || written.is_err() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
        }
        Err(why) => {
            Voice::Native.alert(why);
            ExitCode::FAILURE
        }
    }
}

fn talk(args: &CtlArgs) -> Result<(String, bool), String> {
    let path = remote::find(args.socket.as_deref())?;
    let mut input = line(&args.words);
    if input.is_empty() || input.trim_end().ends_with("<<") {
        let read = io::stdin().take(INPUT_MAX).read_to_string(&mut input);
        read.map_err(|e| format!("standard input: {}", plain_reason(&e)))?;
    }
    let answer = converse(&path, &input);
    let answer = answer.map_err(|e| format!("{}: {}", path.display(), plain_reason(&e)))?;
    Ok(plain(&answer))
}

/// The line that the words make: a single one as it is, several so that each stays one.
fn line(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [one] => format!("{one}\n"),
        many => many.iter().map(|w| quote(w)).collect::<Vec<_>>().join(" ") + "\n",
    }
}

/// The answers without their severities and the last empty line, and whether one is an error.
fn plain(answer: &str) -> (String, bool) {
    let (mut text, mut failed, mut begins) = (String::with_capacity(answer.len()), false, true);
    for line in answer.lines() {
        // A severity stands at the beginning of an answer alone.
        let severity = line.strip_prefix('[').and_then(|rest| rest.split_once("]: "));
        let severity = severity
            .filter(|(n, _)| begins && n.len() == 1 && n.bytes().all(|b| b.is_ascii_digit()));
        let (level, line) = severity.unwrap_or(("", line));
        // 0 to 3 of syslog: error and worse.
        failed |= matches!(level, "0" | "1" | "2" | "3");
        text.push_str(line);
        text.push('\n');
        begins = line.is_empty();
    }
    if text.ends_with("\n\n") || text == "\n" {
        text.pop();
    }
    (text, failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn severities_become_an_exit_code() {
        let answer = "[3]: No such server.\n\n[6]: New\n[3]: not one\n\n";
        let plainly = "No such server.\n\nNew\n[3]: not one\n".to_owned();
        assert_eq!(plain(answer), (plainly, true));
        assert_eq!(plain("# name\nbe\n\n"), ("# name\nbe\n".to_owned(), false));
        assert_eq!(plain("\n"), (String::new(), false));
    }

    #[test]
    fn words_stay_words() {
        let words =
            |words: &[&str]| line(&words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>());
        assert_eq!(words(&["show stat;show info"]), "show stat;show info\n");
        assert_eq!(words(&["set", "map", "a", "b c;d"]), "set map a b\\ c\\;d\n");
        assert_eq!(words(&["add map a.map <<"]), "add map a.map <<\n");
        assert_eq!(words(&[]), "");
    }
}
