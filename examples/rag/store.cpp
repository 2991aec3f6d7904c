#include "store.hpp"

#include "http_embedder.hpp"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <utility>

namespace rag {

namespace vs = vecstore;

namespace {

constexpr std::string_view kinds[] = {"passages", "files", "words"};

/// "passages-12" and the others of generation 12.
std::string name_in(std::string_view kind, std::size_t generation) {
    return std::string(kind) + "-" + std::to_string(generation);
}
std::size_t number_of(std::string_view name) {
    const auto digits = name.substr(name.find_last_of('-') + 1);
    std::size_t number = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), number);
    return number;
}

vs::collection_options passage_layout(const embedder& embedder, const corpus_learner& learner) {
    vs::collection_options layout;
    layout.vectors = {
        {.name = dense_name, .dim = embedder.dim(), .metric = vs::metric::cosine, .model = embedder.model()}};
    vs::text::bm25_options bm25;
    bm25.average_length = std::max(learner.words_per_text(), 1.0);
    layout.sparse_vectors = {{.name = bm25_name, .bm25 = bm25}};
    return layout;
}

vs::result<std::unique_ptr<embedder>> server(const embedding_options& options, std::size_t dim) {
    VECSTORE_TRY(auto made, http_embedder::open(
                                {.url = options.url, .model = options.model, .dim = dim, .api_key = options.api_key}));
    return std::unique_ptr<embedder>(std::move(made));
}

}  // namespace

vs::result<store> store::open(const std::string& directory, bool read_only) {
    vs::database_options options;
    options.read_only = read_only;
    VECSTORE_TRY(auto db, vs::database::open(directory, options));
    return store(std::move(db));
}

vs::result<store> store::in_memory() {
    VECSTORE_TRY(auto db, vs::database::in_memory());
    return store(std::move(db));
}

vs::result<bool> store::indexed() const {
    VECSTORE_TRY(const auto aliases, db_.list_aliases());
    return std::any_of(aliases.begin(), aliases.end(), [](const auto& a) { return a.alias == kinds[0]; });
}

vs::result<embedding_options> store::embedding() const {
    VECSTORE_TRY(const bool any, indexed());
    if (!any) return vs::error{vs::errc::not_found, "nothing is indexed yet: rag index FOLDER"};
    VECSTORE_TRY(const auto passages, db_.open_collection("passages"));
    VECSTORE_TRY(const auto info, passages.info());
    embedding_options made_by;
    made_by.url = info.options.metadata["url"].string_or("");
    made_by.model = info.options.vectors.at(0).model;
    return made_by;
}

vs::result<generation> store::current(const embedding_options& wanted) const {
    VECSTORE_TRY(const auto made_by, embedding());
    VECSTORE_TRY(auto passages, db_.open_collection("passages"));
    VECSTORE_TRY(auto files, db_.open_collection("files"));
    VECSTORE_TRY(const auto info, passages.info());
    const auto dim = info.options.vectors.at(0).dim;
    generation found{std::move(passages), std::move(files), nullptr};
    const auto another = [&](const std::string& model) {
        return vs::error{vs::errc::conflict, "the store's vectors were made by " + made_by.model + ", not by " + model +
                                                 ": index with --relearn to make them anew"};
    };
    if (made_by.url.empty()) {
        if (!wanted.url.empty()) return another(wanted.model);
        VECSTORE_TRY(const auto words, db_.open_collection("words"));
        VECSTORE_TRY(auto made, corpus_embedder::open(words));
        found.built_in = made.get();
        found.embedder = std::move(made);
    } else {
        if (!wanted.model.empty() && wanted.model != made_by.model) return another(wanted.model);
        VECSTORE_TRY(found.embedder,
                     server({wanted.url.empty() ? made_by.url : wanted.url, made_by.model, wanted.api_key}, dim));
    }
    return found;
}

vs::result<generation> store::begin(const embedding_options& embedding, const corpus_learner& learner) {
    VECSTORE_TRY(const auto aliases, db_.list_aliases());
    VECSTORE_TRY(const auto names, db_.list_collections());
    std::size_t number = 1;
    for (const auto& name : names) {
        const bool counts =
            std::any_of(aliases.begin(), aliases.end(), [&](const auto& a) { return a.collection == name; });
        number = std::max(number, number_of(name) + 1);
        if (!counts) VECSTORE_CHECK(db_.drop_collection(name));
    }
    std::unique_ptr<rag::embedder> embedder;
    corpus_embedder* built_in = nullptr;
    if (embedding.url.empty()) {
        VECSTORE_TRY(const auto words, learner.save(db_, name_in("words", number)));
        VECSTORE_TRY(auto made, corpus_embedder::open(words));
        built_in = made.get();
        embedder = std::move(made);
    } else {
        VECSTORE_TRY(embedder, server(embedding, 0));
    }
    auto layout = passage_layout(*embedder, learner);
    layout.metadata = {{"url", embedding.url}};
    VECSTORE_TRY(auto passages, db_.create_collection(name_in("passages", number), layout));
    VECSTORE_TRY(auto files, db_.create_collection(name_in("files", number), {}));
    // What questions are filtered by.
    VECSTORE_CHECK(passages.create_field_index("path", {.kind = vs::field_kind::keyword}));
    VECSTORE_CHECK(passages.create_field_index("modified", {.kind = vs::field_kind::datetime}));
    return generation{std::move(passages), std::move(files), std::move(embedder), built_in};
}

vs::result<void> store::make_current(const generation& made) {
    const auto number = number_of(made.passages.name());
    VECSTORE_TRY(const auto before, db_.list_aliases());
    std::vector<vs::alias_action> steps;
    for (const auto kind : kinds)
        if (kind != "words" || made.built_in != nullptr)
            steps.push_back(vs::alias_action::create(std::string(kind), name_in(kind, number)));
        else if (std::any_of(before.begin(), before.end(), [&](const auto& a) { return a.alias == kind; }))
            steps.push_back(vs::alias_action::erase(std::string(kind)));
    VECSTORE_CHECK(db_.update_aliases(steps));
    for (const auto& alias : before)
        if (number_of(alias.collection) != number) VECSTORE_CHECK(db_.drop_collection(alias.collection));
    return {};
}

}  // namespace rag
