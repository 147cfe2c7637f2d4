//! A client that opens a connection for each request.

use super::transport::Transport;
use super::{Client, Done, Failure, Plan};

pub(super) struct Short {
    request: Vec<u8>,
}

impl Short {
    pub(super) fn new(plan: &Plan) -> Self {
        let Plan { host, path, .. } = plan;
        let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        Self { request: request.into_bytes() }
    }
}

impl Client for Short {
    fn request(&mut self, plan: &Plan) -> Result<Done, Failure> {
        let mut transport = Transport::connect(plan)?;
        transport.send(&self.request)?;
        transport.answer()?.check(plan)?;
        Ok(Done::default())
    }
}
