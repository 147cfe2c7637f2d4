//! The front door: command line, signals and wiring, nothing else.
#![forbid(unsafe_code)]

mod agent;
mod api_token;
mod args;
mod change;
mod check;
mod clear;
mod consul;
mod containers;
mod ctl;
mod daemon;
mod demo;
mod drain;
mod figures;
mod files;
mod haproxy;
mod haproxy_args;
mod healthcheck;
mod hooks;
mod house;
mod identity;
mod limits;
mod live;
mod load;
mod memory;
mod names;
mod native;
mod orphans;
mod pieces;
mod plane;
mod process;
mod remote;
mod resolve;
mod rollout;
mod run;
mod say;
mod score;
mod sd_notify;
mod seats;
mod server_state;
mod services;
mod sessions;
mod signals;
mod sockets;
mod top;
mod turn;
mod version;
mod watch;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: proxy::Allocator = proxy::Allocator;

fn main() -> ExitCode {
    let mut args = std::env::args_os();
    let name = args.next().unwrap_or_default();
    if Path::new(&name).file_name().is_some_and(|n| n == "haproxy") {
        let args: Vec<OsString> = args.collect();
        return haproxy::main(&args);
    }
    native::main()
}
