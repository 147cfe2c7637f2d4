//! What there is to say about a configuration: severity, place, reason, remedy.
use crate::source::Span;

/// Most diagnostics that are kept; what comes after is only counted.
pub const MAX_DIAGNOSTICS: usize = 1000;

/// How bad it is, in HAProxy's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The configuration is refused.
    Alert,
    /// It loads, but does not do what was written or will not for long.
    Warning,
    /// Worth knowing.
    Notice,
    /// Only shown in diagnostic mode (`-dD`).
    Diag,
}

impl Severity {
    /// The tag as HAProxy prints it, without brackets.
    pub fn tag(self) -> &'static str {
        match self {
            Self::Alert => "ALERT",
            Self::Warning => "WARNING",
            Self::Notice => "NOTICE",
            Self::Diag => "DIAG",
        }
    }
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad.
    pub severity: Severity,
    /// Where; `None` for what concerns the whole configuration.
    pub span: Option<Span>,
    /// What is wrong, one sentence without a final stop.
    pub reason: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// Other places that belong to it, each with a few words.
    pub related: Vec<(Span, String)>,
}

impl Diagnostic {
    /// A finding with neither hint nor other places.
    pub fn new(
        severity: Severity,
        span: impl Into<Option<Span>>,
        reason: impl Into<String>,
    ) -> Self {
        Self { severity, span: span.into(), reason: reason.into(), hint: None, related: Vec::new() }
    }

    /// The same with a remedy.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same with "did you mean" when there is a suggestion.
    pub fn did_you_mean(self, suggestion: Option<&str>) -> Self {
        match suggestion {
            Some(name) => self.hint(format!("did you mean '{name}'?")),
            None => self,
        }
    }

    /// The same with another place that belongs to it.
    pub fn related(mut self, span: Span, what: impl Into<String>) -> Self {
        self.related.push((span, what.into()));
        self
    }
}

/// Everything found so far, in the order it was found, with counts by severity.
#[derive(Clone, Debug, Default)]
pub struct Diagnostics {
    list: Vec<Diagnostic>,
    counts: [usize; 4],
    /// What was said once and need not be said again.
    said: Vec<&'static str>,
}

impl Diagnostics {
    /// Adds a finding; beyond [`MAX_DIAGNOSTICS`] it is only counted.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.counts[diagnostic.severity as usize] += 1;
        if self.list.len() < MAX_DIAGNOSTICS {
            self.list.push(diagnostic);
        }
    }

    /// Adds a finding unless one with the same key was added before.
    pub fn push_once(&mut self, key: &'static str, diagnostic: impl FnOnce() -> Diagnostic) {
        if !self.said.contains(&key) {
            self.said.push(key);
            self.push(diagnostic());
        }
    }

    /// Adds an alert.
    pub fn alert(&mut self, span: impl Into<Option<Span>>, reason: impl Into<String>) {
        self.push(Diagnostic::new(Severity::Alert, span, reason));
    }

    /// Adds a warning.
    pub fn warning(&mut self, span: impl Into<Option<Span>>, reason: impl Into<String>) {
        self.push(Diagnostic::new(Severity::Warning, span, reason));
    }

    /// Adds a notice.
    pub fn notice(&mut self, span: impl Into<Option<Span>>, reason: impl Into<String>) {
        self.push(Diagnostic::new(Severity::Notice, span, reason));
    }

    /// Takes over everything another list holds.
    pub fn extend(&mut self, other: Self) {
        let kept = other.list.len();
        for diagnostic in other.list {
            self.push(diagnostic);
        }
        // What the other list had only counted is still counted here.
        let overflow = other.counts.iter().sum::<usize>() - kept;
        self.counts[Severity::Diag as usize] += overflow;
    }

    /// How many of this severity were found, the ones not kept included.
    pub fn count(&self, severity: Severity) -> usize {
        self.counts[severity as usize]
    }

    /// Whether the configuration must be refused.
    pub fn has_alerts(&self) -> bool {
        self.count(Severity::Alert) > 0
    }

    /// How many were found but not kept.
    pub fn dropped(&self) -> usize {
        self.counts.iter().sum::<usize>() - self.list.len()
    }

    /// The findings that were kept.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.list.iter()
    }

    /// Whether nothing was found.
    pub fn is_empty(&self) -> bool {
        self.counts.iter().all(|count| *count == 0)
    }

    /// Puts them in reading order: by file, line and column; those without a place last.
    pub fn sort(&mut self) {
        self.list.sort_by_key(|d| {
            let place = d.span.map(|s| (s.file, s.line, s.column));
            (place.is_none(), place)
        });
    }
}

impl<'a> IntoIterator for &'a Diagnostics {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
