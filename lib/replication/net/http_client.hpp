/// POST of JSON to one of several servers that know the same: one request at a time over one connection that is kept, the
/// others wait their turn; a server that fails is left for the next.
/// Thread safety: one thread at a time, that of the executor. Answers come from there, never from within `post`; after
/// `close` none comes.
#pragma once

#include "tls.hpp"

#include <vecstore/core/result.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace vecstore::replication::net {

struct http_endpoint {
    std::string host;
    std::string port;
    bool secure = false;
};

/// "http://127.0.0.1:2379", "https://etcd-a:2379"; without a port 80 or 443.
/// Errors: invalid_argument (names `field` and the text).
[[nodiscard]] result<http_endpoint> parse_endpoint(const std::string& text, const std::string& field);

struct http_reply {
    unsigned status = 0;
    std::string body;
};

inline constexpr std::size_t http_body_bytes_max = 1u << 20;

class http_client {
public:
    using answer = std::function<void(result<http_reply>)>;

    /// `tls` is needed where an endpoint is secure. `timeout_ms`: of one request, with connecting and trying others.
    http_client(boost::asio::any_io_executor run_on, std::vector<http_endpoint> endpoints, tls_context tls,
                std::uint32_t timeout_ms);
    ~http_client();
    http_client(const http_client&) = delete;
    http_client& operator=(const http_client&) = delete;

    /// `authorization`: the header's value; empty: none. A request may reach servers twice when a connection breaks.
    /// Errors of the answer: timed_out, unavailable (no server could be reached).
    void post(std::string path, std::string body, std::string authorization, answer to);
    /// What is under way and waits is forgotten.
    void close();

private:
    class line;
    std::shared_ptr<line> line_;
};

}  // namespace vecstore::replication::net
