//! Commands about counters: show and clear.

use std::fmt::Write as _;

use super::{Args, Command, Reply, Run, commands};
use crate::ports::{House, Level};
use crate::stats::{Filter, csv, info, json, typed};

pub(super) const COMMANDS: &[Command] = commands! {
    "clear counters" "" Operator "clear the maxima of the statistics":
        Run::Now(|house, _| clear(house, false));
    "clear counters all" "" Admin "clear all counters of the statistics":
        Run::Now(|house, _| clear(house, true));
    "show info" "[desc|json|typed|float]*" User "figures of the process": Run::Now(process);
    "show resolvers" "[<section>]" User "figures of the name servers of all 'resolvers' sections, \
        or of one": Run::Now(resolvers);
    "show schema json" "" User "schema of the JSON that 'show info' and 'show stat' print":
        Run::Now(|_, _| Reply::listing(json::schema()));
    "show stat" "[<proxy> <kinds> <server>] [desc|json|no-maint|typed|up]*" User
        "statistics of every proxy and server": Run::Now(statistics);
};

fn clear(house: &dyn House, all: bool) -> Reply {
    house.clear_counters(all);
    Reply::done()
}

fn resolvers(house: &dyn House, args: Args<'_>) -> Reply {
    let mut rows = house.resolvers();
    if let Some(name) = args.word(0) {
        rows.retain(|row| row.name == name);
        if rows.is_empty() {
            return Reply::error("Can't find that resolvers section");
        }
    }
    let mut out = String::new();
    for row in rows {
        let _ = writeln!(out, "Resolvers section {}", row.name);
        for (server, figures) in row.servers {
            let _ = writeln!(out, " nameserver {server}:");
            for (name, value) in figures {
                let _ = writeln!(out, "  {:<13}{value}", format!("{name}:"));
            }
        }
    }
    Reply::listing(out)
}

fn process(house: &dyn House, args: Args<'_>) -> Reply {
    let has = |word: &str| args.words.contains(&word);
    let facts = house.process();
    let all = info::facts(&facts, has("float"));
    Reply::listing(if has("json") {
        json::facts(&all)
    } else if has("typed") {
        typed::facts(&all, has("desc"))
    } else {
        info::print(&all, has("desc"))
    })
}

fn statistics(house: &dyn House, args: Args<'_>) -> Reply {
    let options = ["desc", "json", "no-maint", "typed", "up"];
    let has = |word: &str| args.words.contains(&word);
    let mut filter = Filter { no_maint: has("no-maint"), up: has("up"), ..Filter::default() };
    let mut selection = args.words.iter().filter(|w| !options.contains(w));
    // -1 stands for all, in each of the three places; a proxy may be named.
    let id = |word: Option<&&str>| word.and_then(|w| w.parse::<u32>().ok());
    let proxy = selection.next();
    filter.proxy_id = id(proxy);
    filter.proxy = proxy.filter(|p| p.parse::<i64>().is_err()).map(|name| (*name).to_owned());
    if let Some(name) = &filter.proxy
        && !house.rows().iter().any(|r| r.proxy == *name)
    {
        return Reply::error("No such proxy.");
    }
    filter.kinds = id(selection.next()).unwrap_or(0);
    filter.server_id = id(selection.next());
    let rows = house.rows();
    Reply::listing(if has("json") {
        json::rows(&rows, &filter)
    } else if has("typed") {
        typed::rows(&rows, &filter, has("desc"))
    } else {
        csv::print(&rows, &filter)
    })
}
