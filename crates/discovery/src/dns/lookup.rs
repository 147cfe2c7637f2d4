//! Names that sessions ask for while they wait (`do-resolve`): shared questions, and answers kept
//! for `hold valid`.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use model::Resolvers;
use model::observed::Question;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::ask::{Answer, Asker};
use super::figures::Books;

/// Sessions whose questions have not been looked at yet; more get no address.
const WAITING_MAX: usize = 1024;

/// Names that are asked for at the same time; sessions with others get no address meanwhile.
/// Whoever sends requests chooses the names: the load on name servers has a limit.
const ASKING_MAX: usize = 256;

/// Answers that are kept.
const KEPT_MAX: usize = 4096;

type Reply = oneshot::Sender<Option<IpAddr>>;

/// Where sessions ask. Clones ask the same.
#[derive(Clone)]
pub struct Desk {
    ask: mpsc::Sender<(Question, Reply)>,
    books: Books,
}

impl Desk {
    /// The address to come; `None` = there is none, or too many wait.
    pub fn ask(&self, question: Question) -> impl Future<Output = Option<IpAddr>> + Send + 'static {
        let (reply, answer) = oneshot::channel();
        let taken = self.ask.try_send((question, reply)).is_ok();
        if !taken {
            self.books.turned_away();
        }
        async move { if taken { answer.await.ok().flatten() } else { None } }
    }
}

/// A good answer.
struct Kept {
    addresses: Vec<IpAddr>,
    until: Instant,
    /// Which address is next: they take turns, as in HAProxy.
    next: usize,
}

impl Kept {
    fn take(&mut self) -> Option<IpAddr> {
        let ip = self.addresses.get(self.next % self.addresses.len().max(1)).copied();
        self.next = self.next.wrapping_add(1);
        ip
    }
}

/// The other end of the desk.
pub struct Lookups {
    asked: mpsc::Receiver<(Question, Reply)>,
    books: Books,
    kept: HashMap<Question, Kept>,
    waiting: HashMap<Question, Vec<Reply>>,
}

impl Lookups {
    /// Both ends.
    #[must_use]
    pub fn new(books: Books) -> (Desk, Self) {
        let (ask, asked) = mpsc::channel(WAITING_MAX);
        let desk = Desk { ask, books: books.clone() };
        (desk, Self { asked, books, kept: HashMap::new(), waiting: HashMap::new() })
    }

    /// Answers as long as there is a desk. `settings` gives the `resolvers` section of a name as
    /// it is now.
    pub async fn serve(mut self, settings: impl Fn(&str) -> Option<Arc<Resolvers>>) {
        let mut asking = FuturesUnordered::new();
        loop {
            tokio::select! {
                asked = self.asked.recv() => {
                    let Some((question, reply)) = asked else { return };
                    let Some(resolvers) = settings(&question.resolvers) else { continue };
                    if self.begins(&question, reply, asking.len()) {
                        asking.push(ask(question, resolvers, self.books.clone()));
                    }
                }
                Some((question, resolvers, answer)) = asking.next() => {
                    self.done(question, &resolvers, answer);
                }
            }
        }
    }

    /// Whether the name servers are to be asked: nothing that is known answers the question, and
    /// nobody asks it already.
    fn begins(&mut self, question: &Question, reply: Reply, asking: usize) -> bool {
        if let Some(kept) = self.kept.get_mut(question).filter(|kept| kept.until > Instant::now()) {
            let _ = reply.send(kept.take());
            return false;
        }
        if let Some(waiting) = self.waiting.get_mut(question) {
            waiting.push(reply);
            return false;
        }
        if asking >= ASKING_MAX {
            self.books.turned_away();
            return false;
        }
        self.waiting.insert(question.clone(), vec![reply]);
        true
    }

    fn done(&mut self, question: Question, resolvers: &Resolvers, answer: Answer) {
        let waiting = self.waiting.remove(&question).unwrap_or_default();
        let now = Instant::now();
        let before = self.kept.remove(&question).map_or(0, |kept| kept.next);
        let Ok((records, _)) = answer else {
            // Whoever waits gets none: the replies are dropped.
            return;
        };
        let addresses = records.iter().map(|record| record.ip).collect();
        let until = now + resolvers.hold.valid;
        let mut kept = Kept { addresses, until, next: before };
        for reply in waiting {
            let _ = reply.send(kept.take());
        }
        if self.kept.len() >= KEPT_MAX {
            self.kept.retain(|_, kept| kept.until > now);
        }
        if self.kept.len() < KEPT_MAX {
            self.kept.insert(question, kept);
        }
    }
}

async fn ask(
    question: Question,
    resolvers: Arc<Resolvers>,
    books: Books,
) -> (Question, Arc<Resolvers>, Answer) {
    let answer = Asker::new(Arc::clone(&resolvers), &books).resolve(&question).await;
    (question, resolvers, answer)
}
