/// Any text: the filter parser gives an error or a filter that validates, prints, reads back, and can be asked.
#include <vecstore/filter/evaluate.hpp>
#include <vecstore/filter/json.hpp>
#include <vecstore/payload/codec.hpp>

#include <cstddef>
#include <cstdint>

using namespace vecstore;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto parsed = filter::parse_json({reinterpret_cast<const char*>(data), size});
    if (!parsed) return 0;
    if (!filter::validate(*parsed)) __builtin_trap();
    const auto printed = filter::to_json(*parsed);
    const auto again = filter::parse_json(printed);
    if (!again || filter::to_json(*again) != printed) __builtin_trap();
    static const auto content = payload::encode({{"a", payload::value::array{1, "x", nullptr, 2.5}},
                                                 {"b", {{"c", "x"}, {"d", payload::value::array{}}}},
                                                 {"n", nullptr}})
                                    .value();
    const auto ready = filter::compiled::compile(*parsed).value();
    const auto same = filter::compiled::compile(*again).value();
    for (const std::uint64_t id : {1u, 7u})
        for (const auto v : {payload::view(), payload::view::trusted(content)})
            if (ready(id, v) != same(id, v)) __builtin_trap();
    return 0;
}
