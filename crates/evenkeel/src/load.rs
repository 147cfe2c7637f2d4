//! Configuration files to a whole, resolved configuration: reading, parsing, names.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use config::{Diagnostics, Environment, Facts, Files, SourceFile};
use control::server_state::Known;
use model::Config;

use crate::hooks::Hooks;
use crate::resolve;

/// Largest file that a configuration may name, in bytes.
const NAMED_FILE_BYTES_MAX: u64 = 256 << 20;

/// Where HAProxy's images and packages keep the configuration, in the order looked at.
pub const DEFAULT_FILES: [&str; 2] =
    ["/usr/local/etc/haproxy/haproxy.cfg", "/etc/haproxy/haproxy.cfg"];

/// Variable of the environment with files that are watched besides, as an image of earlier days
/// had it; those that the configuration names are watched anyway.
const ALSO_WATCHED: &str = "HAPROXY_ADDITIONAL_CONFIG";

/// What to read, and how.
#[derive(Clone, Debug)]
pub struct Loader {
    /// Files and directories, in order.
    pub paths: Vec<PathBuf>,
    /// Answers to the predicates of `.if`.
    pub facts: Facts,
    /// The environment the process was started with.
    pub environment: Environment,
    /// `-dr`.
    pub lenient: bool,
    /// Resolve the names of servers.
    pub resolve: bool,
    /// `-n`, which wins over the file's `maxconn`.
    pub maxconn: Option<u32>,
    /// What is run around changes.
    pub hooks: Hooks,
    /// What of orders and changes given at run time outlives a reading.
    pub keep: control::intent::Keep,
    /// The lists of patterns that live in this process.
    pub patterns: Arc<expr::PatternStore>,
}

/// What came of it.
pub struct Loaded {
    /// The configuration; `None` when something in it is wrong.
    pub config: Option<Config>,
    /// Everything found.
    pub diagnostics: Diagnostics,
    /// For the start of the process.
    pub process: config::ProcessFacts,
    /// The texts, to print the findings with.
    pub files: Files,
    /// What they say.
    pub ast: Arc<config::Ast>,
    /// Servers without an address that must have one.
    pub unresolved: Vec<resolve::Unresolved>,
    /// Every path that matters: to be watched.
    pub watched: BTreeSet<PathBuf>,
    /// Fingerprint of all that was read.
    pub fingerprint: u64,
    /// The environment after `setenv` and its kin.
    pub environment: Environment,
    /// Why a command of the operator's wants it not to be run.
    pub aborted: Option<String>,
    /// What state files know of its servers.
    pub states: Known,
    /// What there is to say about those files, and whether it is a warning.
    pub said: Vec<(bool, String)>,
}

impl Loaded {
    /// Whether it may be run.
    pub fn is_right(&self) -> bool {
        self.config.is_some() && self.unresolved.is_empty() && self.aborted.is_none()
    }
}

/// A configuration file that could not be read.
#[derive(Debug)]
pub struct ReadError {
    /// Which.
    pub path: PathBuf,
    /// Why.
    pub error: io::Error,
}

impl std::fmt::Display for ReadError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Cannot open configuration file/directory {} : {}",
            self.path.display(),
            plain_reason(&self.error)
        )
    }
}

/// The system's words without the error number.
pub fn plain_reason(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error") {
        Some(at) => text[..at].to_owned(),
        None => text,
    }
}

impl Loader {
    /// A loader for these paths with the environment of the process.
    pub fn new(paths: Vec<PathBuf>) -> Self {
        let variables = std::env::vars_os()
            .map(|(n, v)| (n.to_string_lossy().into_owned(), v.to_string_lossy().into_owned()));
        Self {
            paths,
            facts: Facts::default(),
            environment: variables.collect(),
            lenient: false,
            resolve: true,
            maxconn: None,
            hooks: Hooks::new(None, None),
            keep: control::intent::Keep::default(),
            patterns: Arc::default(),
        }
    }

    /// Reads everything. Blocks while names are resolved; `running` is what runs now, `anew` asks
    /// for names again that have an address already.
    ///
    /// # Errors
    /// When a configuration file cannot be read at all.
    pub fn load(&self, running: Option<&Config>, anew: bool) -> Result<Loaded, ReadError> {
        let mut fingerprint = DefaultHasher::new();
        let mut watched: BTreeSet<PathBuf> = self.paths.iter().cloned().collect();
        let files = self.read(&mut watched, &mut fingerprint)?;
        for path in self.environment.value(ALSO_WATCHED).unwrap_or_default().split_whitespace() {
            (path, std::fs::read(path).ok()).hash(&mut fingerprint);
            watched.insert(path.into());
        }
        let disk = Disk {
            environment: &self.environment,
            patterns: &self.patterns,
            running: &[],
            read: RefCell::default(),
        };
        let mut environment = self.environment.clone();
        let config::Loaded { mut config, diagnostics, process, files, ast } =
            config::load(files, &disk, &mut environment, &self.facts);
        for (path, content) in disk.read.into_inner() {
            (&path, content.as_ref().ok()).hash(&mut fingerprint);
            watched.insert(path);
        }
        let mut unresolved = Vec::new();
        let (mut states, mut said) = (Known::default(), Vec::new());
        if let Some(config) = &mut config {
            config.global.maxconn = self.maxconn.or(config.global.maxconn);
            watched.extend(config.files.iter().map(|f| PathBuf::from(&**f)));
            if running.is_none() && self.resolve {
                // Once: later on, whatever runs knows better.
                (states, said) = crate::server_state::read(&process, config);
            }
            if self.resolve {
                let before = resolve::Before { running, states: &states };
                unresolved = resolve::servers(config, before, anew, self.lenient);
                resolve::owners(config);
            }
            if let Some(running) = running {
                config.share(running);
            }
        }
        let fingerprint = fingerprint.finish();
        Ok(Loaded {
            config,
            diagnostics,
            process,
            files,
            ast: Arc::new(ast),
            unresolved,
            watched,
            fingerprint,
            environment,
            aborted: None,
            states,
            said,
        })
    }

    /// The configuration files, expanded.
    fn read(
        &self,
        watched: &mut BTreeSet<PathBuf>,
        fingerprint: &mut DefaultHasher,
    ) -> Result<Files, ReadError> {
        let mut files = Files::default();
        for path in self.expand(watched)? {
            let bytes =
                std::fs::read(&path).map_err(|error| ReadError { path: path.clone(), error })?;
            (&path, &bytes).hash(fingerprint);
            if files.add(SourceFile::new(path.display().to_string(), &bytes)).is_none() {
                let error = io::Error::other("too large, or too many files");
                return Err(ReadError { path, error });
            }
        }
        Ok(files)
    }

    /// The texts of the configuration files as they are now.
    ///
    /// # Errors
    /// When one cannot be read.
    pub fn texts(&self) -> Result<Files, ReadError> {
        self.read(&mut BTreeSet::new(), &mut DefaultHasher::new())
    }

    /// What texts mean, where lists of patterns of `running` go on as they are. Names of servers
    /// are not resolved.
    pub fn lower(
        &self,
        files: Files,
        running: &[expr::PatternList],
        environment: &mut Environment,
    ) -> config::Loaded {
        let disk = Disk {
            environment: &self.environment,
            patterns: &self.patterns,
            running,
            read: RefCell::default(),
        };
        config::load(files, &disk, environment, &self.facts)
    }

    /// Directories become their `*.cfg` files in HAProxy's order.
    fn expand(&self, watched: &mut BTreeSet<PathBuf>) -> Result<Vec<PathBuf>, ReadError> {
        let mut all = Vec::new();
        for path in &self.paths {
            let fail = |error| ReadError { path: path.clone(), error };
            if !std::fs::metadata(path).map_err(fail)?.is_dir() {
                all.push(path.clone());
                continue;
            }
            let mut names = Vec::new();
            for entry in std::fs::read_dir(path).map_err(fail)? {
                let name = entry.map_err(fail)?.file_name().to_string_lossy().into_owned();
                if name.ends_with(".cfg") && !name.starts_with('.') {
                    names.push(name);
                }
            }
            for name in config::text::order::directory_order(names) {
                let file = path.join(name);
                watched.insert(file.clone());
                all.push(file);
            }
        }
        Ok(all)
    }
}

/// The bytes of a named file, or why there are none.
type Content = Result<Arc<[u8]>, String>;

/// Files that a configuration names, each read once.
struct Disk<'a> {
    environment: &'a Environment,
    patterns: &'a Arc<expr::PatternStore>,
    running: &'a [expr::PatternList],
    read: RefCell<Vec<(PathBuf, Content)>>,
}

impl config::Sources for Disk<'_> {
    fn read(&self, path: &str) -> Result<Arc<[u8]>, String> {
        let path = Path::new(path);
        if let Some((_, known)) = self.read.borrow().iter().find(|(p, _)| p == path) {
            return known.clone();
        }
        let content = read_bounded(path);
        self.read.borrow_mut().push((path.to_owned(), content.clone()));
        content
    }

    fn resolve(&self, host: &str) -> Option<IpAddr> {
        resolve::lookup(BTreeSet::from([host.to_owned()])).into_values().next()
    }

    fn variable(&self, name: &str) -> Option<String> {
        self.environment.value(name).map(str::to_owned)
    }

    fn patterns(&self) -> Option<Arc<expr::PatternStore>> {
        Some(Arc::clone(self.patterns))
    }

    fn running_patterns(&self) -> &[expr::PatternList] {
        self.running
    }
}

fn read_bounded(path: &Path) -> Result<Arc<[u8]>, String> {
    let size = std::fs::metadata(path).map_err(|e| plain_reason(&e))?.len();
    if size > NAMED_FILE_BYTES_MAX {
        return Err(format!("larger than {NAMED_FILE_BYTES_MAX} bytes"));
    }
    std::fs::read(path).map(Arc::from).map_err(|e| plain_reason(&e))
}
