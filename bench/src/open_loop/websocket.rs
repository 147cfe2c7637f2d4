//! A client that holds a WebSocket and wants each of its messages back; told that the server goes
//! away, it opens another.

use super::transport::Transport;
use super::{Client, Done, Failure, Plan};
use crate::websocket::{self, Frame};
use std::time::Instant;

/// The mask's values do not matter on loopback, only that there is one.
const MASK: [u8; 4] = [0x3a, 0x91, 0x5c, 0xe7];

#[derive(Default)]
pub(super) struct WebSocket {
    /// The session, and when it was last heard of.
    open: Option<(Transport, Instant)>,
    messages: u64,
}

impl WebSocket {
    fn handshake(plan: &Plan) -> Result<Transport, Failure> {
        let Plan { host, path, .. } = plan;
        let key = websocket::base64(b"a key of 16 byte");
        let mut transport = Transport::connect(plan)?;
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n"
        );
        transport.send(request.as_bytes())?;
        let answer = transport.answer()?;
        if answer.head.status != 101 {
            return Err(Failure::Wrong(format!("status {} to an upgrade", answer.head.status)));
        }
        answer.is_of(plan)?;
        if answer.head.websocket_accept.as_deref() != Some(websocket::accept(&key).as_str()) {
            return Err(Failure::Wrong("Sec-WebSocket-Accept".into()));
        }
        Ok(transport)
    }
}

impl Client for WebSocket {
    fn request(&mut self, plan: &Plan) -> Result<Done, Failure> {
        self.messages += 1;
        if let Some((mut transport, _)) = self.open.take() {
            transport.renew(plan.patience);
            if !Self::dismissed(&mut transport)? && self.exchange(&mut transport)? {
                self.open = Some((transport, Instant::now()));
                return Ok(Done::default());
            }
            // The server has said that it goes: another one is asked, as its client is meant to.
            self.exchange_anew(plan)?;
            return Ok(Done { again: true });
        }
        self.exchange_anew(plan)?;
        Ok(Done::default())
    }

    fn held_since(&self) -> Option<Instant> {
        self.open.as_ref().map(|(_, heard)| *heard)
    }

    fn end(&mut self) {
        if let Some((mut transport, _)) = self.open.take() {
            let _ = websocket::write(&mut transport, &close(), Some(MASK));
        }
    }
}

fn close() -> Frame {
    Frame { opcode: websocket::CLOSE, payload: Vec::new() }
}

impl WebSocket {
    /// Whether a farewell has come since the last message (RFC 6455 section 5.5.1).
    fn dismissed(transport: &mut Transport) -> Result<bool, Failure> {
        if !transport.has_bytes()? {
            return Ok(false);
        }
        match websocket::read(transport).map_err(|e| Failure::from(&e))? {
            Some(Frame { opcode: websocket::CLOSE, .. }) => {
                let _ = websocket::write(transport, &close(), Some(MASK));
                Ok(true)
            }
            None => Err(Failure::Closed),
            Some(frame) => Err(Failure::Wrong(format!("unasked, opcode {}", frame.opcode))),
        }
    }

    fn exchange_anew(&mut self, plan: &Plan) -> Result<(), Failure> {
        let mut transport = Self::handshake(plan)?;
        if !self.exchange(&mut transport)? {
            return Err(Failure::Wrong("a farewell on a new connection".into()));
        }
        self.open = Some((transport, Instant::now()));
        Ok(())
    }

    /// Sends the message and wants it back; false when a farewell comes in its place.
    fn exchange(&self, transport: &mut Transport) -> Result<bool, Failure> {
        let payload = format!("message {}", self.messages).into_bytes();
        let sent = Frame { opcode: websocket::TEXT, payload };
        let io = |error: std::io::Error| Failure::from(&error);
        websocket::write(transport, &sent, Some(MASK)).map_err(io)?;
        match websocket::read(transport).map_err(io)? {
            Some(frame) if frame == sent => Ok(true),
            Some(Frame { opcode: websocket::CLOSE, .. }) => {
                let _ = websocket::write(transport, &close(), Some(MASK));
                Ok(false)
            }
            None => Err(Failure::Closed),
            Some(frame) => Err(Failure::Wrong(format!("another message, opcode {}", frame.opcode))),
        }
    }
}
