//! HTTP authentication: what the client says, and whether a userlist agrees.
use super::headers::first;
use super::{head, name_arg, str_arg, text};
use crate::arg::{Arg, Kind, may, must};
use crate::auth::User;
use crate::converters::base64_decode;
use crate::place::Need;
use crate::sample::{Bytes, Fetch, Sample, Type};
use crate::subject::{Side, Subject};
use crate::table::FetchKeyword;

use Need::Request;

type Keyword = FetchKeyword;

pub(super) const TABLE: &[FetchKeyword] = &[
    Keyword::new(
        "http_auth",
        &[must("userlist", Kind::Userlist)],
        Type::Bool,
        Request,
        http_auth,
        "true if name and password are right",
    ),
    Keyword::new(
        "http_auth_group",
        &[must("userlist", Kind::Userlist)],
        Type::Str,
        Request,
        http_auth_group,
        "name of the user if the password is right; ACLs match its groups",
    )
    .each(each_group),
    Keyword::new(
        "http_auth_user",
        &[],
        Type::Str,
        Request,
        |_, s| basic(s).and_then(|(user, _)| text(user)),
        "user name as the client sent it",
    ),
    Keyword::new(
        "http_auth_pass",
        &[],
        Type::Str,
        Request,
        |_, s| basic(s).and_then(|(_, password)| text(password)),
        "password as the client sent it",
    ),
    Keyword::new("http_auth_type", &[], Type::Str, Request, scheme, "Basic or Bearer"),
    Keyword::new(
        "http_auth_bearer",
        &[may("header", Kind::Str)],
        Type::Str,
        Request,
        bearer,
        "token of the Bearer scheme",
    ),
];

/// Scheme and credentials of a header.
fn credentials<'a>(subject: &'a dyn Subject, header: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let value = first(subject, Side::Request, header)?;
    let blank = value.iter().position(|b| *b == b' ')?;
    Some((value.get(..blank)?, value.get(blank..)?.trim_ascii()))
}

/// User and password of the Basic scheme.
pub(crate) fn basic(subject: &dyn Subject) -> Fetch<(Vec<u8>, Vec<u8>)> {
    head(subject, Side::Request).and_then(|()| {
        let (scheme, encoded) = match credentials(subject, b"authorization") {
            Some(found) => found,
            None => return Fetch::Missing,
        };
        if !scheme.eq_ignore_ascii_case(b"basic") {
            return Fetch::Missing;
        }
        let Some(mut user) = base64_decode(encoded) else { return Fetch::Missing };
        let Some(colon) = user.iter().position(|b| *b == b':') else { return Fetch::Missing };
        let password = user.split_off(colon + 1);
        user.truncate(colon);
        Fetch::Is((user, password))
    })
}

fn verified<'a>(args: &'a [Arg], subject: &'a dyn Subject) -> Fetch<(Vec<u8>, Option<&'a User>)> {
    basic(subject).map(|(user, password)| {
        let list = name_arg(args, 0).and_then(|name| subject.userlist(name));
        let verified = list.and_then(|list| list.verify(&user, &password));
        (user, verified)
    })
}

fn http_auth<'a>(args: &'a [Arg], subject: &'a dyn Subject) -> Fetch<Sample<'a>> {
    verified(args, subject).map(|(_, user)| Sample::Bool(user.is_some()))
}

fn http_auth_group<'a>(args: &'a [Arg], subject: &'a dyn Subject) -> Fetch<Sample<'a>> {
    verified(args, subject).and_then(|(name, user)| match user {
        Some(_) => text(name),
        None => Fetch::Missing,
    })
}

fn each_group<'a>(
    args: &'a [Arg],
    subject: &'a dyn Subject,
    f: &mut dyn FnMut(Sample<'a>) -> bool,
) -> Fetch<()> {
    verified(args, subject).map(|(_, user)| {
        let groups = user.map(|user| user.groups.as_slice()).unwrap_or_default();
        groups.iter().any(|group| f(Sample::Str(Bytes::from(group.as_str()))));
    })
}

fn scheme<'a>(_: &'a [Arg], subject: &'a dyn Subject) -> Fetch<Sample<'a>> {
    head(subject, Side::Request).and_then(|()| match credentials(subject, b"authorization") {
        Some((scheme, _)) if scheme.eq_ignore_ascii_case(b"basic") => text("Basic"),
        Some((scheme, _)) if scheme.eq_ignore_ascii_case(b"bearer") => text("Bearer"),
        _ => Fetch::Missing,
    })
}

fn bearer<'a>(args: &'a [Arg], subject: &'a dyn Subject) -> Fetch<Sample<'a>> {
    let header = str_arg(args, 0).filter(|header| !header.is_empty());
    head(subject, Side::Request).and_then(|()| {
        match credentials(subject, header.unwrap_or(b"authorization")) {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case(b"bearer") => text(token),
            _ => Fetch::Missing,
        }
    })
}
