//! The native commands, from what was typed to what is done.

use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use crate::args::{Cli, Command, LogFormat, RunArgs};
use crate::consul::Consul;
use crate::hooks::Hooks;
use crate::load::Loader;
use crate::run::{Control, Options};
use crate::say::Voice;
use crate::{agent, check, containers, files, haproxy, remote, rollout, run};

/// Reads the command line and does it.
pub fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Run(args) => start(args),
        Command::Check(args) => check::native(&args),
        Command::Plan(args) => remote::plan(&args),
        Command::Reload(args) => remote::reload(&args),
        Command::Status(args) => remote::status(&args),
        Command::Top(args) => crate::top::main(&args),
        Command::Healthcheck(args) => crate::healthcheck::main(&args),
        Command::Containers(args) => remote::containers(&args),
        Command::Explain(args) => remote::explain(&args),
        Command::WaitDrained(args) => remote::wait_drained(&args),
        Command::Rollout(args) => rollout::main(&args),
        Command::Ctl(args) => crate::ctl::main(&args),
        Command::Agent(args) => agent::main(&args),
        Command::Demo(args) => crate::demo::main(&args),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "evenkeel", &mut std::io::stdout());
            ExitCode::SUCCESS
        }
        Command::Haproxy { args } => haproxy::main(&args),
    }
}

/// What the command line says about containers.
fn wish(args: &RunArgs, routes: bool) -> containers::Wish {
    containers::Wish {
        consul: routes,
        docker: args.docker.clone(),
        none: args.no_docker,
        listen: args.listen.clone(),
        files_named: !args.files.files.is_empty(),
    }
}

fn start(args: RunArgs) -> ExitCode {
    let voice = match args.log_format {
        LogFormat::Text => Voice::Native,
        LogFormat::Json => Voice::Json,
    };
    let routes = args.consul.is_some() && (args.files.files.is_empty() || !args.listen.is_empty());
    let wish = wish(&args, routes);
    let consul = Consul::find(args.consul.as_deref(), routes);
    let (consul, containers) = match consul.and_then(|c| Ok((c, containers::find(wish)?))) {
        Ok(providers) => providers,
        Err(text) => {
            voice.alert(text);
            return ExitCode::FAILURE;
        }
    };
    let paths = match files::paths(&args.files.files) {
        Ok(paths) => paths,
        // Nothing but containers is enough.
        Err(_) if containers.is_some() => Vec::new(),
        Err(text) => {
            voice.alert(text);
            return ExitCode::FAILURE;
        }
    };
    let take_over = match &args.take_over {
        None => None,
        Some(given) => match remote::find(given.as_deref().or(args.control.control.as_deref())) {
            Ok(path) => Some(path),
            Err(text) => {
                voice.alert(text);
                return ExitCode::FAILURE;
            }
        },
    };
    let api_token = match crate::api_token::find(args.api_token_file.as_deref()) {
        Ok(token) => token,
        Err(text) => {
            voice.alert(text);
            return ExitCode::FAILURE;
        }
    };
    let mut loader = Loader::new(paths);
    loader.hooks = Hooks::new(args.before_change, args.after_change);
    loader.keep = args.keep_overrides.into();
    run::run(Options {
        voice,
        haproxy: false,
        master: true,
        loader,
        containers,
        consul,
        api_token,
        control: args.control.control.map_or(Control::Usual, Control::At),
        master_socket: None,
        wait_config: args.wait_config,
        watch: !args.no_watch,
        tell_ready: take_over.is_some(),
        take_over,
        finish: Vec::new(),
        terminate: Vec::new(),
        workers: args.workers,
        stop_grace: Some(args.stop_grace),
        pidfile: args.pidfile,
        daemon: false,
        foreground: false,
        notify: true,
        zero_warning: false,
    })
}
