#include <catch2/catch.hpp>
#include <replication/static_primary.hpp>

using namespace vecstore::replication;

namespace {

node_id node(int number) {
    node_id id{};
    id[0] = static_cast<std::byte>(number);
    return id;
}

coordinator_reply ask(static_primary& leases, coordinator_call call, std::uint64_t term = 0) {
    leases.ask({call, 1, 0, term});
    return leases.next_answer().value();
}

}  // namespace

TEST_CASE("static primary: the configured node leads, above every term it has seen", "[replication]") {
    static_primary leases(true, node(1), {4, node(1)});
    CHECK(ask(leases, coordinator_call::look).vacant);
    const auto reply = ask(leases, coordinator_call::campaign, 4);
    CHECK(reply.held);
    CHECK(reply.term == 5);
    CHECK(ask(leases, coordinator_call::renew, 5).held);
    leases.step_back();
    CHECK_FALSE(ask(leases, coordinator_call::renew, 5).held);
    CHECK_FALSE(ask(leases, coordinator_call::look).vacant);
}

TEST_CASE("static primary: others never lead until they are promoted", "[replication]") {
    static_primary leases(false, node(2), {});
    CHECK_FALSE(ask(leases, coordinator_call::look).vacant);
    CHECK_FALSE(ask(leases, coordinator_call::campaign, 7).held);
    leases.promote();
    CHECK(ask(leases, coordinator_call::look).vacant);
    CHECK(ask(leases, coordinator_call::campaign, 7).term == 8);
}

TEST_CASE("static primary: who was replaced does not come back by itself", "[replication]") {
    static_primary restarted(true, node(1), {6, node(2)});
    CHECK_FALSE(restarted.primary());
    static_primary running(true, node(1), {4, node(1)});
    CHECK(ask(running, coordinator_call::campaign, 4).held);
    running.ask({coordinator_call::resign, 2, 0, 5});
    CHECK_FALSE(running.next_answer().has_value());
    CHECK_FALSE(ask(running, coordinator_call::campaign, 6).held);  // 6 was another's
    CHECK_FALSE(running.primary());
    running.promote();
    CHECK(ask(running, coordinator_call::campaign, 6).held);
}
