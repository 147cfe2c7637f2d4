//! The description of the JSON interface (OpenAPI 3.1), made from its table of routes.

use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::nouns::Problem;
use super::routes::{ROUTES, Route};
use super::{PREFIX, TOKEN_FIELD};

/// The document.
#[must_use]
pub fn document() -> String {
    let mut settings = SchemaSettings::draft2020_12();
    settings.definitions_path = "/components/schemas".into();
    settings.meta_schema = None;
    let mut generator = settings.into_generator();
    let mut paths = Map::new();
    for route in ROUTES {
        let operation = operation(route, &mut generator);
        let path = paths.entry(format!("{PREFIX}{}", route.path)).or_insert_with(|| json!({}));
        path[route.method.to_lowercase()] = operation;
    }
    let text = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Evenkeel",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "What runs, how it is, and what changed. Reading needs what the \
                            frontend's rules ask for; changing needs the token, too.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "paths": paths,
        "components": {
            "schemas": generator.definitions(),
            "securitySchemes": {
                "bearer": { "type": "http", "scheme": "bearer" },
                "token": { "type": "apiKey", "in": "header", "name": TOKEN_FIELD },
            },
        },
    });
    text.to_string()
}

fn operation(route: &Route, generator: &mut SchemaGenerator) -> Value {
    let in_path = route.path.split('/').filter_map(|part| {
        let name = part.strip_prefix('{')?.strip_suffix('}')?;
        Some(json!({
            "name": name, "in": "path", "required": true, "schema": { "type": "string" },
        }))
    });
    let in_query = route.query.iter().map(|(name, help)| {
        json!({ "name": name, "in": "query", "description": help, "schema": { "type": "string" } })
    });
    let content = |schema: Value| json!({ "application/json": { "schema": schema } });
    let problem = generator.subschema_for::<Problem>().to_value();
    let mut out = json!({
        "summary": route.summary,
        "parameters": in_path.chain(in_query).collect::<Vec<_>>(),
        "responses": {
            "200": {
                "description": "As asked.",
                "content": content((route.answer)(generator).to_value()),
            },
            "default": {
                "description": "What is wrong.",
                "content": { "application/problem+json": { "schema": problem } },
            },
        },
    });
    if let Some(body) = route.body {
        out["requestBody"] =
            json!({ "required": true, "content": content(body(generator).to_value()) });
    }
    if route.method != "GET" {
        out["security"] = json!([{ "bearer": [] }, { "token": [] }]);
    }
    out
}
