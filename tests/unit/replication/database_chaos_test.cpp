// Databases that share a log while nodes are killed, cut off and replaced as leaders, chosen by a seed. The protocol has its own
// simulator (tests/sim); this is about what the database makes of it.
#include "database_cluster.hpp"

#include <catch2/catch.hpp>

#include <map>

using namespace vecstore;
using namespace vecstore::replication;
using namespace vecstore::test;

namespace {

enum class fate { kept, gone, open };

struct totals {
    std::uint64_t done = 0, unknown = 0, diverged = 0, kills = 0, checkpoints = 0;
};

class chaos {
public:
    chaos(std::uint64_t seed, totals& sums) : random_(seed), sums_(sums), cluster_(3) {
        cluster_.recent_bytes = random_.below(2) == 0 ? 0 : 3'000;
        cluster_.append_bytes = random_.below(2) == 0 ? 700 : 1u << 20;
        cluster_.run();
        cluster_.patiently([&] { return cluster_[1].db->create_collection("docs", one_vector(3)); }).value();
    }
    void run(int steps) {
        for (int i = 0; i < steps; ++i) {
            switch (random_.below(14)) {
                case 0: kill(node()); break;
                case 1:
                    if (const auto* old = some_leader()) cluster_.cut = {old->id};
                    write();
                    promote();
                    break;
                case 2: cluster_.cut.clear(); break;
                case 3: promote(); break;
                case 4:
                case 5: checkpoint(node()); break;
                case 6: cluster_.run(random_.below(1'500'000)); break;
                default: write(); break;
            }
            cluster_.run(random_.below(60'000));
            for (const auto& n : cluster_.nodes)
                if (!n->replica && random_.below(4) == 0) cluster_.start(*n);
        }
    }
    /// The first leader writes alone, another leads, the first comes back and its end is cut off; `victim` dies at one of its
    /// operations on files, counted from here. False when it has not so many.
    bool change_leaders(std::size_t victim, std::uint64_t operation) {
        auto& dying = cluster_[victim];
        dying.operations = 0;
        dying.dies_at = operation;
        for (int i = 0; i < 3; ++i) write();
        cluster_.cut = {cluster_[1].id};
        for (int i = 0; i < 2; ++i) write();
        cluster_[1].leases->step_back();
        cluster_[2].leases->promote();
        cluster_.run();
        for (int i = 0; i < 3; ++i) write();
        checkpoint(dying);
        cluster_.cut.clear();
        cluster_.run();
        const bool died = dying.operations >= operation;
        dying.dies_at = 0;
        return died;
    }
    void heal_and_check() {
        for (const auto& n : cluster_.nodes)
            if (!n->replica) cluster_.start(*n);
        cluster_.cut.clear();
        cluster_.run();
        if (cluster_.leader() == nullptr) {
            cluster_[2].leases->promote();
            cluster_.run();
        }
        auto* leader = cluster_.leader();
        REQUIRE(leader != nullptr);
        write();
        cluster_.run();
        const auto wanted = leader->stats();
        REQUIRE(wanted.state_hash);
        for (const auto& n : cluster_.nodes) {
            const auto stats = n->stats();
            CHECK(stats.lsn == wanted.lsn);
            CHECK(stats.state_hash == wanted.state_hash);
            CHECK_FALSE(stats.poisoned);
            CHECK(n->count(event_kind::state_differs) == 0);
            CHECK(n->count(event_kind::failed) == 0);
            sums_.diverged += n->count(event_kind::diverged);
            check_points(*n);
        }
    }

private:
    database_cluster::node& node() { return cluster_[1 + random_.below(3)]; }
    void kill(database_cluster::node& n) {
        if (!n.replica) return;
        cluster_.kill(n, random_());
        ++sums_.kills;
    }
    void promote() {
        auto& n = node();
        if (!n.replica) return;
        for (const auto& other : cluster_.nodes)
            if (other->replica) other->leases->step_back();
        n.leases->promote();
    }
    void checkpoint(database_cluster::node& n) {
        if (!n.replica) return;
        if (n.db->checkpoint()) ++sums_.checkpoints;
    }
    /// One of those who believe to lead, so that old leaders are asked, too.
    database_cluster::node* some_leader() {
        database_cluster::node* found = nullptr;
        std::uint64_t count = 0;
        for (const auto& n : cluster_.nodes)
            if (n->replica && n->role() == replica_role::leader && random_.below(++count) == 0) found = n.get();
        return found;
    }
    /// Each write names its points anew, so that what became of it can be seen.
    void write() {
        auto* leader = some_leader();
        if (leader == nullptr) return;
        const auto first = next_;
        const auto count = 1 + random_.below(3);
        next_ += count;
        const auto outcome = cluster_.patiently(
            [&]() -> result<write_result> {
                VECSTORE_TRY(auto docs, leader->db->open_collection("docs"));
                return docs.upsert(numbered_points(first, count));
            },
            random_.below(200'000));
        const auto fate_of_it = outcome                                         ? fate::kept
                                : outcome.error().code == errc::unknown_outcome ? fate::open
                                                                                : fate::gone;
        sums_.done += outcome.has_value();
        sums_.unknown += fate_of_it == fate::open;
        writes_[first] = {count, fate_of_it};
    }
    /// Of each write all points or none are there, and what was acknowledged is.
    void check_points(database_cluster::node& n) {
        auto docs = n.db->open_collection("docs").value();
        for (const auto& [first, write] : writes_) {
            std::size_t found = 0;
            for (std::uint64_t i = 0; i < write.first; ++i) found += docs.get(first + i).has_value();
            CHECK((found == 0 || found == write.first));
            if (write.second == fate::kept) CHECK(found == write.first);
            if (write.second == fate::gone) CHECK(found == 0);
        }
    }

    random_source random_;
    totals& sums_;
    database_cluster cluster_;
    std::uint64_t next_ = 1;
    std::map<std::uint64_t, std::pair<std::uint64_t, fate>> writes_;
};

}  // namespace

TEST_CASE("database log: the power may fail at each operation of a member", "[replication][fault]") {
    // How far apart the places are that are tried; all of them were, once.
    constexpr std::uint64_t step = 3;
    std::uint64_t tried = 0, cuts = 0;
    for (const std::size_t victim : {1u, 2u}) {
        for (std::uint64_t at = 1;; at += step) {
            INFO("node " << victim << " dies at operation " << at);
            totals sums;
            chaos one(victim * 1'000 + at, sums);
            if (!one.change_leaders(victim, at)) break;
            one.heal_and_check();
            ++tried;
            cuts += sums.diverged;
        }
    }
    CHECK(tried > 10);
    CHECK(cuts > 2);
}

TEST_CASE("database log: leaders come and go, and the databases stay copies of each other", "[replication]") {
    totals sums;
    for (std::uint64_t seed = 1; seed <= 12; ++seed) {
        INFO("seed " << seed);
        chaos one(seed, sums);
        one.run(60);
        one.heal_and_check();
    }
    // It must have been worth looking.
    CHECK(sums.done > 100);
    CHECK(sums.unknown > 10);
    CHECK(sums.diverged > 3);
    CHECK(sums.kills > 10);
    CHECK(sums.checkpoints > 20);
}
