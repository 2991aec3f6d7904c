/// The other nodes as this one reaches them: listens, dials, and keeps one connection to each.
/// An address is dialed until the node behind it is connected, with growing pauses of random length; who was refused is
/// not dialed again, unless the other was busy. When both sides have dialed at once, the connection that the smaller id dialed
/// stays; a later one takes the place of an older, which its other end has lost.
/// Thread safety: one thread at a time, that of the executor.
#pragma once

#include "../ports.hpp"
#include "address.hpp"
#include "connection.hpp"

#include <vecstore/core/random.hpp>

#include <map>
#include <set>
#include <string>
#include <vector>

namespace vecstore::replication::net {

struct peers_options {
    std::string listen;                  ///< host:port; port 0: any that is free
    std::vector<std::string> addresses;  ///< host:port of the others; one's own among them does no harm
    security_options security;
    connection_limits limits;
    std::size_t strangers_max = 32;    ///< connections taken whose other side is not known yet; more are closed
    std::size_t connections_max = 80;  ///< of known nodes
    std::uint32_t redial_ms_min = 50;
    std::uint32_t redial_ms_max = 2'000;
};

struct link_status {
    std::string address;  ///< as configured; empty: it has dialed, and is at none of those
    std::optional<node_id> node;
    bool connected = false;
    bool refused = false;  ///< by one of both sides, for good
    std::string trouble;   ///< why it was not connected last
    std::uint64_t bytes_sent = 0, bytes_received = 0, frames_lost = 0;
    std::size_t queued_bytes = 0;
};

/// Whoever runs the replica.
class peers_host {
public:
    peers_host() = default;
    peers_host(const peers_host&) = delete;
    peers_host& operator=(const peers_host&) = delete;
    virtual ~peers_host() = default;
    [[nodiscard]] virtual hello own_hello() = 0;
    virtual void received(const node_id& from, byte_span frame) = 0;
    virtual void connected(const node_id&) {}
    virtual void disconnected(const node_id&, const error&) {}
};

class peers final : public network, private connection_owner {
public:
    using executor = boost::asio::any_io_executor;

    /// Takes its address. `run_on`: a strand, or a context that one thread runs. `host` must outlive it.
    /// Errors: invalid_argument (an address, a certificate, a secret that is too short, plain text beyond this machine),
    /// io (the address is taken).
    [[nodiscard]] static result<std::unique_ptr<peers>> make(executor run_on, const peers_options& options,
                                                             peers_host& host);
    /// Accepts and dials from now on.
    void begin();
    /// Closes everything; the host hears of nothing any more.
    ~peers() override;

    void send(const node_id& to, byte_span frame) override;
    /// Where others reach this node: with the port that it got.
    [[nodiscard]] std::string listening_at() const;
    /// The configured address behind which that node was found.
    [[nodiscard]] std::optional<std::string> address_of(const node_id& node) const;
    [[nodiscard]] bool is_connected(const node_id& node) const { return links_.contains(node); }
    [[nodiscard]] std::vector<link_status> status() const;
    /// Dials again those who were refused: after a configuration was put right.
    void forget_refusals();

private:
    struct target;  ///< an address that is dialed
    using connection_ptr = std::shared_ptr<connection>;

    peers(executor run_on, const peers_options& options, peers_host& host);

    result<void> listen();
    void accept();
    [[nodiscard]] connection_ptr meet(boost::asio::ip::tcp::socket socket, side which);
    void dial(target& at);
    void redial(target& at);
    [[nodiscard]] bool may_reach(const boost::asio::ip::tcp::endpoint& where) const;
    [[nodiscard]] target* dialed_by(const connection& which) noexcept;
    [[nodiscard]] bool keeps_old(const connection& old, const connection& fresh) const;

    [[nodiscard]] hello own_hello() override;
    [[nodiscard]] std::optional<refuse> greeted(connection& with, const acquaintance& who) override;
    void received(connection& from, byte_span frame) override;
    void closed(connection& which, const error& why, const std::optional<refuse>& refused) override;

    const executor executor_;
    const peers_options options_;
    const node_id self_;
    peers_host& host_;
    std::shared_ptr<connection_settings> settings_;
    boost::asio::ip::tcp::acceptor acceptor_;
    boost::asio::steady_timer accept_later_;
    random_source random_;
    std::vector<std::unique_ptr<target>> targets_;
    std::map<node_id, connection_ptr> links_;
    std::set<connection_ptr> strangers_;  ///< not known yet, dialed or accepted
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace vecstore::replication::net
