//! Certificates given in variables: read and checked until something can be done with them.

use super::Problem;
use super::said::Said;

/// What a PEM text holds: certificates and keys, by counting its blocks.
#[derive(Debug, PartialEq, Eq)]
struct Pem {
    certificates: usize,
    keys: usize,
}

/// Counts the blocks of a PEM text in which `\n` may stand for a newline.
fn read(text: &str) -> Result<Pem, String> {
    let text = text.replace("\\n", "\n");
    let mut pem = Pem { certificates: 0, keys: 0 };
    let mut open: Option<&str> = None;
    for line in text.lines().map(str::trim) {
        if let Some(name) = between(line, "-----BEGIN ") {
            if let Some(before) = open {
                return Err(format!("the block '{before}' is never ended"));
            }
            open = Some(name);
        } else if let Some(name) = between(line, "-----END ") {
            if open.take() != Some(name) {
                return Err(format!("the block '{name}' ends without a beginning"));
            }
            match name {
                "CERTIFICATE" => pem.certificates += 1,
                _ if name.ends_with("PRIVATE KEY") => pem.keys += 1,
                _ => {}
            }
        }
    }
    match open {
        Some(name) => Err(format!("the block '{name}' is never ended")),
        None => Ok(pem),
    }
}

fn between<'a>(line: &'a str, begin: &str) -> Option<&'a str> {
    line.strip_prefix(begin)?.strip_suffix("-----")
}

/// What there is to say about a certificate with its key.
pub fn note(said: &Said) -> Problem {
    said.problem(match read(&said.text) {
        Err(reason) => format!("no certificate: {reason}"),
        Ok(Pem { certificates: 0, .. }) => {
            "no certificate: a PEM text with a key and a certificate is expected".to_owned()
        }
        Ok(Pem { keys: 0, .. }) => "the private key of the certificate is missing".to_owned(),
        Ok(_) => "the certificate is not used: TLS is not terminated here yet".to_owned(),
    })
}

/// What there is to say about an authority's certificate.
pub fn authority(said: &Said) -> Problem {
    said.problem(match read(&said.text) {
        Err(reason) => format!("no certificate: {reason}"),
        Ok(Pem { certificates: 0, .. }) => "no certificate in it".to_owned(),
        Ok(_) => "clients are not verified: TLS is not terminated here yet".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_counted() {
        let text = "-----BEGIN RSA PRIVATE KEY-----\\nx\\n-----END RSA PRIVATE KEY-----\\n\
                    -----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n";
        assert_eq!(read(text), Ok(Pem { certificates: 1, keys: 1 }));
        assert!(read("-----BEGIN CERTIFICATE-----").is_err());
        assert!(read("-----END CERTIFICATE-----").is_err());
        assert_eq!(read("nothing"), Ok(Pem { certificates: 0, keys: 0 }));
    }
}
