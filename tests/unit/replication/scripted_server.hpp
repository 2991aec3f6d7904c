/// An HTTP server of this machine that says what a test tells it to, in the thread of the test.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace vecstore::test {

class scripted_server {
public:
    struct reply {
        std::string body;
        unsigned status = 200;
        int delay_ms = 0;
        bool hang_up = false;  ///< instead of an answer
        bool last = false;     ///< closes the connection behind it
    };
    struct request {
        std::string path, body, authorization;
    };
    /// Null: never an answer.
    using script = std::function<std::optional<reply>(const request&)>;

    scripted_server(boost::asio::io_context& context, script says)
        : says_(std::move(says)), acceptor_(context, {boost::asio::ip::address_v4::loopback(), 0}) {
        accept();
    }
    ~scripted_server() {
        *alive_ = false;
        for (const auto& l : lines_) l->socket.close();
    }
    [[nodiscard]] std::string url() const {
        return "http://127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port());
    }
    std::vector<request> requests;
    std::size_t connections = 0;

private:
    using message = boost::beast::http::request<boost::beast::http::string_body>;
    using answer = boost::beast::http::response<boost::beast::http::string_body>;
    struct line {
        explicit line(boost::asio::ip::tcp::socket taken) : socket(std::move(taken)), timer(socket.get_executor()) {}
        boost::asio::ip::tcp::socket socket;
        boost::asio::steady_timer timer;
        boost::beast::flat_buffer buffer;
        message in;
        answer out;
    };

    void accept() {
        acceptor_.async_accept(
            [this, alive = alive_](const boost::system::error_code& failed, boost::asio::ip::tcp::socket s) {
                if (!*alive || failed) return;
                ++connections;
                const auto fresh = std::make_shared<line>(std::move(s));
                lines_.push_back(fresh);
                read(fresh);
                accept();
            });
    }
    void read(const std::shared_ptr<line>& l) {
        l->in = {};
        boost::beast::http::async_read(
            l->socket, l->buffer, l->in,
            [this, l, alive = alive_](const boost::system::error_code& failed, std::size_t) {
                if (!*alive || failed) return;
                request heard{std::string(l->in.target()), l->in.body(),
                              std::string(l->in[boost::beast::http::field::authorization])};
                requests.push_back(heard);
                const auto said = says_(heard);
                if (!said) return;
                if (said->hang_up) return l->socket.close();
                l->timer.expires_after(std::chrono::milliseconds(said->delay_ms));
                l->timer.async_wait([this, l, alive, reply = *said](const boost::system::error_code& cancelled) {
                    if (*alive && !cancelled) write(l, reply);
                });
            });
    }
    void write(const std::shared_ptr<line>& l, const reply& said) {
        l->out = answer(boost::beast::http::status(said.status), 11, said.body);
        l->out.keep_alive(!said.last);
        l->out.prepare_payload();
        boost::beast::http::async_write(
            l->socket, l->out,
            [this, l, alive = alive_, last = said.last](const boost::system::error_code& failed, std::size_t) {
                if (!*alive || failed) return;
                if (last) return l->socket.close();
                read(l);
            });
    }

    script says_;
    boost::asio::ip::tcp::acceptor acceptor_;
    std::vector<std::shared_ptr<line>> lines_;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace vecstore::test
