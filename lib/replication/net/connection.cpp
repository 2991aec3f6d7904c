#include "connection.hpp"

#include <boost/asio/write.hpp>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>

namespace vecstore::replication::net {
namespace asio = boost::asio;
using boost::system::error_code;
using std::chrono::milliseconds;
using clock = std::chrono::steady_clock;

namespace {

constexpr std::size_t read_bytes = 64u << 10;
constexpr milliseconds leaving_time{500};

error_code set_option(int socket, int level, int name, int value) {
    if (::setsockopt(socket, level, name, &value, sizeof value) == 0) return {};
    return {errno, boost::system::system_category()};
}

error broken(const char* what, const error_code& why) { return {errc::io, std::string(what) + ": " + why.message()}; }

}  // namespace

connection::connection(socket_type socket, side which, std::shared_ptr<const connection_settings> settings,
                       connection_owner& owner)
    : socket_(std::move(socket)),
      deadline_(socket_.get_executor()),
      stall_(socket_.get_executor()),
      pace_(socket_.get_executor()),
      side_(which),
      settings_(std::move(settings)),
      owner_(&owner),
      received_(read_bytes),
      allowed_at_(clock::now()) {}

void connection::start() {
    set_socket_options();
    deadline_.expires_after(milliseconds(settings_->limits.greeting_ms));
    deadline_.async_wait([self = shared_from_this()](const error_code& cancelled) {
        if (cancelled) return;
        if (self->state_ < state::open) return self->fail({errc::timed_out, "the greeting took too long"});
        if (self->state_ == state::leaving) self->close();
    });
    if (!settings_->tls) return greet();
    channel_.emplace(socket_, *settings_->tls);
    const auto role = side_ == side::dialed ? asio::ssl::stream_base::client : asio::ssl::stream_base::server;
    channel_->async_handshake(role, [self = shared_from_this()](const error_code& failed) {
        if (self->state_ != state::channel) return;
        if (failed) return self->fail(broken("TLS", failed));
        auto bound = channel_binding(self->channel_->native_handle());
        if (!bound) return self->fail(std::move(bound).error());
        self->binding_ = *bound;
        self->greet();
    });
}

void connection::set_socket_options() {
    error_code ignored;
    socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
    socket_.set_option(asio::socket_base::keep_alive(true), ignored);
    const auto handle = socket_.native_handle();
    // A side that vanished while nothing was to be said is noticed, too.
    (void)set_option(handle, IPPROTO_TCP, TCP_KEEPIDLE, 5);
    (void)set_option(handle, IPPROTO_TCP, TCP_KEEPINTVL, 2);
    (void)set_option(handle, IPPROTO_TCP, TCP_KEEPCNT, 3);
    (void)set_option(handle, IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<int>(settings_->limits.unacknowledged_ms));
}

void connection::greet() {
    state_ = state::hello;
    own_ = owner_->own_hello();
    if (!settings_->secret.empty()) own_.features |= feature_proof;
    if (auto made = fill_random(own_.nonce); !made) return fail(std::move(made).error());
    byte_writer out;
    encode(own_, 0, out);
    const auto body = out.bytes().subspan(frame_header_bytes);
    own_hello_.assign(body.begin(), body.end());
    queue_.insert(queue_.end(), out.bytes().begin(), out.bytes().end());
    write();
    read();
}

void connection::read() {
    if (state_ == state::closed) return;
    const auto into = asio::buffer(received_);
    auto done = [self = shared_from_this()](const error_code& failed, std::size_t count) {
        if (self->state_ == state::closed) return;
        if (!failed) return self->on_bytes(count);
        if (self->state_ == state::leaving) return self->close();
        self->fail(broken("connection", failed));
    };
    if (channel_)
        channel_->async_read_some(into, std::move(done));
    else
        socket_.async_read_some(into, std::move(done));
}

void connection::on_bytes(std::size_t count) {
    bytes_received_ += count;
    const auto self = shared_from_this();  // the owner may let go of it
    if (state_ != state::leaving) reader_.feed(byte_span(received_).first(count));
    while (state_ < state::leaving) {
        auto found = reader_.next();
        if (!found) return fail(std::move(found).error());
        if (!*found) break;
        on_frame(**found);
    }
    if (state_ != state::closed) read_soon(count);
}

/// At once, unless that would be more than the other side may send.
void connection::read_soon(std::size_t just_read) {
    const auto rate = static_cast<double>(settings_->limits.receive_bytes_per_s);
    if (rate == 0) return read();
    const auto now = clock::now();
    const auto burst = std::max(rate / 4, static_cast<double>(read_bytes));
    allowance_ += rate * std::chrono::duration<double>(now - allowed_at_).count();
    allowance_ = std::min(allowance_, burst) - static_cast<double>(just_read);
    allowed_at_ = now;
    if (allowance_ >= 0) return read();
    pace_.expires_after(std::chrono::duration_cast<clock::duration>(std::chrono::duration<double>(-allowance_ / rate)));
    pace_.async_wait([self = shared_from_this()](const error_code& cancelled) {
        if (!cancelled) self->read();
    });
}

void connection::on_frame(const frame& f) {
    if (state_ != state::open) return on_greeting(f);
    if (f.type >= static_cast<std::uint8_t>(frame_type::append)) return owner_->received(*this, reader_.whole());
    on_greeting(f);
}

void connection::on_greeting(const frame& f) {
    auto m = decode(f);
    if (!m) return fail(std::move(m).error());
    if (const auto* refused = std::get_if<refuse>(&*m))
        return fail({errc::unavailable, "refused by the other side: " + refused->text}, *refused);
    if (const auto* theirs = std::get_if<hello>(&*m); theirs != nullptr && state_ == state::hello)
        return on_hello(f, *theirs);
    if (const auto* theirs = std::get_if<proof>(&*m); theirs != nullptr && state_ == state::proof)
        return on_proof(*theirs);
    fail({errc::corruption, "frame: type " + std::to_string(f.type) + " has no place in a greeting"});
}

void connection::on_hello(const frame& f, const hello& theirs) {
    their_hello_.assign(f.body.begin(), f.body.end());
    const auto judged = judge(own_, theirs);
    if (const auto* refused = std::get_if<refuse>(&judged)) return refuse_peer(refused->reason, refused->text);
    peer_ = std::get<acquaintance>(judged);
    if (channel_ && settings_->node_in_certificate && !certificate_names(channel_->native_handle(), peer_.node))
        return refuse_peer(refusal::not_authenticated, "the certificate is not node " + short_name(peer_.node) + "'s");
    const bool proves = (theirs.features & feature_proof) != 0;
    if (proves != !settings_->secret.empty())
        return refuse_peer(refusal::not_authenticated, "one side alone has a shared secret");
    if (!proves) return become_open();
    state_ = state::proof;
    // Who was dialed shows nothing before the other has.
    if (side_ == side::dialed) (void)send_proof();
}

result<digest> connection::proof_of(side who) const {
    const bool dialed = side_ == side::dialed;
    return make_proof(settings_->secret, who,
                      {dialed ? own_hello_ : their_hello_, dialed ? their_hello_ : own_hello_, binding_});
}

bool connection::send_proof() {
    auto made = proof_of(side_);
    if (made) {
        put(proof{*made});
        return true;
    }
    fail(std::move(made).error());
    return false;
}

void connection::on_proof(const proof& theirs) {
    const auto expected = proof_of(side_ == side::dialed ? side::accepted : side::dialed);
    if (!expected) return fail(expected.error());
    if (!equal(*expected, theirs.mac)) return refuse_peer(refusal::not_authenticated, "the shared secrets differ");
    if (side_ == side::accepted && !send_proof()) return;
    become_open();
}

void connection::become_open() {
    state_ = state::open;
    opened_at_ = clock::now();
    deadline_.cancel();
    reader_.set_limit(frame_body_bytes_max);
    own_hello_ = {};
    their_hello_ = {};
    if (const auto refused = owner_->greeted(*this, peer_)) refuse_peer(refused->reason, refused->text);
}

bool connection::send(byte_span bytes) {
    if (state_ != state::open || queued_bytes() + bytes.size() > settings_->limits.queue_bytes_max) {
        ++frames_lost_;
        return false;
    }
    queue_.insert(queue_.end(), bytes.begin(), bytes.end());
    write();
    return true;
}

void connection::put(const message& m) {
    byte_writer out;
    encode(m, 0, out);
    queue_.insert(queue_.end(), out.bytes().begin(), out.bytes().end());
    write();
}

void connection::write() {
    if (writing_ || state_ == state::closed) return;
    if (sent_ == sending_.size()) {
        sending_.clear();
        sent_ = 0;
        if (queue_.empty()) {
            if (state_ == state::leaving) leave();
            return;
        }
        std::swap(sending_, queue_);
        progress_at_ = clock::now();
    }
    writing_ = true;
    watch_writing();
    const auto from = asio::buffer(sending_) + sent_;
    auto done = [self = shared_from_this()](const error_code& failed, std::size_t count) {
        self->writing_ = false;
        if (self->state_ == state::closed) return;
        if (failed) return self->state_ == state::leaving ? self->close() : self->fail(broken("connection", failed));
        self->wrote(count);
    };
    if (channel_)
        channel_->async_write_some(from, std::move(done));
    else
        socket_.async_write_some(from, std::move(done));
}

void connection::wrote(std::size_t count) {
    sent_ += count;
    bytes_sent_ += count;
    progress_at_ = clock::now();
    write();
}

void connection::watch_writing() {
    if (watching_) return;
    watching_ = true;
    stall_.expires_at(progress_at_ + milliseconds(settings_->limits.stalled_ms));
    stall_.async_wait([self = shared_from_this()](const error_code& cancelled) {
        self->watching_ = false;
        if (cancelled || self->state_ == state::closed || !self->writing_) return;
        if (clock::now() < self->progress_at_ + milliseconds(self->settings_->limits.stalled_ms))
            return self->watch_writing();
        self->fail({errc::timed_out, "the other side takes nothing"});
    });
}

void connection::refuse_with(const refuse& why) { refuse_peer(why.reason, why.text); }

void connection::refuse_peer(refusal reason, std::string text) {
    if (state_ == state::closed || state_ == state::leaving) return;
    const auto self = shared_from_this();
    text.resize(std::min(text.size(), refusal_text_bytes_max));
    const refuse said{reason, std::move(text)};
    state_ = state::leaving;
    queue_.clear();  // frames may be lost, the reason should not
    put(said);
    deadline_.expires_after(leaving_time);
    deadline_.async_wait([self](const error_code& cancelled) {
        if (!cancelled) self->close();
    });
    report({errc::unavailable, "refused: " + said.text}, said);
}

/// All was sent. Closing now, with bytes unread, would take the refusal back that is still on its way.
void connection::leave() {
    error_code ignored;
    socket_.shutdown(socket_type::shutdown_send, ignored);
}

void connection::fail(error why, std::optional<refuse> refused) {
    if (state_ == state::closed || state_ == state::leaving) return;
    const auto self = shared_from_this();
    state_ = state::closed;
    report(why, refused);
    close();
}

void connection::report(const error& why, const std::optional<refuse>& refused) {
    if (auto* owner = std::exchange(owner_, nullptr)) owner->closed(*this, why, refused);
}

void connection::close() {
    state_ = state::closed;
    owner_ = nullptr;
    deadline_.cancel();
    stall_.cancel();
    pace_.cancel();
    error_code ignored;
    socket_.close(ignored);
}

}  // namespace vecstore::replication::net
