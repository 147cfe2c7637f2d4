//! The columns of HAProxy's modules, which follow a column `-` in the CSV.
//!
//! Counters of protocols that this process does not speak are zero, as they are in a HAProxy that
//! speaks them and was not asked to. Source: manual of management 9.1.

use super::{Cell, Kind, Row, Tags};

/// Columns of one module.
pub struct Module {
    /// Its name on pages.
    pub name: &'static str,
    /// Kinds of rows that have them.
    pub kinds: &'static [Kind],
    /// Names, separated by blanks.
    pub columns: &'static str,
}

const BOTH: &[Kind] = &[Kind::Frontend, Kind::Backend];
const FRONTEND: &[Kind] = &[Kind::Frontend];
const ALL: &[Kind] = &[Kind::Frontend, Kind::Backend, Kind::Server, Kind::Listener];

/// All modules, in order.
pub const MODULES: &[Module] = &[
    Module {
        name: "ssl",
        kinds: ALL,
        columns: "ssl_sess ssl_reused_sess ssl_failed_handshake ssl_ocsp_staple \
                  ssl_failed_ocsp_staple",
    },
    Module {
        name: "h3",
        kinds: FRONTEND,
        columns: "h3_data h3_headers h3_cancel_push h3_push_promise h3_max_push_id h3_goaway \
                  h3_settings h3_no_error h3_general_protocol_error h3_internal_error \
                  h3_stream_creation_error h3_closed_critical_stream h3_frame_unexpected \
                  h3_frame_error h3_excessive_load h3_id_error h3_settings_error \
                  h3_missing_settings h3_request_rejected h3_request_cancelled \
                  h3_request_incomplete h3_message_error h3_connect_error h3_version_fallback \
                  pack_decompression_failed qpack_encoder_stream_error \
                  qpack_decoder_stream_error",
    },
    Module {
        name: "quic",
        kinds: FRONTEND,
        columns: "quic_rxbuf_full quic_dropped_pkt quic_dropped_pkt_bufoverrun \
                  quic_dropped_parsing_pkt quic_socket_full quic_sendto_err \
                  quic_sendto_err_unknwn quic_sent_pkt quic_lost_pkt quic_too_short_dgram \
                  quic_retry_sent quic_retry_validated quic_retry_error quic_half_open_conn \
                  quic_hdshk_fail quic_stless_rst_sent quic_conn_migration_done \
                  quic_transp_err_no_error quic_transp_err_internal_error \
                  quic_transp_err_connection_refused quic_transp_err_flow_control_error \
                  quic_transp_err_stream_limit_error quic_transp_err_stream_state_error \
                  quic_transp_err_final_size_error quic_transp_err_frame_encoding_error \
                  quic_transp_err_transport_parameter_error quic_transp_err_connection_id_limit \
                  quic_transp_err_protocol_violation_error quic_transp_err_invalid_token \
                  quic_transp_err_application_error quic_transp_err_crypto_buffer_exceeded \
                  quic_transp_err_key_update_error quic_transp_err_aead_limit_reached \
                  quic_transp_err_no_viable_path quic_transp_err_crypto_error \
                  quic_transp_err_unknown_error quic_data_blocked quic_stream_data_blocked \
                  quic_streams_blocked_bidi quic_streams_blocked_uni",
    },
    Module {
        name: "h2",
        kinds: BOTH,
        columns: "h2_headers_rcvd h2_data_rcvd h2_settings_rcvd h2_rst_stream_rcvd \
                  h2_goaway_rcvd h2_detected_conn_protocol_errors \
                  h2_detected_strm_protocol_errors h2_rst_stream_resp h2_goaway_resp \
                  h2_open_connections h2_backend_open_streams h2_total_connections \
                  h2_backend_total_streams",
    },
    Module {
        name: "h1",
        kinds: BOTH,
        columns: "h1_open_connections h1_open_streams h1_total_connections h1_total_streams \
                  h1_bytes_in h1_bytes_out h1_spliced_bytes_in h1_spliced_bytes_out",
    },
];

/// Every column of every module: name, tags, value.
pub(crate) fn cells(row: &Row) -> impl Iterator<Item = (&'static str, Tags, Cell)> + '_ {
    MODULES.iter().flat_map(move |module| {
        let has = row.kind.is_some_and(|kind| module.kinds.contains(&kind));
        module.columns.split(' ').map(move |name| {
            let gauge = name.ends_with("_open_connections")
                || name.ends_with("_open_streams")
                || name.ends_with("half_open_conn");
            let tags = Tags(if gauge { "MGP" } else { "MCP" });
            (name, tags, if has { Cell::U64(value(row, name)) } else { Cell::Empty })
        })
    })
}

/// The module that a column belongs to.
pub(crate) fn module_of(column: &str) -> &'static str {
    let module = MODULES.iter().find(|m| m.columns.split(' ').any(|name| name == column));
    module.map_or("", |m| m.name)
}

/// HTTP/1 is what is spoken here; its counters are those of the row.
fn value(row: &Row, name: &str) -> u64 {
    if row.mode != Some(model::Mode::Http) {
        // HAProxy counts connections of checks among these, whatever the mode.
        return if name.starts_with("h1_total_") { row.http_checks } else { 0 };
    }
    let frontend = row.kind == Some(Kind::Frontend);
    let sessions = u64::from(row.sessions.0);
    match name {
        "h1_open_connections" if frontend => sessions,
        "h1_open_connections" => u64::from(row.used.unwrap_or(0) + row.idle.unwrap_or(0)),
        "h1_open_streams" if !frontend => u64::from(row.used.unwrap_or(0)),
        "h1_total_connections" if frontend => row.sessions_total,
        "h1_total_connections" => row.connects.unwrap_or(0) + row.http_checks,
        "h1_total_streams" if frontend => {
            (row.requests_total.unwrap_or(0) + row.kept_out).saturating_sub(row.empty_requests)
        }
        "h1_total_streams" => row.connects.unwrap_or(0) + row.reuses.unwrap_or(0) + row.http_checks,
        "h1_bytes_in" if frontend => row.bytes_in,
        "h1_bytes_in" => row.bytes_out,
        "h1_bytes_out" if frontend => row.bytes_out,
        "h1_bytes_out" => row.bytes_in,
        _ => 0,
    }
}
