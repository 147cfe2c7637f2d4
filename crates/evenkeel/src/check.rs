//! `evenkeel check` and `haproxy -c`: reads everything, says everything, changes nothing.

use std::io::IsTerminal;
use std::process::ExitCode;

use config::{Files, Severity, SourceFile};

use crate::args::{CheckArgs, Color};
use crate::haproxy_args::HaproxyArgs;
use crate::house;
use crate::load::{Loaded, Loader};
use crate::say::Voice;

/// Exit code of `-cc` for a condition that is not understood.
const CONDITION_ERROR: u8 = 2;

/// `evenkeel check`.
pub fn native(args: &CheckArgs) -> ExitCode {
    let voice = Voice::Native;
    let paths = match crate::files::paths(&args.files.files) {
        Ok(paths) => paths,
        Err(text) => {
            voice.alert(text);
            return ExitCode::FAILURE;
        }
    };
    let mut loader = Loader::new(paths);
    loader.resolve = !args.no_resolve;
    let loaded = match loader.load(None, false) {
        Ok(loaded) => loaded,
        Err(e) => {
            voice.alert(e);
            return ExitCode::FAILURE;
        }
    };
    let colour = match args.color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => std::io::stderr().is_terminal(),
    };
    let style = config::render::Style { colour, ..config::render::Style::default() };
    voice.raw(&config::render::human(&loaded.diagnostics, &loaded.files, style));
    for server in &loaded.unresolved {
        voice.alert(house::unresolved_line(server));
    }
    let errors = loaded.diagnostics.count(Severity::Alert) + loaded.unresolved.len();
    let warnings = loaded.diagnostics.count(Severity::Warning);
    summary(&loaded, errors, warnings);
    let failed = errors > 0 || (args.strict && warnings > 0);
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn summary(loaded: &Loaded, errors: usize, warnings: usize) {
    let plural = |n: usize, word: &str| format!("{n} {word}{}", if n == 1 { "" } else { "s" });
    let counts = format!("{}, {}", plural(errors, "error"), plural(warnings, "warning"));
    match &loaded.config {
        Some(config) if errors == 0 => {
            let servers = config.backends.iter().map(|b| b.servers.len()).sum();
            println!(
                "valid: {}, {}, {}; {counts}",
                plural(config.frontends.len(), "frontend"),
                plural(config.backends.len(), "backend"),
                plural(servers, "server")
            );
        }
        _ => println!("not valid: {counts}"),
    }
}

/// `haproxy -c`.
pub fn haproxy(args: &HaproxyArgs, voice: Voice, loader: &Loader) -> ExitCode {
    let loaded = match loader.load(None, false) {
        Ok(loaded) => loaded,
        Err(e) => {
            voice.alert(format!("config : {e}"));
            return ExitCode::FAILURE;
        }
    };
    voice.raw(&house::render(voice, &loaded));
    if loaded.config.is_none() {
        return ExitCode::FAILURE;
    }
    if !loaded.unresolved.is_empty() {
        loaded.unresolved.iter().for_each(|u| voice.alert(house::unresolved_line(u) + "."));
        voice.alert("Failed to initialize server(s) addr.");
        return ExitCode::FAILURE;
    }
    let warned = loaded.diagnostics.count(Severity::Warning) > 0;
    if warned && (args.zero_warning || loaded.process.zero_warning) {
        voice.alert("Some warnings were found and 'zero-warning' is set. Aborting.");
        return ExitCode::FAILURE;
    }
    if warned && !args.quiet {
        println!("Warnings were found.");
    }
    if args.verbose {
        println!("Configuration file is valid");
    }
    ExitCode::SUCCESS
}

/// `haproxy -cc CONDITION`: 0 true, 1 false, 2 not understood.
pub fn condition(text: &str, voice: Voice, loader: &Loader) -> ExitCode {
    // Evaluated as it would be in a file: the branch that is read tells the answer.
    const NAME: &str = "-cc";
    let program = format!(".if {text}\n.notice \"true\"\n.endif\n");
    let mut files = Files::default();
    if files.add(SourceFile::new(NAME, program.as_bytes())).is_none() {
        return ExitCode::from(CONDITION_ERROR);
    }
    let mut environment = loader.environment.clone();
    let (_, diagnostics) = config::parse(files, &mut environment, &loader.facts);
    if let Some(alert) = diagnostics.iter().find(|d| d.severity == Severity::Alert) {
        voice.alert(format!("Failed to evaluate condition: {}", alert.reason));
        return ExitCode::from(CONDITION_ERROR);
    }
    let held = diagnostics.iter().any(|d| d.severity == Severity::Notice);
    if held { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
