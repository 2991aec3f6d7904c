/// Any text: no path, or one that prints as a text which parses to the same, reaches what is there, and edits without
/// leaving the object.
#include <vecstore/payload/codec.hpp>
#include <vecstore/payload/path.hpp>

#include <cstddef>
#include <cstdint>

using namespace vecstore;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto parsed = payload::path::parse({reinterpret_cast<const char*>(data), size});
    if (!parsed) return 0;
    const auto again = payload::path::parse(to_string(*parsed));
    if (!again || !(*again == *parsed)) __builtin_trap();
    static const payload::document content{{"a", payload::value::array{1, {{"b", 2}}, payload::value::array{3}}},
                                           {"b", {{"c", "x"}, {"a", payload::value::array{}}}},
                                           {"n", nullptr}};
    static const auto bytes = payload::encode(content).value();
    std::size_t reached = 0;
    (void)parsed->any_of(payload::view::trusted(bytes), [&](payload::view) { return ++reached > 100; });
    auto edited = content;
    payload::set(edited, *parsed, {{"new", true}});
    if (!payload::encode(edited)) return 0;  // deeper than a payload may be
    auto erased = content;
    const bool changed = payload::erase(erased, *parsed);
    if (changed == (erased == content)) __builtin_trap();
    return 0;
}
