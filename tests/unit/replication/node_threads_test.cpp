// Whole nodes: databases on disk that share a log over sockets, each with its own threads.
#include "etcd_server.hpp"
#include "test_certificates.hpp"

#include <vecstore/replication/node.hpp>
#include <vecstore/vecstore.hpp>

#include <catch2/catch.hpp>
#include <support/store.hpp>
#include <support/temporary_directory.hpp>

#include <atomic>
#include <functional>
#include <mutex>
#include <thread>

using namespace vecstore;
using namespace vecstore::replication;
using namespace vecstore::test;

namespace {

template <class Condition>
[[nodiscard]] bool comes(const Condition& condition, int seconds = 20) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
    while (!condition()) {
        if (std::chrono::steady_clock::now() > end) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return true;
}

std::uint16_t free_port() {
    boost::asio::io_context context;
    return boost::asio::ip::tcp::acceptor(context, {boost::asio::ip::address_v4::loopback(), 0})
        .local_endpoint()
        .port();
}

struct member {
    void open() {
        db = database::open(directory / "db").value();
        auto started = node::start(*db, options);
        running.emplace(std::move(started).value());
        options.first_start = false;
    }
    void close() {
        running.reset();
        if (db) (void)db->close();
        db.reset();
    }
    [[nodiscard]] node_status status() const { return running->status().value(); }
    [[nodiscard]] bool leads() const {
        if (!running) return false;
        const auto s = status();
        return s.role == role::leader && s.commit_lsn > 0 && !s.read_only;
    }
    [[nodiscard]] std::size_t count() const {
        const auto docs = db->open_collection("docs");
        return docs ? docs->count().value() : 0;
    }

    temporary_directory directory;
    node_options options;
    std::optional<database> db;
    std::optional<node> running;
    std::mutex mutex;
    std::vector<node_event> events;
};

struct cluster {
    explicit cluster(std::size_t count, const std::function<void(std::size_t, node_options&)>& change = {},
                     const std::function<void(std::size_t, member&)>& prepare = {}) {
        std::vector<std::string> addresses;
        for (std::size_t i = 0; i < count; ++i) addresses.push_back("127.0.0.1:" + std::to_string(free_port()));
        for (std::size_t i = 0; i < count; ++i) {
            members.push_back(std::make_unique<member>());
            auto& m = *members.back();
            m.options.cluster = "test";
            m.options.listen = addresses[i];
            m.options.peers = addresses;
            m.options.first_start = true;
            m.options.coordinator = static_primary_options{i == 0};
            m.options.on_event = [&m](const node_event& e) {
                const std::lock_guard lock(m.mutex);
                m.events.push_back(e);
            };
            if (change) change(i, m.options);
        }
        for (std::size_t i = 0; prepare && i < count; ++i) prepare(i, *members[i]);
        for (const auto& m : members) m->open();
    }
    ~cluster() {
        for (const auto& m : members) m->close();
    }
    [[nodiscard]] member* leader() const {
        for (const auto& m : members)
            if (m->leads()) return m.get();
        return nullptr;
    }
    member& operator[](std::size_t number) { return *members[number - 1]; }
    [[nodiscard]] bool equal() const {
        return comes([&] {
            std::optional<database_stats> first;
            for (const auto& m : members) {
                if (!m->running) continue;
                const auto stats = m->db->stats().value();
                if (!first) first = stats;
                if (stats.lsn != first->lsn || stats.state_hash != first->state_hash) return false;
            }
            return true;
        });
    }
    std::vector<std::unique_ptr<member>> members;
};

result<write_result> write_some(member& m, std::uint64_t first, std::size_t count) {
    VECSTORE_TRY(auto docs, m.db->open_collection("docs"));
    return docs.upsert(numbered_points(first, count));
}

}  // namespace

TEST_CASE("node: what the leader writes is read from any copy", "[replication][net]") {
    cluster c(3);
    REQUIRE(comes([&] { return c[1].leads(); }));
    REQUIRE(c[1].db->create_collection("docs", one_vector(3)));
    for (std::uint64_t i = 0; i < 5; ++i) {
        const auto wrote = write_some(c[1], 1 + i * 10, 10).value();
        for (const auto& m : c.members) {
            REQUIRE(m->running->wait_for(i % 2 == 0 ? read::strong() : read::your_writes(wrote)));
            CHECK(m->count() == (i + 1) * 10);
        }
    }
    const auto refused = write_some(c[2], 500, 1);
    REQUIRE(code_of(refused) == errc::not_leader);
    CHECK(refused.error().message == "not the leader: that is " + c[1].options.listen);
    CHECK(code_of(c[2].running->switchover()) == errc::not_leader);

    // Who is behind an address is known once it was dialed.
    REQUIRE(comes([&] { return c[1].status().peers.size() == 2; }));
    const auto s = c[1].status();
    CHECK(s.role == role::leader);
    CHECK(s.leader == c[1].options.listen);
    CHECK(s.voter);
    REQUIRE(s.peers.size() == 2);
    for (const auto& p : s.peers) {
        CHECK(p.connected);
        CHECK(p.voter);
        CHECK((p.name == c[2].options.listen || p.name == c[3].options.listen));
    }
    CHECK(comes([&] {
        const auto now = c[1].status();
        return now.peers[0].lag_records == 0 && now.peers[1].lag_records == 0 && now.peers[0].lag_ms == 0;
    }));
    CHECK(c[2].status().leader_address == c[1].options.listen);
    CHECK(c.equal());

    // Stopped: the copies are there, and take no writes.
    for (const auto& m : c.members) m->running->stop();
    CHECK(code_of(c[1].running->status()) == errc::unavailable);
    CHECK_FALSE(write_some(c[1], 600, 1));
    CHECK(c[1].count() == 50);
}

TEST_CASE("node: the leader goes while threads write, and nothing acknowledged is lost", "[replication][net]") {
    cluster c(3);
    REQUIRE(comes([&] { return c[1].leads(); }));
    REQUIRE(c[1].db->create_collection("docs", one_vector(3)));
    std::atomic<bool> over{false};
    std::vector<std::uint64_t> done[2];
    std::vector<std::thread> writers;
    for (std::uint64_t w = 0; w < 2; ++w)
        writers.emplace_back([&, w] {
            for (std::uint64_t id = w * 100'000 + 1; !over; ++id)
                if (write_some(c[1], id, 1)) done[w].push_back(id);
        });
    REQUIRE(comes([&] { return c[1].db->stats().value().lsn > 60; }));
    // Another is promoted while they write.
    REQUIRE(c[2].running->promote());
    REQUIRE(comes([&] { return c[2].leads(); }));
    over = true;
    for (auto& w : writers) w.join();
    c[1].close();
    write_some(c[2], 1'000'000, 3).value();
    const auto docs = c[2].db->open_collection("docs").value();
    for (const auto& ids : done)
        for (const auto id : ids) REQUIRE(docs.get(id));
    c[1].open();
    CHECK(c.equal());
    CHECK_FALSE(c[1].leads());
    CHECK(c[1].status().leader == c[2].options.listen);
}

TEST_CASE("node: switchover, and members that come and go", "[replication][net]") {
    cluster c(4, [](std::size_t i, node_options& o) {
        o.name = "node-" + std::to_string(i + 1);
        o.members = {"node-1", "node-2", "node-3"};
    });
    REQUIRE(comes([&] { return c[1].leads(); }));
    REQUIRE(c[1].db->create_collection("docs", one_vector(3)));
    write_some(c[1], 1, 20).value();
    CHECK(code_of(c[1].running->switchover("node-9")) == errc::invalid_argument);
    REQUIRE(comes([&] { return c[1].status().peers.size() >= 2 && c[1].status().peers[1].connected; }));
    REQUIRE(c[1].running->switchover("node-3"));
    REQUIRE(comes([&] { return c[3].leads(); }));
    write_some(c[3], 100, 5).value();
    // The fourth has been listening at the door.
    CHECK_FALSE(c[4].status().voter);
    CHECK(code_of(c[1].running->change_members({"node-1"})) == errc::not_leader);
    CHECK(code_of(c[3].running->change_members({"node-1", "node-2", "node-3", "node-4"})) == errc::invalid_argument);
    REQUIRE(c[3].running->change_members({"node-1", "node-2", "node-3"}, {"node-4"}));
    REQUIRE(comes([&] { return c[4].count() == 25; }));
    REQUIRE(c[3].running->change_members({"node-1", "node-2", "node-3", "node-4"}));
    REQUIRE(comes([&] { return c[4].status().voter; }));
    REQUIRE(c[3].running->change_members({"node-2", "node-3", "node-4"}));
    c[1].close();
    write_some(c[3], 200, 5).value();
    CHECK(c.equal());
}

TEST_CASE("node: with TLS and a secret, on an executor of the host", "[replication][net]") {
    test_authority authority;
    boost::asio::io_context context;
    auto work = boost::asio::make_work_guard(context);
    std::thread runs([&] { context.run(); });
    {
        member one, two;
        one.options.cluster = two.options.cluster = "test";
        one.options.name = "one";
        two.options.name = "two";
        one.options.coordinator = static_primary_options{true};
        for (auto* m : {&one, &two}) {
            m->options.members = {"one", "two"};
            m->options.security.secret = "nobody can guess this";
            m->options.security.tls =
                authority.issue(m->options.name, "DNS:" + certificate_name("test", m->options.name));
            m->options.listen = "127.0.0.1:0";
            m->options.first_start = true;
            m->db = database::open(m->directory.path()).value();
        }
        one.running.emplace(node::start(*one.db, context.get_executor(), one.options).value());
        two.options.peers = {one.running->listening_at()};
        two.running.emplace(node::start(*two.db, context.get_executor(), two.options).value());
        REQUIRE(comes([&] { return one.leads(); }));
        REQUIRE(one.db->create_collection("docs", one_vector(3)));
        const auto wrote = write_some(one, 1, 10).value();
        REQUIRE(two.running->wait_for(read::your_writes(wrote)));
        CHECK(two.count() == 10);
        // Alone it acknowledges nothing.
        two.close();
        CHECK(code_of(one.running->wait_for(read::strong(), 50)) != errc::internal);
        REQUIRE(comes([&] { return one.status().read_only; }));
        CHECK_FALSE(one.running->wait_for(read::strong()));
        CHECK_FALSE(write_some(one, 100, 1));
        one.close();
    }
    work.reset();
    runs.join();
}

TEST_CASE("node: who lacks records that are gone is given a copy", "[replication][net]") {
    temporary_directory elsewhere;
    cluster c(
        3,
        [&](std::size_t i, node_options&) {
            if (i != 1) return;
            // The first was restored from a snapshot, so that its log does not begin at the beginning.
            auto db = database::open(elsewhere / "origin").value();
            auto docs = db.create_collection("docs", one_vector(3)).value();
            docs.upsert(numbered_points(1, 2'000)).value();
            REQUIRE(db.snapshot(elsewhere / "copy"));
        },
        [&](std::size_t i, member& m) {
            if (i == 0) REQUIRE(restore_backup(elsewhere / "copy", m.directory / "db", lsn_latest));
        });
    REQUIRE(comes([&] { return c[1].leads(); }));
    const auto is_ready = [&](member& m) { return m.status().copy_ready; };
    REQUIRE(comes([&] { return is_ready(c[2]) && is_ready(c[3]); }));
    for (const auto& m : {&c[2], &c[3]}) {
        m->close();
        m->open();
    }
    const auto wrote = write_some(c[1], 10'000, 5).value();
    for (const auto& m : c.members) {
        REQUIRE(m->running->wait_for(read::your_writes(wrote)));
        CHECK(m->count() == 2'005);
    }
    CHECK(c.equal());
    const std::lock_guard lock(c[2].mutex);
    CHECK(std::any_of(c[2].events.begin(), c[2].events.end(),
                      [](const node_event& e) { return e.what == node_event::kind::copy_ready; }));
}

TEST_CASE("node: what cannot be meant is refused by name", "[replication][net]") {
    member m;
    m.db = database::open(m.directory.path()).value();
    const auto error_of = [&] { return node::start(*m.db, m.options).error(); };
    m.options.listen = "127.0.0.1:0";
    CHECK(error_of().message == "cluster: is empty");
    m.options.cluster = "test";
    m.options.name = "a";
    CHECK(error_of().code == errc::not_found);  // not set up yet
    m.options.first_start = true;
    m.options.members = {"a", "b", "a"};
    CHECK(error_of().message.find("members[2]: 'a'") == 0);
    m.options.members.clear();
    m.options.commit_timeout_ms = 0;
    CHECK(error_of().message.find("commit_timeout_ms") == 0);
    m.options.commit_timeout_ms = 1'000;
    m.options.peers = {"nowhere"};
    CHECK(error_of().message.find("peers[0]: 'nowhere'") == 0);
    m.options.peers.clear();
    m.options.listen = "0.0.0.0:0";
    CHECK(error_of().message.find("security") == 0);
    m.options.listen = "127.0.0.1:0";
    m.options.coordinator = etcd_options{};
    CHECK(error_of().message.find("coordinator.endpoints") == 0);
    // It has become a member by those attempts.
    m.options.coordinator = static_primary_options{};
    m.options.name = "another";
    CHECK(error_of().message.find("name:") == 0);
    m.options.name = "a";
    m.options.cluster = "other";
    CHECK(error_of().message.find("cluster:") == 0);
    m.options.cluster = "test";
    CHECK(node::start(*m.db, m.options));
    CHECK(code_of(node::start(database::in_memory().value(), m.options)) == errc::unsupported);
}

TEST_CASE("node: etcd chooses another leader when the first is killed", "[replication][net][etcd]") {
    etcd_server etcd;
    if (!etcd.runs()) {
        WARN("etcd is not installed (package etcd-server): not tested with a real one");
        return;
    }
    cluster c(3, [&](std::size_t, node_options& o) {
        etcd_options with;
        with.endpoints = {etcd.url()};
        with.ttl_s = 1;
        o.coordinator = with;
    });
    REQUIRE(comes([&] { return c.leader() != nullptr; }));
    auto* first = c.leader();
    REQUIRE(first->db->create_collection("docs", one_vector(3)));
    write_some(*first, 1, 30).value();
    first->close();
    REQUIRE(comes([&] { return c.leader() != nullptr; }));
    auto* second = c.leader();
    REQUIRE(second->running->wait_for(read::strong()));  // what it has found in its log is committed with its term
    CHECK(second->count() == 30);
    write_some(*second, 100, 5).value();
    first->open();
    CHECK(c.equal());
    REQUIRE(second->running->switchover());
    CHECK(comes([&] { return c.leader() != nullptr && c.leader() != second; }));
}
