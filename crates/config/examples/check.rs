//! Prints what is found in the configuration files named on the command line.
use std::sync::Arc;

use evenkeel_config::{Environment, Facts, Files, SourceFile, Sources, load, render};

struct Disk;

impl Sources for Disk {
    fn read(&self, path: &str) -> Result<Arc<[u8]>, String> {
        std::fs::read(path).map(Arc::from).map_err(|error| error.to_string())
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut files = Files::default();
    for path in std::env::args().skip(1) {
        files.add(SourceFile::new(path.as_str(), &std::fs::read(&path)?));
    }
    let mut environment: Environment = std::env::vars().collect();
    let start = std::time::Instant::now();
    let loaded = load(files, &Disk, &mut environment, &Facts::default());
    let took = start.elapsed();
    print!("{}", render::human(&loaded.diagnostics, &loaded.files, render::Style::default()));
    let verdict = if loaded.config.is_some() { "valid" } else { "not valid" };
    println!("{verdict}, {took:?}");
    Ok(())
}
