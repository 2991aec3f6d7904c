/// Nodes that talk over real sockets of this machine, all in the thread of the test.
#pragma once

#include <boost/asio/io_context.hpp>
#include <replication/net/peers.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace vecstore::test {

/// Runs `context` until `done` holds; false when that takes too long.
template <class Condition>
[[nodiscard]] bool run_until(boost::asio::io_context& context, const Condition& done, int seconds = 10) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
    while (!done()) {
        if (std::chrono::steady_clock::now() > end) return false;
        context.restart();
        context.run_one_for(std::chrono::milliseconds(20));
    }
    return true;
}
inline void run_for(boost::asio::io_context& context, int milliseconds) {
    context.restart();
    context.run_for(std::chrono::milliseconds(milliseconds));
}

struct net_node final : replication::net::peers_host {
    explicit net_node(int number, int cluster = 1) {
        said.cluster[0] = static_cast<std::byte>(cluster);
        said.node[0] = static_cast<std::byte>(number);
    }
    replication::hello own_hello() override { return said; }
    void received(const replication::node_id& from, byte_span bytes) override {
        frames.emplace_back(from, byte_vector(bytes.begin(), bytes.end()));
    }
    void disconnected(const replication::node_id&, const error& why) override { losses.push_back(why.message); }

    void start(boost::asio::io_context& context, std::vector<std::string> addresses,
               const std::string& listen = "127.0.0.1:0") {
        options.listen = listen;
        options.addresses = std::move(addresses);
        options.redial_ms_min = 5;
        options.redial_ms_max = 100;
        peers = replication::net::peers::make(context.get_executor(), options, *this).value();
        peers->begin();
    }
    [[nodiscard]] const replication::node_id& id() const { return said.node; }
    [[nodiscard]] bool meets(const net_node& other) const { return peers->is_connected(other.id()); }
    [[nodiscard]] replication::net::link_status link(std::size_t index = 0) const { return peers->status().at(index); }

    replication::hello said;
    replication::net::peers_options options;
    std::unique_ptr<replication::net::peers> peers;
    std::vector<std::pair<replication::node_id, byte_vector>> frames;
    std::vector<std::string> losses;
};

/// A frame that replication may send.
inline byte_vector some_frame(std::size_t records_bytes = 10, std::uint64_t term = 1) {
    byte_writer out;
    const byte_vector records(records_bytes, std::byte{7});
    replication::append m;
    m.records = records;
    replication::encode(m, term, out);
    return std::move(out).take();
}

}  // namespace vecstore::test
