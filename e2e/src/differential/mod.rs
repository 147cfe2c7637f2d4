//! The same file and the same bytes through two balancers, and what differs afterwards.

pub mod case;
pub mod compare;
pub mod figures;
pub mod normalise;
pub mod run;
pub mod steps;
pub mod world;

use crate::binaries::Binary;
use case::Case;

/// Runs a case with both programs at the same time; fails on differences that it does not allow.
pub fn compare(case: &Case, reference: &Binary, subject: &Binary) -> Result<(), String> {
    let (left, right) = both(case, reference, subject)?;
    compare::with_allowed(&left, &right, &case.allowed)
}

/// Runs a case with the reference on both sides; fails on any difference.
pub fn self_check(case: &Case, reference: &Binary) -> Result<(), String> {
    let (left, right) = both(case, reference, reference)?;
    compare::with_allowed(&left, &right, &[])
}

fn both(
    case: &Case,
    reference: &Binary,
    subject: &Binary,
) -> Result<(Vec<String>, Vec<String>), String> {
    std::thread::scope(|scope| {
        let left = scope.spawn(|| run::run(case, reference));
        let right = run::run(case, subject).map_err(|e| format!("the program under test: {e}"));
        let left = left.join().map_err(|_| "the reference's thread panicked".to_owned())?;
        let left = left.map_err(|e| format!("the reference: {e}"))?;
        if std::env::var_os("EVENKEEL_E2E_SHOW").is_some() {
            eprintln!("--- {}\n{}\n", case.name, left.join("\n"));
        }
        Ok((left, right?))
    })
}
