//! Every file below `cases/` as two tests: against Evenkeel, and of the reference against itself.

use e2e::binaries::{self, Binary};
use e2e::differential::{case, compare, self_check};
use libtest_mimic::{Arguments, Failed, Trial};
use std::path::Path;
use std::sync::Arc;

/// Cases mostly wait, so more of them run at a time than there are processors.
const THREADS: usize = 8;

fn main() {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(THREADS);
    let home = Path::new(env!("CARGO_MANIFEST_DIR"));
    let reference = binaries::reference();
    if let Err(why) = &reference {
        eprintln!("comparisons with HAProxy are skipped: {why}");
    }
    let listed = std::fs::read_to_string(home.join("differences.md")).unwrap_or_default();
    let listed = Arc::new(listed);
    let mut trials = Vec::new();
    for (name, path) in case::files(&home.join("cases")) {
        let path = Arc::new(path);
        for against in ["evenkeel", "itself"] {
            let (path, listed) = (Arc::clone(&path), Arc::clone(&listed));
            let (case_name, reference) = (name.clone(), reference.clone());
            let skipped = reference.is_err();
            let test = move || one(&path, &case_name, reference, against == "itself", &listed);
            trials.push(Trial::test(format!("{against}::{name}"), test).with_ignored_flag(skipped));
        }
    }
    libtest_mimic::run(&arguments, trials).exit();
}

fn one(
    path: &Path,
    name: &str,
    reference: Result<Binary, String>,
    alone: bool,
    listed: &str,
) -> Result<(), Failed> {
    let reference = reference?;
    let case = case::Case::load(path, name)?;
    if let Some(missing) = case.allowed.iter().find(|a| !listed.contains(&format!("## {} ", a.id)))
    {
        return Err(format!("{} is not in differences.md", missing.id).into());
    }
    if alone {
        return Ok(self_check(&case, &reference)?);
    }
    Ok(compare(&case, &reference, &binaries::evenkeel()?)?)
}
