/// UTF-8 check shared by the codec's writer and reader, so that both mean the same by it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace vecstore::payload::detail {

/// Well-formed by table 3-7 of the Unicode standard: no overlong forms, no surrogates, nothing above U+10FFFF.
[[nodiscard]] inline bool is_utf8(std::string_view text) noexcept {
    const auto* at = reinterpret_cast<const unsigned char*>(text.data());
    const auto* const end = at + text.size();
    while (at != end) {
        if (end - at >= 8) {
            std::uint64_t eight;
            std::memcpy(&eight, at, 8);
            if ((eight & 0x8080'8080'8080'8080u) == 0) {
                at += 8;
                continue;
            }
        }
        const unsigned lead = *at++;
        if (lead < 0x80) continue;
        const std::ptrdiff_t more = lead >= 0xC2 && lead <= 0xDF   ? 1
                                    : lead >= 0xE0 && lead <= 0xEF ? 2
                                    : lead >= 0xF0 && lead <= 0xF4 ? 3
                                                                   : 0;
        if (more == 0 || end - at < more) return false;
        // Only the first continuation byte has a range that depends on the lead.
        const unsigned low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
        const unsigned high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
        if (*at < low || *at > high) return false;
        for (std::ptrdiff_t i = 1; i < more; ++i)
            if ((at[i] & 0xC0) != 0x80) return false;
        at += more;
    }
    return true;
}

}  // namespace vecstore::payload::detail
