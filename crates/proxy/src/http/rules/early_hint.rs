//! `early-hint`: fields of rules that follow each other go out together as one 103 (RFC 8297).

use model::{HttpAction, HttpRule};
use tokio::time::Instant;
use wire::http::{FieldName, Version};

use super::action::text;
use crate::client::Client;
use crate::deadline::Deadline;
use crate::session::exchange::Exchange;

/// Fields that have not been sent yet.
#[derive(Default)]
pub struct Hints(Vec<u8>);

/// Whether the answer stays open for this rule, the next one: as in HAProxy only for early hints
/// that are sent always.
pub fn goes_on(next: Option<&HttpRule>) -> bool {
    next.is_some_and(|r| r.condition.is_none() && matches!(r.action, HttpAction::EarlyHint(..)))
}

impl Hints {
    /// Adds a field.
    pub fn add(&mut self, ex: &Exchange, name: &FieldName, format: &expr::LogFormat) {
        let value = text(ex, format);
        if wire::http::token::is_field_value(&value) {
            wire::h1::write_field(&mut self.0, name.as_bytes(), &value);
        }
    }

    /// Sends them. Clients of HTTP/1.0 know no interim answers and get none. That a client is
    /// gone shows when the answer follows.
    pub async fn send(&mut self, client: &mut Client, ex: &mut Exchange) {
        let fields = std::mem::take(&mut self.0);
        if ex.memory.request.version() == Version::Http10 {
            return;
        }
        let mut out = b"HTTP/1.1 103 Early Hints\r\n".to_vec();
        out.extend_from_slice(&fields);
        out.extend_from_slice(b"\r\n");
        let mut deadline = Deadline::new();
        deadline.set(Instant::now(), client.frontend.model.timeouts.client);
        if let Ok(Ok(())) = deadline.guard(client.stream.write_all(&out)).await {
            ex.bytes_out += out.len() as u64;
        }
    }
}
