// Backups: a store is backed up while it is used, lost, restored, and restored again as it was before a mistake.
#include <vecstore/payload/format.hpp>
#include <vecstore/vecstore.hpp>

#include <fmt/core.h>

#include <filesystem>
#include <string>

namespace vs = vecstore;

namespace {

const std::string store = "backup.data/store", backups = "backup.data/backups";

std::vector<vs::point> articles(std::uint64_t first, std::uint64_t count) {
    std::vector<vs::point> points;
    for (auto id = first; id < first + count; ++id) {
        const auto x = static_cast<float>(id % 10), y = static_cast<float>(id % 7);
        points.push_back({.id = id, .vector = {x, y, 1}, .payload = {{"title", "article " + std::to_string(id)}}});
    }
    return points;
}

void show(const char* when, const std::string& directory) {
    auto db = vs::database::open(directory).value();
    const auto stats = db.stats().value();
    fmt::print("{}: {} articles, lsn {}, state hash {}\n", when, db.open_collection("articles").value().count().value(),
               stats.lsn, to_string(*stats.state_hash));
}

}  // namespace

int main() {
    std::filesystem::remove_all("backup.data");

    // With an archive directory the store never lets go of a piece of its log before it has been kept there. Together with
    // a backup, which is where the log starts from, that makes every moment since restorable.
    std::uint64_t before_the_mistake = 0;
    {
        auto db = vs::database::open(store, {.archive_directory = backups}).value();
        auto docs = db.create_collection("articles", {.vectors = {{.dim = 3}}}).value();
        docs.upsert(articles(0, 1'000)).value();

        // A full copy. Writers and readers go on meanwhile; the backup is the store at exactly one lsn.
        const auto first = db.backup(backups).value();
        fmt::print("first backup: lsn {}, {} bytes, {} of them copied\n", first.lsn, first.bytes, first.bytes_copied);

        // Each write says where it is in the log.
        before_the_mistake = docs.upsert(articles(1'000, 100)).value().lsn;
        docs.erase(vs::point_selector(vs::filter::expression{})).value();  // everything!
        docs.upsert(articles(5'000, 10)).value();

        // What did not change since the first backup is linked to it, not copied again.
        const auto second = db.backup(backups).value();
        fmt::print("second backup: lsn {}, {} bytes, {} of them copied\n", second.lsn, second.bytes,
                   second.bytes_copied);
    }

    // Checks every byte, every record of the log, and the state hash of each backup. Worth doing before it is needed.
    const auto checked = vs::verify_backups(backups).value();
    for (const auto& range : checked.log) fmt::print("the log is kept from lsn {} to {}\n", range.first, range.last);

    // The disk is lost.
    std::filesystem::remove_all(store);

    // Back to the last state that was kept...
    vs::restore_backup(backups, store).value();
    show("restored", store);

    // ... and to the moment before the mistake, which no backup was made at.
    vs::restore_backup(backups, "backup.data/before", before_the_mistake).value();
    show("before the mistake", "backup.data/before");

    // Only to look, there is no need to restore: the same moment, read-only.
    auto then = vs::database::as_of(backups, before_the_mistake).value();
    const auto hits = then.open_collection("articles").value().query({.nearest = {3, 5, 1}, .limit = 2}).value();
    for (const auto& hit : hits) fmt::print("found then: {} {}\n", hit.id, hit.payload["title"]);

    // Errors are values and typed: nothing is restored that was not kept.
    if (auto future = vs::restore_backup(backups, "backup.data/future", 1'000'000); !future)
        fmt::print("{}\n", future.error().what());

    // Backups that only lead to older moments than this one can go.
    vs::prune_backups(backups, checked.backups.back().lsn).value();
    fmt::print("{} backup is left\n", vs::list_backups(backups).value().size());
}
