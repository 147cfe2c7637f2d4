//! Containers that are being looked at, while events go on: at most so many at once, and again when
//! something happened to one in the meantime.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bollard::Docker;
use bollard::errors::Error;
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use model::observed::Unreadable;

use super::observe::Seen;
use super::{remedy, translate};

/// Containers that are looked at together.
const AT_ONCE_MAX: usize = 16;

/// A look that has ended.
#[derive(Debug)]
pub enum Look {
    /// It is there.
    Seen(Box<Seen>),
    /// It is not (any more).
    Missing(String),
    /// The engine goes on and cannot describe this one.
    Failed(Unreadable),
}

/// Looks under way and waiting.
pub struct Looks<'a> {
    docker: &'a Docker,
    patience: Duration,
    queue: Queue,
    /// Names of those under way, as far as they are known.
    names: BTreeMap<String, String>,
    flying: FuturesUnordered<BoxFuture<'a, (String, Result<Look, Error>)>>,
}

impl<'a> Looks<'a> {
    /// None yet; an answer may take so long.
    pub fn new(docker: &'a Docker, patience: Duration) -> Self {
        let (queue, names) = (Queue::default(), BTreeMap::new());
        Self { docker, patience, queue, names, flying: FuturesUnordered::new() }
    }

    /// Looks at a container, or looks again when one is under way.
    pub fn want(&mut self, id: String, name: Option<&str>) {
        if let Some(name) = name {
            self.names.insert(id.clone(), name.trim_start_matches('/').to_owned());
        }
        self.queue.want(id);
        self.start();
    }

    /// What is believed of a container has changed: an answer that is under way may be older, and
    /// must not undo that.
    pub fn overtaken(&mut self, id: &str) {
        self.queue.overtaken(id);
    }

    /// Whether nothing is under way.
    pub fn is_empty(&self) -> bool {
        self.flying.is_empty()
    }

    /// The next that ends, `None` when what it says may be older than what is believed; never
    /// without a look under way.
    ///
    /// # Errors
    /// What is wrong with the engine as a whole.
    pub async fn next(&mut self) -> Result<Option<Look>, Error> {
        let Some((id, look)) = self.flying.next().await else {
            return std::future::pending().await;
        };
        let counts = self.queue.landed(&id);
        let name = if counts { self.names.remove(&id) } else { None };
        self.start();
        Ok(match look? {
            _ if !counts => None,
            Look::Failed(one) => {
                let name = name.unwrap_or_default().as_str().into();
                Some(Look::Failed(Unreadable { name, ..one }))
            }
            look => Some(look),
        })
    }

    fn start(&mut self) {
        while let Some(id) = self.queue.take() {
            let (docker, patience) = (self.docker, self.patience);
            self.flying.push(Box::pin(async move {
                let look = look(docker, patience, &id).await;
                (id, look)
            }));
        }
    }
}

/// Looks at one container. Whatever goes wrong concerns this one alone while the engine answers.
async fn look(docker: &Docker, patience: Duration, id: &str) -> Result<Look, Error> {
    let asked = tokio::time::timeout(patience, docker.inspect_container(id, None)).await;
    let error = match asked.unwrap_or(Err(Error::RequestTimeoutError)) {
        Ok(answer) => match translate::container(answer) {
            Some(seen) => return Ok(Look::Seen(Box::new(seen))),
            None => Error::JsonDataError { message: "it has no id".to_owned(), column: 0 },
        },
        Err(Error::DockerResponseServerError { status_code: 404, .. }) => {
            return Ok(Look::Missing(id.to_owned()));
        }
        Err(error) => error,
    };
    if !remedy::is_answer(&error) {
        alive(docker, patience).await?;
    }
    let reason = format!("its engine cannot describe it: {}", remedy::cause(&error));
    Ok(Look::Failed(Unreadable { id: id.into(), name: "".into(), reason }))
}

/// Whether the engine answers at all.
///
/// # Errors
/// Why it does not.
pub async fn alive(docker: &Docker, patience: Duration) -> Result<(), Error> {
    let ping = tokio::time::timeout(patience, docker.ping()).await;
    match ping.unwrap_or(Err(Error::RequestTimeoutError)) {
        Err(error) if !remedy::is_answer(&error) => Err(error),
        // What guards an engine may well refuse this one call.
        _ => Ok(()),
    }
}

/// Who waits and who is looked at.
#[derive(Debug, Default)]
struct Queue {
    waiting: BTreeSet<String>,
    flying: BTreeMap<String, Flight>,
}

/// What the answer of a look under way is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flight {
    /// Everything.
    Counts,
    /// It is newer than what is believed, and there may be something newer still. The engine
    /// answers for a container that is being started only once it has started: that answer is
    /// good, though its start event came meanwhile.
    Again,
    /// It may be older than what is believed.
    Overtaken,
}

impl Queue {
    fn want(&mut self, id: String) {
        match self.flying.get_mut(&id) {
            Some(flight @ Flight::Counts) => *flight = Flight::Again,
            Some(_) => {}
            None => drop(self.waiting.insert(id)),
        }
    }

    fn overtaken(&mut self, id: &str) {
        if let Some(flight) = self.flying.get_mut(id) {
            *flight = Flight::Overtaken;
        }
    }

    fn take(&mut self) -> Option<String> {
        if self.flying.len() >= AT_ONCE_MAX {
            return None;
        }
        let id = self.waiting.pop_first()?;
        self.flying.insert(id.clone(), Flight::Counts);
        Some(id)
    }

    /// An answer came; whether it counts. Where something happened meanwhile, another is asked for.
    fn landed(&mut self, id: &str) -> bool {
        let flight = self.flying.remove(id).unwrap_or(Flight::Counts);
        if flight != Flight::Counts {
            self.waiting.insert(id.to_owned());
        }
        flight != Flight::Overtaken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_was_overtaken_is_asked_for_again() {
        let mut q = Queue::default();
        q.want("a".into());
        q.want("a".into());
        assert_eq!(q.take().as_deref(), Some("a"));
        assert_eq!(q.take(), None);
        q.want("a".into());
        assert!(q.landed("a"), "what it says is newer than what was believed");
        assert_eq!(q.take().as_deref(), Some("a"));
        q.overtaken("a");
        q.want("a".into());
        assert!(!q.landed("a"));
        assert_eq!(q.take().as_deref(), Some("a"));
        assert!(q.landed("a"));
        assert_eq!(q.take(), None);
    }

    #[test]
    fn only_so_many_are_looked_at_together() {
        let mut q = Queue::default();
        (0..100).for_each(|n| q.want(format!("{n:03}")));
        let first: Vec<String> = std::iter::from_fn(|| q.take()).collect();
        assert_eq!(first.len(), AT_ONCE_MAX);
        assert!(q.landed(&first[0]));
        assert!(q.take().is_some());
    }
}
