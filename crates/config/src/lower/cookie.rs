//! `cookie` and `dynamic-cookie-key` of a backend (manual 4.2).

use model::{CookieMode, CookiePersistence};

use super::args::{Args, Outcome, alert};
use super::context::Lowering;
use super::draft::Draft;
use crate::text::units::TimeUnit;

const PARTS: &str = "'rewrite', 'insert', 'prefix', 'indirect', 'nocache', 'postonly', \
                     'preserve', 'httponly', 'secure', 'domain', 'maxidle', 'maxlife', 'dynamic' \
                     or 'attr'";

/// `cookie NAME [MODE] [OPTIONS]`.
pub(crate) fn cookie<'a>(
    cx: &mut Lowering<'a>,
    draft: &mut Draft<'a>,
    args: &mut Args<'a>,
) -> Outcome {
    let span = args.line().span();
    let name = cx.name(args.text("a cookie's name")?);
    let mut cookie = CookiePersistence {
        name,
        mode: CookieMode::Passive,
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
    let mut dynamic = None;
    while let Some(word) = args.next() {
        args.begin_option();
        match word.value() {
            mode @ ("rewrite" | "insert" | "prefix") => {
                if cookie.mode != CookieMode::Passive {
                    let reason = "'cookie' takes only one of 'rewrite', 'insert' and 'prefix'";
                    return Err(alert(word.span(), reason));
                }
                cookie.mode = match mode {
                    "rewrite" => CookieMode::Rewrite,
                    "insert" => CookieMode::Insert,
                    _ => CookieMode::Prefix,
                };
            }
            "indirect" => cookie.indirect = true,
            "nocache" => cookie.nocache = true,
            "postonly" => cookie.postonly = true,
            "preserve" => cookie.preserve = true,
            "httponly" => cookie.httponly = true,
            "secure" => cookie.secure = true,
            "dynamic" => dynamic = Some(word.span()),
            "domain" => cookie.domains.push(domain(cx, args)?),
            "maxidle" => {
                cookie.maxidle = Some(args.time(TimeUnit::S, &mut cx.diagnostics)?);
            }
            "maxlife" => {
                cookie.maxlife = Some(args.time(TimeUnit::S, &mut cx.diagnostics)?);
            }
            "attr" => cookie.attributes.push(attribute(cx, args)?),
            _ => return Err(args.unexpected(PARTS)),
        }
    }
    if (cookie.maxidle.is_some() || cookie.maxlife.is_some())
        && (cookie.mode != CookieMode::Insert || !cookie.indirect)
    {
        let reason = "'maxidle' and 'maxlife' need 'insert' and 'indirect' beside them";
        return Err(alert(span, reason));
    }
    draft.back.cookie_dynamic = dynamic;
    draft.back.cookie = Some((cookie, span));
    Ok(())
}

fn domain(cx: &mut Lowering<'_>, args: &mut Args<'_>) -> Outcome<model::Name> {
    let text = args.text("a domain")?;
    if text.contains([' ', '\t', ';', '\r', '\n']) {
        return Err(alert(args.last_span(), format!("'{text}' is not a domain")));
    }
    if !text.contains('.') {
        let reason = format!("domain '{text}' has no dot: RFC 2109 forbids it");
        cx.warn(args.last_span(), reason);
    }
    Ok(cx.name(text))
}

fn attribute(cx: &mut Lowering<'_>, args: &mut Args<'_>) -> Outcome<model::Name> {
    let text = args.text("an attribute")?;
    match text.chars().find(|c| c.is_ascii_control() || *c == ';') {
        Some(_) => {
            let reason = "an attribute of a cookie has neither ';' nor control characters";
            Err(alert(args.last_span(), reason))
        }
        None => Ok(cx.name(text)),
    }
}

/// `dynamic-cookie-key KEY`.
pub(crate) fn dynamic_key<'a>(
    cx: &mut Lowering<'a>,
    draft: &mut Draft<'a>,
    args: &mut Args<'a>,
) -> Outcome {
    draft.back.dynamic_key = Some(cx.name(args.text("a key")?));
    Ok(())
}
