//! `capture` and `declare capture` (manual 4.2).

use model::Capture;

use super::args::{Args, Outcome};
use super::context::Lowering;
use super::draft::Draft;

/// `NAME len N`, the name being read already.
fn length(args: &mut Args<'_>) -> Outcome<usize> {
    match args.text("'len' and the longest value in bytes")? {
        "len" => Ok(usize::try_from(args.number(1..=i64::from(i32::MAX))?).unwrap_or(1)),
        _ => Err(args.unexpected("'len'")),
    }
}

/// `capture request header NAME len N`.
pub(crate) fn request_header<'a>(
    _: &mut Lowering<'a>,
    draft: &mut Draft<'a>,
    args: &mut Args<'a>,
) -> Outcome {
    let header = Some(args.header()?);
    let len = length(args)?;
    draft.front.model.request_captures.push(Capture { header, len });
    Ok(())
}

/// `capture response header NAME len N`.
pub(crate) fn response_header<'a>(
    _: &mut Lowering<'a>,
    draft: &mut Draft<'a>,
    args: &mut Args<'a>,
) -> Outcome {
    let header = Some(args.header()?);
    let len = length(args)?;
    draft.front.model.response_captures.push(Capture { header, len });
    Ok(())
}

/// `capture cookie NAME len N`.
pub(crate) fn cookie<'a>(
    cx: &mut Lowering<'a>,
    draft: &mut Draft<'a>,
    args: &mut Args<'a>,
) -> Outcome {
    let name = cx.name(args.text("a cookie's name")?);
    draft.front.model.capture_cookie = Some((name, length(args)?));
    Ok(())
}

/// `declare capture request|response len N`.
pub(crate) fn declare<'a>(
    _: &mut Lowering<'a>,
    draft: &mut Draft<'a>,
    args: &mut Args<'a>,
) -> Outcome {
    const SIDES: &str = "'request' or 'response'";
    let is_request = match args.text(SIDES)? {
        "request" => true,
        "response" => false,
        _ => return Err(args.unexpected(SIDES)),
    };
    let capture = Capture { header: None, len: length(args)? };
    match is_request {
        true => draft.front.model.request_captures.push(capture),
        false => draft.front.model.response_captures.push(capture),
    }
    Ok(())
}
