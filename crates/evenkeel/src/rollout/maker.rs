//! Where new replicas come from: Compose, where it and its files are at hand, else copies of the
//! old ones made by the engine.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::process::{Command, Stdio};

use discovery::docker::replicas::{Difference, Replica, Replicas};
use model::Name;

use super::service::{NUMBER, Service, number};
use crate::args::RolloutArgs;

/// Labels in which Compose says what a project was made from.
const FILES: &str = "com.docker.compose.project.config_files";
const FOLDER: &str = "com.docker.compose.project.working_dir";
const ENVIRONMENT: &str = "com.docker.compose.project.environment_file";
const VERSION: &str = "com.docker.compose.version";
/// Labels in which Compose says which image a container has, and in whose place it is.
const IMAGE: &str = "com.docker.compose.image";
const REPLACE: &str = "com.docker.compose.replace";

/// Where new ones come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Maker {
    /// Compose, with the words of its command line.
    Compose {
        /// Program and its first words, up to `-f FILE`.
        words: Vec<String>,
        /// Folder of the project.
        folder: String,
    },
    /// Copies; why not Compose.
    Copies(String),
}

impl fmt::Display for Maker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Compose { words, .. } => write!(f, "made by '{}'", words.join(" ")),
            Self::Copies(why) => {
                write!(f, "copies of the old ones with the image as it is now ({why})")
            }
        }
    }
}

impl Maker {
    /// Compose, if it is at hand and not declined.
    ///
    /// # Errors
    /// When Compose is asked for and cannot be used.
    pub fn choose(args: &RolloutArgs, service: &Service) -> Result<Self, String> {
        if args.copy {
            return Ok(Self::Copies("as told".to_owned()));
        }
        let labels = service.running.last().map(|r| r.labels.clone()).unwrap_or_default();
        let chosen = files(&labels).and_then(|(folder, files)| {
            let mut words = program(args.compose.as_deref(), &labels)?;
            words.extend(["-p".to_owned(), service.project.clone()]);
            words.extend(["--project-directory".to_owned(), folder.clone()]);
            for file in files {
                words.extend(["-f".to_owned(), file]);
            }
            if let Some(list) = labels.get(ENVIRONMENT).filter(|l| !l.is_empty()) {
                list.split(',').for_each(|f| words.extend(["--env-file".to_owned(), f.to_owned()]));
            }
            Ok(Self::Compose { words, folder })
        });
        match chosen {
            Err(why) if args.compose.is_none() => Ok(Self::Copies(why)),
            chosen => chosen,
        }
    }

    /// Starts a new one for each of these; those that were started, with their names added to
    /// `made`, and why not all, if so.
    pub async fn make(
        &self,
        replicas: &Replicas,
        service: &Service,
        old: &[Name],
        made: &mut Vec<(Name, String)>,
    ) -> (Vec<Name>, Option<String>) {
        let before = match service.all(replicas).await {
            Ok(before) => before,
            Err(reason) => return (Vec::new(), Some(reason)),
        };
        let failed = match self {
            Self::Compose { words, folder } => {
                let count = before.len() + old.len();
                compose(words, folder, &service.name, count).err()
            }
            Self::Copies(_) => {
                let mut next = before.iter().map(number).max().unwrap_or(0);
                next = next.max(service.last_number);
                copies(replicas, service, old, next).await.err()
            }
        };
        let after = match service.all(replicas).await {
            Ok(after) => after,
            Err(reason) => return (Vec::new(), Some(reason)),
        };
        let is_new = |r: &&Replica| !before.iter().any(|b| b.id == r.id);
        let new: Vec<&Replica> = after.iter().filter(is_new).collect();
        made.extend(new.iter().map(|r| (r.id.as_str().into(), r.name.clone())));
        let ids: Vec<Name> = new.iter().map(|r| r.id.as_str().into()).collect();
        let short = (ids.len() < old.len())
            .then(|| format!("{} new replicas were started, not {}", ids.len(), old.len()));
        (ids, failed.or(short))
    }
}

/// The project's folder and files, which must be here.
fn files(labels: &BTreeMap<String, String>) -> Result<(String, Vec<String>), String> {
    let folder = labels.get(FOLDER).filter(|f| !f.is_empty());
    let folder = folder.ok_or("its containers do not say where their Compose file is")?;
    let list = labels.get(FILES).filter(|f| !f.is_empty());
    let list = list.ok_or("its containers do not say which their Compose file is")?;
    let files: Vec<String> = list
        .split(',')
        .map(|f| Path::new(folder).join(f.trim()).to_string_lossy().into_owned())
        .collect();
    match files.iter().find(|f| !Path::new(f).is_file()) {
        Some(missing) => Err(format!("{missing} is not here")),
        None => Ok((folder.clone(), files)),
    }
}

/// The Compose that is named, or one that is installed: the generation that made the project first.
fn program(named: Option<&str>, labels: &BTreeMap<String, String>) -> Result<Vec<String>, String> {
    let words =
        |text: &str| -> Vec<String> { text.split_ascii_whitespace().map(str::to_owned).collect() };
    let mut candidates = vec![words("docker compose"), words("docker-compose")];
    if labels.get(VERSION).is_some_and(|v| v.starts_with("1.")) {
        candidates.reverse();
    }
    if let Some(named) = named {
        candidates = vec![words(named)];
    }
    let answers = |candidate: &Vec<String>| {
        let Some((program, first)) = candidate.split_first() else { return false };
        let mut command = Command::new(program);
        command.args(first).arg("version");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|s| s.success())
    };
    let found = candidates.iter().find(|c| answers(c)).cloned();
    found.ok_or_else(|| match named {
        Some(named) => format!("'{named} version' fails"),
        None => "Compose is not installed here".to_owned(),
    })
}

/// Has Compose make as many as are missing to `count`, and touch nothing else.
fn compose(words: &[String], folder: &str, service: &str, count: usize) -> Result<(), String> {
    let Some((program, first)) = words.split_first() else { return Ok(()) };
    let mut command = Command::new(program);
    command.args(first).args(["up", "-d", "--no-deps", "--no-recreate", "--scale"]);
    command.arg(format!("{service}={count}")).arg(service);
    let output = command.current_dir(folder).stdin(Stdio::null()).output();
    let output = output.map_err(|e| format!("{program}: {e}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(format!("{program} ends with {}: {said}", output.status))
}

async fn copies(
    replicas: &Replicas,
    service: &Service,
    old: &[Name],
    mut last: u64,
) -> Result<(), String> {
    for id in old {
        last += 1;
        let replica = service.running.iter().find(|r| *r.id == **id);
        let Some(replica) = replica else { continue };
        let image = replicas.image(id).await.map_err(|e| e.to_string())?;
        let copied = replicas.copy(id, &difference(replica, last, image)).await;
        copied.map_err(|e| format!("a copy of {}: {e}", replica.name))?;
    }
    Ok(())
}

/// What tells a copy from its original: Compose must take it for one of its own.
fn difference(old: &Replica, number: u64, image: String) -> Difference {
    let head = old.name.trim_end_matches(|c: char| c.is_ascii_digit());
    let name = match head.ends_with(['-', '_']) && head.len() < old.name.len() {
        true => format!("{head}{number}"),
        false => format!("{}-{number}", old.name),
    };
    let mut labels = BTreeMap::from([(NUMBER.to_owned(), Some(number.to_string()))]);
    labels.insert(REPLACE.to_owned(), None);
    if old.labels.contains_key(IMAGE) {
        labels.insert(IMAGE.to_owned(), Some(image));
    }
    Difference { name, labels }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_are_numbered_as_compose_does() {
        let name = |old: &str| {
            let old = Replica { name: old.to_owned(), ..Replica::default() };
            difference(&old, 12, "sha256:new".to_owned()).name
        };
        assert_eq!(name("p-web-1"), "p-web-12");
        assert_eq!(name("p_web_10"), "p_web_12");
        assert_eq!(name("shop"), "shop-12");
        assert_eq!(name("shop2"), "shop2-12");
        let labels = [(IMAGE, "sha256:old"), (REPLACE, "x")];
        let labels = labels.map(|(k, v)| (k.to_owned(), v.to_owned())).into();
        let old = Replica { name: "a-1".to_owned(), labels, ..Replica::default() };
        let changed = difference(&old, 2, "sha256:new".to_owned()).labels;
        assert_eq!(changed.get(IMAGE), Some(&Some("sha256:new".to_owned())));
        assert_eq!(changed.get(REPLACE), Some(&None));
        assert_eq!(changed.get(NUMBER), Some(&Some("2".to_owned())));
    }

    #[test]
    fn the_files_must_be_here() {
        let labels = |folder: &str, files: &str| {
            let pairs = [(FOLDER, folder), (FILES, files)];
            pairs.map(|(k, v)| (k.to_owned(), v.to_owned())).into()
        };
        assert!(files(&BTreeMap::new()).is_err());
        let missing = files(&labels("/nowhere", "a.yml,/b.yml")).expect_err("missing");
        assert_eq!(missing, "/nowhere/a.yml is not here");
        let here = env!("CARGO_MANIFEST_DIR");
        let found = files(&labels(here, "Cargo.toml")).expect("found");
        assert_eq!(found, (here.to_owned(), vec![format!("{here}/Cargo.toml")]));
    }
}
