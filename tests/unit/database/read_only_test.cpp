// Databases opened to look only, beside the process that writes.
#include "support/oracle.hpp"
#include "support/store.hpp"
#include "support/temporary_directory.hpp"

#include <vecstore/core/mutex.hpp>
#include <vecstore/vecstore.hpp>

#include <catch2/catch.hpp>

#include <atomic>
#include <filesystem>
#include <map>
#include <thread>

namespace vs = vecstore;
using namespace vecstore::test;
using vs::errc;

namespace {

vs::database_options look() {
    vs::database_options options;
    options.read_only = true;
    return options;
}

std::map<std::string, std::filesystem::file_time_type> times_of(const std::string& directory) {
    std::map<std::string, std::filesystem::file_time_type> times;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(directory))
        if (entry.is_regular_file() && entry.path().filename() != "lock.mdb")
            times[entry.path()] = entry.last_write_time();
    return times;
}

struct fixture {
    temporary_directory directory;
    std::string path = directory / "db";
    std::optional<vs::database> writer = vs::database::open(path, quiet()).value();
    vs::collection docs = writer->create_collection("docs", one_vector(3)).value();
    oracle wanted{one_vector(3)};

    void write(std::uint64_t first, std::size_t count) {
        const auto points = numbered_points(first, count);
        wanted.upsert(points);
        REQUIRE(docs.upsert(points));
    }
};

}  // namespace

TEST_CASE("read-only: sees the log behind the checkpoint, and changes nothing", "[database]") {
    fixture f;
    f.write(0, 10);
    REQUIRE(f.writer->checkpoint());
    f.write(5, 10);
    const auto before = times_of(f.path);
    auto db = vs::database::open(f.path, look()).value();
    auto docs = db.open_collection("docs").value();
    CHECK(difference(docs, f.wanted) == "");
    CHECK(difference(docs, f.wanted, 0, {0, 0, 0}, 5, {}) == "");
    CHECK(code_of(docs.upsert(numbered_points(1, 1))) == errc::unavailable);
    CHECK(code_of(docs.erase({1})) == errc::unavailable);
    CHECK(code_of(docs.set_payload({1}, {})) == errc::unavailable);
    CHECK(code_of(db.create_collection("more", {})) == errc::unavailable);
    CHECK(code_of(db.drop_collection("docs")) == errc::unavailable);
    CHECK(code_of(db.checkpoint()) == errc::unavailable);
    CHECK(code_of(db.optimize()) == errc::unavailable);
    CHECK(code_of(db.flush()) == errc::unavailable);
    CHECK(db.close());
    CHECK(times_of(f.path) == before);
}

TEST_CASE("read-only: moves to each new checkpoint", "[database]") {
    fixture f;
    auto db = vs::database::open(f.path, look()).value();
    auto docs = db.open_collection("docs").value();
    CHECK(docs.count().value() == 0);
    for (std::uint64_t round = 0; round < 6; ++round) {
        f.write(7 * round, 10);
        REQUIRE(f.docs.erase({7 * round + 1}));
        f.wanted.points().erase(7 * round + 1);
        REQUIRE(f.writer->checkpoint());
        if (round % 2 == 1) REQUIRE(f.writer->optimize());
        if (round == 3) {  // a writer that comes back
            REQUIRE(f.writer->close());
            f.writer = vs::database::open(f.path, quiet()).value();
            f.docs = f.writer->open_collection("docs").value();
        }
        REQUIRE(difference(docs, f.wanted) == "");
        REQUIRE(difference(docs, f.wanted, 0, {0, 0, 0}, 5, {}) == "");
    }
}

TEST_CASE("read-only: sees collections made and dropped since it was opened", "[database]") {
    fixture f;
    REQUIRE(f.writer->drop_collection("docs"));
    REQUIRE(f.writer->checkpoint());
    auto db = vs::database::open(f.path, look()).value();
    CHECK(db.list_collections().value().empty());
    auto more = f.writer->create_collection("more", one_vector(3)).value();
    REQUIRE(more.upsert(numbered_points(0, 5)));
    REQUIRE(f.writer->checkpoint());
    CHECK(db.list_collections().value() == std::vector<std::string>{"more"});
    auto seen = db.open_collection("more").value();
    CHECK(seen.count().value() == 5);
    REQUIRE(f.writer->drop_collection("more"));
    REQUIRE(f.writer->checkpoint());
    CHECK(code_of(seen.count()) == errc::not_found);
    CHECK(code_of(db.open_collection("more")) == errc::not_found);
}

TEST_CASE("read-only: a refresh that fails leaves handles that work when the cause is gone", "[database]") {
    const memory_disk disk;
    auto writer = disk.open().value();
    auto docs = writer.create_collection("docs", one_vector(3)).value();
    REQUIRE(docs.upsert(numbered_points(0, 5)));
    REQUIRE(writer.checkpoint());
    auto options = look();
    auto db = disk.open(options).value();
    auto seen = db.open_collection("docs").value();
    REQUIRE(seen.count().value() == 5);
    REQUIRE(docs.upsert(numbered_points(5, 5)));
    REQUIRE(writer.checkpoint());
    REQUIRE(disk.files->rename("db/parts/1/0/2.part", "db/away"));
    for (int attempt = 0; attempt < 2; ++attempt) {
        CHECK(code_of(seen.count()) == errc::corruption);
        CHECK(code_of(db.open_collection("docs")) == errc::corruption);
    }
    REQUIRE(disk.files->rename("db/away", "db/parts/1/0/2.part"));
    CHECK(seen.count().value() == 10);
    REQUIRE(docs.erase({1}));
    REQUIRE(writer.checkpoint());
    CHECK(seen.count().value() == 9);
    CHECK(db.open_collection("docs").value().count().value() == 9);
}

TEST_CASE("read-only: many readers beside a writer see whole batches", "[database][threads]") {
    fixture f;
    constexpr std::size_t batch = 20;
    const auto write_round = [&](std::uint64_t round) {
        std::vector<vs::point> points;
        for (std::size_t i = 0; i < batch; ++i)
            points.push_back(make_point(i, {static_cast<float>(round), 0, 0}, {{"round", round}}));
        return f.docs.upsert(points) && f.writer->checkpoint();
    };
    REQUIRE(write_round(0));
    auto db = vs::database::open(f.path, look()).value();
    std::atomic<bool> stop{false};
    std::atomic<int> wrong{0}, reads{0};
    std::string what;
    vs::mutex what_mutex;
    std::vector<std::thread> readers;
    for (int t = 0; t < 3; ++t)
        readers.emplace_back([&] {
            while (!stop) {
                const auto docs = db.open_collection("docs");
                vs::scroll all;
                all.limit = 100;
                const auto page = docs ? docs->scroll(all) : vs::result<vs::scroll_page>(docs.error());
                bool good = page && page->records.size() == batch;
                if (good)
                    for (const auto& r : page->records) good = good && r.payload == page->records[0].payload;
                ++reads;
                if (good) continue;
                ++wrong;
                const vs::lock_guard lock(what_mutex);
                what = page ? std::to_string(page->records.size()) + " records" : page.error().what();
            }
        });
    for (std::uint64_t round = 1; round < 40; ++round) CHECK(write_round(round));
    stop = true;
    for (auto& reader : readers) reader.join();
    INFO(what);
    CHECK(wrong == 0);
    CHECK(reads > 0);
}
