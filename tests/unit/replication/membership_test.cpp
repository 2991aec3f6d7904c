#include <catch2/catch.hpp>
#include <replication/membership.hpp>

using namespace vecstore;
using namespace vecstore::replication;

namespace {

node_id node(int number) {
    node_id id{};
    id[0] = static_cast<std::byte>(number);
    return id;
}

membership of(std::initializer_list<int> voters, std::initializer_list<int> learners = {}) {
    membership m;
    for (const int v : voters) m.voters.push_back(node(v));
    for (const int l : learners) m.learners.push_back(node(l));
    return m;
}

std::size_t needed(const membership& m) {
    for (std::size_t n = 0;; ++n) {
        std::size_t left = n;
        if (m.majority([&](const node_id&) { return left > 0 && left-- > 0; })) return n;
    }
}

}  // namespace

TEST_CASE("membership: a majority is more than half of the voters", "[replication]") {
    CHECK(needed(of({1})) == 1);
    CHECK(needed(of({1, 2})) == 2);
    CHECK(needed(of({1, 2, 3}, {4, 5, 6})) == 2);
    CHECK(needed(of({1, 2, 3, 4})) == 3);
    CHECK(needed(of({1, 2, 3, 4, 5})) == 3);
}

TEST_CASE("membership: what a majority has reached", "[replication]") {
    const auto reached = [](const membership& m) {
        return m.reached([](const node_id& id) { return std::to_integer<std::uint64_t>(id[0]) * 10; });
    };
    CHECK(reached(of({4})) == 40);
    CHECK(reached(of({1, 4})) == 10);
    CHECK(reached(of({1, 2, 3}, {9, 8})) == 20);
    CHECK(reached(of({4, 1, 3, 2})) == 20);
    CHECK(reached(of({1, 2, 3, 4, 5})) == 30);
}

TEST_CASE("membership: its bytes", "[replication][golden]") {
    auto m = of({1, 2}, {3});
    m.epoch = 7;
    const auto bytes = encode_membership(m);
    REQUIRE(bytes.size() == 12 + 3 * 16);
    CHECK(load_le<std::uint64_t>(bytes.data()) == 7);
    CHECK(load_le<std::uint16_t>(bytes.data() + 8) == 2);
    CHECK(load_le<std::uint16_t>(bytes.data() + 10) == 1);
    CHECK(bytes[12] == std::byte{1});
    CHECK(bytes[28] == std::byte{2});
    CHECK(bytes[44] == std::byte{3});
    CHECK(*decode_membership(bytes) == m);
    for (std::size_t length = 0; length < bytes.size(); ++length)
        CHECK(decode_membership(byte_span(bytes).first(length)).error().code == errc::corruption);
    CHECK(decode_membership(encode_membership(of({}))).error().code == errc::corruption);
    CHECK(decode_membership(encode_membership(of({1, 1}))).error().code == errc::corruption);
}

TEST_CASE("membership: one voter changes at a time, and was a learner before", "[replication]") {
    const auto from = of({1, 2, 3}, {4, 5});
    CHECK(check_change(from, of({1, 2, 3}, {5, 6})).has_value());
    CHECK(check_change(from, of({1, 2})).has_value());
    CHECK(check_change(from, of({1, 2, 3, 4}, {5})).has_value());
    const auto message = [&](const membership& to) { return check_change(from, to).error().message; };
    CHECK(message(of({1})) == "membership.voters: one can change at a time");
    CHECK(message(of({1, 2, 4})) == "membership.voters: one can change at a time");
    CHECK(message(of({1, 2, 3, 6})) == "membership.voters: node 06000000 is not a learner yet");
    CHECK(message(of({})) == "membership.voters: nobody votes");
    CHECK(message(of({1, 2, 3}, {3})) == "membership: node 03000000 is named twice");
}
