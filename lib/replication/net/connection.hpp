/// One connection to another node: TCP, TLS if wanted, who is there, then frames in both directions.
/// Until the other side has shown who it is, a frame has at most 4 KiB and all together 5 s; what is sent waits in a
/// bounded queue, beyond which frames are lost (no rule of the protocol rests on their arrival); a side that takes nothing for
/// `stalled_ms` is cut off.
/// Thread safety: one thread at a time, that of the executor. Handlers that still wait keep it alive; `owner` is not called
/// after `close`.
#pragma once

#include "../handshake.hpp"
#include "proof.hpp"
#include "tls.hpp"

#include <vecstore/replication/security.hpp>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <memory>
#include <optional>

namespace vecstore::replication::net {

struct connection_limits {
    std::size_t queue_bytes_max = 64u << 20;           ///< frames that wait to be sent
    std::uint64_t receive_bytes_per_s = 512ull << 20;  ///< 0: as fast as they come
    std::uint32_t greeting_ms = 5'000;                 ///< TLS, hello and proof together
    std::uint32_t stalled_ms = 5'000;                  ///< bytes to send, and none is taken
    std::uint32_t unacknowledged_ms = 2'000;           ///< TCP_USER_TIMEOUT
};

/// Of all connections of a node.
struct connection_settings {
    connection_limits limits;
    tls_context tls;  ///< null: plain text
    bool node_in_certificate = true;
    std::string secret;
};

class connection;

class connection_owner {
public:
    connection_owner() = default;
    connection_owner(const connection_owner&) = delete;
    connection_owner& operator=(const connection_owner&) = delete;
    virtual ~connection_owner() = default;
    /// What this node says of itself; its nonce is set by the connection.
    [[nodiscard]] virtual hello own_hello() = 0;
    /// The other side is who it says. A refusal closes the connection.
    [[nodiscard]] virtual std::optional<refuse> greeted(connection& with, const acquaintance& who) = 0;
    /// A frame whose checksum is right. Lives for the call.
    virtual void received(connection& from, byte_span frame) = 0;
    /// Nothing comes any more. `refused`: what the other side, or this one, had against it.
    virtual void closed(connection& which, const error& why, const std::optional<refuse>& refused) = 0;
};

class connection : public std::enable_shared_from_this<connection> {
public:
    using socket_type = boost::asio::ip::tcp::socket;

    connection(socket_type socket, side which, std::shared_ptr<const connection_settings> settings,
               connection_owner& owner);

    void start();
    /// False when it was lost because the queue is full or the other side not known yet.
    bool send(byte_span frame);
    /// At once; `owner` hears nothing of it, and nothing later.
    void close();
    /// Says why, then closes; `owner` hears of it now.
    void refuse_with(const refuse& why);

    [[nodiscard]] side which_side() const noexcept { return side_; }
    [[nodiscard]] bool open() const noexcept { return state_ == state::open; }
    [[nodiscard]] const node_id& peer() const noexcept { return peer_.node; }
    [[nodiscard]] std::chrono::steady_clock::time_point opened_at() const noexcept { return opened_at_; }
    [[nodiscard]] std::size_t queued_bytes() const noexcept { return queue_.size() + sending_.size() - sent_; }
    [[nodiscard]] std::uint64_t bytes_sent() const noexcept { return bytes_sent_; }
    [[nodiscard]] std::uint64_t bytes_received() const noexcept { return bytes_received_; }
    [[nodiscard]] std::uint64_t frames_lost() const noexcept { return frames_lost_; }

private:
    enum class state : std::uint8_t { channel, hello, proof, open, leaving, closed };

    void set_socket_options();
    void greet();
    void read();
    void read_soon(std::size_t just_read);
    void on_bytes(std::size_t count);
    void on_frame(const frame& f);
    void on_greeting(const frame& f);
    void on_hello(const frame& f, const hello& theirs);
    void on_proof(const proof& theirs);
    [[nodiscard]] bool send_proof();
    [[nodiscard]] result<digest> proof_of(side who) const;
    void become_open();
    void put(const message& m);
    void write();
    void wrote(std::size_t count);
    void leave();
    void fail(error why, std::optional<refuse> refused = std::nullopt);
    void refuse_peer(refusal reason, std::string text);
    void report(const error& why, const std::optional<refuse>& refused);
    void watch_writing();

    socket_type socket_;
    std::optional<boost::asio::ssl::stream<socket_type&>> channel_;
    boost::asio::steady_timer deadline_;  ///< of the greeting; later, of leaving
    boost::asio::steady_timer stall_;
    boost::asio::steady_timer pace_;
    const side side_;
    const std::shared_ptr<const connection_settings> settings_;
    connection_owner* owner_;
    state state_ = state::channel;

    hello own_;
    byte_vector own_hello_, their_hello_;  ///< bodies, for the proof
    digest binding_{};
    acquaintance peer_;
    std::chrono::steady_clock::time_point opened_at_{};

    frame_reader reader_;
    byte_vector received_;
    double allowance_ = 0;  ///< bytes that may be read now
    std::chrono::steady_clock::time_point allowed_at_{};
    byte_vector queue_, sending_;
    std::size_t sent_ = 0;  ///< of sending_
    bool writing_ = false, watching_ = false;
    std::chrono::steady_clock::time_point progress_at_{};
    std::uint64_t bytes_sent_ = 0, bytes_received_ = 0, frames_lost_ = 0;
};

}  // namespace vecstore::replication::net
