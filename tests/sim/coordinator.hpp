/// The lease store of a simulated cluster: linearizable, unless it is told to lie.
#pragma once

#include <replication/ports.hpp>

#include <algorithm>
#include <optional>

namespace vecstore::sim {

class sim_coordinator {
public:
    static constexpr std::uint64_t ttl_us = 2'000'000;

    /// While it lies it gives the lease away that somebody holds, and terms that it has given before.
    bool lies = false;
    void forget_terms() noexcept { term_ = 0; }

    [[nodiscard]] replication::coordinator_reply answer(std::uint64_t now,
                                                        const replication::coordinator_request& ask) {
        using replication::coordinator_call;
        if (holder_ && now >= until_) holder_.reset();
        replication::coordinator_reply reply;
        reply.id = ask.id;
        reply.ttl_us = ttl_us;
        const bool own = holder_ == ask.session;
        switch (ask.call) {
            case coordinator_call::look: break;
            case coordinator_call::campaign:
                if (own || (holder_ && !lies)) break;
                holder_ = ask.session;
                term_ = (lies ? ask.term : std::max(term_, ask.term)) + 1;
                held_term_ = term_;
                until_ = now + ttl_us;
                break;
            case coordinator_call::renew:
                if (own) until_ = now + ttl_us;
                if (!own && lies) {  // the one who was robbed goes on
                    reply.held = true;
                    reply.term = ask.term;
                    return reply;
                }
                break;
            case coordinator_call::resign:
                if (own && held_term_ == ask.term) holder_.reset();
                break;
        }
        reply.held = holder_ == ask.session;
        reply.vacant = !holder_ || (lies && !reply.held);
        reply.term = held_term_;
        return reply;
    }

private:
    std::optional<std::uint64_t> holder_;
    std::uint64_t until_ = 0;
    std::uint64_t term_ = 0, held_term_ = 0;
};

}  // namespace vecstore::sim
