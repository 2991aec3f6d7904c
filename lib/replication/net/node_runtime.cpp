#include "node_runtime.hpp"

#include <database/database_state.hpp>
#include <openssl/evp.h>

#include <algorithm>
#include <array>

namespace vecstore::replication {
namespace {

constexpr std::size_t marks_max = 4'096;
constexpr time_us mark_pause_us = 5'000;

/// The first 16 bytes of a hash: the same name gives the same id on every node.
result<node_id> hashed(const std::string& text) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> whole{};
    unsigned length = 0;
    node_id id{};
    if (EVP_Digest(text.data(), text.size(), whole.data(), &length, EVP_sha256(), nullptr) != 1 || length < id.size())
        return error{errc::internal, "SHA-256 failed"};
    std::transform(whole.begin(), whole.begin() + id.size(), id.begin(),
                   [](unsigned char byte) { return static_cast<std::byte>(byte); });
    return id;
}

node_event::kind kind_of(event_kind kind) noexcept {
    switch (kind) {
        case event_kind::leading: return node_event::kind::leading;
        case event_kind::following: return node_event::kind::following;
        case event_kind::diverged: return node_event::kind::diverged;
        case event_kind::state_differs: return node_event::kind::state_differs;
        case event_kind::needs_snapshot: return node_event::kind::needs_snapshot;
        case event_kind::copy_ready: return node_event::kind::copy_ready;
        case event_kind::asked_to_lead: return node_event::kind::asked_to_lead;
        case event_kind::failed: break;
    }
    return node_event::kind::failed;
}

}  // namespace

result<node_id> cluster_id(const std::string& cluster) { return hashed("vecstore cluster 1\n" + cluster); }

result<node_id> named_node(const std::string& cluster, const std::string& name) {
    return hashed("vecstore node 1\n" + std::to_string(cluster.size()) + "\n" + cluster + name);
}

void name_table::add(const node_id& node, const std::string& name) {
    const lock_guard lock(mutex_);
    names_[node] = name;
}

void name_table::found_at(const node_id& node, const std::string& address) {
    const lock_guard lock(mutex_);
    addresses_[node] = address;
}

std::string name_table::name_of(const node_id& node) const {
    const lock_guard lock(mutex_);
    const auto found = names_.find(node);
    return found == names_.end() ? short_name(node) : found->second;
}

std::string name_table::address_of(const node_id& node) const {
    const lock_guard lock(mutex_);
    const auto found = addresses_.find(node);
    return found == addresses_.end() ? std::string() : found->second;
}

std::string name_table::place_of(const node_id& node) const {
    auto address = address_of(node);
    return address.empty() ? name_of(node) : address;
}

void lag_clock::wrote(std::uint64_t last_lsn, time_us now) {
    if (!marks_.empty() && marks_.back().first >= last_lsn) return;
    if (!marks_.empty() && now < marks_.back().second + mark_pause_us) {
        marks_.back().first = last_lsn;
        return;
    }
    marks_.emplace_back(last_lsn, now);
    if (marks_.size() > marks_max) marks_.pop_front();
}

std::uint64_t lag_clock::lag_ms(std::uint64_t applied_lsn, time_us now) const {
    const auto first = std::find_if(marks_.begin(), marks_.end(), [&](const auto& m) { return m.first > applied_lsn; });
    return first == marks_.end() || now < first->second ? 0 : (now - first->second) / 1'000;
}

node::runtime::runtime(const node_options& options) : options_(options) {}

node::runtime::~runtime() {
    if (thread_.joinable()) thread_.detach();  // the last to let go was that thread itself
}

result<replica_identity> node::runtime::make_identity() {
    if (options_.cluster.empty()) return invalid_argument("cluster: is empty");
    if (options_.commit_timeout_ms == 0) return invalid_argument("commit_timeout_ms: is 0");
    if (options_.address.empty()) options_.address = options_.listen;
    if (options_.name.empty()) options_.name = options_.address;
    auto members = options_.members;
    if (members.empty()) {
        members = options_.peers;
        if (std::find(members.begin(), members.end(), options_.name) == members.end()) members.push_back(options_.name);
    }
    replica_identity identity;
    VECSTORE_TRY(identity.cluster, cluster_id(options_.cluster));
    VECSTORE_TRY(identity.node, id_of(options_.name));
    for (std::size_t i = 0; i < members.size(); ++i) {
        VECSTORE_TRY(const auto id, id_of(members[i]));
        const auto& voters = identity.first_members.voters;
        if (std::find(voters.begin(), voters.end(), id) != voters.end())
            return invalid_argument("members[" + std::to_string(i) + "]: '" + members[i] + "' is there twice");
        identity.first_members.voters.push_back(id);
        if (options_.members.empty()) names_.found_at(id, members[i]);
    }
    std::sort(identity.first_members.voters.begin(), identity.first_members.voters.end());
    if (identity.first_members.voters.size() > voters_max)
        return invalid_argument("members: are " + std::to_string(members.size()) + ", at most " +
                                std::to_string(voters_max) + " may vote");
    names_.found_at(identity.node, options_.address);
    return identity;
}

result<node_id> node::runtime::id_of(const std::string& name) {
    VECSTORE_TRY(const auto id, named_node(options_.cluster, name));
    names_.add(id, name);
    return id;
}

net::node_loop_options node::runtime::loop_options(const node_id& self, const node_id& cluster) const {
    net::node_loop_options made;
    made.cluster = cluster;
    made.address = options_.address;
    made.timing.self = self;
    made.peers.listen = options_.listen;
    made.peers.addresses = options_.peers;
    made.peers.security = options_.security;
    made.coordinator = options_.coordinator;
    return made;
}

result<void> node::runtime::open(const database& db, std::optional<boost::asio::any_io_executor> run_on) {
    VECSTORE_TRY(const auto identity, make_identity());
    const auto& state = detail::database_access::state_of(db);
    if (!state->is_member() && !options_.first_start)
        return error{
            errc::not_found,
            "the database is no member of a cluster: with `first_start` it becomes one, which must not be used to "
            "replace a directory that was lost",
            state->directory(), 0};
    if (!run_on) {
        context_ = std::make_unique<boost::asio::io_context>(1);
        work_.emplace(context_->get_executor());
        run_on = context_->get_executor();
    }
    queue_ = std::make_shared<net::loop_queue>(*run_on);
    database_log_options with;
    with.post = [queue = queue_](std::function<void()> job) { queue->post(std::move(job)); };
    with.commit_timeout_ms = options_.commit_timeout_ms;
    with.name_of = [weak = weak_from_this()](const node_id& node) {
        const auto self = weak.lock();
        return self ? self->names_.place_of(node) : short_name(node);
    };
    with.host = &said_;
    VECSTORE_TRY(log_, database_log::open(db, identity, with));
    self_ = log_->identity().node;
    if (self_ != identity.node)
        return invalid_argument("name: the database is a member by another name than '" + options_.name + "'");
    VECSTORE_TRY(const auto found, log_->start());
    net::loop_observer& observer = *this;
    VECSTORE_TRY(loop_, net::node_loop::make(queue_, loop_options(self_, identity.cluster),
                                             {*log_, *log_, *log_, log_.get()}, found, observer));
    listening_at_ = loop_->peers().listening_at();
    queue_->post([self = shared_from_this()] { self->begin(); });
    if (context_) {
        try {
            thread_ = std::thread([context = context_.get()] { context->run(); });
        } catch (const std::system_error& e) {
            return error{errc::resource_exhausted, std::string("no thread for the node: ") + e.what()};
        }
    }
    return {};
}

void node::runtime::begin() {
    if (!loop_) return;
    said_.loop = loop_.get();
    log_->attach(loop_->replica(), net::boot_time);
    queue_->set_after([this] {
        if (!loop_) return;
        if (loop_->replica().role() == replica_role::leader) lag_.wrote(log_->last().lsn, net::boot_time());
        loop_->settle();
    });
    loop_->begin();
}

/// On the loop's thread, if that has begun.
void node::runtime::end() {
    queue_->set_after(nullptr);
    if (log_) log_->detach();
    said_.loop = nullptr;
    for (const auto& [ticket, tell] : std::exchange(changes_, {}))
        tell(error{errc::unknown_outcome, "replication has been stopped"});
    loop_.reset();
}

void node::runtime::stop() {
    {
        const lock_guard lock(mutex_);
        if (std::exchange(stopped_, true)) return;
    }
    if (!queue_) return;
    constexpr std::chrono::seconds patience{30};
    const auto done = std::make_shared<std::promise<void>>();
    auto ended = done->get_future();
    queue_->post([self = shared_from_this(), done] {
        self->end();
        done->set_value();
    });
    if (context_ && !thread_.joinable())  // it never ran
        (void)context_->poll();
    (void)ended.wait_for(patience);  // where the host's executor does not run any more, it is all left as it is
    work_.reset();
    if (thread_.joinable()) thread_.join();
}

void node::runtime::finished(const write_outcome& outcome) {
    if (changing_) return early_.push_back(outcome);
    const auto found = changes_.find(outcome.ticket);
    if (found == changes_.end()) return;
    const auto tell = std::move(found->second);
    changes_.erase(found);
    if (outcome.done) return tell({});
    tell(error{errc::unknown_outcome, "the leadership ended; whether the change is committed is not known"});
}

void node::runtime::happened(const event& what) {
    if (what.kind == event_kind::leading || what.kind == event_kind::following) lag_.clear();
    node_event told{kind_of(what.kind), what.term, what.lsn, what.count};
    if (what.peer != node_id{}) told.peer = names_.name_of(what.peer);
    tell(told);
}

void node::runtime::connected(const node_id& peer, const std::optional<std::string>& address) {
    if (address) names_.found_at(peer, *address);
    tell({node_event::kind::connected, 0, 0, 0, names_.name_of(peer)});
}

void node::runtime::disconnected(const node_id& peer, const error& why) {
    tell({node_event::kind::disconnected, 0, 0, 0, names_.name_of(peer), why.message});
}

error node::runtime::not_leader(net::node_loop& loop) const {
    const auto leader = loop.replica().status().leader;
    return {errc::not_leader, leader ? "not the leader: that is " + names_.place_of(*leader)
                                     : std::string("not the leader, and none is known")};
}

void node::runtime::change_members(net::node_loop& loop, const membership& to, net::node_loop::done tell_end) {
    if (loop.replica().role() != replica_role::leader) return tell_end(not_leader(loop));
    changing_ = true;
    const auto ticket = loop.replica().change_membership(net::boot_time(), to);
    changing_ = false;
    if (!ticket) return tell_end(ticket.error());
    changes_.emplace(*ticket, std::move(tell_end));
    for (const auto& outcome : std::exchange(early_, {})) finished(outcome);
    loop.settle();
}

}  // namespace vecstore::replication
