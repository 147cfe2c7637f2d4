//! Checks that speak a protocol of their own: what they send, and what its answers mean
//! (manual 4.2, `option redis-check`, `smtpchk`, `pgsql-check`, `ldap-check`, `mysql-check`,
//! `ssl-hello-chk`).

use model::Protocol;

use crate::status::{CheckResult, CheckStatus};

/// What follows.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// More has to arrive.
    Wait,
    /// These bytes go out, and a new answer begins.
    Send(Vec<u8>),
    /// The check is over.
    Done(CheckResult),
}

/// An LDAPv3 bind without a name (RFC 4511 section 4.2).
const LDAP_BIND: &[u8] = b"\x30\x0c\x02\x01\x01\x60\x07\x02\x01\x03\x04\x00\x80\x00";

/// A hello of SSL 3 that offers every cipher there was (RFC 6101 section 5.6.1.2).
fn ssl_hello() -> Vec<u8> {
    let mut hello = b"\x16\x03\x00\x00\x79\x01\x00\x00\x75\x03\x00".to_vec();
    // The time that begins the random part does not matter to anybody who just says no.
    hello.extend_from_slice(b"\x00\x00\x00\x00");
    hello.extend_from_slice(b"EVENKEELSSLCHK EVENKEELCHK.\n");
    hello.extend_from_slice(b"\x00\x00\x4e");
    let ciphers = (0x01..=0x1b).chain(0x2f..=0x3a);
    hello.extend(ciphers.flat_map(|cipher: u8| [0, cipher]));
    hello.extend_from_slice(b"\x01\x00");
    hello
}

/// A start-up message of protocol 3.0.
fn pgsql_startup(user: &str) -> Vec<u8> {
    let mut body = b"\x00\x03\x00\x00user\0".to_vec();
    body.extend_from_slice(user.as_bytes());
    body.extend_from_slice(b"\0\0");
    let length = u32::try_from(body.len() + 4).unwrap_or(u32::MAX);
    [length.to_be_bytes().as_slice(), &body].concat()
}

/// A login without a password, and a good-bye.
fn mysql_login(user: &str, since_41: bool) -> Vec<u8> {
    let mut body = Vec::new();
    if since_41 {
        // Protocol 4.1 and secure connections, packets of any size, utf8.
        body.extend_from_slice(b"\x00\x82\x00\x00\x00\x80\x00\x01\x21");
        body.extend_from_slice(&[0; 23]);
    } else {
        body.extend_from_slice(b"\x00\x80\x00\x00\x01");
    }
    body.extend_from_slice(user.as_bytes());
    body.extend_from_slice(b"\0\0");
    let [a, b, c, _] = u32::try_from(body.len()).unwrap_or(u32::MAX).to_le_bytes();
    [&[a, b, c, 1][..], &body, b"\x01\x00\x00\x00\x01"].concat()
}

/// Says what to do after `stage` messages of ours and the answer `input` to the last of them.
/// `ended` = no more will arrive. `told` keeps what an earlier answer said.
pub(crate) fn next(
    protocol: &Protocol,
    stage: usize,
    input: &[u8],
    ended: bool,
    told: &mut String,
) -> Next {
    match protocol {
        Protocol::Redis => redis(stage, input, ended),
        Protocol::Smtp { hello } => smtp(hello, stage, input, ended),
        Protocol::Pgsql { user } => pgsql(user, stage, input, ended),
        Protocol::Ldap => ldap(stage, input, ended),
        Protocol::SslHello => ssl(stage, input, ended),
        Protocol::Mysql { login } => mysql(login.as_ref(), stage, input, ended, told),
    }
}

fn done(status: CheckStatus, code: Option<u16>, info: impl Into<String>) -> Next {
    Next::Done(CheckResult::with(status, code, info))
}

fn empty(status: CheckStatus, step: usize) -> Next {
    done(status, None, format!("TCPCHK got an empty response at step {step}"))
}

fn redis(stage: usize, input: &[u8], ended: bool) -> Next {
    const PONG: &[u8] = b"+PONG\r\n";
    if stage == 0 {
        return Next::Send(b"*1\r\n$4\r\nPING\r\n".to_vec());
    }
    if input.windows(PONG.len()).any(|w| w == PONG) {
        return done(CheckStatus::L7Ok, Some(0), "Redis server is ok");
    }
    if !ended {
        return Next::Wait;
    }
    let line = input.split(|&b| b == b'\r' || b == b'\n').next().unwrap_or_default();
    done(CheckStatus::L7Sts, Some(0), String::from_utf8_lossy(line))
}

/// Code and text of the last line of an answer; `None` while it is not there.
fn smtp_answer(input: &[u8]) -> Option<Result<(u16, String), ()>> {
    let end = input.iter().rposition(|&b| b == b'\n')?;
    let text = input.get(..end)?;
    let line = text.rsplit(|&b| b == b'\n').next()?;
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let (code, rest) = line.split_at_checked(3).unwrap_or((line, &[]));
    if rest.first() == Some(&b'-') {
        return None;
    }
    let code = std::str::from_utf8(code).ok().and_then(|code| code.parse().ok());
    let text = rest.get(1..).unwrap_or_default();
    Some(code.map(|code| (code, String::from_utf8_lossy(text).into_owned())).ok_or(()))
}

fn smtp(hello: &str, stage: usize, input: &[u8], ended: bool) -> Next {
    let answer = match smtp_answer(input) {
        None if ended => Err(()),
        None => return Next::Wait,
        Some(answer) => answer,
    };
    match (answer, stage) {
        (Err(()), _) => done(CheckStatus::L7Rsp, None, ""),
        (Ok((code @ 200..=299, text)), 2) => done(CheckStatus::L7Ok, Some(code), text),
        (Ok((200..=299, _)), 0) => Next::Send(format!("{hello}\r\n").into_bytes()),
        (Ok((200..=299, _)), _) => Next::Send(b"QUIT\r\n".to_vec()),
        (Ok((code, text)), _) => done(CheckStatus::L7Sts, Some(code), text),
    }
}

/// The text that ends with a zero.
fn text_at(input: &[u8], at: usize) -> String {
    let text = input.get(at..).unwrap_or_default();
    let text = text.split(|&b| b == 0).next().unwrap_or_default();
    String::from_utf8_lossy(text).into_owned()
}

fn pgsql(user: &str, stage: usize, input: &[u8], ended: bool) -> Next {
    if stage == 0 {
        return Next::Send(pgsql_startup(user));
    }
    match input {
        // An error begins with its severity, as field S.
        [b'E', _, _, _, _, _, ..] if ended || input.len() > 6 => {
            done(CheckStatus::L7Rsp, None, text_at(input, 6))
        }
        // A question for some kind of password, or none.
        [b'R', 0, 0, 0, 8 | 10 | 12, 0, 0, 0, 0 | 2..=6, ..] => {
            done(CheckStatus::L7Ok, Some(0), "PostgreSQL server is ok")
        }
        _ if !ended && input.len() < 9 => Next::Wait,
        _ => done(CheckStatus::L7Sts, Some(0), "PostgreSQL unknown error"),
    }
}

fn ldap(stage: usize, input: &[u8], ended: bool) -> Next {
    const WHERE: &str = "See RFC: http://tools.ietf.org/html/rfc4511#section-4.1.9";
    if stage == 0 {
        return Next::Send(LDAP_BIND.to_vec());
    }
    if input.len() < LDAP_BIND.len() && !ended {
        return Next::Wait;
    }
    // Lengths may take one byte, or five.
    fn after_length(at: &[u8]) -> Option<&[u8]> {
        at.get(if at.first() == Some(&0x84) { 5 } else { 1 }..)
    }
    let result = || {
        let message = after_length(input.strip_prefix(&[0x30])?)?;
        let bind = after_length(message.strip_prefix(&[2, 1, 1, 0x61])?)?;
        bind.strip_prefix(&[0x0a, 1])?.first().copied()
    };
    match result() {
        Some(0) => done(CheckStatus::L7Ok, Some(0), "Success"),
        Some(code) => done(CheckStatus::L7Sts, Some(u16::from(code)), WHERE),
        None => done(CheckStatus::L7Rsp, None, "Not LDAPv3 protocol"),
    }
}

fn ssl(stage: usize, input: &[u8], ended: bool) -> Next {
    if stage == 0 {
        return Next::Send(ssl_hello());
    }
    match input {
        [] if ended => empty(CheckStatus::L6Rsp, 2),
        [0x15 | 0x16, ..] if input.len() >= 5 => done(CheckStatus::L6Ok, None, ""),
        _ if input.len() < 5 && !ended => Next::Wait,
        _ => done(CheckStatus::L6Rsp, None, ""),
    }
}

fn mysql(
    login: Option<&(model::Name, bool)>,
    stage: usize,
    input: &[u8],
    ended: bool,
    told: &mut String,
) -> Next {
    let step = 2 + usize::from(login.is_some()) + 2 * stage;
    let whole = match *input {
        [] if ended => return empty(CheckStatus::L7Rsp, step),
        [a, b, c, _, ..] => 4 + u32::from_le_bytes([a, b, c, 0]) as usize,
        _ => usize::MAX,
    };
    if input.len() < whole || input.len() < 5 {
        return if ended { done(CheckStatus::L7Rsp, None, "") } else { Next::Wait };
    }
    if let [_, _, _, _, 0xff, low, high, ..] = *input {
        let code = u16::from_le_bytes([low, high]);
        let text = input.get(7..whole).unwrap_or_default();
        return done(CheckStatus::L7Sts, Some(code), String::from_utf8_lossy(text));
    }
    if stage == 0 {
        *told = text_at(input, 5);
        if let Some((user, since_41)) = login {
            return Next::Send(mysql_login(user, *since_41));
        }
    }
    done(CheckStatus::L7Ok, Some(0), told.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(protocol: &Protocol, stage: usize, input: &[u8], ended: bool) -> Next {
        next(protocol, stage, input, ended, &mut String::from("5.7"))
    }

    fn ends(protocol: &Protocol, stage: usize, input: &[u8]) -> (CheckStatus, Option<u16>, String) {
        match ask(protocol, stage, input, true) {
            Next::Done(r) => (r.status, r.code, r.info),
            other => panic!("{other:?}"),
        }
    }

    /// Answers and what HAProxy 3.2 makes of them.
    #[test]
    fn answers_mean_what_they_mean_to_haproxy() {
        use CheckStatus::{L6Ok, L6Rsp, L7Ok, L7Rsp, L7Sts};
        let pg = Protocol::Pgsql { user: "bob".into() };
        let my = Protocol::Mysql { login: Some(("bob".into(), true)) };
        let smtp = Protocol::Smtp { hello: "HELO localhost".into() };
        type Case<'a> = (&'a Protocol, usize, &'a [u8], CheckStatus, Option<u16>, &'a str);
        let cases: &[Case<'_>] = &[
            (&Protocol::Redis, 1, b"+PONG\r\n", L7Ok, Some(0), "Redis server is ok"),
            (&Protocol::Redis, 1, b"", L7Sts, Some(0), ""),
            (&Protocol::Redis, 1, b"-NO\r\n", L7Sts, Some(0), "-NO"),
            (&smtp, 0, b"554 no\r\n", L7Sts, Some(554), "no"),
            (&smtp, 2, b"221 bye\r\n", L7Ok, Some(221), "bye"),
            (&smtp, 0, b"", L7Rsp, None, ""),
            (&pg, 1, b"R\0\0\0\x08\0\0\0\0", L7Ok, Some(0), "PostgreSQL server is ok"),
            (&pg, 1, b"E\0\0\0\x20SFATAL\0C28000\0\0", L7Rsp, None, "FATAL"),
            (&pg, 1, b"", L7Sts, Some(0), "PostgreSQL unknown error"),
            (
                &Protocol::Ldap,
                1,
                b"0\x0c\x02\x01\x01a\x07\x0a\x01\0\x04\0\x04\0",
                L7Ok,
                Some(0),
                "Success",
            ),
            (&Protocol::Ldap, 1, b"no", L7Rsp, None, "Not LDAPv3 protocol"),
            (&Protocol::SslHello, 1, b"\x15\x03\0\0\x02", L6Ok, None, ""),
            (&Protocol::SslHello, 1, b"HTTP/1.1", L6Rsp, None, ""),
            (&my, 0, b"\x06\0\0\0\xff\x10\x04no!", L7Sts, Some(1040), "no!"),
            (&my, 1, b"\x03\0\0\x02\0\0\0", L7Ok, Some(0), "5.7"),
            (&my, 0, b"garbage", L7Rsp, None, ""),
            (&my, 0, b"", L7Rsp, None, "TCPCHK got an empty response at step 3"),
        ];
        for (protocol, stage, input, status, code, info) in cases {
            let got = ends(protocol, *stage, input);
            assert_eq!(got, (*status, *code, (*info).to_owned()), "{protocol:?} {input:?}");
        }
    }

    #[test]
    fn parts_of_an_answer_are_waited_for() {
        let my = Protocol::Mysql { login: None };
        let smtp = Protocol::Smtp { hello: "EHLO me".into() };
        assert_eq!(ask(&my, 0, b"\x4a\0\0\0\x0a", false), Next::Wait);
        assert_eq!(ask(&smtp, 1, b"250-one\r\n", false), Next::Wait);
        assert_eq!(ask(&smtp, 0, b"220 hi\r\n", false), Next::Send(b"EHLO me\r\n".to_vec()));
        let quit = ask(&smtp, 1, b"250-one\r\n250 two\r\n", false);
        assert_eq!(quit, Next::Send(b"QUIT\r\n".to_vec()));
        assert_eq!(ask(&Protocol::Ldap, 1, b"0\x0c", false), Next::Wait);
        assert_eq!(ask(&Protocol::SslHello, 1, b"\x16", false), Next::Wait);
    }

    #[test]
    fn lengths_within_messages_are_right() {
        let hello = ssl_hello();
        assert_eq!(hello.len(), 5 + 0x79);
        assert_eq!(pgsql_startup("bob").len(), 18);
        assert_eq!(mysql_login("bob", true).len(), 4 + 0x25 + 5);
        assert_eq!(mysql_login("bob", false).len(), 4 + 0x0a + 5);
    }
}
