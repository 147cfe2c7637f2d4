//! `timeout` lines (manual 4.2 `timeout X`).

use std::time::Duration;

use super::args::{Args, Outcome};
use super::context::Lowering;
use super::draft::Draft;
use crate::text::units::TimeUnit;

/// Reads the one time; zero means no limit, as not writing the line does.
fn read(cx: &mut Lowering<'_>, args: &mut Args<'_>) -> Outcome<Option<Duration>> {
    let time = args.time(TimeUnit::Ms, &mut cx.diagnostics)?;
    Ok(Some(time).filter(|time| !time.is_zero()))
}

macro_rules! timeout {
    ($($name:ident)*) => {$(
        pub(crate) fn $name(
            cx: &mut Lowering<'_>,
            draft: &mut Draft<'_>,
            args: &mut Args<'_>,
        ) -> Outcome {
            draft.timeouts.$name = read(cx, args)?;
            Ok(())
        }
    )*};
}

timeout!(check client client_fin connect http_keep_alive http_request queue server
    server_fin tarpit tunnel);
