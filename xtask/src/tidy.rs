//! The style rules that a program can check.
use std::path::Path;

use syn::spanned::Spanned;
use syn::visit::Visit;

use crate::tree;

/// Longest line, in characters.
const MAX_LINE: usize = 100;
/// Longest file, its tests not counted.
const MAX_FILE: usize = 800;
/// Longest function.
const MAX_FUNCTION: usize = 150;
/// Functions may be this long without counting as long.
const LONG_FUNCTION: usize = 70;
/// Most long functions, in percent of all.
const MAX_LONG_PERCENT: usize = 2;

/// Words that must not stand in Rust code. Put together here, so that this file does not hold them.
const FORBIDDEN: &[&str] = &[
    concat!("todo", "!("),
    concat!("unimplemented", "!("),
    concat!("dbg", "!("),
    concat!("#[", "ignore"),
    concat!("allow(", "dead_code"),
    concat!("allow(", "unused"),
];

/// Places of the machine that something was written on.
const MACHINE_PATHS: &[&str] =
    &[concat!("/wo", "rk/"), concat!("/opt/", "ref"), concat!("/ro", "ot/"), concat!("/ho", "me/")];

/// Files of other kinds in which machine paths are looked for.
const TEXTS: &[&str] = &["md", "toml", "sh", "yml", "yaml", "cfg", "txt", "html", "js"];

/// Checks every file; the problems found, or figures.
pub(crate) fn check() -> Result<String, Vec<String>> {
    let mut problems = Vec::new();
    let mut lengths = Vec::new();
    let mut functions = Vec::new();
    for path in tree::files(&["rs"]) {
        let text = tree::text(&path);
        lengths.push(without_tests(&text).lines().count());
        problems.extend(rust_file(&path, &text, &mut functions));
    }
    for path in tree::files(TEXTS) {
        let text = tree::text(&path);
        problems.extend(machine_paths(&path, &text));
    }
    let long = functions.iter().filter(|lines| **lines > LONG_FUNCTION).count();
    if long * 100 > functions.len() * MAX_LONG_PERCENT {
        problems.push(format!(
            "{long} of {} functions are over {LONG_FUNCTION} lines (at most {MAX_LONG_PERCENT} %)",
            functions.len()
        ));
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    lengths.sort_unstable();
    Ok(format!(
        "{} files, median {} lines without tests; {} functions, {long} over {LONG_FUNCTION} lines",
        lengths.len(),
        lengths.get(lengths.len() / 2).unwrap_or(&0),
        functions.len()
    ))
}

/// The text up to where its tests begin.
pub(crate) fn without_tests(text: &str) -> &str {
    let start = text.find("\n#[cfg(test)]\nmod ").map_or(text.len(), |at| at + 1);
    &text[..start]
}

fn rust_file(path: &Path, text: &str, functions: &mut Vec<usize>) -> Vec<String> {
    let shown = path.display();
    let mut problems = Vec::new();
    if !text.starts_with("//! ") {
        problems.push(format!("{shown}:1: the file does not open with '//!' and its purpose"));
    }
    let length = without_tests(text).lines().count();
    if length > MAX_FILE && !shown.to_string().contains("/tests/") {
        problems.push(format!("{shown}: {length} lines without tests (at most {MAX_FILE})"));
    }
    for (number, line) in text.lines().enumerate() {
        let place = format!("{shown}:{}", number + 1);
        if line.chars().count() > MAX_LINE {
            problems.push(format!("{place}: more than {MAX_LINE} characters"));
        }
        if let Some(word) = FORBIDDEN.iter().find(|word| line.contains(*word)) {
            problems.push(format!("{place}: '{word}'"));
        }
    }
    problems.extend(machine_paths(path, text));
    match syn::parse_file(text) {
        Ok(file) => {
            let mut visitor = Functions { path, problems: &mut problems, lengths: functions };
            visitor.visit_file(&file);
        }
        Err(error) => problems.push(format!("{shown}: {error}")),
    }
    problems
}

fn machine_paths(path: &Path, text: &str) -> Vec<String> {
    let mut problems = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if let Some(found) = MACHINE_PATHS.iter().find(|found| line.contains(*found)) {
            problems.push(format!("{}:{}: path '{found}'", path.display(), number + 1));
        }
    }
    problems
}

/// Measures functions and looks at names.
struct Functions<'a> {
    path: &'a Path,
    problems: &'a mut Vec<String>,
    lengths: &'a mut Vec<usize>,
}

impl Functions<'_> {
    fn function(&mut self, name: &syn::Ident, body: &syn::Block) {
        let (start, end) = (body.span().start().line, body.span().end().line);
        let length = (end - start).saturating_sub(1);
        self.lengths.push(length);
        let place = format!("{}:{start}", self.path.display());
        if length > MAX_FUNCTION {
            self.problems
                .push(format!("{place}: fn {name} has {length} lines (at most {MAX_FUNCTION})"));
        }
        if name.to_string().starts_with("get_") {
            self.problems.push(format!("{place}: fn {name}: drop the get_"));
        }
    }

    fn noun(&mut self, name: &syn::Ident) {
        let text = name.to_string();
        if text.ends_with("Manager") || text.ends_with("Helper") || text.ends_with("Utils") {
            let line = name.span().start().line;
            self.problems
                .push(format!("{}:{line}: the name {text} says nothing", self.path.display()));
        }
    }
}

impl<'ast> Visit<'ast> for Functions<'_> {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.function(&item.sig.ident, &item.block);
        syn::visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.function(&item.sig.ident, &item.block);
        syn::visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(body) = &item.default {
            self.function(&item.sig.ident, body);
        }
        syn::visit::visit_trait_item_fn(self, item);
    }

    fn visit_item_struct(&mut self, item: &'ast syn::ItemStruct) {
        self.noun(&item.ident);
    }

    fn visit_item_enum(&mut self, item: &'ast syn::ItemEnum) {
        self.noun(&item.ident);
    }

    fn visit_item_trait(&mut self, item: &'ast syn::ItemTrait) {
        self.noun(&item.ident);
        syn::visit::visit_item_trait(self, item);
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        let name = item.ident.to_string();
        if matches!(name.as_str(), "common" | "utils" | "util" | "helpers" | "misc") {
            let line = item.ident.span().start().line;
            self.problems.push(format!("{}:{line}: a module called {name}", self.path.display()));
        }
        syn::visit::visit_item_mod(self, item);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str) -> Vec<String> {
        rust_file(Path::new("a.rs"), text, &mut Vec::new())
    }

    #[test]
    fn the_repository_is_tidy() {
        assert_eq!(check().map_err(|problems| problems.join("\n")).err(), None);
    }

    #[test]
    fn each_rule_finds_what_it_is_for() {
        assert_eq!(problems("//! A file.\nfn a() {}\n"), Vec::<String>::new());
        assert!(problems("fn a() {}\n")[0].contains("does not open"));
        let long = format!("//! A file.\n// {}\n", "x".repeat(100));
        assert!(problems(&long)[0].contains("a.rs:2: more than 100"));
        assert!(problems("//! A file.\nfn get_a() {}\n")[0].contains("drop the get_"));
        assert!(problems("//! A file.\nmod utils {}\n")[0].contains("utils"));
        assert!(problems("//! A file.\nstruct AManager;\n")[0].contains("says nothing"));
        let body = "    a();\n".repeat(151);
        let long = format!("//! A file.\nfn a() {{\n{body}}}\n");
        assert!(problems(&long)[0].contains("fn a has 151 lines"));
        let path = format!("//! A file.\n// {}x\n", MACHINE_PATHS[0]);
        assert!(problems(&path)[0].contains("a.rs:2: path"));
    }

    #[test]
    fn tests_at_the_end_do_not_count() {
        let text = "//! A.\nfn a() {}\n\n#[cfg(test)]\nmod tests {\n}\n";
        assert_eq!(without_tests(text).lines().count(), 3);
    }
}
