//! Any bytes as a configuration file: read, checked, lowered and reported without a panic.
#![no_main]

use std::sync::Arc;

use config::{Environment, Facts, Files, SourceFile, Sources, load, render};
use libfuzzer_sys::fuzz_target;

/// Every file that is named is there, with a few lines.
struct Same;

impl Sources for Same {
    fn read(&self, _path: &str) -> Result<Arc<[u8]>, String> {
        Ok(Arc::from(&b"HTTP/1.1 200 OK\r\n\r\none two\n"[..]))
    }
}

fuzz_target!(|bytes: &[u8]| {
    let mut files = Files::default();
    files.add(SourceFile::new("fuzz.cfg", bytes)).expect("an input is small");
    let mut environment: Environment = [("A", "one"), ("B", " two  words ")].into_iter().collect();
    let loaded = load(files, &Same, &mut environment, &Facts::default());
    render::human(&loaded.diagnostics, &loaded.files, render::Style::default());
    render::haproxy(&loaded.diagnostics, &loaded.files, 1, 50);
    assert!(loaded.config.is_some() || loaded.diagnostics.has_alerts());
});
