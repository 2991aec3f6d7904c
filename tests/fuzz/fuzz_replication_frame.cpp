/// Hostile bytes on a connection, fed in two pieces: frames or an error, never more memory than the limit; a frame whose
/// checksum is right decodes to a message that encodes to the same bytes, or to an error. The first byte also chooses a
/// body that gets a right header, so that decoding is reached.
#include <replication/handshake.hpp>
#include <replication/message.hpp>
#include <replication/seed_message.hpp>

#include <cstddef>
#include <cstdint>

using namespace vecstore;
using namespace vecstore::replication;

namespace {

void require(bool condition) {
    if (!condition) __builtin_trap();
}

void check_seed_frame(const frame& f) {
    const auto m = decode_seed(f);
    if (!m) return require(m.error().code == errc::corruption || m.error().code == errc::unsupported);
    byte_writer again;
    encode(*m, again);
    const auto same = parse_frame(again.bytes());
    require(same.has_value() && same->type == f.type && as_text(same->body) == as_text(f.body));
}

void check_frame(const frame& f) {
    if (is_seed_frame(f.type)) return check_seed_frame(f);
    const auto m = decode(f);
    if (!m) {
        require(m.error().code == errc::corruption || m.error().code == errc::unsupported);
        return;
    }
    byte_writer again;
    encode(*m, f.term, again);
    const auto same = parse_frame(again.bytes());
    require(same.has_value() && same->type == f.type && same->term == f.term);
    require(as_text(same->body) == as_text(f.body));
    if (const auto* theirs = std::get_if<hello>(&*m)) (void)judge(hello{}, *theirs);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    const byte_span input(reinterpret_cast<const std::byte*>(data) + 1, size - 1);
    if (data[0] % 2 == 1) {
        frame f;
        f.type = data[1];
        f.body = input.subspan(1);
        check_frame(f);
        return 0;
    }
    frame_reader reader;
    const auto half = input.size() / (1u + data[0] / 2 % 8);
    for (const auto piece : {input.first(half), input.subspan(half)}) {
        reader.feed(piece);
        for (;;) {
            const auto found = reader.next();
            if (!found) return 0;
            if (!*found) break;
            require((*found)->body.size() <= frame_body_bytes_before_auth);
            check_frame(**found);
        }
    }
    return 0;
}
