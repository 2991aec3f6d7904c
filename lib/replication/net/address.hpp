/// "host:port", and what may be done with it.
/// Thread safety: functions without state.
#pragma once

#include <vecstore/core/result.hpp>

#include <boost/asio/ip/address.hpp>

#include <string>

namespace vecstore::replication::net {

struct host_port {
    std::string host;
    std::string port;  ///< digits
};

/// "10.0.0.1:7401", "node-a:7401", "[::1]:7401".
/// Errors: invalid_argument (names `field` and the text).
[[nodiscard]] result<host_port> parse_address(const std::string& text, const std::string& field);

/// Does not leave the machine; ::ffff:127.0.0.1 counts, too.
[[nodiscard]] inline bool is_local(const boost::asio::ip::address& address) {
    if (address.is_v6() && address.to_v6().is_v4_mapped())
        return boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, address.to_v6()).is_loopback();
    return address.is_loopback();
}

}  // namespace vecstore::replication::net
