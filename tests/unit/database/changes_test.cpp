#include "support/gated_table_store.hpp"
#include "support/store.hpp"
#include "support/temporary_directory.hpp"

#include <vecstore/core/random.hpp>
#include <vecstore/database/changes.hpp>
#include <vecstore/database/write_batch.hpp>
#include <vecstore/payload/path.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <atomic>
#include <map>
#include <thread>

namespace vs = vecstore;
using namespace vecstore::test;
using vs::change_kind;
using vs::errc;

namespace {

/// All that the feed has now.
std::vector<vs::change> drain(vs::change_feed& feed) {
    std::vector<vs::change> all;
    while (auto found = feed.next().value()) all.push_back(*std::move(found));
    return all;
}

std::vector<vs::change> changes_of(const vs::database& db, const vs::change_token& after = {}) {
    auto feed = db.changes(after).value();
    return drain(feed);
}

/// Applies changes to a map, as a cache elsewhere would.
class mirror {
public:
    void apply(const vs::change& c) {
        if (c.kind == change_kind::update_aliases) return;
        auto& points = collections_[c.collection];
        const auto edit = [&](const auto& change) {
            for (const auto& id : c.ids)
                if (const auto found = points.find(id); found != points.end()) change(found->second.payload);
        };
        switch (c.kind) {
            case change_kind::upsert:
                for (const auto& p : c.points) points[p.id] = p;
                break;
            case change_kind::erase:
                for (const auto& id : c.ids) points.erase(id);
                break;
            case change_kind::set_payload:
                edit([&](vs::payload::document& d) {
                    if (!c.paths.empty()) return vs::payload::set(d, *vs::payload::path::parse(c.paths[0]), c.values);
                    for (const auto& [key, value] : c.values) d.set(key, value);
                });
                break;
            case change_kind::overwrite_payload: edit([&](vs::payload::document& d) { d = c.values; }); break;
            case change_kind::erase_payload:
                edit([&](vs::payload::document& d) {
                    for (const auto& path : c.paths) (void)d.erase(path);
                });
                break;
            case change_kind::clear_payload: edit([](vs::payload::document& d) { d.clear(); }); break;
            case change_kind::create_collection: points.clear(); break;
            case change_kind::drop_collection: collections_.erase(c.collection); break;
            case change_kind::update_aliases:
            case change_kind::annotate: break;
        }
    }
    /// The first way in which the database differs; empty when it does not.
    [[nodiscard]] std::string difference(const vs::database& db) const {
        std::vector<std::string> names;
        for (const auto& [name, points] : collections_) names.push_back(name);
        if (db.list_collections().value() != names) return "other collections";
        for (const auto& [name, points] : collections_) {
            const auto opened = db.open_collection(name).value();
            if (opened.count().value() != points.size()) return name + ": other count";
            for (const auto& [id, p] : points) {
                const auto found = opened.get(id, true, true);
                if (!found) return name + ": " + found.error().what();
                if (found->vector != p.vector || !(found->payload == p.payload)) return name + ": another point";
                if (found->expire_at != p.expire_at) return name + ": another expire_at";
            }
        }
        return {};
    }

private:
    std::map<std::string, std::map<vs::point_id, vs::point>> collections_;
};

void random_write(vs::database& db, vs::random_source& random) {
    const std::string name(1, static_cast<char>('a' + random.below(2)));
    auto opened = db.open_collection(name);
    if (!opened) {
        REQUIRE(db.create_collection(name, one_vector(2, name == "a" ? vs::metric::cosine : vs::metric::euclid)));
        return;
    }
    const vs::point_id id = random.below(20);
    auto p = make_point(id, random_vector(random, 2), {{"k", random.below(9)}, {"x", 1}});
    p.vector[0] += 3;
    if (random.below(4) == 0) p.expire_at = 1 + random.below(1'000'000);
    vs::write_batch batch;
    switch (random.below(12)) {
        case 0: REQUIRE(opened->erase({id, random.below(20)})); break;
        case 1: (void)opened->set_payload({id}, {{"k", 77}}); break;
        case 2: (void)opened->overwrite_payload({id}, {{"y", 1}}); break;
        case 3: (void)opened->erase_payload({id}, {"k"}); break;
        case 4: (void)opened->clear_payload({id}); break;
        case 5:
            if (random.below(6) == 0) REQUIRE(db.drop_collection(name));
            break;
        case 6: REQUIRE(db.checkpoint()); break;
        case 7:
            batch.upsert(*opened, {p}).erase(*opened, {random.below(20)});
            REQUIRE(db.write(batch, {.operation_id = vs::write_id{1, random.below(1u << 30)}}));
            break;
        default: REQUIRE(opened->upsert({p}));
    }
}

}  // namespace

TEST_CASE("changes: each write gives its changes, in order, with what it said", "[database]") {
    const memory_disk disk;
    auto db = disk.open().value();
    auto docs = db.create_collection("docs", one_vector(2, vs::metric::cosine)).value();
    REQUIRE(docs.upsert({make_point(1, {3, 4}, {{"k", 1}}), make_point(uuid_of(7), {})}));
    REQUIRE(docs.set_payload({1}, {{"a", 2}}));
    REQUIRE(docs.overwrite_payload({1}, {{"b", 2}}));
    REQUIRE(docs.erase_payload({1}, {"b.c", "d"}));
    REQUIRE(docs.clear_payload({1}));
    REQUIRE(docs.erase({1}));
    REQUIRE(db.drop_collection("docs"));
    const auto all = changes_of(db);
    REQUIRE(all.size() == 8);
    constexpr change_kind kinds[] = {change_kind::create_collection,
                                     change_kind::upsert,
                                     change_kind::set_payload,
                                     change_kind::overwrite_payload,
                                     change_kind::erase_payload,
                                     change_kind::clear_payload,
                                     change_kind::erase,
                                     change_kind::drop_collection};
    for (std::size_t i = 0; i < all.size(); ++i) {
        CHECK(vs::to_string(all[i].kind) == vs::to_string(kinds[i]));
        CHECK(all[i].collection == "docs");
        CHECK(all[i].lsn == i + 1);
        CHECK(all[i].token.lsn == i + 1);
        CHECK_FALSE(all[i].more_of_write);
    }
    CHECK(all[0].options.vectors[0].dim == 2);
    CHECK(all[1].points.size() == 2);
    CHECK(all[1].points[0].vector == std::vector<float>{0.6f, 0.8f});
    CHECK(all[1].points[1].id == vs::point_id(uuid_of(7)));
    CHECK(all[2].values["a"].int64_or(0) == 2);
    CHECK(all[4].paths == std::vector<std::string>{"b.c", "d"});
    CHECK(all[6].ids == std::vector<vs::point_id>{1});
}

TEST_CASE("changes: a write's changes belong together, and a token leads to the next one", "[database]") {
    const memory_disk disk;
    auto db = disk.open().value();
    auto docs = db.create_collection("docs", one_vector(2)).value();
    auto images = db.create_collection("images", one_vector(2)).value();
    vs::write_batch batch;
    batch.upsert(docs, {make_point(1, {1, 2})}).upsert(images, {make_point(2, {1, 2})}).erase(docs, {1});
    REQUIRE(db.write(batch, {.operation_id = vs::write_id{1, 1}}));
    REQUIRE(docs.upsert({make_point(3, {1, 2})}));
    const auto all = changes_of(db);
    REQUIRE(all.size() == 6);
    CHECK(all[2].more_of_write);
    CHECK(all[3].more_of_write);
    CHECK(all[3].collection == "images");
    CHECK_FALSE(all[4].more_of_write);
    CHECK(all[4].token.lsn == 6);  // behind the record with the write's name
    CHECK(all[5].lsn == 7);
    for (std::size_t i = 0; i < all.size(); ++i) {
        const auto token = vs::parse_change_token(vs::to_string(all[i].token)).value();
        CHECK(token == all[i].token);
        const auto rest = changes_of(db, token);
        REQUIRE(rest.size() == all.size() - i - 1);
        if (!rest.empty()) CHECK(rest[0].lsn == all[i + 1].lsn);
    }
    CHECK(changes_of(db, db.change_position().value()).empty());
    for (const auto* text : {"", "7", "-1", "7-", "x-1", "7-fffffffff", "7-1 "})
        CHECK(code_of(vs::parse_change_token(text)) == errc::invalid_argument);
}

TEST_CASE("changes: tokens of another history, places ahead of the log and databases in memory are told",
          "[database]") {
    const memory_disk disk;
    auto db = disk.open().value();
    auto docs = db.create_collection("docs", one_vector(2)).value();
    REQUIRE(docs.upsert({make_point(1, {1, 2})}));
    CHECK(code_of(db.changes({99, 0})) == errc::conflict);
    auto feed = db.changes({1, 12345}).value();
    CHECK(code_of(feed.next()) == errc::conflict);
    CHECK(code_of(feed.next()) == errc::conflict);
    CHECK(changes_of(db, {1, 0}).size() == 1);
    auto memory = vs::database::in_memory(quiet()).value();
    CHECK(code_of(memory.changes()) == errc::unsupported);
    CHECK(code_of(memory.change_position()) == errc::unsupported);
    auto open_feed = db.changes().value();
    REQUIRE(db.close());
    CHECK(code_of(open_feed.next()) == errc::unavailable);
}

TEST_CASE("changes: replayed into a map they give what the database holds, resumed and reopened at random",
          "[database][one_thread]") {
    for (std::uint64_t seed = 1; seed <= 12; ++seed) {
        INFO("seed " << seed);
        const memory_disk disk;
        vs::random_source random(seed);
        auto gate = std::make_shared<gated_table_store>(disk.tables);
        auto db = std::optional(vs::database::open("db", quiet(), {disk.files, gate}).value());
        mirror copy;
        std::string stored = vs::to_string(vs::change_token{});
        for (int step = 0; step < 300; ++step) {
            random_write(*db, random);
            if (random.below(15) == 0) {
                if (random.below(2) == 0) {
                    gate->close();
                    disk.files->crash(seed + static_cast<std::uint64_t>(step));
                }
                db.reset();
                gate = std::make_shared<gated_table_store>(disk.tables);
                db = vs::database::open("db", quiet(), {disk.files, gate}).value();
            }
            if (random.below(10) != 0) continue;
            auto feed = db->changes(vs::parse_change_token(stored).value()).value();
            for (auto left = random.below(40); left > 0; --left) {
                const auto found = feed.next().value();
                if (!found) break;
                copy.apply(*found);
                CHECK(feed.position() == found->token);
            }
            stored = vs::to_string(feed.position());
        }
        for (const auto& c : changes_of(*db, vs::parse_change_token(stored).value())) copy.apply(c);
        CHECK(copy.difference(*db) == "");
    }
}

TEST_CASE("changes: a subscription gets all that several threads write, and does not hold them up", "[database]") {
    const temporary_directory directory;
    auto db = vs::database::open(directory / "db").value();
    auto docs = db.create_collection("docs", one_vector(2)).value();
    mirror copy;
    std::atomic<int> seen = 0;
    auto subscription = db.subscribe({}, [&](const vs::change& c) {
                              copy.apply(c);
                              return ++seen < 1 + 3 * 40;
                          }).value();
    std::vector<std::thread> writers;
    std::atomic<int> failures = 0;
    for (std::uint64_t t = 0; t < 3; ++t)
        writers.emplace_back([&, t] {
            for (std::uint64_t i = 0; i < 40; ++i) {
                const auto how = i % 2 == 0 ? vs::durability::sync : vs::durability::async;
                failures += !docs.upsert({make_point(t * 100 + i, {1, 2}, {{"i", i}})}, {how});
            }
        });
    for (auto& writer : writers) writer.join();
    REQUIRE(db.flush());
    for (int left = 2'000; subscription.running() && left > 0; --left)
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    CHECK_FALSE(subscription.running());
    CHECK(subscription.status());
    CHECK(failures == 0);
    CHECK(copy.difference(db) == "");
    subscription.stop();

    auto feed = db.changes(subscription.position()).value();
    CHECK_FALSE(feed.wait(std::chrono::milliseconds(1)).value());
    std::thread late([&] { failures += !docs.erase({0}); });
    CHECK(feed.wait(std::chrono::seconds(20)).value()->kind == change_kind::erase);
    late.join();
    auto idle = db.subscribe(feed.position(), [](const vs::change&) { return true; }).value();
    CHECK(idle.running());
    auto ended = db.subscribe(feed.position(), [](const vs::change&) { return true; }).value();
    REQUIRE(db.close());
    for (int left = 2'000; ended.running() && left > 0; --left)
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    CHECK(code_of(ended.status()) == errc::unavailable);
}

TEST_CASE("changes: what the log has let go is not_found; named readers and retention keep it",
          "[database][one_thread]") {
    const std::string text(1u << 20, 'x');
    const auto fill = [&](vs::database& db, int megabytes) {
        auto docs = db.open_collection("docs").value();
        for (int i = 0; i < megabytes; ++i)
            REQUIRE(docs.upsert({make_point(1, {1, 2}, {{"text", text}})}, {vs::durability::async}));
        REQUIRE(db.checkpoint());
    };
    auto options = quiet();
    options.checkpoint_bytes = std::uint64_t{1} << 30;
    for (const int kept_by : {0, 1, 2, 3}) {
        INFO("kept by " << kept_by);
        const memory_disk disk;
        if (kept_by == 1) options.log_retention_bytes = std::uint64_t{1} << 30;
        if (kept_by == 2) options.log_retention_bytes = 0;
        if (kept_by == 3) options.log_hold_bytes_max = 1u << 20;
        auto db = disk.open(options).value();
        REQUIRE(db.create_collection("docs", one_vector(2)));
        const auto start = db.change_position().value();
        if (kept_by >= 2) {
            REQUIRE(db.keep_log_for("cache", start));
            REQUIRE(db.close());
            db = disk.open(options).value();
        }
        fill(db, 140);
        const auto feed = db.changes(start);
        CHECK(code_of(feed) == (kept_by == 1 || kept_by == 2 ? errc{} : errc::not_found));
        if (kept_by == 2) {
            REQUIRE(db.keep_log_for("cache", db.change_position().value()));
            fill(db, 70);
            CHECK(code_of(db.changes(start)) == errc::not_found);
            REQUIRE(db.forget_log_reader("cache"));
            CHECK(code_of(db.forget_log_reader("cache")) == errc::not_found);
        }
        CHECK(code_of(db.keep_log_for("", start)) == errc::invalid_argument);
    }
}
