//! Files into sections, lines and words: variables, conditional blocks, messages.
pub mod condition;
pub mod env;
pub mod facts;
pub mod lex;
pub mod order;
mod places;
pub mod quote;
pub mod units;

use std::borrow::Cow;

use crate::ast::Ast;
use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::section::SectionKind;
use crate::source::{FileId, Files, SourceFile, Span};
use env::Environment;
use facts::Facts;
use lex::{Token, Variables, split};

/// Deepest nesting of `.if` blocks.
pub const MAX_BLOCKS: usize = 100;

/// Reads all files in order; what cannot be read is reported and left out.
///
/// `setenv` and its kin change `environment` as they are met. As in HAProxy, where the `global`
/// sections are read ahead of everything else, earlier lines see the final values.
pub fn read(files: Files, environment: &mut Environment, facts: &Facts) -> (Ast, Diagnostics) {
    facts.publish(environment);
    let mut ahead = environment.clone();
    let first = Reader::new(files.clone(), &mut ahead, facts).run();
    if ahead == *environment {
        return first;
    }
    *environment = ahead;
    Reader::new(files, environment, facts).run()
}

struct Reader<'a> {
    ast: Ast,
    diagnostics: Diagnostics,
    environment: &'a mut Environment,
    facts: &'a Facts,
    blocks: Vec<Block>,
    /// Name of the current section, or its keyword: `.SECTION`.
    section: String,
}

/// One level of `.if`.
struct Block {
    opened: Span,
    state: BlockState,
    in_else: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum BlockState {
    /// These lines are in force.
    Active,
    /// No branch was taken yet.
    Waiting,
    /// A branch was taken before, or the block around is not in force.
    Done,
}

/// The place a line is at, while its words are cut.
#[derive(Clone, Copy)]
struct Place<'a> {
    file: FileId,
    name: &'a str,
    number: u32,
}

struct Scope<'a> {
    environment: &'a Environment,
    place: Place<'a>,
    section: &'a str,
}

impl Variables for Scope<'_> {
    fn variable(&self, name: &str) -> Option<Cow<'_, str>> {
        match name {
            ".FILE" => Some(Cow::Borrowed(self.place.name)),
            ".LINE" => Some(Cow::Owned(self.place.number.to_string())),
            ".SECTION" => Some(Cow::Borrowed(self.section)),
            _ => self.environment.value(name).map(Cow::Borrowed),
        }
    }
}

impl<'a> Reader<'a> {
    fn new(files: Files, environment: &'a mut Environment, facts: &'a Facts) -> Self {
        Self {
            ast: Ast::new(files),
            diagnostics: Diagnostics::default(),
            environment,
            facts,
            blocks: Vec::new(),
            section: String::new(),
        }
    }

    fn run(mut self) -> (Ast, Diagnostics) {
        let files = self.ast.files().clone();
        for (id, file) in files.iter() {
            self.file(id, file);
        }
        (self.ast, self.diagnostics)
    }

    fn file(&mut self, id: FileId, file: &SourceFile) {
        let mut tokens = Vec::new();
        let count = file.line_count();
        self.ast.close_section();
        self.section.clear();
        for number in 1..=count {
            let line = file.line(number);
            let bom = if number == 1 && line.starts_with('\u{feff}') { 3 } else { 0 };
            let rest = line[bom..].trim_start_matches([' ', '\t']);
            if rest.is_empty() || rest.starts_with('#') {
                continue;
            }
            let place = Place { file: id, name: file.name(), number };
            if self.cut(place, &line[bom..], bom as u32, &mut tokens) {
                self.line(place, line, file.is_utf8(), &mut tokens);
            }
        }
        if let Some(block) = self.blocks.first() {
            let opened = block.opened;
            self.diagnostics.push(
                Diagnostic::new(Severity::Alert, opened, "this '.if' block is never ended")
                    .hint("add '.endif' in the same file"),
            );
            self.blocks.clear();
        }
        self.check_end(id, file);
    }

    fn check_end(&mut self, id: FileId, file: &SourceFile) {
        if !file.text().is_empty() && !file.text().ends_with('\n') {
            let line = file.line_count();
            let column = file.line(line).len() as u32 + 1;
            self.diagnostics.push(
                Diagnostic::new(
                    Severity::Warning,
                    Span { file: id, line, column, len: 0 },
                    "the last line has no newline: the file may have been cut short",
                )
                .hint("end the file with a newline; HAProxy refuses it without"),
            );
        }
    }

    /// Cuts a line; `false` when it cannot be used.
    fn cut(&mut self, place: Place<'_>, line: &str, shift: u32, tokens: &mut Vec<Token>) -> bool {
        let section = &self.section;
        let result = split(line, &Scope { environment: self.environment, place, section }, tokens);
        for token in tokens.iter_mut() {
            token.start += shift;
        }
        let Err(error) = result else { return true };
        let at =
            Span { file: place.file, line: place.number, column: error.at + shift + 1, len: 1 };
        self.diagnostics.push(
            Diagnostic::new(Severity::Alert, at, error.kind.reason()).hint(error.kind.hint()),
        );
        false
    }

    fn line(&mut self, place: Place<'_>, line: &str, utf8: bool, tokens: &mut Vec<Token>) {
        self.end_at_empty(place, line, tokens);
        let Some(first) = tokens.first() else { return };
        let directive = first.expanded.is_none() && line.as_bytes()[first.start as usize] == b'.';
        if !directive && !self.in_force() {
            return;
        }
        places::fill(line, tokens, self.environment);
        let node = self.ast.store(place.file, place.number, tokens);
        let view = self.ast.view(node);
        if !utf8 || line.contains('\0') {
            for word in view.words() {
                let reason = match word.raw() {
                    raw if raw.contains('\0') => "a NUL byte cannot be part of a configuration",
                    raw if raw.contains('\u{fffd}') => "this word is not valid UTF-8",
                    _ => continue,
                };
                let hint = "write bytes beyond ASCII as \\xNN";
                self.diagnostics
                    .push(Diagnostic::new(Severity::Alert, word.span(), reason).hint(hint));
            }
        }
        if directive {
            let words: Vec<(String, Span)> =
                view.words().map(|word| (word.value().to_owned(), word.span())).collect();
            self.directive(&words);
            return;
        }
        match SectionKind::from_keyword(view.keyword()) {
            Some(kind) => {
                self.section = view.word(1).map_or(view.keyword(), |w| w.value()).to_owned();
                self.ast.push_section(kind, node);
            }
            None => self.inside(node),
        }
    }

    fn inside(&mut self, node: crate::ast::LineNode) {
        let view = self.ast.view(node);
        let (keyword, span) = (view.keyword(), view.span());
        let indented = span.column > 1;
        let current = self.ast.current_kind();
        if current == Some(SectionKind::Global) {
            change_environment(self.environment, view);
        }
        let known = |kind| {
            indented || crate::keyword::is_known(kind, keyword) || crate::modernise::is_old(keyword)
        };
        if current.is_some_and(known) {
            self.ast.push_line(node);
            return;
        }
        let sections = SectionKind::ALL.iter().map(|kind| kind.keyword());
        let meant = expr::suggest::did_you_mean(keyword, sections);
        let word = view.word(0).map_or(span, |word| word.span());
        if meant.is_none() && current.is_some() {
            self.ast.push_line(node);
            return;
        }
        let reason = match (meant, indented) {
            (Some(_), _) | (None, false) => format!("unknown section '{keyword}'"),
            (None, true) => format!("'{keyword}' stands outside any section"),
        };
        let finding = Diagnostic::new(Severity::Alert, word, reason).did_you_mean(meant);
        self.diagnostics.push(finding);
        self.section = keyword.to_owned();
        self.ast.push_section(SectionKind::Unknown, node);
    }

    /// An empty word ends the line, as in HAProxy.
    fn end_at_empty(&mut self, place: Place<'_>, line: &str, tokens: &mut Vec<Token>) {
        let empty = |t: &Token| t.expanded.as_ref().is_some_and(|e| ends_early(&e.text));
        let Some(index) = tokens.iter().position(empty) else { return };
        let Some(token) = tokens.get_mut(index) else { return };
        let span =
            Span { file: place.file, line: place.number, column: token.start + 1, len: token.len };
        let text = token.expanded.as_ref().map_or("", |e| &e.text);
        let reason = match text.find('\0') {
            None | Some(0) => "an empty word ends the line: nothing after it counts".to_owned(),
            Some(_) => "\\x00 ends the word and the line: nothing after it counts".to_owned(),
        };
        let kept = text.split('\0').next().unwrap_or("").to_owned();
        let keep = usize::from(!kept.is_empty());
        if keep == 1 {
            token.expanded = Some(lex::Expansion { text: kept.into(), bytes: None });
        }
        tokens.truncate(index + keep);
        if !self.in_force() {
            return;
        }
        let raw = line.get(span.column as usize - 1..).unwrap_or("");
        let unset = raw
            .starts_with("\"$")
            .then_some("the variable is empty or not set; \"${NAME-default}\" gives it a default");
        let finding = Diagnostic::new(Severity::Warning, span, reason);
        self.diagnostics.push(match unset {
            Some(hint) => finding.hint(hint),
            None => finding,
        });
    }

    fn in_force(&self) -> bool {
        self.blocks.iter().all(|block| block.state == BlockState::Active)
    }

    fn directive(&mut self, words: &[(String, Span)]) {
        let Some((name, span)) = words.first().cloned() else { return };
        match name.as_str() {
            ".if" => self.open(words, span),
            ".elif" => self.elif(words, span),
            ".else" => self.otherwise(words, span),
            ".endif" => {
                self.nothing_after(words);
                if self.blocks.pop().is_none() {
                    self.diagnostics.alert(span, "'.endif' without '.if'");
                }
            }
            ".notice" => self.say(Severity::Notice, words),
            ".warning" => self.say(Severity::Warning, words),
            ".alert" => self.say(Severity::Alert, words),
            ".diag" if self.facts.diagnostic_mode => self.say(Severity::Diag, words),
            ".diag" => {}
            _ if self.in_force() => {
                let meant = expr::suggest::did_you_mean(&name, DIRECTIVES.iter().copied());
                let reason = format!("unknown directive '{name}'");
                let finding = Diagnostic::new(Severity::Alert, span, reason);
                self.diagnostics.push(finding.did_you_mean(meant));
            }
            _ => {}
        }
    }

    fn open(&mut self, words: &[(String, Span)], span: Span) {
        if self.blocks.len() >= MAX_BLOCKS {
            let reason = format!("'.if' blocks are nested deeper than {MAX_BLOCKS}");
            self.diagnostics.alert(span, reason);
        }
        let state = if !self.in_force() {
            BlockState::Done
        } else if self.condition(words) {
            BlockState::Active
        } else {
            BlockState::Waiting
        };
        // Counted beyond the bound as well, so that each '.endif' finds its '.if'.
        self.blocks.push(Block { opened: span, state, in_else: false });
    }

    fn elif(&mut self, words: &[(String, Span)], span: Span) {
        let Some(block) = self.blocks.last() else {
            return self.diagnostics.alert(span, "'.elif' without '.if'");
        };
        if block.in_else {
            return self.diagnostics.alert(span, "'.elif' after '.else'");
        }
        let before = block.state;
        let state = match before {
            BlockState::Waiting if self.condition(words) => BlockState::Active,
            BlockState::Waiting => BlockState::Waiting,
            BlockState::Active | BlockState::Done => BlockState::Done,
        };
        if let Some(block) = self.blocks.last_mut() {
            block.state = state;
        }
    }

    fn otherwise(&mut self, words: &[(String, Span)], span: Span) {
        self.nothing_after(words);
        let Some(block) = self.blocks.last_mut() else {
            return self.diagnostics.alert(span, "'.else' without '.if'");
        };
        if block.in_else {
            return self.diagnostics.alert(span, "'.else' after '.else'");
        }
        block.in_else = true;
        block.state = match block.state {
            BlockState::Waiting => BlockState::Active,
            BlockState::Active | BlockState::Done => BlockState::Done,
        };
    }

    fn nothing_after(&mut self, words: &[(String, Span)]) {
        if let [(name, _), (extra, span), ..] = words {
            self.diagnostics.alert(*span, format!("'{name}' takes no argument: '{extra}'"));
        }
    }

    fn say(&mut self, severity: Severity, words: &[(String, Span)]) {
        if !self.in_force() {
            return;
        }
        match words {
            [(name, _), _, (_, span), ..] => {
                let reason = format!("'{name}' takes one argument");
                let finding = Diagnostic::new(Severity::Alert, *span, reason);
                self.diagnostics.push(finding.hint("put the message in quotes"));
            }
            [(_, at), rest @ ..] => {
                let message = rest.first().map_or("", |(text, _)| text);
                self.diagnostics.push(Diagnostic::new(severity, *at, format!("'{message}'")));
            }
            [] => {}
        }
    }

    /// Words are joined by single blanks before they are read as an expression.
    fn condition(&mut self, words: &[(String, Span)]) -> bool {
        let mut expression = String::new();
        let mut starts = Vec::new();
        for (text, span) in words.iter().skip(1) {
            if !expression.is_empty() {
                expression.push(' ');
            }
            starts.push((expression.len(), *span));
            expression.push_str(text);
        }
        let error = match condition::evaluate(&expression, self.environment, self.facts) {
            Ok(value) => return value,
            Err(error) => error,
        };
        let whole = words.first().map(|(_, span)| *span);
        let place = starts.iter().rev().find(|(start, _)| *start <= error.at);
        let span = place.map(|(start, span)| span.part((error.at - start) as u32, span.len));
        let finding = Diagnostic::new(Severity::Alert, span.or(whole), error.reason);
        self.diagnostics.push(finding.did_you_mean(error.suggestion));
        false
    }
}

fn ends_early(text: &str) -> bool {
    text.is_empty() || text.contains('\0')
}

fn change_environment(environment: &mut Environment, line: crate::ast::Line<'_>) {
    let args = || line.words().skip(1).map(|word| word.value());
    match (line.keyword(), line.len()) {
        ("setenv", 3) => environment.set(line.value(1), line.value(2)),
        ("presetenv", 3) => environment.preset(line.value(1), line.value(2)),
        ("unsetenv", _) => args().for_each(|name| environment.unset(name)),
        ("resetenv", _) => environment.reset(args()),
        _ => {}
    }
}

const DIRECTIVES: &[&str] =
    &[".if", ".elif", ".else", ".endif", ".notice", ".warning", ".alert", ".diag"];
