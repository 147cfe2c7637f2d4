//! Expressions: parsed and type-checked once at load, then run against a subject.
use std::fmt;
use std::sync::Arc;

use crate::arg::{Arg, Kind, Param};
use crate::casts;
use crate::context::ParseContext;
use crate::converters::{converter, converters};
use crate::error::ParseError;
use crate::fetches::{fetch, fetch_aliases, fetches};
use crate::parse::{Call, Calls};
use crate::place::Need;
use crate::sample::{Fetch, Sample, Type};
use crate::subject::Subject;
use crate::suggest::did_you_mean;
use crate::table::{ConvertFn, EachFn, FetchFn, GrowFn};

/// Most converters in one expression.
const MAX_CONVERTERS: usize = 256;

/// A fetch followed by converters.
#[derive(Clone)]
pub struct Expr(Arc<Program>);

struct Program {
    source: Box<str>,
    fetch: FetchFn,
    each: Option<EachFn>,
    grows: Option<GrowFn>,
    fetch_name: &'static str,
    fetch_args: Vec<Arg>,
    need: Need,
    steps: Vec<Step>,
    output: Type,
    references: Vec<Reference>,
}

struct Step {
    /// What the sample is turned into first.
    cast: Option<Type>,
    run: ConvertFn,
    args: Vec<Arg>,
}

/// Something of the configuration that an expression names and that must exist in the end.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Reference {
    /// A frontend.
    Frontend(Arc<str>),
    /// A backend.
    Backend(Arc<str>),
    /// A server; of the expression's own backend where none is named.
    Server {
        /// The backend.
        backend: Option<Arc<str>>,
        /// The server.
        server: Arc<str>,
    },
    /// A userlist.
    Userlist(Arc<str>),
}

impl Expr {
    /// Reads a whole text as one expression and checks types, arguments and place.
    pub fn parse(text: &str, context: &ParseContext<'_>) -> Result<Self, ParseError> {
        let mut calls = Calls::new(text)?;
        let Some(first) = calls.next_call()? else {
            return Err(ParseError::at(0, "expression missing"));
        };
        let mut program = Program::start(&first, first.name, context)?;
        while let Some(call) = calls.next_call()? {
            program.convert(&call, context)?;
        }
        program.source = text.trim().into();
        Ok(Self(Arc::new(program)))
    }

    /// Reads an expression whose first word stands for another fetch. Tells whether converters
    /// follow.
    pub(crate) fn parse_renamed(
        text: &str,
        fetch: &str,
        context: &ParseContext<'_>,
    ) -> Result<(Self, bool), ParseError> {
        let mut calls = Calls::new(text)?;
        let Some(first) = calls.next_call()? else {
            return Err(ParseError::at(0, "expression missing"));
        };
        let mut program = Program::start(&first, fetch, context)?;
        while let Some(call) = calls.next_call()? {
            program.convert(&call, context)?;
        }
        program.source = text.trim().into();
        let converted = !program.steps.is_empty();
        Ok((Self(Arc::new(program)), converted))
    }

    /// Reads an expression from the first word and every following word that names a converter,
    /// as `stick on src lower table t` allows. Returns how many words were used.
    pub fn parse_words(
        words: &[&str],
        context: &ParseContext<'_>,
    ) -> Result<(Self, usize), ParseError> {
        let Some((first, rest)) = words.split_first() else {
            return Err(ParseError::at(0, "expression missing"));
        };
        let mut calls = Calls::new(first)?;
        let Some(call) = calls.next_call()? else {
            return Err(ParseError::at(0, "expression missing"));
        };
        let mut program = Program::start(&call, call.name, context)?;
        while let Some(call) = calls.next_call()? {
            program.convert(&call, context)?;
        }
        let mut source = first.trim().to_owned();
        let mut used = 1;
        for word in rest {
            let name = word.split(['(', ',']).next().unwrap_or_default();
            if converter(name).is_none() {
                break;
            }
            let mut calls = Calls::new(word).map_err(|e| e.in_word(used))?;
            while let Some(call) = calls.next_call().map_err(|e| e.in_word(used))? {
                program.convert(&call, context).map_err(|e| e.in_word(used))?;
            }
            source.push(',');
            source.push_str(word);
            used += 1;
        }
        program.source = source.into();
        Ok((Self(Arc::new(program)), used))
    }

    /// Runs it.
    pub fn eval<'a>(&'a self, subject: &'a dyn Subject) -> Fetch<Sample<'a>> {
        let program = &*self.0;
        let sample = match (program.fetch)(&program.fetch_args, subject) {
            Fetch::Is(sample) => sample,
            Fetch::NotYet if !subject.is_final() => return Fetch::NotYet,
            Fetch::NotYet | Fetch::Missing => return Fetch::Missing,
        };
        program.run_steps(sample, subject).into()
    }

    /// Runs it for every sample its fetch can find (each value of a header), until `f` says stop.
    pub(crate) fn each<'a>(
        &'a self,
        subject: &'a dyn Subject,
        f: &mut dyn FnMut(Sample<'a>) -> bool,
    ) -> Fetch<()> {
        let program = &*self.0;
        let Some(each) = program.each else {
            return self.eval(subject).map(|sample| {
                f(sample);
            });
        };
        let answer = each(&program.fetch_args, subject, &mut |sample| {
            program.run_steps(sample, subject).is_some_and(&mut *f)
        });
        match answer {
            Fetch::NotYet if subject.is_final() => Fetch::Missing,
            answer => answer,
        }
    }

    /// Whether more data may change what it finds.
    pub(crate) fn may_change(&self, subject: &dyn Subject) -> bool {
        let grows = self.0.grows.is_some_and(|grows| grows(&self.0.fetch_args, subject));
        grows && !subject.is_final()
    }

    /// Type of what comes out.
    pub fn output(&self) -> Type {
        self.0.output
    }

    /// What it needs to be there.
    pub fn need(&self) -> Need {
        self.0.need
    }

    /// The text it was made from.
    pub fn source(&self) -> &str {
        &self.0.source
    }

    /// Name of the fetch it starts with.
    pub fn fetch_name(&self) -> &'static str {
        self.0.fetch_name
    }

    /// What it names that must exist once all of the configuration is read.
    pub fn references(&self) -> &[Reference] {
        &self.0.references
    }

    /// Whether both look up the same lists of patterns.
    fn unseen_is_same(&self, other: &Self) -> bool {
        let (mut ours, mut theirs) = (self.0.unseen(), other.0.unseen());
        loop {
            let same = match (ours.next(), theirs.next()) {
                (None, None) => return true,
                (Some(Arg::Map(a)), Some(Arg::Map(b))) => a == b,
                (Some(Arg::Condition(a)), Some(Arg::Condition(b))) => a == b,
                _ => false,
            };
            if !same {
                return false;
            }
        }
    }
}

impl PartialEq for Expr {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
            || (self.0.source == other.0.source && self.unseen_is_same(other))
    }
}
impl Eq for Expr {}

impl fmt::Debug for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Expr({})", self.0.source)
    }
}
impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.source)
    }
}

impl Program {
    fn run_steps<'a>(
        &'a self,
        mut sample: Sample<'a>,
        subject: &'a dyn Subject,
    ) -> Option<Sample<'a>> {
        for step in &self.steps {
            if let Some(to) = step.cast {
                sample = casts::cast(sample, to)?;
            }
            sample = (step.run)(sample, &step.args, subject)?;
        }
        Some(sample)
    }

    fn start(call: &Call<'_>, name: &str, context: &ParseContext<'_>) -> Result<Self, ParseError> {
        let Some(keyword) = fetch(name, context.place) else {
            let message = format!("unknown fetch '{}'", call.name);
            let aliases = fetch_aliases().map(|(name, _)| name);
            let known = fetches().map(|known| known.name).chain(aliases);
            return Err(ParseError::at(call.at, message).meant(did_you_mean(call.name, known)));
        };
        let Some(run) = keyword.run else {
            let message = format!("fetch '{}' is known but not supported yet", call.name);
            return Err(ParseError::at(call.at, message));
        };
        if !context.place.offers(keyword.need) {
            let message = format!(
                "fetch '{}' needs {}, which {} does not have",
                call.name,
                keyword.need.describe(),
                context.place.describe()
            );
            return Err(ParseError::at(call.at, message));
        }
        let mut references = Vec::new();
        let (fetch_args, output) =
            read_args(call, keyword.params, keyword.check, context, &mut references)?;
        let mut program = Self {
            source: "".into(),
            fetch: run,
            each: keyword.each,
            grows: keyword.grows,
            fetch_name: keyword.name,
            fetch_args: Vec::new(),
            need: keyword.need,
            steps: Vec::new(),
            output: output.unwrap_or(keyword.output),
            references,
        };
        program.fetch_args = fetch_args;
        Ok(program)
    }

    fn convert(&mut self, call: &Call<'_>, context: &ParseContext<'_>) -> Result<(), ParseError> {
        let Some(keyword) = converter(call.name) else {
            let message = format!("unknown converter '{}'", call.name);
            let known = converters().map(|known| known.name);
            return Err(ParseError::at(call.at, message).meant(did_you_mean(call.name, known)));
        };
        let Some(run) = keyword.run else {
            let message = format!("converter '{}' is known but not supported yet", call.name);
            return Err(ParseError::at(call.at, message));
        };
        if self.steps.len() >= MAX_CONVERTERS {
            return Err(ParseError::at(call.at, "too many converters in one expression"));
        }
        if !casts::possible(self.output, keyword.input) {
            let message = format!(
                "converter '{}' takes {} and cannot be applied to {}",
                call.name,
                keyword.input.name(),
                self.output.name()
            );
            return Err(ParseError::at(call.at, message));
        }
        let (args, output) =
            read_args(call, keyword.params, keyword.check, context, &mut self.references)?;
        let cast =
            (keyword.input != Type::Any && keyword.input != self.output).then_some(keyword.input);
        self.steps.push(Step { cast, run, args });
        self.output = match output.unwrap_or(keyword.output) {
            Type::Same => self.output,
            output => output,
        };
        Ok(())
    }

    /// What the source text does not show: maps, and conditions with the lists of theirs.
    fn unseen(&self) -> impl Iterator<Item = &Arg> {
        let args = self.fetch_args.iter().chain(self.steps.iter().flat_map(|step| &step.args));
        args.filter(|arg| matches!(arg, Arg::Map(_) | Arg::Condition(_)))
    }
}

/// Reads a call's arguments by its table entry.
fn read_args(
    call: &Call<'_>,
    params: &[Param],
    check: Option<crate::table::CheckFn>,
    context: &ParseContext<'_>,
    references: &mut Vec<Reference>,
) -> Result<(Vec<Arg>, Option<Type>), ParseError> {
    if let Some(extra) = call.args.get(params.len()) {
        let message = match params.len() {
            0 => format!("'{}' takes no argument", call.name),
            1 => format!("'{}' takes one argument only", call.name),
            many => format!("'{}' takes at most {many} arguments", call.name),
        };
        return Err(ParseError::at(extra.at, message));
    }
    let mut args = Vec::with_capacity(call.args.len());
    for (nth, param) in params.iter().enumerate() {
        let raw = call.args.get(nth);
        let Some(raw) = raw.filter(|raw| !raw.empty || param.kind == Kind::Str) else {
            if raw.is_some() && param.optional {
                args.push(Arg::Absent);
                continue;
            }
            if param.optional {
                break;
            }
            if nth == 0 && call.has_parentheses && param.kind == Kind::Str {
                args.push(Arg::Str([].into()));
                continue;
            }
            let at = raw.map_or(call.end, |raw| raw.at);
            let message =
                format!("'{}' needs {} as <{}>", call.name, param.kind.describe(), param.name);
            return Err(ParseError::at(at, message));
        };
        let arg = crate::arg::read(param.kind, &raw.text, context, references)
            .map_err(|message| ParseError::at(raw.at, format!("'{}': {message}", call.name)))?;
        args.push(arg);
    }
    let output = match check {
        None => None,
        Some(check) => check(&mut args, context).map_err(|message| {
            let at = call.args.first().map_or(call.end, |arg| arg.at);
            ParseError::at(at, format!("'{}': {message}", call.name))
        })?,
    };
    Ok((args, output))
}
