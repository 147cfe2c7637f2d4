//! A service of a Compose project as the engine's labels tell of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use control::intent::containers::drain_label;
use discovery::docker::replicas::{Replica, Replicas};

/// Labels that Compose gives its containers.
pub const PROJECT: &str = "com.docker.compose.project";
const SERVICE: &str = "com.docker.compose.service";
const ONEOFF: &str = "com.docker.compose.oneoff";
/// Number of a replica.
pub const NUMBER: &str = "com.docker.compose.container-number";

/// A service.
#[derive(Clone, Debug)]
pub struct Service {
    /// Compose project.
    pub project: String,
    /// Service.
    pub name: String,
    /// Those that run, by number: they are to be replaced.
    pub running: Vec<Replica>,
    /// The highest number.
    pub last_number: u64,
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.running.len();
        let s = if count == 1 { "" } else { "s" };
        write!(f, "{} of project {}, {count} replica{s}", self.name, self.project)
    }
}

impl Service {
    /// Looks for the service, in this project or the only one that has it.
    ///
    /// # Errors
    /// When nothing of it runs, or several projects have it.
    pub async fn find(
        replicas: &Replicas,
        name: &str,
        project: Option<&str>,
    ) -> Result<Self, String> {
        let mut labels = vec![format!("{SERVICE}={name}")];
        let variable = std::env::var("COMPOSE_PROJECT_NAME").ok().filter(|v| !v.is_empty());
        let project = project.map(str::to_owned).or(variable);
        labels.extend(project.map(|p| format!("{PROJECT}={p}")));
        let listed = replicas.list(&labels).await.map_err(|e| e.to_string())?;
        Self::of(name, listed)
    }

    fn of(name: &str, mut all: Vec<Replica>) -> Result<Self, String> {
        all.retain(|r| !says(&r.labels, ONEOFF, "true"));
        let projects: BTreeSet<String> =
            all.iter().filter_map(|r| r.labels.get(PROJECT).cloned()).collect();
        let mut projects = projects.into_iter();
        let project = match (projects.next(), projects.next()) {
            (Some(project), None) => project,
            (None, _) => return Err(format!("no Compose project here has a service '{name}'")),
            (Some(one), Some(two)) => {
                return Err(format!(
                    "projects {one} and {two} have a service '{name}': name one with --project"
                ));
            }
        };
        let last_number = all.iter().map(number).max().unwrap_or(0);
        let mut running: Vec<Replica> = all.into_iter().filter(|r| r.running).collect();
        running.sort_by(|a, b| (number(a), &a.name).cmp(&(number(b), &b.name)));
        if running.is_empty() {
            return Err(format!("no replica of {name} runs: there is nothing to replace"));
        }
        Ok(Self { project, name: name.to_owned(), running, last_number })
    }

    /// How long its labels let requests in flight take.
    pub fn drain(&self) -> Option<Duration> {
        self.running.iter().filter_map(|r| drain_label(&r.labels)).max()
    }

    /// Ids of all that there are now.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn all(&self, replicas: &Replicas) -> Result<Vec<Replica>, String> {
        let labels = [format!("{SERVICE}={}", self.name), format!("{PROJECT}={}", self.project)];
        let mut all = replicas.list(&labels).await.map_err(|e| e.to_string())?;
        all.retain(|r| !says(&r.labels, ONEOFF, "true"));
        Ok(all)
    }
}

fn says(labels: &BTreeMap<String, String>, name: &str, value: &str) -> bool {
    labels.get(name).is_some_and(|v| v.eq_ignore_ascii_case(value))
}

/// Number of a replica; 0 without one.
pub fn number(replica: &Replica) -> u64 {
    replica.labels.get(NUMBER).and_then(|n| n.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replica(project: &str, number: &str, running: bool) -> Replica {
        let labels = [(PROJECT, project), (NUMBER, number), (SERVICE, "web")];
        Replica {
            id: format!("{project}{number}"),
            name: format!("{project}-web-{number}"),
            labels: labels.map(|(k, v)| (k.to_owned(), v.to_owned())).into(),
            running,
        }
    }

    #[test]
    fn replicas_come_by_number_and_those_that_do_not_run_are_left_alone() {
        let mut oneoff = replica("p", "99", true);
        oneoff.labels.insert(ONEOFF.to_owned(), "True".to_owned());
        let all =
            vec![replica("p", "10", true), replica("p", "2", true), replica("p", "11", false)];
        let service = Service::of("web", [all, vec![oneoff]].concat()).expect("a service");
        let names: Vec<&str> = service.running.iter().map(|r| r.name.as_str()).collect();
        assert_eq!(names, ["p-web-2", "p-web-10"]);
        assert_eq!(service.last_number, 11, "one that does not run has its number, too");
        assert_eq!(service.to_string(), "web of project p, 2 replicas");
    }

    #[test]
    fn a_service_is_one_of_one_project() {
        let two = vec![replica("p", "1", true), replica("q", "1", true)];
        let reason = Service::of("web", two).expect_err("two").to_string();
        assert!(reason.starts_with("projects p and q have"), "{reason}");
        assert!(Service::of("web", Vec::new()).is_err());
        let reason = Service::of("web", vec![replica("p", "1", false)]).expect_err("none");
        assert!(reason.contains("nothing to replace"), "{reason}");
    }
}
