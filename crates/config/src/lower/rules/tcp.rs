//! Actions of `tcp-request` and `tcp-response` (manual 4.4).

use model::TcpAction;

use super::{RulePlace, capture, format, http, log_level, variable};
use crate::lower::args::{Args, Outcome};
use crate::lower::context::Lowering;
use crate::lower::draft::Draft;
use crate::lower::table::Table;

/// Lowers one action; the arguments start behind its name.
pub(crate) type TcpFn =
    for<'a> fn(&mut Lowering<'a>, &mut Draft<'a>, &mut Args<'a>, RulePlace) -> Outcome<TcpAction>;

/// Every action that has an effect here.
pub(crate) const ACTIONS: Table<TcpFn> = Table(&[
    ("accept", |_, _, _, _| Ok(TcpAction::Accept)),
    ("capture", |cx, draft, args, place| {
        let (sample, slot, len) = capture(cx, draft, args, place)?;
        Ok(TcpAction::Capture { sample, slot, len })
    }),
    ("close", |_, _, _, _| Ok(TcpAction::Close)),
    ("do-resolve", |cx, draft, args, place| {
        super::do_resolve(cx, draft, args, place).map(|r| TcpAction::DoResolve(Box::new(r)))
    }),
    ("expect-proxy", |_, _, args, _| match args.text("'layer4'")? {
        "layer4" => Ok(TcpAction::ExpectProxy),
        _ => Err(args.unexpected("'layer4'")),
    }),
    ("reject", |_, _, _, _| Ok(TcpAction::Reject)),
    ("set-dst", |cx, draft, args, place| {
        cx.expr(args, place.place, &draft.acls).map(TcpAction::SetDst)
    }),
    ("set-dst-port", |cx, draft, args, place| {
        cx.expr(args, place.place, &draft.acls).map(TcpAction::SetDstPort)
    }),
    ("set-log-level", |_, _, args, _| log_level(args).map(TcpAction::SetLogLevel)),
    ("set-src", |cx, draft, args, place| {
        cx.expr(args, place.place, &draft.acls).map(TcpAction::SetSrc)
    }),
    ("set-src-port", |cx, draft, args, place| {
        cx.expr(args, place.place, &draft.acls).map(TcpAction::SetSrcPort)
    }),
    ("set-var", |cx, draft, args, place| {
        let variable = variable(args)?;
        Ok(TcpAction::SetVar(variable, cx.expr(args, place.place, &draft.acls)?))
    }),
    ("set-var-fmt", |cx, draft, args, place| {
        let variable = variable(args)?;
        Ok(TcpAction::SetVarFmt(variable, format(cx, draft, args, place)?))
    }),
    ("silent-drop", |cx, _, args, _| {
        http::silent_drop(cx, args)?;
        Ok(TcpAction::SilentDrop)
    }),
    ("unset-var", |_, _, args, _| variable(args).map(TcpAction::UnsetVar)),
]);
