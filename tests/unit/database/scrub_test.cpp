// What is checked when: opening by footer, first touch, the background thread, scrubs.
#include <vecstore/database/database.hpp>
#include <vecstore/filter/dsl.hpp>

#include <catch2/catch.hpp>
#include <support/store.hpp>
#include <support/temporary_directory.hpp>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>

namespace vs = vecstore;
namespace fs = std::filesystem;
using namespace vecstore::test;
using vs::errc;

namespace {

constexpr std::size_t dim = 16, row_count = 3'000;

/// A closed database with one part of a few blocks, and its index.
struct fixture {
    temporary_directory directory;
    std::vector<std::vector<float>> vectors;

    explicit fixture(vs::index_kind index = vs::index_kind::hnsw) {
        vs::random_source random(5);
        auto options = one_vector(dim);
        options.vectors[0].index = index;
        auto db = vs::database::open(path(), quiet()).value();
        auto points = db.create_collection("points", options).value();
        std::vector<vs::point> batch;
        for (std::size_t i = 0; i < row_count; ++i) {
            vectors.push_back(random_vector(random, dim));
            batch.push_back(make_point(i, vectors.back()));
        }
        (void)points.upsert(batch).value();
        db.optimize().value();
        db.close().value();
    }
    [[nodiscard]] std::string path() const { return directory / "db"; }
    /// The only file of the parts that ends so.
    [[nodiscard]] std::string file(const std::string& ending) const {
        for (const auto& entry : fs::recursive_directory_iterator(path()))
            if (entry.path().extension() == ending) return entry.path();
        return {};
    }
    static void flip(const std::string& path, std::uint64_t offset) {
        std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
        file.seekg(static_cast<std::streamoff>(offset));
        const auto byte = file.get();
        file.seekp(static_cast<std::streamoff>(offset));
        file.put(static_cast<char>(byte ^ 4));
    }
    [[nodiscard]] vs::query ask(std::size_t row, bool exact) const {
        auto q = nearest_to(vectors[row], 5);
        q.exact = exact;
        q.with_payload = false;
        return q;
    }
};

bool eventually(const std::function<bool()>& holds) {
    for (int i = 0; i < 6'000; ++i) {
        if (holds()) return true;
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return false;
}

}  // namespace

TEST_CASE("first touch: opening reads footers, queries what they need, and all is seen in the statistics", "[scrub]") {
    const fixture f;
    auto db = vs::database::open(f.path(), quiet()).value();
    const auto points = db.open_collection("points").value();
    const auto untouched = db.stats().value().scrub;
    CHECK(untouched.unverified_bytes > row_count * dim * sizeof(float));
    CHECK(points.info().value().rows_in_graphs == row_count);
    CHECK(points.query(f.ask(7, false)).value().hits[0].id == 7);
    const auto walked = db.stats().value().scrub;
    CHECK(walked.unverified_bytes < untouched.unverified_bytes);
    CHECK(points.query(f.ask(7, true)).value().hits[0].id == 7);
    (void)points.get(8, true, true).value();
    db.scrub().value();
    const auto scrubbed = db.stats().value().scrub;
    CHECK(scrubbed.unverified_bytes == 0);
    CHECK(scrubbed.passes == 1);
    CHECK(scrubbed.bytes > row_count * dim * sizeof(float));
    CHECK(untouched.last_pass_age_s == -1);
    CHECK(scrubbed.last_pass_age_s >= 0);
    CHECK(scrubbed.findings + scrubbed.damaged_blocks + scrubbed.damaged_indexes == 0);
    CHECK(code_of(db.scrub([](const vs::progress&) { return false; })) == errc::cancelled);
}

TEST_CASE("first touch: a damaged row is corruption for whoever needs its block, others get right answers", "[scrub]") {
    const fixture f(vs::index_kind::flat);
    const auto part = f.file(".part");
    const auto offset = 64 + 1'500 * dim * sizeof(float);
    f.flip(part, offset);
    {
        auto options = quiet();
        options.verify = vs::verification::on_open;
        CHECK(code_of(vs::database::open(f.path(), options)) == errc::corruption);
    }
    auto db = vs::database::open(f.path(), quiet()).value();
    const auto points = db.open_collection("points").value();
    CHECK(points.get(3, true, true).value().vector == f.vectors[3]);
    CHECK(db.stats().value().scrub.damaged_blocks == 0);
    for (int again = 0; again < 2; ++again) {
        const auto damaged = points.get(1'500, true, true);
        REQUIRE(code_of(damaged) == errc::corruption);
        CHECK(damaged.error().path == part);
        CHECK(damaged.error().offset == offset / (64 << 10) * (64 << 10));
    }
    CHECK(points.get(1'500).has_value());
    CHECK(code_of(points.query(f.ask(7, false))) == errc::corruption);
    CHECK(code_of(points.query(f.ask(7, true))) == errc::corruption);
    auto within = f.ask(7, true);
    within.within = 100.0f;
    CHECK(code_of(points.query(within)) == errc::corruption);
    auto listed = f.ask(7, false);
    listed.filter = vs::has_id({1'499, 1'500});
    CHECK(code_of(points.query(listed)) == errc::corruption);
    listed.filter = vs::has_id({1, 7});
    CHECK(points.query(listed).value().hits[0].id == 7);
    vs::scroll page;
    page.with_vectors = true;
    page.limit = row_count;
    CHECK(code_of(points.scroll(page)) == errc::corruption);
    CHECK(db.stats().value().scrub.damaged_blocks == 1);
}

TEST_CASE("first touch: a damaged index is left out, counted, and built again", "[scrub][one_thread]") {
    for (const auto* ending : {".hnsw", ".ivf"}) {
        const fixture f(ending == std::string(".ivf") ? vs::index_kind::ivf : vs::index_kind::hnsw);
        const auto file = f.file(ending);
        if (file.empty()) continue;  // a library that cannot train
        INFO(file);
        f.flip(file, fs::file_size(file) / 2);
        auto db = vs::database::open(f.path(), quiet()).value();
        const auto points = db.open_collection("points").value();
        const auto found = points.query(f.ask(7, false)).value();
        CHECK(found.hits[0].id == 7);
        CHECK(found.plan.rows_scanned == row_count);
        CHECK(db.stats().value().scrub.damaged_indexes == 1);
        CHECK(points.info().value().rows_indexed == 0);
        db.optimize().value();
        CHECK(db.stats().value().scrub.damaged_indexes == 0);
        CHECK(points.info().value().rows_indexed == row_count);
        CHECK(points.query(f.ask(7, false)).value().plan.rows_scanned == 0);
    }
}

TEST_CASE("first touch: optimizing finds a damaged index that nobody has searched", "[scrub][one_thread]") {
    const fixture f;
    f.flip(f.file(".hnsw"), 70'000);
    auto db = vs::database::open(f.path(), quiet()).value();
    const auto points = db.open_collection("points").value();
    db.optimize().value();
    CHECK(points.info().value().rows_indexed == row_count);
    CHECK(points.query(f.ask(7, false)).value().plan.rows_scanned == 0);
    CHECK(db.stats().value().last_error.find(".hnsw") != std::string::npos);
}

TEST_CASE("first touch: a batch loads its indexes, goes without damaged ones, and refuses damaged rows",
          "[scrub][one_thread]") {
    for (const std::string damage : {"nothing", ".hnsw", ".ivf", ".part"}) {
        INFO(damage);
        const fixture f(vs::index_kind::automatic);
        const auto file = f.file(damage);
        if (damage == ".part")
            f.flip(file, 64 + 1'500 * dim * sizeof(float));
        else if (!file.empty())
            f.flip(file, fs::file_size(file) / 2);
        auto db = vs::database::open(f.path(), quiet()).value();
        const auto points = db.open_collection("points").value();
        std::vector<vs::query> batch;
        for (std::size_t row = 1'400; row < 1'700; ++row) batch.push_back(f.ask(row, false));
        const auto found = points.query_batch(batch);
        if (damage == ".part") {
            CHECK(code_of(found) == errc::corruption);
            continue;
        }
        REQUIRE(found);
        std::size_t right = 0;
        for (std::size_t i = 0; i < batch.size(); ++i) right += found->at(i).hits[0].id == vs::point_id(1'400 + i);
        CHECK(right >= 290);
        CHECK(db.stats().value().scrub.damaged_indexes == (file.empty() ? 0 : 1));
    }
}

TEST_CASE("first touch: the background thread looks at everything, and has damaged indexes built again", "[scrub]") {
    const fixture f;
    f.flip(f.file(".hnsw"), 70'000);
    auto db = vs::database::open(f.path()).value();
    const auto points = db.open_collection("points").value();
    REQUIRE(eventually([&] {
        return points.info().value().rows_indexed == row_count && db.stats().value().scrub.unverified_bytes == 0;
    }));
    CHECK(db.stats().value().last_error.find(".hnsw") != std::string::npos);
    CHECK(db.stats().value().scrub.damaged_indexes == 0);
}

TEST_CASE("first touch: queries beside the background thread that looks at the same files are right", "[scrub]") {
    const fixture f(vs::index_kind::automatic);
    for (int round = 0; round < 3; ++round) {
        auto db = vs::database::open(f.path()).value();
        const auto points = db.open_collection("points").value();
        std::atomic<int> wrong{0};
        std::vector<std::thread> threads;
        for (std::size_t t = 0; t < 3; ++t)
            threads.emplace_back([&, t] {
                for (std::size_t row = t; row < row_count; row += 101) {
                    const auto walked = points.query(f.ask(row, false)), scanned = points.query(f.ask(row, true));
                    wrong += !walked || !scanned || scanned->hits[0].id != vs::point_id(row);
                }
            });
        for (auto& thread : threads) thread.join();
        CHECK(wrong == 0);
    }
}

TEST_CASE("scrub: damage that came after the first look is found on the medium, and refused from then on", "[scrub]") {
    const fixture f(vs::index_kind::flat);
    auto db = vs::database::open(f.path(), quiet()).value();
    const auto points = db.open_collection("points").value();
    REQUIRE(points.query(f.ask(7, true)));
    f.flip(f.file(".part"), 64 + 1'500 * dim * sizeof(float));
    const auto scrubbed = db.scrub();
    REQUIRE(code_of(scrubbed) == errc::corruption);
    CHECK(scrubbed.error().path == f.file(".part"));
    const auto stats = db.stats().value();
    CHECK(stats.scrub.findings == 1);
    CHECK(stats.scrub.damaged_blocks == 1);
    CHECK(stats.last_error.find(".part") != std::string::npos);
    CHECK(code_of(points.query(f.ask(7, true))) == errc::corruption);
}

TEST_CASE("first touch: a file that is too short is corruption at opening, mapped or not", "[scrub]") {
    const fixture f;
    const auto part = f.file(".part");
    fs::resize_file(part, fs::file_size(part) - 4'096);
    for (const bool mapped : {true, false}) {
        auto options = quiet();
        options.mapped = mapped;
        const auto opened = vs::database::open(f.path(), options);
        REQUIRE(code_of(opened) == errc::corruption);
        CHECK(opened.error().path == part);
    }
}

TEST_CASE("not mapped: a part cut short while it is open kills nobody", "[scrub]") {
    const fixture f;
    const auto child = ::fork();
    if (child == 0) {
        for (const int fatal : {SIGSEGV, SIGBUS, SIGABRT}) (void)::signal(fatal, SIG_DFL);
        auto options = quiet();
        options.mapped = false;
        auto db = vs::database::open(f.path(), options);
        if (!db) ::_exit(1);
        const auto points = db->open_collection("points");
        for (const auto* ending : {".part", ".hnsw"}) fs::resize_file(f.file(ending), 0);
        for (const bool exact : {false, true}) {
            const auto found = points->query(f.ask(7, exact));
            if (!found || found->hits[0].id != vs::point_id(7)) ::_exit(2);
        }
        ::_exit(code_of(db->scrub()) == errc::corruption ? 0 : 3);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
}
