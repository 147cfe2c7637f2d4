//! haproxy.cfg text to a lossless AST with spans to the model, through one keyword table.
#![forbid(unsafe_code)]

pub mod ast;
pub mod diagnostic;
pub mod keyword;
mod keywords;
pub mod lower;
mod modernise;
pub mod render;
pub mod section;
pub mod sheet;
pub mod source;
pub mod text;
mod validate;

pub use ast::{Ast, Line, Section, Word};
pub use diagnostic::{Diagnostic, Diagnostics, Severity};
pub use expr::suggest;
pub use lower::{Lowered, ProcessFacts, StateFile};
pub use section::SectionKind;
pub use sheet::{Sheet, SheetLine};
pub use source::{FileId, Files, SourceFile, Sources, Span};
pub use text::env::Environment;
pub use text::facts::{ABSENT_FEATURES, Facts};

/// Reads the files in order into a tree, and says all that can be said without the model.
///
/// `environment` is changed by `setenv` and its kin. The tree holds what could be read, also when
/// there are alerts.
pub fn parse(files: Files, environment: &mut Environment, facts: &Facts) -> (Ast, Diagnostics) {
    let (mut ast, mut diagnostics) = text::read(files, environment, facts);
    modernise::modernise(&mut ast, &mut diagnostics);
    validate::validate(&mut ast, &mut diagnostics);
    diagnostics.sort();
    (ast, diagnostics)
}

/// What loading gives.
#[derive(Debug)]
pub struct Loaded {
    /// The model; `None` when there is an alert.
    pub config: Option<model::Config>,
    /// Everything found, in reading order.
    pub diagnostics: Diagnostics,
    /// For the start of the process.
    pub process: ProcessFacts,
    /// The texts, for printing diagnostics.
    pub files: Files,
    /// What the texts say.
    pub ast: Ast,
}

/// Reads the files in order and lowers them to a model.
///
/// `environment` is changed by `setenv` and its kin; `sources` gives the files that lines name.
/// Names of servers are not resolved here.
pub fn load(
    files: Files,
    sources: &dyn Sources,
    environment: &mut Environment,
    facts: &Facts,
) -> Loaded {
    let (ast, mut diagnostics) = parse(files, environment, facts);
    let lowered = lower::lower(&ast, sources);
    diagnostics.extend(lowered.diagnostics);
    diagnostics.sort();
    Loaded {
        config: lowered.config.filter(|_| !diagnostics.has_alerts()),
        diagnostics,
        process: lowered.process,
        files: ast.files().clone(),
        ast,
    }
}
