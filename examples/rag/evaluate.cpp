#include "evaluate.hpp"

#include "common/sample.hpp"

#include <vecstore/payload/json.hpp>

#include <algorithm>
#include <utility>
#include <vector>

namespace rag {

namespace vs = vecstore;

namespace {

constexpr const char* sentence_name = "sentences";

/// What an entry reads like: "test tube: glass tube closed at one end".
vs::result<std::vector<std::string>> texts_of(const sample::data& data) {
    std::vector<std::string> texts;
    for (const auto& line : data.payloads) {
        VECSTORE_TRY(const auto entry, vs::payload::parse_document(line));
        std::string text;
        if (const auto* lemmas = entry["lemma"].if_array())
            for (const auto& lemma : *lemmas) text += (text.empty() ? "" : ", ") + std::string(lemma.string_or(""));
        texts.push_back(text + ": " + std::string(entry["gloss"].string_or("")));
    }
    return texts;
}

struct entries {
    vs::database db;
    vs::collection collection;
    std::unique_ptr<corpus_embedder> built_in;
};

vs::result<entries> load(const sample::data& data, const corpus_options& options) {
    VECSTORE_TRY(const auto texts, texts_of(data));
    VECSTORE_TRY(auto db, vs::database::in_memory());
    VECSTORE_TRY(auto learner, corpus_learner::create());
    for (const auto& text : texts) learner.add(text);
    VECSTORE_TRY(const auto words, learner.save(db, "words", options));
    VECSTORE_TRY(auto built_in, corpus_embedder::open(words));
    vs::text::bm25_options bm25;
    bm25.average_length = learner.words_per_text();
    vs::collection_options layout;
    layout.vectors = {{.name = dense_name, .dim = built_in->dim(), .model = built_in->model()},
                      {.name = sentence_name, .dim = data.vectors.dim}};
    layout.sparse_vectors = {{.name = bm25_name, .bm25 = bm25}};
    VECSTORE_TRY(auto collection, db.create_collection("entries", layout));
    constexpr std::size_t batch = 500;
    for (std::size_t first = 0; first < texts.size(); first += batch) {
        const auto count = std::min(batch, texts.size() - first);
        VECSTORE_TRY(const auto vectors, built_in->embed(std::span(texts).subspan(first, count), text_kind::passage));
        std::vector<vs::point> points;
        for (std::size_t i = 0; i < count; ++i) {
            auto& p = points.emplace_back();
            p.id = first + i;
            p.vectors = {{sentence_name, data.vectors.row(first + i)}};
            if (!vectors[i].empty()) p.vectors.push_back({dense_name, vectors[i], built_in->model()});
            p.sparse = {{bm25_name, vs::bm25(texts[first + i])}};
        }
        VECSTORE_CHECK(collection.upsert(points, {.durability = vs::durability::async}));
    }
    return entries{std::move(db), std::move(collection), std::move(built_in)};
}

/// The queries that are measured, for one sentence.
std::vector<vs::query> queries_of(const std::string& text, const std::vector<float>& built_in, const std::string& model,
                                  const std::vector<float>& sentence, std::size_t limit, const fusion_options& fusion) {
    const auto keywords = hybrid_query(text, {}, "", limit, fusion);
    auto hybrid = hybrid_query(text, built_in, model, limit, fusion);
    auto sentences = hybrid_query(text, sentence, "", limit, fusion);
    sentences.prefetch[1].using_vector = sentence_name;
    auto dense = built_in.empty() ? keywords : hybrid.prefetch[1];
    auto sentence_alone = sentences.prefetch[1];
    dense.limit = sentence_alone.limit = limit;
    return {keywords, std::move(dense), std::move(hybrid), std::move(sentence_alone), std::move(sentences)};
}

}  // namespace

vs::result<evaluation> evaluate(const evaluate_options& options) {
    constexpr std::size_t limit = 10;
    VECSTORE_TRY(const auto data, sample::load(options.folder.empty() ? sample::default_folder() : options.folder));
    VECSTORE_TRY(auto loaded, load(data, options.corpus));
    std::vector<std::string> texts;
    for (const auto& q : data.queries) texts.push_back(q.text);
    VECSTORE_TRY(const auto vectors, loaded.built_in->embed(texts, text_kind::question));

    std::vector<std::size_t> found(5);
    for (std::size_t q = 0; q < texts.size(); ++q) {
        const auto queries = queries_of(texts[q], vectors[q], loaded.built_in->model(), data.query_vectors.row(q),
                                        limit, options.fusion);
        for (std::size_t i = 0; i < queries.size(); ++i) {
            VECSTORE_TRY(const auto hits, loaded.collection.query(queries[i]));
            found[i] += std::any_of(hits.begin(), hits.end(),
                                    [&](const auto& h) { return h.id == vs::point_id(data.queries[q].source_row); });
        }
    }
    evaluation measured;
    measured.entries = data.payloads.size();
    measured.questions = texts.size();
    double* const shares[] = {&measured.keywords, &measured.built_in, &measured.hybrid, &measured.sentences,
                              &measured.sentence_hybrid};
    for (std::size_t i = 0; i < found.size(); ++i)
        *shares[i] = static_cast<double>(found[i]) / static_cast<double>(texts.size());
    return measured;
}

}  // namespace rag
