//! What the health endpoint says of instances: which of them are meant, and where they are.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use model::Name;
use model::consul::{Instance, ServiceHealth, ServiceQuery};
use serde::Deserialize;

/// Most instances of one service; more are left out.
pub(super) const INSTANCES_MAX: usize = 4096;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    node: Node,
    service: Service,
    checks: Option<Vec<Check>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Node {
    node: String,
    #[serde(default)]
    address: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Service {
    #[serde(rename = "ID")]
    id: String,
    #[serde(default)]
    address: String,
    #[serde(default)]
    port: u32,
    tags: Option<Vec<String>>,
    meta: Option<BTreeMap<String, String>>,
    weights: Option<Weights>,
    tagged_addresses: Option<HashMap<String, Tagged>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Tagged {
    address: String,
    #[serde(default)]
    port: u32,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Weights {
    passing: i64,
    warning: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Check {
    status: String,
}

/// The instances that a query means, by node and id.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Read {
    pub instances: Vec<Instance>,
    /// Why others cannot be used.
    pub unusable: Vec<String>,
    /// One of them is at a loopback address, and whether that is here is not known.
    pub local: bool,
}

/// Reads an answer. `own_node` is the node that this machine is, where that is known: only there a
/// loopback address is what it says.
///
/// # Errors
/// What is wrong with the text.
pub(super) fn read(
    text: &[u8],
    query: &ServiceQuery,
    own_node: Option<&str>,
) -> Result<Read, String> {
    let entries: Vec<Entry> =
        serde_json::from_slice(text).map_err(|e| format!("its answer makes no sense: {e}"))?;
    let mut found = Read::default();
    for entry in &entries {
        if !is_meant(entry, query) {
            continue;
        }
        let unusable = match place(entry, query) {
            Ok((ip, _)) if ip.is_loopback() && own_node != Some(&*entry.node.node) => {
                found.local |= own_node.is_none();
                format!("{ip} is a loopback address of another machine")
            }
            Ok((ip, port)) => {
                if found.instances.len() < INSTANCES_MAX {
                    found.instances.push(instance(entry, ip, port));
                    continue;
                }
                format!("more than {INSTANCES_MAX} instances")
            }
            Err(reason) => reason,
        };
        let (node, id) = (&entry.node.node, &entry.service.id);
        found.unusable.push(format!("{id} on {node}: {unusable}"));
    }
    found.instances.sort_by(|a, b| (&a.node, &a.id).cmp(&(&b.node, &b.id)));
    found.unusable.sort();
    Ok(found)
}

/// The worst of its checks, 0 passing, 1 warning, 2 critical. Maintenance is a critical check.
fn worst(entry: &Entry) -> u8 {
    let checks = entry.checks.iter().flatten();
    let state = |check: &Check| match check.status.as_str() {
        "passing" => 0,
        "warning" => 1,
        _ => 2,
    };
    checks.map(state).max().unwrap_or(0)
}

fn is_meant(entry: &Entry, query: &ServiceQuery) -> bool {
    let will_do = match query.health {
        ServiceHealth::Passing => 0,
        ServiceHealth::Warning => 1,
        ServiceHealth::Any => u8::MAX,
    };
    let tags = entry.service.tags.as_deref().unwrap_or_default();
    let meta = entry.service.meta.as_ref();
    worst(entry) <= will_do
        && query.tags.iter().all(|tag| tags.iter().any(|t| **t == **tag))
        && query
            .service_meta
            .iter()
            .all(|(key, value)| meta.and_then(|m| m.get(&**key)).is_some_and(|v| **v == **value))
}

/// The tagged address that is asked for, else the service's, else the node's.
fn place(entry: &Entry, query: &ServiceQuery) -> Result<(IpAddr, u16), String> {
    let service = &entry.service;
    let tagged = query.address.as_deref().and_then(|name| {
        let tagged = service.tagged_addresses.as_ref()?.get(name)?;
        Some((&tagged.address, if tagged.port == 0 { service.port } else { tagged.port }))
    });
    let own = Some((&service.address, service.port));
    let (address, port) = tagged
        .or(own)
        .filter(|(address, _)| !address.is_empty())
        .unwrap_or((&entry.node.address, service.port));
    let ip: IpAddr = address.parse().map_err(|_| format!("'{address}' is no address"))?;
    if ip.is_unspecified() || ip.is_multicast() {
        return Err(format!("{ip} is the address of nobody"));
    }
    match u16::try_from(port) {
        Ok(0) => Err("it has no port".to_owned()),
        Ok(port) => Ok((ip, port)),
        Err(_) => Err(format!("{port} is no port")),
    }
}

fn instance(entry: &Entry, ip: IpAddr, port: u16) -> Instance {
    let service = &entry.service;
    let weights = service.weights.unwrap_or(Weights { passing: 1, warning: 1 });
    let weight = if worst(entry) == 0 { weights.passing } else { weights.warning };
    Instance {
        node: entry.node.node.as_str().into(),
        id: service.id.as_str().into(),
        ip,
        port,
        weight: u16::try_from(weight.max(0)).unwrap_or(u16::MAX),
        tags: service.tags.iter().flatten().map(|t| Name::from(t.as_str())).collect(),
        meta: service.meta.clone().unwrap_or_default(),
    }
}

/// The names of services in an answer of the catalog.
///
/// # Errors
/// What is wrong with the text.
pub(super) fn services(text: &[u8]) -> Result<Vec<Name>, String> {
    let found: BTreeMap<String, Option<Vec<String>>> =
        serde_json::from_slice(text).map_err(|e| format!("its answer makes no sense: {e}"))?;
    // Consul's own servers are one, too.
    Ok(found.into_keys().filter(|name| name != "consul").map(Name::from).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn entry(id: &str, change: impl FnOnce(&mut Value)) -> Value {
        let mut entry = json!({
            "Node": { "Node": "far", "Address": "10.0.0.9", "Meta": null },
            "Service": {
                "ID": id, "Service": "web", "Tags": ["prod", "b"], "Address": "10.0.0.1",
                "Meta": { "zone": "eu" }, "Port": 80, "Weights": { "Passing": 10, "Warning": 2 },
                "TaggedAddresses": { "wan": { "Address": "198.51.100.7", "Port": 8080 } }
            },
            "Checks": [{ "Status": "passing" }, { "Status": "passing" }]
        });
        change(&mut entry);
        entry
    }

    fn seen(entries: &[Value], query: &ServiceQuery) -> (Vec<String>, Vec<String>) {
        let text = Value::from(entries.to_vec()).to_string();
        let read = read(text.as_bytes(), query, Some("near")).expect("it is right");
        let line = |i: &Instance| format!("{} {}", i.identity(), i.weight);
        (read.instances.iter().map(line).collect(), read.unusable)
    }

    fn one(change: impl FnOnce(&mut Value), asks: impl FnOnce(&mut ServiceQuery)) -> String {
        let mut query = ServiceQuery::new("web".into());
        asks(&mut query);
        let (instances, unusable) = seen(&[entry("w", change)], &query);
        [instances, unusable].concat().concat()
    }

    #[test]
    fn n9_the_worst_check_decides_and_gives_the_weight() {
        use ServiceHealth::{Any, Passing, Warning};
        let cases = [
            ("passing", Passing, "far/w 10.0.0.1:80 10"),
            ("warning", Passing, ""),
            ("critical", Passing, ""),
            ("warning", Warning, "far/w 10.0.0.1:80 2"),
            ("maintenance", Warning, ""),
            ("critical", Any, "far/w 10.0.0.1:80 2"),
        ];
        for (status, health, line) in cases {
            let read = one(|e| e["Checks"][1]["Status"] = status.into(), |q| q.health = health);
            assert_eq!(read, line, "{status} {health:?}");
        }
        let nothing = |e: &mut Value| {
            e["Checks"] = Value::Null;
            e["Service"]["Weights"] = Value::Null;
        };
        assert_eq!(one(nothing, |_| {}), "far/w 10.0.0.1:80 1");
    }

    #[test]
    fn n10_tags_and_metadata_select() {
        for (tags, meta, meant) in [
            (&["prod"][..], None, true),
            (&["prod", "b"], Some(("zone", "eu")), true),
            (&["prod", "c"], None, false),
            (&[], Some(("zone", "us")), false),
            (&[], Some(("rack", "")), false),
        ] {
            let read = one(
                |_| {},
                |q| {
                    q.tags = tags.iter().map(|t| Name::from(*t)).collect();
                    q.service_meta = meta.into_iter().map(|(k, v)| (k.into(), v.into())).collect();
                },
            );
            assert_eq!(!read.is_empty(), meant, "{tags:?} {meta:?}");
        }
    }

    #[test]
    fn n11_c9_the_services_address_then_the_nodes_and_never_one_of_nobody() {
        let address = |to: &'static str| move |e: &mut Value| e["Service"]["Address"] = to.into();
        let cases = [
            ("10.0.0.1", "far/w 10.0.0.1:80 10"),
            ("", "far/w 10.0.0.9:80 10"),
            ("fd00::1", "far/w [fd00::1]:80 10"),
            ("0.0.0.0", "w on far: 0.0.0.0 is the address of nobody"),
            ("127.0.0.1", "w on far: 127.0.0.1 is a loopback address of another machine"),
            ("web.test", "w on far: 'web.test' is no address"),
        ];
        for (to, line) in cases {
            assert_eq!(one(address(to), |_| {}), line, "{to:?}");
        }
        let here = |e: &mut Value| {
            e["Service"]["Address"] = "127.0.0.1".into();
            e["Node"]["Node"] = "near".into();
        };
        assert_eq!(one(here, |_| {}), "near/w 127.0.0.1:80 10");
        let node = |e: &mut Value| {
            e["Service"]["Address"] = "".into();
            e["Node"]["Address"] = "127.0.0.1".into();
        };
        let away = "w on far: 127.0.0.1 is a loopback address of another machine";
        assert_eq!(one(node, |_| {}), away);
        let wan = |q: &mut ServiceQuery| q.address = Some("wan".into());
        assert_eq!(one(|_| {}, wan), "far/w 198.51.100.7:8080 10");
        let lan = |q: &mut ServiceQuery| q.address = Some("lan".into());
        assert_eq!(one(|_| {}, lan), "far/w 10.0.0.1:80 10");
        assert_eq!(one(|e| e["Service"]["Port"] = 0.into(), |_| {}), "w on far: it has no port");
        let high = one(|e| e["Service"]["Port"] = 70_000.into(), |_| {});
        assert_eq!(high, "w on far: 70000 is no port");
    }

    #[test]
    fn n4_the_order_of_an_answer_means_nothing() {
        let query = ServiceQuery::new("web".into());
        let [a, b] = ["a", "b"].map(|id| entry(id, |_| {}));
        let there = seen(&[a.clone(), b.clone()], &query);
        assert_eq!(there, seen(&[b, a], &query));
        assert_eq!(there.0, ["far/a 10.0.0.1:80 10", "far/b 10.0.0.1:80 10"]);
    }

    #[test]
    fn what_makes_no_sense_is_a_fault_and_not_an_empty_answer() {
        let query = ServiceQuery::new("web".into());
        for text in ["", "null", "{}", "[{}]", "[{\"Node\":{}}]", "rpc error"] {
            assert!(read(text.as_bytes(), &query, None).is_err(), "{text}");
            assert!(services(text.as_bytes()).is_err() || text == "{}", "{text}");
        }
        let names = services(br#"{"web":["a"],"consul":[],"api":null}"#).expect("names");
        assert_eq!(names, ["api", "web"].map(Name::from));
    }
}
