//! A conversation over a control socket in memory.

use std::time::Duration;

use admin::ports::Level;
use admin::socket::{Rights, converse};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::house::{house, run};

/// What a control socket answers to all of this.
pub fn answers(input: &[&[u8]]) -> Vec<u8> {
    let house = house();
    run(async {
        let (mut ours, mut theirs) = tokio::io::duplex(8 << 20);
        ours.write_all(b"prompt i\n").await.expect("room");
        for part in input {
            ours.write_all(part).await.expect("room");
        }
        ours.shutdown().await.expect("open");
        let rights = Rights {
            level: Level::Admin,
            hand_over: false,
            timeout: Duration::from_secs(86_400 * 365),
            sessions_max: 1,
        };
        let talk = converse(&mut theirs, rights, &house, "a fuzzer");
        let mut answer = Vec::new();
        {
            let read = ours.read_to_end(&mut answer);
            tokio::pin!(read);
            tokio::select! {
                // Too long lines end a session by an error.
                _ = talk => {}
                _ = &mut read => {}
            }
        }
        answer
    })
}
