//! A run as JSON: every column with median and quartiles, for scripts that compare runs.

use super::Run;
use crate::figures::Spread;
use crate::scenarios::Table;

/// The whole run.
pub(super) fn run(run: &Run<'_>) -> String {
    let machine = object(&[
        ("date", string(&run.machine.date)),
        ("cpu", string(&run.machine.cpu)),
        ("cores", run.machine.cores.to_string()),
        ("kernel", string(&run.machine.kernel)),
    ]);
    let tables: Vec<String> = run.tables.iter().map(table).collect();
    let fields = [
        ("machine", machine),
        ("rounds", run.bench.rounds.to_string()),
        ("slice_ms", run.bench.slice.as_millis().to_string()),
        ("reference", string(run.reference())),
        ("scenarios", format!("[\n{}\n]", tables.join(",\n"))),
    ];
    object(&fields) + "\n"
}

fn table(table: &Table) -> String {
    let row = |row: &crate::scenarios::Row| {
        let figures = table.columns.iter().zip(&row.figures);
        let figures: Vec<(&str, String)> =
            figures.map(|(column, figure)| (column.title, spread(*figure))).collect();
        object(&[("proxy", string(&row.name)), ("figures", object(&figures))])
    };
    let rows: Vec<String> = table.rows.iter().map(row).collect();
    object(&[
        ("name", string(table.name)),
        ("about", string(table.about)),
        ("proxies", format!("[\n  {}\n]", rows.join(",\n  "))),
    ])
}

fn spread(figure: Option<Spread>) -> String {
    let Some(Spread { low, median, high }) = figure else { return "null".into() };
    object(&[("median", number(median)), ("low", number(low)), ("high", number(high))])
}

/// JSON has no infinities; a figure that is none is null.
fn number(value: f64) -> String {
    if value.is_finite() { format!("{value:.4}") } else { "null".into() }
}

fn object(fields: &[(&str, String)]) -> String {
    let fields: Vec<String> =
        fields.iter().map(|(name, value)| format!("{}: {value}", string(name))).collect();
    format!("{{{}}}", fields.join(", "))
}

fn string(text: &str) -> String {
    let mut quoted = String::from('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            c if c.is_control() => quoted.push_str(&format!("\\u{:04x}", c as u32)),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::{number, object, string};

    #[test]
    fn what_json_forbids_is_escaped() {
        assert_eq!(string("a\"b\\c\n"), r#""a\"b\\c\u000a""#);
        assert_eq!(number(f64::NAN), "null");
        assert_eq!(object(&[("a", number(1.0))]), r#"{"a": 1.0000}"#);
    }
}
