//! `evenkeel top`: services of the running process in a terminal, replicas that come and go, rates,
//! errors, queues and the last changes. It asks the control socket and is no part of the data path.

mod board;
mod screen;

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use admin::client::ask;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};

use crate::args::TopArgs;
use crate::load::plain_reason;
use crate::remote;
use crate::say::Voice;
use board::Board;
use screen::View;

/// Longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Size of a frame where there is no terminal.
const USUAL: (u16, u16) = (80, 24);
/// Changes asked for; the screen has room for three.
const CHANGES: usize = 3;

/// Shows it until somebody presses `q`.
pub fn main(args: &TopArgs) -> ExitCode {
    let path = match remote::find(args.control.control.as_deref()) {
        Ok(path) => path,
        Err(text) => {
            Voice::Native.alert(text);
            return ExitCode::FAILURE;
        }
    };
    let begun = Instant::now();
    let mut board = Board::default();
    if let Err(e) = look(&path, &mut board, begun.elapsed()) {
        Voice::Native.alert(format!("{}: {}", path.display(), plain_reason(&e)));
        return ExitCode::FAILURE;
    }
    if args.once {
        print!("{}", text(&board, View::default(), USUAL));
        return ExitCode::SUCCESS;
    }
    let shown = match ratatui::try_init() {
        Ok(mut terminal) => watch(&mut terminal, &path, &mut board, args.every, begun),
        Err(e) => Err(e),
    };
    ratatui::restore();
    match shown {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            Voice::Native.alert(format!("the terminal cannot be used ({e}); try --once"));
            ExitCode::FAILURE
        }
    }
}

/// Asks the process how things are.
fn look(path: &Path, board: &mut Board, now: Duration) -> std::io::Result<()> {
    let info = ask(path, "show info", PATIENCE)?;
    let stat = ask(path, "show stat", PATIENCE)?;
    let status = ask(path, "show status", PATIENCE)?;
    let changes = ask(path, &format!("show history {CHANGES}"), PATIENCE)?;
    board.take(now, &info, &stat);
    let mut words = status.split_whitespace().skip_while(|word| *word != "generation");
    board.generation = words.nth(1).unwrap_or("-").to_owned();
    board.changes =
        changes.lines().filter(|line| line.starts_with('#')).map(str::to_owned).collect();
    Ok(())
}

fn watch(
    terminal: &mut ratatui::DefaultTerminal,
    path: &Path,
    board: &mut Board,
    every: Duration,
    begun: Instant,
) -> std::io::Result<()> {
    let mut view = View::default();
    let mut next = Instant::now() + every;
    loop {
        let room = screen::room(terminal.size()?.height);
        let most = board.lines(view.order).len().saturating_sub(room);
        view.above = view.above.min(most);
        terminal.draw(|frame| screen::draw(frame, board, view))?;
        if !event::poll(next.saturating_duration_since(Instant::now()))? {
            if let Err(e) = look(path, board, begun.elapsed()) {
                board.trouble = Some(format!("no answer: {}", plain_reason(&e)));
            }
            next = Instant::now() + every;
            continue;
        }
        let Event::Key(key) = event::read()? else { continue };
        if key.kind == KeyEventKind::Release {
            continue;
        }
        match key.code {
            KeyCode::Char('q') | KeyCode::Esc => return Ok(()),
            KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => return Ok(()),
            KeyCode::Up | KeyCode::Char('k') => view.above = view.above.saturating_sub(1),
            KeyCode::Down | KeyCode::Char('j') => view.above += 1,
            KeyCode::PageUp => view.above = view.above.saturating_sub(room),
            KeyCode::PageDown => view.above += room,
            KeyCode::Home => view.above = 0,
            KeyCode::End => view.above = most,
            KeyCode::Right | KeyCode::Char('s') => view.order = view.order.step(1),
            KeyCode::Left => view.order = view.order.step(-1),
            _ => {}
        }
    }
}

/// A frame as text, without colours.
fn text(board: &Board, view: View, (width, height): (u16, u16)) -> String {
    let Ok(mut terminal) = Terminal::new(TestBackend::new(width, height));
    let Ok(_) = terminal.draw(|frame| screen::draw(frame, board, view));
    let buffer = terminal.backend().buffer();
    let cells: Vec<&str> = buffer.content().iter().map(ratatui::buffer::Cell::symbol).collect();
    let lines = cells.chunks(usize::from(width.max(1)));
    lines.map(|line| line.concat().trim_end().to_owned() + "\n").collect()
}
