//! A client that holds a WebSocket and wants each of its messages back.

use super::transport::Transport;
use super::{Client, Done, Failure, Plan};
use crate::websocket::{self, Frame};

/// The mask's values do not matter on loopback, only that there is one.
const MASK: [u8; 4] = [0x3a, 0x91, 0x5c, 0xe7];

#[derive(Default)]
pub(super) struct WebSocket {
    open: Option<Transport>,
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
        if answer.head.websocket_accept.as_deref() != Some(websocket::accept(&key).as_str()) {
            return Err(Failure::Wrong("Sec-WebSocket-Accept".into()));
        }
        Ok(transport)
    }
}

impl Client for WebSocket {
    fn request(&mut self, plan: &Plan) -> Result<Done, Failure> {
        let mut transport = match self.open.take() {
            Some(transport) => transport,
            None => Self::handshake(plan)?,
        };
        transport.renew(plan.patience);
        self.messages += 1;
        let payload = format!("message {}", self.messages).into_bytes();
        let sent = Frame { opcode: websocket::TEXT, payload };
        let io = |error: std::io::Error| Failure::from(&error);
        websocket::write(&mut transport, &sent, Some(MASK)).map_err(io)?;
        match websocket::read(&mut transport).map_err(io)? {
            Some(frame) if frame == sent => {
                self.open = Some(transport);
                Ok(Done::default())
            }
            Some(Frame { opcode: websocket::CLOSE, .. }) | None => Err(Failure::Closed),
            Some(frame) => Err(Failure::Wrong(format!("another message, opcode {}", frame.opcode))),
        }
    }

    fn end(&mut self) {
        if let Some(mut transport) = self.open.take() {
            let close = Frame { opcode: websocket::CLOSE, payload: Vec::new() };
            let _ = websocket::write(&mut transport, &close, Some(MASK));
        }
    }
}
