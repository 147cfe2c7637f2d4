//! Sessions in progress, asked of the workers.

use std::time::Duration;

use admin::ports::SessionRow;
use proxy::{SessionFacts, Shared};
use tokio::time::{Instant, timeout_at};

/// How long workers are waited for: who does not answer by then is left out.
const PATIENCE: Duration = Duration::from_secs(2);

/// Every session in progress, in the order of workers and beginnings.
pub async fn all(shared: &Shared) -> Vec<SessionRow> {
    let mut answers = shared.sessions();
    let deadline = Instant::now() + PATIENCE;
    let mut rows = Vec::new();
    while let Ok(Some(some)) = timeout_at(deadline, answers.recv()).await {
        rows.extend(some.into_iter().map(|facts| row(shared, facts)));
    }
    rows.sort_by_key(|row: &SessionRow| row.id);
    rows
}

/// How many workers answer.
pub async fn workers_there(shared: &Shared) -> usize {
    let mut answers = shared.answers();
    let deadline = Instant::now() + PATIENCE;
    let mut there = 0;
    while let Ok(Some(())) = timeout_at(deadline, answers.recv()).await {
        there += 1;
    }
    there
}

/// Ends a session; false when there is none.
pub async fn end(shared: &Shared, id: u64) -> bool {
    let mut answer = shared.end_session(id, proxy::Cause::Killed);
    let answer = timeout_at(Instant::now() + PATIENCE, answer.recv()).await;
    answer.ok().flatten().unwrap_or(false)
}

fn row(shared: &Shared, facts: SessionFacts) -> SessionRow {
    let began = jiff::Timestamp::from_microsecond(shared.wall_us(facts.began)).unwrap_or_default();
    let began = began.to_zoned(jiff::tz::TimeZone::system());
    SessionRow {
        id: facts.id,
        worker: facts.worker,
        source: facts.source,
        listener: facts.listener,
        bind: facts.bind,
        frontend: facts.frontend,
        backend: facts.backend,
        server: facts.server,
        began: began.strftime("%d/%b/%Y:%H:%M:%S%.6f").to_string(),
        age: facts.began.elapsed(),
    }
}
