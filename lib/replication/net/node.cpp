#include "node_runtime.hpp"

#include <vecstore/replication/node.hpp>

#include <algorithm>
#include <chrono>

namespace vecstore::replication {
namespace {

constexpr std::chrono::seconds patience{30};  // for the thread that runs the node
constexpr std::uint32_t change_ms = 10'000;
constexpr std::uint32_t switchover_ms = 5'000;
constexpr std::chrono::milliseconds switchover_step{5};

error stopped() { return {errc::unavailable, "replication has been stopped"}; }

time_us after(std::uint32_t timeout_ms) { return net::boot_time() + time_us{timeout_ms} * 1'000; }

role role_of(replica_role r) noexcept {
    switch (r) {
        case replica_role::follower: return role::follower;
        case replica_role::candidate: return role::candidate;
        case replica_role::leader: return role::leader;
        case replica_role::failed: break;
    }
    return role::failed;
}

}  // namespace

template <class Value>
result<Value> node::runtime::ask(std::function<result<Value>(net::node_loop&)> what) const {
    if (queue_->run_on().running_in_this_thread()) return loop_ ? what(*loop_) : result<Value>(stopped());
    {
        const lock_guard lock(mutex_);
        if (stopped_) return stopped();
    }
    const auto answer = std::make_shared<std::promise<result<Value>>>();
    auto told = answer->get_future();
    queue_->post([self = shared_from_this(), what = std::move(what), answer] {
        answer->set_value(self->loop_ ? what(*self->loop_) : result<Value>(stopped()));
    });
    if (told.wait_for(patience) != std::future_status::ready)
        return error{errc::timed_out, "the executor of the node does not run"};
    return told.get();
}

result<void> node::runtime::wait(start what, time_us until, error late) const {
    const auto answer = std::make_shared<std::promise<result<void>>>();
    auto told = answer->get_future();
    VECSTORE_CHECK(ask<bool>([what = std::move(what), answer](net::node_loop& loop) -> result<bool> {
        what(loop, [answer](result<void> outcome) { answer->set_value(std::move(outcome)); });
        return true;
    }));
    const auto now = net::boot_time();
    const auto left = std::chrono::microseconds(until > now ? until - now : 0) + std::chrono::seconds(1);
    if (told.wait_for(left) != std::future_status::ready) return late;
    return told.get();
}

node_status node::runtime::status(net::node_loop& loop) const {
    const auto now = net::boot_time();
    const auto r = loop.replica().status();
    node_status s;
    s.name = options_.name;
    s.address = options_.address;
    s.role = role_of(r.role);
    s.term = r.promised.term;
    if (r.leader) {
        s.leader = names_.name_of(*r.leader);
        s.leader_address = names_.address_of(*r.leader);
    }
    s.voter = r.voter;
    s.suspended = r.role == replica_role::leader && !r.lease_held;
    s.read_only = r.read_only;
    s.state_differs = r.state_differs;
    s.last_lsn = r.last.lsn;
    s.durable_lsn = r.durable_lsn;
    s.commit_lsn = r.commit_lsn;
    s.applied_lsn = r.applied_lsn;
    if (loop.etcd() != nullptr) s.coordinator_trouble = loop.etcd()->trouble();
    const auto seed = log_->seeding();
    s.copy_ready = seed.stage == seed_stage::ready;
    s.copy_bytes_done = seed.bytes_done;
    s.copy_bytes_total = seed.bytes_total;
    auto links = loop.peers().status();
    const auto add = [&](const node_id* id, const net::link_status* link) {
        node_peer p;
        if (id != nullptr) {
            p.name = names_.name_of(*id);
            p.address = names_.address_of(*id);
            p.voter = loop.replica().members().is_voter(*id);
        }
        if (link != nullptr) {
            if (p.address.empty()) p.address = link->address;
            p.connected = link->connected;
            p.refused = link->refused;
            p.frames_lost = link->frames_lost;
            if (!p.connected) p.trouble = link->trouble;
        }
        s.peers.push_back(std::move(p));
    };
    for (const auto& known : r.peers) {
        const auto link = std::find_if(links.begin(), links.end(), [&](const auto& l) { return l.node == known.node; });
        add(&known.node, link == links.end() ? nullptr : &*link);
        auto& p = s.peers.back();
        if (r.role == replica_role::leader) {
            p.durable_lsn = known.durable_lsn;
            p.applied_lsn = known.applied_lsn;
            p.lag_records = r.last.lsn - std::min(known.durable_lsn, r.last.lsn);
            p.lag_ms = lag_.lag_ms(known.applied_lsn, now);
            p.bytes_under_way = known.bytes_under_way;
            p.needs_snapshot = known.needs_snapshot;
        }
        if (link != links.end()) links.erase(link);
    }
    for (const auto& link : links) {
        const bool own = link.node == self_ || link.address == options_.address || link.address == listening_at_;
        if (!own) add(link.node ? &*link.node : nullptr, &link);
    }
    return s;
}

result<void> node::runtime::hand_over(net::node_loop& loop, const std::string& to) const {
    const auto s = loop.replica().status();
    if (s.role != replica_role::leader) return not_leader(loop);
    const peer_status* heir = nullptr;
    for (const auto& p : s.peers) {
        if (!loop.replica().members().is_voter(p.node) || !loop.peers().is_connected(p.node)) continue;
        const bool wanted =
            to.empty() ? heir == nullptr || p.durable_lsn > heir->durable_lsn : names_.name_of(p.node) == to;
        if (wanted) heir = &p;
    }
    if (heir == nullptr)
        return to.empty() ? error{errc::unavailable, "no other voter is connected"}
                          : invalid_argument("to: '" + to + "' is no voter that is connected");
    VECSTORE_CHECK(loop.replica().hand_over_to(net::boot_time(), heir->node));
    loop.settle();
    return {};
}

node::node(std::shared_ptr<runtime> running) noexcept : runtime_(std::move(running)) {}
node::node(node&&) noexcept = default;
node& node::operator=(node&& other) noexcept {
    if (this != &other) {
        stop();
        runtime_ = std::move(other.runtime_);
    }
    return *this;
}
node::~node() { stop(); }

namespace {

template <class Runtime>
result<std::shared_ptr<Runtime>> run(const database& db, std::optional<boost::asio::any_io_executor> run_on,
                                     const node_options& options) {
    const auto made = std::make_shared<Runtime>(options);
    if (auto opened = made->open(db, std::move(run_on)); !opened) {
        made->stop();
        return std::move(opened).error();
    }
    return made;
}

}  // namespace

result<node> node::start(const database& db, const node_options& options) {
    VECSTORE_TRY(auto running, run<runtime>(db, std::nullopt, options));
    return node(std::move(running));
}

result<node> node::start(const database& db, boost::asio::any_io_executor run_on, const node_options& options) {
    VECSTORE_TRY(auto running, run<runtime>(db, std::move(run_on), options));
    return node(std::move(running));
}

result<void> node::wait_for(const read& level, std::uint32_t timeout_ms) const {
    if (!runtime_) return stopped();
    if (level.level == read::kind::eventual) return {};
    const auto until = after(timeout_ms);
    return runtime_->wait(
        [level, until](net::node_loop& loop, net::node_loop::done tell) {
            if (level.level == read::kind::strong) return loop.wait_strong(until, std::move(tell));
            loop.wait_applied(level.term, level.lsn, until, std::move(tell));
        },
        until, {errc::timed_out, "the node has not answered in time"});
}

result<node_status> node::status() const {
    if (!runtime_) return stopped();
    return runtime_->ask<node_status>(
        [running = runtime_.get()](net::node_loop& loop) -> result<node_status> { return running->status(loop); });
}

const std::string& node::listening_at() const noexcept { return runtime_->listening_at(); }

result<void> node::promote() {
    if (!runtime_) return stopped();
    return runtime_->ask<void>([](net::node_loop& loop) { return loop.promote(); });
}

result<void> node::switchover(const std::string& to) {
    if (!runtime_) return stopped();
    VECSTORE_CHECK(runtime_->ask<void>(
        [running = runtime_.get(), to](net::node_loop& loop) { return running->hand_over(loop, to); }));
    const auto until = after(switchover_ms);
    while (net::boot_time() < until) {
        VECSTORE_TRY(const auto s, status());
        if (s.role == role::follower && !s.leader.empty() && s.leader != s.name) return {};
        std::this_thread::sleep_for(switchover_step);
    }
    return error{errc::timed_out, "nobody else has taken the leadership in time"};
}

result<void> node::change_members(const std::vector<std::string>& voters, const std::vector<std::string>& learners) {
    if (!runtime_) return stopped();
    membership to;
    for (const auto& name : voters) {
        VECSTORE_TRY(const auto id, runtime_->id_of(name));
        to.voters.push_back(id);
    }
    for (const auto& name : learners) {
        VECSTORE_TRY(const auto id, runtime_->id_of(name));
        to.learners.push_back(id);
    }
    return runtime_->wait(
        [running = runtime_.get(), to](net::node_loop& loop, net::node_loop::done tell) {
            running->change_members(loop, to, std::move(tell));
        },
        after(change_ms), {errc::unknown_outcome, "the change of members is not committed in time"});
}

void node::stop() {
    if (runtime_) runtime_->stop();
}

std::string certificate_name(const std::string& cluster, const std::string& name) {
    const auto id = named_node(cluster, name);
    return id ? full_name(*id) : std::string();
}

}  // namespace vecstore::replication
