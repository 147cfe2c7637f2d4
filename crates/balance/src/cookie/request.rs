//! The request side: which server a cookie names, and what the server gets to see of it.

use model::{CookieMode, CookiePersistence};

use super::Edit;
use super::date::Date;
use super::header::parts;
use crate::fleet::Fleet;

/// Separates our value from the server's in prefix mode.
const PREFIX_SEPARATOR: u8 = b'~';
/// Separates our value from the dates.
const DATE_SEPARATOR: u8 = b'|';

/// What the request brought; the letter is the first of `%tsc`'s last two (manual 8.5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RequestState {
    /// No cookie: N.
    #[default]
    None,
    /// It names no server: I.
    Invalid,
    /// Its server is down: D.
    Down,
    /// Valid: V.
    Valid,
    /// Unused for longer than `maxidle`: E.
    Expired,
    /// Older than `maxlife`: O.
    Old,
    /// Something else chose the server: U.
    Unused,
}

impl RequestState {
    /// The letter of the log field.
    #[must_use]
    pub fn letter(self) -> char {
        match self {
            Self::None => 'N',
            Self::Invalid => 'I',
            Self::Down => 'D',
            Self::Valid => 'V',
            Self::Expired => 'E',
            Self::Old => 'O',
            Self::Unused => 'U',
        }
    }
}

/// How far a cookie is to be followed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Persist {
    /// To servers that are up.
    #[default]
    Normal,
    /// To servers that are down as well (`force-persist`, `option persist`).
    Force,
    /// Not at all (`ignore-persist`).
    Ignore,
}

/// What was read from the request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RequestCookie {
    /// How good the cookie is.
    pub state: RequestState,
    /// The server it leads to, by index in the fleet.
    pub server: Option<usize>,
    /// The date of the first visit, to be kept in a new cookie.
    pub(crate) first: Option<Date>,
    /// The dates call for a fresh cookie although the old one is valid.
    pub(crate) stale: bool,
    /// A rule chose the server, or says that cookies do not count: none is made of that.
    pub(crate) by_rule: bool,
}

impl RequestCookie {
    /// The server that the cookie led to could not be reached and another one is used.
    pub fn redispatched(&mut self) {
        if self.server.take().is_some() {
            self.state = RequestState::Down;
        }
    }

    /// A `use-server` rule chose the server, whatever the cookie says.
    pub fn chosen_by_rule(&mut self) {
        self.by_rule = true;
        if self.state != RequestState::None {
            self.state = RequestState::Unused;
        }
        self.server = None;
    }

    /// The cookie or a rule chose the server, not the algorithm.
    pub(crate) fn is_direct(&self) -> bool {
        self.server.is_some() || self.by_rule
    }
}

/// Finds our cookie in the values of the request's `Cookie` headers; the first one counts.
/// `now_s` is seconds since 1970.
pub fn read_request<'a>(
    cookie: &CookiePersistence,
    headers: impl Iterator<Item = &'a [u8]>,
    fleet: &Fleet,
    persist: Persist,
    now_s: u64,
) -> RequestCookie {
    for header in headers {
        for part in parts(header) {
            if &header[part.name] == cookie.name.as_bytes() {
                return read_value(cookie, &header[part.value], fleet, persist, now_s);
            }
        }
    }
    RequestCookie { by_rule: persist == Persist::Ignore, ..RequestCookie::default() }
}

fn read_value(
    cookie: &CookiePersistence,
    value: &[u8],
    fleet: &Fleet,
    persist: Persist,
    now_s: u64,
) -> RequestCookie {
    let separator = match cookie.mode {
        CookieMode::Prefix => PREFIX_SEPARATOR,
        _ => DATE_SEPARATOR,
    };
    let mut pieces = value.splitn(3, |&b| b == separator);
    let name = pieces.next().unwrap_or_default();
    let mut found = RequestCookie::default();
    if persist == Persist::Ignore {
        found.state = RequestState::Unused;
        found.by_rule = true;
        return found;
    }
    if cookie.mode == CookieMode::Insert {
        let last = pieces.next().and_then(Date::parse);
        let first = pieces.next().and_then(Date::parse);
        if let Some(ended) = check_dates(cookie, last, first, Date::of(now_s)) {
            found.state = ended;
            return found;
        }
        found.first = first;
        found.stale = is_stale(cookie, last, first, Date::of(now_s));
    }
    let Some(index) = server_of(fleet, name) else {
        found.state = RequestState::Invalid;
        return found;
    };
    let alive = fleet.members()[index].state.is_alive();
    found.state = if alive { RequestState::Valid } else { RequestState::Down };
    found.server = (alive || persist == Persist::Force).then_some(index);
    found
}

fn server_of(fleet: &Fleet, value: &[u8]) -> Option<usize> {
    fleet.server_of_cookie(std::str::from_utf8(value).ok().filter(|v| !v.is_empty())?)
}

fn check_dates(
    cookie: &CookiePersistence,
    last: Option<Date>,
    first: Option<Date>,
    now: Date,
) -> Option<RequestState> {
    let over = |max: Option<std::time::Duration>, date: Option<Date>| {
        max.zip(date).is_some_and(|(m, d)| d.is_over(m.as_secs(), now))
    };
    if over(cookie.maxidle, last) {
        Some(RequestState::Expired)
    } else if over(cookie.maxlife, first) {
        Some(RequestState::Old)
    } else {
        None
    }
}

fn is_stale(
    cookie: &CookiePersistence,
    last: Option<Date>,
    first: Option<Date>,
    now: Date,
) -> bool {
    if cookie.maxidle.is_none() && cookie.maxlife.is_none() {
        return last.is_some() || first.is_some();
    }
    (cookie.maxidle.is_some() && last.is_none())
        || cookie.maxlife.is_some() != first.is_some()
        || last.is_some_and(|d| d < now)
}

/// What the server sees of one `Cookie` header: with `insert indirect` our cookie is hidden, with
/// `prefix` our part of its value is. The new value goes to `out`, which is cleared first.
pub fn edit_request_cookie(cookie: &CookiePersistence, header: &[u8], out: &mut Vec<u8>) -> Edit {
    out.clear();
    let hide = cookie.mode == CookieMode::Insert && cookie.indirect;
    let strip = cookie.mode == CookieMode::Prefix;
    if !hide && !strip {
        return Edit::Keep;
    }
    let mut changed = false;
    let mut kept_real = false;
    for part in parts(header) {
        let ours = &header[part.name.clone()] == cookie.name.as_bytes();
        if ours && hide {
            changed = true;
            continue;
        }
        let text = header[part.whole.clone()].trim_ascii();
        kept_real |= !text.starts_with(b"$") && !text.is_empty();
        if !out.is_empty() {
            out.extend_from_slice(b"; ");
        }
        let value = &header[part.value.clone()];
        match value.iter().position(|&b| b == PREFIX_SEPARATOR) {
            Some(i) if ours => {
                changed = true;
                out.extend_from_slice(cookie.name.as_bytes());
                out.push(b'=');
                out.extend_from_slice(&value[i + 1..]);
            }
            _ => out.extend_from_slice(text),
        }
    }
    if !changed {
        out.clear();
        return Edit::Keep;
    }
    // Only attributes (`$Version`, `$Path`) would be left: they belong to no cookie.
    if kept_real { Edit::Replace } else { Edit::Remove }
}
