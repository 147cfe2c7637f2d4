//! The formats that `option httplog` and its siblings stand for (manual 8.2.2 to 8.2.5).

/// `option tcplog`, `$HAPROXY_TCP_LOG_FMT`.
pub const TCP: &str = "%ci:%cp [%t] %ft %b/%s %Tw/%Tc/%Tt %B %ts %ac/%fc/%bc/%sc/%rc %sq/%bq";

/// `option tcplog clf`, `$HAPROXY_TCP_CLF_LOG_FMT`.
pub const TCP_CLF: &str = "%{+Q}o %{-Q}ci - - [%T] \"TCP \" 000 %B \"\" \"\" %cp %ms %ft %b %s \
    %Th %Tw %Tc %Tt %U %ts-- %ac %fc %bc %sc %rc %sq %bq \"\" \"\" ";

/// `option httplog`, `$HAPROXY_HTTP_LOG_FMT`.
pub const HTTP: &str = "%ci:%cp [%tr] %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %CC %CS %tsc \
    %ac/%fc/%bc/%sc/%rc %sq/%bq %hr %hs %{+Q}r";

/// `option httplog clf`, `$HAPROXY_HTTP_CLF_LOG_FMT`.
pub const HTTP_CLF: &str = "%{+Q}o %{-Q}ci - - [%trg] %r %ST %B \"\" \"\" %cp %ms %ft %b %s \
    %TR %Tw %Tc %Tr %Ta %tsc %ac %fc %bc %sc %rc %sq %bq %CC %CS %hrl %hsl";

/// The older name of [`HTTP_CLF`].
pub const CLF: &str = HTTP_CLF;

/// `option httpslog`, `$HAPROXY_HTTPS_LOG_FMT`.
pub const HTTPS: &str = "%ci:%cp [%tr] %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %CC %CS %tsc \
    %ac/%fc/%bc/%sc/%rc %sq/%bq %hr %hs %{+Q}r \
    %[fc_err]/%[ssl_fc_err,hex]/%[ssl_c_err]/%[ssl_c_ca_err]/%[ssl_fc_is_resumed] \
    %[ssl_fc_sni]/%sslv/%sslc";

/// What stands before the name of the bind and the message when a connection fails before it has
/// a stream.
pub const ERROR: &str = "%ci:%cp [%t] %f/";
