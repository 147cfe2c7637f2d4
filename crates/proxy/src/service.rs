//! Who answers inside an HTTP session in place of a server: the statistics page, metrics.
//!
//! The data plane knows neither; the binary hands in a [`Service`] that asks the control thread, so
//! that no worker spends its time on writing pages.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use model::{Name, ServiceName, Stats};

/// What is asked of the service.
#[derive(Clone, Debug)]
pub struct ServiceRequest {
    /// Which one.
    pub kind: ServiceKind,
    /// The proxy that was asked.
    pub proxy: Name,
    /// Method.
    pub method: String,
    /// Target as it came, without scheme and host.
    pub target: Vec<u8>,
    /// `Host`.
    pub host: Option<Vec<u8>>,
    /// `Origin`, by which a browser tells whose page makes a change.
    pub origin: Option<Vec<u8>>,
    /// `Sec-Fetch-Site`, for the same.
    pub fetch_site: Option<Vec<u8>>,
    /// `Authorization`.
    pub authorization: Option<Vec<u8>>,
    /// `X-Evenkeel-Token`.
    pub token: Option<Vec<u8>>,
    /// Body of a request that changes something; one that does not fit a buffer is cut.
    pub body: Vec<u8>,
    /// `stats admin` allows changes.
    pub may_change: bool,
}

/// Which service.
#[derive(Clone, Debug)]
pub enum ServiceKind {
    /// The statistics page with these settings.
    Stats(Arc<Stats>),
    /// `use-service`.
    Named(ServiceName),
}

/// A whole answer.
#[derive(Clone, Debug)]
pub struct ServiceAnswer {
    /// Status.
    pub status: u16,
    /// Fields other than the length.
    pub headers: Vec<(&'static str, String)>,
    /// Body.
    pub body: Vec<u8>,
}

/// The answer to come; `None` when nobody answers any more.
pub type Answering = Pin<Box<dyn Future<Output = Option<ServiceAnswer>> + Send>>;

/// Answers in place of a server.
pub trait Service: Send + Sync {
    /// Begins to answer.
    fn answer(&self, request: ServiceRequest) -> Answering;
}
