//! The engine behind the port of the control wing.

use std::sync::Arc;

use control::ports::{BindRefusal, Opened, ServerOrderKind};
use control::{DataPlane, OrderError, Refusal, ServerOrder};
use model::{AdminReason, AdminReasons, Algorithm, Snapshot};
use proxy::{ApplyError, Engine, LiveBackend, LiveServer};

use crate::load::plain_reason;

/// The running data plane.
pub struct Plane {
    /// The engine.
    pub engine: Engine,
}

/// The engine's refusal in the control wing's words.
pub fn refusal(error: ApplyError) -> Refusal {
    match error {
        ApplyError::OldGeneration { running } => Refusal::OldGeneration { running },
        ApplyError::Resources(e) => Refusal::Resources(format!(
            "out of resources: {}; raise the limit of descriptors (ulimit -n) or free memory",
            plain_reason(&e)
        )),
        ApplyError::Binds(list) => Refusal::Binds(
            list.into_iter()
                .map(|b| BindRefusal {
                    frontend: b.frontend,
                    address: b.address,
                    origin: b.origin,
                    reason: plain_reason(&b.error),
                })
                .collect(),
        ),
    }
}

impl DataPlane for Plane {
    fn apply(&self, snapshot: &Snapshot) -> Result<Opened, Refusal> {
        let applied = self.engine.apply(snapshot).map_err(refusal)?;
        Ok(Opened { opened: applied.opened, closed: applied.closed })
    }

    fn order(&self, order: &ServerOrder) -> Result<(), OrderError> {
        let live = self.engine.shared().live();
        let backend = live.backends.get(&order.backend).ok_or(OrderError::NoBackend)?;
        let server = backend
            .servers
            .iter()
            .find(|s| s.model.name == order.server)
            .ok_or(OrderError::NoServer)?;
        let now_ms = self.engine.shared().now_ms(tokio::time::Instant::now());
        match order.what {
            ServerOrderKind::Weight(weight) => set_weight(backend, server, weight),
            ServerOrderKind::WeightPercent(percent) => {
                let weight = u32::from(server.model.weight) * u32::from(percent) / 100;
                set_weight(backend, server, weight.min(256) as u16)
            }
            ServerOrderKind::Ready => {
                set_state(server, AdminReasons::default(), now_ms);
                Ok(())
            }
            ServerOrderKind::Drain => {
                set_state(server, AdminReasons::default().with(AdminReason::RuntimeDrain), now_ms);
                Ok(())
            }
            ServerOrderKind::Maintenance => {
                set_state(server, AdminReasons::default().with(AdminReason::RuntimeMaint), now_ms);
                Ok(())
            }
        }
    }
}

/// Replaces the reasons that an operator gave; those of the environment stay. `disabled` in the
/// file counts as an operator's: `ready` ends it until the file changes.
fn set_state(server: &Arc<LiveServer>, asked: AdminReasons, now_ms: u64) {
    const OPERATORS: [AdminReason; 3] =
        [AdminReason::ConfigMaint, AdminReason::RuntimeMaint, AdminReason::RuntimeDrain];
    let kept = OPERATORS.into_iter().fold(server.state.admin(), AdminReasons::without);
    server.state.set_admin(AdminReasons(kept.0 | asked.0), now_ms);
}

fn set_weight(
    backend: &LiveBackend,
    server: &Arc<LiveServer>,
    weight: u16,
) -> Result<(), OrderError> {
    let fixed = matches!(backend.model.algorithm, Algorithm::StaticRr | Algorithm::First);
    if fixed && weight != 0 && weight != server.model.weight {
        return Err(OrderError::FixedWeight);
    }
    server.state.set_weight(weight);
    Ok(())
}
