//! What an operator should be told once about the choice of containers: nobody takes part, or
//! somebody who was named is not there.

use std::sync::Arc;

use model::observed::{Container, ContainerState, Freshness, Observation};

use super::seat::{Seat, Standing};
use super::select::{PROJECT, SERVICE, Selection, label};

/// Containers that are named with their reason when nobody takes part.
const NAMED_MAX: usize = 5;

/// Why none of a provider's containers takes part; `None` when one does.
pub fn nobody(seen: &Observation, selection: &Selection, seats: &[Arc<Seat>]) -> Option<String> {
    let ours = || seats.iter().filter(|s| s.provider == seen.provider);
    if !matches!(seen.freshness, Freshness::Fresh(_))
        || ours().any(|s| matches!(s.standing, Standing::In(_)))
    {
        return None;
    }
    let runs = |id: &str| {
        let container = seen.containers.iter().find(|c| &*c.id == id);
        container.is_some_and(|c| is_running(c) && Some(&c.id) != selection.own_id())
    };
    let reasons: Vec<String> = ours()
        .filter(|s| runs(&s.id))
        .filter_map(|s| match &s.standing {
            Standing::Out(reason) | Standing::Quarantined(reason) => {
                Some(format!("{} ({reason})", s.name))
            }
            Standing::In(_) => None,
        })
        .collect();
    let others = match reasons.len() {
        0 => "no other container runs".to_owned(),
        count => {
            let more = count.saturating_sub(NAMED_MAX);
            let named = reasons[..count - more].join("; ");
            if more == 0 { named } else { format!("{named}; and {more} more") }
        }
    };
    let networks: Vec<&str> = selection.networks().collect();
    let networks = match networks.is_empty() {
        true => String::new(),
        false => format!(", on network {}", networks.join(" or ")),
    };
    Some(format!(
        "{}: no container takes part, requests are answered with 503; looked for: {}{networks}, \
         with the labels evenkeel.* or the variable VIRTUAL_HOST; what runs: {others}",
        seen.provider,
        selection.mode()
    ))
}

fn is_running(container: &Container) -> bool {
    !matches!(container.state, ContainerState::Created | ContainerState::Exited)
}

/// Services that a variable of the balancer names and of which nothing runs on any engine.
pub fn missing(all: &[&Observation], named: &[(&str, &str, &str)]) -> Vec<String> {
    if all.iter().any(|o| matches!(o.freshness, Freshness::Blind(_))) {
        return Vec::new();
    }
    let runs = |project: &str, service: &str| {
        all.iter().flat_map(|o| &o.containers).any(|c| {
            is_running(c)
                && label(c, PROJECT) == Some(project)
                && label(c, SERVICE) == Some(service)
        })
    };
    let absent = named.iter().filter(|(_, project, service)| !runs(project, service));
    absent
        .map(|(variable, project, service)| {
            format!("{variable}: no container of {project}:{service} runs; it is waited for")
        })
        .collect()
}
