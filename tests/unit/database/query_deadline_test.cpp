// Queries whose time is up, or that are stopped. The clock is the test's: it moves on by one millisecond each time that somebody
// looks at it.
#include "support/store.hpp"

#include <vecstore/filter/dsl.hpp>

#include <catch2/catch.hpp>

#include <memory>
#include <stop_token>

namespace vs = vecstore;
using namespace vecstore::test;

namespace {

struct fixture {
    std::shared_ptr<std::uint64_t> now = std::make_shared<std::uint64_t>(1'000);
    memory_disk disk;
    vs::database db;
    vs::collection docs;

    explicit fixture(std::size_t points = 4'000, bool parts = false)
        : db(open()), docs(db.create_collection("docs", one_vector(3)).value()) {
        for (std::uint64_t first = 0; first < points; first += 1'000) {
            (void)docs.upsert(numbered_points(first, std::min<std::size_t>(1'000, points - first))).value();
            if (parts) (void)db.checkpoint().value();
        }
        *now = 1'000;
    }
    [[nodiscard]] vs::database open() const {
        auto environment = disk.environment();
        environment.steady_clock = [now = now] { return (*now)++; };
        return vs::database::open("db", quiet(), environment).value();
    }
};

vs::query exact(std::uint64_t timeout_ms, bool allow_partial) {
    auto q = nearest_to({0, 0, 0}, 10);
    q.exact = true;
    q.timeout_ms = timeout_ms;
    q.allow_partial = allow_partial;
    return q;
}

}  // namespace

TEST_CASE("deadline: an answer in time is whole, a late one an error or marked", "[deadline]") {
    for (const bool parts : {false, true}) {
        const fixture f(4'000, parts);
        const auto whole = f.docs.query(exact(1'000'000, false)).value();
        CHECK_FALSE(whole.partial);
        CHECK(whole.size() == 10);
        const auto late = f.docs.query(exact(3, false));
        REQUIRE(code_of(late) == vs::errc::timed_out);
        CHECK(late.error().message.find("rows were not compared") != std::string::npos);
        const auto some = f.docs.query(exact(6, true)).value();
        CHECK(some.partial);
        CHECK(some.missing.find("the time is up; ") == 0);
        CHECK(some.size() == 10);
        CHECK(some.plan.rows_scanned < 4'000);
        CHECK(some.plan.rows_scanned > 0);
        // No wall clock, no timeout: nobody looks.
        const auto before = *f.now;
        CHECK_FALSE(f.docs.query(exact(0, false)).value().partial);
        CHECK(*f.now == before);
    }
}

TEST_CASE("deadline: filters are left off in the middle, too", "[deadline]") {
    const fixture f;
    auto q = exact(5, false);
    q.filter = vs::field("n") < 3'000;
    const auto late = f.docs.query(q);
    REQUIRE(code_of(late) == vs::errc::timed_out);
    CHECK(late.error().message.find("points were not filtered") != std::string::npos);
    q.allow_partial = true;
    const auto some = f.docs.query(q).value();
    CHECK(some.partial);
    for (const auto& h : some) CHECK(h.id.number() < 3'000);
}

TEST_CASE("deadline: holds for every kind of question", "[deadline]") {
    const fixture f(4'000, true);
    vs::query fused;
    fused.prefetch = {exact(0, false), exact(0, false)};
    fused.ask = vs::rrf{};
    for (const auto& ask : std::initializer_list<vs::question>{
             vs::nearest_to_point{1}, vs::recommend{{1}, {2}, vs::recommend_strategy::best_score}, vs::discover{1, {}},
             vs::context{{{1, 2}}}, vs::order_by{.key = "n"}, vs::all_points{}}) {
        vs::query q;
        q.ask = ask;
        q.exact = true;
        q.limit = 1'000;
        q.timeout_ms = 2;
        CHECK(code_of(f.docs.query(q)) == vs::errc::timed_out);
        q.allow_partial = true;
        const auto some = f.docs.query(q).value();
        CHECK(some.partial);
        q.timeout_ms = 1'000'000;
        CHECK_FALSE(f.docs.query(q).value().partial);
    }
    fused.timeout_ms = 10;
    CHECK(code_of(f.docs.query(fused)) == vs::errc::timed_out);
    // What the prefetches found in time is fused.
    fused.allow_partial = true;
    const auto some = f.docs.query(fused).value();
    CHECK(some.partial);
    CHECK(some.size() == 10);
    vs::group_query groups;
    groups.query = exact(3, false);
    groups.group_by = "n";
    CHECK(code_of(f.docs.query_groups(groups)) == vs::errc::timed_out);
    groups.query.allow_partial = true;
    CHECK(f.docs.query_groups(groups).value().partial);
}

TEST_CASE("deadline: a stop token ends a query", "[deadline]") {
    const fixture f;
    std::stop_source source;
    auto q = exact(0, false);
    q.stop = source.get_token();
    CHECK(f.docs.query(q).value().size() == 10);
    source.request_stop();
    const auto stopped = f.docs.query(q);
    CHECK(code_of(stopped) == vs::errc::cancelled);
    CHECK(stopped.error().message.find("stopped by the caller") == 0);
    q.allow_partial = true;
    const auto nothing = f.docs.query(q).value();
    CHECK(nothing.partial);
    CHECK(nothing.missing == "stopped by the caller; 4000 rows were not compared");
}

TEST_CASE("deadline: walks of indexes are skipped once the time is up", "[deadline]") {
    fixture f(3'000, true);
    (void)f.db.optimize().value();
    (void)f.docs.upsert(numbered_points(5'000, 2'000)).value();
    auto q = nearest_to({0, 0, 0}, 10);
    CHECK_FALSE(f.docs.query(q).value().partial);
    std::stop_source source;
    source.request_stop();
    q.stop = source.get_token();
    CHECK(code_of(f.docs.query(q)) == vs::errc::cancelled);
    q.allow_partial = true;
    CHECK(f.docs.query(q).value().missing == "stopped by the caller; 5000 rows were not compared");
    q.filter = vs::field("n") >= 0;
    CHECK(f.docs.query(q).value().partial);
}

TEST_CASE("deadline: in a batch each query has its own", "[deadline]") {
    const fixture f;
    std::vector<vs::query> queries{exact(0, false), exact(1'000'000, false), exact(2, true)};
    const auto answers = f.docs.query_batch(queries).value();
    CHECK_FALSE(answers[0].partial);
    CHECK_FALSE(answers[1].partial);
    CHECK(answers[2].partial);  // its time went by while the others were answered
    queries[2].allow_partial = false;
    CHECK(f.docs.query_batch(queries).error().message.find("queries[2]: the time is up") == 0);
}
