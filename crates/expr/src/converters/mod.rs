//! The table of converters: one file per family, looked up by name at load.
mod string;

use crate::table::ConverterKeyword;

const TABLES: &[&[ConverterKeyword]] = &[string::TABLE];

/// Every converter that is known by name, supported or not.
pub fn converters() -> impl Iterator<Item = &'static ConverterKeyword> {
    TABLES.iter().copied().flatten()
}

pub(crate) fn converter(name: &str) -> Option<&'static ConverterKeyword> {
    converters().find(|known| known.name == name)
}
