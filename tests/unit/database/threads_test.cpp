// Readers beside writers: every read sees whole batches, and all that was acknowledged before it began.
#include "support/oracle.hpp"
#include "support/store.hpp"
#include "support/temporary_directory.hpp"

#include <vecstore/core/mutex.hpp>
#include <vecstore/vecstore.hpp>

#include <catch2/catch.hpp>

#include <atomic>
#include <map>
#include <thread>

namespace vs = vecstore;
using namespace vecstore::test;

namespace {

constexpr std::size_t batch_points = 16;

/// All points of a batch carry its number, so that a reader can tell a half-seen batch.
std::vector<vs::point> batch_of(std::uint64_t number) {
    std::vector<vs::point> points;
    for (std::size_t i = 0; i < batch_points; ++i)
        points.push_back(make_point(number * batch_points + i, {static_cast<float>(number), static_cast<float>(i)},
                                    {{"batch", number}, {"i", i}}));
    return points;
}

/// Collects what readers find wrong; Catch's own assertions are for one thread.
class findings {
public:
    void add(const std::string& what) {
        const vs::lock_guard lock(mutex_);
        if (++count_ == 1) first_ = what;
    }
    [[nodiscard]] std::string first() const {
        const vs::lock_guard lock(mutex_);
        return first_;
    }

private:
    mutable vs::mutex mutex_;
    std::size_t count_ = 0;
    std::string first_;
};

void check_scroll(const vs::collection& docs, findings& wrong) {
    std::map<std::int64_t, std::size_t> batches;
    vs::scroll all;
    all.limit = vs::query_limit_max;
    const auto page = docs.scroll(all);
    if (!page) return wrong.add("scroll: " + page.error().what());
    for (const auto& r : page->records) ++batches[r.payload["batch"].int64_or(-1)];
    for (const auto& [batch, count] : batches)
        if (count != batch_points)
            wrong.add("scroll saw " + std::to_string(count) + " of batch " + std::to_string(batch));
}

void check_query(const vs::collection& docs, std::uint64_t number, bool exact, findings& wrong) {
    auto q = nearest_to({static_cast<float>(number), 0}, batch_points, vs::field("batch") == number);
    q.exact = exact;
    q.with_vectors = true;
    const auto found = docs.query(q);
    if (!found) return wrong.add("query: " + found.error().what());
    if (found->size() != 0 && found->size() != batch_points) wrong.add("query saw " + std::to_string(found->size()));
    for (const auto& h : *found)
        if (h.vector.empty() || h.vector[0] != static_cast<float>(number)) wrong.add("query gave a wrong vector");
}

void check_count(const vs::collection& docs, std::uint64_t number, findings& wrong) {
    const auto count = docs.count(vs::field("batch") == number);
    if (!count) return wrong.add("count: " + count.error().what());
    if (*count != 0 && *count != batch_points) wrong.add("count saw " + std::to_string(*count));
    const auto all = docs.count();
    if (!all || *all % batch_points != 0) wrong.add("count of all");
}

void check_get(const vs::collection& docs, std::uint64_t number, findings& wrong) {
    std::vector<vs::point_id> ids;
    for (std::size_t i = 0; i < batch_points; ++i) ids.push_back(number * batch_points + i);
    const auto found = docs.get(ids, true, true);
    if (!found) return wrong.add("get: " + found.error().what());
    if (!found->empty() && found->size() != batch_points) wrong.add("get saw " + std::to_string(found->size()));
    for (const auto& r : *found)
        if (r.vector.size() != 2) wrong.add("get without vector");
}

}  // namespace

TEST_CASE("threads: readers see whole batches beside writes, checkpoints and merges", "[database][threads]") {
    const temporary_directory directory;
    vs::database_options options;
    options.background_threads = 1;
    options.checkpoint_bytes = 30'000;
    options.flush_interval_ms = 2;
    auto db = vs::database::open(directory / "db", options).value();
    auto docs = db.create_collection("docs", one_vector(2)).value();
    constexpr std::uint64_t batches = 250;
    std::atomic<std::uint64_t> written{0};
    std::atomic<bool> stop{false};
    findings wrong;
    std::vector<std::thread> threads;
    for (unsigned t = 0; t < 3; ++t)
        threads.emplace_back([&, t] {
            vs::random_source random(t);
            while (!stop) {
                const auto upto = written.load();
                const auto number = random.below(upto + 1);
                switch (random.below(5)) {
                    case 0: check_scroll(docs, wrong); break;
                    case 1: check_query(docs, number, true, wrong); break;
                    case 2: check_query(docs, number, false, wrong); break;
                    case 3: check_count(docs, number, wrong); break;
                    default: check_get(docs, number, wrong); break;
                }
                // Read your writes: batches of odd number are never erased.
                if (upto > 1) {
                    const auto odd = (upto - 1) | 1;
                    if (odd < upto && !docs.get(odd * batch_points)) wrong.add("an acknowledged write is not seen");
                }
            }
        });
    threads.emplace_back([&] {
        while (!stop)
            if (const auto done = db.optimize(); !done && done.error().code != vs::errc::cancelled)
                wrong.add("optimize: " + done.error().what());
    });
    for (std::uint64_t number = 0; number < batches; ++number) {
        const auto how = number % 4 == 0 ? vs::durability::sync : vs::durability::async;
        if (const auto done = docs.upsert(batch_of(number), {how}); !done) wrong.add("upsert: " + done.error().what());
        written = number + 1;
        if (number % 3 == 2) {
            const auto gone = (number / 2) & ~std::uint64_t{1};
            if (const auto done = docs.erase(vs::field("batch") == gone); !done)
                wrong.add("erase: " + done.error().what());
        }
        if (number % 16 == 5)
            if (const auto done = db.checkpoint(); !done) wrong.add("checkpoint: " + done.error().what());
    }
    stop = true;
    for (auto& thread : threads) thread.join();
    CHECK(wrong.first() == "");
    CHECK(db.stats().value().last_error == "");
    const auto count = docs.count().value();
    REQUIRE(db.close());
    CHECK(vs::database::open(directory / "db", quiet()).value().open_collection("docs").value().count().value() ==
          count);
}

TEST_CASE("threads: writers of several collections share the log", "[database][threads]") {
    const memory_disk disk;
    auto db = disk.open().value();
    constexpr unsigned writers = 4;
    constexpr std::uint64_t rounds = 60;
    std::vector<vs::collection> collections;
    for (unsigned t = 0; t < 2; ++t)
        collections.push_back(db.create_collection("c" + std::to_string(t), one_vector(2)).value());
    findings wrong;
    std::vector<std::thread> threads;
    for (unsigned t = 0; t < writers; ++t)
        threads.emplace_back([&, t] {
            auto docs = collections[t % 2];
            std::uint64_t last_lsn = 0;
            for (std::uint64_t round = 0; round < rounds; ++round) {
                const auto number = round * writers + t;
                const auto written = docs.upsert(batch_of(number));
                if (!written) return wrong.add("upsert: " + written.error().what());
                if (written->lsn <= last_lsn) wrong.add("lsn goes back");
                last_lsn = written->lsn;
                if (const auto p = docs.get(number * batch_points); !p || p->version != last_lsn)
                    wrong.add("own write");
                if (round % 10 == 3) {
                    if (!docs.set_payload({number * batch_points}, {{"edited", true}})) wrong.add("edit");
                }
                if (round % 20 == t)
                    if (!db.checkpoint()) wrong.add("checkpoint");
            }
        });
    threads.emplace_back([&] {
        for (int i = 0; i < 20; ++i) {
            const auto name = "short" + std::to_string(i);
            auto made = db.create_collection(name, one_vector(2));
            if (!made || !made->upsert(batch_of(1)) || !db.drop_collection(name)) wrong.add("create and drop");
        }
    });
    for (auto& thread : threads) thread.join();
    CHECK(wrong.first() == "");
    for (const auto& docs : collections) CHECK(docs.count().value() == writers / 2 * rounds * batch_points);
    REQUIRE(db.close());
    auto again = disk.open().value();
    for (const auto* name : {"c0", "c1"})
        CHECK(again.open_collection(name).value().count().value() == writers / 2 * rounds * batch_points);
}

TEST_CASE("threads: close while others read and write", "[database][threads]") {
    for (int round = 0; round < 5; ++round) {
        const memory_disk disk;
        vs::database_options options;
        options.checkpoint_bytes = 10'000;
        auto db = disk.open(options).value();
        auto docs = db.create_collection("docs", one_vector(2)).value();
        std::atomic<std::uint64_t> acknowledged{0};
        findings wrong;
        std::vector<std::thread> threads;
        for (unsigned t = 0; t < 3; ++t)
            threads.emplace_back([&, t] {
                for (std::uint64_t number = t;; number += 3) {
                    const auto written = docs.upsert(batch_of(number));
                    if (!written && written.error().code != vs::errc::unavailable) wrong.add(written.error().what());
                    if (!written) return;
                    ++acknowledged;
                    check_get(docs, number, wrong);
                    if (!wrong.first().empty()) return;
                }
            });
        while (acknowledged < 20) std::this_thread::yield();
        const auto closed = db.close();
        CHECK(closed);
        for (auto& thread : threads) thread.join();
        if (wrong.first().find("closed") == std::string::npos) CHECK(wrong.first() == "");
        auto again = disk.open().value();
        CHECK(again.open_collection("docs").value().count().value() == acknowledged * batch_points);
    }
}

TEST_CASE("threads: close cancels an optimizer at work and waits for it", "[database][threads]") {
    for (int round = 0; round < 4; ++round) {
        const memory_disk disk;
        auto db = disk.open().value();
        auto docs = db.create_collection("docs", one_vector(2)).value();
        for (std::uint64_t number = 0; number < 150; ++number) REQUIRE(docs.upsert(batch_of(number)));
        std::atomic<bool> building{false};
        vs::result<void> outcome;
        std::thread worker([&] {
            outcome = db.optimize([&](const vs::progress& p) {
                if (p.done > 0) building = true;
                return true;
            });
            building = true;
        });
        while (!building) std::this_thread::yield();
        CHECK(db.close());
        const auto files = disk.files->list("db/parts/1/0").value();
        worker.join();
        CHECK(disk.files->list("db/parts/1/0").value() == files);
        if (!outcome) CHECK((code_of(outcome) == vs::errc::cancelled || code_of(outcome) == vs::errc::unavailable));
        CHECK(disk.open().value().open_collection("docs").value().count().value() == 150 * batch_points);
    }
}
