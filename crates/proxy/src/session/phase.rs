//! The phases of a request: one variant each, owning only that phase's data.

use std::sync::Arc;

use model::Reply;

use crate::buffer::Buffer;
use crate::pool::InUse;
use crate::pump::Pump;
use crate::queue::Slot;
use crate::stream::Stream;

/// Where a request is. Each step consumes its phase and gives the next.
pub enum Phase {
    /// Reading the request head from what has arrived.
    Receive(Buffer),
    /// Waiting for the rest of the head.
    ReceiveMore(Buffer),
    /// Rules, routing.
    Process(Option<Buffer>),
    /// Choosing a server and taking a slot on it.
    Assign(Box<Outgoing>),
    /// Waiting for a slot in the queue of this server, or in that of the backend.
    Queue(Box<Outgoing>, Option<usize>),
    /// A slot is ours: looking for an idle connection.
    Connect(Box<Outgoing>, Slot),
    /// Opening a connection.
    Open(Box<Outgoing>, Slot),
    /// Sending the request and waiting for the response head.
    Respond(Box<Upstream>),
    /// Sending the response on.
    Forward(Box<Upstream>, Option<Buffer>),
    /// Bytes both ways, no HTTP any more.
    Tunnel(Box<Upstream>, Option<Buffer>),
    /// The answer is out, the request has not ended.
    Leftover(Box<Upstream>),
    /// Answering ourselves.
    Answer(Answer),
    /// Logging, counting, and what comes next.
    Finish(Finish),
}

/// A request on its way out: head serialised, body perhaps begun. Boxed everywhere: it goes from
/// phase to phase, and only the pointer moves.
pub struct Outgoing {
    /// Sends head and body.
    pub upload: Pump,
    /// Attempts left.
    pub retries_left: u32,
    /// Server that failed last, by its key: to be avoided when redispatching.
    pub failed: Option<u64>,
    /// The request must go to this server (`use-server`, cookie) unless redispatched.
    pub pinned: bool,
}

/// A connection to a server with the request on it. Boxed like [`Outgoing`].
pub struct Upstream {
    /// Sends head and body.
    pub outgoing: Box<Outgoing>,
    /// The server connection.
    pub stream: Stream,
    /// Requests that the connection carried before.
    pub carried: u32,
    /// Our place on the server.
    pub slot: Slot,
    /// Counts the connection among those that are worth keeping.
    pub in_use: InUse,
}

/// Our own answer.
pub struct Answer {
    /// What to say.
    pub kind: AnswerKind,
    /// Rest of the request's input: body bytes, pipelined requests.
    pub input: Option<Buffer>,
}

/// What our own answer says.
pub enum AnswerKind {
    /// The proxy's error page of this status.
    Error(u16),
    /// `return`, `deny`, ...
    Reply(Arc<Reply>),
    /// A whole message head (with body), already serialised: redirects, challenges.
    Raw(Vec<u8>, u16),
    /// Close without a word.
    Silence,
    /// Close with a reset, as `silent-drop` does as far as a user process can.
    Drop,
}

/// How the exchange ended.
pub enum Finish {
    /// The client may send another request.
    KeepAlive(Option<Buffer>),
    /// The connection ends.
    Close,
}
