// What runs inside a TLS connection, told by ALPN (RFC 7301). One port of the appliance serves all.
#pragma once

#include <string_view>

namespace jump::tunnel {

// Agents and nodes, who know the trust bundle: the appliance sends its own certificate only, and wants one of
// the peer or a PSK.
inline constexpr std::string_view kAlpnTunnel = "jump/1";
// The same protocol for consoles. They know just the pin, so the CA is sent too; they show a token in hello,
// so no certificate is asked for. A name of its own, because that is all that a client hello tells.
inline constexpr std::string_view kAlpnConsole = "jump-console/1";
// One request, one answer; no certificate, just the pin.
inline constexpr std::string_view kAlpnEnroll = "jump-enroll/1";
// Pages and API, for those who know the pin (the `jump` command): HTTP/1.1 inside, but never with the web
// certificate that an operator may have put in front for browsers.
inline constexpr std::string_view kAlpnPinnedHttp = "jump-http/1";
// Pages and API for browsers and scripts. Also what a client that offers no ALPN at all gets: many scripts'
// libraries know none.
inline constexpr std::string_view kAlpnHttp = "http/1.1";

}  // namespace jump::tunnel
