//! A client that keeps its connection.

use super::transport::{Answer, Transport};
use super::{Client, Done, Failure, Plan};

pub(super) struct KeepAlive {
    request: Vec<u8>,
    kept: Option<Transport>,
}

impl KeepAlive {
    pub(super) fn new(plan: &Plan) -> Self {
        let Plan { host, path, .. } = plan;
        let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nAccept: */*\r\n\r\n");
        Self { request: request.into_bytes(), kept: None }
    }

    fn exchange(&self, transport: &mut Transport) -> Result<Answer, Failure> {
        transport.send(&self.request)?;
        transport.answer()
    }
}

impl Client for KeepAlive {
    fn request(&mut self, plan: &Plan) -> Result<Done, Failure> {
        let mut again = false;
        if let Some(mut transport) = self.kept.take()
            && !transport.ended()?
        {
            transport.renew(plan.patience);
            match self.exchange(&mut transport) {
                Ok(answer) => {
                    if !answer.head.close {
                        self.kept = Some(transport);
                    }
                    return answer.check(plan).map(|()| Done::default());
                }
                // Closed while the request was on its way: what happens between two requests is no
                // failure, a reset is.
                Err(Failure::Closed) if transport.silent() => again = true,
                Err(failure) => return Err(failure),
            }
        }
        let mut transport = Transport::connect(plan)?;
        let answer = self.exchange(&mut transport)?;
        if !answer.head.close {
            self.kept = Some(transport);
        }
        answer.check(plan).map(|()| Done { again })
    }
}
