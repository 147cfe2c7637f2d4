//! Older spellings that public files still use, rewritten into today's with one warning.
use crate::ast::{Ast, Line, NewWord, Word};
use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::section::SectionKind;
use crate::source::Span;

/// What an older line stands for.
enum Rewrite {
    /// These lines, in its place.
    Lines(Vec<Vec<NewWord>>),
    /// Nothing: it has no meaning any more, and why.
    Gone(&'static str),
    /// Nothing that could be written down without the author, and what to write.
    Lost(&'static str),
}

/// Rewrites every older spelling in the tree.
pub(crate) fn modernise(ast: &mut Ast, diagnostics: &mut Diagnostics) {
    let nodes = ast.take_nodes();
    for (kind, header, lines) in nodes {
        let address = address_on_section_line(kind, ast.view(header));
        match address {
            Some((name, bind)) => {
                let place = ast.view(header).span();
                let lines = [name, bind];
                let old = format!("{} <name> <address>", kind.keyword());
                warn(diagnostics, place, &old, &lines);
                let [name, bind] = lines.map(|line| ast.store_new(place, &line));
                ast.push_section(kind, name);
                ast.push_line(bind);
            }
            None => ast.push_section(kind, header),
        }
        for node in lines {
            let line = ast.view(node);
            if !is_old(line.keyword()) {
                ast.push_line(node);
                continue;
            }
            let Some(rewrite) = rewrite(kind, line) else {
                ast.push_line(node);
                continue;
            };
            let place = line.span();
            let old = old_name(line);
            apply(ast, rewrite, place, &old, diagnostics);
        }
    }
}

/// As much of the line as names the older spelling.
fn old_name(line: Line<'_>) -> String {
    let words = match line.keyword() {
        "option" | "timeout" | "mode" | "stats" => 2,
        "no" => 3,
        _ => 1,
    };
    let words: Vec<&str> = line.words().take(words).map(|word| word.value()).collect();
    words.join(" ")
}

fn apply(ast: &mut Ast, rewrite: Rewrite, place: Span, old: &str, diagnostics: &mut Diagnostics) {
    match rewrite {
        Rewrite::Lines(lines) => {
            for line in &lines {
                let node = ast.store_new(place, line);
                ast.push_line(node);
            }
            warn(diagnostics, place, old, &lines);
        }
        Rewrite::Gone(why) => {
            let reason = format!("'{old}' has no meaning any more: {why}");
            let finding = Diagnostic::new(Severity::Warning, place, reason);
            diagnostics.push(finding.hint("remove the line"));
        }
        Rewrite::Lost(instead) => {
            let reason = format!("'{old}' no longer exists and cannot be rewritten by itself");
            let finding = Diagnostic::new(Severity::Alert, place, reason);
            diagnostics.push(finding.hint(instead));
        }
    }
}

fn warn(diagnostics: &mut Diagnostics, place: Span, old: &str, new: &[Vec<NewWord>]) {
    let text = |line: &Vec<NewWord>| {
        let words: Vec<String> = line.iter().map(|word| quoted(&word.text)).collect();
        words.join(" ")
    };
    let lines: Vec<String> = new.iter().map(text).collect();
    let finding =
        Diagnostic::new(Severity::Warning, place, format!("'{old}' is an older spelling"));
    diagnostics.push(finding.hint(format!("write: {}", lines.join("   and   "))));
}

/// A word as it would be written in a file.
fn quoted(text: &str) -> String {
    let plain = |c: char| !c.is_whitespace() && !c.is_control() && !"\"'\\#".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    if !text.contains('\'') && !text.chars().any(char::is_control) {
        return format!("'{text}'");
    }
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' | '$' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// Whether a line that starts with this word may be an older spelling.
pub(crate) fn is_old(keyword: &str) -> bool {
    matches!(keyword, "option" | "timeout" | "mode" | "stats" | "no" | "dispatch")
        || OLD.contains(&keyword)
}

const OLD: &[&str] = &[
    "appsession",
    "bind-process",
    "block",
    "clitimeout",
    "contimeout",
    "debug",
    "grace",
    "monitor-net",
    "nbproc",
    "redisp",
    "redispatch",
    "reqadd",
    "reqallow",
    "reqdel",
    "reqdeny",
    "reqiallow",
    "reqidel",
    "reqideny",
    "reqipass",
    "reqirep",
    "reqisetbe",
    "reqitarpit",
    "reqpass",
    "reqrep",
    "reqsetbe",
    "reqtarpit",
    "rspadd",
    "rspdel",
    "rspdeny",
    "rspidel",
    "rspideny",
    "rspirep",
    "rsprep",
    "srvtimeout",
];

fn rewrite(kind: SectionKind, line: Line<'_>) -> Option<Rewrite> {
    if kind == SectionKind::Global {
        return global(line);
    }
    if !kind.is_proxy() {
        return None;
    }
    let words = Words(line);
    Some(match line.keyword() {
        "contimeout" => words.renamed("timeout connect", 1),
        "clitimeout" => words.renamed("timeout client", 1),
        "srvtimeout" => words.renamed("timeout server", 1),
        "timeout" => match line.value(1) {
            "contimeout" => words.renamed("timeout connect", 2),
            "clitimeout" => words.renamed("timeout client", 2),
            "srvtimeout" => words.renamed("timeout server", 2),
            _ => return None,
        },
        "redispatch" | "redisp" => words.renamed("option redispatch", 1),
        "option" => return option(line),
        "no" if line.value(1) == "option" => match line.value(2) {
            "forceclose" => words.renamed("no option httpclose", 3),
            "http-use-htx" | "http-tunnel" | "tcpsplice" => Rewrite::Gone(GONE_OPTION),
            _ => return None,
        },
        "dispatch" => words.renamed("server dispatch", 1),
        "mode" if line.value(1) == "health" => Rewrite::Lines(vec![
            words.fixed("mode http"),
            words.fixed("http-request return status 200"),
        ]),
        "block" => words.renamed("http-request deny", 1),
        "monitor-net" => monitor_net(line)?,
        "bind-process" => Rewrite::Gone("there is one process, whose threads serve every proxy"),
        "grace" => Rewrite::Gone("a stop drains connections by itself; see 'hard-stop-after'"),
        "stats" if line.value(1) == "bind-process" => Rewrite::Gone("there is one process"),
        "reqadd" => add_header(line, "http-request")?,
        "rspadd" => add_header(line, "http-response")?,
        "reqdel" | "reqidel" => delete_header(line, "http-request"),
        "rspdel" | "rspidel" => delete_header(line, "http-response"),
        "reqrep" | "reqirep" => replace(line, "http-request", line.keyword() == "reqirep"),
        "rsprep" | "rspirep" => replace(line, "http-response", line.keyword() == "rspirep"),
        "reqdeny" | "reqideny" => deny(line, "http-request deny"),
        "reqtarpit" | "reqitarpit" => deny(line, "http-request tarpit"),
        "rspdeny" | "rspideny" => deny(line, "http-response deny"),
        "reqallow" | "reqiallow" | "reqpass" | "reqipass" => {
            Rewrite::Lost("write 'http-request allow if { <sample> -m reg <regex> }'")
        }
        "reqsetbe" | "reqisetbe" => {
            Rewrite::Lost("write 'use_backend <backend> if { <sample> -m reg <regex> }'")
        }
        "appsession" => Rewrite::Lost("write 'cookie <name> prefix' or a stick table"),
        _ => return None,
    })
}

const GONE_OPTION: &str = "it is always so";

fn global(line: Line<'_>) -> Option<Rewrite> {
    Some(match line.keyword() {
        "nbproc" => Rewrite::Gone("one process uses all CPUs with its threads"),
        "debug" => Rewrite::Gone("start with -d instead"),
        "stats" if line.value(1) == "bind-process" => Rewrite::Gone("there is one process"),
        _ => return None,
    })
}

fn option(line: Line<'_>) -> Option<Rewrite> {
    Some(match line.value(1) {
        "forceclose" => Words(line).renamed("option httpclose", 2),
        "http-use-htx" | "http-tunnel" | "tcpsplice" => Rewrite::Gone(GONE_OPTION),
        "httpchk" => return httpchk(line),
        _ => return None,
    })
}

/// Words of a line, copied into new ones with their places.
struct Words<'a>(Line<'a>);

impl Words<'_> {
    /// The blank-separated `name` in place of the first `count` words.
    fn renamed(&self, name: &str, count: usize) -> Rewrite {
        let mut words = self.fixed(name);
        words.extend(self.from(count));
        Rewrite::Lines(vec![words])
    }

    /// Words that stand for the keyword.
    fn fixed(&self, words: &str) -> Vec<NewWord> {
        let span = self.0.word(0).map_or(self.0.span(), |word| word.span());
        words.split(' ').map(|text| NewWord { text: text.to_owned(), span }).collect()
    }

    fn from(&self, first: usize) -> Vec<NewWord> {
        self.0.words().skip(first).map(copy).collect()
    }
}

fn copy(word: Word<'_>) -> NewWord {
    NewWord { text: word.value().to_owned(), span: word.span() }
}

fn new_word(text: impl Into<String>, span: Span) -> NewWord {
    NewWord { text: text.into(), span }
}

/// `listen name addr:port` becomes `listen name` and `bind addr:port`.
fn address_on_section_line(
    kind: SectionKind,
    header: Line<'_>,
) -> Option<(Vec<NewWord>, Vec<NewWord>)> {
    let (keyword, name, address) = (header.word(0)?, header.word(1)?, header.word(2)?);
    if !matches!(kind, SectionKind::Frontend | SectionKind::Listen) || address.value() == "from" {
        return None;
    }
    let mut section = vec![copy(keyword), copy(name)];
    let from = header.words().position(|word| word.value() == "from").unwrap_or(header.len());
    section.extend(header.words().skip(from).map(copy));
    let mut bind = vec![new_word("bind", address.span())];
    bind.extend(header.words().take(from).skip(2).map(copy));
    Some((section, bind))
}

/// `reqadd "Name: value" [condition]`.
fn add_header(line: Line<'_>, rules: &str) -> Option<Rewrite> {
    let header = line.word(1)?;
    let Some((name, value)) = header.value().split_once(':') else {
        return Some(Rewrite::Lost("write 'http-request add-header <name> <value>'"));
    };
    let words = Words(line);
    let mut new = words.fixed(&format!("{rules} add-header"));
    new.push(new_word(name.trim(), header.span()));
    new.push(new_word(value.trim().replace('%', "%%"), header.span()));
    new.extend(words.from(2));
    Some(Rewrite::Lines(vec![new]))
}

/// `reqidel ^Name: [condition]`; only a whole name can be rewritten.
fn delete_header(line: Line<'_>, rules: &str) -> Rewrite {
    let Some(word) = line.word(1) else { return Rewrite::Lost(DELETE) };
    let name = match header_pattern(word.value()) {
        Some((name, "" | ".*" | ".*$" | "(.*)")) => name,
        _ => return Rewrite::Lost(DELETE),
    };
    let words = Words(line);
    let mut new = words.fixed(&format!("{rules} del-header"));
    new.push(new_word(name, word.span()));
    new.extend(words.from(2));
    Rewrite::Lines(vec![new])
}

const DELETE: &str = "write 'http-request del-header <name> [-m <method>]'";
const REPLACE: &str = "write 'http-request replace-header', 'replace-path' or 'replace-uri'";

/// `^Name:` at the start of a pattern: the name, and what comes after the colon and blanks.
fn header_pattern(pattern: &str) -> Option<(&str, &str)> {
    let (name, rest) = pattern.strip_prefix('^').unwrap_or(pattern).split_once(':')?;
    let token = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if name.is_empty() || !name.chars().all(token) {
        return None;
    }
    Some((name, skip_blank_pattern(rest)))
}

/// Drops what stands for the blanks behind a colon in a pattern.
fn skip_blank_pattern(rest: &str) -> &str {
    let forms = ["[ ]*", "[\\ ]*", "\\s*", " *", " ", "\\ "];
    forms.iter().find_map(|form| rest.strip_prefix(form)).unwrap_or(rest)
}

/// `reqrep <regex> <string> [condition]` on the request line or on one header.
fn replace(line: Line<'_>, rules: &str, any_case: bool) -> Rewrite {
    let (Some(search), Some(string)) = (line.word(1), line.word(2)) else {
        return Rewrite::Lost(REPLACE);
    };
    let case = if any_case { "(?i)" } else { "" };
    let made = request_line(search.value(), string.value(), rules).or_else(|| {
        let (name, pattern) = header_pattern(search.value())?;
        let (new_name, value) = string.value().split_once(':')?;
        if !new_name.eq_ignore_ascii_case(name) {
            return None;
        }
        let action = vec!["replace-header".to_owned(), name.to_owned()];
        Some((action, pattern.to_owned(), value.trim_start().to_owned()))
    });
    let Some((action, pattern, value)) = made else { return Rewrite::Lost(REPLACE) };
    let words = Words(line);
    let mut new = words.fixed(rules);
    new.extend(action.into_iter().map(|text| new_word(text, search.span())));
    new.push(new_word(format!("{case}{pattern}"), search.span()));
    new.push(new_word(value.replace('%', "%%"), string.span()));
    new.extend(words.from(3));
    Rewrite::Lines(vec![new])
}

/// `^([^ :]*) /old/(.*)` with `\1 /new/\2`: the method is kept, the target is rewritten.
fn request_line(search: &str, string: &str, rules: &str) -> Option<(Vec<String>, String, String)> {
    if rules != "http-request" {
        return None;
    }
    let methods = ["^([^ :]*)", "^([^ ]*)", "^([^\\ :]*)", "^([^\\ ]*)", "^(.*)", "^([A-Z]*)"];
    let rest = methods.iter().find_map(|method| search.strip_prefix(method))?;
    let rest = rest.strip_prefix("\\ ").or_else(|| rest.strip_prefix(' '))?;
    let target = string.strip_prefix("\\1 ").or_else(|| string.strip_prefix("\\1\\ "))?;
    let versions = ["\\ HTTP/1.[01]", " HTTP/1.[01]", " HTTP/1\\.[01]", " (HTTP/1.[01])", "$"];
    let pattern = versions.iter().find_map(|end| rest.strip_suffix(end)).unwrap_or(rest);
    let target = target.split(" HTTP/").next().unwrap_or(target);
    let target = shift_references(target)?;
    Some((vec!["replace-pathq".to_owned()], format!("^{pattern}"), target))
}

/// `\2` becomes `\1` and so on, because the method's group is gone.
fn shift_references(target: &str) -> Option<String> {
    let mut out = String::new();
    let mut chars = target.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next()? {
            digit @ '2'..='9' => {
                out.push('\\');
                out.push(char::from_digit(digit.to_digit(10)? - 1, 10)?);
            }
            '0' | '1' => return None,
            other => out.extend(['\\', other]),
        }
    }
    Some(out)
}

/// `reqideny ^Name: regex` becomes a rule on that header.
fn deny(line: Line<'_>, rule: &str) -> Rewrite {
    const INSTEAD: &str = "write 'http-request deny if { <sample> -m reg <regex> }'";
    let Some(word) = line.word(1) else { return Rewrite::Lost(INSTEAD) };
    if line.len() > 2 {
        return Rewrite::Lost(INSTEAD);
    }
    let Some((name, pattern)) = header_pattern(word.value()) else {
        return Rewrite::Lost(INSTEAD);
    };
    let sample = if rule.starts_with("http-request") { "req.fhdr" } else { "res.fhdr" };
    let words = Words(line);
    let mut new = words.fixed(&format!("{rule} if {{ {sample}({name}) -m reg"));
    if line.keyword().starts_with("reqi") || line.keyword().starts_with("rspi") {
        new.extend(words.fixed("-i"));
    }
    new.push(new_word(format!("^{pattern}"), word.span()));
    new.extend(words.fixed("}"));
    Rewrite::Lines(vec![new])
}

fn monitor_net(line: Line<'_>) -> Option<Rewrite> {
    let network = line.word(1)?;
    let words = Words(line);
    let mut new = words.fixed("http-request return status 200 if { src");
    new.push(copy(network));
    new.extend(words.fixed("}"));
    Some(Rewrite::Lines(vec![new]))
}

/// `option httpchk GET / HTTP/1.1\r\nHost:\ name`: headers move into `http-check send`.
fn httpchk(line: Line<'_>) -> Option<Rewrite> {
    let at = line.words().position(|word| word.value().contains(['\r', '\n']))?;
    let word = line.word(at)?;
    let mut parts = word.value().split(['\r', '\n']).filter(|part| !part.is_empty());
    let words = Words(line);
    let mut check: Vec<NewWord> = line.words().take(at).map(copy).collect();
    let version = parts.next()?;
    if !version.starts_with("HTTP/") {
        return Some(Rewrite::Lost("write 'http-check send hdr <name> <value>'"));
    }
    check.push(new_word(version, word.span()));
    let mut send = words.fixed("http-check send");
    let rest: Vec<&str> = line.words().skip(at + 1).map(|word| word.value()).collect();
    let mut headers: Vec<String> = parts.map(str::to_owned).collect();
    if let Some(last) = headers.last_mut() {
        // What was written without escaping the blank belongs to the last header.
        for word in &rest {
            last.push(' ');
            last.push_str(word);
        }
    }
    for header in &headers {
        let (name, value) = header.split_once(':')?;
        send.extend([
            new_word("hdr", word.span()),
            new_word(name.trim(), word.span()),
            new_word(value.trim().replace('%', "%%"), word.span()),
        ]);
    }
    let lines = if headers.is_empty() { vec![check] } else { vec![check, send] };
    Some(Rewrite::Lines(lines))
}
