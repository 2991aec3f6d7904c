/// Any text: the parsers of questions give an error that says something, or a question that a collection can be asked without
/// harm.
#include <vecstore/collection/query_json.hpp>
#include <vecstore/database/database.hpp>

#include <cstddef>
#include <cstdint>

using namespace vecstore;

namespace {

collection make_collection() {
    static auto db = [] {
        database_options options;
        options.background_threads = 0;
        return database::in_memory(options).value();
    }();
    collection_options options;
    options.vectors.emplace_back().dim = 2;
    options.vectors.push_back({.name = "many", .dim = 2, .multi = true});
    options.sparse_vectors = {{.name = "words"}, {.name = "texts", .bm25 = text::bm25_options{}}};
    auto docs = db.create_collection("docs", options).value();
    std::vector<point> points;
    for (int i = 1; i <= 4; ++i) {
        auto& p = points.emplace_back();
        p.id = i;
        p.vector = {static_cast<float>(i), 1};
        p.multi = {{"many", {{static_cast<float>(i), 1}, {1, 1}}}};
        p.sparse = {{"words", {{7, 42}, {static_cast<float>(i), 1}}},
                    {"texts", bm25("blue whale " + std::to_string(i))}};
        p.payload = {{"a", i}, {"loc", {{"lon", i}, {"lat", i}}}, {"date", "2024-01-0" + std::to_string(i)}};
    }
    (void)docs.upsert(points).value();
    return docs;
}

/// An error has words.
template <class T>
bool parsed(const result<T>& r) {
    if (!r && r.error().message.empty()) __builtin_trap();
    return r.has_value();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const auto docs = make_collection();
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    if (const auto q = parse_query(text); parsed(q)) {
        const auto found = docs.query(*q);
        if (found && found->size() > q->limit) __builtin_trap();
        if (!found && found.error().code == errc::internal) __builtin_trap();
    }
    if (const auto q = parse_group_query(text); parsed(q)) (void)docs.query_groups(*q);
    if (const auto q = parse_facet_query(text); parsed(q)) (void)docs.facet(*q);
    if (auto q = parse_matrix_query(text); parsed(q)) (void)docs.distance_matrix(*q);
    if (const auto q = parse_scroll(text); parsed(q)) (void)docs.scroll(*q);
    (void)parsed(parse_query_batch(text));
    (void)parsed(parse_count(text));
    return 0;
}
