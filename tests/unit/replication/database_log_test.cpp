#include "database_cluster.hpp"

#include <vecstore/database/check.hpp>
#include <vecstore/replication/diverged.hpp>

#include <catch2/catch.hpp>

#include <algorithm>

using namespace vecstore;
using namespace vecstore::replication;
using namespace vecstore::test;

namespace {

result<write_result> write_points(database_cluster& c, database_cluster::node& n, std::uint64_t first,
                                  std::size_t count) {
    return c.patiently([&]() -> result<write_result> {
        VECSTORE_TRY(auto docs, n.db->open_collection("docs"));
        return docs.upsert(numbered_points(first, count));
    });
}

/// All that run have applied the same, and know it.
void check_equal(database_cluster& c) {
    const auto first = c.nodes.front()->stats();
    REQUIRE(first.state_hash);
    for (const auto& n : c.nodes) {
        const auto stats = n->stats();
        CHECK(stats.lsn == first.lsn);
        CHECK(stats.state_hash == first.state_hash);
        CHECK(n->replica->status().last == c.nodes.front()->replica->status().last);
        CHECK_FALSE(n->replica->status().state_differs);
    }
}

std::vector<std::string> diverged_files(const database_cluster::node& n) {
    if (!n.disk.files->exists("db/diverged")) return {};
    return n.disk.files->list("db/diverged").value();
}

}  // namespace

TEST_CASE("database log: what the leader writes appears on its followers", "[replication]") {
    database_cluster c(3);
    c.run();
    REQUIRE(c[1].role() == replica_role::leader);
    auto docs = c.patiently([&] { return c[1].db->create_collection("docs", one_vector(3)); }).value();
    const auto written = write_points(c, c[1], 1, 40).value();
    CHECK(written.term == c[1].replica->promised().term);
    CHECK(docs.count().value() == 40);
    c.patiently([&] { return docs.erase({3, 4}); }).value();
    c.patiently([&] { return docs.set_payload({7}, {{"seen", true}}); }).value();
    c.patiently([&] { return c[1].db->create_alias("texts", "docs"); }).value();
    for (std::uint64_t i = 0; i < 20; ++i) write_points(c, c[1], 100 + i, 1).value();
    c.run(500'000);
    check_equal(c);
    for (const auto& n : c.nodes) {
        auto copy = n->db->open_collection("texts").value();
        CHECK(copy.count().value() == 58);
        CHECK(code_of(copy.get(3)) == errc::not_found);
        CHECK(copy.get(7).value().payload.find("seen") != nullptr);
        CHECK(copy.query(nearest_to({0.1f, 0.2f, 0.3f}, 5)).value().size() == 5);
        CHECK(n->stats().durable_lsn >= n->stats().lsn);
        // The feed tells what was applied.
        auto feed = n->db->changes().value();
        std::size_t points = 0;
        while (const auto change = feed.next().value()) points += change->points.size();
        CHECK(points == 60);
    }
}

TEST_CASE("database log: who follows takes no writes and says who leads", "[replication]") {
    database_cluster c(3);
    c.run();
    c.patiently([&] { return c[1].db->create_collection("docs", one_vector(3)); }).value();
    c.run(500'000);
    const auto refused = write_points(c, c[2], 1, 1);
    REQUIRE(code_of(refused) == errc::not_leader);
    CHECK(refused.error().message == "not the leader: that is 01000000");
    CHECK(code_of(c[2].db->create_collection("more", {})) == errc::not_leader);
    CHECK_FALSE(c[2].stats().poisoned);
    CHECK(c[2].db->checkpoint());
    CHECK(write_points(c, c[1], 1, 1));
}

TEST_CASE("database log: a write without a majority has an unknown outcome, and nothing is applied", "[replication]") {
    database_cluster c(3);
    c.run();
    c.patiently([&] { return c[1].db->create_collection("docs", one_vector(3)); }).value();
    write_points(c, c[1], 1, 10).value();
    c.run(500'000);
    c.cut = {c[2].id, c[3].id};
    const auto before = c[1].stats();
    const auto lost = write_points(c, c[1], 100, 5);
    REQUIRE(code_of(lost) == errc::unknown_outcome);
    CHECK(c[1].stats().lsn == before.lsn);
    CHECK(c[1].stats().state_hash == before.state_hash);
    CHECK_FALSE(c[1].stats().poisoned);
    CHECK(c[1].db->open_collection("docs").value().count().value() == 10);
    // What is applied can be made a checkpoint, what is not cannot.
    CHECK(c[1].db->checkpoint());
    CHECK(c[1].stats().checkpoint_lsn == before.lsn);
    // Without a majority the next is refused for sure.
    CHECK(code_of(write_points(c, c[1], 200, 5)) == errc::timed_out);

    SECTION("it comes to be when the others are back") {
        c.cut.clear();
        c.run();
        CHECK(c[1].db->open_collection("docs").value().count().value() == 15);
        write_points(c, c[1], 300, 1).value();
        c.run(500'000);
        check_equal(c);
    }
    SECTION("it does not when another leads") {
        c.cut = {c[1].id};
        c[2].leases->promote();
        c.run();
        REQUIRE(c[2].role() == replica_role::leader);
        write_points(c, c[2], 400, 3).value();
        c.cut.clear();
        c.run();
        CHECK(c[1].role() == replica_role::follower);
        CHECK(c[1].count(event_kind::diverged) == 1);
        REQUIRE(diverged_files(c[1]).size() == 1);
        check_equal(c);
        CHECK(c[1].db->open_collection("docs").value().count().value() == 13);
        // What was lost can be read, and written again.
        const auto lost_writes = list_diverged(*c[1].db).value();
        REQUIRE(lost_writes.size() == 1);
        CHECK(lost_writes[0].first_lsn == before.lsn + 1);
        CHECK(lost_writes[0].bytes > 4096);
        std::vector<point> points;
        REQUIRE(read_diverged(*c[1].db, lost_writes[0].path, [&](const change& each) {
            CHECK(each.kind == change_kind::upsert);
            CHECK(each.collection == "docs");
            points.insert(points.end(), each.points.begin(), each.points.end());
            return true;
        }));
        REQUIRE(points.size() == 5);
        CHECK(points[0].id == point_id(100));
        CHECK(*points[4].payload.find("n")->if_int64() == 104);
        CHECK(list_diverged(*c[2].db).value().empty());
        CHECK(code_of(read_diverged(*c[1].db, "nowhere", {})) == errc::not_found);
        CHECK(code_of(write_points(c, c[1], 1, 1)) == errc::not_leader);
    }
}

TEST_CASE("database log: a write with a name is done once, whoever leads when it is tried again", "[replication]") {
    database_cluster c(3);
    c.run();
    c.patiently([&] { return c[1].db->create_collection("docs", one_vector(3)); }).value();
    c.run(500'000);
    write_options named;
    named.operation_id = write_id{7, 1};
    const auto write = [&](database_cluster::node& n) {
        return c.patiently([&]() -> result<write_result> {
            VECSTORE_TRY(auto docs, n.db->open_collection("docs"));
            return docs.upsert(numbered_points(1, 4), named);
        });
    };
    c.cut = {c[2].id, c[3].id};
    REQUIRE(code_of(write(c[1])) == errc::unknown_outcome);
    bool repeated = false;
    std::size_t asked = 1;
    SECTION("it was committed after all") {
        c.cut.clear();
        c.run();
        repeated = true;
    }
    SECTION("another leads, who never heard of it") {
        c.cut = {c[1].id};
        c[2].leases->promote();
        c.run();
        c.cut.clear();
        c.run();
        asked = 2;
    }
    const auto again = write(c[asked]).value();
    CHECK(again.repeated == repeated);
    const auto once_more = write(c[asked]).value();
    CHECK(once_more.repeated);
    CHECK(once_more.lsn == again.lsn);
    c.run();
    check_equal(c);
    CHECK(c[3].db->open_collection("docs").value().count().value() == 4);
}

TEST_CASE("database log: a member that is opened alone shows its checkpoint and takes no writes", "[replication]") {
    database_cluster c(3);
    c.run();
    c.patiently([&] { return c[1].db->create_collection("docs", one_vector(3)); }).value();
    write_points(c, c[1], 1, 10).value();
    c.run(500'000);
    for (const std::size_t i : {1u, 2u}) {
        auto& n = c[i];
        REQUIRE(n.db->checkpoint());
        const auto checkpoint = n.stats();
        if (i == 1) write_points(c, n, 100, 10).value();
        c.run(500'000);
        c.kill(n, 7);
        c.open(n);
        CHECK(n.stats().lsn == checkpoint.lsn);
        CHECK(n.stats().state_hash == checkpoint.state_hash);
        CHECK(code_of(write_points(c, n, 1, 1)) == errc::unavailable);
        CHECK(code_of(n.db->backup("backups")) == errc::unsupported);
        CHECK(code_of(repair("db", {.drop_damaged = true}, {n.watched, n.gate})) == errc::unsupported);
        REQUIRE(n.db->checkpoint());
        n.db.reset();
        CHECK(check("db", {}, {n.watched, n.gate}).value().healthy());
        c.start(n);
        c.run();
        check_equal(c);
    }
    CHECK(c[1].stats().lsn > 0);
    CHECK(c[2].db->open_collection("docs").value().count().value() == 20);
}

TEST_CASE("database log: a database that was used alone becomes the first of a cluster", "[replication]") {
    database_cluster c(3);
    for (const auto& n : c.nodes) c.stop(*n);
    memory_disk disk;
    {
        auto db = disk.open().value();
        auto docs = db.create_collection("docs", one_vector(3)).value();
        for (std::uint64_t i = 0; i < 30; ++i) docs.upsert(numbered_points(i * 10, 10)).value();
    }
    for (const auto& n : c.nodes) n->disk = {};
    c[1].disk = disk;
    for (const auto& n : c.nodes) c.start(*n);
    c.run();
    REQUIRE(c[1].role() == replica_role::leader);
    check_equal(c);
    CHECK(c[3].db->open_collection("docs").value().count().value() == 300);
    write_points(c, c[1], 5'000, 10).value();
    c.run(500'000);
    check_equal(c);
}

TEST_CASE("database log: a learner is a copy that nobody waits for", "[replication]") {
    database_cluster c(2, 1);
    c.run();
    c.patiently([&] { return c[1].db->create_collection("docs", one_vector(3)); }).value();
    c.cut = {c[2].id};
    for (std::uint64_t i = 0; i < 10; ++i) write_points(c, c[1], 10 * i, 10).value();
    c.cut.clear();
    c.run();
    check_equal(c);
    CHECK(c[2].db->open_collection("docs").value().count().value() == 100);
}

TEST_CASE("database log: members are those of the log, after a checkpoint and a restart too", "[replication]") {
    database_cluster c(3);
    c.run();
    auto to = c.members;
    to.voters.pop_back();
    to.learners = {c[3].id};
    c[1].replica->change_membership(c.now, to).value();
    c.run(500'000);
    for (const auto& n : c.nodes) {
        REQUIRE(n->db->checkpoint());
        c.kill(*n, 3);
        c.start(*n);
        CHECK(n->replica->members().learners == to.learners);
    }
}

TEST_CASE("database log: another cluster's database is refused", "[replication]") {
    const memory_disk disk;
    auto db = disk.open().value();
    replica_identity identity;
    identity.node = numbered_node(1);
    identity.cluster = numbered_node(9);
    database_log_options with;
    CHECK(database_log::open(db, identity, with).error().message == "post: none");
    with.post = with.work = [](std::function<void()>) {};
    CHECK(database_log::open(db, identity, with).error().code == errc::invalid_argument);  // nobody votes
    identity.first_members.voters = {identity.node};
    {
        const auto log = database_log::open(db, identity, with).value();
        CHECK(log->identity() == identity);
        CHECK(database_log::open(db, identity, with).error().code == errc::already_exists);
    }
    identity.cluster = numbered_node(8);
    CHECK(database_log::open(db, identity, with).error().code == errc::invalid_argument);
    auto in_memory = database::in_memory(quiet()).value();
    CHECK(database_log::open(in_memory, identity, with).error().code == errc::unsupported);
}
