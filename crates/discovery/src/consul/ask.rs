//! One question to Consul over HTTP: where it goes, how it is written, how long it may take.

use std::fmt::Write;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{HeaderMap, HeaderValue};
use hyper_util::rt::TokioIo;
use model::consul::{ServiceHealth, ServiceQuery};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio::task::AbortHandle;

use super::agent::{Place, Settings};
use super::pace::{Mode, Question};

/// Time for a connection, with its name and its TLS.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Time for an answer beyond the wait that was asked for.
const MARGIN: Duration = Duration::from_secs(5);
/// Consul adds up to this part of the wait by chance.
const JITTER: u32 = 16;
/// Longest answer, in bytes.
const ANSWER_MAX_BYTES: usize = 32 << 20;
/// What is escaped in a part of an address: all but RFC 3986's unreserved characters.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
/// Longest part of a failure's text that is passed on, in characters.
const REASON_MAX: usize = 200;

/// What came back.
pub(super) struct Reply {
    pub body: Bytes,
    headers: HeaderMap,
}

impl Reply {
    fn number(&self, name: &str) -> Option<u64> {
        self.headers.get(name)?.to_str().ok()?.trim().parse().ok()
    }

    /// `X-Consul-Index`; 0 when there is none.
    pub(super) fn index(&self) -> u64 {
        self.number("x-consul-index").unwrap_or(0)
    }

    /// `X-Consul-KnownLeader`; who does not say so has one.
    pub(super) fn known_leader(&self) -> bool {
        self.headers.get("x-consul-knownleader").is_none_or(|v| v != "false")
    }

    /// `X-Consul-LastContact`.
    pub(super) fn last_contact(&self) -> Duration {
        Duration::from_millis(self.number("x-consul-lastcontact").unwrap_or(0))
    }
}

/// A connection to one agent.
pub(super) struct Connection {
    sender: SendRequest<Empty<Bytes>>,
    driver: AbortHandle,
    host: HeaderValue,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// Either kind of connection, in clear or not.
enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
    Tls(Box<tokio_rustls::client::TlsStream<TcpStream>>),
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// Why not.
    pub(super) async fn open(place: &Place, settings: &Settings) -> Result<Self, String> {
        let opened = tokio::time::timeout(CONNECT_TIMEOUT, Self::connect(place, settings)).await;
        opened.map_err(|_| "no connection in time".to_owned())?
    }

    async fn connect(place: &Place, settings: &Settings) -> Result<Self, String> {
        let (stream, host) = match place {
            Place::Unix(path) => {
                let stream = UnixStream::connect(path).await.map_err(|e| e.to_string())?;
                (Stream::Unix(stream), "localhost".to_owned())
            }
            Place::Tcp { host, port, tls } => {
                let stream = TcpStream::connect((host.as_str(), *port)).await;
                let stream = stream.map_err(|e| e.to_string())?;
                let _ = stream.set_nodelay(true);
                let stream = match settings.tls.as_ref().filter(|_| *tls) {
                    None => Stream::Tcp(stream),
                    Some(config) => {
                        let name = settings.server_name.clone().unwrap_or_else(|| host.clone());
                        let name = ServerName::try_from(name).map_err(|e| e.to_string())?;
                        let connector = tokio_rustls::TlsConnector::from(Arc::clone(config));
                        let stream = connector.connect(name, stream).await;
                        Stream::Tls(Box::new(stream.map_err(|e| format!("TLS: {e}"))?))
                    }
                };
                let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
                (stream, format!("{host}:{port}"))
            }
        };
        let (sender, connection) =
            handshake(TokioIo::new(stream)).await.map_err(|e| e.to_string())?;
        let driver = tokio::spawn(async move {
            // Whoever asks is told by its own question.
            let _ = connection.await;
        });
        let host = HeaderValue::from_str(&host).map_err(|e| e.to_string())?;
        Ok(Self { sender, driver: driver.abort_handle(), host })
    }

    /// Asks, and waits for at most this long.
    ///
    /// # Errors
    /// Why there is no good answer.
    pub(super) async fn get(
        &mut self,
        path: &str,
        settings: &Settings,
        token_file: Option<&str>,
        patience: Duration,
    ) -> Result<Reply, String> {
        let mut request = hyper::Request::get(path)
            .header("host", self.host.clone())
            .header("user-agent", "evenkeel")
            .body(Empty::new())
            .map_err(|e| e.to_string())?;
        if let Some(token) = settings.token(token_file)? {
            let mut value =
                HeaderValue::from_str(&token).map_err(|_| "the token is no token".to_owned())?;
            value.set_sensitive(true);
            request.headers_mut().insert("x-consul-token", value);
        }
        if let Some(basic) = &settings.basic {
            let value = HeaderValue::from_str(&credentials(basic)).map_err(|e| e.to_string())?;
            request.headers_mut().insert("authorization", value);
        }
        let answer = async {
            self.sender.ready().await.map_err(|e| plain(&e))?;
            let answer = self.sender.send_request(request).await.map_err(|e| plain(&e))?;
            let (head, body) = answer.into_parts();
            let body = Limited::new(body, ANSWER_MAX_BYTES).collect().await;
            let body = body.map_err(|e| e.to_string())?.to_bytes();
            if !head.status.is_success() {
                return Err(refusal(head.status.as_u16(), &body));
            }
            Ok(Reply { body, headers: head.headers })
        };
        let answer = tokio::time::timeout(patience, answer).await;
        answer.map_err(|_| "no answer in time".to_owned())?
    }

    /// The node that an agent on this machine speaks for.
    pub(super) async fn own_node(
        &mut self,
        settings: &Settings,
        token_file: Option<&str>,
    ) -> Option<String> {
        let reply = self.get("/v1/agent/self", settings, token_file, MARGIN).await.ok()?;
        let said: serde_json::Value = serde_json::from_slice(&reply.body).ok()?;
        Some(said.get("Config")?.get("NodeName")?.as_str()?.to_owned())
    }
}

/// What a failure of HTTP is about, without the layers around it.
fn plain(error: &hyper::Error) -> String {
    let source = std::error::Error::source(error);
    source.map_or_else(|| error.to_string(), |s| s.to_string())
}

fn refusal(status: u16, body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let line: String = text.lines().next().unwrap_or_default().chars().take(REASON_MAX).collect();
    let line: String = line.chars().filter(|c| !c.is_control()).collect();
    match status {
        429 => format!(
            "429 {line}: it takes no more connections from here \
             (limits.http_max_conns_per_client, 200 unless set)"
        ),
        _ => format!("{status} {line}"),
    }
}

/// How long to wait for the answer to a question.
pub(super) fn patience(question: &Question) -> Duration {
    match question.index {
        0 => MARGIN,
        _ => question.wait + question.wait / JITTER + MARGIN,
    }
}

/// The path of a question.
pub(super) fn path(query: &ServiceQuery, question: &Question, settings: &Settings) -> String {
    let mut path = match query.service.is_empty() {
        true => "/v1/catalog/services?".to_owned(),
        false => format!("/v1/health/service/{}?", utf8_percent_encode(&query.service, ESCAPED)),
    };
    let mut add = |name: &str, value: &str| {
        let end = if path.ends_with('?') { "" } else { "&" };
        let value = if value.is_empty() {
            String::new()
        } else {
            format!("={}", utf8_percent_encode(value, ESCAPED))
        };
        let _ = write!(path, "{end}{name}{value}");
    };
    if question.index > 0 {
        add("index", &question.index.to_string());
        add("wait", &format!("{}ms", question.wait.as_millis()));
    }
    match question.mode {
        Mode::Stale => add("stale", ""),
        Mode::Consistent => add("consistent", ""),
        Mode::Default => {}
    }
    if query.health == ServiceHealth::Passing && !query.service.is_empty() {
        add("passing", "");
    }
    // A service that a namespace or partition of its own has wins over the variables.
    let namespace = query.namespace.as_ref().or(settings.namespace.as_ref());
    let partition = query.partition.as_ref().or(settings.partition.as_ref());
    let one = [("dc", query.datacenter.as_ref()), ("ns", namespace), ("partition", partition)];
    for (name, value) in one.into_iter().chain([("filter", query.filter.as_ref())]) {
        if let Some(value) = value {
            add(name, value);
        }
    }
    query.tags.iter().for_each(|tag| add("tag", tag));
    query.node_meta.iter().for_each(|meta| add("node-meta", meta));
    path
}

/// `user:password` as basic authentication shows it (RFC 7617).
fn credentials(basic: &str) -> String {
    format!("Basic {}", BASE64.encode(basic))
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(s) => Pin::new(s).poll_read(cx, buf),
            Self::Unix(s) => Pin::new(s).poll_read(cx, buf),
            Self::Tls(s) => Pin::new(s).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(s) => Pin::new(s).poll_write(cx, buf),
            Self::Unix(s) => Pin::new(s).poll_write(cx, buf),
            Self::Tls(s) => Pin::new(s).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(s) => Pin::new(s).poll_flush(cx),
            Self::Unix(s) => Pin::new(s).poll_flush(cx),
            Self::Tls(s) => Pin::new(s).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(s) => Pin::new(s).poll_shutdown(cx),
            Self::Unix(s) => Pin::new(s).poll_shutdown(cx),
            Self::Tls(s) => Pin::new(s).poll_shutdown(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(query: &ServiceQuery, index: u64, mode: Mode) -> String {
        let settings = Settings::find(None, |_| None, 0).expect("settings");
        let wait = Duration::from_secs(60);
        path(query, &Question { at: Duration::ZERO, index, wait, mode }, &settings)
    }

    #[test]
    fn questions_are_written_as_consul_reads_them() {
        let mut query = ServiceQuery::new("web".into());
        let first = "/v1/health/service/web?passing";
        assert_eq!(asked(&query, 0, Mode::Default), first);
        query.health = ServiceHealth::Any;
        query.tags = vec!["prod".into(), "a=b".into()];
        query.datacenter = Some("dc2".into());
        query.node_meta = vec!["rack:1".into()];
        query.filter = Some("Service.Port == 80".into());
        let all = "/v1/health/service/web?index=7&wait=60000ms&stale&dc=dc2\
                   &filter=Service.Port%20%3D%3D%2080&tag=prod&tag=a%3Db&node-meta=rack%3A1";
        assert_eq!(asked(&query, 7, Mode::Stale), all);
        let names = ServiceQuery::new("".into());
        assert_eq!(asked(&names, 0, Mode::Consistent), "/v1/catalog/services?consistent");
    }

    #[test]
    fn basic_authentication_is_base64() {
        for (text, written) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v")] {
            assert_eq!(credentials(text), format!("Basic {written}"));
        }
        assert_eq!(credentials("user:pass~word"), "Basic dXNlcjpwYXNzfndvcmQ=");
    }

    #[test]
    fn a_refusal_is_one_line() {
        assert_eq!(refusal(500, b"No cluster leader\nmore"), "500 No cluster leader");
        assert!(refusal(429, b"").contains("http_max_conns_per_client"));
    }
}
