//! Services inside HTTP sessions, answered by the control thread.

use std::rc::Rc;
use std::sync::Arc;

use admin::services;
use proxy::{Answering, Service, ServiceAnswer, ServiceKind, ServiceRequest};
use tokio::sync::{mpsc, oneshot};

use crate::house::House;

/// Requests that wait at the same time; more are refused with 503.
const WAITING_MAX: usize = 256;

type Asked = (ServiceRequest, oneshot::Sender<ServiceAnswer>);

/// The workers' end.
pub struct Desk(mpsc::Sender<Asked>);

/// The control thread's end.
pub type Questions = mpsc::Receiver<Asked>;

/// Both ends.
pub fn open() -> (Arc<Desk>, Questions) {
    let (ask, asked) = mpsc::channel(WAITING_MAX);
    (Arc::new(Desk(ask)), asked)
}

impl Service for Desk {
    fn answer(&self, request: ServiceRequest) -> Answering {
        let (reply, answer) = oneshot::channel();
        let taken = self.0.try_send((request, reply)).is_ok();
        Box::pin(async move { if taken { answer.await.ok() } else { None } })
    }
}

/// Answers until the process ends.
pub async fn serve(mut questions: Questions, house: Rc<House>) {
    while let Some((request, reply)) = questions.recv().await {
        if let ServiceKind::Named(model::ServiceName::Api) = request.kind {
            // May wait for workers or files; the others need not wait for it.
            let house = Rc::clone(&house);
            tokio::task::spawn_local(async move {
                let _ = reply.send(answer(&house, &request).await);
            });
        } else {
            // A client that left needs no answer.
            let _ = reply.send(answer(&house, &request).await);
        }
        // Signals and changes come first when many ask.
        tokio::task::yield_now().await;
    }
}

async fn answer(house: &House, asked: &ServiceRequest) -> ServiceAnswer {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let field = |value: &Option<Vec<u8>>| value.as_deref().map(text);
    let (target, body) = (text(&asked.target), text(&asked.body));
    let (host, origin) = (field(&asked.host), field(&asked.origin));
    let (fetch_site, token) = (field(&asked.fetch_site), field(&asked.token));
    let authorization = field(&asked.authorization);
    let request = services::Request {
        proxy: &asked.proxy,
        method: &asked.method,
        target: &target,
        host: host.as_deref(),
        origin: origin.as_deref(),
        fetch_site: fetch_site.as_deref(),
        authorization: authorization.as_deref(),
        token: token.as_deref(),
        body: &body,
        may_change: asked.may_change,
        nonce: crate::run::random_bits(),
    };
    let answer = match &asked.kind {
        ServiceKind::Stats(settings) => services::statistics(house, settings, &request),
        ServiceKind::Named(model::ServiceName::PrometheusExporter) => {
            services::prometheus::answer(house, &request)
        }
        ServiceKind::Named(model::ServiceName::Api) => {
            services::api::answer(house, &request, house.api_token.as_deref()).await
        }
    };
    ServiceAnswer { status: answer.status, headers: answer.headers, body: answer.body.into() }
}
