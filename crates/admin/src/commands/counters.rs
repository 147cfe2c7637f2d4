//! Commands about counters.

use super::{Args, Command, Run};
use crate::ports::{House, Level};

pub(super) const COMMANDS: &[Command] = &[
    Command {
        words: &["clear", "counters"],
        args: "",
        help: "clear the maxima of the statistics",
        level: Level::Operator,
        run: Run::Now(|house, args| clear(house, args, false)),
    },
    Command {
        words: &["clear", "counters", "all"],
        args: "",
        help: "clear all counters of the statistics",
        level: Level::Admin,
        run: Run::Now(|house, args| clear(house, args, true)),
    },
];

fn clear(house: &dyn House, args: Args<'_>, all: bool) -> String {
    if !args.is_empty() {
        return "Only 'all' may follow 'clear counters'.\n".to_owned();
    }
    house.clear_counters(all);
    String::new()
}
