#include "membership.hpp"

#include "seeded_fault.hpp"

#include <algorithm>

namespace vecstore::replication {
namespace {

bool contains(const std::vector<node_id>& ids, const node_id& id) noexcept {
    return std::find(ids.begin(), ids.end(), id) != ids.end();
}

result<void> check(const membership& members) {
    if (members.voters.empty()) return invalid_argument("membership.voters: nobody votes");
    if (members.voters.size() > voters_max)
        return invalid_argument("membership.voters: " + std::to_string(members.voters.size()) + " are more than " +
                                std::to_string(voters_max));
    if (members.learners.size() > learners_max)
        return invalid_argument("membership.learners: " + std::to_string(members.learners.size()) + " are more than " +
                                std::to_string(learners_max));
    auto all = members.voters;
    all.insert(all.end(), members.learners.begin(), members.learners.end());
    std::sort(all.begin(), all.end());
    if (const auto twice = std::adjacent_find(all.begin(), all.end()); twice != all.end())
        return invalid_argument("membership: node " + short_name(*twice) + " is named twice");
    return {};
}

}  // namespace

bool membership::is_voter(const node_id& id) const noexcept { return contains(voters, id); }
bool membership::is_learner(const node_id& id) const noexcept { return contains(learners, id); }

bool membership::majority(const std::function<bool(const node_id&)>& counts) const {
    auto missing = voters.size() / 2 + 1;
    if (VECSTORE_SEEDED(half_is_majority)) missing = std::max<std::size_t>(voters.size() / 2, 1);
    if (VECSTORE_SEEDED(learners_vote))
        for (const auto& id : learners)
            if (missing > 0 && counts(id)) --missing;
    for (const auto& id : voters) {
        if (missing == 0) break;
        if (counts(id)) --missing;
    }
    return missing == 0;
}

std::uint64_t membership::reached(const std::function<std::uint64_t(const node_id&)>& value) const {
    std::array<std::uint64_t, voters_max + learners_max> values{};
    std::size_t count = 0;
    for (const auto& id : voters) values[count++] = value(id);
    if (VECSTORE_SEEDED(learners_vote))
        for (const auto& id : learners) values[count++] = value(id);
    std::sort(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(count), std::greater<>());
    if (VECSTORE_SEEDED(minority_commits)) return values[(voters.size() - 1) / 2 / 2];
    return values[voters.size() / 2];
}

byte_vector encode_membership(const membership& members) {
    byte_writer out;
    out.put(members.epoch);
    out.put(static_cast<std::uint16_t>(members.voters.size()));
    out.put(static_cast<std::uint16_t>(members.learners.size()));
    for (const auto& id : members.voters) put(out, id);
    for (const auto& id : members.learners) put(out, id);
    return std::move(out).take();
}

result<membership> decode_membership(byte_span payload) {
    byte_reader in(payload);
    membership members;
    members.epoch = in.get<std::uint64_t>();
    const std::size_t voters = in.get<std::uint16_t>();
    const std::size_t learners = in.get<std::uint16_t>();
    if (in.remaining() != (voters + learners) * sizeof(node_id))
        return error{errc::corruption, "config record: its length is not what it says"};
    for (std::size_t i = 0; i < voters; ++i) members.voters.push_back(get_node_id(in));
    for (std::size_t i = 0; i < learners; ++i) members.learners.push_back(get_node_id(in));
    if (auto checked = check(members); !checked)
        return error{errc::corruption, "config record: " + checked.error().message};
    return members;
}

result<void> check_change(const membership& from, const membership& to) {
    VECSTORE_CHECK(check(to));
    std::size_t differ = 0;
    for (const auto& id : from.voters) differ += to.is_voter(id) ? 0u : 1u;
    for (const auto& id : to.voters) {
        if (from.is_voter(id)) continue;
        ++differ;
        if (!from.is_learner(id))
            return invalid_argument("membership.voters: node " + short_name(id) + " is not a learner yet");
    }
    if (differ > 1) return invalid_argument("membership.voters: one can change at a time");
    return {};
}

}  // namespace vecstore::replication
