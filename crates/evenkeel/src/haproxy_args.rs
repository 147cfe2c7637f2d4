//! HAProxy's own command line, for when the program is called under the name `haproxy`.
//!
//! Source: manual of management, chapter 3 "Starting HAProxy". Switches that mean nothing here
//! are taken and do nothing, so that unit files and images keep working as they are.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// What was typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HaproxyArgs {
    /// `-f` and what follows `--`, in order.
    pub files: Vec<PathBuf>,
    /// `-C`.
    pub directory: Option<PathBuf>,
    /// `-c`: check and exit.
    pub check: bool,
    /// `-cc CONDITION`.
    pub condition: Option<String>,
    /// `-D`.
    pub daemon: bool,
    /// `-db` or `-d`: stays in the foreground whatever the configuration says.
    pub foreground: bool,
    /// `-W`, `-Ws`.
    pub master: bool,
    /// `-Ws`: tell systemd.
    pub notify: bool,
    /// `-q`.
    pub quiet: bool,
    /// `-V` or `-d`.
    pub verbose: bool,
    /// `-p`.
    pub pidfile: Option<PathBuf>,
    /// `-n`: connections of the process.
    pub maxconn: Option<u32>,
    /// `-N`: connections of a proxy where it names none.
    pub proxy_maxconn: Option<u32>,
    /// `-L`: name among peers.
    pub peer: Option<String>,
    /// `-sf PID...`: told to finish once we are ready.
    pub finish: Vec<i32>,
    /// `-st PID...`: told to end at once when we are ready.
    pub terminate: Vec<i32>,
    /// `-x SOCKET`: where listening sockets are taken over from.
    pub take_over: Option<PathBuf>,
    /// `-S BIND`: the master's socket, served like any stats socket.
    pub master_socket: Option<String>,
    /// `-dr`: names that do not resolve are no error.
    pub resolve_leniently: bool,
    /// `-dW`: warnings are errors.
    pub zero_warning: bool,
    /// `-dD`: says more about what looks wrong.
    pub diagnostic: bool,
    /// `-4`: IPv4 answers only.
    pub ipv4_only: bool,
    /// `-dC`: prints the configuration.
    pub dump: bool,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HaproxyCommand {
    /// Run, check or evaluate.
    Go(Box<HaproxyArgs>),
    /// `-v`.
    Version,
    /// `-vv`.
    VersionInFull,
    /// `-dMhelp` and its like: a list of choices.
    MemoryHelp,
    /// Something that is not understood: version and usage, exit code 1.
    Usage,
    /// A switch lacks its value, exit code 1.
    MissingValue,
    /// A master socket without a master, exit code 1.
    SocketWithoutMaster,
}

/// Reads the arguments after the program's name.
#[must_use]
pub fn parse(args: &[OsString]) -> HaproxyCommand {
    let mut reader = Reader { args, at: 0, out: HaproxyArgs::default() };
    match reader.all() {
        Ok(()) => {}
        Err(early) => return early,
    }
    let out = reader.out;
    if out.files.is_empty() && out.condition.is_none() {
        return HaproxyCommand::Usage;
    }
    if out.master_socket.is_some() && !out.master {
        return HaproxyCommand::SocketWithoutMaster;
    }
    HaproxyCommand::Go(Box::new(out))
}

struct Reader<'a> {
    args: &'a [OsString],
    at: usize,
    out: HaproxyArgs,
}

impl<'a> Reader<'a> {
    fn all(&mut self) -> Result<(), HaproxyCommand> {
        while let Some(arg) = self.take() {
            let Some(switch) = arg.as_bytes().strip_prefix(b"-") else {
                return Err(HaproxyCommand::Usage);
            };
            match switch {
                b"v" => return Err(HaproxyCommand::Version),
                b"vv" => return Err(HaproxyCommand::VersionInFull),
                b"-" => {
                    let rest = self.args.get(self.at..).unwrap_or_default();
                    self.out.files.extend(rest.iter().map(PathBuf::from));
                    self.at = self.args.len();
                }
                [b'd', debug @ ..] => self.debug(debug)?,
                b"sf" => self.out.finish = self.pids(),
                b"st" => self.out.terminate = self.pids(),
                b"cc" => {
                    let condition = self.take().ok_or(HaproxyCommand::Usage)?;
                    self.out.condition = Some(condition.to_string_lossy().into_owned());
                }
                _ => self.plain(switch)?,
            }
        }
        Ok(())
    }

    fn plain(&mut self, switch: &[u8]) -> Result<(), HaproxyCommand> {
        match switch {
            b"c" => self.out.check = true,
            b"D" => self.out.daemon = true,
            b"W" => self.out.master = true,
            b"Ws" => (self.out.master, self.out.notify) = (true, true),
            b"q" => self.out.quiet = true,
            b"V" => (self.out.verbose, self.out.quiet) = (true, false),
            b"4" => self.out.ipv4_only = true,
            b"f" => {
                let file = PathBuf::from(self.value()?);
                self.out.files.push(file);
            }
            b"C" => self.out.directory = Some(self.value()?.into()),
            b"p" => self.out.pidfile = Some(self.value()?.into()),
            b"x" => self.out.take_over = Some(self.value()?.into()),
            b"L" => self.out.peer = Some(self.text()?),
            b"n" => self.out.maxconn = positive(&self.text()?),
            b"N" => self.out.proxy_maxconn = positive(&self.text()?),
            b"m" => drop(self.text()?),
            [b'S', ..] => self.out.master_socket = Some(self.text()?),
            _ => return Err(HaproxyCommand::Usage),
        }
        Ok(())
    }

    fn debug(&mut self, switch: &[u8]) -> Result<(), HaproxyCommand> {
        match switch {
            b"" => (self.out.foreground, self.out.verbose) = (true, true),
            b"b" => self.out.foreground = true,
            b"r" => self.out.resolve_leniently = true,
            b"W" => self.out.zero_warning = true,
            b"D" => self.out.diagnostic = true,
            [b'C', ..] => self.out.dump = true,
            b"Mhelp" => return Err(HaproxyCommand::MemoryHelp),
            _ => {}
        }
        Ok(())
    }

    fn take(&mut self) -> Option<&'a OsStr> {
        let arg = self.args.get(self.at)?;
        self.at += 1;
        Some(arg)
    }

    fn value(&mut self) -> Result<OsString, HaproxyCommand> {
        self.take().map(OsStr::to_owned).ok_or(HaproxyCommand::MissingValue)
    }

    fn text(&mut self) -> Result<String, HaproxyCommand> {
        Ok(self.value()?.to_string_lossy().into_owned())
    }

    /// Numbers up to the first argument that is none.
    fn pids(&mut self) -> Vec<i32> {
        let mut pids = Vec::new();
        while let Some(arg) = self.args.get(self.at) {
            let Some(pid) = arg.to_str().and_then(|a| a.parse().ok()) else { break };
            if pid > 0 {
                pids.push(pid);
            }
            self.at += 1;
        }
        pids
    }
}

fn positive(text: &str) -> Option<u32> {
    text.parse().ok().filter(|n| *n > 0)
}

/// The usage text: every switch that is taken.
pub const USAGE: &str = "\
Usage: haproxy [-f <file|directory>]... [switches] [-- <file>...]

Configuration
  -f <path>      file, or directory whose *.cfg files are read in order; may be repeated
  -C <dir>       change to this directory before reading
  -c             check the configuration and exit; with -V a valid one is confirmed
  -cc <cond>     evaluate a condition of .if: exit code 0 true, 1 false, 2 not understood
  -dW            warnings are errors          -dD   say more about what looks wrong
  -dr            names that do not resolve disable their server instead of being an error
  -dC            print the configuration as it was read

Process
  -D             go into the background       -db   stay in the foreground
  -W, -Ws        one process does it all here; -Ws tells systemd when it is ready
  -p <file>      write the process id         -S <bind>  control socket of the master
  -n <count>     most connections             -N <count> most connections of a proxy
  -q             say nothing                  -V    say more
  -x <socket>    take the listening sockets over from the process behind this socket
  -sf <pid>...   then let these finish        -st <pid>...  then end these

About
  -v             version                      -vv   version and features

Taken without effect: -m <MB>, -L <name>, -4 and every other -d switch.
Evenkeel's own commands are under the name 'evenkeel'; try 'evenkeel --help'.
";

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_line(line: &str) -> HaproxyCommand {
        let args: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
        parse(&args)
    }

    fn go(line: &str) -> HaproxyArgs {
        match parse_line(line) {
            HaproxyCommand::Go(args) => *args,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn the_line_of_the_official_image() {
        let args = go("-W -db -f /usr/local/etc/haproxy/haproxy.cfg");
        assert!(args.master && args.foreground && !args.daemon);
        assert_eq!(args.files, [PathBuf::from("/usr/local/etc/haproxy/haproxy.cfg")]);
    }

    #[test]
    fn the_line_of_a_unit_file() {
        let args = go("-Ws -f /etc/haproxy/haproxy.cfg -p /run/haproxy.pid -S /run/master.sock");
        assert!(args.master && args.notify);
        assert_eq!(args.pidfile, Some("/run/haproxy.pid".into()));
        assert_eq!(args.master_socket.as_deref(), Some("/run/master.sock"));
    }

    #[test]
    fn pids_end_at_the_first_other_argument() {
        let args = go("-f a -sf 12 13 -x /s -st 14 -- b c");
        assert_eq!((args.finish, args.terminate), (vec![12, 13], vec![14]));
        assert_eq!(args.take_over, Some("/s".into()));
        assert_eq!(args.files, ["a", "b", "c"].map(PathBuf::from));
    }

    #[test]
    fn an_empty_list_of_pids_is_fine() {
        assert_eq!(go("-f a -sf").finish, Vec::<i32>::new());
        assert_eq!(go("-sf -f a").finish, Vec::<i32>::new());
    }

    #[test]
    fn debug_switches_are_taken_all() {
        for switch in ["-dM", "-dM0x50,no-merge", "-dS", "-dG", "-dR", "-dZ", "-dK", "-dQ", "-de"] {
            assert_eq!(go(&format!("-f a {switch}")).files.len(), 1, "{switch}");
        }
        let args = go("-d -dr -dW -dD -f a");
        assert!(args.resolve_leniently && args.zero_warning && args.diagnostic);
        assert!(args.foreground && args.verbose);
    }

    #[test]
    fn what_is_refused() {
        for line in ["", "-c", "-Z", "good.cfg", "-c good.cfg", "-cc", "-Wx -f a"] {
            assert_eq!(parse_line(line), HaproxyCommand::Usage, "{line}");
        }
        for line in ["-f", "-c -L", "-f a -n", "-p"] {
            assert_eq!(parse_line(line), HaproxyCommand::MissingValue, "{line}");
        }
        assert_eq!(parse_line("-S s -f a"), HaproxyCommand::SocketWithoutMaster);
    }

    #[test]
    fn the_version_wins_over_what_follows() {
        assert_eq!(parse_line("-v -f"), HaproxyCommand::Version);
        assert_eq!(parse_line("-vv"), HaproxyCommand::VersionInFull);
    }

    #[test]
    fn a_number_that_is_none_means_the_default() {
        assert_eq!(go("-f a -n abc").maxconn, None);
        assert_eq!(go("-f a -n 100 -N 5").maxconn, Some(100));
    }
}
