// Databases that share a log, each with a thread for its replica and with threads that write and read.
#include <vecstore/core/mutex.hpp>

#include <catch2/catch.hpp>
#include <replication/database_log.hpp>
#include <replication/static_primary.hpp>
#include <support/store.hpp>
#include <support/temporary_directory.hpp>

#include <atomic>
#include <chrono>
#include <deque>
#include <future>
#include <thread>

using namespace vecstore;
using namespace vecstore::replication;
using namespace vecstore::test;

namespace {

class member;

/// Frames between members, by their numbers.
struct switchboard {
    std::vector<member*> members;
    void carry(std::size_t from, const node_id& to, byte_span frame);
};

node_id id_of(std::size_t number) {
    node_id id{};
    id[0] = static_cast<std::byte>(number + 1);
    return id;
}

/// A database, its replica, and the thread that runs it.
class member final : network {
public:
    member(switchboard& board, std::size_t number, std::size_t count, const std::string& directory)
        : board_(board), number_(number), db_(open(directory)) {
        database_log_options with;
        with.post = [this](std::function<void()> job) { post(std::move(job)); };
        replica_identity identity;
        identity.node = id_of(number);
        for (std::size_t i = 0; i < count; ++i) identity.first_members.voters.push_back(id_of(i));
        log_ = database_log::open(db_, identity, with).value();
        leases_.emplace(number == 0, identity.node, log_->identity().promised);
        replica_options how;
        how.self = identity.node;
        how.hash_interval = 16;
        how.heartbeat_us = 20'000;
        how.look_us = 20'000;
        replica_ =
            replica::open(how, {*log_, *log_, *log_, *this, *leases_, *log_}, log_->start().value(), now()).value();
        log_->attach(*replica_, now);
    }
    ~member() { stop(); }
    void begin() {
        thread_ = std::thread([this] { loop(); });
    }
    void stop() {
        if (!thread_.joinable()) return;
        post([this] {
            log_->detach();
            stopping_ = true;
        });
        thread_.join();
        log_.reset();
        replica_.reset();
    }
    void post(std::function<void()> job) {
        const lock_guard lock(mutex_);
        jobs_.push_back(std::move(job));
        wake_.notify_one();
    }
    void receive(const node_id& from, byte_vector frame) {
        post([this, from, frame = std::move(frame)] { replica_->receive(now(), from, frame); });
    }
    replica_status status() {
        std::promise<replica_status> answer;
        post([&] { answer.set_value(replica_->status()); });
        return answer.get_future().get();
    }
    void lead(bool it_does) {
        post([this, it_does] { it_does ? leases_->promote() : leases_->step_back(); });
    }
    [[nodiscard]] database& db() noexcept { return db_; }

private:
    static database open(const std::string& directory) {
        database_options options;
        options.checkpoint_bytes = 20'000;
        return database::open(directory, options).value();
    }
    static time_us now() {
        return static_cast<time_us>(
            std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now().time_since_epoch())
                .count());
    }
    void send(const node_id& to, byte_span frame) override { board_.carry(number_, to, frame); }
    void loop() {
        while (!stopping_) {
            std::deque<std::function<void()>> jobs;
            {
                const lock_guard lock(mutex_);
                if (jobs_.empty()) wake_.wait_for(mutex_, std::chrono::milliseconds(2));
                jobs.swap(jobs_);
            }
            for (const auto& job : jobs) {
                job();
                if (stopping_) return;
            }
            while (const auto answer = leases_->next_answer()) replica_->answered(now(), *answer);
            if (replica_->next_deadline() <= now()) replica_->tick(now());
        }
    }

    switchboard& board_;
    const std::size_t number_;
    database db_;
    std::unique_ptr<database_log> log_;
    std::optional<static_primary> leases_;
    std::unique_ptr<replica> replica_;
    bool stopping_ = false;  ///< the thread's own
    mutex mutex_;
    condition wake_;
    std::deque<std::function<void()>> jobs_ VECSTORE_GUARDED_BY(mutex_);
    std::thread thread_;
};

void switchboard::carry(std::size_t from, const node_id& to, byte_span frame) {
    for (std::size_t i = 0; i < members.size(); ++i)
        if (id_of(i) == to) members[i]->receive(id_of(from), byte_vector(frame.begin(), frame.end()));
}

template <class Condition>
bool soon(const Condition& condition) {
    for (int i = 0; i < 3'000; ++i) {
        if (condition()) return true;
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return false;
}

}  // namespace

TEST_CASE("database log: threads write to the leader and read everywhere", "[replication]") {
    const temporary_directory directory;
    switchboard board;
    std::vector<std::unique_ptr<member>> members;
    constexpr std::size_t count = 3, writers = 3, writes = 40;
    for (std::size_t i = 0; i < count; ++i) {
        members.push_back(std::make_unique<member>(board, i, count, directory / ("db" + std::to_string(i))));
        board.members.push_back(members.back().get());
    }
    for (const auto& m : members) m->begin();
    REQUIRE(soon([&] { return members[0]->status().role == replica_role::leader; }));
    auto docs = members[0]->db().create_collection("docs", one_vector(3)).value();
    std::atomic<bool> reading{true};
    std::atomic<std::uint64_t> failed{0}, seen{0};
    std::vector<std::thread> threads;
    for (std::size_t w = 0; w < writers; ++w)
        threads.emplace_back([&, w] {
            for (std::size_t i = 0; i < writes; ++i)
                failed += !docs.upsert(numbered_points(1 + (w * writes + i) * 5, 5)).has_value();
        });
    std::thread reader([&] {
        while (reading) {
            for (const auto& m : members)
                if (auto copy = m->db().open_collection("docs"))
                    seen += copy->query(nearest_to({0.1f, 0.2f, 0.3f}, 3)).value().size();
            (void)members[1]->db().checkpoint();
        }
    });
    for (auto& t : threads) t.join();
    reading = false;
    reader.join();
    CHECK(failed == 0);
    CHECK(seen > 0);
    CHECK(docs.count().value() == writers * writes * 5);
    const auto wanted = members[0]->db().stats().value();
    CHECK(soon([&] {
        return std::all_of(members.begin(), members.end(), [&](const auto& m) {
            const auto stats = m->db().stats().value();
            return stats.lsn >= wanted.lsn && stats.state_hash == wanted.state_hash;
        });
    }));
    for (const auto& m : members) CHECK_FALSE(m->status().state_differs);
    // A writer that waits when its replica goes is told so.
    members[1]->stop();
    members[2]->stop();
    auto outcome = errc::internal;
    std::thread last([&] { outcome = code_of(docs.upsert(numbered_points(9'000, 1))); });
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    members[0]->stop();
    last.join();
    CHECK((outcome == errc::unknown_outcome || outcome == errc::unavailable));
    const auto refused = docs.upsert(numbered_points(9'001, 1));
    CHECK(code_of(refused) == errc::unavailable);
    for (const auto& m : members) m->stop();
}

TEST_CASE("database log: threads write on while the leadership goes round", "[replication]") {
    const temporary_directory directory;
    switchboard board;
    std::vector<std::unique_ptr<member>> members;
    constexpr std::size_t count = 3, writers = 3;
    for (std::size_t i = 0; i < count; ++i) {
        members.push_back(std::make_unique<member>(board, i, count, directory / ("db" + std::to_string(i))));
        board.members.push_back(members.back().get());
    }
    for (const auto& m : members) m->begin();
    REQUIRE(soon([&] { return members[0]->status().role == replica_role::leader; }));
    members[0]->db().create_collection("docs", one_vector(3)).value();
    std::atomic<bool> writing{true};
    std::atomic<std::uint64_t> next{1};
    std::vector<std::vector<std::uint64_t>> done(writers);
    std::vector<std::thread> threads;
    for (std::size_t w = 0; w < writers; ++w)
        threads.emplace_back([&, w] {
            while (writing) {
                const auto id = next.fetch_add(1);
                for (std::size_t tries = 0; tries < 2 * count && writing; ++tries) {
                    auto docs = members[(w + tries) % count]->db().open_collection("docs");
                    if (!docs || !docs->upsert(numbered_points(id, 1))) continue;
                    done[w].push_back(id);
                    break;
                }
            }
        });
    for (std::size_t turn = 1; turn <= 4; ++turn) {
        std::this_thread::sleep_for(std::chrono::milliseconds(30));
        for (std::size_t i = 0; i < count; ++i) members[i]->lead(i == turn % count);
        CHECK(soon([&] { return members[turn % count]->status().role == replica_role::leader; }));
    }
    writing = false;
    for (auto& t : threads) t.join();
    const auto equal = [&] {
        const auto wanted = members[0]->db().stats().value();
        const auto leader = members[1]->status();
        return std::all_of(members.begin(), members.end(), [&](const auto& m) {
            const auto stats = m->db().stats().value();
            return stats.lsn == wanted.lsn && stats.state_hash == wanted.state_hash &&
                   m->status().last == leader.last && m->status().applied_lsn == leader.last.lsn;
        });
    };
    REQUIRE(soon(equal));
    std::size_t acknowledged = 0;
    for (const auto& m : members) {
        auto docs = m->db().open_collection("docs").value();
        for (const auto& ids : done)
            for (const auto id : ids) {
                CHECK(docs.get(id).has_value());
                ++acknowledged;
            }
        CHECK_FALSE(m->status().state_differs);
    }
    CHECK(acknowledged > 10);
    for (const auto& m : members) m->stop();
}
