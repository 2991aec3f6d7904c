/// How the numbers of a stored vector are kept: the type decides its bytes, its range and its rounding. Users give and
/// get f32 whatever the type.
/// Thread safety: plain values and pure functions.
#pragma once

#include <vecstore/core/result.hpp>
#include <vecstore/distance/metric.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace vecstore {

/// | type   | bytes for dim n | holds                                             | metrics                        |
/// |--------|-----------------|---------------------------------------------------|--------------------------------|
/// | f32    | 4 n             | any finite number                                 | cosine, dot, euclid, manhattan |
/// | f16    | 2 n             | up to 65,504, 11 significant bits                 | the same                       |
/// | bf16   | 2 n             | the range of f32, 8 significant bits              | the same                       |
/// | int8   | n               | integers in [-128, 127], no scaling               | the same                       |
/// | binary | n / 8           | 0 or 1, eight to a byte, the first in bit 0       | hamming                        |
/// f16 and bf16 round to nearest, ties to even. Under cosine vectors are scaled to unit length before they are rounded;
/// int8 keeps the integers as given, and each comparison divides by the length of the row.
/// The values are on disk, do not renumber.
enum class element_type : std::uint8_t { f32 = 1, f16 = 2, bf16 = 3, int8 = 4, binary = 5 };

/// The name as `parse_element_type` reads it; "unknown" for a value outside the enumeration.
[[nodiscard]] constexpr std::string_view to_string(element_type type) noexcept {
    switch (type) {
        case element_type::f32: return "f32";
        case element_type::f16: return "f16";
        case element_type::bf16: return "bf16";
        case element_type::int8: return "int8";
        case element_type::binary: return "binary";
    }
    return "unknown";
}

/// Reads what `to_string` gives, lower case.
/// Errors: invalid_argument (no such type).
[[nodiscard]] inline result<element_type> parse_element_type(std::string_view name) {
    for (const auto type :
         {element_type::f32, element_type::f16, element_type::bf16, element_type::int8, element_type::binary})
        if (to_string(type) == name) return type;
    return invalid_argument("element type \"" + std::string(name) + "\" is none of f32, f16, bf16, int8, binary");
}

/// True for a value of the enumeration.
[[nodiscard]] constexpr bool known(element_type type) noexcept {
    return type >= element_type::f32 && type <= element_type::binary;
}

/// True when vectors of this type can be compared by this metric.
[[nodiscard]] constexpr bool fits(metric m, element_type type) noexcept {
    return (m == metric::hamming) == (type == element_type::binary);
}

/// True when rows are scaled to unit length before they are stored.
[[nodiscard]] constexpr bool stored_as_unit(metric m, element_type type) noexcept {
    return m == metric::cosine && type != element_type::int8;
}

/// Bytes of a row without padding.
[[nodiscard]] constexpr std::size_t row_bytes(element_type type, std::size_t dim) noexcept {
    switch (type) {
        case element_type::f32: return 4 * dim;
        case element_type::f16:
        case element_type::bf16: return 2 * dim;
        case element_type::int8: return dim;
        case element_type::binary: return (dim + 7) / 8;
    }
    return 4 * dim;
}

/// Bytes from one row to the next, such that rows cross as few cache lines as their size allows: a power of two below
/// 64, whole lines from there on.
[[nodiscard]] constexpr std::size_t row_stride(element_type type, std::size_t dim) noexcept {
    const auto bytes = row_bytes(type, dim);
    if (bytes > 32) return (bytes + 63) / 64 * 64;
    std::size_t stride = 4;
    while (stride < bytes) stride *= 2;
    return stride;
}

namespace distance {

/// A number of two bytes as it lies in a row, wherever that begins.
struct f16_value {
    unsigned char bytes[2];
};
struct bf16_value {
    unsigned char bytes[2];
};

}  // namespace distance

}  // namespace vecstore
