//! Scenarios that run with every Compose there is.

use super::compose::Version;
use super::project::Project;

/// Prepares the example and runs a scenario in it; skipped, with the reason, where that cannot be.
///
/// # Panics
/// When the scenario fails.
pub fn run(
    version: Version,
    example: &str,
    balancer: &'static str,
    scenario: fn(&Project) -> Result<(), String>,
) {
    let project = match Project::prepare(version, example, balancer) {
        Ok(project) => project,
        Err(reason) => return super::skip(&reason),
    };
    if let Err(why) = scenario(&project) {
        panic!("{why}");
    }
}

/// Makes each scenario of this file a test with Compose v1 and one with Compose v2.
#[macro_export]
macro_rules! with_each_compose {
    ($example:literal, $balancer:literal: $($scenario:ident),+ $(,)?) => {
        mod compose_v1 {
            $(#[test]
            fn $scenario() {
                let v1 = $crate::docker::compose::Version::V1;
                $crate::docker::scenario::run(v1, $example, $balancer, super::$scenario);
            })+
        }
        mod compose_v2 {
            $(#[test]
            fn $scenario() {
                let v2 = $crate::docker::compose::Version::V2;
                $crate::docker::scenario::run(v2, $example, $balancer, super::$scenario);
            })+
        }
    };
}

/// An error with its reason, unless something holds.
pub fn expect(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise()) }
}
