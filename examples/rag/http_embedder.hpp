/// Vectors from a server that speaks OpenAI's protocol: POST {url}/embeddings {"model", "input": [texts]} gives
/// {"data": [{"index", "embedding"}]}. llama.cpp, Ollama, vLLM, text-embeddings-inference and others do so on this machine.
/// Plain http alone: for a server elsewhere put a proxy that speaks https in between.
/// Thread safety: an embedder belongs to one thread.
#pragma once

#include "embedder.hpp"

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace rag {

struct http_options {
    std::string url = {};      ///< "http://host[:port][/path]", the path without "/embeddings"
    std::string model = {};    ///< not empty
    std::size_t dim = 0;       ///< numbers that vectors must have; 0: the server is asked
    std::string api_key = {};  ///< sent as a bearer token, unless empty
    std::size_t texts_per_request = 64;
    std::size_t timeout_seconds = 60;  ///< for each request
};

class http_embedder final : public embedder {
public:
    /// Errors: invalid_argument (url, no model); with `dim` = 0 also those of `embed`.
    [[nodiscard]] static vecstore::result<std::unique_ptr<http_embedder>> open(http_options options);

    [[nodiscard]] const std::string& model() const override { return options_.model; }
    [[nodiscard]] std::size_t dim() const override { return options_.dim; }
    /// Errors: unavailable (nobody answers, or with a status other than 200; the message has the server's words), timed_out,
    ///         invalid_argument (the model is refused, or its vectors have another length), unsupported (the answer is
    ///         something else).
    [[nodiscard]] vecstore::result<std::vector<std::vector<float>>> embed(std::span<const std::string> texts,
                                                                          text_kind kind) override;

private:
    http_embedder(http_options options, std::string host, std::string port, std::string path)
        : options_(std::move(options)), host_(std::move(host)), port_(std::move(port)), path_(std::move(path)) {}
    [[nodiscard]] vecstore::result<std::string> post(const std::string& body) const;
    [[nodiscard]] vecstore::result<std::vector<std::vector<float>>> request(std::span<const std::string> texts) const;
    [[nodiscard]] vecstore::error failed(vecstore::errc code, const std::string& why) const;

    http_options options_;
    std::string host_, port_, path_;
};

}  // namespace rag
