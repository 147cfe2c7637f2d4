//! The DNS provider in the house: who is asked for what, and what an answer changes.

use std::time::Duration;

use control::apply::Attempt;
use control::{Cause, Report, names};
use discovery::dns::Asking;
use model::observed::NameObservation;
use tokio::sync::mpsc;

use crate::house::{House, wall_ms};

/// The provider, and which generation's names it asks for.
pub struct Watch {
    asking: Asking,
    heard: mpsc::Receiver<NameObservation>,
    generation: Option<u64>,
}

impl Watch {
    /// Asks for nothing yet.
    pub fn new() -> Self {
        let (asking, heard) = Asking::new();
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
        Some(self.apply(attempt))
    }
}
