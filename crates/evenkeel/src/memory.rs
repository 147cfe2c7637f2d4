//! Giving memory back after reading a configuration: that needs more for a moment than what stays.

use std::time::Duration;

use tokio::task::AbortHandle;

/// After the workers have let go of the configuration before, and once no other change follows.
const AFTERWARDS: Duration = Duration::from_millis(300);

/// Gives memory back when changes have come to rest: while they follow each other, what one gives
/// back the next one fetches again, and every page of it costs the workers time.
#[derive(Default)]
pub struct Settling(Option<AbortHandle>);

impl Settling {
    /// A configuration has been read.
    pub fn begin(&mut self) {
        let task = tokio::task::spawn_local(async {
            tokio::time::sleep(AFTERWARDS).await;
            proxy::give_memory_back();
        });
        if let Some(earlier) = self.0.replace(task.abort_handle()) {
            earlier.abort();
        }
    }
}
