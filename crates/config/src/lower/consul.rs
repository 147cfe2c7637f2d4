//! `consul@SERVICE?...`: the instances of a service, as a server's address or an option says them.

use std::time::Duration;

use model::Name;
use model::consul::{ServiceHealth, ServiceQuery};

use super::address::BadAddress;
use crate::text::units::{TimeUnit, time_ms};

/// What a server's address begins with that is a service of Consul.
pub(crate) const PREFIX: &str = "consul@";

/// Words and values that each kind of condition may have.
const LIST_MAX: usize = 16;
/// Longest word or value, in bytes.
const VALUE_MAX: usize = 512;
/// How long a question may wait for a change.
const WAIT_S: std::ops::RangeInclusive<u64> = 1..=600;
/// How old an answer may be where `stale` does not say.
const STALE: Duration = Duration::from_secs(2);

/// Every option.
const OPTIONS: [&str; 14] = [
    "tag",
    "passing",
    "warning",
    "any",
    "dc",
    "ns",
    "partition",
    "node-meta",
    "meta",
    "filter",
    "stale",
    "wait",
    "keep",
    "address",
];

/// Reads what stands behind `consul@`: the service, and behind `?` options with `&` between them.
pub(crate) fn service(text: &str) -> Result<ServiceQuery, BadAddress> {
    let (service, rest) = match text.split_once('?') {
        Some((service, rest)) => (service, Some(rest)),
        None => (text, None),
    };
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if service.is_empty() {
        return bad(0, "the name of the service is missing");
    }
    if let Some((at, c)) = service.char_indices().find(|(_, c)| !good(*c)) {
        return bad(at, format!("a service's name cannot contain '{c}'"));
    }
    let mut query = ServiceQuery::new(service.into());
    options(&mut query, rest.unwrap_or_default())
        .map_err(|e| BadAddress { at: e.at + service.len() + 1, ..e })?;
    Ok(query)
}

/// Reads options with `&` between them that hold for every service, as a command line gives them.
///
/// # Errors
/// Offset in the text and reason.
pub fn all_services(text: &str) -> Result<ServiceQuery, (usize, String)> {
    let mut query = ServiceQuery::new("".into());
    options(&mut query, text).map_err(|e| (e.at, e.reason))?;
    Ok(query)
}

fn options(query: &mut ServiceQuery, text: &str) -> Result<(), BadAddress> {
    let mut at = 0;
    for option in text.split('&') {
        if !option.is_empty() {
            set(query, option).map_err(|e| BadAddress { at: e.at + at, ..e })?;
        }
        at += option.len() + 1;
    }
    Ok(())
}

fn set(query: &mut ServiceQuery, option: &str) -> Result<(), BadAddress> {
    let (name, value) = match option.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (option, None),
    };
    let value_at = name.len() + 1;
    let word = || match value {
        None | Some("") => bad(0, format!("'{name}' expects a value: {name}=...")),
        Some(value) if value.len() > VALUE_MAX => {
            bad(value_at, format!("the value is longer than {VALUE_MAX} bytes"))
        }
        Some(value) => Ok(value),
    };
    let pair = || match word()?.split_once(':') {
        Some((key, value)) if !key.is_empty() => Ok((Name::from(key), Name::from(value))),
        _ => bad(value_at, format!("'{name}' expects KEY:VALUE")),
    };
    let flag = |health| match value {
        None => Ok(health),
        Some(_) => bad(value_at, format!("'{name}' has no value")),
    };
    match name {
        "tag" => add(&mut query.tags, word()?.into(), name)?,
        "passing" => query.health = flag(ServiceHealth::Passing)?,
        "warning" => query.health = flag(ServiceHealth::Warning)?,
        "any" => query.health = flag(ServiceHealth::Any)?,
        "dc" => query.datacenter = Some(word()?.into()),
        "ns" => query.namespace = Some(word()?.into()),
        "partition" => query.partition = Some(word()?.into()),
        "node-meta" => {
            let (key, value) = pair()?;
            add(&mut query.node_meta, format!("{key}:{value}").into(), name)?;
        }
        "meta" => add(&mut query.service_meta, pair()?, name)?,
        "filter" => query.filter = Some(word()?.into()),
        "stale" if value.is_none() => query.stale = Some(STALE),
        "stale" => query.stale = Some(time(word()?, value_at)?),
        "wait" => {
            let wait = time(word()?, value_at)?;
            if !WAIT_S.contains(&wait.as_secs()) {
                let (from, to) = WAIT_S.into_inner();
                return bad(value_at, format!("a wait is {from}s to {to}s"));
            }
            query.wait = wait;
        }
        "keep" => query.keep = time(word()?, value_at)?,
        "address" => query.address = Some(word()?.into()),
        "token-file" => query.token_file = Some(word()?.into()),
        other => {
            let names = OPTIONS.into_iter().chain(["token-file"]);
            let near = crate::suggest::did_you_mean(other, names);
            let near = near.map(|n| format!(": was '{n}' meant?")).unwrap_or_default();
            return bad(0, format!("'{other}' is no option of 'consul@'{near}"));
        }
    }
    Ok(())
}

fn add<T>(list: &mut Vec<T>, value: T, name: &str) -> Result<(), BadAddress> {
    if list.len() == LIST_MAX {
        return bad(0, format!("more than {LIST_MAX} times '{name}'"));
    }
    list.push(value);
    Ok(())
}

fn time(text: &str, at: usize) -> Result<Duration, BadAddress> {
    let wrong = |reason: String| BadAddress { at, reason: format!("'{text}': {reason}") };
    let measured = time_ms(text, TimeUnit::Ms).map_err(|e| wrong(e.to_string()))?;
    match measured.trailing {
        None => Ok(Duration::from_millis(measured.value)),
        Some((_, c)) => Err(wrong(format!("unexpected '{c}'"))),
    }
}

fn bad<T>(at: usize, reason: impl Into<String>) -> Result<T, BadAddress> {
    Err(BadAddress { at, reason: reason.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_read_with_its_conditions() {
        let plain = service("web").expect("a service");
        assert_eq!(plain, ServiceQuery::new("web".into()));
        let all = "web?tag=prod&tag=urlprefix-/a&warning&dc=dc2&ns=team&partition=p&node-meta=a:b\
                   &meta=zone:eu:1&filter=Service.Port == 80&stale=5s&wait=10s&keep=1m\
                   &address=wan&token-file=/run/t";
        let expected = ServiceQuery {
            datacenter: Some("dc2".into()),
            namespace: Some("team".into()),
            partition: Some("p".into()),
            tags: vec!["prod".into(), "urlprefix-/a".into()],
            node_meta: vec!["a:b".into()],
            service_meta: vec![("zone".into(), "eu:1".into())],
            filter: Some("Service.Port == 80".into()),
            health: ServiceHealth::Warning,
            stale: Some(Duration::from_secs(5)),
            wait: Duration::from_secs(10),
            keep: Duration::from_secs(60),
            address: Some("wan".into()),
            token_file: Some("/run/t".into()),
            ..ServiceQuery::new("web".into())
        };
        assert_eq!(service(all).ok(), Some(expected));
        let stale = service("web?stale&passing").expect("a service");
        assert_eq!((stale.stale, stale.health), (Some(STALE), ServiceHealth::Passing));
    }

    #[test]
    fn what_is_wrong_is_found_where_it_stands() {
        for (text, at, reason) in [
            ("", 0, "the name of the service is missing"),
            ("?tag=a", 0, "the name of the service is missing"),
            ("we b", 2, "a service's name cannot contain ' '"),
            ("web?tag", 4, "'tag' expects a value: tag=..."),
            ("web?tag=a&passng", 10, "'passng' is no option of 'consul@': was 'passing' meant?"),
            ("web?passing=1", 12, "'passing' has no value"),
            ("web?meta=zone", 9, "'meta' expects KEY:VALUE"),
            ("web?wait=0", 9, "a wait is 1s to 600s"),
            ("web?wait=11m", 9, "a wait is 1s to 600s"),
            ("web?keep=5x", 9, "'5x': unknown unit 'x'"),
        ] {
            let found = service(text).err().map(|e| (e.at, e.reason));
            assert_eq!(found, Some((at, reason.to_owned())), "{text}");
        }
        let many = format!("web?{}", "tag=a&".repeat(17));
        assert!(service(&many).is_err_and(|e| e.reason == "more than 16 times 'tag'"));
    }
}
