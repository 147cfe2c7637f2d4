//! Properties of the text half: nothing is lost, nothing panics, whatever the bytes.
use evenkeel_config::{Environment, Facts, Files, SourceFile, parse, render};
use proptest::prelude::*;

fn read(bytes: &[u8]) -> (evenkeel_config::Ast, evenkeel_config::Diagnostics) {
    let mut files = Files::default();
    files.add(SourceFile::new("p.cfg", bytes)).expect("one small file fits");
    let mut environment = [("A", "one"), ("B", " two  words "), ("E", "")].into_iter().collect();
    parse(files, &mut environment, &Facts::default())
}

/// Lines that are nearly right, so that every part of the reader is reached.
fn line() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        "[a-z]{1,6}",
        r#"["'\\#$][ -~]{0,8}"#,
        Just("\"${B[*]}\"".to_owned()),
        Just("\"$A\"".to_owned()),
        Just("\"${NOPE-x y}\"".to_owned()),
        Just("if".to_owned()),
        Just("{".to_owned()),
    ];
    let start = prop_oneof![
        Just("global"),
        Just("defaults"),
        Just("frontend"),
        Just("listen"),
        Just("backend"),
        Just(".if"),
        Just(".elif"),
        Just(".else"),
        Just(".endif"),
        Just("http-request"),
        Just("option"),
        Just("option httpchk"),
        Just("timeout"),
        Just("reqirep"),
        Just("reqadd"),
        Just("no option"),
        Just("server"),
        Just("bind"),
        Just("setenv"),
        Just("unsetenv"),
        Just("monitor-net"),
        Just("rspidel ^X:"),
        Just("capture request"),
    ];
    (start, proptest::collection::vec(word, 0..5))
        .prop_map(|(start, words)| format!("{start} {}", words.join(" ")))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_bytes_are_read_without_a_panic_and_printed_back(
        bytes in proptest::collection::vec(any::<u8>(), 0..400),
    ) {
        let (ast, diagnostics) = read(&bytes);
        let (id, _) = ast.files().iter().next().expect("the file is there");
        prop_assert_eq!(ast.print(id), &bytes[..]);
        render::human(&diagnostics, ast.files(), render::Style { colour: true, limit: 10 });
        render::haproxy(&diagnostics, ast.files(), 1, 10);
    }

    #[test]
    fn near_configurations_are_read_without_a_panic(
        lines in proptest::collection::vec(line(), 0..20),
    ) {
        let text = lines.join("\n");
        let (ast, diagnostics) = read(text.as_bytes());
        for section in ast.sections() {
            for line in section.lines() {
                prop_assert!(!line.is_empty());
                prop_assert!(text.contains(line.raw()));
                for word in line.words() {
                    prop_assert!(line.raw().contains(word.raw()));
                    prop_assert!(word.span().line as usize <= lines.len());
                }
            }
        }
        render::human(&diagnostics, ast.files(), render::Style::default());
    }

    /// What is quoted by the rules of the manual comes out as it went in.
    #[test]
    fn quoting_is_undone(value in "[ -~]{1,40}") {
        let weak = value.replace('\\', "\\\\").replace('"', "\\\"").replace('$', "\\$");
        let mut bare = String::new();
        for c in value.chars() {
            if " #\\'\"".contains(c) {
                bare.push('\\');
            }
            bare.push(c);
        }
        let mut written = vec![format!("\"{weak}\""), bare];
        if !value.contains('\'') {
            written.push(format!("'{value}'"));
        }
        for text in written {
            let (ast, diagnostics) = read(format!("global\n\tlog-tag {text}\n").as_bytes());
            prop_assert!(!diagnostics.has_alerts(), "{}", text);
            let line = ast.sections().next().and_then(|section| section.lines().next());
            prop_assert_eq!(line.map(|line| line.value(1)), Some(value.as_str()), "{}", text);
        }
    }
}

#[test]
fn an_empty_environment_reads_an_empty_file() {
    let (ast, diagnostics) =
        parse(Files::default(), &mut Environment::default(), &Facts::default());
    assert_eq!(ast.sections().len(), 0);
    assert!(diagnostics.is_empty());
}
