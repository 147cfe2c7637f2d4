//! What the screen of `evenkeel top` knows: services, their replicas, and what changed since the
//! look before.

use std::collections::HashMap;
use std::time::Duration;

/// How long one that came is marked and one that went is still shown.
pub const MARKED: Duration = Duration::from_secs(5);

/// Rows that are remembered; of a larger process the first are shown.
pub const ROWS_MAX: usize = 20_000;

/// What a row is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A frontend.
    Frontend,
    /// A backend: a service.
    Service,
    /// A server: a replica.
    Replica,
}

/// A line of the screen.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// What it is about.
    pub kind: Kind,
    /// Proxy.
    pub proxy: String,
    /// Server, or the proxy's name.
    pub name: String,
    /// State, in HAProxy's words.
    pub status: String,
    /// Sessions now.
    pub sessions: u64,
    /// Waiting in the queue.
    pub queue: u64,
    /// Requests in a second, or sessions where there are none.
    pub rate: u64,
    /// Failed requests, connections and responses, and answers with 5xx.
    pub errors: u64,
    /// Of those, since the look before.
    pub new_errors: u64,
    /// Bytes to clients in a second.
    pub out_rate: u64,
    /// Time since the last change of state, seconds.
    pub since_s: Option<u64>,
    /// It came a moment ago.
    pub came: bool,
    /// It went a moment ago.
    pub went: bool,
    bytes_out: u64,
}

/// By what replicas are ordered below their service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// As configured.
    #[default]
    Configured,
    /// Most requests a second first.
    Rate,
    /// Most sessions first.
    Sessions,
    /// Most waiting first.
    Queue,
    /// Most errors first.
    Errors,
}

impl Order {
    const ALL: [Self; 5] =
        [Self::Configured, Self::Rate, Self::Sessions, Self::Queue, Self::Errors];

    /// Its name on the screen.
    pub fn name(self) -> &'static str {
        match self {
            Self::Configured => "configuration",
            Self::Rate => "rate",
            Self::Sessions => "sessions",
            Self::Queue => "queue",
            Self::Errors => "errors",
        }
    }

    /// The one so many places further.
    pub fn step(self, by: isize) -> Self {
        let at = Self::ALL.iter().position(|o| *o == self).unwrap_or(0);
        let at = at.cast_signed() + by;
        Self::ALL[at.rem_euclid(Self::ALL.len().cast_signed()).cast_unsigned()]
    }

    fn key(self, line: &Line) -> u64 {
        match self {
            Self::Configured => 0,
            Self::Rate => line.rate,
            Self::Sessions => line.sessions,
            Self::Queue => line.queue,
            Self::Errors => line.errors,
        }
    }
}

/// Everything that is shown.
#[derive(Debug, Default)]
pub struct Board {
    /// Figures of the process by their names in `show info`.
    pub info: HashMap<String, String>,
    /// The last changes, the newest last.
    pub changes: Vec<String>,
    /// The running generation.
    pub generation: String,
    /// Why there is nothing new.
    pub trouble: Option<String>,
    lines: Vec<Line>,
    /// When each came or went, by proxy and name.
    moves: HashMap<(String, String), Duration>,
    at: Option<Duration>,
}

impl Board {
    /// Takes the answers of the process to `show info` and `show stat`; `now` has any fixed origin.
    pub fn take(&mut self, now: Duration, info: &str, stat: &str) {
        self.info = info
            .lines()
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let elapsed = self.at.map(|at| now.saturating_sub(at).as_secs_f64());
        let mut before: HashMap<_, _> =
            self.lines.drain(..).map(|l| ((l.proxy.clone(), l.name.clone()), l)).collect();
        let mut lines = read(stat);
        for line in &mut lines {
            let key = (line.proxy.clone(), line.name.clone());
            match before.remove(&key).filter(|b| !b.went) {
                Some(old) => {
                    line.new_errors = line.errors.saturating_sub(old.errors);
                    let sent = line.bytes_out.saturating_sub(old.bytes_out) as f64;
                    line.out_rate = elapsed.map_or(0, |s| (sent / s.max(0.001)) as u64);
                }
                None if elapsed.is_some() => {
                    self.moves.insert(key.clone(), now);
                }
                None => {}
            }
            line.came = self.moves.get(&key).is_some_and(|at| now.saturating_sub(*at) < MARKED);
        }
        for (key, old) in before {
            if !old.went {
                self.moves.insert(key.clone(), now);
            }
            let recent = self.moves.get(&key).is_some_and(|at| now.saturating_sub(*at) < MARKED);
            if recent && old.kind == Kind::Replica {
                let gone = Line { went: true, came: false, rate: 0, new_errors: 0, ..old };
                // Below the replicas of its service that are left.
                let place = lines.iter().rposition(|l| l.proxy == gone.proxy);
                lines.insert(place.map_or(lines.len(), |at| at + 1), gone);
            }
        }
        self.moves.retain(|_, at| now.saturating_sub(*at) < MARKED);
        self.lines = lines;
        self.at = Some(now);
        self.trouble = None;
    }

    /// The lines in this order: frontends, then each service with its replicas.
    pub fn lines(&self, order: Order) -> Vec<&Line> {
        let (fronts, rest): (Vec<&Line>, Vec<&Line>) =
            self.lines.iter().partition(|l| l.kind == Kind::Frontend);
        let mut services: Vec<(&Line, Vec<&Line>)> = Vec::new();
        for line in rest.iter().filter(|l| l.kind == Kind::Service) {
            services.push((line, Vec::new()));
        }
        let place: HashMap<&str, usize> =
            services.iter().enumerate().map(|(at, (s, _))| (s.proxy.as_str(), at)).collect();
        for line in rest.iter().filter(|l| l.kind == Kind::Replica) {
            if let Some(at) = place.get(line.proxy.as_str()) {
                services[*at].1.push(line);
            }
        }
        let descending = |l: &&Line| std::cmp::Reverse(order.key(l));
        services.sort_by_key(|(service, _)| descending(service));
        let mut out = fronts;
        for (service, mut replicas) in services {
            replicas.sort_by_key(descending);
            out.push(service);
            out.extend(replicas);
        }
        out
    }
}

/// The rows of `show stat`, which is CSV.
fn read(stat: &str) -> Vec<Line> {
    let mut rows = stat.lines();
    let head = rows.next().unwrap_or_default().trim_start_matches("# ");
    let columns: HashMap<&str, usize> =
        head.split(',').enumerate().map(|(at, name)| (name, at)).collect();
    let lines = rows.filter(|row| !row.is_empty()).filter_map(|row| {
        let cells = cells(row);
        let text = |name: &str| columns.get(name).and_then(|at| cells.get(*at).cloned());
        let number = |name: &str| text(name).and_then(|t| t.parse::<u64>().ok());
        let kind = match text("type")?.as_str() {
            "0" => Kind::Frontend,
            "1" => Kind::Service,
            "2" => Kind::Replica,
            _ => return None,
        };
        let proxy = text("pxname")?;
        let name = if kind == Kind::Replica { text("svname")? } else { proxy.clone() };
        let errors = ["ereq", "econ", "eresp", "hrsp_5xx"];
        Some(Line {
            kind,
            name,
            proxy,
            status: text("status").unwrap_or_default(),
            sessions: number("scur").unwrap_or(0),
            queue: number("qcur").unwrap_or(0),
            rate: number("req_rate").or(number("rate")).unwrap_or(0),
            errors: errors.into_iter().filter_map(number).sum(),
            new_errors: 0,
            out_rate: 0,
            since_s: number("lastchg"),
            came: false,
            went: false,
            bytes_out: number("bout").unwrap_or(0),
        })
    });
    lines.take(ROWS_MAX).collect()
}

/// The cells of a line of CSV (RFC 4180).
fn cells(row: &str) -> Vec<String> {
    let mut out = vec![String::new()];
    let mut quoted = false;
    let mut chars = row.chars().peekable();
    while let Some(c) = chars.next() {
        let Some(cell) = out.last_mut() else { break };
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                cell.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => out.push(String::new()),
            c => cell.push(c),
        }
    }
    out
}

#[cfg(test)]
pub mod tests {
    use super::*;

    const HEAD: &str = "# pxname,svname,scur,qcur,rate,bout,hrsp_5xx,status,type,lastchg\n";

    pub fn stat(replicas: &[(&str, u64, u64)]) -> String {
        let mut text = format!("{HEAD}web,FRONTEND,3,,9,100,0,OPEN,0,\n");
        for (name, rate, errors) in replicas {
            text.push_str(&format!("api,{name},1,0,{rate},{},{errors},UP,2,70\n", rate * 100));
        }
        text + "api,BACKEND,2,1,8,300,1,UP,1,70\n"
    }

    fn at(s: u64) -> Duration {
        Duration::from_secs(s)
    }

    fn shown(board: &Board, order: Order) -> Vec<String> {
        let mark = |l: &Line| match (l.came, l.went) {
            (true, _) => "+",
            (_, true) => "-",
            _ => "",
        };
        board.lines(order).iter().map(|l| format!("{}{}", mark(l), l.name)).collect()
    }

    #[test]
    fn replicas_that_come_and_go_are_marked_for_a_moment() {
        let mut board = Board::default();
        board.take(at(10), "", &stat(&[("a", 1, 0), ("b", 2, 0)]));
        assert_eq!(shown(&board, Order::Configured), ["web", "api", "a", "b"]);
        board.take(at(11), "", &stat(&[("b", 2, 0), ("c", 3, 0)]));
        assert_eq!(shown(&board, Order::Configured), ["web", "api", "b", "+c", "-a"]);
        board.take(at(12), "", &stat(&[("a", 2, 0), ("b", 2, 0), ("c", 3, 0)]));
        assert_eq!(shown(&board, Order::Configured), ["web", "api", "+a", "b", "+c"]);
        board.take(at(18), "", &stat(&[("a", 2, 0), ("b", 2, 0), ("c", 3, 0)]));
        assert_eq!(shown(&board, Order::Configured), ["web", "api", "a", "b", "c"]);
    }

    #[test]
    fn figures_are_differences_from_look_to_look() {
        let mut board = Board::default();
        board.take(at(10), "CurrConns: 7\n", &stat(&[("a", 10, 1)]));
        board.take(at(12), "CurrConns: 8\n", &stat(&[("a", 30, 4)]));
        let lines = board.lines(Order::Configured);
        let a = lines.iter().find(|l| l.name == "a").expect("it is there");
        assert_eq!((a.out_rate, a.new_errors, a.errors), (1000, 3, 4));
        assert_eq!(board.info["CurrConns"], "8");
    }

    #[test]
    fn the_most_come_first_below_their_service() {
        let mut board = Board::default();
        board.take(at(0), "", &stat(&[("a", 1, 9), ("b", 5, 0)]));
        assert_eq!(shown(&board, Order::Rate), ["web", "api", "b", "a"]);
        assert_eq!(shown(&board, Order::Errors), ["web", "api", "a", "b"]);
        assert_eq!(Order::Configured.step(-1), Order::Errors);
        assert_eq!(Order::Errors.step(1), Order::Configured);
    }

    #[test]
    fn cells_in_quotes_are_one() {
        assert_eq!(cells("a,\"b,\"\"c\"\"\",,d"), ["a", "b,\"c\"", "", "d"]);
    }
}
