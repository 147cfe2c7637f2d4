//! The tree against the keyword table: what stands where it may not, and what is missing.
//!
//! Lines that do not take part are taken out, so that whoever reads the tree next sees only
//! keywords that are supported, in a section that takes them, with enough arguments.
use crate::ast::{Ast, Line, Prefix, Section};
use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::keyword::{self, Context, Found, Keyword, Status, context_of};
use crate::section::SectionKind;
use crate::source::Span;

/// Checks every section and line; the tree loses what does not take part.
pub(crate) fn validate(ast: &mut Ast, diagnostics: &mut Diagnostics) {
    names(ast, diagnostics);
    let nodes = ast.take_nodes();
    for (kind, header, lines) in nodes {
        let view = ast.view(header);
        let keep = section(kind, view, diagnostics);
        if keep == Keep::Skip {
            continue;
        }
        if keep == Keep::Yes {
            ast.push_section(kind, header);
        }
        let named = view_name(ast, header);
        for node in lines {
            let Some((keyword, words)) = line(kind, named, ast.view(node), diagnostics) else {
                continue;
            };
            if keep == Keep::Yes {
                ast.push_line(Ast::with_entry(node, keyword, words));
            }
        }
    }
}

fn view_name(ast: &Ast, header: crate::ast::LineNode) -> bool {
    ast.view(header).len() > 1
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Keep {
    Yes,
    /// The lines are looked at, but the section does not take part.
    LinesOnly,
    Skip,
}

fn section(kind: SectionKind, header: Line<'_>, diagnostics: &mut Diagnostics) -> Keep {
    if kind == SectionKind::Unknown {
        return Keep::Skip;
    }
    let name = kind.keyword();
    let span = header.span();
    match keyword::section_status(kind) {
        Status::Supported => {}
        Status::Ignored { quiet: true, .. } => return Keep::LinesOnly,
        Status::Ignored { reason, .. } => {
            diagnostics.push_once(reason, || {
                let said = format!("'{name}' sections are ignored: {reason}");
                Diagnostic::new(Severity::Warning, span, said)
            });
            return Keep::LinesOnly;
        }
        Status::Refused { reason } => {
            diagnostics.alert(span, format!("'{name}' sections are not supported: {reason}"));
            return Keep::Skip;
        }
    }
    if kind.needs_name() && header.len() < 2 {
        diagnostics.push(
            Diagnostic::new(Severity::Alert, span, format!("'{name}' needs a name"))
                .hint(format!("write '{name} <name>'")),
        );
    }
    if let Some(extra) = header.word(kind.max_args().saturating_add(1)) {
        let reason = format!("'{name}' takes no further argument: '{}'", extra.value());
        diagnostics.alert(extra.span(), reason);
    }
    if kind.is_proxy() {
        proxy_header(kind, header, diagnostics);
    }
    Keep::Yes
}

/// `frontend <name> [from <defaults>]`, `defaults [<name>] [from <defaults>]`.
fn proxy_header(kind: SectionKind, header: Line<'_>, diagnostics: &mut Diagnostics) {
    if let Some(word) = header.word(1)
        && let Some(c) = word.value().chars().find(|c| !is_name_char(*c))
    {
        let what = kind.keyword();
        diagnostics.push(
            Diagnostic::new(
                Severity::Alert,
                word.span(),
                format!("character '{c}' cannot be part of a {what}'s name"),
            )
            .hint("names are made of letters, digits and - _ . :"),
        );
    }
    match header.word(2) {
        Some(word) if word.value() == "from" && header.len() == 3 => {
            let finding = Diagnostic::new(Severity::Alert, header.end(), "'from' needs a name");
            diagnostics.push(finding.hint("write 'from <defaults section>'"));
        }
        Some(word) if word.value() != "from" && kind != SectionKind::Defaults => {
            let reason = format!("'{}' is not expected here", word.value());
            let finding = Diagnostic::new(Severity::Alert, word.span(), reason);
            diagnostics.push(finding.hint("only 'from <defaults section>' may follow the name"));
        }
        _ => {}
    }
}

/// Whether a proxy's, server's or section's name may hold this character.
pub fn is_name_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':')
}

/// No two frontends, and no two backends, may share a name; `listen` is both.
fn names(ast: &Ast, diagnostics: &mut Diagnostics) {
    let mut seen: std::collections::HashMap<(bool, &str), Span> = std::collections::HashMap::new();
    let mut found = Vec::new();
    for section in ast.sections() {
        let Some(name) = section.name() else { continue };
        for front in sides(&section) {
            match seen.get(&(*front, name.value())) {
                Some(first) => found.push((name.span(), *first, name.value().to_owned())),
                None => drop(seen.insert((*front, name.value()), name.span())),
            }
        }
    }
    found.dedup_by_key(|(span, ..)| *span);
    for (span, first, name) in found {
        let finding = Diagnostic::new(Severity::Alert, span, format!("'{name}' exists already"));
        diagnostics.push(finding.related(first, "the first one"));
    }
}

fn sides(section: &Section<'_>) -> &'static [bool] {
    match section.kind() {
        SectionKind::Frontend => &[true],
        SectionKind::Backend => &[false],
        SectionKind::Listen => &[true, false],
        _ => &[],
    }
}

/// Checks a line: its entry and the words of its name, `None` when it does not take part.
fn line(
    kind: SectionKind,
    named: bool,
    line: Line<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<(&'static Keyword, usize)> {
    let (prefix, line) = line.split_prefix();
    let context = context_of(kind);
    let (keyword, count) = match keyword::find(context, |index| line.value(index)) {
        Found::Keyword(keyword, count) => (keyword, count),
        Found::Incomplete => {
            incomplete(kind, line, diagnostics);
            return None;
        }
        Found::Nothing => {
            unknown(kind, line, diagnostics);
            return None;
        }
    };
    let name_span = || match (line.word(0), line.word(count - 1)) {
        (Some(first), Some(last)) => first.span().to(last.span()),
        _ => line.span(),
    };
    if !place(kind, named, keyword, &name_span, diagnostics)
        || !status(keyword.name, keyword.status, &name_span, diagnostics)
    {
        return None;
    }
    let fine = if prefix != Prefix::None {
        negated(keyword, prefix, name_span(), diagnostics)
    } else {
        arity(keyword, line, count, line.len(), diagnostics)
            && keyword::rule_set(keyword.name)
                .is_none_or(|set| action(keyword, set, line, count, diagnostics))
    };
    fine.then_some((keyword, count))
}

fn negated(keyword: &Keyword, prefix: Prefix, span: Span, diagnostics: &mut Diagnostics) -> bool {
    let fine = keyword.is_invertible() || keyword.name.starts_with("option ");
    if !fine {
        let word = if prefix == Prefix::No { "no" } else { "default" };
        let reason = format!("'{word}' cannot stand in front of '{}'", keyword.name);
        diagnostics.alert(span, reason);
    }
    fine
}

/// Keywords that HAProxy refuses on the wrong side instead of passing over them.
const STRICT: &[&str] = &[
    "declare capture",
    "default-server",
    "hash-preserve-affinity",
    "quic-initial",
    "retry-on",
    "server",
    "server-template",
    "tcp-request connection",
    "tcp-request session",
    "tcp-response content",
    "tcp-response inspect-delay",
];

/// Rules that only a `defaults` section with a name may hold.
const NAMED_ONLY: &[&str] = &["acl", "http-", "quic-initial", "tcp-re"];

fn place(
    kind: SectionKind,
    named: bool,
    keyword: &Keyword,
    span: &dyn Fn() -> Span,
    diagnostics: &mut Diagnostics,
) -> bool {
    let name = keyword.name;
    if keyword.fits(kind) {
        if kind != SectionKind::Defaults || named {
            return true;
        }
        let rule = keyword::rule_set(name).is_some() || name == "acl" || name.ends_with("-delay");
        if rule && NAMED_ONLY.iter().any(|start| name.starts_with(start)) {
            let reason = format!("'{name}' needs a 'defaults' section with a name");
            let finding = Diagnostic::new(Severity::Alert, span(), reason);
            diagnostics.push(finding.hint("write 'defaults <name>' and 'from <name>'"));
            return false;
        }
        return true;
    }
    let homes = homes(keyword);
    let here = kind.keyword();
    if kind == SectionKind::Defaults || STRICT.contains(&name) {
        let reason = format!("'{name}' cannot stand in a '{here}' section");
        diagnostics.push(
            Diagnostic::new(Severity::Alert, span(), reason).hint(format!("it belongs in {homes}")),
        );
    } else {
        let side = if kind == SectionKind::Backend { "frontend" } else { "backend" };
        let reason = format!("'{name}' is ignored: this '{here}' section is no {side}");
        diagnostics.push(
            Diagnostic::new(Severity::Warning, span(), reason)
                .hint(format!("it belongs in {homes}")),
        );
    }
    false
}

/// The sections a proxy keyword may stand in, as text.
fn homes(keyword: &Keyword) -> String {
    let kinds =
        [SectionKind::Defaults, SectionKind::Frontend, SectionKind::Listen, SectionKind::Backend];
    let fit: Vec<String> = kinds
        .iter()
        .filter(|kind| keyword.fits(**kind))
        .map(|kind| format!("'{}'", kind.keyword()))
        .collect();
    fit.join(", ")
}

/// Reports what is ignored or refused; `true` when it is supported.
pub(crate) fn status(
    name: &str,
    status: Status,
    span: &dyn Fn() -> Span,
    diagnostics: &mut Diagnostics,
) -> bool {
    match status {
        Status::Supported => true,
        Status::Ignored { quiet: true, .. } => false,
        Status::Ignored { reason, .. } => {
            diagnostics.push_once(reason, || {
                let said = format!("'{name}' is ignored: {reason}");
                Diagnostic::new(Severity::Warning, span(), said)
            });
            false
        }
        Status::Refused { reason } => {
            diagnostics.alert(span(), format!("'{name}' is not supported: {reason}"));
            false
        }
    }
}

/// Whether the words from `count` to `end` are as many as the keyword takes.
fn arity(
    keyword: &Keyword,
    line: Line<'_>,
    count: usize,
    end: usize,
    diagnostics: &mut Diagnostics,
) -> bool {
    let given = end.saturating_sub(count);
    let Keyword { name, synopsis, min_args, max_args, .. } = keyword;
    if given < usize::from(*min_args) {
        let reason = match min_args {
            1 => format!("'{name}' needs an argument"),
            least => format!("'{name}' needs {least} arguments, here is {given}"),
        };
        let at = line.word(end.saturating_sub(1)).map_or(line.end(), |last| {
            let span = last.span();
            Span { column: span.column + span.len, len: 0, ..span }
        });
        diagnostics.push(Diagnostic::new(Severity::Alert, at, reason).hint(usage(name, synopsis)));
        return false;
    }
    if *max_args != keyword::ANY && given > usize::from(*max_args) {
        let extra = line.word(count + usize::from(*max_args));
        let text = extra.map_or("", |word| word.value());
        let span = extra.map_or(line.span(), |word| word.span());
        let reason = format!("'{name}' takes no further argument: '{text}'");
        diagnostics
            .push(Diagnostic::new(Severity::Alert, span, reason).hint(usage(name, synopsis)));
        return false;
    }
    true
}

fn usage(name: &str, synopsis: &str) -> String {
    let gap = if synopsis.is_empty() || synopsis.starts_with('(') { "" } else { " " };
    format!("write '{name}{gap}{synopsis}'")
}

fn action(
    rules: &Keyword,
    set: u16,
    line: Line<'_>,
    at: usize,
    diagnostics: &mut Diagnostics,
) -> bool {
    let Some(word) = line.word(at) else { return false };
    let name = word.value();
    let stem = if name.starts_with("lua.") { "lua" } else { name };
    let Found::Keyword(found, _) =
        keyword::find(Context::Action, |i| if i == 0 { stem } else { "" })
    else {
        let meant = keyword::suggest(Context::Action, set, stem, "");
        let reason = format!("'{name}' is no action of '{}'", rules.name);
        diagnostics.push(Diagnostic::new(Severity::Alert, word.span(), reason).did_you_mean(meant));
        return false;
    };
    if found.places & set == 0 {
        let reason = format!("'{name}' is no action of '{}'", rules.name);
        let finding = Diagnostic::new(Severity::Alert, word.span(), reason);
        diagnostics.push(finding.hint(format!("it is one of {}", rule_sets(found))));
        return false;
    }
    let condition = line.words().position(|w| matches!(w.value(), "if" | "unless"));
    let end = condition.filter(|index| *index > at).unwrap_or(line.len());
    status(found.name, found.status, &|| word.span(), diagnostics)
        && arity(found, line, at + 1, end, diagnostics)
}

fn rule_sets(action: &Keyword) -> String {
    const NAMES: [&str; 8] = [
        "quic-initial",
        "tcp-request connection",
        "tcp-request session",
        "tcp-request content",
        "tcp-response content",
        "http-request",
        "http-response",
        "http-after-response",
    ];
    let fits = |name: &&&str| keyword::rule_set(name).is_some_and(|set| action.places & set != 0);
    let fit: Vec<String> = NAMES.iter().filter(fits).map(|name| format!("'{name}'")).collect();
    fit.join(", ")
}

fn incomplete(kind: SectionKind, line: Line<'_>, diagnostics: &mut Diagnostics) {
    let context = context_of(kind);
    let (first, second) = (line.value(0), line.value(1));
    let span = line.word(1).map_or(line.end(), |word| word.span());
    let reason = match (first, second) {
        ("option", "") => "'option' needs a name".to_owned(),
        ("option", name) => format!("unknown option '{name}'"),
        (_, "") => format!("'{first}' needs an argument"),
        _ => format!("'{first}' does not know '{second}'"),
    };
    let finding = Diagnostic::new(Severity::Alert, span, reason);
    let meant = keyword::suggest(context, keyword::place(kind), first, second)
        .or_else(|| keyword::suggest(context, 0, first, second));
    let finding = match meant {
        Some(name) => finding.hint(format!("did you mean '{name}'?")),
        None => {
            let known = members(context, first);
            if known.len() > 24 {
                finding
            } else {
                finding.hint(format!("it knows {}", known.join(", ")))
            }
        }
    };
    diagnostics.push(finding);
}

fn members(context: Context, first: &str) -> Vec<&'static str> {
    keyword::all()
        .filter(|k| k.context == context)
        .filter_map(|k| k.name.split_once(' ').filter(|(f, _)| *f == first))
        .map(|(_, rest)| rest)
        .collect()
}

fn unknown(kind: SectionKind, line: Line<'_>, diagnostics: &mut Diagnostics) {
    let context = context_of(kind);
    let name = line.keyword();
    let Some(word) = line.word(0) else {
        return diagnostics.alert(line.span(), "a keyword is missing here");
    };
    let reason = format!("unknown keyword '{name}' in '{}' section", kind.keyword());
    let finding = Diagnostic::new(Severity::Alert, word.span(), reason);
    let elsewhere: Vec<String> = SectionKind::ALL
        .iter()
        .filter(|other| {
            let context = context_of(**other);
            matches!(
                keyword::find(context, |index| line.value(index)),
                Found::Keyword(found, _) if found.fits(**other)
            )
        })
        .map(|other| format!("'{}'", other.keyword()))
        .collect();
    if !elsewhere.is_empty() {
        let list = elsewhere.join(", ");
        return diagnostics.push(finding.hint(format!("it belongs in {list}")));
    }
    let meant = keyword::suggest(context, keyword::place(kind), name, line.value(1))
        .or_else(|| keyword::suggest(context, 0, name, line.value(1)));
    diagnostics.push(finding.did_you_mean(meant));
}
