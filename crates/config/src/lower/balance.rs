//! How servers are picked and connections shared: `balance`, `hash-type`, `http-reuse`
//! (manual 4.2).

use expr::Place;
use model::{Algorithm, HashFunction, HashMethod, HashType, HttpReuse};

use super::args::{Args, Outcome, alert, header_name};
use super::context::Lowering;
use super::draft::Draft;
use super::table::Table;

type BalanceFn = for<'a> fn(&mut Lowering<'a>, &Draft<'a>, &mut Args<'a>) -> Outcome<Algorithm>;

const ALGORITHMS: Table<BalanceFn> = Table(&[
    ("first", |_, _, _| Ok(Algorithm::First)),
    ("hash", |cx, draft, args| cx.expr(args, Place::USE_SERVER, &draft.acls).map(Algorithm::Hash)),
    ("leastconn", |_, _, _| Ok(Algorithm::LeastConn)),
    ("random", |_, _, _| Ok(Algorithm::Random { draws: 2 })),
    ("roundrobin", |_, _, _| Ok(Algorithm::RoundRobin)),
    ("source", |_, _, _| Ok(Algorithm::Source)),
    ("static-rr", |_, _, _| Ok(Algorithm::StaticRr)),
    ("uri", uri),
    ("url_param", url_param),
]);

/// `balance ALGORITHM [ARGUMENTS]`; without an algorithm the default stays.
pub(crate) fn balance<'a>(
    cx: &mut Lowering<'a>,
    draft: &mut Draft<'a>,
    args: &mut Args<'a>,
) -> Outcome {
    let span = args.line().span();
    let Some(word) = args.next() else {
        draft.back.algorithm = Algorithm::RoundRobin;
        return Ok(());
    };
    args.begin_option();
    let (name, parameter) = split_parameter(word.value());
    draft.back.algorithm = match (name, parameter) {
        ("random", Some(draws)) => match draws.parse() {
            Ok(draws @ 1..) => Algorithm::Random { draws },
            _ => return Err(alert(word.span(), "'random' expects a number of draws above zero")),
        },
        ("hdr", Some(header)) if !header.is_empty() => Algorithm::Hdr {
            name: header_name(word, header)?,
            use_domain_only: args.eat("use_domain_only"),
        },
        ("hdr", _) => return Err(alert(word.span(), "'hdr' expects a header name: hdr(name)")),
        ("rdp-cookie", parameter) => {
            Algorithm::RdpCookie(cx.name(parameter.filter(|p| !p.is_empty()).unwrap_or("mstshash")))
        }
        _ => ALGORITHMS.require(word, "algorithm")?(cx, draft, args)?,
    };
    draft.back.balance_span = Some(span);
    args.end()
}

/// `name(parameter)`.
fn split_parameter(text: &str) -> (&str, Option<&str>) {
    match text.split_once('(') {
        Some((name, rest)) => (name, Some(rest.strip_suffix(')').unwrap_or(rest))),
        None => (text, None),
    }
}

fn uri<'a>(_: &mut Lowering<'a>, _: &Draft<'a>, args: &mut Args<'a>) -> Outcome<Algorithm> {
    let (mut len, mut depth, mut whole, mut path_only) = (None, None, false, false);
    while let Some(word) = args.next() {
        args.begin_option();
        match word.value() {
            "len" => len = Some(args.u32_from(1)?),
            "depth" => depth = Some(args.u32_from(1)?),
            "whole" => whole = true,
            "path-only" => path_only = true,
            _ => return Err(args.unexpected("'len', 'depth', 'whole' or 'path-only'")),
        }
    }
    Ok(Algorithm::Uri { len, depth, whole, path_only })
}

fn url_param<'a>(cx: &mut Lowering<'a>, _: &Draft<'a>, args: &mut Args<'a>) -> Outcome<Algorithm> {
    let name = cx.name(args.text("a parameter's name")?);
    let check_post = args.eat("check_post");
    if check_post && !args.is_done() {
        // How much of the body is waited for: once a number, now without meaning.
        args.u32_from(0)?;
    }
    Ok(Algorithm::UrlParam { name, check_post })
}

/// `hash-type METHOD [FUNCTION [MODIFIER]]`.
pub(crate) fn hash_type(
    _: &mut Lowering<'_>,
    draft: &mut Draft<'_>,
    args: &mut Args<'_>,
) -> Outcome {
    const METHODS: &str = "'map-based' or 'consistent'";
    const FUNCTIONS: &str = "'sdbm', 'djb2', 'wt6', 'crc32' or 'none'";
    let method = match args.text(METHODS)? {
        "map-based" => HashMethod::MapBased,
        "consistent" => HashMethod::Consistent,
        "avalanche" => {
            // The spelling of 1.4: today's map-based with sdbm and avalanche.
            draft.back.hash_type = HashType { avalanche: Some(true), ..HashType::default() };
            return Ok(());
        }
        _ => return Err(args.unexpected(METHODS)),
    };
    let mut hash = HashType { method, ..HashType::default() };
    if !args.is_done() {
        hash.function = match args.text(FUNCTIONS)? {
            "sdbm" => HashFunction::Sdbm,
            "djb2" => HashFunction::Djb2,
            "wt6" => HashFunction::Wt6,
            "crc32" => HashFunction::Crc32,
            "none" => HashFunction::None,
            _ => return Err(args.unexpected(FUNCTIONS)),
        };
        hash.avalanche = Some(false);
    }
    if !args.is_done() {
        match args.text("'avalanche'")? {
            "avalanche" => hash.avalanche = Some(true),
            _ => return Err(args.unexpected("'avalanche'")),
        }
    }
    draft.back.hash_type = hash;
    Ok(())
}

/// `hash-balance-factor PERCENT`.
pub(crate) fn hash_balance_factor(
    _: &mut Lowering<'_>,
    draft: &mut Draft<'_>,
    args: &mut Args<'_>,
) -> Outcome {
    let percent = args.number(0..=65_535)?;
    if (1..=100).contains(&percent) {
        return Err(alert(args.last_span(), "'hash-balance-factor' must be 0 or above 100"));
    }
    draft.back.hash_balance_factor = u32::try_from(percent).unwrap_or(0);
    Ok(())
}

/// `http-reuse MODE`.
pub(crate) fn http_reuse(
    _: &mut Lowering<'_>,
    draft: &mut Draft<'_>,
    args: &mut Args<'_>,
) -> Outcome {
    const MODES: &str = "'never', 'safe', 'aggressive' or 'always'";
    draft.back.http_reuse = match args.text(MODES)? {
        "never" => HttpReuse::Never,
        "safe" => HttpReuse::Safe,
        "aggressive" => HttpReuse::Aggressive,
        "always" => HttpReuse::Always,
        _ => return Err(args.unexpected(MODES)),
    };
    Ok(())
}
