//! One frame of `evenkeel top`: the process, services with their replicas, the last changes.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line as Text, Span};
use ratatui::widgets::{Cell, Paragraph, Row, Table};

use super::board::{Board, Kind, Line, Order};

/// Lines for the last changes.
const CHANGES: u16 = 4;

/// How it is looked at.
#[derive(Clone, Copy, Debug, Default)]
pub struct View {
    /// Order of services and of replicas.
    pub order: Order,
    /// Lines above the first that is seen.
    pub above: usize,
}

/// Draws it.
pub fn draw(frame: &mut Frame<'_>, board: &Board, view: View) {
    let parts = [
        Constraint::Length(2),
        Constraint::Min(3),
        Constraint::Length(CHANGES),
        Constraint::Length(1),
    ];
    let [head, body, changes, foot] = Layout::vertical(parts).areas(frame.area());
    frame.render_widget(Paragraph::new(header(board)), head);
    table(frame, body, board, view);
    frame.render_widget(Paragraph::new(last_changes(board)), changes);
    let keys = format!(
        "q quit   up/down scroll   left/right order: {}   {}",
        view.order.name(),
        board.trouble.as_deref().unwrap_or_default()
    );
    let style = match board.trouble {
        Some(_) => Style::new().fg(Color::Red),
        None => Style::new().add_modifier(Modifier::DIM),
    };
    frame.render_widget(Paragraph::new(Span::styled(keys, style)), foot);
}

/// Lines of the table that fit a screen of this height.
pub fn room(height: u16) -> usize {
    usize::from(height.saturating_sub(2 + CHANGES + 1 + 1))
}

fn header(board: &Board) -> Vec<Text<'static>> {
    let of = |name: &str| board.info.get(name).cloned().unwrap_or_else(|| "-".to_owned());
    let bold = Style::new().add_modifier(Modifier::BOLD);
    let first = vec![
        Span::styled("evenkeel", bold),
        Span::raw(format!(
            "  {}  process {}  up {}  generation {}",
            of("node"),
            of("Pid"),
            span(of("Uptime_sec").parse().ok()),
            board.generation
        )),
    ];
    let second = format!(
        "connections {} of {}  new/s {}  requests {}  idle {} %",
        of("CurrConns"),
        of("Maxconn"),
        of("ConnRate"),
        of("CumReq"),
        of("Idle_pct")
    );
    vec![Text::from(first), Text::from(second)]
}

fn table(frame: &mut Frame<'_>, area: Rect, board: &Board, view: View) {
    let lines = board.lines(view.order);
    let rows = lines.iter().skip(view.above).map(|line| row(line));
    let widths = [
        Constraint::Min(20),
        Constraint::Length(14),
        Constraint::Length(6),
        Constraint::Length(6),
        Constraint::Length(6),
        Constraint::Length(11),
        Constraint::Length(8),
        Constraint::Length(6),
    ];
    let name = |text: &'static str, order| match view.order == order {
        true => Cell::from(text).style(Style::new().add_modifier(Modifier::UNDERLINED)),
        false => Cell::from(text),
    };
    let head = Row::new([
        name("NAME", Order::Configured),
        Cell::from("STATE"),
        name("  SESS", Order::Sessions),
        name(" QUEUE", Order::Queue),
        name(" REQ/S", Order::Rate),
        name("     ERRORS", Order::Errors),
        Cell::from("   OUT/S"),
        Cell::from(" SINCE"),
    ]);
    let head = head.style(Style::new().add_modifier(Modifier::BOLD));
    frame.render_widget(Table::new(rows, widths).header(head).column_spacing(0), area);
}

fn row(line: &Line) -> Row<'static> {
    let mark = match (line.came, line.went) {
        (true, _) => "+ ",
        (_, true) => "- ",
        _ => "  ",
    };
    let name = match line.kind {
        Kind::Frontend => format!("{} frontend", plain(&line.name)),
        Kind::Service => plain(&line.name),
        Kind::Replica => format!("{mark}{}", plain(&line.name)),
    };
    let status = if line.went { "gone".to_owned() } else { plain(&line.status) };
    let colour = match line.status.split(' ').next() {
        _ if line.went => Style::new().add_modifier(Modifier::DIM),
        Some("UP" | "OPEN") => Style::new().fg(Color::Green),
        Some("DOWN" | "STOP") => Style::new().fg(Color::Red),
        Some("MAINT" | "DRAIN" | "NOLB") => Style::new().fg(Color::Yellow),
        _ => Style::new(),
    };
    let errors = match line.new_errors {
        0 => Cell::from(format!("{:>11}", line.errors)),
        new => Cell::from(format!("{:>11}", format!("{} +{new}", line.errors)))
            .style(Style::new().fg(Color::Red)),
    };
    let style = match (line.kind, line.came) {
        (Kind::Replica, true) => Style::new().fg(Color::Green),
        (Kind::Replica, false) => Style::new(),
        _ => Style::new().add_modifier(Modifier::BOLD),
    };
    Row::new([
        Cell::from(name).style(style),
        Cell::from(status).style(colour),
        Cell::from(format!("{:>6}", short(line.sessions))),
        Cell::from(format!("{:>6}", short(line.queue))),
        Cell::from(format!("{:>6}", short(line.rate))),
        errors,
        Cell::from(format!("{:>8}", short(line.out_rate))),
        Cell::from(format!("{:>6}", line.since_s.map_or(String::new(), |s| span(Some(s))))),
    ])
}

fn last_changes(board: &Board) -> Vec<Text<'static>> {
    let bold = Style::new().add_modifier(Modifier::BOLD);
    let mut out = vec![Text::from(Span::styled("Last changes", bold))];
    let seen = usize::from(CHANGES) - 1;
    let skip = board.changes.len().saturating_sub(seen);
    out.extend(board.changes.iter().skip(skip).map(|line| Text::from(plain(line))));
    out
}

/// Nothing that a terminal would take for an order.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

/// A time in at most five characters.
fn span(seconds: Option<u64>) -> String {
    match seconds {
        None => "-".to_owned(),
        Some(s) if s < 60 => format!("{s}s"),
        Some(s) if s < 3600 => format!("{}m", s / 60),
        Some(s) if s < 86_400 => format!("{}h", s / 3600),
        Some(s) => format!("{}d", s / 86_400),
    }
}

/// A number in at most five characters.
fn short(n: u64) -> String {
    match n {
        0..10_000 => n.to_string(),
        10_000..1_000_000 => format!("{}k", n / 1000),
        1_000_000..1_000_000_000 => format!("{}M", n / 1_000_000),
        _ => format!("{}G", n / 1_000_000_000),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::{board, text};
    use super::*;

    #[test]
    fn everything_fits_a_small_terminal() {
        let mut board = Board::default();
        let many: Vec<(String, u64, u64)> = (0..40).map(|n| (format!("api-{n}"), n, 0)).collect();
        let many: Vec<(&str, u64, u64)> = many.iter().map(|(n, r, e)| (&**n, *r, *e)).collect();
        board.take(
            Duration::ZERO,
            "Version: 1\nnode: n1\nUptime_sec: 90\n",
            &board::tests::stat(&many),
        );
        board.changes = (1..9).map(|n| format!("#{n} \u{1b}[31mstart")).collect();
        let frame = text(&board, View::default(), (80, 24));
        let lines: Vec<&str> = frame.lines().collect();
        assert_eq!(lines.len(), 24);
        assert!(lines.iter().all(|l| l.chars().count() <= 80), "{frame}");
        assert!(lines[0].starts_with("evenkeel  n1  process -  up 1m"), "{frame}");
        assert!(lines[2].starts_with("NAME") && lines[2].ends_with("SINCE"), "{frame}");
        assert!(lines[3].starts_with("web") && lines[3].contains("OPEN"), "{frame}");
        assert!(lines[5].starts_with("  api-0 "), "{frame}");
        assert!(frame.contains("#8 ?[31mstart") && !frame.contains("#5"), "{frame}");
        assert!(lines[23].starts_with("q quit"), "{frame}");
        let view = View { order: Order::Rate, above: 30 };
        let below = text(&board, view, (80, 24));
        assert!(below.contains("api-0 ") && !below.contains("api-39"), "{below}");
        assert_eq!(room(24), 16);
    }
}
