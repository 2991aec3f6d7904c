/// What will happen in a simulated cluster, by time, and by order of birth at one time.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace vecstore::sim {

enum class event_type : std::uint8_t {
    deliver,   ///< a: message
    timer,     ///< a replica's deadline
    synced,    ///< a: id, b: records durable then
    stored,    ///< a: id
    applied,   ///< a: lsn
    asked,     ///< a: request at the coordinator
    answered,  ///< a: its reply
    client,    ///< writes and reads come
    write,     ///< one more comes, to a new leader
    admin,     ///< members that are lost are replaced
    fault,     ///< the next of the chaos
    restart,   ///< a crashed node starts
    resume,    ///< a paused node goes on
    mend,      ///< a: of the coordinator, the network
    strike,    ///< a node crashes, while something is on its way to its disk
};

struct event {
    std::uint64_t at = 0;
    std::uint64_t id = 0;
    event_type type = event_type::timer;
    std::uint8_t node = 0;
    std::uint32_t life = 0;  ///< of the node when it was made; what is of an earlier one does not happen
    std::uint64_t a = 0, b = 0;
};

class event_queue {
public:
    void push(event e) {
        e.id = next_id_++;
        heap_.push_back(e);
        std::push_heap(heap_.begin(), heap_.end(), later);
    }
    [[nodiscard]] event pop() {
        std::pop_heap(heap_.begin(), heap_.end(), later);
        const auto e = heap_.back();
        heap_.pop_back();
        return e;
    }
    [[nodiscard]] bool empty() const noexcept { return heap_.empty(); }
    [[nodiscard]] std::uint64_t next_at() const noexcept { return heap_.front().at; }

private:
    static bool later(const event& x, const event& y) noexcept { return x.at != y.at ? x.at > y.at : x.id > y.id; }
    std::vector<event> heap_;
    std::uint64_t next_id_ = 0;
};

}  // namespace vecstore::sim
