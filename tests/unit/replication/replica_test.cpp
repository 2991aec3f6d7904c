#include "loopback_cluster.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace vecstore;
using namespace vecstore::replication;
using test::loopback_cluster;
using test::node_number;

namespace {

bool happened(const loopback_cluster::node& n, event_kind kind) {
    return std::any_of(n.events.begin(), n.events.end(), [&](const event& e) { return e.kind == kind; });
}

}  // namespace

TEST_CASE("replica: a primary leads, opens its term, and followers get what it writes", "[replication]") {
    loopback_cluster c(3);
    c.run();
    REQUIRE(c[1].replica->role() == replica_role::leader);
    CHECK(c[1].log.of(1).type == wal::record_type::term_open);
    const auto ticket = c.write(c[1]).value();
    c.run(100'000);
    REQUIRE(c[1].outcomes.size() == 1);
    CHECK(c[1].outcomes[0].ticket == ticket);
    CHECK(c[1].outcomes[0].done);
    for (const auto& n : c.nodes) {
        CHECK(n->log.last() == c[1].log.last());
        CHECK(n->replica->status().applied_lsn == 2);
        CHECK(n->replica->status().leader == c[1].id);
    }
}

TEST_CASE("replica: who does not lead says who does", "[replication]") {
    loopback_cluster c(3);
    c.run();
    CHECK(c.write(c[2]).error().message == "not the leader: that is 01000000");
    CHECK(c[2].replica->read_barrier(c.now).error().code == errc::unavailable);
}

TEST_CASE("replica: a node alone commits by itself", "[replication]") {
    loopback_cluster c(1);
    c.run();
    REQUIRE(c.write(c[1]).has_value());
    CHECK(c[1].outcomes.empty());  // not synced yet
    c.run(100'000);
    CHECK(c[1].outcomes.size() == 1);
}

TEST_CASE("replica: without a majority nothing commits, and soon nothing is taken", "[replication]") {
    loopback_cluster c(3);
    c.run();
    c.cut = {c[2].id, c[3].id};
    REQUIRE(c.write(c[1]).has_value());
    c.run(500'000);
    CHECK(c[1].outcomes.empty());
    c.run(2'000'000);
    CHECK(c.write(c[1]).error().message == "no majority of voters is heard: only reading is possible");
    c.cut.clear();
    c.run();
    REQUIRE(c[1].outcomes.size() == 1);
    CHECK(c[3].log.last() == c[1].log.last());
}

TEST_CASE("replica: each level of acknowledgement waits for what it says", "[replication]") {
    loopback_cluster c(3);
    c.run();
    c[2].disk_works = c[3].disk_works = false;
    const auto alone = c.write(c[1], ack_level::leader_only).value();
    const auto copied = c.write(c[1], ack_level::one_copy).value();
    c.run(50'000);
    REQUIRE(c[1].outcomes.size() == 1);
    CHECK(c[1].outcomes[0].ticket == alone);
    c[2].disk_works = true;
    c.run(50'000);
    REQUIRE(c[1].outcomes.size() == 2);
    CHECK(c[1].outcomes[1].ticket == copied);
}

TEST_CASE("replica: a promoted node fences the old leader, whose tail is cut and kept", "[replication]") {
    loopback_cluster c(3);
    c.run();
    c.cut = {c[1].id};
    REQUIRE(c.write(c[1]).has_value());
    c.run(50'000);
    c[2].leases.promote();
    c.run();
    REQUIRE(c[2].replica->role() == replica_role::leader);
    REQUIRE(c.write(c[2]).has_value());
    c.run(50'000);
    CHECK(c[2].outcomes.at(0).done);
    c.cut.clear();
    c.run();
    CHECK(c[1].replica->role() == replica_role::follower);
    REQUIRE(c[1].outcomes.size() == 1);
    CHECK_FALSE(c[1].outcomes[0].done);  // unknown: the caller asks again
    CHECK(happened(c[1], event_kind::diverged));
    CHECK(c[1].log.last() == c[2].log.last());
    // Nobody has said that it is to lead again.
    CHECK_FALSE(c[1].leases.primary());
}

TEST_CASE("replica: a new leader fetches what it lacks", "[replication]") {
    loopback_cluster c(3);
    c.run();
    c.cut = {c[3].id};
    for (int i = 0; i < 5; ++i) REQUIRE(c.write(c[1]).has_value());
    c.run(500'000);
    REQUIRE(c[1].outcomes.size() == 5);
    const auto last = c[1].log.last().lsn;
    c.cut = {c[1].id};
    c[3].leases.promote();
    c.run();
    REQUIRE(c[3].replica->role() == replica_role::leader);
    CHECK(c[3].log.last().lsn == last + 1);
    CHECK(c[3].replica->commit_lsn() == last + 1);
}

TEST_CASE("replica: a learner gets the log, counts for nothing, and becomes a voter", "[replication]") {
    loopback_cluster c(3, 1);  // two voters
    c.run();
    CHECK_FALSE(c[3].replica->status().voter);
    c.cut = {c[2].id};
    REQUIRE(c.write(c[1]).has_value());
    c.run(300'000);
    CHECK(c[3].log.last() == c[1].log.last());
    CHECK(c[1].outcomes.empty());
    c.cut.clear();
    c.run();
    CHECK(c[1].outcomes.size() == 1);

    auto to = c[1].replica->members();
    std::swap(to.voters, to.learners);
    CHECK(c[1].replica->change_membership(c.now, to).error().code == errc::invalid_argument);
    to = c[1].replica->members();
    to.voters.push_back(to.learners.back());
    to.learners.clear();
    REQUIRE(c[1].replica->change_membership(c.now, to).has_value());
    CHECK(c[1].replica->change_membership(c.now, c.members).error().code != errc::internal);
    c.run();
    for (const auto& n : c.nodes) CHECK(n->replica->status().voter);
    CHECK(c[2].replica->members().epoch == 1);
}

TEST_CASE("replica: a removed leader stops leading once that is committed", "[replication]") {
    loopback_cluster c(3);
    c.run();
    auto to = c[1].replica->members();
    to.voters.erase(to.voters.begin());
    REQUIRE(c[1].replica->change_membership(c.now, to).has_value());
    c.run(1'000'000);
    CHECK(c[1].replica->role() == replica_role::follower);
    CHECK(c[1].outcomes.at(0).done);
    c[2].leases.promote();
    c.run();
    CHECK(c[2].replica->role() == replica_role::leader);
}

TEST_CASE("replica: after a failed sync nothing is answered", "[replication]") {
    loopback_cluster c(3);
    c.run();
    c[3].sync_fails = true;
    c[2].disk_works = false;
    REQUIRE(c.write(c[1]).has_value());
    c.run(500'000);
    CHECK(c[3].replica->role() == replica_role::failed);
    CHECK(happened(c[3], event_kind::failed));
    CHECK(c[1].outcomes.empty());
}

TEST_CASE("replica: without its lease a leader acknowledges by majority alone, until it is replaced", "[replication]") {
    loopback_cluster c(3);
    c.run();
    const auto term = c[1].stored.term;
    c[1].leases.step_back();
    c.run();
    CHECK(c[1].replica->role() == replica_role::leader);
    CHECK_FALSE(c[1].replica->status().lease_held);
    CHECK(c.write(c[1], ack_level::leader_only).error().message ==
          "suspended: without a lease only a quorum can acknowledge");
    REQUIRE(c.write(c[1]).has_value());
    c.run(50'000);
    CHECK(c[1].outcomes.at(0).done);
    CHECK(c[1].stored.term == term);
    c[2].leases.promote();
    c.run();
    CHECK(c[1].replica->role() == replica_role::follower);
    CHECK(c[2].replica->role() == replica_role::leader);
    CHECK(c[1].outcomes.size() == 1);  // nothing was left uncertain
}

TEST_CASE("replica: a restarted node keeps its promise and catches up", "[replication]") {
    loopback_cluster c(3);
    c.run();
    const auto promised = c[3].stored;
    c[3].replica.reset();
    for (int i = 0; i < 3; ++i) REQUIRE(c.write(c[1]).has_value());
    c.run(500'000);
    CHECK(c[1].outcomes.size() == 3);
    c.start(c[3]);
    CHECK(c[3].replica->promised() == promised);
    CHECK(c[3].replica->commit_lsn() == 0);  // until the leader says so
    c.run();
    CHECK(c[3].log.last() == c[1].log.last());
    CHECK(c[3].replica->commit_lsn() == c[1].replica->commit_lsn());
}

TEST_CASE("replica: a full disk refuses what comes, and nothing else", "[replication]") {
    loopback_cluster c(3);
    c.run();
    c[1].disk_full = true;
    CHECK(c.write(c[1]).error().code == errc::resource_exhausted);
    c[1].disk_full = false;
    c[3].disk_full = true;
    REQUIRE(c.write(c[1]).has_value());
    c.run(1'000'000);
    CHECK(c[1].outcomes.at(0).done);
    CHECK(c[3].log.last().lsn < c[1].log.last().lsn);
    c[3].disk_full = false;
    c.run();
    CHECK(c[3].log.last() == c[1].log.last());
    // Who cannot open a term does not lead.
    c[2].disk_full = true;
    c[2].leases.promote();
    c.run();
    CHECK(c[2].replica->role() != replica_role::leader);
    CHECK(c[2].replica->role() != replica_role::failed);
    c[2].disk_full = false;
    c.run();
    CHECK(c[2].replica->role() == replica_role::leader);
}

TEST_CASE("replica: a read waits for a majority to say who leads", "[replication]") {
    loopback_cluster c(3);
    c.run();
    REQUIRE(c.write(c[1]).has_value());
    c.run(50'000);
    const auto read = c[1].replica->read_barrier(c.now).value();
    CHECK(c[1].outcomes.size() == 1);
    c.run(10'000);
    REQUIRE(c[1].outcomes.size() == 2);
    CHECK(c[1].outcomes[1].ticket == read);
    CHECK(c[1].outcomes[1].at.lsn >= c[1].outcomes[0].at.lsn);
    c.cut = {c[2].id, c[3].id};
    REQUIRE(c[1].replica->read_barrier(c.now).has_value());
    c.run(500'000);
    CHECK(c[1].outcomes.size() == 2);
}

TEST_CASE("replica: states that differ are noticed on both sides", "[replication]") {
    loopback_cluster c(3);
    c.run();
    for (std::size_t i = 1; i <= 3; ++i) c[i].replica->state_hashed(1, hash128{i == 3 ? 8u : 7u, 0});
    c.run(1'000'000);
    CHECK(happened(c[1], event_kind::state_differs));
    CHECK(happened(c[3], event_kind::state_differs));
    CHECK_FALSE(happened(c[2], event_kind::state_differs));
    CHECK(c[3].replica->status().state_differs);
    CHECK_FALSE(c[1].replica->status().state_differs);
}

TEST_CASE("replica: hostile frames change nothing", "[replication]") {
    loopback_cluster c(3);
    c.run();
    const auto before = c[2].log.last();
    byte_writer frame;
    encode(append{before, 100, 1, as_bytes("no records")}, c[1].stored.term, frame);
    c[2].replica->receive(c.now, c[1].id, frame.bytes());
    c[2].replica->receive(c.now, c[1].id, frame.bytes().first(30));
    CHECK(c[2].log.last() == before);
    CHECK(c[2].replica->commit_lsn() == before.lsn);
}

TEST_CASE("replica: leadership is handed over with all that was written", "[replication]") {
    loopback_cluster c(3);
    c.run();
    for (int i = 0; i < 5; ++i) REQUIRE(c.write(c[1]).has_value());
    REQUIRE(c[1].replica->hand_over_to(c.now, c[3].id).has_value());
    CHECK(c.write(c[1]).error().message.find("being handed over to 03000000") != std::string::npos);
    c.run(100'000);
    CHECK(c[1].outcomes.size() == 5);
    CHECK(std::all_of(c[1].outcomes.begin(), c[1].outcomes.end(), [](const write_outcome& o) { return o.done; }));
    CHECK(c[1].replica->role() == replica_role::follower);
    REQUIRE(happened(c[3], event_kind::asked_to_lead));
    c[3].leases.promote();
    c[3].replica->look_soon(c.now);
    c.run(500'000);
    CHECK(c[3].replica->role() == replica_role::leader);
    CHECK_FALSE(happened(c[2], event_kind::asked_to_lead));
    c.run();
    CHECK(c[1].replica->role() == replica_role::follower);  // it does not take it back
    CHECK(c[1].replica->status().leader == c[3].id);
    REQUIRE(c.write(c[3]).has_value());
    c.run(100'000);
    CHECK(c[3].outcomes.back().done);
}

TEST_CASE("replica: who cannot hand over leads on", "[replication]") {
    loopback_cluster c(3, 1);
    c.run();
    const auto error_of = [&](std::size_t to) { return c[1].replica->hand_over_to(c.now, node_number(to)).error(); };
    CHECK(error_of(1).code == errc::invalid_argument);
    CHECK(error_of(3).code == errc::invalid_argument);  // a learner
    CHECK(error_of(9).code == errc::invalid_argument);
    CHECK(c[2].replica->hand_over_to(c.now, c[1].id).error().code == errc::unavailable);

    loopback_cluster d(3);
    d.run();
    d[3].disk_works = false;  // it hears, and keeps nothing
    REQUIRE(d.write(d[1]).has_value());
    REQUIRE(d[1].replica->hand_over_to(d.now, d[3].id).has_value());
    d.run(1'000'000);
    CHECK(d[1].replica->role() == replica_role::leader);
    CHECK(d.write(d[1]).error().code == errc::unavailable);
    CHECK(d[1].replica->hand_over_to(d.now, d[2].id).error().code == errc::unavailable);
    d.run(3'000'000);
    CHECK(d[1].replica->role() == replica_role::leader);
    CHECK(d.write(d[1]).has_value());
}
