//! A process for targets that talk to the control side.

use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use admin::ports::{
    Change, Changes, ControlSocket, House, Later, NotRemovable, Outcome, ProcessFacts, Report,
    ResolversRow, SessionRow,
};
use admin::stats::{Kind, Row};
use control::{OrderError, ServerOrder};
use model::{Address, Config, Name};

/// Every file that is named holds this.
struct Same;

impl config::Sources for Same {
    fn read(&self, _: &str) -> Result<Arc<[u8]>, String> {
        Ok(Arc::from(&b"1 2\n3 4\n1 5\n"[..]))
    }
}

const TEXT: &[u8] = b"frontend f
 mode http
 stats uri /s
 http-request deny if { path -i -f a /x }
 http-request set-path %[path,map_beg(m)]%[path,map_int_int(m)] if { path -m reg ^/a(.*) }
backend b
 server s 10.0.0.1:80
";

/// A process with maps, a server and nothing else.
pub struct Empty(Arc<Config>);

fn outcome() -> Outcome {
    Outcome { ok: true, text: String::new() }
}

impl House for Empty {
    fn process(&self) -> ProcessFacts {
        ProcessFacts::default()
    }
    fn rows(&self) -> Vec<Row> {
        let row = |service: &str, kind| Row {
            proxy: "b".to_owned(),
            service: service.to_owned(),
            kind: Some(kind),
            proxy_id: 3,
            ..Row::default()
        };
        vec![row("BACKEND", Kind::Backend), row("s", Kind::Server)]
    }
    fn config(&self) -> Option<Arc<Config>> {
        Some(Arc::clone(&self.0))
    }
    fn config_text(&self, _: bool) -> Option<String> {
        None
    }
    fn asks(&self, _: &str, _: &str) {}
    fn resolvers(&self) -> Vec<ResolversRow> {
        Vec::new()
    }
    fn change_log(&self, _: u64, _: usize) -> Vec<control::Entry> {
        Vec::new()
    }
    fn order(&self, _: &ServerOrder) -> Result<(), OrderError> {
        Ok(())
    }
    fn change(&self, _: Change) -> Result<String, String> {
        Ok(String::new())
    }
    fn sessions(&self) -> Later<'_, Vec<SessionRow>> {
        Box::pin(async { Vec::new() })
    }
    fn end_session(&self, _: u64) -> Later<'_, bool> {
        Box::pin(async { false })
    }
    fn clear_counters(&self, _: bool) {}
    fn startup_logs(&self) -> String {
        String::new()
    }
    fn control_sockets(&self) -> Vec<ControlSocket> {
        Vec::new()
    }
    fn report(&self, _: Report) -> String {
        String::new()
    }
    fn removable(&self, _: &str) -> Result<(), NotRemovable> {
        Ok(())
    }
    fn variable(&self, _: &str) -> Option<(&'static str, String)> {
        None
    }
    fn environment(&self) -> Vec<(String, String)> {
        Vec::new()
    }
    fn status(&self) -> String {
        String::new()
    }
    fn history(&self) -> String {
        String::new()
    }
    fn containers(&self, _: bool) -> Outcome {
        outcome()
    }
    fn explain(&self, _: &[&str]) -> Outcome {
        outcome()
    }
    fn changes(&self) -> Changes {
        Changes::default()
    }
    fn reload(&self) -> Later<'_, Outcome> {
        Box::pin(async { outcome() })
    }
    fn plan(&self, _: Vec<PathBuf>) -> Later<'_, Outcome> {
        Box::pin(async { outcome() })
    }
    fn wait_drained(&self, _: Option<Name>, _: Name, _: Duration) -> Later<'_, Outcome> {
        Box::pin(async { outcome() })
    }
    fn listeners(&self) -> io::Result<Vec<(Address, Vec<OwnedFd>)>> {
        Ok(Vec::new())
    }
    fn serving(&self) -> Later<'_, Outcome> {
        Box::pin(async { outcome() })
    }
    fn taken_over(&self, _: u32) {}
}

/// A process that read `TEXT`.
pub fn house() -> Empty {
    let mut files = config::Files::default();
    files.add(config::SourceFile::new("a.cfg".to_owned(), TEXT));
    let mut environment = config::Environment::new();
    let loaded = config::load(files, &Same, &mut environment, &config::Facts::default());
    Empty(Arc::new(loaded.config.expect("it is right")))
}

/// Runs what waits for a process; time stands still but for 'wait'.
pub fn run<T>(what: impl Future<Output = T>) -> T {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime").block_on(what)
}
