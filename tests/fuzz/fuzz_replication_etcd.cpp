/// Hostile answers of a coordinator: a value, or an error; base64 that was read is written again as it was.
#include <replication/net/etcd_reply.hpp>

#include <cstddef>
#include <cstdint>

using namespace vecstore;
using namespace vecstore::replication::net;

namespace {

void require(bool condition) {
    if (!condition) __builtin_trap();
}

template <class Value>
void check(const result<Value>& parsed) {
    require(parsed || parsed.error().code == errc::corruption || parsed.error().code == errc::unavailable);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 1) return 0;
    const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
    const http_reply reply{data[0] % 4 == 3 ? 503u : 200u, text};
    check(parse_lease(reply));
    check(parse_transaction(reply));
    check(parse_token(reply));
    (void)wants_token(reply);
    if (const auto leader = parse_leader(text)) {
        const auto again = parse_leader(encode_leader(*leader));
        require(again && again->session == leader->session && again->term == leader->term);
    }
    if (const auto bytes = from_base64(text)) require(from_base64(to_base64(*bytes)) == *bytes);
    return 0;
}
