#include "corpus_embedder.hpp"

#include "spelling.hpp"

#include <vecstore/text/bm25.hpp>

#include <algorithm>
#include <cmath>
#include <utility>

namespace rag {

namespace vs = vecstore;

namespace {

/// How much a word counts that a text has `times`: more often is more, but less and less.
float weight_of(std::size_t times) {
    const auto tf = static_cast<float>(times);
    return tf * 2.2f / (tf + 1.2f);
}

std::map<std::string, std::size_t> counts_of(const vs::text::analyzer& cutter, std::string_view text) {
    std::map<std::string, std::size_t> counts;
    cutter.document_tokens(text, [&](std::string_view token) { ++counts[std::string(token)]; });
    return counts;
}
std::map<std::string, float> weights_of(const std::map<std::string, std::size_t>& counts) {
    std::map<std::string, float> weights;
    for (const auto& [word, times] : counts) weights.emplace(word, weight_of(times));
    return weights;
}

void add(std::vector<float>& to, std::size_t first, const std::vector<float>& row, float weight) {
    for (std::size_t d = 0; d < row.size(); ++d) to[first + d] += weight * row[d];
}

/// Gives some of the numbers the length wanted. False when they are zeros, before or then.
bool scale(std::vector<float>& vector, std::size_t first, std::size_t count, double length) {
    double norm = 0;
    for (auto d = first; d < first + count; ++d) norm += static_cast<double>(vector[d]) * vector[d];
    if (norm > 0)
        for (auto d = first; d < first + count; ++d) vector[d] *= static_cast<float>(length / std::sqrt(norm));
    return norm > 0 && length > 0;
}

}  // namespace

vs::text::analyzer_options word_options() {
    return {.tokenizer = vs::text::tokenizer_kind::word, .max_token_len = 40, .stop_word_languages = {"english"}};
}

vs::result<corpus_learner> corpus_learner::create() {
    VECSTORE_TRY(auto cutter, vs::text::analyzer::create(word_options()));
    return corpus_learner(std::move(cutter));
}

void corpus_learner::add(std::string_view text) {
    std::map<std::uint32_t, float> by_hash;  // two words of one hash count as one
    for (const auto& [word, times] : counts_of(words_, text)) {
        by_hash[vs::text::token_index(word)] += weight_of(times);
        word_count_ += times;
    }
    auto& taken = texts_.emplace_back();
    for (const auto& [word, weight] : by_hash) {
        taken.indices.push_back(word);
        taken.values.push_back(weight);
    }
}

vs::result<vs::collection> corpus_learner::save(vs::database& db, const std::string& name,
                                                const corpus_options& options) const {
    const auto basis = learn_lsa(texts_, options.lsa);
    // Rows are looked up by their ids and never searched: no index, and lengths are kept as they are.
    vs::collection_options layout;
    layout.vectors = {{.dim = basis.dim, .metric = vs::metric::dot, .index = vs::index_kind::flat}};
    layout.metadata = {
        {"model", name_of(basis)}, {"texts", basis.texts}, {"left_out", basis.left_out}, {"meaning", options.meaning}};
    VECSTORE_TRY(auto words, db.create_collection(name, layout));
    constexpr std::size_t batch = 2'000;
    for (std::size_t first = 0; first < basis.words.size(); first += batch) {
        std::vector<vs::point> points;
        for (auto i = first; i < std::min(first + batch, basis.words.size()); ++i) {
            auto& p = points.emplace_back();
            p.id = basis.words[i];
            p.payload = {{"rarity", basis.rarity[i]}};
            const auto* row = basis.rows.data() + i * basis.dim;
            p.vector.assign(row, row + basis.dim);
        }
        VECSTORE_CHECK(words.upsert(points, {.durability = vs::durability::async}));
    }
    VECSTORE_CHECK(db.flush());
    return words;
}

vs::result<std::unique_ptr<corpus_embedder>> corpus_embedder::open(const vs::collection& words) {
    VECSTORE_TRY(const auto info, words.info());
    VECSTORE_TRY(auto cutter, vs::text::analyzer::create(word_options()));
    const auto& notes = info.options.metadata;
    if (!notes["model"].is_string() || info.options.vectors.size() != 1)
        return vs::corruption("collection " + words.name() + " holds no words", "", 0);
    std::unique_ptr<corpus_embedder> made(new corpus_embedder(words, std::move(cutter)));
    made->model_ = *notes["model"].if_string();
    made->lsa_dim_ = info.options.vectors[0].dim;
    made->texts_ = static_cast<std::size_t>(notes["texts"].int64_or(0));
    made->left_out_ = notes["left_out"].double_or(0);
    made->meaning_ = notes["meaning"].double_or(0);
    return made;
}

std::size_t corpus_embedder::dim() const { return lsa_dim_ + spelling_dim; }

vs::result<void> corpus_embedder::read_words(const std::vector<word_weights>& texts) {
    std::unordered_map<std::uint32_t, std::vector<word*>> missing;
    std::vector<vs::point_id> ids;
    for (const auto& text : texts)
        for (const auto& [spelled, weight] : text) {
            const auto [at, fresh] = known_.try_emplace(spelled);
            if (!fresh) continue;
            at->second.rarity = rarity_of(2, texts_);  // until it is found, as rare as the basis knows them
            const auto hash = vs::text::token_index(spelled);
            if (missing[hash].empty()) ids.emplace_back(hash);
            missing[hash].push_back(&at->second);
        }
    VECSTORE_TRY(const auto found, words_.get(ids, true, true));
    for (const auto& r : found)
        for (auto* const w : missing[static_cast<std::uint32_t>(r.id.number())]) {
            w->rarity = static_cast<float>(r.payload["rarity"].double_or(0));
            w->meaning = r.vector;
        }
    return {};
}

std::vector<float> corpus_embedder::sum(const word_weights& text) {
    std::vector<float> total(dim());
    for (const auto& [spelled, weight] : text) {
        const auto& w = known_.at(spelled);
        weight_ += weight;
        if (w.meaning.empty()) unknown_ += weight;
        add(total, 0, w.meaning, weight * w.rarity);
        add(total, lsa_dim_, spelling_of(spelled), weight * w.rarity);
    }
    const bool meaning = scale(total, 0, lsa_dim_, std::sqrt(meaning_));
    const bool spelling = scale(total, lsa_dim_, spelling_dim, std::sqrt(1 - meaning_));
    return meaning || spelling ? total : std::vector<float>();
}

vs::result<std::vector<std::vector<float>>> corpus_embedder::embed(std::span<const std::string> texts, text_kind) {
    std::vector<word_weights> weights;
    for (const auto& text : texts) weights.push_back(weights_of(counts_of(cutter_, text)));
    VECSTORE_CHECK(read_words(weights));
    std::vector<std::vector<float>> vectors;
    for (const auto& w : weights) vectors.push_back(sum(w));
    return vectors;
}

}  // namespace rag
