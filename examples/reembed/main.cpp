// Changing the embedding model of a collection that is in use: the new embeddings go into a second named vector while
// searches go on with the first, then one write tells everybody to search the second; and the same by a second
// collection behind an alias. Vectors say which model made them, so that the two are never compared.
#include <vecstore/payload/format.hpp>
#include <vecstore/vecstore.hpp>

#include <fmt/core.h>

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace vs = vecstore;

namespace {

/// Stands for a model: how often each sequence of `letters` letters comes, in `dim` places. The second one sees longer
/// sequences and has more places, so it is the better one.
struct embedder {
    std::string name;
    std::size_t dim;
    std::size_t letters;

    [[nodiscard]] std::vector<float> operator()(std::string_view text) const {
        std::vector<float> counts(dim);
        for (std::size_t i = 0; i + letters <= text.size(); ++i) {
            std::size_t hash = 5381;
            for (const char c : text.substr(i, letters)) hash = hash * 33 + static_cast<unsigned char>(c);
            counts[hash % dim] += 1;
        }
        return counts;
    }
};

const embedder small{"letters-2-64", 64, 2}, large{"letters-4-256", 256, 4};

const std::vector<std::string> texts = {
    "a store that keeps vectors on disk",       "how to bake bread with sour dough",
    "the log is written before the tables",     "bread, butter and a cup of tea",
    "a graph is walked towards the query",      "tea is grown on the slopes of mountains",
    "vectors are normalised under cosine",      "the slopes were covered with snow",
    "a checkpoint writes tables and then parts"};

/// The application asks the collection which vector it is to search, and so follows a switch without a restart.
std::string search(const vs::collection& docs, std::string_view text) {
    const auto info = docs.info().value();
    const auto name = std::string(info.options.metadata["search"].string_or("first"));
    const auto& model = name == "first" ? small : large;
    vs::query q;
    q.nearest = model(text);
    q.model = model.name;  // refused, should the collection's vectors be those of another
    q.using_vector = name;
    q.limit = 1;
    const auto hits = docs.query(q).value();
    return hits.empty() ? "nothing" : std::string(hits[0].payload["text"].string_or("")) + "  (by " + name + ")";
}

/// Calls `each` for all points, page by page.
void for_pages(const vs::collection& docs, const vs::filter::expression& filter,
               const std::function<void(const std::vector<vs::record>&)>& each) {
    vs::scroll page;
    page.limit = 4;
    page.filter = filter;
    do {
        const auto found = docs.scroll(page).value();
        if (!found.records.empty()) each(found.records);
        page.offset = found.next;
    } while (page.offset);
}

/// Writes the new model's vectors beside the old ones. What has one already is left out, so that it can be stopped at any
/// time and run again; points that are written meanwhile come with both.
std::size_t reembed(vs::collection& docs, const embedder& model) {
    std::size_t done = 0;
    for_pages(docs, !vs::has_vector("second"), [&](const std::vector<vs::record>& records) {
        std::vector<vs::point_vectors> fresh;
        vs::write_options unchanged;
        unchanged.condition.when_unmet = vs::unmet::skip;  // an edit meanwhile: the next run takes the point
        for (const auto& r : records) {
            auto& p = fresh.emplace_back();
            p.id = r.id;
            p.vectors.push_back({"second", model(r.payload["text"].string_or("")), model.name});
            unchanged.condition.if_versions.push_back(r.version);
        }
        done += docs.update_vectors(fresh, unchanged).value().points;
    });
    return done;
}

int run(const std::string& directory) {
    auto db = vs::database::open(directory).value();
    // A place for the next model's vectors costs nothing while it is empty.
    auto docs = db.create_collection("docs", {.vectors = {{.name = "first", .dim = small.dim, .model = small.name},
                                                          {.name = "second", .dim = large.dim}},
                                              .metadata = {{"search", "first"}}})
                    .value();
    std::vector<vs::point> points;
    for (std::size_t i = 0; i < texts.size(); ++i)
        points.push_back(
            {.id = i + 1, .vectors = {{"first", small(texts[i]), small.name}}, .payload = {{"text", texts[i]}}});
    docs.upsert(points).value();
    fmt::print("before: {}\n", search(docs, "writes tables, then parts"));

    // The model is told once; from then on, nothing of another model gets in, or is asked.
    docs.set_model("second", large.name).value();
    vs::point_vectors wrong;
    wrong.id = 1;
    wrong.vectors.push_back({"second", large(texts[0]), "some-other-model"});
    const auto refused = docs.update_vectors({wrong});
    fmt::print("another model's vector: {}\n", refused ? "written?" : refused.error().what());
    if (refused) return EXIT_FAILURE;

    fmt::print("embedded anew: {}\n", reembed(docs, large));
    if (docs.count(vs::has_vector("second")).value() != texts.size()) return EXIT_FAILURE;
    docs.set_metadata({{"search", "second"}}).value();
    const auto after = search(docs, "writes tables, then parts");
    fmt::print("after:  {}\n", after);
    docs.erase_vectors(vs::has_vector("first"), {"first"}).value();

    // The other way, which can change everything else as well: a second collection, and an alias that moves.
    db.create_alias("current", "docs").value();
    auto next = db.create_collection("docs-2", {.vectors = {{.name = "second", .dim = large.dim, .model = large.name}},
                                                .metadata = {{"search", "second"}}})
                    .value();
    for_pages(docs, {}, [&](const std::vector<vs::record>& records) {
        std::vector<vs::point> copies;
        for (const auto& r : records)
            copies.push_back({.id = r.id,
                              .vectors = {{"second", large(r.payload["text"].string_or("")), large.name}},
                              .payload = r.payload});
        next.upsert(copies).value();
    });
    // Both in one step: nobody finds "current" missing, or sees "previous" and "current" mean the same.
    db.update_aliases({vs::alias_action::rename("current", "previous"), vs::alias_action::create("current", "docs-2")})
        .value();
    for (const auto& [alias, collection] : db.list_aliases().value()) fmt::print("{} -> {}\n", alias, collection);
    const auto current = search(db.open_collection("current").value(), "bread and dough");
    fmt::print("current: {}\n", current);
    db.drop_collection("docs").value();  // and its alias with it
    return current.find("bread") != std::string::npos && db.list_aliases().value().size() == 1 &&
                   after.find("checkpoint") == 2
               ? EXIT_SUCCESS
               : EXIT_FAILURE;
}

}  // namespace

int main() {
    const auto directory = std::filesystem::temp_directory_path() / "vecstore-reembed-example";
    std::filesystem::remove_all(directory);
    int status = EXIT_FAILURE;
    try {
        status = run(directory.string());
    } catch (const vs::exception& e) {
        fmt::print("failed: {}\n", e.what());
    }
    std::filesystem::remove_all(directory);
    return status;
}
