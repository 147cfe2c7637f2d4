//! Variables: their names and scopes (manual 2.8), and a small store for one scope.
use std::fmt;
use std::sync::Arc;

use crate::sample::Value;

/// How long a variable lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// The process.
    Proc,
    /// A client connection.
    Sess,
    /// A request and its response.
    Txn,
    /// The processing of a request.
    Req,
    /// The processing of a response.
    Res,
    /// A health check.
    Check,
}

/// Every scope with the prefix that names it.
pub const SCOPES: &[(&str, Scope)] = &[
    ("proc", Scope::Proc),
    ("sess", Scope::Sess),
    ("txn", Scope::Txn),
    ("req", Scope::Req),
    ("res", Scope::Res),
    ("check", Scope::Check),
];

/// A variable's name with its scope: `txn.name`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Variable {
    /// Where it lives.
    pub scope: Scope,
    /// Name without the scope: letters, digits, `_` and `.`.
    pub name: Arc<str>,
}

impl Variable {
    /// Reads `scope.name`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let Some((prefix, name)) = text.split_once('.') else {
            return Err(format!(
                "invalid variable name '{text}': a scope must come first, \
                as in 'txn.{text}' (scopes are proc, sess, txn, req, res and check)"
            ));
        };
        let Some((_, scope)) = SCOPES.iter().find(|(known, _)| *known == prefix) else {
            return Err(format!(
                "invalid variable scope '{prefix}': \
                scopes are proc, sess, txn, req, res and check"
            ));
        };
        if name.is_empty() {
            return Err(format!("variable name missing after '{prefix}.'"));
        }
        match name.chars().find(|c| !(c.is_ascii_alphanumeric() || *c == '_' || *c == '.')) {
            Some(bad) => Err(format!("invalid character '{bad}' in variable name '{text}'")),
            None => Ok(Self { scope: *scope, name: name.into() }),
        }
    }
}

impl fmt::Display for Variable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let prefix = SCOPES.iter().find(|(_, s)| *s == self.scope).map_or("", |(p, _)| p);
        write!(f, "{prefix}.{}", self.name)
    }
}
impl fmt::Debug for Variable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The variables of one scope of one session: few, so a list.
#[derive(Clone, Debug, Default)]
pub struct Variables {
    list: Vec<(Arc<str>, Value)>,
}

impl Variables {
    /// A variable's content.
    pub fn value(&self, name: &str) -> Option<&Value> {
        self.list.iter().find(|(known, _)| &**known == name).map(|(_, value)| value)
    }

    /// Sets a variable, or unsets it with `None`.
    pub fn set(&mut self, name: &Arc<str>, value: Option<Value>) {
        let at = self.list.iter().position(|(known, _)| known == name);
        match (at, value) {
            (Some(at), Some(value)) => {
                if let Some(slot) = self.list.get_mut(at) {
                    slot.1 = value;
                }
            }
            (Some(at), None) => drop(self.list.swap_remove(at)),
            (None, Some(value)) => self.list.push((name.clone(), value)),
            (None, None) => {}
        }
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.list.clear();
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}
