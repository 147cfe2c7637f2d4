//! Checks and generators of the repository itself: layers, style, generated pages.
mod commands;
mod keywords;
mod layers;
mod page;
mod tidy;
mod tree;

use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask <task>

tasks:
  commands [--check]   write docs/runtime-api.md from the command table, or check it
  keywords [--check]   write docs/keywords.md from the keyword table, or see whether it is current
  layers               compare the dependencies of our crates with layers.toml
  tidy                 check the style rules that a program can check";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let outcome = match args.as_slice() {
        ["commands"] => commands::page().write(),
        ["commands", "--check"] => commands::page().check(),
        ["keywords"] => keywords::page().write(),
        ["keywords", "--check"] => keywords::page().check(),
        ["layers"] => layers::check(),
        ["tidy"] => tidy::check(),
        _ => Err(vec![USAGE.to_owned()]),
    };
    match outcome {
        Ok(said) => {
            println!("{said}");
            ExitCode::SUCCESS
        }
        Err(problems) => {
            for problem in problems {
                eprintln!("{problem}");
            }
            ExitCode::FAILURE
        }
    }
}
