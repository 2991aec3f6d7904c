#include "node_loop.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <ctime>

namespace vecstore::replication::net {
namespace asio = boost::asio;
using boost::system::error_code;

namespace {

/// How often a node that waits for the leadership asks etcd; static_primary needs no more than the default.
constexpr time_us etcd_look_us = 300'000;
/// After the leader asked it to lead, a node asks its coordinator so often: until the old lease has been given back.
constexpr time_us hint_us[] = {20'000, 60'000, 120'000, 200'000, 300'000};

}  // namespace

time_us boot_time() {
    timespec now{};
    (void)::clock_gettime(CLOCK_BOOTTIME, &now);
    return static_cast<time_us>(now.tv_sec) * 1'000'000 + static_cast<time_us>(now.tv_nsec) / 1'000;
}

void loop_queue::post(std::function<void()> job) {
    asio::post(strand_, [self = shared_from_this(), job = std::move(job)] {
        job();
        if (self->after_) self->after_();
    });
}

node_loop::node_loop(std::shared_ptr<loop_queue> queue, const node_loop_options& options, loop_observer& observer)
    : queue_(std::move(queue)), options_(options), observer_(observer), timer_(queue_->run_on()) {}

result<std::unique_ptr<node_loop>> node_loop::make(std::shared_ptr<loop_queue> queue, const node_loop_options& options,
                                                   const node_loop_ports& ports, const replica_start& start,
                                                   loop_observer& observer) {
    std::unique_ptr<node_loop> made(new node_loop(std::move(queue), options, observer));
    VECSTORE_CHECK(made->open(ports, start));
    return made;
}

result<void> node_loop::open(const node_loop_ports& ports, const replica_start& start) {
    std::array<std::byte, 16> random{};
    VECSTORE_CHECK(fill_random(random));
    session_ = load_le<std::uint64_t>(random.data());
    seed_ = load_le<std::uint64_t>(random.data() + 8);
    log_ = &ports.log;
    VECSTORE_TRY(peers_, peers::make(queue_->run_on(), options_.peers, *this));
    if (const auto* with = std::get_if<etcd_options>(&options_.coordinator)) {
        const etcd_coordinator::identity who{options_.cluster, options_.timing.self,
                                             options_.address.empty() ? peers_->listening_at() : options_.address};
        VECSTORE_TRY(etcd_,
                     etcd_coordinator::make(queue_->run_on(), *with, who, [this](const coordinator_reply& reply) {
                         replica_->answered(boot_time(), reply);
                         settle();
                     }));
    } else {
        primary_.emplace(std::get<static_primary_options>(options_.coordinator).primary, options_.timing.self,
                         start.promised);
    }
    listener& host = ports.host != nullptr ? *ports.host : *this;
    VECSTORE_TRY(replica_, replica::open(timing(), {ports.log, ports.promises, ports.state, *this, *this, host}, start,
                                         boot_time()));
    return {};
}

replica_options node_loop::timing() const {
    auto made = options_.timing;
    made.session = session_;
    made.random_seed = seed_;
    if (etcd_) {
        made.look_us = std::min(made.look_us, etcd_look_us);
        const auto& with = std::get<etcd_options>(options_.coordinator);
        made.coordinator_timeout_us = with.request_ms * time_us{1'000} + 50'000;
        const auto ttl_us = with.ttl_s * time_us{1'000'000};
        made.renew_us = ttl_us / 5;
        made.lease_margin_us = ttl_us / 5;
    }
    return made;
}

node_loop::~node_loop() {
    *alive_ = false;
    error_code ignored;
    timer_.cancel(ignored);
    const error stopped{errc::unavailable, "replication has been stopped"};
    for (const auto& w : std::exchange(waits_, {})) w.tell(stopped);
    for (const auto* all : {&barriers_, &asked_})
        for (const auto& [id, b] : *all)
            if (b.tell) b.tell(stopped);
}

void node_loop::begin() {
    peers_->begin();
    settle();
}

void node_loop::settle() {
    if (settling_) return;
    settling_ = true;
    end_waits();
    settling_ = false;
    set_timer();
}

void node_loop::set_timer() {
    auto at = replica_->next_deadline();
    for (const auto& w : waits_) at = std::min(at, w.until);
    for (const auto& [id, b] : asked_) at = std::min(at, b.until);
    if (timer_at_ <= at) return;  // one that rings too early is set again
    timer_at_ = at;
    const auto now = boot_time();
    timer_.expires_after(std::chrono::microseconds(at > now ? at - now : 0));
    timer_.async_wait([this, alive = alive_](const error_code& cancelled) {
        if (cancelled || !*alive) return;
        timer_at_ = never;
        const auto time = boot_time();
        if (replica_->next_deadline() <= time) replica_->tick(time);
        settle();
    });
}

result<void> node_loop::promote() {
    if (!primary_) return error{errc::unsupported, "etcd decides who leads; switchover() changes it"};
    primary_->promote();
    replica_->look_soon(boot_time());
    settle();
    return {};
}

// What the replica asks for.

void node_loop::send(const node_id& to, byte_span bytes) { peers_->send(to, bytes); }

void node_loop::ask(const coordinator_request& request) {
    if (etcd_) return etcd_->ask(request);
    primary_->ask(request);
    // The replica must not be called from here.
    asio::post(queue_->run_on(), [this, alive = alive_] {
        if (*alive) deliver();
    });
}

void node_loop::deliver() {
    while (const auto answer = primary_->next_answer()) replica_->answered(boot_time(), *answer);
    settle();
}

void node_loop::happened(const event& what) {
    if (what.kind == event_kind::asked_to_lead) {
        asio::post(queue_->run_on(), [this, alive = alive_] {
            if (*alive && primary_) (void)promote();
        });
        for (const auto wait_us : hint_us) {
            const auto timer =
                std::make_shared<asio::steady_timer>(queue_->run_on(), std::chrono::microseconds(wait_us));
            timer->async_wait([this, timer, alive = alive_](const error_code& cancelled) {
                if (cancelled || !*alive || replica_->role() != replica_role::follower) return;
                replica_->look_soon(boot_time());
                settle();
            });
        }
    }
    observer_.happened(what);
}

// What the others say.

hello node_loop::own_hello() {
    hello said;
    said.cluster = options_.cluster;
    said.node = options_.timing.self;
    if (!replica_) return said;
    const auto status = replica_->status();
    said.config_epoch = replica_->members().epoch;
    said.promised_term = status.promised.term;
    said.last = status.last;
    said.commit_lsn = status.commit_lsn;
    return said;
}

void node_loop::received(const node_id& from, byte_span bytes) {
    if (!take_read(from, bytes)) replica_->receive(boot_time(), from, bytes);
    settle();
}

void node_loop::connected(const node_id& node) { observer_.connected(node, peers_->address_of(node)); }

void node_loop::disconnected(const node_id& node, const error& why) { observer_.disconnected(node, why); }

}  // namespace vecstore::replication::net
