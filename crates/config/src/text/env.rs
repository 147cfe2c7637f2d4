//! The environment that `"$NAME"` is looked up in, and that `setenv` and its kin change.
use std::collections::BTreeMap;

/// Variables by name. The caller fills it from the process; the configuration may change it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment {
    variables: BTreeMap<String, String>,
}

impl Environment {
    /// An environment with nothing in it.
    pub fn new() -> Self {
        Self::default()
    }

    /// The value of a variable.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    /// Sets a variable, whatever it was (`setenv`).
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.variables.insert(name.into(), value.into());
    }

    /// Sets a variable unless it exists (`presetenv`).
    pub fn preset(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.variables.entry(name.into()).or_insert_with(|| value.into());
    }

    /// Removes a variable (`unsetenv`).
    pub fn unset(&mut self, name: &str) {
        self.variables.remove(name);
    }

    /// Removes all but the variables named (`resetenv`).
    pub fn reset<'a>(&mut self, keep: impl IntoIterator<Item = &'a str>) {
        let kept = keep.into_iter().filter_map(|name| self.variables.remove_entry(name)).collect();
        self.variables = kept;
    }

    /// All variables, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.variables.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(variables: I) -> Self {
        let variables = variables.into_iter().map(|(n, v)| (n.into(), v.into())).collect();
        Self { variables }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_four_verbs_do_what_the_manual_says() {
        let mut env: Environment = [("A", "1"), ("B", "2"), ("C", "3")].into_iter().collect();
        env.preset("A", "9");
        env.preset("D", "4");
        env.set("B", "8");
        env.unset("C");
        assert_eq!(env.iter().collect::<Vec<_>>(), [("A", "1"), ("B", "8"), ("D", "4")]);
        env.reset(["B", "NONE"]);
        assert_eq!(env.iter().collect::<Vec<_>>(), [("B", "8")]);
    }
}
