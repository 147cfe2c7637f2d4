//! Notices when a file that matters changes: by inotify, and by looking every two seconds where
//! the file system sends no notifications.
//!
//! Both the file and the directory it is in are watched: the directory tells of renames, swapped
//! symbolic links and files that come back, the file tells of writes into a file that is mounted
//! by itself. A link is followed and every directory on its way is watched too, which is how
//! config maps swap their `..data`.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use tokio::net::unix::pipe;

/// How often files are looked at besides.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// File systems stamp times by the clock of the last tick, some by whole seconds.
const CLOCK_STEP: Duration = Duration::from_secs(1);

/// Links followed from one path.
const LINKS_MAX: usize = 16;

/// Paths watched; beyond them only looking helps.
const WATCHES_MAX: usize = 8192;

/// Room for the events of one read; the kernel wants at least 16 bytes and a name.
const EVENT_BUFFER_BYTES: usize = 4096;

/// What a file looked like; two equal looks mean it did not change.
type Look = Option<(u64, u64, u64, i64, i64, i64, i64)>;

/// Watches a set of paths.
pub struct Watcher {
    notifications: Option<pipe::Receiver>,
    /// Watch descriptor to directory or file.
    watches: BTreeMap<i32, PathBuf>,
    /// What is watched, each with every path that its name leads through.
    paths: BTreeMap<PathBuf, BTreeSet<PathBuf>>,
    looks: BTreeMap<PathBuf, Look>,
    /// Kept across calls of [`Watcher::changed`], which the caller may drop at any time.
    next_look: tokio::time::Instant,
}

impl Watcher {
    /// Watches nothing yet. Must be called within a tokio runtime.
    pub fn new() -> Self {
        let notifications = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)
            .map_err(io::Error::from)
            // Not a pipe, but read like one.
            .and_then(|fd| pipe::Receiver::from_file_unchecked(fd.into()))
            .ok();
        Self {
            notifications,
            watches: BTreeMap::new(),
            paths: BTreeMap::new(),
            looks: BTreeMap::new(),
            next_look: tokio::time::Instant::now() + LOOK_EVERY,
        }
    }

    /// Watches exactly these paths from now on. What is known of paths that stay is kept, so that
    /// a change between two calls is not lost.
    pub fn watch(&mut self, paths: &BTreeSet<PathBuf>) {
        self.paths = paths.iter().map(|p| (p.clone(), way(p))).collect();
        self.looks.retain(|path, _| paths.contains(path));
        for path in paths {
            self.looks.entry(path.clone()).or_insert_with(|| look(path));
        }
        self.rewatch();
    }

    /// A watched path that is gone or was changed after `time`, which is before the watch began.
    pub fn changed_since(&self, time: SystemTime) -> Option<PathBuf> {
        let since = time.checked_sub(CLOCK_STEP)?.duration_since(SystemTime::UNIX_EPOCH).ok()?;
        let since = i64::try_from(since.as_secs()).ok()?..;
        let changed = |look: &Look| look.is_none_or(|(.., seconds, _)| since.contains(&seconds));
        self.looks.iter().find(|(_, look)| changed(look)).map(|(path, _)| path.clone())
    }

    /// Asks the kernel for everything on the way to every path.
    fn rewatch(&mut self) {
        let Some(notifications) = &self.notifications else { return };
        let mut wanted: BTreeSet<PathBuf> = BTreeSet::new();
        for way in self.paths.values() {
            wanted.extend(way.iter().cloned());
            wanted.extend(way.iter().filter_map(|p| p.parent()).map(directory));
        }
        let flags = WatchFlags::CLOSE_WRITE
            | WatchFlags::MODIFY
            | WatchFlags::ATTRIB
            | WatchFlags::CREATE
            | WatchFlags::DELETE
            | WatchFlags::MOVE
            | WatchFlags::DELETE_SELF
            | WatchFlags::MOVE_SELF;
        let mut watches = BTreeMap::new();
        for path in wanted.into_iter().take(WATCHES_MAX) {
            if let Ok(wd) = inotify::add_watch(notifications, &path, flags) {
                watches.insert(wd, path);
            }
        }
        for wd in self.watches.keys().filter(|wd| !watches.contains_key(wd)) {
            // Fails when the kernel dropped it already with its file.
            let _ = inotify::remove_watch(notifications, *wd);
        }
        self.watches = watches;
    }

    /// Waits until a watched path changed, and returns one that did.
    pub async fn changed(&mut self) -> PathBuf {
        loop {
            let look = tokio::time::sleep_until(self.next_look);
            let touched = match &self.notifications {
                Some(notifications) => tokio::select! {
                    touched = read_events(notifications, &self.watches) => touched,
                    () = look => Touched::Unknown,
                },
                None => {
                    look.await;
                    Touched::Unknown
                }
            };
            self.next_look = tokio::time::Instant::now() + LOOK_EVERY;
            if let Some(path) = self.differs(&touched) {
                self.paths = self.paths.keys().map(|p| (p.clone(), way(p))).collect();
                self.rewatch();
                return path;
            }
        }
    }

    /// The first watched path that concerns `touched` or that looks different than before.
    fn differs(&mut self, touched: &Touched) -> Option<PathBuf> {
        let mut found = None;
        for (path, way) in &self.paths {
            let now = look(path);
            let before = self.looks.insert(path.clone(), now);
            let concerned = match touched {
                Touched::Unknown => false,
                // A directory among the paths: whatever happens to a file in it.
                Touched::Path(t) => way.contains(t) || t.parent().is_some_and(|d| d == path),
            };
            if found.is_none() && (concerned || before != Some(now)) {
                found = Some(path.clone());
            }
        }
        found
    }
}

enum Touched {
    Path(PathBuf),
    Unknown,
}

/// The path of the next event that has one. Of events that were read together the first counts:
/// whoever hears of it looks at all files.
async fn read_events(pipe: &pipe::Receiver, watches: &BTreeMap<i32, PathBuf>) -> Touched {
    let mut buffer = [0; EVENT_BUFFER_BYTES];
    loop {
        if pipe.readable().await.is_err() {
            return Touched::Unknown;
        }
        let read = match pipe.try_read(&mut buffer) {
            Ok(read) => read,
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => continue,
            Err(_) => return Touched::Unknown,
        };
        let mut rest = &buffer[..read];
        while let Some((wd, name, after)) = event(rest) {
            rest = after;
            if let Some(watched) = watches.get(&wd) {
                return Touched::Path(match name {
                    [] => watched.clone(),
                    name => watched.join(OsStr::from_bytes(name)),
                });
            }
        }
    }
}

/// Watch descriptor and name of the first event (inotify(7)), and what follows it.
fn event(bytes: &[u8]) -> Option<(i32, &[u8], &[u8])> {
    let (wd, rest) = bytes.split_first_chunk::<4>()?;
    let (_mask_and_cookie, rest) = rest.split_first_chunk::<8>()?;
    let (len, rest) = rest.split_first_chunk::<4>()?;
    let (name, rest) = rest.split_at_checked(u32::from_ne_bytes(*len) as usize)?;
    let name = name.split(|b| *b == 0).next().unwrap_or_default();
    Some((i32::from_ne_bytes(*wd), name, rest))
}

fn look(path: &Path) -> Look {
    let m = std::fs::metadata(path).ok()?;
    let (mtime, ctime) = ((m.mtime(), m.mtime_nsec()), (m.ctime(), m.ctime_nsec()));
    Some((m.dev(), m.ino(), m.len(), mtime.0, mtime.1, ctime.0, ctime.1))
}

/// The path itself and every link target on the way to the file: each has its own directory.
fn way(path: &Path) -> BTreeSet<PathBuf> {
    let mut way = BTreeSet::from([path.to_owned()]);
    let mut open = vec![path.to_owned()];
    while let Some(path) = open.pop() {
        if way.len() > LINKS_MAX {
            break;
        }
        // A link anywhere in the path counts, not only the last part.
        for part in path.ancestors().filter(|p| !p.as_os_str().is_empty()) {
            let Ok(target) = std::fs::read_link(part) else { continue };
            let base = part.parent().map(directory).unwrap_or_default();
            let rest = path.strip_prefix(part).unwrap_or(Path::new(""));
            let followed = if rest.as_os_str().is_empty() {
                base.join(target)
            } else {
                base.join(target).join(rest)
            };
            if way.insert(followed.clone()) {
                open.push(followed);
            }
            if part != path {
                way.insert(part.to_owned());
            }
        }
    }
    way
}

fn directory(path: &Path) -> PathBuf {
    if path.as_os_str().is_empty() { PathBuf::from(".") } else { path.to_owned() }
}

/// Advice when `path` is a file mounted by itself: an editor that replaces the file on the other
/// side leaves this side with the old one forever.
pub fn single_file_mount(path: &Path) -> Option<String> {
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").ok()?;
    let absolute = std::fs::canonicalize(path).ok()?;
    let absolute = absolute.to_str()?;
    let mounted = mounts.lines().any(|l| l.split(' ').nth(4).is_some_and(|at| at == absolute));
    mounted.then(|| {
        format!(
            "{absolute} is mounted as a single file: an editor that replaces it by renaming will \
             not be seen here; mount its directory instead"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    /// A directory of its own that goes away again.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str) -> Self {
            let path =
                std::env::temp_dir().join(format!("evenkeel-watch-{}-{name}", std::process::id()));
            let _ = fs::remove_dir_all(&path);
            fs::create_dir_all(&path).expect("a scratch directory can be made");
            Self(path)
        }
        fn path(&self, name: &str) -> PathBuf {
            self.0.join(name)
        }
        fn write(&self, name: &str, text: &str) -> PathBuf {
            fs::write(self.path(name), text).expect("a scratch file can be written");
            self.path(name)
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    /// Runs `edit` while a watcher of `path` waits; it must notice. The longest wait is far above
    /// what is needed and only there so that a failure ends.
    fn notices(path: &Path, edit: impl FnOnce()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime can be made").block_on(async {
            let mut watcher = Watcher::new();
            watcher.watch(&BTreeSet::from([path.to_owned()]));
            edit();
            let seen = tokio::time::timeout(Duration::from_secs(20), watcher.changed()).await;
            assert_eq!(seen.as_deref(), Ok(path));
        });
    }

    #[test]
    fn a_write_in_place_is_noticed() {
        let dir = Scratch::new("write");
        let file = dir.write("a.cfg", "1");
        notices(&file, || drop(dir.write("a.cfg", "2")));
    }

    #[test]
    fn a_rename_over_the_file_is_noticed() {
        let dir = Scratch::new("rename");
        let file = dir.write("a.cfg", "1");
        let new = dir.write("new", "2");
        notices(&file, || fs::rename(new, &file).expect("rename"));
    }

    #[test]
    fn a_file_that_comes_back_is_noticed() {
        let dir = Scratch::new("back");
        let file = dir.path("a.cfg");
        notices(&file, || drop(dir.write("a.cfg", "1")));
    }

    #[test]
    fn a_swapped_data_link_is_noticed() {
        let dir = Scratch::new("swap");
        for version in ["v1", "v2"] {
            fs::create_dir(dir.path(version)).expect("mkdir");
            dir.write(&format!("{version}/a.cfg"), version);
        }
        symlink("v1", dir.path("..data")).expect("link");
        symlink("..data/a.cfg", dir.path("a.cfg")).expect("link");
        notices(&dir.path("a.cfg"), || {
            symlink("v2", dir.path("..data_tmp")).expect("link");
            fs::rename(dir.path("..data_tmp"), dir.path("..data")).expect("rename");
        });
    }

    #[test]
    fn a_new_file_in_a_watched_directory_is_noticed() {
        let dir = Scratch::new("directory");
        notices(&dir.0, || drop(dir.write("b.cfg", "1")));
    }

    #[test]
    fn looking_alone_is_enough() {
        let dir = Scratch::new("look");
        let file = dir.write("a.cfg", "1");
        let mut watcher = Watcher {
            notifications: None,
            watches: BTreeMap::new(),
            paths: BTreeMap::new(),
            looks: BTreeMap::new(),
            next_look: tokio::time::Instant::now(),
        };
        watcher.watch(&BTreeSet::from([file.clone()]));
        assert_eq!(watcher.differs(&Touched::Unknown), None);
        dir.write("a.cfg", "longer");
        assert_eq!(watcher.differs(&Touched::Unknown), Some(file));
    }
}
