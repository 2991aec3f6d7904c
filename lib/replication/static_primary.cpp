#include "static_primary.hpp"

namespace vecstore::replication {

void static_primary::ask(const coordinator_request& request) {
    coordinator_reply reply;
    reply.id = request.id;
    reply.ttl_us = never;
    switch (request.call) {
        case coordinator_call::look: break;
        case coordinator_call::campaign:
            if (request.term > led_term_) primary_ = false;  // another was promoted
            if (!primary_) break;
            held_ = true;
            led_term_ = request.term + 1;
            break;
        case coordinator_call::renew: held_ = held_ && primary_; break;
        case coordinator_call::resign: held_ = false; return;
    }
    reply.held = held_ && primary_ && request.call != coordinator_call::look;
    reply.vacant = primary_ && !reply.held;
    reply.term = led_term_;
    answers_.push_back(reply);
}

std::optional<coordinator_reply> static_primary::next_answer() {
    if (answers_.empty()) return std::nullopt;
    const auto reply = answers_.front();
    answers_.pop_front();
    return reply;
}

}  // namespace vecstore::replication
