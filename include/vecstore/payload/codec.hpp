/// Binary form of a payload: self-describing, canonical for a given member order, and navigable in place (view.hpp).
/// The values below are on disk, do not renumber. All numbers are little-endian.
///
///   buffer  = version u8 (1), node of kind object
///   node    = tag u8 (the number of payload::kind), then
///     null    nothing
///     boolean u8 (0 or 1)
///     int64   i64
///     float64 f64, finite
///     string  length u32, UTF-8 bytes
///     array   body_bytes u32, count u32, count nodes
///     object  body_bytes u32, count u32, count times (key length u32, UTF-8 bytes, node); keys are unique
///   body_bytes counts what follows it, so that any node is stepped over in O(1).
///
/// Example: {"a": 1} is 01 | 06 12000000 01000000 | 01000000 61 | 02 0100000000000000.
/// No bytes at all decode as the empty document; `encode` never writes that.
/// Thread safety: free functions without state.
#pragma once

#include <vecstore/core/bytes.hpp>
#include <vecstore/core/result.hpp>
#include <vecstore/payload/value.hpp>

namespace vecstore::payload {

inline constexpr std::uint8_t codec_version = 1;

/// Errors: invalid_argument naming the path inside the payload (deeper than payload_depth_max, a number that is not
/// finite, a string or key that is not UTF-8), or the size (above payload_bytes_max).
/// Cost: one pass; the buffer is the result.
[[nodiscard]] result<byte_vector> encode(const document& content);

/// Errors: corruption, as `view::open`.
[[nodiscard]] result<document> decode(byte_span encoded);

}  // namespace vecstore::payload
