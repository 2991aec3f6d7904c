#include "net_cluster.hpp"
#include "scripted_server.hpp"

#include <catch2/catch.hpp>
#include <replication/net/http_client.hpp>

using namespace vecstore;
using namespace vecstore::replication::net;
using test::run_until;
using test::scripted_server;

namespace {

struct asker {
    asker(boost::asio::io_context& run_on, const std::vector<std::string>& urls, std::uint32_t timeout_ms = 200)
        : context(run_on) {
        std::vector<http_endpoint> endpoints;
        for (const auto& url : urls) endpoints.push_back(parse_endpoint(url, "endpoints").value());
        client = std::make_unique<http_client>(run_on.get_executor(), endpoints, nullptr, timeout_ms);
    }
    [[nodiscard]] result<http_reply> post(const std::string& body) {
        std::optional<result<http_reply>> heard;
        client->post("/path", body, "", [&](result<http_reply> reply) { heard = std::move(reply); });
        if (!run_until(context, [&] { return heard.has_value(); })) return error{errc::internal, "never answered"};
        return *std::move(heard);
    }
    boost::asio::io_context& context;
    std::unique_ptr<http_client> client;
};

}  // namespace

TEST_CASE("http client: requests follow each other over one connection", "[replication][net]") {
    boost::asio::io_context context;
    scripted_server server(context, [](const auto& r) { return scripted_server::reply{"<" + r.body + ">"}; });
    asker a(context, {server.url()});
    std::vector<std::string> heard;
    for (const char* body : {"one", "two", "three"})
        a.client->post("/path", body, "key", [&](const result<http_reply>& r) { heard.push_back(r->body); });
    REQUIRE(run_until(context, [&] { return heard.size() == 3; }));
    CHECK(heard == std::vector<std::string>{"<one>", "<two>", "<three>"});
    CHECK(server.connections == 1);
    CHECK(server.requests[0].path == "/path");
    CHECK(server.requests[0].authorization == "key");
}

TEST_CASE("http client: a connection that was closed meanwhile is made anew", "[replication][net]") {
    boost::asio::io_context context;
    int count = 0;
    scripted_server server(context, [&](const auto&) {
        return ++count == 2 ? scripted_server::reply{"", 200, 0, true} : scripted_server::reply{std::to_string(count)};
    });
    asker a(context, {server.url()});
    CHECK(a.post("x")->body == "1");
    CHECK(a.post("x")->body == "3");  // the second was cut off
    CHECK(server.connections == 2);
}

TEST_CASE("http client: who does not answer is left for the next server", "[replication][net]") {
    boost::asio::io_context context;
    bool silent = true;
    scripted_server first(
        context, [&](const auto&) { return silent ? std::nullopt : std::optional(scripted_server::reply{"first"}); });
    scripted_server second(context, [](const auto&) { return scripted_server::reply{"second"}; });
    asker a(context, {first.url(), second.url()}, 60);
    CHECK(a.post("x").error().code == errc::timed_out);
    CHECK(a.post("x")->body == "second");
    // Nobody listens there: the next is asked at once.
    asker b(context, {"http://127.0.0.1:1", second.url()});
    CHECK(b.post("x")->body == "second");
    asker c(context, {"http://127.0.0.1:1"});
    CHECK(c.post("x").error().code == errc::unavailable);
}

TEST_CASE("http client: what is too large or no HTTP is an error", "[replication][net]") {
    boost::asio::io_context context;
    scripted_server server(
        context, [](const auto&) { return scripted_server::reply{std::string(http_body_bytes_max + 1, 'x')}; });
    asker a(context, {server.url()}, 1'000);
    CHECK(a.post("x").error().code == errc::unavailable);
}

TEST_CASE("http client: nothing comes after it was closed", "[replication][net]") {
    boost::asio::io_context context;
    scripted_server server(context, [](const auto&) { return scripted_server::reply{"late", 200, 20}; });
    asker a(context, {server.url()});
    bool heard = false;
    a.client->post("/", "x", "", [&](const auto&) { heard = true; });
    test::run_for(context, 10);
    a.client.reset();
    test::run_for(context, 40);
    CHECK_FALSE(heard);
}

TEST_CASE("http client: endpoints", "[replication][net]") {
    CHECK(parse_endpoint("http://a:2379", "")->port == "2379");
    CHECK_FALSE(parse_endpoint("http://a:2379/", "")->secure);
    CHECK(parse_endpoint("https://a", "")->port == "443");
    CHECK(parse_endpoint("https://[::1]", "")->host == "::1");
    for (const char* text : {"a:1", "ftp://a", "http://", "http://a:x", "http://a/b", "http://u:p@a"})
        CHECK(parse_endpoint(text, "endpoints[0]").error().message.find("endpoints[0]") == 0);
}
