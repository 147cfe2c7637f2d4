//! Answers of the engine as bytes: what is the same as before is not decoded again.

use std::time::Duration;

use bollard::Docker;
use futures_util::StreamExt;

use crate::docker::version::versioned;

/// Longest answer, in bytes.
const ANSWER_MAX: usize = 256 << 20;
/// Time for an answer to come whole.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);
/// Path of the library's call that gives an answer as it is.
const AS_IT_IS: &str = "/images/x/get";

/// Something that can be asked for again and again.
pub struct Answer {
    docker: Docker,
    last: Option<Vec<u8>>,
}

impl Answer {
    /// Of this path and query; nothing is asked yet.
    ///
    /// The library decodes every answer but those that are archives, and its type for tasks lacks
    /// their networks. So an archive is asked for and the request's path replaced.
    pub fn new(docker: &Docker, target: &'static str) -> Self {
        // A client has one modifier: this one does what the one before it did, too.
        let version = docker.client_version();
        let docker = docker.clone().with_request_modifier(move |mut request| {
            let uri = request.uri().to_string().replace(AS_IT_IS, target);
            if let Ok(uri) = versioned(&uri, &version).parse() {
                *request.uri_mut() = uri;
            }
            request
        });
        Self { docker, last: None }
    }

    /// The answer, if it is another one than the last.
    pub async fn changed(&mut self) -> Result<Option<&[u8]>, String> {
        let asked = tokio::time::timeout(ANSWER_TIMEOUT, self.ask()).await;
        let answer = asked.map_err(|_| "no answer in time".to_owned())??;
        if self.last.as_ref() == Some(&answer) {
            return Ok(None);
        }
        Ok(Some(self.last.insert(answer)))
    }

    /// The next answer counts whatever it is.
    pub fn forget(&mut self) {
        self.last = None;
    }

    async fn ask(&self) -> Result<Vec<u8>, String> {
        let mut parts = std::pin::pin!(self.docker.export_image("x"));
        let mut answer = Vec::with_capacity(self.last.as_ref().map_or(0, Vec::len));
        while let Some(part) = parts.next().await {
            answer.extend_from_slice(&part.map_err(|e| e.to_string())?);
            if answer.len() > ANSWER_MAX {
                return Err(format!("an answer of more than {ANSWER_MAX} bytes"));
            }
        }
        Ok(answer)
    }
}
