//! Commands about stores that other HAProxy processes have: stick tables, caches, peers. There are
//! none here, and whoever asks is told so in the words that HAProxy has for names it does not know.

use super::{Args, Command, Reply, Run, commands};
use crate::ports::{House, Level};

pub(super) const COMMANDS: &[Command] = commands! {
    "clear table" "<table> [<filter>]*" User "forget entries of a stick table; there are none yet":
        Run::Now(|_, args| table(args, CLEAR_USAGE));
    "set table" "<table> key <key> [data.* <value>]*" User
        "change an entry of a stick table; there are none yet":
        Run::Now(|_, args| table(args, SET_USAGE));
    "show cache" "" Admin "caches; there are none yet": Run::Now(|_, _| Reply::done());
    "show peers" "[<section>]" User "peers; there are none yet": Run::Now(peers);
    "show table" "[<table> [<filter>]*]" User "stick tables; there are none yet":
        Run::Now(|_, args| match args.word(0) {
            None => Reply::done(),
            Some(_) => Reply::error(NO_TABLE),
        });
};

const NO_TABLE: &str = "No such table";
const SET_USAGE: &str = "Required arguments: <table> key <key> [data.<store_data_type> <value>]* \
                         or <table> ptr <ptr> [data.<store_data_type> <value>]*";
const CLEAR_USAGE: &str = "Required arguments: <table> \"data.<store_data_type>\" <operator> \
                           <value> or <table> key <key> or <table> ptr <ptr>";

fn table(args: Args<'_>, usage: &str) -> Reply {
    Reply::error(if args.word(0).is_some() { NO_TABLE } else { usage })
}

fn peers(_: &dyn House, args: Args<'_>) -> Reply {
    match args.word(0) {
        None => Reply::done(),
        Some(_) => Reply::error("No such peers"),
    }
}
