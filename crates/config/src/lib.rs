//! haproxy.cfg text to a lossless AST with spans to the model, through one keyword table.
#![forbid(unsafe_code)]

pub mod ast;
pub mod diagnostic;
pub mod keyword;
mod keywords;
mod modernise;
pub mod render;
pub mod section;
pub mod source;
pub mod suggest;
pub mod text;
pub mod validate;

pub use ast::{Ast, Line, Section, Word};
pub use diagnostic::{Diagnostic, Diagnostics, Severity};
pub use section::SectionKind;
pub use source::{FileId, Files, SourceFile, Sources, Span};
pub use text::env::Environment;
pub use text::facts::Facts;

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
