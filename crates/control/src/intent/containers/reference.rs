//! The tables of the documentation, made from those in the code.

use super::variables::Row;
use super::{balancer, import, labels, variables};

/// The labels.
#[must_use]
pub fn labels() -> String {
    let rows = labels::KEYS.iter().map(|key| {
        let whole = if key.whole { "container" } else { "route" };
        format!("| `{}` | {whole} | {} | {} |\n", key.name, cell(key.grammar), cell(key.effect))
    });
    "| key | of | value | effect |\n|---|---|---|---|\n".to_owned() + &rows.collect::<String>()
}

/// The variables of the balancer.
#[must_use]
pub fn balancer() -> String {
    table(balancer::VARIABLES)
}

/// The variables of application containers.
#[must_use]
pub fn containers() -> String {
    table(variables::VARIABLES)
}

/// The labels of Traefik that are read on request.
#[must_use]
pub fn traefik() -> String {
    table(import::TRAEFIK)
}

/// The variables of nginx-proxy that are read on request.
#[must_use]
pub fn nginx_proxy() -> String {
    table(import::NGINX_PROXY)
}

fn table(rows: &[Row]) -> String {
    let line = |(name, grammar, effect): &Row| {
        let more = if name.ends_with('_') { "..." } else { "" };
        format!("| `{name}{more}` | {} | {} |\n", cell(grammar), cell(effect))
    };
    "| name | value | effect |\n|---|---|---|\n".to_owned()
        + &rows.iter().map(line).collect::<String>()
}

/// A bar would end the cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pages hold what the code says; on a difference the table to paste is shown.
    #[test]
    fn the_pages_hold_the_tables() {
        let labels_page = include_str!("../../../../../docs/labels.md");
        let containers_page = include_str!("../../../../../docs/containers.md");
        for (page, table) in [
            (labels_page, labels()),
            (containers_page, balancer()),
            (containers_page, containers()),
            (containers_page, traefik()),
            (containers_page, nginx_proxy()),
        ] {
            assert!(page.contains(&table), "put this into the page:\n{table}");
        }
    }
}
