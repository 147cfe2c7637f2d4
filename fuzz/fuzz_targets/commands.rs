//! Any bytes on a control socket: every command line, payload and change of maps is answered.
#![no_main]

use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use admin::ports::{
    Change, Changes, ControlSocket, House, Later, Level, NotRemovable, Outcome, ProcessFacts,
    Report, SessionRow,
};
use admin::socket::{Rights, converse};
use admin::stats::Row;
use control::{OrderError, ServerOrder};
use libfuzzer_sys::fuzz_target;
use model::{Address, Config, Name};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Every file that is named holds this.
struct Same;

impl config::Sources for Same {
    fn read(&self, _: &str) -> Result<Arc<[u8]>, String> {
        Ok(Arc::from(&b"1 2\n3 4\n1 5\n"[..]))
    }
}

const TEXT: &[u8] = b"frontend f\n mode http\n http-request deny if { path -i -f a /x }\n \
    http-request set-path %[path,map_beg(m)]%[path,map_int_int(m)] if { src 10.0.0.0/8 } or \
    { path -m reg ^/a(.*) }\n";

/// A process with maps and nothing else.
struct Empty(Arc<Config>);

fn outcome() -> Outcome {
    Outcome { ok: true, text: String::new() }
}

impl House for Empty {
    fn process(&self) -> ProcessFacts {
        ProcessFacts::default()
    }
    fn rows(&self) -> Vec<Row> {
        Vec::new()
    }
    fn config(&self) -> Option<Arc<Config>> {
        Some(Arc::clone(&self.0))
    }
    fn config_text(&self, _: bool) -> Option<String> {
        None
    }
    fn asks(&self, _: &str, _: &str) {}
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
    fn taken_over(&self, _: u32) {}
}

fuzz_target!(|input: &[u8]| {
    let mut files = config::Files::default();
    files.add(config::SourceFile::new("a.cfg".to_owned(), TEXT));
    let mut environment = config::Environment::new();
    let loaded = config::load(files, &Same, &mut environment, &config::Facts::default());
    let house = Empty(Arc::new(loaded.config.expect("it is right")));
    // Time stands still but for 'wait'.
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime").block_on(async {
        let (mut ours, mut theirs) = tokio::io::duplex(8 << 20);
        ours.write_all(b"prompt i\n").await.expect("room");
        ours.write_all(input).await.expect("room");
        ours.shutdown().await.expect("open");
        let rights = Rights {
            level: Level::Admin,
            hand_over: false,
            timeout: Duration::from_secs(86_400 * 365),
            sessions_max: 1,
        };
        let talk = converse(&mut theirs, rights, &house, "a fuzzer");
        let mut answer = Vec::new();
        let read = ours.read_to_end(&mut answer);
        tokio::pin!(read);
        tokio::select! {
            // Too long lines end a session by an error.
            _ = talk => {}
            _ = &mut read => {}
        }
    });
});
