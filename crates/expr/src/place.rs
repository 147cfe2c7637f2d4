//! Where an expression stands, and what can be known there (the matrix of manual 7.3).
use std::ops::BitOr;

/// Where an expression is used: one place or, for a `listen` section, two at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Place(u32);

impl Place {
    /// `tcp-request connection`.
    pub const CONNECTION: Self = Self(1);
    /// `tcp-request session`.
    pub const SESSION: Self = Self(1 << 1);
    /// `tcp-request content` of a frontend.
    pub const FE_REQUEST_CONTENT: Self = Self(1 << 2);
    /// `http-request`, `redirect` of a frontend.
    pub const FE_HTTP_REQUEST: Self = Self(1 << 3);
    /// `use_backend`.
    pub const USE_BACKEND: Self = Self(1 << 4);
    /// `tcp-request content` of a backend.
    pub const BE_REQUEST_CONTENT: Self = Self(1 << 5);
    /// `http-request`, `redirect` of a backend.
    pub const BE_HTTP_REQUEST: Self = Self(1 << 6);
    /// `use-server`, `balance hash`, `stick match`, `stick on`.
    pub const USE_SERVER: Self = Self(1 << 7);
    /// Connecting to a server: `source`, `sni`.
    pub const CONNECT: Self = Self(1 << 8);
    /// `tcp-response content` of a backend.
    pub const BE_RESPONSE_CONTENT: Self = Self(1 << 9);
    /// `http-response`, `http-after-response` of a backend.
    pub const BE_HTTP_RESPONSE: Self = Self(1 << 10);
    /// `stick store-response`.
    pub const STICK_STORE: Self = Self(1 << 11);
    /// `tcp-response content` of a frontend.
    pub const FE_RESPONSE_CONTENT: Self = Self(1 << 12);
    /// `http-response`, `http-after-response` of a frontend.
    pub const FE_HTTP_RESPONSE: Self = Self(1 << 13);
    /// `log-format`, `error-log-format`.
    pub const LOG: Self = Self(1 << 14);
    /// Health checks.
    pub const CHECK: Self = Self(1 << 15);
    /// Start of the process: `set-var` in `global`, `.if`.
    pub const STARTUP: Self = Self(1 << 16);
    /// Commands of the runtime API.
    pub const CLI: Self = Self(1 << 17);
    /// `acl` lines, which are checked where they are used.
    pub const ANYWHERE: Self = Self((1 << 18) - 1);
    /// `http-request` of a `listen` section.
    pub const HTTP_REQUEST: Self = Self(1 << 3 | 1 << 6);
    /// `http-response` of a `listen` section.
    pub const HTTP_RESPONSE: Self = Self(1 << 10 | 1 << 13);
    /// `tcp-request content` of a `listen` section.
    pub const REQUEST_CONTENT: Self = Self(1 << 2 | 1 << 5);
    /// `tcp-response content` of a `listen` section.
    pub const RESPONSE_CONTENT: Self = Self(1 << 9 | 1 << 12);

    /// Whether what a fetch needs can be there.
    pub const fn offers(self, need: Need) -> bool {
        self.0 & need.places() != 0
    }

    /// Whether log rules of escaping apply: spaces merge, unsafe characters print as `#XX`.
    pub const fn is_log(self) -> bool {
        self.0 == Self::LOG.0
    }

    /// What stands there, for messages.
    pub const fn describe(self) -> &'static str {
        match self.0.trailing_zeros() {
            _ if self.0 == Self::ANYWHERE.0 => "an ACL",
            0 => "a 'tcp-request connection' rule",
            1 => "a 'tcp-request session' rule",
            2 | 5 => "a 'tcp-request content' rule",
            3 | 6 => "an 'http-request' rule",
            4 => "a 'use_backend' rule",
            7 => "the choice of a server",
            8 => "the connection to a server",
            9 | 12 => "a 'tcp-response content' rule",
            10 | 13 => "an 'http-response' rule",
            11 => "a 'stick store-response' rule",
            14 => "a log format",
            15 => "a health check",
            16 => "the start of the process",
            _ => "a runtime command",
        }
    }
}

impl BitOr for Place {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// What a fetch needs in order to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Need {
    /// Nothing: constants, the environment.
    Nothing,
    /// The running process.
    Process,
    /// The client connection.
    Client,
    /// The frontend.
    Frontend,
    /// The client connection with its handshakes done.
    ClientTls,
    /// Of the request what is kept after it was sent: method, captures.
    RequestKept,
    /// The request as it is being processed.
    Request,
    /// The message that is being processed, whichever way it goes.
    Message,
    /// The backend.
    Backend,
    /// The server.
    Server,
    /// The server connection, and of the response what is kept after it was sent.
    ResponseKept,
    /// The response as it is being processed.
    Response,
    /// Totals.
    End,
}

/// Every place of the request from `tcp-request content` to the connection.
const REQUEST: u32 = 0b1_1111_1100;
/// Every place of the response.
const RESPONSE: u32 = 0b11_1110 << 8;
const FRONT: u32 = 0b11;
const LOG: u32 = Place::LOG.0;
const CHECK: u32 = Place::CHECK.0;
const CLI: u32 = Place::CLI.0;

impl Need {
    const fn places(self) -> u32 {
        match self {
            Self::Nothing => FRONT | REQUEST | RESPONSE | LOG | CHECK | Place::STARTUP.0 | CLI,
            Self::Process => FRONT | REQUEST | RESPONSE | LOG | CHECK | CLI,
            Self::Client => FRONT | REQUEST | RESPONSE | LOG | CHECK,
            Self::Frontend => FRONT | REQUEST | RESPONSE | LOG,
            Self::ClientTls => Place::SESSION.0 | REQUEST | RESPONSE | LOG,
            Self::RequestKept => REQUEST | RESPONSE | LOG,
            Self::Request => REQUEST,
            Self::Message => REQUEST | RESPONSE | CHECK,
            Self::Backend => (0b1111 << 5) | RESPONSE | LOG | CHECK,
            Self::Server => Place::CONNECT.0 | RESPONSE | LOG | CHECK,
            Self::ResponseKept => RESPONSE | LOG | CHECK,
            Self::Response => RESPONSE | CHECK,
            Self::End => (0b11 << 7) | RESPONSE | LOG,
        }
    }

    /// What it is, for messages.
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Process => "the running process",
            Self::Client => "the client connection",
            Self::Frontend => "the frontend",
            Self::ClientTls => "the client connection after its handshakes",
            Self::RequestKept => "the request's summary",
            Self::Request => "the request",
            Self::Message => "the message being processed",
            Self::Backend => "the backend",
            Self::Server => "the server",
            Self::ResponseKept => "the server connection or the response's summary",
            Self::Response => "the response",
            Self::End => "totals of the session",
        }
    }
}
