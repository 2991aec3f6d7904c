/// Any bytes: the decoder gives an error or a document that encodes to the same bytes; views read it without a slip.
#include <vecstore/payload/codec.hpp>
#include <vecstore/payload/json.hpp>
#include <vecstore/payload/view.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>

using namespace vecstore;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const byte_span bytes(reinterpret_cast<const std::byte*>(data), size);
    const auto root = payload::view::open(bytes);
    const auto content = payload::decode(bytes);
    if (root.has_value() != content.has_value()) __builtin_trap();
    if (!root) return content.error().code == errc::corruption ? 0 : (__builtin_trap(), 0);
    if (size > 0) {
        const auto again = payload::encode(*content);
        if (!again || !std::equal(again->begin(), again->end(), bytes.begin(), bytes.end())) __builtin_trap();
    }
    for (const auto& [key, inner] : root->members())
        if (!root->find(key) || !(inner.to_value() == (*content)[key])) __builtin_trap();
    const auto text = payload::to_json(*root);
    if (!(payload::parse_document(text).value() == *content)) __builtin_trap();
    return 0;
}
