//! The response side: rewriting the server's cookie, inserting ours, keeping caches away.

use model::{CookieMode, CookiePersistence};

use super::Edit;
use super::date::Date;
use super::header::parts;
use super::request::{RequestCookie, RequestState};

/// What became of the cookie; the letter is the last of `%tsc` (manual 8.5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ResponseState {
    /// Nothing was set: N.
    #[default]
    None,
    /// The server's own was left: P.
    Passive,
    /// We inserted one: I.
    Inserted,
    /// We inserted a fresher one: U.
    Updated,
    /// The server's was rewritten: R.
    Rewritten,
    /// The server's was removed: D.
    Deleted,
}

impl ResponseState {
    /// The letter of the log field.
    #[must_use]
    pub fn letter(self) -> char {
        match self {
            Self::None => 'N',
            Self::Passive => 'P',
            Self::Inserted => 'I',
            Self::Updated => 'U',
            Self::Rewritten => 'R',
            Self::Deleted => 'D',
        }
    }
}

/// The work on one response: [`ResponseCookie::edit`] for each `Set-Cookie` header, then
/// [`ResponseCookie::insertion`] once.
#[derive(Debug)]
pub struct ResponseCookie<'a> {
    cookie: &'a CookiePersistence,
    request: &'a RequestCookie,
    value: Option<&'a str>,
    is_post: bool,
    state: ResponseState,
}

impl<'a> ResponseCookie<'a> {
    /// `value` is the cookie value of the server that answered, if it has one
    /// ([`crate::Member::cookie`]).
    #[must_use]
    pub fn new(
        cookie: &'a CookiePersistence,
        request: &'a RequestCookie,
        value: Option<&'a str>,
        is_post: bool,
    ) -> Self {
        Self { cookie, request, value, is_post, state: ResponseState::None }
    }

    /// What became of the cookie so far.
    #[must_use]
    pub fn state(&self) -> ResponseState {
        self.state
    }

    /// The last two letters of `%tsc`.
    #[must_use]
    pub fn letters(&self) -> (char, char) {
        if self.cookie.mode == CookieMode::Passive {
            return ('-', '-');
        }
        (self.request.state.letter(), self.state.letter())
    }

    /// Decides about one `Set-Cookie` header of the server. A new value goes to `out`.
    pub fn edit(&mut self, header: &[u8], out: &mut Vec<u8>) -> Edit {
        out.clear();
        let Some(part) = parts(header).next() else { return Edit::Keep };
        if &header[part.name.clone()] != self.cookie.name.as_bytes() {
            return Edit::Keep;
        }
        if self.cookie.preserve && self.cookie.mode != CookieMode::Passive {
            self.state = ResponseState::Passive;
            return Edit::Keep;
        }
        match (self.cookie.mode, self.value) {
            (CookieMode::Passive, _) => Edit::Keep,
            (CookieMode::Insert, _) => {
                self.state = ResponseState::Deleted;
                Edit::Remove
            }
            (_, None) => Edit::Keep,
            (mode, Some(ours)) => {
                self.state = ResponseState::Rewritten;
                out.extend_from_slice(&header[..part.name.end]);
                out.push(b'=');
                out.extend_from_slice(ours.as_bytes());
                if mode == CookieMode::Prefix {
                    out.push(b'~');
                    out.extend_from_slice(&header[part.value.clone()]);
                }
                out.extend_from_slice(&header[part.value.end..]);
                Edit::Replace
            }
        }
    }

    /// Writes the value of the `Set-Cookie` header to be added, if one is. `now_s` is seconds
    /// since 1970.
    pub fn insertion(&mut self, now_s: u64, out: &mut String) -> bool {
        out.clear();
        let due = self.cookie.mode == CookieMode::Insert
            && self.state != ResponseState::Passive
            && (!self.request.is_direct() || self.request.stale)
            && (!self.cookie.postonly || self.is_post);
        if !due {
            return false;
        }
        self.state = if self.request.is_direct() && self.request.state == RequestState::Valid {
            ResponseState::Updated
        } else {
            ResponseState::Inserted
        };
        out.push_str(&self.cookie.name);
        out.push('=');
        match self.value {
            Some(value) => {
                out.push_str(value);
                self.write_dates(Date::of(now_s), out);
            }
            None => out.push_str("; Expires=Thu, 01-Jan-1970 00:00:01 GMT"),
        }
        out.push_str("; path=/");
        for domain in &self.cookie.domains {
            out.push_str("; domain=");
            out.push_str(domain);
        }
        if self.cookie.httponly {
            out.push_str("; HttpOnly");
        }
        if self.cookie.secure {
            out.push_str("; Secure");
        }
        for attribute in &self.cookie.attributes {
            out.push_str("; ");
            out.push_str(attribute);
        }
        true
    }

    fn write_dates(&self, now: Date, out: &mut String) {
        if self.cookie.maxidle.is_none() && self.cookie.maxlife.is_none() {
            return;
        }
        out.push('|');
        now.write(out);
        if self.cookie.maxlife.is_some() {
            out.push('|');
            self.request.first.unwrap_or(now).write(out);
        }
    }

    /// Whether `Cache-Control: private` has to be added; `cacheable` as by [`is_cacheable`].
    #[must_use]
    pub fn keeps_caches_away(&self, cacheable: bool) -> bool {
        let inserted = matches!(self.state, ResponseState::Inserted | ResponseState::Updated);
        self.cookie.nocache && inserted && cacheable
    }
}

/// Whether a cache could store a response with these headers and use it later: it says for how
/// long or how to check, and nothing forbids it.
pub fn is_cacheable<'a>(headers: impl Iterator<Item = (&'a [u8], &'a [u8])>) -> bool {
    let mut lasting = false;
    for (name, value) in headers {
        if name.eq_ignore_ascii_case(b"cache-control") {
            for directive in value.split(|&b| b == b',') {
                let mut halves = directive.trim_ascii().splitn(2, |&b| b == b'=');
                let word = halves.next().unwrap_or_default().to_ascii_lowercase();
                match (word.as_slice(), halves.next()) {
                    (b"private" | b"no-cache" | b"no-store", None) => return false,
                    (b"max-age" | b"s-maxage", Some(age)) => {
                        let zero = age.trim_ascii().iter().all(|&b| b == b'0' || b == b'"');
                        if zero {
                            return false;
                        }
                        lasting = true;
                    }
                    _ => {}
                }
            }
        } else if name.eq_ignore_ascii_case(b"pragma") {
            if value.trim_ascii().eq_ignore_ascii_case(b"no-cache") {
                return false;
            }
        } else {
            lasting |= [&b"expires"[..], b"etag", b"last-modified"]
                .iter()
                .any(|w| name.eq_ignore_ascii_case(w));
        }
    }
    lasting
}
