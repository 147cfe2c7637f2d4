//! Giving memory back after reading a configuration: that needs more for a moment than what stays.

use std::time::Duration;

/// After the workers have let go of the configuration before.
const AFTERWARDS: Duration = Duration::from_millis(100);

/// Waits until nobody works with the configuration before, and gives back what it and the reading
/// occupied.
pub async fn settle() {
    tokio::time::sleep(AFTERWARDS).await;
    proxy::give_memory_back();
}
