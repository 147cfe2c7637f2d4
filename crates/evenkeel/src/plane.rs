//! The engine behind the port of the control wing.

use control::ports::{BindRefusal, Opened, ServerOrderKind};
use control::{DataPlane, OrderError, Refusal, ServerOrder};
use model::{Algorithm, Snapshot};
use proxy::checks::Wish;
use proxy::{ApplyError, Engine, LiveBackend, LiveServer, Shared};

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
        let shared = self.engine.shared();
        let state = |wish| {
            let reasons = proxy::checks::wished(server.state.admin(), wish);
            proxy::checks::administer(shared, backend, server, reasons);
            Ok(())
        };
        match order.what {
            ServerOrderKind::Weight(weight) => set_weight(shared, backend, server, weight),
            ServerOrderKind::WeightPercent(percent) => {
                let weight = proxy::checks::share_of_weight(server, percent);
                set_weight(shared, backend, server, weight)
            }
            ServerOrderKind::Health(to) => {
                proxy::checks::force(shared, backend, server, to);
                Ok(())
            }
            ServerOrderKind::Checks(_) if server.model.check.is_none() => Err(OrderError::NoCheck),
            ServerOrderKind::Checks(on) => {
                server.check.pause(!on);
                Ok(())
            }
            ServerOrderKind::Agent(on) => {
                if on && server.model.agent.is_none() {
                    return Err(OrderError::NoAgent);
                }
                server.check.pause_agent(!on);
                Ok(())
            }
            ServerOrderKind::AgentSays(_)
                if server.model.agent.is_none() || server.check.is_agent_paused() =>
            {
                Err(OrderError::NoAgent)
            }
            ServerOrderKind::AgentSays(up) => {
                proxy::checks::agent_says(shared, backend, server, up);
                Ok(())
            }
            ServerOrderKind::Shutdown => {
                shared.end_sessions(&[server.state.uid()], proxy::Cause::Killed);
                Ok(())
            }
            ServerOrderKind::Ready => state(Wish::Ready),
            ServerOrderKind::Drain => state(Wish::Drain),
            ServerOrderKind::Maintenance => state(Wish::Maintenance),
        }
    }
}

fn set_weight(
    shared: &Shared,
    backend: &LiveBackend,
    server: &LiveServer,
    weight: u16,
) -> Result<(), OrderError> {
    let fixed = matches!(backend.model.algorithm, Algorithm::StaticRr | Algorithm::First);
    if fixed && weight != 0 && weight != server.model.weight {
        return Err(OrderError::FixedWeight);
    }
    proxy::checks::weigh(shared, backend, server, weight);
    Ok(())
}
