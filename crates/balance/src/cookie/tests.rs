//! Cookies against what HAProxy 3.2 answered to the same requests.

use std::sync::Arc;
use std::time::Duration;

use model::{AdminReason, CookieMode, CookiePersistence};

use super::*;
use crate::Fleet;
use crate::testing;

/// A moment whose date is awW1V.
const NOW_S: u64 = 1_795_536_212;

fn cookie(mode: CookieMode, change: impl FnOnce(&mut CookiePersistence)) -> CookiePersistence {
    let mut cookie = CookiePersistence {
        name: "S".into(),
        mode,
        indirect: false,
        nocache: false,
        postonly: false,
        preserve: false,
        httponly: false,
        secure: false,
        domains: Vec::new(),
        maxidle: None,
        maxlife: None,
        attributes: Vec::new(),
        dynamic_key: None,
    };
    change(&mut cookie);
    cookie
}

fn fleet(cookie: &CookiePersistence) -> Fleet {
    let backend = testing::backend(3, |b, servers| {
        b.cookie = Some(cookie.clone());
        servers[2].cookie = None;
    });
    Fleet::new(Arc::clone(&backend), None, 0)
}

/// What happens to a request with this `Cookie` header and a response that the named server
/// (or, when the cookie names none, server a) answers with this `Set-Cookie` header.
fn exchange(cookie: &CookiePersistence, sent: &str, set: &str, is_post: bool) -> String {
    let fleet = fleet(cookie);
    let mut out = Vec::new();
    let headers = Some(sent.as_bytes()).filter(|s| !s.is_empty());
    let request = read_request(cookie, headers.into_iter(), &fleet, Persist::Normal, NOW_S);
    let seen = match edit_request_cookie(cookie, sent.as_bytes(), &mut out) {
        Edit::Keep => sent.to_owned(),
        Edit::Remove => "-".to_owned(),
        Edit::Replace => String::from_utf8(out.clone()).unwrap(),
    };
    let member = &fleet.members()[request.server.unwrap_or(0)];
    let mut response = ResponseCookie::new(cookie, &request, member.cookie.as_deref(), is_post);
    let mut answers = Vec::new();
    if !set.is_empty() {
        match response.edit(set.as_bytes(), &mut out) {
            Edit::Keep => answers.push(set.to_owned()),
            Edit::Remove => {}
            Edit::Replace => answers.push(String::from_utf8(out.clone()).unwrap()),
        }
    }
    let mut inserted = String::new();
    if response.insertion(NOW_S, &mut inserted) {
        answers.push(inserted);
    }
    let (a, b) = response.letters();
    format!("{} <{seen}> {} {a}{b}", member.config.name, answers.join(" + "))
}

#[test]
fn insert_indirect() {
    let c = cookie(CookieMode::Insert, |c| c.indirect = true);
    for (sent, set, expected) in [
        ("", "", "a <> S=va; path=/ NI"),
        ("S=va", "", "a <->  VN"),
        ("S=vb; x=1", "", "b <x=1>  VN"),
        ("x=1; S=vb", "", "b <x=1>  VN"),
        ("x=1; S=vb; y=2", "", "b <x=1; y=2>  VN"),
        ("S=zz", "", "a <-> S=va; path=/ II"),
        ("S=zz; q=1", "", "a <q=1> S=va; path=/ II"),
        ("S=", "", "a <-> S=va; path=/ II"),
        ("S", "", "a <S> S=va; path=/ NI"),
        ("S = vb", "", "b <->  VN"),
        ("S=\"va\"", "", "a <-> S=va; path=/ II"),
        ("s=vb", "", "a <s=vb> S=va; path=/ NI"),
        ("x=1;S=vb", "", "b <x=1>  VN"),
        ("S=va; S=vb", "", "a <->  VN"),
        ("x=\"a;b\"; S=vb", "", "b <x=\"a;b\">  VN"),
        ("$Version=1; S=vb; $Path=/", "", "b <->  VN"),
        ("", "S=srv; path=/q", "a <> S=va; path=/ NI"),
        ("S=va", "S=srv; path=/q", "a <->  VD"),
        ("", "other=1", "a <> other=1 + S=va; path=/ NI"),
    ] {
        assert_eq!(exchange(&c, sent, set, false), expected, "{sent} / {set}");
    }
}

#[test]
fn insert_variants() {
    let plain = cookie(CookieMode::Insert, |_| {});
    assert_eq!(exchange(&plain, "S=vb; x=1", "", false), "b <S=vb; x=1>  VN");
    let post = cookie(CookieMode::Insert, |c| c.postonly = true);
    assert_eq!(exchange(&post, "", "", false), "a <>  NN");
    assert_eq!(exchange(&post, "", "S=srv; path=/q", false), "a <>  ND");
    assert_eq!(exchange(&post, "", "", true), "a <> S=va; path=/ NI");
    let keep = cookie(CookieMode::Insert, |c| c.preserve = true);
    assert_eq!(exchange(&keep, "", "S=srv; path=/q", false), "a <> S=srv; path=/q NP");
    assert_eq!(exchange(&keep, "S=vb", "S=srv", false), "b <S=vb> S=srv VP");
    let all = cookie(CookieMode::Insert, |c| {
        c.httponly = true;
        c.secure = true;
        c.domains = vec![".x.y".into(), "z.w".into()];
        c.attributes = vec!["SameSite=None".into(), "Foo".into()];
    });
    assert_eq!(
        exchange(&all, "", "", false),
        "a <> S=va; path=/; domain=.x.y; domain=z.w; HttpOnly; Secure; SameSite=None; Foo NI"
    );
}

#[test]
fn rewrite_prefix_and_passive() {
    let rewrite = cookie(CookieMode::Rewrite, |_| {});
    assert_eq!(exchange(&rewrite, "", "", false), "a <>  NN");
    assert_eq!(exchange(&rewrite, "S=zz", "", false), "a <S=zz>  IN");
    assert_eq!(exchange(&rewrite, "S=vb", "S=1; path=/q", false), "b <S=vb> S=vb; path=/q VR");
    assert_eq!(exchange(&rewrite, "", "S = \"1\" ; path=/", false), "a <> S=va ; path=/ NR");
    assert_eq!(exchange(&rewrite, "", "a=1; S=2; path=/", false), "a <> a=1; S=2; path=/ NN");
    assert_eq!(exchange(&rewrite, "", "S=1, T=2", false), "a <> S=va, T=2 NR");
    let prefix = cookie(CookieMode::Prefix, |_| {});
    assert_eq!(exchange(&prefix, "S=vb~abc; x=1", "", false), "b <S=abc; x=1>  VN");
    assert_eq!(exchange(&prefix, "S=vz~abc", "", false), "a <S=abc>  IN");
    assert_eq!(exchange(&prefix, "S=vb~", "", false), "b <S=>  VN");
    assert_eq!(exchange(&prefix, "S=vb", "", false), "b <S=vb>  VN");
    assert_eq!(exchange(&prefix, "", "S=srv~7; path=/", false), "a <> S=va~srv~7; path=/ NR");
    let passive = cookie(CookieMode::Passive, |_| {});
    assert_eq!(exchange(&passive, "S=vb", "S=1", false), "b <S=vb> S=1 --");
}

#[test]
fn dates() {
    let both = cookie(CookieMode::Insert, |c| {
        c.maxidle = Some(Duration::from_secs(1800));
        c.maxlife = Some(Duration::from_secs(8 * 3600));
    });
    let fresh = "S=va|awW1V|awW1V; path=/";
    for (sent, expected, letters) in [
        ("", fresh, "NI"),
        ("S=va", fresh, "VU"),
        ("S=va|", fresh, "VU"),
        ("S=va|awW1U", fresh, "VU"),
        ("S=va|awW1U|awW1U", "S=va|awW1V|awW1U; path=/", "VU"),
        ("S=va|awWnQ|awW1U", fresh, "EI"),
        ("S=va|awW1U|awU2w", fresh, "OI"),
        ("S=va|awXDY|awW1U", "", "VN"),
        ("S=va|awcU4|awW1U", fresh, "EI"),
        ("S=va|awWxa|awWxa", "S=va|awW1V|awWxa; path=/", "VU"),
        ("S=va||awW1U", "S=va|awW1V|awW1U; path=/", "VU"),
        ("S=va|!!!!!|awW1U", "S=va|awW1V|awW1U; path=/", "VU"),
        ("S=vz|awW1U|awW1U", "S=va|awW1V|awW1U; path=/", "II"),
        ("S=va|awW1U|awcU4", fresh, "OI"),
    ] {
        let got = exchange(&both, sent, "", false);
        assert_eq!(got, format!("a <{sent}> {expected} {letters}"));
    }
    let idle = cookie(CookieMode::Insert, |c| c.maxidle = both.maxidle);
    assert!(exchange(&idle, "S=va|awXDY|awW1U", "", false).ends_with(" S=va|awW1V; path=/ VU"));
    let life = cookie(CookieMode::Insert, |c| c.maxlife = both.maxlife);
    assert!(exchange(&life, "S=va|awcU4|awW1U", "", false).ends_with("  VN"));
    let none = cookie(CookieMode::Insert, |_| {});
    assert!(exchange(&none, "S=va|", "", false).ends_with("  VN"));
    assert!(exchange(&none, "S=va|awXDY", "", false).ends_with(" S=va; path=/ VU"));
}

#[test]
fn a_server_without_cookie_takes_the_clients_cookie_away() {
    let c = cookie(CookieMode::Insert, |_| {});
    let request = RequestCookie::default();
    let mut text = String::new();
    assert!(ResponseCookie::new(&c, &request, None, false).insertion(0, &mut text));
    assert_eq!(text, "S=; Expires=Thu, 01-Jan-1970 00:00:01 GMT; path=/");
}

#[test]
fn down_drained_forced_ignored() {
    let c = cookie(CookieMode::Insert, |_| {});
    let fleet = fleet(&c);
    let read = |persist| {
        let r = read_request(&c, std::iter::once(&b"S=vb"[..]), &fleet, persist, NOW_S);
        (r.state.letter(), r.server)
    };
    let b = &fleet.members()[1].state;
    b.add_admin(AdminReason::RuntimeDrain, 0);
    assert_eq!(read(Persist::Normal), ('V', Some(1)), "drained servers keep their clients");
    b.add_admin(AdminReason::RuntimeMaint, 0);
    assert_eq!(read(Persist::Normal), ('D', None));
    assert_eq!(read(Persist::Force), ('D', Some(1)), "down, and used all the same");
    assert_eq!(read(Persist::Ignore), ('U', None));
}

#[test]
fn rules_and_redispatch() {
    let c = cookie(CookieMode::Insert, |_| {});
    let fleet = fleet(&c);
    let read = || read_request(&c, std::iter::once(&b"S=vb"[..]), &fleet, Persist::Normal, 0);
    let mut text = String::new();
    let mut r = read();
    r.chosen_by_rule();
    assert_eq!(r.state.letter(), 'U');
    assert!(!ResponseCookie::new(&c, &r, Some("va"), false).insertion(0, &mut text));
    let mut r = read();
    r.redispatched();
    let mut response = ResponseCookie::new(&c, &r, Some("va"), false);
    assert!(response.insertion(0, &mut text));
    assert_eq!(response.letters(), ('D', 'I'));
}

#[test]
fn caches_are_kept_away_where_they_could_store() {
    let of = |headers: &[(&'static str, &'static str)]| {
        is_cacheable(headers.iter().map(|(n, v)| (n.as_bytes(), v.as_bytes())))
    };
    assert!(!of(&[]));
    assert!(of(&[("Cache-Control", "max-age=5")]));
    assert!(of(&[("cache-control", "s-maxage=9")]));
    assert!(!of(&[("Cache-Control", "max-age=0")]));
    assert!(!of(&[("Cache-Control", "public")]));
    assert!(!of(&[("Cache-Control", "private, max-age=5")]));
    assert!(of(&[("Cache-Control", "no-cache=\"set-cookie\""), ("ETag", "\"s\"")]));
    assert!(of(&[("Last-Modified", "Thu, 01-Jan-2020 00:00:01 GMT")]));
    assert!(!of(&[("ETag", "\"x\""), ("Pragma", "no-cache")]));
    let c = cookie(CookieMode::Insert, |c| c.nocache = true);
    let request = RequestCookie::default();
    let mut response = ResponseCookie::new(&c, &request, Some("va"), false);
    assert!(!response.keeps_caches_away(true));
    response.insertion(0, &mut String::new());
    assert!(response.keeps_caches_away(true));
}

#[test]
fn dynamic_values_are_haproxys() {
    let mut server = testing::server("a", 1);
    server.port = model::Port::Fixed(50039);
    assert_eq!(dynamic_value(&server, "secret").as_deref(), Some("2a0da65fc2684600"));
    server.port = model::Port::Fixed(48709);
    assert_eq!(dynamic_value(&server, "k2").as_deref(), Some("2fd27c35721062e6"));
    server.host = model::Host::Unix("/tmp/s".into());
    assert_eq!(dynamic_value(&server, "k2"), None);
}
