#include "http_embedder.hpp"

#include <vecstore/payload/json.hpp>

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include <algorithm>
#include <chrono>

namespace rag {

namespace vs = vecstore;
namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;

namespace {

/// Runs one asynchronous step to its end: timeouts are for such alone.
template <class Start>
boost::system::error_code run(asio::io_context& context, const Start& start) {
    boost::system::error_code outcome = asio::error::would_block;
    start([&](boost::system::error_code e, auto&&...) { outcome = e; });
    context.restart();
    context.run();
    return outcome;
}

/// What the server says of its failure: OpenAI's {"error": {"message"}}, {"error": "..."}, or the beginning of the body.
std::string words_of(const std::string& body) {
    constexpr std::size_t shown = 200;
    if (const auto json = vs::payload::parse_document(body)) {
        const auto& error = (*json)["error"];
        if (const auto* text = error["message"].if_string()) return *text;
        if (const auto* text = error.if_string()) return *text;
    }
    return body.substr(0, shown);
}

vs::errc code_of(http::status status) {
    const auto number = static_cast<unsigned>(status);
    // 408 and 429 pass, as 5xx do.
    return number >= 400 && number < 500 && number != 408 && number != 429 ? vs::errc::invalid_argument
                                                                           : vs::errc::unavailable;
}

}  // namespace

vs::error http_embedder::failed(vs::errc code, const std::string& why) const {
    return {code, options_.url + "/embeddings: " + why};
}

vs::result<std::unique_ptr<http_embedder>> http_embedder::open(http_options options) {
    constexpr std::string_view scheme = "http://";
    while (options.url.ends_with('/')) options.url.pop_back();
    const auto bad = [&](const std::string& why) { return vs::invalid_argument("url " + options.url + ": " + why); };
    if (!options.url.starts_with(scheme)) return bad("must begin with http://");
    if (options.model.empty()) return vs::invalid_argument("model: the server must be told one");
    const auto rest = options.url.substr(scheme.size());
    const auto slash = std::min(rest.find('/'), rest.size());
    auto host = rest.substr(0, slash);
    std::string port = "80";
    if (const auto colon = host.rfind(':'); colon != host.npos && host.find(']', colon) == host.npos) {
        port = host.substr(colon + 1);
        host.resize(colon);
        if (port.empty() || port.find_first_not_of("0123456789") != port.npos) return bad("no port number");
    }
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    if (host.empty()) return bad("no host");
    const bool ask = options.dim == 0;
    std::unique_ptr<http_embedder> made(
        new http_embedder(std::move(options), std::move(host), std::move(port), rest.substr(slash) + "/embeddings"));
    if (ask) {
        const std::string any[] = {"dimension"};
        VECSTORE_TRY(const auto vectors, made->request(any));
        made->options_.dim = vectors.at(0).size();
    }
    return made;
}

vs::result<std::string> http_embedder::post(const std::string& body) const {
    asio::io_context context;
    boost::system::error_code e;
    asio::ip::tcp::resolver resolver(context);
    const auto places = resolver.resolve(host_, port_, e);
    if (e) return failed(vs::errc::unavailable, e.message());
    beast::tcp_stream stream(context);
    stream.expires_after(std::chrono::seconds(options_.timeout_seconds));

    http::request<http::string_body> request(http::verb::post, path_, 11);
    request.set(http::field::host, host_);
    request.set(http::field::content_type, "application/json");
    if (!options_.api_key.empty()) request.set(http::field::authorization, "Bearer " + options_.api_key);
    request.body() = body;
    request.prepare_payload();
    beast::flat_buffer buffer;
    http::response_parser<http::string_body> response;
    response.body_limit(vs::json_bytes_max);

    e = run(context, [&](auto done) { stream.async_connect(places, done); });
    if (!e) e = run(context, [&](auto done) { http::async_write(stream, request, done); });
    if (!e) e = run(context, [&](auto done) { http::async_read(stream, buffer, response, done); });
    if (e == beast::error::timeout)
        return failed(vs::errc::timed_out, "no answer in " + std::to_string(options_.timeout_seconds) + " s");
    if (e) return failed(vs::errc::unavailable, e.message());
    const auto status = response.get().result();
    if (status != http::status::ok)
        return failed(code_of(status),
                      "status " + std::to_string(response.get().result_int()) + ": " + words_of(response.get().body()));
    return std::move(response.get().body());
}

vs::result<std::vector<std::vector<float>>> http_embedder::request(std::span<const std::string> texts) const {
    const vs::payload::document question = {{"model", options_.model},
                                            {"input", vs::payload::value::array(texts.begin(), texts.end())}};
    VECSTORE_TRY(const auto body, post(vs::payload::to_json(question)));
    const auto strange = [&](const std::string& what) {
        return failed(vs::errc::unsupported, "not an answer with embeddings: " + what);
    };
    const auto answer = vs::payload::parse_document(body);
    if (!answer) return strange(answer.error().message);
    const auto* data = (*answer)["data"].if_array();
    if (data == nullptr || data->size() != texts.size())
        return strange("data must be a list of " + std::to_string(texts.size()));
    std::vector<std::vector<float>> vectors(texts.size());
    for (std::size_t i = 0; i < data->size(); ++i) {
        const auto place = "data[" + std::to_string(i) + "]";
        const auto at = (*data)[i]["index"].int64_or(static_cast<std::int64_t>(i));
        if (at < 0 || static_cast<std::size_t>(at) >= texts.size() || !vectors[static_cast<std::size_t>(at)].empty())
            return strange(place + ".index");
        const auto* numbers = (*data)[i]["embedding"].if_array();
        if (numbers == nullptr || numbers->empty()) return strange(place + ".embedding must be a list of numbers");
        auto& vector = vectors[static_cast<std::size_t>(at)];
        for (const auto& n : *numbers) {
            if (!n.is_double() && !n.is_int64()) return strange(place + ".embedding must be a list of numbers");
            vector.push_back(static_cast<float>(n.double_or(0)));
        }
        const auto wanted = options_.dim != 0 ? options_.dim : vectors[0].size();
        if (options_.dim != 0 && vector.size() != wanted)
            return failed(vs::errc::invalid_argument, "model " + options_.model + " makes vectors of " +
                                                          std::to_string(vector.size()) +
                                                          " numbers, the store's have " + std::to_string(wanted));
    }
    return vectors;
}

vs::result<std::vector<std::vector<float>>> http_embedder::embed(std::span<const std::string> texts, text_kind) {
    std::vector<std::vector<float>> vectors;
    for (std::size_t first = 0; first < texts.size(); first += options_.texts_per_request) {
        const auto count = std::min(options_.texts_per_request, texts.size() - first);
        VECSTORE_TRY(auto some, request(texts.subspan(first, count)));
        for (auto& v : some) vectors.push_back(std::move(v));
    }
    return vectors;
}

}  // namespace rag
