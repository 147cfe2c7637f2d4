//! What is answered instead of a server's response (manual 4.2 errorfile, http-error, return).

use std::collections::BTreeMap;
use std::sync::Arc;

use expr::LogFormat;

use crate::Name;

/// Error answers by status; statuses without an entry get the built-in page.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ErrorPages {
    /// Own pages, by status (200, 400, 401, 403 ... 504).
    pub by_status: BTreeMap<u16, ErrorPage>,
}

/// One own error answer.
#[derive(Clone, Debug, PartialEq)]
pub enum ErrorPage {
    /// `errorfile`: a raw HTTP message as stored; empty = close without an answer.
    Raw(Arc<[u8]>),
    /// `http-error`.
    Reply(Arc<Reply>),
}

/// An answer made by a rule: `return`, `deny`, `tarpit`, `http-error`.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    /// Status, 200-599.
    pub status: u16,
    /// Body.
    pub content: ReplyContent,
    /// `content-type`.
    pub content_type: Option<Name>,
    /// `hdr NAME FORMAT`, in order.
    pub headers: Vec<(wire::http::FieldName, LogFormat)>,
}

/// The body of a [`Reply`].
#[derive(Clone, Debug, PartialEq)]
pub enum ReplyContent {
    /// The proxy's own error page of this status (`default-errorfiles`, or nothing given).
    Default,
    /// No body.
    Empty,
    /// `errorfile FILE`: a raw message.
    Raw(Arc<[u8]>),
    /// `errorfiles SECTION`: that `http-errors` section's pages.
    Section(Arc<ErrorPages>),
    /// `string` or `file`: fixed bytes.
    Fixed(Arc<[u8]>),
    /// `lf-string` or `lf-file`: rendered for each answer.
    Format(LogFormat),
}
