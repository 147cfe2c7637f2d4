//! `option redis-check` and its kin: checks that speak a protocol of their own (manual 4.2).

use model::Protocol;

use super::Script;
use crate::lower::args::{Args, Outcome};
use crate::lower::context::Lowering;
use crate::lower::draft::Draft;

fn choose(draft: &mut Draft<'_>, args: &mut Args<'_>, protocol: Protocol) -> Outcome {
    let check = &mut draft.back.check;
    check.built = None;
    check.script = Some(Script::Protocol(protocol));
    args.end()
}

/// `option redis-check`.
pub(crate) fn redis(_: &mut Lowering<'_>, draft: &mut Draft<'_>, args: &mut Args<'_>) -> Outcome {
    choose(draft, args, Protocol::Redis)
}

/// `option ldap-check`.
pub(crate) fn ldap(_: &mut Lowering<'_>, draft: &mut Draft<'_>, args: &mut Args<'_>) -> Outcome {
    choose(draft, args, Protocol::Ldap)
}

/// `option ssl-hello-chk`.
pub(crate) fn ssl(_: &mut Lowering<'_>, draft: &mut Draft<'_>, args: &mut Args<'_>) -> Outcome {
    choose(draft, args, Protocol::SslHello)
}

/// `option smtpchk [HELO|EHLO DOMAIN]`; any other word than EHLO means HELO.
pub(crate) fn smtp(cx: &mut Lowering<'_>, draft: &mut Draft<'_>, args: &mut Args<'_>) -> Outcome {
    let hello = match args.next() {
        None => cx.name("HELO localhost"),
        Some(word) => {
            let verb = if word.value() == "EHLO" { "EHLO" } else { "HELO" };
            let domain = args.text("a domain")?;
            cx.name(&format!("{verb} {domain}"))
        }
    };
    choose(draft, args, Protocol::Smtp { hello })
}

/// `option pgsql-check user NAME`.
pub(crate) fn pgsql(cx: &mut Lowering<'_>, draft: &mut Draft<'_>, args: &mut Args<'_>) -> Outcome {
    if !args.eat("user") {
        return Err(args.unexpected("'user'"));
    }
    let user = cx.name(args.text("a user")?);
    choose(draft, args, Protocol::Pgsql { user })
}

/// `option mysql-check [user NAME [post-41|pre-41]]`.
pub(crate) fn mysql(cx: &mut Lowering<'_>, draft: &mut Draft<'_>, args: &mut Args<'_>) -> Outcome {
    let mut login = None;
    if args.eat("user") {
        let user = cx.name(args.text("a user")?);
        let since_41 = args.eat("post-41") || !args.eat("pre-41");
        login = Some((user, since_41));
    }
    choose(draft, args, Protocol::Mysql { login })
}
