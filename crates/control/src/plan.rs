//! The printable list of steps from the running configuration to the wanted one.

use std::fmt;

use model::{Backend, Change, ChangeSubject, Config, Generation, Origin};

/// One step: a difference, where the wanted side of it is written, and what it means for traffic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The difference.
    pub change: Change,
    /// Where it is asked for; `None` for what goes.
    pub origin: Option<Origin>,
    /// What it means for connections; empty when it means nothing for them.
    pub effect: String,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.change)?;
        if let Some(origin) = &self.origin {
            write!(f, "  ({origin})")?;
        }
        if !self.effect.is_empty() {
            write!(f, ": {}", self.effect)?;
        }
        Ok(())
    }
}

/// All steps of one change, openings first, removals last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The generation it starts from; 0 when nothing runs.
    pub from: Generation,
    /// The steps.
    pub steps: Vec<Step>,
    /// Settings that differ but take effect only when the process starts.
    pub at_start_only: Vec<&'static str>,
}

impl Plan {
    /// The steps from `running` to `wanted`.
    #[must_use]
    pub fn make(from: Generation, running: &Config, wanted: &Config) -> Self {
        let mut steps: Vec<Step> = model::diff(running, wanted)
            .into_iter()
            .map(|change| {
                let origin = origin(wanted, &change);
                let effect = effect(running, wanted, &change);
                Step { change, origin, effect }
            })
            .collect();
        steps.sort_by_key(|step| rank(&step.change));
        Self { from, steps, at_start_only: at_start_only(running, wanted) }
    }

    /// Whether nothing differs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// The differences without places and effects, one line each.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.steps.iter().map(|step| step.change.to_string()).collect()
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return writeln!(f, "Nothing to change: generation {} runs as wanted.", self.from);
        }
        let count = self.steps.len();
        let noun = if count == 1 { "change" } else { "changes" };
        writeln!(f, "{count} {noun} to generation {}:", self.from)?;
        for step in &self.steps {
            writeln!(f, "  {step}")?;
        }
        for setting in &self.at_start_only {
            writeln!(f, "note: '{setting}' differs; it takes effect at the next start")?;
        }
        Ok(())
    }
}

/// Listening addresses come first because only they can fail; what goes, goes last.
fn rank(change: &Change) -> u8 {
    match change {
        Change::Add(ChangeSubject::Bind(..)) => 0,
        Change::Add(_) => 1,
        Change::Modify(..) => 2,
        Change::Remove(_) => 3,
    }
}

fn origin(wanted: &Config, change: &Change) -> Option<Origin> {
    let (Change::Add(subject) | Change::Modify(subject, _)) = change else { return None };
    match subject {
        ChangeSubject::Global => Some(wanted.global.origin.clone()),
        ChangeSubject::Frontend(name) => wanted.frontend(name).map(|f| f.origin.clone()),
        ChangeSubject::Bind(name, address) => wanted
            .frontend(name)
            .and_then(|f| f.binds.iter().find(|b| b.address == *address))
            .map(|b| b.origin.clone()),
        ChangeSubject::Backend(name) => wanted.backend(name).map(|b| b.origin.clone()),
        ChangeSubject::Server(backend, name) => wanted
            .backend(backend)
            .and_then(|b| b.servers.iter().find(|s| s.name == *name))
            .map(|s| s.origin.clone()),
        ChangeSubject::Userlist(_) => None,
    }
}

fn effect(running: &Config, wanted: &Config, change: &Change) -> String {
    match change {
        Change::Add(ChangeSubject::Bind(..)) => {
            "opened first; if that fails nothing changes".to_owned()
        }
        Change::Remove(ChangeSubject::Bind(..) | ChangeSubject::Frontend(_)) => {
            "stops accepting; connections that are open go on".to_owned()
        }
        Change::Remove(ChangeSubject::Server(backend, _)) => {
            format!("nothing new; what it has ends {}", deadline(wanted.backend(backend)))
        }
        Change::Remove(ChangeSubject::Backend(name)) => {
            format!("nothing new; what it has ends {}", deadline(running.backend(name)))
        }
        Change::Modify(ChangeSubject::Server(backend, name), aspects) => {
            server_effect(wanted, backend, name, aspects)
        }
        _ => String::new(),
    }
}

fn server_effect(wanted: &Config, backend: &str, name: &str, aspects: &[&'static str]) -> String {
    let server = wanted.backend(backend).and_then(|b| b.servers.iter().find(|s| &*s.name == name));
    let Some(server) = server else { return String::new() };
    let about = |aspect: &str| aspects.contains(&aspect);
    let text = if about("stopping") && server.stopping {
        "it is stopping: nothing new, requests in flight finish"
    } else if about("disabled") && server.disabled {
        "maintenance: nothing new, not even sticky clients"
    } else if about("disabled") {
        "back from maintenance"
    } else if about("weight") && server.weight == 0 {
        "drain: only sticky clients"
    } else if about("address") {
        "new connections go to the new address"
    } else {
        ""
    };
    text.to_owned()
}

fn deadline(backend: Option<&std::sync::Arc<Backend>>) -> String {
    match backend.and_then(|b| b.drain_timeout) {
        Some(limit) => format!("within {} s", limit.as_secs_f64()),
        None => "by itself".to_owned(),
    }
}

/// Settings of `global` that are read when the process starts and never again.
fn at_start_only(running: &Config, wanted: &Config) -> Vec<&'static str> {
    let (old, new) = (&running.global, &wanted.global);
    [
        (old.nbthread != new.nbthread, "nbthread"),
        (old.ulimit_n != new.ulimit_n, "ulimit-n"),
        (old.bufsize != new.bufsize, "tune.bufsize"),
        (old.pidfile != new.pidfile, "pidfile"),
        (old.chroot != new.chroot, "chroot"),
        (old.user != new.user, "user"),
        (old.group != new.group, "group"),
        (old.daemon != new.daemon, "daemon"),
    ]
    .into_iter()
    .filter_map(|(differs, name)| differs.then_some(name))
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{config, server};

    #[test]
    fn openings_come_first_and_removals_last() {
        let old = config(&["127.0.0.1:1"], &[server("a", 1), server("b", 2)]);
        let new = config(&["127.0.0.1:2"], &[server("b", 3), server("c", 4)]);
        let plan = Plan::make(4, &old, &new);
        assert_eq!(
            plan.lines(),
            [
                "+ bind 127.0.0.1:2 of frontend f",
                "+ server b/c",
                "~ server b/b: address",
                "- bind 127.0.0.1:1 of frontend f",
                "- server b/a",
            ]
        );
        let text = plan.to_string();
        assert!(text.starts_with("5 changes to generation 4:\n"), "{text}");
        assert!(text.contains("opened first; if that fails nothing changes"), "{text}");
    }

    #[test]
    fn the_same_configuration_needs_nothing() {
        let old = config(&["127.0.0.1:1"], &[server("a", 1)]);
        let plan = Plan::make(1, &old, &old.clone());
        assert!(plan.is_empty());
        assert_eq!(plan.to_string(), "Nothing to change: generation 1 runs as wanted.\n");
    }

    #[test]
    fn settings_of_the_start_are_named() {
        let old = config(&["127.0.0.1:1"], &[]);
        let mut new = old.clone();
        new.global.nbthread = Some(3);
        let plan = Plan::make(1, &old, &new);
        assert_eq!(plan.at_start_only, ["nbthread"]);
    }
}
