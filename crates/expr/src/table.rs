//! What one keyword of expressions is: the tables that parser, help and suggestions share.
use crate::arg::{Arg, Param};
use crate::context::ParseContext;
use crate::place::Need;
use crate::sample::{Fetch, Sample, Type};
use crate::subject::Subject;

/// Runs a fetch.
pub(crate) type FetchFn = for<'a> fn(&'a [Arg], &'a dyn Subject) -> Fetch<Sample<'a>>;
/// Hands over every sample a fetch can find until told to stop.
pub(crate) type EachFn =
    for<'a> fn(&'a [Arg], &'a dyn Subject, &mut dyn FnMut(Sample<'a>) -> bool) -> Fetch<()>;
/// Tells whether more data may change what a fetch finds.
pub(crate) type GrowFn = fn(&[Arg], &dyn Subject) -> bool;
/// Runs a converter; `None` ends the expression without a sample.
pub(crate) type ConvertFn =
    for<'a> fn(Sample<'a>, &'a [Arg], &'a dyn Subject) -> Option<Sample<'a>>;
/// Looks at arguments once at load, may replace them by prepared ones, may settle the type.
pub(crate) type CheckFn = fn(&mut Vec<Arg>, &ParseContext<'_>) -> Result<Option<Type>, String>;

/// A sample fetch.
pub struct FetchKeyword {
    /// Name in the manual.
    pub name: &'static str,
    /// Arguments in order.
    pub params: &'static [Param],
    /// Type of the sample.
    pub output: Type,
    /// What must be there.
    pub need: Need,
    /// One line of help.
    pub help: &'static str,
    pub(crate) check: Option<CheckFn>,
    /// Where an ACL looks at more than one sample.
    pub(crate) each: Option<EachFn>,
    /// Where a mismatch may be undone by more data.
    pub(crate) grows: Option<GrowFn>,
    /// `None`: known by name, refused as "not yet".
    pub(crate) run: Option<FetchFn>,
}

/// A converter.
pub struct ConverterKeyword {
    /// Name in the manual.
    pub name: &'static str,
    /// Arguments in order.
    pub params: &'static [Param],
    /// Type it takes.
    pub input: Type,
    /// Type it gives.
    pub output: Type,
    /// One line of help.
    pub help: &'static str,
    pub(crate) check: Option<CheckFn>,
    /// `None`: known by name, refused as "not yet".
    pub(crate) run: Option<ConvertFn>,
}

impl FetchKeyword {
    pub(crate) const fn new(
        name: &'static str,
        params: &'static [Param],
        output: Type,
        need: Need,
        run: FetchFn,
        help: &'static str,
    ) -> Self {
        Self {
            name,
            params,
            output,
            need,
            help,
            check: None,
            each: None,
            grows: None,
            run: Some(run),
        }
    }

    pub(crate) const fn later(
        name: &'static str,
        params: &'static [Param],
        output: Type,
        need: Need,
        help: &'static str,
    ) -> Self {
        Self { name, params, output, need, help, check: None, each: None, grows: None, run: None }
    }

    pub(crate) const fn checked(mut self, check: CheckFn) -> Self {
        self.check = Some(check);
        self
    }

    pub(crate) const fn each(mut self, each: EachFn) -> Self {
        self.each = Some(each);
        self
    }

    pub(crate) const fn growing(mut self, grows: GrowFn) -> Self {
        self.grows = Some(grows);
        self
    }

    /// Whether it can be used; if not, configurations that name it are refused as "not yet".
    pub const fn is_supported(&self) -> bool {
        self.run.is_some()
    }
}

impl ConverterKeyword {
    pub(crate) const fn new(
        name: &'static str,
        params: &'static [Param],
        input: Type,
        output: Type,
        run: ConvertFn,
        help: &'static str,
    ) -> Self {
        Self { name, params, input, output, help, check: None, run: Some(run) }
    }

    pub(crate) const fn later(
        name: &'static str,
        params: &'static [Param],
        input: Type,
        output: Type,
        help: &'static str,
    ) -> Self {
        Self { name, params, input, output, help, check: None, run: None }
    }

    pub(crate) const fn checked(mut self, check: CheckFn) -> Self {
        self.check = Some(check);
        self
    }

    /// Whether it can be used; if not, configurations that name it are refused as "not yet".
    pub const fn is_supported(&self) -> bool {
        self.run.is_some()
    }
}
