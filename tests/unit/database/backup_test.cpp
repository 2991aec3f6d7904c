// Snapshots, backups, restoring: on a real directory with LMDB, and on a disk in memory.
#include "support/oracle.hpp"
#include "support/store.hpp"
#include "support/temporary_directory.hpp"

#include <vecstore/vecstore.hpp>

#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>
#include <map>

namespace vs = vecstore;
using namespace vecstore::test;
using vs::errc;

namespace {

vs::database_options look() {
    auto options = quiet();
    options.read_only = true;
    return options;
}

/// A store on disk that remembers what it held at each lsn.
struct fixture {
    temporary_directory directory;
    std::string path = directory / "db";
    std::string backups = directory / "backups";
    vs::database db;
    vs::collection docs;
    oracle now{one_vector(3)};
    std::map<std::uint64_t, oracle> at;
    std::map<std::uint64_t, vs::hash128> hash_at;

    explicit fixture(vs::database_options options = quiet())
        : db(vs::database::open(path, options).value()), docs(db.create_collection("docs", one_vector(3)).value()) {
        note();
    }
    void note() {
        const auto stats = db.stats().value();
        at.insert_or_assign(stats.lsn, now);
        hash_at[stats.lsn] = stats.state_hash.value();
    }
    std::uint64_t write(std::uint64_t first, std::size_t count) {
        const auto points = numbered_points(first, count);
        now.upsert(points);
        REQUIRE(docs.upsert(points));
        note();
        return db.stats().value().lsn;
    }
    std::uint64_t erase(std::uint64_t id) {
        now.points().erase(id);
        REQUIRE(docs.erase({id}));
        note();
        return db.stats().value().lsn;
    }
    /// The first way in which `other` differs from the store at `lsn`.
    std::string difference_at(vs::database& other, std::uint64_t lsn) const {
        const auto stats = other.stats().value();
        if (stats.lsn != lsn) return "lsn " + std::to_string(stats.lsn);
        if (stats.state_hash != hash_at.at(lsn)) return "another state hash";
        const auto opened = other.open_collection("docs").value();
        if (opened.verify_state().value() != hash_at.at(lsn)) return "another hash of the points";
        return difference(opened, at.at(lsn));
    }
    std::string restored_at(std::uint64_t lsn) const {
        const auto target = directory / "restored";
        (void)std::filesystem::remove_all(target);
        const auto restored = vs::restore_backup(backups, target, lsn);
        if (!restored) return restored.error().what();
        if (restored->lsn != lsn) return "restored to " + std::to_string(restored->lsn);
        auto opened = vs::database::open(target, quiet()).value();
        return difference_at(opened, lsn);
    }
};

}  // namespace

TEST_CASE("snapshot: a directory that opens read-only as the database was", "[snapshot]") {
    fixture f;
    f.write(1, 50);
    f.db.checkpoint().value();
    f.write(30, 40);
    const auto lsn = f.erase(7);
    const auto made = f.db.snapshot(f.directory / "snap").value();
    CHECK(made.lsn == lsn);
    CHECK(made.state_hash == f.hash_at[lsn]);
    CHECK(made.directory == f.directory / "snap");
    CHECK(made.bytes_copied < made.bytes);
    f.write(1, 90);
    f.db.optimize().value();
    f.db.close().value();
    std::filesystem::remove_all(f.path);
    auto opened = vs::database::open(f.directory / "snap", look()).value();
    CHECK(f.difference_at(opened, lsn) == "");
    const auto read = vs::read_snapshot(f.directory / "snap").value();
    CHECK(read.lsn == lsn);
    CHECK(read.files == made.files);
    CHECK(read.bytes == made.bytes);
    CHECK(vs::verify_snapshot(f.directory / "snap").value().state_hash == made.state_hash);
    CHECK_FALSE(std::filesystem::exists(f.directory / "snap.tmp"));
}

TEST_CASE("snapshot: what is there already is left, and a snapshot is not written to", "[snapshot]") {
    fixture f;
    f.write(1, 5);
    std::filesystem::create_directory(f.directory / "snap");
    CHECK(code_of(f.db.snapshot(f.directory / "snap")) == errc::already_exists);
    CHECK(code_of(f.db.snapshot("")) == errc::invalid_argument);
    CHECK(code_of(vs::read_snapshot(f.directory / "snap")) == errc::not_found);
    REQUIRE(f.db.snapshot(f.directory / "other"));
    CHECK(code_of(vs::database::open(f.directory / "other", quiet())) == errc::unsupported);
    f.db.close().value();
    CHECK(code_of(f.db.snapshot(f.directory / "late")) == errc::unavailable);
}

TEST_CASE("snapshot: of a database in memory, on disk", "[snapshot]") {
    const temporary_directory directory;
    auto db = vs::database::in_memory(quiet()).value();
    auto docs = db.create_collection("docs", one_vector(3)).value();
    docs.upsert(numbered_points(1, 20)).value();
    const auto made = db.snapshot(directory / "snap").value();
    CHECK(made.state_hash == db.stats().value().state_hash);
    CHECK(vs::verify_snapshot(directory / "snap").value().lsn == made.lsn);
    vs::restore_backup(directory / "snap", directory / "db").value();
    auto restored = vs::database::open(directory / "db", quiet()).value();
    CHECK(restored.open_collection("docs").value().count().value() == 20);
    CHECK(restored.open_collection("docs").value().upsert(numbered_points(50, 5)));
}

TEST_CASE("snapshot: of an empty database", "[snapshot]") {
    const temporary_directory directory;
    auto db = vs::database::open(directory / "db", quiet()).value();
    CHECK(db.snapshot(directory / "snap").value().lsn == 0);
    CHECK(vs::verify_snapshot(directory / "snap").value().state_hash == vs::hash128{});
    CHECK(vs::restore_backup(directory / "snap", directory / "copy").value().lsn == 0);
    CHECK(vs::database::open(directory / "copy", quiet()).value().create_collection("docs", one_vector(3)));
}

TEST_CASE("snapshot: every damaged file is found and named", "[snapshot]") {
    fixture f;
    f.write(1, 3'000);
    f.db.optimize().value();
    const auto snap = f.directory / "snap";
    f.db.snapshot(snap).value();
    for (const auto& entry : std::filesystem::recursive_directory_iterator(snap)) {
        const auto path = entry.path().string();
        if (!entry.is_regular_file() || entry.file_size() == 0 || path.ends_with("lock.mdb")) continue;
        INFO(path);
        const auto at = static_cast<std::streamoff>(entry.file_size() / 2);
        const auto flip = [&] {
            std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
            file.seekg(at);
            const auto byte = static_cast<char>(file.get());
            file.seekp(at);
            file.put(static_cast<char>(byte ^ 4));
        };
        flip();
        const auto found = vs::verify_snapshot(snap);
        REQUIRE(code_of(found) == errc::corruption);
        CHECK(found.error().path == path);
        flip();
    }
    std::filesystem::remove(snap + "/control");
    CHECK(vs::verify_snapshot(snap).error().path == snap + "/control");
}

TEST_CASE("backup: parts are copied once, and every backup can be restored", "[backup]") {
    fixture f;
    std::vector<std::uint64_t> lsns;
    lsns.push_back(f.write(1, 2'000));
    const auto first = f.db.backup(f.backups).value();
    CHECK(first.bytes_copied == first.bytes);
    lsns.push_back(f.write(3'000, 10));
    const auto second = f.db.backup(f.backups).value();
    CHECK(second.bytes > first.bytes);
    CHECK(second.bytes_copied < second.bytes);
    const auto again = f.db.backup(f.backups).value();
    CHECK(again.directory == second.directory);
    CHECK(again.bytes_copied == 0);
    f.db.optimize().value();
    lsns.push_back(f.erase(5));
    f.db.backup(f.backups).value();
    f.db.close().value();
    std::filesystem::remove_all(f.path);
    const auto listed = vs::list_backups(f.backups).value();
    REQUIRE(listed.size() == lsns.size());
    for (std::size_t i = 0; i < lsns.size(); ++i) {
        CHECK(listed[i].lsn == lsns[i]);
        CHECK(listed[i].state_hash == f.hash_at[lsns[i]]);
        CHECK(f.restored_at(lsns[i]) == "");
    }
    const auto checked = vs::verify_backups(f.backups).value();
    CHECK(checked.backups.size() == 3);
    CHECK(checked.log == std::vector<vs::lsn_range>{{1, lsns.back()}});
}

TEST_CASE("backup: with an archive every lsn between can be restored and looked at", "[backup]") {
    auto options = quiet();
    options.checkpoint_bytes = 2'000;
    const temporary_directory directory;
    fixture f;
    options.archive_directory = f.backups;
    f.db.close().value();
    f.db = vs::database::open(f.path, options).value();
    f.docs = f.db.open_collection("docs").value();
    f.db.backup(f.backups).value();
    for (std::uint64_t i = 0; i < 12; ++i) {
        f.write(1 + i * 7, 10);
        f.erase(3 + i * 7);
        if (i == 6) f.db.backup(f.backups).value();
    }
    const auto last = f.db.stats().value().lsn;
    f.db.close().value();
    std::filesystem::remove_all(f.path);
    for (const auto& [lsn, wanted] : f.at) {
        INFO("lsn " << lsn);
        auto then = vs::database::as_of(f.backups, lsn, quiet()).value();
        CHECK(f.difference_at(then, lsn) == "");
        CHECK(code_of(then.open_collection("docs").value().erase({1})) == errc::unavailable);
        if (lsn % 5 == 0) CHECK(f.restored_at(lsn) == "");
    }
    CHECK(f.restored_at(last) == "");
    const auto newest = vs::restore_backup(f.backups, f.directory / "newest").value();
    CHECK(newest.lsn == last);
    CHECK(newest.state_hash == f.hash_at[last]);
    CHECK(code_of(vs::restore_backup(f.backups, f.directory / "later", last + 1)) == errc::not_found);
    CHECK(code_of(vs::database::as_of(f.backups, last + 1)) == errc::not_found);
    CHECK(code_of(vs::restore_backup(f.backups, f.directory / "newest")) == errc::already_exists);
    CHECK(code_of(vs::restore_backup(f.directory / "none", f.directory / "x")) == errc::not_found);
    CHECK(code_of(vs::restore_backup(f.backups, f.directory / "x", 0)) == errc::not_found);
    CHECK_FALSE(std::filesystem::exists(f.directory / "later"));
    CHECK_FALSE(std::filesystem::exists(f.directory / "later.tmp"));

    vs::prune_backups(f.backups, last - 3).value();
    CHECK(vs::list_backups(f.backups).value().size() == 1);
    CHECK(f.restored_at(last - 3) == "");
    CHECK(f.restored_at(last) == "");
    CHECK(code_of(vs::restore_backup(f.backups, f.directory / "x", 5)) == errc::not_found);
    CHECK(code_of(vs::prune_backups(f.backups, 5)) == errc::not_found);
}

TEST_CASE("backup: a gap in the log is told, not filled with guesses", "[backup]") {
    fixture f;
    f.write(1, 10);
    f.db.backup(f.backups).value();
    const auto lost = f.write(20, 10);
    f.db.checkpoint().value();
    const auto kept = f.write(40, 10);
    f.db.backup(f.backups).value();
    CHECK(f.restored_at(kept) == "");
    // Without an archive the segment was still the one being written, and so was kept by the second backup.
    CHECK(f.restored_at(lost) == "");
    for (const auto& entry : std::filesystem::directory_iterator(f.backups + "/wal"))
        if (entry.path().filename().string().find("0000000000000001.wal", 16) == std::string::npos)
            std::filesystem::remove(entry.path());
    const auto refused = vs::restore_backup(f.backups, f.directory / "x", lost);
    CHECK(code_of(refused) == errc::not_found);
    CHECK(f.restored_at(kept) == "");
}

TEST_CASE("backup: an lsn inside a batch was never visible", "[backup]") {
    fixture f;
    f.db.backup(f.backups).value();
    const auto before = f.db.stats().value().lsn;
    std::vector<vs::point> large;  // several records of a MiB each
    for (int i = 0; i < 30; ++i) large.push_back(make_point(i, {1, 2, 3}, {{"text", std::string(100'000, 'x')}}));
    f.docs.upsert(large).value();
    const auto after = f.db.stats().value().lsn;
    REQUIRE(after > before + 1);
    f.db.backup(f.backups).value();
    CHECK(code_of(vs::database::as_of(f.backups, before + 1)) == errc::invalid_argument);
    CHECK(code_of(vs::restore_backup(f.backups, f.directory / "x", before + 1)) == errc::invalid_argument);
    CHECK(vs::database::as_of(f.backups, after).value().open_collection("docs").value().count().value() == 30);
}

TEST_CASE("backup: a restored database is one of its own", "[backup]") {
    fixture f;
    f.write(1, 10);
    f.db.backup(f.backups).value();
    vs::restore_backup(f.backups, f.directory / "other").value();
    auto other = vs::database::open(f.directory / "other", quiet()).value();
    other.open_collection("docs").value().upsert(numbered_points(100, 3)).value();
    const auto refused = other.backup(f.backups);
    CHECK(code_of(refused) == errc::already_exists);
    CHECK(vs::list_backups(f.backups).value().size() == 1);
    CHECK(other.backup(f.directory / "others"));
    other.close().value();
    auto options = quiet();
    options.archive_directory = f.backups;
    CHECK(code_of(vs::database::open(f.directory / "other", options)) == errc::already_exists);
    f.write(50, 3);
    CHECK(f.db.backup(f.backups));
}

TEST_CASE("backup: an archive that cannot be written keeps the log, and says so", "[backup]") {
    auto options = quiet();
    const temporary_directory place;
    options.archive_directory = place / "archive";
    std::ofstream(place / "archive") << "a file stands in the way";
    CHECK_FALSE(vs::database::open(place / "db", options));
    std::filesystem::remove(place / "archive");
    auto db = vs::database::open(place / "db", options).value();
    auto docs = db.create_collection("docs", one_vector(3)).value();
    docs.upsert(numbered_points(1, 10)).value();
    std::filesystem::remove_all(place / "archive");
    std::ofstream(place / "archive") << "a file stands in the way";
    REQUIRE(db.checkpoint());
    CHECK_FALSE(db.stats().value().last_error.empty());
    // Optimizing lets go of the log, too, when there is enough of it.
    for (int i = 0; i < 20; ++i)
        docs.upsert({make_point(50 + i, {1, 2, 3}, {{"text", std::string(1'000'000, 'x')}})}).value();
    REQUIRE(db.optimize());
    docs.upsert(numbered_points(20, 10)).value();
    std::filesystem::remove(place / "archive");
    REQUIRE(db.checkpoint());
    db.backup(place / "archive").value();
    CHECK(vs::verify_backups(place / "archive").value().log == std::vector<vs::lsn_range>{{1, db.stats().value().lsn}});
}

TEST_CASE("backup: on a disk in memory, with the tables as a file of their own", "[backup]") {
    const memory_disk disk;
    auto db = disk.open().value();
    auto docs = db.create_collection("docs", one_vector(3)).value();
    docs.upsert(numbered_points(1, 30)).value();
    const vs::database_environment files_only{disk.files, nullptr};
    const auto first = db.backup("backups").value();
    docs.erase({4}).value();
    const auto hash = db.stats().value().state_hash;
    const auto second = db.backup("backups").value();
    CHECK(second.state_hash == hash);
    CHECK(vs::verify_backups("backups", files_only).value().backups.size() == 2);
    CHECK(vs::database::as_of("backups", first.lsn, quiet(), files_only).value().stats().value().state_hash ==
          first.state_hash);
    vs::restore_backup("backups", "restored", vs::lsn_latest, files_only).value();
    const std::shared_ptr<vs::storage::table_store> fresh =
        vs::storage::make_memory_table_store(vs::detail::tables::names());
    {
        auto restored = vs::database::open("restored", quiet(), {disk.files, fresh}).value();
        CHECK(restored.stats().value().state_hash == hash);
        restored.open_collection("docs").value().erase({5}).value();
        restored.close().value();
    }
    auto again = vs::database::open("restored", quiet(), {disk.files, fresh}).value();
    CHECK(again.open_collection("docs").value().count().value() == 28);
}
