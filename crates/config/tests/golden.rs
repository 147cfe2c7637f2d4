//! Golden cases: each `cases/*.cfg` against what is said about it and what is read from it.
//!
//! `# env: NAME=value` at the top of a case sets a variable. With UPDATE_GOLDEN=1 in the
//! environment the expected texts are written anew; read the difference before committing it.
use std::fmt::Write;
use std::path::{Path, PathBuf};

use evenkeel_config::{Ast, Environment, Facts, Files, SourceFile, parse, render};

fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let entries = std::fs::read_dir(folder).expect("the folder of cases exists");
    let mut cases: Vec<PathBuf> = entries
        .map(|entry| entry.expect("the folder of cases can be read").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "cfg"))
        .collect();
    cases.sort();
    cases
}

fn environment(text: &str) -> Environment {
    let variables = text.lines().map_while(|line| line.strip_prefix("# env: "));
    variables.filter_map(|variable| variable.split_once('=')).collect()
}

fn dump(ast: &Ast) -> String {
    let mut out = String::new();
    for section in ast.sections() {
        let _ = writeln!(out, "{:?}", section.header());
        for line in section.lines() {
            let old = if line.is_modernised() { "  (modernised)" } else { "" };
            let _ = writeln!(out, "  {:>3} {line:?}{old}", line.number());
        }
    }
    out
}

fn outcome(name: &str, bytes: &[u8]) -> String {
    let mut files = Files::default();
    files.add(SourceFile::new(name, bytes)).expect("a case is small");
    let mut environment = environment(&String::from_utf8_lossy(bytes));
    let (ast, diagnostics) = parse(files, &mut environment, &Facts::default());
    let said = render::human(&diagnostics, ast.files(), render::Style::default());
    format!("{said}=====\n{}", dump(&ast))
}

#[test]
fn every_case_reads_as_expected() {
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let mut wrong = Vec::new();
    let cases = cases();
    assert!(cases.len() >= 10, "the cases are there");
    for case in cases {
        let name = case.file_name().expect("a file has a name").to_string_lossy().into_owned();
        let bytes = std::fs::read(&case).expect("a case can be read");
        let got = outcome(&name, &bytes);
        let expected = case.with_extension("txt");
        if update {
            std::fs::write(&expected, &got).expect("the expected text can be written");
        } else if std::fs::read_to_string(&expected).unwrap_or_default() != got {
            wrong.push(format!("--- {name}\n{got}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
