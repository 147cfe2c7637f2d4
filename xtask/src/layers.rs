//! Our crates' dependencies against layers.toml.
use std::collections::BTreeMap;
use std::process::Command;

use crate::tree;

const PREFIX: &str = "evenkeel-";

/// What may depend on what, and what does.
struct Layer {
    may: Vec<String>,
    pure: bool,
}

/// Compares; the problems found, or how many crates are in order.
pub(crate) fn check() -> Result<String, Vec<String>> {
    let layers = layers().map_err(|error| vec![error])?;
    let actual = dependencies().map_err(|error| vec![error])?;
    let mut problems = Vec::new();
    for (name, uses) in &actual {
        let Some(layer) = layers.get(name) else {
            problems.push(format!("crate {name} is not in layers.toml"));
            continue;
        };
        for used in uses {
            if !layer.may.contains(used) {
                problems.push(format!("{name} depends on {used}, which layers.toml forbids"));
            }
        }
        if layer.pure {
            problems.extend(impure(name));
        }
    }
    for (name, layer) in &layers {
        if !actual.contains_key(name) {
            problems.push(format!("layers.toml names {name}, which is no crate"));
        }
        for used in &layer.may {
            let below = layers.get(used);
            if layer.pure && below.is_some_and(|below| !below.pure) {
                problems.push(format!("{name} is pure but may depend on {used}, which is not"));
            }
        }
    }
    if problems.is_empty() {
        Ok(format!("{} crates are in order", actual.len()))
    } else {
        Err(problems)
    }
}

fn layers() -> Result<BTreeMap<String, Layer>, String> {
    let text = tree::text("layers.toml".as_ref());
    let table: toml::Table = text.parse().map_err(|error| format!("layers.toml: {error}"))?;
    let mut layers = BTreeMap::new();
    for (name, value) in table {
        let may = value.get("may").and_then(|may| may.as_array());
        let may = may.ok_or_else(|| format!("layers.toml: {name} has no list 'may'"))?;
        let may = may.iter().filter_map(|one| one.as_str()).map(str::to_owned).collect();
        let pure = match value.get("kind").and_then(|kind| kind.as_str()) {
            Some("pure") => true,
            Some("world") => false,
            _ => return Err(format!("layers.toml: {name} is neither pure nor world")),
        };
        layers.insert(name, Layer { may, pure });
    }
    Ok(layers)
}

/// Each crate below crates/ with those of ours that it is built with.
fn dependencies() -> Result<BTreeMap<String, Vec<String>>, String> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let output = Command::new(cargo)
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(tree::root())
        .output()
        .map_err(|error| format!("cargo metadata: {error}"))?;
    if !output.status.success() {
        return Err(format!("cargo metadata: {}", String::from_utf8_lossy(&output.stderr)));
    }
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout)
        .map_err(|error| format!("cargo metadata: {error}"))?;
    let mut crates = BTreeMap::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let manifest = package["manifest_path"].as_str().unwrap_or("");
        if !manifest.contains("/crates/") {
            continue;
        }
        let built = package["dependencies"].as_array().into_iter().flatten();
        let uses = built
            .filter(|dependency| dependency["kind"].as_str() != Some("dev"))
            .filter_map(|dependency| dependency["name"].as_str()?.strip_prefix(PREFIX))
            .map(str::to_owned)
            .collect();
        let name = package["name"].as_str().unwrap_or("");
        let name = name.strip_prefix(PREFIX).unwrap_or(name);
        crates.insert(name.to_owned(), uses);
    }
    Ok(crates)
}

/// What a pure crate must not touch.
const IMPURE: &[&str] = &[
    "std::fs",
    "std::net::Tcp",
    "std::net::Udp",
    "std::os::unix::net",
    "std::thread",
    "std::env::",
    "std::process",
    "Instant::now",
    "SystemTime::now",
    "println!",
    "eprintln!",
];

/// Uses of the world outside tests in a pure crate.
fn impure(name: &str) -> Vec<String> {
    let folder = format!("crates/{name}/src/");
    let mut problems = Vec::new();
    for path in tree::files(&["rs"]) {
        let shown = path.to_string_lossy().into_owned();
        if !shown.starts_with(&folder) || shown.contains("/tests") {
            continue;
        }
        for (number, line) in crate::tidy::without_tests(&tree::text(&path)).lines().enumerate() {
            let code = line.trim_start();
            let used = IMPURE.iter().find(|word| code.contains(*word));
            if let Some(word) = used.filter(|_| !code.starts_with("//")) {
                problems.push(format!("{shown}:{}: {word} in a pure crate", number + 1));
            }
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    #[test]
    fn crates_depend_only_on_what_layers_toml_allows() {
        assert_eq!(super::check().map_err(|problems| problems.join("\n")).err(), None);
    }
}
