/// What makes vectors of texts. There are two: a server (http_embedder.hpp), and what the texts themselves teach
/// (lsa_embedder.hpp). Another model is one more class.
#pragma once

#include <vecstore/core/result.hpp>

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace rag {

enum class text_kind { passage, question };

class embedder {
public:
    embedder() = default;
    embedder(const embedder&) = delete;
    embedder& operator=(const embedder&) = delete;
    virtual ~embedder() = default;

    /// Marks the vectors in the store: those of another model are never compared with them.
    [[nodiscard]] virtual const std::string& model() const = 0;
    /// Numbers of each vector.
    [[nodiscard]] virtual std::size_t dim() const = 0;
    /// A vector for each text; an empty one for a text of which nothing is known.
    /// Errors: those of the server or of the store.
    [[nodiscard]] virtual vecstore::result<std::vector<std::vector<float>>> embed(std::span<const std::string> texts,
                                                                                  text_kind kind) = 0;
};

}  // namespace rag
