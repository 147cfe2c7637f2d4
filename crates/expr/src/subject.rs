//! The questions an expression may ask of a session; whoever runs sessions, checks or logs answers.
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use crate::auth::Userlist;
use crate::sample::{Fetch, Value};
use crate::variables::Variable;

/// Which way a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// From the client.
    Request,
    /// From the server.
    Response,
}

/// Which end of which connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum End {
    /// The client as the rules see it: PROXY protocol and `set-src` applied.
    Src,
    /// Where the client wanted to go: PROXY protocol and `set-dst` applied.
    Dst,
    /// The peer of the client connection itself.
    FrontSrc,
    /// The local end of the client connection itself.
    FrontDst,
    /// The local end of the server connection.
    BackSrc,
    /// The server's address.
    BackDst,
}

/// A number that changes while the process runs. `None` for a name means the session's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count<'n> {
    /// Connections of the process.
    ActConn,
    /// Connections of a frontend.
    FeConn(Option<&'n str>),
    /// New sessions in the last second on a frontend.
    FeSessRate(Option<&'n str>),
    /// HTTP requests in the last second on a frontend.
    FeReqRate(Option<&'n str>),
    /// Connections of a backend.
    BeConn(Option<&'n str>),
    /// Free connection slots of the usable servers of a backend.
    BeConnFree(Option<&'n str>),
    /// New sessions in the last second on a backend.
    BeSessRate(Option<&'n str>),
    /// Free connection and queue slots of a backend.
    ConnSlots(Option<&'n str>),
    /// Waiting requests of a backend, its servers' queues included.
    Queue(Option<&'n str>),
    /// The same divided by the number of usable servers.
    AvgQueue(Option<&'n str>),
    /// Usable servers of a backend.
    NbSrv(Option<&'n str>),
    /// Connections of a server.
    SrvConn(ServerName<'n>),
    /// Free connection slots of a server; -1 without a limit.
    SrvConnFree(ServerName<'n>),
    /// 1 if the server is up or has no check, else 0.
    SrvIsUp(ServerName<'n>),
    /// Waiting requests of a server.
    SrvQueue(ServerName<'n>),
    /// New sessions in the last second on a server.
    SrvSessRate(ServerName<'n>),
    /// The weight in use, 0 to 256.
    SrvWeight(ServerName<'n>),
    /// The weight set by the user, 0 to 256.
    SrvUserWeight(ServerName<'n>),
    /// The weight from the configuration, 0 to 256.
    SrvInitialWeight(ServerName<'n>),
    /// Connections on the listener's address.
    DstConn,
}

/// Names a server: in a backend, or in the session's own backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerName<'n> {
    /// The backend, or none for the session's own.
    pub backend: Option<&'n str>,
    /// The server.
    pub server: &'n str,
}

/// A proxy, server or listener by name and numeric id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Named<'a> {
    /// Name as configured.
    pub name: &'a str,
    /// Numeric id (`id` keyword, or numbered from 1).
    pub id: u32,
}

/// The first line of a request as it stands now, rewrites included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestLine<'a> {
    /// Method as spelled.
    pub method: &'a [u8],
    /// Request target as on the wire: origin, absolute, authority or asterisk form.
    pub target: &'a [u8],
    /// Major and minor version.
    pub version: (u8, u8),
}

/// The first line of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatusLine<'a> {
    /// 100 to 999.
    pub status: u16,
    /// Reason phrase, may be empty.
    pub reason: &'a [u8],
    /// Major and minor version.
    pub version: (u8, u8),
}

/// The body as far as it is buffered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Body<'a> {
    /// What has arrived, chunked coding removed.
    pub bytes: &'a [u8],
    /// Its whole length if the message says so.
    pub length: Option<u64>,
    /// Nothing more will come.
    pub complete: bool,
}

/// Raw bytes of a connection as far as they are buffered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Payload<'a> {
    /// What has arrived and was not forwarded.
    pub bytes: &'a [u8],
    /// Nothing more will come, or no more fits.
    pub complete: bool,
}

/// What is constant for the process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Host name of the machine.
    pub hostname: Arc<str>,
    /// `node` of the global section, by default the host name.
    pub node: Arc<str>,
    /// Process id.
    pub pid: u32,
    /// Seconds that local time is ahead of UTC.
    pub utc_offset_s: i32,
    /// When the process started, microseconds since 1970.
    pub started_us: i64,
}

/// What is known of one TLS connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsFacts {
    /// Protocol as the logs spell it: `TLSv1.3`.
    pub version: Option<Arc<str>>,
    /// Cipher suite in OpenSSL's spelling.
    pub cipher: Option<Arc<str>>,
    /// Negotiated application protocol.
    pub alpn: Option<Arc<str>>,
    /// Server name of the ClientHello.
    pub sni: Option<Arc<str>>,
    /// Session id.
    pub session_id: Vec<u8>,
    /// An abbreviated handshake.
    pub resumed: bool,
    /// Secret bits of the symmetric cipher.
    pub use_keysize: Option<u32>,
    /// Bits of the symmetric cipher's key.
    pub alg_keysize: Option<u32>,
    /// A client certificate was presented on this connection.
    pub client_certificate: Option<Vec<u8>>,
    /// OpenSSL's verification result, 0 is good.
    pub verify: i64,
    /// The same for the CA, 0 is good.
    pub ca_error: i64,
    /// Why the handshake failed, 0 if it did not.
    pub error: i64,
}

/// Milliseconds of each part of a session; `None` where it was not reached (logged as -1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timers {
    /// Th: handshakes of the client connection.
    pub handshake: Option<u32>,
    /// Ti: idle before the request.
    pub idle: Option<u32>,
    /// TR: from the first byte of the request to its last header.
    pub request: Option<u32>,
    /// Tw: in queues.
    pub queue: Option<u32>,
    /// Tc: connecting, retries included.
    pub connect: Option<u32>,
    /// Tr: from the request sent to the response's last header.
    pub response: Option<u32>,
    /// Td: data transfer.
    pub data: Option<u32>,
    /// Ta: from the first byte of the request to the end.
    pub active: Option<u32>,
    /// Tt: from accept to the end.
    pub total: Option<u32>,
    /// Tu: total as the user sees it, without idle time and handshakes of earlier requests.
    pub user: Option<u32>,
}

/// When a log line is made (`%OG`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Origin {
    /// Not said.
    #[default]
    Unspecified,
    /// A session that failed before it had a stream.
    SessionError,
    /// An embryonic session that was killed.
    SessionKilled,
    /// The connection was accepted.
    Accept,
    /// The request is complete.
    Request,
    /// The server connection is there.
    Connect,
    /// The response is complete.
    Response,
    /// The end.
    Close,
}

/// The figures of a session that only logs ask for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogFacts {
    /// Accept date, microseconds since 1970.
    pub accept_us: i64,
    /// First byte of the request, microseconds since 1970.
    pub request_us: Option<i64>,
    /// The parts of the session.
    pub timers: Timers,
    /// `%U`: bytes from the client.
    pub bytes_in: u64,
    /// `%B`: bytes to the client.
    pub bytes_out: u64,
    /// Status of the answer, ours or the server's.
    pub status: Option<u16>,
    /// Termination state: cause, phase, cookie seen, cookie set. Zero bytes print as `-`.
    pub termination: [u8; 4],
    /// Process connections.
    pub act_conn: u32,
    /// Frontend connections.
    pub fe_conn: u32,
    /// Backend connections.
    pub be_conn: u32,
    /// Server connections.
    pub srv_conn: u32,
    /// Connection attempts repeated.
    pub retries: u32,
    /// The last attempt went to another server.
    pub redispatched: bool,
    /// Requests ahead in the server's queue.
    pub srv_queue: u32,
    /// Requests ahead in the backend's queue.
    pub be_queue: u32,
    /// `%rt`: number of the request in the process.
    pub request_counter: u32,
    /// `%lc`: number of the log line in the frontend.
    pub log_counter: u32,
    /// Logged before the end (`option logasap`): sizes and total time print with a `+`.
    pub early: bool,
    /// Why the line is made now.
    pub origin: Origin,
}

/// A session, check or log record as expressions see it.
///
/// Only the three facts that never lack are required; everything else answers "missing" unless
/// implemented. Borrowed answers live as long as the subject.
pub trait Subject {
    /// The wall clock, microseconds since 1970. May be constant for one evaluation.
    fn now_us(&self) -> i64;
    /// Sixty-four fresh random bits.
    fn random(&self) -> u64;
    /// What is constant for the process.
    fn process(&self) -> &Process;

    /// No more data will come: an inspection delay is over or both ends are closed.
    /// "Not yet" then counts as missing.
    fn is_final(&self) -> bool {
        true
    }

    /// An end of a connection; `None` for unix sockets and connections that don't exist.
    fn address(&self, _end: End) -> Option<SocketAddr> {
        None
    }
    /// Whether an address is one of this machine.
    fn is_local(&self, _ip: IpAddr) -> bool {
        false
    }
    /// The frontend.
    fn frontend(&self) -> Option<Named<'_>> {
        None
    }
    /// The `bind` line: its name (may be empty) and id.
    fn listener(&self) -> Option<Named<'_>> {
        None
    }
    /// The backend once chosen. A `listen` section answers at once.
    fn backend(&self) -> Option<Named<'_>> {
        None
    }
    /// The frontend's `default_backend`.
    fn default_backend(&self) -> Option<&str> {
        None
    }
    /// The server once chosen.
    fn server(&self) -> Option<Named<'_>> {
        None
    }
    /// What answered instead of a server, as logs print it: `<STATS>`, `<PROMEX>`.
    fn service(&self) -> Option<&str> {
        None
    }
    /// A running number; `None` if the named thing does not exist.
    fn count(&self, _count: Count<'_>) -> Option<i64> {
        None
    }
    /// Number of the worker thread, from 0.
    fn thread(&self) -> u32 {
        0
    }
    /// The process no longer accepts.
    fn is_stopping(&self) -> bool {
        false
    }

    /// First line of the request.
    fn request(&self) -> Fetch<RequestLine<'_>> {
        Fetch::Missing
    }
    /// First line of the response.
    fn response(&self) -> Fetch<StatusLine<'_>> {
        Fetch::Missing
    }
    /// The header at a position, counted from 0: name and value without surrounding blanks.
    fn header(&self, _side: Side, _nth: usize) -> Option<(&[u8], &[u8])> {
        None
    }
    /// The body so far.
    fn body(&self, _side: Side) -> Fetch<Body<'_>> {
        Fetch::Missing
    }
    /// Raw bytes so far (`mode tcp`).
    fn payload(&self, _side: Side) -> Fetch<Payload<'_>> {
        Fetch::Missing
    }
    /// This is the first request of its connection.
    fn is_first_request(&self) -> bool {
        true
    }
    /// Major version of HTTP on a connection: 1, 2 or 3.
    fn http_major(&self, _side: Side) -> Option<u8> {
        None
    }
    /// The request line as captured for logs: method, target and version separated by blanks.
    fn captured_request(&self) -> Option<&[u8]> {
        None
    }

    /// TLS on the client (`Request`) or server (`Response`) connection; `None` without TLS.
    fn tls(&self, _side: Side) -> Option<&TlsFacts> {
        None
    }
    /// Why a connection failed, as a number; 0 while it did not.
    fn connection_error(&self, _side: Side) -> u32 {
        0
    }
    /// The client connection came with a PROXY header.
    fn received_proxy(&self) -> bool {
        false
    }

    /// A variable's content.
    fn variable(&self, _variable: &Variable) -> Option<Value> {
        None
    }
    /// Sets (or with `None` unsets) a variable; false if the scope does not exist here.
    fn set_variable(&self, _variable: &Variable, _value: Option<Value>) -> bool {
        false
    }
    /// Number of capture slots declared.
    fn captures(&self, _side: Side) -> usize {
        0
    }
    /// The content of a capture slot.
    fn capture(&self, _side: Side, _index: usize) -> Option<&[u8]> {
        None
    }
    /// Fills a capture slot; false if there is none.
    fn set_capture(&self, _side: Side, _index: usize, _value: &[u8]) -> bool {
        false
    }
    /// The captured cookie (`capture cookie`), `name=value`.
    fn captured_cookie(&self, _side: Side) -> Option<&[u8]> {
        None
    }
    /// The unique id, made on first use.
    fn unique_id(&self) -> Option<&[u8]> {
        None
    }
    /// A list of users.
    fn userlist(&self, _name: &str) -> Option<&Userlist> {
        None
    }
    /// The figures for logs.
    fn log(&self) -> Option<&LogFacts> {
        None
    }
}
