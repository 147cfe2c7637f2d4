//! Where a piece of the configuration came from: a file position or a container's label.

use crate::Name;

/// The place that asked for something; printed in errors, plans and status pages.
///
/// All origins compare equal: where something was written never makes two things differ, so that
/// a line inserted above does not turn everything below it into a change.
#[derive(Clone, Debug)]
pub enum Origin {
    /// A position in a configuration file; line and column count from 1.
    File {
        /// Path as given on the command line.
        file: Name,
        /// Line, from 1.
        line: u32,
        /// Column in bytes, from 1.
        column: u32,
    },
    /// A label (or environment variable) of an observed container.
    Label {
        /// Container name.
        container: Name,
        /// Label or variable name.
        label: Name,
    },
    /// A variable of the balancer's own environment.
    Variable {
        /// Its name.
        name: Name,
    },
    /// Built in: nobody wrote it.
    BuiltIn,
    /// Changed at run time through the runtime API.
    Runtime,
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File { file, line, column } => write!(f, "{file}:{line}:{column}"),
            Self::Label { container, label } => write!(f, "container {container}, {label}"),
            Self::Variable { name } => write!(f, "variable {name}"),
            Self::BuiltIn => f.write_str("built in"),
            Self::Runtime => f.write_str("runtime"),
        }
    }
}

impl PartialEq for Origin {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Origin {}
