#include "support/full_sample.hpp"
#include "support/oracle.hpp"

#include <vecstore/storage/block_file.hpp>
#include <vecstore/wal/record.hpp>

#include <catch2/catch.hpp>

#include <map>

namespace vs = vecstore;
namespace fs = std::filesystem;
using namespace vecstore::test;
using vs::errc;
using vs::finding_kind;
using vs::severity;

namespace {

vs::database_options salvaging() {
    auto options = quiet();
    options.salvage = true;
    return options;
}

/// All of it is read when it is opened.
vs::database_options verifying() {
    auto options = quiet();
    options.verify = vs::verification::on_open;
    return options;
}

/// Ids and payloads of a collection.
std::map<vs::point_id, std::string> payloads(const vs::collection& c) {
    std::map<vs::point_id, std::string> all;
    vs::scroll page;
    page.limit = 100;
    for (;;) {
        const auto found = c.scroll(page).value();
        for (const auto& r : found.records) all[r.id] = std::to_string(r.payload["n"].int64_or(-1));
        if (!found.next) return all;
        page.offset = found.next;
    }
}

vs::collection open(const vs::database& db, const char* name) { return db.open_collection(name).value(); }

std::size_t vectors_of(const vs::collection& c) {
    vs::scroll page;
    page.limit = 10'000;
    page.with_vectors = true;
    std::size_t count = 0;
    const auto found = c.scroll(page).value();
    for (const auto& r : found.records) count += !r.vector.empty();
    return count;
}

struct actions_text {
    std::string operator()(const vs::repair_report& r) const {
        std::string all = "before:\n" + texts(r.before) + "actions:\n";
        for (const auto& line : r.actions) all += line + "\n";
        return all + "after:\n" + texts(r.after);
    }
};

}  // namespace

TEST_CASE("repair: a right database stays as it is", "[repair]") {
    const full_sample s;
    const auto report = vs::repair(s.path()).value();
    INFO(actions_text()(report));
    CHECK(report.actions.empty());
    CHECK(report.after.findings.empty());
    CHECK(code_of(vs::repair(s.directory / "nothing")) == errc::not_found);
}

TEST_CASE("repair: what is derived is made again, and nothing is lost", "[repair]") {
    const full_sample s;
    const auto at = s.copy();
    std::map<vs::point_id, std::string> large, small;
    {
        const auto db = vs::database::open(s.path(), quiet()).value();
        large = payloads(open(db, "large"));
        small = payloads(open(db, "small"));
    }
    SECTION("sums damaged") { flip_byte(at + "/state/sums", 50); }
    SECTION("sums missing") { fs::remove(at + "/state/sums"); }
    SECTION("control file damaged") {
        flip_byte(at + "/control", 20);
        flip_byte(at + "/control", 4096 + 20);
    }
    SECTION("control file missing") { fs::remove(at + "/control"); }
    SECTION("graph damaged") { flip_byte(file_ending_in(at, ".hnsw"), 1'000); }
    SECTION("graph missing") { fs::remove(file_ending_in(at, ".hnsw")); }
    SECTION("all of it") {
        fs::remove(at + "/state/sums");
        fs::remove(at + "/control");
        fs::remove(file_ending_in(at, ".hnsw"));
        flip_byte(file_ending_in(at, ".wal"), 2048 + 30);
    }
    const auto report = vs::repair(at).value();
    INFO(actions_text()(report));
    CHECK_FALSE(report.before.findings.empty());
    CHECK(report.after.healthy());
    auto db = vs::database::open(at, quiet()).value();
    CHECK(payloads(open(db, "large")) == large);
    CHECK(payloads(open(db, "small")) == small);
    CHECK(open(db, "large").info().value().rows_in_graphs > 0);
    (void)open(db, "small").upsert({make_point(1, {1, 2, 3})}).value();  // it takes writes again
    db.close().value();
    CHECK(vs::check(at).value().healthy());
}

TEST_CASE("repair: does not drop what is damaged unless it is told to", "[repair]") {
    const full_sample s;
    const auto at = s.copy();
    const auto part = at + "/parts/1/0/" + [&] {
        for (const auto& file : files_below(at + "/parts/1/0"))
            if (file.ends_with(".part")) return file;
        return std::string();
    }();
    const auto before = vs::storage::read_file(vs::storage::posix_file_system(), part).value();
    flip_byte(part, 100);
    const auto kept = vs::repair(at).value();
    CHECK(kept.after.has(severity::error));
    CHECK(vs::storage::read_file(vs::storage::posix_file_system(), part).value().size() == before.size());
    CHECK(code_of(vs::database::open(at, verifying())) == errc::corruption);

    const auto dropped = vs::repair(at, {.drop_damaged = true}).value();
    INFO(actions_text()(dropped));
    CHECK(dropped.after.healthy());
    const auto db = vs::database::open(at, quiet()).value();
    const auto large = open(db, "large");
    CHECK(large.count().value() == 2'500 - 3 + 100);  // the points stay
    CHECK(vectors_of(large) < 2'597);
    CHECK_FALSE(files_below(at + "/diverged").empty());
}

TEST_CASE("repair: a damaged log is cut only when it is told to, and its rest kept", "[repair]") {
    const temporary_directory directory;
    {
        auto db = vs::database::open(directory / "db", quiet()).value();
        auto c = db.create_collection("c", one_vector(2)).value();
        for (std::uint64_t i = 0; i < 10; ++i) (void)c.upsert({make_point(i, {1, static_cast<float>(i)})}).value();
        fs::copy(directory / "db", directory / "copy", fs::copy_options::recursive);
    }
    const auto at = directory / "copy";
    const auto log = file_ending_in(at, ".wal");
    // The record of point 5: after that of the collection and five others, all of one size.
    const auto bytes = vs::storage::read_file(vs::storage::posix_file_system(), log).value();
    std::vector<std::size_t> records;
    for (std::size_t i = 4096; i + 4 < bytes.size(); i += 8)
        if (vs::load_le<std::uint32_t>(bytes.data() + i) == vs::wal::record_magic) records.push_back(i);
    REQUIRE(records.size() == 11);
    flip_byte(log, records[6] + 60);
    const auto found = vs::check(at).value();
    INFO(texts(found));
    REQUIRE(has(found, finding_kind::log));
    CHECK(found.findings.front().offset == records[6]);
    CHECK(code_of(vs::database::open(at, quiet())) == errc::corruption);
    CHECK(vs::repair(at).value().after.has(severity::error));
    {
        const auto db = vs::database::open(at, salvaging()).value();
        CHECK(open(db, "c").count().value() == 5);
        CHECK(db.stats().value().missing.size() == 1);
        CHECK(db.stats().value().lsn == 6);
        CHECK(code_of(open(db, "c").upsert({make_point(1, {1, 1})})) == errc::unavailable);
        CHECK(code_of(vs::database::open(at, quiet())) == errc::unavailable);  // it holds the lock
    }
    const auto report = vs::repair(at, {.drop_damaged = true}).value();
    INFO(actions_text()(report));
    CHECK(report.after.healthy());
    auto db = vs::database::open(at, quiet()).value();
    CHECK(open(db, "c").count().value() == 5);
    (void)open(db, "c").upsert({make_point(9, {1, 1})}).value();
    CHECK_FALSE(files_below(at + "/diverged").empty());
}

TEST_CASE("repair: damaged tables are written anew from what can be read", "[repair]") {
    const full_sample s;
    vs::random_source random(3);
    const auto total = vs::check(s.path()).value().points;
    std::size_t lossy = 0;
    for (int i = 0; i < 12; ++i) {
        const auto at = s.copy();
        const auto file = at + "/state/data.mdb";
        const auto offset = 2 * 4096 + random.below(fs::file_size(file) - 2 * 4096);
        INFO("byte " << offset);
        flip_byte(file, offset);
        const auto found = vs::check(at).value();
        {
            const auto db = vs::database::open(at, salvaging()).value();
            const auto stats = db.stats().value();
            const auto names = db.list_collections().value();
            std::size_t seen = 0;
            for (const auto& name : names) seen += payloads(open(db, name.c_str())).size();
            if (found.healthy()) CHECK(stats.missing.empty());
            CHECK(seen + stats.missing_points <= total + 10);
            if (names.size() == 2 && stats.missing.empty()) CHECK(seen >= total);
        }
        if (has(found, finding_kind::catalog)) continue;
        const auto report = vs::repair(at, {.drop_damaged = true}).value();
        INFO(actions_text()(report));
        CHECK(report.after.healthy());
        lossy += report.after.points < total;
        CHECK(vs::database::open(at, quiet()).has_value());
    }
    INFO(lossy << " lost points");
}

TEST_CASE("salvage: a right database shows all, and says that nothing is missing", "[salvage]") {
    const full_sample s;
    std::map<vs::point_id, std::string> wanted;
    {
        const auto db = vs::database::open(s.path(), quiet()).value();
        wanted = payloads(open(db, "small"));
    }
    const auto db = vs::database::open(s.path(), salvaging()).value();
    CHECK(payloads(open(db, "small")) == wanted);
    CHECK(db.stats().value().missing.empty());
    CHECK(db.stats().value().missing_points == 0);
}

TEST_CASE("salvage: lost vectors give errors for their ids, and are not found", "[salvage]") {
    const temporary_directory directory;
    constexpr std::size_t dim = 64, count = 1'000;  // 250 KiB: four blocks
    vs::random_source random(9);
    {
        auto db = vs::database::open(directory / "db", quiet()).value();
        auto c = db.create_collection("c", one_vector(dim)).value();
        std::vector<vs::point> points;
        for (std::size_t i = 0; i < count; ++i) points.push_back(make_point(i, random_vector(random, dim), {{"n", i}}));
        (void)c.upsert(points).value();
        db.close().value();
    }
    const auto part = file_ending_in(directory / "db", ".part");
    flip_byte(part, vs::storage::block_bytes + 17);
    CHECK(code_of(vs::database::open(directory / "db", verifying())) == errc::corruption);
    const auto db = vs::database::open(directory / "db", salvaging()).value();
    const auto stats = db.stats().value();
    CHECK(stats.missing.size() == 1);
    CHECK(stats.missing_vectors >= 256);
    CHECK(stats.missing_vectors <= 258);
    const auto c = open(db, "c");
    CHECK(c.count().value() == count);
    CHECK(c.query(nearest_to(random_vector(random, dim), count)).value().size() == count - stats.missing_vectors);
    const std::uint64_t lost = vs::storage::block_bytes / (dim * sizeof(float)) + 1;
    CHECK(c.get(lost).value().payload["n"].int64_or(-1) == static_cast<std::int64_t>(lost));
    CHECK(code_of(c.get(lost, true, true)) == errc::corruption);
    CHECK(c.get(1, true, true).value().vector.size() == dim);
    CHECK(c.get(count - 1, true, true).value().vector.size() == dim);
}
