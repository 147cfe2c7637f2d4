//! Converters that are known by name and refused as "not yet".
use crate::arg::{Kind, Param, may, must};
use crate::sample::Type;
use crate::table::ConverterKeyword;

use Type::{Any, Bin, Bool, Int, Same, Str};

const TABLE_NAME: &[Param] = &[may("table", Kind::Table)];
const INDEXED: &[Param] = &[must("idx", Kind::Int), may("table", Kind::Table)];
const DEFAULTED: &[Param] = &[may("table", Kind::Table), may("default_value", Kind::Int)];
const AVALANCHE: &[Param] = &[may("avalanche", Kind::Int)];
const AES: &[Param] = &[
    must("bits", Kind::Int),
    must("nonce", Kind::Str),
    must("key", Kind::Str),
    must("aead_tag", Kind::Str),
];

const fn later(
    name: &'static str,
    params: &'static [Param],
    input: Type,
    output: Type,
    help: &'static str,
) -> ConverterKeyword {
    ConverterKeyword::later(name, params, input, output, help)
}

const fn table(name: &'static str) -> ConverterKeyword {
    later(name, TABLE_NAME, Any, Int, "counter of a stick table entry")
}

const fn indexed(name: &'static str) -> ConverterKeyword {
    later(name, INDEXED, Any, Int, "numbered counter of a stick table entry")
}

pub(super) const TABLE: &[ConverterKeyword] = &[
    later("aes_gcm_dec", AES, Bin, Bin, "decrypts AES-GCM"),
    later("aes_gcm_enc", AES, Bin, Bin, "encrypts AES-GCM"),
    later("debug", &[may("prefix", Kind::Str), may("destination", Kind::Str)], Any, Same, "prints"),
    later("fix_is_valid", &[], Bin, Bool, "checks a FIX message"),
    later("fix_tag_value", &[must("tag", Kind::Str)], Bin, Bin, "value of a FIX tag"),
    later("in_table", TABLE_NAME, Any, Bool, "true if a stick table has the key"),
    later(
        "jwt_verify",
        &[must("alg", Kind::Str), must("key", Kind::Str)],
        Str,
        Int,
        "checks a JWT",
    ),
    later(
        "mqtt_field_value",
        &[must("pkt_type", Kind::Str), must("fieldname", Kind::Str)],
        Bin,
        Bin,
        "field of an MQTT packet",
    ),
    later("mqtt_is_valid", &[], Bin, Bool, "checks an MQTT packet"),
    later(
        "protobuf",
        &[must("field_number", Kind::Str), may("field_type", Kind::Str)],
        Bin,
        Bin,
        "field of a Protocol Buffers message",
    ),
    later("rfc7239_field", &[must("field", Kind::Str)], Str, Str, "field of a Forwarded header"),
    later("rfc7239_is_valid", &[], Str, Bool, "checks a Forwarded header"),
    later("rfc7239_n2nn", &[], Str, Any, "name of a node in a Forwarded header"),
    later("rfc7239_n2np", &[], Str, Any, "port of a node in a Forwarded header"),
    later("rfc7239_nn", &[], Any, Str, "node name for a Forwarded header"),
    later("rfc7239_np", &[], Any, Str, "node port for a Forwarded header"),
    table("table_bytes_in_rate"),
    table("table_bytes_out_rate"),
    table("table_clr_gpc0"),
    table("table_clr_gpc1"),
    table("table_conn_cnt"),
    table("table_conn_cur"),
    table("table_conn_rate"),
    later("table_expire", DEFAULTED, Any, Int, "time to live of a stick table entry"),
    table("table_glitch_cnt"),
    table("table_glitch_rate"),
    table("table_gpc0"),
    table("table_gpc0_rate"),
    table("table_gpc1"),
    table("table_gpc1_rate"),
    table("table_gpt0"),
    table("table_http_err_cnt"),
    table("table_http_err_rate"),
    table("table_http_fail_cnt"),
    table("table_http_fail_rate"),
    table("table_http_req_cnt"),
    table("table_http_req_rate"),
    later("table_idle", DEFAULTED, Any, Int, "time a stick table entry has been idle"),
    table("table_inc_gpc0"),
    table("table_inc_gpc1"),
    table("table_kbytes_in"),
    table("table_kbytes_out"),
    table("table_server_id"),
    table("table_sess_cnt"),
    table("table_sess_rate"),
    table("table_trackers"),
    indexed("table_clr_gpc"),
    indexed("table_gpc"),
    indexed("table_gpc_rate"),
    indexed("table_gpt"),
    indexed("table_inc_gpc"),
    later(
        "ungrpc",
        &[must("field_number", Kind::Str), may("field_type", Kind::Str)],
        Bin,
        Bin,
        "field of a gRPC message",
    ),
    later("when", &[may("condition", Kind::Str)], Any, Same, "passes on under a condition"),
    later("wt6", AVALANCHE, Bin, Int, "WT6 hash"),
    later("x509_v_err_str", &[], Int, Str, "name of a verification error"),
];
