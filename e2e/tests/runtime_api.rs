//! The runtime API beside HAProxy's: one file, one script of commands, the same answers up to a
//! stated list of differences.

use e2e::binaries::{self, Binary};
use e2e::client::{self, Socket};
use e2e::http::Reader;
use e2e::ports::{Address, Reservation};
use e2e::process::{Process, Scratch};
use regex::Regex;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(10);

/// What differs and why: commands that begin with the first word(s), the lines that may differ.
const DIFFERENCES: &[(&str, &str, &str)] = &[
    ("help", "^ ", "the help says what is built here, in words of its own"),
    (
        "",
        "^(  (help|prompt|quit|show|set|clear|get|add|del|echo|wait|user) |  [a-z]+ .*: )",
        "suggestions are those that begin alike",
    ),
    ("wait", "^( |Usage|Interrupted)", "usage in words of its own"),
    ("prompt", "^ |Usage|Changes|Without", "usage in words of its own"),
    ("show version", "^3\\.", "the version"),
    (
        "set rate-limit",
        "^   - '(ssl-sessions|http-compression) ",
        "nothing is compressed here, and connections are counted, whatever they speak",
    ),
    ("show stat", "^0x", "addresses of memory"),
];

/// Lines that may differ after masking; `None` when they are equal.
fn differs(command: &str, ours: &str, theirs: &str) -> bool {
    let allowed = |line: &str| {
        DIFFERENCES.iter().any(|(begin, pattern, _)| {
            command.starts_with(begin)
                && Regex::new(pattern).expect("a pattern of this file").is_match(line)
        })
    };
    let kept =
        |text: &str| -> Vec<String> { text.lines().filter(|l| !allowed(l)).map(mask).collect() };
    kept(ours) != kept(theirs)
}

/// What is never compared: pointers, times, sizes.
fn mask(line: &str) -> String {
    let masks = [("0x[0-9a-f]{6,}", "0x"), (r"\[\d\d/\w+/\d{4}:[\d:.]+\]", "[date]")];
    masks.iter().fold(line.to_owned(), |line, (pattern, with)| {
        Regex::new(pattern).expect("a pattern of this file").replace_all(&line, *with).into_owned()
    })
}

/// A server that answers every request; `/error` with 500, `/cut` with an answer that breaks off,
/// `/slow` after a moment.
struct Server {
    address: SocketAddr,
}

impl Server {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
        let address = listener.local_addr().expect("bound");
        std::thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                std::thread::spawn(move || serve(Socket::Tcp(socket)));
            }
        });
        Self { address }
    }
}

fn serve(socket: Socket) {
    let Ok(mut out) = socket.try_clone() else { return };
    let mut reader = Reader::new(socket, Duration::from_secs(60));
    while let Ok(head) = reader.head() {
        let target = head.word(1).to_owned();
        let message = reader.request_body(head);
        drop(message);
        let answer: &[u8] = match &*target {
            "/error" => b"HTTP/1.1 500 No\r\ncontent-length: 2\r\n\r\nno",
            "/missing" => b"HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\nno",
            "/cut" => b"HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\nhalf",
            "/garbage" => b"nothing like HTTP\r\n\r\n",
            "/held" => {
                std::thread::sleep(Duration::from_secs(5));
                b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
            }
            "/slow" => {
                std::thread::sleep(Duration::from_millis(300));
                b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
            }
            _ => b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
        };
        if out.write_all(answer).is_err() || target == "/cut" || target == "/garbage" {
            break;
        }
    }
    out.shutdown(Shutdown::Both);
}

/// One balancer under test.
struct Under {
    process: Process,
    socket: std::path::PathBuf,
    _scratch: Scratch,
}

impl Under {
    fn start(binary: &Binary, text: &str, addresses: &[SocketAddr]) -> Self {
        let scratch = Scratch::new().expect("a temporary directory");
        let socket = scratch.path.join("api.sock");
        let text = text.replace("SOCKET", &socket.display().to_string());
        let text = text.replace("DIR", &scratch.path.display().to_string());
        std::fs::write(scratch.path.join("a.map"), "k1 v1\nk2 v2\n").expect("written");
        std::fs::write(scratch.path.join("a.cfg"), text).expect("written");
        let mut process =
            Process::start(binary, &scratch.path, ["-f", "a.cfg", "-db"]).expect("runs");
        let mut all: Vec<Address> = addresses.iter().map(|a| Address::Tcp(*a)).collect();
        all.push(Address::Unix(socket.clone()));
        process.wait_listening(&all).unwrap_or_else(|why| panic!("{why}"));
        Self { process, socket, _scratch: scratch }
    }

    fn ask(&self, command: &str) -> String {
        ask(&self.socket, command)
    }
}

fn ask(socket: &Path, command: &str) -> String {
    client::command(socket, command).expect("a control socket answers")
}

fn both() -> Option<(Binary, Binary)> {
    match binaries::reference() {
        Ok(reference) => Some((binaries::evenkeel().expect("built"), reference)),
        Err(why) => {
            eprintln!("skipped: {why}");
            None
        }
    }
}

struct Stage {
    text: String,
    front: SocketAddr,
    stream: SocketAddr,
    _reservations: Vec<Reservation>,
    _servers: Vec<Server>,
}

/// A file with everything that commands are about.
fn stage() -> Stage {
    let servers = [Server::start(), Server::start()];
    let reservations: Vec<Reservation> =
        (0..4).map(|_| Reservation::new().expect("a port")).collect();
    let [front, stream, closed, list] = [0, 1, 2, 3].map(|at: usize| reservations[at].address);
    let text = format!(
        "global\n    stats socket SOCKET level admin\n    maxconn 1000\n    node here\n    \
         description some text\n    set-var proc.text str(\"a <b>\")\n    set-var proc.number \
         int(-5)\n    set-var proc.truth bool(true)\n    set-var proc.ip \
         str(1.2.3.4),ipmask(32)\ndefaults\n    mode http\n    timeout client 5s\n    \
         timeout server \
         1s\n    timeout connect 1s\n    timeout queue 1s\n    retries 2\nfrontend fe\n    bind \
         {front}\n    http-request deny if {{ path /denied }}\n    http-request return status 200 \
         if {{ path /own }}\n    use_backend dead if {{ path_beg /dead }}\n    use_backend moved \
         if \
         {{ path_beg /moved }}\n    use_backend narrow if {{ path_beg /narrow }}\n    \
         default_backend be\nbackend be\n    balance roundrobin\n    server s1 {} weight 10\n    \
         server s2 {} cookie x maxconn 50\n    server s3 {} disabled backup\nbackend dead\n    \
         server d1 {closed}\nbackend moved\n    option redispatch\n    server m1 {closed}\n    \
         server m2 {}\nbackend narrow\n    http-request set-path /slow\n    server n1 {} maxconn \
         1\nfrontend ft\n    mode tcp\n    bind {stream}\n    default_backend bt\nbackend bt\n    \
         mode tcp\n    server t1 {}\nlisten li\n    bind {list}\n    server l1 {}\n",
        servers[0].address,
        servers[1].address,
        servers[0].address,
        servers[0].address,
        servers[1].address,
        servers[0].address,
        servers[1].address,
    );
    Stage { text, front, stream, _reservations: reservations, _servers: servers.into() }
}

/// Sends the same commands to both and compares answer by answer.
fn compare(commands: &[&str]) {
    let Some((ours, theirs)) = both() else { return };
    let stage = stage();
    let answers = |binary: &Binary| -> Vec<String> {
        let under = Under::start(binary, &stage.text, &[stage.front, stage.stream]);
        commands.iter().map(|c| under.ask(c)).collect()
    };
    let (ours, theirs) = (answers(&ours), answers(&theirs));
    let mut wrong = String::new();
    for ((command, ours), theirs) in commands.iter().zip(&ours).zip(&theirs) {
        if differs(command, ours, theirs) {
            wrong.push_str(&format!("=== {command}\n--- HAProxy\n{theirs}--- Evenkeel\n{ours}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn commands_about_the_session_and_the_process() {
    compare(&[
        "show version",
        "show cli level",
        "echo hi there",
        "echo",
        "show version;;echo x",
        "prompt\nshow cli level\n\nquit",
        "prompt i\necho a\necho b\nquit",
        "prompt n\necho a\necho b",
        "operator;show cli level;user;show cli level;operator",
        "set severity-output number;get weight be/zz;get weight be/s1;echo x",
        "set severity-output string;get weight be/zz",
        "set severity-output foo",
        "set timeout cli 7",
        "set timeout cli",
        "set timeout cli x",
        "set timeout foo",
        "show env NOT_THERE",
        "get var",
        "get var proc.text",
        "get var proc.number",
        "get var proc.truth",
        "get var proc.ip",
        "get var proc.none",
        "get var txn.none",
        "get var nonsense",
        "set severity-output number;get var proc.text;get var proc.none",
        "set rate-limit",
        "set rate-limit connections global",
        "set rate-limit connections global -5",
        "set rate-limit connections there 5",
        "set rate-limit connections global 3000",
        "set rate-limit sessions global 3000",
        "wait 1ms",
        "wait",
        "wait x",
        "clear counters",
        "clear counters all",
        "foo",
        "show foo",
        "show startup-logs",
        "user;show env;show activity;show fd;clear counters;set weight be/s1 3;get weight be/s1",
        "operator;clear counters all;set server be/s1 state drain;disable frontend fe",
    ]);
}

#[test]
fn commands_about_servers() {
    compare(&[
        "show backend",
        "get weight be/s1",
        "get weight be/zz",
        "get weight zz/a",
        "get weight be",
        "set maxconn global 400",
        "set maxconn global 900",
        "set weight be/s1",
        "set weight be/s1 20",
        "get weight be/s1",
        "set weight be/s1 10%",
        "get weight be/s1",
        "set weight be/s1 x",
        "set weight be/s1 300",
        "set weight be/s1 -5",
        "set server",
        "set server be",
        "set server be/zz state ready",
        "set server zz/zz state ready",
        "set server be/s1 state",
        "set server be/s1 state xx",
        "set server be/s1 state drain",
        "set server be/s1 state maint",
        "set server be/s1 state ready",
        "disable server be/s2",
        "enable server be/s2",
        "enable server be/s3",
        "show servers state zz",
        "show servers conn zz",
    ]);
}

/// The answer to `show stat` as a table.
fn table(answer: &str) -> BTreeMap<String, BTreeMap<String, String>> {
    let mut lines = answer.lines().filter(|l| !l.is_empty());
    let names: Vec<&str> =
        lines.next().unwrap_or_default().trim_start_matches("# ").split(',').collect();
    lines
        .map(|line| {
            let values: Vec<&str> = line.split(',').collect();
            let row: BTreeMap<String, String> = names
                .iter()
                .zip(&values)
                .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
                .collect();
            (format!("{}/{}", values[0], values[1]), row)
        })
        .collect()
}

#[test]
fn the_figures_have_the_same_names_types_and_places() {
    let Some((ours, theirs)) = both() else { return };
    let stage = stage();
    let answers = |binary: &Binary| {
        let under = Under::start(binary, &stage.text, &[stage.front, stage.stream]);
        ["show stat", "show stat typed", "show info", "show info typed", "show stat json"]
            .map(|c| under.ask(c))
    };
    let (ours, theirs) = (answers(&ours), answers(&theirs));
    assert_eq!(ours[0].lines().next(), theirs[0].lines().next(), "columns");
    let (mine, others) = (table(&ours[0]), table(&theirs[0]));
    assert_eq!(mine.keys().collect::<Vec<_>>(), others.keys().collect::<Vec<_>>(), "rows");
    let mut wrong = String::new();
    for (name, row) in &others {
        for (column, value) in row {
            let ours = &mine[name][column];
            if ours != value && !matches!(&**column, "lastchg") {
                wrong.push_str(&format!("{name} {column}: {ours:?}, HAProxy has {value:?}\n"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    // Everything but the value itself.
    let types = |answer: &str| -> Vec<String> {
        answer.lines().map(|l| l.splitn(4, ':').take(3).collect::<Vec<_>>().join(":")).collect()
    };
    assert_eq!(types(&ours[1]), types(&theirs[1]), "typed statistics");
    assert_eq!(types(&ours[3]), types(&theirs[3]), "typed figures of the process");
    let names = |answer: &str| -> Vec<String> {
        answer.lines().map(|l| l.split(':').next().unwrap_or_default().to_owned()).collect()
    };
    assert_eq!(names(&ours[2]), names(&theirs[2]), "figures of the process");
    let shape = |answer: &str| {
        let numbers = Regex::new(r#""value":("[^"]*"|-?\d+)\}"#).expect("a pattern");
        numbers.replace_all(answer, "\"value\":_}").into_owned()
    };
    assert_eq!(shape(&ours[4]), shape(&theirs[4]), "JSON");
}

/// Sends one request on a connection of its own and reads the answer to its end.
fn request(address: SocketAddr, text: &str) -> Vec<u8> {
    let mut stream = std::net::TcpStream::connect(address).expect("a frontend");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time-out");
    // What is refused early may be closed before all is sent.
    let _ = stream.write_all(text.as_bytes());
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    answer
}

fn close(target: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n")
}

/// The traffic: answers, errors, refusals, retries, redispatches, a queue, aborts.
fn traffic(stage: &Stage, rounds: usize) {
    for _ in 0..rounds {
        for target in ["/", "/error", "/missing", "/denied", "/own", "/cut", "/garbage", "/moved"] {
            request(stage.front, &close(target));
        }
        request(stage.front, "nothing like HTTP\r\n\r\n");
        request(stage.front, "GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n");
        request(stage.front, &close("/"));
        request(
            stage.front,
            "POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 4\r\nconnection: close\r\n\r\nbody",
        );
        request(stage.stream, &close("/"));
        // Two requests on one connection.
        request(stage.front, &format!("GET / HTTP/1.1\r\nhost: h\r\n\r\n{}", close("/")));
    }
    request(stage.front, &close("/dead"));
    // A client that leaves while its server thinks.
    let mut stream = std::net::TcpStream::connect(stage.front).expect("a frontend");
    stream.write_all(close("/slow").as_bytes()).expect("sent");
    std::thread::sleep(Duration::from_millis(100));
    drop(stream);
    // Three at a time where one is allowed: two wait.
    let waiting: Vec<_> = (0..3)
        .map(|_| {
            let front = stage.front;
            std::thread::spawn(move || request(front, &close("/narrow")))
        })
        .collect();
    for thread in waiting {
        thread.join().expect("a client");
    }
    std::thread::sleep(Duration::from_millis(500));
}

#[test]
fn commands_from_the_command_line_reach_either() {
    let Some((ours, theirs)) = both() else { return };
    let stage = stage();
    let seen = |binary: &Binary| {
        let under = Under::start(binary, &stage.text, &[stage.front, stage.stream]);
        let ctl = |words: &[&str], input: &str| {
            let mut command = std::process::Command::new(&ours.path);
            command.arg("ctl").arg("-s").arg(&under.socket).args(words);
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
            let mut child = command.spawn().expect("runs");
            let mut stdin = child.stdin.take().expect("a pipe");
            stdin.write_all(input.as_bytes()).expect("read");
            drop(stdin);
            let output = child.wait_with_output().expect("ends");
            (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
        };
        [
            ctl(&["get", "weight", "be/s1"], ""),
            ctl(&["get", "weight", "be/zz"], ""),
            ctl(&["get weight be/s1;echo a  b"], ""),
            ctl(&["echo", "a b;c"], ""),
            ctl(&["set", "weight", "be/s1", "7"], ""),
            ctl(&[], "get weight be/s1\nget weight be/zz\necho end\n"),
        ]
    };
    let (mine, others) = (seen(&ours), seen(&theirs));
    assert_eq!(mine, others);
    assert_eq!(mine[0], (Some(0), "10 (initial 10)\n".to_owned()));
    assert_eq!(mine[1].0, Some(1));
}

/// `show sess` without ids, ports, our order and what stands behind the age; the control socket's
/// own session is listed by HAProxy alone.
fn sessions(answer: &str) -> Vec<String> {
    let source = Regex::new(r"0x[0-9a-f]+: proto=(\S+) src=([\d.]+):\d+ ").expect("a pattern");
    let inner = Regex::new(" ts=.*").expect("a pattern");
    let ours = Regex::new(" age=.*").expect("a pattern");
    let mut lines: Vec<String> = answer
        .lines()
        .filter(|l| !l.contains("fe=GLOBAL"))
        .map(|l| source.replace(l, "$1 $2 ").into_owned())
        .map(|l| ours.replace(&inner.replace(&l, ""), "").into_owned())
        .collect();
    lines.sort();
    lines
}

#[test]
fn sessions_in_progress_are_listed_and_ended() {
    let Some((ours, theirs)) = both() else { return };
    let stage = stage();
    // Long enough for all the questions.
    let text = stage.text.replace("set-path /slow", "set-path /held");
    let text = text.replace("timeout server 1s", "timeout server 10s");
    let text = text.replace("timeout queue 1s", "timeout queue 10s");
    let seen = |binary: &Binary| {
        let under = Under::start(binary, &text, &[stage.front, stage.stream]);
        // Three at a time where one is allowed, a silent TCP client, half a head, an idle one.
        let open = |address: SocketAddr, text: &str| {
            let mut stream = std::net::TcpStream::connect(address).expect("a frontend");
            stream.write_all(text.as_bytes()).expect("sent");
            stream
        };
        let narrow = "GET /narrow/slow HTTP/1.1\r\nhost: h\r\n\r\n".to_owned();
        let until = |holds: &dyn Fn(&str) -> bool| {
            let deadline = std::time::Instant::now() + PATIENCE;
            while !holds(&under.ask("show sess")) && std::time::Instant::now() < deadline {
                std::thread::sleep(Duration::from_millis(10));
            }
        };
        let mut tcp = open(stage.stream, "");
        let _idle = open(stage.front, "");
        let _half = open(stage.front, "GET /x");
        until(&|listed| listed.contains("srv=t1 "));
        let _held: Vec<_> = (0..3).map(|_| open(stage.front, &narrow)).collect();
        // One is served, and two wait for the same server.
        until(&|listed| listed.contains("srv=n1 ") && listed.matches("be=narrow ").count() == 3);
        let mut answers: Vec<String> = Vec::new();
        for command in [
            "show sess",
            "show sess backend narrow",
            "show sess frontend fe",
            "show sess server bt/t1",
            "show sess server zz/t1",
            "show sess server bt/zz",
            "show sess server bt",
            "show sess backend zz",
            "show sess frontend zz",
            "show sess older",
            "show sess older x",
            "show sess 0x1234",
            "show sess foo",
            "shutdown session",
            "shutdown session zz",
            "shutdown session 0x123456",
            "shutdown sessions server",
            "shutdown sessions server bt/zz",
            "shutdown frontend zz",
        ] {
            answers.push(format!("{command}\n{}", sessions(&under.ask(command)).join("\n")));
        }
        let id = under.ask("show sess server bt/t1");
        let id = id.split(':').next().expect("an id");
        let long = under.ask(&format!("show sess {id}"));
        let kept = ["  frontend=", "  backend=", "  server="];
        // Ports of our own, and numbers of proxies, which the statistics are compared for.
        let port = Regex::new(r"addr=.*|id=\d+ ").expect("a pattern");
        for line in long.lines().filter(|l| kept.iter().any(|k| l.starts_with(k))) {
            answers.push(port.replace_all(line, "").trim_end().to_owned());
        }
        answers.push(under.ask(&format!("shutdown session {id}")));
        let mut rest = Vec::new();
        tcp.set_read_timeout(Some(PATIENCE)).expect("a time-out");
        let ended = tcp.read_to_end(&mut rest);
        answers.push(format!("{:?} {rest:?}", ended.is_ok()));
        answers.push(sessions(&under.ask("show sess server bt/t1")).join("\n"));
        // HAProxy may have given the same pointer to the session of this very command.
        let again = under.ask(&format!("shutdown session {id}"));
        assert!(again.starts_with("No such") || binary.path != ours.path, "{again}");
        answers.push(under.ask("user;show sess;shutdown session 0x1"));
        answers.push(under.ask("operator;shutdown session 0x1;shutdown sessions server bt/t1"));
        answers
    };
    assert_eq!(seen(&ours), seen(&theirs));
}

/// Columns that are about time, or about what happens to be idle at the moment.
const NOT_COMPARED: &[&str] = &[
    "lastchg",
    "lastsess",
    "qtime",
    "ctime",
    "rtime",
    "ttime",
    "qtime_max",
    "ctime_max",
    "rtime_max",
    "ttime_max",
    "rate",
    "rate_max",
    "req_rate",
    "req_rate_max",
    "conn_rate",
    "conn_rate_max",
    "smax",
    "check_duration",
    "srv_icur",
    "idle_conn_cur",
    "safe_conn_cur",
    "used_conn_cur",
    "need_conn_est",
    "scur",
    "h1_open_connections",
    "h1_open_streams",
    "h1_bytes_in",
    "h1_bytes_out",
    "h1_total_connections",
    "h1_total_streams",
    "connect",
    "reuse",
];

/// Columns where bytes of heads count, which are written in another way.
const BYTES: &[&str] = &["bin", "bout"];

#[test]
fn counters_agree_after_the_same_traffic() {
    let Some((ours, theirs)) = both() else { return };
    let rounds: usize =
        std::env::var("EVENKEEL_COUNTER_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(7);
    let stage = stage();
    let counters = |binary: &Binary| {
        let under = Under::start(binary, &stage.text, &[stage.front, stage.stream]);
        traffic(&stage, rounds);
        let answer = under.ask("show stat");
        assert!(under.process.id() > 0);
        table(&answer)
    };
    let (mine, others) = (counters(&ours), counters(&theirs));
    let mut wrong = String::new();
    for (name, row) in &others {
        for (column, value) in row {
            let ours = &mine[name][column];
            if NOT_COMPARED.contains(&&**column) || BYTES.contains(&&**column) {
                continue;
            }
            if ours != value {
                wrong.push_str(&format!("{name} {column}: {ours:?}, HAProxy has {value:?}\n"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn the_exporter_has_the_same_names_and_types() {
    let Some((ours, theirs)) = both() else { return };
    let stage = stage();
    let text = stage.text.replace(
        "frontend fe\n",
        "frontend fe\n    http-request use-service prometheus-exporter if { path /metrics }\n",
    );
    let scrape = |binary: &Binary| {
        let _under = Under::start(binary, &text, &[stage.front, stage.stream]);
        [
            "",
            "?scope=server&no-maint",
            "?scope=",
            "?scope=foo",
            "?scope=global&extra-counters",
            "?metrics=haproxy_process_nbthread,haproxy_frontend_status",
        ]
        .map(|query| request(stage.front, &close(&format!("/metrics{query}"))))
        .map(|answer| String::from_utf8_lossy(&answer).into_owned())
    };
    // Names with labels, and types; figures that only one side has are left out.
    let names =
        |answer: &str| -> Vec<String> {
            answer
                .lines()
                .filter(|l| !l.contains("evenkeel_") && !l.contains("haproxy_resolver_"))
                .filter(|l| {
                    l.starts_with("haproxy_") || l.starts_with("# TYPE") || l.starts_with("HTTP")
                })
                .map(|l| {
                    if l.starts_with("haproxy") {
                        l.rsplit_once(' ').expect("a value").0
                    } else {
                        l
                    }
                })
                .map(|l| {
                    Regex::new("version=\"[^\"]*\"").expect("a pattern").replace(l, "").into_owned()
                })
                .map(|l| l.replace("400 Bad request", "400 Bad Request"))
                .collect()
        };
    for (ours, theirs) in scrape(&ours).iter().zip(&scrape(&theirs)) {
        let (ours, theirs) = (names(ours), names(theirs));
        let missing: Vec<_> = theirs.iter().filter(|l| !ours.contains(l)).collect();
        let more: Vec<_> = ours.iter().filter(|l| !theirs.contains(l)).collect();
        assert!(missing.is_empty() && more.is_empty(), "missing {missing:#?}\nmore {more:#?}");
        assert_eq!(ours, theirs, "another order");
    }
}
