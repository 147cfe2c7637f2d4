//! `show config`: what runs, as a file.

use control::live::{Live, ServerNow, print};
use model::AdminReason;

use crate::house::House;

/// The running configuration as text, with or without passwords; `None` before one runs.
pub fn text(house: &House, secrets: bool) -> Option<String> {
    let controller = house.controller.borrow();
    let running = controller.running()?;
    let live = house.plane.engine.shared().live();
    let server = |backend: &str, server: &str| {
        let servers = &live.backends.get(backend)?.servers;
        let admin = servers.iter().find(|s| *s.model.name == *server)?.state.admin();
        let asked = [AdminReason::ConfigMaint, AdminReason::RuntimeMaint];
        Some(ServerNow { maintenance: asked.into_iter().any(|reason| admin.has(reason)) })
    };
    Some(print(&Live {
        config: &running.config,
        files: controller.running_files(),
        containers: &controller.intent.containers_text(),
        patches: controller.intent.patches(),
        overrides: controller.intent.overrides(),
        server: &server,
        secrets,
    }))
}
