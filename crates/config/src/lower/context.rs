//! What lowering shares: texts, files, names, findings, and compiled formats.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;

use expr::{Acls, Condition, Expr, LogFormat, ParseContext, ParseError, Place};
use model::{Name, Origin};

use super::args::{Args, Outcome, alert};
use crate::ast::{Ast, Word};
use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::source::{Sources, Span};

/// The state of one lowering.
pub(crate) struct Lowering<'a> {
    /// What is lowered.
    pub ast: &'a Ast,
    /// Everything found so far.
    pub diagnostics: Diagnostics,
    world: World<'a>,
    names: HashSet<Name>,
    formats: HashMap<(&'a str, Place), LogFormat>,
    /// `http-errors` sections.
    pub http_errors: HashMap<Name, Arc<model::ErrorPages>>,
    /// `unix-bind`.
    pub unix_bind: UnixBind,
    /// `default-path`: what is put before relative file names.
    default_path: DefaultPath,
    /// Names that must exist in the end, with where they are asked for.
    pub references: Vec<Asked>,
    /// The proxy that is being read.
    pub section: Option<Name>,
    /// How many `log` lines `global` has.
    pub global_log_targets: usize,
    /// Every `guid`, whose it is and where it stands.
    pub guids: HashMap<Name, (String, Span)>,
    /// Backends and the state files that they load.
    pub state_loads: Vec<super::state::StateLoad>,
    /// `resolvers` sections that rules ask: proxy, section, place.
    pub resolvers_asked: Vec<(Name, Name, Span)>,
    /// `dns-accept-family`.
    pub dns_families: model::Families,
}

/// `unix-bind` of `global`.
#[derive(Clone, Debug, Default)]
pub(crate) struct UnixBind {
    /// Put before every path to listen on.
    pub prefix: String,
    /// Owner and mode unless a line says otherwise.
    pub permissions: model::UnixPermissions,
}

/// `default-path` of `global` (manual 3.1).
#[derive(Clone, Debug)]
enum DefaultPath {
    Current,
    Config,
    Parent,
    Origin(String),
}

/// A name that an expression asks for.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// What.
    pub reference: expr::Reference,
    /// Where.
    pub span: Span,
    /// The proxy that it stands in.
    pub section: Option<Name>,
}

/// Files and names of the world outside, each asked for once.
struct World<'a> {
    sources: &'a dyn Sources,
    files: std::cell::RefCell<Files>,
    patterns: expr::Registry,
}

#[derive(Default)]
struct Files {
    content: HashMap<String, Result<Arc<[u8]>, String>>,
    order: Vec<String>,
}

impl World<'_> {
    fn read(&self, path: &str) -> Result<Arc<[u8]>, String> {
        if let Some(known) = self.files.borrow().content.get(path) {
            return known.clone();
        }
        let content = self.sources.read(path);
        let mut files = self.files.borrow_mut();
        files.order.push(path.to_owned());
        files.content.insert(path.to_owned(), content.clone());
        content
    }
}

impl expr::Sources for World<'_> {
    fn file(&self, name: &str) -> Result<Arc<[u8]>, String> {
        self.read(name)
    }
    fn env(&self, name: &str) -> Option<String> {
        self.sources.variable(name)
    }
    fn resolve(&self, host: &str) -> Option<IpAddr> {
        self.sources.resolve(host)
    }
    fn registry(&self) -> Option<&expr::Registry> {
        Some(&self.patterns)
    }
}

impl<'a> Lowering<'a> {
    /// Nothing lowered yet.
    pub(crate) fn new(ast: &'a Ast, sources: &'a dyn Sources) -> Self {
        Self {
            ast,
            diagnostics: Diagnostics::default(),
            world: World {
                sources,
                files: std::cell::RefCell::default(),
                patterns: expr::Registry::new(sources.patterns().unwrap_or_default())
                    .going_on(sources.running_patterns()),
            },
            names: HashSet::new(),
            formats: HashMap::new(),
            references: Vec::new(),
            section: None,
            global_log_targets: 0,
            guids: HashMap::new(),
            state_loads: Vec::new(),
            resolvers_asked: Vec::new(),
            dns_families: model::Families::default(),
            http_errors: HashMap::new(),
            unix_bind: UnixBind::default(),
            default_path: DefaultPath::Current,
        }
    }

    /// The path of a unix socket to listen on, behind `unix-bind prefix`.
    pub(crate) fn unix_path(&self, path: &str) -> std::path::PathBuf {
        format!("{}{path}", self.unix_bind.prefix).into()
    }

    /// `default-path MODE`.
    pub(crate) fn set_default_path(&mut self, mode: &str, origin: &str) {
        self.default_path = match mode {
            "config" => DefaultPath::Config,
            "parent" => DefaultPath::Parent,
            "origin" => DefaultPath::Origin(origin.to_owned()),
            _ => DefaultPath::Current,
        };
    }

    /// A built-in format.
    pub(crate) fn built_in_format(&mut self, text: &'static str) -> LogFormat {
        let key = (text, Place::LOG);
        if let Some(known) = self.formats.get(&key) {
            return known.clone();
        }
        let acls = Acls::new();
        let context = ParseContext::new(Place::LOG, &acls, &self.world);
        let format = LogFormat::parse(text, &context)
            .unwrap_or_else(|_| LogFormat::literal(text.as_bytes()));
        self.formats.insert(key, format.clone());
        format
    }

    /// A shared name; the same text gives the same allocation.
    pub(crate) fn name(&mut self, text: &str) -> Name {
        if let Some(known) = self.names.get(text) {
            return known.clone();
        }
        let name: Name = text.into();
        self.names.insert(name.clone());
        name
    }

    /// The origin that a span stands for.
    pub(crate) fn origin(&self, span: Span) -> Origin {
        match self.ast.files().file(span.file) {
            Some(file) => {
                Origin::File { file: file.name().clone(), line: span.line, column: span.column }
            }
            None => Origin::BuiltIn,
        }
    }

    /// `file:line` of a span, for messages that name another place.
    pub(crate) fn place(&self, span: Span) -> String {
        format!("{}:{}", self.ast.files().name(span.file), span.line)
    }

    /// A warning.
    pub(crate) fn warn(&mut self, span: Span, reason: impl Into<String>) {
        self.diagnostics.push(Diagnostic::new(Severity::Warning, span, reason));
    }

    /// Notes a line's failure.
    pub(crate) fn note(&mut self, outcome: Outcome) {
        if let Err(found) = outcome {
            self.diagnostics.push(*found);
        }
    }

    /// The content of the file that a word names.
    pub(crate) fn file(&mut self, word: Word<'_>) -> Outcome<Arc<[u8]>> {
        let path = self.resolve_path(word.value(), word.span());
        self.world.read(&path).map_err(|why| alert(word.span(), format!("'{path}': {why}")))
    }

    /// The content of a file of the system; it is watched as all others.
    pub(crate) fn system_file(&mut self, path: &str) -> Result<Arc<[u8]>, String> {
        self.world.read(path)
    }

    fn resolve_path(&self, path: &str, span: Span) -> String {
        if path.starts_with('/') {
            return path.to_owned();
        }
        let config = self.ast.files().name(span.file);
        let directory = config.rsplit_once('/').map_or("", |(directory, _)| directory);
        let base = match &self.default_path {
            DefaultPath::Current => return path.to_owned(),
            DefaultPath::Config => directory.to_owned(),
            DefaultPath::Parent => format!("{directory}/.."),
            DefaultPath::Origin(origin) => origin.clone(),
        };
        match base.as_str() {
            "" => path.to_owned(),
            base => format!("{base}/{path}"),
        }
    }

    /// Every file that was asked for, in order.
    pub(crate) fn files_read(&self) -> Vec<Name> {
        self.world.files.borrow().order.iter().map(|path| path.as_str().into()).collect()
    }

    /// A section begins.
    pub(crate) fn begin_section(&mut self, name: Option<Name>) {
        self.section = name;
        self.world.patterns.section();
    }

    /// The list of patterns that an action changes.
    pub(crate) fn pattern_file(&self, name: &str) -> expr::PatternFile {
        self.world.patterns.action(name)
    }

    /// The lists of patterns that were found, numbered.
    pub(crate) fn take_patterns(&mut self) -> Vec<expr::PatternList> {
        std::mem::take(&mut self.world.patterns).finish()
    }

    /// Expressions that are read now stand at this place.
    pub(crate) fn at(&self, span: Span) {
        if let Some(file) = self.ast.files().file(span.file) {
            self.world.patterns.at(file.name(), span.line);
        }
    }

    /// The address of a host name that must be known at once (binds, logs, sources).
    pub(crate) fn resolve(&self, host: &str) -> Option<IpAddr> {
        expr::Sources::resolve(&self.world, host)
    }

    /// A log format, compiled once for each text and place.
    pub(crate) fn log_format(
        &mut self,
        word: Word<'a>,
        place: Place,
        acls: &Acls,
    ) -> Outcome<LogFormat> {
        let key = (word.value(), place);
        if let Some(known) = self.formats.get(&key) {
            return Ok(known.clone());
        }
        self.at(word.span());
        let context = ParseContext::new(place, acls, &self.world);
        let format = LogFormat::parse(word.value(), &context)
            .map_err(|error| expression_alert(&error, &[word]))?;
        for reference in format.references() {
            let section = self.section.clone();
            self.references.push(Asked {
                reference: reference.clone(),
                span: word.span(),
                section,
            });
        }
        self.formats.insert(key, format.clone());
        Ok(format)
    }

    /// A sample expression: the next word and the converters in words of their own behind it.
    pub(crate) fn expr(&mut self, args: &mut Args<'a>, place: Place, acls: &Acls) -> Outcome<Expr> {
        if args.is_done() {
            let what = format!("'{}' expects a sample expression", args.keyword());
            return Err(alert(args.span(), what));
        }
        let words: Vec<Word<'a>> = args.rest().collect();
        let texts: Vec<&str> = words.iter().map(|word| word.value()).collect();
        self.at(args.span());
        let context = ParseContext::new(place, acls, &self.world);
        let (expr, used) = Expr::parse_words(&texts, &context)
            .map_err(|error| expression_alert(&error, &words))?;
        self.refer(expr.references(), args.span());
        args.skip(used);
        Ok(expr)
    }

    /// `if ...` or `unless ...` up to the end of the line; nothing means always.
    pub(crate) fn condition(
        &mut self,
        args: &mut Args<'a>,
        place: Place,
        acls: &Acls,
    ) -> Outcome<Option<Condition>> {
        if args.is_done() {
            return Ok(None);
        }
        let words: Vec<Word<'a>> = args.rest().collect();
        let texts: Vec<&str> = words.iter().map(|word| word.value()).collect();
        if !matches!(texts.first(), Some(&("if" | "unless"))) {
            return args.end().map(|()| None);
        }
        self.at(args.span());
        // What a test needs is compared below: one that can never match only draws a warning.
        let context = ParseContext::new(Place::ANYWHERE, acls, &self.world);
        let condition =
            Condition::parse(&texts, &context).map_err(|error| expression_alert(&error, &words))?;
        for test in condition.useless_at(place) {
            let reason = format!(
                "'{}' never matches here: {} does not have {}",
                test.source(),
                place.describe(),
                test.criterion().need().describe(),
            );
            let span = args.rest_span();
            self.diagnostics.push(Diagnostic::new(Severity::Warning, span, reason));
        }
        let span = args.span();
        for reference in condition.references() {
            let section = self.section.clone();
            self.references.push(Asked { reference: reference.clone(), span, section });
        }
        args.skip(words.len());
        Ok(Some(condition))
    }

    /// Adds an `acl` line; the words are those behind the keyword.
    pub(crate) fn acl_line(&mut self, acls: &mut Acls, words: &[Word<'a>]) -> Outcome {
        let texts: Vec<&str> = words.iter().map(|word| word.value()).collect();
        if let Some(word) = words.first() {
            self.at(word.span());
        }
        let none = Acls::new();
        let context = ParseContext::new(Place::ANYWHERE, &none, &self.world);
        acls.add_line(&texts, &context).map_err(|error| expression_alert(&error, words))
    }

    /// The place for parsing that needs a context of its own.
    pub(crate) fn parse_context<'c>(&'c self, place: Place, acls: &'c Acls) -> ParseContext<'c> {
        ParseContext::new(place, acls, &self.world)
    }

    fn refer(&mut self, references: &[expr::Reference], span: Span) {
        let section = &self.section;
        let asked =
            |r: &expr::Reference| Asked { reference: r.clone(), span, section: section.clone() };
        self.references.extend(references.iter().map(asked));
    }
}

/// What is wrong with an expression, at the place within the word.
pub(crate) fn expression_alert(error: &ParseError, words: &[Word<'_>]) -> Box<Diagnostic> {
    let word = words.get(error.word).or_else(|| words.last());
    let span = word.map(|word| {
        let rest = word.value().len().saturating_sub(error.offset);
        word.span_of(error.offset, rest)
    });
    let found = Diagnostic::new(Severity::Alert, span, error.message.clone());
    Box::new(found.did_you_mean(error.suggestion.as_deref()))
}
