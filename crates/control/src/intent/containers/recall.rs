//! What was read the time before: of a new text only what differs is read again.
//!
//! A text consists of proxies, and a proxy of a head and of items (servers or routes). What is read
//! anew is a text of its own: what all proxies share, the heads and items that are new, and an
//! empty backend for each that is only named. Where proxies may refer to each other by more than
//! that, or such a text has a fault, the whole is read, as if nothing were known.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::IpAddr;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use model::{Backend, Config, Frontend, Name, Server, ServerIdentity};

use super::pools::Sorted;
use super::read_back::{self, Made, Reading, Warning};
use super::text::{Kind, Text};
use super::write::{Draft, Written};
use super::{Fault, Options};

/// Words by which a line depends on others of the text although they name nothing in it.
const TIES: [&str; 3] = ["id", "guid", "minconn"];

/// What is known from the time before.
#[derive(Debug, Default)]
pub struct Memo {
    last: Option<Last>,
    /// What was written last, where it is not remembered in parts.
    tied: Option<Text>,
}

impl Memo {
    /// What was written last.
    pub fn written(&self) -> &str {
        let last = self.last.as_ref().map(|last| &last.text);
        last.or(self.tied.as_ref()).map_or("", Text::as_str)
    }
}

#[derive(Debug)]
struct Last {
    text: Text,
    hosts: BTreeMap<String, IpAddr>,
    drain: BTreeMap<Name, Duration>,
    read: Read,
}

/// Everything read, proxies in the order of the text.
#[derive(Debug)]
struct Read {
    /// Global settings and userlists, and what was said about them.
    shared: Config,
    warnings: Vec<Warning>,
    proxies: Vec<Proxy>,
}

/// A proxy that was read.
#[derive(Debug)]
struct Proxy {
    at: Place,
    front: Option<Arc<Frontend>>,
    back: Option<Arc<Backend>>,
    /// Each item has become one server or one route, in order.
    by_item: bool,
    /// With the number of the item that they are about.
    warnings: Vec<(Option<usize>, Warning)>,
}

/// Where a proxy stands in a text.
#[derive(Clone, Debug)]
struct Place {
    /// Its kind and name, as its first line has them.
    title: String,
    /// Numbers of pieces: its head, its items, and perhaps what follows them.
    head: usize,
    items: Range<usize>,
    tail: Option<usize>,
}

impl Place {
    fn is_frontend(&self) -> bool {
        self.title.starts_with("frontend ")
    }

    fn name(&self) -> &str {
        self.title.split_once(' ').map_or("", |(_, name)| name)
    }
}

/// What of a proxy is known.
enum Use {
    /// All of it.
    Whole(usize),
    /// The head, and of each item its number in the known one.
    Head(usize, Vec<Option<usize>>),
    Nothing,
}

/// Reads a draft. Its servers have the identity of their containers then.
///
/// # Errors
/// Every fault, with who is to be left out for it.
pub fn read(
    memo: &mut Memo,
    draft: &mut Draft,
    sorted: &Sorted,
    options: &Options,
) -> Result<Made, Vec<Fault>> {
    let places = places(&draft.text);
    let tied = tied(&draft.text, &places, &draft.servers);
    let same = |last: &Last| {
        !tied && last.hosts == options.hosts && draft.text.same_piece(0, &last.text, 0)
    };
    let last = memo.last.take().filter(same);
    let mut read = match last.and_then(|last| again(draft, &places, last)) {
        Some(read) => read,
        None => whole(&draft.text, &places, options)?,
    };
    identify(&mut read.proxies, draft, sorted, tied);
    let made = read.made();
    memo.tied = tied.then(|| std::mem::take(&mut draft.text));
    if !tied {
        memo.last = Some(Last {
            text: std::mem::take(&mut draft.text),
            hosts: options.hosts.clone(),
            drain: draft.drain.clone(),
            read,
        });
    }
    Ok(made)
}

fn places(text: &Text) -> Vec<Place> {
    let mut places: Vec<Place> = Vec::new();
    for (piece, kind) in text.kinds().enumerate() {
        match (kind, places.last_mut()) {
            (Kind::Head, _) => {
                let mut words = text.piece_text(piece).split_ascii_whitespace();
                let (kind, name) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
                let title = format!("{kind} {name}");
                let items = piece + 1..piece + 1;
                places.push(Place { title, head: piece, items, tail: None });
            }
            (Kind::Item, Some(place)) => place.items.end = piece + 1,
            (Kind::Tail, Some(place)) => place.tail = Some(piece),
            _ => {}
        }
    }
    places
}

/// Whether somebody's words may refer to something elsewhere in the text.
fn tied(text: &Text, places: &[Place], servers: &[Written]) -> bool {
    let in_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':');
    let mut words: HashSet<String> = HashSet::new();
    let mut before = "";
    for said in text.free() {
        if std::mem::replace(&mut before, said) == said {
            continue;
        }
        let bare: String = said.chars().filter(|c| !matches!(c, '\'' | '"' | '\\')).collect();
        let all = bare.split(|c| !in_name(c)).filter(|word| !word.is_empty());
        words.extend(all.map(str::to_owned));
    }
    // Few words as a rule, and many names.
    let longest = words.iter().map(String::len).max().unwrap_or(0);
    let said = |name: &str| name.len() <= longest && words.contains(name);
    TIES.into_iter().any(said)
        || places.iter().map(Place::name).any(said)
        || servers.iter().any(|s| said(&s.server))
}

/// Everything read as one text.
fn whole(text: &Text, places: &[Place], options: &Options) -> Result<Read, Vec<Fault>> {
    let pieces = 0..text.kinds().count();
    let lines = pieces.flat_map(|piece| text.piece_lines(piece).map(move |_| Some(piece)));
    let reading = read_back::read(text, lines.collect(), &options.hosts)?;
    let index = Index::new(&reading);
    let proxies = places.iter().map(|at| index.proxy(at)).collect();
    let shared = Config {
        global: reading.config.global.clone(),
        userlists: reading.config.userlists.clone(),
        ..Config::default()
    };
    Ok(Read { shared, warnings: index.said(0).cloned().collect(), proxies })
}

/// Only what differs read; `None` where that does not do.
fn again(draft: &Draft, places: &[Place], last: Last) -> Option<Read> {
    let text = &draft.text;
    let mut finder = Finder { proxies: &last.read.proxies, at: 0, by_title: None };
    let uses: Vec<Use> = places
        .iter()
        .map(|at| finder.find(&at.title).map_or(Use::Nothing, |n| known(draft, at, &last, n)))
        .collect();
    let (mut part, mut lines) = (Text::default(), Vec::new());
    let mut anew = HashSet::new();
    let mut take = |part: &mut Text, piece: usize| {
        part.append(text, piece);
        lines.resize(part.line_count(), Some(piece));
    };
    take(&mut part, 0);
    for (at, what) in places.iter().zip(&uses) {
        match what {
            Use::Nothing => {
                std::iter::once(at.head)
                    .chain(at.items.clone())
                    .chain(at.tail)
                    .for_each(|piece| take(&mut part, piece));
            }
            Use::Head(_, items) if items.iter().any(Option::is_none) => {
                take(&mut part, at.head);
                let new = at.items.clone().zip(items).filter(|(_, known)| known.is_none());
                new.for_each(|(piece, _)| take(&mut part, piece));
            }
            _ => continue,
        }
        anew.insert(at.name());
    }
    let reading = if anew.is_empty() {
        Reading::default()
    } else {
        let named: HashSet<String> = targets(part.as_str()).map(str::to_owned).collect();
        for at in places.iter().filter(|at| !at.is_frontend()) {
            if named.contains(at.name()) && !anew.contains(at.name()) {
                part.ours(text.piece_text(at.head).lines().next().unwrap_or_default());
            }
        }
        lines.resize(part.line_count(), None);
        read_back::read(&part, lines, &last.hosts).ok()?
    };
    let index = Index::new(&reading);
    let mut proxies = Vec::with_capacity(places.len());
    let mut old: Vec<Option<Proxy>> = last.read.proxies.into_iter().map(Some).collect();
    for (at, what) in places.iter().zip(uses) {
        proxies.push(match what {
            Use::Nothing => index.proxy(at),
            Use::Whole(n) => Proxy { at: at.clone(), ..old[n].take()? },
            Use::Head(n, items) => index.join(at, old[n].take()?, &items)?,
        });
    }
    Some(Read { shared: last.read.shared, warnings: last.read.warnings, proxies })
}

/// Backends that a text names as the goal of a route.
fn targets(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| {
        let mut words = line.split_ascii_whitespace();
        let keyword = words.next()?;
        matches!(keyword, "use_backend" | "default_backend").then(|| words.next())?
    })
}

/// Finds proxies by their titles, most of which come in the order of the time before.
struct Finder<'a> {
    proxies: &'a [Proxy],
    at: usize,
    by_title: Option<HashMap<&'a str, usize>>,
}

impl Finder<'_> {
    fn find(&mut self, title: &str) -> Option<usize> {
        if self.proxies.get(self.at).is_none_or(|p| p.at.title != title) {
            let all = self.proxies.iter().enumerate();
            let by_title = self
                .by_title
                .get_or_insert_with(|| all.map(|(n, p)| (p.at.title.as_str(), n)).collect());
            self.at = by_title.get(title).copied()?;
        }
        self.at += 1;
        Some(self.at - 1)
    }
}

fn known(draft: &Draft, at: &Place, last: &Last, n: usize) -> Use {
    let text = &draft.text;
    let proxy = &last.read.proxies[n];
    let theirs = &proxy.at;
    let same = |mine: usize, theirs: usize| text.same_piece(mine, &last.text, theirs);
    let (drain, before) = (draft.drain.get(at.name()), last.drain.get(at.name()));
    if drain != before || !same(at.head, theirs.head) {
        return Use::Nothing;
    }
    let tails = match (at.tail, theirs.tail) {
        (Some(mine), Some(theirs)) => same(mine, theirs),
        (mine, theirs) => mine.is_none() && theirs.is_none(),
    };
    let pairs = || at.items.clone().zip(theirs.items.clone());
    if tails && at.items.len() == theirs.items.len() && pairs().all(|(a, b)| same(a, b)) {
        return Use::Whole(n);
    }
    if !proxy.by_item || at.tail.is_some() {
        return Use::Nothing;
    }
    // What is alike at both ends needs no search.
    let front = pairs().take_while(|(a, b)| same(*a, *b)).count();
    let ends = at.items.clone().rev().zip(theirs.items.clone().rev());
    let most = at.items.len().min(theirs.items.len()) - front;
    let back = ends.take(most).take_while(|(a, b)| same(*a, *b)).count();
    let middle = |items: &Range<usize>| items.start + front..items.end - back;
    let by_text: HashMap<&str, usize> =
        middle(&theirs.items).map(|piece| (last.text.piece_text(piece), piece)).collect();
    let find = |piece: usize| {
        let there = by_text.get(text.piece_text(piece)).copied()?;
        same(piece, there).then(|| there - theirs.items.start)
    };
    let tail = theirs.items.len() - back..theirs.items.len();
    let items = (0..front).map(Some).chain(middle(&at.items).map(find)).chain(tail.map(Some));
    Use::Head(n, items.collect())
}

/// What was read, by name.
struct Index<'r> {
    fronts: HashMap<&'r str, &'r Arc<Frontend>>,
    backs: HashMap<&'r str, &'r Arc<Backend>>,
    said: HashMap<usize, Vec<&'r Warning>>,
}

impl<'r> Index<'r> {
    fn new(reading: &'r Reading) -> Self {
        let mut said: HashMap<usize, Vec<&Warning>> = HashMap::new();
        for (piece, warning) in &reading.warnings {
            said.entry(*piece).or_default().push(warning);
        }
        let (fronts, backs) = (&reading.config.frontends, &reading.config.backends);
        Self {
            fronts: fronts.iter().map(|f| (&*f.name, f)).collect(),
            backs: backs.iter().map(|b| (&*b.name, b)).collect(),
            said,
        }
    }

    /// What was said about a piece.
    fn said(&self, piece: usize) -> impl Iterator<Item = &'r Warning> + use<'r, '_> {
        self.said.get(&piece).into_iter().flatten().copied()
    }

    fn said_in(&self, at: &Place) -> Vec<(Option<usize>, Warning)> {
        if self.said.is_empty() {
            return Vec::new();
        }
        let items = at.items.clone().enumerate().map(|(n, piece)| (Some(n), piece));
        let all = [(None, at.head)].into_iter().chain(items).chain(at.tail.map(|t| (None, t)));
        all.flat_map(|(n, piece)| self.said(piece).map(move |w| (n, w.clone()))).collect()
    }

    /// A proxy all of which was read.
    fn proxy(&self, at: &Place) -> Proxy {
        let front = self.fronts.get(at.name()).filter(|_| !at.title.starts_with("backend "));
        let back = self.backs.get(at.name()).filter(|_| !at.is_frontend());
        let items = match (front, back) {
            (_, Some(back)) => back.servers.len(),
            (Some(front), None) => front.use_backend.len(),
            (None, None) => 0,
        };
        Proxy {
            at: at.clone(),
            front: front.copied().cloned(),
            back: back.copied().cloned(),
            by_item: at.tail.is_none() && items == at.items.len(),
            warnings: self.said_in(at),
        }
    }

    /// A proxy of which some items were read; `None` where they were something else as well.
    fn join(&self, at: &Place, known: Proxy, items: &[Option<usize>]) -> Option<Proxy> {
        let new = items.iter().filter(|known| known.is_none()).count();
        let (mut front, mut back) = (known.front, known.back);
        if let Some(back) = &mut back {
            let read = if new == 0 { &[][..] } else { &self.backs.get(at.name())?.servers };
            let servers = merged(&back.servers, read, items, new)?;
            *back = Arc::new(Backend { servers, ..Backend::clone(back) });
        } else if let Some(front) = &mut front {
            let read = if new == 0 { &[][..] } else { &self.fronts.get(at.name())?.use_backend };
            let use_backend = merged(&front.use_backend, read, items, new)?;
            *front = Arc::new(Frontend { use_backend, ..Frontend::clone(front) });
        }
        let mut warnings = Vec::new();
        if !known.warnings.is_empty() {
            let mut at_item: HashMap<Option<usize>, Vec<Warning>> = HashMap::new();
            for (item, warning) in known.warnings {
                at_item.entry(item).or_default().push(warning);
            }
            let head = at_item.get(&None).into_iter().flatten();
            warnings.extend(head.map(|w| (None, w.clone())));
            for (n, item) in items.iter().enumerate().filter(|(_, item)| item.is_some()) {
                let said = at_item.get(item).into_iter().flatten();
                warnings.extend(said.map(|w| (Some(n), w.clone())));
            }
        }
        let fresh = self.said_in(at).into_iter();
        warnings.extend(fresh.filter(|(n, _)| n.is_some_and(|n| items[n].is_none())));
        Some(Proxy { at: at.clone(), front, back, by_item: true, warnings })
    }
}

/// The known and the new in the order of the items.
fn merged<T: Clone>(
    known: &[T],
    read: &[T],
    items: &[Option<usize>],
    new: usize,
) -> Option<Vec<T>> {
    let mut fresh = (read.len() == new).then(|| read.iter())?;
    items.iter().map(|item| item.map_or_else(|| fresh.next(), |n| known.get(n)).cloned()).collect()
}

/// Numbers proxies and servers, and gives servers the identity of their containers.
fn identify(proxies: &mut [Proxy], draft: &Draft, sorted: &Sorted, tied: bool) {
    let mut written = draft.servers.iter();
    for (id, proxy) in (1..).zip(proxies) {
        if let Some(front) = &mut proxy.front
            && front.id != id
            && !tied
        {
            Arc::make_mut(front).id = id;
        }
        let Some(back) = &mut proxy.back else { continue };
        let drain = draft.drain.get(&*back.name).copied().or(back.drain_timeout);
        if back.drain_timeout != drain || back.id != id && !tied {
            let back = Arc::make_mut(back);
            back.drain_timeout = drain;
            back.id = if tied { back.id } else { id };
        }
        for (n, written) in (0..).zip(written.by_ref().take(proxy.at.items.len())) {
            let at = match proxy.by_item {
                true => Some(n),
                false => back.servers.iter().position(|s| *s.name == *written.server),
            };
            let Some(at) = at else { continue };
            let Some(before) = back.servers.get(at) else { continue };
            let member = &sorted.variants[written.member.0].members[written.member.1];
            let id = if proxy.by_item && !tied { n as u32 + 1 } else { before.id };
            let identity = identity(written, &member.identity, &member.ports);
            let stopping = member.stopping;
            if before.identity != identity || before.stopping != stopping || before.id != id {
                let server = Server { identity, stopping, id, ..Server::clone(before) };
                Arc::make_mut(back).servers[at] = Arc::new(server);
            }
        }
    }
}

/// Each of several ports of a container is a server of its own.
fn identity(written: &Written, container: &ServerIdentity, ports: &[u16]) -> ServerIdentity {
    let mut identity = container.clone();
    if let ServerIdentity::Container { id, .. } = &mut identity
        && ports.first().is_some_and(|p| *p != written.port)
    {
        *id = format!("{id}:{}", written.port).into();
    }
    identity
}

impl Read {
    /// The containers' part of the configuration.
    fn made(&self) -> Made {
        let mut config = self.shared.clone();
        config.frontends = self.proxies.iter().filter_map(|p| p.front.clone()).collect();
        config.backends = self.proxies.iter().filter_map(|p| p.back.clone()).collect();
        let all = self.proxies.iter().flat_map(|p| p.warnings.iter().map(|(_, w)| w));
        let mut said = HashSet::new();
        let new = |w: &&Warning| said.insert((w.label.clone(), w.problem.reason.clone()));
        let warnings = self.warnings.iter().chain(all).filter(new).map(|w| w.problem.clone());
        Made { config, warnings: warnings.collect() }
    }
}
