// Pages, counts, facets and distance matrices whose time is up, or that are stopped. The clock is the test's: it moves on by one
// millisecond each time that somebody looks at it.
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

    fixture() : db(open()), docs(db.create_collection("docs", one_vector(3)).value()) {
        (void)docs.upsert(numbered_points(0, 3'000)).value();
    }
    [[nodiscard]] vs::database open() const {
        auto environment = disk.environment();
        environment.steady_clock = [now = now] { return (*now)++; };
        return vs::database::open("db", quiet(), environment).value();
    }
};

template <class Question>
Question limited(Question q, std::uint64_t timeout_ms, bool allow_partial = false) {
    q.timeout_ms = timeout_ms;
    q.allow_partial = allow_partial;
    return q;
}

/// In time, too late, stopped; `ask` gives a result with `partial`.
template <class Question, class Ask>
void check_limits(const Question& q, const Ask& ask) {
    CHECK_FALSE(ask(q).value().partial);
    CHECK_FALSE(ask(limited(q, 1'000'000)).value().partial);
    CHECK(code_of(ask(limited(q, 3))) == vs::errc::timed_out);
    const auto some = ask(limited(q, 3, true)).value();
    CHECK(some.partial);
    CHECK(some.missing.starts_with("the time is up"));
    std::stop_source stop;
    auto stopped = q;
    stopped.stop = stop.get_token();
    CHECK_FALSE(ask(stopped).value().partial);
    stop.request_stop();
    CHECK(code_of(ask(stopped)) == vs::errc::cancelled);
}

}  // namespace

TEST_CASE("deadline: pages, counts, facets and matrices end in time, with payload indexes and without", "[deadline]") {
    fixture f;
    const auto some = vs::field("n") >= 5 && vs::field("n").size() == 1;
    for (const bool indexed : {false, true}) {
        if (indexed) f.docs.create_field_index("n", {.kind = vs::field_kind::integer}).value();
        vs::scroll page;
        page.limit = 2'900;
        page.filter = some;
        check_limits(page, [&](const auto& q) { return f.docs.scroll(q); });
        page.order_by = vs::order_by{.key = "n"};
        check_limits(page, [&](const auto& q) { return f.docs.scroll(q); });
        check_limits(vs::facet_query{.key = "n", .filter = some}, [&](const auto& q) { return f.docs.facet(q); });
        check_limits(vs::matrix_query{.sample = 50, .filter = some},
                     [&](const auto& q) { return f.docs.distance_matrix(q); });
        if (!indexed)
            check_limits(vs::count_query{.filter = some}, [&](const auto& q) { return f.docs.count_within(q); });
        CHECK(f.docs.count_within({.filter = some}).value().count == 2'995);
    }
}

TEST_CASE("deadline: pages that were cut short go on where they ended", "[deadline]") {
    fixture f;
    for (const std::size_t limit : {40u, 700u}) {
        vs::scroll page;
        page.limit = limit;
        page.filter = !(vs::field("n") == 900 || vs::field("n") == 20);
        page.timeout_ms = 2;
        page.allow_partial = true;
        std::uint64_t expected = 0, cut = 0;
        do {
            const auto answer = f.docs.scroll(page).value();
            cut += answer.partial;
            for (const auto& r : answer.records) {
                if (expected == 20 || expected == 900) ++expected;
                REQUIRE(r.id.number() == expected++);
            }
            page.offset = answer.next;
        } while (page.offset);
        CHECK(expected == 3'000);
        CHECK((limit < 256 || cut > 1));
    }
}
