//! Sessions over an in-memory pipe, against a house that only remembers.

use std::cell::RefCell;
use std::os::fd::OwnedFd;
use std::path::PathBuf;

use control::{OrderError, ServerOrder};
use model::{Address, Name};
use proptest::prelude::*;

use super::*;
use crate::ports::{
    ControlSocket, Later, NotRemovable, Outcome, ProcessFacts, Report, ResolversRow, SessionRow,
};
use crate::stats::tests::facts;
use crate::stats::{Kind, Row};

struct Fake {
    orders: RefCell<Vec<ServerOrder>>,
    config: Arc<model::Config>,
}

impl Default for Fake {
    fn default() -> Self {
        Self { orders: RefCell::default(), config: lists() }
    }
}

impl House for Fake {
    fn process(&self) -> ProcessFacts {
        ProcessFacts { haproxy_version: "3.2.26".to_owned(), ..ProcessFacts::default() }
    }
    fn resolvers(&self) -> Vec<ResolversRow> {
        let servers = vec![("n1".to_owned(), vec![("sent", 3), ("cname_error", 0)])];
        vec![ResolversRow { name: "dns".to_owned(), servers }]
    }

    fn watches(&self) -> Vec<crate::ports::WatchRow> {
        Vec::new()
    }

    fn rows(&self) -> Vec<Row> {
        let row = |service: &str, kind, server| Row {
            proxy: "b".to_owned(),
            service: service.to_owned(),
            kind: Some(kind),
            server,
            ..Row::default()
        };
        vec![row("s", Kind::Server, Some(facts())), row("BACKEND", Kind::Backend, None)]
    }
    fn config_text(&self, secrets: bool) -> Option<String> {
        Some(if secrets { "user a password b\n" } else { "user a password ***\n" }.to_owned())
    }

    fn asks(&self, _: &str, _: &str) {}

    fn config(&self) -> Option<Arc<model::Config>> {
        Some(Arc::clone(&self.config))
    }
    fn order(&self, order: &ServerOrder) -> Result<(), OrderError> {
        if &*order.backend != "b" {
            return Err(OrderError::NoBackend);
        }
        self.orders.borrow_mut().push(order.clone());
        Ok(())
    }
    fn change(&self, change: crate::ports::Change) -> Result<String, String> {
        Err(format!("{change:?}"))
    }
    fn sessions(&self) -> Later<'_, Vec<SessionRow>> {
        Box::pin(async { Vec::new() })
    }
    fn end_session(&self, id: u64) -> Later<'_, bool> {
        Box::pin(async move { id == 0x12 })
    }
    fn clear_counters(&self, _: bool) {}
    fn control_sockets(&self) -> Vec<ControlSocket> {
        vec![ControlSocket { address: "/s".to_owned(), level: Level::User }]
    }
    fn report(&self, what: Report) -> String {
        format!("{what:?}\n")
    }
    fn removable(&self, name: &str) -> Result<(), NotRemovable> {
        let reason = "busy".to_owned();
        if name == "b/free" { Ok(()) } else { Err(NotRemovable { reason, passes: false }) }
    }
    fn startup_logs(&self) -> String {
        String::new()
    }
    fn variable(&self, name: &str) -> Option<(&'static str, String)> {
        (name == "proc.x").then(|| ("str", "y".to_owned()))
    }
    fn environment(&self) -> Vec<(String, String)> {
        vec![("A".to_owned(), "1".to_owned())]
    }
    fn status(&self) -> String {
        "fine\n".to_owned()
    }
    fn containers(&self, json: bool) -> Outcome {
        Outcome { ok: true, text: format!("{json}\n") }
    }
    fn explain(&self, words: &[&str]) -> Outcome {
        Outcome { ok: false, text: format!("{words:?}\n") }
    }
    fn changes(&self) -> crate::ports::Changes {
        crate::ports::Changes::default()
    }
    fn change_log(&self, _since: u64, _count: usize) -> Vec<control::Entry> {
        Vec::new()
    }
    fn reload(&self) -> Later<'_, Outcome> {
        Box::pin(async { Outcome { ok: false, text: "a.cfg:1: bad\n".to_owned() } })
    }
    fn plan(&self, files: Vec<PathBuf>) -> Later<'_, Outcome> {
        Box::pin(async move { Outcome { ok: true, text: format!("{files:?}\n") } })
    }
    fn wait_drained(&self, b: Option<Name>, s: Name, t: Duration) -> Later<'_, Outcome> {
        Box::pin(async move { Outcome { ok: true, text: format!("{b:?} {s} {t:?}\n") } })
    }
    fn serving(&self) -> Later<'_, Outcome> {
        Box::pin(async { Outcome { ok: false, text: "it is stopping\n".to_owned() } })
    }
    fn listeners(&self) -> io::Result<Vec<(Address, Vec<OwnedFd>)>> {
        Ok(Vec::new())
    }
    fn taken_over(&self, _: u32) {}
}

/// Files with patterns.
struct Lists;

impl config::Sources for Lists {
    fn read(&self, _: &str) -> Result<Arc<[u8]>, String> {
        Ok(Arc::from(&b"1 2\n3 4\n1 5\n"[..]))
    }
}

/// A configuration that looks files up in several ways.
fn lists() -> Arc<model::Config> {
    const TEXT: &[u8] = b"frontend f\n mode http\n http-request deny if { path -i -f a /x }\n \
        http-request set-path %[path,map_beg(m)]%[path,map_int_int(m)] if { src 10.0.0.0/8 } or \
        { path -m reg ^/a(.*) }\n";
    let mut files = config::Files::default();
    files.add(config::SourceFile::new("a.cfg".to_owned(), TEXT));
    let mut environment = config::Environment::new();
    let facts = config::Facts::default();
    let loaded = config::load(files, &Lists, &mut environment, &facts);
    Arc::new(loaded.config.expect("it is right"))
}

/// What a session answers to `input` when it starts at `level`.
fn talk(level: Level, input: &str) -> String {
    let house = Fake::default();
    talk_to(&house, level, input)
}

fn talk_to(house: &Fake, level: Level, input: &str) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    runtime.expect("a runtime can be made").block_on(async {
        let (mut ours, mut theirs) = tokio::io::duplex(1 << 20);
        ours.write_all(input.as_bytes()).await.expect("room for the input");
        ours.shutdown().await.expect("open");
        let rights =
            Rights { level, hand_over: false, timeout: Duration::from_secs(10), sessions_max: 1 };
        converse(&mut theirs, rights, house, "a test").await.expect("no error on a pipe");
        drop(theirs);
        let mut answer = String::new();
        ours.read_to_string(&mut answer).await.expect("text");
        answer
    })
}

#[test]
fn one_line_may_hold_several_commands() {
    let answer = talk(Level::User, "show version;show cli level\nshow version\n");
    assert_eq!(answer, "3.2.26\n\nuser\n\n", "and the second line is not read");
}

#[test]
fn a_prompt_keeps_the_session_open() {
    let answer = talk(Level::User, "prompt\nshow version\nquit\n");
    assert_eq!(answer, "\n> 3.2.26\n\n> ");
}

#[test]
fn levels_are_enforced_and_can_only_be_lowered() {
    assert_eq!(talk(Level::User, "set server b/s state drain\n"), "Permission denied\n\n");
    assert_eq!(talk(Level::Operator, "show env A\n"), "A=1\n\n");
    let answer = talk(Level::Admin, "user;show cli level;operator;disable server b/s\n");
    assert_eq!(answer, "\nuser\n\nPermission denied\n\nPermission denied\n\n");
}

#[test]
fn every_command_asks_for_its_level() {
    for command in commands::all() {
        let lower = match command.level {
            Level::User => continue,
            Level::Operator => Level::User,
            Level::Admin => Level::Operator,
        };
        let answer = talk(lower, &format!("{}\n", command.name));
        assert_eq!(answer, "Permission denied\n\n", "{}", command.name);
    }
}

#[test]
fn sessions_are_ended_by_their_id() {
    let answer = talk(Level::Admin, "shutdown session 0x12;shutdown session 0x13\n");
    assert_eq!(answer, "\nNo such session (use 'show sess').\n\n");
}

#[test]
fn orders_reach_the_house() {
    let house = Fake::default();
    let answer =
        talk_to(&house, Level::Admin, "disable server b/s;set weight b/s 5;enable server x/s\n");
    assert_eq!(answer, "\n\nNo such backend.\n\n");
    assert_eq!(house.orders.borrow().len(), 2);
}

#[test]
fn native_commands_begin_with_their_outcome() {
    assert_eq!(talk(Level::Admin, "reload\n"), "FAILED\na.cfg:1: bad\n\n");
    assert_eq!(talk(Level::Admin, "plan a\\ b\n"), "OK\n[\"a b\"]\n\n");
    assert_eq!(talk(Level::User, "wait drained s 500\n"), "OK\nNone s 500ms\n\n");
}

#[test]
fn sockets_are_passed_on_only_where_that_is_allowed() {
    let answer = talk(Level::Admin, "hand-over\n");
    assert!(answer.starts_with("Permission denied: "), "{answer}");
}

#[test]
fn a_line_without_end_is_a_line() {
    assert_eq!(talk(Level::User, "show version"), "3.2.26\n\n");
    assert_eq!(talk(Level::User, ""), "");
}

#[test]
fn the_prompt_has_modes() {
    assert_eq!(talk(Level::User, "prompt i\nshow version\nquit\n"), "\n3.2.26\n\n");
    assert_eq!(talk(Level::User, "prompt\nprompt\nquit\n"), "\n> \n");
    assert_eq!(
        talk(Level::User, "prompt timed\nshow version\nquit\n"),
        "\n[0:00:00:00]> 3.2.26\n\n[0:00:00:00]> "
    );
}

#[test]
fn messages_may_show_their_severity() {
    let answer = talk(
        Level::Admin,
        "set severity-output number;get weight b/x;show version;get weight b/s\n",
    );
    assert_eq!(answer, "\n[3]: No such server.\n\n[6]: 3.2.26\n\n1 (initial 1)\n\n");
    let answer = talk(Level::Admin, "set severity-output string;get weight b/x\n");
    assert_eq!(answer, "\n[err]: No such server.\n\n");
}

#[test]
fn a_payload_is_no_command() {
    let answer =
        talk(Level::User, "prompt\necho a <<\nshow version\nquit\n\nshow cli level\nquit\n");
    assert_eq!(answer, "\n> a\n\n> user\n\n> ");
    let answer = talk(Level::User, "prompt\necho a <<EOF\n\nquit\nEOF\nshow cli level\nquit\n");
    assert_eq!(answer, "\n> a\n\n> user\n\n> ");
}

#[test]
fn waiting_ends_when_it_must() {
    assert_eq!(talk(Level::Admin, "wait 10 srv-removable b/free\n"), "Done.\n\n");
    assert_eq!(talk(Level::Admin, "wait 10 srv-removable b/s\n"), "Failed.\n\n");
    assert_eq!(talk(Level::Admin, "wait 1ms\n"), "Done.\n\n");
    assert_eq!(talk(Level::Operator, "wait 1ms\n"), "Permission denied\n\n");
}

/// Words that mean something to some command, and others.
fn word() -> impl Strategy<Value = String> {
    let names: Vec<&str> = commands::all().map(|c| c.name).collect();
    prop_oneof![
        4 => prop::sample::select(names).prop_map(str::to_owned),
        4 => prop::sample::select(vec![
            "a", "m", "#0", "#1", "#2", "#3", "@1", "@2", "@0", "@x", "@", "#", "#0x1", "1", "/x",
            "b/s", "b", "f", "10.0.0.0/8", "<<", "<<E", "E", ";", "\n", "\\", "-1", "9999999999",
            "addr", "port", "agent-addr", "up", "down", "prompt i", "1 2", "",
        ]).prop_map(str::to_owned),
        1 => ".{0,12}",
    ]
}

proptest! {
    #[test]
    fn whatever_is_said_is_answered(words in prop::collection::vec(word(), 0..24)) {
        // 'wait' would.
        let said = words.join(" ").replace("wait", "echo");
        let answer = talk(Level::Admin, &format!("{said}\n"));
        let ended = answer.is_empty() || answer.ends_with('\n') || answer.ends_with("> ");
        prop_assert!(ended, "{:?}", answer);
    }

    #[test]
    fn entries_of_a_payload_are_those_of_the_map(
        pairs in prop::collection::vec(("[0-9]{1,3}", "[0-9]{1,3}"), 0..20),
    ) {
        let lines: String = pairs.iter().map(|(k, v)| format!("{k} {v}\n")).collect();
        let house = Fake::default();
        let map = "prompt i\nclear map m\nadd map m <<\n";
        let answer = talk_to(&house, Level::Admin, &format!("{map}{lines}\nshow map m\nquit\n"));
        let shown: Vec<(String, String)> = answer
            .lines()
            .filter_map(|l| l.strip_prefix("0x")?.split_once(' ')?.1.split_once(' '))
            .map(|(k, v)| (k.to_owned(), v.to_owned()))
            .collect();
        prop_assert_eq!(shown, pairs);
    }
}
