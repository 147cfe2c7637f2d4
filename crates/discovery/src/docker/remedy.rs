//! What is wrong with an engine, in one line that says what helps.

use std::error::Error;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use bollard::API_DEFAULT_VERSION;
use bollard::errors::Error as ApiError;

use super::Endpoint;

/// The calls that an engine's guard has to pass.
const CALLS: &str = "GET of /version, /info, /events, /containers/json and /containers/ID/json";
/// Longest reason that is passed on, in characters.
const REASON_MAX: usize = 300;

/// Whether the engine answered, if only with something that is of no use.
pub fn is_answer(error: &ApiError) -> bool {
    matches!(
        error,
        ApiError::DockerResponseServerError { .. }
            | ApiError::JsonDataError { .. }
            | ApiError::JsonSerdeError { .. }
            | ApiError::StrParseError { .. }
    )
}

/// What went wrong, down to its cause, in one line.
pub fn cause(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    for more in causes(error).skip(1) {
        let more = more.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
    }
    let plain = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    plain.take(REASON_MAX).collect::<String>().trim().to_owned()
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error: &&(dyn Error + 'static)| (*error).source())
}

/// What went wrong and what helps.
pub fn line(endpoint: &Endpoint, error: &(dyn Error + 'static)) -> String {
    let kind = causes(error).find_map(|e| e.downcast_ref::<io::Error>()).map(io::Error::kind);
    let api = causes(error).find_map(|e| e.downcast_ref::<ApiError>());
    let missing = matches!(api, Some(ApiError::SocketNotFoundError(_)));
    let kind = if missing { Some(io::ErrorKind::NotFound) } else { kind };
    if let Some(text) = endpoint.socket().and_then(|path| of_socket(path, kind?)) {
        return text;
    }
    let said = cause(error);
    let helps = match (api, kind) {
        (_, Some(io::ErrorKind::ConnectionRefused)) => {
            "nobody listens there: start the engine or 'evenkeel agent', or name another address \
             with DOCKER_HOST or --docker"
                .to_owned()
        }
        (Some(api), _) => match of_answer(api) {
            Some(helps) => helps,
            None => return said,
        },
        _ => return said,
    };
    format!("{said}; {helps}")
}

/// What keeps us from a socket.
fn of_socket(path: &Path, kind: io::ErrorKind) -> Option<String> {
    let shown = path.display();
    let there = path.metadata();
    if there.as_ref().is_ok_and(std::fs::Metadata::is_dir) {
        return Some(format!(
            "{shown} is a folder: the engine's socket was not there when it was mounted; start \
             the engine, then make this container anew"
        ));
    }
    match kind {
        io::ErrorKind::NotFound => Some(format!(
            "there is no socket {shown}: mount it (-v {shown}:{shown}), or name the engine with \
             DOCKER_HOST or --docker"
        )),
        io::ErrorKind::PermissionDenied => Some(match there {
            Ok(there) => format!(
                "no permission for {shown} (mode {:o}): join its group (--group-add {gid}, in \
                 Compose group_add: [\"{gid}\"]) or run as user {}",
                there.mode() & 0o777,
                there.uid(),
                gid = there.gid(),
            ),
            Err(_) => format!("no permission for {shown}: its folder is closed to this user"),
        }),
        io::ErrorKind::ConnectionRefused => {
            let folder = path.parent().unwrap_or(Path::new("/")).display();
            Some(format!(
                "nobody listens on {shown}: start the engine; if it made a new socket and only \
                 the old one is mounted, mount its folder (-v {folder}:{folder})"
            ))
        }
        _ => None,
    }
}

/// What helps when the engine answers, but not as wanted.
fn of_answer(error: &ApiError) -> Option<String> {
    let ours = API_DEFAULT_VERSION;
    Some(match error {
        ApiError::DockerResponseServerError { status_code, message } => match status_code {
            400 if message.contains("too old") => {
                format!("evenkeel speaks the API up to version {ours}: use a newer evenkeel")
            }
            400 if message.contains("too new") => {
                format!("evenkeel speaks the API from 1.24 to {ours}: use a newer engine")
            }
            400 if message.contains("HTTPS server") => {
                "it speaks TLS: set DOCKER_TLS_VERIFY=1, and DOCKER_CERT_PATH to the folder of \
                 ca.pem, cert.pem and key.pem"
                    .to_owned()
            }
            401 | 403 | 404 | 405 => {
                format!("what guards the engine has to pass {CALLS}, as 'evenkeel agent' does")
            }
            _ => "see the engine's own log".to_owned(),
        },
        ApiError::RequestTimeoutError => {
            "it does not answer in time: see whether 'docker ps' does, and the engine's own log"
                .to_owned()
        }
        ApiError::JsonDataError { .. }
        | ApiError::JsonSerdeError { .. }
        | ApiError::APIVersionParseError {}
        | ApiError::StrParseError { .. } => {
            "that is no Docker API: name the engine with DOCKER_HOST or --docker".to_owned()
        }
        _ => return None,
    })
}
