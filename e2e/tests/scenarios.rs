//! The list of acceptance scenarios is whole, and the tests that it names are there.

use std::collections::BTreeMap;
use std::path::Path;

/// Scenarios by their letters and how many there are of each.
const SCENARIOS: [(&str, usize); 7] =
    [("A", 15), ("B", 14), ("C", 16), ("D", 18), ("E", 12), ("BG", 19), ("F", 17)];

/// Identifier, tests and state of each line of the tables.
fn lines() -> Vec<(String, Vec<String>, String)> {
    let text = include_str!("../scenarios.md");
    let row = |line: &str| {
        let cells: Vec<&str> = line.strip_prefix('|')?.split('|').map(str::trim).collect();
        let [id, _, tests, state, _] = cells.as_slice() else { return None };
        let tests = tests.split_whitespace().map(|t| t.trim_matches('`').to_owned()).collect();
        Some(((*id).to_owned(), tests, (*state).to_owned()))
    };
    text.lines().filter_map(row).filter(|(id, ..)| id != "id" && !id.starts_with('-')).collect()
}

#[test]
fn every_scenario_has_one_line_with_its_tests_or_the_reason() {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for (id, tests, state) in lines() {
        match state.split(':').next().unwrap_or_default() {
            "shown" | "part" => assert!(!tests.is_empty(), "{id} names no test"),
            "open" => assert!(state.len() > "open: ".len(), "{id}: why is it open?"),
            other => panic!("{id}: '{other}' is no state"),
        }
        *seen.entry(id).or_default() += 1;
    }
    for (letters, count) in SCENARIOS {
        for number in 1..=count {
            let id = format!("{letters}{number}");
            assert_eq!(seen.get(&id), Some(&1), "lines about {id}");
        }
    }
}

#[test]
fn every_test_that_is_named_is_there() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    for (id, tests, _) in lines() {
        for test in tests {
            let (file, function) = test.split_once("::").expect("FILE::FUNCTION");
            let path = folder.join(format!("{file}.rs"));
            let source = std::fs::read_to_string(&path).unwrap_or_default();
            let is_there = source.contains(&format!("fn {function}("));
            assert!(is_there, "{id}: {} has no {function}", path.display());
        }
    }
}
