// Encryption at rest: who may open what, that nothing of the contents is in any file, and that what was changed is found.
#include "support/damage.hpp"
#include "support/encrypted_store.hpp"
#include "support/oracle.hpp"
#include "support/temporary_directory.hpp"

#include <vecstore/database/check.hpp>
#include <vecstore/database/encryption.hpp>
#include <vecstore/filter/dsl.hpp>
#include <vecstore/storage/control_file.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <filesystem>

namespace vs = vecstore;
namespace fs = std::filesystem;
using namespace vecstore::test;
using vs::errc;

namespace {

constexpr std::size_t dim = 24, row_count = 2'500;
constexpr std::string_view secret = "a secret that nobody else may read";

std::vector<float> marked_vector(std::size_t i) {
    vs::random_source random(i + 1);
    return random_vector(random, dim);
}

std::vector<vs::point> marked_points(std::size_t first, std::size_t count) {
    std::vector<vs::point> points;
    for (auto i = first; i < first + count; ++i)
        points.push_back(make_point(i, marked_vector(i), {{"n", i}, {"text", std::string(secret)}}));
    return points;
}

/// A store with parts, a graph, tables, and writes that are in the log alone.
struct fixture {
    temporary_directory directory;
    vs::database_options options = quiet_encrypted();

    explicit fixture(vs::index_kind index = vs::index_kind::hnsw, bool on_disk = false) {
        auto how = one_vector(dim);
        how.vectors[0].index = index;
        how.vectors[0].on_disk = on_disk;
        auto db = open().value();
        auto docs = db.create_collection("a collection with a name", how).value();
        (void)docs.upsert(marked_points(0, row_count)).value();
        db.optimize().value();
        (void)docs.upsert(marked_points(row_count, 50)).value();
        (void)docs.erase({3}).value();
        db.checkpoint().value();
        (void)docs.upsert(marked_points(row_count + 50, 50)).value();
        fs::copy(path(), directory / "killed", fs::copy_options::recursive);  // its log has records
        db.close().value();
        fs::remove_all(path());
        fs::rename(directory / "killed", path());
    }
    [[nodiscard]] std::string path() const { return directory / "db"; }
    [[nodiscard]] vs::result<vs::database> open() const { return vs::database::open(path(), options); }
    [[nodiscard]] std::string copy() const {
        copy_store(path(), directory / "copy");
        return directory / "copy";
    }
};

vs::collection docs_of(const vs::database& db) { return db.open_collection("a collection with a name").value(); }

/// The first thing that is not as it was written; empty: none.
std::string problem_of(const vs::database& db) {
    const auto docs = db.open_collection("a collection with a name");
    if (!docs) return docs.error().what();
    const auto count = docs->count();
    if (!count) return count.error().what();
    if (*count != row_count + 99) return "count " + std::to_string(*count);
    for (const std::size_t i : {0u, 1u, 77u, 1'500u, 2'499u, 2'510u, 2'570u}) {
        const auto found = docs->get(i, true, true);
        if (!found) return found.error().what();
        if (found->vector != marked_vector(i) || found->payload["text"].string_or("") != secret) return "other point";
        auto query = nearest_to(marked_vector(i), 3);
        for (const bool exact : {false, true}) {
            query.exact = exact;
            const auto hits = docs->query(query);
            if (!hits) return hits.error().what();
            if (hits->empty() || (*hits)[0].id != vs::point_id(i))
                return "other hits for " + std::to_string(i) + (exact ? ", exact" : ", walked");
        }
    }
    const auto verified = docs->verify_state();
    return verified ? std::string() : verified.error().what();
}

bool contains(vs::byte_span text, vs::byte_span part) {
    return std::search(text.begin(), text.end(), part.begin(), part.end()) != text.end();
}

/// Files below `directory` that have a text or a number of a vector in them.
std::string files_that_tell(const std::string& directory) {
    std::string telling;
    const auto bytes_of = [](const std::vector<float>& values, std::size_t first) {
        return std::as_bytes(std::span(values).subspan(first, 2));
    };
    const auto early = marked_vector(17), middle = marked_vector(2'520), late = marked_vector(2'580);
    for (const auto& file : files_below(directory)) {
        const auto bytes = vs::storage::read_file(vs::storage::posix_file_system(), directory + "/" + file).value();
        const bool tells = contains(bytes, vs::as_bytes("secret")) ||
                           contains(bytes, vs::as_bytes("a collection with")) ||
                           contains(bytes, vs::as_bytes("text")) || contains(bytes, bytes_of(early, 4)) ||
                           contains(bytes, bytes_of(middle, 7)) || contains(bytes, bytes_of(late, 9));
        if (tells) telling += file + " ";
    }
    return telling;
}

errc code_of_opening(const std::string& path, const vs::encryption_key& key) {
    auto options = quiet();
    options.encryption = key;
    return code_of(vs::database::open(path, options));
}

}  // namespace

TEST_CASE("encryption: a store is the same with it, opened again and again", "[encryption][one_thread]") {
    if (!vs::encryption_available()) return;
    for (const auto index : {vs::index_kind::hnsw, vs::index_kind::ivf, vs::index_kind::flat})
        for (const bool on_disk : {false, true}) {
            INFO(static_cast<int>(index) << " " << on_disk);
            const fixture f(index, on_disk);
            for (const auto verify : {vs::verification::first_touch, vs::verification::on_open}) {
                auto options = f.options;
                options.verify = verify;
                auto db = vs::database::open(f.path(), options).value();
                CHECK(problem_of(db) == "");
                db.scrub().value();
                CHECK(problem_of(db) == "");
                db.optimize().value();
                CHECK(problem_of(db) == "");
                CHECK(db.stats().value().scrub.findings == 0);
                db.close().value();
            }
        }
}

TEST_CASE("encryption: no file has a text or a vector in it", "[encryption][one_thread]") {
    if (!vs::encryption_available()) return;
    const fixture f;
    CHECK(files_that_tell(f.path()) == "");
    // The same search finds what a plain store has.
    auto plain = quiet();
    {
        auto db = vs::database::open(f.directory / "plain", plain).value();
        auto docs = db.create_collection("a collection with a name", one_vector(dim)).value();
        (void)docs.upsert(marked_points(0, 200)).value();
        db.checkpoint().value();
        (void)docs.upsert(marked_points(200, 1)).value();
    }
    CHECK(files_that_tell(f.directory / "plain") != "");
    // Nor have snapshots, backups, archives, dumps of tables, and what a torn tail leaves.
    auto options = f.options;
    options.archive_directory = f.directory / "backups";
    auto db = vs::database::open(f.path(), options).value();
    (void)db.snapshot(f.directory / "snapshot").value();
    (void)db.backup(f.directory / "backups").value();
    (void)docs_of(db).upsert(marked_points(2'570, 15)).value();
    db.checkpoint().value();
    (void)db.backup(f.directory / "backups").value();
    db.close().value();
    CHECK(files_that_tell(f.directory / "snapshot") == "");
    CHECK(files_that_tell(f.directory / "backups") == "");
    CHECK(files_that_tell(f.path()) == "");
}

TEST_CASE("encryption: what is cut off a torn log is not readable either", "[encryption][one_thread]") {
    if (!vs::encryption_available()) return;
    const fixture f;
    const auto log = file_ending_in(f.path(), ".wal");
    const auto bytes = vs::storage::read_file(vs::storage::posix_file_system(), log).value();
    auto end = bytes.size();
    while (end > 0 && bytes[end - 1] == std::byte{0}) --end;  // space is set aside ahead
    fs::resize_file(log, end - 20);
    CHECK(f.open().value().close());
    REQUIRE(fs::exists(f.path() + "/diverged"));
    CHECK(files_that_tell(f.path()) == "");
}

TEST_CASE("encryption: with a thread in the background, and without mappings", "[encryption]") {
    if (!vs::encryption_available()) return;
    const fixture f;
    auto options = f.options;
    options.background_threads = 1;
    options.checkpoint_bytes = 1 << 18;
    for (const bool mapped : {true, false}) {
        options.mapped = mapped;
        auto db = vs::database::open(f.path(), options).value();
        for (std::size_t i = 0; i < 20; ++i) {
            (void)docs_of(db).upsert(marked_points(10'000, 500)).value();
            REQUIRE(docs_of(db).get(77, true, true).value().vector == marked_vector(77));
        }
        (void)docs_of(db).erase(vs::field("n") >= 10'000).value();
        db.scrub().value();
        CHECK(problem_of(db) == "");
        CHECK(db.stats().value().last_error.empty());
        db.close().value();
    }
}

TEST_CASE("encryption: who has no key, another one, or one too many is refused before anything happens",
          "[encryption][one_thread]") {
    if (!vs::encryption_available()) return;
    const fixture f;
    const auto at = f.copy();
    const auto before = files_below(at);
    CHECK(code_of_opening(at, {}) == errc::wrong_key);
    CHECK(code_of_opening(at, key_of(2)) == errc::wrong_key);
    CHECK(code_of_opening(at, vs::encryption_key([](auto) { return false; })) == errc::wrong_key);
    auto reading = quiet();
    reading.read_only = true;
    CHECK(code_of(vs::database::open(at, reading)) == errc::wrong_key);
    reading.salvage = true;
    CHECK(code_of(vs::database::open(at, reading)) == errc::wrong_key);
    CHECK(code_of(vs::check(at)) == errc::wrong_key);
    CHECK(code_of(vs::repair(at)) == errc::wrong_key);
    CHECK(files_below(at) == before);
    CHECK(problem_of(vs::database::open(at, f.options).value()) == "");

    { CHECK(vs::database::open(f.directory / "plain", quiet()).value().close()); }
    CHECK(code_of_opening(f.directory / "plain", key_of(1)) == errc::wrong_key);
    CHECK(code_of_opening(f.directory / "plain", {}) == errc{});
    CHECK(code_of(vs::database::in_memory(f.options)) == errc::invalid_argument);
}

TEST_CASE("encryption: a source of the key is asked once for each opening", "[encryption][one_thread]") {
    if (!vs::encryption_available()) return;
    const fixture f;
    int asked = 0;
    auto options = quiet();
    options.encryption = vs::encryption_key([&](std::span<std::byte, vs::encryption_key::bytes> into) {
        ++asked;
        std::fill(into.begin(), into.end(), std::byte{1});
        return true;
    });
    auto db = vs::database::open(f.path(), options).value();
    CHECK(problem_of(db) == "");
    db.optimize().value();
    CHECK(asked == 1);
}

TEST_CASE("encryption: another key takes the place of the old one, and no data is written",
          "[encryption][one_thread]") {
    if (!vs::encryption_available()) return;
    const fixture f;
    const auto at = f.copy();
    CHECK(code_of(vs::rekey(at, key_of(2), key_of(3))) == errc::wrong_key);
    CHECK(code_of(vs::rekey(at, key_of(1), {})) == errc::wrong_key);
    CHECK(code_of(vs::rekey(f.directory / "nothing", key_of(1), key_of(2))) == errc::not_found);
    {
        const auto db = vs::database::open(at, f.options).value();
        CHECK(code_of(vs::rekey(at, key_of(1), key_of(2))) == errc::unavailable);
    }
    const auto parts = file_ending_in(at, ".part");
    const auto written = fs::last_write_time(parts);
    vs::rekey(at, key_of(1), key_of(2)).value();
    CHECK(fs::last_write_time(parts) == written);
    CHECK(code_of_opening(at, key_of(1)) == errc::wrong_key);
    auto options = quiet();
    options.encryption = key_of(2);
    CHECK(problem_of(vs::database::open(at, options).value()) == "");
    { CHECK(vs::database::open(f.directory / "plain", quiet()).value().close()); }
    CHECK(code_of(vs::rekey(f.directory / "plain", key_of(1), key_of(2))) == errc::wrong_key);
}

TEST_CASE("encryption: missing and damaged keys are told from a wrong key", "[encryption][one_thread]") {
    if (!vs::encryption_available()) return;
    const fixture f;
    const auto at = f.copy();
    const auto code = [&] { return code_of(vs::database::open(at, f.options)); };
    vs::check_options checking;
    checking.encryption = f.options.encryption;
    fs::remove(at + "/keys");
    CHECK(code() == errc::corruption);
    CHECK(code_of_opening(at, {}) == errc::corruption);
    const auto report = vs::check(at, checking).value();
    REQUIRE(report.findings.size() == 1);
    CHECK(report.findings[0].kind == vs::finding_kind::keys);
    vs::repair_options repairing;
    repairing.database = f.options;
    CHECK(vs::repair(at, repairing).value().actions.empty());
    fs::copy_file(f.path() + "/keys", at + "/keys");
    CHECK(code() == errc{});
    flip_byte(at + "/keys", 50);
    CHECK(code() == errc::corruption);
    CHECK(vs::check(at, checking).value().findings.at(0).kind == vs::finding_kind::keys);
    // With the keys of another store, made with the same key.
    const fixture other;
    fs::copy_file(other.path() + "/keys", at + "/keys", fs::copy_options::overwrite_existing);
    CHECK(code() == errc::corruption);
}

TEST_CASE("encryption: a program of before refuses the store, and plain stores stay what they were",
          "[encryption][one_thread]") {
    if (!vs::encryption_available()) return;
    const fixture f;
    auto& files = vs::storage::posix_file_system();
    CHECK(vs::storage::control_file::open(files, f.path(), true).value().state().format_version == 3);
    { CHECK(vs::database::open(f.directory / "plain", quiet()).value().close()); }
    CHECK(vs::storage::control_file::open(files, f.directory / "plain", true).value().state().format_version == 2);
    CHECK_FALSE(fs::exists(f.directory / "plain/keys"));
}

TEST_CASE("encryption: files that are swapped, and records of another log, are found", "[encryption][one_thread]") {
    if (!vs::encryption_available()) return;
    const fixture f;
    const auto at = f.copy();
    const auto outcome = [&] {
        auto options = f.options;
        options.verify = vs::verification::on_open;
        const auto db = vs::database::open(at, options);
        return db ? problem_of(*db) : db.error().what();
    };
    REQUIRE(outcome() == "");
    SECTION("parts of one store") {
        std::vector<std::string> parts;
        for (const auto& file : files_below(at))
            if (file.ends_with(".part")) parts.push_back(at + "/" + file);
        REQUIRE(parts.size() >= 2);
        fs::rename(parts[0], at + "/x");
        fs::rename(parts[1], parts[0]);
        fs::rename(at + "/x", parts[1]);
        CHECK(outcome().starts_with("corruption"));
    }
    SECTION("a part of another store with the same contents") {
        const fixture other;
        fs::copy_file(file_ending_in(other.path(), ".part"), file_ending_in(at, ".part"),
                      fs::copy_options::overwrite_existing);
        CHECK(outcome().starts_with("corruption"));
    }
    SECTION("the log of another store") {
        const fixture other;
        fs::remove_all(at + "/wal");
        fs::copy(other.path() + "/wal", at + "/wal", fs::copy_options::recursive);
        CHECK(outcome().starts_with("corruption"));
    }
    SECTION("a plain part") {
        auto plain = quiet();
        auto db = vs::database::open(f.directory / "plain", plain).value();
        auto docs = db.create_collection("a collection with a name", one_vector(dim)).value();
        (void)docs.upsert(marked_points(0, row_count)).value();
        db.checkpoint().value();
        fs::copy_file(file_ending_in(f.directory / "plain", ".part"), file_ending_in(at, ".part"),
                      fs::copy_options::overwrite_existing);
        CHECK(outcome().starts_with("corruption"));
    }
}

TEST_CASE("encryption: values that are moved or put back into the tables are found", "[encryption][one_thread]") {
    if (!vs::encryption_available()) return;
    const memory_disk disk;
    {
        auto db = disk.open(quiet_encrypted()).value();
        auto docs = db.create_collection("docs", one_vector(3)).value();
        (void)docs.upsert(numbered_points(1, 20)).value();
        db.close().value();
    }
    const auto names = vs::detail::tables::names();
    const auto points = vs::detail::tables::points;
    {
        const auto reader = disk.tables->read().value();
        const auto cursor = reader->cursor(points).value();
        cursor->seek({}).value();
        const vs::byte_vector first_key(cursor->key().begin(), cursor->key().end());
        const vs::byte_vector first(cursor->value().begin(), cursor->value().end());
        cursor->next().value();
        const auto writer = disk.tables->write().value();
        writer->put(points, first_key, cursor->value()).value();
        writer->put(points, cursor->key(), first).value();
        writer->commit().value();
    }
    auto db = disk.open(quiet_encrypted()).value();
    const auto docs = db.open_collection("docs").value();
    CHECK(code_of(docs.get(1)) == errc::corruption);
    CHECK(code_of(docs.get(2)) == errc::corruption);
    CHECK(docs.get(3).has_value());
    CHECK(code_of(docs.verify_state()) == errc::corruption);
}

TEST_CASE("encryption: snapshots, backups and restored stores need the key and keep it", "[encryption][one_thread]") {
    if (!vs::encryption_available()) return;
    const fixture f;
    auto options = f.options;
    options.archive_directory = f.directory / "backups";
    std::uint64_t lsn = 0;
    {
        auto db = vs::database::open(f.path(), options).value();
        const auto made = db.snapshot(f.directory / "snapshot").value();
        CHECK(made.state_hash == db.stats().value().state_hash);
        CHECK_FALSE(vs::read_snapshot(f.directory / "snapshot").value().state_hash);
        const auto first = db.backup(f.directory / "backups").value();
        lsn = first.lsn;
        (void)docs_of(db).set_payload({5}, {{"later", true}}).value();
        const auto second = db.backup(f.directory / "backups").value();
        CHECK(second.bytes_copied < first.bytes_copied);  // parts are known again
        (void)docs_of(db).set_payload({6}, {{"later", true}}).value();
        db.checkpoint().value();
        db.close().value();
    }
    const auto& key = f.options.encryption;
    CHECK(code_of(vs::verify_snapshot(f.directory / "snapshot")) == errc::wrong_key);
    CHECK(vs::verify_snapshot(f.directory / "snapshot", {}, key).has_value());
    CHECK(vs::verify_backups(f.directory / "backups", {}, key).has_value());
    CHECK(code_of(vs::rekey(f.directory / "snapshot", key, key_of(2))) == errc::unsupported);
    CHECK(code_of(vs::restore_backup(f.directory / "backups", f.directory / "restored", lsn)) == errc::wrong_key);
    CHECK_FALSE(fs::exists(f.directory / "restored.tmp"));
    const auto later = [&](const vs::database& db, std::uint64_t id) {
        return docs_of(db).get(id).value().payload["later"].bool_or(false);
    };
    for (const bool latest : {false, true}) {
        const auto to = f.directory / (latest ? "latest" : "restored");
        REQUIRE(vs::restore_backup(f.directory / "backups", to, latest ? vs::lsn_latest : lsn, {}, key));
        CHECK(code_of_opening(to, key_of(2)) == errc::wrong_key);
        CHECK(files_that_tell(to) == "");
        auto restored = vs::database::open(to, f.options).value();
        CHECK(problem_of(restored) == "");
        CHECK(later(restored, 5) == latest);
        CHECK(later(restored, 6) == latest);
    }
    options.archive_directory.clear();
    const auto past = vs::database::as_of(f.directory / "backups", lsn + 1, options).value();
    CHECK(later(past, 5));
    CHECK_FALSE(later(past, 6));
}

TEST_CASE("encryption: readers in other handles, feeds and subscriptions of changes see plain contents",
          "[encryption]") {
    if (!vs::encryption_available()) return;
    const fixture f;
    auto options = f.options;
    options.log_retention_bytes = 1u << 30;
    auto db = vs::database::open(f.path(), options).value();
    const auto from = db.change_position().value();
    (void)docs_of(db).upsert(marked_points(9'000, 3)).value();
    auto feed = db.changes(from).value();
    const auto change = feed.next().value().value();
    REQUIRE(change.points.size() == 3);
    CHECK(change.points[1].payload["text"].string_or("") == secret);
    CHECK(change.points[1].vector == marked_vector(9'001));
    auto reading = f.options;
    reading.read_only = true;
    const auto reader = vs::database::open(f.path(), reading).value();
    CHECK(docs_of(reader).get(9'002).value().payload["text"].string_or("") == secret);
    db.checkpoint().value();
    (void)docs_of(db).upsert(marked_points(9'100, 1)).value();
    db.checkpoint().value();
    CHECK(docs_of(reader).get(9'100).value().vector.empty());
    CHECK(docs_of(reader).get(9'100, true, true).value().vector == marked_vector(9'100));
}

TEST_CASE("encryption: check, salvage and repair work with the key", "[encryption][one_thread]") {
    if (!vs::encryption_available()) return;
    const fixture f;
    const auto at = f.copy();
    vs::check_options checking;
    checking.encryption = f.options.encryption;
    vs::repair_options repairing;
    repairing.database = f.options;
    repairing.drop_damaged = true;
    auto salvaging = f.options;
    salvaging.salvage = true;
    const auto report = vs::check(at, checking).value();
    for (const auto& finding : report.findings) UNSCOPED_INFO(finding.text());
    CHECK(report.findings.empty());
    CHECK(report.rows >= row_count);
    CHECK(report.points > row_count);

    const auto repaired = [&](vs::finding_kind kind) {
        const auto damaged = vs::check(at, checking).value();
        const bool told = std::any_of(damaged.findings.begin(), damaged.findings.end(),
                                      [&](const auto& finding) { return finding.kind == kind; });
        CHECK(told);
        {
            const auto saved = vs::database::open(at, salvaging).value();
            CHECK(docs_of(saved).get(2'490).value().payload["text"].string_or("") == secret);
        }
        const auto done = vs::repair(at, repairing).value();
        for (const auto& line : done.actions) UNSCOPED_INFO(line);
        for (const auto& finding : done.after.findings) UNSCOPED_INFO(finding.text());
        CHECK(done.after.healthy());
        CHECK(files_that_tell(at) == "");
        return vs::database::open(at, f.options).value();
    };
    SECTION("control file") {
        flip_byte(at + "/control", 20);
        flip_byte(at + "/control", 4096 + 20);
        CHECK(problem_of(repaired(vs::finding_kind::control)) == "");
    }
    SECTION("graph") {
        flip_byte(file_ending_in(at, ".hnsw"), 70'000);
        CHECK(problem_of(repaired(vs::finding_kind::graph)) == "");
    }
    SECTION("a block of a part") {
        std::string largest;
        for (const auto& file : files_below(at))
            if (file.ends_with(".part") && (largest.empty() || fs::file_size(at + "/" + file) > fs::file_size(largest)))
                largest = at + "/" + file;
        flip_byte(largest, 64 + 5 * 4112);  // the first 4 KiB have the header of the file
        auto db = repaired(vs::finding_kind::part_block);
        CHECK(docs_of(db).get(2'490, true, true).value().vector == marked_vector(2'490));
    }
    SECTION("sums of the tables") {
        flip_byte(at + "/state/sums", 50);
        CHECK(problem_of(repaired(vs::finding_kind::sums)) == "");
    }
    SECTION("a page of the tables") {
        const auto tables = at + "/state/data.mdb";
        const auto pages = fs::file_size(tables) / 4096;
        // The page of a leaf that holds values of points; ids are read from them.
        std::size_t damaged = 0;
        for (auto page = pages / 2; page < pages && damaged == 0; ++page) {
            copy_store(f.path(), at);
            flip_byte(tables, page * 4096 + 4000);
            const auto look = vs::check(at, checking).value();
            damaged += std::any_of(look.findings.begin(), look.findings.end(), [](const auto& finding) {
                return finding.kind == vs::finding_kind::tables && finding.what.find("value") != std::string::npos;
            });
        }
        REQUIRE(damaged == 1);
        const auto done = vs::repair(at, repairing).value();
        CHECK(done.after.healthy());
        CHECK(files_that_tell(at) == "");
        const auto db = vs::database::open(at, f.options).value();
        CHECK(docs_of(db).count().value() > row_count / 2);
    }
}

TEST_CASE("encryption: memory that stays on disk is read as it is needed", "[encryption][one_thread]") {
    if (!vs::encryption_available()) return;
    const fixture f(vs::index_kind::hnsw, true);
    auto db = f.open().value();
    db.optimize().value();
    CHECK(problem_of(db) == "");
    db.close().value();
    // Damage of an original is told by the query that needs it.
    const auto part = file_ending_in(f.path(), ".part");
    for (std::uint64_t block = 1; block < 30; ++block) flip_byte(part, 64 + block * 4112);
    auto reopened = f.open().value();
    auto query = nearest_to(marked_vector(77), 3);
    CHECK(code_of(docs_of(reopened).query(query)) == errc::corruption);
}

TEST_CASE("encryption: a build without OpenSSL says so", "[encryption][one_thread]") {
    if (vs::encryption_available()) return;
    const temporary_directory directory;
    CHECK(code_of_opening(directory / "db", key_of(1)) == errc::unsupported);
}
