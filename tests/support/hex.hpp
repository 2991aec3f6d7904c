/// Bytes as text, for golden tests.
#pragma once

#include <vecstore/core/bytes.hpp>

#include <string>

namespace vecstore::test {

inline std::string hex(byte_span bytes) {
    constexpr char digits[] = "0123456789abcdef";
    std::string out;
    for (const auto byte : bytes) {
        out += digits[static_cast<unsigned>(byte) >> 4];
        out += digits[static_cast<unsigned>(byte) & 15];
    }
    return out;
}

}  // namespace vecstore::test
