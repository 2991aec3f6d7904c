#include "etcd_server.hpp"
#include "loop_cluster.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace vecstore;
using namespace vecstore::replication;
using namespace vecstore::replication::net;
using test::loop_cluster;
using test::loop_node;
using test::run_until;

namespace {

void set_primary(loop_cluster& c, std::size_t number) {
    for (std::size_t i = 1; i <= c.nodes.size(); ++i) c[i].options.coordinator = static_primary_options{i == number};
}

/// How many writes that node was told are done.
std::size_t done(const loop_node& n) {
    return static_cast<std::size_t>(
        std::count_if(n.outcomes.begin(), n.outcomes.end(), [](const write_outcome& o) { return o.done; }));
}

bool writes(loop_cluster& c, loop_node& n, std::size_t count) {
    const auto before = done(n);
    for (std::size_t i = 0; i < count; ++i)
        if (!n.write()) return false;
    return run_until(c.context, [&] { return done(n) == before + count; });
}

bool agree(loop_cluster& c, const loop_node& leader) {
    return run_until(c.context, [&] {
        return std::all_of(c.nodes.begin(), c.nodes.end(), [&](const auto& n) {
            return !n->loop || n->loop->replica().status().applied_lsn == leader.log.last().lsn;
        });
    });
}

time_us soon(int ms = 5'000) { return boot_time() + static_cast<time_us>(ms) * 1'000; }

}  // namespace

TEST_CASE("node loop: three nodes over sockets, one is killed, nothing acknowledged is lost", "[replication][net]") {
    loop_cluster c(3);
    set_primary(c, 1);
    c.start();
    REQUIRE(c.elect());
    REQUIRE(c.leader() == &c[1]);
    REQUIRE(writes(c, c[1], 100));
    REQUIRE(agree(c, c[1]));
    const auto end = c[1].log.last();
    c[1].stop();
    REQUIRE(c[2].loop->promote());
    REQUIRE(c.elect());
    REQUIRE(c.leader() == &c[2]);
    CHECK(c[2].log.at(end.lsn) == end);
    REQUIRE(writes(c, c[2], 10));
    // It comes back, and follows.
    c[1].start(c.members);
    REQUIRE(run_until(c.context, [&] { return c[1].loop->replica().status().leader == c[2].id; }));
    REQUIRE(agree(c, c[2]));
    CHECK_FALSE(c[1].leads());
    CHECK(c[1].log.last() == c[2].log.last());
    CHECK(c[1].loop->promote());
    CHECK(run_until(c.context, [&] { return c[1].leads(); }));
}

TEST_CASE("node loop: without a majority nothing is acknowledged", "[replication][net]") {
    loop_cluster c(3);
    set_primary(c, 1);
    c.start();
    REQUIRE(c.elect());
    c[2].stop();
    c[3].stop();
    const auto before = done(c[1]);
    (void)c[1].write();
    REQUIRE(run_until(c.context, [&] { return c[1].loop->replica().status().read_only; }));
    CHECK(done(c[1]) == before);
    CHECK(c[1].write().error().code == errc::unavailable);
    c[3].start(c.members);
    REQUIRE(run_until(c.context, [&] { return done(c[1]) > before; }));
}

TEST_CASE("node loop: reads that must see what was acknowledged, on any node", "[replication][net]") {
    loop_cluster c(3);
    set_primary(c, 1);
    c.start();
    REQUIRE(c.elect());
    REQUIRE(agree(c, c[1]));
    for (int i = 0; i < 5; ++i) {
        REQUIRE(writes(c, c[1], 1));
        const auto at = c[1].outcomes.back().at;
        for (const auto& n : c.nodes) {
            std::optional<result<void>> strong, own;
            n->loop->wait_strong(soon(), [&](result<void> r) { strong = std::move(r); });
            n->loop->wait_applied(at.term, at.lsn, soon(), [&](result<void> r) { own = std::move(r); });
            REQUIRE(run_until(c.context, [&] { return strong && own; }));
            CHECK(strong->has_value());
            CHECK(own->has_value());
            CHECK(n->loop->replica().status().applied_lsn >= at.lsn);
        }
    }
    std::optional<result<void>> lagging, lost, strong;
    const auto last = c[1].log.last();
    c[3].loop->wait_applied(last.term, last.lsn + 1, soon(20), [&](result<void> r) { lagging = std::move(r); });
    c[3].loop->wait_applied(last.term + 1, last.lsn, soon(), [&](result<void> r) { lost = std::move(r); });
    REQUIRE(run_until(c.context, [&] { return lagging && lost; }));
    CHECK(lagging->error().code == errc::timed_out);
    CHECK(lost->error().code == errc::conflict);
    // The leader alone cannot tell.
    c[2].stop();
    c[3].stop();
    c[1].loop->wait_strong(soon(), [&](result<void> r) { strong = std::move(r); });
    REQUIRE(run_until(c.context, [&] { return c[1].loop->replica().status().read_only; }));
    CHECK_FALSE(strong);
    strong.reset();
    c[1].loop->wait_strong(soon(), [&](result<void> r) { strong = std::move(r); });
    REQUIRE(strong);
    CHECK(strong->error().code == errc::unavailable);
    c[1].stop();  // tells the one that still waits
}

TEST_CASE("node loop: leadership is handed over at once", "[replication][net]") {
    loop_cluster c(3);
    set_primary(c, 1);
    c.start();
    REQUIRE(c.elect());
    REQUIRE(writes(c, c[1], 20));
    REQUIRE(c[1].loop->replica().hand_over_to(boot_time(), c[3].id));
    c[1].loop->settle();
    REQUIRE(run_until(c.context, [&] { return c.leader() == &c[3]; }));
    REQUIRE(writes(c, c[3], 5));
    REQUIRE(agree(c, c[3]));
    CHECK_FALSE(c[1].leads());
}

TEST_CASE("node loop: etcd elects, fails over, and may be away", "[replication][net][etcd]") {
    test::etcd_server etcd;
    if (!etcd.runs()) {
        WARN("etcd is not installed (package etcd-server): not tested with a real one");
        return;
    }
    loop_cluster c(3);
    for (const auto& n : c.nodes) {
        etcd_options options;
        options.endpoints = {etcd.url()};
        options.ttl_s = 1;
        n->options.coordinator = options;
    }
    c.start();
    REQUIRE(c.elect());
    auto* first = c.leader();
    REQUIRE(writes(c, *first, 50));
    const auto end = first->log.last();
    const auto term = first->loop->replica().promised().term;
    // Killed: its lease ends, another leads, with all that was acknowledged.
    first->stop();
    REQUIRE(c.elect());
    auto* second = c.leader();
    REQUIRE(second != first);
    CHECK(second->loop->replica().promised().term > term);
    CHECK(second->log.at(end.lsn) == end);
    REQUIRE(writes(c, *second, 10));
    first->start(c.members);
    REQUIRE(agree(c, *second));

    // etcd is away: the lease ends, quorum writes go on, nobody else leads, and the term is the same afterwards.
    const auto led = second->loop->replica().promised().term;
    etcd.stop();
    REQUIRE(run_until(c.context, [&] { return !second->loop->replica().status().lease_held; }));
    REQUIRE(writes(c, *second, 10));
    CHECK_FALSE(second->loop->etcd()->trouble().empty());
    etcd.start();
    REQUIRE(run_until(c.context, [&] { return second->loop->replica().status().lease_held || !second->leads(); }));
    CHECK(second->leads());
    CHECK(second->loop->replica().promised().term == led);

    // Handed over on purpose.
    REQUIRE(second->loop->replica().hand_over_to(boot_time(), first->id));
    second->loop->settle();
    REQUIRE(run_until(c.context, [&] { return c.leader() == first; }));
    REQUIRE(writes(c, *first, 5));
}
