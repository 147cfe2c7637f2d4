//! Properties that hold for any input.
use evenkeel_expr::{
    Acls, Condition, Expr, LogFormat, ParseContext, Place, Style, converters, fetches,
    log_variables,
};
use proptest::prelude::*;

use crate::subject::{Files, Session};

fn shareable<T: Clone + std::fmt::Debug + PartialEq + Send + Sync + 'static>() {}

#[test]
fn what_is_parsed_can_be_shared() {
    shareable::<Expr>();
    shareable::<Condition>();
    shareable::<LogFormat>();
}

/// Text that looks like expressions often enough to get past the first checks.
fn expression() -> impl Strategy<Value = String> {
    let fetches: Vec<&str> = fetches().map(|fetch| fetch.name).collect();
    let converters: Vec<&str> = converters().map(|converter| converter.name).collect();
    let argument = prop_oneof![
        "[a-z0-9._-]{0,6}",
        Just("txn.x".to_owned()),
        "-?[0-9]{1,19}",
        "\"[^\"]{0,4}\"",
        Just("%Y-%m".to_owned()),
        "(0x)?[0-9a-f]{2,8}",
        ".{0,3}",
    ];
    let arguments = prop_oneof![
        Just(String::new()),
        prop::collection::vec(argument, 0..4).prop_map(|args| format!("({})", args.join(","))),
    ];
    let call = |names: Vec<&'static str>| (prop::sample::select(names), arguments.clone());
    let tail = prop::collection::vec(call(converters), 0..4);
    (call(fetches), tail).prop_map(|((name, arguments), tail)| {
        let mut text = format!("{name}{arguments}");
        for (name, arguments) in tail {
            text.push_str(&format!(",{name}{arguments}"));
        }
        text
    })
}

fn session(target: &str, headers: &[(String, Vec<u8>)], payload: Vec<u8>) -> Session {
    let mut session = Session::request(&["GET / HTTP/1.1"]);
    session.target = target.as_bytes().to_vec();
    session.headers =
        headers.iter().map(|(name, value)| (name.clone().into_bytes(), value.clone())).collect();
    session.src = "192.0.2.1:1234".parse().ok();
    session.is_final = payload.len().is_multiple_of(2);
    session.payload = Some((payload, false));
    session
}

fn sessions() -> impl Strategy<Value = Session> {
    let name = prop_oneof![
        Just("host".to_owned()),
        Just("cookie".to_owned()),
        Just("authorization".to_owned()),
        Just("x".to_owned())
    ];
    let value = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..24),
        "[ -~]{0,24}".prop_map(String::into_bytes),
        "(Basic [A-Za-z0-9+/]{0,12}={0,2})?".prop_map(String::into_bytes),
        "([a-z]{0,2}=[a-z\"]{0,3};? ?){0,3}".prop_map(String::into_bytes),
    ];
    let headers = prop::collection::vec((name, value), 0..4);
    let target = "(/|http://|\\*)?[a-z0-9./?&=;%:]{0,16}";
    let payload = prop::collection::vec(any::<u8>(), 0..40);
    (target, headers, payload)
        .prop_map(|(target, headers, payload)| session(&target, &headers, payload))
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 2_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_expression_parses_or_is_refused_and_runs(
        text in expression(),
        session in sessions(),
        place in prop::sample::select(vec![Place::ANYWHERE, Place::FE_HTTP_REQUEST, Place::LOG]),
    ) {
        let (acls, files) = (Acls::new(), Files::default());
        let context = ParseContext::new(place, &acls, &files);
        match Expr::parse(&text, &context) {
            Ok(expr) => {
                let again = Expr::parse(expr.source(), &context);
                prop_assert_eq!(again.as_ref(), Ok(&expr));
                let _ = expr.eval(&session);
            }
            Err(error) => prop_assert!(error.offset <= text.len(), "{error:?}"),
        }
    }

    #[test]
    fn any_text_is_a_format_or_is_refused(text in ".{0,40}", session in sessions()) {
        let (acls, files) = (Acls::new(), Files::default());
        let context = ParseContext::new(Place::LOG, &acls, &files);
        match LogFormat::parse(&text, &context) {
            Ok(format) => format.render(&session, &mut Vec::new()),
            Err(error) => prop_assert!(error.offset <= text.len(), "{error:?}"),
        }
    }

    #[test]
    fn a_log_line_never_holds_control_characters(
        names in prop::collection::vec(
            prop::sample::select(log_variables().map(|v| v.name).collect::<Vec<_>>()), 0..6),
        flags in prop::sample::select(vec!["", "{+Q}", "{+E,+Q}", "{+X}", "{+json}"]),
        session in sessions(),
    ) {
        let (acls, files) = (Acls::new(), Files::default());
        let context = ParseContext::new(Place::LOG, &acls, &files);
        let text: String = names.iter().map(|name| format!("%{flags}{name} ")).collect();
        let text = format!("{text}%{flags}[capture.req.hdr(0)]");
        let format = LogFormat::parse(&text, &context).map_err(|e| TestCaseError::fail(e.message))?;
        let mut out = Vec::new();
        format.render(&session, &mut out);
        prop_assert!(!out.iter().any(|byte| *byte < 32 || *byte == 127), "{}", out.escape_ascii());
    }

    #[test]
    fn text_without_percent_signs_is_constant(text in "[^%]{0,20}") {
        let (acls, files) = (Acls::new(), Files::default());
        let context = ParseContext::new(Place::FE_HTTP_REQUEST, &acls, &files);
        let format = LogFormat::parse_as(Style::Raw, &text, &context);
        let format = format.map_err(|e| TestCaseError::fail(e.message))?;
        prop_assert_eq!(format.constant(), Some(text.as_bytes()));
    }

    #[test]
    fn any_words_are_a_condition_or_are_refused(
        words in prop::collection::vec(
            prop_oneof![
                prop::sample::select(vec![
                    "if", "unless", "or", "||", "{", "}", "!", "TRUE", "path", "hdr(x)", "src",
                    "-i", "-m", "str", "int", "ip", "reg", "dom", "gt", "5", "1.2.3.4/8", "[a-",
                ]).prop_map(str::to_owned),
                "[ -~]{0,6}",
            ], 0..10),
        session in sessions(),
    ) {
        let (acls, files) = (Acls::new(), Files::default());
        let context = ParseContext::new(Place::FE_HTTP_REQUEST, &acls, &files);
        let words: Vec<&str> =
            std::iter::once("if").chain(words.iter().map(String::as_str)).collect();
        match Condition::parse(&words, &context) {
            Ok(condition) => {
                let _ = condition.eval(&session);
            }
            Err(error) => prop_assert!(error.word < words.len(), "{error:?}"),
        }
    }
}
