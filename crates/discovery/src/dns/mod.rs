//! The DNS provider: asks for names again and again and tells what it hears, uninterpreted.

mod ask;
mod exchange;
mod figures;
#[cfg(test)]
mod hostile;
mod lookup;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use model::Resolvers;
use model::observed::{NameObservation, Question};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use ask::Asker;
pub use figures::{Books, Figures};
pub use lookup::{Desk, Lookups};

/// Answers that wait for the control loop; askers wait beyond.
const WAITING_MAX: usize = 64;

/// Names that are asked for. Dropped, it asks no more.
pub struct Asking {
    tell: mpsc::Sender<NameObservation>,
    books: Books,
    tasks: HashMap<Question, (Arc<Resolvers>, AbortHandle)>,
}

impl Asking {
    /// Asks for nothing yet.
    #[must_use]
    pub fn new(books: Books) -> (Self, mpsc::Receiver<NameObservation>) {
        let (tell, hear) = mpsc::channel(WAITING_MAX);
        (Self { tell, books, tasks: HashMap::new() }, hear)
    }

    /// Asks for exactly these names from now on, each at once and then every `timeout resolve`.
    /// What is asked for already goes on. Must be called within a tokio runtime.
    pub fn follow(&mut self, wanted: Vec<(Question, Arc<Resolvers>)>) {
        let wanted: HashMap<_, _> = wanted.into_iter().collect();
        self.tasks.retain(|question, (resolvers, task)| {
            let stays = wanted.get(question) == Some(resolvers);
            if !stays {
                task.abort();
            }
            stays
        });
        for (question, resolvers) in wanted {
            if self.tasks.contains_key(&question) {
                continue;
            }
            let asker = Asker::new(Arc::clone(&resolvers), &self.books);
            let task = run(question.clone(), Arc::clone(&resolvers), asker, self.tell.clone());
            let task = tokio::spawn(task).abort_handle();
            self.tasks.insert(question, (resolvers, task));
        }
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        self.tasks.values().for_each(|(_, task)| task.abort());
    }
}

async fn run(
    question: Question,
    resolvers: Arc<Resolvers>,
    asker: Asker,
    tell: mpsc::Sender<NameObservation>,
) {
    loop {
        let begun = tokio::time::Instant::now();
        let answer = asker.resolve(&question).await;
        let at = answer.as_ref().ok().map(|(_, at)| *at);
        let by = at.and_then(|at| resolvers.nameservers.get(at)).map(|server| server.name.clone());
        let outcome = answer.map(|(records, _)| records);
        let observation = NameObservation { question: question.clone(), by, outcome };
        if tell.send(observation).await.is_err() {
            return;
        }
        // Not sooner than that after an answer that took its time, either.
        let pause = resolvers.timeout_resolve.saturating_sub(begun.elapsed());
        tokio::time::sleep(pause.max(PAUSE_MIN)).await;
    }
}

/// Least time between an answer and the next question.
const PAUSE_MIN: Duration = Duration::from_millis(10);
