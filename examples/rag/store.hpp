/// Where the passages are: one database, with a collection of passages, one of the files that they come from, and one of
/// the words that the built-in embedder knows. The three make a generation, "passages-1", "files-1", "words-1"; a new
/// embedder means a new generation, and aliases without a number say which one counts. So questions are answered from
/// the old one until the new one is whole.
/// Thread safety: as that of `database`; an embedder belongs to one thread.
#pragma once

#include "corpus_embedder.hpp"
#include "embedder.hpp"

#include <vecstore/database/database.hpp>

#include <memory>
#include <string>
#include <vector>

namespace rag {

/// Names of the vectors of a passage.
inline constexpr const char* dense_name = "dense";
inline constexpr const char* bm25_name = "bm25";

/// Who makes the dense vectors.
struct embedding_options {
    std::string url =
        {};  ///< of an OpenAI-compatible server, "http://localhost:8080/v1"; empty: the store's own embedder
    std::string model = {};    ///< that the server is to use
    std::string api_key = {};  ///< for the server; not kept in the store
};

struct generation {
    vecstore::collection passages;
    vecstore::collection files;
    std::unique_ptr<rag::embedder> embedder;
    /// The same as `embedder`, when it is the built-in one.
    corpus_embedder* built_in = nullptr;
};

class store {
public:
    /// Errors: those of `database::open`.
    [[nodiscard]] static vecstore::result<store> open(const std::string& directory, bool read_only);
    /// One in memory, for measuring.
    [[nodiscard]] static vecstore::result<store> in_memory();

    /// False before the first indexing.
    [[nodiscard]] vecstore::result<bool> indexed() const;

    /// Whom the vectors that count were made by.  Errors: not_found (nothing is indexed), those of `collection::info`.
    [[nodiscard]] vecstore::result<embedding_options> embedding() const;

    /// The generation that counts, with the embedder that it was made with.
    /// Errors: not_found (nothing is indexed), conflict (`wanted` names another model), those of the embedder.
    [[nodiscard]] vecstore::result<generation> current(const embedding_options& wanted = {}) const;

    /// An empty generation; `make_current` lets it count. What is left of generations that never counted goes.
    /// `learner`: has seen all passages; the built-in embedder learns from it, and BM25 their usual length.
    /// Errors: those of the server and of the database.
    [[nodiscard]] vecstore::result<generation> begin(const embedding_options& embedding, const corpus_learner& learner);
    /// From now on this one is `current`, in one step; the one before is erased.
    [[nodiscard]] vecstore::result<void> make_current(const generation& made);

    [[nodiscard]] vecstore::database& database() noexcept { return db_; }

private:
    explicit store(vecstore::database db) : db_(std::move(db)) {}
    vecstore::database db_;
};

}  // namespace rag
