//! The program under the name `haproxy`: its command line, messages and exit codes.

use std::ffi::OsString;
use std::process::ExitCode;

use crate::haproxy_args::{self, HaproxyArgs, HaproxyCommand};
use crate::load::{Loader, plain_reason};
use crate::run::{Control, Options};
use crate::say::Voice;
use crate::{check, run, version};

/// Set to anything, a saved file is taken over as by `evenkeel run`; HAProxy itself waits for a
/// signal.
const WATCH_VARIABLE: &str = "EVENKEEL_WATCH";

/// Set to a path, the native control socket is opened there; else a container's own process opens
/// it at the usual place, for `evenkeel healthcheck`.
pub const CONTROL_VARIABLE: &str = "EVENKEEL_CONTROL";

/// Reads the arguments after the program's name and does it.
pub fn main(args: &[OsString]) -> ExitCode {
    let facts = config::Facts::default();
    let loud = Voice::Haproxy { quiet: false };
    match haproxy_args::parse(args) {
        HaproxyCommand::Go(args) => go(*args),
        HaproxyCommand::Version => {
            print!("{}", version::short(&facts));
            ExitCode::SUCCESS
        }
        HaproxyCommand::VersionInFull => {
            print!("{}", version::full(&facts));
            ExitCode::SUCCESS
        }
        HaproxyCommand::MemoryHelp => {
            println!("-dM takes any value and does nothing: memory is not poisoned here.");
            ExitCode::SUCCESS
        }
        HaproxyCommand::Usage => {
            print!("{}", version::short(&facts));
            eprint!("{}", haproxy_args::USAGE);
            ExitCode::FAILURE
        }
        HaproxyCommand::MissingValue => {
            loud.alert("a switch at the end of the command line lacks its value.");
            ExitCode::FAILURE
        }
        HaproxyCommand::SocketWithoutMaster => {
            loud.alert(
                "a master CLI socket was defined, but master-worker mode (-W) is not enabled.",
            );
            ExitCode::FAILURE
        }
    }
}

fn go(args: HaproxyArgs) -> ExitCode {
    let voice = Voice::Haproxy { quiet: args.quiet };
    let mut loader = Loader::new(args.files.clone());
    loader.lenient = args.resolve_leniently;
    loader.maxconn = args.maxconn;
    loader.facts.diagnostic_mode = args.diagnostic;
    if let Some(peer) = &args.peer {
        loader.environment.set("HAPROXY_LOCALPEER", peer);
    }
    if let Some(condition) = &args.condition {
        return check::condition(condition, voice, &loader);
    }
    if let Some(directory) = &args.directory
        && let Err(e) = std::env::set_current_dir(directory)
    {
        let reason = plain_reason(&e);
        voice.alert(format!("Could not change to directory {} : {reason}", directory.display()));
        return ExitCode::FAILURE;
    }
    if args.check {
        return check::haproxy(&args, voice, &loader);
    }
    let consul = match crate::consul::Consul::find(None, false) {
        Ok(consul) => consul,
        Err(text) => {
            voice.alert(text);
            return ExitCode::FAILURE;
        }
    };
    run::run(Options {
        voice,
        haproxy: true,
        master: args.master,
        loader,
        containers: None,
        consul,
        api_token: crate::api_token::find(None).ok().flatten(),
        control: match std::env::var_os(CONTROL_VARIABLE) {
            Some(path) => Control::At(path.into()),
            None if crate::containers::is_containers_own() => Control::Quiet,
            None => Control::None,
        },
        master_socket: args.master_socket,
        wait_config: false,
        watch: std::env::var_os(WATCH_VARIABLE).is_some(),
        take_over: args.take_over,
        tell_ready: false,
        finish: args.finish,
        terminate: args.terminate,
        workers: None,
        stop_grace: None,
        pidfile: args.pidfile,
        daemon: args.daemon,
        foreground: args.foreground,
        notify: args.notify,
        zero_warning: args.zero_warning,
    })
}
