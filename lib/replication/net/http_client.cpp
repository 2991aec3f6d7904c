#include "http_client.hpp"

#include "address.hpp"

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

#include <chrono>
#include <deque>
#include <optional>
#include <type_traits>

namespace vecstore::replication::net {
namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;

result<http_endpoint> parse_endpoint(const std::string& text, const std::string& field) {
    http_endpoint found;
    constexpr std::string_view plain = "http://", secure = "https://";
    std::string rest;
    if (text.compare(0, secure.size(), secure) == 0) {
        found.secure = true;
        rest = text.substr(secure.size());
    } else if (text.compare(0, plain.size(), plain) == 0) {
        rest = text.substr(plain.size());
    } else {
        return invalid_argument(field + ": '" + text + "' begins with neither http:// nor https://");
    }
    if (!rest.empty() && rest.back() == '/') rest.pop_back();
    if (rest.find('/') != std::string::npos || rest.find('@') != std::string::npos)
        return invalid_argument(field + ": '" + text + "' is more than scheme, host and port");
    if (rest.find(':') == std::string::npos || rest.back() == ']') rest += found.secure ? ":443" : ":80";
    VECSTORE_TRY(auto where, parse_address(rest, field));
    found.host = std::move(where.host);
    found.port = std::move(where.port);
    return found;
}

/// A connection and what waits for it. A step that belongs to an earlier try says nothing.
class http_client::line : public std::enable_shared_from_this<line> {
public:
    line(asio::any_io_executor run_on, std::vector<http_endpoint> endpoints, tls_context tls, std::uint32_t timeout_ms)
        : executor_(std::move(run_on)),
          endpoints_(std::move(endpoints)),
          tls_(std::move(tls)),
          timeout_(timeout_ms),
          resolver_(executor_),
          socket_(executor_),
          deadline_(executor_) {}

    struct request {
        std::string path, body, authorization;
        answer to;
    };

    void post(request wanted) {
        waiting_.push_back(std::move(wanted));
        if (waiting_.size() > 1) return;
        asio::post(executor_, [self = shared_from_this()] { self->begin(); });
    }

    void close() {
        waiting_.clear();
        tries_left_ = 0;
        hang_up();
        deadline_.cancel();
    }

private:
    /// Runs `then` unless this try has been given up.
    template <class Then>
    auto step(Then then) {
        return [self = shared_from_this(), number = try_, then](const auto&... arguments)
                   -> std::enable_if_t<std::is_invocable_v<const Then&, decltype(arguments)...>> {
            if (number == self->try_) then(arguments...);
        };
    }

    void begin() {
        if (waiting_.empty()) return;
        tries_left_ = endpoints_.size() + 1;  // the connection that was kept may have died meanwhile
        deadline_.expires_after(timeout_);
        deadline_.async_wait([self = shared_from_this(), number = ++number_](const error_code& cancelled) {
            if (cancelled || number != self->number_ || self->waiting_.empty()) return;
            self->next_server();
            self->finish(error{errc::timed_out, "no answer within " + std::to_string(self->timeout_.count()) + " ms"});
        });
        attempt();
    }

    void attempt() {
        ++try_;
        kept_ = connected_;
        if (connected_) return write();
        const auto& at = endpoints_[current_];
        resolver_.async_resolve(at.host, at.port,
                                step([this](const error_code& failed, const tcp::resolver::results_type& found) {
                                    if (failed) return broken(failed);
                                    connect(found);
                                }));
    }

    void connect(const tcp::resolver::results_type& found) {
        socket_ = tcp::socket(executor_);
        channel_.reset();
        asio::async_connect(socket_, found, step([this](const error_code& failed, const tcp::endpoint&) {
                                if (failed) return broken(failed);
                                error_code ignored;
                                socket_.set_option(tcp::no_delay(true), ignored);
                                if (!endpoints_[current_].secure) return ready();
                                secure();
                            }));
    }

    void secure() {
        const auto& host = endpoints_[current_].host;
        channel_.emplace(socket_, *tls_);
        channel_->set_verify_callback(asio::ssl::host_name_verification(host));
        SSL_set_tlsext_host_name(channel_->native_handle(), host.c_str());
        channel_->async_handshake(asio::ssl::stream_base::client, step([this](const error_code& failed) {
                                      if (failed) return broken(failed);
                                      ready();
                                  }));
    }

    void ready() {
        connected_ = true;
        write();
    }

    void write() {
        const auto& wanted = waiting_.front();
        const auto& at = endpoints_[current_];
        message_ = {http::verb::post, wanted.path, 11};
        message_.set(http::field::host, at.host + ":" + at.port);
        message_.set(http::field::content_type, "application/json");
        if (!wanted.authorization.empty()) message_.set(http::field::authorization, wanted.authorization);
        message_.body() = wanted.body;
        message_.prepare_payload();
        auto sent = step([this](const error_code& failed, std::size_t) {
            if (failed) return broken(failed);
            read();
        });
        if (channel_)
            http::async_write(*channel_, message_, std::move(sent));
        else
            http::async_write(socket_, message_, std::move(sent));
    }

    void read() {
        parser_.emplace();
        parser_->body_limit(http_body_bytes_max);
        auto heard = step([this](const error_code& failed, std::size_t) {
            if (failed) return broken(failed);
            auto reply = parser_->release();
            if (!reply.keep_alive()) hang_up();
            finish(http_reply{reply.result_int(), std::move(reply.body())});
        });
        if (channel_)
            http::async_read(*channel_, buffer_, *parser_, std::move(heard));
        else
            http::async_read(socket_, buffer_, *parser_, std::move(heard));
    }

    void broken(const error_code& why) {
        hang_up();
        if (!kept_) current_ = (current_ + 1) % endpoints_.size();
        if (tries_left_ > 0) --tries_left_;
        if (tries_left_ > 0) return attempt();
        finish(error{errc::unavailable, "no server could be reached: " + why.message()});
    }

    void next_server() {
        hang_up();
        current_ = (current_ + 1) % endpoints_.size();
    }

    void hang_up() {
        ++try_;
        connected_ = false;
        error_code ignored;
        resolver_.cancel();
        socket_.close(ignored);
        buffer_.clear();
    }

    void finish(result<http_reply> outcome) {
        ++number_;
        deadline_.cancel();
        if (waiting_.empty()) return;
        const auto done = std::move(waiting_.front());
        waiting_.pop_front();
        if (!waiting_.empty()) asio::post(executor_, [self = shared_from_this()] { self->begin(); });
        done.to(std::move(outcome));
    }

    const asio::any_io_executor executor_;
    const std::vector<http_endpoint> endpoints_;
    const tls_context tls_;
    const std::chrono::milliseconds timeout_;
    tcp::resolver resolver_;
    tcp::socket socket_;
    std::optional<asio::ssl::stream<tcp::socket&>> channel_;
    asio::steady_timer deadline_;
    std::deque<request> waiting_;  ///< the first is under way
    std::size_t current_ = 0, tries_left_ = 0;
    std::uint64_t try_ = 0, number_ = 0;
    bool connected_ = false;
    bool kept_ = false;  ///< this try uses the connection of an earlier request
    http::request<http::string_body> message_;
    std::optional<http::response_parser<http::string_body>> parser_;
    boost::beast::flat_buffer buffer_;
};

http_client::http_client(asio::any_io_executor run_on, std::vector<http_endpoint> endpoints, tls_context tls,
                         std::uint32_t timeout_ms)
    : line_(std::make_shared<line>(std::move(run_on), std::move(endpoints), std::move(tls), timeout_ms)) {}

http_client::~http_client() { close(); }

void http_client::post(std::string path, std::string body, std::string authorization, answer to) {
    line_->post({std::move(path), std::move(body), std::move(authorization), std::move(to)});
}

void http_client::close() { line_->close(); }

}  // namespace vecstore::replication::net
