/// Any text: the JSON parser gives an error or a value that prints, reads back equal, and survives the codec.
#include <vecstore/payload/codec.hpp>
#include <vecstore/payload/json.hpp>
#include <vecstore/payload/path.hpp>

#include <cstddef>
#include <cstdint>

using namespace vecstore;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    if (const auto where = payload::path::parse(text))
        if (payload::path::parse(to_string(*where)).value() != *where) __builtin_trap();
    const auto content = payload::parse_json(text);
    if (!content) return 0;
    const auto printed = payload::to_json(*content);
    const auto again = payload::parse_json(printed);
    if (!again || !(*again == *content) || payload::to_json(*again) != printed) __builtin_trap();
    if (const auto* object = content->if_object()) {
        const auto bytes = payload::encode(*object);
        if (!bytes || !(payload::decode(*bytes).value() == *object)) __builtin_trap();
    }
    return 0;
}
