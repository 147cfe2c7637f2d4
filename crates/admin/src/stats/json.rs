//! Statistics as JSON (manual of management 9.3, `show schema json`).

use std::fmt::Write;

use super::info::Fact;
use super::{COLUMNS, Cell, Filter, Row, Tags, modules};

/// Every value of every row that the filter takes: an array for each row.
#[must_use]
pub fn rows(rows: &[Row], filter: &Filter) -> String {
    let mut out = String::with_capacity(8192 * rows.len());
    out.push('[');
    for (nth, row) in rows.iter().filter_map(|r| filter.shown(r)).enumerate() {
        let row = &*row;
        out.push_str(if nth == 0 { "[" } else { ",[" });
        let own = COLUMNS.iter().map(|c| (c.name, c.tags_of(row.kind), (c.cell)(row)));
        let mut first = true;
        for (position, (name, tags, cell)) in own.chain(modules::cells(row)).enumerate() {
            if cell == Cell::Empty {
                continue;
            }
            out.push_str(if first { "{" } else { ",{" });
            first = false;
            let kind = row.kind.map_or("Unknown", super::Kind::word);
            // Writing to a String does not fail.
            let _ = write!(
                out,
                "\"objType\":\"{kind}\",\"proxyId\":{},\"id\":{},",
                row.proxy_id, row.server_id
            );
            field(&mut out, position, name, tags, &cell);
        }
        out.push(']');
    }
    out.push_str("]\n");
    out
}

/// Every figure of the process.
#[must_use]
pub fn facts(facts: &[Fact]) -> String {
    let mut out = "[".to_owned();
    for (nth, fact) in facts.iter().filter(|f| f.cell != Cell::Empty).enumerate() {
        out.push_str(if nth == 0 { "{" } else { ",{" });
        field(&mut out, fact.position, fact.name, fact.tags, &fact.cell);
    }
    out.push_str("]\n");
    out
}

/// The rest of an object, from its field to its end.
fn field(out: &mut String, position: usize, name: &str, tags: Tags, cell: &Cell) {
    let [origin, nature, scope] = tags.words();
    let value = match cell {
        Cell::Text(text) => quoted(text),
        other => other.to_string(),
    };
    let _ = write!(
        out,
        "\"field\":{{\"pos\":{position},\"name\":\"{name}\"}},\"processNum\":1,\
         \"tags\":{{\"origin\":\"{origin}\",\"nature\":\"{nature}\",\"scope\":\"{scope}\"}},\
         \"value\":{{\"type\":\"{}\",\"value\":{value}}}}}",
        cell.kind()
    );
}

/// A JSON string (RFC 8259, 7).
#[must_use]
pub fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if u32::from(c) < 0x20 => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            // So that it may stand inside a script element.
            '<' => out.push_str("\\u003c"),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// The schema of the outputs above, as draft 4 of JSON Schema.
#[must_use]
pub fn schema() -> String {
    let number = |name: &str, low: &str, high: &str| {
        format!(
            "{{\"properties\":{{\"type\":{{\"type\":\"string\",\"enum\":[\"{name}\"]}},\
             \"value\":{{\"type\":\"integer\",\"minimum\":{low},\"maximum\":{high}}}}},\
             \"required\":[\"type\",\"value\"]}}"
        )
    };
    let values = [
        number("s32", "-2147483648", "2147483647"),
        number("u32", "0", "4294967295"),
        number("u64", "0", "9007199254740991"),
        "{\"properties\":{\"type\":{\"type\":\"string\",\"enum\":[\"str\"]},\
         \"value\":{\"type\":\"string\"}},\"required\":[\"type\",\"value\"]}"
            .to_owned(),
    ]
    .join(",");
    let common = "\"field\":{\"$ref\":\"#/definitions/field\"},\
                  \"processNum\":{\"type\":\"integer\",\"minimum\":1},\
                  \"tags\":{\"$ref\":\"#/definitions/tags\"},\
                  \"value\":{\"$ref\":\"#/definitions/value\"}";
    let word = "{\"type\":\"string\"}";
    format!(
        "{{\"$schema\":\"http://json-schema.org/draft-04/schema#\",\"oneOf\":[\
         {{\"title\":\"Info\",\"type\":\"array\",\"items\":{{\"type\":\"object\",\
         \"properties\":{{{common}}},\
         \"required\":[\"field\",\"processNum\",\"tags\",\"value\"]}}}},\
         {{\"title\":\"Stat\",\"type\":\"array\",\"items\":{{\"type\":\"array\",\
         \"items\":{{\"type\":\"object\",\"properties\":{{\
         \"objType\":{{\"enum\":[\"Frontend\",\"Backend\",\"Listener\",\"Server\"]}},\
         \"proxyId\":{{\"type\":\"integer\",\"minimum\":0}},\
         \"id\":{{\"type\":\"integer\",\"minimum\":0}},{common}}},\
         \"required\":[\"objType\",\"proxyId\",\"id\",\"field\",\"processNum\",\"tags\",\
         \"value\"]}}}}}}],\
         \"definitions\":{{\"field\":{{\"type\":\"object\",\"properties\":{{\
         \"pos\":{{\"type\":\"integer\",\"minimum\":0}},\"name\":{word}}},\
         \"required\":[\"pos\",\"name\"]}},\"tags\":{{\"type\":\"object\",\"properties\":{{\
         \"origin\":{word},\"nature\":{word},\"scope\":{word}}},\
         \"required\":[\"origin\",\"nature\",\"scope\"]}},\
         \"value\":{{\"oneOf\":[{values}]}}}}}}\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_stays_inside_its_string() {
        assert_eq!(quoted("a\"b\\c\n</script>\u{1}"), r#""a\"b\\c\n\u003c/script>\u0001""#);
    }

    #[test]
    fn a_row_is_an_array_of_fields() {
        let row = Row {
            proxy: "p".to_owned(),
            kind: Some(crate::stats::Kind::Frontend),
            ..Row::default()
        };
        let text = rows(&[row], &Filter::default());
        assert!(
            text.starts_with(
                "[[{\"objType\":\"Frontend\",\"proxyId\":0,\"id\":0,\"field\":{\"pos\":0,\
                 \"name\":\"pxname\"},\"processNum\":1,\"tags\":{\"origin\":\"Key\",\
                 \"nature\":\"Name\",\"scope\":\"Service\"},\"value\":{\"type\":\"str\",\
                 \"value\":\"p\"}}"
            ),
            "{text}"
        );
        assert!(text.ends_with("}]]\n"));
    }
}
