#include "address.hpp"

#include <charconv>

namespace vecstore::replication::net {

result<host_port> parse_address(const std::string& text, const std::string& field) {
    const auto bad = [&] { return invalid_argument(field + ": '" + text + "' is not host:port"); };
    const auto colon = text.rfind(':');
    if (colon == std::string::npos || colon == 0) return bad();
    host_port parsed{text.substr(0, colon), text.substr(colon + 1)};
    const bool bracketed = parsed.host.front() == '[' && parsed.host.back() == ']';
    if (bracketed) parsed.host = parsed.host.substr(1, parsed.host.size() - 2);
    if (parsed.host.empty() || (!bracketed && parsed.host.find(':') != std::string::npos)) return bad();
    unsigned port = 0;
    const auto* end = parsed.port.data() + parsed.port.size();
    const auto read = std::from_chars(parsed.port.data(), end, port);
    if (read.ec != std::errc{} || read.ptr != end || port > 65'535) return bad();
    return parsed;
}

}  // namespace vecstore::replication::net
