//! `http-check` and `tcp-check` (manual chapter 4.2).
use super::{OK, keywords};
use crate::keyword::places::{B, D, L};
use crate::keyword::{ANY, Context, Keyword};

const BACK: u16 = D | L | B;

pub(super) const CHECKS: &[Keyword] = keywords! { Context::Proxy;
    "http-check comment" "<text>", 1 1, BACK, OK, "Text reported when the next step fails.";
    "http-check connect" "[default] [port <expr>] [addr <ip>] [send-proxy] [ssl] [...]", 0 ANY,
        BACK, OK, "Open a connection.";
    "http-check disable-on-404" "", 0 0, BACK, OK, "404 means: no new clients.";
    "http-check expect" "[min-recv <int>] [...] [!] <match> <pattern>", 1 ANY, BACK, OK,
        "What the answer must be like.";
    "http-check send" "[meth <m>] [uri <u>] [ver <v>] [hdr <name> <fmt>]* [body <s>]", 0 ANY, BACK,
        OK, "Request of a check.";
    "http-check send-state" "", 0 0, BACK, OK, "Tell the server its own state in a header.";
    "http-check set-var" "(<name>[,<cond>...]) <expr>", 1 ANY, BACK, OK, "Set a variable.";
    "http-check set-var-fmt" "(<name>[,<cond>...]) <fmt>", 1 1, BACK, OK,
        "Set a variable from a format.";
    "http-check unset-var" "(<name>)", 0 0, BACK, OK, "Drop a variable.";
    "tcp-check comment" "<text>", 1 1, BACK, OK, "Text reported when the next step fails.";
    "tcp-check connect" "[default] [port <expr>] [addr <ip>] [send-proxy] [ssl] [...]", 0 ANY, BACK,
        OK, "Open a connection.";
    "tcp-check expect" "[min-recv <int>] [...] [!] <match> <pattern>", 1 ANY, BACK, OK,
        "What must be received.";
    "tcp-check send" "<data> [comment <text>]", 1 3, BACK, OK, "Send a text.";
    "tcp-check send-binary" "<hex> [comment <text>]", 1 3, BACK, OK, "Send bytes.";
    "tcp-check send-binary-lf" "<hexfmt> [comment <text>]", 1 3, BACK, OK,
        "Send bytes from a format.";
    "tcp-check send-lf" "<fmt> [comment <text>]", 1 3, BACK, OK, "Send a text from a format.";
    "tcp-check set-var" "(<name>[,<cond>...]) <expr>", 1 ANY, BACK, OK, "Set a variable.";
    "tcp-check set-var-fmt" "(<name>[,<cond>...]) <fmt>", 1 1, BACK, OK,
        "Set a variable from a format.";
    "tcp-check unset-var" "(<name>)", 0 0, BACK, OK, "Drop a variable.";
};
