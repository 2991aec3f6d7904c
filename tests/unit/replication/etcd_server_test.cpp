// The coordinator and a real etcd; what etcd says in all its moods is in etcd_test.cpp.
#include "etcd_server.hpp"

#include "net_cluster.hpp"

#include <catch2/catch.hpp>
#include <replication/net/etcd.hpp>

using namespace vecstore;
using namespace vecstore::replication;
using namespace vecstore::replication::net;
using test::run_until;

namespace {

struct contender {
    contender(boost::asio::io_context& run_on, const std::string& url, int number)
        : context(run_on), session(static_cast<std::uint64_t>(number) * 1'000) {
        etcd_options options;
        options.endpoints = {url};
        options.ttl_s = 2;  // longer than a request
        options.request_ms = 1'000;
        etcd_coordinator::identity who;
        who.node[0] = static_cast<std::byte>(number);
        who.address = "node-" + std::to_string(number) + ":7401";
        coordinator = etcd_coordinator::make(context.get_executor(), options, who, [this](const auto& reply) {
                          answers.push_back(reply);
                      }).value();
    }
    coordinator_reply ask(coordinator_call call, std::uint64_t term = 0) {
        answers.clear();
        const auto failures = coordinator->failures();
        coordinator->ask({call, ++id, session, term});
        (void)run_until(context, [&] { return !answers.empty() || coordinator->failures() > failures; });
        return answers.empty() ? coordinator_reply{} : answers.front();
    }
    boost::asio::io_context& context;
    std::uint64_t session, id = 0;
    std::unique_ptr<etcd_coordinator> coordinator;
    std::vector<coordinator_reply> answers;
};

}  // namespace

TEST_CASE("etcd: a real one gives leases and terms", "[replication][net][etcd]") {
    test::etcd_server etcd;
    if (!etcd.runs()) {
        WARN("etcd is not installed (package etcd-server): not tested with a real one");
        return;
    }
    boost::asio::io_context context;
    contender one(context, etcd.url(), 1), two(context, etcd.url(), 2);
    // It listens before it has elected itself.
    REQUIRE(run_until(context, [&] { return one.ask(coordinator_call::look).vacant; }));
    const auto first = one.ask(coordinator_call::campaign, 0);
    REQUIRE(first.held);
    CHECK(first.term == 1);
    CHECK(first.ttl_us >= 1'000'000);
    CHECK_FALSE(two.ask(coordinator_call::look).vacant);
    CHECK(two.coordinator->leader()->address == "node-1:7401");
    CHECK_FALSE(two.ask(coordinator_call::campaign, 0).held);
    CHECK(one.ask(coordinator_call::campaign, 0).term == 1);  // again: it is that of this run
    CHECK(one.ask(coordinator_call::renew, 1).held);

    // Given back: nobody waits for the lease to end.
    one.coordinator->ask({coordinator_call::resign, ++one.id, one.session, 1});
    REQUIRE(run_until(
        context, [&] { return two.ask(coordinator_call::look).vacant; }, 1));
    const auto second = two.ask(coordinator_call::campaign, 5);  // knows of later terms than etcd
    CHECK(second.held);
    CHECK(second.term == 6);

    // etcd stands still, and goes on: the same lease, the same term.
    etcd.pause();
    CHECK(two.ask(coordinator_call::renew, 6).id == 0);
    etcd.resume();
    REQUIRE(run_until(context, [&] { return two.ask(coordinator_call::renew, 6).held; }));

    // The leader vanishes: its lease ends.
    REQUIRE(run_until(context, [&] { return one.ask(coordinator_call::look).vacant; }));
    CHECK(one.ask(coordinator_call::campaign, 1).term == 7);
    CHECK_FALSE(two.ask(coordinator_call::renew, 6).held);
    CHECK(two.ask(coordinator_call::look).term == 7);
}
