//! A result as a Markdown table with aligned columns.

use std::fmt::Write as _;

use crate::figures::Spread;
use crate::scenarios::{Column, Table};

/// Title and table.
pub(super) fn table(table: &Table) -> String {
    let mut lines: Vec<Vec<String>> = vec![vec!["proxy".into()]];
    if let Some(titles) = lines.first_mut() {
        titles.extend(table.columns.iter().map(|column| column.title.to_owned()));
    }
    for row in &table.rows {
        let mut line = vec![row.name.clone()];
        let cells = table.columns.iter().zip(&row.figures);
        line.extend(cells.map(|(column, figure)| cell(*column, *figure)));
        lines.push(line);
    }
    let width = |column: usize| {
        lines.iter().filter_map(|line| line.get(column)).map(|cell| cell.chars().count()).max()
    };
    let widths: Vec<usize> = (0..=table.columns.len()).map_while(width).collect();
    let mut text = format!("## {}: {}\n\n", table.name, table.about);
    for (number, line) in lines.iter().enumerate() {
        text.push('|');
        for (cell, width) in line.iter().zip(&widths) {
            let _ = write!(text, " {cell:>width$} |");
        }
        text.push('\n');
        if number == 0 {
            let rules: Vec<String> = widths.iter().map(|width| "-".repeat(width + 1)).collect();
            let _ = writeln!(text, "|{}:|", rules.join(":|"));
        }
    }
    text
}

fn cell(column: Column, figure: Option<Spread>) -> String {
    let Some(Spread { low, median, high }) = figure else { return "-".into() };
    let digits = column.digits;
    if column.spread {
        format!("{median:.digits$} [{low:.digits$} {high:.digits$}]")
    } else {
        format!("{median:.digits$}")
    }
}

#[cfg(test)]
mod tests {
    use super::table;
    use crate::figures::Spread;
    use crate::scenarios::{Column, Row, Table};

    #[test]
    fn columns_are_aligned() {
        let ratio = Spread { low: 0.68, median: 0.7, high: 0.714 };
        let columns = vec![
            Column { title: "ratio", digits: 2, spread: true },
            Column { title: "us", digits: 1, spread: false },
        ];
        let rows = vec![
            Row { name: "evenkeel 0.1".into(), figures: vec![Some(ratio), Some(ratio)] },
            Row { name: "nginx".into(), figures: vec![None, Some(Spread::default())] },
        ];
        let expected = "\
## ka: small

|        proxy |            ratio |  us |
|-------------:|-----------------:|----:|
| evenkeel 0.1 | 0.70 [0.68 0.71] | 0.7 |
|        nginx |                - | 0.0 |
";
        assert_eq!(table(&Table { name: "ka", about: "small", columns, rows }), expected);
    }
}
