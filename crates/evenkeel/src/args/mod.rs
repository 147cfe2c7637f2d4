//! The native command line, as one table: it feeds the parser, `--help` and completions.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// The load balancer for containers: reads haproxy.cfg, finds containers by itself, changes
/// everything while it runs without dropping a connection.
#[derive(Debug, Parser)]
#[command(name = "evenkeel", version, propagate_version = true, max_term_width = 100)]
#[command(after_help = EXAMPLES)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const EXAMPLES: &str = "\
Examples:
  evenkeel run -f haproxy.cfg        balance as the file says; every later save is taken over
  evenkeel run                       balance the containers of the Docker engine, on port 80
  evenkeel run --consul 10.0.0.2     balance the services of Consul that ask for requests
  evenkeel check -f haproxy.cfg      all errors of a file at once
  evenkeel plan                      what a save or a new container would change, without doing it
  evenkeel containers                every container, whether it takes part, and why not
  evenkeel top                       services and replicas in the terminal, live
  evenkeel explain shop.test/cart    which rule decides about a request, and who asked for it
  evenkeel wait-drained web/s1       returns when nothing uses a server any more
  evenkeel rollout shop              new replicas of a Compose service in the place of the old ones
  evenkeel ctl show servers state    any command of the runtime API ('evenkeel ctl help')
  evenkeel demo                      see it work, with no configuration and no Docker

Called under the name 'haproxy' (a symbolic link does it) the program takes HAProxy's own
command line: 'haproxy -c -f haproxy.cfg', 'haproxy -W -db -f haproxy.cfg'. The same goes for
'evenkeel haproxy -c -f haproxy.cfg'.";

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Balance until told to stop
    Run(RunArgs),
    /// Read the configuration and report every error and warning in it
    Check(CheckArgs),
    /// Show what would change in the running process, without changing it
    Plan(PlanArgs),
    /// Have the running process read its configuration now
    Reload(ControlArgs),
    /// Show what runs, the last changes and the last error
    Status(ControlArgs),
    /// Watch services and replicas in the terminal: rates, errors, queues, the last changes
    Top(TopArgs),
    /// Say by the exit code whether the process of this container serves (0) or not (1)
    Healthcheck(HealthcheckArgs),
    /// List every container that is seen, and say why it takes part or not
    Containers(ContainersArgs),
    /// Say what becomes of a request: which rule decides, who asked for it, which servers there are
    Explain(ExplainArgs),
    /// Wait until a server has no connection and no queued request left
    WaitDrained(WaitArgs),
    /// Replace the replicas of a Compose service by new ones, without a request that fails
    Rollout(RolloutArgs),
    /// Send commands of the runtime API to the running process and print its answers
    Ctl(CtlArgs),
    /// Hold the Docker socket and pass on to balancers what they need to read of it
    Agent(AgentArgs),
    /// Run five replicas and a balancer in one process and show what happens when they change
    Demo(DemoArgs),
    /// Print the completion script for a shell
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// Take HAProxy's own command line
    #[command(disable_help_flag = true)]
    Haproxy {
        /// Arguments as for 'haproxy'
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<std::ffi::OsString>,
    },
}

/// Where the configuration is.
#[derive(Args, Clone, Debug, Default)]
pub struct Files {
    /// Configuration file, or directory whose *.cfg files are read in order; may be repeated.
    /// Without it: $HAPROXY_CONFIG, /usr/local/etc/haproxy/haproxy.cfg,
    /// /etc/haproxy/haproxy.cfg, whichever is there first
    #[arg(short, long = "file", value_name = "PATH")]
    pub files: Vec<PathBuf>,
}

/// Which running process is meant.
#[derive(Args, Clone, Debug, Default)]
pub struct ControlArgs {
    /// Control socket of the process [default: /run/evenkeel.sock, else $XDG_RUNTIME_DIR or /tmp]
    #[arg(long, value_name = "SOCKET")]
    pub control: Option<PathBuf>,
}

/// `evenkeel top`.
#[derive(Args, Clone, Debug)]
pub struct TopArgs {
    /// Control socket.
    #[command(flatten)]
    pub control: ControlArgs,
    /// How often it looks
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = duration)]
    pub every: Duration,
    /// Print one frame of 80 columns and 24 lines, and end
    #[arg(long)]
    pub once: bool,
}

/// `evenkeel ctl`.
#[derive(Args, Clone, Debug)]
pub struct CtlArgs {
    /// Control socket of the process, of Evenkeel or HAProxy [default: /run/evenkeel.sock, else
    /// $XDG_RUNTIME_DIR or /tmp]
    #[arg(short, long, value_name = "SOCKET")]
    pub socket: Option<PathBuf>,
    /// The command. One argument may hold several with ';' between them. If it ends in '<<', the
    /// payload is read from standard input; without any, a script of commands is
    #[arg(value_name = "COMMAND", trailing_var_arg = true, allow_hyphen_values = true)]
    pub words: Vec<String>,
}

/// `evenkeel run`.
#[derive(Args, Clone, Debug)]
pub struct RunArgs {
    /// Configuration.
    #[command(flatten)]
    pub files: Files,
    /// Control socket.
    #[command(flatten)]
    pub control: ControlArgs,
    /// Watch this Docker engine beside the configuration files; may be repeated. unix://PATH,
    /// tcp://HOST:PORT, with TLS tcp://HOST:PORT?certs=FOLDER. Without a value: $DOCKER_HOST, else
    /// the local socket. Without any file that is the default
    #[arg(long, value_name = "HOST", num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "")]
    pub docker: Vec<String>,
    /// Watch no Docker engine
    #[arg(long, conflicts_with = "docker")]
    pub no_docker: bool,
    /// Ask this Consul for services that files name, and without -f, or with --listen, take routes
    /// from the metadata of all its services: HOST:PORT, http://, https://, unix:///PATH, several
    /// with ',' between them, and behind '?' options such as tag=edge&stale. Without an address
    /// (--consul ''): $CONSUL_HTTP_ADDR, else 127.0.0.1:8500
    #[arg(long, value_name = "URL")]
    pub consul: Option<String>,
    /// Where the built-in frontend for containers listens; may be repeated [default: 0.0.0.0:80]
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: Vec<std::net::SocketAddr>,
    /// Start although the configuration is missing or wrong, and wait until it is there
    #[arg(long)]
    pub wait_config: bool,
    /// Change only when told (signal HUP, 'evenkeel reload'), not when a file is saved
    #[arg(long)]
    pub no_watch: bool,
    /// Take the listening sockets over from the process that runs, and let that one finish.
    /// With a value: the control socket of that process
    #[arg(long, value_name = "SOCKET", num_args = 0..=1, require_equals = true)]
    pub take_over: Option<Option<PathBuf>>,
    /// Run this when a changed configuration is right and before it is used; if it fails, what runs
    /// stays [default: $HAPROXY_PRE_RESTART_CMD]
    #[arg(long, value_name = "COMMAND")]
    pub before_change: Option<String>,
    /// Run this after a change [default: $HAPROXY_POST_RESTART_CMD]
    #[arg(long, value_name = "COMMAND")]
    pub after_change: Option<String>,
    /// What of orders and changes given by commands outlives a reading of the files: 'all', the
    /// 'state' and weight of servers, or 'none'
    #[arg(long, value_name = "WHAT", value_enum, default_value_t)]
    pub keep_overrides: KeepOverrides,
    /// Worker threads [default: 'nbthread' of the configuration, else one per CPU]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=256))]
    pub workers: Option<u32>,
    /// After SIGTERM or SIGINT, how long requests in flight may take to finish
    #[arg(long, value_name = "TIME", default_value = "8s", value_parser = duration)]
    pub stop_grace: Duration,
    /// Write the process id to this file
    #[arg(long, value_name = "FILE")]
    pub pidfile: Option<PathBuf>,
    /// First line: the token that programs show to change something through the JSON interface
    /// [default: $EVENKEEL_API_TOKEN; without either nothing can be changed there]
    #[arg(long, value_name = "FILE")]
    pub api_token_file: Option<PathBuf>,
    /// How changes and whatever else happens are told on standard error: text for people, or one
    /// JSON object in each line
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub log_format: LogFormat,
}

/// What standard error is written for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// People.
    #[default]
    Text,
    /// Programs.
    Json,
}

/// What outlives a reading of the files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum KeepOverrides {
    /// Everything that the files still have a place for.
    All,
    /// States and weights of servers.
    #[default]
    State,
    /// Nothing.
    None,
}

impl From<KeepOverrides> for control::intent::Keep {
    fn from(keep: KeepOverrides) -> Self {
        match keep {
            KeepOverrides::All => Self::All,
            KeepOverrides::State => Self::State,
            KeepOverrides::None => Self::None,
        }
    }
}

/// `evenkeel check`.
#[derive(Args, Clone, Debug)]
pub struct CheckArgs {
    /// Configuration.
    #[command(flatten)]
    pub files: Files,
    /// Warnings are errors
    #[arg(long)]
    pub strict: bool,
    /// Do not resolve the names of servers
    #[arg(long)]
    pub no_resolve: bool,
    /// Colours
    #[arg(long, value_enum, default_value_t)]
    pub color: Color,
}

/// When to use colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// `evenkeel plan`.
#[derive(Args, Clone, Debug)]
pub struct PlanArgs {
    /// Compare with these files instead of those the process watches; may be repeated
    #[arg(short, long = "file", value_name = "PATH")]
    pub files: Vec<PathBuf>,
    /// Control socket.
    #[command(flatten)]
    pub control: ControlArgs,
}

/// `evenkeel healthcheck`.
#[derive(Args, Clone, Debug)]
pub struct HealthcheckArgs {
    /// How long the answer may take
    #[arg(long, value_name = "TIME", default_value = "3s", value_parser = duration)]
    pub timeout: Duration,
    /// Control socket of the process [default: $EVENKEEL_CONTROL, else /run/evenkeel.sock, else
    /// $XDG_RUNTIME_DIR or /tmp]
    #[arg(long, value_name = "SOCKET")]
    pub control: Option<PathBuf>,
}

/// `evenkeel containers`.
#[derive(Args, Clone, Debug)]
pub struct ContainersArgs {
    /// As JSON
    #[arg(long)]
    pub json: bool,
    /// Control socket.
    #[command(flatten)]
    pub control: ControlArgs,
}

/// `evenkeel explain`.
#[derive(Args, Clone, Debug)]
pub struct ExplainArgs {
    /// Address of the request: [http://]HOST[:PORT][/PATH], with the balancer's own port
    pub url: String,
    /// Method
    #[arg(short = 'X', long, value_name = "METHOD", default_value = "GET")]
    pub method: String,
    /// Header field of the request, 'Name: value'; may be repeated. Host replaces the address's
    #[arg(short = 'H', long = "header", value_name = "FIELD")]
    pub headers: Vec<String>,
    /// As JSON
    #[arg(long)]
    pub json: bool,
    /// Control socket.
    #[command(flatten)]
    pub control: ControlArgs,
}

/// `evenkeel wait-drained`.
#[derive(Args, Clone, Debug)]
pub struct WaitArgs {
    /// BACKEND/SERVER, or SERVER where only one backend has it
    pub server: String,
    /// Give up after this time, with exit code 1
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = duration)]
    pub timeout: Duration,
    /// Control socket.
    #[command(flatten)]
    pub control: ControlArgs,
}

/// `evenkeel rollout`.
#[derive(Args, Clone, Debug)]
pub struct RolloutArgs {
    /// Service of a Compose project
    pub service: String,
    /// Compose project [default: $COMPOSE_PROJECT_NAME, else the only one that has the service]
    #[arg(short, long, value_name = "NAME")]
    pub project: Option<String>,
    /// Replicas that are replaced together
    #[arg(long, value_name = "COUNT", default_value_t = 1, value_parser = count)]
    pub parallel: usize,
    /// How long new replicas may take until requests reach them
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = duration)]
    pub timeout: Duration,
    /// How long requests in flight on old replicas may take [default: the label evenkeel.drain,
    /// else 30s]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub drain: Option<Duration>,
    /// Say what would be done, and do nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Compose that makes the new replicas, such as 'docker compose' [default: the one that is
    /// installed, if the project's files are here]
    #[arg(long, value_name = "PROGRAM")]
    pub compose: Option<String>,
    /// Make new replicas as copies of the old ones, with the image as it is now
    #[arg(long, conflicts_with = "compose")]
    pub copy: bool,
    /// Docker engine [default: $DOCKER_HOST, else the local socket]
    #[arg(long, value_name = "HOST")]
    pub docker: Option<String>,
    /// Control socket.
    #[command(flatten)]
    pub control: ControlArgs,
}

fn count(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(n) if n > 0 => Ok(n),
        _ => Err("this is no number from 1 on".to_owned()),
    }
}

/// `evenkeel agent`.
#[derive(Args, Clone, Debug)]
pub struct AgentArgs {
    /// Docker socket
    #[arg(long, value_name = "PATH", default_value = "/var/run/docker.sock")]
    pub socket: PathBuf,
    /// Where balancers ask: unix://PATH or ADDRESS:PORT. Whoever reaches it reads every container's
    /// variables
    #[arg(long, value_name = "PLACE", value_parser = crate::agent::place)]
    pub listen: crate::agent::Place,
}

/// `evenkeel demo`.
#[derive(Args, Clone, Debug)]
pub struct DemoArgs {
    /// End after the show instead of staying up until Ctrl-C
    #[arg(long)]
    pub once: bool,
    /// Port of the balancer [default: a free one]
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub port: u16,
}

/// A time such as `500ms`, `8s`, `2m`, `1h`; a bare number is seconds.
fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let seconds_per_unit = match unit {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        "d" => 86400.0,
        _ => return Err(format!("unit '{unit}' is not one of ms, s, m, h, d")),
    };
    let number: f64 = number.parse().map_err(|_| format!("'{number}' is not a number"))?;
    Duration::try_from_secs_f64(number * seconds_per_unit).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_consistent() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }

    #[test]
    fn times_have_units() {
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("1.5s"), Ok(Duration::from_millis(1500)));
        assert_eq!(duration("2m"), Ok(Duration::from_secs(120)));
        assert_eq!(duration("7"), Ok(Duration::from_secs(7)));
        assert!(duration("7x").is_err() && duration("").is_err() && duration("s").is_err());
    }

    #[test]
    fn run_takes_several_files() {
        let cli = Cli::try_parse_from(["evenkeel", "run", "-f", "a", "-f", "b", "--take-over"]);
        let Ok(Cli { command: Command::Run(run) }) = cli else { panic!("{cli:?}") };
        assert_eq!(run.files.files, ["a", "b"].map(PathBuf::from));
        assert_eq!((run.take_over, run.stop_grace), (Some(None), Duration::from_secs(8)));
    }

    #[test]
    fn engines_are_several_and_the_usual_one_needs_no_name() {
        for (words, engines) in [
            (&["--docker", "--listen", "0.0.0.0:1"][..], &[""][..]),
            (&["--docker=tcp://a", "--docker", "--docker=tcp://b"], &["tcp://a", "", "tcp://b"]),
            (&[], &[]),
        ] {
            let cli = Cli::try_parse_from([&["evenkeel", "run"], words].concat());
            let Ok(Cli { command: Command::Run(run) }) = cli else { panic!("{cli:?}") };
            assert_eq!(run.docker, engines);
        }
    }

    #[test]
    fn haproxy_takes_whatever_follows() {
        let cli = Cli::try_parse_from(["evenkeel", "haproxy", "-c", "-f", "a"]);
        let Ok(Cli { command: Command::Haproxy { args } }) = cli else { panic!("{cli:?}") };
        assert_eq!(args, ["-c", "-f", "a"]);
    }
}
