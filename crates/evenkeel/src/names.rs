//! The DNS provider in the house: who is asked for what, and what an answer changes.

use std::time::Duration;

use control::apply::Attempt;
use control::{Cause, Report, Verdict, names};
use discovery::dns::{Asking, Books, Desk};
use model::observed::{NameObservation, Question};
use proxy::{NameService, Resolving};
use tokio::sync::mpsc;

use crate::house::{House, wall_ms};

/// Where sessions ask for names.
pub struct Counter(pub Desk);

impl NameService for Counter {
    fn resolve(&self, question: Question) -> Resolving {
        Box::pin(self.0.ask(question))
    }
}

/// The provider, and which generation's names it asks for.
pub struct Watch {
    asking: Asking,
    heard: mpsc::Receiver<NameObservation>,
    generation: Option<u64>,
}

impl Watch {
    /// Asks for nothing yet.
    pub fn new(books: Books) -> Self {
        let (asking, heard) = Asking::new(books);
        Self { asking, heard, generation: None }
    }

    /// Asks for the names of what runs now.
    pub fn follow(&mut self, house: &House) {
        let Some(running) = house.running() else { return };
        if self.generation.replace(running.generation) == Some(running.generation) {
            return;
        }
        let questions = names::questions(&running.config);
        house.names.borrow_mut().retain(&questions);
        let with_resolvers = questions.into_iter().filter_map(|question| {
            let resolvers = running.config.resolvers(&question.resolvers)?.clone();
            Some((question, resolvers))
        });
        self.asking.follow(with_resolvers.collect());
    }

    /// The next answer; for ever silent while nothing is asked.
    pub async fn next(&mut self) -> NameObservation {
        match self.heard.recv().await {
            Some(observation) => observation,
            None => std::future::pending().await,
        }
    }
}

impl House {
    /// Takes an answer and brings what it changes to the data plane; `None` = it changes nothing.
    pub fn hear(&self, seen: NameObservation) -> Option<Report> {
        let question = seen.question.clone();
        let running = self.running()?;
        let by = seen.by.clone();
        let hold = running.config.resolvers(&question.resolvers)?.hold;
        let heard = self.names.borrow_mut().handle(self.started.elapsed(), &hold, seen);
        let about = format!("resolvers {}: {}", question.resolvers, question.name);
        if let Some(failure) = heard.failed {
            self.voice.warning(format!("{about}: {failure}; what was known goes on for now"));
        }
        if heard.recovered {
            self.voice.notice(format!("{about}: answered again"));
        }
        if !heard.changed {
            return None;
        }
        let cause = Cause::Name(question.name.to_string());
        let attempt = Attempt { at_ms: wall_ms(), spent: Duration::ZERO, causes: vec![cause] };
        let report = self.apply(attempt);
        if let Verdict::Applied(_) = report.verdict {
            self.remembered.score.converged(report.entry.took);
        }
        if let Some(by) = by.filter(|_| report.verdict != Verdict::Unchanged) {
            self.books.updated(&question.resolvers, &by);
        }
        Some(report)
    }
}
