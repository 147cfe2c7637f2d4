//! A client whose request body comes in pieces: a change falls into the middle of it.

use super::transport::Transport;
use super::{Client, Done, Failure, Plan};

pub(super) struct SlowBody;

impl Client for SlowBody {
    fn request(&mut self, plan: &Plan) -> Result<Done, Failure> {
        let Plan { host, path, body_length, .. } = plan;
        let mut transport = Transport::connect(plan)?;
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {body_length}\r\n\
             Connection: close\r\n\r\n"
        );
        transport.send(head.as_bytes())?;
        let body = vec![b'x'; *body_length];
        for piece in body.chunks(body_length.div_ceil(plan.pieces.max(1)).max(1)) {
            std::thread::sleep(plan.pause);
            transport.send(piece)?;
        }
        let answer = transport.answer()?;
        answer.check(plan)?;
        match answer.head.body_seen {
            Some(seen) if seen != *body_length as u64 => {
                Err(Failure::Wrong(format!("{seen} of {body_length} bytes arrived")))
            }
            _ => Ok(Done::default()),
        }
    }
}
