#include <catch2/catch.hpp>
#include <replication/handshake.hpp>

using namespace vecstore;
using namespace vecstore::replication;

namespace {

hello from(int node) {
    hello m;
    m.cluster[0] = std::byte{9};
    m.node[0] = static_cast<std::byte>(node);
    return m;
}

refusal refused(const hello& own, const hello& theirs) { return std::get<refuse>(judge(own, theirs)).reason; }

}  // namespace

TEST_CASE("handshake: nodes of one cluster agree on what both know", "[replication]") {
    auto own = from(1), theirs = from(2);
    own.version_max = 3;
    own.features = 6;
    theirs.version_max = 2;
    theirs.features = 5;
    const auto met = std::get<acquaintance>(judge(own, theirs));
    CHECK(met.node == theirs.node);
    CHECK(met.version == 2);
    CHECK(met.features == 4);
    CHECK(std::get<acquaintance>(judge(theirs, own)).version == 2);
}

TEST_CASE("handshake: strangers, copies of oneself and other versions are refused", "[replication]") {
    auto theirs = from(2);
    theirs.cluster[0] = std::byte{8};
    CHECK(refused(from(1), theirs) == refusal::wrong_cluster);
    CHECK(refused(from(1), from(1)) == refusal::own_node);
    theirs = from(2);
    theirs.version_min = theirs.version_max = 2;
    CHECK(refused(from(1), theirs) == refusal::no_common_version);
    CHECK(refused(theirs, from(1)) == refusal::no_common_version);
}
