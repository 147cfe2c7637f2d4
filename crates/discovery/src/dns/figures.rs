//! What became of the questions to each name server, for `show resolvers` (management guide 9.3).

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::{Name, Resolvers};

macro_rules! figures {
    ($($name:ident $about:literal;)*) => {
        /// Figures of one name server, each since the start or since they were cleared.
        #[derive(Debug, Default)]
        pub struct Figures {
            $(#[doc = $about] pub(super) $name: AtomicU64,)*
        }

        impl Figures {
            /// Names and values, in HAProxy's order.
            #[must_use]
            pub fn all(&self) -> Vec<(&'static str, u64)> {
                vec![$((stringify!($name), self.$name.load(Relaxed)),)*]
            }

            /// Begins again.
            fn clear(&self) {
                $(self.$name.store(0, Relaxed);)*
            }
        }
    };
}

figures! {
    sent "Questions sent.";
    snd_error "Questions that could not be sent.";
    valid "Good answers.";
    update "Answers that changed a server's address.";
    cname "Good answers that lead through an alias.";
    cname_error "Answers with an alias that leads nowhere.";
    any_err "Answers without a record.";
    nx "Names that do not exist.";
    timeout "Questions without an answer in time.";
    refused "Questions refused.";
    other "Other failures.";
    invalid "Answers that are no DNS message or answer something else.";
    too_big "Answers longer than `accepted_payload_size`.";
    truncated "Answers that were cut.";
    outdated "Answers that came behind that of another server.";
}

pub(super) fn count(figure: &AtomicU64) {
    figure.fetch_add(1, Relaxed);
}

/// The figures of all name servers, by section and name. Clones are the same books.
#[derive(Clone, Debug, Default)]
pub struct Books(Arc<Inner>);

type Servers = BTreeMap<(Name, Name), Arc<Figures>>;

#[derive(Debug, Default)]
struct Inner {
    servers: Mutex<Servers>,
    turned_away: AtomicU64,
}

impl Books {
    fn servers(&self) -> MutexGuard<'_, Servers> {
        self.0.servers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A session's question could not be asked: too many are.
    pub(super) fn turned_away(&self) {
        count(&self.0.turned_away);
    }

    /// Questions of sessions that could not be asked (`FailedResolutions`).
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.0.turned_away.load(Relaxed)
    }

    /// Those of one name server.
    #[must_use]
    pub fn of(&self, section: &Name, server: &Name) -> Arc<Figures> {
        let mut books = self.servers();
        Arc::clone(books.entry((section.clone(), server.clone())).or_default())
    }

    /// Those of a section's name servers, in their order.
    #[must_use]
    pub fn section(&self, resolvers: &Resolvers) -> Vec<Arc<Figures>> {
        resolvers.nameservers.iter().map(|n| self.of(&resolvers.name, &n.name)).collect()
    }

    /// An answer of this server changed an address.
    pub fn updated(&self, section: &Name, server: &Name) {
        count(&self.of(section, server).update);
    }

    /// Sets all figures to 0.
    pub fn clear(&self) {
        self.servers().values().for_each(|figures| figures.clear());
    }
}
