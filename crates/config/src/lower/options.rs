//! `option X` lines that take more than a switch (manual 4.2).

use std::net::IpAddr;

use model::{ConnectionMode, ForwardFor};

use super::args::{Args, Outcome, alert};
use super::context::Lowering;
use super::draft::Draft;
use crate::ast::Word;

/// `option accept-unsafe-violations-in-http-request` and its older name.
pub(crate) fn accept_invalid_request(
    _: &mut Lowering<'_>,
    draft: &mut Draft<'_>,
    args: &mut Args<'_>,
) -> Outcome {
    draft.front.model.accept_invalid_request = args.switch(false);
    Ok(())
}

/// `option accept-unsafe-violations-in-http-response` and its older name.
pub(crate) fn accept_invalid_response(
    _: &mut Lowering<'_>,
    draft: &mut Draft<'_>,
    args: &mut Args<'_>,
) -> Outcome {
    draft.back.accept_invalid_response = args.switch(false);
    Ok(())
}

/// The three connection modes exclude each other; the last one written counts.
fn connection(draft: &mut Draft<'_>, args: &Args<'_>, mode: ConnectionMode) {
    if args.switch(false) {
        draft.connection_mode = mode;
    } else if draft.connection_mode == mode {
        draft.connection_mode = ConnectionMode::KeepAlive;
    }
}

/// `option http-keep-alive`.
pub(crate) fn http_keep_alive(
    _: &mut Lowering<'_>,
    draft: &mut Draft<'_>,
    args: &mut Args<'_>,
) -> Outcome {
    connection(draft, args, ConnectionMode::KeepAlive);
    Ok(())
}

/// `option http-server-close`.
pub(crate) fn http_server_close(
    _: &mut Lowering<'_>,
    draft: &mut Draft<'_>,
    args: &mut Args<'_>,
) -> Outcome {
    connection(draft, args, ConnectionMode::ServerClose);
    Ok(())
}

/// `option httpclose`.
pub(crate) fn httpclose(
    _: &mut Lowering<'_>,
    draft: &mut Draft<'_>,
    args: &mut Args<'_>,
) -> Outcome {
    connection(draft, args, ConnectionMode::Close);
    Ok(())
}

/// `option redispatch [INTERVAL]`.
pub(crate) fn redispatch(
    _: &mut Lowering<'_>,
    draft: &mut Draft<'_>,
    args: &mut Args<'_>,
) -> Outcome {
    draft.back.redispatch = match args.switch(false) {
        false => None,
        true if args.is_done() => Some(-1),
        true => {
            let interval = args.number(i64::from(i32::MIN)..=i64::from(i32::MAX))?;
            i32::try_from(interval).ok().filter(|interval| *interval != 0)
        }
    };
    Ok(())
}

/// `option forwardfor [except NET] [header NAME] [if-none]`.
pub(crate) fn forwardfor(
    _: &mut Lowering<'_>,
    draft: &mut Draft<'_>,
    args: &mut Args<'_>,
) -> Outcome {
    let span = args.line().span();
    draft.forwardfor = match args.switch(false) {
        false => None,
        true => Some((address_header(args, "X-Forwarded-For", true)?, span)),
    };
    Ok(())
}

/// `option originalto [except NET] [header NAME]`.
pub(crate) fn originalto(
    _: &mut Lowering<'_>,
    draft: &mut Draft<'_>,
    args: &mut Args<'_>,
) -> Outcome {
    let span = args.line().span();
    draft.originalto = match args.switch(false) {
        false => None,
        true => Some((address_header(args, "X-Original-To", false)?, span)),
    };
    Ok(())
}

fn address_header(args: &mut Args<'_>, header: &str, takes_if_none: bool) -> Outcome<ForwardFor> {
    let header = model::FieldName::new(header.as_bytes())
        .ok_or_else(|| alert(args.span(), "no such header"))?;
    let mut option = ForwardFor { header, except: None, if_none: false };
    while let Some(word) = args.next() {
        args.begin_option();
        match word.value() {
            "except" => option.except = Some(network(args.require("an address or a network")?)?),
            "header" => option.header = args.header()?,
            "if-none" if takes_if_none => option.if_none = true,
            _ if takes_if_none => return Err(args.unexpected("'except', 'header' or 'if-none'")),
            _ => return Err(args.unexpected("'except' or 'header'")),
        }
    }
    Ok(option)
}

/// `ADDRESS[/BITS]`.
fn network(word: Word<'_>) -> Outcome<(IpAddr, u8)> {
    let text = word.value();
    let (address, bits) = text.split_once('/').map_or((text, None), |(a, b)| (a, Some(b)));
    let parsed = address.parse::<IpAddr>().ok().and_then(|ip| {
        let widest = if ip.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            None => widest,
            Some(text) => prefix_length(text)?,
        };
        (bits <= widest).then_some((ip, bits))
    });
    parsed.ok_or_else(|| {
        alert(word.span(), format!("'{text}' is not an address or a network such as 10.0.0.0/8"))
    })
}

/// A prefix length as a number or as a dotted mask.
fn prefix_length(text: &str) -> Option<u8> {
    if let Ok(bits) = text.parse() {
        return Some(bits);
    }
    let mask = u32::from(text.parse::<std::net::Ipv4Addr>().ok()?);
    let bits = mask.leading_ones();
    (mask.checked_shl(bits).unwrap_or(0) == 0).then(|| u8::try_from(bits).ok())?
}
