//! Files as people write them load: what is not built is passed over with few warnings.
use std::path::Path;
use std::sync::Arc;

use evenkeel_config::{Environment, Facts, Files, Severity, SourceFile, Sources, load, render};

/// Every file that a case names is there, and empty.
struct EmptyFiles;

impl Sources for EmptyFiles {
    fn read(&self, _path: &str) -> Result<Arc<[u8]>, String> {
        Ok(Arc::from(&b""[..]))
    }
}

/// The case and the most warnings that it may draw.
const CASES: &[(&str, usize)] = &[
    ("patroni.cfg", 1),
    ("galera.cfg", 0),
    ("kubernetes.cfg", 5),
    ("compose.cfg", 0),
    ("ancient.cfg", 9),
];

#[test]
fn files_as_people_write_them_load() {
    for (name, most) in CASES {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/typical").join(name);
        let bytes = std::fs::read(path).expect("the case is there");
        let mut files = Files::default();
        files.add(SourceFile::new(*name, &bytes)).expect("a case is small");
        let mut environment = Environment::default();
        let loaded = load(files, &EmptyFiles, &mut environment, &Facts::default());
        let said = render::human(&loaded.diagnostics, &loaded.files, render::Style::default());
        assert!(loaded.config.is_some(), "{name}\n{said}");
        let warnings = loaded.diagnostics.count(Severity::Warning);
        assert!(warnings <= *most, "{name}: {warnings} warnings\n{said}");
    }
}
