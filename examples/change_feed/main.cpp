// A cache that follows a database through its change feed: two collections written together, a consumer that stops,
// remembers where it was, and goes on.
#include <vecstore/vecstore.hpp>

#include <fmt/core.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>

namespace {

/// What a consumer keeps: titles by id, and how far it has read. A real one stores both in one transaction of its own.
struct title_cache {
    std::map<std::string, std::string> titles;
    std::string position = vecstore::to_string(vecstore::change_token{});

    void apply(const vecstore::change& c) {
        if (c.collection != "docs") return;
        if (c.kind == vecstore::change_kind::upsert)
            for (const auto& p : c.points) titles[vecstore::to_string(p.id)] = p.payload["title"].string_or("");
        if (c.kind == vecstore::change_kind::erase)
            for (const auto& id : c.ids) titles.erase(vecstore::to_string(id));
    }
    /// Reads what has come since the last time.
    void catch_up(const vecstore::database& db) {
        auto feed = db.changes(vecstore::parse_change_token(position).value()).value();
        while (const auto found = feed.next().value()) {
            fmt::print("  lsn {} {} {}{}\n", found->lsn, found->collection, vecstore::to_string(found->kind),
                       found->more_of_write ? ", and more of the same write" : "");
            apply(*found);
            position = vecstore::to_string(found->token);
        }
    }
};

vecstore::point titled(std::uint64_t id, std::vector<float> vector, const std::string& title) {
    vecstore::point p;
    p.id = id;
    p.vector = std::move(vector);
    p.payload = {{"title", title}};
    return p;
}

int run(const std::string& directory) {
    title_cache cache;
    {
        auto db = vecstore::database::open(directory).value();
        auto docs = db.create_collection("docs", {{{.dim = 2}}}).value();
        auto images = db.create_collection("images", {{{.dim = 3}}}).value();
        // The log is kept until this consumer has read it, even across restarts.
        db.keep_log_for("titles", {}).value();

        // A document and its picture appear together, or not at all. The name makes it safe to try again.
        vecstore::write_batch batch;
        batch.upsert(docs, {titled(1, {1, 0}, "one"), titled(2, {0, 1}, "two")})
            .upsert(images, {titled(1, {1, 0, 0}, "picture of one")});
        const vecstore::write_options named{.operation_id = vecstore::write_id{.client = 7, .number = 1}};
        db.write(batch, named).value();
        if (!db.write(batch, named).value().repeated) return 1;  // nothing is written twice

        fmt::print("first reading:\n");
        cache.catch_up(db);

        // Two editors have read version `seen`; the second one is told that he comes too late.
        const auto seen = docs.get(1).value().version;
        const vecstore::write_options if_unchanged{.condition = {.if_versions = {seen}}};
        docs.upsert({titled(1, {1, 0}, "one, edited")}, if_unchanged).value();
        const auto late = docs.upsert({titled(1, {1, 0}, "one, edited late")}, if_unchanged);
        fmt::print("the late editor: {}\n", late ? "written?" : late.error().what());
    }
    auto db = vecstore::database::open(directory).value();
    auto docs = db.open_collection("docs").value();
    // A point with a time to live goes by itself; here its time is long over.
    auto passing = titled(3, {1, 1}, "passing");
    passing.expire_at = 1;
    docs.upsert({passing}).value();
    db.expire_due().value();
    db.flush().value();

    fmt::print("second reading, from {}:\n", cache.position);
    cache.catch_up(db);
    for (const auto& [id, title] : cache.titles) fmt::print("{}: {}\n", id, title);
    const bool right = cache.titles.size() == 2 && cache.titles["1"] == "one, edited" && cache.titles["2"] == "two";
    return right ? 0 : 1;
}

}  // namespace

int main() {
    const auto directory = std::filesystem::temp_directory_path() / "vecstore_change_feed";
    std::filesystem::remove_all(directory);
    const int outcome = run(directory.string());
    std::filesystem::remove_all(directory);
    return outcome;
}
