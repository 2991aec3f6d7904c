/// Hostile frames, with right checksums, from a peer that a replica knows: it must not fail, cut or lose what is committed,
/// nor commit what it does not have. The input is a list of: kind, size, body; kinds above those known are time that passes,
/// syncs that end, and what the replica itself would send.
#include <unit/replication/loopback_cluster.hpp>

#include <cstddef>
#include <cstdint>

using namespace vecstore;
using namespace vecstore::replication;

namespace {

void require(bool condition) {
    if (!condition) __builtin_trap();
}

/// A frame around bytes that are not one.
byte_vector framed(std::uint8_t type, std::uint64_t term, byte_span body) {
    byte_writer out;
    const auto begun = begin_frame(out, static_cast<frame_type>(type), term);
    out.put_bytes(body);
    end_frame(out, begun);
    return std::move(out).take();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static constexpr std::uint64_t warm_up_us = 1'500'000;
    test::loopback_cluster c(3);
    c.run(warm_up_us);
    for (int i = 0; i < 3; ++i) (void)c.write(c[1]);
    c.run(300'000);
    auto& victim = c[size > 0 && data[0] % 2 == 1 ? 1 : 2];
    const auto from = c[3].id;
    const auto committed = victim.replica->commit_lsn();
    const auto known = *victim.log.at(committed);
    byte_reader in(byte_span(reinterpret_cast<const std::byte*>(data), size));
    (void)in.get<std::uint8_t>();
    for (int steps = 0; in.remaining() >= 4 && steps < 64; ++steps) {
        const auto kind = in.get<std::uint8_t>();
        const auto term = victim.replica->promised().term + in.get<std::uint8_t>() % 4u;
        const auto body = in.get_bytes(std::min<std::size_t>(in.get<std::uint16_t>(), in.remaining()));
        if (kind >= 0xF0)
            c.run(50'000u * (1u + kind % 4u));
        else
            victim.replica->receive(c.now, from, framed(kind, term > 0 ? term - 1 : 0, body));
        require(victim.replica->role() != replica_role::failed);
        require(victim.replica->commit_lsn() >= committed && victim.replica->commit_lsn() <= victim.log.last().lsn);
        require(victim.log.last().lsn >= committed && victim.log.at(committed) == known);
    }
    return 0;
}
