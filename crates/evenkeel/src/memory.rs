//! Giving memory back after a reload: what it needed for a moment is more than what stays.

use std::time::Duration;

/// After the workers have let go of the configuration before.
const AFTERWARDS: Duration = Duration::from_millis(100);

/// Waits until nobody works with the configuration before, and gives back what it occupied.
pub async fn settle() {
    tokio::time::sleep(AFTERWARDS).await;
    proxy::give_memory_back();
}
