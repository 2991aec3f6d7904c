// The embedder that asks a server, against one on a thread of its own, on the loopback.
#include "support/store.hpp"
#include "support/temporary_directory.hpp"

#include <vecstore/payload/json.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <catch2/catch.hpp>
#include <rag/http_embedder.hpp>
#include <rag/indexer.hpp>
#include <rag/search.hpp>
#include <rag/store.hpp>

#include <atomic>
#include <fstream>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace vs = vecstore;
namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;

namespace {

using answer = std::pair<unsigned, std::string>;

/// Answers one request after the other by a function of the request's body, and keeps what it was asked.
class tiny_server {
public:
    explicit tiny_server(std::function<answer(const vs::payload::document&)> reply)
        : reply_(std::move(reply)),
          acceptor_(context_, {asio::ip::address_v4::loopback(), 0}),
          thread_([this] { serve(); }) {}
    tiny_server(const tiny_server&) = delete;
    tiny_server& operator=(const tiny_server&) = delete;
    ~tiny_server() {
        // A visitor that says nothing ends it.
        boost::system::error_code e;
        tcp::socket last(context_);
        ending_ = true;
        last.connect(acceptor_.local_endpoint(), e);
        thread_.join();
    }
    [[nodiscard]] std::string url() const {
        return "http://127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port()) + "/v1";
    }
    [[nodiscard]] std::vector<std::string> seen() const {
        const std::lock_guard lock(mutex_);
        return seen_;
    }

private:
    void serve() {
        while (true) {
            boost::system::error_code e;
            tcp::socket socket(context_);
            acceptor_.accept(socket, e);
            if (e || ending_) return;
            boost::beast::flat_buffer buffer;
            http::request<http::string_body> request;
            http::read(socket, buffer, request, e);
            if (e) continue;
            {
                const std::lock_guard lock(mutex_);
                seen_.push_back(std::string(request.method_string()) + " " + std::string(request.target()) + " " +
                                std::string(request[http::field::authorization]));
            }
            const auto [status, body] = reply_(vs::payload::parse_document(request.body()).value());
            http::response<http::string_body> response(static_cast<http::status>(status), request.version());
            response.body() = body;
            response.prepare_payload();
            http::write(socket, response, e);
        }
    }

    std::function<answer(const vs::payload::document&)> reply_;
    asio::io_context context_;
    tcp::acceptor acceptor_;
    std::atomic<bool> ending_ = false;
    mutable std::mutex mutex_;
    std::vector<std::string> seen_;
    std::thread thread_;
};

/// Vectors of `dim` numbers that begin with the text's length, given in reverse order.
answer lengths(const vs::payload::document& asked, std::size_t dim) {
    vs::payload::value::array data;
    const auto& texts = *asked["input"].if_array();
    for (auto i = texts.size(); i-- > 0;) {
        vs::payload::value::array numbers(dim, 0);
        numbers[0] = texts[i].if_string()->size();
        data.push_back({{"index", i}, {"embedding", numbers}});
    }
    return {200, vs::payload::to_json(vs::payload::document{{"data", data}})};
}

vs::result<std::vector<std::vector<float>>> ask(const rag::http_options& options,
                                                std::vector<std::string> texts = {"abc"}) {
    auto made = rag::http_embedder::open(options);
    if (!made) return std::move(made).error();
    return (*made)->embed(texts, rag::text_kind::passage);
}

}  // namespace

TEST_CASE("http embedder: texts go out in batches, vectors come back in their order", "[rag]") {
    const tiny_server server([](const auto& asked) { return lengths(asked, 3); });
    const rag::http_options options{
        .url = server.url() + "/", .model = "m", .dim = 3, .api_key = "secret", .texts_per_request = 2};
    const auto vectors = ask(options, {"a", "bb", "ccc", "dddd", "eeeee"}).value();
    REQUIRE(vectors.size() == 5);
    for (std::size_t i = 0; i < 5; ++i) CHECK(vectors[i] == std::vector<float>{static_cast<float>(i + 1), 0, 0});
    CHECK(server.seen() == std::vector<std::string>(3, "POST /v1/embeddings Bearer secret"));
    auto unknown = options;
    unknown.dim = 0;
    CHECK(rag::http_embedder::open(unknown).value()->dim() == 3);
}

TEST_CASE("http embedder: what goes wrong is said", "[rag]") {
    std::mutex mutex;
    answer reply;
    const tiny_server server([&](const auto&) {
        const std::lock_guard lock(mutex);
        return reply;
    });
    const rag::http_options options{.url = server.url(), .model = "m", .dim = 2};
    const auto said = [&](unsigned status, const std::string& body) {
        {
            const std::lock_guard lock(mutex);
            reply = {status, body};
        }
        const auto got = ask(options);
        return got ? "nothing"
                   : std::string(vs::to_string(got.error().code)) + ": " +
                         got.error().message.substr(server.url().size());
    };
    CHECK(said(404, R"({"error": {"message": "no model m"}})") ==
          "invalid_argument: /embeddings: status 404: no model m");
    CHECK(said(503, R"({"error": "loading"})") == "unavailable: /embeddings: status 503: loading");
    CHECK(said(429, "slow down") == "unavailable: /embeddings: status 429: slow down");
    CHECK(said(200, "<html>").find("unsupported: /embeddings: not an answer with embeddings: ") == 0);
    CHECK(said(200, R"({"data": []})").find("data must be a list of 1") != std::string::npos);
    CHECK(said(200, R"({"data": [{"embedding": "AAAA"}]})").find("data[0].embedding must be a list of numbers") !=
          std::string::npos);
    CHECK(said(200, R"({"data": [{"embedding": [1, null]}]})").find("data[0].embedding") != std::string::npos);
    CHECK(said(200, R"({"data": [{"index": 7, "embedding": [1, 2]}]})").find("data[0].index") != std::string::npos);
    CHECK(said(200, R"({"data": [{"embedding": [1, 2, 3]}]})") ==
          "invalid_argument: /embeddings: model m makes vectors of 3 numbers, the store's have 2");
}

TEST_CASE("http embedder: nobody there, and addresses that are none", "[rag]") {
    std::string url;
    {
        const tiny_server server([](const auto& asked) { return lengths(asked, 1); });
        url = server.url();
    }
    const auto refused = ask({.url = url, .model = "m", .dim = 1});
    CHECK(vs::test::code_of(refused) == vs::errc::unavailable);
    CHECK(refused.error().message.find("refused") != std::string::npos);
    for (const auto* bad : {"", "localhost:80", "https://localhost", "http://", "http://:80/", "http://host:port/"})
        CHECK(vs::test::code_of(rag::http_embedder::open({.url = bad, .model = "m", .dim = 1})) ==
              vs::errc::invalid_argument);
    CHECK(vs::test::code_of(rag::http_embedder::open({.url = "http://localhost", .dim = 1})) ==
          vs::errc::invalid_argument);
}

TEST_CASE("rag: a store keeps to the model of its server", "[rag]") {
    const tiny_server server([](const auto& asked) { return lengths(asked, 4); });
    auto store = rag::store::in_memory().value();
    const rag::embedding_options first{.url = server.url(), .model = "small"};
    store.make_current(store.begin(first, rag::corpus_learner::create().value()).value()).value();
    CHECK(store.current().value().embedder->model() == "small");
    CHECK(store.current({.model = "small"}).value().embedder->dim() == 4);
    const auto other = store.current({.url = server.url(), .model = "large"});
    CHECK(vs::test::code_of(other) == vs::errc::conflict);
    CHECK(other.error().message.find("made by small, not by large") != std::string::npos);
    // The store itself refuses it as well.
    vs::query q;
    q.nearest = {1, 0, 0, 0};
    q.using_vector = rag::dense_name;
    q.model = "large";
    CHECK_FALSE(store.current().value().passages.query(q).has_value());

    CHECK(store.embedding().value().url == server.url());
}

TEST_CASE("rag: vectors of a server are made anew by it, or by another", "[rag]") {
    const tiny_server server(
        [](const auto& asked) { return lengths(asked, *asked["model"].if_string() == "small" ? 4 : 6); });
    const vs::test::temporary_directory notes;
    std::ofstream(notes / "one.txt") << "A text.";
    auto store = rag::store::in_memory().value();
    (void)rag::index_folder(store, notes.path(), {.embedding = {.url = server.url(), .model = "small"}}).value();
    CHECK(rag::index_folder(store, notes.path(), {.relearn = true}).value().added == 1);
    CHECK(store.current().value().embedder->dim() == 4);
    const rag::index_options large{.embedding = {.url = server.url(), .model = "large"}};
    CHECK(vs::test::code_of(rag::index_folder(store, notes.path(), large)) == vs::errc::conflict);
    auto anew = large;
    anew.relearn = true;
    CHECK(rag::index_folder(store, notes.path(), anew).value().passages == 1);
    auto in = store.current().value();
    CHECK(in.embedder->model() == "large");
    CHECK(in.embedder->dim() == 6);
    CHECK(rag::search(in, {.text = "text"}).value().size() == 1);
    CHECK(store.database().list_collections().value() == std::vector<std::string>{"files-3", "passages-3"});
}
