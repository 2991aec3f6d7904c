#include "peers.hpp"

#include <boost/asio/connect.hpp>

#include <algorithm>

namespace vecstore::replication::net {
namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using std::chrono::milliseconds;

namespace {

constexpr milliseconds accept_pause{100};           // after an error: descriptors may have run out
constexpr std::chrono::seconds dialed_together{5};  // both sides, and met
constexpr std::chrono::seconds lasted{2};           // a connection that was worth it

error bad_security(std::string message) { return invalid_argument("security" + std::move(message)); }

}  // namespace

struct peers::target {
    target(std::string text, host_port parts, const executor& run_on)
        : address(std::move(text)), where(std::move(parts)), resolver(run_on), socket(run_on), timer(run_on) {}

    const std::string address;
    const host_port where;
    std::optional<node_id> node;  ///< who answered there
    tcp::resolver resolver;
    tcp::socket socket;  ///< while it is being connected
    asio::steady_timer timer;
    connection_ptr dialed;  ///< the last
    bool under_way = false, refused = false;
    std::uint32_t pause_ms = 0;
    std::string trouble;
};

peers::peers(executor run_on, const peers_options& options, peers_host& host)
    : executor_(std::move(run_on)),
      options_(options),
      self_(host.own_hello().node),
      host_(host),
      settings_(std::make_shared<connection_settings>()),
      acceptor_(executor_),
      accept_later_(executor_),
      random_(0) {}

result<std::unique_ptr<peers>> peers::make(executor run_on, const peers_options& options, peers_host& host) {
    std::unique_ptr<peers> made(new peers(std::move(run_on), options, host));
    std::array<std::byte, 8> seed{};
    VECSTORE_CHECK(fill_random(seed));
    made->random_ = random_source(load_le<std::uint64_t>(seed.data()));
    const auto& security = options.security;
    if (!security.secret.empty() && security.secret.size() < secret_bytes_min)
        return bad_security(".secret: has " + std::to_string(security.secret.size()) + " bytes, at least " +
                            std::to_string(secret_bytes_min) + " are needed");
    made->settings_->limits = options.limits;
    made->settings_->secret = security.secret;
    if (security.tls) {
        VECSTORE_TRY(made->settings_->tls, make_tls_context(*security.tls, "security.tls"));
        made->settings_->node_in_certificate = security.tls->node_in_certificate;
    }
    for (std::size_t i = 0; i < options.addresses.size(); ++i) {
        const auto& text = options.addresses[i];
        VECSTORE_TRY(auto where, parse_address(text, "peers[" + std::to_string(i) + "]"));
        made->targets_.push_back(std::make_unique<target>(text, std::move(where), made->executor_));
    }
    VECSTORE_CHECK(made->listen());
    return made;
}

void peers::begin() {
    accept();
    for (const auto& at : targets_) dial(*at);
}

peers::~peers() {
    for (const auto& stranger : strangers_) stranger->close();
    for (const auto& [node, link] : links_) link->close();
}

result<void> peers::listen() {
    VECSTORE_TRY(const auto where, parse_address(options_.listen, "listen"));
    error_code failed;
    tcp::resolver resolver(executor_);
    const auto found = resolver.resolve(where.host, where.port, tcp::resolver::passive, failed);
    if (failed || found.empty()) return invalid_argument("listen: '" + options_.listen + "': " + failed.message());
    const auto endpoint = found.begin()->endpoint();
    if (!may_reach(endpoint))
        return bad_security(": '" + options_.listen +
                            "' can be reached from other machines, which needs `tls`, or `insecure` for plain text");
    acceptor_.open(endpoint.protocol(), failed);
    if (!failed) acceptor_.set_option(tcp::acceptor::reuse_address(true), failed);
    if (!failed) acceptor_.bind(endpoint, failed);
    if (!failed) acceptor_.listen(asio::socket_base::max_listen_connections, failed);
    if (failed) return error{errc::io, "listen: '" + options_.listen + "': " + failed.message()};
    return {};
}

bool peers::may_reach(const tcp::endpoint& where) const {
    return settings_->tls || options_.security.insecure || is_local(where.address());
}

void peers::accept() {
    acceptor_.async_accept(executor_, [this, alive = std::weak_ptr(alive_)](const error_code& failed, tcp::socket s) {
        if (alive.expired()) return;
        if (failed) {
            accept_later_.expires_after(accept_pause);
            accept_later_.async_wait([this, alive](const error_code& cancelled) {
                if (!cancelled && !alive.expired()) accept();
            });
            return;
        }
        if (strangers_.size() < options_.strangers_max) {
            meet(std::move(s), side::accepted)->start();
        }
        accept();
    });
}

peers::connection_ptr peers::meet(tcp::socket socket, side which) {
    connection_owner& owner = *this;
    auto made = std::make_shared<connection>(std::move(socket), which, settings_, owner);
    strangers_.insert(made);
    return made;
}

void peers::dial(target& at) {
    if (at.under_way || at.refused || (at.node && links_.contains(*at.node))) return;
    at.under_way = true;
    const auto lost = [this, &at, alive = std::weak_ptr(alive_)](const std::string& why) {
        at.under_way = false;
        at.trouble = why;
        redial(at);
    };
    at.resolver.async_resolve(
        at.where.host, at.where.port,
        [this, &at, lost, alive = std::weak_ptr(alive_)](const error_code& failed,
                                                         const tcp::resolver::results_type& found) {
            if (alive.expired()) return;
            if (failed) return lost(failed.message());
            std::vector<tcp::endpoint> reachable;
            for (const auto& entry : found)
                if (may_reach(entry.endpoint())) reachable.push_back(entry.endpoint());
            if (reachable.empty()) {
                at.refused = true;
                return lost("is on another machine, which needs `tls`, or `insecure` for plain text");
            }
            at.socket = tcp::socket(executor_);
            at.timer.expires_after(milliseconds(options_.limits.greeting_ms));
            at.timer.async_wait([&at, alive](const error_code& cancelled) {
                if (cancelled || alive.expired()) return;
                error_code ignored;
                at.socket.close(ignored);
            });
            asio::async_connect(at.socket, reachable,
                                [this, &at, lost, alive](const error_code& refused, const tcp::endpoint&) {
                                    if (alive.expired()) return;
                                    at.timer.cancel();
                                    if (refused) return lost(refused.message());
                                    at.dialed = meet(std::move(at.socket), side::dialed);
                                    at.dialed->start();
                                });
        });
}

/// After a pause that grows, of random length, so that two that dial each other do not do it at once for ever.
void peers::redial(target& at) {
    if (at.under_way || at.refused || (at.node && links_.contains(*at.node))) return;
    at.pause_ms = std::clamp(at.pause_ms * 2, options_.redial_ms_min, options_.redial_ms_max);
    const auto pause = at.pause_ms / 2 + random_.below(at.pause_ms / 2 + 1);
    at.timer.expires_after(milliseconds(pause));
    at.timer.async_wait([this, &at, alive = std::weak_ptr(alive_)](const error_code& cancelled) {
        if (!cancelled && !alive.expired()) dial(at);
    });
}

peers::target* peers::dialed_by(const connection& which) noexcept {
    for (const auto& at : targets_)
        if (at->dialed.get() == &which) return at.get();
    return nullptr;
}

hello peers::own_hello() { return host_.own_hello(); }

/// Both sides decide alike: they see the same two connections, of about the same age.
bool peers::keeps_old(const connection& old, const connection& fresh) const {
    if (old.which_side() == fresh.which_side()) return false;
    if (fresh.opened_at() - old.opened_at() > dialed_together) return false;
    const bool smaller = self_ < old.peer();
    return (old.which_side() == side::dialed) == smaller;
}

std::optional<refuse> peers::greeted(connection& with, const acquaintance& who) {
    const auto fresh = with.shared_from_this();
    strangers_.erase(fresh);
    if (auto* at = dialed_by(with)) {
        at->node = who.node;
        at->under_way = false;
    }
    const auto found = links_.find(who.node);
    if (found != links_.end()) {
        if (keeps_old(*found->second, with)) {
            with.close();
            return std::nullopt;
        }
        found->second->close();
        found->second = fresh;
    } else {
        if (links_.size() >= options_.connections_max)
            return refuse{refusal::busy, "has " + std::to_string(links_.size()) + " connections"};
        links_.emplace(who.node, fresh);
    }
    host_.connected(who.node);
    return std::nullopt;
}

void peers::received(connection& from, byte_span frame) { host_.received(from.peer(), frame); }

void peers::closed(connection& which, const error& why, const std::optional<refuse>& refused) {
    const auto gone = which.shared_from_this();
    strangers_.erase(gone);
    if (auto* at = dialed_by(which)) {
        at->under_way = false;
        at->dialed.reset();
        at->trouble = why.message;
        at->refused = refused && refused->reason != refusal::busy;
        redial(*at);
    }
    const auto node = gone->peer();
    const auto found = links_.find(node);
    if (found == links_.end() || found->second != gone) return;
    links_.erase(found);
    const bool was_good = std::chrono::steady_clock::now() - gone->opened_at() > lasted;
    for (const auto& at : targets_) {
        if (at->node != node) continue;
        if (was_good) at->pause_ms = 0;
        at->trouble = why.message;
        redial(*at);
    }
    host_.disconnected(node, why);
}

void peers::send(const node_id& to, byte_span frame) {
    const auto found = links_.find(to);
    if (found != links_.end()) (void)found->second->send(frame);
}

std::string peers::listening_at() const {
    error_code failed;
    const auto at = acceptor_.local_endpoint(failed);
    if (failed) return options_.listen;
    const auto host = at.address().to_string();
    return (at.address().is_v6() ? "[" + host + "]" : host) + ":" + std::to_string(at.port());
}

std::optional<std::string> peers::address_of(const node_id& node) const {
    for (const auto& at : targets_)
        if (at->node == node) return at->address;
    return std::nullopt;
}

std::vector<link_status> peers::status() const {
    std::vector<link_status> all;
    const auto add = [&](const connection& link, link_status& s) {
        s.node = link.peer();
        s.connected = link.open();
        s.bytes_sent = link.bytes_sent();
        s.bytes_received = link.bytes_received();
        s.frames_lost = link.frames_lost();
        s.queued_bytes = link.queued_bytes();
    };
    for (const auto& at : targets_) {
        link_status s;
        s.address = at->address;
        s.node = at->node;
        s.refused = at->refused;
        s.trouble = at->trouble;
        if (const auto found = at->node ? links_.find(*at->node) : links_.end(); found != links_.end())
            add(*found->second, s);
        all.push_back(std::move(s));
    }
    for (const auto& [node, link] : links_) {
        if (address_of(node)) continue;
        link_status s;
        add(*link, s);
        all.push_back(std::move(s));
    }
    return all;
}

void peers::forget_refusals() {
    for (const auto& at : targets_) {
        at->refused = false;
        at->pause_ms = 0;
        dial(*at);
    }
}

}  // namespace vecstore::replication::net
